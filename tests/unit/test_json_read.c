/* test_json_read: what is JSON, and what is read of it. That it agrees with json-c is for
 * test_json_read_random and fuzz_json_read.
 * In:    documents.
 * Out:   cmocka's verdict.
 * Never: a tree. */
#include "lib/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DEPTH 4

/* On memory of exactly that size, so that reading beyond it shows. */
static int read_exactly(const char *s, size_t n, struct json_value *out, struct err *err)
{
    char *exact = test_malloc(n + 1);
    int rc;

    memcpy(exact + 1, s, n);
    rc = json_read(exact + 1, n, DEPTH, NULL, out, err);
    out->at = rc == 0 ? s + (out->at - (exact + 1)) : NULL;
    test_free(exact);
    return rc;
}

static struct json_value read_whole(const char *s)
{
    struct json_value v;
    struct err err = ERR_INIT;

    if (read_exactly(s, strlen(s), &v, &err) < 0)
        fail_msg("%s: %s", s, err.msg);
    return v;
}

static void documents__that_are_json__are_read(void **state)
{
    static const struct {
        const char *text;
        enum json_kind kind;
        size_t at;
        size_t size;
    } CASES[] = {
        {"{}", JSON_OBJECT, 0, 2},
        {" [] \r\n\t", JSON_LIST, 1, 2},
        {"null", JSON_NULL, 0, 4},
        {"true", JSON_TRUE, 0, 4},
        {" false", JSON_FALSE, 1, 5},
        {"12", JSON_NUMBER, 0, 2},
        {"0", JSON_NUMBER, 0, 1},
        {"-0", JSON_NUMBER, 0, 2},
        {"  -1.5e3 ", JSON_NUMBER, 2, 6},
        {"0.25E-07", JSON_NUMBER, 0, 8},
        {"\"a:b\"", JSON_TEXT, 0, 5},
        {"\"\\\"'NaN\\\\\"", JSON_TEXT, 0, 10},
        {"{\"a\" : {\"b\":1} ,\"c\":[ {\"b\":2} , {\"b\":3} ]}", JSON_OBJECT, 0, 42},
        {"{\"N\":\"I\",\"N\":\"I\"}", JSON_OBJECT, 0, 17},
        {"[[[[]]]]", JSON_LIST, 0, 8},
        {"[[[[1]]]]", JSON_LIST, 0, 9},
        {"\"\xc3\xa9\\u00e9\\ud83d\\ude00\xf0\x9f\x98\x80\x7f\"", JSON_TEXT, 0, 27},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct json_value v = read_whole(CASES[i].text);

        assert_int_equal(v.kind, CASES[i].kind);
        assert_ptr_equal(v.at, CASES[i].text + CASES[i].at);
        assert_int_equal(v.size, CASES[i].size);
    }
}

