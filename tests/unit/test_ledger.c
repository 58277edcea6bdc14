/* test_ledger: rows and the table that describes them.
 * In:    rows with every column filled, and with none.
 * Out:   cmocka's verdict.
 * Never: SQL. */
#include "core/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/fault.h"

static char **text_at(void *row, const struct ledger_column *c)
{
    return (char **)(void *)((char *)row + c->offset);
}

static int64_t *int_at(void *row, const struct ledger_column *c)
{
    return (int64_t *)(void *)((char *)row + c->offset);
}

/* A row in which no two columns are alike. */
static void *full_row(enum ledger_table t)
{
    void *row = mem_alloc(LEDGER[t].size);

    assert_non_null(row);
    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        const struct ledger_column *c = &LEDGER[t].columns[i];

        if (c->type == LEDGER_TEXT)
            assert_true(ledger_set(text_at(row, c), c->name));
        else
            *int_at(row, c) = (int64_t)i + 1;
    }
    return row;
}

static void columns__of_every_table__cover_its_struct_keys_first(void **state)
{
    (void)state;
    for (int t = 0; t < LEDGER_N; t++) {
        const struct ledger_table_info *info = &LEDGER[t];
        bool data_seen = false;

        assert_true(info->columns[0].is_key);
        assert_int_equal(info->size, info->n_columns * 8);
        for (size_t i = 0; i < info->n_columns; i++) {
            assert_int_equal(info->columns[i].offset, i * 8);
            assert_false(data_seen && info->columns[i].is_key);
            data_seen = data_seen || !info->columns[i].is_key;
        }
    }
}

static void row_free(enum ledger_table t, void *row)
{
    ledger_row_deinit(t, row);
    mem_free(row);
}

static void copy__of_a_full_row__is_equal_and_its_own(void **state)
{
    (void)state;
    for (int t = 0; t < LEDGER_N; t++) {
        enum ledger_table table = (enum ledger_table)t;
        void *row = full_row(table);
        void *copy = mem_alloc(LEDGER[t].size);

        assert_true(ledger_row_copy(table, copy, row));

        for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
            const struct ledger_column *c = &LEDGER[t].columns[i];

            if (c->type == LEDGER_TEXT) {
                assert_string_equal(*text_at(copy, c), c->name);
                assert_ptr_not_equal(*text_at(copy, c), *text_at(row, c));
            } else {
                assert_int_equal(*int_at(copy, c), i + 1);
            }
        }
        row_free(table, row);
        row_free(table, copy);
    }
    assert_int_equal(mem_live_blocks(), 0);
}

static void whole__of_a_full_row__is_equal_and_one_block(void **state)
{
    (void)state;
    for (int t = 0; t < LEDGER_N; t++) {
        enum ledger_table table = (enum ledger_table)t;
        void *row = full_row(table);
        size_t before = mem_live_blocks();
        struct ledger_op op = {.table = table, .row = ledger_row_whole(table, row)};

        assert_int_equal(mem_live_blocks(), before + 1);
        row_free(table, row);
        for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
            const struct ledger_column *c = &LEDGER[t].columns[i];

            if (c->type == LEDGER_TEXT)
                assert_string_equal(*text_at(op.row, c), c->name);
            else
                assert_int_equal(*int_at(op.row, c), i + 1);
        }
        ledger_op_deinit(&op);
        assert_null(op.row);
    }
    assert_int_equal(mem_live_blocks(), 0);
}

static void copy__of_an_empty_row__keeps_null(void **state)
{
    struct owned from = {0};
    struct owned to;

    (void)state;
    assert_true(ledger_row_copy(LEDGER_OWNED, &to, &from));

    assert_null(to.name);
    assert_int_equal(to.since, 0);
    ledger_row_deinit(LEDGER_OWNED, &to);
}

static void copy__with_every_allocation_failing_once__leaves_nothing(void **state)
{
    void *row = full_row(LEDGER_OWNED);
    size_t before = mem_live_blocks();
    bool done = false;

    (void)state;
    for (long nth = 1; !done && nth < 100; nth++) {
        struct owned to;

        fault_arm(nth);
        done = ledger_row_copy(LEDGER_OWNED, &to, row);
        assert_true(done == !fault_disarm());
        if (done)
            ledger_row_deinit(LEDGER_OWNED, &to);
        assert_int_equal(mem_live_blocks(), before);
    }
    assert_true(done);
    row_free(LEDGER_OWNED, row);
}

static void set__without_memory__keeps_the_old_text(void **state)
{
    char *text = NULL;

    (void)state;
    assert_true(ledger_set(&text, "old"));
    fault_arm(1);
    assert_false(ledger_set(&text, "new"));
    assert_true(fault_disarm());

    assert_string_equal(text, "old");
    assert_true(ledger_set(&text, NULL));
    assert_null(text);
    assert_int_equal(mem_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns__of_every_table__cover_its_struct_keys_first),
        cmocka_unit_test(copy__of_a_full_row__is_equal_and_its_own),
        cmocka_unit_test(whole__of_a_full_row__is_equal_and_one_block),
        cmocka_unit_test(copy__of_an_empty_row__keeps_null),
        cmocka_unit_test(copy__with_every_allocation_failing_once__leaves_nothing),
        cmocka_unit_test(set__without_memory__keeps_the_old_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
