/* fleet_wake: when what is packed is due, by blocks of records, and who is opened for it. */
#include "core/fleet_private.h"
#include "core/fleet_rest.h"
#include "lib/mem.h"

static void reckon(const struct fleet *f, size_t block)
{
    size_t end =
        (block + 1) * FLEET_BLOCK < f->n_databases ? (block + 1) * FLEET_BLOCK : f->n_databases;
    int64_t first = INT64_MAX;

    for (size_t i = block * FLEET_BLOCK; i < end; i++) {
        const struct packed *p = fleet_packed(f->databases[i]);

        if (p && p->wake_ms < first)
            first = p->wake_ms;
    }
    f->rest->block_wakes[block] = first;
}

bool fleet_count_blocks(struct fleet *f)
{
    struct fleet_rest *rest = f->rest;
    size_t n = (f->n_databases + FLEET_BLOCK - 1) / FLEET_BLOCK;

    if (!mem_grow(&rest->block_wakes, &rest->blocks_capacity, n, sizeof(*rest->block_wakes)))
        return false;
    for (; rest->n_blocks < n; rest->n_blocks++)
        rest->block_wakes[rest->n_blocks] = INT64_MAX;
    rest->n_blocks = n;
    return true;
}

void fleet_reckon_wakes(struct fleet *f)
{
    for (size_t i = 0; i < f->rest->n_blocks; i++)
        reckon(f, i);
}

void fleet_wake(struct fleet *f, int64_t now_ms)
{
    for (size_t b = 0; b < f->rest->n_blocks; b++) {
        if (f->rest->block_wakes[b] > now_ms)
            continue;
        for (size_t i = b * FLEET_BLOCK; i < f->n_databases && i < (b + 1) * FLEET_BLOCK; i++) {
            const struct packed *p = fleet_packed(f->databases[i]);
            struct database *d = p && p->wake_ms <= now_ms ? fleet_rouse(f, i) : NULL;

            if (d && d->rest.stands_until_ms <= now_ms)
                d->rest.flags &= ~(unsigned)PACKED_STEADY;
        }
        reckon(f, b);
    }
}

int64_t fleet_next_wake(const struct fleet *f)
{
    int64_t first = INT64_MAX;

    for (size_t b = 0; b < f->rest->n_blocks; b++)
        if (f->rest->block_wakes[b] < first)
            first = f->rest->block_wakes[b];
    return first;
}
