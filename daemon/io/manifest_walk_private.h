/* manifest_walk_private: what the rooms of manifest_walk share; for nobody else. */
#ifndef TENANTD_IO_MANIFEST_WALK_PRIVATE_H
#define TENANTD_IO_MANIFEST_WALK_PRIVATE_H

#include <fcntl.h>
#include <limits.h>

#include "io/manifest_walk.h"

#define MANIFEST_OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

struct walk {
    manifest_visit_fn visit;
    void *arg;
    enum manifest_kind kind;
    const char *root;         /* as configured */
    char real_root[PATH_MAX]; /* as the kernel names it; "" where it could not say */
    bool has_other;
    struct read_identity other; /* the other root, which is walked for itself */
    size_t n_files;
    size_t n_errors;
    size_t n_others; /* times that the other root was met */
};

struct manifest_place {
    const struct walk *walk;
    int dir_fd; /* AT_FDCWD: name is the configured path */
    const char *name;
    bool is_link;
};

/* The path of what `fd` is, as the kernel knows it; "" when it does not say. */
void manifest_walk_real_path(int fd, char out[PATH_MAX]);

#endif
