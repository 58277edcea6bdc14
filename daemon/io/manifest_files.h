/* manifest_files: the bytes of all manifest files, read off the loop. A file that has not changed
 * since the last reading is not read again, and its bytes are shared between the two results. What
 * is wrong with a file or a directory is an input that says so, never a file less. */
#ifndef TENANTD_IO_MANIFEST_FILES_H
#define TENANTD_IO_MANIFEST_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/desired.h"
#include "io/manifest_walk.h"
#include "lib/err.h"

/* One reading. Never changes; counted, since two of them share bytes and a running one needs its
 * predecessor. */
struct manifest_files;

struct manifest_files *manifest_files_ref(struct manifest_files *m);
void manifest_files_unref(struct manifest_files *m); /* takes NULL */

/* Sorted by path, at least one; borrowed while the reading is held. */
const struct manifest_input *manifest_files_inputs(const struct manifest_files *m, size_t *n);
/* How many of them have their bytes from the previous reading. */
size_t manifest_files_reused(const struct manifest_files *m);

/* Read now, blocking. `previous` may be NULL and stays the caller's.
 * Returns 0 with *out the caller's, or -ERR_NOMEM. */
int manifest_files_read(const struct manifest_walk_options *o,
                        const struct manifest_files *previous, struct manifest_files **out,
                        struct err *err) MUST_CHECK;

/* Read on libuv's pool. On error nothing happened and `done` is never called. On 0 it is called
 * exactly once, from the loop and never inside start, with 0 and a reading that is the receiver's,
 * or with -ERR_NOMEM or -ERR_CANCELED and NULL; then the job is gone. Options are copied and
 * `previous` (may be NULL) is held. */
struct manifest_files_job;
typedef void (*manifest_files_done_fn)(void *arg, int rc, struct manifest_files *takes);
struct manifest_files_start {
    struct manifest_walk_options options;
    struct manifest_files *previous;
    manifest_files_done_fn done;
    void *arg;
};
int manifest_files_start(uv_loop_t *loop, const struct manifest_files_start *s,
                         struct manifest_files_job **out, struct err *err) MUST_CHECK;
/* Idempotent; done comes soon, with -ERR_CANCELED. */
void manifest_files_cancel(struct manifest_files_job *job);

#endif
