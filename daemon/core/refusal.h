/* refusal: what an answer that is not a success says: its text for people, and the few words in it
 * that matter.
 * In:    the body, as far as it came.
 * Out:   one redacted line, and what it claims.
 * Never: trusts the shape of an error; keeps the body. */
#ifndef TENANTD_CORE_REFUSAL_H
#define TENANTD_CORE_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/limits.h"

struct refusal {
    char text[LIMIT_ERROR_TEXT_BYTES + 1]; /* "": nothing was said */
    bool says_plan;                        /* not in the plan that is paid for */
    bool says_taken;                       /* the name exists already */
    int64_t retry_after_ms;                /* -1: not said */
};

/* `may_quote`: a body that is not JSON may be quoted. */
void refusal_read(const char *body, size_t n, bool may_quote, struct refusal *out);

#endif
