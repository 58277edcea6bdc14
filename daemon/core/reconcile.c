#include "core/reconcile.h"

#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"

uint64_t rc_random(struct reconcile *rc)
{
    /* splitmix64 (Steele, Lea, Flood 2014): one number of the event becomes as many as the step
     * needs. */
    uint64_t z = (rc->random += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void rc_ask(struct reconcile *rc, struct effects *fx, enum ask_ticket who, enum call_kind kind,
            unsigned page)
{
    struct call *c = call_new(kind, NULL);

    if (c) {
        c->ticket = who;
        c->page = page;
        c->total_only = kind == CALL_REPORT_USAGE;
    }
    if (!ask_add(&rc->asks, c))
        fx->failed = true;
}

/* --- starting what is queued --- */

static void start_ask(struct reconcile *rc, struct effects *fx)
{
    struct call *c = ask_pop(&rc->asks);

    c->id = rc->next_id++;
    schedule_started(&rc->schedule);
    effects_call(fx, c);
}

/* Nothing that guard, approval, doubt, stranger, pause or observation has a say in begins on a
 * decision that is older than what is known: while everything is to be looked at again, and until
 * the guard has been asked in that, records wait for their calls. What goes on meanwhile is asked
 * of none of them: looks at the platform, what operators have asked for, minted tokens on their way
 * to their files, and what changes only our own knowledge. A record whose turn has come hears what
 * the guard said, and is decided about once more, before its call is sent (rc_start). */
static size_t n_ready(const struct reconcile *rc)
{
    return rc_is_stale(rc) ? 0 : rc->schedule.n_queued;
}

static void pump(struct reconcile *rc, struct effects *fx)
{
    int64_t again;

    if (rc->stopping || !rc->ledger_ok)
        return;
    while (!fx->failed &&
           (rc->obs.due || rc_recover_is_due(rc) || n_ready(rc) || ask_waits(&rc->asks))) {
        struct resource *r;

        if (!schedule_may_start(&rc->schedule, rc->now_ms, &again)) {
            if (again < fx->wake_ms)
                fx->wake_ms = again;
            return;
        }
        if (ask_turn(&rc->asks, rc->obs.due || rc_recover_is_due(rc) || n_ready(rc))) {
            start_ask(rc, fx);
        } else if (rc->obs.due) {
            rc_observe_start(rc, fx);
        } else if (rc_recover_is_due(rc)) {
            rc_recover_start(rc, fx);
        } else if ((r = schedule_pop(&rc->schedule))) {
            rc_start(rc, fx, r);
        }
    }
}

/* --- the step --- */

/* To whom it was asked for. Takes `a`. */
static void give_back(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    if (a->ticket == ASK_QUOTA)
        quota_absorb(rc, fx, a);
    else if (a->ticket == ASK_AUDIT)
        audit_absorb(rc, fx, a);
    else if (a->ticket == ASK_OWN_TOKEN)
        own_token_absorb(rc, fx, a);
    else if (a->ticket == ASK_OWN_RIGHTS)
        own_rights_absorb(rc, fx, a);
    else
        effects_answer(fx, a);
}

/* To whom it belongs: the observation, the lists of what was deleted, or a record. */
static void hand_on(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    struct flight f;

    if (!call_is_apart(a->kind))
        schedule_finished(&rc->schedule, a, rc->now_ms);
    doubt_clock(rc, fx, a);
    own_token_look(rc, fx, a);
    if (a->call_id == rc->obs.flight) {
        rc_observe_absorb(rc, fx, a);
    } else if (!rc_recover_absorb(rc, fx, a) && rc_land(rc, a->call_id, &f)) {
        f.r->busy = false;
        rc_absorb(rc, fx, &f, a);
    }
}

static void on_answer(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    rc->calls++;
    rc->call_errors += a->outcome != OUTCOME_OK && a->outcome != OUTCOME_NOT_FOUND &&
                       a->outcome != OUTCOME_CANCELED;
    if (a->ticket) {
        schedule_finished(&rc->schedule, a, rc->now_ms);
        doubt_clock(rc, fx, a);
        if (a->outcome == OUTCOME_UNAUTHORIZED)
            rc_stop_writing(rc, fx, a); /* it is not about what was asked */
        give_back(rc, fx, a);
        return;
    }
    hand_on(rc, fx, a);
    answer_free(a);
}

static void on_desired(struct reconcile *rc, struct effects *fx, const struct rc_event *ev)
{
    struct desired old = rc->desired;
    bool had = rc->has_desired;

    rc->desired = *ev->desired;
    *ev->desired = (struct desired){0};
    rc->has_desired = true;
    rc->manifest_digest = rc_manifest_digest(&rc->desired);
    if (rc->generation != ev->generation || !rc->generation_ms)
        rc->generation_ms = rc->wall_ms;
    rc->generation = ev->generation;
    if (!fleet_bind(&rc->fleet, &rc->desired))
        fx->failed = true;
    desired_settle(&rc->desired);
    if (had)
        desired_deinit(&old);
    if (!fx->failed)
        own_rights_look(rc, fx);
    rc->is_bound_anew = rc->replan = true;
}

static void on_unsent_ask(struct reconcile *rc, struct effects *fx, const struct call *c)
{
    struct answer *a = answer_new(c);

    if (a) {
        a->outcome = OUTCOME_NOT_SENT;
        snprintf(a->error, sizeof(a->error), "the ledger cannot be written");
        schedule_finished(&rc->schedule, a, rc->now_ms);
        give_back(rc, fx, a);
    } else {
        fx->failed = true;
    }
}

/* What was sent to the shell but could not be, for the ledger refused what stands before it. */
static void on_unsent(struct reconcile *rc, struct effects *fx, const struct rc_event *ev)
{
    rc->ledger_ok = false;
    snprintf(rc->ledger_error, sizeof(rc->ledger_error), "%s", ev->text ? ev->text : "");
    for (size_t i = 0; i < ev->unsent->n_calls; i++) {
        if (ev->unsent->calls[i]->ticket) {
            on_unsent_ask(rc, fx, ev->unsent->calls[i]);
            continue;
        }
        struct answer a = {.call_id = ev->unsent->calls[i]->id,
                           .kind = ev->unsent->calls[i]->kind,
                           .outcome = OUTCOME_NOT_SENT,
                           .retry_after_ms = -1};

        snprintf(a.error, sizeof(a.error), "the ledger cannot be written");
        hand_on(rc, fx, &a);
    }
    for (size_t i = 0; i < ev->unsent->n_jobs; i++) {
        struct file_result res = {.job_id = ev->unsent->jobs[i]->id,
                                  .kind = ev->unsent->jobs[i]->kind,
                                  .outcome = FILE_FAILED};

        snprintf(res.error, sizeof(res.error), "the ledger cannot be written");
        rc_absorb_file(rc, fx, &res);
    }
    for (size_t i = 0; i < ev->unsent->n_hooks; i++)
        rc_absorb_hook(rc, fx, ev->unsent->hooks[i].kind, ev->unsent->hooks[i].name, false);
}

static int take(struct reconcile *rc, const struct rc_event *ev, struct effects *fx,
                struct err *err)
{
    if (ev->kind == RC_CONFIG || ev->kind == RC_CREDENTIAL || ev->kind == RC_DECISION ||
        ev->kind == RC_COMMAND || ev->kind == RC_RESTORE)
        rc->decided_in = 0; /* seldom, and they may change anything */
    switch (ev->kind) {
    case RC_TICK:
    case RC_WHOLE:
        return 0;
    case RC_DESIRED:
        on_desired(rc, fx, ev);
        return 0;
    case RC_CONFIG:
        rc->config = ev->config;
        schedule_limit(&rc->schedule, rc->config->api.concurrency, rc->config->api.rate);
        own_rights_look(rc, fx);
        rc->replan = true;
        return 0;
    case RC_CREDENTIAL:
        rc->audit.author[0] = '\0'; /* it may be somebody else's */
        own_token_retry_deletes(rc);
        rc_credential(rc);
        return 0;
    case RC_SYNC:
        return rc_sync(rc, ev, err);
    case RC_ANSWER:
        on_answer(rc, fx, ev->answer);
        return 0;
    case RC_FILES:
        for (size_t i = 0; i < ev->n_files; i++)
            rc_absorb_file(rc, fx, &ev->files[i]);
        return 0;
    case RC_HOOK:
        rc_absorb_hook(rc, fx, ev->resource_kind, ev->name, ev->ok);
        return 0;
    case RC_UNSENT:
        on_unsent(rc, fx, ev);
        return 0;
    case RC_LEDGER_OK:
        rc->replan = rc->replan || !rc->ledger_ok;
        rc->ledger_ok = true;
        return 0;
    case RC_ASK:
        return ask_take(&rc->asks, ev->call, err);
    case RC_DECISION:
        return rc_decide_plan(rc, fx, ev, err);
    case RC_RESTORE:
        return rc_restore(rc, ev, err);
    case RC_COMMAND:
        return rc_command(rc, fx, ev->command, err);
    case RC_PROGRESS:
        rc_upload_progress(rc, fx, ev->sent_bytes, ev->total_bytes);
        return 0;
    case RC_STOP:
        rc->stopping = true;
        return 0;
    }
    return 0;
}

static void earlier(int64_t *at, int64_t candidate)
{
    if (candidate < *at)
        *at = candidate;
}

/* When time alone is the next event. */
static void set_wake(const struct reconcile *rc, struct effects *out)
{
    int64_t due_ms = schedule_next_wake(&rc->schedule);

    earlier(&due_ms, fleet_next_wake(&rc->fleet));
    if (reconcile_goes_on(rc) || rc_wants_more(rc) || due_ms <= rc->now_ms)
        due_ms = rc->now_ms + 1; /* not at once: what has come meanwhile goes first */
    earlier(&out->wake_ms, due_ms);
    if (!rc->stopping)
        earlier(&out->wake_ms, rc_recover_wake(rc));
    if (rc->n_pauses && !rc->stopping)
        earlier(&out->wake_ms, rc->now_ms + (rc->pause_ends_ms - rc->wall_ms));
    if (rc->obs.stage == OBS_IDLE && !rc->stopping)
        earlier(&out->wake_ms, rc->obs.next_ms);
    if (!rc->stopping)
        earlier(&out->wake_ms, quota_wake(rc));
    if (!rc->stopping)
        earlier(&out->wake_ms, own_token_wake(rc));
    if (!rc->stopping)
        earlier(&out->wake_ms, own_rights_wake(rc));
    if (rc->audit.is_on && !rc->audit.is_reading && !rc->stopping)
        earlier(&out->wake_ms, rc->audit.next_ms);
}

/* What the event led to, and what was due by now. */
static void go_on(struct reconcile *rc, struct effects *out, bool is_calm)
{
    struct resource *r;

    if (rc_is_taking(rc)) /* as a whole before the end: what has come back is to be published yet */
        rc_take_slice(rc, out, rc->stopping ? SIZE_MAX : rc->look_slice);
    if (rc->obs.stage == OBS_IDLE && rc->now_ms >= rc->obs.next_ms && !rc->stopping)
        rc_observe(rc);
    quota_tick(rc, out);
    own_token_tick(rc, out);
    own_rights_tick(rc, out);
    audit_tick(rc, out);
    fleet_wake(&rc->fleet, rc->now_ms, rc->pass_slice);
    for (size_t n = rc->pass_slice; n && !rc_is_taking(rc) && !out->failed; n--) {
        r = schedule_due(&rc->schedule, rc->now_ms);
        if (!r)
            break;
        rc_consider(rc, out, r);
    }
    rc_recover_tick(rc, out);
    if (!rc_is_taking(rc) && !out->failed)
        rc_replan(rc, out);
    rc_queue_more(rc, out, is_calm);
    pump(rc, out);
    if (!rc->replan && !out->failed && !fleet_failed(&rc->fleet))
        fleet_settle(&rc->fleet);
    out->failed = out->failed || fleet_failed(&rc->fleet);
    set_wake(rc, out);
}

static void note_creating(const struct reconcile *rc, struct resource *r)
{
    struct parts p = rc_parts(r);

    if (*p.has_own && strcmp(p.own->state, "creating") == 0)
        p.live->written_ms = rc->now_ms;
}

/* So lately that another delete of it may yet be carried out. */
static bool is_just_deleted(const struct reconcile *rc, const struct owned *own)
{
    return strcmp(own->state, "deleted") == 0 && rc->wall_ms - own->since < LANDS_WITHIN_MS;
}

/* What the life before this one may have sent just before its end. A delete of whatever is fenced,
 * or of a group that was seen empty: the grace that it waited for may have been a shorter one. */
static void note_unanswered(struct reconcile *rc)
{
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        struct group *g = rc->fleet.groups[i];

        note_creating(rc, &g->r);
        if (g->has_own && g->own.empty_since)
            g->delete_sent_ms = rc->now_ms;
    }
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        bool is_whole = !fleet_is_packed(&rc->fleet, i);
        const char *fence;
        struct visit v;

        if (!is_whole && fleet_flags(&rc->fleet, i) & PACKED_OWNED)
            continue; /* no fence is up, nor was one to be, and it is no draft */
        v = fleet_open(&rc->fleet, i);
        if (!v.d)
            return;
        fence = v.d->has_own ? v.d->own.fence : NULL;
        note_creating(rc, &v.d->r);
        if ((fence && strcmp(fence, "set") == 0) || upload_is_going(&rc->drafts, v.d) ||
            (v.d->has_own && is_just_deleted(rc, &v.d->own)))
            v.d->delete_sent_ms = rc->now_ms;
        if (fence && (strcmp(fence, "wanted") == 0 || strcmp(fence, "lifting") == 0))
            v.d->fence_lost_ms = rc->now_ms;
        fleet_close(&rc->fleet, i, v);
    }
}

