/* http: requests over HTTP/1.1 and TLS, many at once on one loop.
 * In:    a request.
 * Out:   head, body in pieces, and how it ended.
 * Never: follows a redirect, asks a proxy, reads a credential from anywhere, sends a POST again
 * that may have arrived.
 *
 *   http_start ─▶ curl asks for a timer ─▶ on_timer ─┐
 *   a socket has something ─▶ on_event ──────────────┴▶ curl works ─▶ drain: done() of what has
 * ended
 *
 * Fails: what curl reports, put into words by http_transfer. A canceled call is flagged, so that
 * curl ends it at its next byte, and taken out at the next turn of the loop (reap), never inside a
 * callback of curl's, which forbids that. Closing cancels all, and when none is left lets go of
 * curl's connections and then of the handles. */
#include "io/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/http_transfer.h"
#include "io/poll.h"
#include "lib/list.h"
#include "lib/mem.h"

#define SYSTEM_CA_FILE    "/etc/ssl/certs/ca-certificates.crt"
#define SPARE_CONNECTIONS 8 /* kept beyond those in use, so that a burst's end closes none */
#define TURN_NS           (UINT64_C(2) * 1000 * 1000) /* of a turn of the loop, for what goes on */

struct http_call {
    struct list link;
    struct http *http;
    struct http_transfer transfer;
    bool is_over; /* done is being called */
};

struct http {
    uv_loop_t *loop;
    CURLM *multi;
    struct poll_set poll;
    uv_timer_t timer; /* curl's */
    uv_timer_t reap;  /* ends what was canceled, and closes */
    uv_prepare_t turn;
    unsigned n_handles; /* of the three above, not yet closed */
    uint64_t turn_ns;   /* when curl first worked in this turn; 0: it did not */
    char *ca_file;
    unsigned concurrency;
    struct list calls;
    unsigned n_calls;
    struct http_handle *idle; /* that wait for a request */
    unsigned n_idle;
    unsigned max_idle; /* never fewer than `concurrency` */
    bool is_torn_down;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* --- The end ------------------------------------------------------------------------------- */

static void drop_idle(struct http *h)
{
    while (h->n_idle > 0)
        http_handle_deinit(&h->idle[--h->n_idle]);
}

static void http_free(struct http *h)
{
    drop_idle(h);
    if (h->multi)
        curl_multi_cleanup(h->multi);
    poll_deinit(&h->poll);
    mem_free(h->idle);
    mem_free(h->ca_file);
    mem_free(h);
}

static void maybe_closed(struct http *h)
{
    void (*closed)(void *arg) = h->closed;
    void *arg = h->closed_arg;

    if (!h->is_torn_down || h->n_handles > 0 || h->poll.n_open > 0)
        return;
    http_free(h);
    closed(arg);
}

static void handle_closed(struct http *h)
{
    h->n_handles--;
    maybe_closed(h);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(container_of(handle, struct http, timer));
}

static void on_reap_closed(uv_handle_t *handle)
{
    handle_closed(container_of(handle, struct http, reap));
}

static void on_turn_closed(uv_handle_t *handle)
{
    handle_closed(container_of(handle, struct http, turn));
}

static void on_poll_idle(void *arg)
{
    maybe_closed(arg);
}

/* Without calls. Curl closes its connections here, and asks to watch some of them once more, which
 * is refused. */
static void tear_down(struct http *h)
{
    assert(list_is_empty(&h->calls) && !h->is_torn_down);
    h->is_torn_down = true;
    drop_idle(h);
    curl_multi_cleanup(h->multi);
    h->multi = NULL;
    poll_end(&h->poll);
    uv_close((uv_handle_t *)&h->timer, on_timer_closed);
    uv_close((uv_handle_t *)&h->reap, on_reap_closed);
    uv_close((uv_handle_t *)&h->turn, on_turn_closed);
}

/* --- Calls that end ------------------------------------------------------------------------ */

/* The one place where a call ends. Nobody else holds it when done returns. */
static void finish(struct http_call *c, CURLcode code)
{
    struct http *h = c->http;
    char why[HTTP_WHY_SIZE];
    struct http_callbacks cb = c->transfer.cb;
    enum http_end end = http_transfer_end(&c->transfer, code, why);

    curl_multi_remove_handle(h->multi, c->transfer.handle.easy);
    h->idle[h->n_idle++] = http_transfer_deinit(&c->transfer);
    list_remove(&c->link);
    h->n_calls--;
    c->is_over = true;
    cb.done(cb.arg, end, why);
    mem_free(c);
}

/* After every time that curl has worked, whatever it says is running. */
static void drain(struct http *h)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
        struct http_call *c = NULL;
        CURLcode code = m->data.result; /* the message goes with the handle */

        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
        finish(c, code);
    }
}

