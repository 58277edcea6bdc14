/* scope: what a platform API token may do: the words that the platform knows, its presets, and sets
 * of them in one form, so that equal ones are equal texts.
 * In:    words of a manifest, or of the platform.
 * Out:   a set: "db:create,read", sorted, presets expanded. */
#ifndef TENANTD_CORE_SCOPE_H
#define TENANTD_CORE_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"
#include "lib/buf.h"

#define SCOPE_EXPECTED                                                                             \
    "read, db:create, db:delete, db:configure, db:mint-token, db:rotate-creds, group:configure, "  \
    "group:mint-token, group:rotate-creds, read-only or full-access"

bool scope_is_word(const char *s, size_t n) MUST_CHECK; /* a scope, or a preset */
/* Append the set that `words` come to. One that is not known here stands for itself. False: no
 * memory. */
bool scope_add_set(struct buf *out, const char *const *words, size_t n) MUST_CHECK;

#endif
