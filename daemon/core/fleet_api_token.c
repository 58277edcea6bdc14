/* fleet_api_token: the records of platform API tokens. There are few, so they are put in one by
 * one.
 * In:    entries, names, generations.
 * Out:   records sorted by name, their generations by number. */
#include <string.h>

#include "core/fleet_private.h"
#include "core/fleet_rest.h"
#include "lib/mem.h"

_Static_assert(offsetof(struct api_token, t.r) == 0, "records begin with their resource");

static void api_token_free(struct api_token *a)
{
    if (!a)
        return;
    token_deinit(&a->t);
    for (size_t i = 0; i < a->n_keys; i++)
        ledger_row_deinit(LEDGER_ISSUED, &a->keys[i].row);
    mem_free(a->keys);
    mem_free(a);
}

void fleet_free_api_tokens(struct fleet *f)
{
    for (size_t i = 0; i < f->n_api_tokens; i++)
        api_token_free(f->api_tokens[i]);
    mem_free((void *)f->api_tokens);
}

static struct resource *const *records(const struct fleet *f)
{
    return (struct resource *const *)(void *)f->api_tokens;
}

struct api_token *fleet_api_token(const struct fleet *f, const char *name)
{
    struct resource *r = record_find(records(f), f->n_api_tokens, name);

    return r ? api_token_of(r) : NULL;
}

struct api_token *fleet_add_api_token(struct fleet *f, const char *name)
{
    struct api_token *a = fleet_api_token(f, name);
    size_t at;

    if (a)
        return a;
    a = mem_alloc(sizeof(*a));
    if (!a || !resource_init(&a->t.r, KIND_API_TOKEN, mem_strdup(name)) ||
        !mem_grow(&f->api_tokens, &f->api_tokens_capacity, f->n_api_tokens + 1,
                  sizeof(struct api_token *))) {
        api_token_free(a);
        return NULL;
    }
    a->t.short_name = a->t.r.name;
    at = record_place(records(f), f->n_api_tokens, name);
    memmove((void *)(f->api_tokens + at + 1), (void *)(f->api_tokens + at),
            (f->n_api_tokens - at) * sizeof(struct api_token *));
    f->api_tokens[at] = a;
    f->n_api_tokens++;
    return a;
}

/* --- generations --- */

struct api_key *api_token_key(const struct api_token *a, int64_t generation)
{
    for (size_t i = 0; i < a->n_keys; i++)
        if (a->keys[i].row.generation == generation)
            return &a->keys[i];
    return NULL;
}

struct api_key *api_token_add_key(struct api_token *a, int64_t generation)
{
    struct api_key key = {.row = {.generation = generation}};
    size_t at = a->n_keys;

    if (!mem_grow(&a->keys, &a->keys_capacity, a->n_keys + 1, sizeof(key)) ||
        !ledger_set(&key.row.name, a->t.r.name))
        return NULL;
    for (; at > 0 && a->keys[at - 1].row.generation > generation; at--)
        a->keys[at] = a->keys[at - 1];
    a->keys[at] = key;
    a->n_keys++;
    return &a->keys[at];
}

void api_token_drop_key(struct api_token *a, struct api_key *key)
{
    size_t at = (size_t)(key - a->keys);

    ledger_row_deinit(LEDGER_ISSUED, &key->row);
    memmove(key, key + 1, (a->n_keys - at - 1) * sizeof(*key));
    a->n_keys--;
}

struct api_key *api_token_current(const struct api_token *a)
{
    for (size_t i = a->n_keys; i > 0; i--) {
        struct api_key *key = &a->keys[i - 1];

        if (!key->row.retired && key->row.state && strcmp(key->row.state, "live") == 0)
            return key;
    }
    return NULL;
}

/* --- binding --- */

bool fleet_bind_api_tokens(struct fleet *f, const struct desired *d)
{
    for (size_t i = 0; i < f->n_api_tokens; i++) {
        struct api_token *a = f->api_tokens[i];

        a->want = NULL;
        a->t.want = NULL;
        bind_resource(&a->t.r, NULL, 0);
    }
    for (size_t i = 0; i < d->n_api_tokens; i++) {
        const struct api_token_want *w = &d->api_tokens[i];
        struct api_token *a = fleet_add_api_token(f, w->token.name);

        if (!a)
            return false;
        a->want = w;
        a->t.want = &w->token;
        bind_resource(&a->t.r, &w->token.at, w->digest);
    }
    return true;
}

void fleet_sweep_api_tokens(struct fleet *f, void (*gone)(void *arg, struct resource *r), void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->n_api_tokens; i++) {
        struct api_token *a = f->api_tokens[i];

        if (a->want || a->n_keys || a->t.has_held || a->t.r.busy || a->t.hook_busy) {
            f->api_tokens[kept++] = a;
        } else {
            gone(arg, &a->t.r);
            api_token_free(a);
        }
    }
    f->n_api_tokens = kept;
}
