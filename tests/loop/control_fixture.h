/* control_fixture: a control socket with handlers that answer in every way, and clients to talk to
 * it in the same loop. Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_CONTROL_FIXTURE_H
#define TENANTD_TESTS_LOOP_CONTROL_FIXTURE_H

#include "tests/loop/run.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "io/control.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"

struct stream;

struct fixture {
    uv_loop_t loop;
    uv_timer_t tick; /* so that a turn of the loop always ends */
    struct control *control;
    struct control_options options;
    char *dir;
    char path[512];
    struct err err;
    bool is_closed;
    /* what the handlers do, and saw */
    struct control_call *pending; /* Sync waits here */
    struct stream *watch;         /* the last Watch */
    int64_t stream_length;        /* replies of a List, or of a Watch before it waits */
    size_t stream_bytes;          /* of each reply of a List, about */
    size_t plan_bytes;
    uint64_t produced; /* stream replies made */
    unsigned n_streams;
    unsigned n_freed;
    unsigned n_handled;
    uid_t seen_uid;
};

/* --- Handlers ------------------------------------------------------------------------------- */

RUN_UNUSED static struct json_object *wrap_int(const char *key, int64_t v)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, key, json_object_new_int64(v));
    return o;
}

static struct json_object *padded(size_t bytes)
{
    struct json_object *o = json_object_new_object();
    char *text = malloc(bytes + 1);

    memset(text, 'x', bytes);
    text[bytes] = '\0';
    json_object_object_add(o, "text", json_object_new_string(text));
    free(text);
    return o;
}

static void handle_status(void *app, struct control_call *call)
{
    struct fixture *f = app;

    f->n_handled++;
    f->seen_uid = control_uid(call);
    control_reply(call, wrap_int("status", f->n_handled));
}

struct stream {
    struct fixture *f;
    struct control_call *call;
    int64_t left;
    bool waits; /* at its end, for more */
};

static enum control_next stream_next(void *arg, struct json_object **out)
{
    struct stream *s = arg;

    if (s->left == 0 && s->waits)
        return CONTROL_WAIT;
    if (s->left == 0)
        return CONTROL_END;
    s->left--;
    s->f->produced++;
    *out = padded(s->f->stream_bytes);
    return s->left || s->waits ? CONTROL_MORE : CONTROL_END;
}

static void stream_free(void *arg)
{
    struct stream *s = arg;

    s->f->n_freed++;
    if (s->f->watch == s)
        s->f->watch = NULL;
    free(s);
}

static const struct control_stream STREAM = {stream_next, stream_free};

static struct stream *stream_new(struct fixture *f, struct control_call *call, bool waits)
{
    struct stream *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    *s = (struct stream){.f = f, .call = call, .left = f->stream_length, .waits = waits};
    f->n_streams++;
    f->n_handled++;
    return s;
}

static void handle_list(void *app, struct control_call *call)
{
    struct fixture *f = app;

    if (control_wants_more(call)) {
        control_stream(call, &STREAM, stream_new(f, call, false));
        return;
    }
    f->n_handled++;
    control_reply(call, wrap_int("resources", 0));
}

static void handle_watch(void *app, struct control_call *call)
{
    struct fixture *f = app;
    struct stream *s = stream_new(f, call, control_bool(call, "follow", true));

    f->watch = s;
    control_stream(call, &STREAM, s);
}

static void handle_describe(void *app, struct control_call *call)
{
    struct fixture *f = app;
    const char *name = control_str(call, "name");

    f->n_handled++;
    if (!strcmp(name, "nobody"))
        control_fail(call, CONTROL_NOT_FOUND, "no %s is called %s", control_str(call, "kind"),
                     name);
    else
        control_reply(call, wrap_int("resource", (int64_t)strlen(name)));
}

static void handle_plan(void *app, struct control_call *call)
{
    struct fixture *f = app;

    f->n_handled++;
    control_reply(call, padded(f->plan_bytes));
}

