/* seed_queue: what is done to files to upload, off the loop.
 * In:    pieces of work, each with a function for the pool and one for the loop.
 * Out:   each done, in the order in which they came.
 * Never: more than one at a time: a file that does not answer, on a network say, keeps the others
 *        waiting, and neither the token files nor the manifest, which go by the same threads. */
#ifndef TENANTD_IO_SEED_QUEUE_H
#define TENANTD_IO_SEED_QUEUE_H

#include <stdbool.h>
#include <uv.h>

#include "lib/base.h"
#include "lib/list.h"

struct seed_queue {
    uv_loop_t *loop;
    struct list waiting;
    struct seed_work *running; /* NULL: none */
};

/* Part of what it is about. Both functions are the owner's to set. */
struct seed_work {
    void (*run)(struct seed_work *w);                /* on the pool */
    void (*done)(struct seed_work *w, bool has_run); /* once, from the loop; w is nobody's then */
    struct seed_queue *queue;
    struct list link;
    uv_work_t work;
};

void seed_queue_init(struct seed_queue *q, uv_loop_t *loop);
void seed_queue_add(struct seed_queue *q, struct seed_work *w);
/* True: it had not begun, and is not done any more. */
bool seed_queue_withdraw(struct seed_work *w) MUST_CHECK;
/* What has not begun is done without; the one that runs comes back all the same, if it ever does.
 */
void seed_queue_cancel(struct seed_queue *q);

#endif
