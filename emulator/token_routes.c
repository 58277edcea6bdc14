/* token_routes: tokens for databases and groups, and the keys behind them.
 * In:    expiration and authorization from the query; permissions from the body.
 * Out:   signed JWTs; a rotation kills every token that the old key signed.
 * Never: looks for expiration or authorization in the body, as the platform does not. */
#include <string.h>

#include "emit.h"
#include "jwt.h"
#include "key.h"
#include "lib/json.h"
#include "lib/text.h"
#include "routes.h"

#define CLAIMS_MAX ((size_t)1 << 20)

struct grant {
    int64_t expires_ms; /* -1: never */
    bool read_only;
    struct json_object *fine;   /* an array, borrowed; NULL: none */
    struct json_object *attach; /* an array, borrowed; NULL: none */
};

/* "never", or a span of time without milliseconds. */
static bool parse_expiration(const char *text, int64_t *out_ms)
{
    if (!strcmp(text, "never")) {
        *out_ms = -1;
        return true;
    }
    return !strstr(text, "ms") && text_parse_duration(text, out_ms) && *out_ms > 0;
}

static bool read_query(const struct request *rq, struct grant *g, struct answer *a)
{
    char text[REQUEST_VALUE_MAX];
    int64_t span_ms = -1;

    if (request_query(rq, "expiration", text) && !parse_expiration(text, &span_ms)) {
        answer_error(a, 400, "Invalid expiration format");
        return false;
    }
    g->expires_ms = span_ms < 0 ? -1 : rq->now_ms + span_ms;
    if (request_query(rq, "authorization", text)) {
        g->read_only = !strcmp(text, "read-only");
        if (!g->read_only && strcmp(text, "full-access") != 0) {
            answer_error(a, 400, "Invalid authorization: %.64s", text);
            return false;
        }
    }
    return true;
}

/* An array of strings, or null where that is allowed. */
static bool is_string_list(struct json_object *v)
{
    if (!json_object_is_type(v, json_type_array))
        return false;
    for (size_t i = 0; i < json_object_array_length(v); i++) {
        if (!json_object_is_type(json_object_array_get_idx(v, i), json_type_string))
            return false;
    }
    return true;
}

static bool is_fine_grant(struct json_object *v)
{
    struct json_object *list = NULL;

    if (member_any(v, "a", &list) != MEMBER_OK || !is_string_list(list))
        return false;
    return member_any(v, "t", &list) != MEMBER_OK || is_string_list(list);
}

static bool read_fine(const struct request *rq, struct grant *g, struct answer *a)
{
    enum member m = member_array(rq->json, "fine_grained_permissions", &g->fine);

    if (m == MEMBER_ABSENT || m == MEMBER_NULL)
        return true;
    for (size_t i = 0; m == MEMBER_OK && i < json_object_array_length(g->fine); i++) {
        if (!is_fine_grant(json_object_array_get_idx(g->fine, i)))
            m = MEMBER_WRONG;
    }
    if (m == MEMBER_WRONG)
        answer_error(a, 400, "fine_grained_permissions must be a list of {t, a}");
    return m == MEMBER_OK;
}

static bool read_attach(const struct request *rq, struct grant *g, struct answer *a)
{
    struct json_object *permissions = NULL;
    struct json_object *attach = NULL;
    struct json_object *names = NULL;

    if (member_object(rq->json, "permissions", &permissions) == MEMBER_WRONG ||
        member_object(permissions, "read_attach", &attach) == MEMBER_WRONG ||
        member_array(attach, "databases", &names) == MEMBER_WRONG ||
        (names && !is_string_list(names))) {
        answer_error(a, 400, "permissions must be {read_attach: {databases: [name, ...]}}");
        return false;
    }
    for (size_t i = 0; names && i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));

        if (!database_find(rq->org, name)) {
            answer_error(a, 400, "could not find database with name %s: record not found", name);
            return false;
        }
    }
    g->attach = names && json_object_array_length(names) ? names : NULL;
    return true;
}

static bool read_grant(const struct emulator *e, const struct request *rq, struct grant *g,
                       struct answer *a)
{
    struct json_object *v;

