#include "io/store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/sqlite_file.h"
#include "io/store_schema.h"
#include "lib/mem.h"

#define BUSY_MS 5000 /* a checkpoint of the daemon's takes less */

static int open_source(const char *path, sqlite3 **out, struct err *err)
{
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    struct stat st;

    if (stat(path, &st) < 0)
        return err_errno(err, errno, "%s", path);
    if (sqlite3_open_v2(path, out, flags, NULL) != SQLITE_OK)
        return *out ? sqlite_file_error(*out, err) : err_nomem(err);
    sqlite3_busy_timeout(*out, BUSY_MS);
    return sqlite_file_exec(*out, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON", err);
}

static int check_source(sqlite3 *db, const char *path, struct err *err)
{
    int64_t application = 0;
    int64_t version = 0;
    int rc = sqlite_file_int(db, "PRAGMA application_id", &application, err);

    if (rc == 0)
        rc = sqlite_file_int(db, "PRAGMA user_version", &version, err);
    if (rc == 0 && application != STORE_SCHEMA_APPLICATION)
        rc = err_set(err, ERR_FOREIGN, "%s is no ledger of tenantd's", path);
    if (rc == 0 && version > STORE_SCHEMA.version)
        rc = err_set(err, ERR_NEWER, "%s is of a newer tenantd: use that one's tenantctl", path);
    return rc;
}

static int make_file(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    close(fd);
    return 0;
}

/* All in one step, so that it is one moment's. */
static int copy_pages(sqlite3 *from, sqlite3 *to, struct err *err)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    int step;

    if (!b)
        return sqlite_file_error(to, err);
    step = sqlite3_backup_step(b, -1);
    if (sqlite3_backup_finish(b) != SQLITE_OK)
        return sqlite_file_error(to, err);
    return step == SQLITE_DONE ? 0
                               : err_set(err, ERR_LOCKED, "the ledger cannot be read just now: %s",
                                         sqlite3_errstr(step));
}

static int mark(sqlite3 *db, int64_t wall_ms, struct err *err)
{
    char sql[160];

    snprintf(sql, sizeof(sql),
             "PRAGMA journal_mode = DELETE;"
             "INSERT OR REPLACE INTO meta (key, value) VALUES ('copy', '%" PRId64 "')",
             wall_ms);
    return sqlite_file_exec(db, sql, err);
}

static int fill(sqlite3 *from, const char *path, int64_t wall_ms, struct err *err)
{
    sqlite3 *to = NULL;
    int rc;

    if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        rc = to ? sqlite_file_error(to, err) : err_nomem(err);
    else
        rc = sqlite_file_exec(to, "PRAGMA synchronous = FULL", err);
    if (rc == 0)
        rc = copy_pages(from, to, err);
    if (rc == 0)
        rc = mark(to, wall_ms, err);
    sqlite_file_close(to);
    return rc;
}

static int sync_dir(const char *path, struct err *err)
{
    char *copy CLEANUP(mem_free_string) = mem_strdup(path);
    int fd;
    int rc = 0;

    if (!copy)
        return err_nomem(err);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        rc = err_errno(err, errno, "%s", path);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* With what SQLite may have put beside it. */
static void remove_copy(const char *path)
{
    static const char *const ENDS[] = {"", "-journal", "-wal", "-shm"};

    for (size_t i = 0; i < ARRAY_SIZE(ENDS); i++) {
        char *one = mem_printf("%s%s", path, ENDS[i]);

        if (one)
            unlink(one);
        mem_free(one);
    }
}

static int copy_to(sqlite3 *from, const char *path, int64_t wall_ms, int64_t *out_bytes,
                   struct err *err)
{
    struct stat st = {0};
    int rc = make_file(path, err);

    if (rc != 0)
        return rc;
    rc = fill(from, path, wall_ms, err);
    if (rc == 0)
        rc = sync_dir(path, err);
    if (rc == 0 && stat(path, &st) < 0)
        rc = err_errno(err, errno, "%s", path);
    if (rc != 0)
        remove_copy(path);
    *out_bytes = st.st_size;
    return rc;
}

int store_copy(const char *state_dir, const char *path, int64_t wall_ms, int64_t *out_bytes,
               struct err *err)
{
    char *ledger CLEANUP(mem_free_string) = mem_printf("%s/ledger.db", state_dir);
    sqlite3 *from = NULL;
    int rc = ledger ? open_source(ledger, &from, err) : err_nomem(err);

    if (rc == 0)
        rc = check_source(from, ledger, err);
    if (rc == 0)
        rc = copy_to(from, path, wall_ms, out_bytes, err);
    sqlite_file_close(from);
    return rc;
}
