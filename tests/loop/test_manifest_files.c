/* test_manifest_files: what is part of a manifest, what is wrong with it, and what is read again.
 * In:    directories of every shape.
 * Out:   cmocka's verdict.
 * Never: sleeps; where a file must be old, its times are set. */
#include "io/manifest_files.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "core/limits.h"
#include "io/clock.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"
#include "tests/loop/run.h"

struct ctx {
    char *dir;
    struct manifest_walk_options options;
    struct manifest_files *files;
    struct buf text;
    struct err err;
    char manifest[512];
    char tenants[512];
};

static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->dir = dir_new();
    dir_mkdir(c->dir, "m");
    snprintf(c->manifest, sizeof(c->manifest), "%s/m", c->dir);
    snprintf(c->tenants, sizeof(c->tenants), "%s/t", c->dir);
    c->options.manifest = c->manifest;
    c->text = BUF_INIT(1 << 20);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct ctx *c = *state;

    manifest_files_unref(c->files);
    buf_deinit(&c->text);
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(c->dir);
    free(c);
    return 0;
}

static void read_now(struct ctx *c)
{
    struct manifest_files *next = NULL;

    assert_int_equal(manifest_files_read(&c->options, c->files, NULL, &next, &c->err), 0);
    manifest_files_unref(c->files);
    c->files = next;
}

/* A line an input: "trusted m/a.yaml = DATA" or "tenants t ! ERROR", with the test's directory
 * taken off. */
static const char *dump(struct ctx *c)
{
    size_t n;
    const struct manifest_input *in = manifest_files_inputs(c->files, &n);

    buf_clear(&c->text);
    for (size_t i = 0; i < n; i++) {
        assert_true((in[i].data != NULL) != (in[i].error != NULL));
        assert_memory_equal(in[i].path, c->dir, strlen(c->dir));
        buf_printf(&c->text, "%s %s %c %s\n",
                   in[i].kind == MANIFEST_TENANTS ? "tenants" : "trusted",
                   in[i].path + strlen(c->dir) + 1, in[i].data ? '=' : '!',
                   in[i].data ? in[i].data : in[i].error);
    }
    return buf_str(&c->text);
}

static void expect(struct ctx *c, const char *text)
{
    read_now(c);
    assert_string_equal(dump(c), text);
}

#define EMPTY                                                                                      \
    "no manifest files (*.yaml, *.yml, *.json) in this directory; where none is wanted yet, put "  \
    "one there that says `databases: {}`\n"

static void directory__tree_of_files__is_read_sorted_by_path(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/b");
    dir_mkdir(c->dir, "m/b/c");
    dir_mkdir(c->dir, "m/.git");
    dir_mkdir(c->dir, "m/old~");
    dir_write(c->dir, "m/z.yaml", "z");
    dir_write(c->dir, "m/b/c/d.json", "d");
    dir_write(c->dir, "m/b/a.yml", "a");
    dir_write(c->dir, "m/b.yaml", "");
    dir_write(c->dir, "m/.hidden.yaml", "no");
    dir_write(c->dir, "m/.git/x.yaml", "no");
    dir_write(c->dir, "m/old~/x.yaml", "no");
    dir_write(c->dir, "m/x.yaml~", "no");
    dir_write(c->dir, "m/x.yaml.tmp", "no");
    dir_write(c->dir, "m/README.md", "no");
    dir_write(c->dir, "m/yaml", "no");
    expect(c, "trusted m/b.yaml = \n"
              "trusted m/b/a.yml = a\n"
              "trusted m/b/c/d.json = d\n"
              "trusted m/z.yaml = z\n");
}

static void file__as_the_manifest__is_read_whatever_its_name(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/.one", "x");
    assert_int_equal(symlink(".one", dir_path(c->dir, "m/link")), 0);
    snprintf(c->manifest, sizeof(c->manifest), "%s/m/link", c->dir);
    expect(c, "trusted m/link = x\n");
}

static void directory__missing_empty_or_no_directory__is_an_input_with_an_error(void **state)
{
    struct ctx *c = *state;

    expect(c, "trusted m ! " EMPTY);
    dir_mkdir(c->dir, "m/sub");
    c->options.tenants_dir = c->tenants;
    expect(c, "trusted m ! " EMPTY "tenants t ! cannot open it: No such file or directory\n");
    dir_write(c->dir, "t", "x");
    expect(c, "trusted m ! " EMPTY "tenants t ! it is not a directory\n");
    snprintf(c->manifest, sizeof(c->manifest), "%s/none", c->dir);
    expect(c, "trusted none ! cannot open it: No such file or directory\n"
              "tenants t ! it is not a directory\n");
}

