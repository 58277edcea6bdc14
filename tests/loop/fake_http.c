/* fake_http: a small honest HTTP/1.1 server on the test's own loop.
 * In:    a script.
 * Out:   what came, on how many connections.
 * Never: any kindness of its own. */
#include "tests/loop/fake_http.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base.h"

#define REQUEST_MAX_BYTES 65536
#define BUFFERS           8

struct fake_connection {
    struct fake_connection *next;
    struct fake_http *fake;
    uv_tcp_t tcp;
    uv_timer_t drip;
    unsigned n_handles;
    uv_write_t write;
    bool is_closing;
    bool is_busy;    /* with an answer */
    bool is_waiting; /* for others, to be answered with them */
    bool is_hung;
    char in[REQUEST_MAX_BYTES + 1];
    size_t in_size;
    const struct fake_step *step;
    size_t at;   /* bytes of step->send that went out */
    size_t left; /* repetitions still to go */
};

static void advance(struct fake_connection *c);
static void take_request(struct fake_connection *c);

/* --- The end ------------------------------------------------------------------------------- */

static void maybe_closed(struct fake_http *f)
{
    if (f->is_closing && f->n_open == 0 && !f->connections &&
        uv_is_closing((uv_handle_t *)&f->listener))
        f->is_closed = true;
}

static void on_listener_closed(uv_handle_t *h)
{
    maybe_closed(container_of(h, struct fake_http, listener));
}

static void gone(struct fake_connection *c)
{
    struct fake_http *f = c->fake;
    struct fake_connection **p = &f->connections;

    if (--c->n_handles > 0)
        return;
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    free(c);
    f->n_open--;
    maybe_closed(f);
}

static void on_tcp_closed(uv_handle_t *h)
{
    gone(container_of(h, struct fake_connection, tcp));
}

static void on_drip_closed(uv_handle_t *h)
{
    gone(container_of(h, struct fake_connection, drip));
}

static void end(struct fake_connection *c, bool with_reset)
{
    if (c->is_closing)
        return;
    c->is_closing = true;
    uv_close((uv_handle_t *)&c->drip, on_drip_closed);
    if (!with_reset || uv_tcp_close_reset(&c->tcp, on_tcp_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_tcp_closed);
}

void fake_http_reset(struct fake_http *f)
{
    for (struct fake_connection *c = f->connections; c; c = c->next)
        end(c, true);
}

void fake_http_close(struct fake_http *f)
{
    assert(!f->is_closing);
    f->is_closing = true;
    for (struct fake_connection *c = f->connections; c; c = c->next)
        end(c, false);
    uv_close((uv_handle_t *)&f->listener, on_listener_closed);
}

void fake_http_free(struct fake_http *f)
{
    assert(f->is_closed);
    for (size_t i = 0; i < f->n_requests; i++)
        free(f->requests[i]);
}

/* --- Answers ------------------------------------------------------------------------------- */

static size_t step_size(const struct fake_step *s)
{
    return s->send_size ? s->send_size : s->send ? strlen(s->send) : 0;
}

static void on_drip(uv_timer_t *timer)
{
    advance(container_of(timer, struct fake_connection, drip));
}

static void on_written(uv_write_t *w, int status)
{
    struct fake_connection *c = container_of(w, struct fake_connection, write);

    if (status < 0) /* the client hung up */
        end(c, false);
    else if (!c->is_closing && c->step->drip_ms)
        uv_timer_start(&c->drip, on_drip, c->step->drip_ms, 0);
    else if (!c->is_closing)
        advance(c);
}

static void put(struct fake_connection *c, const char *data, size_t size)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)size);

    c->fake->sent_bytes += size;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0)
        end(c, false);
}

static void finish_answer(struct fake_connection *c)
{
    c->is_busy = false;
    if (c->step->then == FAKE_CLOSE) {
        end(c, false);
    } else if (c->step->then == FAKE_HANG) {
        c->is_hung = true;
    } else {
        take_request(c);
    }
}

/* Send what is next of the answer. */
static void advance(struct fake_connection *c)
{
    const struct fake_step *s = c->step;
    size_t size = step_size(s);
    size_t n = s->drip_ms ? 1 : size;

    if (c->at < size) {
        c->at += n;
        put(c, s->send + c->at - n, n);
    } else if (c->left > 0) {
        c->left--;
        put(c, s->send + size - s->repeat, s->repeat);
    } else {
        finish_answer(c);
    }
}

