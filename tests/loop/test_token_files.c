/* test_token_files: the queue off the loop: order, one answer each, readers who never see half a
 * file, closing. In:    batches of jobs. Out:   cmocka's verdict. Never: a real token. */
#include "io/token_files.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/limits.h"
#include "tests/lib/fault.h"
#include "tests/loop/token_jobs_make.h"

struct lctx {
    struct ctx *base;
    uv_loop_t loop;
    struct token_files *tf;
    bool is_closed;
    size_t done; /* callbacks */
    size_t want; /* until all_done */
    bool all_done;
    size_t last_n;
    enum file_outcome last;
    bool closed_before_done;
};

static int setup_loop(void **state)
{
    struct lctx *c = calloc(1, sizeof(*c));
    void *base;

    assert_non_null(c);
    setup(&base);
    c->base = base;
    assert_int_equal(uv_loop_init(&c->loop), 0);
    assert_int_equal(token_files_open(&c->loop, &c->base->options, &c->tf, &c->base->err), 0);
    *state = c;
    return 0;
}

static void close_it(struct lctx *c)
{
    token_files_close(c->tf, run_is_so, &c->is_closed);
    c->tf = NULL;
    assert_false(c->is_closed);
}

static int teardown_loop(void **state)
{
    struct lctx *c = *state;
    void *base = c->base;

    if (c->tf)
        close_it(c);
    run_until(&c->loop, &c->is_closed);
    run_close(&c->loop);
    free(c);
    return teardown(&base);
}

static void on_done(void *arg, struct file_result *results, size_t n)
{
    struct lctx *c = arg;

    c->closed_before_done = c->closed_before_done || c->is_closed;
    c->last_n = n;
    c->last = results[n - 1].outcome;
    c->all_done = ++c->done == c->want;
}

static void start(struct lctx *c, struct file_job *j)
{
    size_t before = c->done;

    if (token_files_start(c->tf, &j, 1, on_done, c, &c->base->err) < 0)
        fail_msg("%s", c->base->err.msg);
    assert_int_equal(c->done, before); /* never inside start */
}

static void start__many_for_one_path__keeps_their_order(void **state)
{
    struct lctx *c = *state;

    c->want = 51;
    for (int i = 0; i < 50; i++) {
        char id[16];

        snprintf(id, sizeof(id), "%d", i);
        start(c, publish("t", jwt_for(id)));
    }
    start(c, move_to("u", "t", jwt_for("49")));
    run_until(&c->loop, &c->all_done);

    assert_int_equal(c->last, FILE_DONE);
    expect_token(c->base, "u", jwt_for("49"));
    expect_none(c->base, "t");
}

static void start__over_the_limit_or_closing__is_refused_and_keeps_the_jobs(void **state)
{
    static struct file_job *jobs[LIMIT_FILE_JOBS + 1];
    struct lctx *c = *state;
    struct token_files *tf = c->tf;

    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        jobs[i] = job_new(FILE_CHECK, "t");
    assert_int_equal(token_files_start(tf, jobs, ARRAY_SIZE(jobs), on_done, c, &c->base->err),
                     -ERR_LIMIT);
    close_it(c);
    assert_int_equal(token_files_start(tf, jobs, 1, on_done, c, &c->base->err), -ERR_CANCELED);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        file_job_free(jobs[i]);
    run_until(&c->loop, &c->is_closed);
    assert_int_equal(c->done, 0);
}

static void start__without_memory__is_refused_and_keeps_the_job(void **state)
{
    struct lctx *c = *state;
    struct file_job *j = publish("t", jwt_for("1"));
    struct pool_hold hold;
    int rc = -ERR_NOMEM;
    long nth;

    pool_hold(&c->loop, &hold);
    for (nth = 1; rc && nth < 100; nth++) {
        fault_arm(nth);
        rc = token_files_start(c->tf, &j, 1, on_done, c, &c->base->err);
        fault_disarm();
        assert_true(rc == 0 || rc == -ERR_NOMEM);
    }
    assert_true(nth > 2);
    pool_let_go(&hold);
    c->want = 1;
    run_until(&c->loop, &c->all_done);
    assert_int_equal(c->last, FILE_DONE);
}

/* --- A reader beside
 * ------------------------------------------------------------------------------ */

#define REPLACES 1000

struct reader {
    const char *path;
    const char *whole[2];
    atomic_bool stop;
    atomic_long reads;
    atomic_long bad;
};

static bool is_whole(struct reader *r)
{
    char data[4096];
    int fd = open(r->path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data) - 1);

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    data[n] = '\0';
    return strcmp(data, r->whole[0]) == 0 || strcmp(data, r->whole[1]) == 0;
}

