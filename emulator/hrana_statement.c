/* hrana_statement: one statement, run or described.
 * In:    the JSON of a statement: sql or sql_id, args, named_args, want_rows.
 * Out:   its result as JSON, or an error with SQLite's word for it.
 * Never: runs what the guard blocks. */
#include "hrana_statement.h"

#include <stdio.h>
#include <string.h>

#include "content.h"
#include "emit.h"
#include "hrana_value.h"
#include "lib/json.h"
#include "sql_guard.h"

void sql_error_set(struct sql_error *error, const char *code, const char *message)
{
    snprintf(error->code, sizeof(error->code), "%s", code);
    snprintf(error->message, sizeof(error->message), "%s", message);
}

void sql_error_write(const struct sql_error *error, const char *key, struct buf *out)
{
    emit_open(out, key, '{');
    emit_string(out, "message", error->message);
    emit_string(out, "code", error->code);
    emit_close(out, '}');
}

static const char *code_name(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_AUTH:
        return "SQLITE_AUTH";
    case SQLITE_CONSTRAINT:
        return "SQLITE_CONSTRAINT";
    case SQLITE_FULL:
        return "SQLITE_FULL";
    case SQLITE_INTERRUPT:
        return "SQLITE_INTERRUPT";
    case SQLITE_MISMATCH:
        return "SQLITE_MISMATCH";
    case SQLITE_NOMEM:
        return "SQLITE_NOMEM";
    case SQLITE_RANGE:
        return "SQLITE_RANGE";
    case SQLITE_READONLY:
        return "SQLITE_READONLY";
    case SQLITE_TOOBIG:
        return "SQLITE_TOOBIG";
    default:
        return "SQLITE_ERROR";
    }
}

static bool fail_sqlite(const struct hrana *h, int rc, struct sql_error *error)
{
    char text[sizeof(error->message)];

    snprintf(text, sizeof(text), "SQLite error: %s", sqlite3_errmsg(h->connection));
    sql_error_set(error, code_name(rc), text);
    return false;
}

static bool fail(struct sql_error *error, const char *code, const char *message)
{
    sql_error_set(error, code, message);
    return false;
}

/* Its own text, or one that was stored. */
static const char *text_of(const struct hrana *h, struct json_object *stmt)
{
    const char *sql = NULL;
    int64_t id;
    char key[24];

    if (json_get_str(stmt, "sql", &sql))
        return sql;
    if (!json_get_int(stmt, "sql_id", &id))
        return NULL;
    snprintf(key, sizeof(key), "%lld", (long long)id);
    return json_get_str(h->stored, key, &sql) ? sql : NULL;
}

static bool is_rest_empty(const char *rest)
{
    return !rest[strspn(rest, " \t\r\n;")];
}

/* One statement and no more. The caller finalizes *out. */
static bool prepare(const struct hrana *h, const char *sql, sqlite3_stmt **out, const char **rest,
                    struct sql_error *error)
{
    const char *why;
    int rc = sqlite3_prepare_v2(h->connection, sql, -1, out, rest);

    if (rc)
        return fail_sqlite(h, rc, error);
    why = *out ? sql_guard_blocks(h->guard, *out) : NULL;
    if (why) {
        char text[sizeof(error->message)];

        snprintf(text, sizeof(text), "Operation was blocked: %s", why);
        return fail(error, "BLOCKED", text);
    }
    return true;
}

static void write_columns(sqlite3_stmt *stmt, struct buf *out)
{
    emit_open(out, "cols", '[');
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        emit_open(out, NULL, '{');
        emit_string(out, "name", sqlite3_column_name(stmt, i));
        emit_string(out, "decltype", sqlite3_column_decltype(stmt, i));
        emit_close(out, '}');
    }
    emit_close(out, ']');
}

/* SQLITE_DONE, or why not; SQLITE_TOOBIG when the rows are too many. */
static int step_rows(sqlite3_stmt *stmt, bool wants_rows, struct buf *out, uint64_t *out_rows)
{
    size_t start = out->size;
    int rc;

    emit_open(out, "rows", '[');
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        ++*out_rows;
        if (!wants_rows)
            continue;
        emit_open(out, NULL, '[');
        for (int i = 0; i < sqlite3_column_count(stmt); i++)
            hrana_value_write(stmt, i, out);
        emit_close(out, ']');
        if (out->failed || out->size - start > HRANA_ROWS_BYTES_MAX)
            return SQLITE_TOOBIG;
    }
    emit_close(out, ']');
    return rc;
}

static bool write_result(struct hrana *h, sqlite3_stmt *stmt, bool wants_rows, struct buf *out,
                         struct sql_error *error)
{
    int64_t before = sqlite3_total_changes64(h->connection);
    bool is_write = !sqlite3_stmt_readonly(stmt);
    uint64_t n_rows = 0;
    char rowid[24];
    int64_t changes;
    int rc;

