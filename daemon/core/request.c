/* request: a call as HTTP. The one place that knows the platform's paths, queries and bodies.
 * In:    a call, the organization's slug.
 * Out:   method, path with query, body.
 * Never: I/O; a path made of a name that could mean another path. */
#include "core/request.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/request_people.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define TARGET_MAX_BYTES     8192 /* above all that the limits on its parts allow, encoded */
#define ORGANIZATION_MAX     128
#define ORGANIZATIONS_PREFIX "/v1/organizations/"
#define BY_ID_PREFIX         "/v3/organizations/"
#define INVITES_PREFIX       "/v2/organizations/"
#define API_TOKENS_PREFIX    "/v1/auth/api-tokens/"
#define USER_PATH            "/v1/user"
#define LISTING_LIMIT        "1000" /* the platform cuts a listing there, whether asked or not */
#define AUDIT_PAGE_SIZE      "100"
#define KEY_MARK             "@key@" /* stands for the key; no other text of a body can hold it */

typedef int (*body_fn)(const struct call *c, struct json_object *o, struct err *err);
typedef int (*query_fn)(const struct call *c, struct buf *target, struct err *err);

static int database_create_body(const struct call *c, struct json_object *o, struct err *err);
static int group_create_body(const struct call *c, struct json_object *o, struct err *err);
static int configure_body(const struct call *c, struct json_object *o, struct err *err);
static int protect_body(const struct call *c, struct json_object *o, struct err *err);
static int token_body(const struct call *c, struct json_object *o, struct err *err);
static int api_token_body(const struct call *c, struct json_object *o, struct err *err);
static int listing_query(const struct call *c, struct buf *target, struct err *err);
static int deleted_query(const struct call *c, struct buf *target, struct err *err);
static int token_query(const struct call *c, struct buf *target, struct err *err);
static int restore_body(const struct call *c, struct json_object *o, struct err *err);
static int probe_body(const struct call *c, struct json_object *o, struct err *err);
static int ask_body(const struct call *c, struct json_object *o, struct err *err);
static int audit_query(const struct call *c, struct buf *target, struct err *err);

/* In a path: {o} the organization, {i} its id, {n} and {a} the call's name, {l} its location,
 * {t} its target's id, {k} an API token's, {u} a user's name, {e} an e-mail address. */
