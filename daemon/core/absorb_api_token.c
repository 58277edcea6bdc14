/* absorb_api_token: what the platform says of its API tokens becomes facts. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "lib/text.h"

/* A mint that never happened shows in no list; one that does may be shown late. */
#define LOST_FOR_MS (10 * 60 * 1000)

/* --- the list --- */

static const char *keep(struct arena *a, const char *text, bool *ok)
{
    const char *kept = text ? arena_strdup(a, text) : NULL;

    *ok = *ok && (kept || !text);
    return kept;
}

/* The list as it is, for next generations and for those who ask what there is. */
static void keep_list(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    struct arena *to = &rc->listed_arena;
    struct live_api_token *tokens;
    bool ok = true;

    arena_deinit(to);
    rc->listed_tokens = NULL;
    rc->n_listed_tokens = 0;
    tokens = arena_alloc(to, (a->n_api_tokens + 1) * sizeof(*tokens));
    for (size_t i = 0; tokens && i < a->n_api_tokens; i++) {
        const struct live_api_token *from = &a->api_tokens[i];

        tokens[i] = (struct live_api_token){.name = keep(to, from->name, &ok),
                                            .id = keep(to, from->id, &ok),
                                            .group = keep(to, from->group, &ok),
                                            .scopes = keep(to, from->scopes, &ok),
                                            .owner = keep(to, from->owner, &ok),
                                            .created = keep(to, from->created, &ok)};
    }
    if (!tokens || !ok) {
        fx->failed = true;
        return;
    }
    rc->listed_tokens = tokens;
    rc->n_listed_tokens = a->n_api_tokens;
}

static const struct live_api_token *find_id(const struct reconcile *rc, const char *id)
{
    for (size_t i = 0; i < rc->n_listed_tokens; i++)
        if (strcmp(rc->listed_tokens[i].id, id) == 0)
            return &rc->listed_tokens[i];
    return NULL;
}

bool rc_owns_token(const struct reconcile *rc, const char *id)
{
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        for (size_t j = 0; j < rc->fleet.api_tokens[i]->n_keys; j++) {
            const char *ours = rc->fleet.api_tokens[i]->keys[j].row.id;

            if (ours && strcmp(ours, id) == 0)
                return true;
        }
    return false;
}

/* Made by us, as far as can be told: under the name that we alone were about to give, by our user,
 * for what we asked. *named: there is one of that name, whoever's it is. */
static const struct live_api_token *find_lost(const struct reconcile *rc, const struct issued *row,
                                              bool *named)
{
    char name[LIMIT_NAME_BYTES + 1];
    const struct live_api_token *found = NULL;

    *named = false;
    if (!rc_api_token_name(name, sizeof(name), row->name, row->generation))
        return NULL;
    for (size_t i = 0; i < rc->n_listed_tokens; i++) {
        const struct live_api_token *l = &rc->listed_tokens[i];

        if (strcmp(l->name, name) != 0)
            continue;
        *named = true;
        if (text_same(l->group, row->group_name) && text_same(l->scopes, row->scopes) &&
            (!l->owner || strcmp(l->owner, rc->self.username) == 0))
            found = l;
    }
    return found;
}

/* It is to go: asked for by its id, it tells for certain that it has gone. */
static bool is_to_be_revoked(const struct reconcile *rc, const struct api_token *a,
                             const struct api_key *key)
{
    struct world w;

    rc_world(rc, &w);
    return key->row.id && (key->row.retired || api_token_removal_is_asked(&w, a));
}

/* Not in a list that would show it. True: it is gone for good, and nothing is to be missed. */
static bool is_over(struct reconcile *rc, const struct api_token *a, struct api_key *key,
                    int64_t sent_ms, int64_t after_ms)
{
    bool kept =
        (a->want && !a->want->token.absent && !key->row.retired) || is_to_be_revoked(rc, a, key);

    if (sent_ms <= key->made_ms)
        return false;
    key->listed = false;
    if (!key->gone_ms)
        key->gone_ms = rc->now_ms;
    return !kept && sent_ms >= key->gone_ms + after_ms;
}

