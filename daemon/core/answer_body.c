/* answer_body: the body of a success that is no listing, for each kind of call.
 * In:    the whole body, what was asked.
 * Out:   the answer's fields, or what is wrong with the shape.
 * Never: fills in a part of what was due. */
#include "core/answer_body.h"

#include <assert.h>
#include <string.h>

#include "core/answer_host.h"
#include "core/answer_people.h"
#include "core/field.h"
#include "core/jwt.h"
#include "core/live.h"
#include "core/report.h"
#include "lib/json_read.h"
#include "lib/mem.h"
#include "lib/text.h"

typedef int (*read_fn)(const struct json_value *body, const struct answer_asked *asked,
                       struct answer *into, struct err *err);

static int read_organization(const struct json_value *body, const struct answer_asked *asked,
                             struct answer *into, struct err *err);
static int read_group(const struct json_value *body, const struct answer_asked *asked,
                      struct answer *into, struct err *err);
static int read_database(const struct json_value *body, const struct answer_asked *asked,
                         struct answer *into, struct err *err);
static int read_config(const struct json_value *body, const struct answer_asked *asked,
                       struct answer *into, struct err *err);
static int read_token(const struct json_value *body, const struct answer_asked *asked,
                      struct answer *into, struct err *err);
static int read_closest(const struct json_value *body, const struct answer_asked *asked,
                        struct answer *into, struct err *err);
static int read_restored(const struct json_value *body, const struct answer_asked *asked,
                         struct answer *into, struct err *err);

static int read_api_tokens(const struct json_value *body, const struct answer_asked *asked,
                           struct answer *into, struct err *err);
static int read_api_token(const struct json_value *body, const struct answer_asked *asked,
                          struct answer *into, struct err *err);
static int read_user(const struct json_value *body, const struct answer_asked *asked,
                     struct answer *into, struct err *err);
static int read_validity(const struct json_value *body, const struct answer_asked *asked,
                         struct answer *into, struct err *err);

static const struct {
    enum answer_body_rule rule;
    read_fn read;
} TABLE[CALL_N] = {
    [CALL_ORGANIZATION_GET] = {BODY_DUE, read_organization},
    [CALL_GROUPS_LIST] = {BODY_LISTED, NULL},
    [CALL_GROUP_GET] = {BODY_DUE, read_group},
    [CALL_GROUP_CREATE] = {BODY_DUE, read_group},
    [CALL_GROUP_CONFIGURE] = {BODY_DUE, read_config},
    [CALL_GROUP_UNARCHIVE] = {BODY_OPTIONAL, read_group},
    [CALL_GROUP_ROTATE] = {BODY_IGNORED, NULL},
    [CALL_DATABASE_ROTATE] = {BODY_IGNORED, NULL},
    [CALL_GROUP_DELETE] = {BODY_IGNORED, NULL},
    [CALL_GROUP_TOKEN] = {BODY_DUE, read_token},
    [CALL_LOCATION_ADD] = {BODY_OPTIONAL, read_group},
    [CALL_LOCATION_REMOVE] = {BODY_IGNORED, NULL},
    [CALL_LOCATION_CLOSEST] = {BODY_DUE, read_closest},
    [CALL_DATABASES_LIST] = {BODY_LISTED, NULL},
    [CALL_DATABASE_GET] = {BODY_DUE, read_database},
    [CALL_DATABASE_CREATE] = {BODY_DUE, read_database},
    [CALL_DATABASE_CONFIG_GET] = {BODY_DUE, read_config},
    [CALL_DATABASE_CONFIGURE] = {BODY_DUE, read_config},
    [CALL_DATABASE_DELETE] = {BODY_IGNORED, NULL},
    [CALL_DATABASE_TOKEN] = {BODY_DUE, read_token},
    [CALL_DELETED_DATABASES_LIST] = {BODY_LISTED, NULL},
    [CALL_DELETED_GROUPS_LIST] = {BODY_LISTED, NULL},
    [CALL_DATABASE_RESTORE] = {BODY_IGNORED, NULL}, /* what came back is observed */
    [CALL_GROUP_RESTORE] = {BODY_OPTIONAL, read_restored},
    [CALL_API_TOKENS_LIST] = {BODY_DUE, read_api_tokens},
    [CALL_API_TOKEN_CREATE] = {BODY_DUE, read_api_token},
    [CALL_API_TOKEN_REVOKE] = {BODY_IGNORED, NULL},
    [CALL_USER_GET] = {BODY_DUE, read_user},
    [CALL_DATABASE_PROBE] = {BODY_DUE, answer_read_pipeline},
    [CALL_DATABASE_ASK] = {BODY_DUE, answer_read_count},
    [CALL_DATABASE_UPLOAD] = {BODY_IGNORED, NULL},
    [CALL_SEED_LOOK] = {BODY_IGNORED, NULL}, /* which is never sent */
    [CALL_TOKEN_VALIDATE] = {BODY_DUE, read_validity},
    [CALL_DELETE_TOKEN_VALIDATE] = {BODY_DUE, read_validity},
    [CALL_INVITES_LIST] = {BODY_DUE, answer_read_invites},
    [CALL_MEMBERS_LIST] = {BODY_DUE, answer_read_members},
    [CALL_INVITE_SEND] = {BODY_DUE, answer_read_invited},
    [CALL_INVITE_REMOVE] = {BODY_IGNORED, NULL},
    [CALL_MEMBER_ROLE] = {BODY_DUE, answer_read_member},
    [CALL_MEMBER_REMOVE] = {BODY_IGNORED, NULL},
};

