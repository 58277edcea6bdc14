/* observe_take: what a look has shown is taken over, a slice in each step, with the loop's other
 * work between them: the groups, then the rows that say something new, then what was not shown.
 *
 * Half of it is never acted upon. Until all is taken over nothing is decided (consider.c; without a
 * manifest, of tokens alone) and nothing that waits for its turn begins (reconcile.c); the look
 * before this one is the last. What
 * is read meanwhile is newer, and what is shown of that changes nothing, before or after. */
#include <string.h>

#include "core/fleet_rest.h"
#include "core/observe_private.h"
#include "lib/mem.h"
#include "lib/search.h"

#define PASSED_AT_ONCE 64 /* that need no look, for one that is opened */
#define ALIKE_AT_ONCE  16 /* that are taken over without opening */

/* Of all that show that the list lies the last is told, databases after groups. */
static void note_hidden(struct observation *o, struct effects *fx, const struct resource *r)
{
    if (o->hidden &&
        (o->hidden_kind > r->kind || (o->hidden_kind == r->kind && strcmp(o->hidden, r->name) > 0)))
        return;
    o->hidden_kind = r->kind;
    rc_set(fx, &o->hidden, r->name);
}

void rc_not_suspect(struct reconcile *rc, struct effects *fx, const struct resource *r,
                    uint64_t *suspect, bool found)
{
    struct observation *o = &rc->obs;
    bool is_new = rc_is_taking(rc) && *suspect == o->cycle;
    size_t *n = is_new ? &o->next_suspects : &o->suspects;

    if (*suspect && found && is_new)
        note_hidden(o, fx, r);
    else if (*suspect && found)
        rc_contradict(rc, fx, KIND_NAME[r->kind], r->name);
    if (*suspect && *n && --*n == 0 && !is_new) {
        rc->replan = true;
        if (!o->contradicted)
            rc_uncontradicted(rc, fx);
    }
    *suspect = 0;
}

/* Not in the list. What was read by itself since the look began is known better. */
static void take_absence(struct reconcile *rc, struct live *l)
{
    if (l->read_ms < rc->obs.started_ms && l->made_ms < rc->obs.started_ms)
        live_clear(l);
    l->listed = false;
}

/* Ours since before the look began, read by name while it went on, and yet not in its list: the
 * list lies. */
static bool is_hidden(const struct observation *o, const struct live *l, bool ours,
                      int64_t deleted_ms)
{
    return ours && !l->listed && l->present && !deleted_ms && l->made_ms < o->started_ms;
}

/* --- groups --- */

static bool add_groups(struct reconcile *rc)
{
    struct observation *o = &rc->obs;
    const char **names = mem_alloc(o->n_groups * sizeof(char *));
    bool ok = names != NULL;

    for (size_t i = 0; ok && i < o->n_groups; i++)
        names[i] = o->groups[i].name;
    ok = ok && fleet_add_groups(&rc->fleet, names, o->n_groups);
    mem_free((void *)names);
    return ok;
}

static bool take_groups(struct reconcile *rc, struct effects *fx)
{
    struct observation *o = &rc->obs;
    bool ok = add_groups(rc);

    for (size_t i = 0, j = 0; ok && i < rc->fleet.n_groups; i++) {
        struct group *g = rc->fleet.groups[i];
        bool listed = j < o->n_groups && strcmp(o->groups[j].name, g->r.name) == 0;
        bool ours = rc_is_owned(&g->own, g->has_own);

        g->n_counted = listed ? o->n_shown[j] : 0;
        if (!listed)
            take_absence(rc, &g->live);
        else if (g->live.read_ms < o->started_ms)
            ok = live_set_group(g, &o->groups[j]);
        j += listed;
        g->live.listed = listed;
        if (is_hidden(o, &g->live, ours, g->deleted_ms))
            note_hidden(o, fx, &g->r);
        if (g->live.present)
            g->gone_ms = 0;
        g->suspect =
            ours && !g->live.present && !g->gone_ms && !g->own.missing_since && !g->deleted_ms
                ? o->cycle
                : 0;
        o->next_suspects += g->suspect != 0;
    }
    return ok;
}

