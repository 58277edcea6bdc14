#include "io/store_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/digest.h"
#include "io/sqlite_file.h"
#include "io/state_dir.h"
#include "io/store_manifest_private.h"
#include "lib/mem.h"

#define NAME        "manifest.db"
#define NAME_ASIDE  "manifest.db.damaged"
#define NAME_UNDO   "manifest.db-journal"
#define APPLICATION 0x746e6d66 /* "tnmf" */
#define VERSION     1

/* `whole` holds one row: how many files there are, and a checksum of their paths, kinds and
 * checksums, so that a lost row is seen as well as a changed one: the SHA-256 of each of them, all
 * of these by exclusive or. */
static const char CREATE_SQL[] =
    "CREATE TABLE file (path TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL, sha256 TEXT NOT NULL,"
    " data BLOB NOT NULL) STRICT;"
    "CREATE TABLE whole (n INTEGER NOT NULL, sha256 TEXT NOT NULL) STRICT;"
    "PRAGMA application_id = 1953394022; PRAGMA user_version = 1;";
_Static_assert(APPLICATION == 1953394022 && VERSION == 1, "as in CREATE_SQL");

int store_manifest_open(const struct state_dir *dir, struct store_manifest **out, struct err *err)
{
    struct store_manifest *m = mem_alloc(sizeof(*m));

    if (!m)
        return err_nomem(err);
    m->dir = dir;
    *out = m;
    return 0;
}

void store_manifest_close(struct store_manifest *m)
{
    if (!m)
        return;
    sqlite_file_close(m->db);
    mem_free(m);
}

bool store_manifest_exists(const struct store_manifest *m)
{
    return state_dir_size(m->dir, NAME) > 0;
}

static int create(sqlite3 *db, struct err *err)
{
    int rc = sqlite_file_begin(db, err);

    if (rc)
        return rc;
    rc = sqlite_file_exec(db, CREATE_SQL, err);
    if (!rc)
        return sqlite_file_commit(db, err);
    sqlite_file_rollback(db);
    return rc;
}

static int check_version(sqlite3 *db, struct err *err)
{
    const char *path = sqlite3_db_filename(db, "main");
    int64_t version = 0;
    int64_t application = 0;
    int rc = sqlite_file_int(db, "PRAGMA user_version", &version, err);

    if (!rc)
        rc = sqlite_file_int(db, "PRAGMA application_id", &application, err);
    if (rc)
        return rc;
    if (version == 0 && application == 0)
        return create(db, err);
    if (application != APPLICATION)
        return err_set(err, ERR_CORRUPT, "%s is not the last good manifest", path);
    if (version > VERSION)
        return err_set(err, ERR_NEWER, "%s was written by a newer tenantd", path);
    return 0;
}

int store_manifest_connect(struct store_manifest *m, struct err *err)
{
    char *path CLEANUP(mem_free_string) = state_dir_path(m->dir, NAME);
    bool created;
    int rc;

    if (m->db)
        return 0;
    if (!path)
        return err_nomem(err);
    rc = state_dir_make(m->dir, NAME, &created, err);
    if (!rc)
        rc = sqlite_file_open(path, SQLITE_FILE_BULK, &m->db, err);
    if (rc)
        return rc;
    rc = check_version(m->db, err);
    if (rc) {
        sqlite_file_close(m->db);
        m->db = NULL;
    }
    return rc;
}

int store_manifest_move_aside(struct store_manifest *m, struct err *err)
{
    sqlite_file_close(m->db);
    m->db = NULL;
    if (unlinkat(m->dir->dir_fd, NAME_UNDO, 0) < 0 && errno != ENOENT)
        return err_errno(err, errno, "%s/" NAME_UNDO, m->dir->path);
    if (renameat(m->dir->dir_fd, NAME, m->dir->dir_fd, NAME_ASIDE) < 0)
        return err_errno(err, errno, "cannot move %s/" NAME " aside", m->dir->path);
    m->is_damaged = m->is_saved = m->is_checked = false;
    return 0;
}

static int digit_of(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

bool store_manifest_lay(char whole[DIGEST_HEX_SIZE], const char *path, int kind, const char *sha256)
{
    char *row CLEANUP(mem_free_string) = mem_printf("%d %s %s", kind, sha256, path);
    char digest[DIGEST_HEX_SIZE];

    if (!row || !digest_hex(row, strlen(row), digest))
        return false;
    for (size_t i = 0; i < DIGEST_HEX_SIZE - 1; i++)
        whole[i] = "0123456789abcdef"[(digit_of(whole[i]) ^ digit_of(digest[i])) & 15];
    return true;
}

int store_manifest_digest_failed(struct err *err)
{
    return err_set(err, ERR_NOMEM, "SHA-256 failed");
}
