/* manifest_spots: where something of a manifest may have changed: a few files, or anywhere.
 * In:    paths, one by one.
 * Out:   a list of them; "anywhere" when they are too many, or memory is short.
 * Never: looks at files. */
#ifndef TENANTD_IO_MANIFEST_SPOTS_H
#define TENANTD_IO_MANIFEST_SPOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/manifest_walk.h"

#define MANIFEST_SPOTS_MOST 1000

/* {0}: nowhere. */
struct manifest_spots {
    bool anywhere;               /* then there are no items */
    struct manifest_spot *items; /* with texts of their own, each path once */
    size_t n;
    size_t capacity;
};

void manifest_spots_add(struct manifest_spots *s, enum manifest_kind kind, const char *path);
void manifest_spots_add_anywhere(struct manifest_spots *s);
/* All of `from`, which is empty then. */
void manifest_spots_take(struct manifest_spots *s, struct manifest_spots *from);
/* Before reading them in order. */
void manifest_spots_sort(struct manifest_spots *s);
/* It is {0} then. */
void manifest_spots_deinit(struct manifest_spots *s);

#endif