static void documents__that_are_not__are_refused_with_the_place(void **state)
{
    static const char *const CASES[][2] = {
        {"", "not JSON: it ends too early at byte 0"},
        {" \n", "not JSON: it ends too early at byte 2"},
        {"{", "not JSON: it ends too early at byte 1"},
        {"{\"a", "not JSON: it ends too early at byte 3"},
        {"{\"a\"", "not JSON: it ends too early at byte 4"},
        {"{\"a\":", "not JSON: it ends too early at byte 5"},
        {"{\"a\":1", "not JSON: it ends too early at byte 6"},
        {"{\"a\":1,", "not JSON: it ends too early at byte 7"},
        {"[1", "not JSON: it ends too early at byte 2"},
        {"tru", "not JSON: it ends too early at byte 3"},
        {"-", "not JSON: it ends too early at byte 1"},
        {"1.", "not JSON: it ends too early at byte 2"},
        {"1e+", "not JSON: it ends too early at byte 3"},
        {"\"\\", "not JSON: it ends too early at byte 2"},
        {"\"\\u00e", "not JSON: it ends too early at byte 6"},
        {"{'a':1}", "not JSON: unexpected character at byte 1"},
        {"{1:1}", "not JSON: unexpected character at byte 1"},
        {"{\"a\":1,}", "not JSON: unexpected character at byte 7"},
        {"[NaN]", "not JSON: unexpected character at byte 1"},
        {"[-Infinity]", "not JSON: unexpected character at byte 2"},
        {"\"a\tb\"", "not JSON: unexpected character at byte 2"},
        {"\"\\x\"", "not JSON: unexpected character at byte 2"},
        {"\"\\u00g0\"", "not JSON: unexpected character at byte 5"},
        {"[1,]", "not JSON: unexpected character at byte 3"},
        {"[1] x", "not JSON: unexpected character at byte 4"},
        {"{}{}", "not JSON: unexpected character at byte 2"},
        {"True", "not JSON: unexpected character at byte 0"},
        {"trux", "not JSON: unexpected character at byte 3"},
        {"01", "not JSON: unexpected character at byte 1"},
        {"+1", "not JSON: unexpected character at byte 0"},
        {".5", "not JSON: unexpected character at byte 0"},
        {"1.e5", "not JSON: unexpected character at byte 2"},
        {"1x", "not JSON: unexpected character at byte 1"},
        {"/* a */ 1", "not JSON: unexpected character at byte 0"},
        {"{\"a\" 1}", "not JSON: object property name separator ':' expected at byte 5"},
        {"{\"a\":1]", "not JSON: object value separator ',' expected at byte 6"},
        {"[1 2]", "not JSON: array value separator ',' expected at byte 3"},
        {"[[[[[]]]]]", "not JSON: nesting too deep at byte 4"},
        {"{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", "not JSON: nesting too deep at byte 20"},
        {"\"\xff\"", "not JSON: invalid utf-8 string at byte 1"},
        {"\"a\xc3\"", "not JSON: invalid utf-8 string at byte 2"},
        {"\"\xc0\x80\"", "not JSON: invalid utf-8 string at byte 1"},
        {"\"\xed\xa0\x80\"", "not JSON: invalid utf-8 string at byte 1"},
        {"\"\xf4\x90\x80\x80\"", "not JSON: invalid utf-8 string at byte 1"},
        {"\"\\ud83d\"", "not JSON: half of a surrogate pair at byte 7"},
        {"\"\\ude00\"", "not JSON: half of a surrogate pair at byte 7"},
        {"\"\\ud83d\\u0041\"", "not JSON: half of a surrogate pair at byte 13"},
        {"\"\\ud83d\\n\"", "not JSON: half of a surrogate pair at byte 7"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct json_value v;
        struct err err = ERR_INIT;

        assert_int_equal(read_exactly(CASES[i][0], strlen(CASES[i][0]), &v, &err), -ERR_INVALID);
        if (strcmp(err.msg, CASES[i][1]) != 0)
            fail_msg("%s: %s, not %s", CASES[i][0], err.msg, CASES[i][1]);
    }
    assert_int_equal(json_read("1\0", 2, DEPTH, NULL, &(struct json_value){0}, NULL), -ERR_INVALID);
    assert_int_equal(json_read("\"\0\"", 3, DEPTH, NULL, &(struct json_value){0}, NULL),
                     -ERR_INVALID);
}

/* --- Members ------------------------------------------------------------------------------- */

static const struct json_key KEYS[] = {JSON_KEY("a"), JSON_KEY("bc"), JSON_KEY("")};
enum { A, BC, EMPTY, N_KEYS };

static int read_members(const char *s, struct json_value *whole, struct json_value values[N_KEYS],
                        struct err *err)
{
    return json_read(s, strlen(s), DEPTH, &(struct json_members){KEYS, N_KEYS, values}, whole, err);
}

static void members__that_are_asked_for__are_where_they_stand(void **state)
{
    static const char TEXT[] =
        "{\"x\":{\"a\":1},\"\\u0062c\" : [2] ,\"A\":3,\"a\\u0000\":4,\"a\":5}";
    struct json_value values[N_KEYS];
    struct json_value whole;

    (void)state;
    assert_int_equal(read_members(TEXT, &whole, values, NULL), 0);
    assert_int_equal(whole.kind, JSON_OBJECT);
    assert_int_equal(values[A].kind, JSON_NUMBER);
    assert_memory_equal(values[A].at, "5", values[A].size);
    assert_int_equal(values[BC].kind, JSON_LIST);
    assert_memory_equal(values[BC].at, "[2]", values[BC].size);
    assert_int_equal(values[EMPTY].kind, JSON_ABSENT);
}

static void members__of_what_is_no_object__are_absent(void **state)
{
    static const char *const CASES[] = {"[{\"a\":1}]", "\"a\"", "1", "null"};
    struct json_value values[N_KEYS] = {{.kind = JSON_TRUE}};
    struct json_value whole;
    struct json_value inner;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        assert_int_equal(read_members(CASES[i], &whole, values, NULL), 0);
        assert_int_equal(values[A].kind, JSON_ABSENT);
        assert_int_equal(json_read_at(&whole, "a", &inner, NULL), 0);
        assert_int_equal(inner.kind, JSON_ABSENT);
    }
}

