#include "core/texts.h"

#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"

#define FIRST_SLOTS 256

static uint32_t hash_of(const char *bytes, size_t size)
{
    return (uint32_t)text_mix(TEXT_HASH_INIT, bytes, size);
}

/* Where it is, or where it would go. */
static uint16_t *slot_of(const struct texts *t, uint32_t hash, const char *bytes, size_t size)
{
    size_t i = hash & (t->n_slots - 1);

    for (; t->slots[i]; i = (i + 1) & (t->n_slots - 1)) {
        const struct texts_item *item = &t->items[t->slots[i] - 1];

        if (item->hash == hash && item->size == size && memcmp(item->bytes, bytes, size) == 0)
            break;
    }
    return &t->slots[i];
}

static bool grow(struct texts *t)
{
    struct texts bigger = *t;

    bigger.n_slots = t->n_slots ? t->n_slots * 2 : FIRST_SLOTS;
    bigger.slots = mem_alloc(bigger.n_slots * sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < t->n; i++)
        *slot_of(&bigger, t->items[i].hash, t->items[i].bytes, t->items[i].size) =
            (uint16_t)(i + 1);
    mem_free(t->slots);
    *t = bigger;
    return true;
}

static bool add(struct texts *t, const char *bytes, size_t size, uint16_t *slot)
{
    const char *kept;

    if (!mem_grow(&t->items, &t->capacity, t->n + 1, sizeof(*t->items)))
        return false;
    kept = arena_strndup(&t->arena, bytes, size);
    if (!kept)
        return false;
    t->items[t->n] = (struct texts_item){kept, hash_of(bytes, size), (uint32_t)size};
    *slot = (uint16_t)++t->n;
    return true;
}

uint16_t texts_add(struct texts *t, const char *bytes, size_t size)
{
    uint16_t *slot;

    if (size > TEXTS_BYTES_MAX)
        return TEXTS_NONE;
    if ((t->n + 1) * 2 > t->n_slots && !grow(t)) {
        t->failed = true;
        return TEXTS_NONE;
    }
    slot = slot_of(t, hash_of(bytes, size), bytes, size);
    if (*slot)
        return (uint16_t)(*slot - 1);
    if (t->n == TEXTS_MAX)
        return TEXTS_NONE;
    if (!add(t, bytes, size, slot)) {
        t->failed = true;
        return TEXTS_NONE;
    }
    return (uint16_t)(t->n - 1);
}

const char *texts_find(const struct texts *t, const char *bytes, size_t size)
{
    uint16_t *slot = t->n ? slot_of(t, hash_of(bytes, size), bytes, size) : NULL;

    return slot && *slot ? t->items[*slot - 1].bytes : NULL;
}

const struct texts_item *texts_get(const struct texts *t, uint16_t number)
{
    return &t->items[number];
}

void texts_deinit(struct texts *t)
{
    arena_deinit(&t->arena);
    mem_free(t->items);
    mem_free(t->slots);
    *t = (struct texts){0};
}
