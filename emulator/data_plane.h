/* data_plane: the hosts of the databases: which one is meant, and may the caller in?
 * In:    a Host header, a token, the database's state.
 * Out:   the database and what the token allows, or an answer that says why not.
 * Never: looks at what is in a database. */
#ifndef TENANTD_EMULATOR_DATA_PLANE_H
#define TENANTD_EMULATOR_DATA_PLANE_H

#include <stdbool.h>

#include "lib/base.h"
#include "sql_token.h"

struct emulator;
struct request;
struct answer;
struct database;

/* `for_upload`: one that still waits for its file will do. The grant is to be deinited in any case.
 * NULL: answered. */
struct database *data_plane_enter(struct emulator *e, const struct request *rq, bool for_upload,
                                  struct sql_grant *grant, struct answer *a) MUST_CHECK;

#endif
