/* test_pack_store: where packed records lie: pieces keep what they hold, and holes are filled.
 * In:    pieces of every size, that come and go. Out: cmocka's verdict. Never: more than memory. */
#include "core/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/fleet_private.h"
#include "core/fleet_rest.h"
#include "tests/lib/chance.h"
#include "tests/lib/records.h"

#define PIECES 4000

static void pack_store__pieces__keep_what_they_hold(void **state)
{
    static struct packed *pieces[PIECES];
    struct pack_store s = {0};
    uint64_t random = 4711;

    (void)state;
    memset((void *)pieces, 0, sizeof(pieces));
    for (int i = 0; i < 10 * PIECES; i++) {
        size_t at = chance_word(&random) % PIECES;
        size_t size = i % 1000 ? chance_word(&random) % 200 : PACKED_SIZE_MAX;
        struct packed *p = pieces[at];
        bool wakes = i % 3 == 0;

        if (p) {
            assert_int_equal(p->entry, at);
            for (size_t k = 0; k < p->size; k++)
                assert_int_equal((unsigned char)p->bytes[k], at & 0xff);
            assert_true(packed_wake(p) == (p->wakes ? (int64_t)at : INT64_MAX));
            pack_store_free(&s, p);
        }
        p = pieces[at] = pack_store_take(&s, size, wakes);
        assert_non_null(p);
        assert_true(p->size == size && p->wakes == wakes);
        p->entry = (uint32_t)at;
        memset(p->bytes, (int)(at & 0xff), size);
        packed_set_wake(p, wakes ? (int64_t)at : INT64_MAX);
    }
    for (size_t i = 0; i < PIECES; i++)
        pack_store_free(&s, pieces[i]);
    assert_int_equal(s.used, 0);
    for (size_t i = 0; i < s.n_pages; i++)
        assert_true(!s.pages[i] || s.filling == i + 1); /* the others are given back */
    pack_store_deinit(&s);
}

static void pack_store__of_the_loosest_page__shows_what_is_left(void **state)
{
    struct packed *pieces[PIECES];
    struct pack_store s = {0};
    struct packed *p = NULL;
    size_t page;

    (void)state;
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = pack_store_take(&s, 100, false);
        assert_non_null(pieces[i]);
    }
    assert_false(pack_store_loosest(&s, &page));
    for (size_t i = 0; i < PIECES; i++)
        if (pieces[i]->page == 1 ? i % 10 : i % 3 == 0)
            pack_store_free(&s, pieces[i]);
    assert_true(pack_store_loosest(&s, &page));
    assert_int_equal(page, 1);
    for (size_t i = 0; i < PIECES; i++)
        if (i % 10 == 0 && pieces[i]->page == 1) {
            p = pack_store_next(&s, page, p);
            assert_ptr_equal(p, pieces[i]);
        }
    assert_non_null(p);
    assert_null(pack_store_next(&s, page, p));
    pack_store_deinit(&s);
}

/* Each is packed anew again and again, by itself, and the others move. */
static void fleet__with_many_holes__lays_its_records_anew(void **state)
{
    static char names[3000][8];
    struct heap wakes = {0};
    struct fleet f = {0};
    uint64_t random = 1;

    (void)state;
    assert_true(fleet_init(&f, &wakes));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *name = names[i];
        struct database *d;

        snprintf(names[i], sizeof(names[i]), "t-%04zu", i);
        assert_true(fleet_add_databases(&f, &name, 1));
        d = fleet_database(&f, name);
        d->has_own = d->r.is_done = true;
        d->own.state = record_text("owned");
        fleet_settle(&f);
    }
    for (int i = 0; i < 20000; i++) {
        size_t at = chance_word(&random) % ARRAY_SIZE(names);
        struct visit v = fleet_open(&f, at);

        assert_string_equal(v.d->r.name, names[at]);
        v.d->own.since++;
        if (i % 7)
            fleet_close(&f, at, v);
        else
            fleet_keep(&f, v);
        fleet_settle(&f);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_string_equal(fleet_database_name(&f, i), names[i]);
    assert_true(f.rest->store.used < 2 * f.rest->store.live);
    fleet_deinit(&f);
    heap_deinit(&wakes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack_store__pieces__keep_what_they_hold),
        cmocka_unit_test(pack_store__of_the_loosest_page__shows_what_is_left),
        cmocka_unit_test(fleet__with_many_holes__lays_its_records_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
