/* tokens_dir: the directory of the token files, and files in it that are replaced whole. Paths are
 * relative, and walked one component at a time without following a symbolic link, so nothing
 * outside is ever touched. Its mark, a file ".tenantd", tells it from an empty directory where it
 * is not mounted.
 * In:    a path, bytes.
 * Out:   files that at any moment are the old or the new one, with the right owner and mode.
 * Never: knows what the bytes mean, or changes a directory that it did not make. */
#ifndef TENANTD_IO_TOKENS_DIR_H
#define TENANTD_IO_TOKENS_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base.h"
#include "lib/err.h"

struct secret;

struct tokens_dir_options {
    const char *path;
    const char *mark; /* one line that names whose directory it is: "https://api.turso.tech acme" */
    bool has_group;   /* tokens_group: the files are its, and directories are made 0750 instead of
                         0700 */
    gid_t group;
};

/* First use: make the directory if only its last component is missing, and put the mark into it.
 * Nothing happens if it is there already. -ERR_FOREIGN: it carries another mark; else as err_errno.
 */
int tokens_dir_mark(const struct tokens_dir_options *o, struct err *err) MUST_CHECK;

/* A directory whose entries have changed. */
struct tokens_dir_unsynced {
    int fd;
    dev_t dev;
    ino_t ino;
};

#define TOKENS_DIR_UNSYNCED 64
struct tokens_dir {
    const struct tokens_dir_options *options; /* borrowed */
    int root;                                 /* -1: not open */
    struct tokens_dir_unsynced unsynced[TOKENS_DIR_UNSYNCED];
    size_t n_unsynced;
    struct err sync_err; /* the first failure to sync */
};
#define TOKENS_DIR_INIT ((struct tokens_dir){.root = -1})

/* -ERR_FOREIGN: the directory or its mark is missing, or the mark is another's; -ERR_PERMISSION:
 * others may write it; else as err_errno. Hold it no longer than a batch: an open directory cannot
 * be unmounted. */
int tokens_dir_open(const struct tokens_dir_options *o, struct tokens_dir *out,
                    struct err *err) MUST_CHECK;
void tokens_dir_close(struct tokens_dir *d);

/* For the following, -ERR_INVALID means: what is there is not ours to touch or no file (a link, a
 * directory, too large, another user's), or the path is no plain relative one. -ERR_NOT_FOUND:
 * there is nothing at the path. */

/* Is there a regular file? */
int tokens_dir_look(struct tokens_dir *d, const char *path, struct err *err) MUST_CHECK;
/* All of it, at most LIMIT_TOKEN_FILE_BYTES. */
int tokens_dir_read(struct tokens_dir *d, const char *path, struct secret *out,
                    struct err *err) MUST_CHECK;
/* Put a file of these bytes and this mode there, making directories on the way; what was there is
 * replaced in one step, or on failure left as it was. The bytes are synced, the name is after
 * tokens_dir_sync. -ERR_INVALID also: the mode has bits for others, or to execute, or none for its
 * owner to read. */
int tokens_dir_replace(struct tokens_dir *d, const char *path, const struct secret *bytes,
                       unsigned mode, struct err *err) MUST_CHECK;
/* Remove the file, and directories of ours that are empty then. */
int tokens_dir_remove(struct tokens_dir *d, const char *path, struct err *err) MUST_CHECK;
/* What was replaced and removed so far is on disk when this returns 0; on failure any of it may not
 * be, and it fails from then on. */
int tokens_dir_sync(struct tokens_dir *d, struct err *err) MUST_CHECK;

#endif
