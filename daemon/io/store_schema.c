#include "io/store_schema.h"

#include <string.h>

#include "io/sqlite_file.h"
#include "lib/buf.h"

#define SQL_MAX 65536

static const struct store_step STEPS[] = {
    {2, "CREATE TABLE pause (kind TEXT NOT NULL, name TEXT NOT NULL,"
        "  until INTEGER NOT NULL DEFAULT 0, at INTEGER NOT NULL DEFAULT 0,"
        "  uid INTEGER NOT NULL DEFAULT 0, reason TEXT,"
        "  PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;"
        "ALTER TABLE owned ADD COLUMN released INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE owned ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE owned ADD COLUMN recreate INTEGER NOT NULL DEFAULT 0;"},
    {3, "ALTER TABLE event ADD COLUMN request TEXT;"},
    {4, "ALTER TABLE held_token ADD COLUMN asked TEXT;"},
    {5, "CREATE TABLE issued ("
        "  name TEXT NOT NULL, generation INTEGER NOT NULL, state TEXT, id TEXT, hash TEXT,"
        "  group_name TEXT, group_id TEXT, scopes TEXT, since INTEGER NOT NULL DEFAULT 0,"
        "  retired INTEGER NOT NULL DEFAULT 0, removal_since INTEGER NOT NULL DEFAULT 0,"
        "  held INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name, generation)"
        ") STRICT, WITHOUT ROWID;"},
    {6, "ALTER TABLE owned ADD COLUMN probed INTEGER NOT NULL DEFAULT 0;"},
    {7, "CREATE TABLE membership ("
        "  email TEXT NOT NULL, state TEXT, username TEXT, origin TEXT, role TEXT,"
        "  digest INTEGER NOT NULL DEFAULT 0, since INTEGER NOT NULL DEFAULT 0,"
        "  invited_at INTEGER NOT NULL DEFAULT 0, wanted_since INTEGER NOT NULL DEFAULT 0,"
        "  removal_since INTEGER NOT NULL DEFAULT 0, missing_since INTEGER NOT NULL DEFAULT 0,"
        "  recreate INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,"
        "  PRIMARY KEY (email)) STRICT, WITHOUT ROWID;"},
    {8, "ALTER TABLE owned ADD COLUMN upload TEXT; ALTER TABLE owned ADD COLUMN draft_id TEXT;"},
};
const struct store_schema STORE_SCHEMA = {
    .version = 8, .steps = STEPS, .n_steps = ARRAY_SIZE(STEPS)};

/* Events are found by resource: for its history, and to know its last change when old ones go. */
static const char EVENT_INDEX[] = "CREATE INDEX event_resource ON event (kind, name);";

static bool is_numbered(enum ledger_table t)
{
    return t == LEDGER_EVENT;
}

static void add_names(enum ledger_table t, bool keys_only, const char *between, const char *after,
                      struct buf *out)
{
    const char *sep = "";

    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        const struct ledger_column *c = &LEDGER[t].columns[i];

        if (keys_only && !c->is_key)
            continue;
        buf_printf(out, "%s\"%s\"%s", sep, c->name, after);
        sep = between;
    }
}

void store_schema_select(enum ledger_table t, struct buf *out)
{
    buf_add_str(out, "SELECT ");
    add_names(t, false, ", ", "", out);
    buf_printf(out, " FROM \"%s\"", LEDGER[t].name);
}

void store_schema_put(enum ledger_table t, struct buf *out)
{
    buf_printf(out, "INSERT %sINTO \"%s\" (", is_numbered(t) ? "" : "OR REPLACE ", LEDGER[t].name);
    add_names(t, false, ", ", "", out);
    buf_add_str(out, ") VALUES (?");
    for (size_t i = 1; i < LEDGER[t].n_columns; i++)
        buf_add_str(out, ", ?");
    buf_add_str(out, ")");
}

void store_schema_delete(enum ledger_table t, struct buf *out)
{
    buf_printf(out, "DELETE FROM \"%s\" WHERE ", LEDGER[t].name);
    add_names(t, true, " AND ", " = ?", out);
}

static const char *sql_type(const struct ledger_column *c)
{
    return c->type == LEDGER_INT ? "INTEGER" : "TEXT";
}

static void add_column(enum ledger_table t, const struct ledger_column *c, struct buf *out)
{
    buf_printf(out, "  \"%s\" %s", c->name, sql_type(c));
    if (is_numbered(t) && c->is_key)
        buf_add_str(out, " PRIMARY KEY");
    else if (c->is_key)
        buf_add_str(out, " NOT NULL");
    else if (c->type == LEDGER_INT)
        buf_add_str(out, " NOT NULL DEFAULT 0");
}

