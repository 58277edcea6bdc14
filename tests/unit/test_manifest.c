/* test_manifest: cases as files in tests/data/manifest: bad ones with exactly what is reported,
 * good ones with exactly what is read; then what is too large to be a file here, and every
 * allocation failing.
 * In:    tests/data/manifest/{bad,good}{,_tenants}.
 * Out:   cmocka's verdict. */
#include "core/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/mem.h"
#include "tests/lib/cases.h"
#include "tests/lib/fault.h"
#include "tests/lib/manifest_text.h"

#define DATA          TESTS_DATA_DIR "/manifest/"
#define BAD_LEAST     200
#define GENERATED_MAX (4u << 20)

static enum manifest_kind kind;

static void is_bad(const struct case_file *c)
{
    struct diags d = DIAGS_INIT;
    struct manifest m;
    int rc = manifest_parse(c->name, kind, c->data, c->size, NULL, &m, &d);

    if (rc != -ERR_INVALID || d.n_errors == 0 || !*c->expect)
        fail_msg("%s: %d, and %zu errors", c->name, rc, d.n_errors);
    assert_int_equal(m.arena.bytes, 0);
    assert_null(m.databases);
    for (size_t i = 0; i < d.n; i++)
        if (!strstr(d.items[i].message, "expected "))
            fail_msg("%s does not say what was expected: %s", c->name, d.items[i].message);
    cases_expect(c, &d);
    diags_deinit(&d);
}

static void is_good(const struct case_file *c)
{
    struct buf text = BUF_INIT(1u << 20);
    struct diags d = DIAGS_INIT;
    struct manifest m;
    int rc = manifest_parse(c->name, kind, c->data, c->size, NULL, &m, &d);

    cases_expect(c, &d);
    assert_int_equal(rc, 0);
    manifest_text(&m, &text);
    if (!c->text || strcmp(buf_str(&text), c->text) != 0)
        fail_msg("%s: got\n%sbut expected\n%s", c->name, buf_str(&text), c->text);
    assert_int_equal(manifest_names_root(c->data, c->size), m.is_root);
    manifest_deinit(&m);
    assert_null(m.databases);
    buf_deinit(&text);
    diags_deinit(&d);
}

static void bad_files__each__is_reported_in_full_and_exactly(void **state)
{
    (void)state;
    kind = MANIFEST_TRUSTED;
    assert_true(cases_each(DATA "bad", is_bad) >= BAD_LEAST);
    kind = MANIFEST_TENANTS;
    assert_true(cases_each(DATA "bad_tenants", is_bad) >= 13);
}

static void good_files__each__is_read_exactly(void **state)
{
    (void)state;
    kind = MANIFEST_TRUSTED;
    assert_true(cases_each(DATA "good", is_good) >= 16);
    assert_true(cases_each(DATA "good_tenants", is_good) >= 1);
    kind = MANIFEST_TENANTS;
    assert_true(cases_each(DATA "good_tenants", is_good) >= 1);
}

static void is_without_fault(const struct case_file *c)
{
    struct diags d = DIAGS_INIT;
    struct manifest m;

    assert_int_equal(manifest_parse(c->name, MANIFEST_TRUSTED, c->data, c->size, NULL, &m, &d), 0);
    cases_expect(c, &d); /* no warning either */
    manifest_deinit(&m);
    diags_deinit(&d);
}

static void the_example__for_people_to_start_from__is_without_fault(void **state)
{
    (void)state;
    assert_int_equal(cases_each(TESTS_DATA_DIR "/../../etc/manifest.d", is_without_fault), 1);
}

static void survives_every_fault(const struct case_file *c)
{
    for (long nth = 1;; nth++) {
        size_t before = mem_live_blocks();
        struct diags d = DIAGS_INIT;
        struct manifest m;
        bool fired;
        int rc;

        fault_arm(nth);
        rc = manifest_parse(c->name, kind, c->data, c->size, NULL, &m, &d);
        fired = fault_disarm();
        if (fired && rc != -ERR_NOMEM)
            fail_msg("%s: %d with allocation %ld failing", c->name, rc, nth);
        if (rc == 0)
            manifest_deinit(&m);
        diags_deinit(&d);
        assert_int_equal(mem_live_blocks(), before);
        if (!fired)
            return;
    }
}

static void every_file__without_memory_at_any_point__says_so_and_leaks_nothing(void **state)
{
    (void)state;
    kind = MANIFEST_TRUSTED;
    cases_each(DATA "bad", survives_every_fault);
    cases_each(DATA "good", survives_every_fault);
}

/* --- Too large for a file here ------------------------------------------------------------- */

static struct manifest parsed;
static struct diags told;

static int parse(const struct buf *b)
{
    assert_false(b->failed);
    return manifest_parse("big.yaml", MANIFEST_TRUSTED, b->data, b->size, NULL, &parsed, &told);
}

static void assert_told(size_t n_errors, const char *first)
{
    char *text;

    assert_int_equal(told.n_errors, n_errors);
    text = diag_text(&told.items[0]);
    assert_string_equal(text, first);
    mem_free(text);
}

static int forget(void **state)
{
    (void)state;
    manifest_deinit(&parsed);
    diags_deinit(&told);
    return 0;
}

