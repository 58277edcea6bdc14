/* store_copy: a copy of a ledger, also of one that is in use: what was committed by one moment, and
 * nothing after. It says of itself that it is one, for by a copy things may be called ours that are
 * no longer (core/doubt.h).
 * In:    where the ledger is, where the copy goes.
 * Out:   a file of mode 0600, on disk, or none.
 * Never: waits for the daemon, keeps it from writing, or writes over a file. */
#ifndef TENANTD_IO_STORE_COPY_H
#define TENANTD_IO_STORE_COPY_H

#include <stdint.h>

#include "lib/base.h"
#include "lib/err.h"

/* Copy STATE_DIR/ledger.db to `path`, which must not exist; wall_ms: now. *out_bytes: its size.
 * -ERR_EXISTS: `path` is there; -ERR_NOT_FOUND, -ERR_PERMISSION: no such ledger, or it may not be
 * read, or not written there; -ERR_FOREIGN, -ERR_NEWER, -ERR_CORRUPT, -ERR_LOCKED, -ERR_NO_SPACE,
 * -ERR_IO, -ERR_NOMEM. On failure nothing is left at `path`. */
int store_copy(const char *state_dir, const char *path, int64_t wall_ms, int64_t *out_bytes,
               struct err *err) MUST_CHECK;

#endif
