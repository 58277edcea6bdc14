/* varlink_lint: what is JSON, and yet a request must not hold.
 * In:    the text of one message.
 * Out:   whether it is JSON, with no key twice in an object, and within bounds.
 * Never: allocates. */
#ifndef TENANTD_IO_VARLINK_LINT_H
#define TENANTD_IO_VARLINK_LINT_H

#include <stddef.h>

#include "lib/base.h"
#include "lib/err.h"

/* Keys are names: one with an escape in it is refused, so equal keys are equal bytes.
 * *out_key: set on an error that one key is to blame for, borrowed from s, with *out_size; else
 * NULL. Returns 0 or -ERR_INVALID. */
int varlink_lint(const char *s, size_t n, const char **out_key, size_t *out_size,
                 struct err *err) MUST_CHECK;

#endif