static struct http_call *first_canceled(struct http *h)
{
    LIST_FOREACH (it, &h->calls) {
        struct http_call *c = container_of(it, struct http_call, link);

        if (c->transfer.is_canceled)
            return c;
    }
    return NULL;
}

static void on_reap(uv_timer_t *timer)
{
    struct http *h = container_of(timer, struct http, reap);
    struct http_call *c;

    while ((c = first_canceled(h)) != NULL)
        finish(c, CURLE_ABORTED_BY_CALLBACK);
    if (h->closed)
        tear_down(h);
}

/* --- Curl at work -------------------------------------------------------------------------- */

static void work(struct http *h, curl_socket_t fd, int what)
{
    int running;
    CURLMcode rc;

    if (!h->turn_ns)
        h->turn_ns = uv_hrtime();
    rc = curl_multi_socket_action(h->multi, fd, what, &running);
    assert(rc == CURLM_OK);
    drain(h);
}

static void on_event(void *arg, int fd, int status, int events)
{
    int what = status < 0 ? CURL_CSELECT_ERR : 0;

    what |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    what |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    work(arg, fd, what);
}

static void on_timer(uv_timer_t *timer)
{
    work(container_of(timer, struct http, timer), CURL_SOCKET_TIMEOUT, 0);
}

static void on_turn(uv_prepare_t *turn)
{
    container_of(turn, struct http, turn)->turn_ns = 0;
}

/* Curl may not be called from its own callbacks; a timer of zero is the next turn, but libuv before
 * 1.48 runs those that come meanwhile in the same one, for ever: then others are to have theirs,
 * too, be it for each call that is begun or for a body that comes faster than it is read. */
static int on_timer_wanted(CURLM *multi, long ms, void *arg)
{
    struct http *h = arg;

    (void)multi;
    if (h->is_torn_down)
        return 0;
    if (ms < 0) {
        uv_timer_stop(&h->timer);
        return 0;
    }
    if (ms == 0 && h->turn_ns && uv_hrtime() - h->turn_ns >= TURN_NS)
        ms = 1;
    uv_timer_start(&h->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

static int on_poll_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    static const int EVENTS[] = {
        [CURL_POLL_NONE] = 0,          [CURL_POLL_IN] = UV_READABLE,
        [CURL_POLL_OUT] = UV_WRITABLE, [CURL_POLL_INOUT] = UV_READABLE | UV_WRITABLE,
        [CURL_POLL_REMOVE] = 0,
    };
    struct http *h = arg;

    (void)easy, (void)unused;
    poll_want(&h->poll, fd, h->is_torn_down ? 0 : EVENTS[what]);
    return 0;
}

static curl_socket_t on_socket_wanted(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct http *h = arg;
    int fd = purpose == CURLSOCKTYPE_IPCXN
                 ? poll_socket(&h->poll, a->family, a->socktype, a->protocol)
                 : -1;

    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int on_socket_unwanted(void *arg, curl_socket_t fd)
{
    struct http *h = arg;

    poll_close(&h->poll, fd);
    return 0;
}

/* --- Birth --------------------------------------------------------------------------------- */

/* What libcurl hands back has held tokens: headers that it sent, answers that it received. */
static void wiping_free(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

static void *wiping_realloc(void *old, size_t size)
{
    size_t had = old ? malloc_usable_size(old) : 0;
    void *p = malloc(size);

    if (!p)
        return NULL;
    if (old)
        memcpy(p, old, had < size ? had : size);
    wiping_free(old);
    return p;
}

static void curl_init_once(void)
{
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
                         calloc); /* never undone: a name lookup may outlive us */
}

static CURLMcode set_multi(struct http *h)
{
    CURLMcode rc = curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_poll_wanted);

    rc = rc ? rc : curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    rc = rc ? rc : curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    rc = rc ? rc : curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    return rc ? rc : curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

/* Room for the handles of as many requests as may be in flight. */
static bool make_room(struct http *h, unsigned n)
{
    struct http_handle *idle = n > h->max_idle ? mem_realloc(h->idle, n * sizeof(*idle)) : h->idle;

    if (!idle)
        return false;
    h->idle = idle;
    h->max_idle = n > h->max_idle ? n : h->max_idle;
    return true;
}

static bool is_concurrency(unsigned n)
{
    return n >= 1 && n <= HTTP_CONCURRENCY_MAX;
}

int http_configure(struct http *h, const struct http_options *o, struct err *err)
{
    char *ca_file;

    if (!is_concurrency(o->concurrency))
        return err_set(err, ERR_INVALID, "concurrency must be 1 to %d", HTTP_CONCURRENCY_MAX);
    ca_file = mem_strdup(o->ca_file ? o->ca_file : SYSTEM_CA_FILE);
    if (!ca_file || !make_room(h, o->concurrency) ||
        curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
                          (long)o->concurrency + SPARE_CONNECTIONS) != CURLM_OK) {
        mem_free(ca_file);
        return err_nomem(err);
    }
    mem_free(h->ca_file);
    h->ca_file = ca_file;
    h->concurrency = o->concurrency;
    return 0;
}

static void start_handles(struct http *h)
{
    uv_timer_init(h->loop, &h->timer);
    uv_timer_init(h->loop, &h->reap);
    uv_prepare_init(h->loop, &h->turn);
    uv_prepare_start(&h->turn, on_turn);
    uv_unref((uv_handle_t *)&h->turn);
    h->n_handles = 3;
}

int http_open(uv_loop_t *loop, const struct http_options *o, struct http **out, struct err *err)
{
    static uv_once_t once = UV_ONCE_INIT;
    struct http *h;
    int rc;

    uv_once(&once, curl_init_once);
    h = mem_alloc(sizeof(*h));
    if (!h)
        return err_nomem(err);
    h->loop = loop;
    list_init(&h->calls);
    poll_init(&h->poll, loop, on_event, on_poll_idle, h);
    h->multi = curl_multi_init();
    rc = h->multi && set_multi(h) == CURLM_OK ? http_configure(h, o, err) : err_nomem(err);
    if (rc < 0) {
        http_free(h);
        return rc;
    }
    start_handles(h);
    *out = h;
    return 0;
}

/* --- Calls that start ---------------------------------------------------------------------- */

static CURLcode set_sockets(struct http_call *c)
{
    CURL *easy = c->transfer.handle.easy;
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_PRIVATE, c);

    rc = rc ? rc : curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket_wanted);
    rc = rc ? rc : curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c->http);
    rc = rc ? rc : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_unwanted);
    return rc ? rc : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c->http);
}

