/* How the daemon finds the speed that the platform bears, and who goes first at it, against a small
 * platform in virtual time: it takes so long for a call, lets so many through in a second, a few
 * more at once, and does so many at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/schedule.h"

#define FLYING_MAX 256

struct flying {
    int64_t due_ms;
    int64_t sent_ms;
    bool is_refused;
};

struct world {
    struct schedule s;
    int64_t now_ms;
    int64_t delay_ms;
    double limit; /* calls a second; 0: none */
    double burst;
    double tokens;
    int64_t tokens_ms;
    int64_t retry_after_ms;
    unsigned servers;        /* calls that it works on at a time; more wait; 0: any number */
    unsigned refuses_one_in; /* of calls, at any speed; 0: none */
    uint32_t chance;
    double wanted; /* calls a second that there are to make; 0: always one more */
    double waiting;
    int64_t free_ms[FLYING_MAX];
    struct flying flying[FLYING_MAX];
    unsigned n_flying;
    unsigned passed;
    unsigned refused;
};

static void open_world(struct world *w, unsigned concurrency, unsigned rate)
{
    *w = (struct world){.delay_ms = 50, .burst = 10, .tokens = 10};
    schedule_init(&w->s, concurrency, rate, 0);
}

static bool is_let_through(struct world *w)
{
    w->tokens += (double)(w->now_ms - w->tokens_ms) * w->limit / 1000;
    w->tokens_ms = w->now_ms;
    w->chance = w->chance * 1664525 + 1013904223;
    if (w->refuses_one_in && (w->chance >> 8) % w->refuses_one_in == 0)
        return false;
    if (w->tokens > w->burst)
        w->tokens = w->burst;
    if (w->limit > 0 && w->tokens < 1)
        return false;
    w->tokens -= w->limit > 0;
    return true;
}

/* When it is done with a call that comes now. */
static int64_t done_ms(struct world *w)
{
    unsigned best = 0;

    if (!w->servers)
        return w->now_ms + w->delay_ms;
    for (unsigned i = 1; i < w->servers; i++)
        best = w->free_ms[i] < w->free_ms[best] ? i : best;
    if (w->free_ms[best] < w->now_ms)
        w->free_ms[best] = w->now_ms;
    return w->free_ms[best] += w->delay_ms;
}

static void send_call(struct world *w)
{
    struct flying *f = &w->flying[w->n_flying++];

    assert_true(w->n_flying <= FLYING_MAX);
    schedule_started(&w->s);
    f->sent_ms = w->now_ms;
    f->is_refused = !is_let_through(w);
    f->due_ms = f->is_refused ? w->now_ms + w->delay_ms : done_ms(w);
}

static void land(struct world *w)
{
    for (unsigned i = 0; i < w->n_flying;) {
        struct flying f = w->flying[i];
        struct answer a = {.kind = CALL_DATABASE_CREATE,
                           .outcome = f.is_refused ? OUTCOME_THROTTLED : OUTCOME_OK,
                           .retry_after_ms = f.is_refused ? w->retry_after_ms : -1,
                           .duration_ms = w->now_ms - f.sent_ms};

        if (f.due_ms > w->now_ms) {
            i++;
            continue;
        }
        w->flying[i] = w->flying[--w->n_flying];
        w->passed += !f.is_refused;
        w->refused += f.is_refused;
        schedule_finished(&w->s, &a, w->now_ms);
    }
}

/* One ms: what has come back, then what may go. */
static bool may_send(struct world *w)
{
    int64_t again;

    return schedule_may_start(&w->s, w->now_ms, &again);
}

static void run(struct world *w, int64_t seconds)
{
    int64_t end = w->now_ms + seconds * 1000;

    w->passed = w->refused = 0;
    for (; w->now_ms < end; w->now_ms++) {
        land(w);
        w->waiting += w->wanted / 1000;
        while ((w->wanted <= 0 || w->waiting >= 1) && may_send(w)) {
            send_call(w);
            w->waiting -= w->wanted > 0;
        }
    }
}

/* --- the pace -------------------------------------------------------------------------------- */

