#include "io/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"

#define LOCK_NAME "lock"

static int check_owner(int fd, const char *path, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "state directory %s", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return err_set(err, ERR_PERMISSION,
                       "state directory %s belongs to user %u: chown it to the daemon's", path,
                       (unsigned)st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(err, ERR_PERMISSION,
                       "state directory %s may be written by others: chmod go-w %s", path, path);
    return 0;
}

static int make_dir(const char *path, struct err *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    if (errno == ENOENT || errno == ENOTDIR)
        return err_set(err, ERR_NOT_FOUND,
                       "cannot make state directory %s: there is no directory above it: make that, "
                       "or set state_dir in the configuration",
                       path);
    return err_errno(err, errno, "cannot make state directory %s", path);
}

/* There is something of that name, which is no directory. */
static int no_dir(int problem, const char *path, struct err *err)
{
    if (problem != ENOTDIR && problem != ENOENT)
        return err_errno(err, problem, "state directory %s", path);
    return err_set(err, ERR_IO,
                   "state directory %s is %s: move it away, or set state_dir in the configuration",
                   path, problem == ENOENT ? "a link to nothing" : "no directory");
}

static int open_dir(const char *path, struct state_dir *d, struct err *err)
{
    char real[PATH_MAX];
    int rc = make_dir(path, err);

    if (rc)
        return rc;
    if (!realpath(path, real))
        return no_dir(errno, path, err);
    d->path = mem_strdup(real);
    if (!d->path)
        return err_nomem(err);
    d->dir_fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->dir_fd < 0)
        return no_dir(errno, path, err);
    return check_owner(d->dir_fd, path, err);
}

static int locked_by(int fd, const char *path, struct err *err)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? n : 0] = '\0';
    return err_set(
        err, ERR_LOCKED,
        "state directory %s is in use by another tenantd (process %d): stop that one first", path,
        (int)strtol(pid, NULL, 10));
}

/* The pid is for people alone; the lock is what counts, and the kernel drops it with the process.
 */
static void write_pid(int fd)
{
    char pid[24];
    int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) < 0)
        return;
}

static int lock(struct state_dir *d, struct err *err)
{
    d->lock_fd = openat(d->dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock_fd < 0 && errno == EROFS)
        return err_set(err, ERR_PERMISSION,
                       "state directory %s is mounted read-only: mount it for writing, or set "
                       "state_dir in the configuration",
                       d->path);
    if (d->lock_fd < 0)
        return err_errno(err, errno, "%s/" LOCK_NAME, d->path);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? locked_by(d->lock_fd, d->path, err)
                                    : err_errno(err, errno, "cannot lock %s/" LOCK_NAME, d->path);
    write_pid(d->lock_fd);
    return 0;
}

int state_dir_open(const char *path, struct state_dir *out, struct err *err)
{
    struct state_dir d = STATE_DIR_INIT;
    int rc = open_dir(path, &d, err);

    if (!rc)
        rc = lock(&d, err);
    if (rc) {
        state_dir_close(&d);
        return rc;
    }
    *out = d;
    return 0;
}

void state_dir_close(struct state_dir *d)
{
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    if (d->dir_fd >= 0)
        close(d->dir_fd);
    mem_free(d->path);
    *d = STATE_DIR_INIT;
}

/* Nobody may have the file open through SQLite here: closing it would drop that one's POSIX locks.
 */
int state_dir_make(const struct state_dir *d, const char *name, bool *created, struct err *err)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_CREAT | O_EXCL;
    int fd = openat(d->dir_fd, name, flags, 0600);
    struct stat st;

    *created = fd >= 0;
    if (fd >= 0) {
        close(fd);
        return fsync(d->dir_fd) < 0 ? err_errno(err, errno, "%s", d->path) : 0;
    }
    if (errno != EEXIST)
        return err_errno(err, errno, "cannot make %s/%s", d->path, name);
    if (fstatat(d->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(err, errno, "%s/%s", d->path, name);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_PERMISSION, "%s/%s is not a regular file", d->path, name);
    return 0;
}

long long state_dir_size(const struct state_dir *d, const char *name)
{
    struct stat st;

    return fstatat(d->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -1 : (long long)st.st_size;
}

char *state_dir_path(const struct state_dir *d, const char *name)
{
    return mem_printf("%s/%s", d->path, name);
}
