/* test_token_file: the three forms of a token file, written and read back.
 * In:    tokens, URLs, bytes that people left in files.
 * Out:   cmocka's verdict.
 * Never: a disk. */
#include "io/token_file.h"

#include "core/limits.h"
#include "lib/mem.h"
#include "tests/loop/run.h"

#define JWT "eyJhbGciOiJFZERTQSJ9.eyJpZCI6IngifQ.c2ln-_"
#define URL "libsql://x-acme.aws-eu-west-1.turso.io"

static void expect_format(enum token_format format, const char *url, int64_t expires_ms,
                          const char *text)
{
    struct token_file f = {format, url, JWT, strlen(JWT), expires_ms};
    struct secret bytes = {0};
    struct secret token = {0};
    struct err err = ERR_INIT;

    assert_int_equal(token_file_format(&f, &bytes, &err), 0);
    assert_string_equal(bytes.data, text);
    assert_int_equal(bytes.size, strlen(text));
    assert_int_equal(token_file_find(format, bytes.data, bytes.size, &token, &err), 0);
    assert_string_equal(token.data, JWT);
    assert_int_equal(token.size, strlen(JWT));
    secret_deinit(&bytes);
    secret_deinit(&token);
    assert_int_equal(mem_live_blocks(), 0);
}

static void format__of_every_kind__reads_back(void **state)
{
    (void)state;
    expect_format(TOKEN_JWT, URL, 0, JWT "\n");
    expect_format(TOKEN_ENV, URL, 0, "TURSO_DATABASE_URL=" URL "\nTURSO_AUTH_TOKEN=" JWT "\n");
    expect_format(TOKEN_ENV, NULL, 0, "TURSO_AUTH_TOKEN=" JWT "\n");
    expect_format(TOKEN_JSON, URL, 1000000000000,
                  "{\"url\":\"" URL "\",\"token\":\"" JWT
                  "\",\"expires\":\"2001-09-09T01:46:40Z\"}\n");
    expect_format(TOKEN_JSON, NULL, 0, "{\"url\":null,\"token\":\"" JWT "\",\"expires\":null}\n");
}

/* What the core takes for a token (tests/data/answers/token.json) can be written. */
static void format__of_a_token_that_is_no_jwt__reads_back(void **state)
{
    static const char token[] = "a-b._c+d/e=";

    (void)state;
    for (enum token_format format = TOKEN_JWT; format <= TOKEN_JSON; format++) {
        struct token_file f = {format, NULL, token, strlen(token), 0};
        struct secret bytes = {0};
        struct secret found = {0};
        struct err err = ERR_INIT;

        assert_int_equal(token_file_format(&f, &bytes, &err), 0);
        assert_int_equal(token_file_find(format, bytes.data, bytes.size, &found, &err), 0);
        assert_string_equal(found.data, token);
        secret_deinit(&bytes);
        secret_deinit(&found);
    }
}

static void format__what_would_need_quoting__is_refused_and_not_repeated(void **state)
{
    static const struct {
        const char *url;
        const char *jwt;
    } CASES[] = {
        {NULL, ""},
        {NULL, "a b"},
        {NULL, "a\nTURSO_DATABASE_URL=evil"},
        {NULL, "a\"b"},
        {NULL, "~root"},
        {"libsql://x\nLD_PRELOAD=evil", JWT},
        {"libsql://$(evil)", JWT},
        {"libsql://x\"", JWT},
        {"", JWT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct token_file f = {TOKEN_ENV, CASES[i].url, CASES[i].jwt, strlen(CASES[i].jwt), 0};
        struct secret bytes = {0};
        struct err err = ERR_INIT;

        assert_int_equal(token_file_format(&f, &bytes, &err), -ERR_INVALID);
        assert_null(bytes.data);
        assert_null(strstr(err.msg, "evil"));
    }
}

static void format__token_without_end__is_refused(void **state)
{
    static char jwt[LIMIT_TOKEN_FILE_BYTES];
    struct token_file f = {TOKEN_JWT, NULL, jwt, sizeof(jwt), 0};
    struct secret bytes = {0};
    struct err err = ERR_INIT;

    (void)state;
    memset(jwt, 'a', sizeof(jwt));
    assert_int_equal(token_file_format(&f, &bytes, &err), -ERR_INVALID);
}

static void find__in_what_a_person_wrote__takes_the_token(void **state)
{
    static const struct {
        enum token_format format;
        const char *text;
    } CASES[] = {
        {TOKEN_JWT, JWT},
        {TOKEN_ENV, "# mine\nOTHER=1\nTURSO_AUTH_TOKEN=" JWT},
        {TOKEN_ENV, "TURSO_AUTH_TOKEN=" JWT "\nTURSO_AUTH_TOKEN=second\n"},
        {TOKEN_JSON, " {\n \"token\": \"" JWT "\",\n \"more\": [1]\n}\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct secret token = {0};
        struct err err = ERR_INIT;

        assert_int_equal(
            token_file_find(CASES[i].format, CASES[i].text, strlen(CASES[i].text), &token, &err),
            0);
        assert_string_equal(token.data, JWT);
        secret_deinit(&token);
    }
}

static void find__where_there_is_none__says_so_and_repeats_nothing(void **state)
{
    static const struct {
        enum token_format format;
        const char *text;
    } CASES[] = {
        {TOKEN_JWT, ""},
        {TOKEN_JWT, "\n"},
        {TOKEN_JWT, "secret words\n"},
        {TOKEN_JWT, "secret\nsecret\n"},
        {TOKEN_ENV, ""},
        {TOKEN_ENV, "TURSO_AUTH_TOKEN=\n"},
        {TOKEN_ENV, "TURSO_AUTH_TOKEN=secret words\n"},
        {TOKEN_ENV, "XTURSO_AUTH_TOKEN=secret\n"},
        {TOKEN_JSON, ""},
        {TOKEN_JSON, "secret"},
        {TOKEN_JSON, "{}"},
        {TOKEN_JSON, "[\"secret\"]"},
        {TOKEN_JSON, "{\"token\": 12}"},
        {TOKEN_JSON, "{\"token\": \"secret\\u0000\"}"},
        {TOKEN_JSON, "{\"token\": \"secret\"} secret"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct secret token = {0};
        struct err err = ERR_INIT;
        int rc =
            token_file_find(CASES[i].format, CASES[i].text, strlen(CASES[i].text), &token, &err);

        if (rc != -ERR_INVALID)
            fail_msg("case %zu gave %d", i, rc);
        assert_null(token.data);
        assert_null(strstr(err.msg, "secret"));
    }
    assert_int_equal(mem_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format__of_every_kind__reads_back),
        cmocka_unit_test(format__of_a_token_that_is_no_jwt__reads_back),
        cmocka_unit_test(format__what_would_need_quoting__is_refused_and_not_repeated),
        cmocka_unit_test(format__token_without_end__is_refused),
        cmocka_unit_test(find__in_what_a_person_wrote__takes_the_token),
        cmocka_unit_test(find__where_there_is_none__says_so_and_repeats_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
