/* call: one request to the platform, and what came back, both in our own words.
 * In:    what the reconciler wants done.
 * Out:   a typed answer with an outcome to branch on.
 * Never: HTTP, JSON, sockets; request.c and answer.c translate, io/api carries. */
#ifndef TENANTD_CORE_CALL_H
#define TENANTD_CORE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config_field.h"
#include "core/limits.h"
#include "core/manifest.h"
#include "lib/arena.h"

/* What can be asked. Paths are in request.c, bodies in request_body.c.
 *    symbol               name                      method    once: a second try does it twice */
/* clang-format off: a table */
#define CALL_KINDS(X)                                                                              \
    X(ORGANIZATION_GET, "read organization", "GET", false)                                         \
    X(GROUPS_LIST, "list groups", "GET", false)                                                    \
    X(GROUP_GET, "read group", "GET", false)                                                       \
    X(GROUP_CREATE, "create group", "POST", true)                                                  \
    X(GROUP_CONFIGURE, "configure group", "PATCH", false)                                          \
    X(GROUP_UNARCHIVE, "unarchive group", "POST", false)                                           \
    X(GROUP_DELETE, "delete group", "DELETE", false)                                               \
    X(GROUP_TOKEN, "mint group token", "POST", true)                                               \
    X(GROUP_ROTATE, "rotate keys of group", "POST", true)                                          \
    X(LOCATION_ADD, "add location", "POST", false)                                                 \
    X(LOCATION_REMOVE, "remove location", "DELETE", false)                                         \
    X(LOCATION_CLOSEST, "find closest location", "GET", false)                                     \
    X(DATABASES_LIST, "list databases", "GET", false)                                              \
    X(DATABASE_GET, "read database", "GET", false)                                                 \
    X(DATABASE_CREATE, "create database", "POST", true)                                            \
    X(DATABASE_CONFIG_GET, "read configuration", "GET", false)                                     \
    X(DATABASE_CONFIGURE, "configure database", "PATCH", false)                                    \
    X(DATABASE_DELETE, "delete database", "DELETE", false)                                         \
    X(DATABASE_TOKEN, "mint database token", "POST", true)                                         \
    X(DATABASE_ROTATE, "rotate keys of database", "POST", true)                                    \
    X(DELETED_DATABASES_LIST, "list deleted databases", "GET", false)                              \
    X(DELETED_GROUPS_LIST, "list deleted groups", "GET", false)                                    \
    X(DATABASE_RESTORE, "restore database", "POST", true)                                          \
    X(GROUP_RESTORE, "restore group", "POST", true)                                                \
    X(DATABASE_PROBE, "probe database", "POST", false)                                             \
    X(DATABASE_ASK, "ask what is in database", "POST", false)                                      \
    X(DATABASE_UPLOAD, "upload database", "POST", true)                                            \
    X(SEED_LOOK, "look at seed file", "GET", false) /* on this very machine */                     \
    X(REPORT_ORGANIZATIONS, "list organizations", "GET", false)                                    \
    X(REPORT_PLANS, "list plans", "GET", false)                                                    \
    X(REPORT_SUBSCRIPTION, "read subscription", "GET", false)                                      \
    X(REPORT_USAGE, "read usage", "GET", false)                                                    \
    X(REPORT_DATABASE_USAGE, "read usage of database", "GET", false)                               \
    X(REPORT_AUDIT, "read audit log", "GET", false)                                                \
    X(REPORT_LOCATIONS, "show locations", "GET", false)                                            \
    X(REPORT_TOKENS, "show API tokens", "GET", false)                                              \
    X(REPORT_OWN_TOKENS, "show our own API tokens", "GET", false)                                  \
    X(REPORT_MEMBERS, "show members", "GET", false)                                                \
    X(REPORT_INVITES, "show invites", "GET", false)                                                \
    X(API_TOKENS_LIST, "list API tokens", "GET", false)                                            \
    X(API_TOKEN_CREATE, "create API token", "POST", true)                                          \
    X(API_TOKEN_REVOKE, "revoke API token", "DELETE", false)                                       \
    X(USER_GET, "read user", "GET", false)                                                         \
    X(TOKEN_VALIDATE, "validate API token", "GET", false)                                          \
    X(DELETE_TOKEN_VALIDATE, "validate delete token", "GET", false)                                \
    X(INVITES_LIST, "list invites", "GET", false)                                                  \
    X(MEMBERS_LIST, "list members", "GET", false)                                                  \
    X(INVITE_SEND, "invite", "POST", true)                                                         \
    X(INVITE_REMOVE, "withdraw invite", "DELETE", false)                                           \
    X(MEMBER_ROLE, "set role of member", "PATCH", false)                                           \
    X(MEMBER_REMOVE, "remove member", "DELETE", false)
/* clang-format on */

