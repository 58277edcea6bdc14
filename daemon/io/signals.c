#include "io/signals.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/mem.h"

#define AT_ONCE 16

struct signals {
    uv_poll_t poll;
    int fd;
    signals_fn on_signal;
    void *arg;
    signals_closed_fn closed;
    void *closed_arg;
};

static void ours(sigset_t *out)
{
    sigemptyset(out);
    sigaddset(out, SIGTERM);
    sigaddset(out, SIGINT);
    sigaddset(out, SIGHUP);
}

void signals_hold(void)
{
    sigset_t set;

    ours(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* All that wait, or a flood of the first in order would keep back the others. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct signals *s = container_of(poll, struct signals, poll);
    struct signalfd_siginfo infos[AT_ONCE];
    ssize_t n = read(s->fd, infos, sizeof(infos));

    (void)status;
    (void)events;
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(*infos) && !s->closed; i++)
        s->on_signal(s->arg, (int)infos[i].ssi_signo);
}

int signals_open(uv_loop_t *loop, signals_fn on_signal, void *arg, struct signals **out,
                 struct err *err)
{
    struct signals *s = mem_alloc(sizeof(*s));
    sigset_t set;

    if (!s)
        return err_nomem(err);
    *s = (struct signals){.on_signal = on_signal, .arg = arg};
    ours(&set);
    s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->fd < 0 || uv_poll_init(loop, &s->poll, s->fd) != 0) {
        int rv = err_errno(err, errno, "signals cannot be taken");

        if (s->fd >= 0)
            close(s->fd);
        mem_free(s);
        return rv;
    }
    uv_poll_start(&s->poll, UV_READABLE, on_readable); /* fails for a closing handle alone */
    *out = s;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct signals *s = container_of(handle, struct signals, poll);
    signals_closed_fn closed = s->closed;
    void *arg = s->closed_arg;

    close(s->fd);
    mem_free(s);
    closed(arg);
}

void signals_close(struct signals *s, signals_closed_fn closed, void *arg)
{
    assert(!s->closed && closed);
    s->closed = closed;
    s->closed_arg = arg;
    uv_close((uv_handle_t *)&s->poll, on_closed);
}
