/* notify: what the service manager is told, and what it hands over. Without one all of this does
 * nothing. */
#ifndef TENANTD_IO_NOTIFY_H
#define TENANTD_IO_NOTIFY_H

#include <uv.h>

#include "lib/base.h"
#include "lib/err.h"

struct notify;
typedef void (*notify_closed_fn)(void *arg);

/* Also begins to feed the watchdog: a word from the loop at half the time that the manager allows,
 * so that a loop that hangs is noticed. Not where the manager does not ask, or asks another
 * process. Returns 0, also where there is no manager, or -ERR_NOMEM. */
int notify_open(uv_loop_t *loop, struct notify **out, struct err *err) MUST_CHECK;
/* closed: called once, from the loop; `n` is gone then. */
void notify_close(struct notify *n, notify_closed_fn closed, void *arg);

/* Each with a status line for people; control bytes in it become spaces. The first two are tried
 * again until the manager has taken them, in their order; a reload that begins is told instead of
 * what was not taken before it. The others are dropped where there is no room for them. Once it
 * stops, neither of the first two is told any more. */
void notify_ready(struct notify *n, const char *fmt, ...) PRINTF(2, 3); /* started, or reloaded */
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n, const char *fmt, ...) PRINTF(2, 3);
void notify_status(struct notify *n, const char *fmt, ...) PRINTF(2, 3);

/* The listening Unix stream socket that the manager opened for us: *out is a descriptor, the
 * caller's, close-on-exec, or -1 when none was passed. To be called once: it takes LISTEN_FDS out
 * of the environment. -ERR_INVALID: what was passed is more than one socket, or of another kind;
 * all are closed then. */
int notify_socket(int *out, struct err *err) MUST_CHECK;

#endif
