/* test_emulator_db_list: the order that listings are paged by, under additions and removals.
 * In:    keys.
 * Out:   cmocka's verdict.
 * Never: a real database; the list does not look into one. */
#include "db_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N 200

static char things[N + 1];

static struct database *db(uint64_t key)
{
    return (struct database *)(void *)&things[key];
}

/* Every living key once and in order, as pages of `size` see them. */
static size_t walk(const struct db_list *l, size_t size, uint64_t sum[1])
{
    size_t n = 0;
    uint64_t after = 0;

    *sum = 0;
    for (bool more = true; more;) {
        size_t taken = 0;

        for (size_t i = db_list_after(l, after); i < l->n && taken < size; i++) {
            if (!l->slots[i].db)
                continue;
            assert_true(l->slots[i].key > after);
            after = l->slots[i].key;
            *sum += after;
            taken++;
        }
        n += taken;
        more = taken == size;
    }
    return n;
}

static void fill(struct db_list *l, uint64_t first, uint64_t last)
{
    for (uint64_t key = first; key <= last; key++)
        assert_true(db_list_add(l, key, db(key)));
}

static void after__in_every_position__is_the_next_slot(void **state)
{
    struct db_list l = {0};

    (void)state;
    assert_int_equal(db_list_after(&l, 0), 0);
    for (uint64_t key = 10; key <= 50; key += 10)
        assert_true(db_list_add(&l, key, db(key)));
    assert_int_equal(db_list_after(&l, 0), 0);
    assert_int_equal(db_list_after(&l, 9), 0);
    assert_int_equal(db_list_after(&l, 10), 1);
    assert_int_equal(db_list_after(&l, 45), 4);
    assert_int_equal(db_list_after(&l, 50), 5);
    assert_int_equal(db_list_after(&l, UINT64_MAX), 5);
    db_list_deinit(&l);
}

static void add__out_of_order__is_put_in_order(void **state)
{
    struct db_list l = {0};
    uint64_t sum;

    (void)state;
    for (uint64_t i = 0; i < N; i++)
        assert_true(db_list_add(&l, 1 + i * 7 % N, db(1 + i * 7 % N)));
    assert_int_equal(walk(&l, 9, &sum), N);
    assert_int_equal(sum, N * (N + 1) / 2);
    db_list_deinit(&l);
}

static void remove__from_the_front__leaves_the_rest_in_order(void **state)
{
    struct db_list l = {0};
    uint64_t sum;

    (void)state;
    fill(&l, 1, N);
    for (uint64_t key = 1; key < N; key++) {
        db_list_remove(&l, key);
        assert_int_equal(db_list_count(&l), N - key);
        assert_int_equal(walk(&l, 13, &sum), N - key);
        assert_true(l.n <= 2 * (N - key) + 64);
    }
    db_list_deinit(&l);
}

static void remove__from_the_end__leaves_no_hole(void **state)
{
    struct db_list l = {0};

    (void)state;
    fill(&l, 1, N);
    db_list_remove(&l, N - 1);
    assert_int_equal(l.n, N);
    db_list_remove(&l, N);
    assert_int_equal(l.n, N - 2);
    for (uint64_t key = N - 2; key; key--)
        db_list_remove(&l, key);
    assert_int_equal(l.n, 0);
    assert_int_equal(db_list_count(&l), 0);
    fill(&l, 1, 3);
    assert_int_equal(db_list_count(&l), 3);
    db_list_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after__in_every_position__is_the_next_slot),
        cmocka_unit_test(add__out_of_order__is_put_in_order),
        cmocka_unit_test(remove__from_the_front__leaves_the_rest_in_order),
        cmocka_unit_test(remove__from_the_end__leaves_no_hole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