static void member__that_stands_twice__is_refused_where_it_is_asked_for(void **state)
{
    static const char TWICE[] = "not JSON: a key stands twice in one object";
    struct json_value values[N_KEYS];
    struct json_value whole;
    struct json_value inner;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(read_members("{\"a\":1,\"x\":2,\"a\":3}", &whole, values, &err), -ERR_INVALID);
    assert_string_equal(err.msg, TWICE);
    assert_int_equal(read_members("{\"bc\":1,\"b\\u0063\":3}", &whole, values, NULL), -ERR_INVALID);
    assert_int_equal(read_members("{\"x\":1,\"x\":{\"a\":1,\"a\":2}}", &whole, values, NULL), 0);
    assert_int_equal(json_read_at(&whole, "y.x", &inner, NULL), 0);
    assert_int_equal(json_read_at(&whole, "x", &inner, NULL), -ERR_INVALID);
    assert_int_equal(read_members("{\"x\":{\"a\":1,\"a\":2}}", &whole, values, NULL), 0);
    assert_int_equal(json_read_at(&whole, "x.a", &inner, &err), -ERR_INVALID);
    assert_string_equal(err.msg, TWICE);
}

static void path__leads_through_objects(void **state)
{
    struct json_value whole = read_whole("{\"a\":{\"b\":{\"c\":1}},\"d\":[{\"e\":1}]}");
    struct json_value v;

    (void)state;
    assert_int_equal(json_read_at(&whole, "a.b.c", &v, NULL), 0);
    assert_int_equal(v.kind, JSON_NUMBER);
    assert_int_equal(json_read_at(&whole, "a.x.c", &v, NULL), 0);
    assert_int_equal(v.kind, JSON_ABSENT);
    assert_int_equal(json_read_at(&whole, "d.e", &v, NULL), 0);
    assert_int_equal(v.kind, JSON_ABSENT);
}

static void member__of_another_kind__is_said_to_be(void **state)
{
    struct json_value whole = read_whole("{\"a\":{\"b\":null}}");
    struct json_value v;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(json_want(&whole, "a", JSON_OBJECT, &v, NULL), 0);
    assert_int_equal(json_want(&v, "b", JSON_LIST, &v, &err), -ERR_INVALID);
    assert_string_equal(err.msg, "\"b\" is missing or no list");
    assert_int_equal(json_want(&whole, "b", JSON_TEXT, &v, &err), -ERR_INVALID);
    assert_string_equal(err.msg, "\"b\" is missing or no text");
}

