/* notify: what the service manager is told, and what it hands over.
 * In:    the state of the daemon; NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS.
 * Out:   datagrams to the manager; a listening descriptor.
 * Never: fails the daemon, or keeps its loop waiting: a manager that cannot be told is its own
 * problem. READY=1 and RELOADING=1, which it must not miss, are tried again. */
#include "io/notify.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "io/log.h"
#include "lib/mem.h"

#define TEXT_SIZE 512
#define RETRY_MS  500

struct notify {
    uv_timer_t watchdog;
    uv_timer_t retry;
    unsigned n_handles;        /* of the two, not yet closed */
    char reloading[TEXT_SIZE]; /* not taken yet; "": nothing */
    char ready[TEXT_SIZE];     /* the same, to be told after it */
    bool has_complained;
    bool is_stopping;
    notify_closed_fn closed;
    void *arg;
};

/* --- A datagram ---------------------------------------------------------------------------- */

static socklen_t address_of(const char *path, struct sockaddr_un *to)
{
    size_t n = strlen(path);

    memcpy(to->sun_path, path, n);
    if (*path == '@') /* an abstract name */
        to->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* As sd_notify, which would wait where the manager's queue is full. 0, also where there is no
 * manager, or what is in the way. */
static int tell(const char *text)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    int rc = 0;
    int fd;

    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(to.sun_path))
        return 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to,
               address_of(path, &to)) < 0)
        rc = errno;
    close(fd);
    return rc;
}

/* --- What must arrive ---------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer);

static void complain(struct notify *n, int rc)
{
    if (!n->has_complained)
        log_event(NULL, LOG_LEVEL_WARNING,
                  "the service manager cannot be told what it waits for: %s; trying again",
                  strerrordesc_np(rc));
    n->has_complained = true;
}

static int tell_kept(char *text)
{
    int rc = *text ? tell(text) : 0;

    if (rc == 0)
        *text = '\0';
    return rc;
}

static void tell_all(struct notify *n)
{
    int rc = tell_kept(n->reloading);

    if (rc == 0)
        rc = tell_kept(n->ready);
    if (rc != 0) {
        complain(n, rc);
        uv_timer_start(&n->retry, on_retry, RETRY_MS, 0);
        return;
    }
    if (n->has_complained)
        log_event(NULL, LOG_LEVEL_NOTICE, "the service manager has been told");
    n->has_complained = false;
    uv_timer_stop(&n->retry);
}

static void on_retry(uv_timer_t *timer)
{
    tell_all(container_of(timer, struct notify, retry));
}

static void forget(struct notify *n)
{
    n->reloading[0] = n->ready[0] = '\0';
    uv_timer_stop(&n->retry);
}

/* --- What is told -------------------------------------------------------------------------- */

/* `state` lines first, then STATUS=. A newline in the status would begin a line of its own. */
static void compose(char *out, const char *state, const char *fmt, va_list ap) PRINTF(3, 0);
static void compose(char *out, const char *state, const char *fmt, va_list ap)
{
    size_t n = (size_t)snprintf(out, TEXT_SIZE, "%sSTATUS=", state);

    vsnprintf(out + n, TEXT_SIZE - n, fmt, ap);
    for (char *p = out + n; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

void notify_ready(struct notify *n, const char *fmt, ...)
{
    va_list ap;

    if (n->is_stopping)
        return;
    va_start(ap, fmt);
    compose(n->ready, "READY=1\n", fmt, ap);
    va_end(ap);
    tell_all(n);
}

/* The manager tells reloads apart by the time at which they began. */
void notify_reloading(struct notify *n)
{
    struct timespec t = {0};

    if (n->is_stopping)
        return;
    clock_gettime(CLOCK_MONOTONIC, &t);
    n->ready[0] = '\0'; /* another one follows */
    snprintf(n->reloading, sizeof(n->reloading), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
    tell_all(n);
}

void notify_stopping(struct notify *n, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list ap;

    n->is_stopping = true;
    forget(n);
    va_start(ap, fmt);
    compose(text, "STOPPING=1\n", fmt, ap);
    va_end(ap);
    (void)tell(text);
}

void notify_status(struct notify *n, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list ap;

    if (n->ready[0]) /* it brings a status of its own */
        return;
    va_start(ap, fmt);
    compose(text, "", fmt, ap);
    va_end(ap);
    (void)tell(text);
}

/* --- Open and close ------------------------------------------------------------------------ */

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    (void)tell("WATCHDOG=1");
}

static uint64_t watchdog_ms(void)
{
    uint64_t usec = 0;

    if (sd_watchdog_enabled(0, &usec) <= 0)
        return 0;
    return usec / 2000 > 0 ? usec / 2000 : 1;
}

int notify_open(uv_loop_t *loop, struct notify **out, struct err *err)
{
    struct notify *n = mem_alloc(sizeof(*n));
    uint64_t ms = watchdog_ms();

    if (!n)
        return err_nomem(err);
    uv_timer_init(loop, &n->watchdog);
    uv_timer_init(loop, &n->retry);
    n->n_handles = 2;
    if (ms > 0)
        uv_timer_start(&n->watchdog, on_watchdog, 0, ms);
    uv_unref((uv_handle_t *)&n->watchdog); /* they alone are no reason to go on */
    uv_unref((uv_handle_t *)&n->retry);
    *out = n;
    return 0;
}

static void handle_closed(struct notify *n)
{
    notify_closed_fn closed = n->closed;
    void *arg = n->arg;

    if (--n->n_handles > 0)
        return;
    mem_free(n);
    closed(arg);
}

static void on_watchdog_closed(uv_handle_t *handle)
{
    handle_closed(container_of(handle, struct notify, watchdog));
}

static void on_retry_closed(uv_handle_t *handle)
{
    handle_closed(container_of(handle, struct notify, retry));
}

void notify_close(struct notify *n, notify_closed_fn closed, void *arg)
{
    assert(!n->closed && closed);
    n->closed = closed;
    n->arg = arg;
    uv_close((uv_handle_t *)&n->watchdog, on_watchdog_closed);
    uv_close((uv_handle_t *)&n->retry, on_retry_closed);
}

/* --- Socket activation --------------------------------------------------------------------- */

static void close_all(int n)
{
    for (int i = 0; i < n; i++)
        close(SD_LISTEN_FDS_START + i);
}

int notify_socket(int *out, struct err *err)
{
    int n = sd_listen_fds(1);

    *out = -1;
    if (n == 0)
        return 0;
    if (n < 0)
        return err_errno(err, -n, "cannot take the socket that was passed");
    if (n > 1) {
        close_all(n);
        return err_set(err, ERR_INVALID, "%d sockets were passed, and one is wanted", n);
    }
    if (sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0) {
        close_all(n);
        return err_set(err, ERR_INVALID,
                       "what was passed is no listening Unix socket: the socket unit needs "
                       "ListenStream=/run/...");
    }
    *out = SD_LISTEN_FDS_START;
    return 0;
}
