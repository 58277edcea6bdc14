/* label: a database's host begins with its name, a dash and the organization's, in one DNS label;
 * so the longer the organization's name, the shorter its databases' and groups' may be. What the
 * platform says counts; this is for a word in time. */
#ifndef TENANTD_CORE_LABEL_H
#define TENANTD_CORE_LABEL_H

#include <stddef.h>
#include <string.h>

#include "core/limits.h"

/* Bytes that are left for a name. */
static inline size_t label_room(const char *organization)
{
    size_t taken = strlen(organization) + 1;

    return taken < LIMIT_DNS_LABEL_BYTES ? LIMIT_DNS_LABEL_BYTES - taken : 0;
}

#endif
