/* test_token_jobs: what each kind of file job does, also when a disk is full or memory is short.
 * In:    jobs.
 * Out:   cmocka's verdict.
 * Never: a real token. */
#include <dlfcn.h>

#include "core/limits.h"
#include "tests/lib/fault.h"
#include "tests/loop/token_jobs_make.h"

/* Fail the n-th sync of a directory; 0: none. */
static int failing_sync;

int fsync(int fd)
{
    static int (*real)(int);
    struct stat st;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    if (failing_sync && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && --failing_sync == 0) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

/* --- Publish ---------------------------------------------------------------------------------- */

static void publish__new_and_again__makes_directories_and_replaces(void **state)
{
    struct ctx *c = *state;
    struct file_result r = run(c, publish("a/b/app.jwt", jwt_for("1")));

    assert_int_equal(r.outcome, FILE_DONE);
    assert_string_equal(r.error, "");
    assert_string_equal(r.hash, hash_of(jwt_for("1")));
    expect_token(c, "a/b/app.jwt", jwt_for("1"));
    expect_done(c, publish("a/b/app.jwt", jwt_for("2")));
    expect_token(c, "a/b/app.jwt", jwt_for("2"));
    expect_none(c, "a/b/.app.jwt.tenantd-new");
}

static void publish__under_any_umask__has_exactly_its_mode(void **state)
{
    static const mode_t UMASKS[] = {0, 077, 0377};
    struct ctx *c = *state;

    for (size_t i = 0; i < ARRAY_SIZE(UMASKS); i++) {
        mode_t before = umask(UMASKS[i]);
        char path[32];

        snprintf(path, sizeof(path), "d%zu/t", i);
        expect_done(c, with(publish(path, jwt_for("1")), TOKEN_JWT, 0640));
        umask(before);
        assert_int_equal(stat_of(c, path).st_mode & 07777, 0640);
        path[2] = '\0';
        assert_int_equal(stat_of(c, path).st_mode & 07777, 0700);
    }
}

static void publish__with_a_group__gives_it_files_and_directories(void **state)
{
    struct ctx *c = *state;

    if (geteuid() != 0)
        skip();
    c->options.has_group = true;
    c->options.group = 54321;
    expect_done(c, with(publish("a/t", jwt_for("1")), TOKEN_JWT, 0640));

    assert_int_equal(stat_of(c, "a/t").st_gid, 54321);
    assert_int_equal(stat_of(c, "a").st_gid, 54321);
    assert_int_equal(stat_of(c, "a").st_mode & 07777, 0750);
}

static void publish__mode_for_others_or_to_execute__is_refused(void **state)
{
    static const unsigned MODES[] = {0644, 0604, 0700, 0610, 0200, 0, 04600, 01600};
    struct ctx *c = *state;

    for (size_t i = 0; i < ARRAY_SIZE(MODES); i++)
        expect(c, with(publish("t", jwt_for("1")), TOKEN_JWT, MODES[i]), FILE_FAILED, "mode");
    expect_none(c, "t");
}

static void publish__over_leftovers_of_a_crash__clears_them(void **state)
{
    struct ctx *c = *state;

    dir_write(c->tokens, ".t.tenantd-new", "half a tok");
    dir_mkdir(c->tokens, ".d.tenantd-new");
    dir_write(c->tokens, ".e.tenantd-new", "half a tok");
    expect_done(c, publish("t", jwt_for("1")));
    expect_done(c, publish("d/t", jwt_for("1")));
    expect_done(c, publish("e/t", jwt_for("1")));

    expect_none(c, ".t.tenantd-new");
    expect_none(c, ".d.tenantd-new");
    expect_none(c, ".e.tenantd-new");
    assert_int_equal(stat_of(c, "d").st_mode & 07777, 0700);
}

static void publish__in_one_batch__keeps_the_order_of_a_path(void **state)
{
    struct ctx *c = *state;
    struct file_job *jobs[200];
    struct file_result results[ARRAY_SIZE(jobs)];
    struct file_result *at[ARRAY_SIZE(jobs)];

    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        char id[16];
        char path[16];

        at[i] = &results[i];

        snprintf(id, sizeof(id), "%zu", i);
        snprintf(path, sizeof(path), "d%zu/t", i % 100);
        jobs[i] = publish(path, jwt_for(id));
    }
    token_jobs_run(&c->options, jobs, ARRAY_SIZE(jobs), at);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        assert_int_equal(results[i].outcome, FILE_DONE);
        assert_int_equal(results[i].job_id, jobs[i]->id);
        file_job_free(jobs[i]);
    }
    expect_token(c, "d7/t", jwt_for("107"));
    expect_token(c, "d99/t", jwt_for("199"));
}

