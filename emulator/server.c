/* server: HTTP in front of the emulator.
 * In:    a listening address, an emulator.
 * Out:   requests handed over whole, answers sent, late where they shall be late.
 * Never: knows what a request means.
 *
 * One thread: libmicrohttpd is driven from our own poll, so that state has a single owner. An
 * answer that waits suspends its connection; a heap says when to resume it. */
#include "server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "delay.h"
#include "emulator.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "options.h"
#include "request.h"
#include "route.h"

#define PEM_MAX         ((size_t)1 << 20)
#define CONNECTIONS_MAX 10000u
#define NS_PER_MS       INT64_C(1000000)
#define NS_PER_S        INT64_C(1000000000)
#define HTTP_RUNS_AT_ONCE                                                                          \
    64 /* turns of the HTTP library before signals and delays are looked at                        \
        */

struct server {
    struct emulator *emulator;
    struct MHD_Daemon *http;
    struct delays delays;
    int listen_fd, signal_fd;
    struct buf cert, key;
    char url[300];
    bool closing; /* what waited is dropped, not sent */
};

/* One request, from its first line to the end of its answer. */
struct exchange {
    struct server *server;
    struct MHD_Connection *connection;
    struct request request;
    struct answer answer;
    bool is_answered; /* the emulator has answered; it may wait to be sent */
};

static void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    record_end(&x->server->emulator->record, &x->request);
    request_deinit(&x->request);
    answer_deinit(&x->answer);
    mem_free(x);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *x = mem_alloc(sizeof(*x));

    if (!x)
        return NULL;
    x->server = cls;
    x->connection = connection;
    answer_init(&x->answer);
    if (request_init(&x->request, uri))
        return x;
    exchange_free(x);
    return NULL;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    exchange_free(*con_cls);
    *con_cls = NULL;
}

/* Paths and queries are decoded by the request, which splits before it decodes. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *s)
{
    (void)cls;
    (void)connection;
    return strlen(s);
}

static bool is_loopback(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *peer = info ? info->client_addr : NULL;

    if (peer && peer->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)peer;

        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    if (peer && peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)peer;

        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    return false;
}

static const char *header(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static void read_headers(struct exchange *x)
{
    const char *auth = header(x, "Authorization");
    const char *cipher = header(x, "x-turso-encryption-cipher");
    const char *agent = header(x, "User-Agent");
    const char *host = header(x, "Host");

    if (auth && !strncasecmp(auth, "Bearer ", 7))
        x->request.bearer = mem_strdup(auth + 7);
    snprintf(x->request.user_agent, sizeof(x->request.user_agent), "%s", agent ? agent : "");
    snprintf(x->request.host, sizeof(x->request.host), "%s", host ? host : "");
    x->request.encryption_key = mem_strdup(header(x, "x-turso-encryption-key"));
    snprintf(x->request.encryption_cipher, sizeof(x->request.encryption_cipher), "%s",
             cipher ? cipher : "");
    x->request.is_loopback = is_loopback(x->connection);
}

static void free_body(void *body)
{
    mem_free(body);
}

/* What is sent of a body that is cut: the reader ends with an error, so the connection closes. */
static ssize_t read_cut(void *cls, uint64_t at, char *out, size_t max)
{
    struct exchange *x = cls;
    size_t left = x->answer.cut_at > at ? x->answer.cut_at - (size_t)at : 0;

    if (!left)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (left > max)
        left = max;
    memcpy(out, x->answer.body.data + at, left);
    return (ssize_t)left;
}

static struct MHD_Response *build_response(struct exchange *x)
{
    struct answer *a = &x->answer;
    size_t size = a->body.size;
    struct MHD_Response *r;
    char *body;

    if (a->fate == ANSWER_CUT && a->cut_at < size)
        return MHD_create_response_from_callback(size, 65536, read_cut, x, NULL);
    body = buf_steal(&a->body);
    if (!body)
        return NULL;
    r = MHD_create_response_from_buffer_with_free_callback(size, body, free_body);
    if (!r)
        mem_free(body);
    return r;
}

static enum MHD_Result send_answer(struct exchange *x)
{
    struct answer *a = &x->answer;
    struct MHD_Response *r;
    char date[CLOCK_TEXT_SIZE];
    enum MHD_Result result;

