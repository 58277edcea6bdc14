/* decide_removal: how a database of ours goes: asked, allowed, settled, fenced, kept for a grace,
 * deleted. Every condition is looked at again at every step, and the two that touch data have a
 * read of their own just before.
 *
 *   wanted gone ─▶ guard, approval ─▶ settling ─▶ fence ─▶ grace ─▶ read ─▶ delete ─▶ read: gone
 *        ▲              held              │          │        │                          │
 *        └──────────── the entry returns: the fence comes down ◀┘                     tombstone */
#include <stdio.h>
#include <string.h>

#include "core/decide_act.h"

static bool is_true(const char *value)
{
    return value && strcmp(value, "true") == 0;
}

static bool fence_is(const struct database *d, const char *state)
{
    return d->own.fence && strcmp(d->own.fence, state) == 0;
}

int64_t database_expiry(const struct database *d)
{
    int64_t since = d->own.since > d->own.expires_since ? d->own.since : d->own.expires_since;

    if (!d->want || (!d->want->expires_at_ms && !d->want->expires_after_ms))
        return 0;
    if (d->want->expires_at_ms)
        return d->want->expires_at_ms;
    return d->has_own && strcmp(d->own.state, "owned") == 0 ? since + d->want->expires_after_ms : 0;
}

static bool is_expired(const struct world *w, const struct database *d)
{
    int64_t expiry = database_expiry(d);

    if (!d->want || (!d->want->expires_at_ms && !d->want->expires_after_ms))
        return false;
    return (expiry && w->wall_ms >= expiry) ||
           (d->has_own && d->own.expired && (uint64_t)d->own.expired == d->r.digest);
}

bool database_is_wanted(const struct world *w, const struct database *d)
{
    return d->want && !d->want->absent && !is_expired(w, d);
}

enum removal removal_of(const struct world *w, const struct database *d)
{
    if (!w->desired || database_is_wanted(w, d) || d->own.released)
        return REMOVAL_NONE;
    if (d->want)
        return d->want->absent ? REMOVAL_ABSENT : REMOVAL_EXPIRED;
    return w->config->policy.prune == PRUNE_OFF ? REMOVAL_NONE : REMOVAL_PRUNE;
}

bool removal_is_planned(const struct world *w, const struct database *d)
{
    const struct config_policy *p = &w->config->policy;

    return d->want ? p->removals_plan : p->prune == PRUNE_PLAN;
}

/* What was adopted is deleted for absence only if the manifest had wanted it for at least a
 * deletion_grace. */
static bool adopted_recently(const struct world *w, const struct database *d)
{
    int64_t wanted_ms = d->own.wanted_since ? d->own.removal_since - d->own.wanted_since : 0;

    return strcmp(d->own.origin, "adopted") == 0 && wanted_ms < w->config->policy.deletion_grace_ms;
}

/* A group's delete_protection covers its databases. */
static bool is_group_protected(const struct world *w, const struct database *d)
{
    const struct group *g = fleet_group(w->fleet, d->live.place);

    return g && (is_true(g->live.config.value[CONFIG_DELETE_PROTECTION]) ||
                 (g->has_own && g->own.protect));
}

/* By the platform now, or by what we last wrote for an entry that named it: that outlives the
 * entry, and whoever switches it off elsewhere. */
bool database_is_protected(const struct world *w, const struct database *d)
{
    return is_true(d->live.config.value[CONFIG_DELETE_PROTECTION]) ||
           is_true(d->applied.value[CONFIG_DELETE_PROTECTION]) || is_group_protected(w, d);
}

static bool is_fenced_live(const struct database *d)
{
    return is_true(d->live.config.value[CONFIG_BLOCK_READS]) &&
           is_true(d->live.config.value[CONFIG_BLOCK_WRITES]);
}

/* No fence of ours stands, or it was taken half way down, or could not be put up for long: what
 * goes up from here was to be allowed. */
