/* consider: one record is decided about: what needs no turn is done at once, what does is queued,
 * and decided about once more when its turn has come. */
#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"

#define WAKE_FLOOR_MS 1000 /* for a time that has passed and yet led to nothing */
#define LOCAL_ACTS_MAX                                                                             \
    8 /* ledger-only acts in a row about one record; each changes what led to it */
#define SETTLED_TOKENS 4 /* of a target that is settled in one go */

static void show_retrying(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    char message[256];

    snprintf(message, sizeof(message), "%s%s%s; tried %u times", REASON_TEXT[r->failure],
             r->refused_text ? ": " : "", r->refused_text ? r->refused_text : "", r->attempts);
    rc_set_phase(rc, fx, r, PHASE_RETRYING, r->failure, message);
    if (!schedule_wake(&rc->schedule, r, r->retry_ms))
        fx->failed = true;
}

static bool is_delete(enum act act)
{
    return act == ACT_DELETE || act == ACT_REVOKE || act == ACT_REMOVE_LOCATION;
}

/* Something stands in the way of any act of this sort. */
static bool is_stopped(const struct reconcile *rc, const struct decision *d, enum reason *why)
{
    bool write = ACT[d->act].write || d->act == ACT_WRITE_FILE || d->act == ACT_MOVE_FILE ||
                 d->act == ACT_REMOVE_FILE || d->act == ACT_REMOVE_STALE;

    *why = !rc->config->policy.writes && write                ? REASON_WRITES_OFF
           : !rc->authorized && ACT[d->act].call              ? REASON_UNAUTHORIZED
           : is_delete(d->act) && own_token_holds_deletes(rc) ? REASON_DELETE_UNAUTHORIZED
                                                              : REASON_NONE;
    return *why != REASON_NONE;
}

static bool is_file_act(enum act act)
{
    return act == ACT_ASK_FILE || act == ACT_WRITE_FILE || act == ACT_MOVE_FILE ||
           act == ACT_REMOVE_FILE || act == ACT_REMOVE_STALE;
}

static void show(struct reconcile *rc, struct effects *fx, struct resource *r,
                 const struct decision *d)
{
    enum reason why;

    r->due_ms = d->due_ms;
    if (d->act != ACT_NONE && (d->phase == PHASE_PENDING || d->phase == PHASE_DELETING) &&
        is_stopped(rc, d, &why))
        rc_set_phase(rc, fx, r, PHASE_PENDING, why, NULL);
    else
        rc_set_phase(rc, fx, r, d->phase, d->reason, d->message);
}

/* The queue of what is to be made is never longer than it need be: who is not in it can be packed.
 */
static bool is_put_off(const struct reconcile *rc, const struct resource *r,
                       const struct decision *d)
{
    return r->kind == KIND_DATABASE && d->act == ACT_CREATE && !r->queued &&
           rc->schedule.n_in[LANE_CREATE] >= rc->queue_most;
}

static void follow(struct reconcile *rc, struct effects *fx, struct resource *r,
                   const struct decision *d)
{
    enum reason why;

    if (d->wants_view && rc->obs.stage == OBS_IDLE)
        rc_observe(rc);
    if (d->wants_deleted)
        rc_recover_ask(rc, KIND_DATABASE);
    if (d->wake_ms != INT64_MAX &&
        !schedule_wake(&rc->schedule, r,
                       d->wake_ms > rc->now_ms ? d->wake_ms : rc->now_ms + WAKE_FLOOR_MS))
        fx->failed = true;
    if (d->act == ACT_NONE && d->phase == PHASE_READY && r->retry_ms <= rc->now_ms)
        rc_succeeded(r); /* whatever failed is not needed any more */
    if (d->act == ACT_NONE || is_stopped(rc, d, &why) ||
        (rc->stopping && d->act != ACT_WRITE_FILE)) {
        show(rc, fx, r, d);
    } else if (r->retry_ms > rc->now_ms && d->phase == PHASE_READY) {
        show(rc, fx, r, d); /* a reading that nobody waits for */
        if (!schedule_wake(&rc->schedule, r, r->retry_ms))
            fx->failed = true;
    } else if (r->retry_ms > rc->now_ms) {
        r->due_ms = d->due_ms;
        show_retrying(rc, fx, r);
    } else if (is_file_act(d->act) && !rc->ledger_ok) {
        show(rc, fx, r, d); /* looked at again when it takes rows */
    } else if (is_file_act(d->act)) {
        show(rc, fx, r, d);
        rc_perform_file(rc, fx, token_of(r), d);
    } else {
        show(rc, fx, r, d);
        if (is_put_off(rc, r, d))
            rc_set_waits(rc, r, true);
        else
            schedule_queue(&rc->schedule, r, d->lane);
    }
}

/* Its entry has expired since everything was looked at last. */
static bool just_unwanted(const struct world *w, const struct database *d)
{
    return d->want && !d->want->absent && d->has_own && strcmp(d->own.state, "owned") == 0 &&
           !d->own.removal_since && !database_is_wanted(w, d);
}

static bool asks_guard(const struct reconcile *rc, const struct world *w, struct database *d)
{
    return rc_want_is_new(rc, w, d) || just_unwanted(w, d) ||
           (rc_is_lapsed(rc, d) && !d->fence_lapsed);
}

/* A mint that counts as an update of its database, and has come to be wanted since the guard was
 * asked. */
static bool mint_asks_guard(const struct reconcile *rc, const struct world *w, struct resource *r,
                            const struct decision *d)
{
    struct token *t = r->kind == KIND_TOKEN && d->act == ACT_MINT ? token_of(r) : NULL;

    return t && token_wants_update(w, t) &&
           rc_want_is_new(rc, w, database_of(token_target(w->fleet, t)));
}