/* It is about the plan, or about what a record was decided to be: that is to be whole. */
static bool shows_all(const struct rc_event *ev)
{
    return ev->kind == RC_WHOLE || ev->kind == RC_DECISION || ev->kind == RC_COMMAND ||
           ev->kind == RC_RESTORE;
}

/* What is taken is taken, also where memory was missing before anything came of it. */
static void drop(const struct rc_event *ev)
{
    if (ev->kind == RC_DESIRED)
        desired_deinit(ev->desired);
    else if (ev->kind == RC_ANSWER)
        answer_free(ev->answer);
    else if (ev->kind == RC_ASK)
        call_free(ev->call);
}

int reconcile_step(struct reconcile *rc, const struct rc_event *ev, struct effects *out,
                   struct err *err)
{
    int rv = 0;

    rc->now_ms = ev->now_ms;
    rc->wall_ms = ev->wall_ms;
    rc->random ^= ev->random;
    if (!rc->started_wall_ms) {
        rc->started_wall_ms = ev->wall_ms;
        doubt_start(rc, out);
        rc_rotation_start(rc, out);
        note_unanswered(rc);
        rc_drafts_start(rc);
    }
    if (rc->n_pauses && rc->wall_ms >= rc->pause_ends_ms) {
        rc_pauses_look(rc, out); /* first: what was paused until now counts no grace */
        rc->replan = true;
    }
    if (!out->failed && shows_all(ev))
        rc_replan_whole(rc, out);
    if (!out->failed)
        rv = take(rc, ev, out, err);
    else
        drop(ev);
    out->failed = out->failed || fleet_failed(&rc->fleet);
    if (!out->failed && rv != -ERR_NOMEM)
        go_on(rc, out, ev->kind == RC_TICK);
    return out->failed ? err_nomem(err) : rv;
}