#define CALL_ENUM(symbol, name, method, once) CALL_##symbol,
enum call_kind { CALL_KINDS(CALL_ENUM) CALL_N };
#undef CALL_ENUM

struct call_info {
    const char *name;
    const char *method;
    bool once;
};
extern const struct call_info CALL_INFO[CALL_N];

bool call_deletes(enum call_kind kind);
/* It goes by the token for deletes, where there is one (api.delete_token). */
bool call_is_by_delete_token(enum call_kind kind);

/* The platform's API answers it: no database's own host, nor this very machine, which say nothing
 * of how the platform is, nor of its clock. */
bool call_is_of_platform(enum call_kind kind);
/* It waits for a file of this machine, or sends a long one: it takes no other call's place. */
bool call_is_apart(enum call_kind kind);

/* Every text is owned by the call; NULL where the kind has no use for it. */
struct call {
    uint64_t id;     /* the reconciler's; comes back in the answer */
    uint64_t ticket; /* of who asked (ask.h); comes back too; 0: the reconciler's own act */
    enum call_kind kind;
    unsigned attempt;     /* from 1; for the log */
    char *name;           /* the group, database, API token or user in the path; INVITE_...: the
                             e-mail address */
    char *group;          /* DATABASE_CREATE: in which; API_TOKEN_CREATE: of which; NULL: none */
    char *scopes;         /* API_TOKEN_CREATE, with a group: a SET */
    char *role;           /* INVITE_SEND, MEMBER_ROLE */
    char *location;       /* GROUP_CREATE, LOCATION_ADD, LOCATION_REMOVE */
    char *extensions;     /* GROUP_CREATE: "all" or a SET; NULL: none */
    char *cursor;         /* of a listing in pages: NULL on the first */
    char *seed_database;  /* DATABASE_CREATE */
    char *seed_timestamp; /* DATABASE_CREATE: NULL: now */
    bool as_draft;        /* DATABASE_CREATE: to be filled by an upload */
    char *seed_file;      /* DATABASE_UPLOAD, SEED_LOOK: below seeds_dir */
    bool use_tursodb;     /* DATABASE_CREATE: engine: tursodb */
    char *cipher;   /* DATABASE_CREATE, ..._UPLOAD, SEED_LOOK: encrypted so; NULL: as the source is,
                       or not */
    char *key_name; /* the same, and ..._PROBE, ..._ASK: by which key of the configuration; NULL:
                       none */
    char *key;      /* secret, base64: filled in by io when the call goes out; wiped */
    char *config[CONFIG_N]; /* DATABASE_CONFIGURE: fields to send; GROUP_CONFIGURE:
                               delete_protection */
    char *expiration;       /* ..._TOKEN: "7d", "never" */
    enum authorization authorization;
    char *permissions;     /* ..._TOKEN: JSON of the fine-grained permissions; NULL: none */
    char *organization_id; /* DELETED_..., ..._RESTORE: the platform's id of it */
    char *target_id;       /* ..._RESTORE: of the deleted thing; API_TOKEN_REVOKE */
    char *host;       /* DATABASE_PROBE, ..._ASK, ..._UPLOAD: its own, as the platform said it */
    char *token_file; /* DATABASE_PROBE: where io finds the token to ask with, if it is */
    char *token_hash; /*   that of this hash */
    enum token_format token_format;
    char *jwt; /* secret: that token, filled in by io; wiped */
    size_t jwt_size;
    unsigned page;   /* REPORT_AUDIT: from 1 */
    bool total_only; /* REPORT_USAGE: of the organization alone */
};

struct call *call_new(enum call_kind kind,
                      const char *name) MUST_CHECK; /* copies; NULL: no memory */
void call_free(struct call *c);

/* How a call ended.
 *    symbol         text                                      retry: the same again can help */
/* clang-format off: a table */
#define OUTCOMES(X)                                                                                \
    X(OK, "ok", false)                          /* 2xx, of the shape due */                        \
    X(NOT_SENT, "not sent", true)               /* never reached the platform */                   \
    X(UNKNOWN, "no answer", true)               /* sent; what happened is unknown */               \
    X(MALFORMED, "answer not understood", true) /* 2xx of another shape, 3xx, cut */               \
    X(THROTTLED, "asked to slow down", true)    /* 429 */                                          \
    X(UNAVAILABLE, "platform error", true)      /* 408, 5xx */                                     \
    X(UNAUTHORIZED, "API token refused", false) /* 401 */                                          \
    X(FORBIDDEN, "not permitted", false)        /* 403 */                                          \
    X(PLAN, "not in the plan", false)           /* 402, or words that say so */                    \
    X(NOT_FOUND, "not found", false)            /* 404 */                                          \
    X(CONFLICT, "exists already", false)        /* 409; 400, 422 with those words */               \
    X(INVALID, "refused", false)                /* any other 4xx */                                \
    X(CANCELED, "canceled", false)              /* by our own shutdown */                          \
    X(SEED_FILE, "seed file not usable", false) /* nothing was sent */
