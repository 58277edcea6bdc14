#include "io/token_jobs.h"

#include <stdio.h>
#include <string.h>

#include "core/jwt.h"
#include "io/digest.h"
#include "io/token_file.h"
#include "lib/mem.h"

_Static_assert(sizeof(((struct file_result *)0)->hash) == DIGEST_HEX_SIZE, "a hash is a digest");

static void answer(struct file_result *r, enum file_outcome outcome, const struct err *err)
{
    r->outcome = outcome;
    if (outcome != FILE_DONE && err)
        snprintf(r->error, sizeof(r->error), "%.*s", (int)sizeof(r->error) - 1, err->msg);
}

/* What a failure to find a token at a path means to whoever asked for it. */
static void answer_unfound(struct file_result *r, int rc, const struct err *err)
{
    if (rc == -ERR_NOT_FOUND)
        answer(r, FILE_ABSENT, NULL);
    else
        answer(r, rc == -ERR_INVALID ? FILE_OTHER : FILE_FAILED, err);
}

static int no_digest(struct err *err)
{
    return err_set(err, ERR_NOMEM, "SHA-256 failed");
}

static int find_token(struct tokens_dir *d, const char *path, enum token_format format,
                      struct secret *out, char hash[DIGEST_HEX_SIZE], struct err *err)
{
    struct secret file CLEANUP(secret_deinit) = {0};
    int rc = tokens_dir_read(d, path, &file, err);

    if (!rc)
        rc = token_file_find(format, file.data, file.size, out, err);
    if (!rc && !digest_hex(out->data, out->size, hash)) {
        secret_deinit(out);
        rc = no_digest(err);
    }
    return rc;
}

/* As find_token, and -ERR_INVALID too when it is not the token of that hash. */
static int find_hash(struct tokens_dir *d, const char *path, enum token_format format,
                     const char *hash, struct secret *out, struct err *err)
{
    char found[DIGEST_HEX_SIZE];
    int rc;

    if (!hash)
        return err_set(err, ERR_INVALID, "no hash to know the token by");
    rc = find_token(d, path, format, out, found, err);
    if (!rc && strcmp(found, hash) != 0) {
        secret_deinit(out);
        rc = err_set(err, ERR_INVALID, "%.100s holds another token", path);
    }
    return rc;
}

static int write_token(struct tokens_dir *d, const struct file_job *j, const char *jwt, size_t size,
                       struct file_result *r, struct err *err)
{
    struct token_file f = {.format = j->format,
                           .url = j->url,
                           .jwt = jwt,
                           .jwt_size = size,
                           .expires_ms = j->expires_ms};
    struct secret bytes CLEANUP(secret_deinit) = {0};
    int rc = token_file_format(&f, &bytes, err);

    if (!rc)
        rc = tokens_dir_replace(d, j->path, &bytes, j->mode, err);
    if (!rc && !digest_hex(jwt, size, r->hash))
        rc = no_digest(err);
    return rc;
}

static void run_publish(struct tokens_dir *d, const struct file_job *j, struct file_result *r)
{
    struct err err = ERR_INIT;
    int rc = j->jwt ? write_token(d, j, j->jwt, j->jwt_size, r, &err)
                    : err_set(&err, ERR_INVALID, "%s: there is no token to publish", j->path);

    answer(r, rc ? FILE_FAILED : FILE_DONE, &err);
}

