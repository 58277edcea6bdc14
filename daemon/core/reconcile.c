#include "core/reconcile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "core/retry.h"
#include "lib/mem.h"

#define WAKE_FLOOR_MS 1000 /* for a time that has passed and yet led to nothing */
#define LOCAL_ACTS_MAX                                                                             \
    8 /* ledger-only acts in a row about one record; each changes what led to it */

uint64_t rc_random(struct reconcile *rc)
{
    /* splitmix64 (Steele, Lea, Flood 2014): one number of the event becomes as many as the step
     * needs. */
    uint64_t z = (rc->random += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

struct reconcile *reconcile_new(const struct config *config, int64_t now_ms)
{
    struct reconcile *rc = mem_alloc(sizeof(*rc));

    if (!rc)
        return NULL;
    rc->config = config;
    rc->authorized = true;
    rc->ledger_ok = true;
    rc->next_id = 1;
    list_init(&rc->trouble);
    rc->obs.next_ms = now_ms;
    schedule_init(&rc->schedule, config->api.concurrency, config->api.rate, now_ms);
    if (!fleet_init(&rc->fleet, &rc->schedule.wakes)) {
        reconcile_free(rc);
        rc = NULL;
    }
    return rc;
}

void reconcile_free(struct reconcile *rc)
{
    if (!rc)
        return;
    schedule_deinit(&rc->schedule); /* its heap points into the fleet */
    fleet_deinit(&rc->fleet);
    if (rc->has_desired)
        desired_deinit(&rc->desired);
    rc_recover_deinit(rc);
    ask_deinit(&rc->asks);
    quota_deinit(&rc->quota);
    audit_deinit(&rc->audit);
    dropped_drafts_deinit(&rc->drafts);
    arena_deinit(&rc->obs.arena);
    arena_deinit(&rc->listed_arena);
    arena_deinit(&rc->members_arena);
    arena_deinit(&rc->invites_arena);
    mem_free(rc->obs.databases);
    mem_free(rc->obs.groups);
    mem_free(rc->obs.cursors);
    mem_free(rc->flights);
    for (size_t i = 0; i < rc->n_counts; i++)
        ledger_row_deinit(LEDGER_COUNT, &rc->counts[i]);
    for (size_t i = 0; i < rc->n_approvals; i++)
        ledger_row_deinit(LEDGER_APPROVAL, &rc->approvals[i]);
    for (size_t i = 0; i < rc->n_leaks; i++)
        ledger_row_deinit(LEDGER_LEAK, &rc->leaks[i]);
    rc_pauses_deinit(rc);
    mem_free(rc->checks.name);
    row_index_deinit(&rc->counts_index);
    row_index_deinit(&rc->approvals_index);
    mem_free(rc->counts);
    mem_free(rc->approvals);
    mem_free(rc->leaks);
    mem_free(rc);
}

void reconcile_watch(struct reconcile *rc, bool audit)
{
    rc->quota.is_on = true;
    rc->own_tokens.is_on = true;
    rc->audit.is_on = audit;
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

void reconcile_identify(struct reconcile *rc, enum own which, const char *token_id,
                        const char *token_hash)
{
    struct identity *self = which == OWN_TOKEN ? &rc->self.token : &rc->self.delete_token;
    bool changed = strcmp(self->token_hash, token_hash) != 0;

    snprintf(self->token_id, sizeof(self->token_id), "%s", token_id);
    snprintf(self->token_hash, sizeof(self->token_hash), "%s", token_hash);
    if (!changed)
        return;
    if (which == OWN_TOKEN)
        rc->self.username[0] = '\0';
    own_token_changed(rc, which);
}

uint64_t reconcile_cycle(const struct reconcile *rc)
{
    return rc->sync_cycle;
}

size_t reconcile_in_flight(const struct reconcile *rc)
{
    const struct recover *v = &rc->recover;

    return rc->n_flights - rc->n_landed + (v->restore.stage == RESTORE_SENT);
}

bool reconcile_is_busy(const struct reconcile *rc)
{
    return reconcile_in_flight(rc) || rc->schedule.n_queued || rc->obs.stage != OBS_IDLE ||
           rc_recover_is_busy(rc);
}

bool reconcile_is_observed(const struct reconcile *rc)
{
    return rc->obs.ever && rc->obs.complete && !rc->obs.contradicted;
}

bool reconcile_looks_beside(const struct reconcile *rc)
{
    return rc->obs.stage > OBS_DATABASES;
}

bool reconcile_deletes_refused(const struct reconcile *rc)
{
    return own_token_refused(rc) != NULL;
}

unsigned reconcile_failed_observations(const struct reconcile *rc)
{
    return rc->obs.attempts;
}

struct flight *rc_flight(struct reconcile *rc, struct resource *r, enum act act)
{
    struct flight *f;

    if (!mem_grow(&rc->flights, &rc->flights_capacity, rc->n_flights + 1, sizeof(*f)))
        return NULL;
    f = &rc->flights[rc->n_flights++];
    *f = (struct flight){.id = rc->next_id++, .r = r, .act = act, .sent_ms = rc->now_ms};
    return f;
}

/* Ids only grow, so the flights are sorted by them; those that have landed are swept when they are
 * half of all. */
static void sweep_flights(struct reconcile *rc)
{
    size_t kept = 0;

    for (size_t i = 0; i < rc->n_flights; i++)
        if (!rc->flights[i].landed)
            rc->flights[kept++] = rc->flights[i];
    rc->n_flights = kept;
    rc->n_landed = 0;
}

bool rc_land(struct reconcile *rc, uint64_t id, struct flight *out)
{
    size_t lo = 0;
    size_t hi = rc->n_flights;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (rc->flights[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == rc->n_flights || rc->flights[lo].id != id || rc->flights[lo].landed)
        return false;
    *out = rc->flights[lo];
    rc->flights[lo].landed = true;
    rc->flights[lo].r = NULL;
    if (++rc->n_landed * 2 > rc->n_flights)
        sweep_flights(rc);
    return true;
}

/* --- phases and events --- */

/* What is told of a change only when all of it is done: the call that made it. */
static const struct {
    const char *what;
    enum call_kind kind;
} DONE_BY[] = {
    {"Created", CALL_DATABASE_CREATE},   {"Created", CALL_GROUP_CREATE},
    {"Fenced", CALL_DATABASE_CONFIGURE}, {"Unfenced", CALL_DATABASE_CONFIGURE},
    {"Removed", CALL_DATABASE_DELETE},   {"Removed", CALL_GROUP_DELETE},
    {"Minted", CALL_DATABASE_TOKEN},     {"Minted", CALL_GROUP_TOKEN},
    {"Renewed", CALL_DATABASE_TOKEN},    {"Renewed", CALL_GROUP_TOKEN},
};

static void say_call(struct event *e, const struct resource *r, const struct answer *a)
{
    if (a) {
        e->request = a->request;
        e->http_status = a->http_status;
        e->duration_ms = a->duration_ms;
        e->attempt = a->attempt;
        return;
    }
    for (size_t i = 0; r && r->last.request && i < ARRAY_SIZE(DONE_BY); i++) {
        if (strcmp(DONE_BY[i].what, e->what) != 0 || DONE_BY[i].kind != r->last.kind)
            continue;
        e->request = r->last.request;
        e->http_status = r->last.http_status;
        e->duration_ms = r->last.duration_ms;
        e->attempt = r->last.attempt;
    }
}

void rc_event(struct reconcile *rc, struct effects *fx, const struct resource *r, const char *what,
              int level, const struct answer *a, const char *fmt, ...)
{
    char message[768];
    char source[512];
    char kind[16];
    char name[256];
    char text[32];
    struct event e = {.at = rc->wall_ms, .level = level, .generation = (int64_t)rc->generation};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    snprintf(kind, sizeof(kind), "%s", r ? KIND_NAME[r->kind] : "daemon");
    snprintf(name, sizeof(name), "%s", r ? r->name : "");
    snprintf(text, sizeof(text), "%s", what);
    e.kind = kind;
    e.name = name;
    e.what = text;
    e.message = message;
    if (r && r->source.line) {
        snprintf(source, sizeof(source), "%s:%u", r->source.file, r->source.line);
        e.source = source;
    }
    say_call(&e, r, a);
    effects_put(fx, LEDGER_EVENT, &e);
}

static int level_of(enum phase phase)
{
    return phase == PHASE_MISSING ? 3 : phase == PHASE_BLOCKED || phase == PHASE_RETRYING ? 4 : 6;
}

static bool is_bad(enum phase phase)
{
    return phase == PHASE_BLOCKED || phase == PHASE_MISSING || phase == PHASE_RETRYING;
}

/* What people are told of as it happens: what needs somebody, and that it no longer does. How a
 * removal gets on is told by events of its own. */
static bool is_news(enum phase from, enum phase to)
{
    return is_bad(to) || to == PHASE_DELETING || (is_bad(from) && to == PHASE_READY);
}

static void uncount_phase(struct reconcile *rc, const struct resource *r)
{
    if (r->phase == PHASE_NONE && r->reason == REASON_NONE)
        return; /* never counted */
    rc->by_phase[r->kind][r->phase]--;
    rc->by_reason[r->reason]--;
}

static void set_step(struct reconcile *rc, struct resource *r, enum step step, bool held)
{
    rc->by_step[r->step]--;
    rc->n_held -= r->held;
    r->step = step;
    r->held = held;
    rc->by_step[r->step]++;
    rc->n_held += r->held;
}

void rc_uncount(struct reconcile *rc, struct resource *r)
{
    uncount_phase(rc, r);
    set_step(rc, r, STEP_NONE, false);
    list_remove(&r->trouble);
}

void rc_set_phase(struct reconcile *rc, struct effects *fx, struct resource *r, enum phase phase,
                  enum reason reason, const char *message)
{
    bool changed = r->phase != phase || r->reason != reason;
    enum phase from = r->phase;

    if (message && !*message)
        message = NULL;
    if (!changed && (!message ? !r->message : r->message && strcmp(message, r->message) == 0))
        return;
    if (!ledger_set(&r->message, message))
        fx->failed = true;
    if (!changed)
        return;
    uncount_phase(rc, r);
    if (is_bad(from) != is_bad(phase)) {
        list_remove(&r->trouble);
        if (is_bad(phase))
            list_append(&rc->trouble, &r->trouble);
    }
    rc->by_phase[r->kind][phase]++;
    rc->by_reason[reason]++;
    if (from != phase)
        r->since_ms = rc->wall_ms;
    r->phase = phase;
    r->reason = reason;
    if (is_news(from, phase) &&
        !(from == phase && (phase == PHASE_RETRYING || phase == PHASE_DELETING)))
        rc_event(rc, fx, r, PHASE_NAME[phase], level_of(phase), NULL, "%s: %s", REASON_NAME[reason],
                 message ? message : REASON_TEXT[reason]);
}

void rc_failed(struct reconcile *rc, struct effects *fx, struct resource *r, enum act act,
               enum reason why, int64_t retry_after_ms, const char *text)
{
    r->failed_act = (int)act;
    r->attempts++;
    if (!r->failing_since_ms)
        r->failing_since_ms = rc->now_ms;
    r->retry_ms = rc->now_ms + retry_delay(r->attempts, rc->config->reconcile.backoff_initial_ms,
                                           rc->config->reconcile.backoff_max_ms, retry_after_ms,
                                           rc_random(rc));
    r->failure = why;
    rc_set(fx, &r->refused_text, text && *text ? text : NULL);
}

void rc_succeeded(struct resource *r)
{
    r->attempts = 0;
    r->retry_ms = 0;
    r->failing_since_ms = 0;
    r->failure = REASON_NONE;
    r->failed_act = ACT_NONE;
}

/* --- deciding about one record --- */

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
        schedule_queue(&rc->schedule, r, d->lane);
    }
}

/* Its entry has expired since everything was looked at last. */
static bool just_unwanted(const struct world *w, const struct database *d)
{
    return d->want && !d->want->absent && d->has_own && strcmp(d->own.state, "owned") == 0 &&
           !d->own.removal_since && !database_is_wanted(w, d);
}

static bool asks_guard(const struct reconcile *rc, const struct world *w, const struct database *d)
{
    return just_unwanted(w, d) || (rc_is_lapsed(rc, d) && !d->fence_lapsed);
}

void rc_consider(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct decision d;
    struct world w;

    if (r->busy || fx->failed)
        return; /* what memory was missing for is half written, and not to be decided about */
    rc_rotation_look(rc, fx, r);
    rc_world(rc, &w);
    if (r->kind == KIND_DATABASE && asks_guard(rc, &w, database_of(r))) {
        rc->replan = true; /* the guard has to be asked first */
        return;
    }
    for (int i = 0; i < LOCAL_ACTS_MAX; i++) {
        rc_world(rc, &w);
        decide(&w, r, &d);
        if (!rc_perform_local(rc, fx, r, &d))
            break;
        if (fx->failed)
            return;
    }
    set_step(rc, r, decision_step(&d), d.held);
    follow(rc, fx, r, &d);
    r->is_done = d.act == ACT_NONE && !d.wants_view && !d.wants_deleted;
    if (r->kind == KIND_DATABASE)
        fleet_touch(&rc->fleet, database_of(r));
    if (is_token(r))
        rc_notify(rc, fx, token_of(r));
    if (r->kind == KIND_DATABASE)
        branch_remind(rc, fx, database_of(r));
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
        rc_consider(rc, fx, &tokens[i]->r);
}

/* --- starting what is queued --- */

static void start(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct decision d;
    struct world w;
    enum reason why;

    rc_world(rc, &w);
    if (r->kind == KIND_DATABASE && asks_guard(rc, &w, database_of(r))) {
        rc->replan = true;
        return;
    }
    decide(&w, r, &d);
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

static void start_ask(struct reconcile *rc, struct effects *fx)
{
    struct call *c = ask_pop(&rc->asks);

    c->id = rc->next_id++;
    schedule_started(&rc->schedule);
    effects_call(fx, c);
}

static void pump(struct reconcile *rc, struct effects *fx)
{
    int64_t again;

    if (rc->stopping || !rc->ledger_ok)
        return;
    while (!fx->failed && (rc->obs.due || rc_recover_is_due(rc) || rc->schedule.n_queued ||
                           ask_waits(&rc->asks))) {
        struct resource *r;

        if (!schedule_may_start(&rc->schedule, rc->now_ms, &again)) {
            if (again < fx->wake_ms)
                fx->wake_ms = again;
            return;
        }
        if (ask_turn(&rc->asks, rc->obs.due || rc_recover_is_due(rc) || rc->schedule.n_queued)) {
            start_ask(rc, fx);
        } else if (rc->obs.due) {
            rc_observe_start(rc, fx);
        } else if (rc_recover_is_due(rc)) {
            rc_recover_start(rc, fx);
        } else if ((r = schedule_pop(&rc->schedule))) {
            start(rc, fx, r);
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

    if (a->kind != CALL_DATABASE_UPLOAD)
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
    if (rc->generation != ev->generation || !rc->generation_ms)
        rc->generation_ms = rc->wall_ms;
    rc->generation = ev->generation;
    if (!fleet_bind(&rc->fleet, &rc->desired))
        fx->failed = true;
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
    if (rc->replan && !rc->stopping)
        earlier(&out->wake_ms, rc->now_ms + 1);
    earlier(&out->wake_ms, schedule_next_wake(&rc->schedule));
    earlier(&out->wake_ms, fleet_next_wake(&rc->fleet));
    if (!rc->stopping)
        earlier(&out->wake_ms, rc_recover_wake(rc));
    if (rc->n_pauses && !rc->stopping)
        earlier(&out->wake_ms, rc->now_ms + (rc->pause_ends_ms - rc->wall_ms));
    if (rc->obs.stage == OBS_IDLE && !rc->stopping)
        earlier(&out->wake_ms, rc->obs.next_ms);
    if (rc->quota.is_on && !rc->quota.outstanding && !rc->stopping)
        earlier(&out->wake_ms, rc->quota.next_ms);
    if (!rc->stopping)
        earlier(&out->wake_ms, own_token_wake(rc));
    if (!rc->stopping)
        earlier(&out->wake_ms, own_rights_wake(rc));
    if (rc->audit.is_on && !rc->audit.is_reading && !rc->stopping)
        earlier(&out->wake_ms, rc->audit.next_ms);
}

/* What the event led to, and what was due by now. */
static void go_on(struct reconcile *rc, struct effects *out)
{
    struct resource *r;

    if (rc->obs.stage == OBS_IDLE && rc->now_ms >= rc->obs.next_ms && !rc->stopping)
        rc_observe(rc);
    quota_tick(rc, out);
    own_token_tick(rc, out);
    own_rights_tick(rc, out);
    audit_tick(rc, out);
    fleet_wake(&rc->fleet, rc->now_ms);
    while (!out->failed && (r = schedule_due(&rc->schedule, rc->now_ms)))
        rc_consider(rc, out, r);
    rc_recover_tick(rc, out);
    for (int i = 0; rc->replan && !out->failed && i < LOCAL_ACTS_MAX; i++)
        rc_replan(rc, out);
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

/* What the life before this one may have sent just before its end. */
static void note_unanswered(struct reconcile *rc)
{
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        struct group *g = rc->fleet.groups[i];

        note_creating(rc, &g->r);
        if (group_removal_may_be_sent(rc->config, g, rc->wall_ms))
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
        if (removal_may_be_sent(rc->config, v.d) || upload_is_going(&rc->drafts, v.d))
            v.d->delete_sent_ms = rc->now_ms;
        if (fence && (strcmp(fence, "wanted") == 0 || strcmp(fence, "lifting") == 0))
            v.d->fence_lost_ms = rc->now_ms;
        fleet_close(&rc->fleet, i, v);
    }
}

int reconcile_step(struct reconcile *rc, const struct rc_event *ev, struct effects *out,
                   struct err *err)
{
    int rv;

    rc->now_ms = ev->now_ms;
    rc->wall_ms = ev->wall_ms;
    rc->random ^= ev->random;
    if (!rc->started_wall_ms) {
        rc->started_wall_ms = ev->wall_ms;
        doubt_start(rc, out);
        rc_rotation_start(rc, out);
        note_unanswered(rc);
    }
    if (rc->n_pauses && rc->wall_ms >= rc->pause_ends_ms) {
        rc_pauses_look(rc, out); /* first: what was paused until now counts no grace */
        rc->replan = true;
    }
    rv = take(rc, ev, out, err);
    out->failed = out->failed || fleet_failed(&rc->fleet);
    if (!out->failed && rv != -ERR_NOMEM)
        go_on(rc, out);
    return out->failed ? err_nomem(err) : rv;
}
