/* test_api: calls in our own words, through HTTP and back, and who may see the token.
 * In:    scripts for a server on the same loop.
 * Out:   cmocka's verdict.
 * Never: another host; a sleep. */
#include "tests/loop/api_fixture.h"

#include <signal.h>

/* {"iat":1795390248,"exp":1795995048,"id":"d-1","a":"ro"}; its SHA-256 is that of the whole text */
#define JWT                                                                                        \
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9."                                                        \
    "eyJpYXQiOjE3OTUzOTAyNDgsImV4cCI6MTc5NTk5NTA0OCwiaWQiOiJkLTEiLCJhIjoicm8ifQ.c2lnbmF0dXJl"
#define JWT_HASH "84a7ce500c639eafd32dce321491d7452a96ea51490e112cae95dbcd4b91dd82"

/* --- There and back -------------------------------------------------------------------------- */

static const char *name_for(int kind)
{
    return kind == CALL_INVITE_SEND || kind == CALL_INVITE_REMOVE ? "jo@example.com" : "t-1";
}

/* An upload needs a file (test_upload.c); a file on this machine is nothing to ask the platform. */
static bool is_started(enum call_kind kind)
{
    return kind != CALL_DATABASE_UPLOAD && kind != CALL_SEED_LOOK;
}

static const char *last(const struct bench *b)
{
    return b->fake.requests[b->fake.n_requests - 1];
}

static void calls__of_every_kind__go_to_their_path_with_the_token(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}};
    struct bench b;

    (void)state;
    bench_open(&b, SCRIPT, 1);
    for (int k = 0; k < CALL_N; k++) {
        const char *request;

        if (!is_started((enum call_kind)k))
            continue;
        assert_int_equal(outcome_of(&b, (enum call_kind)k, name_for(k), NULL), OUTCOME_NOT_FOUND);
        request = last(&b);
        assert_memory_equal(request, CALL_INFO[k].method, strlen(CALL_INFO[k].method));
        if (k == CALL_DATABASE_PROBE ||
            k == CALL_DATABASE_ASK) { /* the API token is not for a tenant's host */
            assert_null(strstr(request, TOKEN));
            assert_non_null(strstr(request, "\r\nAuthorization: Bearer tenants-jwt\r\n"));
            assert_non_null(strstr(request, "\r\nHost: t-1-acme.turso.io\r\n"));
            continue;
        }
        assert_non_null(strstr(request, "\r\nAuthorization: Bearer " TOKEN "\r\n"));
        assert_null(strstr(request, "tenants-jwt"));
        if (k == CALL_LOCATION_CLOSEST)
            assert_non_null(strstr(request, "GET / HTTP/1.1\r\n"));
        else
            assert_true(strstr(request, " /v1/organizations") ||
                        strstr(request, " /v1/locations") || strstr(request, " /v1/auth/") ||
                        strstr(request, " /v1/user ") ||
                        strstr(request, " /v2/organizations/acme/invites") ||
                        strstr(request, " /v3/organizations/o-1/"));
    }
    assert_int_equal(b.fake.n_requests, CALL_N - 2);
    bench_close(&b);
}

static void deletes__with_a_token_of_their_own__go_by_it_and_nothing_else_does(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}};
    struct err err = ERR_INIT;
    struct bench b;

    (void)state;
    bench_open(&b, SCRIPT, 1);
    assert_int_equal(api_set_delete_token(b.api, "deleter", &err), 0);
    for (int k = 0; k < CALL_N; k++) {
        bool deletes =
            strcmp(CALL_INFO[k].method, "DELETE") == 0 || k == CALL_DELETE_TOKEN_VALIDATE;

        if (!is_started((enum call_kind)k))
            continue;
        assert_int_equal(outcome_of(&b, (enum call_kind)k, name_for(k), NULL), OUTCOME_NOT_FOUND);
        assert_int_equal(deletes, strstr(last(&b), "Bearer deleter\r\n") != NULL);
        assert_true(!deletes || !strstr(last(&b), TOKEN));
    }
    assert_int_equal(api_set_delete_token(b.api, "a b", &err), -ERR_INVALID); /* the one before */
    assert_int_equal(outcome_of(&b, CALL_DATABASE_DELETE, "t-1", NULL), OUTCOME_NOT_FOUND);
    assert_non_null(strstr(last(&b), "Bearer deleter\r\n"));
    assert_int_equal(api_set_delete_token(b.api, NULL, &err), 0);
    assert_int_equal(outcome_of(&b, CALL_DATABASE_DELETE, "t-1", NULL), OUTCOME_NOT_FOUND);
    assert_non_null(strstr(last(&b), "Bearer " TOKEN "\r\n"));
    bench_close(&b);
}