static void publish__on_a_full_disk__keeps_the_old_file(void **state)
{
    struct ctx *c = *state;
    char big[16384];

    if (mount("none", c->tokens, "tmpfs", 0, "size=32k,mode=0700") < 0)
        skip();
    assert_int_equal(tokens_dir_mark(&c->options, &c->err), 0);
    expect_done(c, publish("t", jwt_for("1")));
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    dir_write(c->tokens, "ballast", big);

    big[12000] = '\0';
    expect(c, publish("t", big), FILE_FAILED, "No space left");

    expect_token(c, "t", jwt_for("1"));
    expect_none(c, ".t.tenantd-new");
    assert_int_equal(unlink(dir_path(c->tokens, "ballast")), 0);
    expect_done(c, publish("t", jwt_for("2")));
}

static void publish__on_a_read_only_disk__fails_and_says_so(void **state)
{
    struct ctx *c = *state;

    if (mount("none", c->tokens, "tmpfs", 0, "mode=0700") < 0)
        skip();
    assert_int_equal(tokens_dir_mark(&c->options, &c->err), 0);
    assert_int_equal(mount("none", c->tokens, "tmpfs", MS_REMOUNT | MS_RDONLY, "mode=0700"), 0);
    expect(c, publish("t", jwt_for("1")), FILE_FAILED, "Read-only file system");
}

/* --- Read, check, remove ---------------------------------------------------------------------- */

static void read__each_format__tells_the_token_and_its_claims(void **state)
{
    static const enum token_format FORMATS[] = {TOKEN_JWT, TOKEN_ENV, TOKEN_JSON};
    struct ctx *c = *state;

    for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++) {
        struct file_job *j = with(publish("t", jwt_for("db-1")), FORMATS[i], 0600);
        struct file_result r;

        set(&j->url, "libsql://x-acme.turso.io");
        expect_done(c, j);
        r = run(c, with(job_new(FILE_READ, "t"), FORMATS[i], 0));

        assert_int_equal(r.outcome, FILE_DONE);
        assert_string_equal(r.hash, hash_of(jwt_for("db-1")));
        assert_string_equal(r.target_id, "db-1");
        assert_int_equal(r.issued_ms, 1000);
        assert_int_equal(r.expires_ms, 2000);
        assert_true(r.read_only);
    }
}

static void read__what_is_absent_or_no_token__is_told_apart(void **state)
{
    struct ctx *c = *state;
    char big[LIMIT_TOKEN_FILE_BYTES + 2];

    expect(c, job_new(FILE_READ, "none"), FILE_ABSENT, "");
    expect(c, job_new(FILE_READ, "no/such/dir"), FILE_ABSENT, "");
    expect(c, job_new(FILE_CHECK, "none"), FILE_ABSENT, "");
    dir_write(c->tokens, "words", "not a token\n");
    expect(c, job_new(FILE_READ, "words"), FILE_OTHER, "no token");
    dir_write(c->tokens, "opaque", "abcdef\n");
    expect(c, job_new(FILE_READ, "opaque"), FILE_OTHER, "");
    expect_done(c, job_new(FILE_CHECK, "opaque"));
    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    dir_write(c->tokens, "big", big);
    expect(c, job_new(FILE_READ, "big"), FILE_OTHER, "larger");
}

