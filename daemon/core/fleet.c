#include "core/fleet_private.h"

#include <stdlib.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/upload.h"
#include "lib/mem.h"

#define NAME_ROW(symbol, text) text,
const char *const KIND_NAME[KIND_N] = {KINDS(NAME_ROW)};

bool resource_init(struct resource *r, enum kind kind, char *name)
{
    r->kind = kind;
    r->name = name;
    r->phase = PHASE_NONE;
    list_init(&r->list);
    return name != NULL;
}

void resource_deinit(struct resource *r)
{
    list_remove(&r->list);
    mem_free(r->name);
    mem_free(r->message);
    mem_free(r->refused_text);
    mem_free(r->last.request);
}

void token_deinit(struct token *t)
{
    resource_deinit(&t->r);
    ledger_row_deinit(LEDGER_TOKEN, &t->held);
    mem_free_secret(t->jwt, t->jwt_size);
}

static void token_free(struct token *t)
{
    if (t)
        token_deinit(t);
    mem_free(t);
}

static void tokens_free(struct token **tokens, size_t n)
{
    for (size_t i = 0; i < n; i++)
        token_free(tokens[i]);
    mem_free((void *)tokens);
}

static void group_free(struct group *g)
{
    if (!g)
        return;
    tokens_free(g->tokens, g->n_tokens);
    resource_deinit(&g->r);
    live_clear(&g->live);
    for (size_t i = 0; i < g->n_locations; i++)
        mem_free(g->locations[i]);
    mem_free((void *)g->locations);
    ledger_row_deinit(LEDGER_OWNED, &g->own);
    mem_free(g->closest);
    mem_free(g);
}

void database_free(struct database *d)
{
    if (!d)
        return;
    list_remove(&d->rest.link);
    tokens_free(d->tokens, d->n_tokens);
    resource_deinit(&d->r);
    live_clear(&d->live);
    ledger_row_deinit(LEDGER_OWNED, &d->own);
    db_config_deinit(&d->applied);
    db_config_deinit(&d->readback);
    db_config_deinit(&d->sent);
    mem_free(d->probe_hash);
    upload_free(d->upload);
    mem_free(d);
}

void fleet_deinit(struct fleet *f)
{
    for (size_t i = 0; i < f->n_groups; i++)
        group_free(f->groups[i]);
    fleet_rest_deinit(f);
    fleet_free_api_tokens(f);
    fleet_free_members(f);
    mem_free((void *)f->groups);
    *f = (struct fleet){0};
}

static struct resource *new_group(const char *name)
{
    struct group *g = mem_alloc(sizeof(*g));

    if (g && !resource_init(&g->r, KIND_GROUP, mem_strdup(name))) {
        group_free(g);
        g = NULL;
    }
    return g ? &g->r : NULL;
}

static struct resource *new_database(const char *name)
{
    struct database *d = mem_alloc(sizeof(*d));

    if (d && !resource_init(&d->r, KIND_DATABASE, mem_strdup(name))) {
        database_free(d);
        d = NULL;
    }
    return d ? &d->r : NULL;
}

/* One of many: packed, as it will be until it is decided about. */
static struct resource *new_packed(const struct fleet *f, const char *name)
{
    struct resource *r = new_database(name);
    struct packed *p = NULL;

    if (r) {
        r->is_done = true; /* there is nothing to do about it yet */
        p = pack_make(&f->rest->texts, &f->rest->store, database_of(r), NULL, false);
        database_free(database_of(r));
    }
    return p ? (struct resource *)((uintptr_t)p | PACKED_TAG) : NULL;
}

/* Groups and databases begin with their struct resource, so that one set of functions serves both
 * arrays. */
_Static_assert(offsetof(struct group, r) == 0 && offsetof(struct database, r) == 0 &&
                   offsetof(struct token, r) == 0,
               "records begin with their resource");

struct group *fleet_group(const struct fleet *f, const char *name)
{
    struct resource *r =
        name ? record_find((struct resource *const *)(void *)f->groups, f->n_groups, name) : NULL;

    return r ? group_of(r) : NULL;
}

struct records {
    struct resource ***items;
    size_t *n;
    size_t *capacity;
    struct resource *(*make)(const char *);
    const struct fleet *fleet; /* where many at once come packed; NULL: they do not */
    uint16_t **flags;          /* NULL: they have none */
    size_t *flags_capacity;
};

