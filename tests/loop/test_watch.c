/* test_watch: every way in which a manifest changes is told, with and without events.
 * In:    directories that change under a running loop.
 * Out:   cmocka's verdict.
 * Never: sleeps; each wait is for something, with a bound. */
#include "io/watch.h"

#include <dlfcn.h>
#include <fcntl.h>

#include "lib/mem.h"
#include "tests/lib/fault.h"
#include "tests/loop/run.h"

#define NEVER_MS 3600000

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

static void on_changed(void *arg, struct manifest_spots *where)
{
    struct ctx *c = arg;

    manifest_spots_deinit(&c->where);
    manifest_spots_take(&c->where, where);
    c->is_changed = ++c->n_changed >= c->wanted;
}

static int setup(void **state)
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
    event_error = 0;
    *state = c;
    return 0;
}

static void close_watch(struct ctx *c)
{
    watch_close(c->watch, run_is_so, &c->is_closed);
    assert_false(c->is_closed);
    run_until(&c->loop, &c->is_closed);
    c->watch = NULL;
    c->is_closed = false;
}

static int teardown(void **state)
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
static void expect_changed(struct ctx *c)
{
    c->wanted = c->n_changed + 1;
    c->is_changed = false;
    run_until(&c->loop, &c->is_changed);
}

static void count_active_timer(uv_handle_t *handle, void *arg)
{
    int *n = arg;

    *n += handle->type == UV_TIMER && uv_is_active(handle);
}

/* With the timer for looks alone, no change waits to be told. */
static int active_timers(struct ctx *c)
{
    int n = 0;

    uv_walk(&c->loop, count_active_timer, &n);
    return n;
}

static bool is_idle(struct ctx *c)
{
    return active_timers(c) == 1 && c->loop.active_reqs.count == 0;
}

static void do_nothing(uv_timer_t *timer)
{
    (void)timer;
}

/* Until the scans that a change brings have ended; a timer of ours bounds each turn. */
static void settle(struct ctx *c)
{
    uint64_t end = uv_hrtime() + RUN_BOUND_MS * UINT64_C(1000000);
    uv_timer_t tick;
    bool idle = false;

    while (!idle && uv_hrtime() < end) {
        uv_timer_init(&c->loop, &tick);
        uv_timer_start(&tick, do_nothing, 5, 0);
        uv_run(&c->loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&tick, NULL);
        uv_run(&c->loop, UV_RUN_NOWAIT);
        idle = is_idle(c);
    }
    assert_true(idle);
}

static void open_watch(struct ctx *c)
{
    assert_int_equal(watch_open(&c->loop, &c->options, &c->watch, &c->err), 0);
    assert_int_equal(c->n_changed, 0);
    expect_changed(c);
    settle(c);
    assert_int_equal(c->n_changed, 1);
}

static void replace(struct ctx *c, const char *name, const char *text)
{
    char temp[256];

    snprintf(temp, sizeof(temp), "%s.tmp", name);
    dir_write(c->dir, temp, text);
    assert_int_equal(rename(dir_path(c->dir, temp), dir_path(c->dir, name)), 0);
}

/* --- With events ------------------------------------------------------------------------------ */

static void file__written_replaced_removed__is_told_each_time(void **state)
{
    struct ctx *c = *state;

    open_watch(c);
    assert_string_equal(watch_problem(c->watch), "");
    dir_write(c->dir, "m/a.yaml", "in place");
    expect_changed(c);
    replace(c, "m/a.yaml", "by rename");
    expect_changed(c);
    replace(c, "m/a.yaml", "by rename, again");
    expect_changed(c);
    assert_int_equal(unlink(dir_path(c->dir, "m/a.yaml")), 0);
    expect_changed(c);
    settle(c);
    assert_int_equal(c->n_changed, 5);
}

static void expect_where(struct ctx *c, const char *name)
{
    assert_false(c->where.anywhere);
    assert_int_equal(c->where.n, 1);
    assert_int_equal(c->where.items[0].kind, MANIFEST_TRUSTED);
    assert_string_equal(c->where.items[0].path, dir_path(c->dir, name));
}