/* Of a mint of which nobody heard. True: there is none. */
static bool resolve_lost(struct reconcile *rc, struct effects *fx, struct api_token *a,
                         struct api_key *key, int64_t sent_ms)
{
    bool named;
    const struct live_api_token *found = find_lost(rc, &key->row, &named);

    key->is_taken = named && !found;
    if (!found)
        return !named && is_over(rc, a, key, sent_ms, LOST_FOR_MS);
    rc_set(fx, &key->row.id, found->id);
    key->listed = true;
    key->gone_ms = 0;
    effects_put(fx, LEDGER_ISSUED, &key->row);
    rc_event(rc, fx, &a->t.r, "MintFound", 5, NULL,
             "%s was made, although its answer was lost: nobody has its secret, and it is revoked",
             found->name);
    return false;
}

/* True: nothing of that generation is left. */
static bool see_key(struct reconcile *rc, struct effects *fx, struct api_token *a,
                    struct api_key *key, int64_t sent_ms)
{
    if (strcmp(key->row.state, "minting") == 0)
        return false;
    if (!key->row.id)
        return resolve_lost(rc, fx, a, key, sent_ms);
    if (find_id(rc, key->row.id)) {
        key->listed = true;
        key->gone_ms = 0;
        return false;
    }
    return is_over(rc, a, key, sent_ms, MISSING_AFTER_MS);
}

static void drop_key(struct effects *fx, struct api_token *a, struct api_key *key)
{
    effects_remove(fx, LEDGER_ISSUED, &key->row);
    api_token_drop_key(a, key);
}

void rc_see_api_tokens(struct reconcile *rc, struct effects *fx, const struct answer *a,
                       int64_t sent_ms)
{
    keep_list(rc, fx, a);
    rc_side_read(rc, fx, SIDE_API_TOKENS, sent_ms);
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++) {
        struct api_token *one = rc->fleet.api_tokens[i];

        for (size_t j = one->n_keys; j > 0; j--) {
            struct api_key *key = &one->keys[j - 1];

            if (!see_key(rc, fx, one, key, sent_ms))
                continue;
            if (key->row.id)
                rc_event(rc, fx, &one->t.r, "Gone", 5, NULL, "%s--g%lld is gone from the platform",
                         one->t.r.name, (long long)key->row.generation);
            drop_key(fx, one, key);
        }
    }
}

/* --- mint, revoke --- */

static void note_minted(struct reconcile *rc, struct effects *fx, struct api_token *a,
                        struct api_key *key, const struct answer *answer)
{
    rc_set(fx, &key->row.state, "live");
    rc_set(fx, &key->row.id, answer->api_tokens[0].id);
    rc_set(fx, &key->row.hash, answer->token.hash);
    key->made_ms = rc->now_ms;
    effects_put(fx, LEDGER_ISSUED, &key->row);
    rc_event(rc, fx, &a->t.r, "Created", 6, answer, "made %s, id %s", answer->api_tokens[0].name,
             key->row.id);
}

/* Its secret is written nowhere: it is revoked like one whose answer was lost. */
static void unwanted(struct reconcile *rc, struct effects *fx, struct api_token *a,
                     struct api_key *key)
{
    rc_set(fx, &key->row.state, "lost");
    rc_set(fx, &key->row.hash, NULL);
    key->row.retired = rc->wall_ms;
    effects_put(fx, LEDGER_ISSUED, &key->row);
    rc_api_token_unmint(fx, a);
    rc_event(rc, fx, &a->t.r, "Unwanted", 5, NULL,
             "the token that came back is not in the manifest any more; it is revoked");
}

static void minted(struct reconcile *rc, struct effects *fx, const struct flight *f,
                   struct answer *answer)
{
    struct api_token *a = api_token_of(f->r);
    struct api_key *key = api_token_key(a, f->generation);

