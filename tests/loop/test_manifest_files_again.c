/* test_manifest_files_again: what is read again, on the loop, without memory, and while somebody
 * writes.
 * In:    directories that change between two readings and during one.
 * Out:   cmocka's verdict.
 * Never: sleeps; files become old by the clock that they are judged by. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/lib/fault.h"
#include "tests/loop/clock_later.h"
#include "tests/loop/manifest_files_fixture.h"

static const char *data_of(const struct manifest_files *m, size_t i)
{
    size_t n;
    const struct manifest_input *in = manifest_files_inputs(m, &n);

    assert_true(i < n);
    return in[i].data;
}

static void again__young_file__is_read_again(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/a.yaml", "a");
    read_now(c);
    read_now(c);
    assert_int_equal(manifest_files_reused(c->files), 0);
}

static void again__old_files__share_their_bytes_until_changed(void **state)
{
    struct ctx *c = *state;
    struct manifest_files *first;

    dir_write(c->dir, "m/a.yaml", "a");
    dir_write(c->dir, "m/b.yaml", "b");
    later_ms = 10000;
    read_now(c);
    first = manifest_files_ref(c->files);
    dir_write(c->dir, "m/b.yaml.new", "B");
    assert_int_equal(rename(dir_path(c->dir, "m/b.yaml.new"), dir_path(c->dir, "m/b.yaml")), 0);
    read_now(c);
    later_ms = 0;
    assert_int_equal(manifest_files_reused(c->files), 1);
    assert_ptr_equal(data_of(c->files, 0), data_of(first, 0));
    assert_string_equal(data_of(first, 1), "b");
    manifest_files_unref(first); /* the second reading holds what it needs */
    assert_string_equal(dump(c), "trusted m/a.yaml = a\ntrusted m/b.yaml = B\n");
}

static void again__mode_changed__is_looked_at_again(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/a.yaml", "a");
    later_ms = 10000;
    read_now(c);
    assert_int_equal(chmod(dir_path(c->dir, "m/a.yaml"), 0666), 0);
    read_now(c);
    later_ms = 0;
    assert_string_equal(dump(c),
                        "trusted m/a.yaml ! it may be written by everybody: chmod go-w it\n");
}

static void memory__each_allocation_in_turn__fails_cleanly(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/sub");
    dir_mkdir(c->dir, "m/empty");
    dir_write(c->dir, "m/sub/a.yaml", "a");
    dir_write(c->dir, "m/b.yaml", "b");
    assert_int_equal(symlink("nowhere", dir_path(c->dir, "m/gone.yaml")), 0);
    for (long nth = 1;; nth++) {
        struct manifest_files *out = NULL;
        int rc;

        fault_arm(nth);
        rc = manifest_files_read(&c->options, NULL, NULL, &out, &c->err);
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            assert_true(nth > 10);
            manifest_files_unref(out);
            return;
        }
        assert_int_equal(rc, -ERR_NOMEM);
        assert_null(out);
        assert_int_equal(mem_live_blocks(), 0);
    }
}

/* --- On the loop ------------------------------------------------------------------------------ */

/* The worker is done before uv_queue_work returns, as one that was idle may be. */
static bool is_hasty;

static void do_nothing(uv_work_t *req)
{
    (void)req;
}

int uv_queue_work(uv_loop_t *loop, uv_work_t *req, uv_work_cb work, uv_after_work_cb after)
{
    static int (*real)(uv_loop_t *, uv_work_t *, uv_work_cb, uv_after_work_cb);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "uv_queue_work");
    if (is_hasty)
        work(req);
    return real(loop, req, is_hasty ? do_nothing : work, after);
}

struct waiting {
    bool is_done;
    int calls;
    int rc;
    struct manifest_files *files;
};

static void on_done(void *arg, int rc, struct manifest_files *takes)
{
    struct waiting *w = arg;

    w->is_done = true;
    w->calls++;
    w->rc = rc;
    w->files = takes;
}

static void start__tree__is_read_on_the_pool(void **state)
{
    struct ctx *c = *state;
    struct waiting w = {0};
    struct manifest_files_start s = {.options = c->options, .done = on_done, .arg = &w};
    struct manifest_files_job *job;
    uv_loop_t loop;

    dir_write(c->dir, "m/a.yaml", "a");
    uv_loop_init(&loop);
    read_now(c);
    s.previous = c->files;
    assert_int_equal(manifest_files_start(&loop, &s, &job, &c->err), 0);
    manifest_files_unref(c->files); /* the job holds it */
    c->files = NULL;
    assert_int_equal(w.calls, 0);
    run_until(&loop, &w.is_done);
    run_close(&loop);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.rc, 0);
    c->files = w.files;
    assert_string_equal(dump(c), "trusted m/a.yaml = a\n");
}

