/* sql_guard: what statements may do, and for how long.
 * In:    a connection, a grant, whether writes are blocked.
 * Out:   SQLite refuses what is not allowed.
 * Never: lets a statement reach another file, or run for ever. */
#include "sql_guard.h"

#include <string.h>
#include <strings.h>

#include "clock.h"
#include "lib/base.h"
#include "sql_token.h"

#define STEPS_BETWEEN_LOOKS 10000 /* of SQLite's machine, at the clock */

/* Pragmas that tell, and those that are the database's own. */
static const char *const PRAGMAS[] = {
    "application_id",   "collation_list",     "compile_options", "data_version",
    "database_list",    "defer_foreign_keys", "encoding",        "foreign_key_check",
    "foreign_key_list", "foreign_keys",       "freelist_count",  "function_list",
    "index_info",       "index_list",         "index_xinfo",     "integrity_check",
    "page_count",       "page_size",          "quick_check",     "schema_version",
    "table_info",       "table_list",         "table_xinfo",     "user_version",
};

static bool is_pragma_allowed(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(PRAGMAS); i++) {
        if (!strcasecmp(PRAGMAS[i], name))
            return true;
    }
    return false;
}

/* What a grant calls the actions of SQLite's. */
static const struct {
    int code;
    const char *action;
} ACTIONS[] = {
    {SQLITE_READ, "data_read"},
    {SQLITE_INSERT, "data_add"},
    {SQLITE_UPDATE, "data_update"},
    {SQLITE_DELETE, "data_delete"},
    {SQLITE_CREATE_INDEX, "schema_add"},
    {SQLITE_CREATE_TABLE, "schema_add"},
    {SQLITE_CREATE_TRIGGER, "schema_add"},
    {SQLITE_CREATE_VIEW, "schema_add"},
    {SQLITE_CREATE_VTABLE, "schema_add"},
    {SQLITE_ALTER_TABLE, "schema_update"},
    {SQLITE_DROP_INDEX, "schema_delete"},
    {SQLITE_DROP_TABLE, "schema_delete"},
    {SQLITE_DROP_TRIGGER, "schema_delete"},
    {SQLITE_DROP_VIEW, "schema_delete"},
    {SQLITE_DROP_VTABLE, "schema_delete"},
};

/* The table that an action is about: an index, say, comes with its own name first. */
static const char *table_of(int code, const char *first, const char *second)
{
    bool is_second = code == SQLITE_CREATE_INDEX || code == SQLITE_DROP_INDEX ||
                     code == SQLITE_CREATE_TRIGGER || code == SQLITE_DROP_TRIGGER ||
                     code == SQLITE_ALTER_TABLE;
    const char *table = is_second ? second : first;

    return table ? table : "";
}

static bool is_granted(const struct sql_grant *grant, int code, const char *table)
{
    if (!strncasecmp(table, "sqlite_", 7)) /* SQLite keeps these itself */
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++) {
        if (ACTIONS[i].code == code)
            return sql_grant_allows(grant, table, ACTIONS[i].action);
    }
    return true;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are SQLite's
static int authorize(void *arg, int code, const char *first, const char *second, const char *db,
                     const char *trigger)
{
    const struct sql_guard *g = arg;

    (void)db;
    (void)trigger;
    switch (code) {
    case SQLITE_ATTACH: /* VACUUM attaches one without a name */
        return first && !*first ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA:
        return is_pragma_allowed(first) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
        return second && !strcasecmp(second, "load_extension") ? SQLITE_DENY : SQLITE_OK;
    default:
        return is_granted(g->grant, code, table_of(code, first, second)) ? SQLITE_OK : SQLITE_DENY;
    }
}

static int look_at_clock(void *arg)
{
    const struct sql_guard *g = arg;

    return clock_monotonic_ns() > g->until_ns;
}

void sql_guard_put(struct sql_guard *g, sqlite3 *connection)
{
    g->until_ns = clock_monotonic_ns() + SQL_TIME_MAX_NS;
    sqlite3_set_authorizer(connection, authorize, g);
    sqlite3_progress_handler(connection, STEPS_BETWEEN_LOOKS, look_at_clock, g);
}

void sql_guard_take_off(sqlite3 *connection)
{
    sqlite3_set_authorizer(connection, NULL, NULL);
    sqlite3_progress_handler(connection, 0, NULL, NULL);
}

const char *sql_guard_blocks(const struct sql_guard *g, sqlite3_stmt *stmt)
{
    if (sqlite3_stmt_readonly(stmt))
        return NULL;
    if (g->grant->read_only)
        return "SQL write operations are forbidden with a read-only token";
    return g->block_writes ? "SQL write operations are forbidden" : NULL;
}
