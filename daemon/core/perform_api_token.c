/* perform_api_token: what is done about platform API tokens becomes calls and rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"

/* The generation of a listed name that is one of this token's: "signup--g3"; 0: it is not. */
static int64_t generation_of(const char *name, const char *listed)
{
    size_t n = strlen(name);
    char *end;
    long long number;

    if (strncmp(listed, name, n) != 0 || strncmp(listed + n, "--g", 3) != 0 ||
        listed[n + 3] < '1' || listed[n + 3] > '9')
        return 0;
    number = strtoll(listed + n + 3, &end, 10);
    return *end ? 0 : number;
}

/* One more than any that we know or the platform lists, whoever's it is. */
static int64_t next_generation(const struct reconcile *rc, const struct api_token *a)
{
    int64_t last = a->floor;

    if (a->n_keys && a->keys[a->n_keys - 1].row.generation > last)
        last = a->keys[a->n_keys - 1].row.generation;
    for (size_t i = 0; i < rc->n_listed_tokens; i++) {
        int64_t listed = generation_of(a->t.r.name, rc->listed_tokens[i].name);

        if (listed > last && listed < API_TOKEN_GENERATIONS)
            last = listed;
    }
    return last + 1;
}

bool rc_api_token_name(char *out, size_t size, const char *name, int64_t generation)
{
    int n = snprintf(out, size, "%s--g%lld", name, (long long)generation);

    return n > 0 && (size_t)n < size;
}

/* The row that tells of a mint stands before the call. */
static struct api_key *begin(struct reconcile *rc, struct effects *fx, struct api_token *a)
{
    struct api_key *key = api_token_add_key(a, next_generation(rc, a));
    const struct group *g = a->want->group ? fleet_group(&rc->fleet, a->want->group) : NULL;

    if (!key) {
        fx->failed = true;
        return NULL;
    }
    rc_set(fx, &key->row.state, "minting");
    rc_set(fx, &key->row.group_name, a->want->group);
    rc_set(fx, &key->row.group_id, g ? g->live.id : NULL);
    rc_set(fx, &key->row.scopes, a->want->scopes);
    key->row.since = rc->wall_ms;
    key->made_ms = rc->now_ms;
    effects_put(fx, LEDGER_ISSUED, &key->row);
    return key;
}

static void note_held(struct effects *fx, struct api_token *a, const char *cause)
{
    struct token *t = &a->t;
    char *params = api_token_params(a->want);

    t->has_held = true;
    rc_set(fx, &t->held.kind, KIND_NAME[KIND_API_TOKEN]);
    rc_set(fx, &t->held.target, "");
    rc_set(fx, &t->held.name, t->r.name);
    rc_set(fx, &t->held.state, "minting");
    if (params)
        rc_set(fx, &t->held.asked, params);
    else
        fx->failed = true;
    mem_free(params);
    t->minting = true;
    t->cause = cause;
    effects_put(fx, LEDGER_TOKEN, &t->held);
}

static struct call *mint_call(struct reconcile *rc, struct effects *fx, struct api_token *a,
                              struct flight *f, const char *cause)
{
    const struct api_key *key = begin(rc, fx, a);
    char name[LIMIT_NAME_BYTES + 1];
    struct call *c;

    note_held(fx, a, cause);
    if (!key)
        return NULL;
    f->generation = key->row.generation;
    if (!rc_api_token_name(name, sizeof(name), a->t.r.name, key->row.generation))
        return NULL; /* UNTESTED: as many generations as do not fit into a name */
    c = call_new(CALL_API_TOKEN_CREATE, name);
    if (c &&
        (!ledger_set(&c->group, key->row.group_name) || !ledger_set(&c->scopes, key->row.scopes))) {
        call_free(c);
        c = NULL;
    }
    return c;
}

static struct call *revoke_call(struct reconcile *rc, struct effects *fx, struct api_token *a,
                                struct flight *f, const struct decision *d)
{
    const struct api_key *key = api_token_key(a, d->generation);
    struct call *c = call_new(CALL_API_TOKEN_REVOKE, NULL);

    f->generation = d->generation;
    if (!key || !c || !ledger_set(&c->target_id, key->row.id)) {
        call_free(c);
        return NULL;
    }
    if (d->step == STEP_DELETE && !key->row.retired) { /* a retired one is in nobody's use */
        rc_approval_begin(rc, fx, "delete", &a->t.r);
        rc_count(rc, fx, "removal", &a->t.r);
    }
    return c;
}

struct call *rc_api_token_call(struct reconcile *rc, struct effects *fx, struct api_token *a,
                               struct flight *f, const struct decision *d)
{
    if (d->act == ACT_MINT)
        return mint_call(rc, fx, a, f, d->cause);
    if (d->act == ACT_REVOKE)
        return revoke_call(rc, fx, a, f, d);
    return call_new(CALL_API_TOKENS_LIST, NULL);
}

/* Nobody knows what became of the mint, or whether its secret reached the file: that generation is
 * given up. */
void rc_api_token_lose(struct reconcile *rc, struct effects *fx, struct api_token *a)
{
    struct api_key *key = a->n_keys ? &a->keys[a->n_keys - 1] : NULL;
    struct token *t = &a->t;

    if (key && !key->row.retired) {
        bool unheard = strcmp(key->row.state, "minting") == 0;

        if (unheard)
            rc_set(fx, &key->row.state, "lost");
        key->row.retired = rc->wall_ms;
        key->made_ms = rc->now_ms;
        effects_put(fx, LEDGER_ISSUED, &key->row);
        rc_event(rc, fx, &t->r, "MintLost", 4, NULL,
                 unheard ? "the answer to making %s--g%lld was lost; it is looked for, and revoked "
                           "if it is there"
                         : "%s--g%lld may not have reached its file; another one takes its place",
                 t->r.name, (long long)key->row.generation);
    }
    rc_api_token_unmint(fx, a);
}

/* The row of the file is as it was before the mint; if that was of one that was given up since,
 * another one is needed. */
void rc_api_token_unmint(struct effects *fx, struct api_token *a)
{
    struct token *t = &a->t;
    const struct api_key *current = api_token_current(a);
    bool stands = t->held.hash && t->held.file && current && current->row.hash &&
                  strcmp(current->row.hash, t->held.hash) == 0 &&
                  strcmp(t->held.state, "minting") == 0;

    t->minting = false;
    if (!t->held.file) { /* nothing was ever published */
        rc_api_token_forget(fx, a);
        return;
    }
    rc_set(fx, &t->held.state, stands ? "published" : "removed");
    rc_set(fx, &t->held.asked, NULL);
    effects_put(fx, LEDGER_TOKEN, &t->held);
}

void rc_api_token_forget(struct effects *fx, struct api_token *a)
{
    struct token *t = &a->t;

    if (t->has_held)
        effects_remove(fx, LEDGER_TOKEN, &t->held);
    ledger_row_deinit(LEDGER_TOKEN, &t->held);
    mem_free_secret(t->jwt, t->jwt_size);
    t->jwt = NULL;
    t->jwt_size = 0;
    t->has_held = false;
    t->file_gone = false;
}

/* The file holds the newest: those before it have had their day. */
void rc_api_token_published(struct reconcile *rc, struct effects *fx, struct api_token *a)
{
    const struct api_key *current = api_token_current(a);

    for (size_t i = 0; i < a->n_keys; i++) {
        struct api_key *key = &a->keys[i];

        if (key == current || (key->row.retired && !key->row.hash))
            continue; /* nobody has had that one */
        key->row.retired = rc->wall_ms;
        effects_put(fx, LEDGER_ISSUED, &key->row);
    }
}
