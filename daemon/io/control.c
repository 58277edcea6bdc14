/* Happy path:
 *   1. control_open binds the socket (control_socket.c) and listens.
 *   2. A connection becomes a client (control_client.c), within the limits.
 *   3. Bytes become messages; whoever has one is put on the list `ready`, and on_turn pumps those.
 *   4. A message becomes a call (control_call.c), is checked, and handed to its handler.
 *   5. The answer is written; a stream is asked for more when its client has read enough.
 * Ways it fails, and what the client sees:
 *   over the limit of clients                error NotReady, then closed
 *   no JSON, or a message over the limit     error Invalid, then closed
 *   too much unread from all, most from it   error NotReady if none is owed, then closed
 *   unknown method, parameter, permission    the error, and the connection goes on
 *   no memory                                closed
 *   idle, or does not read what we send      closed after idle_ms
 * Closing: every client is closed, every stream freed; the last handle's close callback frees the
 * control and says so. */
#include "io/control.h"

#include <assert.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/limits.h"
#include "io/control_internal.h"
#include "lib/mem.h"

#define BACKLOG 128

/* --- Accepting --- */

static void on_connection(uv_stream_t *listener, int status);

static void on_refused(uv_handle_t *h);

/* Take the connection only to say so and close it; one at a time, so a flood waits in the kernel's
 * queue. */
static void refuse(struct control *c)
{
    if (c->refusing) {
        c->accept_again = true;
        return;
    }
    if (uv_pipe_init(c->options.loop, &c->refuse, 0) != 0)
        return;
    c->refusing = true;
    c->n_handles++;
    if (uv_accept((uv_stream_t *)&c->listener, (uv_stream_t *)&c->refuse) == 0)
        control_client_say_full(&c->refuse);
    uv_close((uv_handle_t *)&c->refuse, on_refused);
}

static void maybe_closed(struct control *c)
{
    void (*closed)(void *) = c->closed;
    void *arg = c->closed_arg;

    if (!c->closing || c->n_handles || c->n_clients)
        return;
    mem_free(c->path);
    mem_free(c);
    closed(arg);
}

void control_client_left(struct control *c)
{
    c->n_clients--;
    maybe_closed(c);
}