#define GROUP    "/v1/organizations/{o}/groups/{n}"
#define DATABASE "/v1/organizations/{o}/databases/{n}"
static const struct {
    const char *path;
    query_fn query; /* NULL: none */
    body_fn body;   /* NULL: none */
} TABLE[CALL_N] = {
    [CALL_ORGANIZATION_GET] = {"/v1/organizations/{o}", NULL, NULL},
    [CALL_GROUPS_LIST] = {"/v1/organizations/{o}/groups", NULL, NULL},
    [CALL_GROUP_GET] = {GROUP, NULL, NULL},
    [CALL_GROUP_CREATE] = {"/v1/organizations/{o}/groups", NULL, group_create_body},
    [CALL_GROUP_CONFIGURE] = {GROUP "/configuration", NULL, protect_body},
    [CALL_GROUP_UNARCHIVE] = {GROUP "/unarchive", NULL, NULL},
    [CALL_GROUP_DELETE] = {GROUP, NULL, NULL},
    [CALL_GROUP_TOKEN] = {GROUP "/auth/tokens", token_query, token_body},
    [CALL_GROUP_ROTATE] = {GROUP "/auth/rotate", NULL, NULL},
    [CALL_LOCATION_ADD] = {GROUP "/locations/{l}", NULL, NULL},
    [CALL_LOCATION_REMOVE] = {GROUP "/locations/{l}", NULL, NULL},
    [CALL_LOCATION_CLOSEST] = {"/", NULL, NULL}, /* a service of its own; io knows which host */
    [CALL_DATABASES_LIST] = {"/v1/organizations/{o}/databases", listing_query, NULL},
    [CALL_DATABASE_GET] = {DATABASE, NULL, NULL},
    [CALL_DATABASE_CREATE] = {"/v1/organizations/{o}/databases", NULL, database_create_body},
    [CALL_DATABASE_CONFIG_GET] = {DATABASE "/configuration", NULL, NULL},
    [CALL_DATABASE_CONFIGURE] = {DATABASE "/configuration", NULL, configure_body},
    [CALL_DATABASE_DELETE] = {DATABASE, NULL, NULL},
    [CALL_DATABASE_ROTATE] = {DATABASE "/auth/rotate", NULL, NULL},
    [CALL_DATABASE_TOKEN] = {DATABASE "/auth/tokens", token_query, token_body},
    [CALL_DELETED_DATABASES_LIST] = {"/v3/organizations/{i}/databases", deleted_query, NULL},
    [CALL_DELETED_GROUPS_LIST] = {"/v3/organizations/{i}/deleted-groups", listing_query, NULL},
    [CALL_DATABASE_RESTORE] = {"/v3/organizations/{i}/databases/{t}/restore", NULL, restore_body},
    [CALL_GROUP_RESTORE] = {"/v3/organizations/{i}/groups/{t}/restore", NULL, restore_body},
    [CALL_DATABASE_PROBE] = {"/v2/pipeline", NULL, probe_body}, /* at a host of its own, */
    [CALL_DATABASE_ASK] = {"/v2/pipeline", NULL, ask_body},     /* and the next two */
    [CALL_DATABASE_UPLOAD] = {"/v1/upload", NULL, NULL}, /* its body is the file; io has it */
    [CALL_SEED_LOOK] = {"/", NULL, NULL},                /* never sent */
    [CALL_REPORT_ORGANIZATIONS] = {"/v1/organizations", NULL, NULL},
    [CALL_REPORT_PLANS] = {"/v1/organizations/{o}/plans", NULL, NULL},
    [CALL_REPORT_SUBSCRIPTION] = {"/v1/organizations/{o}/subscription", NULL, NULL},
    [CALL_REPORT_USAGE] = {"/v1/organizations/{o}/usage", NULL, NULL},
    [CALL_REPORT_DATABASE_USAGE] = {DATABASE "/usage", NULL, NULL},
    [CALL_REPORT_AUDIT] = {"/v1/organizations/{o}/audit-logs", audit_query, NULL},
    [CALL_REPORT_LOCATIONS] = {"/v1/locations", NULL, NULL},
    [CALL_REPORT_TOKENS] = {"/v1/organizations/{o}/api-tokens", NULL, NULL},
    [CALL_REPORT_OWN_TOKENS] = {"/v1/auth/api-tokens", NULL, NULL},
    [CALL_REPORT_MEMBERS] = {"/v1/organizations/{o}/members", NULL, NULL},
    [CALL_REPORT_INVITES] = {"/v2/organizations/{o}/invites", NULL, NULL},
    [CALL_API_TOKENS_LIST] = {"/v1/organizations/{o}/api-tokens", NULL, NULL},
    [CALL_API_TOKEN_CREATE] = {API_TOKENS_PREFIX "{a}", NULL, api_token_body},
    [CALL_API_TOKEN_REVOKE] = {"/v1/organizations/{o}/api-tokens/{k}", NULL, NULL},
    [CALL_USER_GET] = {USER_PATH, NULL, NULL},
    [CALL_TOKEN_VALIDATE] = {"/v1/auth/validate", NULL, NULL},
    [CALL_DELETE_TOKEN_VALIDATE] = {"/v1/auth/validate", NULL, NULL},
    [CALL_INVITES_LIST] = {"/v2/organizations/{o}/invites", NULL, NULL},
    [CALL_MEMBERS_LIST] = {"/v1/organizations/{o}/members", NULL, NULL},
    [CALL_INVITE_SEND] = {"/v2/organizations/{o}/invites", NULL, request_invite_body},
    [CALL_INVITE_REMOVE] = {"/v2/organizations/{o}/invites/{e}", NULL, NULL},
    [CALL_MEMBER_ROLE] = {"/v1/organizations/{o}/members/{u}", NULL, request_role_body},
    [CALL_MEMBER_REMOVE] = {"/v1/organizations/{o}/members/{u}", NULL, NULL},
};