    if (a->fate == ANSWER_DROP || x->server->closing)
        return MHD_NO; /* closes the connection */
    r = build_response(x);
    if (!r)
        return MHD_NO;
    clock_http_date(clock_now_ms(&x->server->emulator->clock), date);
    MHD_add_response_header(r, "Date", date);
    MHD_add_response_header(r, "Content-Type", a->content_type);
    if (a->retry_after[0])
        MHD_add_response_header(r, "Retry-After", a->retry_after);
    if (a->reason)
        MHD_add_response_header(r, "X-Emulator-Reason", a->reason);
    result = MHD_queue_response(x->connection, a->status, r);
    MHD_destroy_response(r);
    return result;
}

static void resume_due(struct server *s, int64_t now_ns)
{
    struct exchange *x;

    while ((x = delays_take(&s->delays, now_ns)))
        MHD_resume_connection(x->connection);
}

/* After a reset nobody is owed an answer from before it. */
static void drop_waiting(struct server *s)
{
    struct exchange *x;

    while ((x = delays_take(&s->delays, INT64_MAX))) {
        x->answer.fate = ANSWER_DROP;
        MHD_resume_connection(x->connection);
    }
}

static enum MHD_Result answer_now_or_later(struct exchange *x)
{
    uint64_t n_resets = x->server->emulator->n_resets;
    int64_t due_ns;

    emulator_answer(x->server->emulator, &x->request, &x->answer);
    x->is_answered = true;
    if (x->server->emulator->n_resets != n_resets)
        drop_waiting(x->server);
    if (x->answer.hold_ms <= 0)
        return send_answer(x);
    due_ns = clock_monotonic_ns() + x->answer.hold_ms * NS_PER_MS;
    if (!delays_add(&x->server->delays, due_ns, x))
        return MHD_NO;
    MHD_suspend_connection(x->connection);
    return MHD_YES;
}

/* Called for the header, for each piece of the body, and once the request is whole. After a
 * resumed wait it is called once more. */
// NOLINTNEXTLINE(readability-function-size): the parameters are the library's
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    struct exchange *x = *con_cls;
    struct request *rq;

    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    if (!x)
        return MHD_NO;
    rq = &x->request;
    if (!rq->method[0]) {
        snprintf(rq->method, sizeof(rq->method), "%s", method);
        read_headers(x);
        rq->body.max = route_body_max(rq);
        return MHD_YES;
    }
    if (*upload_data_size) {
        if (!buf_add(&rq->body, upload_data, *upload_data_size))
            rq->body_too_large = true;
        *upload_data_size = 0;
        return MHD_YES;
    }
    return x->is_answered ? send_answer(x) : answer_now_or_later(x);
}

static int read_file(const char *path, struct buf *out, struct err *err)
{
    FILE *f = fopen(path, "re");
    char chunk[4096];
    size_t n;
    int rc = 0;

    if (!f)
        return err_errno(err, errno, "--tls %s", path);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(out, chunk, n);
    if (ferror(f) || out->failed)
        rc = err_set(err, ERR_INVALID, "--tls %s: cannot be read", path);
    explicit_bzero(chunk, sizeof(chunk));
    fclose(f);
    return rc;
}

static int bind_address(const struct addrinfo *ai)
{
    const int on = 1;
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
        bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    close(fd);
    return -1;
}

static int open_listener(struct server *s, const struct options *o, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list;
    struct sockaddr_storage bound;
    socklen_t n = sizeof(bound);
    char port[16];
    int rc = getaddrinfo(o->host, o->port, &hints, &list);

    if (rc)
        return err_set(err, ERR_IO, "--listen %s: %s", o->host, gai_strerror(rc));
    s->listen_fd = bind_address(list);
    rc = errno;
    freeaddrinfo(list);
    if (s->listen_fd < 0)
        return err_errno(err, rc, "cannot listen on %s port %s", o->host, o->port);
    if (getsockname(s->listen_fd, (struct sockaddr *)&bound, &n) != 0 ||
        getnameinfo((struct sockaddr *)&bound, n, NULL, 0, port, sizeof(port), NI_NUMERICSERV))
        return err_set(err, ERR_IO, "cannot tell the port that %s listens on", o->host);
    snprintf(s->url, sizeof(s->url), strchr(o->host, ':') ? "%s://[%s]:%s" : "%s://%s:%s",
             o->cert_path ? "https" : "http", o->host, port);
    return 0;
}

