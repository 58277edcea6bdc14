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

        if (p && packed_wake(p) < first)
            first = packed_wake(p);
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

static int64_t first_of(const struct fleet *f, size_t from, size_t to)
{
    int64_t first = INT64_MAX;

    for (size_t b = from; b <= to; b++)
        if (f->rest->block_wakes[b] < first)
            first = f->rest->block_wakes[b];
    return first;
}

/* What is in a block now was in it, or in those so far before it. */
void fleet_shift_wakes(struct fleet *f, size_t n)
{
    size_t by = (n + FLEET_BLOCK - 1) / FLEET_BLOCK;

    for (size_t b = f->rest->n_blocks; b > 0; b--)
        f->rest->block_wakes[b - 1] = first_of(f, b - 1 > by ? b - 1 - by : 0, b - 1);
}

/* Those of a block, up to `most`. Returns how many. */
static size_t wake_block(struct fleet *f, size_t block, int64_t now_ms, size_t most)
{
    size_t n = 0;

    for (size_t i = block * FLEET_BLOCK;
         n < most && i < f->n_databases && i < (block + 1) * FLEET_BLOCK; i++) {
        const struct packed *p = fleet_packed(f->databases[i]);
        struct database *d;

        if (!p || packed_wake(p) > now_ms)
            continue;
        n++;
        d = fleet_rouse(f, i);
        if (d && d->rest.stands_until_ms <= now_ms)
            d->rest.flags &= ~(unsigned)PACKED_STEADY;
    }
    return n;
}

void fleet_wake(struct fleet *f, int64_t now_ms, size_t most)
{
    for (size_t b = 0; most && b < f->rest->n_blocks; b++) {
        if (f->rest->block_wakes[b] > now_ms)
            continue;
        most -= wake_block(f, b, now_ms, most);
        if (most) /* else it may have others */
            reckon(f, b);
    }
}

int64_t fleet_next_wake(const struct fleet *f)
{
    return f->rest->n_blocks ? first_of(f, 0, f->rest->n_blocks - 1) : INT64_MAX;
}
