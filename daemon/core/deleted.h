/* deleted: what the platform deleted lately and could still bring back, as it lists it.
 * In:    its listings, whole.
 * Out:   the newest of a name, or the one of an id.
 * Never: I/O; takes a listing that was not to be had for an empty one without saying so. */
#ifndef TENANTD_CORE_DELETED_H
#define TENANTD_CORE_DELETED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"

struct deleted_thing {
    const char *name;
    const char *id;
    const char *group; /* of a database; NULL: not said */
    int64_t at_ms;     /* wall clock; 0: not said */
    bool group_deleted;
};

struct deleted_list {
    struct deleted_thing *things; /* by name, the newest of a name first */
    size_t n;
    size_t capacity;
    struct arena arena;
    int64_t read_ms; /* monotonic: when it was asked for; 0: never */
    bool refused;    /* the platform does not say (plan, permission, an older platform) */
};

/* A thing of that name, the newest, or that of that `id` (NULL: any). NULL: none. */
const struct deleted_thing *deleted_find(const struct deleted_list *l, const char *name,
                                         const char *id);
bool deleted_add(struct deleted_list *l, const struct deleted_thing *thing) MUST_CHECK; /* copies */
void deleted_sort(struct deleted_list *l); /* before anything is looked for */
void deleted_deinit(struct deleted_list *l);

#endif
