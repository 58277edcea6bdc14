/* test_fleet_look: what a look shows of databases at rest is noted beside them, wherever they move
 * meanwhile, and when others come between them, each is still opened when it is due.
 * In: a fleet at rest. Out: cmocka's verdict. Never: more than memory. */
#include "core/fleet_rest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/fleet_private.h"
#include "lib/mem.h"
#include "tests/lib/records.h"

#define MANY 3000 /* in three blocks */

struct rests {
    struct heap wakes;
    struct fleet f;
    char names[2 * MANY][12];
};
static struct rests r;

/* The even ones, or the odd ones. */
static void add(unsigned from)
{
    const char *names[MANY];

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(r.names[2 * i + from], sizeof(r.names[0]), "t-%05u", 2 * i + from);
        names[i] = r.names[2 * i + from];
    }
    assert_true(fleet_add_databases(&r.f, names, MANY));
}

static struct live_db row_of(unsigned i)
{
    return (struct live_db){.name = r.names[i],
                            .id = r.names[i],
                            .group = "eu",
                            .block_reads = 0,
                            .block_writes = -1,
                            .delete_protection = -1,
                            .archived = -1};
}

/* The even ones at rest, live and listed, and due one after the other, last names first. */
static void set_up(void)
{
    r = (struct rests){0};
    assert_true(fleet_init(&r.f, &r.wakes));
    add(0);
    for (unsigned i = 0; i < 2 * MANY; i += 2) {
        struct database *d = fleet_database(&r.f, r.names[i]);
        struct live_db row = row_of(i);

        d->has_own = d->r.is_done = true;
        d->own.state = record_text("owned");
        assert_true(live_set_database(&d->live, &row));
        d->live.listed = true;
        assert_true(heap_set(&r.wakes, &d->r.wake, 2 * MANY - i));
    }
    fleet_settle(&r.f);
}

static void tear_down(void)
{
    heap_deinit(&r.wakes); /* it points into the fleet */
    fleet_deinit(&r.f);
    assert_int_equal(mem_live_blocks(), 0);
}

static size_t place(unsigned i)
{
    return fleet_place(&r.f, r.names[i]);
}

static void look__what_it_shows__is_noted_where_it_goes(void **state)
{
    struct live_db row;

    (void)state;
    set_up();
    row = row_of(0);
    row.block_writes = 0; /* which is not known */
    assert_false(fleet_note_shown(&r.f, place(0), &row));
    row = row_of(2);
    row.block_reads = -1; /* which is known, and not said */
    assert_false(fleet_note_shown(&r.f, place(2), &row));
    for (unsigned i = 4; i < 2 * MANY; i += 4) {
        row = row_of(i);
        assert_true(fleet_note_shown(&r.f, place(i), &row));
    }
    fleet_note_taken(&r.f, place(2));
    add(1);
    for (unsigned i = 0; i < 2 * MANY; i++)
        assert_int_equal(fleet_noted(&r.f, place(i)), i == 2                ? PACKED_TAKEN
                                                      : i > 0 && i % 4 == 0 ? PACKED_SHOWN
                                                                            : 0);
    fleet_forget_look(&r.f);
    for (unsigned i = 0; i < 2 * MANY; i++)
        assert_int_equal(fleet_noted(&r.f, place(i)), 0);
    assert_true(fleet_is_packed(&r.f, place(4)));
    tear_down();
}

