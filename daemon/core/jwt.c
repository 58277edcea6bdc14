/* jwt: the claims of a platform's SQL token, read without checking its signature.
 * In:    the token.
 * Out:   what it says.
 * Never: keeps or prints the token. */
#include "core/jwt.h"

#include <string.h>

#include "core/limits.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define JWT_MAX_BYTES 16384
#define LAST_SECOND   INT64_C(253402300799) /* of the year 9999 */
#define MS_PER_SECOND 1000

bool jwt_is_token(const char *s, size_t n)
{
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._+/=";

    for (size_t i = 0; i < n; i++)
        if (!memchr(ALPHABET, s[i], sizeof(ALPHABET) - 1))
            return false;
    return n > 0 && n <= JWT_MAX_BYTES;
}

/* Decode all three parts, each the second one last, which is left in out[0..*out_size). `out`
 * has room for n bytes. */
static bool decode(const char *jwt, size_t n, unsigned char *out, size_t *out_size)
{
    const char *end = jwt + n;
    const char *first = memchr(jwt, '.', n);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    ptrdiff_t size;

    if (!second || first == jwt || second + 1 == end)
        return false;
    if (text_base64url_decode(jwt, (size_t)(first - jwt), out) < 0 ||
        text_base64url_decode(second + 1, (size_t)(end - second - 1), out) < 0)
        return false;
    size = text_base64url_decode(first + 1, (size_t)(second - first - 1), out);
    if (size < 0)
        return false;
    *out_size = (size_t)size;
    return true;
}

/* NumericDate of RFC 7519: seconds, perhaps with a fraction. */
static int read_instant(struct json_object *o, const char *key, int64_t *out_ms, struct err *err)
{
    struct json_object *v = NULL;
    double seconds;

    *out_ms = 0;
    if (!json_object_object_get_ex(o, key, &v) || !v)
        return 0;
    seconds = json_object_get_double(v);
    if ((!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double)) ||
        !(seconds >= 1 && seconds <= (double)LAST_SECOND))
        return err_set(err, ERR_INVALID, "the claim \"%s\" is not an instant", key);
    *out_ms = (int64_t)seconds * MS_PER_SECOND;
    return 0;
}

/* *out is "" when absent. */
static int read_text(struct json_object *o, const char *key, const char **out, struct err *err)
{
    struct json_object *v = NULL;

    *out = "";
    if (!json_object_object_get_ex(o, key, &v) || !v)
        return 0;
    if (!json_get_str(o, key, out) || !text_is_plain(*out, strlen(*out)))
        return err_set(err, ERR_INVALID, "the claim \"%s\" is not a plain text", key);
    return 0;
}

static int set_target(struct jwt_claims *out, const char *id, bool is_group, struct err *err)
{
    size_t n = strlen(id);

    if (n >= sizeof(out->target_id))
        return err_set(err, ERR_INVALID, "the target's id is of %zu bytes", n);
    memcpy(out->target_id, id, n + 1);
    out->is_group = is_group;
    return 0;
}

/* Note the ids of one list of a right, and how many different ones there were. */
static int read_ids(struct json_object *scope, const char *key, struct jwt_claims *out,
                    size_t *n_targets, struct err *err)
{
    struct json_object *list;
    size_t n = json_get_arr(scope, key, &list) ? json_object_array_length(list) : 0;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        const char *id = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";

        if (!*id || !text_is_plain(id, strlen(id)))
            return err_set(err, ERR_INVALID, "the claim \"p\" names what is no id");
        if (*n_targets > 0 && strcmp(id, out->target_id) == 0)
            continue;
        ++*n_targets;
        rc = set_target(out, id, strcmp(key, "tags") == 0, err);
    }
    return rc;
}

/* The claim "p" takes the place of id and a: per right a list of databases (ns) and of groups
 * (tags). */
static int read_permissions(struct json_object *p, struct jwt_claims *out, struct err *err)
{
    static const struct {
        const char *key;
        bool writes;
    } RIGHTS[] = {{"ro", false}, {"rw", true}, {"roa", false}, {"rwa", true}};
    size_t n_targets = 0;
    int rc = 0;

    out->target_id[0] = '\0';
    out->read_only = true;
    for (size_t i = 0; i < ARRAY_SIZE(RIGHTS) && rc == 0; i++) {
        struct json_object *scope;

        if (!json_get_obj(p, RIGHTS[i].key, &scope))
            continue;
        out->read_only = out->read_only && !RIGHTS[i].writes;
        rc = read_ids(scope, "ns", out, &n_targets, err);
        if (rc == 0)
            rc = read_ids(scope, "tags", out, &n_targets, err);
    }
    if (n_targets != 1) /* none, or several: then it is not one target's token */
        out->target_id[0] = '\0';
    return rc;
}

static int read_target(struct json_object *o, struct jwt_claims *out, struct err *err)
{
    const char *id;
    const char *gid;
    const char *a;
    int rc = read_text(o, "id", &id, err);

    if (rc == 0)
        rc = read_text(o, "gid", &gid, err);
    if (rc == 0)
        rc = read_text(o, "a", &a, err);
    if (rc == 0 && *a && strcmp(a, "ro") != 0 && strcmp(a, "rw") != 0)
        rc = err_set(err, ERR_INVALID, "the claim \"a\" is neither ro nor rw");
    if (rc == 0)
        rc = set_target(out, *id ? id : gid, !*id && *gid, err);
    if (rc == 0)
        out->read_only = strcmp(a, "ro") == 0;
    return rc;
}

static int read_claims(struct json_object *o, struct jwt_claims *out, struct err *err)
{
    struct json_object *p = NULL;
    const char *jti = "";
    int rc = read_instant(o, "iat", &out->issued_ms, err);

    if (rc == 0)
        rc = read_instant(o, "exp", &out->expires_ms, err);
    if (rc == 0)
        rc = read_text(o, "jti", &jti, err);
    if (rc == 0 && strlen(jti) < sizeof(out->token_id))
        memcpy(out->token_id, jti, strlen(jti) + 1);
    if (rc == 0)
        rc = read_target(o, out, err);
    if (rc < 0 || !json_object_object_get_ex(o, "p", &p) || !p)
        return rc;
    if (!json_object_is_type(p, json_type_object))
        return err_set(err, ERR_INVALID, "the claim \"p\" is not an object");
    return read_permissions(p, out, err);
}

static int read_payload(const char *text, size_t n, struct jwt_claims *out, struct err *err)
{
    CLEANUP(json_put) struct json_object *o = NULL;
    int rc = json_parse(text, n, LIMIT_JSON_DEPTH, &o, err);

    if (rc == 0 && !json_object_is_type(o, json_type_object))
        rc = err_set(err, ERR_INVALID, "the claims are not an object");
    return rc < 0 ? rc : read_claims(o, out, err);
}

int jwt_read(const char *jwt, size_t n, struct jwt_claims *out, struct err *err)
{
    struct jwt_claims claims = {0};
    unsigned char *text;
    size_t size;
    int rc;

    if (n == 0 || n > JWT_MAX_BYTES)
        return err_set(err, ERR_INVALID, "a token of %zu bytes", n);
    text = mem_alloc(n);
    if (!text)
        return err_nomem(err);
    rc = decode(jwt, n, text, &size)
             ? read_payload((const char *)text, size, &claims, err)
             : err_set(err, ERR_INVALID, "it is not three parts of base64url");
    mem_free_secret(text, n);
    if (rc == 0)
        *out = claims;
    else
        err_wrap(err, "token");
    return rc;
}