static void directory__without_files_below_another__is_told_apart(void **state)
{
    struct ctx *c = *state;
    enum manifest_kind kind;

    dir_mkdir(c->dir, "m/b");
    dir_mkdir(c->dir, "m/b/c");
    dir_mkdir(c->dir, "m/d");
    dir_mkdir(c->dir, "m/d/t");
    dir_mkdir(c->dir, "m/.git");
    dir_write(c->dir, "m/b/README.md", "no");
    dir_write(c->dir, "m/a.yaml", "a");
    dir_write(c->dir, "m/d/t/t.yaml", "t");
    snprintf(c->tenants, sizeof(c->tenants), "%s/m/d/t", c->dir);
    c->options.tenants_dir = c->tenants;
    expect(c, "trusted m/a.yaml = a\ntenants m/d/t/t.yaml = t\n");
    assert_string_equal(manifest_files_empty(c->files, 0, &kind), dir_path(c->dir, "m/b"));
    assert_int_equal(kind, MANIFEST_TRUSTED);
    assert_string_equal(manifest_files_empty(c->files, 1, &kind), dir_path(c->dir, "m/b/c"));
    assert_null(manifest_files_empty(c->files, 2, &kind));
}

static void directory__trailing_slash__is_not_in_the_paths(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/a.yaml", "a");
    snprintf(c->manifest, sizeof(c->manifest), "%s/m//", c->dir);
    expect(c, "trusted m/a.yaml = a\n");
}

static void configmap__data_links__are_followed_and_switched(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/..2026_1");
    dir_mkdir(c->dir, "m/..2026_2");
    dir_write(c->dir, "m/..2026_1/eu.yaml", "one");
    dir_write(c->dir, "m/..2026_2/eu.yaml", "two");
    assert_int_equal(symlink("..2026_1", dir_path(c->dir, "m/..data")), 0);
    assert_int_equal(symlink("..data/eu.yaml", dir_path(c->dir, "m/eu.yaml")), 0);
    expect(c, "trusted m/eu.yaml = one\n");
    assert_int_equal(symlink("..2026_2", dir_path(c->dir, "m/..data_tmp")), 0);
    assert_int_equal(rename(dir_path(c->dir, "m/..data_tmp"), dir_path(c->dir, "m/..data")), 0);
    expect(c, "trusted m/eu.yaml = two\n");
}

static void links__to_directory_nowhere_or_out__are_passed_over_or_refused(void **state)
{
    struct ctx *c = *state;

    c->options.tenants_dir = c->tenants;
    dir_mkdir(c->dir, "t");
    dir_mkdir(c->dir, "out");
    dir_write(c->dir, "out/open.yaml", "open");
    dir_write(c->dir, "out/secret", "secret");
    assert_int_equal(chmod(dir_path(c->dir, "out/secret"), 0600), 0);
    assert_int_equal(symlink("../out", dir_path(c->dir, "m/dir.yaml")), 0);
    assert_int_equal(symlink("nowhere", dir_path(c->dir, "m/gone.yaml")), 0);
    assert_int_equal(symlink("loop.yaml", dir_path(c->dir, "m/loop.yaml")), 0);
    assert_int_equal(symlink("/dev/zero", dir_path(c->dir, "m/dev.yaml")), 0);
    assert_int_equal(symlink("../out/open.yaml", dir_path(c->dir, "m/open.yaml")), 0);
    assert_int_equal(symlink("../out/secret", dir_path(c->dir, "m/secret.yaml")), 0);
    assert_int_equal(symlink("../out/open.yaml", dir_path(c->dir, "t/open.yaml")), 0);
    read_now(c);
    dump(c);
    assert_non_null(strstr(buf_str(&c->text),
                           "trusted m/dev.yaml ! it is not a regular file\n"
                           "trusted m/gone.yaml ! it is a link that leads nowhere\n"
                           "trusted m/loop.yaml ! cannot open it: Too many levels"));
    assert_non_null(strstr(buf_str(&c->text),
                           "trusted m/open.yaml = open\n"
                           "trusted m/secret.yaml ! it is a link that leads out of "));
    assert_non_null(
        strstr(buf_str(&c->text), "tenants t/open.yaml ! it is a link that leads out of "));
    assert_null(strstr(buf_str(&c->text), "dir.yaml"));
}

static void modes__writable_by_everybody__are_refused(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/sub");
    dir_write(c->dir, "m/sub/x.yaml", "x");
    dir_write(c->dir, "m/a.yaml", "a");
    dir_write(c->dir, "m/b.yaml", "b");
    assert_int_equal(chmod(dir_path(c->dir, "m/a.yaml"), 0666), 0);
    assert_int_equal(chmod(dir_path(c->dir, "m/sub"), 01777), 0);
    expect(c, "trusted m/a.yaml ! it may be written by everybody: chmod go-w it\n"
              "trusted m/b.yaml = b\n"
              "trusted m/sub ! it may be written by everybody: chmod go-w it\n");
}