static void begin_answer(struct fake_connection *c)
{
    c->is_waiting = false;
    c->at = 0;
    c->left = c->step->times;
    advance(c);
}

static void answer_gathered(struct fake_http *f, unsigned wanted)
{
    unsigned n = 0;

    for (struct fake_connection *c = f->connections; c; c = c->next)
        n += c->is_waiting;
    for (struct fake_connection *c = f->connections; c && n >= wanted; c = c->next)
        if (c->is_waiting)
            begin_answer(c);
}

/* --- Requests ------------------------------------------------------------------------------ */

/* Bytes of the first request in c->in; 0 while it is not whole. */
static size_t whole_request(const struct fake_connection *c)
{
    const char *end_of_head = strstr(c->in, "\r\n\r\n");
    const char *length = strcasestr(c->in, "\r\nContent-Length:");
    size_t size;

    if (!end_of_head)
        return 0;
    size = (size_t)(end_of_head + 4 - c->in);
    if (length && length < end_of_head)
        size += strtoul(length + 17, NULL, 10);
    return size <= c->in_size ? size : 0;
}

static void take_request(struct fake_connection *c)
{
    struct fake_http *f = c->fake;
    size_t size = c->is_busy || c->is_hung || c->is_closing ? 0 : whole_request(c);

    if (size == 0)
        return;
    assert(f->n_requests < FAKE_REQUESTS_MAX);
    c->step = &f->script[f->n_requests < f->n_steps ? f->n_requests : f->n_steps - 1];
    f->requests[f->n_requests++] = strndup(c->in, size);
    c->in_size -= size;
    memmove(c->in, c->in + size, c->in_size + 1);
    c->is_busy = true;
    if (c->step->gather) {
        c->is_waiting = true;
        answer_gathered(f, c->step->gather);
    } else {
        begin_answer(c);
    }
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct fake_connection *c = container_of(h, struct fake_connection, tcp);

    (void)suggested;
    *buf = uv_buf_init(c->in + c->in_size, (unsigned)(REQUEST_MAX_BYTES - c->in_size));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct fake_connection *c = container_of(s, struct fake_connection, tcp);

    (void)buf;
    if (n < 0) {
        end(c, false);
        return;
    }
    c->in_size += (size_t)n;
    c->in[c->in_size] = '\0';
    take_request(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake_http *f = container_of(listener, struct fake_http, listener);
    struct fake_connection *c = calloc(1, sizeof(*c));

    assert(status == 0 && c);
    c->fake = f;
    c->next = f->connections;
    f->connections = c;
    c->n_handles = 2;
    uv_tcp_init(f->loop, &c->tcp);
    uv_timer_init(f->loop, &c->drip);
    f->n_connections++;
    if (++f->n_open > f->peak_open)
        f->peak_open = f->n_open;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
        end(c, false);
    if (f->script[0].greets) {
        c->step = &f->script[0];
        c->is_busy = true;
        begin_answer(c);
    }
}

void fake_http_open(struct fake_http *f, uv_loop_t *loop, const struct fake_step *script,
                    size_t n_steps)
{
    struct sockaddr_in address;
    int size = sizeof(address);
    int rc;

    *f = (struct fake_http){.loop = loop, .script = script, .n_steps = n_steps};
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &f->listener);
    rc = uv_tcp_bind(&f->listener, (const struct sockaddr *)&address, 0);
    rc = rc ? rc : uv_listen((uv_stream_t *)&f->listener, 512, on_connection);
    rc = rc ? rc : uv_tcp_getsockname(&f->listener, (struct sockaddr *)&address, &size);
    if (rc != 0)
        abort();
    f->port = ntohs(address.sin_port);
}

/* --- Texts --------------------------------------------------------------------------------- */

const char *fake_http_url(const struct fake_http *f, const char *path)
{
    static char buffers[BUFFERS][256];
    static unsigned next;
    char *out = buffers[next++ % BUFFERS];

    snprintf(out, sizeof(buffers[0]), "http://127.0.0.1:%u%s", f->port, path);
    return out;
}

const char *fake_answer(const char *status, const char *headers, const char *body)
{
    static char buffers[BUFFERS][8192];
    static unsigned next;
    char *out = buffers[next++ % BUFFERS];

    snprintf(out, sizeof(buffers[0]), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
             strlen(body), headers, body);
    return out;
}