    if (e->switches.new_engine && member_any(rq->json, "permissions", &v) != MEMBER_ABSENT) {
        answer_error(a, 400, "Permissions are not supported for db-api controlled databases");
        return false;
    }
    return read_query(rq, g, a) && read_fine(rq, g, a) && read_attach(rq, g, a);
}

/* What may be attached replaces `id` and `a`: libSQL's claim for several databases at once. */
static void write_attach(const struct request *rq, const struct grant *g, const char *kind,
                         const uint8_t id[UUID_SIZE], struct buf *out)
{
    emit_open(out, "p", '{');
    emit_open(out, g->read_only ? "ro" : "rw", '{');
    emit_open(out, kind, '[');
    emit_uuid(out, NULL, id);
    emit_close(out, ']');
    emit_close(out, '}');
    emit_open(out, "roa", '{');
    emit_open(out, "ns", '[');
    for (size_t i = 0; i < json_object_array_length(g->attach); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(g->attach, i));

        emit_uuid(out, NULL, database_find(rq->org, name)->id);
    }
    emit_close(out, ']');
    emit_close(out, '}');
    emit_close(out, '}');
}

static void write_claims(struct emulator *e, const struct request *rq, const struct grant *g,
                         const struct database *db, struct buf *out)
{
    const uint8_t *id = db ? db->id : group_find(rq->org, request_param(rq, "group"))->id;
    uint8_t rid[UUID_SIZE];

    emit_open(out, NULL, '{');
    if (g->expires_ms >= 0)
        emit_int(out, "exp", g->expires_ms / 1000);
    emit_int(out, "iat", rq->now_ms / 1000);
    if (g->attach) {
        write_attach(rq, g, db ? "ns" : "tags", id, out);
    } else {
        emit_string(out, "a", g->read_only ? "ro" : "rw");
        emit_uuid(out, db ? "id" : "gid", id);
    }
    if (g->fine && json_object_array_length(g->fine)) {
        emit_raw(out, "perm", "", 0);
        (void)json_print(g->fine, out); /* what fails stays so */
    }
    ids_uuid(&e->ids, rq->now_ms, 0, rid); /* two tokens of one second differ */
    emit_uuid(out, "rid", rid);
    emit_close(out, '}');
}

static bool answer_token(struct emulator *e, const struct request *rq, struct key *key,
                         const struct database *db, struct answer *a)
{
    struct grant g = {0};
    struct buf claims = BUF_INIT(CLAIMS_MAX);
    struct buf jwt = BUF_INIT(2 * CLAIMS_MAX);
    bool ok;

    if (!read_grant(e, rq, &g, a))
        return false;
    write_claims(e, rq, &g, db, &claims);
    ok = !claims.failed && jwt_mint(key, claims.data, claims.size, &jwt);
    if (ok) {
        emit_open(&a->body, NULL, '{');
        emit_string(&a->body, "jwt", buf_str(&jwt));
        emit_close(&a->body, '}');
    } else {
        answer_no_memory(a);
    }
    buf_deinit(&claims);
    buf_deinit_secret(&jwt);
    return ok;
}

void route_group_token(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);

    if (!g || !answer_token(e, rq, g->key, NULL, a))
        return;
    g->n_mints++;
    routes_audit(rq, AUDIT_GROUP_TOKEN_CREATE, "group", g->name);
}

void route_db_token(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    if (!db || !answer_token(e, rq, database_key(db), db, a))
        return;
    db->n_mints++;
    routes_audit(rq, AUDIT_DB_TOKEN_CREATE, "database", db->name);
}

void route_group_rotate_post(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);

    if (!g)
        return;
    if (group_rotate(g, &e->ids))
        answer_empty(a);
    else
        answer_no_memory(a);
}

static bool rotates_whole_group(const struct emulator *e, const struct database *db)
{
    if (e->switches.rotate_scope == ROTATE_AUTO)
        return !db->group->tech_preview;
    return e->switches.rotate_scope == ROTATE_GROUP;
}

void route_db_rotate(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);
    bool ok;

    if (!db)
        return;
    ok = rotates_whole_group(e, db) ? group_rotate(db->group, &e->ids)
                                    : database_rotate(db, &e->ids);
    if (ok)
        answer_empty(a);
    else
        answer_no_memory(a);
}
