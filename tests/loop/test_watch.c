/* test_watch: every way in which a manifest changes is told.
 * In:    directories that change under a running loop.
 * Out:   cmocka's verdict.
 * Never: sleeps; each wait is for something, with a bound. */
#include "tests/loop/watch_fixture.h"

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
