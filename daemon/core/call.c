/* call: the tables of what can be asked and how it can end, and the two structs' birth and death.
 * In:    a kind and a name; a call.
 * Out:   a call or an answer on the heap, the caller's.
 * Never: HTTP, JSON, sockets. */
#include "core/call.h"

#include <string.h>

#include "lib/base.h"
#include "lib/mem.h"

#define CALL_ROW(symbol, name, method, once) [CALL_##symbol] = {name, method, once},
const struct call_info CALL_INFO[CALL_N] = {CALL_KINDS(CALL_ROW)};
#undef CALL_ROW

#define OUTCOME_ROW(symbol, text, retry) [OUTCOME_##symbol] = {text, retry},
const struct outcome_info OUTCOME_INFO[OUTCOME_N] = {OUTCOMES(OUTCOME_ROW)};
#undef OUTCOME_ROW

bool call_deletes(enum call_kind kind)
{
    return strcmp(CALL_INFO[kind].method, "DELETE") == 0;
}

bool call_is_by_delete_token(enum call_kind kind)
{
    return call_deletes(kind) || kind == CALL_DELETE_TOKEN_VALIDATE;
}

bool call_is_apart(enum call_kind kind)
{
    return kind == CALL_DATABASE_UPLOAD || kind == CALL_SEED_LOOK;
}

bool call_is_of_platform(enum call_kind kind)
{
    return kind != CALL_DATABASE_PROBE && kind != CALL_DATABASE_ASK && !call_is_apart(kind);
}

struct call *call_new(enum call_kind kind, const char *name)
{
    struct call *c = mem_alloc(sizeof(*c));

    if (!c)
        return NULL;
    c->kind = kind;
    c->attempt = 1;
    if (name && !(c->name = mem_strdup(name))) {
        mem_free(c);
        return NULL;
    }
    return c;
}

void call_free(struct call *c)
{
    if (!c)
        return;
    mem_free(c->name);
    mem_free(c->group);
    mem_free(c->scopes);
    mem_free(c->role);
    mem_free(c->location);
    mem_free(c->extensions);
    mem_free(c->cursor);
    mem_free(c->seed_database);
    mem_free(c->seed_timestamp);
    mem_free(c->seed_file);
    mem_free(c->cipher);
    mem_free(c->key_name);
    mem_free_secret(c->key, c->key ? strlen(c->key) : 0);
    for (size_t i = 0; i < ARRAY_SIZE(c->config); i++)
        mem_free(c->config[i]);
    mem_free(c->expiration);
    mem_free(c->permissions);
    mem_free(c->organization_id);
    mem_free(c->target_id);
    mem_free(c->host);
    mem_free(c->token_file);
    mem_free(c->token_hash);
    mem_free_secret(c->jwt, c->jwt_size);
    mem_free(c);
}

struct answer *answer_new(const struct call *c)
{
    struct answer *a = mem_alloc(sizeof(*a));

    if (!a)
        return NULL;
    a->call_id = c->id;
    a->ticket = c->ticket;
    a->total_only = c->total_only;
    a->kind = c->kind;
    a->attempt = c->attempt;
    a->outcome = OUTCOME_UNKNOWN;
    a->retry_after_ms = -1;
    return a;
}

void answer_free(struct answer *a)
{
    if (!a)
        return;
    mem_free_secret(a->token.jwt, a->token.jwt_size);
    mem_free(a->request);
    arena_deinit(&a->arena);
    mem_free(a);
}
