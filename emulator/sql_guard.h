/* sql_guard: what statements may do, and for how long.
 * In:    a connection, a grant, whether writes are blocked.
 * Out:   SQLite refuses what is not allowed.
 * Never: lets a statement reach another file, or run for ever. */
#ifndef TENANTD_EMULATOR_SQL_GUARD_H
#define TENANTD_EMULATOR_SQL_GUARD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct sql_grant;

#define SQL_TIME_MAX_NS (INT64_C(2) * 1000000000) /* of one pipeline: all others wait for it */

struct sql_guard {
    const struct sql_grant *grant;
    bool block_writes;
    int64_t until_ns;
};

/* For as long as the guard lives, or until it is taken off. */
void sql_guard_put(struct sql_guard *g, sqlite3 *connection);
void sql_guard_take_off(sqlite3 *connection);
/* Why a prepared statement must not run; NULL: it may. Static text. */
const char *sql_guard_blocks(const struct sql_guard *g, sqlite3_stmt *stmt);

#endif
