/* hooks: the programs that an administrator wants told of token files, told.
 * A hook reads one JSON line {"kind","name","file","cause"} for each published or removed file.
 * Lines that come within its debounce go to one child; each hook runs once at a time, and
 * LIMIT_HOOKS_RUNNING of them at most. A line is forgotten once it is reported: who needs it told
 * at least once keeps it until then, and adds it again. */
#ifndef TENANTD_IO_HOOKS_H
#define TENANTD_IO_HOOKS_H

#include <stddef.h>
#include <uv.h>

#include "core/config.h"
#include "lib/err.h"

struct hooks;

struct hooks_line {
    const char *kind; /* "token", "group-token", "api-token" */
    const char *name; /* "t-acme/app" */
    const char *file;
    const char *cause; /* "published", "renewed", "removed", ... */
};

struct hooks_result {
    const char *hook;
    struct hooks_line line;
    int rc; /* 0: told; -ERR_CANCELED: closing; -ERR_NOT_FOUND: the hook is gone; -ERR_IO: it failed
             */
    const char *text; /* for people, when rc is not 0 */
};

/* The result is borrowed for the call, which may add lines and may close. */
typedef void (*hooks_done_fn)(void *arg, const struct hooks_result *result);
typedef void (*hooks_closed_fn)(void *arg);

struct hooks_options {
    const char *organization; /* copied */
    hooks_done_fn done;
    void *arg;
};

/* SIGPIPE must be ignored by then. -ERR_NOMEM: nothing happened. */
int hooks_open(uv_loop_t *loop, const struct hooks_options *o, struct hooks **out,
               struct err *err) MUST_CHECK;

/* From now on these and no others (copied). What runs goes on; lines that wait for a hook that is
 * gone fail. -ERR_NOMEM: hooks that were there are as they were, or as they are wanted now; call it
 * again. */
int hooks_configure(struct hooks *h, const struct config_hook *hooks, size_t n,
                    struct err *err) MUST_CHECK;

/* Tell `hook` a line (copied). On 0 done is called exactly once for it, from the loop and never
 * inside add. On error never: -ERR_NOT_FOUND (no such hook), -ERR_LIMIT (LIMIT_HOOK_LINES wait),
 * -ERR_CANCELED (closing), -ERR_NOMEM. */
int hooks_add(struct hooks *h, const char *hook, const struct hooks_line *line,
              struct err *err) MUST_CHECK;

/* Stops what runs (SIGTERM, SIGKILL a second later), cancels every line; then closed is called
 * once, from the loop, and the hooks are gone. */
void hooks_close(struct hooks *h, hooks_closed_fn closed, void *arg);

#endif
