/* test_emulator_emit: JSON as it is written, and the tokens made of it.
 * In:    values, some of them hostile.
 * Out:   cmocka's verdict.
 * Never: a route. */
#include "emit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jwt.h"
#include "key.h"

static void emit__nested_values__puts_commas_where_they_belong(void **state)
{
    struct buf b = BUF_INIT(1000);

    (void)state;
    emit_open(&b, NULL, '{');
    emit_open(&b, "list", '[');
    emit_int(&b, NULL, -1);
    emit_open(&b, NULL, '{');
    emit_close(&b, '}');
    emit_open(&b, NULL, '[');
    emit_close(&b, ']');
    emit_bool(&b, NULL, true);
    emit_close(&b, ']');
    emit_null(&b, "nothing");
    emit_raw(&b, "raw", "[]", 2);
    emit_string(&b, "text", "{");
    emit_time(&b, "at", 1);
    emit_close(&b, '}');
    assert_string_equal(buf_str(&b),
                        "{\"list\":[-1,{},[],true],\"nothing\":null,\"raw\":[],\"text\":\"{\","
                        "\"at\":\"1970-01-01T00:00:00.001Z\"}");
    buf_deinit(&b);
}

static void emit__bytes_of_any_kind__stays_json(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *json;
    } CASES[] = {
        {"", 0, "\"\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\0\n\x1f", 3, "\"\\u0000\\u000a\\u001f\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xff", 1, "\"\\ufffd\""},
        {"a\xc3", 2, "\"a\\ufffd\""},
        {"\xc3(", 2, "\"\\ufffd(\""},
        {"\xe2\x82", 2, "\"\\ufffd\\ufffd\""},
        {"\xc0\x80", 2, "\"\\ufffd\\ufffd\""},
        {"\x80z", 2, "\"\\ufffdz\""},
        {"\xf5\x80\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct buf b = BUF_INIT(1000);

        emit_bytes(&b, NULL, CASES[i].bytes, CASES[i].size);
        assert_string_equal(buf_str(&b), CASES[i].json);
        buf_deinit(&b);
    }
}

static void base64url__every_length__has_no_padding(void **state)
{
    static const char *const wanted[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};

    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(wanted); n++) {
        struct buf b = BUF_INIT(100);

        jwt_base64url(&b, "foobar", n);
        assert_string_equal(buf_str(&b), wanted[n]);
        buf_deinit(&b);
    }
}

static void jwt__of_another_key_or_changed__is_not_signed(void **state)
{
    struct buf token = BUF_INIT(1000);
    struct key *one;
    struct key *other;
    struct ids ids;

    (void)state;
    ids_init(&ids, 1);
    one = key_new(&ids);
    other = key_new(&ids);
    assert_non_null(one);
    assert_non_null(other);
    assert_true(jwt_mint(one, "{}", 2, &token));
    assert_true(jwt_is_signed_by(one, token.data));
    assert_false(jwt_is_signed_by(other, token.data));
    for (size_t i = 0; i < token.size; i++) {
        char before = token.data[i];

        token.data[i] = before == 'A' ? 'E' : 'A';
        if (i + 1 < token.size) /* the last character holds bits that stand for nothing */
            assert_false(jwt_is_signed_by(one, token.data));
        token.data[i] = before;
    }
    assert_false(jwt_is_signed_by(one, ""));
    assert_false(jwt_is_signed_by(one, "a.b."));
    buf_deinit(&token);
    key_free(one);
    key_free(other);
}

static void ids__one_after_the_other__grow(void **state)
{
    struct ids ids;
    uint64_t last = 0;

    (void)state;
    ids_init(&ids, 0);
    for (int i = 0; i < 3000; i++) {
        uint8_t id[UUID_SIZE];
        uint8_t again[UUID_SIZE];
        char text[UUID_TEXT_SIZE];

        ids_uuid(&ids, 1700000000000 - i, i % 2 ? 0x10 : 0, id);
        assert_true(uuid_key(id) > last);
        last = uuid_key(id);
        uuid_format(id, text);
        assert_true(uuid_parse(text, again));
        assert_memory_equal(id, again, UUID_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emit__nested_values__puts_commas_where_they_belong),
        cmocka_unit_test(emit__bytes_of_any_kind__stays_json),
        cmocka_unit_test(base64url__every_length__has_no_padding),
        cmocka_unit_test(jwt__of_another_key_or_changed__is_not_signed),
        cmocka_unit_test(ids__one_after_the_other__grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
