/* replan_guard: the guard and the operators are asked before anything is removed, changed or made:
 * how much is wanted in all, what of it was done lately, and what somebody has said of it. */
#include <string.h>

#include "core/fleet_rest.h"
#include "core/guard.h"
#include "core/reconcile_private.h"

struct wants {
    size_t removals;
    size_t approved; /* removals that were, and have not begun to count yet */
    size_t updates;
    size_t creates;
};

static bool wants_update(const struct world *w, const struct database *d)
{
    unsigned drift;
    unsigned fields;

    if (!rc_is_owned(&d->own, d->has_own) || !d->live.present || !database_is_wanted(w, d) ||
        d->want->observe || strcmp(d->live.id, d->own.id) != 0 || d->own.fence ||
        decide_pause(w, &d->r))
        return false;
    if (d->own.config_read ||
        strcmp(d->own.origin, "created") != 0) { /* else it is configuration after a create */
        fields = database_differs(d, &drift) & ~(database_refused(w, d) | d->contended_fields);
        if (w->config->policy.drift_report)
            fields &= ~drift;
        if (fields)
            return true;
    }
    for (size_t i = 0; i < d->n_tokens; i++)
        if (token_wants_update(w, d->tokens[i]))
            return true;
    return false;
}

static bool wants_create(const struct world *w, const struct database *d)
{
    return database_is_wanted(w, d) && !d->want->observe && !d->live.present &&
           !rc_is_owned(&d->own, d->has_own) && !decide_pause(w, &d->r);
}

/* Nobody has said yes or no to it. */
static bool is_open(const struct reconcile *rc, const char *action, const struct resource *r,
                    const char *id)
{
    return !rc_approval(rc, action, r, id) && !rc_rejected(rc, action, r, id);
}

/* The guard is asked about none of what it needs, nor does it have an answer of before. */
bool rc_asks_no_guard(const struct reconcile *rc, const struct world *w, struct database *d)
{
    return !d->own.fence && !d->own.held && !d->removal_ok && !d->approved && !d->rejected &&
           !d->update_held && !d->create_held && !d->fence_lapsed && !rc_is_lapsed(rc, d) &&
           !d->over_quota && !d->placed && !removal_is_asked(w, d) && !wants_update(w, d) &&
           !wants_create(w, d);
}

static void count_wants(struct reconcile *rc, const struct world *w, struct wants *out)
{
    *out = (struct wants){0};
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        const struct group *g = rc->fleet.groups[i];

        out->approved += rc_is_owned(&g->own, g->has_own) &&
                         rc_approval(rc, "delete", &g->r, g->own.id) &&
                         !rc_is_counted(rc, "removal", &g->r);
    }
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);

        if (!d)
            continue;
        if (removal_is_asked(w, d) && !d->own.is_branch) {
            bool approved = rc_approval(rc, "delete", &d->r, d->own.id) != NULL;

            out->approved += approved && !rc_is_counted(rc, "removal", &d->r);
            out->removals += !removal_is_planned(w, d) && is_open(rc, "delete", &d->r, d->own.id) &&
                             !(d->fence_lapsed && rc_is_counted(rc, "removal", &d->r));
        }
        if (wants_update(w, d) && !rc_is_counted(rc, "update", &d->r) &&
            is_open(rc, "update", &d->r, d->own.id))
            out->updates++;
        if (wants_create(w, d) && !rc_is_counted(rc, "create", &d->r) &&
            is_open(rc, "create", &d->r, NULL))
            out->creates++;
    }
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++) {
        struct api_token *a = rc->fleet.api_tokens[i];
        const struct issued *row = api_token_newest(a);

        if (!api_token_removal_is_asked(w, a) || rc_is_counted(rc, "removal", &a->t.r))
            continue;
        out->approved += rc_approval(rc, "delete", &a->t.r, row->id) != NULL;
        out->removals +=
            !api_token_removal_is_planned(w, a) && is_open(rc, "delete", &a->t.r, row->id);
    }
    for (size_t i = 0; i < rc->fleet.n_members; i++) {
        const struct member *m = rc->fleet.members[i];

        if (!m->has_own || !member_removal_is_asked(w, m) || rc_is_counted(rc, "removal", &m->r))
            continue;
        out->approved += rc_approval(rc, "delete", &m->r, m->own.username) != NULL;
        out->removals += !member_removal_is_planned(w) && rc_member_open(rc, m);
    }
}

static void ask_api_token(struct reconcile *rc, struct effects *fx, const struct world *w,
                          struct api_token *a, bool allowed)
{
    struct issued *row = a->n_keys ? &a->keys[a->n_keys - 1].row : NULL;
    int64_t held;
    bool approved;

    a->removal_ok = a->rejected = false;
    if (!row || !api_token_removal_is_asked(w, a))
        return;
    held = row->held;
    approved = rc_approval(rc, "delete", &a->t.r, row->id) != NULL;
    a->rejected = !approved && rc_rejected(rc, "delete", &a->t.r, row->id);
    if (approved || a->rejected)
        row->held = 0;
    else if (w->strangers || w->doubt_stays || (!allowed && !rc_is_counted(rc, "removal", &a->t.r)))
        row->held = HELD_REMOVAL;
    a->removal_ok = approved || (!row->held && !w->doubt && !a->rejected &&
                                 !api_token_removal_is_planned(w, a));
    if (row->held != held)
        effects_put(fx, LEDGER_ISSUED, row);
}

static void hold(struct reconcile *rc, struct effects *fx, struct database *d, int64_t what)
{
    if (d->own.held & what)
        return;
    d->own.held |= what;
    rc_put_own(rc, fx, &d->r);
}

