/* ledger_rows: the rows of the store become records, and records become rows. */
#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "lib/json.h"
#include "lib/mem.h"

void rc_set(struct effects *fx, char **member, const char *value)
{
    if (!ledger_set(member, value))
        fx->failed = true;
}

void rc_put_own(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    (void)rc;
    effects_put(fx, LEDGER_OWNED, r->kind == KIND_GROUP ? &group_of(r)->own : &database_of(r)->own);
}

void rc_put_token(struct reconcile *rc, struct effects *fx, struct token *t)
{
    (void)rc;
    effects_put(fx, LEDGER_TOKEN, &t->held);
}

static struct json_object *pair_of(const char *applied, const char *readback)
{
    struct json_object *pair = json_object_new_array();

    if (json_append(pair, json_object_new_string(applied)) &&
        json_append(pair, json_object_new_string(readback ? readback : "")))
        return pair;
    json_object_put(pair);
    return NULL;
}

/* own.applied is {field: [written, read back]}. */
bool rc_save_applied(struct database *d)
{
    struct json_object *o = json_object_new_object();
    struct buf text = BUF_INIT(SIZE_MAX / 2);
    bool ok = o != NULL;

    for (int f = 0; ok && f < CONFIG_N; f++)
        if (d->applied.value[f])
            ok = json_add(o, CONFIG_FIELD[f].key,
                          pair_of(d->applied.value[f], d->readback.value[f]));
    ok = ok && json_print(o, &text) && ledger_set(&d->own.applied, buf_str(&text));
    buf_deinit(&text);
    json_object_put(o);
    return ok;
}

/* Two strings, and nothing else, count: half of a pair would pass for a value that was read. */
static void load_pair(struct json_object *pair, const char **applied, const char **readback)
{
    struct json_object *texts[2];

    if (json_object_array_length(pair) != 2)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        texts[i] = json_object_array_get_idx(pair, i);
        if (!json_object_is_type(texts[i], json_type_string))
            return;
    }
    *applied = json_object_get_string(texts[0]);
    *readback = json_object_get_string(texts[1]);
}

bool rc_load_applied(struct database *d)
{
    struct json_object *o = NULL;
    struct db_config applied = {0};
    struct db_config readback = {0};
    int rv = d->own.applied ? json_parse(d->own.applied, strlen(d->own.applied), 4, &o, NULL) : 0;
    bool ok;

    if (!d->own.applied || rv != 0)
        return rv != -ERR_NOMEM; /* none, or not ours: then nothing counts as applied */
    for (int f = 0; f < CONFIG_N; f++) {
        struct json_object *pair;

        if (json_get_arr(o, CONFIG_FIELD[f].key, &pair))
            load_pair(pair, &applied.value[f], &readback.value[f]);
    }
    ok = live_set_config(&d->applied, &applied) && live_set_config(&d->readback, &readback);
    json_object_put(o);
    return ok;
}

static void set_loaded(struct database *d)
{
    d->has_own = true;
    d->create_lost = true; /* of a row that says "creating": nobody knows what became of it */
    d->r.is_done = true;   /* there is nothing to do about it yet */
    d->r.phase = PHASE_UNKNOWN;
    d->r.reason = REASON_NOT_OBSERVED;
}

static bool add_database(struct reconcile *rc, const struct owned *row)
{
    const char *name = row->name;
    struct database *d;

    if (!fleet_add_databases(&rc->fleet, &name, 1))
        return false;
    d = fleet_database(&rc->fleet, name);
    if (!d)
        return false;
    set_loaded(d);
    if (!ledger_row_copy(LEDGER_OWNED, &d->own, row) || !rc_load_applied(d))
        return false;
    fleet_settle(&rc->fleet);
    return true;
}

/* They come in order of their names, and most are at rest: these are packed out of the row's own
 * texts. */
static bool load_database(struct reconcile *rc, const struct owned *row)
{
    struct database d = {.r = {.kind = KIND_DATABASE, .name = row->name}, .own = *row};
    bool nomem = !rc_load_applied(&d);
    bool is_loaded;

    set_loaded(&d);
    is_loaded = !nomem && fleet_load(&rc->fleet, &d, &nomem);
    db_config_deinit(&d.applied);
    db_config_deinit(&d.readback);
    return is_loaded || (!nomem && add_database(rc, row));
}

static bool load_owned(struct reconcile *rc, const struct owned *row)
{
    const char *name = row->name;

    if (strcmp(row->kind, KIND_NAME[KIND_GROUP]) == 0) {
        struct group *g;

        if (!fleet_add_groups(&rc->fleet, &name, 1))
            return false;
        g = fleet_group(&rc->fleet, name);
        g->has_own = true;
        g->create_lost = true; /* of a row that says "creating": nobody knows what became of it */
        return ledger_row_copy(LEDGER_OWNED, &g->own, row);
    }
    if (strcmp(row->kind, KIND_NAME[KIND_DATABASE]) != 0)
        return true;
    rc->by_phase[KIND_DATABASE][PHASE_UNKNOWN]++;
    rc->by_reason[REASON_NOT_OBSERVED]++;
    return load_database(rc, row);
}

