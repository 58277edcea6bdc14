#include "lib/hash_set.h"

#include "lib/mem.h"

#define ROOM_MIN 64

/* What hashes of like texts have in common is spread, and the upper half of that is scaled to the
 * number of slots. */
static size_t first_slot(size_t n_slots, uint64_t hash)
{
    uint64_t spread = (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)((spread >> 32) * n_slots >> 32);
}

/* One that is nothing else's, or is free. */
static uint64_t *slot_of(uint64_t *slots, size_t n_slots, uint64_t hash)
{
    size_t i = first_slot(n_slots, hash);

    while (slots[i] && slots[i] != hash)
        i = i + 1 == n_slots ? 0 : i + 1;
    return &slots[i];
}

/* 0 is what is free. */
static uint64_t as_kept(uint64_t hash)
{
    return hash ? hash : 1;
}

/* A third stays free. */
static size_t slots_for(size_t n)
{
    return n + n / 2 + 1;
}

bool hash_set_reserve(struct hash_set *s, size_t n)
{
    size_t n_slots = slots_for(n < ROOM_MIN ? ROOM_MIN : n);
    uint64_t *slots;

    if (n_slots <= s->n_slots)
        return true;
    if (n_slots > UINT32_MAX)
        return false;
    slots = mem_alloc(n_slots * sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i])
            *slot_of(slots, n_slots, s->slots[i]) = s->slots[i];
    mem_free(s->slots);
    s->slots = slots;
    s->n_slots = n_slots;
    return true;
}

bool hash_set_add(struct hash_set *s, uint64_t hash, bool *had)
{
    uint64_t *slot;

    if (slots_for(s->n + 1) > s->n_slots && !hash_set_reserve(s, 2 * s->n))
        return false;
    slot = slot_of(s->slots, s->n_slots, as_kept(hash));
    *had = *slot != 0;
    s->n += !*had;
    *slot = as_kept(hash);
    return true;
}

void hash_set_fetch(const struct hash_set *s, uint64_t hash)
{
    if (s->n_slots)
        __builtin_prefetch(&s->slots[first_slot(s->n_slots, as_kept(hash))], 1);
}

bool hash_set_has(const struct hash_set *s, uint64_t hash)
{
    return s->n && *slot_of(s->slots, s->n_slots, as_kept(hash));
}

void hash_set_deinit(struct hash_set *s)
{
    mem_free(s->slots);
    *s = (struct hash_set){0};
}