/* In a short time, in small pieces and unpacked: that is for what is small. */
static void calls__whose_answer_grows_with_the_organization__may_take_long(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}};
    static const enum call_kind LARGE[] = {CALL_DATABASES_LIST, CALL_GROUPS_LIST,
                                           CALL_DELETED_DATABASES_LIST, CALL_REPORT_USAGE};
    static const enum call_kind SMALL[] = {CALL_ORGANIZATION_GET, CALL_DATABASE_GET,
                                           CALL_REPORT_DATABASE_USAGE};
    struct bench b;

    (void)state;
    bench_open(&b, SCRIPT, 1);
    for (size_t i = 0; i < ARRAY_SIZE(LARGE); i++) {
        assert_int_equal(outcome_of(&b, LARGE[i], NULL, NULL), OUTCOME_NOT_FOUND);
        assert_non_null(strstr(last(&b), "\r\nAccept-Encoding: gzip\r\n"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(SMALL); i++) {
        assert_int_equal(outcome_of(&b, SMALL[i], "t-1", NULL), OUTCOME_NOT_FOUND);
        assert_null(strstr(last(&b), "Accept-Encoding"));
    }
    bench_close(&b);
}

static void listing__of_a_page__is_read(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                 "Date: Sun, 22 Nov 2026 23:30:48 GMT\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "20\r\n{\"databases\":[{\"Name\":\"a\",\"DbId\"\r\n"
                 "25\r\n:\"1\"}],\"pagination\":{\"next\":\"n/2\"}}  \r\n0\r\n\r\n"}};
    struct bench b;
    struct answer *a;

    (void)state;
    bench_open(&b, SCRIPT, 1);
    a = ask(&b, CALL_DATABASES_LIST, NULL);

    assert_string_equal(a->error, "");
    assert_int_equal(a->outcome, OUTCOME_OK);
    assert_int_equal(a->http_status, 200);
    assert_int_equal(a->n_databases, 1);
    assert_string_equal(a->databases[0].name, "a");
    assert_string_equal(a->next_cursor, "n/2");
    assert_int_equal(a->date_ms, INT64_C(1795390248000));
    answer_free(a);
    bench_close(&b);
}

static void token__that_is_minted__comes_with_hash_and_claims(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 134\r\n\r\n"
                 "{\"jwt\":\"" JWT "\"}",
         .then = FAKE_CLOSE}};
    struct bench b;
    struct answer *a;

    (void)state;
    bench_open(&b, SCRIPT, 1);
    a = ask(&b, CALL_DATABASE_TOKEN, "t-1");

    assert_string_equal(a->error, "");
    assert_int_equal(a->outcome, OUTCOME_OK);
    assert_string_equal(a->token.jwt, JWT);
    assert_int_equal(a->token.jwt_size, strlen(JWT));
    assert_string_equal(a->token.hash, JWT_HASH);
    assert_int_equal(a->token.expires_ms, INT64_C(1795995048000));
    assert_string_equal(a->token.target_id, "d-1");
    assert_true(a->token.read_only);
    answer_free(a);
    bench_close(&b);
}

