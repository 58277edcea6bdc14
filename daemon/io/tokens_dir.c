#include "io/tokens_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/limits.h"
#include "io/token_file.h"
#include "lib/mem.h"

#define MARK_NAME   ".tenantd"
#define TEMP_SUFFIX ".tenantd-new"
#define OPEN_DIR    (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_FILE   (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* A name in an open directory; the temporary name beside it is always the same, so that what a
 * crash left behind is found by the next use of the name. */
struct place {
    int dir; /* -1: none */
    char name[NAME_MAX + 1];
    char temp[NAME_MAX + 1];
};

static void place_deinit(struct place *p)
{
    if (p->dir >= 0)
        close(p->dir);
    p->dir = -1;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static mode_t dir_mode(const struct tokens_dir_options *o)
{
    return o->has_group ? 0750 : 0700;
}

/* Owner before mode: with the mode first, our own group could read for a moment. */
static int dress(const struct tokens_dir_options *o, int fd, mode_t mode)
{
    if (o->has_group && fchown(fd, (uid_t)-1, o->group) < 0)
        return -1;
    return fchmod(fd, mode);
}

static int set_names(struct place *p, const char *name, size_t n, const char *path, struct err *err)
{
    if (n == 0 || name[0] == '.' || n + strlen("." TEMP_SUFFIX) > NAME_MAX)
        return err_set(err, ERR_INVALID,
                       "%.100s: each part of a token file's path has 1 to %zu bytes and does not "
                       "begin with a dot",
                       path, NAME_MAX - strlen("." TEMP_SUFFIX));
    snprintf(p->name, sizeof(p->name), "%.*s", (int)n, name);
    snprintf(p->temp, sizeof(p->temp), ".%.*s" TEMP_SUFFIX, (int)n, name);
    return 0;
}

/* A failure stays: the kernel tells of it once, and what it was about is not on disk for that. */
static void sync_all(struct tokens_dir *d)
{
    for (size_t i = 0; i < d->n_unsynced; i++) {
        if (fsync(d->unsynced[i].fd) < 0 && !d->sync_err.code)
            err_errno(&d->sync_err, errno, "cannot sync a directory in %s", d->options->path);
        close(d->unsynced[i].fd);
    }
    d->n_unsynced = 0;
}

/* Remember to sync the directory; takes `fd`. */
static void sync_later(struct tokens_dir *d, int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0)
        for (size_t i = 0; i < d->n_unsynced; i++)
            if (d->unsynced[i].dev == st.st_dev && d->unsynced[i].ino == st.st_ino) {
                close(fd);
                return;
            }
    if (d->n_unsynced == TOKENS_DIR_UNSYNCED)
        sync_all(d);
    d->unsynced[d->n_unsynced++] = (struct tokens_dir_unsynced){fd, st.st_dev, st.st_ino};
}

int tokens_dir_sync(struct tokens_dir *d, struct err *err)
{
    sync_all(d);
    return d->sync_err.code ? err_set(err, d->sync_err.code, "%s", d->sync_err.msg) : 0;
}

