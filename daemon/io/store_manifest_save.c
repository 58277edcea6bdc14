#include "io/store_manifest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/digest.h"
#include "io/sqlite_file.h"
#include "io/state_dir.h"
#include "io/store_manifest_private.h"
#include "lib/mem.h"

static int by_path(const void *pa, const void *pb)
{
    const struct manifest_input *a = *(const struct manifest_input *const *)pa;
    const struct manifest_input *b = *(const struct manifest_input *const *)pb;

    return strcmp(a->path, b->path);
}

static int sort_files(const struct manifest_input *const *files, size_t n,
                      const struct manifest_input ***out, struct err *err)
{
    const struct manifest_input **sorted = mem_alloc((n + 1) * sizeof(struct manifest_input *));
    int rc = 0;

    if (!sorted)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        sorted[i] = files[i];
    qsort(sorted, n, sizeof(struct manifest_input *), by_path);
    for (size_t i = 0; !rc && i < n; i++) {
        if (!sorted[i]->data)
            rc = err_set(err, ERR_INVALID, "%s has no data to keep", sorted[i]->path);
        else if (i && strcmp(sorted[i - 1]->path, sorted[i]->path) == 0)
            rc = err_set(err, ERR_INVALID, "%s is there twice", sorted[i]->path);
    }
    if (rc)
        mem_free(sorted);
    else
        *out = sorted;
    return rc;
}

/* A save in progress: its statements, and the checksum over all that it has seen. */
struct save {
    sqlite3 *db;
    sqlite3_stmt *find;
    sqlite3_stmt *put;
    struct digest *whole;
};

static int is_kept(const struct save *v, const struct manifest_input *f, const char *sha256,
                   bool *out, struct err *err)
{
    int rc = 0;
    int step;

    sqlite3_bind_text(v->find, 1, f->path, -1, SQLITE_STATIC);
    step = sqlite3_step(v->find);
    *out = step == SQLITE_ROW && sqlite3_column_int(v->find, 0) == (int)f->kind &&
           strcmp((const char *)sqlite3_column_text(v->find, 1), sha256) == 0;
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = sqlite_file_error(v->db, err);
    sqlite3_reset(v->find);
    return rc;
}

static int put(const struct save *v, const struct manifest_input *f, const char *sha256,
               struct err *err)
{
    sqlite3_bind_text(v->put, 1, f->path, -1, SQLITE_STATIC);
    sqlite3_bind_int(v->put, 2, (int)f->kind);
    sqlite3_bind_text(v->put, 3, sha256, -1, SQLITE_STATIC);
    if (sqlite3_bind_blob64(v->put, 4, f->data, f->size, SQLITE_STATIC) != SQLITE_OK)
        return sqlite_file_error(v->db, err);
    return sqlite_file_run(v->db, v->put, err);
}

static int save_file(struct save *v, const struct manifest_input *f, struct err *err)
{
    char sha256[DIGEST_HEX_SIZE];
    bool same = false;
    int rc;

    if (!digest_hex(f->data, f->size, sha256) ||
        !store_manifest_add(v->whole, f->path, (int)f->kind, sha256))
        return store_manifest_digest_failed(err);
    rc = is_kept(v, f, sha256, &same, err);
    return rc || same ? rc : put(v, f, sha256, err);
}

