/* observe_list: what a look has collected so far, page by page, and whether it can be true. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/observe_private.h"
#include "lib/mem.h"
#include "lib/text.h"

void observe_list_forget(struct observation *o)
{
    arena_deinit(&o->arena);
    mem_free(o->databases);
    mem_free(o->groups);
    mem_free(o->cursors);
    o->databases = NULL;
    o->groups = NULL;
    o->cursors = NULL;
    o->cursor = NULL;
    o->n_databases = o->n_groups = o->n_cursors = 0;
    o->capacity = o->cursors_capacity = 0;
}

/* --- collecting --- */

bool observe_list_add(struct observation *o, const struct live_db *from)
{
    struct live_db *to;

    if (!mem_grow(&o->databases, &o->capacity, o->n_databases + 1, sizeof(*to)))
        return false;
    to = &o->databases[o->n_databases];
    *to = *from;
    to->name = arena_strdup(&o->arena, from->name);
    to->id = arena_strdup(&o->arena, from->id);
    to->hostname = from->hostname ? arena_strdup(&o->arena, from->hostname) : NULL;
    to->group = from->group ? arena_intern(&o->arena, from->group, strlen(from->group)) : NULL;
    to->parent_id = from->parent_id ? arena_strdup(&o->arena, from->parent_id) : NULL;
    if (!to->name || !to->id || (from->hostname && !to->hostname) || (from->group && !to->group) ||
        (from->parent_id && !to->parent_id))
        return false;
    o->n_databases++;
    return true;
}

bool observe_list_groups(struct observation *o, const struct answer *a)
{
    o->groups = mem_alloc(a->n_groups * sizeof(*o->groups));
    if (!o->groups)
        return false;
    for (size_t i = 0; i < a->n_groups; i++) {
        struct live_group *g = &o->groups[i];

        *g = a->groups[i];
        g->name = arena_strdup(&o->arena, g->name);
        g->id = arena_strdup(&o->arena, g->id);
        g->primary = g->primary ? arena_strdup(&o->arena, g->primary) : NULL;
        g->locations = arena_alloc(&o->arena, (g->n_locations + 1) * sizeof(char *));
        if (!g->name || !g->id || (a->groups[i].primary && !g->primary) || !g->locations)
            return false;
        for (size_t j = 0; j < g->n_locations; j++)
            if (!(g->locations[j] = arena_strdup(&o->arena, a->groups[i].locations[j])))
                return false;
        o->n_groups++;
    }
    return true;
}

bool observe_list_is_seen(struct observation *o, const char *cursor, bool *out_nomem)
{
    uint64_t h = text_hash(TEXT_HASH_INIT, cursor, strlen(cursor));

    for (size_t i = 0; i < o->n_cursors; i++)
        if (o->cursors[i] == h)
            return true;
    *out_nomem = !mem_grow(&o->cursors, &o->cursors_capacity, o->n_cursors + 1, sizeof(h));
    if (!*out_nomem)
        o->cursors[o->n_cursors++] = h;
    return false;
}

/* --- checking --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct live_db *)a)->name, ((const struct live_db *)b)->name);
}

static int by_group_name(const void *a, const void *b)
{
    return strcmp(((const struct live_group *)a)->name, ((const struct live_group *)b)->name);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *double_id(const struct observation *o, bool *out_nomem)
{
    const char **ids = mem_alloc(o->n_databases * sizeof(char *));
    const char *twice = NULL;

    *out_nomem = !ids;
    for (size_t i = 0; ids && i < o->n_databases; i++)
        ids[i] = o->databases[i].id;
    if (ids)
        qsort((void *)ids, o->n_databases, sizeof(char *), by_id);
    for (size_t i = 1; ids && !twice && i < o->n_databases; i++)
        if (strcmp(ids[i - 1], ids[i]) == 0)
            twice = ids[i];
    mem_free((void *)ids);
    return twice;
}

static bool knows_group(const struct reconcile *rc, const char *name)
{
    struct live_group key = {.name = name};
    const struct group *g;

    if (bsearch(&key, rc->obs.groups, rc->obs.n_groups, sizeof(key), by_group_name))
        return true;
    g = fleet_group(&rc->fleet, name); /* made while we were looking */
    return g && g->live.present && g->live.read_ms >= rc->obs.started_ms;
}

bool observe_list_check(struct reconcile *rc, char *why, size_t size)
{
    struct observation *o = &rc->obs;
    const char *last_group = NULL;
    const char *twice;
    bool nomem;

    *why = '\0';
    if (o->n_groups)
        qsort(o->groups, o->n_groups, sizeof(*o->groups), by_group_name);
    if (o->n_databases)
        qsort(o->databases, o->n_databases, sizeof(*o->databases), by_name);
    for (size_t i = 1; i < o->n_groups && !*why; i++)
        if (strcmp(o->groups[i - 1].name, o->groups[i].name) == 0)
            snprintf(why, size, "the list of groups shows %s twice", o->groups[i].name);
    for (size_t i = 0; i < o->n_databases && !*why; i++) {
        const struct live_db *d = &o->databases[i];

        if (i && strcmp(o->databases[i - 1].name, d->name) == 0)
            snprintf(why, size, "the list of databases shows %s twice", d->name);
        else if (d->group && d->group != last_group && !knows_group(rc, d->group))
            snprintf(why, size,
                     "database %s is in group %s, which the list of groups does not show", d->name,
                     d->group);
        last_group = d->group;
    }
    if (*why)
        return true;
    twice = double_id(o, &nomem);
    if (twice)
        snprintf(why, size, "the list of databases shows the id %s twice", twice);
    return !nomem;
}
