/* answer_body: the body of a success that is no listing, for each kind of call.
 * In:    the whole body, what was asked.
 * Out:   the answer's fields, or what is wrong with the shape.
 * Never: fills in a part of what was due. */
#include "core/answer_body.h"

#include <assert.h>
#include <string.h>

#include "core/answer_people.h"
#include "core/jwt.h"
#include "core/live.h"
#include "core/report.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define TOKEN_MAX_BYTES 16384

typedef int (*read_fn)(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                       struct err *err);

static int read_organization(struct json_object *o, const struct answer_asked *asked,
                             struct answer *into, struct err *err);
static int read_group(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                      struct err *err);
static int read_database(struct json_object *o, const struct answer_asked *asked,
                         struct answer *into, struct err *err);
static int read_config(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                       struct err *err);
static int read_token(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                      struct err *err);
static int read_closest(struct json_object *o, const struct answer_asked *asked,
                        struct answer *into, struct err *err);
static int read_restored(struct json_object *o, const struct answer_asked *asked,
                         struct answer *into, struct err *err);

static int read_api_tokens(struct json_object *o, const struct answer_asked *asked,
                           struct answer *into, struct err *err);
static int read_api_token(struct json_object *o, const struct answer_asked *asked,
                          struct answer *into, struct err *err);
static int read_user(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                     struct err *err);
static int read_pipeline(struct json_object *o, const struct answer_asked *asked,
                         struct answer *into, struct err *err);
