/* control_internal: what the four files of the control room share: control (listening),
 * control_client (one connection), control_call (one call), control_methods (the interface as a
 * table). */
#ifndef TENANTD_IO_CONTROL_INTERNAL_H
#define TENANTD_IO_CONTROL_INTERNAL_H

#include "io/control.h"
#include "io/varlink.h"
#include "lib/list.h"

struct control_client;

/* --- control_methods.c --- */

enum control_many {
    CONTROL_ONE,       /* one reply, whatever the client wants */
    CONTROL_MAY_MANY,  /* many if the client wants more */
    CONTROL_MUST_MANY, /* refused when it does not */
};

#define CONTROL_MAX_PARAMS 6

struct control_method {
    const char *name;
    bool writes;
    enum control_many many;
    struct varlink_param params[CONTROL_MAX_PARAMS];
    size_t n_params;
};
extern const struct control_method CONTROL_METHODS[];
extern const size_t CONTROL_N_METHODS;

/* NULL: the interface has no such method. */
const struct control_method *control_find_method(const char *name);

/* The text of the .varlink file, made by the build. */
extern const char CONTROL_DESCRIPTION[];

/* --- control_socket.c --- */

/* Make and bind a socket at `path`, not listening yet; as control_open says. */
int control_socket_bind(const char *path, gid_t group, int *out_fd, struct err *err) MUST_CHECK;
int control_socket_check(int fd, struct err *err) MUST_CHECK; /* is it a listening Unix socket? */
gid_t control_socket_group(const char *name);                 /* (gid_t)-1: there is none */

/* --- control.c --- */

struct control {
    uv_pipe_t listener;
    uv_pipe_t refuse; /* what is over a limit is accepted into this and closed */
    uv_idle_t turn;   /* runs while a client is in `ready` */
    uv_timer_t sweep; /* looks for idle clients */
    struct control_options options;
    gid_t admin;
    struct list clients;
    struct list ready; /* clients that may have something to do */
    size_t n_clients;
    size_t unsent_bytes;
    size_t unread_bytes; /* held by the readers of all */
    char *path;          /* of a socket that is ours to remove; NULL: none */
    dev_t device;
    ino_t inode;
    bool refusing;     /* `refuse` is in use */
    bool accept_again; /* a connection waits until it is not */
    bool calling;      /* inside a handler or a `next` */
    bool closing;
    unsigned n_handles; /* not closed yet */
    void (*closed)(void *arg);
    void *closed_arg;
    unsigned turn_number;
    char chunk[VARLINK_CHUNK]; /* every client reads into this; used up before the next reads */
};

/* Have the client pumped in this or the next turn of the loop. Idempotent. */
void control_queue(struct control *control, struct control_client *client);
/* Its last handle is closed. May free the control. */
void control_client_left(struct control *control);

/* --- control_client.c --- */

struct control_client {
    uv_pipe_t pipe;
    struct control *control;
    struct list link;       /* in clients */
    struct list ready_link; /* in ready, or in none */
    struct varlink_reader reader;
    size_t unread_bytes;       /* held by it, as it counts for all */
    struct control_call *call; /* being answered; NULL: none */
    size_t unsent_bytes;
    uint64_t active_ms; /* loop time of the last whole message, or of the last byte that it took */
    unsigned turn_number; /* of the control, when it was last pumped */
    uid_t uid;
    bool may_write;
    bool is_paused; /* not read from, for the reader is full */
    bool at_eof;    /* it will send nothing more */
    bool is_ending; /* to be closed when everything is sent */
    bool is_closing;
};

/* Take the connection that the listener has. -ERR_NOMEM: it has not been accepted. Anything else
 * that goes wrong closes it. */
int control_client_accept(struct control *control, struct err *err) MUST_CHECK;
void control_client_close(struct control_client *client);
/* Tell a connection that is about to be closed that it is one too many. */
void control_client_say_full(uv_pipe_t *pipe);
/* It may have something to do. */
void control_client_ready(struct control_client *client);
void control_client_pump(struct control_client *client);
/* It is past its idle time at `now_ms`. */
bool control_client_is_idle(const struct control_client *client, uint64_t now_ms);
/* Takes the text. Closes the client when it has none. */
void control_client_send(struct control_client *client, struct varlink_text text);

/* --- control_call.c --- */

/* Answer one message, or hand it to its handler. */
void control_call_dispatch(struct control_client *client, const char *message, size_t size);
/* What came is no message, and nothing behind it can be trusted, or no more is read of it: say so,
 * and end. It waits for no answer. */
void control_call_refuse(struct control_client *client, enum control_error error, const char *why);
/* Ask a stream for its next reply. False: nothing can be done now (it waits, or its handler does).
 */
bool control_call_pull(struct control_call *call);
/* The client is going: end its stream, or let the handler answer into nothing. */
void control_call_detach(struct control_call *call);
bool control_call_is_waiting_stream(const struct control_call *call);

#endif
