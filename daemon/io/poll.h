/* poll: sockets that a library owns, watched on the loop. Each has one handle for all its life:
 * watching is not begun and ended for every request, and the handle is closed before the socket's
 * number can be used again.
 * In:    what the library wants to know of a socket.
 * Out:   events.
 * Never: reads or writes. */
#ifndef TENANTD_IO_POLL_H
#define TENANTD_IO_POLL_H

#include <stddef.h>
#include <uv.h>

#include "lib/base.h"

struct polled;

/* From the loop. status < 0: the socket is broken, and not watched until it is wanted again. */
typedef void (*poll_event_fn)(void *arg, int fd, int status, int events);
/* From the loop: the last handle has closed. */
typedef void (*poll_idle_fn)(void *arg);

struct poll_set {
    uv_loop_t *loop;
    poll_event_fn on_event;
    poll_idle_fn on_idle;
    void *arg;
    struct polled **by_fd;
    size_t n_slots;
    size_t n_open; /* handles, those that are closing too */
};

void poll_init(struct poll_set *s, uv_loop_t *loop, poll_event_fn on_event, poll_idle_fn on_idle,
               void *arg);
/* Only when n_open is 0. */
void poll_deinit(struct poll_set *s);

/* Make a socket, as socket(2). -1 with errno. It should end with poll_close; but one that never
 * became a connection may be closed by the library itself, which then wants nothing of it, if it
 * ever wanted anything. */
int poll_socket(struct poll_set *s, int domain, int type, int protocol) MUST_CHECK;
/* Watch for UV_READABLE, UV_WRITABLE, both or, with 0, nothing. When there is no memory for its
 * handle, a socket is not watched, and whoever waits for it must have a time limit. */
void poll_want(struct poll_set *s, int fd, int events);
/* Let go of a socket, and close it. */
void poll_close(struct poll_set *s, int fd);
/* Let go of what is left; the sockets are closed already. */
void poll_end(struct poll_set *s);

#endif
