#include "io/store_load.h"

#include <assert.h>
#include <string.h>

#include "io/sqlite_file.h"
#include "io/store_private.h"
#include "io/store_schema.h"
#include "lib/buf.h"
#include "lib/mem.h"

#define SQL_MAX 65536

union any_row {
#define MEMBER(symbol, row, columns) struct row row;
    LEDGER_TABLES(MEMBER)
#undef MEMBER
};

/* Fill the row with what SQLite holds; the texts stay SQLite's. */
static bool fill(enum ledger_table t, sqlite3_stmt *stmt, union any_row *row)
{
    const struct ledger_column *columns = LEDGER[t].columns;

    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        char *at = (char *)row + columns[i].offset;

        if (columns[i].type == LEDGER_INT) {
            int64_t v = sqlite3_column_int64(stmt, (int)i);

            memcpy(at, &v, sizeof(v));
        } else {
            const unsigned char *text = sqlite3_column_text(stmt, (int)i);

            if (!text && sqlite3_column_type(stmt, (int)i) != SQLITE_NULL)
                return false;
            memcpy(at, &text, sizeof(text));
        }
    }
    return true;
}

/* Show every row of `stmt`; the statement is gone afterwards. */
static int show(struct store *s, enum ledger_table t, sqlite3_stmt *stmt, store_row_fn fn,
                void *arg, struct err *err)
{
    union any_row row;
    int rc = 0;
    int step = SQLITE_DONE;

    assert(!s->in_callback);
    s->in_callback = true;
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = fill(t, stmt, &row) ? fn(arg, t, &row, err) : err_nomem(err);
    s->in_callback = false;
    if (!rc && step != SQLITE_DONE)
        rc = sqlite_file_error(s->db, err);
    sqlite3_finalize(stmt);
    return rc;
}

static int prepare(struct store *s, struct buf *sql, sqlite3_stmt **out, struct err *err)
{
    int rc =
        sql->failed ? err_nomem(err) : sqlite_file_prepare(s->db, buf_str(sql), false, out, err);

    buf_deinit(sql);
    return rc;
}

static int load_table(struct store *s, enum ledger_table t, store_row_fn fn, void *arg,
                      struct err *err)
{
    struct buf sql = BUF_INIT(SQL_MAX);
    sqlite3_stmt *stmt = NULL;
    int rc;

    store_schema_select(t, &sql);
    buf_add_str(&sql, " ORDER BY ");
    for (size_t i = 0; i < LEDGER[t].n_columns && LEDGER[t].columns[i].is_key; i++)
        buf_printf(&sql, "%s\"%s\"", i ? ", " : "", LEDGER[t].columns[i].name);
    rc = prepare(s, &sql, &stmt, err);
    return rc ? rc : show(s, t, stmt, fn, arg, err);
}

int store_load(struct store *s, store_row_fn row, void *arg, struct err *err)
{
    int rc = 0;

    for (int t = 0; !rc && t < LEDGER_N; t++)
        if (t != LEDGER_EVENT)
            rc = load_table(s, (enum ledger_table)t, row, arg, err);
    sqlite3_db_release_memory(s->db); /* all pages were read, and few will be again */
    return rc;
}

/* ?1 since, ?2 kind, ?3 name, ?4 limit */
static void events_sql(const struct store_events_query *q, struct buf *sql)
{
    if (q->last)
        buf_add_str(sql, "SELECT * FROM (");
    store_schema_select(LEDGER_EVENT, sql);
    buf_add_str(sql, " WHERE seq > ?1");
    if (q->kind)
        buf_add_str(sql, " AND kind = ?2");
    if (q->kind && q->name)
        buf_add_str(sql, " AND name = ?3");
    buf_printf(sql, " ORDER BY seq %s LIMIT ?4", q->last ? "DESC" : "ASC");
    if (q->last)
        buf_add_str(sql, ") ORDER BY seq");
}

int store_load_events(struct store *s, const struct store_events_query *q, store_row_fn row,
                      void *arg, struct err *err)
{
    struct buf sql = BUF_INIT(SQL_MAX);
    sqlite3_stmt *stmt = NULL;
    int rc;

    assert(q->kind || !q->name);
    events_sql(q, &sql);
    rc = prepare(s, &sql, &stmt, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, q->since_seq);
    if (q->kind)
        sqlite3_bind_text(stmt, 2, q->kind, -1, SQLITE_STATIC);
    if (q->kind && q->name)
        sqlite3_bind_text(stmt, 3, q->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, q->limit ? (int64_t)q->limit : -1);
    return show(s, LEDGER_EVENT, stmt, row, arg, err);
}

int store_load_meta(struct store *s, const char *key, char **out, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite_file_prepare(s->db, "SELECT value FROM meta WHERE key = ?", false, &stmt, err);
    int step;

    assert(!s->in_callback);
    if (rc)
        return rc;
    *out = NULL;
    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
    step = sqlite3_step(stmt);
    if (step == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(stmt, 0);

        if (value && !(*out = mem_strdup(value)))
            rc = err_nomem(err);
    } else if (step != SQLITE_DONE) {
        rc = sqlite_file_error(s->db, err);
    }
    sqlite3_finalize(stmt);
    return rc;
}
