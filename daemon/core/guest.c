#include "core/guest.h"

#include <string.h>

#include "core/fleet_rest.h"
#include "core/pack.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"

#define PREFIX     "guest/" /* of `meta`: the name; its value is the group */
#define GUESTS_MAX 100      /* of a group: one keeps it; the others come after it */

bool guests_in(const struct guests *l, const char *group)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].group, group) == 0)
            return true;
    return false;
}

static size_t count(const struct guests *l, const char *group)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += strcmp(l->items[i].group, group) == 0;
    return n;
}

static struct guest *find(const struct guests *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return &l->items[i];
    return NULL;
}

static bool add(struct guests *l, const char *name, const char *group)
{
    struct guest g = {mem_strdup(name), mem_strdup(group)};

    if (!g.name || !g.group || !mem_grow(&l->items, &l->capacity, l->n + 1, sizeof(g))) {
        mem_free(g.name);
        mem_free(g.group);
        return false;
    }
    l->items[l->n++] = g;
    return true;
}

void guests_deinit(struct guests *l)
{
    for (size_t i = 0; i < l->n; i++) {
        mem_free(l->items[i].name);
        mem_free(l->items[i].group);
    }
    mem_free(l->items);
    *l = (struct guests){0};
}

bool rc_guests_load(struct reconcile *rc, const char *key, const char *value)
{
    size_t n = strlen(PREFIX);

    return strncmp(key, PREFIX, n) != 0 || !value || add(&rc->guests, key + n, value);
}

static void put(struct effects *fx, const struct guest *g, bool stays)
{
    char *key = mem_printf(PREFIX "%s", g->name);
    struct meta row = {key, g->group};

    if (!key)
        fx->failed = true;
    else if (stays)
        effects_put(fx, LEDGER_META, &row);
    else
        effects_remove(fx, LEDGER_META, &row);
    mem_free(key);
}

static void drop(struct reconcile *rc, struct effects *fx, struct guest *g)
{
    put(fx, g, false);
    mem_free(g->name);
    mem_free(g->group);
    *g = rc->guests.items[--rc->guests.n];
}

void rc_guest_gone(struct reconcile *rc, struct effects *fx, const char *name)
{
    struct guest *g = find(&rc->guests, name);

    if (g)
        drop(rc, fx, g);
}

bool guest_group_may_go(const struct group *g)
{
    return (!g->want || g->want->absent) && rc_is_owned(&g->own, g->has_own);
}

/* True: it is nobody else's in there any more, as far as is seen. */
static bool has_moved_out(const struct reconcile *rc, const struct guest *g)
{
    const struct database *d = fleet_database(&rc->fleet, g->name);
    const struct group *home = fleet_group(&rc->fleet, g->group);

    if (!home || !guest_group_may_go(home))
        return true;
    return d && d->live.present &&
           (!rc_is_others(d) || (d->live.place && strcmp(d->live.place, g->group) != 0));
}

/* Seen in an earlier life, and not in this one: no list will do. */
static void ask(struct reconcile *rc, struct effects *fx, const struct guest *g)
{
    const char *name = g->name;
    struct database *d;

    if (!fleet_add_databases(&rc->fleet, &name, 1))
        fx->failed = true;
    d = fx->failed ? NULL : fleet_database(&rc->fleet, name);
    if (d && !d->live.present)
        d->r.look_now = true;
}

/* Not to be opened: it is not there, or ours, and what it was when it was packed. */
static bool is_none(const struct fleet *f, size_t at)
{
    unsigned flags = fleet_flags(f, at);

    return !(flags & PACKED_PRESENT) || (flags & PACKED_OWNED && fleet_is_packed(f, at));
}

static void meet(struct reconcile *rc, struct effects *fx, const struct group *g)
{
    size_t n = count(&rc->guests, g->r.name);

    for (size_t i = 0; i < rc->fleet.n_databases && n < GUESTS_MAX; i++) {
        const struct database *d;

        if (is_none(&rc->fleet, i))
            continue;
        d = fleet_peek(&rc->fleet, i);
        if (!d)
            fx->failed = true;
        else if (rc_is_others(d) && d->live.place && strcmp(d->live.place, g->r.name) == 0 &&
                 !find(&rc->guests, d->r.name)) {
            n++;
            if (add(&rc->guests, d->r.name, g->r.name))
                put(fx, &rc->guests.items[rc->guests.n - 1], true);
            else
                fx->failed = true;
        }
    }
    fleet_unpeek(&rc->fleet);
}

void rc_guests_look(struct reconcile *rc, struct effects *fx)
{
    for (size_t i = rc->guests.n; i-- > 0;) {
        if (has_moved_out(rc, &rc->guests.items[i]))
            drop(rc, fx, &rc->guests.items[i]);
        else
            ask(rc, fx, &rc->guests.items[i]);
    }
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        if (guest_group_may_go(rc->fleet.groups[i]))
            meet(rc, fx, rc->fleet.groups[i]);
}
