/* test_token_jobs_outside: no file job leaves its directory, whoever plays with it, and none is
 * done in one without this daemon's mark.
 * In:    paths; links, pipes, mounts, marks of others.
 * Out:   cmocka's verdict.
 * Never: a real token. */
#include "tests/loop/token_jobs_make.h"

static void expect_victim(struct ctx *c)
{
    assert_string_equal(contents(c->dir, "outside/victim"), "precious");
}

static void path__that_is_not_plain_and_relative__is_refused(void **state)
{
    static const char *const PATHS[] = {"",
                                        "/etc/x",
                                        "../outside/victim",
                                        "a/../../outside/victim",
                                        "a//t",
                                        "a/",
                                        "./t",
                                        ".tenantd",
                                        ".hid/t",
                                        "..",
                                        "a/."};
    struct ctx *c = *state;

    for (size_t i = 0; i < ARRAY_SIZE(PATHS); i++) {
        expect(c, publish(PATHS[i], jwt_for("1")), FILE_FAILED, "does not begin with a dot");
        expect(c, remove_job(PATHS[i], jwt_for("1")), FILE_OTHER, "does not begin with a dot");
        expect(c, job_new(FILE_READ, PATHS[i]), FILE_OTHER, "does not begin with a dot");
        expect(c, job_new(FILE_CHECK, PATHS[i]), FILE_OTHER, "does not begin with a dot");
    }
    expect_victim(c);
    expect_file(c, ".tenantd", MARK "\n");
}

static void path__of_great_length__is_refused(void **state)
{
    struct ctx *c = *state;
    char path[8192];

    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    expect(c, publish(path, jwt_for("1")), FILE_FAILED, "too long");
    path[300] = '\0';
    expect(c, publish(path, jwt_for("1")), FILE_FAILED, "bytes");
    path[200] = '\0';
    expect_done(c, publish(path, jwt_for("1")));
}

static void link__in_any_component__is_not_followed(void **state)
{
    static const char *const PATHS[] = {"link/victim", "link/new", "a/link/victim", "a/link/b/new"};
    struct ctx *c = *state;

    dir_mkdir(c->tokens, "a");
    assert_int_equal(symlink("../outside", dir_path(c->tokens, "link")), 0);
    assert_int_equal(symlink("../../outside", dir_path(c->tokens, "a/link")), 0);
    for (size_t i = 0; i < ARRAY_SIZE(PATHS); i++) {
        expect(c, publish(PATHS[i], jwt_for("1")), FILE_FAILED, "link is a symbolic link");
        expect(c, remove_job(PATHS[i], jwt_for("1")), FILE_OTHER, "link is a symbolic link");
        expect(c, job_new(FILE_READ, PATHS[i]), FILE_OTHER, "link is a symbolic link");
        expect(c, job_new(FILE_CHECK, PATHS[i]), FILE_OTHER, "link is a symbolic link");
    }
    expect_victim(c);
    assert_int_equal(access(dir_path(c->dir, "outside/new"), F_OK), -1);
}

static void link__in_the_place_of_the_file__is_replaced_itself(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(symlink("../outside/victim", dir_path(c->tokens, "t")), 0);
    assert_int_equal(symlink("../outside/victim", dir_path(c->tokens, ".t.tenantd-new")), 0);

    expect(c, job_new(FILE_READ, "t"), FILE_OTHER, "symbolic link");
    expect(c, job_new(FILE_CHECK, "t"), FILE_OTHER, "not a regular file");
    expect(c, remove_job("t", "precious"), FILE_OTHER, "symbolic link");
    expect_done(c, publish("t", jwt_for("1")));

    assert_true(S_ISREG(stat_of(c, "t").st_mode));
    expect_victim(c);
}