void observe_take_begin(struct reconcile *rc, struct effects *fx)
{
    struct observation *o = &rc->obs;

    o->stage = OBS_TAKING;
    o->next_suspects = 0;
    o->placeless = false;
    rc->replan = true;
    hash_set_deinit(&o->ids);
    hash_set_deinit(&o->names);
    if (!take_groups(rc, fx))
        fx->failed = true;
}

/* --- databases --- */

static void count_in(struct reconcile *rc, const char *group)
{
    struct group *g = fleet_group(&rc->fleet, group);

    if (g)
        g->n_counted++;
}

/* The group that a database counts in: where it lives, or is about to. */
static const char *home_of(const struct database *d)
{
    bool creating = d->has_own && strcmp(d->own.state, "creating") == 0;

    return d->live.present ? d->live.place : creating ? d->own.group_name : d->placed;
}

/* Somebody else's, seen in a group that may go: what the platform's delete of the group would take
 * along is there until a read by name tells otherwise. */
static bool is_in_the_way(const struct reconcile *rc, const struct database *d)
{
    for (size_t i = 0; d->live.present && i < rc->fleet.n_groups; i++) {
        const struct group *g = rc->fleet.groups[i];

        if (guest_group_may_go(g) && (!d->live.place || strcmp(d->live.place, g->r.name) == 0))
            return true;
    }
    return false;
}

/* Read since the look began; or set by us since, and it is what the list shows still: how it was
 * then is known better. */
static bool is_known_better(const struct observation *o, const struct live *l,
                            const struct live_db *row)
{
    return l->read_ms >= o->started_ms ||
           (l->set_ms >= o->started_ms && l->present && strcmp(l->id, row->id) == 0);
}

/* row: what the list says of it; NULL: it does not show it. */
static bool take_database(struct reconcile *rc, struct effects *fx, struct database *d,
                          const struct live_db *row)
{
    struct observation *o = &rc->obs;
    bool ours = rc_is_owned(&d->own, d->has_own);
    bool was_present = d->live.present;
    bool is_others = rc_is_others(d); /* also in place of ours */

    if (!row && is_others && is_in_the_way(rc, d))
        d->r.look_now = true;
    else if (!row)
        take_absence(rc, &d->live);
    else if (!is_known_better(o, &d->live, row) && !live_set_database(&d->live, row))
        return false;
    d->live.listed = row != NULL;
    if (is_hidden(o, &d->live, ours && !is_others, d->deleted_ms))
        note_hidden(o, fx, &d->r);
    if (d->live.present)
        d->gone_ms = 0;
    if (row && d->live.present)
        rc_appeared(rc, fx, d, was_present);
    d->suspect = ours && (!d->live.present || (!row && is_others)) && !d->gone_ms &&
                         !d->own.missing_since && !d->deleted_ms
                     ? o->cycle
                     : 0;
    o->next_suspects += d->suspect != 0;
    o->placeless = o->placeless || (d->live.present && !d->live.place);
    count_in(rc, home_of(d));
    return true;
}

/* At rest, and as it was: all that the list says of it is known. */
static bool is_as_before(struct reconcile *rc, size_t at, const struct live_db *row)
{
    char buf[LIMIT_LIVE_TEXT_BYTES + 1];
    const char *place;

    if (!fleet_shows(&rc->fleet, at, row, &place, buf))
        return false;
    rc->obs.placeless = rc->obs.placeless || !place;
    count_in(rc, place);
    return true;
}

/* row: as take_database; is_told: so the ledger tells of it. */
static bool take_at(struct reconcile *rc, struct effects *fx, size_t at, const struct live_db *row,
                    bool is_told)
{
    struct visit v = fleet_open(&rc->fleet, at);
    bool ok = v.d && take_database(rc, fx, v.d, row);

    v.is_first_seen = is_told;
    if (ok) {
        fleet_note_taken(&rc->fleet, at);
        fleet_close(&rc->fleet, at, v);
    }
    return ok;
}

static bool has_record(const struct fleet *f, size_t at, const char *name)
{
    return at < f->n_databases && strcmp(fleet_database_name(f, at), name) == 0;
}

/* Records for those of the next rows that have none, all at once, for each time moves the others.
 */
