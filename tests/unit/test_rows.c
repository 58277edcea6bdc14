/* test_rows: rows come back as they were put there, each once, and their memory goes with them.
 * In: rows with all that a list may say, and with nothing. Out: cmocka's verdict. Never: more than
 * memory. */
#include "core/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/fault.h"

#define MANY 5000

struct texts {
    char name[32], id[48], hostname[64], parent[48];
};

/* Every other one says all, in another way each. */
static struct live_db row_of(unsigned i, struct texts *t)
{
    snprintf(t->name, sizeof(t->name), "t-%u", i * 7919u % MANY);
    snprintf(t->id, sizeof(t->id), "0190d3c6-9e3b-7c1f-8a11-%012u", i);
    snprintf(t->hostname, sizeof(t->hostname), i % 3 ? "t-%u-acme.example" : "host-%u.example",
             i * 7919u % MANY);
    snprintf(t->parent, sizeof(t->parent), "0190d3c6-9e3b-7c1f-8a11-%012u", i + 1);
    if (i % 2)
        return (struct live_db){.name = t->name,
                                .id = t->id,
                                .block_reads = -1,
                                .block_writes = -1,
                                .delete_protection = -1,
                                .archived = -1};
    return (struct live_db){.name = t->name,
                            .id = t->id,
                            .hostname = t->hostname,
                            .group = i % 5 ? "eu" : "us",
                            .parent_id = i % 7 ? NULL : t->parent,
                            .block_reads = i % 4 == 0,
                            .block_writes = i % 8 == 0,
                            .delete_protection = i % 16 == 0,
                            .archived = i % 32 == 0};
}

static void assert_same(const char *a, const char *b)
{
    assert_int_equal(a != NULL, b != NULL);
    if (a)
        assert_string_equal(a, b);
}

static void take_one(struct rows *r, unsigned i)
{
    struct live_db row;
    struct texts t;
    struct live_db was = row_of(i, &t);

    assert_true(rows_take(r, &row));
    assert_string_equal(row.name, was.name);
    assert_string_equal(row.id, was.id);
    assert_same(row.hostname, was.hostname);
    assert_same(row.group, was.group);
    assert_same(row.parent_id, was.parent_id);
    assert_int_equal(row.block_reads, was.block_reads);
    assert_int_equal(row.block_writes, was.block_writes);
    assert_int_equal(row.delete_protection, was.delete_protection);
    assert_int_equal(row.archived, was.archived);
}

static void put(struct rows *r, unsigned i)
{
    struct texts t;
    struct live_db row = row_of(i, &t);

    assert_true(rows_add(r, &row));
}

static void rows__none__are_taken(void **state)
{
    struct rows r = {0};
    struct live_db row;
    const char *name;

    (void)state;
    assert_false(rows_take(&r, &row));
    assert_int_equal(rows_names(&r, &name, 1), 0);
    rows_deinit(&r);
}

static void rows__many__come_back_in_order(void **state)
{
    struct rows r = {0};
    struct live_db row;
    size_t most;

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        put(&r, i);
    assert_true(r.n == MANY);
    most = mem_live_blocks();
    for (unsigned i = 0; i < MANY; i++) {
        const char *names[3] = {NULL};
        size_t n = rows_names(&r, names, 3);
        struct texts t;

        assert_true(n == (MANY - i < 3 ? MANY - i : 3));
        assert_string_equal(names[n - 1], row_of(i + (unsigned)n - 1, &t).name);
        take_one(&r, i);
    }
    assert_true(mem_live_blocks() < most - 2); /* what was taken is given back */
    assert_false(rows_take(&r, &row));
    put(&r, 6); /* and it is as new */
    take_one(&r, 6);
    assert_true(r.n == 0);
    rows_deinit(&r);
    assert_true(mem_live_blocks() == 0);
}

static void rows__a_long_text__comes_back(void **state)
{
    static char name[LIMIT_LIVE_TEXT_BYTES + 1];
    static char hostname[LIMIT_LIVE_TEXT_BYTES + 1];
    struct rows r = {0};
    struct live_db row;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    memset(hostname, 'n', sizeof(hostname) - 1);
    for (int i = 0; i < 100; i++)
        assert_true(rows_add(
            &r, &(struct live_db){.name = name, .id = name, .hostname = hostname, .group = name}));
    for (int i = 0; i < 100; i++) {
        assert_true(rows_take(&r, &row));
        assert_string_equal(row.hostname, hostname);
        assert_string_equal(row.group, name);
    }
    rows_deinit(&r);
}

static void rows__without_memory__stay(void **state)
{
    bool fired = true;

    (void)state;
    for (long nth = 1; fired; nth++) {
        struct rows r = {0};
        unsigned n = 0;
        bool ok = true;

        fault_arm(nth);
        while (ok && n < MANY) {
            struct texts t;
            struct live_db row = row_of(n, &t);

            ok = rows_add(&r, &row);
            n += ok;
        }
        fired = fault_disarm();
        assert_true(ok == !fired && r.n == n);
        for (unsigned i = 0; i < n; i++)
            take_one(&r, i);
        rows_deinit(&r);
        assert_true(mem_live_blocks() == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows__none__are_taken),
        cmocka_unit_test(rows__many__come_back_in_order),
        cmocka_unit_test(rows__a_long_text__comes_back),
        cmocka_unit_test(rows__without_memory__stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