static void unhold(struct reconcile *rc, struct effects *fx, struct database *d, int64_t what)
{
    if (!(d->own.held & what))
        return;
    d->own.held &= ~what;
    rc_put_own(rc, fx, &d->r);
}

/* A hold ends by approval, rejection or the want going away, never by time. */
static void ask_removal(struct reconcile *rc, struct effects *fx, const struct world *w,
                        struct database *d, bool allowed)
{
    bool asked = removal_is_asked(w, d);
    bool going = !asked && d->own.fence && removal_of(w, d) != REMOVAL_NONE;

    d->removal_ok = d->approved = false;
    if (!asked && !going)
        return;
    d->approved = rc_approval(rc, "delete", &d->r, d->own.id) != NULL;
    d->rejected = !d->approved && rc_rejected(rc, "delete", &d->r, d->own.id);
    if (d->approved) {
        unhold(rc, fx, d, HELD_REMOVAL);
        if (going) /* it goes on from where it was held, for as long as its grace still takes */
            rc_approval_begin(rc, fx, "delete", &d->r);
        d->removal_ok = true;
    } else if (d->rejected) {
        unhold(rc, fx, d, HELD_REMOVAL);
    } else if (w->strangers || w->doubt_stays || (asked && !allowed && !d->own.is_branch)) {
        hold(rc, fx, d, HELD_REMOVAL);
    } else if (asked && !w->doubt && (!d->own.fence || strcmp(d->own.fence, "lifted") != 0)) {
        /* one that somebody lifted waits for approval */
        d->removal_ok = !(d->own.held & HELD_REMOVAL) && !removal_is_planned(w, d);
    }
}

/* Rejected or approved by an operator; else held when there are too many. */
static void ask_update(struct reconcile *rc, struct effects *fx, const struct world *w,
                       struct database *d, bool allowed)
{
    bool approved = rc_approval(rc, "update", &d->r, d->own.id) != NULL;

    if (decide_pause(w, &d->r))
        return; /* a hold outlives it */
    d->update_held = false;
    if (!wants_update(w, d) || approved) {
        unhold(rc, fx, d, HELD_UPDATE);
        return;
    }
    if (rc_rejected(rc, "update", &d->r, d->own.id)) {
        d->rejected = d->update_held = true;
        unhold(rc, fx, d, HELD_UPDATE);
        return;
    }
    if (!allowed && !rc_is_counted(rc, "update", &d->r))
        hold(rc, fx, d, HELD_UPDATE);
    d->update_held = (d->own.held & HELD_UPDATE) != 0;
}

static void ask_create(const struct reconcile *rc, const struct world *w, struct database *d,
                       bool allowed)
{
    bool rejected = rc_rejected(rc, "create", &d->r, NULL);

    d->create_held =
        wants_create(w, d) && !rc_approval(rc, "create", &d->r, NULL) && (rejected || !allowed);
    d->rejected = d->rejected || (d->create_held && rejected);
}

static size_t count_owned(const struct reconcile *rc)
{
    size_t n = 0;

    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        n += rc_is_owned(&rc->fleet.groups[i]->own, rc->fleet.groups[i]->has_own);
    for (size_t i = 0; i < rc->fleet.n_databases; i++)
        n += (fleet_flags(&rc->fleet, i) & PACKED_OWNED) != 0;
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        n += api_token_newest(rc->fleet.api_tokens[i]) != NULL;
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        n += rc->fleet.members[i]->has_own;
    return n;
}

/* Fences that were allowed and are not up yet: which of them are asked about anew. Those that are
 * held, and all when the guard lets through less by now than has begun. */
static void look_at_fences(struct reconcile *rc, size_t owned)
{
    size_t allowed = guard_removals_allowed(&rc->config->policy, owned, rc_removed(rc));
    bool tight = rc_counted(rc, "removal") > allowed;

    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);
        bool tries = d && d->has_own && d->own.fence && strcmp(d->own.fence, "wanted") == 0;

        if (!d)
            continue;
        d->fence_lapsed = tries && (rc_is_lapsed(rc, d) || d->own.held & HELD_REMOVAL ||
                                    (tight && !d->own.is_branch));
    }
}

void rc_ask_guard(struct reconcile *rc, struct effects *fx, const struct world *w)
{
    const struct config_policy *p = &rc->config->policy;
    size_t owned = count_owned(rc);
    struct wants wants;
    bool removals;
    bool updates;
    bool creates;

    look_at_fences(rc, owned);
    count_wants(rc, w, &wants);
    removals = guard_allows_removals(p, owned, rc_removed(rc),
                                     rc_counted(rc, "removal") + wants.approved, wants.removals);
    rc_uploads_guard(rc, owned, rc_counted(rc, "removal") + wants.approved, wants.removals);
    updates = guard_allows_updates(p, owned, rc_counted(rc, "update"), wants.updates);
    creates = guard_allows_creates(p, rc_counted(rc, "create"), wants.creates);
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        struct group *g = rc->fleet.groups[i];

        g->removal_ok = rc_approval(rc, "delete", &g->r, g->own.id) != NULL;
        g->rejected = rc_rejected(rc, "delete", &g->r, g->own.id);
    }
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        ask_api_token(rc, fx, w, rc->fleet.api_tokens[i], removals);
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        rc_ask_member(rc, fx, w, rc->fleet.members[i], removals);
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);

        if (!d)
            continue;
        d->rejected = false;
        ask_removal(rc, fx, w, d, removals);
        ask_update(rc, fx, w, d, updates);
        ask_create(rc, w, d, creates);
    }
}