bool request_is_of_host(enum call_kind kind)
{
    return kind == CALL_DATABASE_PROBE || kind == CALL_DATABASE_ASK || kind == CALL_DATABASE_UPLOAD;
}

/* --- Path and query ------------------------------------------------------------------------ */

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A slug of ours, or an id, may have capitals; but nothing that a server could read as another
 * path. */
static bool is_slug(const char *s)
{
    size_t n = s ? strlen(s) : 0;

    for (size_t i = 0; i < n; i++)
        if (!is_letter_or_digit(s[i]) && s[i] != '-' && s[i] != '_')
            return false;
    return n > 0 && n <= ORGANIZATION_MAX;
}

static bool is_name(const char *s)
{
    return s && text_is_name(s, strlen(s));
}

void request_add_encoded(struct buf *b, const char *s)
{
    while (*s) {
        size_t n = 0;

        while (s[n] && (is_letter_or_digit(s[n]) || strchr("-._~", s[n])))
            n++;
        buf_add(b, s, n);
        for (s += n; *s && !is_letter_or_digit(*s) && !strchr("-._~", *s); s++)
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)*s);
    }
}

static int add_name(struct buf *b, const char *what, const char *name, struct err *err)
{
    if (!is_name(name))
        return err_set(err, ERR_INVALID, "\"%s\" cannot be the name of a %s", name ? name : "",
                       what);
    request_add_encoded(b, name);
    return 0;
}

static int add_slug(struct buf *b, const char *what, const char *slug, struct err *err)
{
    if (!is_slug(slug))
        return err_set(err, ERR_INVALID, "\"%s\" cannot be the %s", slug ? slug : "", what);
    request_add_encoded(b, slug);
    return 0;
}

static int add_placeholder(struct buf *b, char which, const struct call *c,
                           const char *organization, struct err *err)
{
    switch (which) {
    case 'n':
        return add_name(b, "database or group", c->name, err);
    case 'a':
        return add_name(b, "API token", c->name, err);
    case 'l':
        return add_name(b, "location", c->location, err);
    case 'i':
        return add_slug(b, "id of an organization", c->organization_id, err);
    case 't':
        return add_slug(b, "id of a database or group", c->target_id, err);
    case 'k':
        return add_slug(b, "id of an API token", c->target_id, err);
    case 'u':
        return request_add_user(b, c->name, err);
    case 'e':
        return request_add_email(b, c->name, err);
    default:
        return add_slug(b, "name of an organization", organization, err);
    }
}

static int add_path(struct buf *b, const struct call *c, const char *organization, struct err *err)
{
    const char *p = TABLE[c->kind].path;
    int rc = 0;

    while (rc == 0 && *p) {
        size_t n = strcspn(p, "{");

        buf_add(b, p, n);
        p += n;
        if (!*p)
            break;
        rc = add_placeholder(b, p[1], c, organization, err);
        p += 3;
    }
    return rc;
}

static int add_page(const struct call *c, struct buf *target, struct err *err)
{
    if (c->cursor && strlen(c->cursor) > LIMIT_CURSOR_BYTES)
        return err_set(err, ERR_INVALID, "a cursor of over %d bytes", LIMIT_CURSOR_BYTES);
    buf_add_str(target, "limit=" LISTING_LIMIT);
    if (c->cursor) {
        buf_add_str(target, "&cursor=");
        request_add_encoded(target, c->cursor);
    }
    return 0;
}

static int listing_query(const struct call *c, struct buf *target, struct err *err)
{
    buf_add_str(target, "?");
    return add_page(c, target, err);
}

