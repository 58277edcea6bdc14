/* notify: what the service manager is told, and what it hands over. Without one all of this does
 * nothing. */
#ifndef TENANTD_IO_NOTIFY_H
#define TENANTD_IO_NOTIFY_H

#include <uv.h>

#include "lib/base.h"
#include "lib/err.h"

/* Each with a status line for people; control bytes in it become spaces. */
void notify_ready(const char *fmt, ...) PRINTF(1, 2); /* started, or reloaded */
void notify_reloading(void);
void notify_stopping(const char *fmt, ...) PRINTF(1, 2);
void notify_status(const char *fmt, ...) PRINTF(1, 2);

/* The watchdog: a word from the loop at half the time that the manager allows, so that a loop that
 * hangs is noticed. Says nothing where the manager does not ask, or asks another process. closed:
 * called once, from the loop, after notify_watchdog_close; the watchdog is gone then. */
struct notify_watchdog;
typedef void (*notify_closed_fn)(void *arg);
/* Returns 0, also where there is nothing to do, or -ERR_NOMEM. */
int notify_watchdog_open(uv_loop_t *loop, struct notify_watchdog **out, struct err *err) MUST_CHECK;
void notify_watchdog_close(struct notify_watchdog *w, notify_closed_fn closed, void *arg);

/* The listening Unix stream socket that the manager opened for us: *out is a descriptor, the
 * caller's, close-on-exec, or -1 when none was passed. To be called once: it takes LISTEN_FDS out
 * of the environment. -ERR_INVALID: what was passed is more than one socket, or of another kind;
 * all are closed then. */
int notify_socket(int *out, struct err *err) MUST_CHECK;

#endif
