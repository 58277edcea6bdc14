#include "lib/json.h"

#include <string.h>

int json_parse(const char *s, size_t n, int depth, struct json_object **out, struct err *err)
{
    struct json_tokener *tok;
    struct json_object *o;
    enum json_tokener_error e;
    size_t end;

    if (n > INT32_MAX)
        return err_set(err, ERR_LIMIT, "JSON of %zu bytes is too large", n);
    tok = json_tokener_new_ex(depth);
    if (!tok)
        return err_nomem(err);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    o = json_tokener_parse_ex(tok, s, (int)n);
    if (json_tokener_get_error(tok) == json_tokener_continue && !o) /* a bare number wants an end */
        o = json_tokener_parse_ex(tok, "", 1);
    e = json_tokener_get_error(tok);
    end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    if (e != json_tokener_success) {
        json_object_put(o);
        return err_set(
            err, ERR_INVALID, "not JSON: %s at byte %zu",
            e == json_tokener_continue ? "it ends too early" : json_tokener_error_desc(e), end);
    }
    while (end < n && strchr(" \t\r\n", s[end]) && s[end])
        end++;
    if (end < n) {
        json_object_put(o);
        return err_set(err, ERR_INVALID, "not JSON: something follows the document at byte %zu",
                       end);
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
