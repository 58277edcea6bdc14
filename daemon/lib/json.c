#include "lib/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_read.h"
#include "lib/mem.h"

/* --- From text --- */

static int build(const struct json_value *v, struct json_object **out, struct err *err);

/* It may be a secret, and is left nowhere but in what is built. NULL: no memory. */
static char *text_of(const struct json_value *v, size_t *out_size)
{
    char *s = mem_alloc(v->size); /* its quotes are room enough for a NUL */

    if (s && json_text(v, s, v->size - 2, out_size))
        return s;
    mem_free_secret(s, v->size);
    return NULL;
}

static struct json_object *build_text(const struct json_value *v)
{
    struct json_object *o;
    size_t n;
    char *s;

    if (v->is_simple)
        return json_object_new_string_len(v->at + 1, (int)(v->size - 2));
    s = text_of(v, &n);
    o = s ? json_object_new_string_len(s, (int)n) : NULL;
    mem_free_secret(s, v->size);
    return o;
}

/* One that is no whole number, or too large for one, is kept as it is written. */
static struct json_object *build_number(const struct json_value *v)
{
    struct json_object *o = NULL;
    int64_t n;
    char *s;

    if (json_int(v, &n))
        return json_object_new_int64(n);
    s = mem_strndup(v->at, v->size);
    if (s)
        o = json_object_new_double_s(strtod(s, NULL), s);
    mem_free(s);
    return o;
}

static int add_item(struct json_object *list, const struct json_value *item, struct err *err)
{
    struct json_object *o = NULL;
    int rc = build(item, &o, err);

    if (rc == 0 && json_object_array_add(list, o) != 0)
        rc = err_nomem(err);
    if (rc != 0)
        json_object_put(o);
    return rc;
}

static int add_member(struct json_object *to, const struct json_value *key,
                      const struct json_value *item, struct err *err)
{
    struct json_object *o = NULL;
    size_t n = 0;
    char *name = text_of(key, &n);
    int rc = name ? 0 : err_nomem(err);

    if (rc == 0 && strlen(name) != n)
        rc = err_set(err, ERR_INVALID, "not JSON: a key with a NUL in it");
    if (rc == 0 && json_object_object_get_ex(to, name, NULL))
        rc = err_set(err, ERR_INVALID, "not JSON: a key stands twice in one object");
    if (rc == 0)
        rc = build(item, &o, err);
    if (rc == 0 && json_object_object_add(to, name, o) != 0)
        rc = err_nomem(err);
    if (rc != 0)
        json_object_put(o);
    mem_free_secret(name, key->size);
    return rc;
}

static int build_all(const struct json_value *v, struct json_object *o, struct err *err)
{
    struct json_value item = {.kind = JSON_ABSENT};
    struct json_value key;
    int rc = 0;

    while (rc == 0 && json_next(v, &key, &item))
        rc = v->kind == JSON_LIST ? add_item(o, &item, err) : add_member(o, &key, &item, err);
    return rc;
}

/* NULL is what "null" comes to. */
static int build(const struct json_value *v, struct json_object **out, struct err *err)
{
    struct json_object *o = v->kind == JSON_TEXT     ? build_text(v)
                            : v->kind == JSON_NUMBER ? build_number(v)
                            : v->kind == JSON_LIST   ? json_object_new_array()
                            : v->kind == JSON_OBJECT ? json_object_new_object()
                            : v->kind == JSON_NULL   ? NULL
                                                   : json_object_new_boolean(v->kind == JSON_TRUE);
    int rc = o || v->kind == JSON_NULL ? 0 : err_nomem(err);

    if (rc == 0 && (v->kind == JSON_LIST || v->kind == JSON_OBJECT))
        rc = build_all(v, o, err);
    if (rc == 0)
        *out = o;
    else
        json_object_put(o);
    return rc;
}

int json_parse(const char *s, size_t n, int depth, struct json_object **out, struct err *err)
{
    struct json_value whole;
    int rc;

    if (n > INT32_MAX)
        return err_set(err, ERR_LIMIT, "JSON of %zu bytes is too large", n);
    rc = json_read(s, n, (unsigned)depth, NULL, &whole, err);
    return rc < 0 ? rc : build(&whole, out, err);
}

/* --- To text --- */

static void print_escaped(struct buf *out, unsigned char c)
{
    static const char SHORT[] = "\"\"\\\\\bb\nn\rr\tt\ff";

    for (const char *at = SHORT; *at; at += 2)
        if ((unsigned char)*at == c) {
            buf_add_char(out, '\\');
            buf_add_char(out, at[1]);
            return;
        }
    buf_printf(out, "\\u%04x", c);
}

static void print_text(struct buf *out, const char *s, size_t n)
{
    size_t from = 0;

    buf_add_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
            continue;
        buf_add(out, s + from, i - from);
        print_escaped(out, (unsigned char)s[i]);
        from = i + 1;
    }
    buf_add(out, s + from, n - from);
    buf_add_char(out, '"');
}

static void print_list(struct buf *out, struct json_object *o)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < json_object_array_length(o); i++) {
        if (i)
            buf_add_char(out, ',');
        json_print(json_object_array_get_idx(o, i), out);
    }
    buf_add_char(out, ']');
}

static void print_object(struct buf *out, struct json_object *o)
{
    bool is_first = true;

    buf_add_char(out, '{');
    json_object_object_foreach(o, key, value)
    {
        if (!is_first)
            buf_add_char(out, ',');
        is_first = false;
        print_text(out, key, strlen(key));
        buf_add_char(out, ':');
        json_print(value, out);
    }
    buf_add_char(out, '}');
}

bool json_print(struct json_object *o, struct buf *out)
{
    const char *text;

    switch (json_object_get_type(o)) {
    case json_type_null:
        buf_add_str(out, "null");
        break;
    case json_type_boolean:
        buf_add_str(out, json_object_get_boolean(o) ? "true" : "false");
        break;
    case json_type_int:
        buf_printf(out, "%" PRId64, json_object_get_int64(o));
        break;
    case json_type_double:
        text = json_object_get_string(o);
        out->failed = out->failed || !text;
        buf_add_str(out, text ? text : "");
        break;
    case json_type_string:
        print_text(out, json_object_get_string(o), (size_t)json_object_get_string_len(o));
        break;
    case json_type_array:
        print_list(out, o);
        break;
    case json_type_object:
        print_object(out, o);
        break;
    }
    return !out->failed;
}

/* --- Members --- */

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

struct json_object *json_list_of_set(const char *set)
{
    struct json_object *list = json_object_new_array();

    while (list && *set) {
        size_t n = strcspn(set, ",");

        if (!json_append(list, json_object_new_string_len(set, (int)n)))
            json_put(&list);
        set += n + (set[n] == ',');
    }
    return list;
}

bool json_append(struct json_object *list, struct json_object *v)
{
    if (!v)
        return false;
    if (!list || json_object_array_add(list, v) != 0) {
        json_object_put(v);
        return false;
    }
    return true;
}