static void refusal__with_a_wait__says_so(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 21\r\n\r\n"
                 "{\"error\":\"slow down\"}"}};
    struct bench b;
    struct answer *a;

    (void)state;
    bench_open(&b, SCRIPT, 1);
    a = ask(&b, CALL_GROUP_GET, "eu");

    assert_int_equal(a->outcome, OUTCOME_THROTTLED);
    assert_int_equal(a->retry_after_ms, 7000);
    assert_string_equal(a->error, "slow down");
    answer_free(a);
    bench_close(&b);
}

/* --- When it goes wrong ---------------------------------------------------------------------- */

static void create__on_a_connection_that_dies__is_unknown_and_made_once(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
        {.then = FAKE_CLOSE},
        {.send = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"}};
    static const enum call_kind KINDS[] = {CALL_DATABASE_CREATE, CALL_GROUP_CREATE,
                                           CALL_DATABASE_TOKEN, CALL_GROUP_TOKEN};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++) {
        struct bench b;

        bench_open(&b, SCRIPT, ARRAY_SIZE(SCRIPT));
        assert_int_equal(outcome_of(&b, CALL_DATABASE_GET, "t-1", NULL), OUTCOME_NOT_FOUND);
        assert_int_equal(outcome_of(&b, KINDS[i], "t-1", NULL), OUTCOME_UNKNOWN);
        assert_int_equal(b.fake.n_requests, 2);
        bench_close(&b);
    }
}

