/* platform_usage: what the platform says is used, by the names of groups and databases.
 * In:    answers about usage, which have ids; the fleet, for the names.
 * Out:   rows of JSON.
 * Never: calls, times. */
#ifndef TENANTD_CORE_PLATFORM_USAGE_H
#define TENANTD_CORE_PLATFORM_USAGE_H

#include <json-c/json.h>

#include "core/reconcile.h"

/* The organization's own row, which is the last one; NULL: not told. */
const struct report_row *platform_usage_whole(const struct answer *usage);

/* As struct platform_question's `view`: the organization, then each group. */
bool platform_usage_groups(const struct reconcile *rc, struct answer *const *answers,
                           struct json_object *rows) MUST_CHECK;
/* A row for every database that `usage` (REPORT_USAGE) tells of. False: no memory. */
bool platform_usage_databases(const struct reconcile *rc, const struct answer *usage,
                              struct json_object *rows) MUST_CHECK;
/* The row of one that was read by itself; its name. */
bool platform_usage_database(const struct reconcile *rc, const char *name,
                             const struct answer *usage, struct json_object *rows) MUST_CHECK;
/* Names of live databases that `usage` does not tell of, at most `most`; *out_left: how many more.
 * The caller frees each and the array. -ERR_NOMEM. */
int platform_usage_unsaid(const struct reconcile *rc, const struct answer *usage, size_t most,
                          char ***out, size_t *out_n, size_t *out_left) MUST_CHECK;

#endif
