/* store_manifest_private: what the rooms of store_manifest share; for nobody else. */
#ifndef TENANTD_IO_STORE_MANIFEST_PRIVATE_H
#define TENANTD_IO_STORE_MANIFEST_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "lib/base.h"
#include "lib/err.h"

struct digest;
struct state_dir;

struct store_manifest {
    const struct state_dir *dir;
    sqlite3 *db;     /* NULL until first used */
    bool is_damaged; /* a load has seen it: nothing in the file is to be believed, also not what
                        looks unchanged */
};

/* Open the database unless it is open. */
int store_manifest_connect(struct store_manifest *m, struct err *err) MUST_CHECK;
int store_manifest_move_aside(struct store_manifest *m, struct err *err) MUST_CHECK;
/* Add one file to the checksum over all of them. */
bool store_manifest_add(struct digest *whole, const char *path, int kind,
                        const char *sha256) MUST_CHECK;
int store_manifest_digest_failed(struct err *err);

#endif
