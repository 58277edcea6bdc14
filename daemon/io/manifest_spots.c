#include "io/manifest_spots.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

void manifest_spots_deinit(struct manifest_spots *s)
{
    for (size_t i = 0; i < s->n; i++)
        mem_free((void *)(uintptr_t)s->items[i].path);
    mem_free(s->items);
    *s = (struct manifest_spots){0};
}

void manifest_spots_add_anywhere(struct manifest_spots *s)
{
    manifest_spots_deinit(s);
    s->anywhere = true;
}

static bool has(const struct manifest_spots *s, const char *path)
{
    for (size_t i = s->n; i > 0; i--)
        if (strcmp(s->items[i - 1].path, path) == 0)
            return true;
    return false;
}

void manifest_spots_add(struct manifest_spots *s, enum manifest_kind kind, const char *path)
{
    char *copy;

    if (s->anywhere || has(s, path))
        return;
    copy = s->n < MANIFEST_SPOTS_MOST ? mem_strdup(path) : NULL;
    if (!copy || !mem_grow(&s->items, &s->capacity, s->n + 1, sizeof(*s->items))) {
        mem_free(copy);
        manifest_spots_add_anywhere(s);
        return;
    }
    s->items[s->n++] = (struct manifest_spot){kind, copy};
}

void manifest_spots_take(struct manifest_spots *s, struct manifest_spots *from)
{
    if (from->anywhere)
        manifest_spots_add_anywhere(s);
    for (size_t i = 0; i < from->n; i++)
        manifest_spots_add(s, from->items[i].kind, from->items[i].path);
    manifest_spots_deinit(from);
}

static int by_path(const void *left, const void *right)
{
    const struct manifest_spot *a = left;
    const struct manifest_spot *b = right;

    return strcmp(a->path, b->path);
}

void manifest_spots_sort(struct manifest_spots *s)
{
    if (s->n > 1)
        qsort(s->items, s->n, sizeof(*s->items), by_path);
}