static int read_count(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                      struct err *err);
static int read_validity(struct json_object *o, const struct answer_asked *asked,
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
    [CALL_DATABASE_PROBE] = {BODY_DUE, read_pipeline},
    [CALL_DATABASE_ASK] = {BODY_DUE, read_count},
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

static int want_object(struct json_object *o, const char *key, struct json_object **out,
                       struct err *err)
{
    if (json_get_obj(o, key, out))
        return 0;
    return err_set(err, ERR_INVALID, "\"%s\" is missing or no object", key);
}

/* An answer about something else must not be taken for this one's. */
static int check_name(const struct answer_asked *asked, const char *name, struct err *err)
{
    if (asked->name && strcmp(asked->name, name) != 0)
        return err_set(err, ERR_INVALID, "it is about \"%s\", not \"%s\"", name, asked->name);
    return 0;
}

static int read_organization(struct json_object *o, const struct answer_asked *asked,
                             struct answer *into, struct err *err)
{
    struct json_object *inner = NULL;
    const char *slug = NULL;
    const char *id = NULL;
    int rc = want_object(o, "organization", &inner, err);

    (void)asked;
    if (rc == 0)
        rc = live_text(inner, "slug", true, &into->arena, &slug, err);
    if (rc == 0)
        rc = live_text(inner, "id", false, &into->arena, &id, err);
    if (rc < 0)
        return rc;
    into->organization_slug = slug;
    into->organization_id = id;
    return 0;
}

static int read_group(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                      struct err *err)
{
    struct json_object *inner = NULL;
    struct live_group *group = arena_alloc(&into->arena, sizeof(*group));
    int rc;

    if (!group)
        return err_nomem(err);
    rc = want_object(o, "group", &inner, err);
    if (rc == 0)
        rc = live_group_read(inner, &into->arena, group, err);
    if (rc == 0)
        rc = check_name(asked, group->name, err);
    if (rc < 0)
        return rc;
    into->groups = group;
    into->n_groups = 1;
    return 0;
}

static int read_database(struct json_object *o, const struct answer_asked *asked,
                         struct answer *into, struct err *err)
{
    struct json_object *inner = NULL;
    struct live_db *db = arena_alloc(&into->arena, sizeof(*db));
    int rc;

    if (!db)
        return err_nomem(err);
    rc = want_object(o, "database", &inner, err);
    if (rc == 0)
        rc = live_db_read(inner, &into->arena, db, err);
    if (rc == 0)
        rc = check_name(asked, db->name, err);
    if (rc < 0)
        return rc;
    into->databases = db;
    into->n_databases = 1;
    return 0;
}

static int read_config(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                       struct err *err)
{
    struct db_config config;
    int rc = live_config_read(o, &into->arena, &config, err);

    (void)asked;
    if (rc == 0)
        into->config = config;
    return rc;
}

/* {"server": code, "client": code}: "client" may be a code that is no longer taken. */
static int read_closest(struct json_object *o, const struct answer_asked *asked,
                        struct answer *into, struct err *err)
{
    const char *code;
    int rc = live_text(o, "server", true, &into->arena, &code, err);

    (void)asked;
    if (rc == 0 && !text_is_name(code, strlen(code)))
        rc = err_set(err, ERR_INVALID, "\"server\" is no location");
    if (rc == 0)
        into->location = code;
    return rc;
}

/* A group, restored: some of its databases may have failed, which is no failure of the whole. */
static int read_restored(struct json_object *o, const struct answer_asked *asked,
                         struct answer *into, struct err *err)
{
    struct json_object *list = NULL;
    struct json_object *failures = NULL;

    (void)asked;
    (void)err;
    if (json_get_arr(o, "databases", &list))
        into->n_restored = json_object_array_length(list);
    if (json_get_obj(o, "failures", &failures))
        into->n_failures = (size_t)json_object_object_length(failures);
    return 0;
}

/* SELECT 1: {"results": [{"type": "ok", ...}, ...]}, or what the database said is wrong. */
static int read_pipeline(struct json_object *o, const struct answer_asked *asked,
                         struct answer *into, struct err *err)
{
    struct json_object *list = NULL;
    struct json_object *first = NULL;
    struct json_object *error = NULL;
    const char *type = "";
    const char *message = "";

    (void)asked;
    (void)into;
    if (json_get_arr(o, "results", &list) && json_object_array_length(list) > 0)
        first = json_object_array_get_idx(list, 0);
    if (first && json_get_str(first, "type", &type) && strcmp(type, "ok") == 0)
        return 0;
    if (first && json_get_obj(first, "error", &error) && json_get_str(error, "message", &message))
        return err_set(err, ERR_INVALID, "the database says: %.150s", message);
    return err_set(err, ERR_INVALID, "it holds no result");
}

/* One row of one integer, which is sent as a text (Hrana: a 64-bit number in JSON). */
static int read_count(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                      struct err *err)
{
    struct json_object *list = NULL;
    struct json_object *response = NULL;
    struct json_object *result = NULL;
    struct json_object *rows = NULL;
    struct json_object *row = NULL;
    const char *value = NULL;
    uint64_t n;
    int rc = read_pipeline(o, asked, into, err);

    if (rc < 0)
        return rc;
    if (json_get_arr(o, "results", &list) &&
        json_get_obj(json_object_array_get_idx(list, 0), "response", &response) &&
        json_get_obj(response, "result", &result) && json_get_arr(result, "rows", &rows) &&
        json_object_array_length(rows) == 1)
        row = json_object_array_get_idx(rows, 0);
    if (!json_object_is_type(row, json_type_array) || json_object_array_length(row) != 1 ||
        !json_get_str(json_object_array_get_idx(row, 0), "value", &value) ||
        !text_parse_uint(value, INT64_MAX, &n))
        return err_set(err, ERR_INVALID, "it holds no count");
    into->holds_something = n > 0;
    return 0;
}

/* --- Tokens -------------------------------------------------------------------------------- */

/* json-c frees without wiping; a text that is not longer than the old one takes its place. */
static void wipe(struct json_object *text, size_t size)
{
    static const char NOTHING[TOKEN_MAX_BYTES];

    if (size <= sizeof(NOTHING))
        (void)json_object_set_string_len(text, NOTHING, (int)size);
}

/* The header's alphabet of a bearer token (RFC 6750), so that it can stand in a file and a header.
 */
static bool is_token(const char *s, size_t n)
{
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

    return n > 0 && n <= TOKEN_MAX_BYTES && strspn(s, ALPHABET) == n;
}

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

static int keep_token(const char *jwt, size_t n, const struct answer_asked *asked,
                      struct answer *into, struct err *err)
{
    struct jwt_claims claims;
    const char *target = NULL;
    int rc;

    if (!is_token(jwt, n))
        return err_set(err, ERR_INVALID, "\"jwt\" is no token");
    rc = read_claims(jwt, n, asked, &claims, err);
    if (rc < 0)
        return rc;
    if (claims.target_id[0] && !(target = arena_strdup(&into->arena, claims.target_id)))
        return err_nomem(err);
    into->token.jwt = mem_strndup(jwt, n);
    if (!into->token.jwt)
        return err_nomem(err);
    into->token.jwt_size = n;
    into->token.issued_ms = claims.issued_ms;
    into->token.expires_ms = claims.expires_ms;
    into->token.target_id = target;
    into->token.read_only = claims.read_only;
    return 0;
}

static int read_token(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                      struct err *err)
{
    struct json_object *v = NULL;
    size_t n;
    int rc;

    if (!json_object_object_get_ex(o, "jwt", &v) || !json_object_is_type(v, json_type_string))
        return err_set(err, ERR_INVALID, "\"jwt\" is missing or no text");
    n = (size_t)json_object_get_string_len(v);
    rc = keep_token(json_object_get_string(v), n, asked, into, err);
    wipe(v, n);
    return rc;
}

/* --- API tokens and users ------------------------------------------------------------------ */

static int read_api_tokens(struct json_object *o, const struct answer_asked *asked,
                           struct answer *into, struct err *err)
{
    struct json_object *list = NULL;
    struct live_api_token *tokens;
    size_t n;
    int rc = 0;

    (void)asked;
    if (!json_get_arr(o, "tokens", &list))
        return err_set(err, ERR_INVALID, "\"tokens\" is missing or no list");
    n = json_object_array_length(list);
    tokens = arena_alloc(&into->arena, (n + 1) * sizeof(*tokens));
    if (!tokens)
        return err_nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = live_api_token_read(json_object_array_get_idx(list, i), &into->arena, &tokens[i], err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        for (size_t j = 0; rc == 0 && j < i; j++)
            if (strcmp(tokens[i].id, tokens[j].id) == 0)
                rc = err_set(err, ERR_INVALID, "the id \"%s\" is listed twice", tokens[i].id);
    if (rc < 0)
        return rc;
    into->api_tokens = tokens;
    into->n_api_tokens = n;
    return 0;
}

/* {"name", "id", "token": secret}, or {"token": {"name", "id", "value": secret}}. */
static int read_api_token(struct json_object *o, const struct answer_asked *asked,
                          struct answer *into, struct err *err)
{
    struct live_api_token *token = arena_alloc(&into->arena, sizeof(*token));
    struct json_object *inner = NULL;
    struct json_object *secret = NULL;
    bool nested = json_get_obj(o, "token", &inner);
    size_t n;
    int rc;

    if (!token)
        return err_nomem(err);
    if (!nested)
        inner = o;
    if (!json_object_object_get_ex(inner, nested ? "value" : "token", &secret) ||
        !json_object_is_type(secret, json_type_string))
        return err_set(err, ERR_INVALID, "the token's secret is missing or no text");
    n = (size_t)json_object_get_string_len(secret);
    rc = live_text(inner, "name", true, &into->arena, &token->name, err);
    if (rc == 0)
        rc = live_text(inner, "id", true, &into->arena, &token->id, err);
    if (rc == 0)
        rc = check_name(asked, token->name, err);
    if (rc == 0 && !is_token(json_object_get_string(secret), n))
        rc = err_set(err, ERR_INVALID, "what came is no token");
    if (rc == 0 && !(into->token.jwt = mem_strndup(json_object_get_string(secret), n)))
        rc = err_nomem(err);
    wipe(secret, n);
    if (rc < 0)
        return rc;
    into->token.jwt_size = n;
    into->token.issued_ms = asked->now_ms;
    into->api_tokens = token;
    into->n_api_tokens = 1;
    return 0;
}

static int read_user(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                     struct err *err)
{
    struct json_object *user = NULL;
    int rc = want_object(o, "user", &user, err);

    (void)asked;
    return rc < 0 ? rc : live_text(user, "username", true, &into->arena, &into->username, err);
}

/* {"exp": seconds since the epoch}, -1: never */
static int read_validity(struct json_object *o, const struct answer_asked *asked,
                         struct answer *into, struct err *err)
{
    int64_t exp;

    (void)asked;
    if (!json_get_int(o, "exp", &exp) || exp < -1 || exp > INT64_C(253402300799))
        return err_set(err, ERR_INVALID, "\"exp\" is missing or no time");
    into->token_ends_ms = exp == -1 ? 0 : exp * 1000;
    return 0;
}

int answer_body_read(const char *body, size_t size, const struct answer_asked *asked,
                     struct answer *into, struct err *err)
{
    CLEANUP(json_put) struct json_object *o = NULL;
    int rc = json_parse(body, size, LIMIT_JSON_DEPTH, &o, err);

    assert(TABLE[into->kind].read);
    if (rc < 0)
        return rc;
    if (!json_object_is_type(o, json_type_object))
        return err_set(err, ERR_INVALID, "it is not an object");
    return TABLE[into->kind].read(o, asked, into, err);
}
