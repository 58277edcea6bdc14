/* test_yaml: tokens and their places; what is refused, and whether reading goes on behind it.
 * In:    small documents.
 * Out:   transcripts, a line a token. The cases of whole files are test_manifest's. */
#include "core/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/mem.h"

#define MAX_BYTES 4096

static struct buf seen = BUF_INIT(1u << 16);
static struct diags told;

static int forget(void **state)
{
    (void)state;
    buf_deinit(&seen);
    seen = BUF_INIT(1u << 16);
    diags_deinit(&told);
    return 0;
}

static struct yaml *open_text(const char *text)
{
    struct yaml *y;

    assert_int_equal(yaml_open("f", text, strlen(text), MAX_BYTES, &told, &y), 0);
    return y;
}

static void note(const struct yaml_token *t)
{
    static const char *const KINDS[] = {"text", "map", "/map", "list", "/list", "end"};

    buf_printf(&seen, "%s", KINDS[t->kind]);
    if (t->kind != YAML_END)
        buf_printf(&seen, " %u:%u", t->at.line, t->at.column);
    if (t->kind == YAML_TEXT)
        buf_printf(&seen, " [%s]%s%s%s", t->text, t->plain || t->bad ? "" : " quoted",
                   t->bad ? " bad" : "", yaml_is_null(t) ? " null" : "");
    buf_add_char(&seen, '\n');
}

/* Every token of a document, then what was reported. */
static void read_all(const char *text)
{
    struct yaml *y = open_text(text);
    struct yaml_token t;

    do {
        yaml_next(y, &t);
        note(&t);
    } while (t.kind != YAML_END);
    assert_false(yaml_is_out_of_memory(y));
    yaml_close(y);
    for (size_t i = 0; i < told.n; i++) {
        char *line = diag_text(&told.items[i]);

        buf_printf(&seen, "%s\n", line);
        mem_free(line);
    }
}

static void tokens__come_in_order__with_places_counted_in_characters(void **state)
{
    (void)state;
    read_all("a: b\n'c': [\"d\", é, f]\n? g\n: {}\n");

    assert_string_equal(buf_str(&seen), "map 1:1\n"
                                        "text 1:1 [a]\n"
                                        "text 1:4 [b]\n"
                                        "text 2:1 [c] quoted\n"
                                        "list 2:6\n"
                                        "text 2:7 [d] quoted\n"
                                        "text 2:12 [é]\n"
                                        "text 2:15 [f]\n"
                                        "/list 2:16\n"
                                        "text 3:3 [g]\n"
                                        "map 4:3\n"
                                        "/map 4:4\n"
                                        "/map 5:1\n"
                                        "end\n");
}

static void nulls__are_those_without_quotes_alone(void **state)
{
    (void)state;
    read_all("[null, Null, NULL, ~, 'null', \"~\", \"\", nulL]");

    assert_string_equal(buf_str(&seen), "list 1:1\n"
                                        "text 1:2 [null] null\n"
                                        "text 1:8 [Null] null\n"
                                        "text 1:14 [NULL] null\n"
                                        "text 1:20 [~] null\n"
                                        "text 1:23 [null] quoted\n"
                                        "text 1:31 [~] quoted\n"
                                        "text 1:36 [] quoted\n"
                                        "text 1:40 [nulL]\n"
                                        "/list 1:44\n"
                                        "end\n");
}

static void refused_things__are_reported_and_reading_goes_on(void **state)
{
    (void)state;
    read_all("- &a x\n- *a\n- !!int 1\n- \"\\x9b\"\n- {<<: y, z: <<}\n- !%1b q\n");

    assert_string_equal(
        buf_str(&seen),
        "list 1:1\n"
        "text 1:3 [x]\n"
        "text 2:3 [] bad\n"
        "text 3:3 [1]\n"
        "text 4:3 [] bad\n"
        "map 5:3\n"
        "text 5:4 [] bad\n"
        "text 5:8 [y]\n"
        "text 5:11 [z]\n"
        "text 5:14 [<<]\n"
        "/map 5:16\n"
        "text 6:3 [q]\n"
        "/list 7:1\n"
        "end\n"
        "f:1:3: the anchor \"&a\"; expected the value alone, written out where it is used\n"
        "f:2:3: the alias \"*a\"; expected the value itself, written out\n"
        "f:3:3: the tag \"!!int\"; expected the value alone\n"
        "f:4:3: a control character or a line break inside a text; expected one line of plain "
        "text\n"
        "f:5:4: the merge key \"<<\"; expected the fields themselves, written out\n"
        "f:6:3: the tag \"...\"; expected the value alone\n");
}

static void syntax_error__ends_reading__and_the_end_repeats(void **state)
{
    struct yaml *y = open_text("a: [b");
    struct yaml_token t;

    (void)state;
    for (int i = 0; i < 10; i++)
        yaml_next(y, &t);
    assert_int_equal(t.kind, YAML_END);
    yaml_skip(y, &t);
    yaml_next(y, &t);

    assert_int_equal(t.kind, YAML_END);
    assert_int_equal(told.n, 1);
    yaml_close(y);
}

static void skip__passes_over_a_value_of_any_kind_and_no_more(void **state)
{
    static const char *const TEXTS[] = {"[x, end]", "[[], end]", "[[[a], {b: [c]}], end]",
                                        "[{a: {b: {}}}, end]"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
        struct yaml *y = open_text(TEXTS[i]);
        struct yaml_token t;

        yaml_next(y, &t);
        yaml_next(y, &t);
        yaml_skip(y, &t);
        yaml_next(y, &t);
        assert_string_equal(t.text, "end");
        yaml_close(y);
    }
}

static void sixteen_levels__are_read_and_the_seventeenth_is_not(void **state)
{
    (void)state;
    read_all("[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]");
    assert_int_equal(told.n, 0);

    read_all("[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]");
    assert_int_equal(told.n, 1);
    assert_int_equal(told.items[0].column, 17);
}

static void bytes__that_can_be_no_text__are_refused_before_reading(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } CASES[] = {{"\xff\xfe"
                  "a\0",
                  4},
                 {"\xfe\xff\0a", 4},
                 {"a\0", 2},
                 {"a", MAX_BYTES + 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct yaml *y = (struct yaml *)&told; /* anything but NULL */

        assert_int_equal(yaml_open("f", CASES[i].data, CASES[i].size, MAX_BYTES, &told, &y),
                         -ERR_INVALID);
        assert_null(y);
        assert_int_equal(told.n, i + 1);
    }
    yaml_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(tokens__come_in_order__with_places_counted_in_characters, forget),
        cmocka_unit_test_teardown(nulls__are_those_without_quotes_alone, forget),
        cmocka_unit_test_teardown(refused_things__are_reported_and_reading_goes_on, forget),
        cmocka_unit_test_teardown(syntax_error__ends_reading__and_the_end_repeats, forget),
        cmocka_unit_test_teardown(skip__passes_over_a_value_of_any_kind_and_no_more, forget),
        cmocka_unit_test_teardown(sixteen_levels__are_read_and_the_seventeenth_is_not, forget),
        cmocka_unit_test_teardown(bytes__that_can_be_no_text__are_refused_before_reading, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
