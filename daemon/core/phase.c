/* phase: where a record stands, what of that is told, and what failed is counted. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "core/retry.h"

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
    struct event e = {.at = rc->wall_ms, .level = level, .generation = (int64_t)rc->generation};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    e.kind = (char *)(uintptr_t)(r ? KIND_NAME[r->kind] : "daemon");
    e.name = r ? r->name : (char *)(uintptr_t) "";
    e.what = (char *)(uintptr_t)what;
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

void rc_set_step(struct reconcile *rc, struct resource *r, enum step step, bool held)
{
    rc->held_changes += (r->held || held) && (r->held != held || r->step != step);
    rc->by_step[r->step]--;
    rc->n_held -= r->held;
    r->step = step;
    r->held = held;
    rc->by_step[r->step]++;
    rc->n_held += r->held;
}

void rc_set_waits(struct reconcile *rc, struct resource *r, bool waits)
{
    rc->n_waits -= r->waits;
    r->waits = waits;
    rc->n_waits += r->waits;
}

void rc_uncount(struct reconcile *rc, struct resource *r)
{
    uncount_phase(rc, r);
    rc_set_step(rc, r, STEP_NONE, false);
    rc_set_waits(rc, r, false);
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