static void pipe__or_directory_in_the_place_of_the_file__blocks_nobody(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(mkfifo(dir_path(c->tokens, "pipe"), 0600), 0);
    dir_mkdir(c->tokens, "sub");
    expect(c, job_new(FILE_READ, "pipe"), FILE_OTHER, "not a regular file");
    expect(c, job_new(FILE_CHECK, "pipe"), FILE_OTHER, "not a regular file");
    expect(c, job_new(FILE_READ, "sub"), FILE_OTHER, "not a regular file");
    expect(c, remove_job("sub", jwt_for("1")), FILE_OTHER, "not a regular file");
    expect(c, publish("sub", jwt_for("1")), FILE_FAILED, "sub");
    expect(c, publish("pipe/t", jwt_for("1")), FILE_FAILED, "no directory");
    expect_none(c, ".sub.tenantd-new");
}

/* --- The mark --------------------------------------------------------------------------------- */

static void mark__at_first_use__makes_the_directory_and_is_made_once(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(tokens_dir_mark(&c->options, &c->err), 0);
    assert_int_equal(tokens_dir_mark(&c->options, &c->err), 0);
    assert_int_equal(stat_of(c, ".").st_mode & 07777, 0700);
    expect_file(c, ".tenantd", MARK "\n");
    assert_int_equal(stat_of(c, ".tenantd").st_mode & 07777, 0600);
}

static void mark__of_another_daemon__is_left_and_named(void **state)
{
    struct ctx *c = *state;

    c->options.mark = "https://api.turso.tech other";
    assert_int_equal(tokens_dir_mark(&c->options, &c->err), -ERR_FOREIGN);
    assert_non_null(strstr(c->err.msg, "belongs to \"" MARK "\""));
    expect(c, publish("t", jwt_for("1")), FILE_UNMARKED, "belongs to");
    expect_file(c, ".tenantd", MARK "\n");
}

static void unmarked__directory_or_none_at_all__is_not_touched(void **state)
{
    struct ctx *c = *state;

    expect(c, publish("t", jwt_for("1")), FILE_UNMARKED, "tokens");
    assert_int_equal(access(c->tokens, F_OK), -1);
    dir_mkdir(c->dir, "tokens");
    expect(c, publish("t", jwt_for("1")), FILE_UNMARKED, "no mark .tenantd (\"" MARK "\")");
    expect(c, job_new(FILE_CHECK, "t"), FILE_UNMARKED, "no mark .tenantd");
    expect(c, remove_job("t", jwt_for("1")), FILE_UNMARKED, "no mark .tenantd");
    expect_none(c, "t");
}

static void unmounted__directory__is_unmarked_until_it_is_back(void **state)
{
    struct ctx *c = *state;

    expect_done(c, publish("t", jwt_for("1")));
    if (mount("none", c->tokens, "tmpfs", 0, "mode=0700") < 0)
        skip();
    expect(c, job_new(FILE_CHECK, "t"), FILE_UNMARKED, "no mark");
    assert_int_equal(umount(c->tokens), 0);
    expect_done(c, job_new(FILE_CHECK, "t"));
}

static void directory__that_everybody_may_write__is_refused(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(chmod(c->tokens, 0777), 0);
    expect(c, publish("t", jwt_for("1")), FILE_FAILED, "chmod o-w");
    expect_none(c, "t");
}

#define TEST(name)          cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_UNMARKED(name) cmocka_unit_test_setup_teardown(name, setup_unmarked, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(path__that_is_not_plain_and_relative__is_refused),
        TEST(path__of_great_length__is_refused),
        TEST(link__in_any_component__is_not_followed),
        TEST(link__in_the_place_of_the_file__is_replaced_itself),
        TEST(pipe__or_directory_in_the_place_of_the_file__blocks_nobody),
        TEST_UNMARKED(mark__at_first_use__makes_the_directory_and_is_made_once),
        TEST(mark__of_another_daemon__is_left_and_named),
        TEST_UNMARKED(unmarked__directory_or_none_at_all__is_not_touched),
        TEST(unmounted__directory__is_unmarked_until_it_is_back),
        TEST(directory__that_everybody_may_write__is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
