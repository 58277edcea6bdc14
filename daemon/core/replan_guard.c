/* replan_guard: the guard and the operators are asked before anything is removed, changed or made:
 * how much is wanted in all, what of it was done lately, and what somebody has said of it.
 *
 *   each database as it is noted: what it wants is added ─▶ all: asked ─▶ each, before it is
 *   decided about: hears what was said of all, and what of itself */
#include <string.h>

#include "core/fleet_rest.h"
#include "core/guard.h"
#include "core/reconcile_private.h"

/* Fields that are to be set, while no fence of ours stands, and not for the first time: that is
 * configuration after a create. */
static bool wants_fields(const struct world *w, const struct database *d)
{
    unsigned drift;
    unsigned fields;

    if (!database_is_wanted(w, d) || d->want->observe || d->own.fence ||
        (!d->own.config_read && strcmp(d->own.origin, "created") == 0))
        return false;
    fields = database_differs(d, &drift) & ~(database_refused(w, d) | d->contended_fields);
    return w->config->policy.drift_report ? (fields & ~drift) != 0 : fields != 0;
}

static bool wants_update(const struct world *w, const struct database *d)
{
    if (!rc_is_owned(&d->own, d->has_own) || !d->live.present ||
        strcmp(d->live.id, d->own.id) != 0 || decide_pause(w, &d->r))
        return false;
    if (wants_fields(w, d))
        return true;
    for (size_t i = 0; i < d->n_tokens; i++)
        if (token_wants_update(w, d->tokens[i]))
            return true;
    return false;
}

static bool wants_create(const struct world *w, const struct database *d)
{
    return !d->live.present && !rc_is_owned(&d->own, d->has_own) && database_is_wanted(w, d) &&
           !d->want->observe && !decide_pause(w, &d->r);
}

/* Nobody has said yes or no to it. */
static bool is_open(const struct reconcile *rc, const char *action, const struct resource *r,
                    const char *id)
{
    return !rc_approval(rc, action, r, id) && !rc_rejected(rc, action, r, id);
}

/* Its fence was allowed, and is not up yet. */
static bool tries_fence(const struct database *d)
{
    return d->has_own && d->own.fence && strcmp(d->own.fence, "wanted") == 0;
}

static void add_removal(const struct reconcile *rc, const struct world *w, struct database *d,
                        struct wants *out)
{
    d->asks_removal = removal_is_asked(w, d);
    if (d->asks_removal && !d->own.is_branch) {
        bool approved = rc_approval(rc, "delete", &d->r, d->own.id) != NULL;

        out->approved += approved && !rc_is_counted(rc, "removal", &d->r);
        out->removals += !removal_is_planned(w, d) && is_open(rc, "delete", &d->r, d->own.id) &&
                         !(d->fence_lapsed && rc_is_counted(rc, "removal", &d->r));
    }
}

/* One that counts already, or that nobody has said yes or no to, is what the guard is asked about:
 * the latter is added. What was approved counts as done. */
static bool add(const struct reconcile *rc, const char *action, const struct resource *r,
                const char *id, size_t *wanted, size_t *approved)
{
    bool counts = rc_is_counted(rc, action, r);
    bool open = is_open(rc, action, r, id);
    bool is_approved = rc_approval(rc, action, r, id) != NULL;

    *wanted += open && !counts;
    *approved += !counts && is_approved;
    return open || counts || is_approved;
}

static void add_wants(const struct reconcile *rc, const struct world *w, struct database *d,
                      struct wants *out)
{
    d->asks_update = wants_update(w, d) &&
                     add(rc, "update", &d->r, d->own.id, &out->updates, &out->approved_updates);
    d->asks_create =
        wants_create(w, d) && add(rc, "create", &d->r, NULL, &out->creates, &out->approved_creates);
    if (tries_fence(d)) {
        out->fences++;
        return;
    }
    d->fence_lapsed = false;
    add_removal(rc, w, d, out);
}

bool rc_asks_guard(struct reconcile *rc, const struct world *w, struct database *d)
{
    d->asks = d->own.fence || d->own.held || d->removal_ok || d->approved || d->rejected ||
              d->update_held || d->update_heard || d->create_held || d->create_heard ||
              d->fence_lapsed || d->over_quota || d->placed || removal_is_asked(w, d) ||
              wants_update(w, d) || wants_create(w, d);
    d->asks_removal = d->asks_update = d->asks_create = false;
    rc->pass.wants.uploads += d->upload != NULL;
    if (d->asks)
        add_wants(rc, w, d, &rc->pass.wants);
    return d->asks;
}