static void on_refused(uv_handle_t *h)
{
    struct control *c = container_of(h, struct control, refuse);

    c->refusing = false;
    c->n_handles--;
    if (c->accept_again && !c->closing) {
        c->accept_again = false;
        on_connection((uv_stream_t *)&c->listener, 0);
    }
    maybe_closed(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *c = container_of(listener, struct control, listener);

    if (status < 0 || c->closing)
        return;
    if (c->n_clients >= c->options.limits.clients || control_client_accept(c, NULL) < 0)
        refuse(c);
}

/* --- Turning --- */

/* Each client at most once: one that has more to do is at the end of the list again, behind those
 * that have not had their turn. */
static void on_turn(uv_idle_t *turn)
{
    struct control *c = container_of(turn, struct control, turn);

    c->turn_number++;
    while (!list_is_empty(&c->ready)) {
        struct control_client *client =
            container_of(c->ready.next, struct control_client, ready_link);

        if (client->turn_number == c->turn_number)
            return;
        client->turn_number = c->turn_number;
        list_remove(&client->ready_link);
        control_client_pump(client);
    }
    uv_idle_stop(turn);
}

void control_queue(struct control *c, struct control_client *client)
{
    if (client->ready_link.next && client->ready_link.next != &client->ready_link)
        return;
    list_append(&c->ready, &client->ready_link);
    uv_idle_start(&c->turn, on_turn);
}

static void on_sweep(uv_timer_t *sweep)
{
    struct control *c = container_of(sweep, struct control, sweep);
    uint64_t now = uv_now(c->options.loop);

    LIST_FOREACH_SAFE (it, next, &c->clients) {
        struct control_client *client = container_of(it, struct control_client, link);

        if (control_client_is_idle(client, now))
            control_client_close(client);
    }
}

/* --- Opening and closing --- */

static void on_closed(uv_handle_t *h)
{
    struct control *c = h->data;

    c->n_handles--;
    maybe_closed(c);
}

static void close_handle(struct control *c, uv_handle_t *h)
{
    h->data = c;
    uv_close(h, on_closed);
}

static void apply_defaults(struct control_options *o)
{
    struct control_limits *l = &o->limits;

    l->clients = l->clients ? l->clients : LIMIT_CONTROL_CLIENTS;
    l->message_bytes = l->message_bytes ? l->message_bytes : LIMIT_CONTROL_MESSAGE_BYTES;
    l->reply_bytes = l->reply_bytes ? l->reply_bytes : LIMIT_CONTROL_REPLY_BYTES;
    l->unsent_bytes = l->unsent_bytes ? l->unsent_bytes : LIMIT_CONTROL_UNSENT_BYTES;
    l->total_bytes = l->total_bytes ? l->total_bytes : LIMIT_CONTROL_TOTAL_BYTES;
    l->unread_bytes = l->unread_bytes ? l->unread_bytes : LIMIT_CONTROL_UNREAD_BYTES;
    l->idle_ms = l->idle_ms ? l->idle_ms : (uint64_t)LIMIT_CONTROL_IDLE_MS;
    o->socket_group = o->socket_group ? o->socket_group : "tenantd";
    o->admin_group = o->admin_group ? o->admin_group : "tenantd-admin";
}

void control_reload_groups(struct control *c)
{
    c->admin = control_socket_group(c->options.admin_group);
}

/* Remember which socket is ours, so that closing never removes another's. */
static int note_path(struct control *c, const char *path, struct err *err)
{
    struct stat st;

    c->path = mem_strdup(path);
    if (!c->path)
        return err_nomem(err);
    if (lstat(path, &st) == 0) {
        c->device = st.st_dev;
        c->inode = st.st_ino;
    }
    return 0;
}

static void remove_path(const struct control *c)
{
    struct stat st;

    if (c->path && lstat(c->path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == c->device &&
        st.st_ino == c->inode)
        unlink(c->path);
}

static int start_handles(struct control *c, int fd, struct err *err)
{
    uv_loop_t *loop = c->options.loop;
    int rc;

    uv_idle_init(loop, &c->turn);
    uv_timer_init(loop, &c->sweep);
    c->n_handles = 2;
    rc = uv_pipe_init(loop, &c->listener, 0);
    if (rc == 0) {
        c->n_handles++;
        rc = uv_pipe_open(&c->listener, fd);
    }
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&c->listener, BACKLOG, on_connection);
    if (rc == 0)
        rc = uv_timer_start(&c->sweep, on_sweep, c->options.limits.idle_ms / 4 + 1,
                            c->options.limits.idle_ms / 4 + 1);
    return rc == 0 ? 0
                   : err_set(err, ERR_IO, "cannot listen for control clients: %s", uv_strerror(rc));
}

static void ignore_closed(void *arg)
{
    (void)arg;
}

/* The socket is there, but the loop would not have it: put all back. */
static int abandon(struct control *c, int fd, int rc)
{
    uv_os_fd_t taken;

    if (c->n_handles < 3 || uv_fileno((uv_handle_t *)&c->listener, &taken) != 0)
        close(fd);
    control_close(c, ignore_closed, NULL);
    return rc;
}

static int take_socket(struct control *c, int *out_fd, struct err *err)
{
    const struct control_options *o = &c->options;
    int rc;

    if (o->fd >= 0) {
        *out_fd = o->fd;
        rc = control_socket_check(o->fd, err);
        if (rc < 0)
            close(o->fd);
        return rc;
    }
    rc = control_socket_bind(o->path, control_socket_group(o->socket_group), out_fd, err);
    if (rc < 0)
        return rc;
    rc = note_path(c, o->path, err);
    if (rc < 0) {
        unlink(o->path);
        close(*out_fd);
    }
    return rc;
}

int control_open(const struct control_options *options, struct control **out, struct err *err)
{
    struct control *c = mem_alloc(sizeof(*c));
    int fd;
    int rc;

    if (!c)
        return err_nomem(err);
    c->options = *options;
    apply_defaults(&c->options);
    list_init(&c->clients);
    list_init(&c->ready);
    control_reload_groups(c);
    rc = take_socket(c, &fd, err);
    if (rc < 0) {
        mem_free(c);
        return rc;
    }
    rc = start_handles(c, fd, err);
    if (rc < 0)
        return abandon(c, fd, rc);
    *out = c;
    return 0;
}

void control_close(struct control *c, void (*closed)(void *arg), void *arg)
{
    unsigned own = c->n_handles - (c->refusing ? 1 : 0);

    assert(!c->calling);
    assert(!c->closing);
    c->closing = true;
    c->closed = closed;
    c->closed_arg = arg;
    remove_path(c);
    LIST_FOREACH_SAFE (it, next, &c->clients)
        control_client_close(container_of(it, struct control_client, link));
    close_handle(c, (uv_handle_t *)&c->turn);
    close_handle(c, (uv_handle_t *)&c->sweep);
    if (own > 2)
        close_handle(c, (uv_handle_t *)&c->listener);
}