static int add(struct http_call *c, struct err *err)
{
    if (set_sockets(c) != CURLE_OK ||
        curl_multi_add_handle(c->http->multi, c->transfer.handle.easy) != CURLM_OK)
        return err_nomem(err);
    return 0;
}

/* The one that was used last: most of it is at hand. */
static struct http_handle take_handle(struct http *h)
{
    return h->n_idle > 0 ? h->idle[--h->n_idle] : (struct http_handle){0};
}

int http_start(struct http *h, const struct http_request *r, const struct http_callbacks *cb,
               struct http_call **out, struct err *err)
{
    struct http_call *c;
    int rc;

    if (h->closed)
        return err_set(err, ERR_CANCELED, "closing");
    if (h->n_calls >= h->concurrency)
        return err_set(err, ERR_LIMIT, "%u requests are in flight", h->n_calls);
    c = mem_alloc(sizeof(*c));
    if (!c)
        return err_nomem(err);
    c->http = h;
    rc = http_transfer_init(&c->transfer, take_handle(h), r, cb, h->ca_file, err);
    if (rc == 0)
        rc = add(c, err);
    if (rc < 0) {
        h->idle[h->n_idle++] = http_transfer_deinit(&c->transfer);
        mem_free(c);
        return rc;
    }
    list_append(&h->calls, &c->link);
    h->n_calls++;
    assert(h->n_calls <= h->concurrency && h->n_calls + h->n_idle <= h->max_idle);
    if (out)
        *out = c;
    return 0;
}

void http_cancel(struct http_call *c)
{
    if (c->is_over)
        return;
    c->transfer.is_canceled = true;
    uv_timer_start(&c->http->reap, on_reap, 0, 0);
}

void http_resume(struct http_call *c)
{
    if (!c->is_over && !c->transfer.is_canceled)
        http_transfer_resume(&c->transfer); /* curl wants a timer then, and goes on by it */
}

void http_close(struct http *h, void (*closed)(void *arg), void *arg)
{
    assert(!h->closed && closed);
    h->closed = closed;
    h->closed_arg = arg;
    LIST_FOREACH (it, &h->calls) {
        container_of(it, struct http_call, link)->transfer.is_canceled = true;
    }
    uv_timer_start(&h->reap, on_reap, 0, 0);
}
