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
#include "core/fleet_rest.h"
#include "core/pack_private.h"
#include "lib/mem.h"

#define ID    "0190d3c6-9e3b-7c1f-8a11-3f2b5a9c0d77"
#define OTHER "0190d3c6-9e3b-7c1f-8a11-3f2b5a9c0d78"
#define HASH  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static struct pack_store store; /* what is made by itself lies in */

static char *text(const char *s)
{
    char *copy = mem_strdup(s);

    assert_non_null(copy);
    return copy;
}

static struct database *database(const char *name)
{
    struct database *d = mem_alloc(sizeof(*d));

    assert_non_null(d);
    assert_true(resource_init(&d->r, KIND_DATABASE, text(name)));
    return d;
}

static struct token *token(struct database *d, const char *name)
{
    struct token *t = fleet_add_token(KIND_TOKEN, &d->r, &d->tokens, &d->n_tokens, name);

    assert_non_null(t);
    return t;
}

/* Every text that a row has, one of each form in turn. */
static void fill_row(enum ledger_table table, void *row, const char *name)
{
    static const char *const FORMS[] = {ID, "owned", HASH, OTHER, "", "what is said\nof it", ID};
    size_t n = 0;

    for (size_t i = 0; i < LEDGER[table].n_columns; i++) {
        const struct ledger_column *c = &LEDGER[table].columns[i];
        int64_t number = INT64_C(1790000000000) + (int64_t)(i * i * 7919);

        if (c->type == LEDGER_INT) {
            memcpy((char *)row + c->offset, &number, sizeof(number));
        } else {
            char *s = i % 3 == 1 ? mem_printf("%s-%zu.example", name, i % 2)
                                 : text(FORMS[n++ % ARRAY_SIZE(FORMS)]);

            memcpy((char *)row + c->offset, &s, sizeof(s));
        }
    }
}

static struct database *full_database(const char *name)
{
    struct database *d = database(name);

    fill_row(LEDGER_OWNED, &d->own, name);
    d->has_own = true;
    d->live = (struct live){.present = true,
                            .id = text(ID),
                            .hostname = mem_printf("%s-acme.example", name),
                            .place = text("eu"),
                            .parent_id = text(OTHER),
                            .listed = true,
                            .archived = true,
                            .read_ms = 1234567,
                            .made_ms = -5};
    for (int f = 0; f < CONFIG_N; f++) {
        d->live.config.value[f] = text(f % 2 ? "true" : "false");
        d->applied.value[f] = text("256mb");
        d->readback.value[f] = text("268435456");
        d->sent.value[f] = text("");
        d->r.flipped = true;
    }
    d->probe_hash = text(HASH);
    d->r.message = text("nobody knows why");
    d->r.refused_text = text(name);
    d->r.last.request = mem_printf("POST /v1/organizations/acme/databases/%s/auth/tokens", name);
    d->r.phase = PHASE_READY;
    d->r.reason = REASON_IN_SYNC;
    d->r.since_ms = INT64_C(1790000000001);
    d->r.wake = (struct heap_node){.at = 777, .place = 3};
    d->contended_fields = 5;
    d->grace_mark_ms = INT64_MIN;
    d->deleted_ms = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        struct token *t = token(d, i == 0 ? "app" : i == 1 ? "reporting" : "x");

        fill_row(LEDGER_TOKEN, &t->held, name);
        t->has_held = true;
        t->file_gone = i == 1;
        t->cause = "renewed";
        t->minted_ms = 99999999 + i;
        t->r.wake = (struct heap_node){.at = 500 + i, .place = 9};
        t->r.last.request = text(HASH);
    }
    return d;
}

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
    struct database *d = full_database("t-acme");
    struct texts texts = {0};

    (void)state;
    and_back(&texts, d);
    and_back(&texts, d); /* its texts are known by now */
    database_free(d);
    d = full_database("a"); /* whose name stands in many texts */
    and_back(&texts, d);
    database_free(d);
    texts_deinit(&texts);
}

static void pack__an_empty_record__comes_back(void **state)
{
    struct database *d = database("t-acme");
    struct texts texts = {0};

    (void)state;
    token(d, "app");
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
            struct database *d = database("t-acme");
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

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Of every length, and times near to each other, as records have them. */
static uint64_t random_word(uint64_t *state)
{
    uint64_t r = next_random(state);

    switch (r % 8) {
    case 0:
        return r >> (8 + r / 8 % 56);
    case 1:
        return UINT64_C(1790000000000) + (r >> 8) % (UINT64_C(1) << (r / 8 % 40));
    case 2:
        return r >> 8 & UINT64_C(0x0101010101010101);
    case 3:
        return UINT64_C(1790000000000);
    default:
        return 0;
    }
}

static char *random_text(uint64_t *state, const char *name)
{
    uint64_t r = next_random(state);

    switch (r % 12) {
    case 0:
        return mem_printf("%08x-%04x-%04x-8000-%012llx", (unsigned)(r >> 32),
                          (unsigned)(r >> 16 & 0xffff), (unsigned)(r >> 8 & 0xffff),
                          (unsigned long long)(r >> 20));
    case 1:
        return mem_printf("%032llx%032llx", (unsigned long long)r, (unsigned long long)(r >> 7));
    case 2:
        return text(r & 16 ? ID : HASH);
    case 3:
        return mem_printf("%s%s.example%u", r & 16 ? "https://" : "", name, (unsigned)(r >> 8 & 3));
    case 4:
        return mem_printf("%0*u", (int)(r >> 8 & 511), 7u);
    case 5:
        return text(r & 16 ? "owned" : "");
    default:
        return NULL;
    }
}

static void set_random(uint64_t *state, void *record, size_t size, const size_t *places, size_t n,
                       const char *name)
{
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = random_word(state);

        memcpy((char *)record + at, &word, 8);
    }
    for (size_t i = 0; i < n; i++) {
        char *s = random_text(state, name);

        memcpy((char *)record + places[i], &s, sizeof(s));
    }
}

