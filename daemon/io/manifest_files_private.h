/* manifest_files_private: what the rooms of manifest_files share; for nobody else. */
#ifndef TENANTD_IO_MANIFEST_FILES_PRIVATE_H
#define TENANTD_IO_MANIFEST_FILES_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "io/manifest_files.h"

/* A file as it was once; it never changes. */
struct one_file {
    atomic_uint refs; /* families */
    enum manifest_kind kind;
    bool is_settled;  /* equal identity means equal bytes */
    bool is_restless; /* it may be another one although nobody says so: looked at each time */
    bool is_empty;    /* no file, but a directory without any */
    char *path;
    char *error;           /* NULL: there is text */
    struct read_file text; /* data is NULL where there is an error, or a directory */
};

/* What readings hold that follow from each other. */
struct family {
    atomic_uint refs; /* readings */
    struct one_file **files;
    size_t n;
    size_t capacity;
};

struct manifest_files {
    atomic_uint refs;
    char *manifest; /* where it was read from */
    char *tenants_dir;
    struct family *family;
    struct one_file **files; /* borrowed from the family; sorted by path */
    size_t n;
    size_t capacity;
    struct one_file **restless; /* those of them that are */
    size_t n_restless;
    struct one_file **empty; /* of the family, and not among `files` */
    size_t n_empty;
    size_t n_errors;
    size_t stale_bytes; /* held by the family, and not by this reading */
    size_t n_reused;
    bool is_some;
    struct manifest_input *inputs; /* n, in the same order */
};

/* Let go of one that somebody counted; both take NULL. */
void manifest_files_drop_one(struct one_file *f);
void manifest_files_drop_family(struct family *family);

struct manifest_files_look {
    struct manifest_walk_options options;
    const struct manifest_files *previous; /* may be NULL */
    const struct manifest_spots *spots;    /* NULL: anywhere */
    const atomic_bool *is_canceled;        /* NULL: cannot be */
};

/* Read what is there. 0 with *out the caller's, -ERR_NOMEM or -ERR_CANCELED. */
int manifest_files_look(const struct manifest_files_look *l,
                        struct manifest_files **out) MUST_CHECK;

#endif