static bool grow(const struct records *to, size_t more)
{
    size_t n = *to->n + more;

    return mem_grow(to->items, to->capacity, n, sizeof(struct resource *)) &&
           (!to->flags || mem_grow(to->flags, to->flags_capacity, n, sizeof(uint16_t)));
}

static void put(const struct records *to, size_t at, struct resource *r)
{
    (*to->items)[at] = r;
    if (to->flags)
        (*to->flags)[at] = fleet_packed(r) ? PACKED_AT_REST | PACKED_UNSEEN : 0;
}

/* record_place in items[0..n), soon found where it is near the end. */
static size_t place_from_end(struct resource *const *items, size_t n, const char *name)
{
    size_t step = 1;
    size_t low;

    while (step <= n && strcmp(record_name(items[n - step]), name) >= 0)
        step *= 2;
    low = step <= n ? n - step + 1 : 0;
    return low + record_place(items + low, n - step / 2 - low, name);
}

/* How many of the sorted names have no record yet. */
static size_t count_missing(const struct records *to, const char *const *names, size_t n_names)
{
    size_t missing = 0;
    size_t end = *to->n;

    for (size_t j = n_names; j > 0; j--) {
        size_t at;

        if (end && strcmp(record_name((*to->items)[end - 1]), names[j - 1]) == 0) {
            end--; /* as after a start, where nearly all are there */
            continue;
        }
        at = place_from_end(*to->items, end, names[j - 1]);
        missing += at == *to->n || strcmp(record_name((*to->items)[at]), names[j - 1]) != 0;
        end = at;
    }
    return missing;
}

/* Records from..end move by `by` places. */
static void move(const struct records *to, size_t from, size_t end, size_t by)
{
    memmove((void *)(*to->items + from + by), (void *)(*to->items + from),
            (end - from) * sizeof(struct resource *));
    if (to->flags)
        memmove(*to->flags + from + by, *to->flags + from, (end - from) * sizeof(uint16_t));
}

/* Merge sorted names into a sorted array of records, from the end, so that each record moves once.
 */
static bool merge(const struct records *to, const char *const *names, size_t n_names)
{
    size_t missing = count_missing(to, names, n_names);
    struct resource **made;
    size_t end = *to->n;
    size_t k = 0;

    if (!missing)
        return true;
    made = mem_alloc(missing * sizeof(struct resource *));
    if (!made || !grow(to, missing)) {
        mem_free((void *)made);
        return false;
    }
    for (size_t j = 0; j < n_names && k < missing; j++) {
        if (record_find(*to->items, *to->n, names[j]))
            continue;
        made[k] = to->fleet ? new_packed(to->fleet, names[j]) : to->make(names[j]);
        if (!made[k])
            break;
        k++;
    }
    *to->n += k;
    for (size_t left = k; left > 0; left--) {
        size_t at = place_from_end(*to->items, end, record_name(made[left - 1]));

        move(to, at, end, left);
        put(to, at + left - 1, made[left - 1]);
        end = at;
    }
    mem_free((void *)made);
    return k == missing;
}

/* One name, behind all that are there: how a ledger's rows come. */
static bool append(const struct records *to, const char *name)
{
    struct resource *r;

    if (!grow(to, 1))
        return false;
    r = to->make(name);
    if (!r)
        return false;
    put(to, (*to->n)++, r);
    return true;
}

static bool add(const struct records *to, const char *const *names, size_t n)
{
    if (n == 1 && (*to->n == 0 || strcmp(record_name((*to->items)[*to->n - 1]), names[0]) < 0))
        return append(to, names[0]);
    return merge(to, names, n);
}

bool fleet_add_groups(struct fleet *f, const char *const *names, size_t n)
{
    struct records to = {.items = (struct resource ***)(void *)&f->groups,
                         .n = &f->n_groups,
                         .capacity = &f->groups_capacity,
                         .make = new_group};

    return add(&to, names, n);
}

static bool is_last(const struct fleet *f, const char *name)
{
    return strcmp(record_name(f->databases[f->n_databases - 1]), name) == 0;
}

