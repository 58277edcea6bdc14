/* seed_look: a file to upload, looked at off the loop.
 * In:    seeds_dir, a path below it.
 * Out:   what seed_file_open says of it. */
#ifndef TENANTD_IO_SEED_LOOK_H
#define TENANTD_IO_SEED_LOOK_H

#include "io/seed_file.h"
#include "io/seed_queue.h"

/* `f`: the callee's; its fd is -1 where `rv` is not 0. done is called once, from the loop; with
 * -ERR_CANCELED where the queue was canceled before it began. -ERR_NOMEM. */
typedef void (*seed_look_fn)(void *arg, int rv, struct seed_file *f, const struct err *err);
int seed_look(struct seed_queue *q, const char *dir, const char *path, const char *cipher,
              seed_look_fn done, void *arg, struct err *err) MUST_CHECK;

#endif