static bool needs_leave(const struct database *d)
{
    return !d->own.fence || fence_is(d, "lifted") || fence_is(d, "lifting") ||
           (d->fence_lapsed && !is_fenced_live(d));
}

bool removal_is_asked(const struct world *w, const struct database *d)
{
    enum removal removal = removal_of(w, d);

    if (removal == REMOVAL_NONE || !d->has_own || strcmp(d->own.state, "owned") != 0 ||
        !d->live.present || decide_pause(w, &d->r))
        return false;
    if (strcmp(d->own.id, d->live.id) != 0 || d->own.protect || database_is_protected(w, d))
        return false;
    if (removal == REMOVAL_PRUNE && (!w->desired->whole || adopted_recently(w, d)))
        return false;
    return needs_leave(d);
}

static int64_t grace_of(const struct world *w, const struct database *d)
{
    const struct config_policy *p = &w->config->policy;

    return d->own.is_branch ? p->expiry_grace_ms : p->deletion_grace_ms;
}

/* Why it is kept although it is not wanted. True: kept. */
static bool is_kept(const struct world *w, const struct database *d, enum removal removal,
                    struct decision *out)
{
    if (removal == REMOVAL_NONE) {
        say_phase(out, PHASE_ORPHANED, REASON_NOT_IN_MANIFEST);
    } else if (removal == REMOVAL_PRUNE && !w->desired->whole) {
        say_phase(out, PHASE_ORPHANED, REASON_MANIFEST_REFUSED);
    } else if (removal == REMOVAL_PRUNE && adopted_recently(w, d)) {
        say_phase(out, PHASE_ORPHANED, REASON_ADOPTED_RECENTLY);
    } else if (d->own.protect) {
        say_blocked(out, REASON_PROTECTED);
    } else if (database_is_protected(w, d)) {
        say_blocked(out, REASON_DELETE_PROTECTED);
        if (is_group_protected(w, d))
            snprintf(out->message, sizeof(out->message),
                     "wanted gone, but delete_protection of its group %s is on", d->live.place);
    } else {
        return false;
    }
    return true;
}

static void decide_fence(const struct world *w, const struct database *d, enum removal removal,
                         struct decision *out)
{
    int64_t settle = grace_of(w, d) / 10 < SETTLE_MAX_MS ? grace_of(w, d) / 10 : SETTLE_MAX_MS;
    int64_t at = removal == REMOVAL_PRUNE ? d->own.removal_since + settle : 0;

    if (w->wall_ms < at) {
        say_phase(out, PHASE_DELETING, REASON_SETTLING);
        out->due_ms = at;
        say_wake(out, w->now_ms + (at - w->wall_ms));
        return;
    }
    if (!is_checked(w, &d->live))
        say_act(out, ACT_READ, LANE_REMOVE);
    else if (fence_is(d, "wanted") && is_fenced_live(d))
        out->act = ACT_FENCED;
    else
        say_act(out, ACT_FENCE, LANE_REMOVE);
    say_phase(out, PHASE_DELETING, REASON_FENCING);
}

/* A gap of more than two intervals was not observed, and does not count. */
static int64_t grace_left(const struct world *w, const struct database *d)
{
    int64_t most = 2 * w->config->reconcile.interval_ms;
    int64_t ran = w->now_ms - d->grace_mark_ms;

    return d->own.purged ? 0 : grace_of(w, d) - d->own.grace_spent - (ran < most ? ran : most);
}

/* Whatever was allowed before, somebody has to look first. */
static bool is_held_back(const struct world *w, const struct database *d)
{
    return d->rejected || ((w->strangers || w->doubt) && !d->approved);
}

static void say_removal_held(const struct world *w, const struct database *d, struct decision *out)
{
    say_held(out, d->rejected);
    if (out->held && is_held_back(w, d))
        snprintf(out->message, sizeof(out->message), "%s",
                 w->doubt ? w->doubt
                          : "waits for approval: somebody else was at work here in the last hour");
}

