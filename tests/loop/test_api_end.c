/* test_api_end: calls that do not start, that are canceled, and an api that is closed under them.
 * In:    scripts for a server on the same loop.
 * Out:   cmocka's verdict.
 * Never: another host; a sleep. */
#include "tests/loop/api_fixture.h"

#include <signal.h>

#include "tests/lib/fault.h"

/* --- Starting, canceling, closing ------------------------------------------------------------ */

static void start__of_what_cannot_be_sent__leaves_the_call_with_the_caller(void **state)
{
    static const struct fake_step SCRIPT[] = {{.then = FAKE_HANG}};
    struct bench b;
    struct reply r[5] = {{0}};
    struct call *c = call_of(CALL_DATABASE_DELETE, "..");
    struct err err = ERR_INIT;

    (void)state;
    bench_open(&b, SCRIPT, 1);
    assert_int_equal(api_start(b.api, c, on_answer, &r[0], &err), -ERR_INVALID);
    assert_string_equal(err.msg,
                        "delete database: \"..\" cannot be the name of a database or group");
    call_free(c);
    for (int i = 0; i < 4; i++)
        assert_int_equal(api_start(b.api, call_of(CALL_DATABASE_GET, "a"), on_answer, &r[i], &err),
                         0);
    c = call_of(CALL_DATABASE_GET, "a");
    assert_int_equal(api_start(b.api, c, on_answer, &r[4], &err), -ERR_LIMIT);
    call_free(c);
    bench_close(&b);

    for (int i = 0; i < 4; i++) {
        assert_int_equal(r[i].answer->outcome, OUTCOME_CANCELED);
        answer_free(r[i].answer);
    }
    assert_false(r[4].is_over);
}

static void start__without_a_token__is_not_permitted(void **state)
{
    static const struct fake_step NONE[] = {OK_STEP};
    struct bench b;
    struct api_options o = {.organization = "acme", .timeout_ms = 1, .concurrency = 1};
    struct call *c = call_of(CALL_GROUPS_LIST, NULL);
    struct err err = ERR_INIT;

    (void)state;
    bench_open(&b, NONE, 1);
    bench_close_api(&b);
    o.url = fake_http_url(&b.fake, "");
    assert_int_equal(api_open(&b.loop, &o, &b.api, &err), 0);
    assert_int_equal(api_start(b.api, c, on_answer, NULL, &err), -ERR_PERMISSION);
    assert_string_equal(err.msg, "there is no API token");
    call_free(c);
    bench_close(&b);
}

static void token__with_what_no_token_holds__is_refused_and_the_old_one_stays(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    static const char *const BAD[] = {"", "a b", "a\n", "a\r\nX: 1", "é", "\x01"};
    struct bench b;
    struct err err = ERR_INIT;

    (void)state;
    bench_open(&b, SCRIPT, 1);
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        assert_int_equal(api_set_token(b.api, BAD[i], &err), -ERR_INVALID);
        assert_null(strstr(err.msg, "X: 1"));
    }
    (void)outcome_of(&b, CALL_DATABASE_DELETE, "a", NULL);
    assert_int_equal(api_set_token(b.api, "next", &err), 0);
    (void)outcome_of(&b, CALL_DATABASE_DELETE, "a", NULL);

    assert_non_null(strstr(b.fake.requests[0], "\r\nAuthorization: Bearer " TOKEN "\r\n"));
    assert_non_null(strstr(b.fake.requests[1], "\r\nAuthorization: Bearer next\r\n"));
    bench_close(&b);
}

static void open__of_a_url_that_is_more_than_an_origin__is_refused(void **state)
{
    static const char *const CASES[][2] = {
        {"ftp://example.com", "api.url: \"ftp://example.com\" is neither http nor https"},
        {"https://u:p@example.com",
         "api.url: \"https://u:p@example.com\" holds a user or password; "
         "wanted is no more than scheme, host and port"},
        {"https://example.com/v1", "api.url: \"https://example.com/v1\" holds a path; wanted is no "
                                   "more than scheme, host and port"},
        {"https://example.com?a=b",
         "api.url: \"https://example.com?a=b\" holds a query or fragment; "
         "wanted is no more than scheme, host and port"},
        {"example", "api.url: \"example\" is no URL: Bad scheme"},
        {"https://", "api.url: \"https://\" is no URL: No host part in the URL"},
    };
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct api_options o = {
            .url = CASES[i][0], .organization = "acme", .timeout_ms = 1, .concurrency = 1};
        struct api *api;
        struct err err = ERR_INIT;

        assert_int_equal(api_open(&loop, &o, &api, &err), -ERR_INVALID);
        assert_string_equal(err.msg, CASES[i][1]);
    }
    run_close(&loop);
}