/* Within a minute nine tenths of the limit are used, and not one call in a hundred is refused. */
static void assert_fits(struct world *w, double limit)
{
    w->limit = limit;
    run(w, 60);
    run(w, 60);
    assert_true(w->passed >= 0.9 * limit * 60);
    assert_true(w->refused * 100 < w->passed + w->refused);
}

static void check_quarter(double limit, double burst, int64_t retry_after_ms)
{
    struct world w;

    open_world(&w, 64, 0);
    w.burst = burst;
    w.retry_after_ms = retry_after_ms;
    assert_fits(&w, limit);
    assert_fits(&w, limit / 4);
    assert_fits(&w, limit);
    schedule_deinit(&w.s);
}

static void pace__limit_drops_to_a_quarter_and_returns__is_found_within_a_minute(void **state)
{
    (void)state;
    check_quarter(200, 10, 1000);
    check_quarter(200, 10, -1);
    check_quarter(200, 20, 1000);
    check_quarter(120, 10, 1000);
    check_quarter(40, 10, 1000);
    check_quarter(400, 40, 1000);
}

static void check_noise(double wanted, unsigned refuses_one_in, double least)
{
    struct world w;

    open_world(&w, 64, 0);
    w.refuses_one_in = refuses_one_in;
    w.retry_after_ms = 1000;
    w.wanted = wanted;
    for (int minute = 0; minute < 10; minute++) {
        run(&w, 60);
        assert_true(w.passed >= least * 60);
    }
    schedule_deinit(&w.s);
}

/* Somebody else uses up what the platform lets through: that we are slower changes nothing. */
static void pace__refused_now_and_then_at_any_speed__does_not_give_up(void **state)
{
    (void)state;
    check_noise(10, 50, 5);
    check_noise(50, 50, 5);
    check_noise(5, 20, 2);
    check_noise(0, 50, 5);
}

static void pace__under_a_rate_of_our_own__never_goes_beyond_it(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 64, 50);
    w.retry_after_ms = 1000;
    w.limit = 20;
    run(&w, 60);
    w.limit = 0;
    run(&w, 60);
    run(&w, 10);
    assert_in_range(w.passed, 490, 505);
    assert_true(w.s.pace.rate <= 0); /* and has forgotten the other */
    schedule_deinit(&w.s);
}

static void pace__refused_before_anything_passed__is_as_it_was(void **state)
{
    struct pace p;

    (void)state;
    pace_init(&p, 0);
    for (int64_t now = 0; now < 20000; now += 2000) {
        pace_refused(&p, now, now + 1000);
        pace_passed(&p, now + 1500);
    }
    assert_true(pace_rate(&p, 10, 30000) >= 10);
}

static void pace__that_is_not_used__does_not_grow(void **state)
{
    struct world w;
    int64_t again;
    double before;

    (void)state;
    open_world(&w, 64, 0);
    w.limit = 20;
    w.retry_after_ms = 1000;
    run(&w, 60);
    before = w.s.pace.rate;
    for (int i = 0; i < 600; i++) {
        w.now_ms += 1000;
        land(&w);
        (void)schedule_may_start(&w.s, w.now_ms, &again);
    }
    assert_true(w.s.pace.rate <= before * 1.3);
    schedule_deinit(&w.s);
}

/* --- calls that take ever longer ------------------------------------------------------------- */

static void window__platform_that_queues__is_not_given_more_than_it_works_on(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 128, 0);
    w.servers = 16;
    run(&w, 60);
    run(&w, 60);
    assert_true(w.passed >= 0.9 * 60 * 16 * 20); /* 20 calls a second each */
    assert_true(w.s.window < 64);

    w.servers = 4;
    run(&w, 60);
    run(&w, 60);
    assert_true(w.passed >= 0.9 * 60 * 4 * 20);
    assert_true(w.s.window < 24);

    w.servers = 64;
    run(&w, 60);
    run(&w, 60);
    assert_true(w.passed >= 0.9 * 60 * 64 * 20);
    schedule_deinit(&w.s);
}