static void decide_delete(const struct world *w, const struct database *d, struct decision *out)
{
    int64_t left = grace_left(w, d);
    bool just_deleted = d->deleted_ms && w->now_ms - d->deleted_ms < DELETED_WITHIN_MS;

    say_phase(out, PHASE_DELETING, REASON_GRACE);
    if (!is_fenced_live(d)) {
        out->act = is_checked(w, &d->live) ? ACT_FENCE_GONE : ACT_READ;
        out->lane = LANE_REMOVE;
    } else if (is_held_back(w, d) || (d->own.held & HELD_REMOVAL && !d->approved)) {
        say_removal_held(w, d, out);
    } else if (left > 0) {
        out->due_ms = w->wall_ms + left;
        say_wake(out, w->now_ms + left);
    } else if (!say_no_deletes(w, d->deleted_ms, out)) {
        say_act(out, !is_checked(w, &d->live) || just_deleted ? ACT_READ : ACT_DELETE, LANE_REMOVE);
        say_phase(out, PHASE_DELETING, REASON_DELETING);
    }
}

/* Somebody took one flag of its fence down: the other still stands, and it is ours. */
static bool is_half_fenced(const struct database *d)
{
    bool reads = is_true(d->live.config.value[CONFIG_BLOCK_READS]);
    bool writes = is_true(d->live.config.value[CONFIG_BLOCK_WRITES]);

    return fence_is(d, "lifted") && reads != writes &&
           !(reads ? d->own.fence_reads : d->own.fence_writes);
}

void decide_removal(const struct world *w, const struct database *d, enum removal removal,
                    struct decision *out)
{
    if (is_kept(w, d, removal, out)) {
        if (d->own.fence && (!fence_is(d, "lifted") || (w->desired && is_half_fenced(d))))
            decide_unfence(w, d, out);
        return;
    }
    out->step = STEP_DELETE;
    if (needs_leave(d) && !d->removal_ok) {
        if (fence_is(d, "lifting") && decide_unfence(w, d, out))
            return; /* what was begun is ended first */
        say_removal_held(w, d, out);
        if (d->own.fence && !fence_is(d, "wanted") && out->held)
            out->reason = REASON_FENCE_LIFTED;
    } else if (fence_is(d, "wanted") && is_held_back(w, d)) {
        say_removal_held(w, d, out);
    } else if (say_refused(w, &d->r, fence_is(d, "set") ? ACT_DELETE : ACT_FENCE, out)) {
        return;
    } else if (!w->complete && fence_is(d, "set") && !is_fenced_live(d) &&
               is_checked(w, &d->live)) {
        out->act = ACT_FENCE_GONE; /* what was read is known, whatever else is not */
    } else if (!w->complete) {
        say_phase(out, PHASE_DELETING, REASON_WAITING_FOR_VIEW);
    } else if (fence_is(d, "set")) {
        decide_delete(w, d, out);
    } else {
        decide_fence(w, d, removal, out);
    }
}

bool removal_may_be_sent(const struct config *c, const struct database *d)
{
    int64_t grace = d->own.is_branch ? c->policy.expiry_grace_ms : c->policy.deletion_grace_ms;

    return fence_is(d, "set") &&
           (d->own.purged || d->own.grace_spent + 2 * c->reconcile.interval_ms >= grace);
}

const char *unfence_target(const struct database *d, enum config_field f)
{
    int64_t before = f == CONFIG_BLOCK_READS ? d->own.fence_reads : d->own.fence_writes;

    if (d->want && d->want->config.value[f])
        return d->want->config.value[f];
    return before ? "true" : "false";
}

/* Both flags are as they shall be; one that the platform does not show is taken on trust once it
 * was written. */
static bool is_unfenced(const struct database *d)
{
    static const enum config_field FLAGS[] = {CONFIG_BLOCK_READS, CONFIG_BLOCK_WRITES};

    for (size_t i = 0; i < ARRAY_SIZE(FLAGS); i++) {
        const char *live = d->live.config.value[FLAGS[i]];

        if (live ? strcmp(live, unfence_target(d, FLAGS[i])) != 0 : !fence_is(d, "lifting"))
            return false;
    }
    return true;
}

