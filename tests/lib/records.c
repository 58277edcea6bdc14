/* records: databases with all that they may have.
 * In:    a name; chance. Out: what is the caller's. Never: one that a manifest wants. */
#include "tests/lib/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/fleet_private.h"
#include "core/pack_private.h"
#include "lib/mem.h"
#include "tests/lib/chance.h"

char *record_text(const char *s)
{
    char *copy = mem_strdup(s);

    assert_non_null(copy);
    return copy;
}

struct database *record_database(const char *name)
{
    struct database *d = mem_alloc(sizeof(*d));

    assert_non_null(d);
    assert_true(resource_init(&d->r, KIND_DATABASE, record_text(name)));
    return d;
}

struct token *record_token(struct database *d, const char *name)
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
                                 : record_text(FORMS[n++ % ARRAY_SIZE(FORMS)]);

            memcpy((char *)row + c->offset, &s, sizeof(s));
        }
    }
}

struct database *record_full(const char *name)
{
    struct database *d = record_database(name);

    fill_row(LEDGER_OWNED, &d->own, name);
    d->has_own = true;
    d->live = (struct live){.present = true,
                            .id = record_text(ID),
                            .hostname = mem_printf("%s-acme.example", name),
                            .place = record_text("eu"),
                            .parent_id = record_text(OTHER),
                            .listed = true,
                            .archived = true,
                            .read_ms = 1234567,
                            .made_ms = -5};
    for (int f = 0; f < CONFIG_N; f++) {
        d->live.config.value[f] = record_text(f % 2 ? "true" : "false");
        d->applied.value[f] = record_text("256mb");
        d->readback.value[f] = record_text("268435456");
        d->sent.value[f] = record_text("");
        d->r.flipped = true;
    }
    d->probe_hash = record_text(HASH);
    d->r.message = record_text("nobody knows why");
    d->r.refused_text = record_text(name);
    d->r.last.request = mem_printf("POST /v1/organizations/acme/databases/%s/auth/tokens", name);
    d->r.phase = PHASE_READY;
    d->r.reason = REASON_IN_SYNC;
    d->r.since_ms = INT64_C(1790000000001);
    d->r.wake = (struct heap_node){.at = 777, .place = 3};
    d->contended_fields = 5;
    d->grace_mark_ms = INT64_MIN;
    d->deleted_ms = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        struct token *t = record_token(d, i == 0 ? "app" : i == 1 ? "reporting" : "x");

        fill_row(LEDGER_TOKEN, &t->held, name);
        t->has_held = true;
        t->file_gone = i == 1;
        t->cause = "renewed";
        t->minted_ms = 99999999 + i;
        t->r.wake = (struct heap_node){.at = 500 + i, .place = 9};
        t->r.last.request = record_text(HASH);
    }
    return d;
}

/* --- at random --- */

/* Of every length, and times near to each other, as records have them. */
static uint64_t random_word(uint64_t *state)
{
    uint64_t r = chance_word(state);

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
    uint64_t r = chance_word(state);

    switch (r % 12) {
    case 0:
        return mem_printf("%08x-%04x-%04x-8000-%012llx", (unsigned)(r >> 32),
                          (unsigned)(r >> 16 & 0xffff), (unsigned)(r >> 8 & 0xffff),
                          (unsigned long long)(r >> 20));
    case 1:
        return mem_printf("%032llx%032llx", (unsigned long long)r, (unsigned long long)(r >> 7));
    case 2:
        return record_text(r & 16 ? ID : HASH);
    case 3:
        return mem_printf("%s%s.example%u", r & 16 ? "https://" : "", name, (unsigned)(r >> 8 & 3));
    case 4:
        return mem_printf("%0*u", (int)(r >> 8 & 511), 7u);
    case 5:
        return record_text(r & 16 ? "owned" : "");
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

struct database *record_random(uint64_t *state, const char *name)
{
    static const char *const TOKENS[] = {"a", "app", "reporting", "x", "y", "z"};
    struct database *d = record_database(name);
    char *own_name = d->r.name;
    size_t n_tokens = chance_word(state) % 7;

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
        struct token *t = record_token(d, TOKENS[i]);
        const char *short_name = t->short_name;
        char *token_name = t->r.name;

        set_random(state, t, sizeof(*t), TOKEN_TEXTS, N_TOKEN_TEXTS - 1, name);
        mem_free(t->r.name);
        set_rest(&t->r, KIND_TOKEN, token_name);
        t->short_name = short_name;
        t->want = NULL;
        t->jwt = NULL;
        t->cause = chance_word(state) % 2 ? "renewed" : NULL;
    }
    return d;
}
