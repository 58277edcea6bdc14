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

#include "core/reconcile_private.h"
#include "lib/mem.h"

#define BEGIN_WALL_MS  INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */
#define BEGIN_MS       1000000
#define JOB_MS         2
#define HOOK_MS        50
#define STEPS_MAX      200000
#define REREADS_ONE_IN 4
#define LATE_MS        10000 /* that what was sent before a crash is still on its way */

uint64_t sim_random(struct sim *s)
{
    s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return s->random ^ s->random >> 29;
}

/* --- what is under way --- */

static void add_pending(struct sim *s, struct sim_pending one)
{
    assert_true(mem_grow(&s->pending, &s->pending_capacity, s->n_pending + 1, sizeof(*s->pending)));
    one.order = ++s->order;
    s->pending[s->n_pending++] = one;
}

static void pending_deinit(struct sim_pending *p)
{
    call_free(p->call);
    answer_free(p->answer);
    file_job_free(p->job);
    hook_run_deinit(&p->hook);
}

static size_t first_pending(const struct sim *s)
{
    size_t best = 0;

    for (size_t i = 1; i < s->n_pending; i++)
        if (s->pending[i].at_ms < s->pending[best].at_ms ||
            (s->pending[i].at_ms == s->pending[best].at_ms &&
             s->pending[i].order < s->pending[best].order))
            best = i;
    return best;
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
    add_pending(s, (struct sim_pending){.kind = SIM_CALL,
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
        add_pending(s, (struct sim_pending){
                           .kind = SIM_JOB, .at_ms = s->now_ms + JOB_MS, .job = fx->jobs[i]});
    for (size_t i = 0; i < fx->n_hooks; i++)
        add_pending(s, (struct sim_pending){
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
    ev->random = sim_random(s);
    s->steps++;
    if (ev->kind == RC_CREDENTIAL)
        s->told.no_deletes_ms = 0;
    mem_set_fault(should_fail);
    rv = reconcile_step(s->rc, ev, &fx, err);
    mem_set_fault(NULL);
    s->wake_ms = fx.wake_ms;
    if (rv == -ERR_NOMEM || s->loses_step) {
        s->n_nomem += rv == -ERR_NOMEM;
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
    struct err err = ERR_INIT;

    if (sim_step(s, &ev, &err) != 0)
        sim_break(s, "a step failed: %s", err.msg);
}

/* --- what happens --- */

static bool is_write(const struct call *c)
{
    return strcmp(CALL_INFO[c->kind].method, "GET") != 0;
}

static int64_t late_of(struct sim *s, const struct call *c)
{
    const struct platform_fault *f = platform_fault(&s->platform, c);

    return f && is_write(c) ? f->late_ms : 0;
}

static void come_late(struct sim *s, const struct call *c, int64_t sent_ms)
{
    s->platform.now_ms = s->now_ms;
    s->platform.wall_ms = s->wall_ms;
    sim_say(s, "* late: %s%s%s", CALL_INFO[c->kind].name, c->name ? " " : "",
            c->name ? c->name : "");
    sim_check_late(s, c, sent_ms);
    platform_call_late(&s->platform, c);
}

static void put_off(struct sim *s, const struct sim_pending *p, int64_t ms)
{
    add_pending(
        s, (struct sim_pending){
               .kind = SIM_LATE, .at_ms = s->now_ms + ms, .sent_ms = p->sent_ms, .call = p->call});
}

static void arrive(struct sim *s, struct sim_pending *p)
{
    s->platform.now_ms = s->now_ms;
    s->platform.wall_ms = s->wall_ms;
    p->late_ms = late_of(s, p->call);
    if (!p->late_ms)
        sim_check_arrived(s, p->call);
    p->answer = platform_call(&s->platform, p->call);
    p->answer->date_ms = s->wall_ms - s->ahead_ms;
    p->kind = SIM_ANSWER;
    p->at_ms = p->then_ms;
    p->order = ++s->order;
}

static void do_job(struct sim *s, const struct file_job *j)
{
    static const char *const VERB[] = {[FILE_PUBLISH] = "write",
                                       [FILE_MOVE] = "move to",
                                       [FILE_REMOVE] = "remove",
                                       [FILE_READ] = "read",
                                       [FILE_CHECK] = "check"};
    struct file_result r = sim_do_job(s, j);
    bool failed = r.outcome == FILE_FAILED || r.outcome == FILE_UNMARKED;

    if (j->kind <= FILE_REMOVE || (failed && j->kind == FILE_READ))
        sim_say(s, "@ %s %s%s", VERB[j->kind], j->path,
                r.outcome == FILE_DONE       ? ""
                : r.outcome == FILE_ABSENT   ? ": not there"
                : r.outcome == FILE_OTHER    ? ": another token's"
                : r.outcome == FILE_UNMARKED ? ": tokens_dir is unmarked"
                                             : ": failed");
    sim_tell(s, (struct rc_event){.kind = RC_FILES, .files = &r, .n_files = 1});
}

static void tell_hook(struct sim *s, const struct hook_run *h)
{
    sim_say(s, "@ hook %s %s/%s %s %s%s", h->hook, h->kind, h->name, h->file, h->cause,
            s->hooks_fail ? ": failed" : "");
    sim_tell(s,
             (struct rc_event){
                 .kind = RC_HOOK, .resource_kind = h->kind, .name = h->name, .ok = !s->hooks_fail});
}

static void come_to_pass(struct sim *s, size_t i)
{
    struct sim_pending p = s->pending[i];

    if (p.kind == SIM_CALL) {
        arrive(s, &s->pending[i]);
        return;
    }
    s->pending[i] = s->pending[--s->n_pending];
    if (p.kind == SIM_ANSWER) {
        struct answer *a = p.answer;

        p.answer = NULL;
        sim_say_answer(s, p.call, a);
        sim_told_answer(s, p.call, a, p.sent_ms);
        sim_tell(s, (struct rc_event){.kind = RC_ANSWER, .answer = a});
        if (p.late_ms) {
            put_off(s, &p, p.late_ms);
            p.call = NULL;
        }
    } else if (p.kind == SIM_LATE) {
        come_late(s, p.call, p.sent_ms);
    } else if (p.kind == SIM_JOB) {
        do_job(s, p.job);
    } else {
        tell_hook(s, &p.hook);
    }
    pending_deinit(&p);
}

static void pass(struct sim *s, int64_t until)
{
    if (until <= s->now_ms)
        return;
    sim_told_pass(s, until - s->now_ms);
    s->wall_ms += until - s->now_ms;
    s->now_ms = until;
}

bool sim_happen(struct sim *s, int64_t until)
{
    size_t i = first_pending(s);
    int64_t next = s->n_pending ? s->pending[i].at_ms : INT64_MAX;

    if (s->wake_ms < next && s->wake_ms <= until) {
        pass(s, s->wake_ms);
        sim_tell(s, (struct rc_event){.kind = RC_TICK});
    } else if (next <= until) {
        pass(s, next);
        come_to_pass(s, i);
    } else {
        pass(s, until);
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
           (now == STATE_STARTING || now == STATE_WORKING || s->n_pending)) {
        if (!sim_happen(s, until))
            break;
        now = sim_state(s);
    }
    return sim_state(s);
}

/* --- the configuration --- */

static struct config *read_config(const char *settings)
{
    char text[4096];
    struct config_input in = {"tenantd.yaml", text, 0};
    struct diags diags = DIAGS_INIT;
    struct config *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    snprintf(text, sizeof(text), "organization: acme\n%s%s",
             strstr(settings, "api:") ? "" : "api: {rate: 0}\n", settings);
    in.size = strlen(text);
    if (config_parse(&in, 1, NULL, c, &diags) != 0)
        fail_msg("the settings are refused: %s\n%s", diags.n ? diags.items[0].message : "?", text);
    diags_deinit(&diags);
    for (size_t i = 0; i < c->n_keys; i++) /* as if they had been read: "k-16" is of 16 bytes */
        c->keys[i].bytes = strstr(c->keys[i].name, "-16") ? 16 : 32;
    return c;
}

static void free_config(struct config *c)
{
    if (c)
        config_deinit(c);
    free(c);
}

void sim_forget_removals(struct sim *s)
{
    size_t kept = 0;

    for (size_t i = 0; s->config && i < s->n_removals; i++)
        if (s->wall_ms - s->removals[i].wall_ms < s->config->policy.guard.window_ms)
            s->removals[kept++] = s->removals[i];
    s->n_removals = kept;
}

void sim_configure(struct sim *s, const char *settings)
{
    sim_forget_removals(s);
    s->old_config = s->config;
    s->config = read_config(settings);
    s->n_sent = 0; /* at another pace */
    if (!s->rc)
        return;
    sim_tell(s, (struct rc_event){.kind = RC_CONFIG, .config = s->config});
    free_config(s->old_config);
    s->old_config = NULL;
}

/* --- beginning, ending, and what is between --- */

static void begin(struct sim *s)
{
    s->rc = reconcile_new(s->config, s->now_ms);
    assert_non_null(s->rc);
    reconcile_identify(s->rc, OWN_TOKEN, s->self_id, s->self_hash);
    reconcile_identify(s->rc, OWN_DELETE_TOKEN, "k-deleter", "deleter");
    if (s->watches)
        reconcile_watch(s->rc, true);
}

void sim_init(struct sim *s, const char *settings, uint64_t random)
{
    memset(s, 0, sizeof(*s));
    s->out = BUF_INIT(1u << 22);
    s->now_ms = s->start_ms = BEGIN_MS;
    s->wall_ms = BEGIN_WALL_MS;
    s->latency_ms = 40;
    s->random = random;
    s->state_shown = -1;
    s->files_say = FILE_DONE;
    s->config = read_config(settings);
    snprintf(s->self_id, sizeof(s->self_id), "k-0");
    snprintf(s->self_hash, sizeof(s->self_hash), "self");
    begin(s);
    s->wake_ms = s->now_ms;
}

/* But for what is late: that is the platform's. */
static bool take_pending(struct sim *s, struct sim_pending *out)
{
    size_t i = s->n_pending;

    for (size_t k = 0; k < s->n_pending; k++)
        if (s->pending[k].kind != SIM_LATE &&
            (i == s->n_pending || s->pending[k].at_ms < s->pending[i].at_ms ||
             (s->pending[k].at_ms == s->pending[i].at_ms &&
              s->pending[k].order < s->pending[i].order)))
            i = k;
    if (i == s->n_pending)
        return false;
    *out = s->pending[i];
    s->pending[i] = s->pending[--s->n_pending];
    return true;
}

static void forget_pending(struct sim *s, enum sim_end end)
{
    struct sim_pending p;

    while (take_pending(s, &p)) {
        bool done = end == SIM_DONE || (end == SIM_HALF_DONE && sim_random(s) & 1);

        if (p.late_ms || (done && p.kind == SIM_CALL && is_write(p.call) && end == SIM_HALF_DONE &&
                          sim_random(s) % 4 == 0)) {
            put_off(s, &p, p.late_ms ? p.late_ms : LATE_MS);
            p.call = NULL;
        } else if (done && p.kind == SIM_CALL) {
            s->platform.now_ms = s->now_ms;
            s->platform.wall_ms = s->wall_ms;
            p.answer = platform_call(&s->platform, p.call);
        } else if (done && p.kind == SIM_JOB) {
            (void)sim_do_job(s, p.job);
        }
        pending_deinit(&p);
    }
}

/* What the files would make again, one life takes over from the last. */
static bool take_want(struct sim *s, struct desired *out)
{
    struct reconcile *rc = s->rc;

    if (!s->seldom_rereads || !s->want_is_of_now || s->steps % REREADS_ONE_IN == 0 ||
        !rc->has_desired || rc->desired.databases != s->want.databases)
        return false;
    *out = rc->desired;
    rc->desired = (struct desired){0};
    rc->has_desired = false;
    return true;
}

/* want: taken over; NULL: it is read. */
static void start(struct sim *s, struct desired *want)
{
    begin(s);
    s->wake_ms = s->now_ms;
    s->n_sent = 0;
    s->is_lost = s->loses_step = false;
    sim_told_clear(&s->told);
    for (size_t i = 0; i < s->ledger.n; i++)
        assert_true(reconcile_load(s->rc, s->ledger.rows[i].table, s->ledger.rows[i].row));
    if (want)
        sim_tell(
            s, (struct rc_event){.kind = RC_DESIRED, .desired = want, .generation = s->generation});
    else if (s->has_want || s->now_files.n)
        sim_manifest(s);
}

static void drop_waiting(struct sim_ledger *l)
{
    for (size_t i = 0; i < l->n_waiting; i++)
        ledger_op_deinit(&l->waiting[i]);
    l->n_waiting = 0;
}

/* Only what is late goes on. */
static void be_down(struct sim *s, int64_t ms)
{
    int64_t until = s->now_ms + ms;

    while (s->n_pending && s->pending[first_pending(s)].at_ms <= until) {
        size_t i = first_pending(s);
        struct sim_pending p = s->pending[i];

        pass(s, p.at_ms);
        s->pending[i] = s->pending[--s->n_pending];
        come_late(s, p.call, p.sent_ms);
        pending_deinit(&p);
    }
    pass(s, until);
}

void sim_crash(struct sim *s, enum sim_end end, int64_t down_ms)
{
    struct desired want;
    bool taken = take_want(s, &want);

    forget_pending(s, end);
    drop_waiting(&s->ledger);
    reconcile_free(s->rc);
    be_down(s, down_ms);
    start(s, taken ? &want : NULL);
}

void sim_suspend(struct sim *s, int64_t ms)
{
    s->jumped_ms += ms;
    s->wall_ms += ms;
}

static bool is_waited_for(const struct sim *s)
{
    for (size_t i = 0; i < s->n_pending; i++)
        if (s->pending[i].kind != SIM_LATE)
            return true;
    return false;
}

void sim_stop(struct sim *s)
{
    s->stopping = true;
    sim_tell(s, (struct rc_event){.kind = RC_STOP});
    while (is_waited_for(s) && !*s->broken)
        come_to_pass(s, (pass(s, s->pending[first_pending(s)].at_ms), first_pending(s)));
    s->stopping = false;
    sim_crash(s, SIM_UNDONE, 0);
}

void sim_ledger_fails(struct sim *s, bool fails)
{
    s->ledger.fails = fails;
    if (fails)
        return;
    sim_ledger_commit(&s->ledger);
    sim_tell(s, (struct rc_event){.kind = RC_LEDGER_OK});
}

int sim_decide(struct sim *s, bool approve, const char *plan, const char *reason, struct err *err)
{
    struct rc_event ev = {
        .kind = RC_DECISION, .ok = approve, .plan = plan, .text = reason, .uid = 1000};

    return sim_step(s, &ev, err);
}

void sim_deinit(struct sim *s)
{
    forget_pending(s, SIM_UNDONE);
    while (s->n_pending)
        pending_deinit(&s->pending[--s->n_pending]);
    mem_free(s->pending);
    reconcile_free(s->rc);
    sim_ledger_deinit(&s->ledger);
    sim_told_deinit(&s->told);
    platform_deinit(&s->platform);
    sim_files_deinit(&s->now_files);
    sim_files_deinit(&s->good_files);
    sim_say_deinit(s);
    buf_deinit(&s->out);
    free_config(s->config);
}