static void read__file_of_another_user__is_not_believed(void **state)
{
    struct ctx *c = *state;

    if (geteuid() != 0)
        skip();
    expect_done(c, publish("t", jwt_for("1")));
    assert_int_equal(chown(dir_path(c->tokens, "t"), 12345, 12345), 0);
    expect(c, job_new(FILE_READ, "t"), FILE_OTHER, "another user");
}

static void remove__its_own_token__takes_empty_directories_along(void **state)
{
    struct ctx *c = *state;

    expect_done(c, publish("a/b/t", jwt_for("1")));
    expect_done(c, publish("a/u", jwt_for("2")));
    dir_mkdir(c->tokens, "theirs");
    assert_int_equal(chmod(dir_path(c->tokens, "theirs"), 0711), 0);
    expect_done(c, publish("theirs/t", jwt_for("1")));

    expect_done(c, remove_job("a/b/t", jwt_for("1")));
    expect_none(c, "a/b");
    expect_token(c, "a/u", jwt_for("2"));
    expect_done(c, remove_job("theirs/t", jwt_for("1")));
    assert_true(S_ISDIR(stat_of(c, "theirs").st_mode));
    expect(c, remove_job("a/b/t", jwt_for("1")), FILE_ABSENT, "");
}

static void remove__another_token__leaves_it_alone(void **state)
{
    struct ctx *c = *state;

    expect_done(c, publish("t", jwt_for("2")));
    expect(c, remove_job("t", jwt_for("1")), FILE_OTHER, "another token");
    expect(c, job_new(FILE_REMOVE, "t"), FILE_OTHER, "no hash");
    expect_token(c, "t", jwt_for("2"));
}

/* --- Move ------------------------------------------------------------------------------------- */

static void move__to_another_path_and_format__carries_the_token(void **state)
{
    struct ctx *c = *state;
    char text[4096];
    struct file_job *j;

    expect_done(c, publish("old/t", jwt_for("1")));
    j = with(move_to("new/t.env", "old/t", jwt_for("1")), TOKEN_ENV, 0640);
    j->old_format = TOKEN_JWT;
    set(&j->url, "libsql://h");
    expect_done(c, j);

    snprintf(text, sizeof(text), "TURSO_DATABASE_URL=libsql://h\nTURSO_AUTH_TOKEN=%s\n",
             jwt_for("1"));
    expect_file(c, "new/t.env", text);
    assert_int_equal(stat_of(c, "new/t.env").st_mode & 07777, 0640);
    expect_none(c, "old");
}

static void move__in_place__changes_format_and_mode(void **state)
{
    struct ctx *c = *state;
    char text[4096];

    expect_done(c, publish("t", jwt_for("1")));
    expect_done(c, with(move_to("t", "t", jwt_for("1")), TOKEN_ENV, 0400));

    snprintf(text, sizeof(text), "TURSO_AUTH_TOKEN=%s\n", jwt_for("1"));
    expect_file(c, "t", text);
    assert_int_equal(stat_of(c, "t").st_mode & 07777, 0400);
}

static void move__repeated_after_a_crash__is_done(void **state)
{
    struct ctx *c = *state;

    expect_done(c, publish("new", jwt_for("1")));
    expect_done(c, move_to("new", "old", jwt_for("1")));
    expect_done(c, publish("old", jwt_for("1"))); /* written, but not yet removed */
    expect_done(c, move_to("new", "old", jwt_for("1")));
    expect_none(c, "old");
    expect_token(c, "new", jwt_for("1"));
}

