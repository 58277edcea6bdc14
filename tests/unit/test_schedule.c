/* What goes next, how fast, how long to wait, and how much at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/guard.h"
#include "core/retry.h"
#include "core/schedule.h"
#include "lib/heap.h"

static void heap__of_many__gives_them_in_order(void **state)
{
    struct heap_node nodes[100] = {0};
    struct heap h = {0};
    int64_t last = -1;

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(heap_set(&h, &nodes[i], (i * 37) % 101));
    assert_true(heap_set(&h, &nodes[7], 1000));
    heap_remove(&h, &nodes[8]);
    heap_remove(&h, &nodes[8]);
    for (int i = 0; i < 99; i++) {
        struct heap_node *n = heap_first(&h);

        assert_true(n->at >= last);
        last = n->at;
        heap_remove(&h, n);
    }
    assert_int_equal(last, 1000);
    assert_null(heap_first(&h));
    heap_deinit(&h);
}

static void retry__grows_is_capped_and_obeys_retry_after(void **state)
{
    (void)state;
    for (uint64_t random = 0; random < 100000; random += 777) {
        assert_in_range(retry_delay(1, 500, 300000, -1, random), 0, 500);
        assert_in_range(retry_delay(4, 500, 300000, -1, random), 0, 4000);
        assert_in_range(retry_delay(1000, 500, 300000, -1, UINT64_MAX - random), 0, 300000);
        assert_true(retry_delay(1, 500, 300000, 7000, random) >= 7000);
    }
    assert_int_equal(retry_delay(3, 500, 300000, -1, 2000), 2000);
}

static struct config_policy policy(int64_t deletes, int64_t percent)
{
    struct config_policy p = {0};

    p.guard.max_deletes = deletes;
    p.guard.max_delete_percent = percent;
    p.guard.max_update_percent = 20;
    p.guard.max_creates = CONFIG_NO_LIMIT;
    return p;
}

static void guard__takes_the_lesser_and_lets_all_or_none(void **state)
{
    struct config_policy p = policy(5, 1);

    (void)state;
    assert_int_equal(guard_removals_allowed(&p, 10000, 0), 5);
    assert_int_equal(guard_removals_allowed(&p, 200, 0), 2);
    assert_int_equal(guard_removals_allowed(&p, 10, 0), 1);
    assert_true(guard_allows_removals(&p, 10000, 0, 0, 5));
    assert_false(guard_allows_removals(&p, 10000, 0, 0, 6));
    assert_false(guard_allows_removals(&p, 10000, 3, 3, 3));
    assert_true(guard_allows_updates(&p, 100, 0, 20));
    assert_false(guard_allows_updates(&p, 100, 1, 20));
    assert_true(guard_allows_updates(&p, 2, 0, 1));
    assert_true(guard_allows_creates(&p, 1000000, 1000000));
    p.guard.max_creates = 3;
    assert_true(guard_allows_creates(&p, 1, 2));
    assert_false(guard_allows_creates(&p, 2, 2));
}

static void schedule__at_a_rate__takes_the_ideal_time(void **state)
{
    struct schedule s;
    int64_t again;
    int64_t now = 0;
    int started = 0;

    (void)state;
    schedule_init(&s, 100, 50, 0);
    while (started < 500) {
        if (schedule_may_start(&s, now, &again)) {
            struct answer a = {.outcome = OUTCOME_OK, .retry_after_ms = -1};

            schedule_started(&s);
            schedule_finished(&s, &a, now);
            started++;
        } else {
            assert_true(again > now);
            now = again;
        }
    }
    assert_in_range(now, 9700, 10100);
    schedule_deinit(&s);
}

static void schedule__urgent_lanes_first_and_none_starves(void **state)
{
    struct resource many[64] = {0};
    struct resource urgent = {0};
    struct resource sweep = {0};
    struct schedule s;
    bool swept = false;

    (void)state;
    schedule_init(&s, 8, 0, 0);
    for (int i = 0; i < 64; i++)
        schedule_queue(&s, &many[i], LANE_CREATE);
    schedule_queue(&s, &sweep, LANE_SWEEP);
    schedule_queue(&s, &urgent, LANE_RENEW);
    assert_ptr_equal(schedule_pop(&s), &urgent);
    for (int i = 0; i < 16; i++)
        swept = schedule_pop(&s) == &sweep || swept;
    assert_true(swept);
    schedule_queue(&s, &many[63], LANE_RENEW);
    assert_ptr_equal(schedule_pop(&s), &many[63]);
    schedule_forget(&s, &many[62]);
    schedule_deinit(&s);
}

static void schedule__throttled__pauses_and_shrinks(void **state)
{
    struct answer a = {.outcome = OUTCOME_THROTTLED, .retry_after_ms = 3000};
    struct schedule s;
    int64_t again;

    (void)state;
    schedule_init(&s, 8, 0, 1000);
    schedule_started(&s);
    schedule_finished(&s, &a, 1000);
    assert_false(schedule_may_start(&s, 1001, &again));
    assert_int_equal(again, 4000);
    assert_true(schedule_may_start(&s, 4000, &again));
    assert_true(s.window < 8);
    assert_int_equal(s.throttled, 1);
    schedule_deinit(&s);
}

static void schedule__when_all_fails__probes_alone(void **state)
{
    struct answer bad = {.outcome = OUTCOME_NOT_SENT, .retry_after_ms = -1};
    struct answer good = {.outcome = OUTCOME_OK, .retry_after_ms = -1};
    struct schedule s;
    int64_t again;

    (void)state;
    schedule_init(&s, 8, 0, 0);
    for (int i = 0; i < 12; i++) {
        schedule_started(&s);
        schedule_finished(&s, &bad, 0);
    }
    assert_false(schedule_may_start(&s, 1, &again));
    assert_in_range(again, 1000, 8000);
    schedule_started(&s);
    schedule_finished(&s, &good, again);
    assert_int_equal(s.failures, 0);
    assert_true(schedule_may_start(&s, again, &again));
    schedule_deinit(&s);
}

static void assert_says_nothing(enum call_kind kind)
{
    struct answer bad = {.kind = kind, .outcome = OUTCOME_UNAVAILABLE, .retry_after_ms = 600000};
    struct answer good = {.kind = kind, .outcome = OUTCOME_OK};
    struct schedule s;
    int64_t again;

    schedule_init(&s, 8, 0, 0);
    for (int i = 0; i < 50; i++) {
        schedule_started(&s);
        schedule_finished(&s, &bad, 0);
    }
    assert_int_equal(s.failures, 0);
    assert_true(schedule_may_start(&s, 1, &again));
    assert_true(s.window >= 8);
    s.failures = 3;
    schedule_started(&s);
    schedule_finished(&s, &good, 0);
    assert_int_equal(s.failures, 3);
    assert_int_equal(s.in_flight, 0);
    schedule_deinit(&s);
}

static void schedule__call_of_a_host__says_nothing_of_the_platform(void **state)
{
    (void)state;
    assert_says_nothing(CALL_DATABASE_PROBE);
    assert_says_nothing(CALL_DATABASE_ASK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap__of_many__gives_them_in_order),
        cmocka_unit_test(retry__grows_is_capped_and_obeys_retry_after),
        cmocka_unit_test(guard__takes_the_lesser_and_lets_all_or_none),
        cmocka_unit_test(schedule__at_a_rate__takes_the_ideal_time),
        cmocka_unit_test(schedule__urgent_lanes_first_and_none_starves),
        cmocka_unit_test(schedule__throttled__pauses_and_shrinks),
        cmocka_unit_test(schedule__when_all_fails__probes_alone),
        cmocka_unit_test(schedule__call_of_a_host__says_nothing_of_the_platform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
