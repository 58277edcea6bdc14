/* watch_fixture: a directory that changes, a watch of it, and what it tells.
 * Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_WATCH_FIXTURE_H
#define TENANTD_TESTS_LOOP_WATCH_FIXTURE_H

#include "io/watch.h"

#include "lib/mem.h"
#include "tests/loop/run.h"

#define NEVER_MS 3600000

struct ctx {
    char *dir;
    uv_loop_t loop;
    struct watch *watch;
    struct watch_options options;
    struct err err;
    char manifest[512];
    char tenants[512];
    struct manifest_spots where; /* of the last changed */
    int n_changed;
    int wanted;
    bool is_changed; /* n_changed reached wanted */
    bool is_closed;
};

RUN_UNUSED static void on_changed(void *arg, struct manifest_spots *where)
{
    struct ctx *c = arg;

    manifest_spots_deinit(&c->where);
    manifest_spots_take(&c->where, where);
    c->is_changed = ++c->n_changed >= c->wanted;
}

RUN_UNUSED static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->dir = dir_new();
    dir_mkdir(c->dir, "m");
    dir_write(c->dir, "m/a.yaml", "a");
    snprintf(c->manifest, sizeof(c->manifest), "%s/m", c->dir);
    snprintf(c->tenants, sizeof(c->tenants), "%s/t", c->dir);
    c->options = (struct watch_options){
        .files = {.manifest = c->manifest},
        .debounce_ms = 20,
        .check_ms = NEVER_MS,
        .poll_ms = NEVER_MS,
        .changed = on_changed,
        .arg = c,
    };
    uv_loop_init(&c->loop);
    *state = c;
    return 0;
}

RUN_UNUSED static void close_watch(struct ctx *c)
{
    watch_close(c->watch, run_is_so, &c->is_closed);
    assert_false(c->is_closed);
    run_until(&c->loop, &c->is_closed);
    c->watch = NULL;
    c->is_closed = false;
}

RUN_UNUSED static int teardown(void **state)
{
    struct ctx *c = *state;

    if (c->watch)
        close_watch(c);
    run_close(&c->loop);
    manifest_spots_deinit(&c->where);
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(c->dir);
    free(c);
    return 0;
}

/* Run until changed was called once more. */
RUN_UNUSED static void expect_changed(struct ctx *c)
{
    c->wanted = c->n_changed + 1;
    c->is_changed = false;
    run_until(&c->loop, &c->is_changed);
}

RUN_UNUSED static void count_active_timer(uv_handle_t *handle, void *arg)
{
    int *n = arg;

    *n += handle->type == UV_TIMER && uv_is_active(handle);
}

/* With the timer for looks alone, no change waits to be told. */
RUN_UNUSED static int active_timers(struct ctx *c)
{
    int n = 0;

    uv_walk(&c->loop, count_active_timer, &n);
    return n;
}

RUN_UNUSED static bool is_idle(struct ctx *c)
{
    return active_timers(c) == 1 && c->loop.active_reqs.count == 0;
}

/* Until the scans that a change brings have ended; a timer of ours bounds each turn. */
RUN_UNUSED static void settle(struct ctx *c)
{
    uint64_t end = uv_hrtime() + RUN_BOUND_MS * UINT64_C(1000000);
    uv_timer_t tick;
    bool idle = false;

    while (!idle && uv_hrtime() < end) {
        uv_timer_init(&c->loop, &tick);
        uv_timer_start(&tick, run_on_tick, RUN_TICK_MS, 0);
        uv_run(&c->loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&tick, NULL);
        uv_run(&c->loop, UV_RUN_NOWAIT);
        idle = is_idle(c);
    }
    assert_true(idle);
}

RUN_UNUSED static void open_watch(struct ctx *c)
{
    assert_int_equal(watch_open(&c->loop, &c->options, &c->watch, &c->err), 0);
    assert_int_equal(c->n_changed, 0);
    expect_changed(c);
    settle(c);
    assert_int_equal(c->n_changed, 1);
}

RUN_UNUSED static void replace(struct ctx *c, const char *name, const char *text)
{
    char temp[256];

    snprintf(temp, sizeof(temp), "%s.tmp", name);
    dir_write(c->dir, temp, text);
    assert_int_equal(rename(dir_path(c->dir, temp), dir_path(c->dir, name)), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
