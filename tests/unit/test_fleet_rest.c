/* test_fleet_rest: databases at rest, visited, bound to entries, and at rest again: what a visit
 * changes is kept, and nothing else is packed anew.
 * In:    a small fleet at rest. Out: cmocka's verdict. Never: more than memory. */
#include "core/fleet_rest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/records.h"

#define VISITED 3

struct rests {
    struct heap wakes;
    struct fleet f;
};

/* At rest, with a token each, and a third that is due one day. */
static void set_up(struct rests *r)
{
    static const char *const NAMES[VISITED] = {"t-acme", "t-bolt", "t-core"};

    *r = (struct rests){0};
    assert_true(fleet_init(&r->f, &r->wakes));
    assert_true(fleet_add_databases(&r->f, NAMES, VISITED));
    for (size_t i = 0; i < VISITED; i++) {
        struct database *d = fleet_database(&r->f, NAMES[i]);

        d->has_own = d->r.is_done = true;
        d->own.state = record_text("owned");
        d->own.id = record_text(i ? OTHER : ID);
        record_token(d, "app")->has_held = true;
        d->tokens[0]->held.state = record_text("published");
        d->tokens[0]->held.hash = record_text(HASH);
        d->tokens[0]->r.is_done = true;
        if (i == 2)
            assert_true(heap_set(&r->wakes, &d->tokens[0]->r.wake, 1000));
    }
    fleet_settle(&r->f);
    for (size_t i = 0; i < VISITED; i++)
        assert_true(fleet_is_packed(&r->f, i));
}

static void tear_down(struct rests *r)
{
    fleet_deinit(&r->f);
    heap_deinit(&r->wakes);
}

/* Such texts differ from failure to failure, and each would stay in the table. */
static void fleet__at_rest__keeps_no_text_of_what_failed_once(void **state)
{
    const char *name = "t-acme";
    struct heap wakes = {0};
    struct fleet f = {0};
    struct database *d;

    (void)state;
    assert_true(fleet_init(&f, &wakes));
    assert_true(fleet_add_databases(&f, &name, 1));
    d = fleet_database(&f, name);
    d->has_own = d->r.is_done = true;
    d->own.state = record_text("owned");
    d->r.refused_text = record_text("platform error: request 7f3a");
    record_token(d, "app")->has_held = true;
    d->tokens[0]->held.state = record_text("published");
    d->tokens[0]->r.is_done = true;
    d->tokens[0]->r.refused_text = record_text("platform error: request 7f3b");
    fleet_settle(&f);
    assert_true(fleet_is_packed(&f, 0));
    d = fleet_database(&f, name);
    assert_null(d->r.refused_text);
    assert_null(d->tokens[0]->r.refused_text);

    d->refused_fields = 1;
    d->r.refused_text = record_text("size_limit is too large");
    fleet_settle(&f);
    assert_true(fleet_is_packed(&f, 0));
    assert_string_equal(fleet_database(&f, name)->r.refused_text, "size_limit is too large");
    fleet_deinit(&f);
    heap_deinit(&wakes);
}

static void fleet__a_visit_that_changes_nothing__packs_nothing(void **state)
{
    struct rests r;

    (void)state;
    set_up(&r);
    for (size_t i = 0; i < VISITED; i++) {
        const struct resource *was = r.f.databases[i];
        struct visit v = fleet_open(&r.f, i);

        assert_string_equal(v.d->tokens[0]->held.hash, HASH);
        assert_ptr_equal(fleet_whole(&r.f, i), v.d);
        fleet_close(&r.f, i, v);
        assert_ptr_equal(r.f.databases[i], was);
    }
    assert_int_equal(fleet_next_wake(&r.f), 1000);
    tear_down(&r);
}

