/* test_json: what is JSON and what only looks like it.
 * In:    documents; json-c takes most of the bad ones.
 * Out:   cmocka's verdict.
 * Never: a file. */
#include "lib/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/fault.h"

#define DEPTH 4

static void documents__that_are_json__are_read(void **state)
{
    static const char *const CASES[] = {
        "{}",
        " [] \r\n\t",
        "null",
        "true",
        "12",
        "  -1.5e3 ",
        "\"a:b\"",
        "\"\\\"'NaN\\\\\"",
        "{\"a\":{\"b\":1},\"c\":[{\"b\":2},{\"b\":3}]}",
        "{\"N\":\"I\"}",
        "[[[]]]",
        "\"\xc3\xa9\\u00e9\"",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct json_object *o = NULL;
        struct err err = ERR_INIT;

        if (json_parse(CASES[i], strlen(CASES[i]), DEPTH, &o, &err) != 0)
            fail_msg("%s: %s", CASES[i], err.msg);
        json_put(&o);
    }
}

#define MIXED                                                                                      \
    "{\"a\":[1,-9223372036854775808,2.50,1e400,true,false,null],\"b\":{\"c\":"                     \
    "\"\\\"\\\\\\n\\u0001/é\"},"                                                                  \
    "\"a longer key than fits anywhere small\":\"\\b\\f\\r\\t and text, more than at first "       \
    "fits\"}"

static void documents__printed__are_what_was_read(void **state)
{
    struct buf b = BUF_INIT(1000);
    struct json_object *o = NULL;

    (void)state;
    assert_int_equal(json_parse(MIXED, strlen(MIXED), DEPTH, &o, NULL), 0);
    assert_true(json_print(o, &b));
    assert_string_equal(buf_str(&b), MIXED);
    b.max = b.size;
    assert_false(json_print(o, &b)); /* there is no room for two */
    buf_deinit(&b);
    json_put(&o);
}

static int read_and_print(struct buf *b)
{
    struct json_object *o = NULL;
    int rc = json_parse(MIXED, strlen(MIXED), DEPTH, &o, NULL);

    if (rc == 0 && !json_print(o, b))
        rc = -ERR_NOMEM;
    json_put(&o);
    return rc;
}

static void documents__without_memory_at_any_point__are_refused(void **state)
{
    size_t before = mem_live_blocks();
    bool fired = true;

    (void)state;
    for (long nth = 1; fired; nth++) {
        struct buf b = BUF_INIT(1000);
        int rc;

        fault_arm(nth);
        rc = read_and_print(&b);
        fired = fault_disarm();
        if (rc != (fired ? -ERR_NOMEM : 0))
            fail_msg("allocation %ld %s, and it says %d", nth, fired ? "failed" : "is none", rc);
        buf_deinit(&b);
        assert_int_equal(mem_live_blocks(), before);
    }
}

static void documents__that_are_not__are_refused_with_the_place(void **state)
{
    static const char *const CASES[][2] = {
        {"", "not JSON: it ends too early at byte 0"},
        {"{", "not JSON: it ends too early at byte 1"},
        {"[1", "not JSON: it ends too early at byte 2"},
        {"tru", "not JSON: it ends too early at byte 3"},
        {"{\"a\":1,\"a\":2}", "not JSON: a key stands twice in one object"},
        {"[{\"x\":{\"a\":1,\"b\":2,\"a\":1}}]", "not JSON: a key stands twice in one object"},
        {"{\"a\\u0000b\":1}", "not JSON: a key with a NUL in it"},
        {"{'a':1}", "not JSON: unexpected character at byte 1"},
        {"[NaN]", "not JSON: unexpected character at byte 1"},
        {"[-Infinity]", "not JSON: unexpected character at byte 2"},
        {"\"a\tb\"", "not JSON: unexpected character at byte 2"},
        {"[1,]", "not JSON: unexpected character at byte 3"},
        {"[1] x", "not JSON: unexpected character at byte 4"},
        {"{}{}", "not JSON: unexpected character at byte 2"},
        {"[[[[[]]]]]", "not JSON: nesting too deep at byte 4"},
        {"\"\xff\"", "not JSON: invalid utf-8 string at byte 1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct json_object *o = NULL;
        struct err err = ERR_INIT;

        assert_int_equal(json_parse(CASES[i][0], strlen(CASES[i][0]), DEPTH, &o, &err),
                         -ERR_INVALID);
        assert_string_equal(err.msg, CASES[i][1]);
        assert_null(o);
    }
}

static void members__of_another_type__are_not_there(void **state)
{
    static const char TEXT[] = "{\"s\":\"x\",\"nul\":\"a\\u0000b\",\"b\":true,\"i\":5,\"d\":5.0,"
                               "\"o\":{},\"a\":[],\"n\":null,\"bs\":\"true\"}";
    struct json_object *o = NULL;
    struct json_object *inner;
    const char *s;
    bool b;
    int64_t i;

    (void)state;
    assert_int_equal(json_parse(TEXT, sizeof(TEXT) - 1, DEPTH, &o, NULL), 0);
    assert_true(json_get_str(o, "s", &s) && strcmp(s, "x") == 0);
    assert_true(json_get_bool(o, "b", &b) && b);
    assert_true(json_get_int(o, "i", &i) && i == 5);
    assert_true(json_get_obj(o, "o", &inner));
    assert_true(json_get_arr(o, "a", &inner));
    assert_false(json_get_str(o, "nul", &s));
    assert_false(json_get_str(o, "i", &s));
    assert_false(json_get_str(o, "n", &s));
    assert_false(json_get_str(o, "absent", &s));
    assert_false(json_get_bool(o, "bs", &b));
    assert_false(json_get_bool(o, "i", &b));
    assert_false(json_get_int(o, "d", &i));
    assert_false(json_get_int(o, "b", &i));
    assert_false(json_get_obj(o, "a", &inner));
    assert_false(json_get_arr(o, "o", &inner));
    assert_false(json_get_str(NULL, "s", &s));
    json_put(&o);
}

static void objects__that_are_made__hold_what_was_added(void **state)
{
    struct json_object *o = json_object_new_object();

    (void)state;
    assert_true(json_add_str(o, "s", "x"));
    assert_true(json_add_str(o, "none", NULL));
    assert_true(json_add_int(o, "i", INT64_MIN));
    assert_true(json_add_bool(o, "b", false));
    assert_false(json_add(o, "null", NULL));
    assert_false(json_add(NULL, "x", json_object_new_int(1)));
    assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
                        "{\"s\":\"x\",\"i\":-9223372036854775808,\"b\":false}");
    json_put(&o);
    assert_null(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents__that_are_json__are_read),
        cmocka_unit_test(documents__printed__are_what_was_read),
        cmocka_unit_test(documents__without_memory_at_any_point__are_refused),
        cmocka_unit_test(documents__that_are_not__are_refused_with_the_place),
        cmocka_unit_test(members__of_another_type__are_not_there),
        cmocka_unit_test(objects__that_are_made__hold_what_was_added),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
