#include "io/store_manifest.h"

#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "io/digest.h"
#include "io/sqlite_file.h"
#include "io/store_manifest_private.h"

static int damaged(const struct store_manifest *m, const char *what, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "%s is damaged: %s", sqlite3_db_filename(m->db, "main"), what);
}

/* One row into `f`. Its data gets a NUL behind it, as a convenience to readers of texts. */
static int load_file(const struct store_manifest *m, sqlite3_stmt *stmt, struct arena *arena,
                     struct manifest_input *f, char *whole, struct err *err)
{
    const char *path = (const char *)sqlite3_column_text(stmt, 0);
    const char *said = (const char *)sqlite3_column_text(stmt, 2);
    const void *data = sqlite3_column_blob(stmt, 3);
    size_t size = (size_t)sqlite3_column_bytes(stmt, 3);
    char sha256[DIGEST_HEX_SIZE];

    if (!path || !said || (!data && size))
        return err_nomem(err);
    if (!digest_hex(data ? data : "", size, sha256) ||
        !store_manifest_lay(whole, path, sqlite3_column_int(stmt, 1), sha256))
        return store_manifest_digest_failed(err);
    if (strcmp(sha256, said) != 0)
        return damaged(m, path, err);
    f->path = arena_strdup(arena, path);
    f->kind = (enum manifest_kind)sqlite3_column_int(stmt, 1);
    f->data = arena_strndup(arena, data ? data : "", size);
    f->size = size;
    return f->path && f->data ? 0 : err_nomem(err);
}

static int load_files(const struct store_manifest *m, struct manifest_good *g, char *whole,
                      struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite_file_prepare(m->db, "SELECT path, kind, sha256, data FROM file ORDER BY path",
                                 false, &stmt, err);
    size_t at = 0;
    int step = SQLITE_DONE;

    if (rc)
        return rc;
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (at == g->n)
            rc = damaged(m, "it has more files than were saved", err);
        else
            rc = load_file(m, stmt, &g->arena, &g->files[at++], whole, err);
    }
    if (!rc && step != SQLITE_DONE)
        rc = sqlite_file_error(m->db, err);
    if (!rc && at != g->n)
        rc = damaged(m, "files are missing", err);
    sqlite3_finalize(stmt);
    return rc;
}

int store_manifest_whole(const struct store_manifest *m, int64_t *n, char sha256[DIGEST_HEX_SIZE],
                         struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite_file_prepare(m->db, "SELECT n, sha256 FROM whole", false, &stmt, err);
    int step;

    if (rc)
        return rc;
    *n = -1;
    step = sqlite3_step(stmt);
    if (step == SQLITE_ROW) {
        *n = sqlite3_column_int64(stmt, 0);
        snprintf(sha256, DIGEST_HEX_SIZE, "%s", (const char *)sqlite3_column_text(stmt, 1));
    } else if (step != SQLITE_DONE) {
        rc = sqlite_file_error(m->db, err);
    }
    sqlite3_finalize(stmt);
    if (!rc && *n < 0)
        rc = err_set(err, ERR_NOT_FOUND, "no manifest was kept yet");
    if (!rc && *n > LIMIT_MANIFEST_FILES)
        rc = damaged(m, "its count of files", err);
    return rc;
}

static int load_whole(const struct store_manifest *m, struct manifest_good *g, struct err *err)
{
    char whole[DIGEST_HEX_SIZE] = STORE_MANIFEST_NONE;
    char said[DIGEST_HEX_SIZE];
    int64_t n;
    int rc = store_manifest_whole(m, &n, said, err);

    if (rc)
        return rc;
    g->n = (size_t)n;
    g->files = arena_alloc(&g->arena, (g->n + 1) * sizeof(*g->files));
    if (!g->files)
        return err_nomem(err);
    rc = load_files(m, g, whole, err);
    if (rc)
        return rc;
    return strcmp(whole, said) == 0 ? 0 : damaged(m, "its checksum does not fit", err);
}

int store_manifest_load(struct store_manifest *m, struct manifest_good *out, struct err *err)
{
    struct manifest_good g = MANIFEST_GOOD_INIT;
    int rc;

    if (!store_manifest_exists(m))
        return err_set(err, ERR_NOT_FOUND, "no manifest was kept yet");
    rc = store_manifest_connect(m, err);
    if (!rc)
        rc = load_whole(m, &g, err);
    if (rc) {
        store_manifest_deinit(&g);
        m->is_damaged = m->is_damaged || rc == -ERR_CORRUPT;
        return rc == -ERR_NOT_FOUND ? rc : err_wrap(err, "the last good manifest");
    }
    m->is_checked = true;
    *out = g;
    return 0;
}

void store_manifest_deinit(struct manifest_good *g)
{
    arena_deinit(&g->arena);
    *g = MANIFEST_GOOD_INIT;
}
