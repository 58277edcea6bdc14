/* sim_ledger: rows by key, as a store would keep them.
 * In:    the ops of effects. Out: rows that outlive a crash. Never: I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/sim.h"

/* Parts of a key, with "/" between them. */
struct key {
    char text[SIM_KEY_BYTES];
    size_t size;
    bool begun;
};

static void add_part(struct key *k, const char *part)
{
    size_t n = strlen(part);

    assert_true(k->size + k->begun + n < sizeof(k->text));
    if (k->begun)
        k->text[k->size++] = '/';
    memcpy(k->text + k->size, part, n + 1);
    k->size += n;
    k->begun = true;
}

static void key_of(enum ledger_table t, const void *row, struct key *out)
{
    out->text[0] = '\0';
    out->size = 0;
    out->begun = false;
    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        const struct ledger_column *c = &LEDGER[t].columns[i];
        const void *at = (const char *)row + c->offset;
        char number[24];

        if (!c->is_key)
            continue;
        if (c->type == LEDGER_TEXT) {
            add_part(out, *(char *const *)at ? *(char *const *)at : "");
            continue;
        }
        snprintf(number, sizeof(number), "%lld", (long long)*(const int64_t *)at);
        add_part(out, number);
    }
}

static struct sim_row *find(struct sim_ledger *l, enum ledger_table table, const char *key)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->rows[i].table == table && strcmp(l->rows[i].key, key) == 0)
            return &l->rows[i];
    return NULL;
}

const void *sim_row(const struct sim_ledger *l, enum ledger_table table, const char *key)
{
    const struct sim_row *r = find((struct sim_ledger *)(uintptr_t)l, table, key);

    return r ? r->row : NULL;
}

const struct owned *sim_owned(const struct sim_ledger *l, const char *kind, const char *name)
{
    struct key key = {.text = ""};

    add_part(&key, kind);
    add_part(&key, name);
    return sim_row(l, LEDGER_OWNED, key.text);
}

static void drop(struct sim_ledger *l, struct sim_row *r)
{
    mem_free(r->row);
    *r = l->rows[--l->n];
}

static void put(struct sim_ledger *l, struct ledger_op *op)
{
    struct key key;
    struct sim_row *r;

    l->version += op->table == LEDGER_TOKEN || op->table == LEDGER_LEAK;
    l->owned_version += op->table == LEDGER_OWNED;
    key_of(op->table, op->row, &key);
    r = find(l, op->table, key.text);
    if (op->is_delete) {
        if (r)
            drop(l, r);
        return;
    }
    if (r) {
        mem_free(r->row);
    } else {
        assert_true(l->n < SIM_ROWS_MAX);
        r = &l->rows[l->n++];
        r->table = op->table;
        memcpy(r->key, key.text, key.size + 1);
    }
    r->row = op->row;
    op->row = NULL;
}

void sim_ledger_commit(struct sim_ledger *l)
{
    for (size_t i = 0; i < l->n_waiting; i++) {
        put(l, &l->waiting[i]); /* of events, which are not numbered yet, the last one stays */
        ledger_op_deinit(&l->waiting[i]);
    }
    l->n_waiting = 0;
}

void sim_ledger_set(struct sim_ledger *l, const char *key, const char *value)
{
    struct effects fx = EFFECTS_INIT;
    struct meta row = {(char *)(uintptr_t)key, (char *)(uintptr_t)value};

    effects_put(&fx, LEDGER_META, &row);
    assert_false(fx.failed);
    put(l, &fx.ops[0]);
    effects_deinit(&fx);
}

void sim_ledger_take(struct sim_ledger *l, struct effects *fx)
{
    assert_true(mem_grow(&l->waiting, &l->capacity, l->n_waiting + fx->n_ops, sizeof(*fx->ops)));
    if (fx->n_ops)
        memcpy(l->waiting + l->n_waiting, fx->ops, fx->n_ops * sizeof(*fx->ops));
    l->n_waiting += fx->n_ops;
    fx->n_ops = 0;
    if (!l->fails)
        sim_ledger_commit(l);
}

void sim_ledger_deinit(struct sim_ledger *l)
{
    for (size_t i = 0; i < l->n_waiting; i++)
        ledger_op_deinit(&l->waiting[i]);
    mem_free(l->waiting);
    l->waiting = NULL;
    while (l->n)
        drop(l, &l->rows[0]);
}
