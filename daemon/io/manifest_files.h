/* manifest_files: the bytes of all manifest files, read off the loop. A file that has not changed
 * since the last reading is not read again, and its bytes are shared between the two results. Where
 * it is known what may have changed, only that is looked at, as long as nothing is wrong anywhere.
 * What is wrong with a file or a directory is an input that says so, never a file less. */
#ifndef TENANTD_IO_MANIFEST_FILES_H
#define TENANTD_IO_MANIFEST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/desired.h"
#include "io/manifest_spots.h"
#include "lib/err.h"

/* One reading. Never changes; counted, since two of them share bytes and a running one needs its
 * predecessor. */
struct manifest_files;

struct manifest_files *manifest_files_ref(struct manifest_files *m);
void manifest_files_unref(struct manifest_files *m); /* takes NULL */

/* Sorted by path, at least one; borrowed while the reading is held. */
const struct manifest_input *manifest_files_inputs(const struct manifest_files *m, size_t *n);
/* The i-th directory below a root that is there and holds no file; NULL: there are no more. Whether
 * that means anything hangs on what was in it. */
const char *manifest_files_empty(const struct manifest_files *m, size_t i,
                                 enum manifest_kind *kind);
/* How many of them have their bytes from the previous reading. */
size_t manifest_files_reused(const struct manifest_files *m);
/* Not everything was looked at. */
bool manifest_files_is_some(const struct manifest_files *m);

/* Read now, blocking. `previous` may be NULL and stays the caller's. `spots`: where something may
 * have changed since then; NULL: anywhere.
 * Returns 0 with *out the caller's, or -ERR_NOMEM. */
int manifest_files_read(const struct manifest_walk_options *o,
                        const struct manifest_files *previous, const struct manifest_spots *spots,
                        struct manifest_files **out, struct err *err) MUST_CHECK;

/* Read on libuv's pool. On error nothing happened and `done` is never called. On 0 it is called
 * exactly once, from the loop and never inside start, with 0 and a reading that is the receiver's,
 * or with -ERR_NOMEM or -ERR_CANCELED and NULL; then the job is gone. Options are copied,
 * `previous` (may be NULL) is held, and on 0 spots are taken. One at a time: while it goes on, no
 * other starts from the same one, since both would add to what they hold together. */
struct manifest_files_job;
typedef void (*manifest_files_done_fn)(void *arg, int rc, struct manifest_files *takes);
struct manifest_files_start {
    struct manifest_walk_options options;
    struct manifest_files *previous;
    struct manifest_spots *spots; /* where something may have changed since then; NULL: anywhere */
    manifest_files_done_fn done;
    void *arg;
};
int manifest_files_start(uv_loop_t *loop, const struct manifest_files_start *s,
                         struct manifest_files_job **out, struct err *err) MUST_CHECK;
/* Idempotent; done comes soon, with -ERR_CANCELED. */
void manifest_files_cancel(struct manifest_files_job *job);

#endif
