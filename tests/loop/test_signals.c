/* test_signals: what is said by signals, before, while and after they are taken.
 * In:    signals of the test's own, to itself.
 * Out:   cmocka's verdict; the test itself would end where one is not held.
 * Never: a signal to anybody else. */
#include "io/signals.h"

#include <signal.h>

#include "lib/mem.h"
#include "tests/loop/run.h"

struct ctx {
    uv_loop_t loop;
    struct signals *signals;
    int got[8];
    int n_got;
    bool is_all; /* three came */
    bool is_closed;
    bool closes; /* at the first */
};

static void on_signal(void *arg, int number)
{
    struct ctx *c = arg;

    assert_in_range(c->n_got, 0, 7);
    c->got[c->n_got++] = number;
    c->is_all = c->n_got == 3;
    if (c->closes)
        signals_close(c->signals, run_is_so, &c->is_closed);
}

static void open_signals(struct ctx *c)
{
    struct err err = ERR_INIT;

    uv_loop_init(&c->loop);
    assert_int_equal(signals_open(&c->loop, on_signal, c, &c->signals, &err), 0);
}

static void raise_all(void)
{
    raise(SIGTERM);
    raise(SIGINT);
    raise(SIGHUP);
}

static void signals__before_they_are_taken__are_told_too(void **state)
{
    struct ctx c = {0};

    (void)state;
    raise_all();
    raise(SIGTERM); /* as one */
    open_signals(&c);
    run_until(&c.loop, &c.is_all);
    assert_int_equal(c.got[0] + c.got[1] + c.got[2], SIGTERM + SIGINT + SIGHUP);
    signals_close(c.signals, run_is_so, &c.is_closed);
    run_until(&c.loop, &c.is_closed);
    run_close(&c.loop);
    assert_int_equal(c.n_got, 3);
    assert_int_equal(mem_live_blocks(), 0);
}

static void signals__after_the_close__are_not_told_and_end_nothing(void **state)
{
    struct ctx c = {.closes = true};

    (void)state;
    open_signals(&c);
    raise_all();
    run_until(&c.loop, &c.is_closed);
    raise_all();
    run_close(&c.loop);
    assert_int_equal(c.n_got, 1);
    assert_int_equal(mem_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals__before_they_are_taken__are_told_too),
        cmocka_unit_test(signals__after_the_close__are_not_told_and_end_nothing),
    };

    signals_hold();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