static void file__written_replaced_removed__is_told_where(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/sub");
    open_watch(c);
    assert_true(c->where.anywhere);
    dir_write(c->dir, "m/a.yaml", "in place");
    expect_changed(c);
    expect_where(c, "m/a.yaml");
    replace(c, "m/sub/new.yaml", "by rename");
    expect_changed(c);
    expect_where(c, "m/sub/new.yaml");
    assert_int_equal(unlink(dir_path(c->dir, "m/sub/new.yaml")), 0);
    expect_changed(c);
    expect_where(c, "m/sub/new.yaml");
    dir_write(c->dir, "m/a.yaml", "1");
    dir_write(c->dir, "m/b.yaml", "2");
    expect_changed(c);
    assert_int_equal(c->where.n, 2);
}

/* Any of these may be more than a file. */
static void directory__named_as_a_file_or_not__is_told_as_anywhere(void **state)
{
    struct ctx *c = *state;

    open_watch(c);
    dir_mkdir(c->dir, "m/new.yaml");
    expect_changed(c);
    settle(c);
    assert_true(c->where.anywhere);
    dir_write(c->dir, "m/new.yaml/x.yaml", "x"); /* it is watched */
    expect_changed(c);
    expect_where(c, "m/new.yaml/x.yaml");
    assert_int_equal(unlink(dir_path(c->dir, "m/new.yaml/x.yaml")), 0);
    assert_int_equal(rmdir(dir_path(c->dir, "m/new.yaml")), 0);
    expect_changed(c);
    settle(c);
    assert_true(c->where.anywhere);
    dir_write(c->dir, "m/README", "no suffix");
    expect_changed(c);
    assert_true(c->where.anywhere);
}

static void look__after_a_change_that_was_told_as_one__tells_of_everything(void **state)
{
    struct ctx *c = *state;

    open_watch(c);
    close_watch(c);
    c->n_changed = 0;
    c->options.check_ms = 50;
    open_watch(c);
    dir_write(c->dir, "m/a.yaml", "changed");
    expect_changed(c);
    if (!c->where.anywhere) {
        expect_changed(c);
        assert_true(c->where.anywhere);
    }
    settle(c);
}

static void file__many_written_at_once__are_told_once(void **state)
{
    struct ctx *c = *state;

    c->options.debounce_ms = 300;
    open_watch(c);
    for (int i = 0; i < 200; i++) {
        char name[32];

        snprintf(name, sizeof(name), "m/%d.yaml", i);
        dir_write(c->dir, name, "x");
    }
    expect_changed(c);
    settle(c);
    assert_int_equal(c->n_changed, 2);
}

static int n_seen;
static bool is_seen;

static void on_seen(uv_fs_event_t *event, const char *name, int events, int status)
{
    (void)event;
    (void)events;
    assert_int_equal(status, 0);
    is_seen = name && strcmp(name, "last~") == 0;
    n_seen++;
}

static void file__dotfile_backup_temporary__is_not_told(void **state)
{
    struct ctx *c = *state;
    uv_fs_event_t own;

    open_watch(c);
    n_seen = 0;
    uv_fs_event_init(&c->loop, &own);
    assert_int_equal(uv_fs_event_start(&own, on_seen, c->manifest, 0), 0);
    dir_write(c->dir, "m/.a.yaml.swp", "x");
    dir_write(c->dir, "m/a.yaml.tmp", "x");
    dir_write(c->dir, "m/last~", "x");
    run_until(&c->loop, &is_seen); /* the watch has had the same events then */
    assert_true(n_seen >= 3);
    assert_true(is_idle(c));
    uv_close((uv_handle_t *)&own, NULL);
    uv_run(&c->loop, UV_RUN_NOWAIT); /* it is on this stack */
    assert_int_equal(c->n_changed, 1);
}

static void configmap__switched__is_told(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/..1");
    dir_mkdir(c->dir, "m/..2");
    dir_write(c->dir, "m/..1/eu.yaml", "one");
    dir_write(c->dir, "m/..2/eu.yaml", "two");
    assert_int_equal(symlink("..1", dir_path(c->dir, "m/..data")), 0);
    assert_int_equal(symlink("..data/eu.yaml", dir_path(c->dir, "m/eu.yaml")), 0);
    open_watch(c);
    assert_int_equal(symlink("..2", dir_path(c->dir, "m/..data_tmp")), 0);
    assert_int_equal(rename(dir_path(c->dir, "m/..data_tmp"), dir_path(c->dir, "m/..data")), 0);
    expect_changed(c);
}

