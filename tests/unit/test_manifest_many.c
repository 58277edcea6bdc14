/* test_manifest_many: manifests of very many entries take time and memory in proportion, and no
 * more.
 * In:    generated files.
 * Out:   cmocka's verdict. Work that grew with the square would not end before the test's time is
 *        up. */
#include "core/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/mem.h"

#define GENERATED_MAX (256u << 20)
#define MANY          200000u

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

static void file__of_a_million_keys__is_read_and_sorted(void **state)
{
    struct buf b = BUF_INIT(GENERATED_MAX);

    (void)state;
    buf_add_str(&b, "databases:\n");
    for (unsigned i = 0; i < 1000000; i++) /* in no order at all */
        buf_printf(&b, " t%x: {group: eu, class: free}\n", i * 2654435761u);

    assert_int_equal(parse(&b), 0);

    assert_int_equal(parsed.n_databases, 1000000);
    for (size_t i = 1; i < parsed.n_databases; i++)
        assert_true(strcmp(parsed.databases[i - 1].name, parsed.databases[i].name) < 0);
    assert_ptr_equal(parsed.databases[0].says->group, parsed.databases[999999].says->group);
    assert_false(manifest_names_root(b.data, b.size));
    buf_deinit(&b);
}

static void file__of_a_lot_of_equal_keys__is_refused_with_a_bounded_report(void **state)
{
    struct buf b = BUF_INIT(GENERATED_MAX);

    (void)state;
    buf_add_str(&b, "databases:\n");
    for (unsigned i = 0; i < MANY; i++)
        buf_add_str(&b, " a: {}\n");

    assert_int_equal(parse(&b), -ERR_INVALID);

    assert_told(MANY - 1, "big.yaml:3:2: the database \"a\" is given twice, first on line 2; "
                          "expected each name once");
    assert_int_equal(told.n, LIMIT_ERRORS);
    buf_deinit(&b);
}

static void file__of_a_lot_of_unknown_keys__is_refused_with_a_bounded_report(void **state)
{
    struct buf b = BUF_INIT(GENERATED_MAX);

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        buf_printf(&b, "databaze%u: {}\n", i);

    assert_int_equal(parse(&b), -ERR_INVALID);

    assert_told(
        MANY,
        "big.yaml:1:1: unknown key \"databaze0\" in a manifest (did you mean \"databases\"?); "
        "expected one of organization, groups, residency, classes, databases, api_tokens, "
        "members");
    assert_int_equal(told.n, LIMIT_ERRORS);
    buf_deinit(&b);
}

static void file__of_more_entries_than_the_limit__is_refused(void **state)
{
    struct buf b = BUF_INIT(GENERATED_MAX);

    (void)state;
    buf_add_str(&b, "classes: {z: {}}\ndatabases:\n");
    for (unsigned i = 0; i < LIMIT_ENTRIES; i++)
        buf_printf(&b, " d%u: {}\n", i);
    buf_add_str(&b, "groups: {eu: {}}\n"); /* one more yet, without a location besides */

    assert_int_equal(parse(&b), -ERR_INVALID);

    assert_told(2, "big.yaml:2000002:2: too many entries here; expected at most 2000000");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(file__of_a_million_keys__is_read_and_sorted, forget),
        cmocka_unit_test_teardown(file__of_a_lot_of_equal_keys__is_refused_with_a_bounded_report,
                                  forget),
        cmocka_unit_test_teardown(file__of_a_lot_of_unknown_keys__is_refused_with_a_bounded_report,
                                  forget),
        cmocka_unit_test_teardown(file__of_more_entries_than_the_limit__is_refused, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
