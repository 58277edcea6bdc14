/* test_token_lanes: many file jobs at a time leave what the same jobs leave one after the other.
 * In:    random jobs over few paths, so that they meet.
 * Out:   cmocka's verdict.
 * Never: a real token. */
#include "io/token_files.h"

#include "io/token_jobs.h"
#include "tests/lib/chance.h"
#include "tests/lib/tree.h"
#include "tests/loop/token_jobs_make.h"

#define JOBS    200
#define ROUNDS  4
#define FILES   4  /* of a directory */
#define BATCHES 40 /* of as many jobs as come out of it */

static const char *const PATHS[] = {"t",     "u",   "a/t", "a/u",      "a/b/t",      "c/t",
                                    "c/b/t", "d/t", "e/t", "_group/t", "_group/e/t", "f/g/h/t"};

static const char *const DIRS[] = {"a",      "a/b",      "c", "c/b", "d",    "e",
                                   "_group", "_group/e", "f", "f/g", "f/g/h"};

struct lctx {
    struct ctx *base;
    struct tokens_dir_options other; /* where they run one after the other */
    char *dir;
    size_t n_done; /* jobs */
    bool all_done;
    bool is_closed;
    enum file_outcome outcomes[JOBS];
    uint64_t first_id;
};

static int setup_both(void **state)
{
    struct lctx *c = calloc(1, sizeof(*c));
    void *base;

    assert_non_null(c);
    setup(&base);
    c->base = base;
    c->dir = strdup(dir_path(c->base->dir, "serial"));
    c->other = (struct tokens_dir_options){.path = c->dir, .mark = MARK};
    assert_int_equal(tokens_dir_mark(&c->other, &c->base->err), 0);
    *state = c;
    return 0;
}

static int teardown_both(void **state)
{
    struct lctx *c = *state;
    void *base = c->base;

    free(c->dir);
    free(c);
    return teardown(&base);
}

static struct file_job *random_job(uint64_t *x)
{
    const char *path = PATHS[chance_below(x, ARRAY_SIZE(PATHS))];
    const char *old = PATHS[chance_below(x, ARRAY_SIZE(PATHS))];
    const char *jwt = jwt_for(chance_below(x, 2) ? "1" : "2");

    switch (chance_below(x, 6)) {
    case 0:
        return remove_job(path, jwt);
    case 1:
        return move_to(path, old, jwt);
    case 2:
        return job_new(FILE_CHECK, path);
    default:
        return publish(path, jwt);
    }
}

static void make_jobs(struct file_job **jobs, uint64_t seed)
{
    for (size_t i = 0; i < JOBS; i++)
        jobs[i] = random_job(&seed);
}

static void on_done(void *arg, struct file_result *results, size_t n)
{
    struct lctx *c = arg;

    for (size_t i = 0; i < n; i++)
        c->outcomes[results[i].job_id - c->first_id] = results[i].outcome;
    c->n_done += n;
    c->all_done = c->n_done == JOBS;
}

static void run_at_once(struct lctx *c, struct file_job **jobs, uint64_t *x)
{
    struct token_files *tf;
    uv_loop_t loop;

    c->n_done = 0;
    c->all_done = c->is_closed = false;
    c->first_id = jobs[0]->id;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(token_files_open(&loop, &c->base->options, &tf, &c->base->err), 0);
    for (size_t at = 0, n; at < JOBS; at += n) {
        n = 1 + chance_below(x, BATCHES);
        n = n < JOBS - at ? n : JOBS - at;
        assert_int_equal(token_files_start(tf, jobs + at, n, on_done, c, &c->base->err), 0);
    }
    run_until(&loop, &c->all_done);
    token_files_close(tf, run_is_so, &c->is_closed);
    run_until(&loop, &c->is_closed);
    run_close(&loop);
}

static void run_in_turn(struct lctx *c, struct file_job **jobs)
{
    for (size_t i = 0; i < JOBS; i++) {
        struct file_result r;
        struct file_result *at = &r;

        token_jobs_run(&c->other, &jobs[i], 1, &at);
        if (r.outcome != c->outcomes[i])
            fail_msg("job %zu, %s: %d at once, %d in turn", i, jobs[i]->path, (int)c->outcomes[i],
                     (int)r.outcome);
        file_job_free(jobs[i]);
    }
}

static bool is_there(const char *dir, const char *name)
{
    struct stat st;

    return lstat(dir_path(dir, name), &st) == 0;
}

static void expect_the_same(struct lctx *c)
{
    struct tree a = tree_read(c->base->tokens);
    struct tree b = tree_read(c->dir);

    assert_int_equal(a.n, b.n);
    for (size_t i = 0; i < a.n; i++) {
        assert_string_equal(a.files[i].path, b.files[i].path);
        assert_string_equal(a.files[i].data, b.files[i].data);
    }
    for (size_t i = 0; i < ARRAY_SIZE(DIRS); i++)
        assert_int_equal(is_there(c->base->tokens, DIRS[i]), is_there(c->dir, DIRS[i]));
    tree_deinit(&a);
    tree_deinit(&b);
}

static void jobs__many_at_once__leave_what_they_leave_in_turn(void **state)
{
    struct lctx *c = *state;
    static struct file_job *jobs[JOBS];
    static struct file_job *same[JOBS];

    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t x = round * UINT64_C(0x9E3779B97F4A7C15);

        make_jobs(jobs, x);
        make_jobs(same, x);
        run_at_once(c, jobs, &x);
        run_in_turn(c, same);
        expect_the_same(c);
    }
}

/* Each round makes the directory, and removes it with its last file. */
static void jobs__in_a_directory_that_comes_and_goes__do_not_meet(void **state)
{
    struct lctx *c = *state;
    static struct file_job *jobs[JOBS];
    uint64_t x = 1;

    for (size_t i = 0; i < JOBS; i++) {
        char path[16];

        snprintf(path, sizeof(path), "d/e/%zu", i % FILES);
        jobs[i] = i / FILES % 2 ? remove_job(path, jwt_for("1")) : publish(path, jwt_for("1"));
    }
    run_at_once(c, jobs, &x);
    for (size_t i = 0; i < JOBS; i++)
        assert_int_equal(c->outcomes[i], FILE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs__many_at_once__leave_what_they_leave_in_turn,
                                        setup_both, teardown_both),
        cmocka_unit_test_setup_teardown(jobs__in_a_directory_that_comes_and_goes__do_not_meet,
                                        setup_both, teardown_both),
    };

    return cmocka_run_group_tests_name("token_lanes", tests, NULL, NULL);
}
