/* control_socket: a Unix socket at a path, safely made.
 * In:    a path, or an fd from systemd.
 * Out:   a bound socket that nobody could open before its owner and mode were right.
 * Never: takes a living daemon's socket away, or removes what is no socket. */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/control_internal.h"

gid_t control_socket_group(const char *name)
{
    const struct group *g = getgrnam(name);

    return g ? g->gr_gid : (gid_t)-1;
}

static int make_address(const char *path, struct sockaddr_un *out, struct err *err)
{
    size_t n = strlen(path);

    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n == 0 || n >= sizeof(out->sun_path))
        return err_set(err, ERR_INVALID,
                       "socket %s: a socket's path must have 1 to %zu bytes, this one has %zu",
                       path, sizeof(out->sun_path) - 1, n);
    memcpy(out->sun_path, path, n);
    return 0;
}

static int new_socket(struct err *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd < 0 ? err_errno(err, errno, "cannot make a control socket") : fd;
}

/* Does anybody listen there? Only a refused connection proves that nobody does. */
static int probe(const struct sockaddr_un *address, struct err *err)
{
    int fd = new_socket(err);
    int problem;

    if (fd < 0)
        return fd;
    problem = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
    close(fd);
    if (problem == ECONNREFUSED || problem == ENOENT)
        return 0;
    if (problem == 0 || problem == EAGAIN) /* EAGAIN: its queue is full */
        return err_set(err, ERR_LOCKED,
                       "another tenantd listens at %s; stop it, or give this one another socket",
                       address->sun_path);
    return err_errno(err, problem, "cannot tell whether another tenantd listens at %s",
                     address->sun_path);
}

static int no_directory(const char *path, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND,
                   "cannot listen at %s: there is no such directory: make it, or set socket in the "
                   "configuration",
                   path);
}

static int clear_way(const struct sockaddr_un *address, struct err *err)
{
    const char *path = address->sun_path;
    struct stat st;
    int rc;

    if (lstat(path, &st) != 0)
        return errno == ENOENT    ? 0
               : errno == ENOTDIR ? no_directory(path, err)
                                  : err_errno(err, errno, "socket %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, ERR_INVALID,
                       "socket %s: something that is no socket is in the way; "
                       "remove it, or give another path",
                       path);
    rc = probe(address, err);
    if (rc < 0)
        return rc;
    if (unlink(path) != 0 && errno != ENOENT)
        return err_errno(err, errno, "cannot remove the stale socket %s", path);
    return 0;
}

/* Bound for us alone, then given to the group: at no moment may anybody else open it. */
static int bind_tight(int fd, const struct sockaddr_un *address, gid_t group, struct err *err)
{
    const char *path = address->sun_path;
    mode_t old = umask(0177);
    int problem = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;

    umask(old);
    if (problem == EADDRINUSE)
        return err_set(err, ERR_LOCKED, "another tenantd has just begun to listen at %s", path);
    if (problem == ENOENT)
        return no_directory(path, err);
    if (problem)
        return err_errno(err, problem, "cannot listen at %s", path);
    /* Without the right to give it away it stays with our own group, which is no wider. */
    if ((group != (gid_t)-1 && chown(path, (uid_t)-1, group) != 0 && errno != EPERM) ||
        chmod(path, 0660) != 0)
        problem = errno;
    if (problem) {
        unlink(path);
        return err_errno(err, problem, "cannot set owner and mode of %s", path);
    }
    return 0;
}

int control_socket_bind(const char *path, gid_t group, int *out_fd, struct err *err)
{
    struct sockaddr_un address;
    int rc = make_address(path, &address, err);
    int fd;

    if (rc == 0)
        rc = clear_way(&address, err);
    if (rc < 0)
        return rc;
    fd = new_socket(err);
    if (fd < 0)
        return fd;
    rc = bind_tight(fd, &address, group, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *out_fd = fd;
    return 0;
}

int control_socket_check(int fd, struct err *err)
{
    int domain = 0;
    int listening = 0;
    int type = 0;
    socklen_t size = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0)
        return err_set(err, ERR_INVALID, "the file descriptor handed over is no socket: %s",
                       strerrordesc_np(errno));
    if (domain != AF_UNIX || type != SOCK_STREAM || !listening)
        return err_set(err, ERR_INVALID,
                       "the socket handed over must be a listening Unix stream socket");
    return 0;
}