static void things__of_other_types_and_names__are_errors(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(mkfifo(dir_path(c->dir, "m/fifo.yaml"), 0600), 0);
    dir_write(c->dir, "m/new\nline.yaml", "x");
    dir_write(c->dir, "m/back\\slash.yaml", "x");
    dir_write(c->dir, "m/bad\xff.yaml", "x");
    expect(
        c,
        "trusted m/back\\x5cslash.yaml ! its name must be UTF-8 without control characters and \\\n"
        "trusted m/bad\\xff.yaml ! its name must be UTF-8 without control characters and \\\n"
        "trusted m/fifo.yaml ! it is not a regular file\n"
        "trusted m/new\\x0aline.yaml ! its name must be UTF-8 without control characters and \\\n");
}

static void file__over_the_ceiling__is_refused_unread(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/big.yaml", "x");
    assert_int_equal(truncate(dir_path(c->dir, "m/big.yaml"), LIMIT_MANIFEST_FILE_BYTES + 1), 0);
    expect(c, "trusted m/big.yaml ! it has 268435457 bytes, and may have at most 268435456\n");
}

static void directories__too_deep__are_refused(void **state)
{
    struct ctx *c = *state;
    char path[512] = "m";

    dir_write(c->dir, "m/a.yaml", "a");
    for (size_t i = 0; i < LIMIT_MANIFEST_DEPTH; i++) {
        memcpy(path + strlen(path), "/d", 3);
        dir_mkdir(c->dir, path);
    }
    read_now(c);
    assert_non_null(strstr(dump(c), "! directories are nested too deeply\n"));
}

static void unreadable__file_or_directory__is_an_error(void **state)
{
    struct ctx *c = *state;

    if (geteuid() == 0 && seteuid(4321) != 0)
        skip();
    (void)seteuid(0);
    dir_mkdir(c->dir, "m/sub");
    dir_write(c->dir, "m/a.yaml", "a");
    assert_int_equal(chmod(dir_path(c->dir, "m/a.yaml"), 0), 0);
    assert_int_equal(chmod(dir_path(c->dir, "m/sub"), 0), 0);
    assert_int_equal(chmod(c->dir, 0755), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(4321), 0);
    read_now(c);
    (void)seteuid(0);
    assert_string_equal(dump(c), "trusted m/a.yaml ! cannot open it: Permission denied\n"
                                 "trusted m/sub ! cannot open it: Permission denied\n");
}

static void tenants_dir__inside_the_manifest__is_read_once_and_less_trusted(void **state)
{
    struct ctx *c = *state;

    snprintf(c->tenants, sizeof(c->tenants), "%s/m/t", c->dir);
    c->options.tenants_dir = c->tenants;
    dir_mkdir(c->dir, "m/t");
    dir_write(c->dir, "m/a.yaml", "a");
    dir_write(c->dir, "m/t/b.yaml", "b");
    expect(c, "trusted m/a.yaml = a\ntenants m/t/b.yaml = b\n");
}

static void tenants_dir__being_the_manifest__is_refused(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/a.yaml", "a");
    assert_int_equal(symlink("m", dir_path(c->dir, "t")), 0);
    c->options.tenants_dir = c->tenants;
    expect(c, "tenants t ! it is the manifest itself: `manifest` and `tenants_dir` must differ\n");
}

/* --- Reading again --------------------------------------------------------------------------- */

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

/* A time cannot be set back for ctime, so the clock that files are judged by is this file's. */
static int64_t later_ms;

int64_t clock_wall_ms(void)
{
    struct timeval tv;

    gettimeofday(&tv, NULL);
    return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + later_ms;
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(directory__tree_of_files__is_read_sorted_by_path),
        T(file__as_the_manifest__is_read_whatever_its_name),
        T(directory__missing_empty_or_no_directory__is_an_input_with_an_error),
        T(directory__without_files_below_another__is_told_apart),
        T(directory__trailing_slash__is_not_in_the_paths),
        T(configmap__data_links__are_followed_and_switched),
        T(links__to_directory_nowhere_or_out__are_passed_over_or_refused),
        T(modes__writable_by_everybody__are_refused),
        T(things__of_other_types_and_names__are_errors),
        T(file__over_the_ceiling__is_refused_unread),
        T(directories__too_deep__are_refused),
        T(unreadable__file_or_directory__is_an_error),
        T(tenants_dir__inside_the_manifest__is_read_once_and_less_trusted),
        T(tenants_dir__being_the_manifest__is_refused),
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
