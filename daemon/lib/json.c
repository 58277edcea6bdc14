#include "lib/json.h"

#include <json-c/printbuf.h>
#include <string.h>

#include "lib/json_read.h"

/* The members of all objects: each has one ':' outside of texts. */
static size_t count_colons(const char *s, size_t n)
{
    bool in_text = false;
    size_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        if (in_text && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            in_text = !in_text;
        else if (!in_text && s[i] == ':')
            sum++;
    }
    return sum;
}

/* Of all objects in `o`. json-c keeps the last of two equal keys, so that fewer are left than were
 * written. */
static size_t count_members(struct json_object *o)
{
    size_t sum = 0;

    if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            sum += count_members(json_object_array_get_idx(o, i));
    } else if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, key, value)
        {
            (void)key;
            sum += 1 + count_members(value);
        }
    }
    return sum;
}

/* s[0..n) is JSON; NULL is also what "null" comes to, so *ok tells. */
static struct json_object *build(const char *s, size_t n, int depth, bool *ok)
{
    struct json_tokener *tok = json_tokener_new_ex(depth);
    struct json_object *o = NULL;

    *ok = false;
    if (!tok)
        return NULL;
    o = json_tokener_parse_ex(tok, s, (int)n);
    if (json_tokener_get_error(tok) == json_tokener_continue) /* a bare number wants an end */
        o = json_tokener_parse_ex(tok, "", 1);
    *ok = json_tokener_get_error(tok) == json_tokener_success;
    explicit_bzero(tok->pb->buf, (size_t)tok->pb->size); /* the last text in it may be a token */
    json_tokener_free(tok);
    return o;
}

int json_parse(const char *s, size_t n, int depth, struct json_object **out, struct err *err)
{
    struct json_object *o;
    struct json_value whole;
    bool ok;
    int rc;

    if (n > INT32_MAX)
        return err_set(err, ERR_LIMIT, "JSON of %zu bytes is too large", n);
    rc = json_read(s, n, (unsigned)depth, NULL, &whole, err);
    if (rc < 0)
        return rc;
    o = build(s, n, depth + 1, &ok); /* json-c counts the innermost value, too */
    if (!ok)
        return err_nomem(err);
    if (count_members(o) != count_colons(s, n)) {
        json_object_put(o);
        return err_set(err, ERR_INVALID, "not JSON: a key stands twice in one object");
    }
    *out = o;
    return 0;
}

void json_put(struct json_object **o)
{
    json_object_put(*o);
    *o = NULL;
}

static bool member(struct json_object *o, const char *key, enum json_type type,
                   struct json_object **out)
{
    struct json_object *v;

    if (!o || !json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
        !json_object_is_type(v, type))
        return false;
    *out = v;
    return v != NULL;
}

bool json_get_str(struct json_object *o, const char *key, const char **out)
{
    struct json_object *v;
    const char *s;

    if (!member(o, key, json_type_string, &v))
        return false;
    s = json_object_get_string(v);
    if (strlen(s) != (size_t)json_object_get_string_len(v))
        return false;
    *out = s;
    return true;
}

bool json_get_bool(struct json_object *o, const char *key, bool *out)
{
    struct json_object *v;

    if (!member(o, key, json_type_boolean, &v))
        return false;
    *out = json_object_get_boolean(v);
    return true;
}

bool json_get_int(struct json_object *o, const char *key, int64_t *out)
{
    struct json_object *v;

    if (!member(o, key, json_type_int, &v))
        return false;
    *out = json_object_get_int64(v);
    return true;
}

bool json_get_obj(struct json_object *o, const char *key, struct json_object **out)
{
    return member(o, key, json_type_object, out);
}

bool json_get_arr(struct json_object *o, const char *key, struct json_object **out)
{
    return member(o, key, json_type_array, out);
}

bool json_add(struct json_object *o, const char *key, struct json_object *v)
{
    if (!v)
        return false;
    if (!o || json_object_object_add(o, key, v) != 0) {
        json_object_put(v);
        return false;
    }
    return true;
}

bool json_add_str(struct json_object *o, const char *key, const char *s)
{
    return !s || json_add(o, key, json_object_new_string(s));
}

bool json_add_int(struct json_object *o, const char *key, int64_t v)
{
    return json_add(o, key, json_object_new_int64(v));
}

bool json_add_bool(struct json_object *o, const char *key, bool v)
{
    return json_add(o, key, json_object_new_boolean(v));
}