static void add_table(enum ledger_table t, struct buf *out)
{
    buf_printf(out, "CREATE TABLE \"%s\" (\n", LEDGER[t].name);
    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        add_column(t, &LEDGER[t].columns[i], out);
        if (i + 1 < LEDGER[t].n_columns)
            buf_add_str(out, ",\n");
    }
    if (is_numbered(t)) {
        buf_add_str(out, "\n) STRICT;\n");
        return;
    }
    buf_add_str(out, ",\n  PRIMARY KEY (");
    add_names(t, true, ", ", "", out);
    buf_add_str(out, ")\n) STRICT, WITHOUT ROWID;\n");
}

/* `sql` and the version it leads to, all or nothing. */
static int apply(sqlite3 *db, const char *sql, int version, struct err *err)
{
    struct buf mark = BUF_INIT(SQL_MAX);
    int rc;

    buf_printf(&mark, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
               STORE_SCHEMA_APPLICATION, version);
    rc = mark.failed ? err_nomem(err) : sqlite_file_begin(db, err);
    if (!rc) {
        rc = sqlite_file_exec(db, sql, err);
        if (!rc)
            rc = sqlite_file_exec(db, buf_str(&mark), err);
        if (rc)
            sqlite_file_rollback(db);
        else
            rc = sqlite_file_commit(db, err);
    }
    buf_deinit(&mark);
    return rc;
}

static int create(sqlite3 *db, int version, struct err *err)
{
    struct buf sql = BUF_INIT(SQL_MAX);
    int rc;

    for (int t = 0; t < LEDGER_N; t++)
        add_table((enum ledger_table)t, &sql);
    buf_add_str(&sql, EVENT_INDEX);
    rc = sql.failed ? err_nomem(err) : apply(db, buf_str(&sql), version, err);
    buf_deinit(&sql);
    return rc;
}

static const struct store_step *step_from(const struct store_schema *schema, int64_t version)
{
    for (size_t i = 0; i < schema->n_steps; i++)
        if (schema->steps[i].to == version + 1)
            return &schema->steps[i];
    return NULL;
}

static int migrate(sqlite3 *db, int64_t version, const struct store_schema *schema, struct err *err)
{
    while (version < schema->version) {
        const struct store_step *step = step_from(schema, version);

        if (!step)
            return err_set(err, ERR_INVALID, "no way leads from its schema version %lld to %d",
                           (long long)version, schema->version);
        if (apply(db, step->sql, step->to, err) < 0)
            return err_wrap(err, "migration to schema version %d", step->to);
        version = step->to;
    }
    return 0;
}

static int check_column(sqlite3 *db, enum ledger_table t, size_t i, struct err *err)
{
    const struct ledger_column *c = &LEDGER[t].columns[i];
    struct buf sql = BUF_INIT(SQL_MAX);
    int64_t n = 0;
    int rc;

    buf_printf(&sql,
               "SELECT count(*) FROM pragma_table_info('%s') "
               "WHERE name = '%s' AND type = '%s' AND (pk > 0) = %d",
               LEDGER[t].name, c->name, sql_type(c), c->is_key);
    rc = sql.failed ? err_nomem(err) : sqlite_file_int(db, buf_str(&sql), &n, err);
    buf_deinit(&sql);
    if (!rc && n != 1)
        rc = err_set(err, ERR_CORRUPT, "%s: table %s has no column %s as it should be",
                     sqlite3_db_filename(db, "main"), LEDGER[t].name, c->name);
    return rc;
}

static int check_columns(sqlite3 *db, struct err *err)
{
    int rc = 0;

    for (int t = 0; !rc && t < LEDGER_N; t++)
        for (size_t i = 0; !rc && i < LEDGER[t].n_columns; i++)
            rc = check_column(db, (enum ledger_table)t, i, err);
    return rc;
}

static int check_application(sqlite3 *db, struct err *err)
{
    int64_t id = 0;
    int rc = sqlite_file_int(db, "PRAGMA application_id", &id, err);

    if (!rc && id != STORE_SCHEMA_APPLICATION)
        rc = err_set(err, ERR_FOREIGN, "%s is a database of another program",
                     sqlite3_db_filename(db, "main"));
    return rc;
}

int store_schema_ensure(sqlite3 *db, const struct store_schema *schema, struct err *err)
{
    int64_t version = 0;
    int64_t objects = 0;
    int rc = sqlite_file_int(db, "PRAGMA user_version", &version, err);

    if (!rc)
        rc = sqlite_file_int(db, "SELECT count(*) FROM sqlite_schema", &objects, err);
    if (rc)
        return rc;
    if (objects == 0 && version == 0)
        return create(db, schema->version, err);
    rc = check_application(db, err);
    if (rc)
        return rc;
    if (version > schema->version)
        return err_set(
            err, ERR_NEWER,
            "%s was written by a newer tenantd (schema version %lld, this one knows %d): "
            "start that version",
            sqlite3_db_filename(db, "main"), (long long)version, schema->version);
    rc = migrate(db, version, schema, err);
    return rc ? rc : check_columns(db, err);
}