static void handle_sync(void *app, struct control_call *call)
{
    struct fixture *f = app;

    f->n_handled++;
    assert_null(f->pending);
    f->pending = call;
}

static void handle_reload(void *app, struct control_call *call)
{
    struct fixture *f = app;

    f->n_handled++;
    assert_string_equal(control_method(call), "Reload");
    control_done(call);
}

/* Reject has no handler. */
static const struct control_handler HANDLERS[] = {
    {"GetStatus", handle_status},  {"List", handle_list},      {"Watch", handle_watch},
    {"Describe", handle_describe}, {"Plan", handle_plan},      {"Sync", handle_sync},
    {"Reload", handle_reload},     {"Approve", handle_status},
};

/* --- The server ----------------------------------------------------------------------------- */

static void on_fixture_closed(void *arg)
{
    struct fixture *f = arg;

    f->is_closed = true;
    f->control = NULL;
}

RUN_UNUSED static void fixture_open(struct fixture *f)
{
    assert_int_equal(control_open(&f->options, &f->control, &f->err), 0);
}

RUN_UNUSED static void fixture_close(struct fixture *f)
{
    if (!f->control)
        return;
    f->is_closed = false;
    control_close(f->control, on_fixture_closed, f);
    run_until(&f->loop, &f->is_closed);
}

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
}

static void count_pipe(uv_handle_t *h, void *n)
{
    *(size_t *)n += h->type == UV_NAMED_PIPE;
}

/* Connections that the server has; those that are being closed, too. */
RUN_UNUSED static size_t n_clients(struct fixture *f)
{
    size_t n = 0;

    uv_walk(&f->loop, count_pipe, &n);
    return n - 1; /* it listens with one */
}

/* Turn the loop until a condition over the fixture, read anew each turn, is so. */
#define UNTIL(f, condition)                                                                        \
    do {                                                                                           \
        uint64_t until_end = uv_hrtime() + RUN_BOUND_MS * UINT64_C(1000000);                       \
        while (!(condition)) {                                                                     \
            if (uv_hrtime() > until_end)                                                           \
                fail_msg("not so after %d ms: %s", RUN_BOUND_MS, #condition);                      \
            uv_run(&(f)->loop, UV_RUN_ONCE);                                                       \
        }                                                                                          \
    } while (0)

RUN_UNUSED static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    signal(SIGPIPE, SIG_IGN); /* as main does */
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->tick);
    uv_timer_start(&f->tick, on_tick, 100, 100);
    f->dir = dir_new();
    snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
    f->stream_length = 3;
    f->stream_bytes = 10;
    f->options = (struct control_options){.loop = &f->loop,
                                          .path = f->path,
                                          .fd = -1,
                                          .handlers = HANDLERS,
                                          .n_handlers = sizeof(HANDLERS) / sizeof(HANDLERS[0]),
                                          .app = f,
                                          .version = "9.9"};
    *state = f;
    return 0;
}

RUN_UNUSED static int setup_open(void **state)
{
    setup(state);
    fixture_open(*state);
    return 0;
}

RUN_UNUSED static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->pending)
        control_done(f->pending);
    fixture_close(f);
    uv_close((uv_handle_t *)&f->tick, NULL);
    run_close(&f->loop);
    assert_int_equal(f->n_freed, f->n_streams);
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(f->dir);
    free(f);
    return 0;
}

/* --- Clients -------------------------------------------------------------------------------- */

struct client {
    uv_poll_t poll;
    struct fixture *f;
    int fd;
    struct buf in;
    size_t wanted; /* NULs */
    size_t seen;
    bool is_there; /* `wanted` replies, or the end */
    bool at_eof;
    bool is_gone;
};

static bool is_test_allocating; /* and no fault is meant */

