/* sim_pending: what is under way: calls, answers, file jobs, hooks, and what comes long after.
 * In:    what was begun. Out: what comes to pass next, and what came of it.
 * Never: real time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/sim_private.h"

#define LATE_MS 10000 /* that what was sent before a crash is still on its way */

void sim_pend(struct sim *s, struct sim_pending one)
{
    assert_true(mem_grow(&s->pending, &s->pending_capacity, s->n_pending + 1, sizeof(*s->pending)));
    one.order = ++s->order;
    s->pending[s->n_pending++] = one;
}

void sim_pending_deinit(struct sim_pending *p)
{
    call_free(p->call);
    answer_free(p->answer);
    file_job_free(p->job);
    hook_run_deinit(&p->hook);
}

size_t sim_first_pending(const struct sim *s)
{
    size_t best = 0;

    for (size_t i = 1; i < s->n_pending; i++)
        if (s->pending[i].at_ms < s->pending[best].at_ms ||
            (s->pending[i].at_ms == s->pending[best].at_ms &&
             s->pending[i].order < s->pending[best].order))
            best = i;
    return best;
}

void sim_pass(struct sim *s, int64_t until)
{
    if (until <= s->now_ms)
        return;
    sim_told_pass(s, until - s->now_ms);
    s->wall_ms += until - s->now_ms;
    s->now_ms = until;
}

/* --- a call on its way --- */

static bool is_write(const struct call *c)
{
    return strcmp(CALL_INFO[c->kind].method, "GET") != 0;
}

static int64_t late_of(struct sim *s, const struct call *c)
{
    const struct platform_fault *f = platform_fault(&s->platform, c);

    return f && is_write(c) ? f->late_ms : 0;
}

void sim_come_late(struct sim *s, const struct call *c, int64_t sent_ms)
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
    sim_pend(
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

/* --- all of it --- */

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

void sim_come_to_pass(struct sim *s, size_t i)
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
        sim_come_late(s, p.call, p.sent_ms);
    } else if (p.kind == SIM_JOB) {
        do_job(s, p.job);
    } else {
        tell_hook(s, &p.hook);
    }
    sim_pending_deinit(&p);
}

/* --- the end of a life --- */

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

void sim_forget_pending(struct sim *s, enum sim_end end)
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
        sim_pending_deinit(&p);
    }
}

bool sim_is_waited_for(const struct sim *s)
{
    for (size_t i = 0; i < s->n_pending; i++)
        if (s->pending[i].kind != SIM_LATE)
            return true;
    return false;
}