static int deleted_query(const struct call *c, struct buf *target, struct err *err)
{
    buf_add_str(target, "?deleted=true&");
    return add_page(c, target, err);
}

static int audit_query(const struct call *c, struct buf *target, struct err *err)
{
    (void)err;
    buf_printf(target, "?page=%u&page_size=" AUDIT_PAGE_SIZE, c->page ? c->page : 1);
    return 0;
}

/* Both are named each time: left out, they would mean full access, for ever. */
static int token_query(const struct call *c, struct buf *target, struct err *err)
{
    if (!c->expiration || !*c->expiration || strlen(c->expiration) > LIMIT_NAME_BYTES)
        return err_set(err, ERR_INVALID,
                       "a token is asked for with an expiration of at most %d bytes",
                       LIMIT_NAME_BYTES);
    buf_add_str(target, "?expiration=");
    request_add_encoded(target, c->expiration);
    buf_add_str(target, "&authorization=");
    buf_add_str(target, c->authorization == AUTH_READ_ONLY ? "read-only" : "full-access");
    return 0;
}

/* --- Bodies -------------------------------------------------------------------------------- */

/* An array of the parts of a SET; "" is the empty array. NULL: no memory. */
static struct json_object *set_array(const char *set)
{
    struct json_object *array = json_object_new_array();

    while (array && *set) {
        size_t n = strcspn(set, ",");

        if (!json_append(array, json_object_new_string_len(set, (int)n)))
            json_put(&array);
        set += n + (set[n] == ',');
    }
    return array;
}

static int add_bool_text(struct json_object *o, const char *key, const char *text, struct err *err)
{
    bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0)
        return err_set(err, ERR_INVALID, "%s must be true or false, not \"%s\"", key, text);
    return json_add_bool(o, key, yes) ? 0 : err_nomem(err);
}

static int add_field(struct json_object *o, enum config_field f, const char *text, struct err *err)
{
    const char *key = CONFIG_FIELD[f].key;

    if (CONFIG_FIELD[f].type == CONFIG_TYPE_BOOL)
        return add_bool_text(o, key, text, err);
    if (CONFIG_FIELD[f].type == CONFIG_TYPE_SET)
        return json_add(o, key, set_array(text)) ? 0 : err_nomem(err);
    return json_add_str(o, key, text) ? 0 : err_nomem(err);
}

static int configure_body(const struct call *c, struct json_object *o, struct err *err)
{
    int rc = 0;

    for (int f = 0; f < CONFIG_N && rc == 0; f++)
        if (c->config[f])
            rc = add_field(o, (enum config_field)f, c->config[f], err);
    if (rc == 0 && json_object_object_length(o) == 0)
        return err_set(err, ERR_INVALID, "no field to configure");
    return rc;
}

static int protect_body(const struct call *c, struct json_object *o, struct err *err)
{
    const char *text = c->config[CONFIG_DELETE_PROTECTION];

    if (!text)
        return err_set(err, ERR_INVALID, "no field to configure");
    return add_field(o, CONFIG_DELETE_PROTECTION, text, err);
}

static int group_create_body(const struct call *c, struct json_object *o, struct err *err)
{
    bool fine;

    if (!is_name(c->name) || !is_name(c->location))
        return err_set(err, ERR_INVALID, "\"%s\" in \"%s\": not names of a group and a location",
                       c->name ? c->name : "", c->location ? c->location : "");
    fine = json_add_str(o, "name", c->name) && json_add_str(o, "location", c->location);
    if (c->extensions && strcmp(c->extensions, "all") == 0)
        fine = fine && json_add_str(o, "extensions", "all");
    else if (c->extensions)
        fine = fine && json_add(o, "extensions", set_array(c->extensions));
    return fine ? 0 : err_nomem(err);
}

static bool add_seed(const struct call *c, struct json_object *o)
{
    struct json_object *seed = json_object_new_object();

    return json_add(o, "seed", seed) &&
           json_add_str(seed, "type", c->as_draft ? "database_upload" : "database") &&
           json_add_str(seed, "name", c->seed_database) &&
           json_add_str(seed, "timestamp", c->seed_timestamp);
}

