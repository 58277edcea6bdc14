/* origin: where a URL leads, taken apart.
 * In:    api.url.
 * Out:   scheme, host and port in one text to which paths are appended, and the host.
 * Never: a URL that holds more than that, since what else it says would be lost. */
#ifndef TENANTD_IO_ORIGIN_H
#define TENANTD_IO_ORIGIN_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/err.h"

struct origin {
    char *text; /* "https://api.example.com", "http://127.0.0.1:8080" */
    char *host; /* "api.example.com", "127.0.0.1" */
};

/* -ERR_INVALID (not http or https; with a user, path, query or fragment) or -ERR_NOMEM; *out is
 * then empty. */
int origin_parse(const char *url, struct origin *out, struct err *err) MUST_CHECK;
void origin_deinit(struct origin *o);

/* Nothing in it could lead to another host than the one that is named. */
bool origin_is_host(const char *s) MUST_CHECK;

#endif