/* A returning tenant's tokens are renewed before its fence comes down, so that its first request
 * finds them good. */
static bool waits_for_tokens(const struct world *w, const struct database *d)
{
    if (!database_is_wanted(w, d))
        return false; /* kept, but not for its entry's sake: its tokens wait for the fence */
    for (size_t i = 0; i < d->n_tokens; i++) {
        const struct token *t = d->tokens[i];

        if (t->want && t->has_held && t->held.renews && w->wall_ms >= t->held.renews &&
            t->r.attempts < 3 && t->r.phase != PHASE_BLOCKED)
            return true;
    }
    return false;
}

bool decide_unfence(const struct world *w, const struct database *d, struct decision *out)
{
    if (!d->own.fence)
        return false;
    if (!is_unfenced(d) && say_refused(w, &d->r, ACT_UNFENCE, out))
        return true;
    if (d->delete_sent_ms && w->now_ms - d->delete_sent_ms < LANDS_WITHIN_MS) {
        snprintf(out->message, sizeof(out->message),
                 "its fence comes down when no delete that was sent can still be carried out");
        say_wake(out, d->delete_sent_ms + LANDS_WITHIN_MS);
    } else if (waits_for_tokens(w, d)) {
        say_wake(out, w->now_ms + 1000);
    } else if (is_unfenced(d) && d->fence_lost_ms &&
               w->now_ms - d->fence_lost_ms < LANDS_WITHIN_MS) {
        say_wake(out, d->fence_lost_ms + LANDS_WITHIN_MS); /* it may go up yet: look again then */
    } else if (!is_checked(w, &d->live)) {
        say_act(out, ACT_READ, LANE_LIFT);
    } else if (is_unfenced(d)) {
        out->act = ACT_UNFENCED;
    } else {
        out->step = STEP_UPDATE;
        out->fields = 1u << CONFIG_BLOCK_READS | 1u << CONFIG_BLOCK_WRITES;
        say_act(out, ACT_UNFENCE, LANE_LIFT);
    }
    say_phase(out, PHASE_PENDING, REASON_UNFENCING);
    return true;
}

/* A mint or a file of it is under way, or has yet to be resolved. */
static bool is_settled(const struct token *t)
{
    return !t->r.busy && !t->hook_busy &&
           (!t->has_held ||
            (strcmp(t->held.state, "minting") != 0 && strcmp(t->held.state, "minted") != 0));
}

bool decide_hidden(const struct world *w, const struct database *d, struct decision *out)
{
    if (d->live.present || !d->own.fence || fence_is(d, "lifted") || d->deleted_ms)
        return false;
    decide_vanished(w, &d->live, &d->own, d->gone_ms, out);
    if (out->act != ACT_MISS && out->phase != PHASE_MISSING)
        return true;
    out->act = ACT_NONE;
    return false;
}

void decide_release(const struct world *w, const struct resource *r, struct decision *out)
{
    const struct group *g = container_of(r, const struct group, r);
    const struct database *d = container_of(r, const struct database, r);
    struct token *const *tokens = r->kind == KIND_GROUP ? g->tokens : d->tokens;
    size_t n = r->kind == KIND_GROUP ? g->n_tokens : d->n_tokens;
    bool fenced = r->kind == KIND_DATABASE && d->own.fence && !fence_is(d, "lifted") &&
                  d->live.present && strcmp(d->live.id, d->own.id) == 0;

    if (fenced && decide_unfence(w, d, out))
        return;
    if (r->kind == KIND_DATABASE && decide_hidden(w, d, out))
        return;
    out->act = ACT_RELEASE;
    say_phase(out, PHASE_PENDING, REASON_QUEUED);
    for (size_t i = 0; i < n; i++)
        if (!is_settled(tokens[i]))
            out->act = ACT_NONE;
    if (out->act == ACT_NONE)
        say_wake(out, w->now_ms + 1000);
}
