#include "io/peer.h"

#include <errno.h>
#include <sys/socket.h>

#include "lib/mem.h"

/* The kernel says how much room the list wants; it cannot change between the two calls, since it is
 * what it was when the peer connected. */
static int read_groups(int fd, struct peer *p, struct err *err)
{
    socklen_t size = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || size == 0)
        return 0;
    if (errno != ERANGE)
        return err_errno(err, errno, "cannot read the groups of a control client");
    p->groups = mem_alloc(size);
    if (!p->groups)
        return err_nomem(err);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->groups, &size) != 0)
        return err_errno(err, errno, "cannot read the groups of a control client");
    p->n_groups = size / sizeof(gid_t);
    return 0;
}

int peer_read(int fd, struct peer *out, struct err *err)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);
    int rc;

    *out = PEER_INIT;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
        return err_errno(err, errno, "cannot tell who a control client is");
    out->uid = cred.uid;
    out->gid = cred.gid;
    rc = read_groups(fd, out, err);
    if (rc < 0)
        peer_deinit(out);
    return rc;
}

void peer_deinit(struct peer *p)
{
    mem_free(p->groups);
    *p = PEER_INIT;
}

bool peer_may_write(const struct peer *p, uid_t own, gid_t admin)
{
    if (p->uid == (uid_t)-1)
        return false;
    if (p->uid == 0 || p->uid == own)
        return true;
    if (admin == (gid_t)-1)
        return false;
    if (p->gid == admin)
        return true;
    for (size_t i = 0; i < p->n_groups; i++)
        if (p->groups[i] == admin)
            return true;
    return false;
}
