/* since: where to begin, as people say it.
 * In:    an RFC 3339 instant, or a duration before now.
 * Out:   an instant. */
#ifndef TENANTD_CTL_SINCE_H
#define TENANTD_CTL_SINCE_H

#include "lib/base.h"

#include <stdbool.h>

#define SINCE_SIZE 32

/* False: neither; said. */
bool read_since(const char *text, char *out) MUST_CHECK;

#endif
