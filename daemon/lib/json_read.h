/* json_read: JSON where it stands, read strictly (RFC 8259), once from front to back.
 * In:    text, and the keys that matter.
 * Out:   values, as places in that text.
 * Never: allocates or copies; takes a part for the whole, one type for another, or what is no JSON.
 *
 * More than the grammar: texts are UTF-8, escaped surrogates come in pairs, and a key that is asked
 * for stands once in its object. What nobody asks for is read as strictly, and passed over. */
#ifndef TENANTD_LIB_JSON_READ_H
#define TENANTD_LIB_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/err.h"

enum json_kind {
    JSON_ABSENT, /* there is no such member */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_TEXT,
    JSON_LIST,
    JSON_OBJECT,
};

struct json_value {
    enum json_kind kind;
    bool is_simple; /* a text that is what stands between its quotes: printable ASCII, no escapes */
    const char *at; /* with its quotes or brackets; borrowed from the text that was read */
    size_t size;
};

struct json_key {
    const char *text; /* printable ASCII, without " and \ */
    size_t size;      /* at most JSON_KEY_MAX */
};
#define JSON_KEY(literal)                                                                          \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define JSON_KEY_MAX 63

/* Members of an object: values[i] becomes that of keys[i]. */
struct json_members {
    const struct json_key *keys;
    size_t n;
    struct json_value *values; /* room for n */
};

/* Read the one value that s[0..n) is; around it may be white space. Around a value within it may be
 * `depth` brackets. Where it is an object, fill in `members`, which may be NULL; where it is
 * something else, they are absent.
 * 0, or -ERR_INVALID with the byte where it is no JSON any more; *out is then not to be used. */
int json_read(const char *s, size_t n, unsigned depth, const struct json_members *members,
              struct json_value *out, struct err *err) MUST_CHECK;

/* The same of the value at the front of s[0..n), whatever is behind it. Bytes up to its end; 0: it
 * is no JSON, does not end here, or is a number, which may go on. */
size_t json_read_front(const char *s, size_t n, unsigned depth, const struct json_members *members,
                       struct json_value *out) MUST_CHECK;

/* The rest is of values that json_read found, and of nothing else. */

/* Members of such a value. -ERR_INVALID: one of the keys stands twice. */
int json_read_members(const struct json_value *v, const struct json_members *members,
                      struct err *err) MUST_CHECK;

/* What stands at "a" or "a.b", the member b of the member a; keys of at most JSON_KEY_MAX bytes.
 * JSON_ABSENT: nothing, or `a` is no object. -ERR_INVALID as above. */
int json_read_at(const struct json_value *v, const char *path, struct json_value *out,
                 struct err *err) MUST_CHECK;
/* The member `key`, which is to be of that kind; -ERR_INVALID also when it is not. */
int json_want(const struct json_value *v, const char *key, enum json_kind kind,
              struct json_value *out, struct err *err) MUST_CHECK;

/* The next item of a list, or member of an object; the first if `item` is JSON_ABSENT. False: there
 * is no more. `key` may be NULL. */
bool json_next(const struct json_value *v, struct json_value *key, struct json_value *item);
/* How many of those there are; 0 of anything else. */
size_t json_count(const struct json_value *v);

/* What a text says, in out[0..*out_size) with a NUL behind it; it may hold NULs, too. `out` has
 * room for max + 1 bytes. False: it is no text, or a longer one. */
bool json_text(const struct json_value *v, char *out, size_t max, size_t *out_size) MUST_CHECK;

/* A number without fraction and exponent. False: it is something else, or too large. */
bool json_int(const struct json_value *v, int64_t *out) MUST_CHECK;

/* Past bytes that within a text stand for themselves, and are most: printable ASCII but the quote
 * and the backslash. The first byte that is none, or `end`. */
const char *json_simple_end(const char *s, const char *end);

#endif
