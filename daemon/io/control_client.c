/* control_client: one connection to the control socket.
 * In:    bytes from it; replies from its calls.
 * Out:   one message at a time to control_call; bytes to it.
 * Never: holds more than a message, or sends more than a turn's worth before others have theirs.
 *
 *   idle --message--> called --reply--> idle       any --error, idle too long--> closing
 *   called --stream--> streaming --last reply--> idle       any --all said, at eof--> closing
 *   any --holds more than any other, and all together too much--> closing */
#include <poll.h>
#include <unistd.h>

#include "io/control_internal.h"
#include "io/peer.h"
#include "lib/mem.h"

#define TURN_BYTES (64u << 10) /* made for one client in one turn of the loop */
#define TURN_STEPS 64u         /* messages and stream replies of one client in one turn */

/* --- Reading --- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
    struct control *control = container_of(h, struct control_client, pipe)->control;

    (void)suggested;
    *out = uv_buf_init(control->chunk, sizeof(control->chunk));
}

/* Has the peer closed its reading end too? Then nobody is left to answer. */
static bool has_hung_up(struct control_client *client)
{
    uv_os_fd_t fd;
    struct pollfd p = {0};

    if (uv_fileno((uv_handle_t *)&client->pipe, &fd) != 0)
        return true;
    p.fd = fd;
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

/* What its reader holds has changed. */
static void count_unread(struct control_client *client)
{
    size_t now = varlink_reader_held(&client->reader);

    client->control->unread_bytes += now - client->unread_bytes;
    client->unread_bytes = now;
}

static void stop_reading(struct control_client *client)
{
    client->is_paused = true;
    uv_read_stop((uv_stream_t *)&client->pipe);
}

static struct control_client *largest_unread(struct control *c)
{
    struct control_client *largest = NULL;

    LIST_FOREACH (it, &c->clients) {
        struct control_client *client = container_of(it, struct control_client, link);

        if (!largest || client->unread_bytes > largest->unread_bytes)
            largest = client;
    }
    return largest;
}

/* Who began long messages and did not end them goes, and what it sent with it. */
static void make_room(struct control *c)
{
    while (c->unread_bytes > c->options.limits.unread_bytes) {
        struct control_client *client = largest_unread(c);

        varlink_reader_deinit(&client->reader);
        count_unread(client);
        stop_reading(client);
        if (client->call || client->is_ending)
            control_client_close(client);
        else
            control_call_refuse(client, CONTROL_NOT_READY,
                                "too much waits to be read, of all clients; try again");
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct control_client *client = container_of(stream, struct control_client, pipe);

    if (n == 0)
        return;
    if (n == UV_EOF && !has_hung_up(client))
        client->at_eof = true; /* it may still wait for its answers */
    else if (n < 0 || varlink_reader_feed(&client->reader, buf->base, (size_t)n, NULL) < 0) {
        control_client_close(client);
        return;
    }
    count_unread(client);
    make_room(client->control);
    if (client->is_closing)
        return;
    if (!client->at_eof && varlink_reader_is_full(&client->reader))
        stop_reading(client);
    control_client_ready(client);
}

static void resume_reading(struct control_client *client)
{
    if (!client->is_paused || varlink_reader_is_full(&client->reader))
        return;
    client->is_paused = false;
    if (uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) != 0)
        control_client_close(client);
}

/* --- Writing --- */

struct write {
    uv_write_t request;
    struct control_client *client;
    struct varlink_text text;
};

static void on_written(uv_write_t *request, int status)
{
    struct write *w = container_of(request, struct write, request);
    struct control_client *client = w->client;

    client->unsent_bytes -= w->text.size;
    client->control->unsent_bytes -= w->text.size;
    mem_free(w->text.data);
    mem_free(w);
    if (client->is_closing)
        return;
    if (status < 0) {
        control_client_close(client);
        return;
    }
    client->active_ms = uv_now(client->control->options.loop);
    control_client_ready(client);
}

void control_client_send(struct control_client *client, struct varlink_text text)
{
    struct write *w = text.data ? mem_alloc(sizeof(*w)) : NULL;
    uv_buf_t buf;

    if (client->is_closing || !w || text.size > UINT32_MAX) {
        mem_free(w);
        mem_free(text.data);
        control_client_close(client);
        return;
    }
    w->client = client;
    w->text = text;
    buf = uv_buf_init(text.data, (unsigned)text.size);
    if (uv_write(&w->request, (uv_stream_t *)&client->pipe, &buf, 1, on_written) != 0) {
        mem_free(text.data);
        mem_free(w);
        control_client_close(client);
        return;
    }
    client->unsent_bytes += text.size;
    client->control->unsent_bytes += text.size;
}

/* --- Going on --- */

void control_client_ready(struct control_client *client)
{
    if (!client->is_closing)
        control_queue(client->control, client);
}

/* Answer the next message. False: there is none. */
static bool take_message(struct control_client *client)
{
    struct err err = ERR_INIT;
    const char *message;
    size_t size;
    int rc = varlink_reader_next(&client->reader, &message, &size, &err);

    if (rc == 0)
        return false;
    client->active_ms = uv_now(client->control->options.loop);
    if (rc < 0)
        control_call_refuse(client, CONTROL_INVALID, err.msg);
    else
        control_call_dispatch(client, message, size);
    return true;
}

static bool may_go_on(const struct control_client *client)
{
    return !client->is_closing && !client->is_ending &&
           client->unsent_bytes < client->control->options.limits.unsent_bytes;
}

/* Do what can be done now. False: all of it is done; true: the turn was used up. */
static bool work(struct control_client *client)
{
    size_t before = client->unsent_bytes;

    for (unsigned i = 0; may_go_on(client); i++) {
        if (i == TURN_STEPS || client->unsent_bytes >= before + TURN_BYTES)
            return true;
        if (client->call ? !control_call_pull(client->call) : !take_message(client))
            return false;
    }
    return false;
}

/* Nothing can come any more: no message, no answer, and no event for somebody who may be gone. */
static bool is_through(const struct control_client *client)
{
    return client->at_eof && (!client->call || control_call_is_waiting_stream(client->call));
}

void control_client_pump(struct control_client *client)
{
    bool is_more = work(client);

    if (client->is_closing)
        return;
    count_unread(client);
    if (is_more) {
        control_client_ready(client);
        return;
    }
    if (may_go_on(client) && is_through(client))
        client->is_ending = true;
    if (client->is_ending && !client->unsent_bytes) {
        control_client_close(client);
        return;
    }
    if (!client->is_ending)
        resume_reading(client);
}

/* A call that runs, or a stream that waits, is not idleness; not to read what was sent is. */
bool control_client_is_idle(const struct control_client *client, uint64_t now_ms)
{
    if (client->call && !client->unsent_bytes && !client->is_paused)
        return false;
    return now_ms - client->active_ms > client->control->options.limits.idle_ms;
}

/* --- Coming and going --- */

/* As much as the kernel takes at once, which is all of it: nothing was sent before. */
void control_client_say_full(uv_pipe_t *pipe)
{
    static char words[] =
        "{\"error\":\"" CONTROL_INTERFACE ".NotReady\",\"parameters\":{\"message\":"
        "\"as many clients as may be are connected already; try again\"}}";
    uv_buf_t buf = uv_buf_init(words, sizeof(words)); /* with the NUL that ends a message */

    (void)uv_try_write((uv_stream_t *)pipe, &buf, 1);
}

static bool is_welcome(const struct control *c, const struct control_client *client)
{
    size_t max = c->options.limits.clients;

    return client->may_write || c->n_clients <= max - max / 8; /* it is counted already */
}

static int identify(struct control_client *client, struct err *err)
{
    struct peer peer = PEER_INIT;
    uv_os_fd_t fd;
    int rc;

    if (uv_fileno((uv_handle_t *)&client->pipe, &fd) != 0)
        return err_set(err, ERR_IO, "a control client is gone already");
    rc = peer_read(fd, &peer, err);
    if (rc < 0)
        return rc;
    client->uid = peer.uid;
    client->may_write = peer_may_write(&peer, geteuid(), client->control->admin);
    peer_deinit(&peer);
    return 0;
}

int control_client_accept(struct control *control, struct err *err)
{
    struct control_client *client = mem_alloc(sizeof(*client));

    if (!client)
        return err_nomem(err);
    if (uv_pipe_init(control->options.loop, &client->pipe, 0) != 0) {
        mem_free(client);
        return err_nomem(err);
    }
    client->control = control;
    client->active_ms = uv_now(control->options.loop);
    varlink_reader_init(&client->reader, control->options.limits.message_bytes);
    list_append(&control->clients, &client->link);
    control->n_clients++;
    if (uv_accept((uv_stream_t *)&control->listener, (uv_stream_t *)&client->pipe) != 0 ||
        identify(client, err) < 0) {
        control_client_close(client);
    } else if (!is_welcome(control, client)) {
        control_client_say_full(&client->pipe);
        control_client_close(client);
    } else if (uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) != 0) {
        control_client_close(client);
    }
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    struct control_client *client = container_of(h, struct control_client, pipe);
    struct control *c = client->control;

    varlink_reader_deinit(&client->reader);
    count_unread(client);
    mem_free(client);
    control_client_left(c);
}

void control_client_close(struct control_client *client)
{
    if (client->is_closing)
        return;
    client->is_closing = true;
    list_remove(&client->link);
    list_remove(&client->ready_link);
    if (client->call)
        control_call_detach(client->call);
    uv_close((uv_handle_t *)&client->pipe, on_closed);
}