static int open_signals(struct server *s, struct err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return err_errno(err, errno, "cannot set signals");
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd < 0 ? err_errno(err, errno, "cannot watch signals") : 0;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* with fewer it still works, for fewer clients */
    }
}

static int open_http(struct server *s, const struct options *o, struct err *err)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert.data},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, s->key.data},
        {MHD_OPTION_END, 0, NULL},
    };

    if (o->cert_path)
        flags |= MHD_USE_TLS;
    else
        tls[0].option = MHD_OPTION_END;
    s->http = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, s, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (s->http)
        return 0;
    if (o->cert_path)
        return err_set(err, ERR_INVALID, "--tls %s %s: not a certificate and its key", o->cert_path,
                       o->key_path);
    return err_set(err, ERR_IO, "cannot start the HTTP server");
}

int server_open(const struct options *options, struct emulator *e, struct server **out,
                struct err *err)
{
    struct server *s = mem_alloc(sizeof(*s));
    int rc;

    if (!s)
        return err_nomem(err);
    *s = (struct server){.emulator = e, .listen_fd = -1, .signal_fd = -1};
    s->cert = BUF_INIT(PEM_MAX);
    s->key = BUF_INIT(PEM_MAX);
    raise_descriptor_limit();
    rc = options->cert_path ? read_file(options->cert_path, &s->cert, err) : 0;
    if (!rc && options->key_path)
        rc = read_file(options->key_path, &s->key, err);
    if (!rc)
        rc = open_signals(s, err);
    if (!rc)
        rc = open_listener(s, options, err);
    if (!rc)
        rc = open_http(s, options, err);
    if (rc) {
        server_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

const char *server_port(const struct server *s)
{
    return strrchr(s->url, ':') + 1;
}

const char *server_url(const struct server *s)
{
    return s->url;
}

/* Until something is due; NULL: never. To the nanosecond: rounded up to a millisecond, an answer
 * would be late by half of one. */
static const struct timespec *poll_timeout(const struct server *s, struct timespec *out)
{
    int64_t due_ns = delays_next(&s->delays);
    MHD_UNSIGNED_LONG_LONG http_ms;
    int64_t wait_ns = due_ns == INT64_MAX ? INT64_MAX : due_ns - clock_monotonic_ns();

    if (MHD_get_timeout(s->http, &http_ms) == MHD_YES && (int64_t)http_ms <= wait_ns / NS_PER_MS)
        wait_ns = (int64_t)http_ms * NS_PER_MS;
    if (wait_ns == INT64_MAX)
        return NULL;
    if (wait_ns < 0)
        wait_ns = 0;
    *out = (struct timespec){wait_ns / NS_PER_S, wait_ns % NS_PER_S};
    return out;
}

static void run_http(struct server *s)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    for (int i = 0; i < HTTP_RUNS_AT_ONCE; i++) {
        MHD_run(s->http);
        if (MHD_get_timeout(s->http, &wait_ms) != MHD_YES || wait_ms)
            return;
    }
}

int server_run(struct server *s, struct err *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[2] = {
        {.fd = info ? info->epoll_fd : -1, .events = POLLIN},
        {.fd = s->signal_fd, .events = POLLIN},
    };

    if (fds[0].fd < 0)
        return err_set(err, ERR_IO, "the HTTP library gives no descriptor to wait on");
    for (;;) {
        struct timespec wait;
        int n = ppoll(fds, ARRAY_SIZE(fds), poll_timeout(s, &wait), NULL);

        if (n < 0 && errno != EINTR)
            return err_errno(err, errno, "poll");
        if (n > 0 && fds[1].revents)
            return 0;
        resume_due(s, clock_monotonic_ns());
        run_http(s);
    }
}

void server_close(struct server *s)
{
    if (!s)
        return;
    s->closing = true;
    resume_due(s, INT64_MAX); /* a suspended connection cannot be closed */
    if (s->http) {
        run_http(s);
        MHD_stop_daemon(s->http); /* closes the listening socket too */
    } else if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    delays_deinit(&s->delays);
    buf_deinit(&s->cert);
    buf_deinit_secret(&s->key);
    mem_free(s);
}