static void options__out_of_range__are_refused(void **state)
{
    static const struct fake_step NONE[] = {OK_STEP};
    struct api_options o = {.url = "https://[::1]:8443/", .organization = "acme", .concurrency = 1};
    struct bench b;
    struct api *api;

    (void)state;
    bench_open(&b, NONE, 1);
    assert_int_equal(api_open(&b.loop, &o, &api, NULL), -ERR_INVALID);
    o.timeout_ms = 1;
    o.concurrency = 0;
    assert_int_equal(api_open(&b.loop, &o, &api, NULL), -ERR_INVALID);
    assert_int_equal(api_configure(b.api, NULL, 0, 1, NULL), -ERR_INVALID);
    assert_int_equal(api_configure(b.api, NULL, 1, LIMIT_CONCURRENCY + 1, NULL), -ERR_INVALID);
    bench_close(&b);
}

static void close__with_calls_in_flight__answers_each_as_canceled(void **state)
{
    static const struct fake_step SCRIPT[] = {{.then = FAKE_HANG}};
    struct bench b;
    struct reply r[3] = {{0}};

    (void)state;
    bench_open(&b, SCRIPT, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(api_start(b.api, call_of(CALL_GROUP_TOKEN, "eu"), on_answer, &r[i], NULL),
                         0);
    bench_close(&b);
    for (int i = 0; i < 3; i++) {
        assert_true(r[i].is_over);
        assert_int_equal(r[i].answer->outcome, OUTCOME_CANCELED);
        assert_string_equal(r[i].answer->error, "canceled");
        answer_free(r[i].answer);
    }
}

/* Calls that follow each other from done(); the api is closed in the nth. */
struct chain {
    struct bench bench;
    int n_started;
    int n_done;
    int close_at;
};

static void chain_start(struct chain *c);

static void chain_done(void *arg, struct answer *a)
{
    struct chain *c = arg;

    answer_free(a);
    if (++c->n_done == c->close_at)
        api_close(c->bench.api, set_flag, &c->bench.is_closed);
    chain_start(c);
}

static void chain_start(struct chain *c)
{
    struct call *call = call_of(CALL_DATABASE_GET, "a");
    int rc = api_start(c->bench.api, call, chain_done, c, NULL);

    if (rc == 0) {
        c->n_started++;
        return;
    }
    assert_int_equal(rc, -ERR_CANCELED);
    call_free(call);
}

static void close__in_the_nth_done__answers_each_call_once(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP, {.then = FAKE_CLOSE}, OK_STEP, OK_STEP};

    (void)state;
    for (int n = 1; n < 8; n++) {
        struct chain c = {.close_at = n};

        bench_open(&c.bench, SCRIPT, ARRAY_SIZE(SCRIPT));
        for (int i = 0; i < 3; i++)
            chain_start(&c);
        run_until(&c.bench.loop, &c.bench.is_closed);
        assert_int_equal(c.n_done, c.n_started);
        fake_http_close(&c.bench.fake);
        run_until(&c.bench.loop, &c.bench.fake.is_closed);
        fake_http_free(&c.bench.fake);
        run_close(&c.bench.loop);
    }
}

static void start__without_memory__leaves_the_call_with_the_caller(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct bench b;
    struct call *c = call_of(CALL_DATABASE_CREATE, "a");

    (void)state;
    bench_open(&b, SCRIPT, 1);
    for (long nth = 1;; nth++) {
        struct reply r = {0};
        size_t before = mem_live_blocks();
        int rc;

        fault_arm(nth);
        rc = api_start(b.api, c, on_answer, &r, NULL);
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            run_until(&b.loop, &r.is_over);
            answer_free(r.answer);
            break;
        }
        assert_int_equal(rc, -ERR_NOMEM);
        assert_int_equal(mem_live_blocks(), before);
    }
    bench_close(&b);
}

static void open__without_memory__leaves_nothing(void **state)
{
    struct api_options o = {.url = "https://api.turso.tech",
                            .organization = "acme",
                            .timeout_ms = 1000,
                            .concurrency = 1};
    size_t before = mem_live_blocks();
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    for (long nth = 1;; nth++) {
        struct api *api;
        bool is_closed = false;
        int rc;

        fault_arm(nth);
        rc = api_open(&loop, &o, &api, NULL);
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            api_close(api, set_flag, &is_closed);
            run_until(&loop, &is_closed);
            break;
        }
        assert_int_equal(rc, -ERR_NOMEM);
        assert_int_equal(mem_live_blocks(), before);
    }
    run_close(&loop);
    assert_int_equal(mem_live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start__of_what_cannot_be_sent__leaves_the_call_with_the_caller),
        cmocka_unit_test(start__without_a_token__is_not_permitted),
        cmocka_unit_test(token__with_what_no_token_holds__is_refused_and_the_old_one_stays),
        cmocka_unit_test(open__of_a_url_that_is_more_than_an_origin__is_refused),
        cmocka_unit_test(options__out_of_range__are_refused),
        cmocka_unit_test(close__with_calls_in_flight__answers_each_as_canceled),
        cmocka_unit_test(close__in_the_nth_done__answers_each_call_once),
        cmocka_unit_test(start__without_memory__leaves_the_call_with_the_caller),
        cmocka_unit_test(open__without_memory__leaves_nothing),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("api_end", tests, NULL, NULL);
}