static void *read_on(void *arg)
{
    struct reader *r = arg;

    while (!atomic_load(&r->stop)) {
        if (!is_whole(r))
            atomic_fetch_add(&r->bad, 1);
        atomic_fetch_add(&r->reads, 1);
    }
    return NULL;
}

static void publish__a_thousand_times__never_shows_half_a_file_or_none(void **state)
{
    struct lctx *c = *state;
    char lines[2][2048];
    struct file_job *jobs[REPLACES];
    struct reader r = {.path = dir_path(c->base->tokens, "a/t"), .whole = {lines[0], lines[1]}};
    pthread_t thread;

    snprintf(lines[0], sizeof(lines[0]), "%s\n", jwt_for("first"));
    snprintf(lines[1], sizeof(lines[1]), "%s\n", jwt_for("a second one, and longer"));
    c->want = 1;
    start(c, publish("a/t", jwt_for("first")));
    run_until(&c->loop, &c->all_done);
    for (size_t i = 0; i < REPLACES; i++)
        jobs[i] = publish("a/t", jwt_for(i % 2 ? "first" : "a second one, and longer"));

    assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
    c->want = 2;
    c->all_done = false;
    assert_int_equal(token_files_start(c->tf, jobs, REPLACES, on_done, c, &c->base->err), 0);
    run_until(&c->loop, &c->all_done);
    atomic_store(&r.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);

    assert_int_equal(c->last_n, REPLACES);
    assert_int_equal(c->last, FILE_DONE);
    assert_int_equal(atomic_load(&r.bad), 0);
    assert_true(atomic_load(&r.reads) > 0);
}

/* --- Closing
 * -------------------------------------------------------------------------------------- */

static void close__with_nothing_to_do__is_still_later(void **state)
{
    struct lctx *c = *state;

    close_it(c);
    run_until(&c->loop, &c->is_closed);
}

static void close__with_batches_waiting__finishes_them_first(void **state)
{
    struct lctx *c = *state;

    c->want = 20;
    for (int i = 0; i < 20; i++) {
        char path[16];

        snprintf(path, sizeof(path), "d%d/t", i);
        start(c, publish(path, jwt_for("1")));
    }
    close_it(c);
    run_until(&c->loop, &c->is_closed);

    assert_int_equal(c->done, 20);
    assert_false(c->closed_before_done);
    expect_token(c->base, "d19/t", jwt_for("1"));
}

/* Closes inside the callback number `want`; every job still gets its one answer. */
static void close_in_done(void *arg, struct file_result *results, size_t n)
{
    struct lctx *c = arg;

    on_done(arg, results, n);
    if (c->all_done)
        close_it(c);
}

static void close__inside_each_callback__answers_every_batch_once(void **state)
{
    struct lctx *c = *state;

    for (size_t at = 1; at <= 5; at++) {
        c->done = 0;
        c->want = at;
        c->all_done = false;
        c->is_closed = false;
        for (int i = 0; i < 5; i++) {
            struct file_job *j = publish("t", jwt_for("1"));

            assert_int_equal(token_files_start(c->tf, &j, 1, close_in_done, c, &c->base->err), 0);
        }
        run_until(&c->loop, &c->is_closed);
        assert_int_equal(c->done, 5);
        assert_false(c->closed_before_done);
        assert_int_equal(token_files_open(&c->loop, &c->base->options, &c->tf, &c->base->err), 0);
    }
    c->is_closed = false;
}

/* Starts one more from inside the callback, until there were enough. */
static void start_in_done(void *arg, struct file_result *results, size_t n)
{
    struct lctx *c = arg;
    struct file_job *j;

    on_done(arg, results, n);
    if (c->all_done)
        return;
    j = publish("t", jwt_for("1"));
    assert_int_equal(token_files_start(c->tf, &j, 1, start_in_done, c, &c->base->err), 0);
}

static void start__inside_a_callback__goes_on(void **state)
{
    struct lctx *c = *state;
    struct file_job *j = publish("t", jwt_for("1"));

    c->want = 5;
    assert_int_equal(token_files_start(c->tf, &j, 1, start_in_done, c, &c->base->err), 0);
    run_until(&c->loop, &c->all_done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_loop, teardown_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(start__many_for_one_path__keeps_their_order),
        TEST(start__over_the_limit_or_closing__is_refused_and_keeps_the_jobs),
        TEST(start__without_memory__is_refused_and_keeps_the_job),
        TEST(publish__a_thousand_times__never_shows_half_a_file_or_none),
        TEST(close__with_nothing_to_do__is_still_later),
        TEST(close__with_batches_waiting__finishes_them_first),
        TEST(close__inside_each_callback__answers_every_batch_once),
        TEST(start__inside_a_callback__goes_on),
    };

    setenv("UV_THREADPOOL_SIZE", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
