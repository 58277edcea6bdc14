/* poll: sockets that a library owns, watched on the loop.
 * In:    what the library wants to know of a socket.
 * Out:   events.
 * Never: reads or writes.
 *
 * A socket's life: poll_socket, poll_want as often as it takes, poll_close. "Nothing wanted" leaves
 * the handle watching, since the next request on the connection will want the same; only when
 * something comes that nobody wants is it stopped. After an error libuv has stopped the handle by
 * itself. */
#include "io/poll.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/mem.h"

struct polled {
    uv_poll_t handle;
    struct poll_set *set;
    int fd;
    int wanted;
    int watched; /* what the handle watches for */
    bool is_own; /* made by poll_socket */
};

void poll_init(struct poll_set *s, uv_loop_t *loop, poll_event_fn on_event, poll_idle_fn on_idle,
               void *arg)
{
    *s = (struct poll_set){.loop = loop, .on_event = on_event, .on_idle = on_idle, .arg = arg};
}

void poll_deinit(struct poll_set *s)
{
    assert(s->n_open == 0);
    mem_free(s->by_fd);
    *s = (struct poll_set){0};
}

static struct polled *find(const struct poll_set *s, int fd)
{
    return (size_t)fd < s->n_slots ? s->by_fd[fd] : NULL;
}

static bool make_slot(struct poll_set *s, int fd)
{
    size_t before = s->n_slots;

    if ((size_t)fd < s->n_slots)
        return true;
    if (!mem_grow(&s->by_fd, &s->n_slots, (size_t)fd + 1, sizeof(struct polled *)))
        return false;
    memset(&s->by_fd[before], 0, (s->n_slots - before) * sizeof(struct polled *));
    return true;
}

static struct polled *add(struct poll_set *s, int fd, bool is_own)
{
    struct polled *p = make_slot(s, fd) ? mem_alloc(sizeof(*p)) : NULL;

    if (!p)
        return NULL;
    assert(!s->by_fd[fd]);
    if (uv_poll_init(s->loop, &p->handle, fd) != 0) {
        mem_free(p);
        return NULL;
    }
    p->set = s;
    p->fd = fd;
    p->is_own = is_own;
    s->by_fd[fd] = p;
    s->n_open++;
    return p;
}

static void on_closed(uv_handle_t *h)
{
    struct polled *p = container_of(h, struct polled, handle);
    struct poll_set *s = p->set;

    mem_free(p);
    if (--s->n_open == 0)
        s->on_idle(s->arg);
}

static void let_go(struct polled *p)
{
    p->set->by_fd[p->fd] = NULL;
    uv_close((uv_handle_t *)&p->handle, on_closed);
}

int poll_socket(struct poll_set *s, int domain, int type, int protocol)
{
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);

    if (fd >= 0 && !add(s, fd, true)) {
        close(fd);
        return -1;
    }
    return fd;
}

void poll_close(struct poll_set *s, int fd)
{
    struct polled *p = find(s, fd);

    assert(p && p->is_own);
    let_go(p);
    close(fd);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct polled *p = container_of(handle, struct polled, handle);
    struct poll_set *s = p->set;

    if (status < 0)
        p->watched = 0;
    if (p->wanted) {
        s->on_event(s->arg, p->fd, status, events);
    } else if (p->watched) {
        p->watched = 0;
        uv_poll_stop(handle);
    }
}

bool poll_want(struct poll_set *s, int fd, int events)
{
    struct polled *p = find(s, fd);

    if (!p && events)
        p = add(s, fd, false);
    if (!p)
        return events == 0;
    p->wanted = events;
    if (!events && !p->is_own)
        let_go(p);
    if (!events || events == p->watched)
        return true;
    if (uv_poll_start(&p->handle, events, on_poll) != 0)
        return false;
    p->watched = events;
    return true;
}
