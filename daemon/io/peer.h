/* peer: who is at the other end of a Unix socket, and what that lets them do.
 * In:    a connected socket.
 * Out:   ids as the kernel noted them when the peer connected.
 * Never: asks the user database; group names are resolved by who opens the socket. */
#ifndef TENANTD_IO_PEER_H
#define TENANTD_IO_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base.h"
#include "lib/err.h"

struct peer {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* supplementary; owned */
    size_t n_groups;
};
#define PEER_INIT ((struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1})

/* -ERR_IO, -ERR_PERMISSION or -ERR_NOMEM; *out is then PEER_INIT. */
int peer_read(int fd, struct peer *out, struct err *err) MUST_CHECK;
void peer_deinit(struct peer *p);

/* Root, our own user, and whose primary or supplementary groups hold `admin` ((gid_t)-1: there is
 * no such group). */
bool peer_may_write(const struct peer *p, uid_t own, gid_t admin) MUST_CHECK;

#endif
