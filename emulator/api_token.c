/* api_token: the platform tokens that are in force.
 * In:    whose, for which organization, group and scopes.
 * Out:   a secret, shown once; whom a secret belongs to, in O(1).
 * Never: judges what a token may do; that is access. */
#include "api_token.h"

#include <stdio.h>
#include <string.h>

#include "jwt.h"
#include "key.h"

#define SECRET_MAX 1024

#define SCOPE_TEXT(name, text) [name] = text,
static const char *const SCOPES[N_SCOPES] = {SCOPE_TABLE(SCOPE_TEXT)};
#undef SCOPE_TEXT

const char *scope_name(enum scope scope)
{
    return SCOPES[scope];
}

unsigned scope_parse(const char *text)
{
    if (!strcmp(text, "read-only"))
        return 1U << SCOPE_READ;
    if (!strcmp(text, "full-access"))
        return (1U << N_SCOPES) - 1;
    for (unsigned i = 0; i < N_SCOPES; i++) {
        if (!strcmp(SCOPES[i], text))
            return 1U << i;
    }
    return 0;
}

/* The hash table. What its macros expand to is long, but not ours. */
// NOLINTBEGIN(readability-function-size)
struct api_token *api_tokens_find(const struct api_tokens *t, const char *secret)
{
    struct api_token *token;

    HASH_FIND_STR(t->by_secret, secret, token);
    return token;
}

static bool add(struct api_tokens *t, struct api_token *token)
{
    HASH_ADD_STR(t->by_secret, secret, token);
    return token->hh.tbl != NULL;
}

void api_tokens_remove(struct api_tokens *t, struct api_token *token)
{
    HASH_DEL(t->by_secret, token);
    mem_free(token->name);
    mem_free_secret(token, sizeof(*token) + strlen(token->secret) + 1);
}
// NOLINTEND(readability-function-size)

struct api_token *api_tokens_find_name(const struct api_tokens *t, const struct user *user,
                                       const char *name)
{
    for (struct api_token *token = t->by_secret; token; token = token->hh.next) {
        if (token->user == user && !strcmp(token->name, name))
            return token;
    }
    return NULL;
}

struct api_token *api_tokens_find_id(const struct api_tokens *t, const char *id)
{
    for (struct api_token *token = t->by_secret; token; token = token->hh.next) {
        if (!strcmp(token->id, id))
            return token;
    }
    return NULL;
}

size_t api_tokens_count(const struct api_tokens *t)
{
    return HASH_COUNT(t->by_secret);
}

static void make_id(struct ids *ids, char out[API_TOKEN_ID_SIZE])
{
    uint8_t bytes[16];
    struct buf text = BUF_INIT(API_TOKEN_ID_SIZE);

    ids_random(ids, bytes, sizeof(bytes));
    jwt_base64url(&text, bytes, sizeof(bytes));
    snprintf(out, API_TOKEN_ID_SIZE, "%s", buf_str(&text));
    buf_deinit(&text);
}

/* All that it says is its id: {"jti": id}. */
static bool mint(struct api_tokens *t, struct ids *ids, const char *id, struct buf *out)
{
    char claims[64];
    int n = snprintf(claims, sizeof(claims), "{\"jti\":\"%s\"}", id);

    if (!t->key)
        t->key = key_new(ids);
    return t->key && jwt_mint(t->key, claims, (size_t)n, out);
}

static struct api_token *make(struct api_tokens *t, const char *id, const char *name,
                              const struct api_token *like, const char *secret)
{
    size_t n = strlen(secret);
    struct api_token *token = mem_alloc(sizeof(*token) + n + 1);

    if (!token)
        return NULL;
    *token = *like;
    token->hh = (UT_hash_handle){0};
    snprintf(token->id, sizeof(token->id), "%s", id);
    memcpy(token->secret, secret, n + 1);
    token->name = mem_strdup(name);
    if (token->name && add(t, token))
        return token;
    mem_free(token->name);
    mem_free_secret(token, sizeof(*token) + n + 1);
    return NULL;
}

struct api_token *api_tokens_add(struct api_tokens *t, struct ids *ids, const char *name,
                                 const struct api_token *like, const char *secret)
{
    struct buf minted = BUF_INIT(SECRET_MAX);
    struct api_token *token = NULL;
    char id[API_TOKEN_ID_SIZE];

    make_id(ids, id);
    if (!id[0])
        return NULL;
    if (secret)
        return make(t, id, name, like, secret);
    if (mint(t, ids, id, &minted))
        token = make(t, id, name, like, buf_str(&minted));
    buf_deinit_secret(&minted);
    return token;
}

void api_tokens_revoke_group(struct api_tokens *t, const uint8_t group_id[UUID_SIZE])
{
    struct api_token *token;
    struct api_token *next;

    HASH_ITER(hh, t->by_secret, token, next)
    {
        if (token->has_group && !memcmp(token->group_id, group_id, UUID_SIZE))
            api_tokens_remove(t, token);
    }
}

void api_tokens_deinit(struct api_tokens *t)
{
    struct api_token *token;
    struct api_token *next;

    HASH_ITER(hh, t->by_secret, token, next)
    {
        api_tokens_remove(t, token);
    }
    key_free(t->key);
    *t = (struct api_tokens){0};
}
