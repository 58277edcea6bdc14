/* observe_list: what a look has collected so far, page by page, and whether it can be true. Of what
 * is shown just as it is known nothing is kept but that it was shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/observe_private.h"
#include "lib/mem.h"
#include "lib/text.h"

#define ROWS_AHEAD 8 /* so early it is said where an id will go */

void observe_list_forget(struct reconcile *rc)
{
    struct observation *o = &rc->obs;

    fleet_forget_look(&rc->fleet);
    arena_deinit(&o->arena);
    rows_deinit(&o->rows);
    hash_set_deinit(&o->ids);
    hash_set_deinit(&o->names);
    mem_free(o->groups);
    mem_free(o->n_shown);
    mem_free(o->homeless);
    mem_free(o->cursors);
    mem_free_string(&o->taken_to);
    mem_free_string(&o->hidden);
    o->groups = NULL;
    o->n_shown = NULL;
    o->homeless = NULL;
    o->cursors = NULL;
    o->cursor = o->twice_name = o->twice_id = NULL;
    o->n_databases = o->n_groups = o->n_cursors = o->n_homeless = 0;
    o->homeless_capacity = o->cursors_capacity = 0;
    o->has_new = false;
}

/* --- groups --- */

static int by_group_name(const void *a, const void *b)
{
    return strcmp(((const struct live_group *)a)->name, ((const struct live_group *)b)->name);
}

static bool copy_group(struct arena *arena, struct live_group *to, const struct live_group *from)
{
    *to = *from;
    to->name = arena_strdup(arena, from->name);
    to->id = arena_strdup(arena, from->id);
    to->primary = from->primary ? arena_strdup(arena, from->primary) : NULL;
    to->locations = arena_alloc(arena, (from->n_locations + 1) * sizeof(char *));
    if (!to->name || !to->id || (from->primary && !to->primary) || !to->locations)
        return false;
    for (size_t i = 0; i < from->n_locations; i++)
        if (!(to->locations[i] = arena_strdup(arena, from->locations[i])))
            return false;
    return true;
}

bool observe_list_groups(struct reconcile *rc, const struct answer *a)
{
    struct observation *o = &rc->obs;

    o->groups = mem_alloc(a->n_groups * sizeof(*o->groups));
    o->n_shown = mem_alloc(a->n_groups * sizeof(*o->n_shown));
    if (!o->groups || !o->n_shown || !hash_set_reserve(&o->ids, rc->fleet.n_databases))
        return false;
    for (; o->n_groups < a->n_groups; o->n_groups++)
        if (!copy_group(&o->arena, &o->groups[o->n_groups], &a->groups[o->n_groups]))
            return false;
    if (o->n_groups)
        qsort(o->groups, o->n_groups, sizeof(*o->groups), by_group_name);
    return true;
}

/* How many databases are shown in a group just as they are known. NULL: there is no such group. */
static size_t *shown_in(const struct observation *o, const char *group)
{
    struct live_group key = {.name = group};
    const struct live_group *g =
        group && o->n_groups ? bsearch(&key, o->groups, o->n_groups, sizeof(key), by_group_name)
                             : NULL;

    return g ? &o->n_shown[g - o->groups] : NULL;
}

/* --- pages --- */

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

/* Another one in each look: if two texts come to the same by chance, the next look will tell. */
static uint64_t hash_of(const struct observation *o, const char *text)
{
    uint64_t h = text_mix(TEXT_HASH_INIT, &o->cycle, sizeof(o->cycle));

    return text_mix(h, text, strlen(text));
}

/* The first of them all is what is told. */
static bool note_first(struct observation *o, const char **first, const char *text)
{
    if (*first && strcmp(*first, text) <= 0)
        return true;
    *first = arena_strdup(&o->arena, text);
    return *first != NULL;
}

static bool note_homeless(struct observation *o, const struct live_db *row)
{
    const char *group = arena_intern(&o->arena, row->group, strlen(row->group));

    if (!group)
        return false;
    for (size_t i = 0; i < o->n_homeless; i++)
        if (o->homeless[i].group == group)
            return note_first(o, &o->homeless[i].name, row->name);
    if (!mem_grow(&o->homeless, &o->homeless_capacity, o->n_homeless + 1, sizeof(*o->homeless)))
        return false;
    o->homeless[o->n_homeless++] = (struct homeless){.group = group};
    return note_first(o, &o->homeless[o->n_homeless - 1].name, row->name);
}

