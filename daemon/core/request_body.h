/* request_body: what a call sends, for each kind of call that sends something. Private to request.
 * In:    a call, the organization's slug.
 * Out:   JSON. */
#ifndef TENANTD_CORE_REQUEST_BODY_H
#define TENANTD_CORE_REQUEST_BODY_H

#include "core/call.h"
#include "lib/err.h"

/* *out: the caller's, to be wiped; NULL: nothing is sent. 0, -ERR_INVALID or -ERR_NOMEM. */
int request_body_build(const struct call *c, const char *organization, char **out,
                       struct err *err) MUST_CHECK;

#endif