static bool add_records(struct reconcile *rc, size_t most)
{
    struct observation *o = &rc->obs;
    size_t n = o->rows.n < most ? o->rows.n : most;
    const char **names = mem_alloc(n * sizeof(char *));
    size_t missing = 0;
    bool ok = names != NULL;

    n = ok ? rows_names(&o->rows, names, n) : 0;
    for (size_t i = 0; i < n; i++)
        if (!has_record(&rc->fleet, fleet_place(&rc->fleet, names[i]), names[i]))
            names[missing++] = names[i];
    search_sort((void *)names, missing, sizeof(char *));
    ok = ok && (!missing || fleet_add_databases(&rc->fleet, names, missing));
    mem_free((void *)names);
    return ok;
}

/* near: where it may be; then where the next may be. */
static bool take_row(struct reconcile *rc, struct effects *fx, const struct live_db *row,
                     size_t *near)
{
    struct fleet *f = &rc->fleet;
    size_t at = fleet_place_near(f, row->name, *near);

    if (!has_record(f, at, row->name)) { /* it was there when the row came */
        if (!fleet_add_databases(f, &row->name, 1))
            return false;
        at = fleet_place(f, row->name);
    }
    *near = at + 1;
    if (!is_as_before(rc, at, row))
        return take_at(rc, fx, at, row, false);
    fleet_note_taken(f, at);
    return true;
}

/* What says something new. left: how many more may be worked on. */
static bool take_rows(struct reconcile *rc, struct effects *fx, size_t *left)
{
    struct observation *o = &rc->obs;
    struct live_db row;
    size_t near = 0;

    if (o->rows.n && o->has_new && !add_records(rc, *left))
        return false;
    for (; *left && rows_take(&o->rows, &row); --*left)
        if (!take_row(rc, fx, &row, &near))
            return false;
    return true;
}

/* One that was shown as it was known. If it was opened since, or is known by the ledger alone, it
 * counts already, where it was shown to be. cost: in parts of one that is opened. */
static bool take_noted(struct reconcile *rc, struct effects *fx, size_t at, size_t *cost)
{
    bool is_told = fleet_is_packed(&rc->fleet, at);
    struct pack_row shown;
    struct group *g;

    *cost = PASSED_AT_ONCE / ALIKE_AT_ONCE;
    if (fleet_take_alike(&rc->fleet, at))
        return true;
    *cost = 1;
    if (!fleet_shown_row(&rc->fleet, at, &shown))
        return true;
    *cost = PASSED_AT_ONCE;
    g = fleet_group(&rc->fleet, shown.row.group);
    if (g)
        g->n_counted--;
    return take_at(rc, fx, at, &shown.row, is_told && g);
}

/* Of all records: what was not shown. The place is kept by name, for others may come meanwhile.
 * all: that was the last of them. */
static bool take_others(struct reconcile *rc, struct effects *fx, size_t *left, bool *all)
{
    struct observation *o = &rc->obs;
    struct fleet *f = &rc->fleet;
    size_t at = o->taken_to ? fleet_place(f, o->taken_to) : 0;
    size_t spent = 0; /* in parts of one that is opened */
    bool ok = true;

    for (; ok && *left && at < f->n_databases; at++) {
        size_t cost = PASSED_AT_ONCE;

        if (fleet_noted(f, at))
            ok = take_noted(rc, fx, at, &cost);
        else
            ok = take_at(rc, fx, at, NULL, false);
        spent += cost;
        *left -= spent / PASSED_AT_ONCE;
        spent %= PASSED_AT_ONCE;
    }
    *all = at == f->n_databases;
    return ok && ledger_set(&o->taken_to, *all ? NULL : fleet_database_name(f, at));
}

/* --- all of it --- */

static void end(struct reconcile *rc, struct effects *fx)
{
    struct observation *o = &rc->obs;

    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        rc->fleet.groups[i]->n_databases = rc->fleet.groups[i]->n_counted;
    o->suspects = o->next_suspects;
    if (rc->has_desired)
        rc_guests_look(rc, fx);
    observe_taken(rc, fx);
}

void rc_take_slice(struct reconcile *rc, struct effects *fx, size_t left)
{
    bool all = false;

    if (!take_rows(rc, fx, &left) || (left && !take_others(rc, fx, &left, &all)))
        fx->failed = true;
    else if (all)
        end(rc, fx);
}