static int drop(sqlite3 *db, char *const *paths, size_t n, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite_file_prepare(db, "DELETE FROM file WHERE path = ?", false, &stmt, err);

    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < n; i++) {
        sqlite3_bind_text(stmt, 1, paths[i], -1, SQLITE_STATIC);
        rc = sqlite_file_run(db, stmt, err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

/* A merge walk: kept paths against the sorted ones of the new set. What only the former has is
 * gone. */
static int find_gone(sqlite3_stmt *stmt, const struct manifest_input *const *sorted, size_t n,
                     char ***gone, size_t *n_gone)
{
    size_t capacity = 0;
    size_t i = 0;
    int step;

    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *path = (const char *)sqlite3_column_text(stmt, 0);

        while (i < n && path && strcmp(sorted[i]->path, path) < 0)
            i++;
        if (i < n && path && strcmp(sorted[i]->path, path) == 0)
            continue;
        if (!path || !mem_grow(gone, &capacity, *n_gone + 1, sizeof(char *)) ||
            !((*gone)[*n_gone] = mem_strdup(path)))
            return SQLITE_NOMEM;
        ++*n_gone;
    }
    return step;
}

static int drop_gone(sqlite3 *db, const struct manifest_input *const *sorted, size_t n,
                     struct err *err)
{
    char **gone = NULL;
    size_t n_gone = 0;
    sqlite3_stmt *stmt;
    int rc = sqlite_file_prepare(db, "SELECT path FROM file ORDER BY path", false, &stmt, err);
    int step;

    if (rc)
        return rc;
    step = find_gone(stmt, sorted, n, &gone, &n_gone);
    if (step == SQLITE_NOMEM)
        rc = err_nomem(err);
    else if (step != SQLITE_DONE)
        rc = sqlite_file_error(db, err);
    sqlite3_finalize(stmt);
    if (!rc && n_gone)
        rc = drop(db, gone, n_gone, err);
    for (size_t i = 0; i < n_gone; i++)
        mem_free(gone[i]);
    mem_free(gone);
    return rc;
}

static int put_whole(sqlite3 *db, size_t n, const char *sha256, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite_file_exec(db, "DELETE FROM whole", err);

    if (!rc)
        rc = sqlite_file_prepare(db, "INSERT INTO whole (n, sha256) VALUES (?, ?)", false, &stmt,
                                 err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, (int64_t)n);
    sqlite3_bind_text(stmt, 2, sha256, -1, SQLITE_STATIC);
    rc = sqlite_file_run(db, stmt, err);
    sqlite3_finalize(stmt);
    return rc;
}

static int save_all(struct save *v, const struct manifest_input *const *sorted, size_t n,
                    struct err *err)
{
    char sha256[DIGEST_HEX_SIZE];
    int rc = drop_gone(v->db, sorted, n, err);
    struct digest *whole;

    for (size_t i = 0; !rc && i < n; i++)
        rc = save_file(v, sorted[i], err);
    if (rc)
        return rc;
    whole = v->whole;
    v->whole = NULL;
    return digest_end(whole, sha256) ? put_whole(v->db, n, sha256, err)
                                     : store_manifest_digest_failed(err);
}

static int save_prepared(struct save *v, const struct manifest_input *const *sorted, size_t n,
                         struct err *err)
{
    int rc = sqlite_file_prepare(v->db, "SELECT kind, sha256 FROM file WHERE path = ?", false,
                                 &v->find, err);

    if (!rc)
        rc = sqlite_file_prepare(v->db,
                                 "INSERT OR REPLACE INTO file (path, kind, sha256, data) "
                                 "VALUES (?, ?, ?, ?)",
                                 false, &v->put, err);
    if (!rc)
        rc = sqlite_file_begin(v->db, err);
    if (rc)
        return rc;
    rc = save_all(v, sorted, n, err);
    sqlite3_reset(v->find);
    if (!rc)
        return sqlite_file_commit(v->db, err);
    sqlite_file_rollback(v->db);
    return rc;
}

static int save_sorted(struct store_manifest *m, const struct manifest_input *const *sorted,
                       size_t n, struct err *err)
{
    struct save v = {.whole = digest_new()};
    int rc = v.whole ? store_manifest_connect(m, err) : store_manifest_digest_failed(err);

    if (!rc) {
        v.db = m->db;
        rc = save_prepared(&v, sorted, n, err);
    }
    sqlite3_finalize(v.find);
    sqlite3_finalize(v.put);
    digest_free(v.whole);
    return rc;
}

int store_manifest_save(struct store_manifest *m, const struct manifest_input *const *files,
                        size_t n, struct err *err)
{
    const struct manifest_input **sorted = NULL;
    int rc = sort_files(files, n, &sorted, err);

    if (rc)
        return rc;
    assert(sorted);
    rc = m->is_damaged ? -ERR_CORRUPT : save_sorted(m, sorted, n, err);
    if (rc == -ERR_CORRUPT || rc == -ERR_NEWER) {
        rc = store_manifest_move_aside(m, err);
        if (!rc)
            rc = save_sorted(m, sorted, n, err);
    }
    mem_free(sorted);
    if (m->db)
        sqlite3_db_release_memory(m->db);
    return rc ? err_wrap(err, "keeping the last good manifest") : 0;
}
