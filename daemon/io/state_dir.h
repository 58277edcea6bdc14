/* state_dir: the directory that holds what must not be forgotten, for one daemon at a time.
 * In:    its path.
 * Out:   the directory, made if it is missing, and a lock on it that ends with the process.
 * Never: what is in the files. */
#ifndef TENANTD_IO_STATE_DIR_H
#define TENANTD_IO_STATE_DIR_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/err.h"

struct state_dir {
    char *path;  /* absolute, without symbolic links */
    int dir_fd;  /* -1: not open */
    int lock_fd; /* holds the lock; -1: none */
};
#define STATE_DIR_INIT ((struct state_dir){.dir_fd = -1, .lock_fd = -1})

/* Make the last component of `path` (0700) if it is missing, and lock it.
 * -ERR_LOCKED: another process holds it (the text names its pid); -ERR_PERMISSION: it may not be
 * used, or others may write it; -ERR_NOT_FOUND: its parent is missing; -ERR_NO_SPACE, -ERR_IO,
 * -ERR_NOMEM. */
int state_dir_open(const char *path, struct state_dir *out, struct err *err) MUST_CHECK;
/* Unlocks. Takes an inited or half-opened one. */
void state_dir_close(struct state_dir *d);

/* Make the file `name` (0600, empty) unless it is there; *created says which. Its directory entry
 * is on disk when this returns. A symbolic link or what is no file is refused. */
int state_dir_make(const struct state_dir *d, const char *name, bool *created,
                   struct err *err) MUST_CHECK;
/* The size of the file `name`, or -1 when there is none. */
long long state_dir_size(const struct state_dir *d, const char *name);
/* "PATH/name"; the caller's; NULL: no memory. */
char *state_dir_path(const struct state_dir *d, const char *name) MUST_CHECK;

#endif
