/* test_credential: the API token from each of its three places, and every way to get it wrong.
 * In:    files, a credentials directory, the environment.
 * Out:   cmocka's verdict.
 * Never: the token in an error text. */
#include "io/credential.h"

#include "core/limits.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"
#include "tests/loop/run.h"

#define TOKEN "eyJhbGciOi.very-secret.sig_nature"

struct ctx {
    char *dir;
    struct credential got;
    struct err err;
};

static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->dir = dir_new();
    unsetenv("TURSO_API_TOKEN");
    unsetenv("CREDENTIALS_DIRECTORY");
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct ctx *c = *state;

    credential_deinit(&c->got);
    assert_int_equal(mem_live_blocks(), 0);
    assert_null(strstr(c->err.msg, "very-secret"));
    dir_free(c->dir);
    free(c);
    return 0;
}

static const char *write_token(struct ctx *c, const char *text, mode_t mode)
{
    dir_write(c->dir, "token", text);
    assert_int_equal(chmod(dir_path(c->dir, "token"), mode), 0);
    return dir_path(c->dir, "token");
}

static void expect_text(struct ctx *c, const char *part)
{
    if (!strstr(c->err.msg, part))
        fail_msg("\"%s\" does not say \"%s\"", c->err.msg, part);
}

static void file__with_and_without_newline__is_the_token(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(credential_load(NULL, write_token(c, TOKEN "\n", 0600), &c->got, &c->err), 0);
    assert_string_equal(c->got.text, TOKEN);
    assert_int_equal(c->got.size, strlen(TOKEN));
    credential_deinit(&c->got);
    assert_null(c->got.text);
    assert_int_equal(credential_load(NULL, write_token(c, TOKEN, 0400), &c->got, &c->err), 0);
    assert_string_equal(c->got.text, TOKEN);
}

static void file__readable_by_others__says_what_to_do(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(credential_load(NULL, write_token(c, TOKEN, 0644), &c->got, &c->err),
                     -ERR_PERMISSION);
    expect_text(c, "API token: ");
    expect_text(c, "may be read by everybody: chmod 600 /");
}

static void file__missing__is_not_found(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(credential_load(NULL, dir_path(c->dir, "none"), &c->got, &c->err),
                     -ERR_NOT_FOUND);
    expect_text(c, "none is not there: put the API token into it");
}

static void text__not_one_word__is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"", "is empty"},
        {"\n", "is empty"},
        {TOKEN "\n\n", "byte 34 of it is"},
        {TOKEN "\r\n", "byte 34 of it is"},
        {" " TOKEN, "byte 1 of it is"},
        {"TOKEN=" TOKEN " x", "byte 40 of it is"},
        {"t\xc3\xb6ken", "byte 2 of it is"},
        {"a\x7f", "byte 2 of it is"},
    };
    struct ctx *c = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        assert_int_equal(
            credential_load(NULL, write_token(c, CASES[i].text, 0600), &c->got, &c->err),
            -ERR_INVALID);
        expect_text(c, CASES[i].says);
        assert_null(c->got.text);
    }
}

static void text__of_the_ceiling_and_one_more__is_taken_and_refused(void **state)
{
    struct ctx *c = *state;
    char *text = calloc(1, LIMIT_CREDENTIAL_BYTES + 3);

    assert_non_null(text);
    memset(text, 'x', LIMIT_CREDENTIAL_BYTES);
    text[LIMIT_CREDENTIAL_BYTES] = '\n';
    assert_int_equal(credential_load(NULL, write_token(c, text, 0600), &c->got, &c->err), 0);
    assert_int_equal(c->got.size, LIMIT_CREDENTIAL_BYTES);
    credential_deinit(&c->got);
    text[LIMIT_CREDENTIAL_BYTES] = 'x';
    assert_int_equal(credential_load(NULL, write_token(c, text, 0600), &c->got, &c->err),
                     -ERR_LIMIT);
    text[LIMIT_CREDENTIAL_BYTES + 1] = 'x';
    assert_int_equal(credential_load(NULL, write_token(c, text, 0600), &c->got, &c->err),
                     -ERR_LIMIT);
    free(text);
}

static void credential__in_its_directory__is_the_token_also_with_the_group_bit(void **state)
{
    struct ctx *c = *state;

    write_token(c, TOKEN, 0440);
    setenv("CREDENTIALS_DIRECTORY", c->dir, 1);
    assert_int_equal(credential_load("token", NULL, &c->got, &c->err), 0);
    assert_string_equal(c->got.text, TOKEN);
}

static void credential__not_passed__says_what_the_unit_needs(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(credential_load("turso-api-token", NULL, &c->got, &c->err), -ERR_NOT_FOUND);
    expect_text(c, "the unit needs LoadCredential=turso-api-token:PATH");
    setenv("CREDENTIALS_DIRECTORY", c->dir, 1);
    assert_int_equal(credential_load("turso-api-token", NULL, &c->got, &c->err), -ERR_NOT_FOUND);
    expect_text(c, "the unit needs LoadCredential=turso-api-token:PATH");
}

static void credential__name_that_leads_elsewhere__is_refused(void **state)
{
    struct ctx *c = *state;

    setenv("CREDENTIALS_DIRECTORY", c->dir, 1);
    assert_int_equal(credential_load("../token", NULL, &c->got, &c->err), -ERR_INVALID);
    assert_int_equal(credential_load("", NULL, &c->got, &c->err), -ERR_INVALID);
}

static void environment__set__is_taken_and_wiped(void **state)
{
    struct ctx *c = *state;
    char *left;

    setenv("TURSO_API_TOKEN", TOKEN, 1);
    left = getenv("TURSO_API_TOKEN");
    assert_int_equal(credential_load(NULL, NULL, &c->got, &c->err), 0);
    assert_string_equal(c->got.text, TOKEN);
    assert_null(getenv("TURSO_API_TOKEN"));
    for (size_t i = 0; i < strlen(TOKEN); i++)
        assert_int_equal(left[i], 0);
}

static void environment__not_set__names_all_three_ways(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(credential_load(NULL, NULL, &c->got, &c->err), -ERR_NOT_FOUND);
    expect_text(c, "{credential: NAME} or {file: PATH}, or TURSO_API_TOKEN");
}

static void memory__each_allocation_in_turn__fails_cleanly(void **state)
{
    struct ctx *c = *state;

    write_token(c, TOKEN, 0600);
    setenv("CREDENTIALS_DIRECTORY", c->dir, 1);
    for (long nth = 1;; nth++) {
        int rc;

        fault_arm(nth);
        rc = credential_load("token", NULL, &c->got, &c->err);
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            assert_true(nth > 3);
            return;
        }
        assert_int_equal(rc, -ERR_NOMEM);
        assert_int_equal(mem_live_blocks(), 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(file__with_and_without_newline__is_the_token),
        T(file__readable_by_others__says_what_to_do),
        T(file__missing__is_not_found),
        T(text__not_one_word__is_refused),
        T(text__of_the_ceiling_and_one_more__is_taken_and_refused),
        T(credential__in_its_directory__is_the_token_also_with_the_group_bit),
        T(credential__not_passed__says_what_the_unit_needs),
        T(credential__name_that_leads_elsewhere__is_refused),
        T(environment__set__is_taken_and_wiped),
        T(environment__not_set__names_all_three_ways),
        T(memory__each_allocation_in_turn__fails_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