static void look__one_that_is_opened__keeps_what_was_shown(void **state)
{
    struct live_db row;
    struct pack_row shown;
    struct database *d;

    (void)state;
    set_up();
    row = row_of(4);
    assert_true(fleet_note_shown(&r.f, place(4), &row));
    assert_false(fleet_shown_row(&r.f, place(4), &shown)); /* it is as it is known */
    d = fleet_database(&r.f, r.names[4]);
    assert_true(fleet_shown_row(&r.f, place(4), &shown));
    assert_true(live_is_row(&d->live, &shown.row));
    d->own.since = 7; /* which no list shows */
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, place(4)));
    assert_int_equal(fleet_noted(&r.f, place(4)), PACKED_SHOWN);

    d = fleet_database(&r.f, r.names[4]);
    live_clear(&d->live);
    fleet_settle(&r.f);
    assert_false(fleet_is_packed(&r.f, place(4)));
    assert_true(fleet_shown_row(&r.f, place(4), &shown));
    assert_string_equal(shown.row.id, r.names[4]);
    assert_string_equal(shown.row.group, "eu");
    assert_int_equal(shown.row.block_reads, 0);
    assert_int_equal(shown.row.block_writes, -1);

    fleet_note_taken(&r.f, place(4));
    assert_false(fleet_shown_row(&r.f, place(4), &shown));
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, place(4)));
    assert_int_equal(fleet_noted(&r.f, place(4)), PACKED_TAKEN);
    tear_down();
}

/* What it was opened from says all that was shown, whatever its entry is by now. */
static void look__one_that_gets_another_entry__keeps_what_was_shown(void **state)
{
    static const struct db_want WANTS[] = {{.digest = 7, .group = "eu"},
                                           {.digest = 8, .group = "eu"}};
    static const struct db_form FORMS[] = {{.file = "a.yaml", .want = &WANTS[0]},
                                           {.file = "a.yaml", .want = &WANTS[1]}};
    struct db_entry entries[] = {{r.names[4], &FORMS[0], 1}, {r.names[4], &FORMS[1], 1}};
    struct live_db row;
    struct pack_row shown;

    (void)state;
    set_up();
    row = row_of(4);
    row.archived = 1;
    assert_true(live_set_database(&fleet_database(&r.f, r.names[4])->live, &row));
    fleet_settle(&r.f);
    assert_true(fleet_note_shown(&r.f, place(4), &row));
    for (unsigned i = 0; i < 2; i++) {
        struct desired d = {.databases = &entries[i], .n_databases = 1};

        assert_true(fleet_bind_databases(&r.f, &d));
    }
    fleet_database(&r.f, r.names[4])->own.since = 7;
    assert_true(fleet_shown_row(&r.f, place(4), &shown));
    assert_int_equal(shown.row.archived, 1);
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, place(4)));
    tear_down();
}

/* As after a start: only the ledger tells of it. */
static struct live_db forget_live(unsigned i)
{
    struct database *d = fleet_database(&r.f, r.names[i]);
    struct live_db row = row_of(i);

    live_clear(&d->live);
    d->live.listed = false;
    d->own.id = record_text(r.names[i]);
    d->own.hostname = record_text("h");
    d->own.group_name = record_text("eu");
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, place(i)));
    row.hostname = "h";
    row.delete_protection = 1;
    return row;
}

static void assert_shown(unsigned i, const struct live_db *row)
{
    struct pack_row shown;

    assert_true(fleet_shown_row(&r.f, place(i), &shown));
    assert_string_equal(shown.row.name, row->name);
    assert_string_equal(shown.row.id, row->id);
    assert_string_equal(shown.row.hostname, row->hostname);
    assert_string_equal(shown.row.group, row->group);
    assert_null(shown.row.parent_id);
    assert_int_equal(shown.row.block_reads, row->block_reads);
    assert_int_equal(shown.row.block_writes, row->block_writes);
    assert_int_equal(shown.row.delete_protection, row->delete_protection);
    assert_int_equal(shown.row.archived == 1, row->archived == 1);
}

static void look__one_of_which_the_ledger_tells__is_noted_and_taken_over(void **state)
{
    struct live_db row;

    (void)state;
    set_up();
    row = forget_live(4);
    assert_true(fleet_note_shown(&r.f, place(4), &row));
    assert_shown(4, &row);
    fleet_note_taken(&r.f, place(4));
    assert_int_equal(fleet_noted(&r.f, place(4)), PACKED_TAKEN);
    tear_down();
}