/* What stands in the way is a crash's: a directory is as good as a new one, a file has to go. */
static int make_temp_dir(const struct place *p)
{
    if (mkdirat(p->dir, p->temp, 0700) == 0)
        return 0;
    if (errno != EEXIST)
        return -1;
    unlinkat(p->dir, p->temp, 0);
    return mkdirat(p->dir, p->temp, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

/* A directory appears under its name only once it has its owner and mode. */
static int make_dir(struct tokens_dir *d, const struct place *p, const char *path, struct err *err)
{
    int fd CLEANUP(close_fd) = -1;
    int parent;

    if (make_temp_dir(p) < 0)
        return err_errno(err, errno, "cannot make a directory for %s", path);
    fd = openat(p->dir, p->temp, OPEN_DIR);
    if (fd < 0 || dress(d->options, fd, dir_mode(d->options)) < 0 ||
        renameat(p->dir, p->temp, p->dir, p->name) < 0)
        return err_errno(err, errno, "cannot make a directory for %s", path);
    parent = fcntl(p->dir, F_DUPFD_CLOEXEC, 0);
    if (parent < 0)
        return err_errno(err, errno, "%s", path);
    sync_later(d, parent);
    return 0;
}

/* Step from p->dir into the directory p->name. */
static int descend(struct tokens_dir *d, struct place *p, bool make, const char *path,
                   struct err *err)
{
    int fd = openat(p->dir, p->name, OPEN_DIR);

    if (fd < 0 && errno == ENOENT && make) {
        int rc = make_dir(d, p, path, err);

        if (rc)
            return rc;
        fd = openat(p->dir, p->name, OPEN_DIR);
    }
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return err_set(err, ERR_INVALID, "%s: %s is a symbolic link or no directory", path,
                       p->name);
    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    close(p->dir);
    p->dir = fd;
    return 0;
}

/* Find the directory and name that `path` leads to. */
static int walk(struct tokens_dir *d, const char *path, bool make, struct place *out,
                struct err *err)
{
    const char *at = path;
    int rc = 0;

    if (strlen(path) >= PATH_MAX)
        return err_set(err, ERR_INVALID, "a token file's path is too long");
    out->dir = fcntl(d->root, F_DUPFD_CLOEXEC, 0);
    if (out->dir < 0)
        return err_errno(err, errno, "%s", path);
    while (!rc) {
        size_t n = strcspn(at, "/");

        rc = set_names(out, at, n, path, err);
        if (rc || at[n] == '\0')
            break;
        rc = descend(d, out, make, path, err);
        at += n + 1;
    }
    return rc;
}

static int open_file(const struct place *p, const char *path, struct stat *st, int *out,
                     struct err *err)
{
    int fd = openat(p->dir, p->name, OPEN_FILE);

    if (fd < 0 && errno == ELOOP)
        return err_set(err, ERR_INVALID, "%s is a symbolic link", path);
    if (fd < 0 && (errno == ENXIO || errno == ENODEV))
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    *out = fd;
    if (fstat(fd, st) < 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    return 0;
}

int tokens_dir_look(struct tokens_dir *d, const char *path, struct err *err)
{
    struct place p CLEANUP(place_deinit) = {.dir = -1};
    struct stat st;
    int rc = walk(d, path, false, &p, err);

    if (rc)
        return rc;
    if (fstatat(p.dir, p.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(err, errno, "%s", path);
    return S_ISREG(st.st_mode) ? 0 : err_set(err, ERR_INVALID, "%s is not a regular file", path);
}

/* Up to `max` bytes; *n tells how many. */
static int read_all(int fd, char *data, size_t max, size_t *n)
{
    ssize_t got = 1;

    *n = 0;
    while (*n < max && got) {
        got = read(fd, data + *n, max - *n);
        if (got < 0 && errno != EINTR)
            return -1;
        *n += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

int tokens_dir_read(struct tokens_dir *d, const char *path, struct secret *out, struct err *err)
{
    struct place p CLEANUP(place_deinit) = {.dir = -1};
    struct secret all CLEANUP(secret_deinit) = {0};
    int fd CLEANUP(close_fd) = -1;
    struct stat st = {0};
    int rc = walk(d, path, false, &p, err);

    if (!rc)
        rc = open_file(&p, path, &st, &fd, err);
    if (rc)
        return rc;
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return err_set(err, ERR_INVALID, "%s belongs to another user", path);
    all.size = LIMIT_TOKEN_FILE_BYTES + 1;
    all.data = mem_alloc(all.size + 1);
    if (!all.data)
        return err_nomem(err);
    if (read_all(fd, all.data, all.size, &out->size) < 0)
        return err_errno(err, errno, "cannot read %s", path);
    if (out->size > LIMIT_TOKEN_FILE_BYTES)
        return err_set(err, ERR_INVALID, "%s is larger than a token file is", path);
    out->data = mem_strndup(all.data, out->size);
    return out->data ? 0 : err_nomem(err);
}

static int write_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t put = write(fd, data, n);

        if (put < 0 && errno != EINTR)
            return -1;
        data += put > 0 ? put : 0;
        n -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

static int create_temp(const struct place *p)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(p->dir, p->temp, flags, 0600);

    if (fd >= 0 || errno != EEXIST)
        return fd;
    if (unlinkat(p->dir, p->temp, 0) < 0 && unlinkat(p->dir, p->temp, AT_REMOVEDIR) < 0)
        return -1;
    return openat(p->dir, p->temp, flags, 0600);
}

static int fill_temp(const struct tokens_dir_options *o, const struct place *p,
                     const struct secret *bytes, unsigned mode)
{
    int fd = create_temp(p);
    int saved;

    if (fd < 0)
        return -1;
    if (dress(o, fd, (mode_t)mode) == 0 && write_all(fd, bytes->data, bytes->size) == 0 &&
        fsync(fd) == 0)
        return close(fd);
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Bytes, then name: whoever looks finds the old file or the new one. */
static int replace_at(const struct tokens_dir_options *o, const struct place *p,
                      const struct secret *bytes, unsigned mode)
{
    int saved;

    if (fill_temp(o, p, bytes, mode) == 0 && renameat(p->dir, p->temp, p->dir, p->name) == 0)
        return 0;
    saved = errno;
    unlinkat(p->dir, p->temp, 0);
    errno = saved;
    return -1;
}

int tokens_dir_replace(struct tokens_dir *d, const char *path, const struct secret *bytes,
                       unsigned mode, struct err *err)
{
    struct place p CLEANUP(place_deinit) = {.dir = -1};
    int rc;

    if ((mode & ~0660u) || !(mode & 0400u))
        return err_set(err, ERR_INVALID, "%s: mode %04o is not one for a token file", path, mode);
    rc = walk(d, path, true, &p, err);
    if (rc)
        return rc;
    if (replace_at(d->options, &p, bytes, mode) < 0)
        return err_errno(err, errno, "cannot write %s in %s", path, d->options->path);
    sync_later(d, p.dir);
    p.dir = -1;
    return 0;
}

/* Whether we made the directory, as far as one can tell: then nobody set it up for a purpose of
 * theirs. */
static bool is_our_dir(const struct tokens_dir_options *o, const struct place *p)
{
    struct stat st;

    return fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid() && (st.st_mode & 07777) == dir_mode(o) &&
           (!o->has_group || st.st_gid == o->group);
}

/* Directories that have become empty go too; one that has not ends it, and no failure here matters.
 */
static void remove_empty(struct tokens_dir *d, const char *path)
{
    char *rest CLEANUP(mem_free_string) = mem_strdup(path);
    char *slash;

    while (rest && (slash = strrchr(rest, '/'))) {
        struct place p CLEANUP(place_deinit) = {.dir = -1};

        *slash = '\0';
        if (walk(d, rest, false, &p, NULL) < 0 || !is_our_dir(d->options, &p) ||
            unlinkat(p.dir, p.name, AT_REMOVEDIR) < 0)
            return;
        sync_later(d, p.dir);
        p.dir = -1;
    }
}

int tokens_dir_remove(struct tokens_dir *d, const char *path, struct err *err)
{
    struct place p CLEANUP(place_deinit) = {.dir = -1};
    int rc = walk(d, path, false, &p, err);

    if (rc)
        return rc;
    unlinkat(p.dir, p.temp, 0);
    if (unlinkat(p.dir, p.name, 0) < 0)
        return errno == EISDIR
                   ? err_set(err, ERR_INVALID, "%s is a directory", path)
                   : err_errno(err, errno, "cannot remove %s in %s", path, d->options->path);
    sync_later(d, p.dir);
    p.dir = -1;
    remove_empty(d, path);
    return 0;
}

static int open_root(const struct tokens_dir_options *o, int *out, struct err *err)
{
    int fd = open(o->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && errno == ENOTDIR)
        return err_set(err, ERR_IO,
                       "tokens_dir %s is no directory: move it away, or name another in the "
                       "configuration",
                       o->path);
    if (fd < 0)
        return err_errno(err, errno, "tokens_dir %s", o->path);
    *out = fd;
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "tokens_dir %s", o->path);
    if (st.st_mode & S_IWOTH)
        return err_set(err, ERR_PERMISSION,
                       "tokens_dir %s may be written by everybody: chmod o-w %s", o->path, o->path);
    return 0;
}

static void mark_place(int root, struct place *p)
{
    *p = (struct place){.dir = root, .name = MARK_NAME, .temp = MARK_NAME TEMP_SUFFIX};
}

static int check_mark(const struct tokens_dir_options *o, int root, struct err *err)
{
    char found[PATH_MAX] = "";
    int fd CLEANUP(close_fd) = -1;
    struct place p;
    struct stat st;
    size_t n;
    int rc;

    mark_place(root, &p);
    rc = open_file(&p, MARK_NAME, &st, &fd, err);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND,
                       "tokens_dir %.100s has no mark " MARK_NAME " (\"%.100s\"): is it mounted?",
                       o->path, o->mark);
    if (rc)
        return err_wrap(err, "tokens_dir %s", o->path);
    if (read_all(fd, found, sizeof(found) - 1, &n) < 0)
        return err_errno(err, errno, "tokens_dir %s: " MARK_NAME, o->path);
    found[strcspn(found, "\n")] = '\0';
    if (strcmp(found, o->mark) != 0)
        return err_set(err, ERR_FOREIGN, "tokens_dir %s belongs to \"%.200s\", not to \"%.200s\"",
                       o->path, found, o->mark);
    return 0;
}

static int write_mark(const struct tokens_dir_options *o, int root, struct err *err)
{
    struct secret line CLEANUP(secret_deinit) = {.data = mem_printf("%s\n", o->mark)};
    struct place p;

    if (!line.data)
        return err_nomem(err);
    line.size = strlen(line.data);
    mark_place(root, &p);
    if (replace_at(o, &p, &line, 0600) < 0 || fsync(root) < 0)
        return err_errno(err, errno, "cannot mark tokens_dir %s", o->path);
    return 0;
}

static int cannot_make(int problem, const char *path, struct err *err)
{
    if (problem != ENOENT && problem != ENOTDIR)
        return err_errno(err, problem, "cannot make tokens_dir %s", path);
    return err_set(err, ERR_NOT_FOUND,
                   "cannot make tokens_dir %s: there is no directory above it: make that, or name "
                   "another in the configuration",
                   path);
}

static int make_root(const struct tokens_dir_options *o, struct err *err)
{
    int fd CLEANUP(close_fd) = -1;

    if (mkdir(o->path, 0700) < 0)
        return errno == EEXIST ? 0 : cannot_make(errno, o->path, err);
    fd = open(o->path, OPEN_DIR);
    if (fd < 0 || dress(o, fd, dir_mode(o)) < 0)
        return err_errno(err, errno, "cannot set up tokens_dir %s", o->path);
    return 0;
}

int tokens_dir_mark(const struct tokens_dir_options *o, struct err *err)
{
    int root CLEANUP(close_fd) = -1;
    int rc = make_root(o, err);

    if (!rc)
        rc = open_root(o, &root, err);
    if (!rc)
        rc = check_mark(o, root, err);
    return rc == -ERR_NOT_FOUND && root >= 0 ? write_mark(o, root, err) : rc;
}

int tokens_dir_open(const struct tokens_dir_options *o, struct tokens_dir *out, struct err *err)
{
    struct tokens_dir d = TOKENS_DIR_INIT;
    int rc = open_root(o, &d.root, err);

    d.options = o;
    if (!rc)
        rc = check_mark(o, d.root, err);
    if (!rc) {
        *out = d;
        return 0;
    }
    tokens_dir_close(&d);
    if (rc != -ERR_NOT_FOUND)
        return rc;
    if (err)
        err->code = ERR_FOREIGN;
    return -(int)ERR_FOREIGN;
}

void tokens_dir_close(struct tokens_dir *d)
{
    for (size_t i = 0; i < d->n_unsynced; i++)
        close(d->unsynced[i].fd);
    if (d->root >= 0)
        close(d->root);
    *d = TOKENS_DIR_INIT;
}
