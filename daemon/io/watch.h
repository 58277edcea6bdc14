/* watch: says that something in the manifest's directories has changed, and where if that is known.
 * Events of the kernel make it quick; a look at all files every now and then makes it sure, since
 * events get lost (full queues, network file systems, limits). */
#ifndef TENANTD_IO_WATCH_H
#define TENANTD_IO_WATCH_H

#include <stdint.h>
#include <uv.h>

#include "io/manifest_spots.h"
#include "lib/err.h"

struct watch;

/* Something may have changed, and has been quiet for debounce_ms, or busy for 2 s. From the loop;
 * may call watch_close. Called a first time when the watch stands: what was read before that may be
 * old. `where`: events of these files alone came since the last call, so that at most a link, or a
 * name elsewhere, leads to another file that changed; borrowed for the call, may be taken from. */
typedef void (*watch_changed_fn)(void *arg, struct manifest_spots *where);
typedef void (*watch_closed_fn)(void *arg);

struct watch_options {
    struct manifest_walk_options files; /* copied */
    uint64_t debounce_ms;
    uint64_t check_ms; /* between two looks at all files, while events work */
    uint64_t poll_ms;  /* the same while they do not */
    watch_changed_fn changed;
    void *arg;
};

/* On error nothing happened. On 0 the watch lives until watch_close. -ERR_NOMEM. */
int watch_open(uv_loop_t *loop, const struct watch_options *o, struct watch **out,
               struct err *err) MUST_CHECK;

/* Why there are no events for some directory, so that changes there are seen late; "" while there
 * are for all. For people; borrowed until the next turn of the loop. */
const char *watch_problem(const struct watch *w);

/* No more changed; closed is called once, from the loop, and the watch is gone then. */
void watch_close(struct watch *w, watch_closed_fn closed, void *arg);

#endif
