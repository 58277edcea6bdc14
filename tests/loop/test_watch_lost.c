/* test_watch_lost: a change is told although its event is lost, or there are none; a watch may be
 * closed at any moment, or have no memory.
 * In:    directories that change under a running loop; an inotify that refuses.
 * Out:   cmocka's verdict.
 * Never: sleeps; each wait is for something, with a bound. */
#include <dlfcn.h>
#include <fcntl.h>

#include "tests/lib/fault.h"
#include "tests/loop/watch_fixture.h"

/* --- Events that fail when they are told to --------------------------------------------------- */

static int event_error; /* what uv_fs_event_start answers; 0: the real thing */

typedef int (*event_start_fn)(uv_fs_event_t *, uv_fs_event_cb, const char *, unsigned);

int uv_fs_event_start(uv_fs_event_t *handle, uv_fs_event_cb cb, const char *path, unsigned flags)
{
    static event_start_fn real;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "uv_fs_event_start");
    return event_error ? event_error : real(handle, cb, path, flags);
}

/* --- Without events --------------------------------------------------------------------------- */

static void look__event_was_lost__is_told_by_the_next_one(void **state)
{
    struct ctx *c = *state;

    /* Below a dot directory there are no events, but a link leads there. */
    dir_mkdir(c->dir, "m/.real");
    dir_write(c->dir, "m/.real/x.yaml", "x");
    assert_int_equal(symlink(".real/x.yaml", dir_path(c->dir, "m/x.yaml")), 0);
    c->options.check_ms = 50;
    open_watch(c);
    dir_write(c->dir, "m/.real/x.yaml", "changed");
    expect_changed(c);
    settle(c);
    assert_int_equal(c->n_changed, 2);
}

static long kept_events(void)
{
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    char line[32] = "";

    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    return strtol(line, NULL, 10);
}

/* When too many wait at once, the kernel drops the rest without a word that reaches us. */
static void file__after_more_events_than_are_kept__is_not_passed_over(void **state)
{
    struct ctx *c = *state;
    long n = kept_events();
    int fds[2];

    dir_write(c->dir, "m/b.yaml", "b");
    open_watch(c);
    for (size_t i = 0; i < 2; i++) {
        fds[i] = open(dir_path(c->dir, i ? "m/b.yaml" : "m/a.yaml"), O_WRONLY | O_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
    for (long i = 0; i < n; i++)
        assert_int_equal(pwrite(fds[i % 2], "x", 1, 0), 1);
    for (size_t i = 0; i < 2; i++)
        close(fds[i]);
    dir_write(c->dir, "m/c.yaml", "not heard of");
    expect_changed(c);
    assert_true(c->where.anywhere);
}

static void poll__no_inotify__says_so_and_sees_changes(void **state)
{
    static const int ERRORS[] = {UV_EMFILE, UV_ENOSPC, UV_ENOSYS};
    struct ctx *c = *state;

    c->options.poll_ms = 30;
    for (size_t i = 0; i < ARRAY_SIZE(ERRORS); i++) {
        char text[16];

        event_error = ERRORS[i];
        c->n_changed = 0;
        assert_int_equal(watch_open(&c->loop, &c->options, &c->watch, &c->err), 0);
        expect_changed(c);
        assert_non_null(strstr(watch_problem(c->watch), "no events for /"));
        snprintf(text, sizeof(text), "%zu changed", i);
        replace(c, "m/a.yaml", text);
        expect_changed(c);
        close_watch(c);
    }
    event_error = 0;
}

static void poll__inotify_comes_back__is_used_again(void **state)
{
    struct ctx *c = *state;

    c->options.poll_ms = 30;
    event_error = UV_EMFILE;
    assert_int_equal(watch_open(&c->loop, &c->options, &c->watch, &c->err), 0);
    expect_changed(c);
    assert_non_null(strstr(watch_problem(c->watch), "max_user_instances"));
    event_error = 0;
    dir_write(c->dir, "m/b.yaml", "b");
    expect_changed(c);
    assert_string_equal(watch_problem(c->watch), "");
}

/* --- The end ------------------------------------------------------------------------------- */

static void close__after_any_number_of_turns__leaves_nothing(void **state)
{
    struct ctx *c = *state;

    c->options.debounce_ms = 1;
    c->options.check_ms = 1;
    for (int turns = 0; turns < 40; turns++) {
        uv_loop_t loop;

        uv_loop_init(&loop);
        assert_int_equal(watch_open(&loop, &c->options, &c->watch, &c->err), 0);
        for (int i = 0; i < turns; i++) {
            if (i % 5 == 2)
                dir_write(c->dir, "m/a.yaml", i % 2 ? "x" : "yy");
            uv_run(&loop, UV_RUN_ONCE);
        }
        watch_close(c->watch, run_is_so, &c->is_closed);
        run_until(&loop, &c->is_closed);
        run_close(&loop);
        manifest_spots_deinit(&c->where);
        assert_int_equal(mem_live_blocks(), 0);
        c->is_closed = false;
        c->watch = NULL;
    }
}

/* Closes in the one that is wanted; each before makes the next. */
static void on_changed_close(void *arg, struct manifest_spots *where)
{
    struct ctx *c = arg;

    assert_false(c->is_changed);
    on_changed(c, where);
    if (c->is_changed)
        watch_close(c->watch, run_is_so, &c->is_closed);
    else
        dir_write(c->dir, "m/a.yaml", c->n_changed % 2 ? "x" : "yy");
}

static void close__in_each_changed__is_the_last_of_them(void **state)
{
    struct ctx *c = *state;

    c->options.changed = on_changed_close;
    c->options.debounce_ms = 1;
    for (c->wanted = 1; c->wanted <= 4; c->wanted++) {
        c->n_changed = 0;
        c->is_changed = c->is_closed = false;
        assert_int_equal(watch_open(&c->loop, &c->options, &c->watch, &c->err), 0);
        run_until(&c->loop, &c->is_closed);
        assert_int_equal(c->n_changed, c->wanted);
        manifest_spots_deinit(&c->where);
        assert_int_equal(mem_live_blocks(), 0);
    }
    c->watch = NULL;
}

static void memory__each_allocation_in_turn__fails_open_or_delays_the_watch(void **state)
{
    struct ctx *c = *state;

    c->options.files.tenants_dir = c->tenants;
    c->options.check_ms = c->options.poll_ms = 5;
    for (long nth = 1; nth < 20; nth++) {
        int rc;

        fault_arm(nth);
        rc = watch_open(&c->loop, &c->options, &c->watch, &c->err);
        if (rc == 0) {
            expect_changed(c);
            close_watch(c);
        } else {
            assert_int_equal(rc, -ERR_NOMEM);
        }
        fault_disarm();
        manifest_spots_deinit(&c->where);
        assert_int_equal(mem_live_blocks(), 0);
    }
    c->watch = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(look__event_was_lost__is_told_by_the_next_one),
        T(file__after_more_events_than_are_kept__is_not_passed_over),
        T(poll__no_inotify__says_so_and_sees_changes),
        T(poll__inotify_comes_back__is_used_again),
        T(close__after_any_number_of_turns__leaves_nothing),
        T(close__in_each_changed__is_the_last_of_them),
        T(memory__each_allocation_in_turn__fails_open_or_delays_the_watch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