/* A copy needs the key of what it is copied from; its cipher is known there. */
static bool add_encryption(const struct call *c, struct json_object *o)
{
    struct json_object *encryption = json_object_new_object();

    return json_add(o, "remote_encryption", encryption) &&
           json_add_str(encryption, "encryption_key", KEY_MARK) &&
           json_add_str(encryption, "encryption_cipher", c->cipher);
}

static int database_create_body(const struct call *c, struct json_object *o, struct err *err)
{
    bool fine;

    if (c->key_name && !c->key)
        return err_set(err, ERR_INVALID, "the encryption key \"%s\" is not there", c->key_name);
    if (!is_name(c->name) || !is_name(c->group) || (c->seed_database && !is_name(c->seed_database)))
        return err_set(err, ERR_INVALID, "\"%s\" in \"%s\": not names of a database and a group",
                       c->name ? c->name : "", c->group ? c->group : "");
    fine = json_add_str(o, "name", c->name) && json_add_str(o, "group", c->group) &&
           (!(c->seed_database || c->as_draft) || add_seed(c, o)) &&
           (!c->key_name || add_encryption(c, o)) &&
           (!c->use_tursodb || json_add_bool(o, "use_tursodb", true)) &&
           json_add_str(o, "size_limit", c->config[CONFIG_SIZE_LIMIT]);
    return fine ? 0 : err_nomem(err);
}

/* Under its old name. */
static int restore_body(const struct call *c, struct json_object *o, struct err *err)
{
    (void)c;
    (void)o;
    (void)err;
    return 0;
}

/* One statement, and no more after it. */
static int add_statement(struct json_object *o, const char *sql, struct err *err)
{
    char text[256];
    struct json_object *list;
    int rc;

    snprintf(text, sizeof(text),
             "[{\"type\":\"execute\",\"stmt\":{\"sql\":\"%s\"}},{\"type\":\"close\"}]", sql);
    rc = json_parse(text, strlen(text), LIMIT_JSON_DEPTH, &list, err);
    if (rc < 0)
        return rc;
    return json_add(o, "requests", list) ? 0 : err_nomem(err);
}

static int probe_body(const struct call *c, struct json_object *o, struct err *err)
{
    (void)c;
    return add_statement(o, "SELECT 1", err);
}

static int ask_body(const struct call *c, struct json_object *o, struct err *err)
{
    (void)c;
    return add_statement(o, "SELECT count(*) FROM sqlite_master", err);
}

/* Without permissions there is no such key: some databases refuse even an empty list. The body is
 * then {}, as the platform's own client sends it, for a body that was read once keeps libcurl from
 * sending a mint twice. */
static int token_body(const struct call *c, struct json_object *o, struct err *err)
{
    struct json_object *list;
    int rc;

    if (!c->permissions)
        return 0;
    rc = json_parse(c->permissions, strlen(c->permissions), LIMIT_JSON_DEPTH, &list, err);
    if (rc < 0) {
        err_wrap(err, "permissions");
        return rc;
    }
    return json_add(o, "fine_grained_permissions", list) ? 0 : err_nomem(err);
}

/* The body as text. json-c frees without wiping, so a key is only put into the text, in a piece of
 * memory that is wiped. */
static char *body_text(const struct call *c, const char *text)
{
    const char *mark = c->key ? strstr(text, "\"" KEY_MARK "\"") : NULL;

    if (!mark)
        return mem_strdup(text);
    return mem_printf("%.*s\"%s\"%s", (int)(mark - text), text, c->key,
                      mark + strlen("\"" KEY_MARK "\""));
}

/* Without a body the token could do everything in every organization; without scopes one of a
 * group is none. So both are named, or the call is not made; build_body names the organization. */