static bool set_held(struct token *t, const struct held_token *row)
{
    if (!ledger_row_copy(LEDGER_TOKEN, &t->held, row))
        return false;
    t->has_held = true;
    t->r.is_done = true;
    return true;
}

static bool load_database_token(struct reconcile *rc, const struct held_token *row)
{
    struct fleet *f = &rc->fleet;
    const char *target = row->target;
    size_t at = fleet_place(f, target);
    struct visit v;
    struct token *t;

    if (at == f->n_databases || strcmp(fleet_database_name(f, at), target) != 0) {
        if (!fleet_add_databases(f, &target, 1))
            return false;
        at = fleet_place(f, target);
    }
    v = fleet_open(f, at);
    t = v.d ? fleet_add_token(KIND_TOKEN, &v.d->r, &v.d->tokens, &v.d->n_tokens, row->name) : NULL;
    if (!t || !set_held(t, row))
        return false;
    v.opened = true; /* nobody holds it */
    fleet_close(f, at, v);
    return true;
}

static bool load_token(struct reconcile *rc, const struct held_token *row)
{
    bool is_group = strcmp(row->kind, KIND_NAME[KIND_GROUP_TOKEN]) == 0;
    bool is_api = strcmp(row->kind, KIND_NAME[KIND_API_TOKEN]) == 0;
    const char *target = row->target;
    struct token *t;

    if (is_api) {
        struct api_token *a = fleet_add_api_token(&rc->fleet, row->name);

        t = a ? &a->t : NULL;
    } else if (is_group) {
        struct group *g;

        if (!fleet_add_groups(&rc->fleet, &target, 1))
            return false;
        g = fleet_group(&rc->fleet, target);
        t = fleet_add_token(KIND_GROUP_TOKEN, &g->r, &g->tokens, &g->n_tokens, row->name);
    } else {
        return load_database_token(rc, row);
    }
    return t && set_held(t, row);
}

static bool load_issued(struct reconcile *rc, const struct issued *row)
{
    struct api_token *a = fleet_add_api_token(&rc->fleet, row->name);
    struct api_key *key = a ? api_token_add_key(a, row->generation) : NULL;

    if (!key)
        return false;
    ledger_row_deinit(LEDGER_ISSUED, &key->row);
    return ledger_row_copy(LEDGER_ISSUED, &key->row, row);
}

static bool load_membership(struct reconcile *rc, const struct membership *row)
{
    struct member *m = fleet_add_member(&rc->fleet, row->email);

    if (!m || !ledger_row_copy(LEDGER_MEMBERSHIP, &m->own, row))
        return false;
    m->has_own = true;
    return true;
}

static bool load_into(enum ledger_table table, void *items, size_t *n, size_t *capacity,
                      const void *row)
{
    char *base;

    if (!mem_grow(items, capacity, *n + 1, LEDGER[table].size))
        return false;
    memcpy(&base, items, sizeof(base));
    if (!ledger_row_copy(table, base + *n * LEDGER[table].size, row))
        return false;
    (*n)++;
    return true;
}

static bool load(struct reconcile *rc, enum ledger_table table, const void *row)
{
    switch (table) {
    case LEDGER_OWNED:
        return load_owned(rc, row);
    case LEDGER_TOKEN:
        return load_token(rc, row);
    case LEDGER_ISSUED:
        return load_issued(rc, row);
    case LEDGER_MEMBERSHIP:
        return load_membership(rc, row);
    case LEDGER_COUNT:
        rc_flip_load(rc, row);
        return load_into(table, &rc->counts, &rc->n_counts, &rc->counts_capacity, row) &&
               rc_index_counts(rc, false);
    case LEDGER_APPROVAL:
        return load_into(table, &rc->approvals, &rc->n_approvals, &rc->approvals_capacity, row) &&
               rc_index_approvals(rc, false);
    case LEDGER_PAUSE:
        return rc_pause_load(rc, row);
    case LEDGER_LEAK:
        return load_into(table, &rc->leaks, &rc->n_leaks, &rc->leaks_capacity, row);
    case LEDGER_META:
        rc_rotation_load(rc, ((const struct meta *)row)->key, ((const struct meta *)row)->value);
        rc_drafts_load(rc, ((const struct meta *)row)->key, ((const struct meta *)row)->value);
        doubt_load(rc, ((const struct meta *)row)->key, ((const struct meta *)row)->value);
        audit_load(rc, ((const struct meta *)row)->key, ((const struct meta *)row)->value);
        return rc_guests_load(rc, ((const struct meta *)row)->key,
                              ((const struct meta *)row)->value);
    case LEDGER_EVENT:
        doubt_load_entry(rc, ((const struct event *)row)->at);
        return true;
    default:
        return true;
    }
}

bool reconcile_load(struct reconcile *rc, enum ledger_table table, const void *row)
{
    return load(rc, table, row) && !fleet_failed(&rc->fleet);
}