static void window__calls_of_another_kind_take_longer__is_as_it_was(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 64, 0);
    run(&w, 10);
    for (int i = 0; i < 1000; i++) {
        struct answer a = {.kind = i % 2 ? CALL_DATABASE_GET : CALL_DATABASE_CONFIGURE,
                           .outcome = OUTCOME_OK,
                           .retry_after_ms = -1,
                           .duration_ms = i % 2 ? 40 : 900};

        schedule_started(&w.s);
        schedule_finished(&w.s, &a, w.now_ms += 10);
    }
    assert_true(w.s.window >= 64);
    schedule_deinit(&w.s);
}

/* --- lanes ----------------------------------------------------------------------------------- */

#define CORRECTIONS 100000
#define DROPS       200
#define RATE        100

static int compare_ms(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* What is popped goes out, as fast as the schedule lets it. Until `want` has gone, or the time is
 * up. True: it has. */
static bool goes_within(struct world *w, const struct resource *want, int64_t ms)
{
    bool gone = false;

    for (int64_t end = w->now_ms + ms; !gone && w->now_ms < end; w->now_ms++) {
        land(w);
        while (!gone && may_send(w)) {
            struct resource *r = schedule_pop(&w->s);

            send_call(w);
            gone = r == want;
        }
    }
    return gone;
}

static void
lanes__behind_100000_corrections__let_what_is_new_and_what_expires_go_first(void **state)
{
    struct resource *corrections = calloc(CORRECTIONS, sizeof(*corrections));
    struct resource *drops = calloc(2 * DROPS, sizeof(*drops));
    struct resource sweep = {0};
    int64_t took[DROPS];
    struct world w;

    (void)state;
    open_world(&w, 64, RATE);
    for (int i = 0; i < CORRECTIONS; i++)
        schedule_queue(&w.s, &corrections[i], LANE_UPDATE);
    schedule_queue(&w.s, &sweep, LANE_SWEEP);
    for (int i = 0; i < DROPS; i++) {
        int64_t begun = w.now_ms;
        struct resource *renewal = &drops[DROPS + i];

        schedule_queue(&w.s, &drops[i], LANE_CREATE);
        assert_true(goes_within(&w, &drops[i], 3000));
        took[i] = w.now_ms - begun;
        schedule_queue(&w.s, renewal, LANE_RENEW);
        assert_true(goes_within(&w, renewal, 100));
        (void)goes_within(&w, NULL, 500);
    }
    qsort(took, DROPS, sizeof(*took), compare_ms);
    assert_in_range(took[DROPS / 2], 0, 1000);
    assert_in_range(took[DROPS * 99 / 100], 0, 3000);
    assert_false(sweep.queued); /* it did not starve, nor did they all */
    assert_true(w.s.n_queued < CORRECTIONS);
    schedule_deinit(&w.s);
    free(corrections);
    free(drops);
}

/* However many of the urgent ones come: the least urgent has every eighth place. */
static void lanes__under_urgent_ones_without_end__all_get_on(void **state)
{
    struct resource urgent[4] = {0};
    struct resource rest[LANE_N] = {0};
    struct world w;

    (void)state;
    open_world(&w, 64, RATE);
    for (int lane = LANE_LIFT; lane < LANE_N; lane++)
        schedule_queue(&w.s, &rest[lane], (enum lane)lane);
    for (int i = 0; i < 200; i++) {
        schedule_queue(&w.s, &urgent[i % 4], LANE_RENEW);
        (void)schedule_pop(&w.s);
    }
    for (int lane = LANE_LIFT; lane < LANE_N; lane++)
        assert_false(rest[lane].queued);
    schedule_deinit(&w.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pace__limit_drops_to_a_quarter_and_returns__is_found_within_a_minute),
        cmocka_unit_test(pace__refused_now_and_then_at_any_speed__does_not_give_up),
        cmocka_unit_test(pace__under_a_rate_of_our_own__never_goes_beyond_it),
        cmocka_unit_test(pace__refused_before_anything_passed__is_as_it_was),
        cmocka_unit_test(pace__that_is_not_used__does_not_grow),
        cmocka_unit_test(window__platform_that_queues__is_not_given_more_than_it_works_on),
        cmocka_unit_test(window__calls_of_another_kind_take_longer__is_as_it_was),
        cmocka_unit_test(
            lanes__behind_100000_corrections__let_what_is_new_and_what_expires_go_first),
        cmocka_unit_test(lanes__under_urgent_ones_without_end__all_get_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
