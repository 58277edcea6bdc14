/* request: one HTTP request, taken apart.
 * In:    method, raw URI, body bytes.
 * Out:   decoded path segments, query values, the JSON body with keys in any case.
 * Never: decides anything. */
#include "request.h"

#include <string.h>
#include <strings.h>

#include "lib/mem.h"
#include "route.h"

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;

    return at && (c <= '9' || (c | 0x20) >= 'a') ? (int)(at - digits) : -1;
}

/* Decodes s[0..n) to `out` (room for n + 1). A lone '%' stays; NUL becomes one that no name has. */
static void percent_decode(const char *s, size_t n, bool plus_is_space, char *out)
{
    for (size_t i = 0; i < n; i++) {
        int high = s[i] == '%' && i + 2 < n ? hex_value(s[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s[i + 2]) : -1;

        if (low >= 0) {
            char c = (char)(high << 4 | low);

            *out++ = c ? c : '\x7f';
            i += 2;
        } else {
            *out++ = plus_is_space && s[i] == '+' ? ' ' : s[i];
        }
    }
    *out = '\0';
}

/* Splits before it decodes: an encoded slash is part of a name. */
static void split_path(struct request *rq)
{
    const char *s = rq->path;
    char *out = rq->decoded;

    while (*s == '/') {
        size_t n = strcspn(++s, "/");

        if (rq->n_segments == REQUEST_SEGMENTS_MAX) {
            rq->n_segments++;
            return;
        }
        rq->segments[rq->n_segments++] = out;
        percent_decode(s, n, false, out);
        out += strlen(out) + 1;
        s += n;
    }
}

bool request_init(struct request *rq, const char *uri)
{
    size_t n = strcspn(uri, "?");

    *rq = (struct request){.body = BUF_INIT(REQUEST_BODY_MAX), .query = ""};
    rq->uri = mem_strdup(uri);
    rq->path = mem_strndup(uri, n);
    rq->decoded = mem_alloc(n + 2);
    if (!rq->uri || !rq->path || !rq->decoded) {
        request_deinit(rq);
        return false;
    }
    if (rq->uri[n] == '?')
        rq->query = rq->uri + n + 1;
    split_path(rq);
    return true;
}

void request_deinit(struct request *rq)
{
    json_object_put(rq->json);
    buf_deinit(&rq->body);
    mem_free(rq->uri);
    mem_free(rq->path);
    mem_free(rq->decoded);
    if (rq->bearer)
        mem_free_secret(rq->bearer, strlen(rq->bearer));
    if (rq->encryption_key)
        mem_free_secret(rq->encryption_key, strlen(rq->encryption_key));
    *rq = (struct request){.body = BUF_INIT(REQUEST_BODY_MAX), .query = ""};
}

const char *request_param(const struct request *rq, const char *name)
{
    return rq->route ? route_param(rq->route, rq, name) : NULL;
}

bool request_query(const struct request *rq, const char *name, char out[REQUEST_VALUE_MAX])
{
    size_t n_name = strlen(name);

    for (const char *s = rq->query; *s;) {
        size_t n = strcspn(s, "&");
        size_t n_key = strcspn(s, "=&");

        if (n_key == n_name && !strncmp(s, name, n_name)) {
            const char *value = n_key < n ? s + n_key + 1 : s + n;
            size_t n_value = (size_t)(s + n - value);

            if (n_value >= REQUEST_VALUE_MAX)
                return false;
            percent_decode(value, n_value, true, out);
            return true;
        }
        s += n + (s[n] == '&');
    }
    return false;
}

enum member member_any(struct json_object *o, const char *key, struct json_object **out)
{
    enum member found = MEMBER_ABSENT;

    if (!json_object_is_type(o, json_type_object))
        return MEMBER_ABSENT;
    json_object_object_foreach(o, name, value)
    {
        if (strcasecmp(name, key) != 0)
            continue;
        found = value ? MEMBER_OK : MEMBER_NULL;
        *out = value;
    }
    return found;
}

static enum member typed(struct json_object *o, const char *key, enum json_type type,
                         struct json_object **out)
{
    struct json_object *value = NULL;
    enum member m = member_any(o, key, &value);

    if (m != MEMBER_OK)
        return m;
    if (!json_object_is_type(value, type))
        return MEMBER_WRONG;
    *out = value;
    return MEMBER_OK;
}

enum member member_string(struct json_object *o, const char *key, const char **out)
{
    struct json_object *value;
    enum member m = typed(o, key, json_type_string, &value);

    if (m != MEMBER_OK)
        return m;
    *out = json_object_get_string(value);
    return strlen(*out) == (size_t)json_object_get_string_len(value) ? MEMBER_OK : MEMBER_WRONG;
}

enum member member_bool(struct json_object *o, const char *key, bool *out)
{
    struct json_object *value;
    enum member m = typed(o, key, json_type_boolean, &value);

    if (m == MEMBER_OK)
        *out = json_object_get_boolean(value);
    return m;
}

enum member member_object(struct json_object *o, const char *key, struct json_object **out)
{
    return typed(o, key, json_type_object, out);
}

enum member member_array(struct json_object *o, const char *key, struct json_object **out)
{
    return typed(o, key, json_type_array, out);
}

static bool is_known(const char *name, const char *const *known)
{
    for (; known && *known; known++) {
        if (!strcasecmp(*known, name))
            return true;
    }
    return false;
}

unsigned members_unknown(struct json_object *o, const char *const *known)
{
    unsigned n = 0;

    if (!json_object_is_type(o, json_type_object))
        return 0;
    json_object_object_foreach(o, name, value)
    {
        (void)value;
        n += !is_known(name, known);
    }
    return n;
}
