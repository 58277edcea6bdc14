/* notify: what the service manager is told, and what it hands over.
 * In:    the state of the daemon; NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS.
 * Out:   datagrams to the manager; a listening descriptor.
 * Never: fails the daemon, or keeps its loop waiting with what recurs: a manager that cannot be
 * told is its own problem. Only READY=1 and RELOADING=1, which it must not miss, wait for room. */
#include "io/notify.h"

#include <assert.h>
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

#include "lib/mem.h"

#define STATUS_SIZE 512

/* As sd_notify, which waits where the manager's queue is full: this drops the datagram. */
static void tell_if_there_is_room(const char *text)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path ? strlen(path) : 0;
    int fd;

    if (n < 2 || n >= sizeof(to.sun_path))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    memcpy(to.sun_path, path, n);
    if (*path == '@') /* an abstract name */
        to.sun_path[0] = '\0';
    (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
}

/* `state` lines first, then STATUS=. A newline in the status would begin a line of its own. */
static void compose(char *out, const char *state, const char *fmt, va_list ap) PRINTF(3, 0);
static void compose(char *out, const char *state, const char *fmt, va_list ap)
{
    size_t n = (size_t)snprintf(out, STATUS_SIZE, "%sSTATUS=", state);

    vsnprintf(out + n, STATUS_SIZE - n, fmt, ap);
    for (char *p = out + n; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

void notify_ready(const char *fmt, ...)
{
    char text[STATUS_SIZE];
    va_list ap;

    va_start(ap, fmt);
    compose(text, "READY=1\n", fmt, ap);
    va_end(ap);
    (void)sd_notify(0, text);
}

/* The manager tells reloads apart by the time at which they began. */
void notify_reloading(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                     (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
}

void notify_stopping(const char *fmt, ...)
{
    char text[STATUS_SIZE];
    va_list ap;

    va_start(ap, fmt);
    compose(text, "STOPPING=1\n", fmt, ap);
    va_end(ap);
    tell_if_there_is_room(text);
}

void notify_status(const char *fmt, ...)
{
    char text[STATUS_SIZE];
    va_list ap;

    va_start(ap, fmt);
    compose(text, "", fmt, ap);
    va_end(ap);
    tell_if_there_is_room(text);
}

/* --- Watchdog ------------------------------------------------------------------------------ */

struct notify_watchdog {
    uv_timer_t timer;
    notify_closed_fn closed;
    void *arg;
};

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    tell_if_there_is_room("WATCHDOG=1");
}

static uint64_t period_ms(void)
{
    uint64_t usec = 0;

    if (sd_watchdog_enabled(0, &usec) <= 0)
        return 0;
    return usec / 2000 > 0 ? usec / 2000 : 1;
}

int notify_watchdog_open(uv_loop_t *loop, struct notify_watchdog **out, struct err *err)
{
    struct notify_watchdog *w = mem_alloc(sizeof(*w));
    uint64_t ms = period_ms();

    if (!w)
        return err_nomem(err);
    uv_timer_init(loop, &w->timer);
    if (ms > 0)
        uv_timer_start(&w->timer, on_timer, 0, ms);
    uv_unref((uv_handle_t *)&w->timer); /* it alone is no reason to go on */
    *out = w;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct notify_watchdog *w = container_of(handle, struct notify_watchdog, timer);
    notify_closed_fn closed = w->closed;
    void *arg = w->arg;

    mem_free(w);
    closed(arg);
}

void notify_watchdog_close(struct notify_watchdog *w, notify_closed_fn closed, void *arg)
{
    assert(!w->closed && closed);
    w->closed = closed;
    w->arg = arg;
    uv_close((uv_handle_t *)&w->timer, on_closed);
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
