/* api_token: the platform tokens that are in force.
 * In:    whose, for which organization, group and scopes.
 * Out:   a secret, shown once; whom a secret belongs to, in O(1).
 * Never: judges what a token may do; that is access. */
#ifndef TENANTD_EMULATOR_API_TOKEN_H
#define TENANTD_EMULATOR_API_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

#define API_TOKEN_ID_SIZE  23 /* 16 bytes in base64url, and NUL */
#define API_TOKEN_NAME_MAX 64
#define API_TOKENS_MAX     100000

/* What a token for one group may be good for. */
#define SCOPE_TABLE(X)                                                                             \
    X(SCOPE_READ, "read")                                                                          \
    X(SCOPE_DB_CREATE, "db:create")                                                                \
    X(SCOPE_DB_DELETE, "db:delete")                                                                \
    X(SCOPE_DB_CONFIGURE, "db:configure")                                                          \
    X(SCOPE_DB_MINT, "db:mint-token")                                                              \
    X(SCOPE_DB_ROTATE, "db:rotate-creds")                                                          \
    X(SCOPE_GROUP_CONFIGURE, "group:configure")                                                    \
    X(SCOPE_GROUP_MINT, "group:mint-token")                                                        \
    X(SCOPE_GROUP_ROTATE, "group:rotate-creds")
#define SCOPE_ENUM(name, text) name,
enum scope { SCOPE_TABLE(SCOPE_ENUM) N_SCOPES };
#undef SCOPE_ENUM

struct api_token {
    UT_hash_handle hh; /* by secret, in the order of creation */
    char id[API_TOKEN_ID_SIZE];
    const struct user *user;
    struct org *org; /* NULL: good for whatever its user is */
    bool has_group;
    uint8_t group_id[UUID_SIZE];
    unsigned scopes; /* of a group's token: a bit for each enum scope */
    int64_t created_ms;
    int64_t expires_ms; /* unix time; -1: never */
    char *name;
    char secret[];
};

struct api_tokens {
    struct api_token *by_secret;
    struct key *key; /* signs those that are minted; NULL until the first is */
};

const char *scope_name(enum scope scope);
/* A scope or a preset, as the bits that it stands for; 0: no such. */
unsigned scope_parse(const char *text);

/* The token with that secret; NULL: none. */
struct api_token *api_tokens_find(const struct api_tokens *t, const char *secret);
struct api_token *api_tokens_find_name(const struct api_tokens *t, const struct user *user,
                                       const char *name);
struct api_token *api_tokens_find_id(const struct api_tokens *t, const char *id);
size_t api_tokens_count(const struct api_tokens *t);
/* `like` says whose it is, its reach, and its times; `secret` NULL mints one. NULL: no memory. */
struct api_token *api_tokens_add(struct api_tokens *t, struct ids *ids, const char *name,
                                 const struct api_token *like, const char *secret) MUST_CHECK;
void api_tokens_remove(struct api_tokens *t, struct api_token *token);
/* A group that is gone or moved takes its tokens with it. */
void api_tokens_revoke_group(struct api_tokens *t, const uint8_t group_id[UUID_SIZE]);
void api_tokens_deinit(struct api_tokens *t);

#endif
