/* test_emulator_memory: the whole platform, with each allocation failing in its turn.
 * In:    a script of requests, straight into emulator_answer.
 * Out:   an answer each time, whatever failed, and nothing left behind.
 * Never: a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "answer.h"
#include "emulator.h"
#include "lib/mem.h"
#include "options.h"
#include "request.h"
#include "tests/lib/fault.h"

#define ORG "/v1/organizations/acme"
/* Where what is no platform route goes, with the token that was minted last. */
#define PIPELINE "/v2/pipeline"
#define HOST_A   "a-acme.aws-eu-west-1.turso.io"
/* These ids follow from the slug, and from the seed and what was made before. */
#define V3          "/v3/organizations/ac138f0a-0fff-5a6d-a02a-43906c4e0d77"
#define GROUP_ID    "6553f100-0e00-75e0-8b5e-44022e8bc153"
#define DATABASE_ID "6553f100-0f00-789d-ab96-b2a46ad13c13"

static const struct step {
    const char *method;
    const char *uri;
    const char *body;
} SCRIPT[] = {
    {"GET", ORG, ""},
    {"POST", ORG "/groups", "{\"name\":\"eu\",\"location\":\"aws-eu-west-1\"}"},
    {"POST", ORG "/databases", "{\"name\":\"a\",\"group\":\"eu\"}"},
    {"POST", ORG "/databases",
     "{\"name\":\"b\",\"group\":\"eu\",\"seed\":{\"type\":\"database\",\"name\":\"a\"}}"},
    {"PATCH", ORG "/databases/a/configuration", "{\"allowed_ips\":[\"10.0.0.1\",\"10.0.0.2\"]}"},
    {"POST", ORG "/databases/a/auth/tokens?expiration=1d", "{}"},
    {"POST", ORG "/databases/a/auth/tokens",
     "{\"fine_grained_permissions\":[{\"t\":[\"comments\"],\"a\":[\"data_read\"]}]}"},
    {"POST", ORG "/databases/a/auth/rotate", ""},
    {"POST", ORG "/groups/eu/auth/rotate", ""},
    {"POST", "/_emulator/switches", "{\"data_plane_delay\":\"0s\"}"},
    {"POST", ORG "/groups/eu/auth/tokens", ""},
    {"POST", PIPELINE,
     "{\"requests\":[{\"type\":\"sequence\",\"sql\":\"CREATE TABLE t (a); INSERT INTO t VALUES "
     "(1)\"},"
     "{\"type\":\"batch\",\"batch\":{\"steps\":[{\"stmt\":{\"sql\":\"SELECT ?\",\"args\":"
     "[{\"type\":\"blob\",\"base64\":\"AAAA\"}]}}]}}]}"},
    {"POST", ORG "/databases",
     "{\"name\":\"c\",\"group\":\"eu\",\"seed\":{\"type\":\"database\",\"name\":\"a\"}}"},
    {"GET", ORG "/databases/a/stats", ""},
    {"DELETE", ORG "/databases/c", ""},
    {"POST", "/v1/auth/api-tokens/ci",
     "{\"organization\":\"acme\",\"group\":\"eu\",\"scopes\":[\"full-access\"]}"},
    {"GET", ORG "/api-tokens", ""},
    {"POST", "/_emulator/users", "{\"username\":\"jo\",\"role\":\"admin\",\"token\":\"J\"}"},
    {"DELETE", "/v1/auth/api-tokens/ci", ""},
    {"POST", "/v2/organizations/acme/invites", "{\"email\":\"eve@example.com\"}"},
    {"POST", "/_emulator/accept", "{\"email\":\"eve@example.com\"}"},
    {"GET", ORG "/members", ""},
    {"GET", ORG "/audit-logs?page_size=2", ""},
    {"POST", "/_emulator/faults",
     "[{\"route\":\"/v1/organizations/{org}/databases\",\"list\":"
     "\"stale\"},{\"status\":500,\"body\":\"x\"}]"},
    {"GET", ORG "/databases?limit=1", ""},
    {"GET", ORG "/groups", ""},
    {"POST", ORG "/groups/eu/rename", "{\"name\":\"west\"}"},
    {"GET", ORG "/databases", ""},
    {"DELETE", ORG "/databases/b", ""},
    {"DELETE", ORG "/groups/west", ""},
    {"GET", V3 "/databases?deleted=true&limit=1", ""},
    {"GET", V3 "/deleted-groups", ""},
    {"POST", V3 "/groups/" GROUP_ID "/restore", ""},
    {"DELETE", ORG "/databases/a", ""},
    {"POST", V3 "/databases/" DATABASE_ID "/restore", "{\"name\":\"again\"}"},
    {"GET", "/_emulator/state", ""},
    {"GET", "/_emulator/requests", ""},
    {"GET", "/_emulator/counters", ""},
    {"POST", "/_emulator/reset", ""},
};

