/* test_row_index: rows are found by their key, whatever is added, moved and removed.
 * In:    keys.
 * Out:   cmocka's verdict.
 * Never: more than memory. */
#include "core/row_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/chance.h"

#define MANY 200000

struct keys {
    char (*name)[16];
    const char *wanted;
};

static bool is_wanted(const void *arg, size_t at)
{
    const struct keys *k = arg;

    return strcmp(k->name[at], k->wanted) == 0;
}

static uint32_t hash(const char *name)
{
    return row_hash("update", "database", name);
}

static size_t find(const struct row_index *ix, char (*name)[16], const char *wanted)
{
    struct keys k = {name, wanted};

    return row_index_find(ix, hash(wanted), is_wanted, &k);
}

static void index__of_none__finds_none(void **state)
{
    struct row_index ix = {0};

    (void)state;
    assert_true(find(&ix, NULL, "t-1") == ROW_NONE);
    row_index_clear(&ix);
    row_index_deinit(&ix);
}

static void index__of_many__finds_each(void **state)
{
    struct row_index ix = {0};
    char(*name)[16] = calloc(MANY, sizeof(*name));

    (void)state;
    assert_non_null(name);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(name[i], sizeof(*name), "t-%zu", i);
        assert_true(row_index_add(&ix, hash(name[i]), i));
    }
    for (size_t i = 0; i < MANY; i++)
        assert_true(find(&ix, name, name[i]) == i);
    assert_true(find(&ix, name, "t-none") == ROW_NONE);
    row_index_clear(&ix);
    assert_true(find(&ix, name, name[0]) == ROW_NONE);
    for (size_t i = 0; i < MANY; i++)
        assert_true(row_index_add(&ix, hash(name[i]), i));
    assert_true(find(&ix, name, name[MANY - 1]) == MANY - 1);
    row_index_deinit(&ix);
    free(name);
}

/* As an array from which rows are taken, the last one filling the gap; against a linear search. */
static void index__under_change__agrees_with_a_search(void **state)
{
    struct row_index ix = {0};
    char name[64][16];
    uint64_t random = 1;
    size_t n = 0;

    (void)state;
    for (int step = 0; step < 100000; step++) {
        if (n < 64 && chance_below(&random, 2)) {
            snprintf(name[n], sizeof(*name), "t-%d", step);
            assert_true(row_index_add(&ix, hash(name[n]), n));
            n++;
        } else if (n) {
            size_t at = chance_below(&random, (unsigned)n);

            row_index_remove(&ix, hash(name[at]), at);
            n--;
            if (at != n) {
                row_index_move(&ix, hash(name[n]), n, at);
                memcpy(name[at], name[n], sizeof(*name));
            }
        }
        for (size_t i = 0; step % 100 == 0 && i < n; i++)
            assert_true(find(&ix, name, name[i]) == i);
    }
    row_index_deinit(&ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index__of_none__finds_none),
        cmocka_unit_test(index__of_many__finds_each),
        cmocka_unit_test(index__under_change__agrees_with_a_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
