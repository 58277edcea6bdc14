/* manifest_walk_open: a file that was found is opened, if it may be.
 * In:    what a walk visits.
 * Out:   a descriptor, or why not.
 * Never: opens a link's target before it was looked at. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/manifest_walk_private.h"

void manifest_walk_real_path(int fd, char out[PATH_MAX])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, out, PATH_MAX - 1);
    out[n < 0 ? 0 : n] = '\0';
}

static bool is_inside(const char *root, const char *path)
{
    size_t n = strlen(root);

    return n > 0 && strncmp(root, path, n) == 0 && (path[n] == '/' || root[n - 1] == '/');
}

/* May a link lead to what `fd` is? */
static int check_target(const struct walk *w, int fd, struct err *err)
{
    char path[PATH_MAX];
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_errno(err, errno, "cannot look at it");
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "it leads to what is not a regular file");
    manifest_walk_real_path(fd, path);
    if (is_inside(w->real_root, path))
        return 0;
    if (w->kind == MANIFEST_TRUSTED && (st.st_mode & S_IROTH))
        return 0;
    return err_set(err, ERR_PERMISSION, "it is a link that leads out of %s%s", w->root,
                   w->kind == MANIFEST_TRUSTED ? ", to a file that not everybody may read" : "");
}

/* The target is looked at before it is opened, and the very same file is opened then: opening a
 * device or a FIFO would already do something, and a path may lead elsewhere the next time. */
static int open_link(const struct manifest_place *p, struct err *err)
{
    int fd = openat(p->dir_fd, p->name, O_PATH | O_CLOEXEC);
    char link[64];
    int opened;
    int rc;

    if (fd < 0)
        return err_errno(err, errno, "cannot open it");
    rc = check_target(p->walk, fd, err);
    if (rc == 0) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        opened = open(link, MANIFEST_OPEN_FLAGS);
        rc = opened >= 0 ? opened : err_errno(err, errno, "cannot open it");
    }
    close(fd);
    return rc;
}

int manifest_walk_open(const struct manifest_found *found, struct err *err)
{
    const struct manifest_place *p = found->place;
    int fd;

    if (p->is_link)
        return open_link(p, err);
    fd = openat(p->dir_fd, p->name, MANIFEST_OPEN_FLAGS | (p->dir_fd == AT_FDCWD ? 0 : O_NOFOLLOW));
    return fd >= 0 ? fd : err_errno(err, errno, "cannot open it");
}