static char last_jwt[2048];

static void remember_jwt(const struct answer *a)
{
    static const char start[] = "{\"jwt\":\"";
    const char *text = buf_str(&a->body);

    if (!strncmp(text, start, sizeof(start) - 1))
        snprintf(last_jwt, sizeof(last_jwt), "%.*s", (int)strcspn(text + sizeof(start) - 1, "\""),
                 text + sizeof(start) - 1);
}

/* Status of the answer; 0 when there was no memory even for the request. */
static unsigned ask(struct emulator *e, const struct step *step)
{
    struct request rq;
    struct answer a;
    bool is_sql = !strcmp(step->uri, PIPELINE);
    unsigned status;

    if (!request_init(&rq, step->uri))
        return 0;
    snprintf(rq.method, sizeof(rq.method), "%s", step->method);
    rq.bearer = mem_strdup(is_sql ? last_jwt : "T");
    snprintf(rq.host, sizeof(rq.host), "%s", is_sql ? HOST_A : "");
    rq.is_loopback = true;
    buf_add_str(&rq.body, step->body);
    answer_init(&a);
    emulator_answer(e, &rq, &a);
    status = a.status;
    remember_jwt(&a);
    record_end(&e->record, &rq);
    answer_deinit(&a);
    request_deinit(&rq);
    return status;
}

static struct options options(void)
{
    static char slug[] = "acme";
    static char token[] = "T";

    return (struct options){.switches = SWITCHES_INIT,
                            .organizations = {slug},
                            .n_organizations = 1,
                            .tokens = {token},
                            .n_tokens = 1,
                            .token_lifetime_ms = -1,
                            .seed = 1,
                            .fill = 12};
}

static void script__with_memory__succeeds(void **state)
{
    struct options o = options();
    size_t before = mem_live_blocks();
    struct emulator e;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(emulator_init(&e, &o, &err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(SCRIPT); i++) {
        unsigned wanted = !strcmp(SCRIPT[i].uri, ORG "/groups") && i > 8 ? 500 : 200;

        if (ask(&e, &SCRIPT[i]) != wanted)
            fail_msg("step %zu: %s %s", i, SCRIPT[i].method, SCRIPT[i].uri);
    }
    emulator_deinit(&e);
    assert_int_equal(mem_live_blocks(), before);
}

static void script__each_allocation_failing_once__ends_with_nothing_left(void **state)
{
    struct options o = options();
    size_t before = mem_live_blocks();

    (void)state;
    for (long nth = 1;; nth++) {
        struct emulator e;
        struct err err = ERR_INIT;
        int rc;

        fault_arm(nth);
        rc = emulator_init(&e, &o, &err);
        for (size_t i = 0; !rc && i < ARRAY_SIZE(SCRIPT); i++)
            (void)ask(&e, &SCRIPT[i]);
        if (!rc)
            emulator_deinit(&e);
        assert_int_equal(mem_live_blocks(), before);
        if (!fault_disarm())
            return; /* every allocation has had its turn */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script__with_memory__succeeds),
        cmocka_unit_test(script__each_allocation_failing_once__ends_with_nothing_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
