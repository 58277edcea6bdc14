/* test_jwt: what a token says of itself, and what is no token.
 * In:    claims as JSON, put into tokens here, and texts that are not tokens.
 * Out:   cmocka's verdict.
 * Never: signatures; nobody here can check one. */
#include "core/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/fault.h"

#define TOKEN_SIZE 4096

/* Base64url of RFC 4648 §5, without padding. */
static void encode(const char *text, char *out)
{
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *p = (const unsigned char *)text;
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)p[i] << 16;

        bits |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
        bits |= i + 2 < n ? (uint32_t)p[i + 2] : 0;
        for (size_t j = 0; j < (n - i >= 3 ? 4 : n - i + 1); j++)
            *out++ = ALPHABET[bits >> (18 - 6 * j) & 63];
    }
    *out = '\0';
}

static void make(const char *claims, char *out)
{
    char payload[TOKEN_SIZE - 64];

    encode(claims, payload);
    snprintf(out, TOKEN_SIZE, "eyJhbGciOiJFZERTQSJ9.%s.c2ln", payload);
}

static void claims__of_every_form__are_read(void **state)
{
    static const struct {
        const char *claims;
        struct jwt_claims is;
    } CASES[] = {
        {"{}", {0}},
        {"{\"iat\":1,\"exp\":2,\"id\":\"d\",\"a\":\"rw\",\"rid\":[1]}",
         {1000, 2000, "d", false, false, ""}},
        {"{\"id\":\"d\",\"a\":\"ro\"}", {0, 0, "d", false, true, ""}},
        {"{\"jti\":\"clGFZ4STEe6fljpFzIum8A\"}",
         {0, 0, "", false, false, "clGFZ4STEe6fljpFzIum8A"}},
        {"{\"gid\":\"g\"}", {0, 0, "g", true, false, ""}},
        {"{\"id\":\"d\",\"gid\":\"g\"}", {0, 0, "d", false, false, ""}},
        {"{\"id\":null,\"exp\":null,\"p\":null}", {0}},
        {"{\"exp\":1795995048.75}", {0, 1795995048000, "", false, false, ""}},
        {"{\"exp\":253402300799}", {0, 253402300799000, "", false, false, ""}},
        {"{\"id\":\"x\",\"p\":{\"ro\":{\"ns\":[\"d\"]}}}", {0, 0, "d", false, true, ""}},
        {"{\"p\":{\"rw\":{\"ns\":[\"d\"],\"tags\":null}}}", {0, 0, "d", false, false, ""}},
        {"{\"p\":{\"rw\":{\"tags\":[\"g\"]}}}", {0, 0, "g", true, false, ""}},
        {"{\"p\":{\"ro\":{\"ns\":[\"d\"]},\"rw\":{\"ns\":[\"d\"]}}}",
         {0, 0, "d", false, false, ""}},
        {"{\"p\":{\"roa\":{\"ns\":[\"d\"]},\"ro\":{\"ns\":[\"e\"]}}}", {0, 0, "", false, true, ""}},
        {"{\"id\":\"x\",\"p\":{}}", {0, 0, "", false, true, ""}},
    };
    char token[TOKEN_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct jwt_claims got;
        struct err err = ERR_INIT;

        make(CASES[i].claims, token);
        if (jwt_read(token, strlen(token), &got, &err) != 0)
            fail_msg("%s: %s", CASES[i].claims, err.msg);
        assert_int_equal(got.issued_ms, CASES[i].is.issued_ms);
        assert_int_equal(got.expires_ms, CASES[i].is.expires_ms);
        assert_string_equal(got.target_id, CASES[i].is.target_id);
        assert_int_equal(got.read_only, CASES[i].is.read_only);
        assert_string_equal(got.token_id, CASES[i].is.token_id);
        if (got.target_id[0])
            assert_int_equal(got.is_group, CASES[i].is.is_group);
    }
}

