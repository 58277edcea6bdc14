#include "io/sqlite_file.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/base.h"

/* The loop waits this long for an operator's sqlite3 shell, and no longer. */
#define BUSY_MS 200
#define CACHE   "PRAGMA cache_size = -4096;"

/* trusted_schema, cell_size_check: a damaged or doctored file must not run code or lead astray.
 * mmap_size: an I/O error on a mapped page would be a signal instead of an error.
 * secure_delete, which Debian turns on: nothing here is a secret. */
#define COMMON                                                                                     \
    "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"              \
    "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF;" CACHE

static enum err_code code_of_io(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_PERMISSION;
    default:
        return ERR_IO;
    }
}

static enum err_code code_of(sqlite3 *db)
{
    switch (sqlite3_errcode(db) & 0xff) {
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return ERR_CORRUPT;
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return ERR_PERMISSION;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ERR_LOCKED;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return code_of_io(sqlite3_system_errno(db));
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

int sqlite_file_error(sqlite3 *db, struct err *err)
{
    const char *path = sqlite3_db_filename(db, "main");
    enum err_code code = code_of(db);
    int errnum = sqlite3_system_errno(db);

    if ((code == ERR_IO || code == ERR_NO_SPACE || code == ERR_PERMISSION) && errnum)
        return err_set(err, code, "%s: %s (%s)", path ? path : "?", sqlite3_errmsg(db),
                       strerrordesc_np(errnum));
    return err_set(err, code, "%s: %s", path ? path : "?", sqlite3_errmsg(db));
}

int sqlite_file_exec(sqlite3 *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_file_error(db, err);
}

int sqlite_file_prepare(sqlite3 *db, const char *sql, bool keep, sqlite3_stmt **out,
                        struct err *err)
{
    unsigned flags = keep ? SQLITE_PREPARE_PERSISTENT : 0;

    return sqlite3_prepare_v3(db, sql, -1, flags, out, NULL) == SQLITE_OK
               ? 0
               : sqlite_file_error(db, err);
}

int sqlite_file_int(sqlite3 *db, const char *sql, int64_t *out, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite_file_prepare(db, sql, false, &stmt, err);
    int step;

    if (rc)
        return rc;
    *out = 0;
    step = sqlite3_step(stmt);
    if (step == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    else if (step != SQLITE_DONE)
        rc = sqlite_file_error(db, err);
    sqlite3_finalize(stmt);
    return rc;
}

int sqlite_file_run(sqlite3 *db, sqlite3_stmt *stmt, struct err *err)
{
    int rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : sqlite_file_error(db, err);

    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc;
}

int sqlite_file_begin(sqlite3 *db, struct err *err)
{
    return sqlite_file_exec(db, "BEGIN IMMEDIATE", err);
}

int sqlite_file_commit(sqlite3 *db, struct err *err)
{
    int rc = sqlite_file_exec(db, "COMMIT", err);

    if (rc)
        sqlite_file_rollback(db);
    return rc;
}

void sqlite_file_rollback(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

/* SQLite answers with the mode that it got, which on some file systems is not the one asked for. */
static int set_journal(sqlite3 *db, const char *mode, struct err *err)
{
    const char *sql =
        strcmp(mode, "wal") == 0 ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE";
    sqlite3_stmt *stmt;
    int rc = sqlite_file_prepare(db, sql, false, &stmt, err);
    int step;

    if (rc)
        return rc;
    step = sqlite3_step(stmt);
    if (step != SQLITE_ROW)
        rc = sqlite_file_error(db, err);
    else if (strcmp((const char *)sqlite3_column_text(stmt, 0), mode) != 0)
        rc = err_set(err, ERR_IO, "%s: the file system cannot keep a write-ahead log",
                     sqlite3_db_filename(db, "main"));
    sqlite3_finalize(stmt);
    return rc;
}

static int quick_check(sqlite3 *db, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite_file_prepare(db, "PRAGMA quick_check(1)", false, &stmt, err);
    const char *said = NULL;
    int step;

    if (rc)
        return rc;
    step = sqlite3_step(stmt);
    if (step == SQLITE_ROW)
        said = (const char *)sqlite3_column_text(stmt, 0);
    if (step != SQLITE_ROW)
        rc = sqlite_file_error(db, err);
    else if (!said || strcmp(said, "ok") != 0)
        rc = err_set(err, ERR_CORRUPT, "%s: %s", sqlite3_db_filename(db, "main"),
                     said ? said : "check gave no answer");
    sqlite3_finalize(stmt);
    return rc;
}

/* The check comes before the first write: what is damaged is left as it was found. */
static int prepare_file(sqlite3 *db, enum sqlite_file_kind kind, struct err *err)
{
    int rc;

    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = sqlite_file_exec(db, COMMON, err);
    if (!rc)
        rc = quick_check(db, err);
    if (!rc)
        rc = set_journal(db, kind == SQLITE_FILE_LOG ? "wal" : "delete", err);
    if (!rc && kind == SQLITE_FILE_LOG)
        rc = sqlite_file_exec(db, "PRAGMA journal_size_limit = 16777216", err);
    if (!rc && sqlite3_db_readonly(db, "main"))
        rc = err_set(err, ERR_PERMISSION, "%s may not be written", sqlite3_db_filename(db, "main"));
    if (!rc)
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return rc;
}

/* Nobody asks SQLite how much memory it holds, so it need not lock to count it. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int sqlite_file_open(const char *path, enum sqlite_file_kind kind, sqlite3 **out, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sqlite3 *db = NULL;
    int rc;

    pthread_once(&once, configure);
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        rc = db ? err_set(err, code_of(db), "%s: %s", path, sqlite3_errmsg(db)) : err_nomem(err);
        sqlite_file_close(db);
        return rc;
    }
    rc = prepare_file(db, kind, err);
    if (rc) {
        sqlite_file_close(db);
        return rc;
    }
    *out = db;
    return 0;
}

void sqlite_file_close(sqlite3 *db)
{
    sqlite3_close_v2(db);
}
