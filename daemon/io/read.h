/* read: a whole file at once, and only if it is one that we may trust.
 * In:    a path, who may have written it, a ceiling.
 * Out:   all its bytes as they were at one moment, and which file that was.
 * Never: follows a FIFO or device into waiting, returns half a file. */
#ifndef TENANTD_IO_READ_H
#define TENANTD_IO_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/err.h"

/* Who else may have had a hand on a file, or on a directory. "Ours": owned by root or by who we
 * are. */
enum read_rule {
    READ_MANIFEST,   /* not writable by everybody, unless the file system is read-only as a whole */
    READ_CONFIG,     /* ours, and writable by nobody else */
    READ_SECRET,     /* as CONFIG, readable by nobody else, and no symbolic link */
    READ_CREDENTIAL, /* as SECRET, but the group may read: systemd grants us credentials by an ACL,
                        whose mask stands where the group's bits do */
};

/* Which file it was, and in which state. Equal: the same bytes, unless it was changed twice in one
 * clock tick. */
struct read_identity {
    uint64_t dev;
    uint64_t ino;
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
};

struct read_file {
    char *data; /* owned; never NULL after success, and data[size] is NUL */
    size_t size;
    struct read_identity identity;
};

/* Read the file at `path`. Says what to do where a person can mend it ("chmod 600 PATH").
 * Returns 0 with *out the caller's, -ERR_NOT_FOUND, -ERR_PERMISSION (the system, or `rule`),
 * -ERR_LIMIT (over max_bytes), -ERR_INVALID (not a regular file), -ERR_IO (also: it changed while
 * being read, three times over) or -ERR_NOMEM. *out is untouched on error. */
int read_path(const char *path, enum read_rule rule, size_t max_bytes, struct read_file *out,
              struct err *err) MUST_CHECK;

/* As read_path, from a descriptor that is open for reading and stays the caller's. `path` is for
 * err. */
int read_fd(int fd, const char *path, enum read_rule rule, size_t max_bytes, struct read_file *out,
            struct err *err) MUST_CHECK;

void read_deinit(struct read_file *f);
void read_deinit_secret(struct read_file *f); /* wipes first */

/* Whether what `fd` is (a file or a directory) meets the rule. 0 or -ERR_PERMISSION. */
int read_check(int fd, const struct stat *st, const char *path, enum read_rule rule,
               struct err *err) MUST_CHECK;

struct read_identity read_identity_of(const struct stat *st);
bool read_identity_equal(const struct read_identity *a, const struct read_identity *b);

#endif
