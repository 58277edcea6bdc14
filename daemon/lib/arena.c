#include "lib/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"

/* Blocks grow with the arena: there may be one arena a file, and a hundred thousand files. */
#define BLOCK_MIN_BYTES 1024
#define BLOCK_MAX_BYTES 65536

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char data[];
};

static size_t block_size(const struct arena *a, size_t size)
{
    size_t want = a->bytes;

    if (want < BLOCK_MIN_BYTES)
        want = BLOCK_MIN_BYTES;
    if (want > BLOCK_MAX_BYTES)
        want = BLOCK_MAX_BYTES;
    return size > want ? size : want;
}

static void *take(struct arena *a, size_t size, size_t align)
{
    struct arena_block *b = a->blocks;
    size_t at = b ? (b->used + align - 1) / align * align : 0;

    if (!b || at > b->size || size > b->size - at) {
        size_t want = block_size(a, size);

        b = mem_alloc(sizeof(*b) + want);
        if (!b)
            return NULL;
        b->size = want;
        b->next = a->blocks;
        a->blocks = b;
        a->bytes += want;
        at = 0;
    }
    b->used = at + size;
    return b->data + at;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return take(a, size, alignof(max_align_t));
}

const char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = take(a, n + 1, 1);

    if (p)
        memcpy(p, s, n);
    return p;
}

const char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

/* A spread that an enemy made bad costs time alone: the arena only grows by what limits.h allows.
 */
static const char **slot_of(const char **slots, size_t n_slots, const char *s, size_t n)
{
    size_t i = text_mix(TEXT_HASH_INIT, s, n) & (n_slots - 1);

    while (slots[i] && (strncmp(slots[i], s, n) != 0 || slots[i][n] != '\0'))
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

static bool rehash(struct arena *a)
{
    size_t n_slots = a->n_slots ? a->n_slots * 2 : 16;
    const char **slots = mem_alloc(n_slots * sizeof(*slots));

    if (!slots)
        return false;
    for (size_t i = 0; i < a->n_slots; i++)
        if (a->slots[i])
            *slot_of(slots, n_slots, a->slots[i], strlen(a->slots[i])) = a->slots[i];
    mem_free((void *)a->slots);
    a->slots = slots;
    a->n_slots = n_slots;
    return true;
}

const char *arena_intern(struct arena *a, const char *s, size_t n)
{
    const char **slot;

    if ((a->n_interned + 1) * 4 > a->n_slots * 3 && !rehash(a))
        return NULL;
    slot = slot_of(a->slots, a->n_slots, s, n);
    if (!*slot) {
        *slot = arena_strndup(a, s, n);
        if (*slot)
            a->n_interned++;
    }
    return *slot;
}

/* Behind the block that is being filled. */
void arena_adopt(struct arena *to, struct arena *from)
{
    struct arena_block **end = to->blocks ? &to->blocks->next : &to->blocks;
    struct arena_block *rest = *end;

    *end = from->blocks;
    while (*end)
        end = &(*end)->next;
    *end = rest;
    to->bytes += from->bytes;
    mem_free((void *)from->slots);
    *from = ARENA_INIT;
}

void arena_deinit(struct arena *a)
{
    struct arena_block *next;

    for (struct arena_block *b = a->blocks; b; b = next) {
        next = b->next;
        mem_free(b);
    }
    mem_free((void *)a->slots);
    *a = ARENA_INIT;
}