static void add_others(const struct reconcile *rc, const struct world *w, struct wants *out)
{
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        const struct group *g = rc->fleet.groups[i];

        out->approved += rc_is_owned(&g->own, g->has_own) &&
                         rc_approval(rc, "delete", &g->r, g->own.id) &&
                         !rc_is_counted(rc, "removal", &g->r);
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
    if (asked && !d->asks_removal) {
        rc_replan_after(rc); /* it has been wanted only since it was noted */
        return;
    }
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

/* Rejected or approved by an operator; else held when there are too many. One that has been wanted
 * only since all wants were added up has not been heard: another pass asks about it. */
static void ask_update(struct reconcile *rc, struct effects *fx, const struct world *w,
                       struct database *d, bool allowed)
{
    bool wants = wants_update(w, d);
    bool rejected = wants && rc_rejected(rc, "update", &d->r, d->own.id);

    if (decide_pause(w, &d->r))
        return; /* a hold outlives it */
    d->update_held = false;
    d->update_heard = rejected || (wants && d->asks_update);
    if (!wants || rc_approval(rc, "update", &d->r, d->own.id)) {
        unhold(rc, fx, d, HELD_UPDATE);
    } else if (rejected) {
        d->rejected = d->update_held = true;
        unhold(rc, fx, d, HELD_UPDATE);
    } else {
        if (d->update_heard && !allowed && !rc_is_counted(rc, "update", &d->r))
            hold(rc, fx, d, HELD_UPDATE);
        d->update_held = (d->own.held & HELD_UPDATE) != 0;
    }
}

static void ask_create(const struct reconcile *rc, const struct world *w, struct database *d,
                       bool allowed)
{
    bool wants = wants_create(w, d);
    bool rejected = wants && rc_rejected(rc, "create", &d->r, NULL);

    d->create_heard = rejected || (wants && d->asks_create);
    d->create_held =
        rejected || (d->create_heard && !allowed && !rc_approval(rc, "create", &d->r, NULL) &&
                     !rc_is_counted(rc, "create", &d->r));
    d->rejected = d->rejected || rejected;
}

static size_t count_owned(const struct reconcile *rc)
{
    size_t n = rc->pass.wants.owned;

    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        n += rc_is_owned(&rc->fleet.groups[i]->own, rc->fleet.groups[i]->has_own);
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        n += api_token_newest(rc->fleet.api_tokens[i]) != NULL;
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        n += rc->fleet.members[i]->has_own;
    return n;
}

/* Fences that were allowed and are not up yet: which of them are asked about anew. Those that are
 * held, and all when the guard lets through less by now than has begun. */
static void look_at_fences(struct reconcile *rc, const struct world *w, size_t owned)
{
    size_t allowed = guard_removals_allowed(&rc->config->policy, owned, rc_removed(rc));
    bool tight = rc_counted(rc, "removal") > allowed;

    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);

        if (!d || !tries_fence(d))
            continue;
        d->fence_lapsed =
            rc_is_lapsed(rc, d) || d->own.held & HELD_REMOVAL || (tight && !d->own.is_branch);
        add_removal(rc, w, d, &rc->pass.wants);
    }
}

void rc_ask_guard(struct reconcile *rc, struct effects *fx, const struct world *w)
{
    const struct config_policy *p = &rc->config->policy;
    struct pass *pass = &rc->pass;
    struct wants *wants = &pass->wants;
    size_t owned = count_owned(rc);
    size_t done;

    if (wants->fences)
        look_at_fences(rc, w, owned);
    add_others(rc, w, wants);
    done = rc_counted(rc, "removal") + wants->approved;
    pass->removals_ok = guard_allows_removals(p, owned, rc_removed(rc), done, wants->removals);
    pass->updates_ok = guard_allows_updates(
        p, owned, rc_counted(rc, "update") + wants->approved_updates, wants->updates);
    pass->creates_ok =
        guard_allows_creates(p, rc_counted(rc, "create") + wants->approved_creates, wants->creates);
    if (wants->uploads)
        rc_uploads_guard(rc, owned, done, wants->removals);
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        struct group *g = rc->fleet.groups[i];

        g->removal_ok = rc_approval(rc, "delete", &g->r, g->own.id) != NULL;
        g->rejected = rc_rejected(rc, "delete", &g->r, g->own.id);
    }
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        ask_api_token(rc, fx, w, rc->fleet.api_tokens[i], pass->removals_ok);
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        rc_ask_member(rc, fx, w, rc->fleet.members[i], pass->removals_ok);
}

void rc_hear_guard(struct reconcile *rc, struct effects *fx, struct database *d)
{
    struct world w;

    if (!d->asks)
        return;
    rc_world(rc, &w);
    d->rejected = false;
    ask_removal(rc, fx, &w, d, rc->pass.removals_ok);
    ask_update(rc, fx, &w, d, rc->pass.updates_ok);
    ask_create(rc, &w, d, rc->pass.creates_ok);
    d->asks = d->asks_removal = d->asks_update = d->asks_create = false;
}

/* What was approved need not be heard, for as long as that stands. */
static bool is_new(const struct reconcile *rc, const char *action, const struct database *d,
                   const char *id, bool wants, bool *heard)
{
    *heard = *heard && wants;
    return wants && !*heard && !rc_approval(rc, action, &d->r, id);
}

bool rc_want_is_new(const struct reconcile *rc, const struct world *w, struct database *d)
{
    bool update = is_new(rc, "update", d, d->own.id, wants_update(w, d), &d->update_heard);
    bool create = is_new(rc, "create", d, NULL, wants_create(w, d), &d->create_heard);

    return update || create;
}

void rc_disowned(struct reconcile *rc)
{
    struct pass *p = &rc->pass;

    if (p->stage == PASS_NOTE && p->wants.owned)
        p->wants.owned--; /* if it was not added yet, the guard is the stricter for it */
    if (p->stage == PASS_CONSIDER && (p->wants.removals || p->wants.updates))
        rc->replan = true; /* fewer of them may go, or be changed, than it said */
    else
        rc_replan_after(rc);
}
