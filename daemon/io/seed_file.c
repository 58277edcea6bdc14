#include "io/seed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/seed_header.h"
#include "lib/mem.h"

#define TICK_MAX_MS 20 /* of the slowest kernel, twice */

#define OPEN_ROOT (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define OPEN_DIR  (OPEN_ROOT | O_NOFOLLOW)
#define OPEN_FILE (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* --- Where it is ------------------------------------------------------------------------- */

/* Whoever may write a directory says what lies in it. */
static int check_dir(int fd, const char *name, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", name);
    return read_check(fd, &st, name, READ_MANIFEST, err);
}

static int open_root(const char *dir, int *out, struct err *err)
{
    *out = open(dir, OPEN_ROOT);
    if (*out < 0)
        return err_errno(err, errno, "seeds_dir %s", dir);
    return check_dir(*out, dir, err);
}

static int cannot_open(const char *path, struct err *err)
{
    if (errno == ELOOP || errno == ENOTDIR)
        return err_set(err, ERR_INVALID, "%s: a symbolic link, or no directory, is in the way",
                       path);
    if (errno == ENXIO || errno == ENODEV)
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    return err_errno(err, errno, "%s", path);
}

/* Part by part, so that no link leads out. *dir: where it lies, to be closed in any case. */
static int walk(const char *root, const char *path, int *dir, const char **name, struct err *err)
{
    char part[NAME_MAX + 1];
    int rc = open_root(root, dir, err);

    for (*name = path; !rc; *name += strlen(part) + 1) {
        size_t n = strcspn(*name, "/");
        int next;

        if (n == 0 || n > NAME_MAX || **name == '.')
            return err_set(err, ERR_INVALID, "%s is no path below seeds_dir", path);
        if (!(*name)[n])
            return 0;
        snprintf(part, sizeof(part), "%.*s", (int)n, *name);
        next = openat(*dir, part, OPEN_DIR);
        if (next < 0)
            return cannot_open(path, err);
        close(*dir);
        *dir = next;
        if (check_dir(next, part, err) != 0)
            return err_wrap(err, "%s", path);
    }
    return rc;
}

/* --- What it is -------------------------------------------------------------------------- */

/* Beside a database there may be changes that are not in it yet. */
static int check_beside(int dir, const char *name, const char *suffix, const char *mend,
                        struct err *err)
{
    char beside[NAME_MAX + 16];
    struct stat st;

    snprintf(beside, sizeof(beside), "%.*s%s", NAME_MAX, name, suffix);
    if (fstatat(dir, beside, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || errno == ENAMETOOLONG ? 0 : err_errno(err, errno, "%s", beside);
    if (st.st_size == 0)
        return 0;
    return err_set(err, ERR_INVALID, "%s holds changes that are not in it: %s", beside, mend);
}

static int check_header(int fd, const struct stat *st, const char *cipher, struct err *err)
{
    unsigned char header[SEED_HEADER_BYTES] = {0};
    ssize_t n = pread(fd, header, sizeof(header), 0);

    if (n < 0)
        return err_errno(err, errno, "it cannot be read");
    if ((size_t)n < sizeof(header))
        return err_set(err, ERR_INVALID, "it is not a SQLite database");
    return seed_header_check(header, (uint64_t)st->st_size, cipher, err);
}

/* Before Linux 6.13 the times of files go in ticks of some milliseconds, and a change in the tick
 * of the one before does not show. Nothing is read before that of the last change is over; a time
 * from the future is not waited for. */
static void let_tick_pass(const struct stat *st)
{
    const struct timespec step = {.tv_nsec = 1000000};
    struct timespec now;

    for (int i = 0; i < TICK_MAX_MS; i++) {
        clock_gettime(CLOCK_REALTIME_COARSE, &now); /* by which the kernel stamps files */
        if (now.tv_sec != st->st_ctim.tv_sec || now.tv_nsec > st->st_ctim.tv_nsec)
            return;
        nanosleep(&step, NULL);
    }
}

static int check(int dir, const char *name, int fd, const struct stat *st, const char *cipher,
                 struct err *err)
{
    int rc = check_header(fd, st, cipher, err);

    if (!rc)
        rc = check_beside(dir, name, "-wal", "PRAGMA wal_checkpoint(TRUNCATE)", err);
    if (!rc)
        rc = check_beside(dir, name, "-journal", "open it once with sqlite3", err);
    return rc;
}

static int check_kind(int fd, const char *path, const struct stat *st, struct err *err)
{
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    if ((uint64_t)st->st_size > LIMIT_SEED_BYTES)
        return err_set(err, ERR_LIMIT, "%s has %" PRId64 " bytes; the platform takes %" PRIu64,
                       path, (int64_t)st->st_size, LIMIT_SEED_BYTES);
    return read_check(fd, st, path, READ_MANIFEST, err);
}

int seed_file_open(const char *root, const char *path, const char *cipher, struct seed_file *out,
                   struct err *err)
{
    int dir CLEANUP(close_fd) = -1;
    int fd CLEANUP(close_fd) = -1;
    const char *name;
    struct stat st;
    int rc = walk(root, path, &dir, &name, err);

    if (rc)
        return rc;
    fd = openat(dir, name, OPEN_FILE);
    if (fd < 0)
        return cannot_open(path, err);
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", path);
    rc = check_kind(fd, path, &st, err);
    if (rc)
        return rc;
    let_tick_pass(&st);
    rc = check(dir, name, fd, &st, cipher, err);
    if (rc)
        return err_wrap(err, "%s", path);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    *out = (struct seed_file){.fd = fd, .identity = read_identity_of(&st)};
    fd = -1;
    return 0;
}

void seed_file_close(struct seed_file *f)
{
    close_fd(&f->fd);
    *f = SEED_FILE_INIT;
}

/* --- Reading it -------------------------------------------------------------------------- */

static bool is_same(const struct seed_file *f)
{
    struct stat st;
    struct read_identity now;

    if (fstat(f->fd, &st) < 0)
        return false;
    now = read_identity_of(&st);
    return read_identity_equal(&now, &f->identity);
}

ssize_t seed_file_read(struct seed_file *f, char *out, size_t size)
{
    uint64_t left = f->identity.size - f->at;
    ssize_t n;

    if (size > left)
        size = (size_t)left;
    if (size == 0)
        return 0;
    do
        n = pread(f->fd, out, size, (off_t)f->at);
    while (n < 0 && errno == EINTR);
    if (n <= 0 || ((uint64_t)n == left && !is_same(f)))
        return -1;
    f->at += (uint64_t)n;
    return n;
}

void seed_file_state(const struct seed_file *f, char out[SEED_STATE_SIZE])
{
    const struct read_identity *is = &f->identity;

    snprintf(out, SEED_STATE_SIZE, "%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64,
             is->dev, is->ino, is->size, (uint64_t)is->mtime_ns, (uint64_t)is->ctime_ns);
}