enum answer_body_rule answer_body_rule(enum call_kind kind)
{
    return REPORT[kind].list ? BODY_REPORT : TABLE[kind].rule;
}

bool answer_body_is_secret(enum call_kind kind)
{
    return TABLE[kind].read == read_token || TABLE[kind].read == read_api_token;
}

/* An answer about something else must not be taken for this one's. */
static int check_name(const struct answer_asked *asked, const char *name, struct err *err)
{
    if (asked->name && strcmp(asked->name, name) != 0)
        return err_set(err, ERR_INVALID, "it is about \"%s\", not \"%s\"", name, asked->name);
    return 0;
}

static int read_organization(const struct json_value *body, const struct answer_asked *asked,
                             struct answer *into, struct err *err)
{
    struct json_value inner;
    const char *slug = NULL;
    const char *id = NULL;
    int rc = json_want(body, "organization", JSON_OBJECT, &inner, err);

    (void)asked;
    if (rc == 0)
        rc = field_within(&inner, "slug", field_required, &into->arena, &slug, err);
    if (rc == 0)
        rc = field_within(&inner, "id", field_text, &into->arena, &id, err);
    if (rc < 0)
        return rc;
    into->organization_slug = slug;
    into->organization_id = id;
    return 0;
}

static int read_group(const struct json_value *body, const struct answer_asked *asked,
                      struct answer *into, struct err *err)
{
    struct live_group *group = arena_alloc(&into->arena, sizeof(*group));
    struct json_value inner;
    int rc;

    if (!group)
        return err_nomem(err);
    rc = json_want(body, "group", JSON_OBJECT, &inner, err);
    if (rc == 0)
        rc = live_group_read(inner.at, inner.size, &into->arena, group, err);
    if (rc == 0)
        rc = check_name(asked, group->name, err);
    if (rc < 0)
        return rc;
    into->groups = group;
    into->n_groups = 1;
    return 0;
}

static int read_database(const struct json_value *body, const struct answer_asked *asked,
                         struct answer *into, struct err *err)
{
    struct live_db *db = arena_alloc(&into->arena, sizeof(*db));
    struct json_value inner;
    int rc;

    if (!db)
        return err_nomem(err);
    rc = json_want(body, "database", JSON_OBJECT, &inner, err);
    if (rc == 0)
        rc = live_db_read(inner.at, inner.size, &into->arena, db, err);
    if (rc == 0)
        rc = check_name(asked, db->name, err);
    if (rc < 0)
        return rc;
    into->databases = db;
    into->n_databases = 1;
    return 0;
}

static int read_config(const struct json_value *body, const struct answer_asked *asked,
                       struct answer *into, struct err *err)
{
    struct db_config config;
    int rc = live_config_read(body->at, body->size, &into->arena, &config, err);