static void items__come_one_by_one(void **state)
{
    struct json_value list = read_whole("[ 1 ,[2,3], \"]\" ]");
    struct json_value object = read_whole("{\"a\":1 , \"b\" : {\"c\":2}}");
    struct json_value none = read_whole("[ ]");
    struct json_value text = read_whole("\"[1]\"");
    struct json_value item = {.kind = JSON_ABSENT};
    struct json_value key;

    (void)state;
    assert_true(json_next(&list, NULL, &item) && item.kind == JSON_NUMBER);
    assert_true(json_next(&list, NULL, &item) && item.kind == JSON_LIST);
    assert_true(json_next(&list, NULL, &item) && item.kind == JSON_TEXT);
    assert_false(json_next(&list, NULL, &item));
    item.kind = JSON_ABSENT;
    assert_true(json_next(&object, &key, &item) && item.kind == JSON_NUMBER);
    assert_true(json_next(&object, &key, &item) && item.kind == JSON_OBJECT);
    assert_memory_equal(key.at, "\"b\"", key.size);
    assert_false(json_next(&object, &key, &item));
    assert_int_equal(json_count(&list), 3);
    assert_int_equal(json_count(&object), 2);
    assert_int_equal(json_count(&none), 0);
    assert_int_equal(json_count(&text), 0);
}

/* --- Values -------------------------------------------------------------------------------- */

static void text__is_decoded(void **state)
{
    static const struct {
        const char *text;
        const char *says;
        size_t size;
        bool is_simple;
    } CASES[] = {
        {"\"\"", "", 0, true},
        {"\"a b~\"", "a b~", 4, true},
        {"\"a\x7f\"", "a\x7f", 2, false},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8, false},
        {"\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10,
         false},
        {"\"\xc3\xa9\xef\xbf\xbf\"", "\xc3\xa9\xef\xbf\xbf", 5, false},
        {"\"a\\u0000b\"", "a\0b", 3, false},
        {"\"\\uffff\\udbff\\udfff\"", "\xef\xbf\xbf\xf4\x8f\xbf\xbf", 7, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct json_value v = read_whole(CASES[i].text);
        char *out = test_malloc(CASES[i].size + 1);
        size_t n = 0;

        assert_int_equal(v.is_simple, CASES[i].is_simple);
        assert_true(json_text(&v, out, CASES[i].size, &n));
        assert_int_equal(n, CASES[i].size);
        assert_memory_equal(out, CASES[i].says, n + 1);
        if (n > 0)
            assert_false(json_text(&v, out, n - 1, &n));
        test_free(out);
    }
}

static void text__of_another_kind__is_none(void **state)
{
    struct json_value absent = {.kind = JSON_ABSENT};
    struct json_value list = read_whole("[\"a\"]");
    char out[8];
    size_t n;

    (void)state;
    assert_false(json_text(&absent, out, sizeof(out) - 1, &n));
    assert_false(json_text(&list, out, sizeof(out) - 1, &n));
}

static void number__that_is_whole_and_fits__is_exact(void **state)
{
    static const struct {
        const char *text;
        bool is_one;
        int64_t value;
    } CASES[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-12", true, -12},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"100000000000000000000000", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct json_value v = read_whole(CASES[i].text);
        int64_t n = 0;

        assert_int_equal(json_int(&v, &n), CASES[i].is_one);
        assert_true(n == CASES[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents__that_are_json__are_read),
        cmocka_unit_test(documents__that_are_not__are_refused_with_the_place),
        cmocka_unit_test(members__that_are_asked_for__are_where_they_stand),
        cmocka_unit_test(members__of_what_is_no_object__are_absent),
        cmocka_unit_test(member__that_stands_twice__is_refused_where_it_is_asked_for),
        cmocka_unit_test(path__leads_through_objects),
        cmocka_unit_test(member__of_another_kind__is_said_to_be),
        cmocka_unit_test(items__come_one_by_one),
        cmocka_unit_test(text__is_decoded),
        cmocka_unit_test(text__of_another_kind__is_none),
        cmocka_unit_test(number__that_is_whole_and_fits__is_exact),
    };

    return cmocka_run_group_tests_name("json_read", tests, NULL, NULL);
}
