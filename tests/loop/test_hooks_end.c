/* test_hooks_end: hooks that are closed at any moment, or have no memory: each line has its result,
 * and nothing is left.
 * In:    small shell scripts as hooks, some of which do not end by themselves.
 * Out:   cmocka's verdict.
 * Never: sleeps to see whether something happens; a hook that hangs is there to be killed. */
#include "io/hooks.h"

#include "tests/lib/fault.h"
#include "tests/loop/hooks_fixture.h"

static void close__with_lines_waiting_and_running__cancels_each(void **state)
{
    struct ctx *c = *state;

    script(c, "runs", "cat >/dev/null; touch $D/started; while :; do sleep 60; done");
    script(c, "waits", "cat >/dev/null");
    c->config[1].debounce_ms = 3600000;
    configure(c);
    assert_int_equal(add(c, "runs", "x"), 0);
    assert_int_equal(add(c, "waits", "y"), 0);
    run_until_exists(c, "started");
    close_hooks(c);
    assert_int_equal(c->n_results, 2);
    expect_results(c, "runs x canceled: it was stopped\n");
    expect_results(c, "waits y canceled: tenantd is stopping\n");
    free_scripts(c);
}

static void close__heeds_no_sigterm__is_killed(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "trap '' TERM; cat >/dev/null; touch $D/started; while :; do sleep 1; done");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_exists(c, "started");
    close_hooks(c);
    assert_int_equal(c->n_results, 1);
    free_scripts(c);
}

static void close__in_each_done__reports_every_line_once(void **state)
{
    struct ctx *c = *state;

    close_hooks(c);
    script(c, "good", "cat >/dev/null");
    script(c, "bad", "cat >/dev/null; exit 1");
    for (size_t at = 1; at <= 4; at++) {
        struct hooks_options o = {.organization = "acme", .done = on_done, .arg = c};

        c->is_closed = false;
        c->n_results = 0;
        c->results[0] = '\0';
        c->close_in_done = at;
        assert_int_equal(hooks_open(&c->loop, &o, &c->hooks, &c->err), 0);
        configure(c);
        assert_int_equal(add(c, "good", "x"), 0);
        assert_int_equal(add(c, "bad", "y"), 0);
        assert_int_equal(add(c, "good", "z"), 0);
        assert_int_equal(add(c, "bad", "w"), 0);
        run_until(&c->loop, &c->is_closed);
        assert_int_equal(c->n_results, 4);
        assert_int_equal(mem_live_blocks(), 0);
    }
    c->hooks = NULL;
    free_scripts(c);
}

static void close__after_any_number_of_turns__leaves_nothing(void **state)
{
    struct ctx *c = *state;

    close_hooks(c);
    script(c, "hook", "cat >/dev/null; echo x >&2");
    for (int turns = 0; turns < 12; turns++) {
        struct hooks_options o = {.organization = "acme", .done = on_done, .arg = c};

        c->is_closed = false;
        c->n_results = 0;
        assert_int_equal(hooks_open(&c->loop, &o, &c->hooks, &c->err), 0);
        configure(c);
        assert_int_equal(add(c, "hook", "x"), 0);
        assert_int_equal(add(c, "hook", "y"), 0);
        for (int i = 0; i < turns && c->n_results < 2; i++)
            uv_run(&c->loop, UV_RUN_ONCE);
        close_hooks(c);
        assert_int_equal(c->n_results, 2);
        assert_int_equal(mem_live_blocks(), 0);
    }
    free_scripts(c);
}

static void memory__each_allocation_in_turn__refuses_or_fails_the_line(void **state)
{
    struct ctx *c = *state;

    close_hooks(c);
    script(c, "hook", "cat >/dev/null");
    for (long nth = 1;; nth++) {
        struct hooks_options o = {.organization = "acme", .done = on_done, .arg = c};
        bool fired;
        int rc;

        c->hooks = NULL;
        c->is_closed = false;
        c->n_results = 0;
        fault_arm(nth);
        rc = hooks_open(&c->loop, &o, &c->hooks, &c->err);
        if (rc == 0)
            rc = hooks_configure(c->hooks, c->config, c->n_config, &c->err);
        if (rc == 0)
            rc = add(c, "hook", "x");
        if (rc == 0)
            run_until_results(c, 1);
        else
            assert_int_equal(rc, -ERR_NOMEM);
        fired = fault_disarm();
        close_hooks(c);
        assert_int_equal(mem_live_blocks(), 0);
        if (!fired) {
            assert_true(nth > 10);
            break;
        }
    }
    free_scripts(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(close__with_lines_waiting_and_running__cancels_each),
        T(close__heeds_no_sigterm__is_killed),
        T(close__in_each_done__reports_every_line_once),
        T(close__after_any_number_of_turns__leaves_nothing),
        T(memory__each_allocation_in_turn__refuses_or_fails_the_line),
    };

    return cmocka_run_group_tests(tests, hold_signals, NULL);
}