/* The new file is on disk before the old one goes. */
static int move_found(struct tokens_dir *d, const struct file_job *j, const struct secret *token,
                      bool from_old, struct file_result *r, struct err *err)
{
    int rc = write_token(d, j, token->data, token->size, r, err);

    if (rc || !from_old || strcmp(j->old_path, j->path) == 0)
        return rc;
    rc = tokens_dir_sync(d, err);
    if (!rc)
        rc = tokens_dir_remove(d, j->old_path, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static void run_move(struct tokens_dir *d, const struct file_job *j, struct file_result *r)
{
    struct secret token CLEANUP(secret_deinit) = {0};
    struct err err = ERR_INIT;
    bool from_old;
    int rc;

    if (!j->old_path) {
        err_set(&err, ERR_INVALID, "%s: there is no path to move from", j->path);
        answer(r, FILE_FAILED, &err);
        return;
    }
    rc = find_hash(d, j->old_path, j->old_format, j->hash, &token, &err);
    from_old = rc == 0;
    if (!from_old && find_hash(d, j->path, j->format, j->hash, &token, NULL) < 0) {
        answer_unfound(r, rc, &err);
        return;
    }
    rc = move_found(d, j, &token, from_old, r, &err);
    answer(r, rc ? FILE_FAILED : FILE_DONE, &err);
}

static void run_remove(struct tokens_dir *d, const struct file_job *j, struct file_result *r)
{
    struct secret token CLEANUP(secret_deinit) = {0};
    struct err err = ERR_INIT;
    int rc = find_hash(d, j->path, j->format, j->hash, &token, &err);

    if (!rc)
        rc = tokens_dir_remove(d, j->path, &err);
    if (rc)
        answer_unfound(r, rc, &err);
    else
        answer(r, FILE_DONE, NULL);
}

static void run_read(struct tokens_dir *d, const struct file_job *j, struct file_result *r)
{
    struct secret token CLEANUP(secret_deinit) = {0};
    struct jwt_claims claims = {0};
    struct err err = ERR_INIT;
    int rc = find_token(d, j->path, j->format, &token, r->hash, &err);

    if (!rc)
        rc = jwt_read(token.data, token.size, &claims, &err);
    if (rc) {
        answer_unfound(r, rc, &err);
        return;
    }
    r->issued_ms = claims.issued_ms;
    r->expires_ms = claims.expires_ms;
    r->read_only = claims.read_only;
    snprintf(r->target_id, sizeof(r->target_id), "%s", claims.target_id);
    answer(r, FILE_DONE, NULL);
}

static void run_check(struct tokens_dir *d, const struct file_job *j, struct file_result *r)
{
    struct err err = ERR_INIT;
    int rc = tokens_dir_look(d, j->path, &err);

    if (rc)
        answer_unfound(r, rc, &err);
    else
        answer(r, FILE_DONE, NULL);
}

static void run_reveal(struct tokens_dir *d, const struct file_job *j, struct file_result *r)
{
    struct secret token CLEANUP(secret_deinit) = {0};
    struct err err = ERR_INIT;
    int rc = find_hash(d, j->path, j->format, j->hash, &token, &err);

    if (rc) {
        answer_unfound(r, rc, &err);
        return;
    }
    r->jwt = token.data;
    r->jwt_size = token.size;
    token = (struct secret){0};
    answer(r, FILE_DONE, NULL);
}

static void run_job(struct tokens_dir *d, const struct file_job *j, struct file_result *r)
{
    switch (j->kind) {
    case FILE_PUBLISH:
        run_publish(d, j, r);
        break;
    case FILE_MOVE:
        run_move(d, j, r);
        break;
    case FILE_REMOVE:
        run_remove(d, j, r);
        break;
    case FILE_READ:
        run_read(d, j, r);
        break;
    case FILE_CHECK:
        run_check(d, j, r);
        break;
    case FILE_REVEAL:
        run_reveal(d, j, r);
        break;
    }
}

static bool writes(const struct file_result *r)
{
    return r->kind == FILE_PUBLISH || r->kind == FILE_MOVE || r->kind == FILE_REMOVE;
}

static void begin(const struct file_job *j, struct file_result *r)
{
    memset(r, 0, sizeof(*r));
    r->job_id = j->id;
    r->kind = j->kind;
}

/* None of it may have reached the disk, whichever directory it was. */
static void fail_written(struct file_result *const *results, size_t n, const struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (writes(results[i]) && results[i]->outcome == FILE_DONE)
            answer(results[i], FILE_FAILED, err);
}

void token_jobs_run(const struct tokens_dir_options *o, struct file_job *const *jobs, size_t n,
                    struct file_result *const *results)
{
    struct tokens_dir d CLEANUP(tokens_dir_close) = TOKENS_DIR_INIT;
    struct err err = ERR_INIT;
    int rc = tokens_dir_open(o, &d, &err);

    for (size_t i = 0; i < n; i++) {
        begin(jobs[i], results[i]);
        if (rc)
            answer(results[i], rc == -ERR_FOREIGN ? FILE_UNMARKED : FILE_FAILED, &err);
        else
            run_job(&d, jobs[i], results[i]);
    }
    if (!rc && tokens_dir_sync(&d, &err) < 0)
        fail_written(results, n, &err);
}
