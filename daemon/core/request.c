/* request: a call as HTTP. The one place that knows the platform's paths and queries.
 * In:    a call, the organization's slug.
 * Out:   method, path with query, body (request_body.c).
 * Never: I/O; a path made of a name that could mean another path. */
#include "core/request.h"

#include <assert.h>
#include <string.h>

#include "core/request_body.h"
#include "core/request_people.h"
#include "lib/buf.h"
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

typedef int (*query_fn)(const struct call *c, struct buf *target, struct err *err);

static int listing_query(const struct call *c, struct buf *target, struct err *err);
static int deleted_query(const struct call *c, struct buf *target, struct err *err);
static int token_query(const struct call *c, struct buf *target, struct err *err);
static int audit_query(const struct call *c, struct buf *target, struct err *err);

/* In a path: {o} the organization, {i} its id, {n} and {a} the call's name, {l} its location,
 * {t} its target's id, {k} an API token's, {u} a user's name, {e} an e-mail address. */
#define GROUP    "/v1/organizations/{o}/groups/{n}"
#define DATABASE "/v1/organizations/{o}/databases/{n}"
static const struct {
    const char *path;
    query_fn query; /* NULL: none */
} TABLE[CALL_N] = {
    [CALL_ORGANIZATION_GET] = {"/v1/organizations/{o}", NULL},
    [CALL_GROUPS_LIST] = {"/v1/organizations/{o}/groups", NULL},
    [CALL_GROUP_GET] = {GROUP, NULL},
    [CALL_GROUP_CREATE] = {"/v1/organizations/{o}/groups", NULL},
    [CALL_GROUP_CONFIGURE] = {GROUP "/configuration", NULL},
    [CALL_GROUP_UNARCHIVE] = {GROUP "/unarchive", NULL},
    [CALL_GROUP_DELETE] = {GROUP, NULL},
    [CALL_GROUP_TOKEN] = {GROUP "/auth/tokens", token_query},
    [CALL_GROUP_ROTATE] = {GROUP "/auth/rotate", NULL},
    [CALL_LOCATION_ADD] = {GROUP "/locations/{l}", NULL},
    [CALL_LOCATION_REMOVE] = {GROUP "/locations/{l}", NULL},
    [CALL_LOCATION_CLOSEST] = {"/", NULL}, /* a service of its own; io knows which host */
    [CALL_DATABASES_LIST] = {"/v1/organizations/{o}/databases", listing_query},
    [CALL_DATABASE_GET] = {DATABASE, NULL},
    [CALL_DATABASE_CREATE] = {"/v1/organizations/{o}/databases", NULL},
    [CALL_DATABASE_CONFIG_GET] = {DATABASE "/configuration", NULL},
    [CALL_DATABASE_CONFIGURE] = {DATABASE "/configuration", NULL},
    [CALL_DATABASE_DELETE] = {DATABASE, NULL},
    [CALL_DATABASE_ROTATE] = {DATABASE "/auth/rotate", NULL},
    [CALL_DATABASE_TOKEN] = {DATABASE "/auth/tokens", token_query},
    [CALL_DELETED_DATABASES_LIST] = {"/v3/organizations/{i}/databases", deleted_query},
    [CALL_DELETED_GROUPS_LIST] = {"/v3/organizations/{i}/deleted-groups", listing_query},
    [CALL_DATABASE_RESTORE] = {"/v3/organizations/{i}/databases/{t}/restore", NULL},
    [CALL_GROUP_RESTORE] = {"/v3/organizations/{i}/groups/{t}/restore", NULL},
    [CALL_DATABASE_PROBE] = {"/v2/pipeline", NULL}, /* at a host of its own, */
    [CALL_DATABASE_ASK] = {"/v2/pipeline", NULL},   /* and the next two */
    [CALL_DATABASE_UPLOAD] = {"/v1/upload", NULL},  /* its body is the file; io has it */
    [CALL_SEED_LOOK] = {"/", NULL},                 /* never sent */
    [CALL_REPORT_ORGANIZATIONS] = {"/v1/organizations", NULL},
    [CALL_REPORT_PLANS] = {"/v1/organizations/{o}/plans", NULL},
    [CALL_REPORT_SUBSCRIPTION] = {"/v1/organizations/{o}/subscription", NULL},
    [CALL_REPORT_USAGE] = {"/v1/organizations/{o}/usage", NULL},
    [CALL_REPORT_DATABASE_USAGE] = {DATABASE "/usage", NULL},
    [CALL_REPORT_AUDIT] = {"/v1/organizations/{o}/audit-logs", audit_query},
    [CALL_REPORT_LOCATIONS] = {"/v1/locations", NULL},
    [CALL_REPORT_TOKENS] = {"/v1/organizations/{o}/api-tokens", NULL},
    [CALL_REPORT_OWN_TOKENS] = {"/v1/auth/api-tokens", NULL},
    [CALL_REPORT_MEMBERS] = {"/v1/organizations/{o}/members", NULL},
    [CALL_REPORT_INVITES] = {"/v2/organizations/{o}/invites", NULL},
    [CALL_API_TOKENS_LIST] = {"/v1/organizations/{o}/api-tokens", NULL},
    [CALL_API_TOKEN_CREATE] = {API_TOKENS_PREFIX "{a}", NULL},
    [CALL_API_TOKEN_REVOKE] = {"/v1/organizations/{o}/api-tokens/{k}", NULL},
    [CALL_USER_GET] = {USER_PATH, NULL},
    [CALL_TOKEN_VALIDATE] = {"/v1/auth/validate", NULL},
    [CALL_DELETE_TOKEN_VALIDATE] = {"/v1/auth/validate", NULL},
    [CALL_INVITES_LIST] = {"/v2/organizations/{o}/invites", NULL},
    [CALL_MEMBERS_LIST] = {"/v1/organizations/{o}/members", NULL},
    [CALL_INVITE_SEND] = {"/v2/organizations/{o}/invites", NULL},
    [CALL_INVITE_REMOVE] = {"/v2/organizations/{o}/invites/{e}", NULL},
    [CALL_MEMBER_ROLE] = {"/v1/organizations/{o}/members/{u}", NULL},
    [CALL_MEMBER_REMOVE] = {"/v1/organizations/{o}/members/{u}", NULL},
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
    if (rc == 0)
        rc = request_body_build(c, organization, &body, err);
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
