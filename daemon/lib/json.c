#include "lib/json.h"

#include <json-c/printbuf.h>
#include <string.h>

/* What json-c takes though it is not JSON: 'text', raw control characters in a text, NaN and
 * Infinity. Counts the members of all objects, too: each has one ':' outside of texts. */
static int scan(const char *s, size_t n, size_t *out_members, struct err *err)
{
    bool in_text = false;

    *out_members = 0;
    for (size_t i = 0; i < n; i++) {
        if (in_text && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            in_text = !in_text;
        else if (in_text ? (unsigned char)s[i] < 0x20 : s[i] == '\'' || s[i] == 'N' || s[i] == 'I')
            return err_set(err, ERR_INVALID, "not JSON: unexpected character at byte %zu", i);
        else if (!in_text && s[i] == ':')
            ++*out_members;
    }
    return 0;
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

struct json_tokener *json_tokener_strict(int depth)
{
    struct json_tokener *tok = json_tokener_new_ex(depth);

    if (tok)
        json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    return tok;
}

static int parse(struct json_tokener *tok, const char *s, size_t n, struct json_object **out,
                 struct err *err)
{
    struct json_object *o;
    enum json_tokener_error e;
    size_t end;

    json_tokener_reset(tok);
    o = json_tokener_parse_ex(tok, s, (int)n);
    end = json_tokener_get_parse_end(tok);
    if (json_tokener_get_error(tok) == json_tokener_continue) { /* a bare number wants an end */
        o = json_tokener_parse_ex(tok, "", 1);
        end = n;
    }
    e = json_tokener_get_error(tok);
    if (e != json_tokener_success)
        return err_set(err, ERR_INVALID, "not JSON: %s at byte %zu",
                       end == n ? "it ends too early" : json_tokener_error_desc(e), end);
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

int json_parse_with(struct json_tokener *tok, const char *s, size_t n, struct json_object **out,
                    struct err *err)
{
    struct json_object *o = NULL;
    size_t members;
    int rc;

    if (n > INT32_MAX)
        return err_set(err, ERR_LIMIT, "JSON of %zu bytes is too large", n);
    rc = parse(tok, s, n, &o, err);
    if (rc == 0)
        rc = scan(s, n, &members, err);
    if (rc == 0 && count_members(o) != members)
        rc = err_set(err, ERR_INVALID, "not JSON: a key stands twice in one object");
    if (rc == 0)
        *out = o;
    else
        json_object_put(o);
    return rc;
}

int json_parse(const char *s, size_t n, int depth, struct json_object **out, struct err *err)
{
    struct json_tokener *tok = json_tokener_strict(depth);
    int rc;

    if (!tok)
        return err_nomem(err);
    rc = json_parse_with(tok, s, n, out, err);
    explicit_bzero(tok->pb->buf, (size_t)tok->pb->size); /* the last text in it may be a token */
    json_tokener_free(tok);
    return rc;
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
