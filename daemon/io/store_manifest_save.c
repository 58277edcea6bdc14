#include "io/store_manifest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/digest.h"
#include "io/sqlite_file.h"
#include "io/state_dir.h"
#include "io/store_manifest_private.h"
#include "lib/mem.h"

#define PIECE_BYTES 16384 /* of what is read again */

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

/* A save in progress: its statements, and the checksum of all that is in the file then. */
struct save {
    sqlite3 *db;
    sqlite3_stmt *find;
    sqlite3_stmt *put;
    sqlite3_blob *data; /* of the row that was checked last; NULL: none was */
    bool checks;        /* what looks unchanged may be damaged */
    int64_t n;
    char whole[DIGEST_HEX_SIZE];
};

/* What the file holds of one path. */
struct kept {
    bool is_there;
    int64_t row;
    int kind;
    char sha256[DIGEST_HEX_SIZE];
};

static int find(const struct save *v, const char *path, struct kept *out, struct err *err)
{
    int rc = 0;
    int step;

    *out = (struct kept){0};
    sqlite3_bind_text(v->find, 1, path, -1, SQLITE_STATIC);
    step = sqlite3_step(v->find);
    if (step == SQLITE_ROW) {
        out->is_there = true;
        out->kind = sqlite3_column_int(v->find, 0);
        snprintf(out->sha256, sizeof(out->sha256), "%s",
                 (const char *)sqlite3_column_text(v->find, 1));
        out->row = sqlite3_column_int64(v->find, 2);
    } else if (step != SQLITE_DONE) {
        rc = sqlite_file_error(v->db, err);
    }
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

static int open_data(struct save *v, int64_t row, struct err *err)
{
    if (v->data && sqlite3_blob_reopen(v->data, row) == SQLITE_OK)
        return 0;
    sqlite3_blob_close(v->data);
    v->data = NULL;
    return sqlite3_blob_open(v->db, "main", "file", "data", row, 0, &v->data) == SQLITE_OK
               ? 0
               : sqlite_file_error(v->db, err);
}

/* Piece by piece: it may be large. */
static int digest_data(struct save *v, char sha256[DIGEST_HEX_SIZE], struct err *err)
{
    struct digest *d = digest_new();
    int size = sqlite3_blob_bytes(v->data);
    char piece[PIECE_BYTES];
    int rc = d ? 0 : store_manifest_digest_failed(err);

    for (int at = 0; !rc && at < size; at += PIECE_BYTES) {
        int n = size - at < PIECE_BYTES ? size - at : PIECE_BYTES;

        if (sqlite3_blob_read(v->data, piece, n, at) != SQLITE_OK)
            rc = sqlite_file_error(v->db, err);
        else if (!digest_add(d, piece, (size_t)n))
            rc = store_manifest_digest_failed(err);
    }
    if (rc)
        digest_free(d);
    else if (!digest_end(d, sha256))
        rc = store_manifest_digest_failed(err);
    return rc;
}

/* Its bytes are those of which the checksum was taken. */
static int check(struct save *v, const char *path, const struct kept *old, struct err *err)
{
    char sha256[DIGEST_HEX_SIZE];
    int rc = open_data(v, old->row, err);

    if (!rc)
        rc = digest_data(v, sha256, err);
    if (!rc && strcmp(sha256, old->sha256) != 0)
        rc = err_set(err, ERR_CORRUPT, "%s is damaged", path);
    return rc;
}

/* `old`: what is there of it. */
static int save_file(struct save *v, const struct manifest_input *f, struct kept *old,
                     struct err *err)
{
    char sha256[DIGEST_HEX_SIZE];
    int rc = find(v, f->path, old, err);

    if (rc)
        return rc;
    if (!digest_hex(f->data, f->size, sha256) ||
        !store_manifest_lay(v->whole, f->path, (int)f->kind, sha256))
        return store_manifest_digest_failed(err);
    if (old->is_there && old->kind == (int)f->kind && strcmp(old->sha256, sha256) == 0)
        return v->checks ? check(v, f->path, old, err) : 0;
    return put(v, f, sha256, err);
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

static int put_whole(const struct save *v, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite_file_exec(v->db, "DELETE FROM whole", err);

    if (!rc)
        rc = sqlite_file_prepare(v->db, "INSERT INTO whole (n, sha256) VALUES (?, ?)", false, &stmt,
                                 err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, v->n);
    sqlite3_bind_text(stmt, 2, v->whole, -1, SQLITE_STATIC);
    rc = sqlite_file_run(v->db, stmt, err);
    sqlite3_finalize(stmt);
    return rc;
}

/* --- all of them --- */

struct files {
    const struct manifest_input *const *sorted;
    size_t n;
};

static int save_all(struct store_manifest *m, struct save *v, const void *what, struct err *err)
{
    const struct files *files = what;
    struct kept unused;
    int rc = drop_gone(v->db, files->sorted, files->n, err);

    (void)m;
    v->n = (int64_t)files->n;
    for (size_t i = 0; !rc && i < files->n; i++)
        rc = save_file(v, files->sorted[i], &unused, err);
    return rc;
}

/* --- what changed --- */

static int take_off(struct save *v, const char *path, const struct kept *old, struct err *err)
{
    return store_manifest_lay(v->whole, path, old->kind, old->sha256)
               ? 0
               : store_manifest_digest_failed(err);
}

static int change_file(struct save *v, const struct manifest_input *f, struct err *err)
{
    struct kept old;
    int rc = save_file(v, f, &old, err);

    if (!rc && old.is_there)
        rc = take_off(v, f->path, &old, err);
    v->n += !old.is_there;
    return rc;
}

static int drop_file(struct save *v, const char *path, struct err *err)
{
    char *paths[] = {(char *)(uintptr_t)path};
    struct kept old;
    int rc = find(v, path, &old, err);

    if (!rc && !old.is_there)
        rc = err_set(err, ERR_CORRUPT, "%s is not there any more", path);
    if (!rc)
        rc = take_off(v, path, &old, err);
    v->n--;
    return rc ? rc : drop(v->db, paths, 1, err);
}

static int save_changes(struct store_manifest *m, struct save *v, const void *what, struct err *err)
{
    const struct desired_diff *d = what;
    int rc = store_manifest_whole(m, &v->n, v->whole, err);

    for (size_t i = 0; !rc && i < d->gone.n; i++)
        rc = drop_file(v, d->gone.items[i]->path, err);
    for (size_t i = 0; !rc && i < d->changed.n; i++)
        rc = change_file(v, d->changed.items[i], err);
    return rc;
}

/* --- one transaction --- */

typedef int (*save_fn)(struct store_manifest *m, struct save *v, const void *what, struct err *err);

static int save_prepared(struct store_manifest *m, struct save *v, save_fn save, const void *what,
                         struct err *err)
{
    int rc = sqlite_file_prepare(v->db, "SELECT kind, sha256, rowid FROM file WHERE path = ?",
                                 false, &v->find, err);

    if (!rc)
        rc = sqlite_file_prepare(v->db,
                                 "INSERT OR REPLACE INTO file (path, kind, sha256, data) "
                                 "VALUES (?, ?, ?, ?)",
                                 false, &v->put, err);
    if (!rc)
        rc = sqlite_file_begin(v->db, err);
    if (rc)
        return rc;
    rc = save(m, v, what, err);
    sqlite3_blob_close(v->data);
    v->data = NULL;
    if (!rc)
        rc = put_whole(v, err);
    if (!rc)
        return sqlite_file_commit(v->db, err);
    sqlite_file_rollback(v->db);
    return rc;
}

static int save_once(struct store_manifest *m, save_fn save, const void *what, struct err *err)
{
    struct save v = {.whole = STORE_MANIFEST_NONE};
    int rc = store_manifest_connect(m, err);

    v.checks = !m->is_checked;
    if (!rc) {
        v.db = m->db;
        rc = save_prepared(m, &v, save, what, err);
    }
    sqlite3_finalize(v.find);
    sqlite3_finalize(v.put);
    m->is_saved = !rc;
    m->is_checked = m->is_checked || !rc;
    return rc;
}

int store_manifest_save(struct store_manifest *m, const struct manifest_input *const *files,
                        size_t n, struct err *err)
{
    const struct manifest_input **sorted = NULL;
    struct files all = {.n = n};
    int rc = sort_files(files, n, &sorted, err);

    if (rc)
        return rc;
    assert(sorted);
    all.sorted = sorted;
    m->lost = ERR_INIT;
    rc = m->is_damaged ? err_set(err, ERR_CORRUPT, "it is damaged")
                       : save_once(m, save_all, &all, err);
    if (rc == -ERR_CORRUPT || rc == -ERR_NEWER) {
        m->lost = *err;
        *err = ERR_INIT;
        rc = store_manifest_move_aside(m, err);
        if (!rc)
            rc = save_once(m, save_all, &all, err);
    }
    mem_free((void *)sorted);
    if (m->db)
        sqlite3_db_release_memory(m->db);
    return rc ? err_wrap(err, "keeping the last good manifest") : 0;
}

const struct err *store_manifest_lost(const struct store_manifest *m)
{
    return m->lost.code ? &m->lost : NULL;
}

int store_manifest_change(struct store_manifest *m, const struct desired_diff *d, struct err *err)
{
    int rc = m->is_saved ? save_once(m, save_changes, d, err)
                         : err_set(err, ERR_INVALID, "it was not kept before");

    return rc ? err_wrap(err, "keeping what changed of the last good manifest") : 0;
}
