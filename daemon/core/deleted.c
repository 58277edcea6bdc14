#include "core/deleted.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/search.h"

static int by_name(const void *a, const void *b)
{
    const struct deleted_thing *x = a;
    const struct deleted_thing *y = b;
    int c = strcmp(x->name, y->name);

    if (c)
        return c;
    return x->at_ms == y->at_ms ? strcmp(x->id, y->id) : x->at_ms < y->at_ms ? 1 : -1;
}

const struct deleted_thing *deleted_find(const struct deleted_list *l, const char *name,
                                         const char *id)
{
    size_t i = search_place(l->things, l->n, sizeof(*l->things), name);

    for (; i < l->n && strcmp(l->things[i].name, name) == 0; i++)
        if (!id || strcmp(l->things[i].id, id) == 0)
            return &l->things[i];
    return NULL;
}

bool deleted_add(struct deleted_list *l, const struct deleted_thing *thing)
{
    struct deleted_thing *to;

    if (!mem_grow(&l->things, &l->capacity, l->n + 1, sizeof(*to)))
        return false;
    to = &l->things[l->n];
    *to = *thing;
    to->name = arena_strdup(&l->arena, thing->name);
    to->id = arena_strdup(&l->arena, thing->id);
    to->group = thing->group ? arena_intern(&l->arena, thing->group, strlen(thing->group)) : NULL;
    if (!to->name || !to->id || (thing->group && !to->group))
        return false;
    l->n++;
    return true;
}

void deleted_sort(struct deleted_list *l)
{
    if (l->n)
        qsort(l->things, l->n, sizeof(*l->things), by_name);
}

void deleted_deinit(struct deleted_list *l)
{
    arena_deinit(&l->arena);
    mem_free(l->things);
    *l = (struct deleted_list){0};
}
