/* control: the control socket: lets local people and programs ask, and tell the daemon what to do.
 * In:    varlink calls on a Unix socket; answers from the application.
 * Out:   checked calls to the application's handlers; replies, and streams that wait for slow
 *        readers.
 * Never: knows what a method means. */
#ifndef TENANTD_IO_CONTROL_H
#define TENANTD_IO_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "lib/base.h"
#include "lib/err.h"

struct control;
struct control_call;
struct json_object;

#define CONTROL_INTERFACE "org.tenantd.Control"

/* Who answers a method of the interface ("GetStatus"). `handle` runs from the loop and answers the
 * call exactly once, then or later, by one of control_reply, control_done, control_fail and
 * control_stream; the call is gone after the first three. Until then it stays valid, also when its
 * client has gone, or the control was closed: the answer then goes nowhere.
 * Parameters are checked and permission is given before it runs. It must not close the control. */
struct control_handler {
    const char *method;
    void (*handle)(void *app, struct control_call *call);
};

/* Ceilings; 0: the one of core/limits.h. */
struct control_limits {
    size_t clients; /* the last eighth is kept for those who may write */
    size_t message_bytes;
    size_t reply_bytes;
    size_t unsent_bytes; /* for one client: no call is taken and no stream is asked above it */
    size_t total_bytes;  /* unsent, for all */
    size_t unread_bytes; /* of messages that are not whole, or wait for their turn, for all */
    uint64_t idle_ms;    /* without a call, or without reading what we send */
};

struct control_options {
    uv_loop_t *loop;
    const char *path; /* where to listen; ignored with an fd */
    int fd; /* a listening socket that systemd handed over: control owns it, also on an error,
               but never removes it; -1: none */
    const struct control_handler *handlers; /* borrowed while open; what is not there is answered
                                               MethodNotImplemented */
    size_t n_handlers;
    void *app;
    const char *version;      /* told to who asks GetInfo; borrowed while open */
    const char *socket_group; /* owns the socket, when there is such a group; NULL: "tenantd" */
    const char *admin_group;  /* may write, when there is such a group; NULL: "tenantd-admin" */
    struct control_limits limits;
};

/* Listen. With a path: the socket is mode 0660; a stale one is replaced.
 * -ERR_LOCKED: another process answers there; -ERR_INVALID: path too long, or something that is no
 * socket is in the way, or fd is no listening Unix socket; -ERR_NOT_FOUND: no such directory;
 * -ERR_PERMISSION, -ERR_IO, -ERR_NOMEM. On error nothing is left open, and the
 * loop needs one more run to forget it. */
int control_open(const struct control_options *options, struct control **out,
                 struct err *err) MUST_CHECK;

/* Stop listening, drop all clients, free every stream's arg; a socket that we made is removed.
 * `closed` is called once, from the loop; the control is gone then. Not from within a handler or a
 * stream's `next`. */
void control_close(struct control *control, void (*closed)(void *arg), void *arg);

/* Look both groups up again (after SIGHUP). Clients that are connected keep what they were given.
 */
void control_reload_groups(struct control *control);

/* --- In a handler --- */

const char *
control_method(const struct control_call *call); /* "GetStatus"; borrowed, as the texts below */
/* Absent or null: NULL, false, `otherwise`. */
const char *control_str(const struct control_call *call, const char *name);
bool control_int(const struct control_call *call, const char *name, int64_t *out) MUST_CHECK;
bool control_bool(const struct control_call *call, const char *name, bool otherwise);
bool control_wants_more(const struct control_call *call);
/* False: its client has gone. The call must be answered all the same, but work for it may stop. */
bool control_is_awaited(const struct control_call *call);
uid_t control_uid(const struct control_call *call);

/* Answer with parameters, which are taken. NULL: there was no memory to make them, and the client
 * is dropped. A reply over a limit becomes an error. */
void control_reply(struct control_call *call, struct json_object *parameters);
/* Answer a method that says nothing. */
void control_done(struct control_call *call);

/* The errors of the interface, each with a message for people. */
/* clang-format off: a table */
#define CONTROL_ERRORS(X)                                                                          \
    X(NOT_FOUND, "NotFound")                                                                       \
    X(DENIED, "Denied")                                                                            \
    X(HELD, "Held")                                                                                \
    X(PAUSED, "Paused")                                                                            \
    X(INVALID, "Invalid")                                                                          \
    X(NOT_READY, "NotReady")
/* clang-format on */
#define CONTROL_ERROR_ENUM(symbol, name) CONTROL_##symbol,
enum control_error { CONTROL_ERRORS(CONTROL_ERROR_ENUM) CONTROL_N_ERRORS };
#undef CONTROL_ERROR_ENUM

void control_fail(struct control_call *call, enum control_error error, const char *fmt, ...)
    PRINTF(3, 4);

enum control_next {
    CONTROL_MORE,   /* *out is the next reply; ask again */
    CONTROL_WAIT,   /* nothing yet: ask again after control_wake */
    CONTROL_END,    /* *out is the last reply; NULL: an empty one */
    CONTROL_BROKEN, /* no memory, say: the client is dropped */
};

struct control_stream {
    /* Asked from the loop, only while the client reads what it was sent. *out is NULL before. */
    enum control_next (*next)(void *arg, struct json_object **out);
    /* Once, when the stream has ended, was broken, or the client has gone; the call is gone too. */
    void (*free)(void *arg);
};

/* Answer with many replies. Only for a call that wants more. `stream` is borrowed for good (a
 * static table). May free arg at once, when the client has gone already. */
void control_stream(struct control_call *call, const struct control_stream *stream, void *arg);
/* There may be more for this stream. Never calls back from inside. */
void control_wake(struct control_call *call);

#endif