static void refused(const char *token, size_t n, const char *text)
{
    struct jwt_claims got = {.issued_ms = 5};
    struct err err = ERR_INIT;

    assert_int_equal(jwt_read(token, n, &got, &err), -ERR_INVALID);
    assert_string_equal(err.msg, text);
    assert_int_equal(got.issued_ms, 5);
}

static void claims__of_another_type__are_refused(void **state)
{
    static const char *const CASES[][2] = {
        {"[]", "token: the claims are not an object"},
        {"5", "token: the claims are not an object"},
        {"{", "token: not JSON: it ends too early at byte 1"},
        {"{\"exp\":\"5\"}", "token: the claim \"exp\" is not an instant"},
        {"{\"exp\":0}", "token: the claim \"exp\" is not an instant"},
        {"{\"exp\":-5}", "token: the claim \"exp\" is not an instant"},
        {"{\"exp\":253402300800}", "token: the claim \"exp\" is not an instant"},
        {"{\"exp\":1e300}", "token: the claim \"exp\" is not an instant"},
        {"{\"iat\":true}", "token: the claim \"iat\" is not an instant"},
        {"{\"id\":5}", "token: the claim \"id\" is not a plain text"},
        {"{\"id\":\"a\\nb\"}", "token: the claim \"id\" is not a plain text"},
        {"{\"gid\":{}}", "token: the claim \"gid\" is not a plain text"},
        {"{\"a\":\"admin\"}", "token: the claim \"a\" is neither ro nor rw"},
        {"{\"p\":[]}", "token: the claim \"p\" is not an object"},
        {"{\"p\":{\"ro\":{\"ns\":[5]}}}", "token: the claim \"p\" names what is no id"},
        {"{\"p\":{\"ro\":{\"tags\":[\"\"]}}}", "token: the claim \"p\" names what is no id"},
    };
    char token[TOKEN_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        make(CASES[i][0], token);
        refused(token, strlen(token), CASES[i][1]);
    }
}

static void id__longer_than_ids_are__is_refused(void **state)
{
    char claims[256] = "{\"id\":\"";
    char token[TOKEN_SIZE];

    (void)state;
    memset(claims + 7, 'x', 128);
    memcpy(claims + 7 + 128, "\"}", 3);
    make(claims, token);
    refused(token, strlen(token), "token: the target's id is of 128 bytes");
}

static void texts__that_are_no_tokens__are_refused(void **state)
{
    static const char *const CASES[] = {
        ".",          "..",         "a",         "eyJ9.e30",    "e30.e30.",
        ".e30.e30",   "e30..x",     "e.e30.xx",  "e30.e30.xx.", "e30.e30.xx.yy",
        "e30.e3!.xx", "e30.e30.x!", "!!.e30.xx", "e30.e30=.xx",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct jwt_claims got;

        if (jwt_read(CASES[i], strlen(CASES[i]), &got, NULL) != -ERR_INVALID)
            fail_msg("%s was taken", CASES[i]);
    }
    refused("", 0, "a token of 0 bytes");
}

static void token__over_the_limit__is_refused(void **state)
{
    char *token = mem_alloc(20000);

    (void)state;
    memset(token, 'a', 20000);
    refused(token, 20000, "a token of 20000 bytes");
    mem_free(token);
}

static void token__without_memory__is_not_read(void **state)
{
    struct jwt_claims got;
    char token[TOKEN_SIZE];

    (void)state;
    make("{\"id\":\"d\"}", token);
    fault_arm(1);
    assert_int_equal(jwt_read(token, strlen(token), &got, NULL), -ERR_NOMEM);
    assert_true(fault_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims__of_every_form__are_read),
        cmocka_unit_test(claims__of_another_type__are_refused),
        cmocka_unit_test(id__longer_than_ids_are__is_refused),
        cmocka_unit_test(texts__that_are_no_tokens__are_refused),
        cmocka_unit_test(token__over_the_limit__is_refused),
        cmocka_unit_test(token__without_memory__is_not_read),
    };

    return cmocka_run_group_tests_name("jwt", tests, NULL, NULL);
}
