/* field: the platform's JSON, read by tables of fields.
 * In:    one object's JSON, and the table of what it may say; or one value of it.
 * Out:   the struct that the table is of, its texts in an arena.
 * Never: knows what a field is for; takes a value of another type for what it might have meant. */
#ifndef TENANTD_CORE_FIELD_H
#define TENANTD_CORE_FIELD_H

#include <stddef.h>

#include "core/limits.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json_read.h"

/* Reads the value of the field `key` into the struct's member at `out`. The value may be absent or
 * null: the platform uses both for "none". 0, -ERR_INVALID (err names the key) or -ERR_NOMEM. */
typedef int (*field_fn)(const struct json_value *v, const char *key, struct arena *a, void *out,
                        struct err *err);

struct field {
    field_fn read;
    size_t offset; /* of the member */
};

struct field_table {
    const struct json_key *keys;
    const struct field *fields; /* as many */
    size_t n;
};
#define FIELD_MAX 16 /* in one table */

/* A table NAME of the rows ROWS(X, type): key, field_fn, the struct's member. */
#define FIELD_KEY(type, key, read, member) JSON_KEY(key),
#define FIELD_ROW(type, key, read, member) {read, offsetof(type, member)},
#define FIELD_TABLE(NAME, ROWS, type)                                                              \
    static const struct json_key NAME##_KEYS[] = {ROWS(FIELD_KEY, type)};                          \
    static const struct field NAME##_FIELDS[] = {ROWS(FIELD_ROW, type)};                           \
    _Static_assert(ARRAY_SIZE(NAME##_KEYS) <= FIELD_MAX, "there is room for all values");          \
    static const struct field_table NAME = {NAME##_KEYS, NAME##_FIELDS, ARRAY_SIZE(NAME##_KEYS)}

struct field_values {
    struct json_value whole;
    struct json_value of[FIELD_MAX];
};

/* First what json[0..size) says of the fields. -ERR_INVALID: it is no JSON. */
int field_scan(const struct field_table *t, const char *json, size_t size, struct field_values *out,
               struct err *err) MUST_CHECK;
/* The same of the object at the front of it. Bytes up to its end; 0: it is no JSON, no object, or
 * not whole. */
size_t field_scan_front(const struct field_table *t, const char *json, size_t size,
                        struct field_values *out) MUST_CHECK;
/* Then the fields, in the table's order; the first that is wrong ends it. -ERR_INVALID also when it
 * is not an object. */
int field_fill(const struct field_table *t, const struct field_values *from, struct arena *a,
               void *out, struct err *err) MUST_CHECK;

static inline bool field_is_none(const struct json_value *v)
{
    return v->kind == JSON_ABSENT || v->kind == JSON_NULL;
}

/* --- Fields of one type. --- */

/* `out`: const char *, a copy of a plain text of at most LIMIT_LIVE_TEXT_BYTES. NULL: none, or an
 * empty one, which for the second is an error. The third keeps equal ones once in `a`. */
int field_text(const struct json_value *v, const char *key, struct arena *a, void *out,
               struct err *err) MUST_CHECK;
int field_required(const struct json_value *v, const char *key, struct arena *a, void *out,
                   struct err *err) MUST_CHECK;
int field_shared(const struct json_value *v, const char *key, struct arena *a, void *out,
                 struct err *err) MUST_CHECK;
/* `out`: int64_t, milliseconds since the epoch; 0: none. Of the second bool: is there one? */
int field_instant(const struct json_value *v, const char *key, struct arena *a, void *out,
                  struct err *err) MUST_CHECK;
int field_was(const struct json_value *v, const char *key, struct arena *a, void *out,
              struct err *err) MUST_CHECK;
/* `out`: int8_t; -1: none. */
int field_flag(const struct json_value *v, const char *key, struct arena *a, void *out,
               struct err *err) MUST_CHECK;
/* The field `inner` of the object that v is, read so; of what is no object it is absent. */
int field_within(const struct json_value *v, const char *inner, field_fn read, struct arena *a,
                 void *out, struct err *err) MUST_CHECK;

/* --- Lists of texts. --- */

int field_want_list(const struct json_value *v, const char *key, struct err *err) MUST_CHECK;
/* Appends a list's items, as it sees fit. False: no memory. */
typedef bool (*field_join_fn)(struct buf *b, const char **items, size_t n);
/* The texts of a list that is not empty, trimmed and joined. One that is empty or has a comma is an
 * error. */
int field_joined(const struct json_value *list, const char *key, field_join_fn join,
                 struct arena *a, const char **out, struct err *err) MUST_CHECK;

#endif