static void directory__new_with_files_in_it__is_told_and_then_watched(void **state)
{
    struct ctx *c = *state;

    open_watch(c);
    dir_mkdir(c->dir, "m/sub");
    dir_mkdir(c->dir, "m/sub/sub");
    dir_write(c->dir, "m/sub/sub/x.yaml", "x");
    expect_changed(c);
    settle(c);
    dir_write(c->dir, "m/sub/sub/x.yaml", "y");
    expect_changed(c);
}

static void directory__removed_and_made_again__is_watched_again(void **state)
{
    struct ctx *c = *state;

    open_watch(c);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(unlink(dir_path(c->dir, "m/a.yaml")), 0);
        assert_int_equal(rmdir(c->manifest), 0);
        if (i > 0) {
            expect_changed(c); /* seen as gone, or all at once */
            settle(c);
        }
        dir_mkdir(c->dir, "m");
        dir_write(c->dir, "m/a.yaml", "again");
        expect_changed(c);
        settle(c);
        dir_write(c->dir, "m/a.yaml", "and changed");
        expect_changed(c);
        settle(c);
    }
}

static void directory__missing_at_first__is_told_when_it_comes(void **state)
{
    struct ctx *c = *state;

    c->options.files.tenants_dir = c->tenants;
    open_watch(c);
    dir_mkdir(c->dir, "t");
    dir_write(c->dir, "t/x.yaml", "x");
    expect_changed(c);
    settle(c);
    dir_write(c->dir, "t/x.yaml", "y");
    expect_changed(c);
}

static void directory__mode_mended__is_told(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(chmod(c->manifest, 0777), 0);
    open_watch(c);
    assert_int_equal(chmod(c->manifest, 0755), 0);
    expect_changed(c);
    settle(c);
    dir_write(c->dir, "m/a.yaml", "y");
    expect_changed(c);
}

static void root__link_that_is_switched__is_told(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "n");
    dir_write(c->dir, "n/a.yaml", "n");
    assert_int_equal(symlink("m", dir_path(c->dir, "now")), 0);
    snprintf(c->manifest, sizeof(c->manifest), "%s/now/", c->dir);
    open_watch(c);
    assert_int_equal(symlink("n", dir_path(c->dir, "next")), 0);
    assert_int_equal(rename(dir_path(c->dir, "next"), dir_path(c->dir, "now")), 0);
    expect_changed(c);
    settle(c);
    dir_write(c->dir, "n/a.yaml", "nn");
    expect_changed(c);
}

static void root__one_file_replaced_twice__is_told_twice(void **state)
{
    struct ctx *c = *state;

    snprintf(c->manifest, sizeof(c->manifest), "%s/m/a.yaml", c->dir);
    open_watch(c);
    replace(c, "m/a.yaml", "b");
    expect_changed(c);
    settle(c);
    replace(c, "m/a.yaml", "c");
    expect_changed(c);
}

static void on_write(uv_timer_t *timer)
{
    struct ctx *c = timer->data;

    dir_write(c->dir, "m/a.yaml", uv_now(&c->loop) % 2 ? "odd" : "even");
}

static void file__never_quiet__is_told_nevertheless(void **state)
{
    struct ctx *c = *state;
    uv_timer_t writer;
    uint64_t start;

    c->options.debounce_ms = 400;
    open_watch(c);
    uv_timer_init(&c->loop, &writer);
    writer.data = c;
    start = uv_now(&c->loop);
    uv_timer_start(&writer, on_write, 0, 10);
    expect_changed(c);
    assert_true(uv_now(&c->loop) - start >= 400); /* and it did wait */
    uv_close((uv_handle_t *)&writer, NULL);
    uv_run(&c->loop, UV_RUN_NOWAIT); /* it is on this stack */
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(file__written_replaced_removed__is_told_each_time),
        T(file__written_replaced_removed__is_told_where),
        T(directory__named_as_a_file_or_not__is_told_as_anywhere),
        T(look__after_a_change_that_was_told_as_one__tells_of_everything),
        T(file__many_written_at_once__are_told_once),
        T(file__dotfile_backup_temporary__is_not_told),
        T(configmap__switched__is_told),
        T(directory__new_with_files_in_it__is_told_and_then_watched),
        T(directory__removed_and_made_again__is_watched_again),
        T(directory__missing_at_first__is_told_when_it_comes),
        T(directory__mode_mended__is_told),
        T(root__link_that_is_switched__is_told),
        T(root__one_file_replaced_twice__is_told_twice),
        T(file__never_quiet__is_told_nevertheless),
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
