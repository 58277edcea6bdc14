/* api_fixture: a loop, a platform that does what it is told, and calls to it.
 * Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_API_FIXTURE_H
#define TENANTD_TESTS_LOOP_API_FIXTURE_H

#include "io/api.h"

#include "tests/loop/http_fixture.h"

#define TOKEN "platform-secret-token"

/* --- A loop, a platform, a client ------------------------------------------------------------ */

struct bench {
    uv_loop_t loop;
    struct fake_http fake;
    struct seed_queue seeds;
    struct api *api;
    bool is_closed;
};

RUN_UNUSED static void bench_open_at(struct bench *b, const char *url, int64_t timeout_ms,
                                     unsigned concurrency)
{
    struct api_options o = {.url = url,
                            .organization = "acme",
                            .timeout_ms = timeout_ms,
                            .concurrency = concurrency,
                            .seeds = &b->seeds};
    struct err err = ERR_INIT;

    seed_queue_init(&b->seeds, &b->loop);
    if (api_open(&b->loop, &o, &b->api, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(api_set_token(b->api, TOKEN, &err), 0);
}

RUN_UNUSED static void bench_open(struct bench *b, const struct fake_step *script, size_t n)
{
    *b = (struct bench){0};
    uv_loop_init(&b->loop);
    fake_http_open(&b->fake, &b->loop, script, n);
    bench_open_at(b, fake_http_url(&b->fake, ""), LONG_MS, 4);
}

RUN_UNUSED static void bench_close_api(struct bench *b)
{
    api_close(b->api, set_flag, &b->is_closed);
    assert_false(b->is_closed);
    run_until(&b->loop, &b->is_closed);
    b->is_closed = false;
}

RUN_UNUSED static void bench_close(struct bench *b)
{
    bench_close_api(b);
    fake_http_close(&b->fake);
    run_until(&b->loop, &b->fake.is_closed);
    fake_http_free(&b->fake);
    run_close(&b->loop);
}

struct reply {
    struct answer *answer;
    bool is_over;
};

RUN_UNUSED static void on_answer(void *arg, struct answer *a)
{
    struct reply *r = arg;

    assert_false(r->is_over);
    r->answer = a;
    r->is_over = true;
}

RUN_UNUSED static struct call *call_of(enum call_kind kind, const char *name)
{
    struct call *c = call_new(kind, name);

    assert_non_null(c);
    c->id = 99;
    c->group = mem_strdup("eu");
    c->location = mem_strdup("aws-eu-west-1");
    c->expiration = mem_strdup("7d");
    c->organization_id = mem_strdup("o-1");
    c->target_id = mem_strdup("d-1");
    c->scopes = mem_strdup("read");
    c->role = mem_strdup("viewer");
    c->host = mem_strdup("t-1-acme.turso.io");
    c->jwt = mem_strdup("tenants-jwt");
    c->jwt_size = strlen(c->jwt);
    c->page = 1;
    c->config[CONFIG_DELETE_PROTECTION] = mem_strdup("true");
    return c;
}

RUN_UNUSED static struct answer *ask(struct bench *b, enum call_kind kind, const char *name)
{
    struct reply r = {0};
    struct err err = ERR_INIT;

    if (api_start(b->api, call_of(kind, name), on_answer, &r, &err) != 0)
        fail_msg("%s", err.msg);
    assert_false(r.is_over);
    run_until(&b->loop, &r.is_over);
    assert_int_equal(r.answer->call_id, 99);
    assert_int_equal(r.answer->kind, kind);
    assert_true(r.answer->duration_ms >= 0 && r.answer->duration_ms <= 2 * LONG_MS);
    return r.answer;
}

/* Ask once, and say how it ended; the answer is gone. */
RUN_UNUSED static enum outcome outcome_of(struct bench *b, enum call_kind kind, const char *name,
                                          char *error)
{
    struct answer *a = ask(b, kind, name);
    enum outcome outcome = a->outcome;

    if (error)
        snprintf(error, sizeof(a->error), "%s", a->error);
    answer_free(a);
    return outcome;
}

#endif
