/* test_listing: a page that arrives in pieces, and a page of a million.
 * In:    pages of databases and groups. What a page may say is in tests/data/answers/listing.json.
 * Out:   cmocka's verdict.
 * Never: HTTP. */
#include "core/listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/fault.h"

static const char PAGE[] = "{\"databases\":[{\"Name\":\"a\",\"DbId\":\"1\",\"group\":\"eu\"},"
                           "{\"Name\":\"b\",\"DbId\":\"2\",\"group\":\"eu\"}],"
                           "\"pagination\":{\"next\":\"n\"}}";

static struct answer *answer_of(enum call_kind kind)
{
    struct call c = {.kind = kind};
    struct answer *a = answer_new(&c);

    assert_non_null(a);
    return a;
}

static void page__fed_in_pieces__is_there_at_the_end_and_not_before(void **state)
{
    struct answer *a = answer_of(CALL_DATABASES_LIST);
    struct listing *l = listing_new(CALL_DATABASES_LIST, NULL, a);
    struct err err = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < strlen(PAGE); i++) {
        assert_int_equal(listing_feed(l, PAGE + i, 1, &err), 0);
        assert_int_equal(a->n_databases, 0);
    }
    assert_int_equal(listing_end(l, &err), 0);
    listing_free(l);

    assert_int_equal(a->n_databases, 2);
    assert_string_equal(a->databases[1].name, "b");
    assert_string_equal(a->next_cursor, "n");
    answer_free(a);
}

static int read_page(struct answer *a, struct err *err)
{
    struct listing *l = listing_new(CALL_DATABASES_LIST, "m", a);
    int rc = l ? listing_feed(l, PAGE, 40, err) : -ERR_NOMEM;

    if (rc == 0)
        rc = listing_feed(l, PAGE + 40, strlen(PAGE) - 40, err);
    if (rc == 0)
        rc = listing_end(l, err);
    listing_free(l);
    return rc;
}

static void page__without_memory__is_nothing(void **state)
{
    size_t before = mem_live_blocks();

    (void)state;
    for (long nth = 1;; nth++) {
        struct answer *a = answer_of(CALL_DATABASES_LIST);
        struct err err = ERR_INIT;
        int rc;

        fault_arm(nth);
        rc = read_page(a, &err);
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            assert_int_equal(a->n_databases, 2);
            answer_free(a);
            break;
        }
        assert_int_equal(rc, -ERR_NOMEM);
        assert_int_equal(a->n_databases, 0);
        answer_free(a);
        assert_int_equal(mem_live_blocks(), before);
    }
}

/* A line of a page of a million, as large as real ones. */
static int element(char *out, size_t size, int i)
{
    return snprintf(
        out, size,
        "%s{\"Name\":\"tenant-%07d\",\"DbId\":\"0eb771dd-6906-11ee-8553-%012d\","
        "\"Hostname\":\"tenant-%07d-acme.aws-eu-west-1.turso.io\",\"block_reads\":false,"
        "\"block_writes\":false,\"regions\":[\"aws-eu-west-1\"],\"primaryRegion\":"
        "\"aws-eu-west-1\",\"group\":\"eu\",\"delete_protection\":false,\"parent\":null,"
        "\"type\":\"logical\",\"version\":\"tech-preview\",\"sleeping\":false}",
        i ? "," : "", i, i, i);
}

static void page__of_a_hundred_thousand__is_read_in_one_go(void **state)
{
    enum { N = 100000 };
    struct answer *a = answer_of(CALL_DATABASES_LIST);
    struct listing *l = listing_new(CALL_DATABASES_LIST, NULL, a);
    size_t before = mem_live_blocks();
    struct err err = ERR_INIT;
    char line[512];

    (void)state;
    assert_int_equal(listing_feed(l, "{\"databases\":[", 14, &err), 0);
    for (int i = 0; i < N; i++) {
        int n = element(line, sizeof(line), i);

        assert_int_equal(listing_feed(l, line, (size_t)n, &err), 0);
    }
    assert_int_equal(listing_feed(l, "]}", 2, &err), 0);
    assert_true(mem_live_blocks() < before + N / 10); /* arenas, and not a block a thing */
    assert_int_equal(listing_end(l, &err), 0);
    listing_free(l);

    assert_int_equal(a->n_databases, N);
    assert_string_equal(a->databases[N - 1].name, "tenant-0099999");
    answer_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page__fed_in_pieces__is_there_at_the_end_and_not_before),
        cmocka_unit_test(page__without_memory__is_nothing),
        cmocka_unit_test(page__of_a_hundred_thousand__is_read_in_one_go),
    };

    return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
