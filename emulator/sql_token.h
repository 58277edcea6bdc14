/* sql_token: what a token allows on a database's own host.
 * In:    a token as it came, a database.
 * Out:   what may be done, or nothing.
 * Never: believes a claim before the signature is known to be good. */
#ifndef TENANTD_EMULATOR_SQL_TOKEN_H
#define TENANTD_EMULATOR_SQL_TOKEN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

struct database;

struct sql_grant {
    struct json_object *claims; /* owned */
    struct json_object *fine;   /* borrowed of it: [{t, a}, ...]; NULL: everything */
    bool read_only;
};

/* Signed by the database's key, for it or its group, and not over? The grant is to be deinited in
 * any case. */
bool sql_token_read(const struct database *db, const char *token, int64_t now_ms,
                    struct sql_grant *out) MUST_CHECK;
void sql_grant_deinit(struct sql_grant *g);
/* Is the action ("data_read") allowed on the table? */
bool sql_grant_allows(const struct sql_grant *g, const char *table, const char *action);

#endif