/* What is not of the record's own is as in any that is at rest. */
static void set_rest(struct resource *r, enum kind kind, char *name)
{
    r->name = name;
    r->kind = kind;
    r->pause = NULL;
    r->busy = r->queued = r->edited = r->flipped = r->is_done = false;
    r->delete_unheard = r->look_now = r->resolve_now = r->is_rotating = false;
    r->source = (struct source){0};
    r->digest = 0;
    r->trouble = (struct list){0};
    list_init(&r->list);
    if (!r->wake.place)
        r->wake.at = 0;
}

static struct database *random_database(uint64_t *state, const char *name)
{
    static const char *const TOKENS[] = {"a", "app", "reporting", "x", "y", "z"};
    struct database *d = database(name);
    char *own_name = d->r.name;
    size_t n_tokens = next_random(state) % 7;

    set_random(state, d, sizeof(*d), DATABASE_TEXTS, N_DATABASE_TEXTS, name);
    set_rest(&d->r, KIND_DATABASE, own_name);
    d->rest = (struct rest){0};
    list_init(&d->rest.link);
    d->live.checked = true; /* it is read, and no other value is one */
    d->want = NULL;
    d->upload = NULL;
    d->placed = NULL;
    d->tokens = NULL;
    d->n_tokens = 0;
    for (size_t i = 0; i < n_tokens; i++) {
        struct token *t = token(d, TOKENS[i]);
        const char *short_name = t->short_name;
        char *token_name = t->r.name;

        set_random(state, t, sizeof(*t), TOKEN_TEXTS, N_TOKEN_TEXTS - 1, name);
        mem_free(t->r.name);
        set_rest(&t->r, KIND_TOKEN, token_name);
        t->short_name = short_name;
        t->want = NULL;
        t->jwt = NULL;
        t->cause = next_random(state) % 2 ? "renewed" : NULL;
    }
    return d;
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
        struct database *d = random_database(&random, i % 2 ? "t-acme" : "a");
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
    struct database *d = database("t-acme");
    struct packed *p;
    struct packed *again;

    (void)state;
    d->own.id = text(ID);
    p = pack_make(&texts, &store, d, NULL, false);
    database_free(d);
    pack_room_init(&room);
    d = pack_open(&texts, p, &room);
    assert_non_null(d);
    pack_room_note(&room, d);
    d->live.id = text(ID);
    again = pack_make(&texts, &store, d, &room, false);
    assert_non_null(again);
    assert_int_equal(again->size, p->size);
    mem_free_string(&d->live.id);
    d->live.id = text(OTHER);
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
    d = full_database("t-acme");
    for (size_t i = 0; i < d->n_tokens; i++)
        d->tokens[i]->cause = NULL;
    and_back(&texts, d);
    database_free(d);
    texts_deinit(&texts);
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
    d->own.state = text("owned");
    d->r.refused_text = text("platform error: request 7f3a");
    token(d, "app")->has_held = true;
    d->tokens[0]->held.state = text("published");
    d->tokens[0]->r.is_done = true;
    d->tokens[0]->r.refused_text = text("platform error: request 7f3b");
    fleet_settle(&f);
    assert_true(fleet_is_packed(&f, 0));
    d = fleet_database(&f, name);
    assert_null(d->r.refused_text);
    assert_null(d->tokens[0]->r.refused_text);

    d->refused_fields = 1;
    d->r.refused_text = text("size_limit is too large");
    fleet_settle(&f);
    assert_true(fleet_is_packed(&f, 0));
    assert_string_equal(fleet_database(&f, name)->r.refused_text, "size_limit is too large");
    fleet_deinit(&f);
    heap_deinit(&wakes);
}

/* --- visits --- */

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
        d->own.state = text("owned");
        d->own.id = text(i ? OTHER : ID);
        token(d, "app")->has_held = true;
        d->tokens[0]->held.state = text("published");
        d->tokens[0]->held.hash = text(HASH);
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
    d->own.state = text("owned");
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

/* --- where they lie --- */

#define PIECES 4000

static void pack_store__pieces__keep_what_they_hold(void **state)
{
    static struct packed *pieces[PIECES];
    struct pack_store s = {0};
    uint64_t random = 4711;

    (void)state;
    memset((void *)pieces, 0, sizeof(pieces));
    for (int i = 0; i < 10 * PIECES; i++) {
        size_t at = next_random(&random) % PIECES;
        size_t size = i % 1000 ? next_random(&random) % 200 : PACKED_SIZE_MAX;
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
        d->own.state = text("owned");
        fleet_settle(&f);
    }
    for (int i = 0; i < 20000; i++) {
        size_t at = next_random(&random) % ARRAY_SIZE(names);
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

static void pack__what_a_list_says__is_compared(void **state)
{
    struct database *d = full_database("t-acme");
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
    struct database *d = full_database("t-acme");
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
        cmocka_unit_test(pack_store__pieces__keep_what_they_hold),
        cmocka_unit_test(pack_store__of_the_loosest_page__shows_what_is_left),
        cmocka_unit_test(fleet__with_many_holes__lays_its_records_anew),
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

    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    pack_store_deinit(&store);
    return failed;
}
