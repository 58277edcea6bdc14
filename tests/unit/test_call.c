/* test_call: the tables are whole, and calls and answers come and go without a trace.
 * In:    every kind and outcome.
 * Out:   cmocka's verdict.
 * Never: HTTP. */
#include "core/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/fault.h"

static void kinds__each__has_a_name_and_a_method(void **state)
{
    (void)state;
    for (int k = 0; k < CALL_N; k++) {
        assert_true(strlen(CALL_INFO[k].name) > 0);
        assert_non_null(strstr("GET POST PATCH DELETE", CALL_INFO[k].method));
    }
}

static void kinds__done_once__are_creates_mints_restores_rotations_and_invites(void **state)
{
    (void)state;
    for (int k = 0; k < CALL_N; k++) {
        bool makes_anew =
            k == CALL_GROUP_CREATE || k == CALL_DATABASE_CREATE || k == CALL_GROUP_TOKEN ||
            k == CALL_DATABASE_TOKEN || k == CALL_API_TOKEN_CREATE || k == CALL_GROUP_RESTORE ||
            k == CALL_DATABASE_RESTORE || k == CALL_GROUP_ROTATE || k == CALL_DATABASE_ROTATE ||
            k == CALL_INVITE_SEND || k == CALL_DATABASE_UPLOAD;

        assert_int_equal(CALL_INFO[k].once, makes_anew);
    }
}

static void outcomes__that_a_retry_can_help__are_the_transient_ones(void **state)
{
    (void)state;
    for (int o = 0; o < OUTCOME_N; o++) {
        bool is_transient = o >= OUTCOME_NOT_SENT && o <= OUTCOME_UNAVAILABLE;

        assert_true(strlen(OUTCOME_INFO[o].text) > 0);
        assert_int_equal(OUTCOME_INFO[o].retry, is_transient);
    }
}

static void call__with_every_text__is_freed_whole(void **state)
{
    size_t before = mem_live_blocks();
    struct call *c = call_new(CALL_DATABASE_CREATE, "a");

    (void)state;
    assert_string_equal(c->name, "a");
    assert_int_equal(c->attempt, 1);
    c->group = mem_strdup("g");
    c->location = mem_strdup("l");
    c->extensions = mem_strdup("all");
    c->cursor = mem_strdup("c");
    c->seed_database = mem_strdup("s");
    c->seed_timestamp = mem_strdup("t");
    for (int f = 0; f < CONFIG_N; f++)
        c->config[f] = mem_strdup("true");
    c->expiration = mem_strdup("7d");
    c->permissions = mem_strdup("[]");
    c->cipher = mem_strdup("aes256gcm");
    c->key_name = mem_strdup("k");
    c->key = mem_strdup("a/+b==");
    c->host = mem_strdup("h");
    c->token_file = mem_strdup("a/app.jwt");
    c->token_hash = mem_strdup("0");
    c->jwt = mem_strdup("j");
    c->jwt_size = 1;
    c->organization_id = mem_strdup("o-1");
    c->target_id = mem_strdup("d-1");
    c->scopes = mem_strdup("read");
    c->role = mem_strdup("admin");
    call_free(c);
    call_free(NULL);

    assert_int_equal(mem_live_blocks(), before);
}

static void answer__new__knows_nothing_yet(void **state)
{
    size_t before = mem_live_blocks();
    struct call *c = call_new(CALL_GROUP_TOKEN, NULL);
    struct answer *a;

    (void)state;
    c->id = 42;
    a = answer_new(c);
    assert_int_equal(a->call_id, 42);
    assert_int_equal(a->kind, CALL_GROUP_TOKEN);
    assert_int_equal(a->outcome, OUTCOME_UNKNOWN);
    assert_int_equal(a->retry_after_ms, -1);
    a->token.jwt = mem_strdup("secret");
    a->token.jwt_size = 6;
    assert_non_null(arena_strdup(&a->arena, "text"));
    answer_free(a);
    answer_free(NULL);
    call_free(c);

    assert_int_equal(mem_live_blocks(), before);
}

static void new__without_memory__is_null_and_leaves_nothing(void **state)
{
    size_t before = mem_live_blocks();
    struct call c = {.kind = CALL_GROUPS_LIST};

    (void)state;
    for (long nth = 1; nth <= 2; nth++) {
        fault_arm(nth);
        assert_null(call_new(CALL_DATABASE_GET, "a"));
        assert_true(fault_disarm());
    }
    fault_arm(1);
    assert_null(answer_new(&c));
    assert_true(fault_disarm());

    assert_int_equal(mem_live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds__each__has_a_name_and_a_method),
        cmocka_unit_test(kinds__done_once__are_creates_mints_restores_rotations_and_invites),
        cmocka_unit_test(outcomes__that_a_retry_can_help__are_the_transient_ones),
        cmocka_unit_test(call__with_every_text__is_freed_whole),
        cmocka_unit_test(answer__new__knows_nothing_yet),
        cmocka_unit_test(new__without_memory__is_null_and_leaves_nothing),
    };

    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