    (void)asked;
    if (rc == 0)
        into->config = config;
    return rc;
}

/* {"server": code, "client": code}: "client" may be a code that is no longer taken. */
static int read_closest(const struct json_value *body, const struct answer_asked *asked,
                        struct answer *into, struct err *err)
{
    const char *code;
    int rc = field_within(body, "server", field_required, &into->arena, &code, err);

    (void)asked;
    if (rc == 0 && !text_is_name(code, strlen(code)))
        rc = err_set(err, ERR_INVALID, "\"server\" is no location");
    if (rc == 0)
        into->location = code;
    return rc;
}

/* A group, restored: some of its databases may have failed, which is no failure of the whole. */
static int read_restored(const struct json_value *body, const struct answer_asked *asked,
                         struct answer *into, struct err *err)
{
    static const struct json_key KEYS[] = {JSON_KEY("databases"), JSON_KEY("failures")};
    struct json_value values[ARRAY_SIZE(KEYS)];
    int rc = json_read_members(body, &(struct json_members){KEYS, ARRAY_SIZE(KEYS), values}, err);

    (void)asked;
    if (rc == 0 && values[0].kind == JSON_LIST)
        into->n_restored = json_count(&values[0]);
    if (rc == 0 && values[1].kind == JSON_OBJECT)
        into->n_failures = json_count(&values[1]);
    return rc;
}

/* --- Tokens -------------------------------------------------------------------------------- */

/* Where the token says nothing that we can read: what was asked for, from when the answer came. */
static int assume_claims(const struct answer_asked *asked, struct jwt_claims *out, struct err *err)
{
    int64_t lasts_ms = 0;

    *out = (struct jwt_claims){.issued_ms = asked->now_ms};
    out->read_only = asked->authorization == AUTH_READ_ONLY;
    if (!asked->expiration || strcmp(asked->expiration, "never") == 0)
        return 0;
    if (!text_parse_duration(asked->expiration, &lasts_ms))
        return err_set(err, ERR_INVALID, "when the token expires cannot be told");
    out->expires_ms = asked->now_ms + lasts_ms;
    return 0;
}

static int read_claims(const char *jwt, size_t n, const struct answer_asked *asked,
                       struct jwt_claims *out, struct err *err)
{
    struct err unread = ERR_INIT;
    int rc = jwt_read(jwt, n, out, &unread);

    if (rc == -ERR_NOMEM)
        return err_nomem(err);
    return rc == 0 ? 0 : assume_claims(asked, out, err);
}

/* *out is the caller's, to be wiped. `wrong`: what to say of what is no token. */
static int copy_token(const struct json_value *v, const char *wrong, char **out, size_t *out_size,
                      struct err *err)
{
    char *text = mem_alloc(v->size);

    if (!text)
        return err_nomem(err);
    if (!json_text(v, text, v->size - 1, out_size) || !jwt_is_token(text, *out_size)) {
        mem_free_secret(text, v->size);
        return err_set(err, ERR_INVALID, "%s", wrong);
    }
    *out = text;
    return 0;
}

static int read_token(const struct json_value *body, const struct answer_asked *asked,
                      struct answer *into, struct err *err)
{
    struct jwt_claims claims = {0};
    struct json_value v;
    const char *target = NULL;
    char *jwt = NULL;
    size_t n = 0;
    int rc = json_want(body, "jwt", JSON_TEXT, &v, err);

    if (rc == 0)
        rc = copy_token(&v, "\"jwt\" is no token", &jwt, &n, err);
    if (rc == 0)
        rc = read_claims(jwt, n, asked, &claims, err);
    if (rc == 0 && claims.target_id[0] && !(target = arena_strdup(&into->arena, claims.target_id)))
        rc = err_nomem(err);
    if (rc < 0) {
        mem_free_secret(jwt, n);
        return rc;
    }
    into->token.jwt = jwt;
    into->token.jwt_size = n;
    into->token.issued_ms = claims.issued_ms;
    into->token.expires_ms = claims.expires_ms;
    into->token.target_id = target;
    into->token.read_only = claims.read_only;
    return 0;
}