/* clang-format on */

#define OUTCOME_ENUM(symbol, text, retry) OUTCOME_##symbol,
enum outcome { OUTCOMES(OUTCOME_ENUM) OUTCOME_N };
#undef OUTCOME_ENUM

struct outcome_info {
    const char *text;
    bool retry;
};
extern const struct outcome_info OUTCOME_INFO[OUTCOME_N];

/* What the platform says of a thing. -1 where a boolean was not in the answer; NULL for texts. */
struct live_db {
    const char *name;
    const char *id;
    const char *hostname;
    const char *group;
    const char *parent_id;
    int64_t deleted_ms; /* of a deleted one; 0: not said */
    bool group_deleted; /* its group, too */
    int8_t block_reads;
    int8_t block_writes;
    int8_t delete_protection;
    int8_t archived;
};

struct live_group {
    const char *name;
    const char *id;
    const char *primary; /* normalised to a code of `locations` */
    const char **locations;
    size_t n_locations;
    int64_t deleted_ms; /* as a database's */
    int8_t delete_protection;
    int8_t archived;
};

struct live_token { /* read from the JWT that was minted or found */
    char *jwt;      /* secret; wiped by answer_free */
    size_t jwt_size;
    char hash[65];         /* SHA-256 of the JWT, hex; filled in by io */
    int64_t issued_ms;     /* 0: not said */
    int64_t expires_ms;    /* 0: never */
    const char *target_id; /* NULL: not said */
    bool read_only;
};

struct live_api_token {
    const char *name;
    const char *id;
    const char *group;   /* NULL: none */
    const char *scopes;  /* a set as in scope.h; NULL: none */
    const char *owner;   /* the name of the user who made it; NULL: not said */
    const char *created; /* a date; NULL: not said */
};

struct live_member {      /* or somebody who is invited */
    const char *email;    /* as the platform writes it; NULL: not said */
    const char *username; /* NULL: of an invite */
    const char *role;
    const char *invited; /* when, as the platform writes it; NULL: not said */
};

#define REPORT_CELLS_MAX 12
struct report_row { /* texts as report.h says for each kind; NULL: not said */
    const char *cell[REPORT_CELLS_MAX];
};

struct answer {
    uint64_t call_id;
    uint64_t ticket;
    bool total_only; /* the call's */
    enum call_kind kind;
    unsigned attempt; /* the call's */
    enum outcome outcome;
    int http_status;        /* 0: none came */
    int64_t retry_after_ms; /* -1: not said; at most LIMIT_RETRY_AFTER_MS */
    int64_t date_ms;        /* the platform's clock (Date), ms since the epoch; 0: not said */
    int64_t duration_ms;
    char *request; /* "POST /v1/...", for the history; NULL: none was sent */
    char error[LIMIT_ERROR_TEXT_BYTES +
               1]; /* what was said or went wrong, one line, redacted; "" when OK */

    struct arena arena;            /* owns what follows but the token's jwt */
    const char *organization_slug; /* ORGANIZATION_GET */
    const char *organization_id;   /* NULL where none is given */
    struct live_db
        *databases; /* DATABASES_LIST, DELETED_... (one page), DATABASE_GET, ..._CREATE (one) */
    size_t n_databases;
    struct live_group *groups; /* GROUPS_LIST; GROUP_GET, GROUP_CREATE, ... (one) */
    size_t n_groups;
    const char *next_cursor; /* of a listing in pages; NULL: this was the last one */
    struct db_config config; /* DATABASE_CONFIG_GET, DATABASE_CONFIGURE, GROUP_CONFIGURE */
    const char *location;    /* LOCATION_CLOSEST */
    struct report_row *rows; /* REPORT_... */
    size_t n_rows;
    int64_t total_pages;               /* REPORT_AUDIT; 0: not said */
    struct live_token token;           /* ..._TOKEN, API_TOKEN_CREATE */
    size_t n_restored;                 /* GROUP_RESTORE: databases that came back with it */
    size_t n_failures;                 /* and those that did not */
    struct live_api_token *api_tokens; /* API_TOKENS_LIST; API_TOKEN_CREATE (one, name and id) */
    size_t n_api_tokens;
    struct live_member *members; /* MEMBERS_LIST, INVITES_LIST; MEMBER_ROLE, INVITE_SEND (one) */
    size_t n_members;
    bool holds_something;   /* DATABASE_ASK: there is a table in it */
    const char *seed_state; /* SEED_LOOK, DATABASE_UPLOAD: which file it was, and in which state */
    int64_t seed_size;
    const char *username;  /* USER_GET */
    int64_t token_ends_ms; /* ..._VALIDATE; 0: never */
};

struct answer *answer_new(const struct call *c) MUST_CHECK; /* outcome UNKNOWN; NULL: no memory */
void answer_free(struct answer *a);

#endif
