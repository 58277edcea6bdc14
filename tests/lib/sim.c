/* sim: the reconciler in virtual time.
 * In:    what happens: files, faults, people, crashes, time.
 * Out:   the transcript; the truth; the first rule that was broken.
 * Never: real time, real files, chance that is not in `random`. */
#include "tests/lib/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"
#include "tests/lib/sim_private.h"

#define LAG_MS    60
#define JOB_MS    2
#define HOOK_MS   50
#define STEPS_MAX 200000

uint64_t sim_random(struct sim *s)
{
    s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return s->random ^ s->random >> 29;
}

/* --- effects --- */

static void send_call(struct sim *s, struct call *c)
{
    const struct platform_fault *f = platform_fault(&s->platform, c);
    int64_t takes = f && f->takes_ms >= 0 ? f->takes_ms : s->latency_ms;

    s->n_sent_ever++;
    sim_say_call(s, c);
    sim_check_sent(s, c);
    sim_told_sent(s, c);
    sim_pend(s, (struct sim_pending){.kind = SIM_CALL,
                                     .at_ms = s->now_ms + takes / 2,
                                     .then_ms = s->now_ms + takes,
                                     .sent_ms = s->now_ms,
                                     .call = c});
}

static void carry_out(struct sim *s, struct effects *fx)
{
    for (size_t i = 0; i < fx->n_calls; i++)
        send_call(s, fx->calls[i]);
    for (size_t i = 0; i < fx->n_jobs; i++)
        sim_pend(s, (struct sim_pending){
                        .kind = SIM_JOB, .at_ms = s->now_ms + JOB_MS, .job = fx->jobs[i]});
    for (size_t i = 0; i < fx->n_hooks; i++)
        sim_pend(s, (struct sim_pending){
                        .kind = SIM_HOOK, .at_ms = s->now_ms + HOOK_MS, .hook = fx->hooks[i]});
    fx->n_calls = fx->n_jobs = fx->n_hooks = 0;
}

static bool (*should_fail)(void);

void sim_fail_allocations(bool (*fault)(void))
{
    should_fail = fault;
}

/* It has died, and is told nothing any more. */
static void drop_event(struct rc_event *ev)
{
    if (ev->kind == RC_ANSWER)
        answer_free(ev->answer);
    if (ev->kind == RC_ASK)
        call_free(ev->call);
    if (ev->kind == RC_DESIRED)
        desired_deinit(ev->desired);
}

/* It goes on at once, or when other things have happened. */
static int64_t next_turn(struct sim *s)
{
    return s->now_ms + (s->lags && !s->turn_ms ? (int64_t)(sim_random(s) % LAG_MS) : s->turn_ms);
}

int sim_step(struct sim *s, struct rc_event *ev, struct err *err)
{
    struct effects fx = EFFECTS_INIT;
    int rv;

    if (s->is_lost) {
        drop_event(ev);
        return 0;
    }
    ev->now_ms = s->now_ms;
    ev->wall_ms = s->wall_ms;
    ev->random = reconcile_goes_on(s->rc) ? 0 : sim_random(s); /* however many slices there are */
    s->steps++;
    if (ev->kind == RC_CREDENTIAL)
        s->told.no_deletes_ms = 0;
    fault_set(should_fail);
    rv = reconcile_step(s->rc, ev, &fx, err);
    fault_set(NULL);
    s->wake_ms = reconcile_goes_on(s->rc) ? next_turn(s) : fx.wake_ms;
    if (rv == -ERR_NOMEM || s->loses_step) {
        s->n_nomem += rv == -ERR_NOMEM;
        if (ev->kind == RC_DESIRED)
            desired_deinit(ev->desired); /* it died before it took that */
        s->is_lost = true;
        s->loses_step = false;
        effects_deinit(&fx);
        return rv == -ERR_NOMEM ? 0 : rv;
    }
    if (rv == 0)
        sim_word_note(s, ev);
    sim_say_events(s, &fx);
    sim_say_restored(s);
    for (size_t i = 0; i < fx.n_ops; i++) {
        if (fx.ops[i].table != LEDGER_EVENT)
            continue;
        sim_check_event(s, fx.ops[i].row);
        if (s->on_event)
            s->on_event(s, fx.ops[i].row);
    }
    sim_ledger_take(&s->ledger, &fx);
    if (s->ledger.fails && (fx.n_calls || fx.n_jobs || fx.n_hooks)) {
        struct rc_event unsent = {.kind = RC_UNSENT, .unsent = &fx, .text = "disk full"};

        for (size_t i = 0; i < fx.n_calls; i++)
            sim_note_unsent(s, fx.calls[i]);
        assert_int_equal(sim_step(s, &unsent, err), 0);
    } else {
        carry_out(s, &fx);
    }
    effects_deinit(&fx);
    sim_check_step(s);
    return rv;
}

void sim_tell(struct sim *s, struct rc_event ev)
{
    struct err err; /* a kilobyte, and hardly ever needed */

    err.msg[0] = '\0';
    if (sim_step(s, &ev, &err) != 0)
        sim_break(s, "a step failed: %s", err.msg);
}

/* --- time --- */

bool sim_happen(struct sim *s, int64_t until)
{
    size_t i = sim_first_pending(s);
    int64_t next = s->n_pending ? s->pending[i].at_ms : INT64_MAX;

    if (s->wake_ms < next && s->wake_ms <= until) {
        sim_pass(s, s->wake_ms);
        sim_tell(s, (struct rc_event){.kind = RC_TICK});
    } else if (next <= until) {
        sim_pass(s, next);
        sim_come_to_pass(s, i);
    } else {
        sim_pass(s, until);
        return false;
    }
    if (s->after_step)
        s->after_step(s);
    return true;
}

bool sim_run(struct sim *s, int64_t ms)
{
    int64_t until = s->now_ms + ms;
    uint64_t most = s->steps + STEPS_MAX;

    while (!*s->broken && sim_happen(s, until))
        if (s->steps > most)
            sim_break(s, "there is no end of it");
    return !*s->broken;
}

enum state sim_state(struct sim *s)
{
    return status_state(s->rc, &(struct shell_facts){.manifest_refused = s->manifest_refused});
}

enum state sim_settle(struct sim *s, int64_t most_ms)
{
    int64_t until = s->now_ms + most_ms;
    enum state now = sim_state(s);

    while (!*s->broken && s->now_ms < until &&
           (now == STATE_STARTING || now == STATE_WORKING || s->n_pending ||
            reconcile_goes_on(s->rc))) {
        if (!sim_happen(s, until))
            break;
        now = sim_state(s);
    }
    return sim_state(s);
}

void sim_plan(struct sim *s, struct plan *out)
{
    struct err err = ERR_INIT;

    if (reconcile_goes_on(s->rc))
        sim_tell(s, (struct rc_event){.kind = RC_WHOLE});
    assert_int_equal(plan_build(s->rc, out, &err), 0);
}

int sim_decide(struct sim *s, bool approve, const char *plan, const char *reason, struct err *err)
{
    struct rc_event ev = {
        .kind = RC_DECISION, .ok = approve, .plan = plan, .text = reason, .uid = 1000};

    return sim_step(s, &ev, err);
}
