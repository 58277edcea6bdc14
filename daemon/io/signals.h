/* signals: what the service manager, or a person, tells us by SIGTERM, SIGINT and SIGHUP.
 * In:    the signals, held back from every thread.
 * Out:   a callback from the loop for each; several of one kind may be one.
 * Never: lets one of them end the process, once they are held: not while it closes, nor after. */
#ifndef TENANTD_IO_SIGNALS_H
#define TENANTD_IO_SIGNALS_H

#include <uv.h>

#include "lib/base.h"
#include "lib/err.h"

struct signals;

typedef void (*signals_fn)(void *arg, int number);
typedef void (*signals_closed_fn)(void *arg);

/* Before there is another thread. They wait until signals_open, and are left so at the end: what is
 * started with uv_spawn takes them as ever. */
void signals_hold(void);

/* -ERR_NOMEM, -ERR_IO. */
int signals_open(uv_loop_t *loop, signals_fn on_signal, void *arg, struct signals **out,
                 struct err *err) MUST_CHECK;
/* What comes from now on changes nothing. closed: called once, from the loop. */
void signals_close(struct signals *s, signals_closed_fn closed, void *arg);

#endif