static void start__worker_that_is_idle__has_the_spots_before_it_begins(void **state)
{
    struct ctx *c = *state;
    struct waiting w = {0};
    struct manifest_spots spots = {0};
    struct manifest_files_start s = {
        .options = c->options, .spots = &spots, .done = on_done, .arg = &w};
    struct manifest_files_job *job;
    uv_loop_t loop;

    dir_write(c->dir, "m/a.yaml", "a");
    read_now(c);
    dir_write(c->dir, "m/b.yaml", "b");
    manifest_spots_add(&spots, MANIFEST_TRUSTED, dir_path(c->dir, "m/b.yaml"));
    s.previous = c->files;
    uv_loop_init(&loop);
    is_hasty = true;
    assert_int_equal(manifest_files_start(&loop, &s, &job, &c->err), 0);
    is_hasty = false;
    run_until(&loop, &w.is_done);
    run_close(&loop);
    manifest_files_unref(c->files);
    c->files = w.files;
    assert_true(manifest_files_is_some(c->files));
    assert_string_equal(dump(c), "trusted m/a.yaml = a\ntrusted m/b.yaml = b\n");
    assert_int_equal(spots.n, 0);
}

static void start__without_memory__is_refused_and_never_done(void **state)
{
    struct ctx *c = *state;
    struct waiting w = {0};
    struct pool_hold hold;
    struct manifest_files_start s = {.options = c->options, .done = on_done, .arg = &w};
    struct manifest_files_job *job;
    uv_loop_t loop;
    int rc = -ERR_NOMEM;
    long nth;

    dir_write(c->dir, "m/a.yaml", "a");
    s.options.tenants_dir = c->tenants;
    uv_loop_init(&loop);
    pool_hold(&loop, &hold);
    for (nth = 1; rc && nth < 100; nth++) {
        fault_arm(nth);
        rc = manifest_files_start(&loop, &s, &job, &c->err);
        fault_disarm();
        assert_true(rc == 0 || rc == -ERR_NOMEM);
        assert_true(rc == 0 || mem_live_blocks() == 0);
    }
    assert_true(nth > 3);
    pool_let_go(&hold);
    run_until(&loop, &w.is_done);
    run_close(&loop);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.rc, 0);
    c->files = w.files;
}

static void start__canceled_in_the_queue_or_running__is_done_once(void **state)
{
    struct ctx *c = *state;
    struct waiting w[32] = {0};
    struct manifest_files_job *jobs[ARRAY_SIZE(w)];
    uv_loop_t loop;

    dir_write(c->dir, "m/a.yaml", "a");
    uv_loop_init(&loop);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
        struct manifest_files_start s = {.options = c->options, .done = on_done, .arg = &w[i]};

        assert_int_equal(manifest_files_start(&loop, &s, &jobs[i], &c->err), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
        manifest_files_cancel(jobs[i]);
        manifest_files_cancel(jobs[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        run_until(&loop, &w[i].is_done);
    run_close(&loop);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
        assert_int_equal(w[i].calls, 1);
        assert_int_equal(w[i].rc, -ERR_CANCELED);
        assert_null(w[i].files);
    }
}

/* --- While somebody writes -------------------------------------------------------------------- */

struct churn {
    const char *dir;
    atomic_bool stop;
};

static void *churn_on(void *arg)
{
    struct churn *ch = arg;
    char path[600];
    char new_path[600];

    snprintf(path, sizeof(path), "%s/m/x.yaml", ch->dir);
    snprintf(new_path, sizeof(new_path), "%s/m/.x.new", ch->dir);
    while (!atomic_load(&ch->stop)) {
        int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, "0123456789", 10) != 10)
            abort();
        close(fd);
        if (rename(new_path, path) != 0)
            abort();
    }
    return NULL;
}

static void file__replaced_by_rename_all_the_time__is_always_whole(void **state)
{
    struct ctx *c = *state;
    struct churn ch = {.dir = c->dir};
    pthread_t thread;

    dir_write(c->dir, "m/x.yaml", "0123456789");
    assert_int_equal(pthread_create(&thread, NULL, churn_on, &ch), 0);
    for (int i = 0; i < 500; i++) {
        size_t n;
        const struct manifest_input *in;

        read_now(c);
        in = manifest_files_inputs(c->files, &n);
        assert_int_equal(n, 1);
        if (in[0].data)
            assert_string_equal(in[0].data, "0123456789");
        else /* unlinked while it was read: its change time moved */
            assert_non_null(strstr(in[0].error, "it is being written"));
    }
    atomic_store(&ch.stop, true);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(again__young_file__is_read_again),
        T(again__old_files__share_their_bytes_until_changed),
        T(again__mode_changed__is_looked_at_again),
        T(memory__each_allocation_in_turn__fails_cleanly),
        T(start__tree__is_read_on_the_pool),
        T(start__worker_that_is_idle__has_the_spots_before_it_begins),
        T(start__without_memory__is_refused_and_never_done),
        T(start__canceled_in_the_queue_or_running__is_done_once),
        T(file__replaced_by_rename_all_the_time__is_always_whole),
    };

    setenv("UV_THREADPOOL_SIZE", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
