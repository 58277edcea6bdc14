/* seed_looks: files to upload, looked at off the loop.
 * In:    seeds_dir, paths below it.
 * Out:   what seed_file_open says of each.
 * Never: more than one at a time: a file that does not answer, on a network say, keeps the others
 *        waiting, and neither the token files nor the manifest, which go by the same threads. */
#ifndef TENANTD_IO_SEED_LOOKS_H
#define TENANTD_IO_SEED_LOOKS_H

#include <uv.h>

#include "io/seed_file.h"
#include "lib/list.h"

struct seed_looks {
    uv_loop_t *loop;
    struct list waiting;
    struct seed_look *running; /* NULL: none */
};

void seed_looks_init(struct seed_looks *s, uv_loop_t *loop);

/* `f`: the callee's; its fd is -1 where `rv` is not 0. done is called once, from the loop; by
 * seed_looks_cancel with -ERR_CANCELED for what has not begun. -ERR_NOMEM. */
typedef void (*seed_look_fn)(void *arg, int rv, struct seed_file *f, const struct err *err);
int seed_looks_start(struct seed_looks *s, const char *dir, const char *path, const char *cipher,
                     seed_look_fn done, void *arg, struct err *err) MUST_CHECK;
/* The one that runs comes back all the same, if it ever does. */
void seed_looks_cancel(struct seed_looks *s);

#endif
