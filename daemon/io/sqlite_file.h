/* sqlite_file: one SQLite file, opened the way that what we keep must be opened.
 * In:    a path that nobody else opens meanwhile, SQL.
 * Out:   a connection; every SQLite code as ERR_x with a text that names the file.
 * Never: decides what is kept. */
#ifndef TENANTD_IO_SQLITE_FILE_H
#define TENANTD_IO_SQLITE_FILE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/err.h"

enum sqlite_file_kind {
    SQLITE_FILE_LOG,  /* many small commits: write-ahead log */
    SQLITE_FILE_BULK, /* few large ones: rollback journal, so that data is written once */
};

/* Open `path`, which must exist (0 bytes: an empty database), and check it from end to end. The
 * connection is used by one thread at a time; a commit is on disk when it returns. -ERR_CORRUPT:
 * damaged, or no database. Else as sqlite_file_error. */
int sqlite_file_open(const char *path, enum sqlite_file_kind kind, sqlite3 **out,
                     struct err *err) MUST_CHECK;
/* Takes NULL. No statement may be left. */
void sqlite_file_close(sqlite3 *db);

/* Translate what the last call on `db` said. Returns -ERR_x, never 0: NOMEM, CORRUPT, NO_SPACE,
 * PERMISSION, LOCKED (busy), LIMIT (a value too large), INVALID (the SQL is wrong, a rule of the
 * schema is broken), IO. */
int sqlite_file_error(sqlite3 *db, struct err *err);

int sqlite_file_exec(sqlite3 *db, const char *sql, struct err *err) MUST_CHECK;
/* `keep`: the statement will live as long as the connection. */
int sqlite_file_prepare(sqlite3 *db, const char *sql, bool keep, sqlite3_stmt **out,
                        struct err *err) MUST_CHECK;
/* The first column of the first row, 0 when there is no row. */
int sqlite_file_int(sqlite3 *db, const char *sql, int64_t *out, struct err *err) MUST_CHECK;
/* One step of a statement that gives no rows, then reset. Bindings are cleared in either case. */
int sqlite_file_run(sqlite3 *db, sqlite3_stmt *stmt, struct err *err) MUST_CHECK;

int sqlite_file_begin(sqlite3 *db, struct err *err) MUST_CHECK;
/* On failure the transaction is rolled back. */
int sqlite_file_commit(sqlite3 *db, struct err *err) MUST_CHECK;
/* Harmless when SQLite has rolled back by itself already. */
void sqlite_file_rollback(sqlite3 *db);

#endif
