/* seed_file: a SQLite database below seeds_dir, as it is to be sent to the platform.
 * In:    seeds_dir, a path below it.
 * Out:   an open file, and which one it was; or what is wrong with it, in words that help.
 * Never: follows a link below seeds_dir; reads more than asked for; writes; waits on a FIFO. */
#ifndef TENANTD_IO_SEED_FILE_H
#define TENANTD_IO_SEED_FILE_H

#include <sys/types.h>

#include "io/read.h"
#include "lib/base.h"
#include "lib/err.h"

#define SEED_STATE_SIZE 96

struct seed_file {
    int fd; /* -1: none */
    struct read_identity identity;
    uint64_t at; /* how far it was read */
};
#define SEED_FILE_INIT ((struct seed_file){.fd = -1})

/* It may wait for some milliseconds, for a file that was changed just now.
 * cipher: how the database is encrypted, by the platform's name; NULL: not. -ERR_INVALID,
 * -ERR_NOT_FOUND, -ERR_PERMISSION, -ERR_LIMIT, -ERR_IO; *out is untouched then. */
int seed_file_open(const char *dir, const char *path, const char *cipher, struct seed_file *out,
                   struct err *err) MUST_CHECK;
void seed_file_close(struct seed_file *f);

/* The next bytes. -1: it cannot be read, or is not what it was when it was opened; said before the
 * last of its bytes is given away, so that nobody ever gets a whole file that is half another. */
ssize_t seed_file_read(struct seed_file *f, char *out, size_t size);

/* Which file it is, and in which state, as a text that another state does not have. */
void seed_file_state(const struct seed_file *f, char out[SEED_STATE_SIZE]);

#endif