static void look__what_the_ledger_does_not_tell__is_not_noted(void **state)
{
    struct live_db usual;
    struct live_db row;

    (void)state;
    set_up();
    usual = forget_live(4);
    row = usual;
    row.id = "other";
    assert_false(fleet_note_shown(&r.f, place(4), &row));
    row = usual;
    row.hostname = NULL;
    assert_false(fleet_note_shown(&r.f, place(4), &row));
    row = usual;
    row.group = "us";
    assert_false(fleet_note_shown(&r.f, place(4), &row));
    row = usual;
    row.parent_id = "p";
    assert_false(fleet_note_shown(&r.f, place(4), &row));
    row = usual;
    row.archived = 1;
    assert_false(fleet_note_shown(&r.f, place(4), &row));
    assert_true(fleet_note_shown(&r.f, place(4), &usual));

    row = forget_live(6);
    row.block_reads = 1; /* not as the first */
    assert_false(fleet_note_shown(&r.f, place(6), &row));
    fleet_forget_look(&r.f);
    assert_true(fleet_note_shown(&r.f, place(6), &row));
    assert_shown(6, &row);
    tear_down();
}

static void look__one_of_which_the_ledger_tells__keeps_what_was_shown(void **state)
{
    struct live_db row;
    struct database *d;

    (void)state;
    set_up();
    row = forget_live(4);
    assert_true(fleet_note_shown(&r.f, place(4), &row));
    d = fleet_database(&r.f, r.names[4]);
    assert_shown(4, &row);
    d->own.since = 7; /* which no list shows */
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, place(4)));
    assert_shown(4, &row);

    d = fleet_database(&r.f, r.names[4]);
    mem_free(d->own.group_name);
    d->own.group_name = record_text("us");
    fleet_settle(&r.f);
    assert_false(fleet_is_packed(&r.f, place(4)));
    assert_shown(4, &row);
    mem_free(d->own.group_name);
    d->own.group_name = record_text("eu");
    assert_true(live_set_database(&d->live, &row)); /* read by name: it is not listed yet */
    fleet_touch(&r.f, d);
    fleet_settle(&r.f);
    assert_false(fleet_is_packed(&r.f, place(4)));
    assert_shown(4, &row);

    fleet_note_taken(&r.f, place(4));
    fleet_settle(&r.f);
    assert_true(fleet_is_packed(&r.f, place(4)));
    tear_down();
}

static size_t n_whole(void)
{
    size_t n = 0;

    for (unsigned i = 0; i < 2 * MANY; i += 2)
        n += !fleet_is_packed(&r.f, place(i));
    return n;
}

/* As after a start, with an id as most have. */
static struct live_db forget_whole(unsigned i)
{
    struct database *d = fleet_database(&r.f, r.names[i]);
    static char id[2 * MANY][37];
    struct live_db row;

    snprintf(id[i], sizeof(id[i]), "0190d3c6-9e3b-7c1f-8a11-3f2b5a9%05u", i);
    live_clear(&d->live);
    heap_remove(&r.wakes, &d->r.wake);
    row = forget_live(i);
    d = fleet_database(&r.f, r.names[i]);
    assert_true(ledger_set(&d->own.id, id[i]));
    fleet_settle(&r.f);
    row.id = id[i];
    return row;
}

static void take_over(unsigned i, const struct live_db *row)
{
    struct visit v = fleet_open(&r.f, place(i));

    assert_non_null(v.d);
    assert_true(live_set_database(&v.d->live, row));
    v.d->live.listed = true;
    v.is_first_seen = true;
    fleet_note_taken(&r.f, place(i));
    fleet_close(&r.f, place(i), v);
    assert_true(fleet_is_packed(&r.f, place(i)));
}

