/* test_pack: a record is packed and opened again, and nothing of it is lost that says anything. In:
 * records with all that they may have. Out: cmocka's verdict. Never: more than memory. */
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
#include "core/pack_private.h"
#include "lib/mem.h"
#include "tests/lib/records.h"

static struct pack_store store; /* what is made by itself lies in */

static void assert_same_text(const char *a, const char *b)
{
    assert_int_equal(a != NULL, b != NULL);
    if (a)
        assert_string_equal(a, b);
}

static void assert_same_row(enum ledger_table table, const void *a, const void *b)
{
    for (size_t i = 0; i < LEDGER[table].n_columns; i++) {
        const struct ledger_column *c = &LEDGER[table].columns[i];
        const void *x = (const char *)a + c->offset;
        const void *y = (const char *)b + c->offset;
        const char *s;
        const char *t;

        if (c->type == LEDGER_INT) {
            assert_memory_equal(x, y, sizeof(int64_t));
            continue;
        }
        memcpy(&s, x, sizeof(s));
        memcpy(&t, y, sizeof(t));
        assert_same_text(s, t);
    }
}

static void assert_same_resource(const struct resource *a, const struct resource *b)
{
    assert_string_equal(a->name, b->name);
    assert_same_text(a->message, b->message);
    assert_same_text(a->refused_text, b->refused_text);
    assert_same_text(a->last.request, b->last.request);
    assert_int_equal(a->phase, b->phase);
    assert_int_equal(a->reason, b->reason);
    assert_true(a->since_ms == b->since_ms && a->wake.at == b->wake.at);
    assert_int_equal(a->wake.place != 0, b->wake.place != 0);
}

static void assert_same(const struct database *a, const struct database *b)
{
    assert_same_resource(&a->r, &b->r);
    assert_same_row(LEDGER_OWNED, &a->own, &b->own);
    assert_same_text(a->live.id, b->live.id);
    assert_same_text(a->live.hostname, b->live.hostname);
    assert_same_text(a->live.place, b->live.place);
    assert_same_text(a->live.parent_id, b->live.parent_id);
    assert_same_text(a->probe_hash, b->probe_hash);
    for (int f = 0; f < CONFIG_N; f++) {
        assert_same_text(a->live.config.value[f], b->live.config.value[f]);
        assert_same_text(a->applied.value[f], b->applied.value[f]);
        assert_same_text(a->readback.value[f], b->readback.value[f]);
        assert_same_text(a->sent.value[f], b->sent.value[f]);
    }
    assert_int_equal(a->r.flipped, b->r.flipped);
    assert_true(a->live.present == b->live.present && a->live.listed == b->live.listed &&
                a->live.archived == b->live.archived && a->live.made_ms == b->live.made_ms);
    assert_true(a->grace_mark_ms == b->grace_mark_ms && a->deleted_ms == b->deleted_ms &&
                a->contended_fields == b->contended_fields && a->has_own == b->has_own);
    assert_int_equal(a->n_tokens, b->n_tokens);
    for (size_t i = 0; i < a->n_tokens; i++) {
        assert_same_resource(&a->tokens[i]->r, &b->tokens[i]->r);
        assert_string_equal(a->tokens[i]->short_name, b->tokens[i]->short_name);
        assert_same_row(LEDGER_TOKEN, &a->tokens[i]->held, &b->tokens[i]->held);
        assert_same_text(a->tokens[i]->cause, b->tokens[i]->cause);
        assert_true(a->tokens[i]->minted_ms == b->tokens[i]->minted_ms &&
                    a->tokens[i]->file_gone == b->tokens[i]->file_gone);
    }
}

static void and_back(struct texts *texts, struct database *d)
{
    struct packed *p = pack_make(texts, &store, d, NULL, false);
    struct database *again;

    assert_non_null(p);
    again = pack_open(texts, p, NULL);
    assert_non_null(again);
    assert_same(d, again);
    pack_store_free(&store, p);
    database_free(again);
}

static void pack__a_full_record__comes_back_whole(void **state)
{
    struct database *d = record_full("t-acme");
    struct texts texts = {0};

    (void)state;
    and_back(&texts, d);
    and_back(&texts, d); /* its texts are known by now */
    database_free(d);
    d = record_full("a"); /* whose name stands in many texts */
    and_back(&texts, d);
    database_free(d);
    texts_deinit(&texts);
}

static void pack__an_empty_record__comes_back(void **state)
{
    struct database *d = record_database("t-acme");
    struct texts texts = {0};

    (void)state;
    record_token(d, "app");
    and_back(&texts, d);
    database_free(d);
    texts_deinit(&texts);
}

