/* test_varlink: messages cut out of bytes, requests read strictly, replies written.
 * In:    bytes in every slicing.
 * Out:   cmocka's verdict.
 * Never: a loop; the room is pure. */
#include "io/varlink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "io/varlink_lint.h"
#include "lib/mem.h"

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(mem_live_blocks(), 0);
    return 0;
}

/* --- Reader --------------------------------------------------------------------------------- */

static const char STREAM[] =
    "one\0\0three and more\0x"; /* the last one ends with the literal's NUL */

/* Feed STREAM in slices of `step`; all messages, each in brackets. */
static void read_in_steps(size_t step, struct buf *out)
{
    struct varlink_reader r;
    const char *message;
    size_t n;

    varlink_reader_init(&r, 100);
    for (size_t at = 0; at < sizeof(STREAM); at += step) {
        size_t left = sizeof(STREAM) - at;

        assert_int_equal(varlink_reader_feed(&r, STREAM + at, left < step ? left : step, NULL), 0);
        while (varlink_reader_next(&r, &message, &n, NULL) == 1)
            buf_printf(out, "[%.*s]", (int)n, message);
    }
    varlink_reader_deinit(&r);
}

static void reader__any_slicing__gives_the_same_messages(void **state)
{
    (void)state;
    for (size_t step = 1; step <= sizeof(STREAM); step++) {
        struct buf out = BUF_INIT(1000);

        read_in_steps(step, &out);
        assert_string_equal(buf_str(&out), "[one][][three and more][x]");
        buf_deinit(&out);
    }
}

static void reader__too_long__is_an_error_with_and_without_its_end(void **state)
{
    struct varlink_reader r;
    struct err err = ERR_INIT;
    const char *message;
    size_t n;

    (void)state;
    varlink_reader_init(&r, 3);
    assert_int_equal(varlink_reader_feed(&r, "abc", 4, NULL), 0);
    assert_int_equal(varlink_reader_next(&r, &message, &n, &err), 1);
    assert_int_equal(n, 3);
    assert_int_equal(varlink_reader_feed(&r, "abc", 3, NULL), 0);
    assert_int_equal(varlink_reader_next(&r, &message, &n, &err), 0);
    assert_false(varlink_reader_is_full(&r)); /* its end may be the next byte */
    assert_int_equal(varlink_reader_feed(&r, "d", 1, NULL), 0);
    assert_true(varlink_reader_is_full(&r));
    assert_int_equal(varlink_reader_next(&r, &message, &n, &err), -ERR_LIMIT);
    assert_string_equal(err.msg, "a message of over 3 bytes");
    varlink_reader_deinit(&r);
    varlink_reader_init(&r, 3);
    assert_int_equal(varlink_reader_feed(&r, "abcd", 5, NULL), 0);
    assert_int_equal(varlink_reader_next(&r, &message, &n, &err), -ERR_LIMIT);
    varlink_reader_deinit(&r);
}

static void reader__a_long_message__does_not_keep_its_memory(void **state)
{
    static char chunk[VARLINK_CHUNK];
    struct varlink_reader r;
    const char *message;
    size_t n;

    (void)state;
    memset(chunk, 'x', sizeof(chunk));
    varlink_reader_init(&r, 1u << 20);
    for (int i = 0; i < 8; i++)
        assert_int_equal(varlink_reader_feed(&r, chunk, sizeof(chunk), NULL), 0);
    assert_int_equal(varlink_reader_feed(&r, "", 1, NULL), 0);
    assert_int_equal(varlink_reader_next(&r, &message, &n, NULL), 1);
    assert_int_equal(n, 8 * sizeof(chunk));
    assert_int_equal(varlink_reader_feed(&r, "a", 2, NULL), 0);
    assert_true(r.in.capacity < 2 * VARLINK_CHUNK);
    assert_int_equal(varlink_reader_next(&r, &message, &n, NULL), 1);
    assert_string_equal(message, "a");
    varlink_reader_deinit(&r);
}

/* --- Lint ----------------------------------------------------------------------------------- */

static void lint__json_by_the_letter(void **state)
{
    static const char *const GOOD[] = {
        "0",
        "-1",
        "-0.5e+10",
        "1E3",
        "\"\"",
        "\"\\u00e9\\n\\/\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        " {\"a\" : [1 , 2 , {\"a\":null}] ,\"b\":true}\r\n\t",
        "[{\"a\":1},{\"a\":1}]",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    };
    static const char *const BAD[] = {
        "",
        " ",
        "01",
        "1.",
        ".5",
        "1e",
        "+1",
        "-",
        "--1",
        "tru",
        "TRUE",
        "nul",
        "NaN",
        "Infinity",
        "'a'",
        "\"a",
        "\"\t\"",
        "\"\\a\"",
        "\"\\u12g4\"",
        "\"\\",
        "[1,]",
        "[1 2]",
        "[",
        "]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{} {}",
        "{}x",
        "/**/{}",
        "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
    };
    const char *key;
    size_t n;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++)
        if (varlink_lint(GOOD[i], strlen(GOOD[i]), &key, &n, NULL) != 0)
            fail_msg("refused: %s", GOOD[i]);
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (varlink_lint(BAD[i], strlen(BAD[i]), &key, &n, NULL) != -ERR_INVALID || key)
            fail_msg("let through: %s", BAD[i]);
}