bool fleet_append_packed(struct fleet *f, struct packed *p, unsigned flags)
{
    struct records to = {.items = &f->databases,
                         .n = &f->n_databases,
                         .capacity = &f->databases_capacity,
                         .flags = &f->flags,
                         .flags_capacity = &f->flags_capacity};

    if (!grow(&to, 1))
        return false;
    put(&to, f->n_databases, (struct resource *)((uintptr_t)p | PACKED_TAG));
    f->flags[f->n_databases++] = (uint16_t)flags;
    if (fleet_count_blocks(f))
        return true;
    f->n_databases--;
    return false;
}

bool fleet_add_databases(struct fleet *f, const char *const *names, size_t n)
{
    struct records to = {.items = &f->databases,
                         .n = &f->n_databases,
                         .capacity = &f->databases_capacity,
                         .make = new_database,
                         .fleet = n > 1 ? f : NULL,
                         .flags = &f->flags,
                         .flags_capacity = &f->flags_capacity};
    size_t before = f->n_databases;
    bool ok = add(&to, names, n);

    if (f->n_databases == before)
        return ok;
    ok = fleet_count_blocks(f) && ok;
    if (ok && (n > 1 || !is_last(f, names[0])))
        fleet_shift_wakes(f, f->n_databases - before);
    return ok;
}

struct token *fleet_token(struct token *const *tokens, size_t n, const char *short_name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(tokens[i]->short_name, short_name) == 0)
            return tokens[i];
    return NULL;
}

struct token *fleet_add_token(enum kind kind, struct resource *target, struct token ***tokens,
                              size_t *n, const char *short_name)
{
    struct token *t = fleet_token(*tokens, *n, short_name);
    struct token **grown;
    size_t i = *n;

    if (t)
        return t;
    t = mem_alloc(sizeof(*t));
    if (!t || !resource_init(&t->r, kind, mem_join(target->name, "/", short_name))) {
        token_free(t);
        return NULL;
    }
    t->target = target;
    t->short_name = t->r.name + strlen(target->name) + 1;
    grown = mem_realloc((void *)*tokens, (*n + 1) * sizeof(struct token *));
    if (!grown) {
        token_free(t);
        return NULL;
    }
    *tokens = grown;
    for (; i > 0 && strcmp(grown[i - 1]->short_name, short_name) > 0; i--)
        grown[i] = grown[i - 1];
    grown[i] = t;
    (*n)++;
    return t;
}

bool fleet_keeps_token(const struct token *t)
{
    return t->want || t->has_held || t->r.busy || t->hook_busy;
}

bool fleet_keeps_database(const struct database *d)
{
    return d->want || d->has_own || d->live.present || d->r.busy || d->n_tokens || d->r.look_now ||
           d->rest.look & PACKED_SHOWN;
}

/* Drop the tokens that are neither wanted nor held. Returns how many are left. */
static size_t sweep_tokens(struct token **tokens, size_t n, void (*gone)(void *, struct resource *),
                           void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct token *t = tokens[i];

        if (fleet_keeps_token(t)) {
            tokens[kept++] = t;
        } else {
            gone(arg, &t->r);
            token_free(t);
        }
    }
    return kept;
}

struct sweep {
    void (*gone)(void *arg, struct resource *r);
    void *arg;
};

static bool keep_database(struct database *d, void *arg)
{
    const struct sweep *s = arg;

    d->n_tokens = sweep_tokens(d->tokens, d->n_tokens, s->gone, s->arg);
    if (fleet_keeps_database(d))
        return true;
    s->gone(s->arg, &d->r);
    return false;
}

void fleet_sweep_others(struct fleet *f, void (*gone)(void *arg, struct resource *r), void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->n_groups; i++) {
        struct group *g = f->groups[i];

        g->n_tokens = sweep_tokens(g->tokens, g->n_tokens, gone, arg);
        if (g->want || g->has_own || g->live.present || g->r.busy || g->n_tokens) {
            f->groups[kept++] = g;
        } else {
            gone(arg, &g->r);
            group_free(g);
        }
    }
    f->n_groups = kept;
    fleet_sweep_api_tokens(f, gone, arg);
    fleet_sweep_members(f, gone, arg);
}

void fleet_sweep(struct fleet *f, void (*gone)(void *arg, struct resource *r), void *arg)
{
    struct sweep sweep = {gone, arg};

    fleet_sweep_databases(f, keep_database, &sweep);
    fleet_sweep_others(f, gone, arg);
}