/* Each byte of a record that is no pointer, by itself: what is added there is kept, too. */
static void pack__any_member__is_kept(void **state)
{
    static const size_t RANGES[][2] = {
        {offsetof(struct database, config_asked), offsetof(struct database, probe_hash)},
        {offsetof(struct database, approved), offsetof(struct database, placed)},
        {offsetof(struct database, deleted_ms), offsetof(struct database, tokens)}};
    struct texts texts = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(RANGES); i++)
        for (size_t at = RANGES[i][0]; at < RANGES[i][1]; at++) {
            struct database *d = record_database("t-acme");
            struct database *again;
            struct packed *p;

            ((unsigned char *)d)[at] = 1;
            p = pack_make(&texts, &store, d, NULL, false);
            assert_non_null(p);
            again = pack_open(&texts, p, NULL);
            assert_non_null(again);
            assert_memory_equal((char *)d + RANGES[i][0], (char *)again + RANGES[i][0],
                                RANGES[i][1] - RANGES[i][0]);
            pack_store_free(&store, p);
            database_free(again);
            database_free(d);
        }
    texts_deinit(&texts);
}

static void assert_same_section(const void *a, const void *b, size_t size, const size_t *places,
                                size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *s;
        char *t;

        memcpy(&s, (const char *)a + places[i], sizeof(s));
        memcpy(&t, (const char *)b + places[i], sizeof(t));
        assert_same_text(s, t);
    }
    for (size_t at = 0; at < size; at += 8) {
        bool is_text = false;

        for (size_t i = 0; i < n; i++)
            is_text = is_text || places[i] / 8 == at / 8;
        if (!is_text)
            assert_memory_equal((const char *)a + at, (const char *)b + at, 8);
    }
}

static void assert_same_all(const struct database *a, const struct database *b)
{
    struct database x;
    struct database y;

    assert_string_equal(a->r.name, b->r.name);
    pack_bare_database(a, &x);
    pack_bare_database(b, &y);
    assert_same_section(&x, &y, sizeof(x), DATABASE_TEXTS, N_DATABASE_TEXTS);
    assert_int_equal(a->n_tokens, b->n_tokens);
    for (size_t i = 0; i < a->n_tokens; i++) {
        struct token s;
        struct token t;

        assert_string_equal(a->tokens[i]->r.name, b->tokens[i]->r.name);
        pack_bare_token(a->tokens[i], &s);
        pack_bare_token(b->tokens[i], &t);
        assert_same_section(&s, &t, sizeof(s), TOKEN_TEXTS, N_TOKEN_TEXTS);
    }
}

static void pack__random_records__come_back_whole(void **state)
{
    struct texts texts = {0};
    struct pack_room room = {0};
    uint64_t random = 4711;

    (void)state;
    pack_room_init(&room);
    for (int i = 0; i < 1000; i++) {
        struct database *d = record_random(&random, i % 2 ? "t-acme" : "a");
        struct packed *p = pack_make(&texts, &store, d, NULL, false);
        struct database *again;

        assert_non_null(p);
        again = pack_open(&texts, p, i % 3 ? &room : NULL);
        assert_non_null(again);
        assert_same_all(d, again);
        if (i % 3)
            pack_room_return(&room, again, room.all_lent);
        else
            database_free(again);
        pack_store_free(&store, p);
        database_free(d);
    }
    pack_room_deinit(&room);
    texts_deinit(&texts);
}

/* What is live is what the ledger tells: that is kept once, also when it comes later. */
static void pack__an_id_that_comes_twice__is_kept_once(void **state)
{
    struct texts texts = {0};
    struct pack_room room = {0};
    struct database *d = record_database("t-acme");
    struct packed *p;
    struct packed *again;

    (void)state;
    d->own.id = record_text(ID);
    p = pack_make(&texts, &store, d, NULL, false);
    database_free(d);
    pack_room_init(&room);
    d = pack_open(&texts, p, &room);
    assert_non_null(d);
    pack_room_note(&room, d);
    d->live.id = record_text(ID);
    again = pack_make(&texts, &store, d, &room, false);
    assert_non_null(again);
    assert_int_equal(again->size, p->size);
    mem_free_string(&d->live.id);
    d->live.id = record_text(OTHER);
    pack_store_free(&store, again);
    again = pack_make(&texts, &store, d, &room, false);
    assert_non_null(again);
    assert_int_equal(again->size, p->size + UUID_BYTES);
    pack_room_return(&room, d, false);
    pack_store_free(&store, again);
    pack_store_free(&store, p);
    pack_room_deinit(&room);
    texts_deinit(&texts);
}

/* More different texts than the table holds: the rest is kept with each record. */
static void pack__with_a_full_table__keeps_texts_by_itself(void **state)
{
    struct texts texts = {0};
    struct database *d;
    char other[32];

    (void)state;
    for (int i = 0; texts.n < TEXTS_MAX; i++) {
        snprintf(other, sizeof(other), "text %d", i);
        assert_true(texts_add(&texts, other, strlen(other)) != TEXTS_NONE);
    }
    assert_int_equal(texts_add(&texts, "one more", 8), TEXTS_NONE);
    d = record_full("t-acme");
    for (size_t i = 0; i < d->n_tokens; i++)
        d->tokens[i]->cause = NULL;
    and_back(&texts, d);
    database_free(d);
    texts_deinit(&texts);
}