/* First of all: what the guard has said of the database behind it. */
static void hear_guard(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct resource *target = r;

    if (rc->pass.stage != PASS_CONSIDER || rc_is_taking(rc))
        return;
    if (r->kind == KIND_TOKEN)
        target = token_target(&rc->fleet, token_of(r));
    if (target && target->kind == KIND_DATABASE)
        rc_hear_guard(rc, fx, database_of(target));
}

/* What was decided is what is. */
static void conclude(struct reconcile *rc, struct effects *fx, struct resource *r,
                     const struct decision *d)
{
    rc_set_step(rc, r, decision_step(d), d->held);
    rc_set_waits(rc, r, false);
    follow(rc, fx, r, d);
    r->is_done = d->act == ACT_NONE && !d->wants_view;
    if (r->kind == KIND_DATABASE)
        fleet_touch(&rc->fleet, database_of(r));
    if (is_token(r))
        rc_notify(rc, fx, token_of(r));
    if (r->kind == KIND_DATABASE)
        branch_remind(rc, fx, database_of(r));
}

static void consider(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct decision d;
    struct world w;

    if (r->busy || fx->failed)
        return; /* what memory was missing for is half written, and not to be decided about */
    if (rc_is_taking(rc) && rc->has_desired)
        return; /* half of what was shown is no ground; all are decided about when it is whole */
    rc_rotation_look(rc, fx, r);
    rc_world(rc, &w);
    if (r->kind == KIND_DATABASE && asks_guard(rc, &w, database_of(r))) {
        if (w.observed)          /* else the first look has all asked about */
            rc_replan_after(rc); /* the guard has to be asked first */
        return;
    }
    for (int i = 0; i < LOCAL_ACTS_MAX; i++) {
        decide(&w, r, &d);
        if (!rc_perform_local(rc, fx, r, &d))
            break;
        if (fx->failed)
            return;
        rc_world(rc, &w);
    }
    conclude(rc, fx, r, &d);
}

void rc_consider(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    hear_guard(rc, fx, r);
    consider(rc, fx, r);
}

void rc_consider_all(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct token **tokens;
    size_t n;

    rc_consider(rc, fx, r);
    if (r->kind > KIND_DATABASE)
        return;
    tokens = r->kind == KIND_GROUP ? group_of(r)->tokens : database_of(r)->tokens;
    n = r->kind == KIND_GROUP ? group_of(r)->n_tokens : database_of(r)->n_tokens;
    for (size_t i = 0; i < n; i++)
        consider(rc, fx, &tokens[i]->r);
}

static bool is_settled(const struct world *w, const struct resource *r, struct decision *d)
{
    decide(w, r, d);
    return !r->busy && d->act == ACT_NONE && d->phase == PHASE_READY && d->reason == REASON_IN_SYNC;
}

bool rc_settle(struct reconcile *rc, struct effects *fx, const struct world *w, struct resource *r)
{
    struct token **tokens = r->kind == KIND_GROUP ? group_of(r)->tokens : database_of(r)->tokens;
    size_t n = r->kind == KIND_GROUP ? group_of(r)->n_tokens : database_of(r)->n_tokens;
    struct decision d[1 + SETTLED_TOKENS];

    if (n > SETTLED_TOKENS || !is_settled(w, r, &d[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_settled(w, &tokens[i]->r, &d[1 + i]))
            return false;
    conclude(rc, fx, r, &d[0]);
    for (size_t i = 0; i < n; i++)
        conclude(rc, fx, &tokens[i]->r, &d[1 + i]);
    return true;
}

void rc_start(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct decision d;
    struct world w;
    enum reason why;

    hear_guard(rc, fx, r);
    rc_world(rc, &w);
    if (r->kind == KIND_DATABASE && asks_guard(rc, &w, database_of(r))) {
        rc_replan_after(rc);
        return;
    }
    decide(&w, r, &d);
    if (mint_asks_guard(rc, &w, r, &d)) {
        rc_replan_after(rc);
        return;
    }
    if (r->busy || !ACT[d.act].call || is_stopped(rc, &d, &why) || r->retry_ms > rc->now_ms) {
        rc_consider(rc, fx, r);
        return;
    }
    rc_perform_call(rc, fx, r, &d);
    if (d.lane != LANE_SWEEP && !r->look_now)
        rc_set_phase(rc, fx, r,
                     d.phase == PHASE_DELETING || d.phase == PHASE_UNKNOWN ? d.phase
                                                                           : PHASE_WORKING,
                     ACT[d.act].working, NULL);
}

bool rc_wants_more(const struct reconcile *rc)
{
    return rc->n_waits && rc->schedule.n_in[LANE_CREATE] <= rc->queue_most / 2 &&
           !rc_is_stale(rc) && !rc->stopping;
}

void rc_queue_more(struct reconcile *rc, struct effects *fx, bool is_calm)
{
    const size_t *n_queued = &rc->schedule.n_in[LANE_CREATE];
    size_t n = rc->fleet.n_databases;
    size_t left = rc->pass_slice; /* that are opened: perhaps none is to be made any more */

    if (!rc_wants_more(rc) || (!is_calm && *n_queued > rc->queue_most / 4))
        return;
    for (size_t i = 0; i < n && left && rc->n_waits && *n_queued < rc->queue_most; i++) {
        size_t at = rc->waits_at++ % n;
        struct visit v;

        if (!(fleet_flags(&rc->fleet, at) & PACKED_STEP))
            continue;
        left--;
        v = fleet_open(&rc->fleet, at);
        if (!v.d)
            return;
        if (v.d->r.waits)
            rc_consider(rc, fx, &v.d->r);
        if (fx->failed)
            return; /* it is half written */
        fleet_close(&rc->fleet, at, v);
    }
}
