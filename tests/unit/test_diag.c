/* test_diag: a list of what is wrong, with its ceilings.
 * In:    places and messages.
 * Out:   cmocka's verdict. */
#include "core/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/config_field.h"
#include "core/limits.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"

static void assert_text(const struct diag *d, const char *want)
{
    CLEANUP(mem_free_string) char *text = diag_text(d);

    assert_non_null(text);
    assert_string_equal(text, want);
}

static struct source at(const char *file, unsigned line, unsigned column)
{
    return (struct source){.file = file, .line = line, .column = column};
}

static void diags__sorted__by_file_then_place_then_order_of_report(void **state)
{
    struct diags d = DIAGS_INIT;

    (void)state;
    diags_error(&d, at("b.yaml", 1, 1), "bad %s", "b");
    diags_error(&d, at("a.yaml", 10, 2), "third");
    diags_warning(&d, at("a.yaml", 10, 2), "fourth");
    diags_error(&d, at("a.yaml", 2, 9), "second");
    diags_error(&d, at("a.yaml", 2, 1), "first");
    diags_error(&d, at("a.yaml", 0, 0), "zeroth");

    diags_sort(&d);

    assert_int_equal(d.n, 6);
    assert_text(&d.items[0], "a.yaml: zeroth");
    assert_text(&d.items[1], "a.yaml:2:1: first");
    assert_text(&d.items[2], "a.yaml:2:9: second");
    assert_text(&d.items[3], "a.yaml:10:2: third");
    assert_text(&d.items[4], "a.yaml:10:2: warning: fourth");
    assert_text(&d.items[5], "b.yaml:1:1: bad b");
    assert_int_equal(d.n_errors, 5);
    assert_int_equal(d.n_warnings, 1);
    diags_deinit(&d);
    assert_int_equal(d.n, 0);
}

static void diags__beyond_the_ceiling__are_counted_and_the_next_file_still_shows(void **state)
{
    struct diags d = DIAGS_INIT;

    (void)state;
    for (unsigned i = 0; i < LIMIT_ERRORS + 5; i++)
        diags_error(&d, at("a.yaml", i + 1, 1), "e");
    for (unsigned i = 0; i < LIMIT_ERRORS + 5; i++)
        diags_warning(&d, at("a.yaml", i + 1, 1), "w");
    diags_error(&d, at("b.yaml", 1, 1), "e");

    assert_int_equal(d.n_errors, LIMIT_ERRORS + 6);
    assert_int_equal(d.n_warnings, LIMIT_ERRORS + 5);
    assert_int_equal(d.n, 2 * LIMIT_ERRORS + 1);
    assert_string_equal(d.items[d.n - 1].file, "b.yaml");
    diags_deinit(&d);
}

static void diags__of_many_files__stop_at_the_ceiling_for_all(void **state)
{
    struct diags d = DIAGS_INIT;

    (void)state;
    for (unsigned i = 0; i < LIMIT_ERRORS_ALL_FILES + 5; i++) {
        char file[32];

        snprintf(file, sizeof(file), "f%u.yaml", i);
        diags_error(&d, at(file, 1, 1), "e");
    }

    assert_int_equal(d.n_errors, LIMIT_ERRORS_ALL_FILES + 5);
    assert_int_equal(d.n, LIMIT_ERRORS_ALL_FILES);
    diags_deinit(&d);
}

static void diags__without_memory__say_so_and_leak_nothing(void **state)
{
    (void)state;
    for (long nth = 1; nth <= 3; nth++) {
        struct diags d = DIAGS_INIT;
        size_t before = mem_live_blocks();

        fault_arm(nth);
        diags_error(&d, at("a.yaml", 1, 1), "e");
        assert_true(fault_disarm());

        assert_true(d.failed);
        assert_int_equal(d.n_errors, 1);
        assert_int_equal(d.n, 0);
        diags_deinit(&d);
        assert_int_equal(mem_live_blocks(), before);
    }
}

static void config_fields__each__has_its_own_key(void **state)
{
    (void)state;
    for (int i = 0; i < CONFIG_N; i++) {
        assert_non_null(CONFIG_FIELD[i].key);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(CONFIG_FIELD[i].key, CONFIG_FIELD[k].key);
    }
    assert_int_equal(CONFIG_FIELD[CONFIG_ALLOWED_IPS].type, CONFIG_TYPE_SET);
    assert_true(CONFIG_FIELD[CONFIG_BLOCK_READS].listed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diags__sorted__by_file_then_place_then_order_of_report),
        cmocka_unit_test(diags__beyond_the_ceiling__are_counted_and_the_next_file_still_shows),
        cmocka_unit_test(diags__of_many_files__stop_at_the_ceiling_for_all),
        cmocka_unit_test(diags__without_memory__say_so_and_leak_nothing),
        cmocka_unit_test(config_fields__each__has_its_own_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