static void fleet__what_a_visit_changes__is_kept(void **state)
{
    struct rests r;
    struct visit v;

    (void)state;
    set_up(&r);
    v = fleet_open(&r.f, 0);
    v.d->r.phase = PHASE_READY;
    assert_true(ledger_set(&v.d->own.hostname, "t-acme-acme.example"));
    fleet_close(&r.f, 0, v);
    v = fleet_open(&r.f, 1);
    assert_true(ledger_set(&v.d->tokens[0]->held.hash, NULL));
    fleet_close(&r.f, 1, v);
    v = fleet_open(&r.f, 2);
    heap_remove(&r.wakes, &v.d->tokens[0]->r.wake);
    fleet_close(&r.f, 2, v);
    assert_int_equal(fleet_flags(&r.f, 0) & PACKED_NAMED, PACKED_NAMED);
    assert_string_equal(fleet_database(&r.f, "t-acme")->own.hostname, "t-acme-acme.example");
    assert_string_equal(fleet_database(&r.f, "t-acme")->own.id, ID);
    assert_null(fleet_database(&r.f, "t-bolt")->tokens[0]->held.hash);
    assert_int_equal(fleet_database(&r.f, "t-core")->tokens[0]->r.wake.place, 0);
    tear_down(&r);
}

static void fleet__a_first_entry__needs_no_opening(void **state)
{
    struct token_want token = {.name = "app", .at = {.file = "a.yaml", .line = 8}};
    struct db_want want = {.digest = 1, .expires_after_ms = 5, .tokens = &token, .n_tokens = 1};
    struct db_form form = {.file = "a.yaml", .want = &want};
    struct db_entry entry = {.name = "t-bolt", .form = &form, .line = 7};
    struct desired desired = {.databases = &entry, .n_databases = 1};
    const struct resource *was;
    struct rests r;
    struct visit v;

    (void)state;
    set_up(&r);
    v = fleet_open(&r.f, 1);
    v.d->contended_fields = 1;
    fleet_close(&r.f, 1, v);
    was = r.f.databases[1];
    assert_true(fleet_bind(&r.f, &desired));
    assert_ptr_equal(r.f.databases[1], was);
    assert_int_equal(fleet_flags(&r.f, 1) & PACKED_ENDS, PACKED_ENDS);
    assert_int_equal(fleet_flags(&r.f, 0) & PACKED_ENDS, 0);
    assert_ptr_equal(fleet_peek(&r.f, 1)->want, &want);
    fleet_unpeek(&r.f);
    v = fleet_open(&r.f, 1);
    assert_ptr_equal(v.d->want, &want);
    assert_ptr_equal(v.d->tokens[0]->want, &token);
    assert_int_equal(v.d->r.source.line, 7);
    assert_int_equal(v.d->tokens[0]->r.source.line, 8);
    assert_int_equal(v.d->contended_fields, 0);
    assert_false(v.d->r.edited);
    fleet_close(&r.f, 1, v);
    assert_int_equal(fleet_flags(&r.f, 1) & (PACKED_ENDS | PACKED_UNBOUND), PACKED_ENDS);
    tear_down(&r);
}

/* Edited before anybody has opened it. */
static void fleet__a_second_entry__is_an_edit_of_the_first(void **state)
{
    struct db_want want[] = {{.digest = 1}, {.digest = 2}};
    struct db_form form[] = {{.want = &want[0]}, {.want = &want[1]}};
    struct db_entry entry[] = {{.name = "t-bolt", .form = &form[0]},
                               {.name = "t-bolt", .form = &form[1]}};
    struct desired desired[] = {{.databases = &entry[0], .n_databases = 1},
                                {.databases = &entry[1], .n_databases = 1}};
    struct rests r;
    struct visit v;

    (void)state;
    set_up(&r);
    assert_true(fleet_bind(&r.f, &desired[0]));
    assert_true(fleet_is_packed(&r.f, 1));
    assert_true(fleet_bind(&r.f, &desired[1]));
    v = fleet_open(&r.f, 1);
    assert_true(v.d->r.edited);
    assert_int_equal(v.d->r.digest, 2);
    fleet_close(&r.f, 1, v);
    tear_down(&r);
}

/* It is to be made: nothing that is at rest. */
static void fleet__an_entry_with_another_token__opens_it(void **state)
{
    struct token_want token = {.name = "app"};
    struct db_want want = {.digest = 1, .tokens = &token, .n_tokens = 1};
    struct db_form form = {.want = &want};
    struct db_entry entry = {.name = "t-dove", .form = &form};
    struct desired desired = {.databases = &entry, .n_databases = 1};
    const char *name = "t-dove";
    struct database *d;
    struct rests r;

    (void)state;
    set_up(&r);
    assert_true(fleet_add_databases(&r.f, &name, 1));
    d = fleet_database(&r.f, name);
    d->has_own = d->r.is_done = true;
    d->own.state = record_text("owned");
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, VISITED));
    assert_true(fleet_bind(&r.f, &desired));
    assert_int_equal(fleet_whole(&r.f, VISITED)->n_tokens, 1);
    tear_down(&r);
}