static void client_take(struct client *c, const char *data, size_t n)
{
    is_test_allocating = true;
    assert_true(buf_add(&c->in, data, n));
    is_test_allocating = false;
    for (size_t i = 0; i < n; i++)
        c->seen += data[i] == '\0';
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    struct client *c = container_of(poll, struct client, poll);
    char chunk[65536];
    ssize_t n;

    (void)events;
    do { /* after an error libuv has stopped polling: nothing but the rest will come */
        n = read(c->fd, chunk, sizeof(chunk));
        if (n > 0)
            client_take(c, chunk, (size_t)n);
    } while (n > 0 && status < 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        c->at_eof = true;
        uv_poll_stop(poll);
    }
    c->is_there = c->at_eof || c->seen >= c->wanted;
}

static int client_connect(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_true(strlen(path) < sizeof(a.sun_path));
    memcpy(a.sun_path, path, strlen(path) + 1);
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

RUN_UNUSED static struct client *client_new(struct fixture *f)
{
    struct client *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->f = f;
    c->in = BUF_INIT(1u << 30);
    c->fd = client_connect(f->path);
    assert_true(c->fd >= 0);
    assert_int_equal(uv_poll_init(&f->loop, &c->poll, c->fd), 0);
    return c;
}

static void on_client_closed(uv_handle_t *h)
{
    struct client *c = container_of(h, struct client, poll);

    c->is_gone = true;
}

/* Leave, without a word. */
RUN_UNUSED static void client_free(struct client *c)
{
    uv_close((uv_handle_t *)&c->poll, on_client_closed);
    run_until(&c->f->loop, &c->is_gone);
    close(c->fd);
    buf_deinit(&c->in);
    free(c);
}

/* Send bytes; the loop turns while the socket is full. */
RUN_UNUSED static void client_send_bytes(struct client *c, const char *data, size_t n)
{
    while (n) {
        ssize_t sent = send(c->fd, data, n, MSG_NOSIGNAL);

        if (sent < 0 && errno == EPIPE)
            return;
        assert_true(sent > 0 || errno == EAGAIN);
        if (sent > 0) {
            data += sent;
            n -= (size_t)sent;
        }
        uv_run(&c->f->loop, UV_RUN_NOWAIT);
    }
}

/* Send a message and its NUL. */
RUN_UNUSED static void client_send(struct client *c, const char *text)
{
    client_send_bytes(c, text, strlen(text) + 1);
}

/* Read until there are `n` replies in all, or the end. */
RUN_UNUSED static void client_wait(struct client *c, size_t n)
{
    c->wanted = n;
    c->is_there = c->at_eof || c->seen >= n;
    if (!c->at_eof)
        assert_int_equal(uv_poll_start(&c->poll, UV_READABLE, on_client), 0);
    run_until(&c->f->loop, &c->is_there);
    uv_poll_stop(&c->poll);
}

RUN_UNUSED static void client_wait_eof(struct client *c)
{
    client_wait(c, SIZE_MAX);
    assert_true(c->at_eof);
}

/* The next reply, as text, at most RUN_TEXT bytes of it; "(closed)" at the end. Borrowed until the
 * next call. */
#define RUN_TEXT 32768
RUN_UNUSED static const char *client_reply(struct client *c)
{
    static char text[RUN_TEXT];
    size_t n;

    if (!c->seen)
        client_wait(c, 1);
    if (!c->seen)
        return "(closed)";
    n = strlen(c->in.data);
    snprintf(text, sizeof(text), "%s", c->in.data);
    buf_consume(&c->in, n + 1);
    c->seen--;
    return text;
}

/* One question, one answer. */
RUN_UNUSED static const char *client_ask(struct client *c, const char *request)
{
    client_send(c, request);
    return client_reply(c);
}

#define CALL(method)            "{\"method\":\"org.tenantd.Control." method "\"}"
#define CALL_WITH(method, rest) "{\"method\":\"org.tenantd.Control." method "\"," rest "}"
#define BAD_PARAMETER(name)                                                                        \
    "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"" name    \
    "\"}}"

#endif