/* --- API tokens and users ------------------------------------------------------------------ */

static int check_ids(const struct live_api_token *tokens, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(tokens[i].id, tokens[j].id) == 0)
                return err_set(err, ERR_INVALID, "the id \"%s\" is listed twice", tokens[i].id);
    return 0;
}

static int read_api_tokens(const struct json_value *body, const struct answer_asked *asked,
                           struct answer *into, struct err *err)
{
    struct json_value list;
    struct json_value item = {.kind = JSON_ABSENT};
    struct live_api_token *tokens;
    size_t n = 0;
    int rc = json_want(body, "tokens", JSON_LIST, &list, err);

    (void)asked;
    if (rc < 0)
        return rc;
    tokens = arena_alloc(&into->arena, (json_count(&list) + 1) * sizeof(*tokens));
    if (!tokens)
        return err_nomem(err);
    while (rc == 0 && json_next(&list, NULL, &item))
        rc = live_api_token_read(item.at, item.size, &into->arena, &tokens[n++], err);
    if (rc == 0)
        rc = check_ids(tokens, n, err);
    if (rc < 0)
        return rc;
    into->api_tokens = tokens;
    into->n_api_tokens = n;
    return 0;
}

/* {"name", "id", "token": secret}, or {"token": {"name", "id", "value": secret}}. */
static int read_api_token(const struct json_value *body, const struct answer_asked *asked,
                          struct answer *into, struct err *err)
{
    struct live_api_token *token = arena_alloc(&into->arena, sizeof(*token));
    struct json_value inner;
    struct json_value secret;
    char *text = NULL;
    size_t n = 0;
    int rc;

    if (!token)
        return err_nomem(err);
    rc = json_read_at(body, "token", &secret, err);
    inner = secret.kind == JSON_OBJECT ? secret : *body;
    if (rc == 0 && secret.kind == JSON_OBJECT)
        rc = json_read_at(&inner, "value", &secret, err);
    if (rc == 0 && secret.kind != JSON_TEXT)
        rc = err_set(err, ERR_INVALID, "the token's secret is missing or no text");
    if (rc == 0)
        rc = field_within(&inner, "name", field_required, &into->arena, &token->name, err);
    if (rc == 0)
        rc = field_within(&inner, "id", field_required, &into->arena, &token->id, err);
    if (rc == 0)
        rc = check_name(asked, token->name, err);
    if (rc == 0)
        rc = copy_token(&secret, "what came is no token", &text, &n, err);
    if (rc < 0)
        return rc;
    into->token.jwt = text;
    into->token.jwt_size = n;
    into->token.issued_ms = asked->now_ms;
    into->api_tokens = token;
    into->n_api_tokens = 1;
    return 0;
}

static int read_user(const struct json_value *body, const struct answer_asked *asked,
                     struct answer *into, struct err *err)
{
    struct json_value user;
    int rc = json_want(body, "user", JSON_OBJECT, &user, err);

    (void)asked;
    if (rc == 0)
        rc = field_within(&user, "username", field_required, &into->arena, &into->username, err);
    return rc;
}

/* {"exp": seconds since the epoch}, -1: never */
static int read_validity(const struct json_value *body, const struct answer_asked *asked,
                         struct answer *into, struct err *err)
{
    struct json_value v;
    int64_t exp;
    int rc = json_read_at(body, "exp", &v, err);

    (void)asked;
    if (rc == 0 && (!json_int(&v, &exp) || exp < -1 || exp > INT64_C(253402300799)))
        rc = err_set(err, ERR_INVALID, "\"exp\" is missing or no time");
    if (rc == 0)
        into->token_ends_ms = exp == -1 ? 0 : exp * 1000;
    return rc;
}

int answer_body_read(const char *body, size_t size, const struct answer_asked *asked,
                     struct answer *into, struct err *err)
{
    struct json_value whole;
    int rc = json_read(body, size, LIMIT_JSON_DEPTH, NULL, &whole, err);

    assert(TABLE[into->kind].read);
    if (rc < 0)
        return rc;
    if (whole.kind != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "it is not an object");
    return TABLE[into->kind].read(&whole, asked, into, err);
}