static bool was_kept(const struct observation *o, const char *name)
{
    return o->names.n && hash_set_has(&o->names, hash_of(o, name));
}

static bool keep_row(struct observation *o, const struct live_db *row)
{
    bool had;

    if (!hash_set_add(&o->names, hash_of(o, row->name), &had))
        return false;
    if (had)
        return note_first(o, &o->twice_name, row->name);
    if (row->group && !shown_in(o, row->group) && !note_homeless(o, row))
        return false;
    return rows_add(&o->rows, row);
}

/* near: where it may be; then where the next may be. */
static bool add_row(struct reconcile *rc, const struct live_db *row, size_t *near)
{
    struct observation *o = &rc->obs;
    size_t at = fleet_place_near(&rc->fleet, row->name, *near);
    bool is_known =
        at < rc->fleet.n_databases && strcmp(fleet_database_name(&rc->fleet, at), row->name) == 0;
    size_t *n_shown = shown_in(o, row->group);
    bool had;

    *near = at + 1;
    o->n_databases++;
    if (!hash_set_add(&o->ids, hash_of(o, row->id), &had) ||
        (had && !note_first(o, &o->twice_id, row->id)))
        return false;
    if (is_known && fleet_noted(&rc->fleet, at))
        return note_first(o, &o->twice_name, row->name);
    if (is_known && n_shown && !was_kept(o, row->name) && fleet_note_shown(&rc->fleet, at, row)) {
        ++*n_shown;
        return true;
    }
    o->has_new = o->has_new || !is_known;
    return keep_row(o, row);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct live_db *)a)->name, ((const struct live_db *)b)->name);
}

/* A platform may well list them so. */
static bool is_in_order(const struct answer *a)
{
    for (size_t i = 1; i < a->n_databases; i++)
        if (by_name(&a->databases[i - 1], &a->databases[i]) > 0)
            return false;
    return true;
}

bool observe_list_page(struct reconcile *rc, struct answer *a)
{
    struct observation *o = &rc->obs;
    size_t near = 0;

    if (!is_in_order(a))
        qsort(a->databases, a->n_databases, sizeof(*a->databases), by_name);
    for (size_t i = 0; i < a->n_databases; i++) {
        if (i + ROWS_AHEAD < a->n_databases)
            hash_set_fetch(&o->ids, hash_of(o, a->databases[i + ROWS_AHEAD].id));
        if (!add_row(rc, &a->databases[i], &near))
            return false;
    }
    return true;
}

/* --- checking --- */

static bool is_group(const struct reconcile *rc, const char *name)
{
    const struct group *g = fleet_group(&rc->fleet, name); /* made while we were looking */

    return g && g->live.present && g->live.read_ms >= rc->obs.started_ms;
}

static const struct homeless *first_homeless(const struct reconcile *rc)
{
    const struct observation *o = &rc->obs;
    const struct homeless *first = NULL;

    for (size_t i = 0; i < o->n_homeless; i++)
        if (!is_group(rc, o->homeless[i].group) &&
            (!first || strcmp(o->homeless[i].name, first->name) < 0))
            first = &o->homeless[i];
    return first;
}

bool observe_list_is_true(const struct reconcile *rc, char *why, size_t size)
{
    const struct observation *o = &rc->obs;
    const struct homeless *h = first_homeless(rc);

    *why = '\0';
    for (size_t i = 1; i < o->n_groups; i++) {
        if (strcmp(o->groups[i - 1].name, o->groups[i].name) == 0) {
            snprintf(why, size, "the list of groups shows %s twice", o->groups[i].name);
            return false;
        }
    }
    if (o->twice_name && (!h || strcmp(o->twice_name, h->name) <= 0))
        snprintf(why, size, "the list of databases shows %s twice", o->twice_name);
    else if (h)
        snprintf(why, size, "database %s is in group %s, which the list of groups does not show",
                 h->name, h->group);
    else if (o->twice_id)
        snprintf(why, size, "the list of databases shows the id %s twice", o->twice_id);
    return !*why;
}
