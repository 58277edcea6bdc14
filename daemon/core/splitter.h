/* splitter: one JSON object, cut into its members' values as its bytes arrive; the array that
 * matters is cut into its elements. The whole never stands in memory, only the value that has
 * begun.
 * In:    bytes in pieces of any size.
 * Out:   each value's text, whole, to a function that parses it; whether the document came to its
 * end.
 * Never: looks inside a value further than to find its end: what is in it is for the parser to
 * judge. */
#ifndef TENANTD_CORE_SPLITTER_H
#define TENANTD_CORE_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/err.h"

/* `json`: one value, borrowed for the call. `is_element`: of the split array; else the member
 * `key`, whole. 0, or -ERR_x with err set, which ends the reading. */
typedef int (*splitter_value_fn)(void *arg, const char *key, bool is_element, const char *json,
                                 size_t size, struct err *err);

/* Takes the object at the front of json[0..size), an element, if all of it is there: bytes up to
 * its end. 0: it cannot tell, and splitter_value_fn will be given it. -ERR_x as that one. */
typedef ptrdiff_t (*splitter_front_fn)(void *arg, const char *json, size_t size, struct err *err);

#define SPLITTER_KEY_BYTES 64

struct splitter {
    const char *list;   /* the member that is split; borrowed */
    const char *within; /* set after splitter_init: the member, an object, whose members count
                           instead; NULL: the document's own */
    bool is_within;
    bool is_lenient; /* set after splitter_init: null in the array's place is an empty one */
    splitter_front_fn front; /* set after splitter_init, or NULL */
    splitter_value_fn value;
    void *arg;
    int state;
    unsigned depth;
    bool is_too_deep;
    bool in_text; /* within quotes, inside a value */
    bool escaped; /* the last byte was a backslash */
    bool is_element;
    bool has_list;
    size_t offset;   /* bytes taken */
    size_t begun;    /* where the value began */
    struct buf held; /* the value that has begun, where it began in an earlier piece */
    char key[SPLITTER_KEY_BYTES + 1];
    size_t key_size;
};

/* `list` is borrowed until splitter_deinit. A value may have at most `value_max` bytes. */
void splitter_init(struct splitter *s, const char *list, size_t value_max, splitter_value_fn value,
                   void *arg);
/* 0; -ERR_INVALID (not of the shape, with the byte offset), -ERR_LIMIT (a value too long or too
 * deep), -ERR_NOMEM, or what `value` returned. After an error nothing more may be fed. */
int splitter_feed(struct splitter *s, const char *data, size_t size, struct err *err) MUST_CHECK;
/* Did the object reach its closing bracket, with the array in it? -ERR_INVALID: no. */
int splitter_end(const struct splitter *s, struct err *err) MUST_CHECK;
void splitter_deinit(struct splitter *s);

#endif
