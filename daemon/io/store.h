/* store: the ledger on disk, in SQLite, for one daemon at a time.
 *
 *   STATE_DIR/lock         held while the store is open
 *   STATE_DIR/ledger.db    the rows of core/ledger.h; write-ahead log, synced at every commit
 *
 * Everything here runs on the caller's thread and returns when it is on disk or has failed; rows
 * are read by store_load, written by store_write. No statement is left open between two calls.
 * In:    the state directory, rows.
 * Out:   rows, and errors that say what to do.
 * Never: decides what the rows mean; replaces a damaged ledger. */
#ifndef TENANTD_IO_STORE_H
#define TENANTD_IO_STORE_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/err.h"

struct store;
struct state_dir;

/* Open, or make, the ledger in `state_dir`, itself made (0700) if only its last component is
 * missing. -ERR_LOCKED: another daemon has it (the text names its process); -ERR_CORRUPT: damaged,
 * and left as it is; -ERR_NEWER: written by a newer version; -ERR_FOREIGN: some other program's
 * database; -ERR_PERMISSION, -ERR_NOT_FOUND (the parent of state_dir), -ERR_NO_SPACE, -ERR_IO,
 * -ERR_INVALID (a migration), -ERR_NOMEM. The texts say what to do about it. */
int store_open(const char *state_dir, struct store **out, struct err *err) MUST_CHECK;
/* Takes NULL. Releases the lock. */
void store_close(struct store *s);

/* There was no ledger before store_open made this one. */
bool store_is_new(const struct store *s);
/* Borrowed until store_close. */
const struct state_dir *store_state_dir(const struct store *s);

/* Bind an unbound ledger to this API and organization, or see whether it is bound to it already.
 * The id is NULL until it is known, and decides once both sides know it; before that the slug does.
 * Call again when it becomes known. -ERR_FOREIGN: it belongs to another one (the text names both);
 * nothing was written. Else as store_commit. */
int store_bind(struct store *s, const char *origin, const char *organization,
               const char *organization_id, struct err *err) MUST_CHECK;

/* As store_bind, but only looks: an unbound ledger fits anything and stays so. */
int store_check_binding(struct store *s, const char *origin, const char *organization,
                        const char *organization_id, struct err *err) MUST_CHECK;

/* Move the log into the database and cut it to nothing, and forget what was read of it; for when
 * there is nothing else to do.
 * -ERR_LOCKED when a reader is in the way: try again later. */
int store_checkpoint(struct store *s, struct err *err) MUST_CHECK;

#endif