static void assert_taken_alike(unsigned i, const struct live_db *row)
{
    struct database *d;

    assert_true(fleet_take_alike(&r.f, place(i)));
    assert_int_equal(fleet_flags(&r.f, place(i)), PACKED_AT_REST | PACKED_PRESENT | PACKED_LISTED |
                                                      PACKED_OWNED | PACKED_KEPT | PACKED_TAKEN);
    d = fleet_database(&r.f, r.names[i]);
    assert_true(live_is_row(&d->live, row));
    assert_string_equal(d->own.id, row->id);
    assert_int_equal(d->own.since, 0);
}

/* other_texts: that come into the table before it is taken over, so that numbers get longer. */
static void take_alike(unsigned other_texts)
{
    struct live_db rows[7];

    set_up();
    for (unsigned i = 1; i < 7; i++)
        rows[i] = forget_whole(2 * i);
    fleet_database(&r.f, r.names[8])->own.since = 7;
    fleet_settle(&r.f);
    for (unsigned i = 1; i < 6; i++)
        assert_true(fleet_note_shown(&r.f, place(2 * i), &rows[i]));
    assert_false(fleet_take_alike(&r.f, place(2))); /* nothing is known */
    for (unsigned i = 0; i < other_texts; i++)
        assert_true(texts_add(&r.f.rest->texts, r.names[i], strlen(r.names[i])) != TEXTS_NONE);
    take_over(2, &rows[1]);
    assert_taken_alike(4, &rows[2]);
    assert_taken_alike(6, &rows[3]);
    assert_false(fleet_take_alike(&r.f, place(8)));  /* it has another form */
    assert_false(fleet_take_alike(&r.f, place(12))); /* it was not shown */
    assert_false(fleet_take_alike(&r.f, place(4)));  /* it was taken */
    assert_int_equal(fleet_noted(&r.f, place(8)), PACKED_SHOWN);
    fleet_forget_look(&r.f);
    assert_true(fleet_note_shown(&r.f, place(10), &rows[5]));
    assert_false(fleet_take_alike(&r.f, place(10))); /* that was another look */
    tear_down();
}

static void look__what_is_seen_first__is_taken_over_as_the_one_before(void **state)
{
    (void)state;
    take_alike(0);
    take_alike(200);
}

static void wakes__when_others_come_between__are_as_before(void **state)
{
    (void)state;
    set_up();
    assert_int_equal(fleet_next_wake(&r.f), 2);
    add(1);
    for (int64_t now = 2; now <= 2 * MANY; now += 2 * MANY / 10) {
        assert_true(fleet_next_wake(&r.f) <= now);
        fleet_wake(&r.f, now, SIZE_MAX);
        assert_int_equal(n_whole(), now / 2);
    }
    tear_down();
}

/* All at once, as when they were made at once: so many at a time, and none is left out. */
static void wakes__of_very_many__are_so_many_at_a_time(void **state)
{
    size_t n = 0;

    (void)state;
    set_up();
    for (; fleet_next_wake(&r.f) <= 2 * MANY; n += 700) {
        assert_int_equal(n_whole(), n);
        fleet_wake(&r.f, 2 * MANY, 700);
    }
    assert_int_equal(n_whole(), MANY);
    assert_in_range(n, MANY, MANY + 700);
    assert_int_equal(fleet_next_wake(&r.f), INT64_MAX);
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look__what_it_shows__is_noted_where_it_goes),
        cmocka_unit_test(look__one_that_is_opened__keeps_what_was_shown),
        cmocka_unit_test(look__one_that_gets_another_entry__keeps_what_was_shown),
        cmocka_unit_test(look__one_of_which_the_ledger_tells__is_noted_and_taken_over),
        cmocka_unit_test(look__what_the_ledger_does_not_tell__is_not_noted),
        cmocka_unit_test(look__one_of_which_the_ledger_tells__keeps_what_was_shown),
        cmocka_unit_test(look__what_is_seen_first__is_taken_over_as_the_one_before),
        cmocka_unit_test(wakes__when_others_come_between__are_as_before),
        cmocka_unit_test(wakes__of_very_many__are_so_many_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