static void lint__a_key_twice_in_one_object__is_named(void **state)
{
    const char text[] = "{\"a\":{\"b\":1,\"c\":[{\"b\":2}],\"b\":3}}";
    struct err err = ERR_INIT;
    const char *key;
    size_t n;

    (void)state;
    assert_int_equal(varlink_lint(text, strlen(text), &key, &n, &err), -ERR_INVALID);
    assert_int_equal(n, 1);
    assert_int_equal(*key, 'b');
    assert_string_equal(err.msg, "not JSON as it should be: a key stands there twice at byte 29");
}

/* --- Requests and replies ------------------------------------------------------------------- */

static int parse(const char *text, struct varlink_request *out)
{
    return varlink_parse(text, strlen(text), out, NULL);
}

static void parse__a_request__is_read_whole(void **state)
{
    struct varlink_request r;

    (void)state;
    assert_int_equal(parse("{\"method\":\"a.b.C\",\"parameters\":{\"x\":1},\"more\":true,"
                           "\"oneway\":false,\"upgrade\":null}",
                           &r),
                     0);
    assert_string_equal(r.method, "a.b.C");
    assert_non_null(r.parameters);
    assert_true(r.more);
    assert_false(r.oneway);
    assert_false(r.upgrade);
    varlink_request_deinit(&r);
}

static void parse__a_name_that_cannot_be_said_back__is_not(void **state)
{
    struct varlink_request r;
    char text[400];

    (void)state;
    snprintf(text, sizeof(text), "{\"%0200d\":1}", 0);
    assert_int_equal(parse(text, &r), -ERR_INVALID);
    assert_string_equal(r.bad, "parameters");
    assert_int_equal(parse("{\"\x7f\":1,\"\x7f\":1}", &r), -ERR_INVALID);
    assert_string_equal(r.bad, "parameters");
    snprintf(text, sizeof(text), "{\"method\":\"%0128d\"}", 0);
    assert_int_equal(parse(text, &r), -ERR_INVALID);
    assert_string_equal(r.bad, "method");
    assert_int_equal(parse("{\"method\":\"a\xff\"}", &r), -ERR_INVALID);
    assert_string_equal(r.bad, "");
}

static void split__an_interface_and_a_member(void **state)
{
    char interface[VARLINK_NAME_SIZE];
    const char *member;

    (void)state;
    assert_true(varlink_split("org.a.B", interface, &member));
    assert_string_equal(interface, "org.a");
    assert_string_equal(member, "B");
    assert_false(varlink_split("B", interface, &member));
    assert_false(varlink_split(".B", interface, &member));
    assert_false(varlink_split("org.", interface, &member));
}

static void text_is(struct varlink_text t, const char *expected)
{
    assert_string_equal(t.data, expected);
    assert_int_equal(t.size, strlen(expected) + 1);
    mem_free(t.data);
}

static struct json_object *an_object(void)
{
    return json_tokener_parse("{\"path\":\"a/b\\u0000c\"}");
}

static void replies__are_one_line_of_json_and_a_nul(void **state)
{
    (void)state;
    text_is(varlink_reply(NULL, false), "{}");
    text_is(varlink_reply(an_object(), true),
            "{\"parameters\":{\"path\":\"a/b\\u0000c\"},\"continues\":true}");
    text_is(varlink_error("a.B", NULL), "{\"error\":\"a.B\"}");
    text_is(varlink_error("a.B", an_object()),
            "{\"error\":\"a.B\",\"parameters\":{\"path\":\"a/b\\u0000c\"}}");
    text_is(varlink_call("a.B", NULL, true), "{\"method\":\"a.B\",\"more\":true}");
}

static bool fail_all(void)
{
    return true;
}

static void replies__without_memory__are_none(void **state)
{
    struct varlink_text t;

    (void)state;
    mem_set_fault(fail_all);
    t = varlink_reply(an_object(), false);
    mem_set_fault(NULL);
    assert_null(t.data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reader__any_slicing__gives_the_same_messages),
        TEST(reader__too_long__is_an_error_with_and_without_its_end),
        TEST(reader__a_long_message__does_not_keep_its_memory),
        TEST(lint__json_by_the_letter),
        TEST(lint__a_key_twice_in_one_object__is_named),
        TEST(parse__a_request__is_read_whole),
        TEST(parse__a_name_that_cannot_be_said_back__is_not),
        TEST(split__an_interface_and_a_member),
        TEST(replies__are_one_line_of_json_and_a_nul),
        TEST(replies__without_memory__are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