/* Where somebody else has the stretch, another text may come to lie where one lay before. */
static void fleet__without_lent_memory__keeps_what_a_visit_changes(void **state)
{
    struct rests r;
    struct visit v;

    (void)state;
    assert_non_null(mem_lend());
    set_up(&r);
    v = fleet_open(&r.f, 0);
    for (int i = 0; i < 8; i++) {
        assert_true(ledger_set(&v.d->own.id, i % 2 ? ID : OTHER));
        assert_true(ledger_set(&v.d->tokens[0]->held.hash, i % 2 ? NULL : HASH));
    }
    assert_true(ledger_set(&v.d->own.id, OTHER));
    fleet_close(&r.f, 0, v);
    assert_true(fleet_is_packed(&r.f, 0));
    assert_string_equal(fleet_database(&r.f, "t-acme")->own.id, OTHER);
    assert_null(fleet_database(&r.f, "t-acme")->tokens[0]->held.hash);
    tear_down(&r);
    mem_lent_end();
}

/* Also where it is not said, for something is under way by now. */
static void fleet__one_that_stays__keeps_its_texts(void **state)
{
    struct rests r;
    struct database *first;
    struct database *second;
    struct visit v;

    (void)state;
    set_up(&r);
    v = fleet_open(&r.f, 0);
    first = v.d;
    fleet_keep(&r.f, v);
    v = fleet_open(&r.f, 1);
    second = v.d;
    second->r.busy = true;
    fleet_close(&r.f, 1, v);
    v = fleet_open(&r.f, 2);
    assert_string_equal(first->own.id, ID);
    assert_string_equal(first->tokens[0]->r.name, "t-acme/app");
    assert_string_equal(first->tokens[0]->short_name, "app");
    assert_string_equal(second->own.id, OTHER);
    assert_string_equal(second->tokens[0]->held.hash, HASH);
    fleet_close(&r.f, 2, v);
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, 0) && !fleet_is_packed(&r.f, 1));
    assert_ptr_equal(fleet_database(&r.f, "t-bolt"), second);
    tear_down(&r);
}

static void fleet__another_within_a_visit__disturbs_nothing(void **state)
{
    struct rests r;
    struct visit outer;
    struct visit inner;

    (void)state;
    set_up(&r);
    assert_string_equal(fleet_peek(&r.f, 2)->r.name, "t-core");
    outer = fleet_open(&r.f, 0);
    inner = fleet_open(&r.f, 1);
    assert_string_equal(outer.d->own.id, ID);
    assert_string_equal(inner.d->own.id, OTHER);
    assert_string_equal(fleet_peek(&r.f, 2)->tokens[0]->r.name, "t-core/app");
    assert_string_equal(fleet_database(&r.f, "t-core")->tokens[0]->r.name, "t-core/app");
    fleet_close(&r.f, 1, inner);
    assert_string_equal(outer.d->tokens[0]->held.hash, HASH);
    fleet_close(&r.f, 0, outer);
    fleet_unpeek(&r.f);
    assert_true(fleet_is_packed(&r.f, 0) && fleet_is_packed(&r.f, 1));
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, 2));
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fleet__at_rest__keeps_no_text_of_what_failed_once),
        cmocka_unit_test(fleet__a_visit_that_changes_nothing__packs_nothing),
        cmocka_unit_test(fleet__what_a_visit_changes__is_kept),
        cmocka_unit_test(fleet__a_first_entry__needs_no_opening),
        cmocka_unit_test(fleet__a_second_entry__is_an_edit_of_the_first),
        cmocka_unit_test(fleet__an_entry_with_another_token__opens_it),
        cmocka_unit_test(fleet__without_lent_memory__keeps_what_a_visit_changes),
        cmocka_unit_test(fleet__one_that_stays__keeps_its_texts),
        cmocka_unit_test(fleet__another_within_a_visit__disturbs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
