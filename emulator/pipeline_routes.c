/* pipeline_routes: a database's own host, as far as a probe needs it.
 * In:    a Host header that names a database, a token for it, a batch of statements.
 * Out:   the answer to SELECT 1, or why there is none.
 * Never: stores a row: it knows that one statement. */
#include <string.h>
#include <strings.h>

#include "emit.h"
#include "jwt.h"
#include "lib/json.h"
#include "lib/text.h"
#include "routes.h"
#include "shape.h"

#define CLAIMS_MAX 4096

/* HOST is NAME-ORG.LOCATION.turso.io, perhaps with a port. */
static struct database *find_by_host(struct emulator *e, const char *host)
{
    char hostname[HOSTNAME_SIZE];
    char name[HOSTNAME_SIZE];
    size_t n_host = strcspn(host, ":");
    size_t n_label = strcspn(host, ".");

    for (size_t i = 0; i < e->state.n_orgs; i++) {
        size_t n_slug = strlen(e->state.orgs[i].slug);
        struct database *db;

        if (n_label < n_slug + 2 || n_label >= sizeof(name))
            continue;
        memcpy(name, host, n_label - n_slug - 1);
        name[n_label - n_slug - 1] = '\0';
        db = database_find(&e->state.orgs[i], name);
        if (!db)
            continue;
        shape_hostname(db, hostname);
        if (strlen(hostname) == n_host && !strncmp(hostname, host, n_host))
            return db;
    }
    return NULL;
}

static bool is_id(struct json_object *claims, const char *key, const uint8_t id[UUID_SIZE])
{
    char text[UUID_TEXT_SIZE];
    const char *claim;

    uuid_format(id, text);
    return json_get_str(claims, key, &claim) && !strcmp(claim, text);
}

static bool claims_open(struct json_object *claims, const struct database *db, int64_t now_ms)
{
    int64_t exp;

    if (json_get_int(claims, "exp", &exp) && exp * 1000 <= now_ms)
        return false;
    return is_id(claims, "id", db->id) || is_id(claims, "gid", db->group->id);
}

/* Signed by the database's key, for it or its group, and not over. */
static bool opens(const struct database *db, const char *token, int64_t now_ms)
{
    struct json_object *claims CLEANUP(json_put) = NULL;
    unsigned char text[CLAIMS_MAX];
    const char *start = token ? strchr(token, '.') : NULL;
    const char *end = start ? strchr(start + 1, '.') : NULL;
    ptrdiff_t n;

    if (!end || (size_t)(end - start) >= CLAIMS_MAX || !jwt_is_signed_by(database_key(db), token))
        return false;
    n = text_base64url_decode(start + 1, (size_t)(end - start - 1), text);
    if (n < 0 || json_parse((const char *)text, (size_t)n, 8, &claims, NULL))
        return false;
    return claims_open(claims, db, now_ms);
}

static void write_one(struct buf *out)
{
    buf_add_str(out, "{\"type\":\"ok\",\"response\":{\"type\":\"execute\",\"result\":{"
                     "\"cols\":[{\"name\":\"1\",\"decltype\":null}],"
                     "\"rows\":[[{\"type\":\"integer\",\"value\":\"1\"}]],"
                     "\"affected_row_count\":0,\"last_insert_rowid\":null,"
                     "\"replication_index\":null}}}");
}

static void write_result(struct json_object *request, struct buf *out)
{
    struct json_object *stmt;
    const char *type = "";
    const char *sql = "";

    if (out->data[out->size - 1] != '[')
        buf_add_char(out, ',');
    if (json_get_str(request, "type", &type) && !strcmp(type, "close"))
        buf_add_str(out, "{\"type\":\"ok\",\"response\":{\"type\":\"close\"}}");
    else if (!strcmp(type, "execute") && json_get_obj(request, "stmt", &stmt) &&
             json_get_str(stmt, "sql", &sql) && !strcasecmp(sql, "SELECT 1"))
        write_one(out);
    else
        buf_add_str(out, "{\"type\":\"error\",\"error\":{\"message\":\"only SELECT 1 is known "
                         "here\",\"code\":\"SQL_PARSE_ERROR\"}}");
}

static void run(const struct request *rq, struct answer *a)
{
    struct json_object *list;

    if (!json_get_arr(rq->json, "requests", &list)) {
        answer_error(a, 400, "requests must be a list");
        return;
    }
    buf_add_str(&a->body, "{\"baton\":null,\"base_url\":null,\"results\":[");
    for (size_t i = 0; i < json_object_array_length(list); i++)
        write_result(json_object_array_get_idx(list, i), &a->body);
    buf_add_str(&a->body, "]}");
}

void route_db_pipeline(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = find_by_host(e, rq->host);

    if (!db || rq->now_ms < db->created_ms + e->switches.data_plane_delay_ms)
        answer_error(a, 404, "no such database");
    else if (shape_is_archived(e, db->group))
        answer_text(a, 502, "text/plain", "Bad Gateway\n");
    else if (!opens(db, rq->bearer, rq->now_ms))
        answer_error(a, 401, "Unauthorized");
    else if (db->block_reads)
        answer_error(a, 403, "Operation was blocked: SQL read operations are forbidden");
    else
        run(rq, a);
}