/* The move syncs all that stands before it in the batch, and its failure is not its own alone. */
static void move__with_a_sync_that_fails__fails_what_was_written_before_it(void **state)
{
    struct ctx *c = *state;

    for (int nth = 1; nth <= 4; nth++) {
        struct file_result results[2];
        struct file_result *at[] = {&results[0], &results[1]};
        char path[32];

        snprintf(path, sizeof(path), "new%d/t", nth);
        expect_done(c, publish("old/t", jwt_for("2")));
        struct file_job *jobs[] = {publish(path, jwt_for("1")),
                                   move_to("old/moved", "old/t", jwt_for("2"))};

        failing_sync = nth;
        token_jobs_run(&c->options, jobs, 2, at);
        assert_int_equal(failing_sync, 0);
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
            assert_int_equal(results[i].outcome, FILE_FAILED);
            assert_non_null(strstr(results[i].error, "cannot sync a directory"));
            file_job_free(jobs[i]);
        }
        expect_token(c, "old/moved", jwt_for("2"));
        if (nth < 4) /* before the fourth, of where it was, it is not removed */
            expect_token(c, "old/t", jwt_for("2"));
    }
}

static void move__of_another_token__leaves_both_alone(void **state)
{
    struct ctx *c = *state;

    expect_done(c, publish("old", jwt_for("2")));
    expect_done(c, publish("new", jwt_for("3")));
    expect(c, move_to("new", "old", jwt_for("1")), FILE_OTHER, "another token");
    expect(c, move_to("new", "none", jwt_for("1")), FILE_ABSENT, "");
    expect_token(c, "old", jwt_for("2"));
    expect_token(c, "new", jwt_for("3"));
}

/* --- No memory -------------------------------------------------------------------------------- */

static void fault__at_every_allocation__fails_the_job_and_leaks_nothing(void **state)
{
    struct ctx *c = *state;
    struct file_job *jobs[] = {publish("a/t", jwt_for("2")), move_to("b/t", "a/t", jwt_for("2")),
                               with(job_new(FILE_READ, "b/t"), TOKEN_JWT, 0)};
    size_t before = mem_live_blocks();

    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        struct file_result r = {.outcome = FILE_FAILED};
        struct file_result *at = &r;
        long nth;

        for (nth = 1; r.outcome != FILE_DONE && nth < 100; nth++) {
            fault_arm(nth);
            token_jobs_run(&c->options, &jobs[i], 1, &at);
            fault_disarm();
            assert_true(r.outcome == FILE_DONE || r.outcome == FILE_FAILED);
            assert_int_equal(mem_live_blocks(), before);
        }
        assert_true(nth > 2 && r.outcome == FILE_DONE);
        file_job_free(jobs[i]);
        before = mem_live_blocks();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(publish__new_and_again__makes_directories_and_replaces),
        TEST(publish__under_any_umask__has_exactly_its_mode),
        TEST(publish__with_a_group__gives_it_files_and_directories),
        TEST(publish__mode_for_others_or_to_execute__is_refused),
        TEST(publish__over_leftovers_of_a_crash__clears_them),
        TEST(publish__in_one_batch__keeps_the_order_of_a_path),
        TEST(publish__on_a_full_disk__keeps_the_old_file),
        TEST(publish__on_a_read_only_disk__fails_and_says_so),
        TEST(read__each_format__tells_the_token_and_its_claims),
        TEST(read__what_is_absent_or_no_token__is_told_apart),
        TEST(read__file_of_another_user__is_not_believed),
        TEST(remove__its_own_token__takes_empty_directories_along),
        TEST(remove__another_token__leaves_it_alone),
        TEST(move__to_another_path_and_format__carries_the_token),
        TEST(move__in_place__changes_format_and_mode),
        TEST(move__repeated_after_a_crash__is_done),
        TEST(move__with_a_sync_that_fails__fails_what_was_written_before_it),
        TEST(move__of_another_token__leaves_both_alone),
        TEST(fault__at_every_allocation__fails_the_job_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