    if (!key)
        return;
    note_minted(rc, fx, a, key, answer);
    if (!a->want && !a->t.held.file) { /* nobody wants it any more, nor ever had a file of it */
        unwanted(rc, fx, a, key);
        return;
    }
    rc_note_minted(rc, fx, &a->t, NULL, key->row.group_id, answer);
}

static bool was_not_made(enum outcome o)
{
    return o != OUTCOME_UNKNOWN && o != OUTCOME_MALFORMED && o != OUTCOME_UNAVAILABLE &&
           o != OUTCOME_CANCELED;
}

static void not_minted(struct reconcile *rc, struct effects *fx, const struct flight *f,
                       const struct answer *answer)
{
    struct api_token *a = api_token_of(f->r);
    struct api_key *key = api_token_key(a, f->generation);

    a->t.minting = false;
    if (was_not_made(answer->outcome)) {
        if (key)
            drop_key(fx, a, key);
        rc_api_token_unmint(fx, a);
    } else if (key) {
        key->made_ms = rc->now_ms;
    }
    if (answer->outcome == OUTCOME_CONFLICT)
        a->floor = f->generation; /* somebody else's */
    if (rc_absorb_failure(rc, fx, f, answer))
        return;
    rc_failed(rc, fx, f->r, f->act, REASON_REFUSED, answer->retry_after_ms, answer->error);
    if (answer->outcome == OUTCOME_NOT_FOUND)
        rc_observe(rc); /* its group is not there */
}

static void revoked(struct reconcile *rc, struct effects *fx, const struct flight *f,
                    const struct answer *answer)
{
    struct api_token *a = api_token_of(f->r);
    struct api_key *key = api_token_key(a, f->generation);

    if (!key)
        return;
    if (answer->outcome == OUTCOME_OK)
        rc_event(rc, fx, f->r, "Revoked", 5, answer, "revoked %s--g%lld, id %s", f->r->name,
                 (long long)f->generation, key->row.id);
    else
        rc_event(rc, fx, f->r, "Gone", 5, answer, "%s--g%lld is gone from the platform", f->r->name,
                 (long long)f->generation);
    drop_key(fx, a, key);
    if (f->r->failed_act == ACT_REVOKE) /* a mint that failed is not mended by that */
        rc_succeeded(f->r);
    rc->replan = true; /* its group may have waited for that */
}

/* 404: to a token of its own for deletes it may only be hidden, but then the list shows it. */
static bool is_gone(const struct reconcile *rc, const struct flight *f, const struct answer *a)
{
    const struct api_key *key = api_token_key(api_token_of(f->r), f->generation);

    return a->outcome == OUTCOME_NOT_FOUND &&
           (!own_token_deletes_apart(rc, a->kind) || (key && !key->listed));
}

void rc_absorb_api_token(struct reconcile *rc, struct effects *fx, const struct flight *f,
                         struct answer *a)
{
    bool ok = a->outcome == OUTCOME_OK;

    if (f->act == ACT_MINT && ok) {
        minted(rc, fx, f, a);
    } else if (f->act == ACT_MINT) {
        not_minted(rc, fx, f, a);
    } else if (f->act == ACT_REVOKE && (ok || is_gone(rc, f, a))) {
        revoked(rc, fx, f, a);
    } else if (f->act == ACT_READ && ok) {
        if (f->r->failed_act == ACT_READ) /* what else failed is not mended by looking */
            rc_succeeded(f->r);
        rc_see_api_tokens(rc, fx, a, f->sent_ms);
    } else if (f->act == ACT_READ && a->outcome == OUTCOME_UNAUTHORIZED) {
        rc_absorb_failure(rc, fx, f, a); /* that is not about this list alone */
    } else if (f->act == ACT_READ) {
        rc_side_failed(rc, fx, SIDE_API_TOKENS, a);
        if (!rc->sides[SIDE_API_TOKENS].refused && !rc_absorb_failure(rc, fx, f, a))
            rc_failed(rc, fx, f->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
    } else if (!rc_absorb_failure(rc, fx, f, a)) {
        rc_failed(rc, fx, f->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
    }
}
