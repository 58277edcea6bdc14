/* request: a call as HTTP. The one place that knows the platform's paths and queries.
 * In:    a call, the organization's slug.
 * Out:   method, path with query, body.
 * Never: I/O. Paths are of the v1 API unless the table says otherwise; names go percent-encoded. */
#ifndef TENANTD_CORE_REQUEST_H
#define TENANTD_CORE_REQUEST_H

#include "core/call.h"
#include "lib/err.h"

struct request {
    const char *method; /* static */
    char *target;       /* path and query, from "/"; owned */
    char *body;         /* JSON, owned; NULL: none */
};

/* -ERR_INVALID when a name is not of the platform's alphabet (text_is_name, or a location code):
 * such a path could mean something else. *out is then untouched. -ERR_NOMEM. */
int request_build(const struct call *c, const char *organization, struct request *out,
                  struct err *err) MUST_CHECK;
/* It goes to the database's own host, with a token that opens it, never to the platform's. */
bool request_is_of_host(enum call_kind kind);
void request_deinit(struct request *r);

#endif
