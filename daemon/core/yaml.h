/* yaml: a strict subset of YAML, token by token, each with its place.
 * In:    bytes in UTF-8. JSON is YAML for this purpose.
 * Out:   scalars, mappings and lists. What YAML would do silently (anchors, aliases, tags, merge
 * keys, complex keys, second documents, control characters, any depth) is an error.
 * Never: builds a tree, types a scalar, does I/O. */
#ifndef TENANTD_CORE_YAML_H
#define TENANTD_CORE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "core/diag.h"

enum yaml_kind {
    YAML_TEXT, /* a scalar */
    YAML_MAP,  /* then pairs of key and value, then YAML_MAP_END */
    YAML_MAP_END,
    YAML_LIST, /* then values, then YAML_LIST_END */
    YAML_LIST_END,
    YAML_END /* of the document, or reading cannot go on; again at every further call */
};

struct yaml_token {
    enum yaml_kind kind;
    const char *text; /* of a YAML_TEXT: NUL-terminated; borrowed until the next yaml_next */
    size_t size;
    bool plain; /* written without quotes */
    bool bad; /* already reported, and of no use: an alias, or a text with control characters (text
                 is "") */
    struct source at;
};

struct yaml;

/* Start reading. `path` is what places name; it, `data` and `diags` stay borrowed until yaml_close.
 * Returns 0; -ERR_INVALID, reported, when the bytes cannot be such a text at all (too many, UTF-16,
 * NUL); -ERR_NOMEM. On failure *out is NULL. */
int yaml_open(const char *path, const char *data, size_t size, size_t max_size, struct diags *diags,
              struct yaml **out) MUST_CHECK;
/* The next token. What is wrong goes to diags; after what YAML itself cannot make sense of, the
 * end. */
void yaml_next(struct yaml *y, struct yaml_token *out);
/* Pass over the rest of the value that begins with `first`. */
void yaml_skip(struct yaml *y, const struct yaml_token *first);
/* Reading ended for lack of memory. */
bool yaml_is_out_of_memory(const struct yaml *y) MUST_CHECK;
void yaml_close(struct yaml *y); /* takes NULL */

/* An unquoted scalar that other YAML readers take for null: empty, ~, null, Null, NULL. */
bool yaml_is_null(const struct yaml_token *t) MUST_CHECK;

#endif
