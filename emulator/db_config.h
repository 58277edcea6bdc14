/* db_config: the fields of a database that can change.
 * In:    values as they came in a request.
 * Out:   values checked, and as they read back.
 * Never: changes a database before all of a request is known to be good. */
#ifndef TENANTD_EMULATOR_DB_CONFIG_H
#define TENANTD_EMULATOR_DB_CONFIG_H

#include "lib/base.h"
#include "state.h"

struct emulator;
struct answer;

/* "256mb" as it will read back. False: answered with 400. */
bool db_config_size_limit(const struct emulator *e, const char *text, char out[SIZE_LIMIT_TEXT],
                          struct answer *a) MUST_CHECK;

#endif
