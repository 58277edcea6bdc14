/* notify: what the service manager is told, and what it hands over.
 * In:    the state of the daemon; NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS.
 * Out:   datagrams to the manager; a listening descriptor.
 * Never: fails the daemon: a manager that cannot be told is its own problem. */
#include "io/notify.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "lib/mem.h"

#define STATUS_SIZE 512

/* `state` lines first, then STATUS=. A newline in the status would begin a line of its own. */
static void say(const char *state, const char *fmt, va_list ap) PRINTF(2, 0);
static void say(const char *state, const char *fmt, va_list ap)
{
    char status[STATUS_SIZE];

    vsnprintf(status, sizeof(status), fmt, ap);
    for (char *p = status; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    (void)sd_notifyf(0, "%sSTATUS=%s", state, status);
}

void notify_ready(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say("READY=1\n", fmt, ap);
    va_end(ap);
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
    va_list ap;

    va_start(ap, fmt);
    say("STOPPING=1\n", fmt, ap);
    va_end(ap);
}

void notify_status(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say("", fmt, ap);
    va_end(ap);
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
    (void)sd_notify(0, "WATCHDOG=1");
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
