#include "core/row_index.h"

#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"

#define ROW_DEAD    UINT32_MAX
#define SLOTS_FIRST 64

uint32_t row_hash(const char *a, const char *b, const char *c)
{
    uint64_t h = text_mix(TEXT_HASH_INIT, a, strlen(a));

    h = text_mix(h, b, strlen(b));
    h = text_mix(h, c, strlen(c));
    return (uint32_t)h; /* its upper half is folded into it already */
}

static struct row_slot *slot_of(const struct row_index *ix, uint32_t hash, size_t step)
{
    return &ix->slots[(hash + step) & (ix->n_slots - 1)];
}

static void put(struct row_index *ix, struct row_slot one)
{
    size_t step = 0;

    while (slot_of(ix, one.hash, step)->at)
        step++;
    *slot_of(ix, one.hash, step) = one;
    ix->n_used++;
}

/* Twice the room, or what the removed ones took. */
static bool grow(struct row_index *ix)
{
    struct row_index next = {.n_slots = SLOTS_FIRST};
    size_t live = 0;

    for (size_t i = 0; i < ix->n_slots; i++)
        live += ix->slots[i].at && ix->slots[i].at != ROW_DEAD;
    while (next.n_slots < 4 * live)
        next.n_slots *= 2;
    next.slots = mem_alloc(next.n_slots * sizeof(*next.slots));
    if (!next.slots)
        return false;
    for (size_t i = 0; i < ix->n_slots; i++)
        if (ix->slots[i].at && ix->slots[i].at != ROW_DEAD)
            put(&next, ix->slots[i]);
    mem_free(ix->slots);
    *ix = next;
    return true;
}

bool row_index_add(struct row_index *ix, uint32_t hash, size_t at)
{
    if (at >= ROW_DEAD - 1 || (2 * (ix->n_used + 1) > ix->n_slots && !grow(ix)))
        return false;
    put(ix, (struct row_slot){hash, (uint32_t)at + 1});
    return true;
}

size_t row_index_find(const struct row_index *ix, uint32_t hash,
                      bool (*is)(const void *arg, size_t at), const void *arg)
{
    for (size_t step = 0; step < ix->n_slots && slot_of(ix, hash, step)->at; step++) {
        const struct row_slot *s = slot_of(ix, hash, step);

        if (s->hash == hash && s->at != ROW_DEAD && is(arg, s->at - 1))
            return s->at - 1;
    }
    return ROW_NONE;
}

static struct row_slot *find_position(struct row_index *ix, uint32_t hash, size_t at)
{
    size_t step = 0;

    while (slot_of(ix, hash, step)->at != (uint32_t)at + 1)
        step++;
    return slot_of(ix, hash, step);
}

void row_index_remove(struct row_index *ix, uint32_t hash, size_t at)
{
    find_position(ix, hash, at)->at = ROW_DEAD;
}

void row_index_move(struct row_index *ix, uint32_t hash, size_t from, size_t to)
{
    find_position(ix, hash, from)->at = (uint32_t)to + 1;
}

void row_index_clear(struct row_index *ix)
{
    if (ix->n_slots)
        memset(ix->slots, 0, ix->n_slots * sizeof(*ix->slots));
    ix->n_used = 0;
}

void row_index_deinit(struct row_index *ix)
{
    mem_free(ix->slots);
    *ix = (struct row_index){0};
}
