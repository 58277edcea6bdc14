/* field: the platform's JSON, read by tables of fields.
 * In:    one object's JSON, and the table of what it may say; or one value of it.
 * Out:   the struct that the table is of, its texts in an arena.
 * Never: knows what a field is for; takes a value of another type for what it might have meant. */
#include "core/field.h"

#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"

int field_scan(const struct field_table *t, const char *json, size_t size, struct field_values *out,
               struct err *err)
{
    return json_read(json, size, LIMIT_JSON_DEPTH, &(struct json_members){t->keys, t->n, out->of},
                     &out->whole, err);
}

size_t field_scan_front(const struct field_table *t, const char *json, size_t size,
                        struct field_values *out)
{
    const struct json_members members = {t->keys, t->n, out->of};
    size_t taken = json_read_front(json, size, LIMIT_JSON_DEPTH, &members, &out->whole);

    return taken > 0 && out->whole.kind == JSON_OBJECT ? taken : 0;
}

int field_fill(const struct field_table *t, const struct field_values *from, struct arena *a,
               void *out, struct err *err)
{
    int rc = 0;

    if (from->whole.kind != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "it is not an object");
    for (size_t i = 0; i < t->n && rc == 0; i++)
        rc = t->fields[i].read(&from->of[i], t->keys[i].text, a, (char *)out + t->fields[i].offset,
                               err);
    return rc;
}

/* --- Texts --------------------------------------------------------------------------------- */

/* For a text that cannot be used where it was read. */
struct room {
    char text[LIMIT_LIVE_TEXT_BYTES + 1];
};

/* A text without control characters, of a length that something can be done with, in `room` or
 * where it was read. */
static bool plain(const struct json_value *v, struct room *room, const char **out, size_t *out_size)
{
    if (v->kind == JSON_TEXT && v->is_simple) {
        *out = v->at + 1;
        *out_size = v->size - 2;
        return *out_size <= LIMIT_LIVE_TEXT_BYTES;
    }
    *out = room->text;
    return json_text(v, room->text, LIMIT_LIVE_TEXT_BYTES, out_size) &&
           text_is_plain(room->text, *out_size);
}

static int read_text(const struct json_value *v, const char *key, struct room *room,
                     const char **out, size_t *out_size, struct err *err)
{
    *out_size = 0;
    if (!field_is_none(v) && !plain(v, room, out, out_size))
        return err_set(err, ERR_INVALID, "\"%s\" is not a plain text of at most %d bytes", key,
                       LIMIT_LIVE_TEXT_BYTES);
    return 0;
}

typedef const char *(*keep_fn)(struct arena *a, const char *s, size_t n);

static int keep_text(const struct json_value *v, const char *key, keep_fn keep, struct arena *a,
                     const char **out, struct err *err)
{
    struct room room;
    const char *s;
    size_t n;
    int rc = read_text(v, key, &room, &s, &n, err);

    *out = NULL;
    if (rc < 0 || n == 0)
        return rc;
    *out = keep(a, s, n);
    return *out ? 0 : err_nomem(err);
}

int field_text(const struct json_value *v, const char *key, struct arena *a, void *out,
               struct err *err)
{
    return keep_text(v, key, arena_strndup, a, out, err);
}

int field_shared(const struct json_value *v, const char *key, struct arena *a, void *out,
                 struct err *err)
{
    return keep_text(v, key, arena_intern, a, out, err);
}

int field_required(const struct json_value *v, const char *key, struct arena *a, void *out,
                   struct err *err)
{
    int rc = field_text(v, key, a, out, err);

    if (rc == 0 && !*(const char **)out)
        return err_set(err, ERR_INVALID, "\"%s\" is missing", key);
    return rc;
}

/* --- Other types --------------------------------------------------------------------------- */

int field_instant(const struct json_value *v, const char *key, struct arena *a, void *out,
                  struct err *err)
{
    struct room room;
    const char *s;
    size_t n;
    int rc = read_text(v, key, &room, &s, &n, err);

    (void)a;
    *(int64_t *)out = 0;
    if (rc < 0 || n == 0)
        return rc;
    memmove(room.text, s, n);
    room.text[n] = '\0';
    if (!text_parse_time(room.text, out))
        return err_set(err, ERR_INVALID, "\"%s\" is no instant", key);
    return 0;
}

int field_was(const struct json_value *v, const char *key, struct arena *a, void *out,
              struct err *err)
{
    int64_t at_ms;
    int rc = field_instant(v, key, a, &at_ms, err);

    *(bool *)out = at_ms != 0;
    return rc;
}

int field_flag(const struct json_value *v, const char *key, struct arena *a, void *out,
               struct err *err)
{
    (void)a;
    *(int8_t *)out = field_is_none(v) ? -1 : v->kind == JSON_TRUE;
    if (!field_is_none(v) && v->kind != JSON_TRUE && v->kind != JSON_FALSE)
        return err_set(err, ERR_INVALID, "\"%s\" is not true or false", key);
    return 0;
}

int field_within(const struct json_value *v, const char *inner, field_fn read, struct arena *a,
                 void *out, struct err *err)
{
    struct json_value value;
    int rc = json_read_at(v, inner, &value, err);

    return rc < 0 ? rc : read(&value, inner, a, out, err);
}

/* --- Lists --------------------------------------------------------------------------------- */

int field_want_list(const struct json_value *v, const char *key, struct err *err)
{
    if (field_is_none(v) || v->kind == JSON_LIST)
        return 0;
    return err_set(err, ERR_INVALID, "\"%s\" is not a list", key);
}

static const char *trimmed(const char *s, size_t *n)
{
    while (*n > 0 && *s == ' ') {
        s++;
        --*n;
    }
    while (*n > 0 && s[*n - 1] == ' ')
        --*n;
    return s;
}

/* Copies of a list's texts, trimmed, into items[], which has room for all. An item that is empty or
 * has a comma is an error. */
static int read_items(const struct json_value *list, const char *key, struct arena *a,
                      const char **items, struct err *err)
{
    struct json_value item = {.kind = JSON_ABSENT};

    for (size_t i = 0; json_next(list, NULL, &item); i++) {
        struct room room;
        const char *s;
        size_t n;

        if (!plain(&item, &room, &s, &n))
            return err_set(err, ERR_INVALID, "\"%s\" holds what is no plain text", key);
        s = trimmed(s, &n);
        if (n == 0 || memchr(s, ',', n))
            return err_set(err, ERR_INVALID, "\"%s\" holds an item that is empty or has a comma",
                           key);
        items[i] = arena_strndup(a, s, n);
        if (!items[i])
            return err_nomem(err);
    }
    return 0;
}

int field_joined(const struct json_value *list, const char *key, field_join_fn join,
                 struct arena *a, const char **out, struct err *err)
{
    size_t n = json_count(list);
    const char **items = mem_alloc(n * sizeof(*items));
    struct buf b = BUF_INIT(LIMIT_ANSWER_BYTES);
    int rc = items ? read_items(list, key, a, items, err) : err_nomem(err);

    *out = rc == 0 && join(&b, items, n) ? arena_strdup(a, buf_str(&b)) : NULL;
    buf_deinit(&b);
    mem_free((void *)items);
    return rc < 0 || *out ? rc : err_nomem(err);
}