static int api_token_body(const struct call *c, struct json_object *o, struct err *err)
{
    if (!c->group != !c->scopes || (c->group && (!is_name(c->group) || !*c->scopes)))
        return err_set(err, ERR_INVALID, "an API token of a group needs the group and scopes");
    if (!c->group)
        return 0;
    return json_add_str(o, "group", c->group) && json_add(o, "scopes", set_array(c->scopes))
               ? 0
               : err_nomem(err);
}

/* *out: NULL when nothing is to be sent. */
static int build_body(const struct call *c, const char *organization, char **out, struct err *err)
{
    CLEANUP(json_put) struct json_object *o = json_object_new_object();
    CLEANUP(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 2);
    int rc;

    if (!o)
        return err_nomem(err);
    if (c->kind == CALL_API_TOKEN_CREATE && !json_add_str(o, "organization", organization))
        return err_nomem(err);
    rc = TABLE[c->kind].body(c, o, err);
    if (rc < 0 || (json_object_object_length(o) == 0 && !CALL_INFO[c->kind].once))
        return rc;
    *out = json_print(o, &text) ? body_text(c, buf_str(&text)) : NULL;
    return *out ? 0 : err_nomem(err);
}

/* --- The whole ----------------------------------------------------------------------------- */

/* What a path is made of was checked above; that it still begins as it must is checked again, since
 * a DELETE of a shorter path means a bigger thing. */
static void assert_target(const struct call *c, const char *organization, const char *target)
{
    const char *by_id = strstr(TABLE[c->kind].path, "{i}");
    const char *invites = strstr(TABLE[c->kind].path, INVITES_PREFIX "{o}/");
    const char *prefix_text = by_id     ? BY_ID_PREFIX
                              : invites ? INVITES_PREFIX
                                        : ORGANIZATIONS_PREFIX;
    const char *whose = by_id ? c->organization_id : organization;
    size_t prefix = strlen(prefix_text);
    size_t n = strlen(whose);

    assert(!strstr(target, "//") && !strstr(target, "/."));
    if (c->kind == CALL_API_TOKEN_CREATE) {
        assert(strncmp(target, API_TOKENS_PREFIX, strlen(API_TOKENS_PREFIX)) == 0);
        return;
    }
    if (!by_id && !invites &&
        !strstr(TABLE[c->kind].path, ORGANIZATIONS_PREFIX "{o}")) { /* reads alone */
        assert(strcmp(CALL_INFO[c->kind].method, "GET") == 0 || request_is_of_host(c->kind));
        return;
    }
    assert(strncmp(target, prefix_text, prefix) == 0);
    assert(strncmp(target + prefix, whose, n) == 0);
    assert(target[prefix + n] == '/' || c->kind == CALL_ORGANIZATION_GET);
}

static int build_target(const struct call *c, const char *organization, struct buf *b,
                        struct err *err)
{
    int rc = add_path(b, c, organization, err);

    if (rc == 0 && TABLE[c->kind].query)
        rc = TABLE[c->kind].query(c, b, err);
    return rc == 0 && b->failed ? err_nomem(err) : rc;
}

int request_build(const struct call *c, const char *organization, struct request *out,
                  struct err *err)
{
    struct buf target = BUF_INIT(TARGET_MAX_BYTES);
    char *body = NULL;
    int rc;

    assert(c->kind < CALL_N);
    rc = build_target(c, organization, &target, err);
    if (rc == 0 && TABLE[c->kind].body)
        rc = build_body(c, organization, &body, err);
    if (rc < 0) {
        buf_deinit(&target);
        err_wrap(err, "%s", CALL_INFO[c->kind].name);
        return rc;
    }
    assert_target(c, organization, buf_str(&target));
    *out = (struct request){CALL_INFO[c->kind].method, target.data, body};
    return 0;
}

void request_deinit(struct request *r)
{
    mem_free(r->target);
    mem_free_secret(r->body, r->body ? strlen(r->body) : 0); /* it may hold a key */
    *r = (struct request){0};
}