static void pack__what_a_list_says__is_compared(void **state)
{
    struct database *d = record_full("t-acme");
    struct texts texts = {0};
    struct packed *p = pack_make(&texts, &store, d, NULL, false);
    const struct live_db said = {.name = "t-acme",
                                 .id = ID,
                                 .hostname = "t-acme-acme.example",
                                 .group = "eu",
                                 .parent_id = OTHER,
                                 .block_reads = 0,
                                 .block_writes = 0,
                                 .delete_protection = 1,
                                 .archived = 1};
    char place[LIMIT_LIVE_TEXT_BYTES + 1];
    struct live_db row = said;

    (void)state;
    assert_non_null(p);
    for (int f = 0; f < CONFIG_N; f++) {
        int8_t flag = d->live.config.value[f][0] == 't';

        if (f == CONFIG_BLOCK_READS)
            row.block_reads = flag;
        if (f == CONFIG_BLOCK_WRITES)
            row.block_writes = flag;
        if (f == CONFIG_DELETE_PROTECTION)
            row.delete_protection = flag;
    }
    assert_true(pack_shows(&texts, p, pack_flags(d), &row, true));
    assert_string_equal(pack_place(&texts, p, place), "eu");
    for (int i = 0; i < 8; i++) {
        struct live_db other = row;

        other.id = i == 0 ? OTHER : row.id;
        other.hostname = i == 1 ? "t-acme-acme.example.org" : row.hostname;
        other.group = i == 2 ? "us" : row.group;
        other.parent_id = i == 3 ? ID : row.parent_id;
        other.block_reads = i == 4 ? !row.block_reads : row.block_reads;
        other.block_writes = i == 5 ? !row.block_writes : row.block_writes;
        other.delete_protection = i == 6 ? !row.delete_protection : row.delete_protection;
        other.archived = i == 7 ? 0 : row.archived;
        assert_false(pack_shows(&texts, p, pack_flags(d), &other, true));
    }
    row.hostname = row.group = row.parent_id = NULL; /* not said: nothing to take over */
    assert_true(pack_shows(&texts, p, pack_flags(d), &row, false));
    assert_false(pack_shows(&texts, p, pack_flags(d), &row, true));
    row.hostname = "t-acme-acme.example";
    row.group = "eu";
    row.parent_id = OTHER;
    row.block_reads = row.block_writes = row.delete_protection = -1;
    assert_true(pack_shows(&texts, p, pack_flags(d), &row, false));
    assert_false(pack_shows(&texts, p, pack_flags(d), &row, true));
    pack_store_free(&store, p);
    database_free(d);
    texts_deinit(&texts);
}

static void pack__as_a_row__is_what_is_live_until_that_changes(void **state)
{
    struct database *d = record_full("t-acme");
    struct texts texts = {0};
    struct packed *p = pack_make(&texts, &store, d, NULL, false);
    struct live other = {0};
    struct pack_row said;

    (void)state;
    assert_non_null(p);
    pack_row(&texts, p, pack_flags(d), &said);
    assert_string_equal(said.row.name, "t-acme");
    assert_true(pack_shows(&texts, p, pack_flags(d), &said.row, true));
    assert_true(live_is_row(&d->live, &said.row));
    assert_true(live_set_database(&other, &said.row));
    assert_false(live_is_row(&other, &said.row));
    other.listed = true;
    assert_true(live_is_row(&other, &said.row));
    other.read_ms = 5; /* which no list says */
    assert_true(live_is_row(&other, &said.row));
    other.archived = false;
    assert_false(live_is_row(&other, &said.row));
    other.archived = true;
    assert_true(ledger_set(&other.place, "us"));
    assert_false(live_is_row(&other, &said.row));
    assert_true(ledger_set(&other.place, "eu"));
    assert_true(ledger_set(&other.parent_id, NULL));
    assert_false(live_is_row(&other, &said.row));
    live_clear(&other);
    assert_false(live_is_row(&other, &said.row));
    pack_store_free(&store, p);
    database_free(d);
    texts_deinit(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack__a_full_record__comes_back_whole),
        cmocka_unit_test(pack__an_empty_record__comes_back),
        cmocka_unit_test(pack__any_member__is_kept),
        cmocka_unit_test(pack__random_records__come_back_whole),
        cmocka_unit_test(pack__an_id_that_comes_twice__is_kept_once),
        cmocka_unit_test(pack__with_a_full_table__keeps_texts_by_itself),
        cmocka_unit_test(pack__what_a_list_says__is_compared),
        cmocka_unit_test(pack__as_a_row__is_what_is_live_until_that_changes),
    };

    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    pack_store_deinit(&store);
    return failed;
}
