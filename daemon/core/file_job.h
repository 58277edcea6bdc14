/* file_job: one thing to do to a token file, and how it went.
 * The reconciler asks, io/token_files does. Paths are relative to tokens_dir. */
#ifndef TENANTD_CORE_FILE_JOB_H
#define TENANTD_CORE_FILE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/manifest.h"
#include "lib/base.h"

enum file_job_kind {
    FILE_PUBLISH, /* write `jwt` to `path`, atomically */
    FILE_MOVE, /* write what `old_path` holds to `path`, if its hash is `hash`; then remove old_path
                */
    FILE_REMOVE, /* remove `path`, if its token's hash is `hash` (another's file is left alone) */
    FILE_READ,   /* say what token `path` holds */
    FILE_CHECK,  /* say whether `path` is still there, and a file (OTHER: it is none) */
    FILE_REVEAL, /* give the token that `path` holds, if its hash is `hash` */
};

struct file_job {
    uint64_t id; /* the reconciler's; comes back in the result */
    enum file_job_kind kind;
    char *path;
    enum token_format format; /* of `path`; for READ and REMOVE how to find the token in it */
    unsigned mode;
    char *url; /* "libsql://HOST" for env and json; NULL: none (a group's) */
    char *jwt; /* PUBLISH: secret, wiped by file_job_free */
    size_t jwt_size;
    int64_t expires_ms; /* for json; 0: never */
    char *old_path;     /* MOVE; may equal path (another format or mode) */
    enum token_format old_format;
    char *hash; /* MOVE, REMOVE, REVEAL: SHA-256 hex that the old token must have */
};

enum file_outcome {
    FILE_DONE,
    FILE_ABSENT, /* there is no such file */
    FILE_OTHER,  /* there is one, but its token is another one, or it holds none that we can read */
    FILE_FAILED, /* the system said no; see error */
    FILE_UNMARKED, /* tokens_dir is not the directory it was (its mark is missing): nothing was done
                    */
};

struct file_result {
    uint64_t job_id;
    enum file_job_kind kind;
    enum file_outcome outcome;
    char error[256];   /* FAILED, UNMARKED: for people */
    char hash[65];     /* READ: of the token found; PUBLISH, MOVE: of the one written */
    int64_t issued_ms; /* READ: its claims, as in jwt.h */
    int64_t expires_ms;
    char target_id[128];
    bool read_only;
    char *jwt; /* REVEAL: secret; whoever takes it sets this NULL and wipes it */
    size_t jwt_size;
};

struct file_job *file_job_new(enum file_job_kind kind,
                              const char *path) MUST_CHECK; /* NULL: no memory */
void file_job_free(struct file_job *j);

#endif
