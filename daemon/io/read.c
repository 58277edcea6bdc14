/* read: a whole file at once, and only if it is one that we may trust.
 * In:    a path or a descriptor, a rule, a ceiling.
 * Out:   all its bytes as they were at one moment, and which file that was.
 * Never: waits for a FIFO or device, returns half a file, leaves a secret in freed memory. */
#include "io/read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/mem.h"

#define TRIES 3

struct read_identity read_identity_of(const struct stat *st)
{
    return (struct read_identity){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec,
        .ctime_ns = st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec,
    };
}

bool read_identity_equal(const struct read_identity *a, const struct read_identity *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* --- Rules --------------------------------------------------------------------------------- */

static int refuse_mode(const char *path, const struct stat *st, mode_t bits, struct err *err)
{
    mode_t bad = st->st_mode & bits;
    bool by_all = bad & S_IRWXO;
    bool is_write = bad & (by_all ? S_IWOTH : S_IWGRP);

    return err_set(err, ERR_PERMISSION, "%s may be %s by %s: chmod %s %s", path,
                   is_write ? "written" : "read", by_all ? "everybody" : "its group",
                   bits & S_IROTH ? "600" : "go-w", path);
}

static int check_owner(const char *path, const struct stat *st, struct err *err)
{
    if (st->st_uid == 0 || st->st_uid == geteuid())
        return 0;
    return err_set(err, ERR_PERMISSION,
                   "%s belongs to user %u, and must belong to root or to user %u: chown it", path,
                   (unsigned)st->st_uid, (unsigned)geteuid());
}

/* A volume that a container runtime made is often rwxrwxrwx and mounted read-only: nobody can write
 * there. */
static bool is_read_only(int fd)
{
    struct statvfs vfs;

    return fstatvfs(fd, &vfs) == 0 && (vfs.f_flag & ST_RDONLY);
}

int read_check(int fd, const struct stat *st, const char *path, enum read_rule rule,
               struct err *err)
{
    static const mode_t FORBIDDEN[] = {
        [READ_MANIFEST] = S_IWOTH,
        [READ_CONFIG] = S_IWGRP | S_IWOTH,
        [READ_SECRET] = S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH,
        [READ_CREDENTIAL] = S_IWGRP | S_IROTH | S_IWOTH,
    };
    bool is_open_to_others = st->st_mode & FORBIDDEN[rule];

    if (rule == READ_MANIFEST && is_open_to_others)
        is_open_to_others = !is_read_only(fd);
    if (is_open_to_others)
        return refuse_mode(path, st, FORBIDDEN[rule], err);
    return rule == READ_MANIFEST ? 0 : check_owner(path, st, err);
}

static int check_regular(const char *path, const struct stat *st, size_t max_bytes, struct err *err)
{
    if (S_ISDIR(st->st_mode))
        return err_set(err, ERR_INVALID, "%s is a directory, and must be a file", path);
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    if ((uint64_t)st->st_size > max_bytes)
        return err_set(err, ERR_LIMIT, "%s has %lld bytes, and may have at most %zu", path,
                       (long long)st->st_size, max_bytes);
    return 0;
}

/* --- Reading ------------------------------------------------------------------------------- */

/* Up to `size` bytes from the start. Returns how many there were, or -errno. */
static ssize_t read_all(int fd, char *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, data + done, size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* One try: 0, an error, or 1 when the file changed meanwhile. */
static int read_once(int fd, const struct stat *before, const char *path, struct read_file *out,
                     struct err *err)
{
    struct read_identity is = read_identity_of(before);
    struct read_identity was;
    size_t size = (size_t)before->st_size;
    char *data = mem_alloc(size + 1);
    struct stat after;
    ssize_t n;

    if (!data)
        return err_nomem(err);
    n = read_all(fd, data, size);
    if (n < 0 || fstat(fd, &after) != 0) {
        mem_free_secret(data, size);
        return err_errno(err, n < 0 ? (int)-n : errno, "cannot read %s", path);
    }
    was = is;
    is = read_identity_of(&after);
    if ((size_t)n != size || !read_identity_equal(&is, &was)) {
        mem_free_secret(data, size);
        return 1;
    }
    *out = (struct read_file){.data = data, .size = size, .identity = is};
    return 0;
}

int read_fd(int fd, const char *path, enum read_rule rule, size_t max_bytes, struct read_file *out,
            struct err *err)
{
    for (int i = 0; i < TRIES; i++) {
        struct stat st;
        int rc;

        if (fstat(fd, &st) != 0)
            return err_errno(err, errno, "cannot look at %s", path);
        rc = check_regular(path, &st, max_bytes, err);
        if (rc == 0)
            rc = read_check(fd, &st, path, rule, err);
        if (rc == 0)
            rc = read_once(fd, &st, path, out, err);
        if (rc <= 0)
            return rc;
    }
    return err_set(err, ERR_IO, "%s is being written: it changed while it was read", path);
}

int read_path(const char *path, enum read_rule rule, size_t max_bytes, struct read_file *out,
              struct err *err)
{
    bool is_secret = rule == READ_SECRET || rule == READ_CREDENTIAL;
    int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (is_secret ? O_NOFOLLOW : 0));
    int rc;

    if (fd < 0 && errno == ELOOP && is_secret)
        return err_set(err, ERR_PERMISSION,
                       "%s is a symbolic link: name the file that holds the secret itself", path);
    if (fd < 0)
        return err_errno(err, errno, "cannot open %s", path);
    rc = read_fd(fd, path, rule, max_bytes, out, err);
    close(fd);
    return rc;
}

void read_deinit(struct read_file *f)
{
    mem_free(f->data);
    *f = (struct read_file){0};
}

void read_deinit_secret(struct read_file *f)
{
    mem_free_secret(f->data, f->size);
    *f = (struct read_file){0};
}
