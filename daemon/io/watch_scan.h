/* watch_scan: one look at everything that a watch is about, without opening a file. Blocking: for
 * the pool. */
#ifndef TENANTD_IO_WATCH_SCAN_H
#define TENANTD_IO_WATCH_SCAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/manifest_spots.h"

/* A directory that is worth events. */
struct watch_dir {
    char *path; /* owned */
    uint64_t dev;
    uint64_t ino;
    enum manifest_kind kind; /* of the files in it */
    const char *only; /* the one name in it that matters, borrowed from the options; NULL: all */
};

struct watch_scan {
    struct watch_dir *dirs; /* sorted, see watch_dir_compare */
    size_t n;
    size_t capacity;
    uint64_t signature; /* equal: the same files, unchanged */
};

/* The directories of the manifest, and those that its roots stand in. A root file's name, or a root
 * directory's, is all that matters in the latter. Returns 0 with *out the caller's, -ERR_NOMEM, or
 * -ERR_CANCELED once *is_canceled. */
int watch_scan(const struct manifest_walk_options *o, const atomic_bool *is_canceled,
               struct watch_scan *out) MUST_CHECK;
void watch_scan_deinit(struct watch_scan *s);

/* One of them is a directory: it takes a whole look. */
bool watch_scan_has_directory(const struct manifest_spots *spots) MUST_CHECK;

/* By path, then by `only`, then by inode: 0 for what one and the same event handle can serve. */
int watch_dir_compare(const struct watch_dir *a, const struct watch_dir *b);

#endif
