/* sql_token: what a token allows on a database's own host.
 * In:    a token as it came, a database.
 * Out:   what may be done, or nothing.
 * Never: believes a claim before the signature is known to be good. */
#include "sql_token.h"

#include <string.h>
#include <strings.h>

#include "jwt.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "state.h"

#define TOKEN_MAX        ((size_t)4 << 20)
#define CLAIMS_DEPTH_MAX 8

static bool is_id(const char *text, const uint8_t id[UUID_SIZE])
{
    char own[UUID_TEXT_SIZE];

    uuid_format(id, own);
    return !strcmp(own, text);
}

static bool claims_id(struct json_object *claims, const char *key, const uint8_t id[UUID_SIZE])
{
    const char *text;

    return json_get_str(claims, key, &text) && is_id(text, id);
}

static bool lists_id(struct json_object *o, const char *key, const uint8_t id[UUID_SIZE])
{
    struct json_object *list;

    if (!json_get_arr(o, key, &list))
        return false;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (is_id(json_object_get_string(json_object_array_get_idx(list, i)), id))
            return true;
    }
    return false;
}

/* One of the parts of the claim `p`: databases by `ns`, groups by `tags`. */
static bool part_opens(struct json_object *p, const char *key, const struct database *db)
{
    struct json_object *part;

    return json_get_obj(p, key, &part) &&
           (lists_id(part, "ns", db->id) || lists_id(part, "tags", db->group->id));
}

static bool opens(struct sql_grant *g, const struct database *db)
{
    struct json_object *p;
    const char *access;

    if (json_get_obj(g->claims, "p", &p)) { /* stands before `id` and `a` */
        g->read_only = !part_opens(p, "rw", db);
        return !g->read_only || part_opens(p, "ro", db);
    }
    g->read_only = json_get_str(g->claims, "a", &access) && !strcmp(access, "ro");
    return claims_id(g->claims, "id", db->id) || claims_id(g->claims, "gid", db->group->id);
}

/* The claims, if the signature is good. */
static struct json_object *read_claims(const struct database *db, const char *token)
{
    const char *start = token ? strchr(token, '.') : NULL;
    const char *end = start ? strchr(start + 1, '.') : NULL;
    struct json_object *claims = NULL;
    unsigned char *text;
    ptrdiff_t n;

    if (!end || strlen(token) > TOKEN_MAX || !jwt_is_signed_by(database_key(db), token))
        return NULL;
    text = mem_alloc((size_t)(end - start));
    if (!text)
        return NULL;
    n = text_base64url_decode(start + 1, (size_t)(end - start - 1), text);
    if (n < 0 || json_parse((const char *)text, (size_t)n, CLAIMS_DEPTH_MAX, &claims, NULL))
        claims = NULL;
    mem_free(text);
    return claims;
}

bool sql_token_read(const struct database *db, const char *token, int64_t now_ms,
                    struct sql_grant *out)
{
    int64_t exp;

    *out = (struct sql_grant){.claims = read_claims(db, token)};
    if (!out->claims || (json_get_int(out->claims, "exp", &exp) && exp * 1000 <= now_ms))
        return false;
    if (!json_get_arr(out->claims, "perm", &out->fine))
        out->fine = NULL;
    return opens(out, db);
}

void sql_grant_deinit(struct sql_grant *g)
{
    json_object_put(g->claims);
    *g = (struct sql_grant){0};
}

static bool lists_text(struct json_object *list, const char *text)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *item = json_object_get_string(json_object_array_get_idx(list, i));

        if (item && !strcasecmp(item, text))
            return true;
    }
    return false;
}

bool sql_grant_allows(const struct sql_grant *g, const char *table, const char *action)
{
    if (!g->fine)
        return true;
    for (size_t i = 0; i < json_object_array_length(g->fine); i++) {
        struct json_object *rule = json_object_array_get_idx(g->fine, i);
        struct json_object *tables;
        struct json_object *actions;

        if (json_get_arr(rule, "a", &actions) && lists_text(actions, action) &&
            (!json_get_arr(rule, "t", &tables) || lists_text(tables, table))) /* none: all */
            return true;
    }
    return false;
}
