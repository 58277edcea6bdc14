/* hook_run: one child from start to end: lines on its standard input, its output in the log, a time
 * limit. */
#ifndef TENANTD_IO_HOOK_RUN_H
#define TENANTD_IO_HOOK_RUN_H

#include <stdint.h>
#include <uv.h>

#include "lib/buf.h"
#include "lib/err.h"

struct hook_run;

/* `error`: NULL when it ended with exit status 0, else why not; borrowed for the call. */
typedef void (*hook_run_done_fn)(void *arg, const char *error);

struct hook_run_options {
    const char *name;         /* for the log; borrowed until done */
    const char **argv;        /* NULL-terminated, argv[0] absolute; borrowed for the call */
    const char *organization; /* for the environment; borrowed for the call */
    int64_t timeout_ms;
    hook_run_done_fn done;
    void *arg;
};

/* Start it in a session of its own, with no environment but PATH, LANG and TENANTD_ORGANIZATION.
 * Takes what is in `input` on success. SIGPIPE must be ignored: a hook need not read. On error
 * nothing happened and done is never called. On 0 it is called exactly once, from the loop and
 * never inside start (a command that cannot be run is an `error` there); then the run is gone.
 * -ERR_NOMEM or -ERR_IO (no descriptors left). */
int hook_run_start(uv_loop_t *loop, const struct hook_run_options *o, struct buf *input,
                   struct hook_run **out, struct err *err) MUST_CHECK;

/* End it soon: SIGTERM to its group, a second later SIGKILL. done still comes. Idempotent. */
void hook_run_stop(struct hook_run *r);

#endif
