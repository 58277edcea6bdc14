/* store_write: rows into the ledger.
 * In:    an open store, changes.
 * Out:   all of them on disk, or none.
 * Never: decides what is due; reads a clock. */
#ifndef TENANTD_IO_STORE_WRITE_H
#define TENANTD_IO_STORE_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "core/ledger.h"
#include "lib/base.h"
#include "lib/err.h"

struct store;

/* Carry out all `ops` in one transaction; of several for one key the last one counts. On 0 it is on
 * disk, and events, which come with seq 0, have theirs, in the order they came. On failure nothing
 * is applied and no seq is changed. (After a failure to sync, and a power cut before the next
 * commit, the batch may yet be there at the next start.) Sorting makes large batches quick; callers
 * need not. -ERR_INVALID: a key is NULL, an event has a seq; -ERR_NO_SPACE, -ERR_IO,
 * -ERR_PERMISSION, -ERR_LOCKED (another program writes the ledger), -ERR_CORRUPT, -ERR_LIMIT,
 * -ERR_NOMEM. */
int store_commit(struct store *s, struct ledger_op *ops, size_t n, struct err *err) MUST_CHECK;

struct store_prune {
    int64_t before_ms; /* what happened earlier may go */
    int64_t max;       /* so may what is older than this many events; 0: no such limit */
    const char *keep;  /* "Removed,Approved,Rejected": such events never go; NULL: none */
    const char *minor; /* "Phase,Working": such an event is no change of its resource; NULL: none */
    int64_t batch;     /* look at so many events in one call, which bounds the time it takes */
};
/* Drop old events, but for those in `keep` and the last change of each resource (kind and name);
 * the newest event of all stays too, so numbers are never given twice. *cursor is 0 at first and 0
 * again when a pass is complete; call until then. `out_dropped` (may be NULL): how many went in
 * this call. Errors as store_commit. */
int store_prune_events(struct store *s, const struct store_prune *p, int64_t *cursor,
                       int64_t *out_dropped, struct err *err) MUST_CHECK;

#endif