    emit_open(out, NULL, '{');
    write_columns(stmt, out);
    rc = step_rows(stmt, wants_rows, out, &n_rows);
    if (rc == SQLITE_TOOBIG && (out->failed || out->size > HRANA_ROWS_BYTES_MAX))
        return fail(error, "RESPONSE_TOO_LARGE", "the response is too large");
    if (rc != SQLITE_DONE)
        return fail_sqlite(h, rc, error);
    changes = sqlite3_total_changes64(h->connection) - before;
    content_count(h->content, sqlite3_sql(stmt), n_rows, (uint64_t)changes);
    snprintf(rowid, sizeof(rowid), "%lld", (long long)sqlite3_last_insert_rowid(h->connection));
    emit_int(out, "affected_row_count", changes);
    emit_string(out, "last_insert_rowid", is_write ? rowid : NULL);
    emit_null(out, "replication_index");
    emit_int(out, "rows_read", (int64_t)n_rows);
    emit_int(out, "rows_written", changes);
    emit_close(out, '}');
    return true;
}

static void write_nothing(struct buf *out)
{
    buf_add_str(out, "{\"cols\":[],\"rows\":[],\"affected_row_count\":0,"
                     "\"last_insert_rowid\":null,\"replication_index\":null,"
                     "\"rows_read\":0,\"rows_written\":0}");
}

bool hrana_statement_run(struct hrana *h, struct json_object *stmt, struct buf *out,
                         struct sql_error *error)
{
    sqlite3_stmt *prepared = NULL;
    const char *sql = text_of(h, stmt);
    const char *rest = "";
    bool wants_rows = true;
    bool ok;

    if (!sql)
        return fail(error, "HRANA_PROTO_ERROR", "a statement wants sql or a known sql_id");
    if (!json_get_bool(stmt, "want_rows", &wants_rows))
        wants_rows = true;
    ok = prepare(h, sql, &prepared, &rest, error);
    if (ok && !is_rest_empty(rest))
        ok = fail(error, "SQL_MANY_STATEMENTS", "SQL string contains more than one statement");
    if (ok && !prepared) {
        write_nothing(out);
        return true;
    }
    if (ok && !hrana_value_bind(stmt, prepared))
        ok = fail(error, "ARGS_INVALID", "an argument has the wrong form or no parameter");
    ok = ok && write_result(h, prepared, wants_rows, out, error);
    sqlite3_finalize(prepared);
    return ok;
}

static int step_silently(struct hrana *h, sqlite3_stmt *stmt)
{
    int64_t before = sqlite3_total_changes64(h->connection);
    uint64_t n_rows = 0;
    int rc;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        n_rows++;
    content_count(h->content, sqlite3_sql(stmt), n_rows,
                  (uint64_t)(sqlite3_total_changes64(h->connection) - before));
    return rc;
}

bool hrana_statement_sequence(struct hrana *h, struct json_object *request, struct sql_error *error)
{
    const char *sql = text_of(h, request);

    if (!sql)
        return fail(error, "HRANA_PROTO_ERROR", "sequence wants sql or a known sql_id");
    while (*sql) {
        sqlite3_stmt *prepared = NULL;
        bool ok = prepare(h, sql, &prepared, &sql, error);
        int rc = ok && prepared ? step_silently(h, prepared) : SQLITE_DONE;

        if (rc != SQLITE_DONE)
            ok = fail_sqlite(h, rc, error);
        sqlite3_finalize(prepared);
        if (!ok)
            return false;
    }
    return true;
}

bool hrana_statement_describe(struct hrana *h, struct json_object *request, struct buf *out,
                              struct sql_error *error)
{
    sqlite3_stmt *prepared = NULL;
    const char *sql = text_of(h, request);
    const char *rest = "";

    if (!sql)
        return fail(error, "HRANA_PROTO_ERROR", "describe wants sql or a known sql_id");
    if (!prepare(h, sql, &prepared, &rest, error)) {
        sqlite3_finalize(prepared);
        return false;
    }
    emit_open(out, NULL, '{');
    emit_open(out, "params", '[');
    for (int i = 1; i <= sqlite3_bind_parameter_count(prepared); i++) {
        emit_open(out, NULL, '{');
        emit_string(out, "name", sqlite3_bind_parameter_name(prepared, i));
        emit_close(out, '}');
    }
    emit_close(out, ']');
    write_columns(prepared, out);
    emit_bool(out, "is_explain", sqlite3_stmt_isexplain(prepared) != 0);
    emit_bool(out, "is_readonly", sqlite3_stmt_readonly(prepared) != 0);
    emit_close(out, '}');
    sqlite3_finalize(prepared);
    return true;
}
