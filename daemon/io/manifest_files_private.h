/* manifest_files_private: what the rooms of manifest_files share; for nobody else. */
#ifndef TENANTD_IO_MANIFEST_FILES_PRIVATE_H
#define TENANTD_IO_MANIFEST_FILES_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "io/manifest_files.h"

struct manifest_files_look {
    struct manifest_walk_options options;
    const struct manifest_files *previous; /* may be NULL */
    const struct manifest_spots *spots;    /* NULL: anywhere */
    const atomic_bool *is_canceled;        /* NULL: cannot be */
};

/* Read what is there. 0 with *out the caller's, -ERR_NOMEM or -ERR_CANCELED. */
int manifest_files_look(const struct manifest_files_look *l,
                        struct manifest_files **out) MUST_CHECK;

#endif