static void file__over_256_mib__is_refused_unread(void **state)
{
    (void)state;

    assert_int_equal(manifest_parse("big.yaml", MANIFEST_TRUSTED, "a",
                                    LIMIT_MANIFEST_FILE_BYTES + 1u, NULL, &parsed, &told),
                     -ERR_INVALID);

    assert_told(1, "big.yaml: the file has 268435457 bytes; expected at most 268435456");
}

static void list__of_more_items_than_the_limit__is_refused_and_reading_goes_on(void **state)
{
    struct buf b = BUF_INIT(GENERATED_MAX);

    (void)state;
    buf_add_str(&b, "databases:\n  a:\n    allowed_ips: [");
    for (unsigned i = 0; i < LIMIT_LIST_ITEMS; i++)
        buf_printf(&b, "10.0.%u.%u, ", i / 256, i % 256);
    buf_add_str(&b, "[x, {y: z}], 10.1.1.1]\n    engine: mysql\n");
    buf_add_str(&b, "    tokens: {t: {permissions: [");
    for (unsigned i = 0; i < LIMIT_LIST_ITEMS; i++)
        buf_printf(&b, "{tables: [t%u], actions: [data_read]}, ", i);
    buf_add_str(&b, "{tables: all}, x], format: x}}\n");

    assert_int_equal(parse(&b), -ERR_INVALID);

    assert_int_equal(told.n, 4);
    assert_string_equal(told.items[0].message,
                        "allowed_ips has too many items; expected at most 1000");
    assert_string_equal(told.items[1].message, "engine is \"mysql\"; expected libsql or tursodb");
    assert_string_equal(told.items[2].message,
                        "permissions has too many items; expected at most 1000");
    assert_string_equal(told.items[3].message, "format is \"x\"; expected jwt, env or json");
    buf_deinit(&b);
}

static void tokens__of_one_entry_over_the_limit__are_refused(void **state)
{
    struct buf b = BUF_INIT(GENERATED_MAX);

    (void)state;
    buf_add_str(&b, "databases:\n  a: {tokens: {\n");
    for (unsigned i = 0; i <= LIMIT_LIST_ITEMS; i++)
        buf_printf(&b, "t%u: {format: jwt},\n", i);
    buf_add_str(&b, "}}\n");

    assert_int_equal(parse(&b), -ERR_INVALID);

    assert_told(1, "big.yaml:1003:1: too many entries here; expected at most 1000");
    buf_deinit(&b);
}

static void text__over_a_mebibyte__is_refused(void **state)
{
    struct buf b = BUF_INIT(GENERATED_MAX);

    (void)state;
    buf_add_str(&b, "databases:\n  a: {group: \"");
    for (unsigned i = 0; i <= LIMIT_YAML_SCALAR_BYTES; i++)
        buf_add_char(&b, 'x');
    buf_add_str(&b, "\"}\n");

    assert_int_equal(parse(&b), -ERR_INVALID);

    assert_told(1, "big.yaml:2:14: a text over 1 MiB; expected less");
    buf_deinit(&b);
}

static void nesting__a_million_deep__is_refused_at_once(void **state)
{
    struct buf b = BUF_INIT(GENERATED_MAX);

    (void)state;
    for (unsigned i = 0; i < 1000000; i++)
        buf_add_char(&b, '[');

    assert_int_equal(parse(&b), -ERR_INVALID);

    assert_int_equal(told.n, 2);
    assert_string_equal(told.items[1].message, "nested deeper than 16; expected less");
    assert_int_equal(told.items[1].column, 17);
    buf_deinit(&b);
}

/* --- Which files count as root files ------------------------------------------------------- */

static void names_root__as_far_as_the_bytes_can_be_read__is_seen(void **state)
{
    static const struct {
        const char *text;
        bool is_root;
    } CASES[] = {
        {"", false},
        {"databases: {}\n", false},
        {"databases: [}\n", false},
        {"- a\n", false},
        {"\x7f"
         "ELF",
         false},
        {"groups: {}\n", true},
        {"databse: {}\n", true},
        {"databases: {a: {group: eu}}\nclasses: {}\n", true},
        {"databases: {a: [b, {c: d}]}\n? {x: y}\n: z\norganization: acme\n", true},
        {"classes: {}\ndatabases: [}\n", true},
        {"databases: [}\nclasses: {}\n", false},
        {"groups: {eu: *x}\n", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (manifest_names_root(CASES[i].text, strlen(CASES[i].text)) != CASES[i].is_root)
            fail_msg("%s", CASES[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files__each__is_reported_in_full_and_exactly),
        cmocka_unit_test(good_files__each__is_read_exactly),
        cmocka_unit_test(the_example__for_people_to_start_from__is_without_fault),
        cmocka_unit_test(every_file__without_memory_at_any_point__says_so_and_leaks_nothing),
        cmocka_unit_test_teardown(file__over_256_mib__is_refused_unread, forget),
        cmocka_unit_test_teardown(
            list__of_more_items_than_the_limit__is_refused_and_reading_goes_on, forget),
        cmocka_unit_test_teardown(tokens__of_one_entry_over_the_limit__are_refused, forget),
        cmocka_unit_test_teardown(text__over_a_mebibyte__is_refused, forget),
        cmocka_unit_test_teardown(nesting__a_million_deep__is_refused_at_once, forget),
        cmocka_unit_test(names_root__as_far_as_the_bytes_can_be_read__is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
