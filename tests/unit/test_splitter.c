/* test_splitter: where values end, whatever the pieces they come in.
 * In:    documents, in pieces of every size.
 * Out:   cmocka's verdict.
 * Never: JSON parsing; a value's inside is not the splitter's business. */
#include "core/splitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "lib/json_read.h"
#include "tests/lib/fault.h"

#define VALUE_MAX 32

struct seen {
    struct buf text;
    int refuse_at; /* the value that is refused; 0: none */
    int n;
};

static int note(void *arg, const char *key, bool is_element, const char *json, size_t size,
                struct err *err)
{
    struct seen *s = arg;

    if (++s->n == s->refuse_at)
        return err_set(err, ERR_EXISTS, "refused");
    buf_printf(&s->text, "%s%s%.*s;", key, is_element ? "+" : "=", (int)size, json);
    return 0;
}

/* The same of an element that is whole. */
static ptrdiff_t note_front(void *arg, const char *json, size_t size, struct err *err)
{
    struct json_value v;
    size_t taken = json_read_front(json, size, LIMIT_JSON_DEPTH, NULL, &v);
    int rc = taken ? note(arg, "list", true, json, taken, err) : 0;

    return rc < 0 ? rc : (ptrdiff_t)taken;
}

/* What was seen and how it ended, as one text; the caller deinits it. */
static struct buf split(const char *doc, size_t piece, int refuse_at, splitter_front_fn front)
{
    struct seen seen = {.text = BUF_INIT(4096), .refuse_at = refuse_at};
    struct splitter s;
    struct err err = ERR_INIT;
    size_t size = strlen(doc);
    int rc = 0;

    splitter_init(&s, "list", VALUE_MAX, note, &seen);
    s.front = front;
    for (size_t at = 0; at < size && rc == 0; at += piece)
        rc = splitter_feed(&s, doc + at, size - at < piece ? size - at : piece, &err);
    if (rc == 0)
        rc = splitter_end(&s, &err);
    buf_printf(&seen.text, "%d %s", rc, err.msg);
    splitter_deinit(&s);
    return seen.text;
}

static void check(const char *doc, size_t piece, splitter_front_fn front, const char *wanted)
{
    struct buf got = split(doc, piece, 0, front);

    if (strcmp(buf_str(&got), wanted) != 0)
        fail_msg("%s in pieces of %zu%s gave\n%s, not\n%s", doc, piece,
                 front ? ", read where it is," : "", buf_str(&got), wanted);
    buf_deinit(&got);
}

static void documents__in_pieces_of_every_size__give_the_same(void **state)
{
    static const struct {
        const char *doc;
        const char *seen;
    } CASES[] = {
        {"{\"list\":[]}", "0 "},
        {" { \"list\" : [ ] } ", "0 "},
        {"{\"list\":[1,2 , 3]}", "list+1;list+2;list+3;0 "},
        {"{\"list\":[{\"a\":[1]},[],\"x\",null,-1.5e3]}",
         "list+{\"a\":[1]};list+[];list+\"x\";list+null;list+-1.5e3;0 "},
        {"{\"list\":[\"]\",\"\\\"\",\"\\\\\",\"{\\\\\\\"\"]}",
         "list+\"]\";list+\"\\\"\";list+\"\\\\\";list+\"{\\\\\\\"\";0 "},
        {"{\"a\":1,\"list\":[2],\"b\":{\"list\":[3]},\"c\":4}",
         "a=1;list+2;b={\"list\":[3]};c=4;0 "},
        {"{\"list\":[12345678901234567890123456789012]}",
         "list+12345678901234567890123456789012;0 "},
        {"{\"list\":[123456789012345678901234567890123]}", "-3 byte 9: a value of over 32 bytes"},
        {"{\"a\":\"123456789012345678901234567890\",\"list\":[]}",
         "a=\"123456789012345678901234567890\";0 "},
        {"{\"a\":\"1234567890123456789012345678901\",\"list\":[]}",
         "-3 byte 5: a value of over 32 bytes"},
        {"{\"list\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}", "-3 byte 9: a value nested too deep"},
        {"{\"list\":[{\"a\":\"}\"},{},{ \"b\" : [{}] } ,{\"c\":1}]}",
         "list+{\"a\":\"}\"};list+{};list+{ \"b\" : [{}] };list+{\"c\":1};0 "},
        {"{\"list\":[{\"a\":1},{a}]}", "list+{\"a\":1};list+{a};0 "},
        {"{\"list\":[{\"a\":1}x]}", "list+{\"a\":1};-2 byte 16: a comma or the list's end was due"},
        {"{\"list\":[{\"a\":\"345678901234567890123456\"}]}",
         "list+{\"a\":\"345678901234567890123456\"};0 "},
        {"{\"list\":[{\"a\":\"3456789012345678901234567\"}]}",
         "-3 byte 9: a value of over 32 bytes"},
        {"", "-2 it ends too early, after 0 bytes"},
        {"{", "-2 it ends too early, after 1 bytes"},
        {"{\"list\":[1", "-2 it ends too early, after 10 bytes"},
        {"{\"list\":[1]", "list+1;-2 it ends too early, after 11 bytes"},
        {"{}", "-2 there is no \"list\" in it"},
        {"{\"a\":[]}", "a=[];-2 there is no \"list\" in it"},
        {"[]", "-2 byte 0: an object was due"},
        {"{x", "-2 byte 1: a key or the end was due"},
        {"{\"a\nb\":1}", "-2 byte 3: a plain key was due"},
        {"{\"list\":{}}", "-2 byte 8: a list was due"},
        {"{\"list\":[1}", "list+1;-2 byte 10: a comma or the list's end was due"},
        {"{\"list\":[1]]", "list+1;-2 byte 11: a comma or the end was due"},
        {"{\"list\":[]}{", "-2 byte 11: nothing more was due"},
        {"{\"list\":[],\"list\":[]}", "-2 byte 18: \"list\" stands twice"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        for (size_t piece = 1; piece <= strlen(CASES[i].doc) + 1; piece++) {
            check(CASES[i].doc, piece, NULL, CASES[i].seen);
            check(CASES[i].doc, piece, note_front, CASES[i].seen);
        }
    }
}

static void value__that_is_refused__ends_the_reading(void **state)
{
    struct buf got = split("{\"list\":[1,2,3]}", 4, 2, NULL);
    struct buf front = split("{\"list\":[{},{},{}]}", 99, 2, note_front);

    (void)state;
    assert_string_equal(buf_str(&got), "list+1;-5 refused");
    assert_string_equal(buf_str(&front), "list+{};-5 refused");
    buf_deinit(&got);
    buf_deinit(&front);
}

static int ignore(void *arg, const char *key, bool is_element, const char *json, size_t size,
                  struct err *err)
{
    (void)arg, (void)key, (void)is_element, (void)json, (void)size, (void)err;
    return 0;
}

static void value__in_two_pieces_without_memory__is_no_memory(void **state)
{
    struct splitter s;

    (void)state;
    splitter_init(&s, "list", 4096, ignore, NULL);
    fault_arm(1);
    assert_int_equal(splitter_feed(&s, "{\"list\":[12", 11, NULL), -ERR_NOMEM);
    assert_true(fault_disarm());
    splitter_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents__in_pieces_of_every_size__give_the_same),
        cmocka_unit_test(value__that_is_refused__ends_the_reading),
        cmocka_unit_test(value__in_two_pieces_without_memory__is_no_memory),
    };

    return cmocka_run_group_tests_name("splitter", tests, NULL, NULL);
}
