/* http_fixture: a loop, a server that does what it is told, a client, and what became of a request.
 * Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_HTTP_FIXTURE_H
#define TENANTD_TESTS_LOOP_HTTP_FIXTURE_H

#include "io/http.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/limits.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "tests/loop/fake_http.h"
#include "tests/loop/run.h"

#define OK_STEP                                                                                    \
    {                                                                                              \
        .send = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}" \
    }
#define SHORT_MS 1000
#define LONG_MS  20000

/* --- A loop, a server, a client -------------------------------------------------------------- */

struct world {
    uv_loop_t loop;
    struct fake_http fake;
    struct http *http;
    bool is_closed;
};

RUN_UNUSED static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

RUN_UNUSED static void world_open(struct world *w, const struct fake_step *script, size_t n,
                                  unsigned concurrency)
{
    struct http_options o = {.concurrency = concurrency};
    struct err err = ERR_INIT;

    *w = (struct world){0};
    uv_loop_init(&w->loop);
    fake_http_open(&w->fake, &w->loop, script, n);
    if (http_open(&w->loop, &o, &w->http, &err) != 0)
        fail_msg("%s", err.msg);
}

RUN_UNUSED static void world_close(struct world *w)
{
    if (!w->is_closed) {
        http_close(w->http, set_flag, &w->is_closed);
        assert_false(w->is_closed);
        run_until(&w->loop, &w->is_closed);
    }
    fake_http_close(&w->fake);
    run_until(&w->loop, &w->fake.is_closed);
    fake_http_free(&w->fake);
    run_close(&w->loop);
}

/* --- One request, and what became of it ------------------------------------------------------ */

struct got {
    struct world *world;
    struct http_call *call;
    int n_heads;
    int n_dones;
    int status;
    char type[64];
    char wait[64];
    size_t n_bytes;
    char body[256];
    size_t enough; /* bytes after which data says so; 0: never */
    bool resets;   /* let the server reset when data comes */
    int cancel_in; /* 1 in head, 2 in data, 3 in done */
    enum http_end end;
    char why[512];
    bool is_over;
};

RUN_UNUSED static void on_head(void *arg, const struct http_head *head)
{
    struct got *g = arg;

    assert_int_equal(g->n_dones, 0);
    g->n_heads++;
    g->status = head->status;
    snprintf(g->type, sizeof(g->type), "%s", head->content_type ? head->content_type : "none");
    snprintf(g->wait, sizeof(g->wait), "%s", head->retry_after ? head->retry_after : "none");
    if (g->cancel_in == 1)
        http_cancel(g->call);
}

RUN_UNUSED static bool on_data(void *arg, const char *data, size_t size)
{
    struct got *g = arg;

    assert_int_equal(g->n_heads, 1);
    for (size_t i = 0; i < size && g->n_bytes + i < sizeof(g->body) - 1; i++)
        g->body[g->n_bytes + i] = data[i];
    g->n_bytes += size;
    if (g->resets)
        fake_http_reset(&g->world->fake);
    if (g->cancel_in == 2)
        http_cancel(g->call);
    return !g->enough || g->n_bytes < g->enough;
}

RUN_UNUSED static void on_done(void *arg, enum http_end end, const char *why)
{
    struct got *g = arg;

    assert_int_equal(++g->n_dones, 1);
    g->end = end;
    snprintf(g->why, sizeof(g->why), "%s", why);
    g->is_over = true;
    if (g->cancel_in == 3)
        http_cancel(g->call);
}

RUN_UNUSED static int start_as(struct world *w, const struct http_request *r, struct got *g,
                               struct err *err)
{
    const struct http_callbacks cb = {on_head, on_data, on_done, g};

    g->world = w;
    return http_start(w->http, r, &cb, &g->call, err);
}

RUN_UNUSED static void start(struct world *w, const struct http_request *r, struct got *g)
{
    struct err err = ERR_INIT;

    if (start_as(w, r, g, &err) != 0)
        fail_msg("%s", err.msg);
    assert_false(g->is_over);
}

RUN_UNUSED static struct got fetch(struct world *w, const struct http_request *r)
{
    struct got g = {0};

    start(w, r, &g);
    run_until(&w->loop, &g.is_over);
    return g;
}

RUN_UNUSED static struct http_request get_of(const char *url)
{
    return (struct http_request){.method = "GET", .url = url, .timeout_ms = LONG_MS};
}

RUN_UNUSED static struct got get(struct world *w, const char *path)
{
    struct http_request r = get_of(fake_http_url(&w->fake, path));

    return fetch(w, &r);
}

/* Start n at once and wait for all. */
RUN_UNUSED static void burst(struct world *w, struct got *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct http_request r = get_of(fake_http_url(&w->fake, "/burst"));

        all[i] = (struct got){0};
        start(w, &r, &all[i]);
    }
    for (size_t i = 0; i < n; i++) {
        run_until(&w->loop, &all[i].is_over);
        assert_int_equal(all[i].end, HTTP_COMPLETE);
    }
}

/* A port on which nobody listens. */
RUN_UNUSED static unsigned dead_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    close(fd);
    return ntohs(a.sin_port);
}

#endif