static void answers__that_are_no_answers__are_told_apart(void **state)
{
    static const struct {
        struct fake_step step;
        enum call_kind kind;
        enum outcome outcome;
    } CASES[] = {
        {{.then = FAKE_CLOSE}, CALL_DATABASE_GET, OUTCOME_UNKNOWN},
        {{.send = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"databases\":[",
          .then = FAKE_CLOSE},
         CALL_DATABASES_LIST,
         OUTCOME_MALFORMED},
        {{.send = "HTTP/1.1 200 OK\r\n\r\n{\"databases\":[{\"Name\":\"a\",\"DbId\":\"1\"}",
          .then = FAKE_CLOSE},
         CALL_DATABASES_LIST,
         OUTCOME_MALFORMED},
        {{.send = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"},
         CALL_DATABASES_LIST,
         OUTCOME_MALFORMED},
        {{.send = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\n\r\n{\"error",
          .then = FAKE_CLOSE},
         CALL_DATABASE_CREATE,
         OUTCOME_UNAUTHORIZED},
        {{.send = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"database", .then = FAKE_CLOSE},
         CALL_DATABASE_DELETE,
         OUTCOME_OK},
        {{.send = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"},
         CALL_DATABASE_CREATE,
         OUTCOME_UNAVAILABLE},
        {{.send = "SSH-2.0-OpenSSH_9.2\r\n", .then = FAKE_CLOSE},
         CALL_DATABASE_GET,
         OUTCOME_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct bench b;
        char error[LIMIT_ERROR_TEXT_BYTES + 1];
        enum outcome outcome;

        bench_open(&b, &CASES[i].step, 1);
        outcome = outcome_of(&b, CASES[i].kind, "t-1", error);
        if (outcome != CASES[i].outcome)
            fail_msg("case %zu: %s: %s", i, OUTCOME_INFO[outcome].text, error);
        bench_close(&b);
    }
}

static void answer__of_100_megabytes__is_not_read_to_its_end(void **state)
{
    static const struct {
        struct fake_step step;
        enum call_kind kind;
    } CASES[] = {
        {{.send = "HTTP/1.1 200 OK\r\n\r\n{\"database\":                                        ",
          .times = 2500000,
          .repeat = 40,
          .then = FAKE_CLOSE},
         CALL_DATABASE_GET},
        {{.send =
              "HTTP/1.1 200 OK\r\n\r\n{\"databases\":[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
          .times = 2500000,
          .repeat = 40,
          .then = FAKE_CLOSE},
         CALL_DATABASES_LIST},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct bench b;

        bench_open(&b, &CASES[i].step, 1);
        assert_int_equal(outcome_of(&b, CASES[i].kind, "t-1", NULL), OUTCOME_MALFORMED);
        assert_true(b.fake.sent_bytes < 50u << 20);
        bench_close(&b);
    }
}

static void redirect__is_malformed_and_its_target_sees_nothing(void **state)
{
    static const struct fake_step NONE[] = {OK_STEP};
    struct fake_step script[1] = {{0}};
    struct fake_http other;
    struct bench b;
    char location[128];

    (void)state;
    bench_open(&b, script, 1);
    fake_http_open(&other, &b.loop, NONE, 1);
    snprintf(location, sizeof(location), "Location: %s\r\n", fake_http_url(&other, "/"));
    script[0].send = fake_answer("302 Found", location, "");

    assert_int_equal(outcome_of(&b, CALL_GROUPS_LIST, NULL, NULL), OUTCOME_MALFORMED);
    assert_int_equal(outcome_of(&b, CALL_DATABASE_CREATE, "t-1", NULL), OUTCOME_MALFORMED);
    assert_int_equal(other.n_connections, 0);
    fake_http_close(&other);
    run_until(&b.loop, &other.is_closed);
    fake_http_free(&other);
    bench_close(&b);
}

static void platform__that_is_not_there__was_sent_nothing(void **state)
{
    static const struct fake_step NONE[] = {OK_STEP};
    struct bench b;
    char url[64];

    (void)state;
    bench_open(&b, NONE, 1);
    bench_close_api(&b);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", dead_port());
    bench_open_at(&b, url, LONG_MS, 1);

    assert_int_equal(outcome_of(&b, CALL_DATABASE_CREATE, "t-1", NULL), OUTCOME_NOT_SENT);
    bench_close(&b);
}

static void tls__to_a_platform_without_it__was_sent_nothing(void **state)
{
    static const struct fake_step NONE[] = {OK_STEP};
    struct bench b;
    char url[64];

    (void)state;
    bench_open(&b, NONE, 1);
    bench_close_api(&b);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", b.fake.port);
    bench_open_at(&b, url, 500, 1);

    assert_int_equal(outcome_of(&b, CALL_DATABASE_CREATE, "t-1", NULL), OUTCOME_NOT_SENT);
    assert_int_equal(b.fake.n_requests, 0);
    bench_close(&b);
}

static void platform__that_hangs__is_unknown_in_time(void **state)
{
    static const struct fake_step SCRIPT[] = {{.then = FAKE_HANG}};
    struct bench b;
    char error[LIMIT_ERROR_TEXT_BYTES + 1];

    (void)state;
    bench_open(&b, SCRIPT, 1);
    assert_int_equal(api_configure(b.api, NULL, 300, 4, NULL), 0);

    assert_int_equal(outcome_of(&b, CALL_DATABASE_TOKEN, "t-1", error), OUTCOME_UNKNOWN);
    assert_memory_equal(error, "timed out: ", 11);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls__of_every_kind__go_to_their_path_with_the_token),
        cmocka_unit_test(deletes__with_a_token_of_their_own__go_by_it_and_nothing_else_does),
        cmocka_unit_test(calls__whose_answer_grows_with_the_organization__may_take_long),
        cmocka_unit_test(listing__of_a_page__is_read),
        cmocka_unit_test(token__that_is_minted__comes_with_hash_and_claims),
        cmocka_unit_test(refusal__with_a_wait__says_so),
        cmocka_unit_test(create__on_a_connection_that_dies__is_unknown_and_made_once),
        cmocka_unit_test(answers__that_are_no_answers__are_told_apart),
        cmocka_unit_test(answer__of_100_megabytes__is_not_read_to_its_end),
        cmocka_unit_test(redirect__is_malformed_and_its_target_sees_nothing),
        cmocka_unit_test(platform__that_is_not_there__was_sent_nothing),
        cmocka_unit_test(tls__to_a_platform_without_it__was_sent_nothing),
        cmocka_unit_test(platform__that_hangs__is_unknown_in_time),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
