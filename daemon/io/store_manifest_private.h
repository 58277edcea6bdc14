/* store_manifest_private: what the rooms of store_manifest share; for nobody else. */
#ifndef TENANTD_IO_STORE_MANIFEST_PRIVATE_H
#define TENANTD_IO_STORE_MANIFEST_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "io/digest.h"
#include "lib/base.h"
#include "lib/err.h"

struct state_dir;

struct store_manifest {
    const struct state_dir *dir;
    sqlite3 *db;     /* NULL until first used */
    bool is_damaged; /* a load has seen it: nothing in the file is to be believed, also not what
                        looks unchanged */
    bool is_saved;   /* what the file holds is what was given to us last */
    bool is_checked; /* every byte of it was looked at since it was opened */
    struct err lost; /* why the last save moved aside what was there; none: it did not */
};

/* Open the database unless it is open. */
int store_manifest_connect(struct store_manifest *m, struct err *err) MUST_CHECK;
int store_manifest_move_aside(struct store_manifest *m, struct err *err) MUST_CHECK;
/* How many files were saved, and their checksum. -ERR_NOT_FOUND: none yet. */
int store_manifest_whole(const struct store_manifest *m, int64_t *n, char sha256[DIGEST_HEX_SIZE],
                         struct err *err) MUST_CHECK;
/* Lay one file over the checksum of all: the same once more takes it off. So a file can be
 * exchanged without looking at the others. */
bool store_manifest_lay(char whole[DIGEST_HEX_SIZE], const char *path, int kind,
                        const char *sha256) MUST_CHECK;
#define STORE_MANIFEST_NONE "0000000000000000000000000000000000000000000000000000000000000000"
int store_manifest_digest_failed(struct err *err);

#endif
