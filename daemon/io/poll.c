/* poll: sockets that a library owns, watched on the loop.
 * In:    what the library wants to know of a socket.
 * Out:   events.
 * Never: reads or writes.
 *
 * A connection's life: poll_socket, poll_want as often as it takes, poll_close. "Nothing wanted"
 * leaves its handle watching, since the next request on it will want the same; only when something
 * comes that nobody wants is it stopped. After an error libuv has stopped the handle by itself.
 *
 * Not every socket is such a connection. Curl closes by itself, without poll_close, what its name
 * lookups use and what it gives up before it is connected; its number may then be somebody else's
 * at once. So the handle is only kept of a socket that is ours (known by its inode, for numbers
 * come again) and that was once wanted readable, which curl wants of connections alone. Every other
 * handle goes with "nothing wanted".
 */
#include "io/poll.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"

struct polled {
    uv_poll_t handle;
    struct poll_set *set;
    int fd;
    ino_t inode;       /* of a socket of ours */
    bool is_own;       /* made by poll_socket */
    bool is_connected; /* has been wanted readable */
    bool has_handle;
    int wanted;
    int watched; /* what the handle watches for */
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
    if (p->has_handle)
        uv_close((uv_handle_t *)&p->handle, on_closed);
    else
        mem_free(p);
}

void poll_end(struct poll_set *s)
{
    for (size_t fd = 0; fd < s->n_slots; fd++)
        if (s->by_fd[fd])
            let_go(s->by_fd[fd]);
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

static struct polled *add(struct poll_set *s, int fd)
{
    struct polled *p = make_slot(s, fd) ? mem_alloc(sizeof(*p)) : NULL;

    if (!p)
        return NULL;
    if (s->by_fd[fd]) /* of a socket that was closed behind our back */
        let_go(s->by_fd[fd]);
    p->set = s;
    p->fd = fd;
    s->by_fd[fd] = p;
    return p;
}

static ino_t inode_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

int poll_socket(struct poll_set *s, int domain, int type, int protocol)
{
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    struct polled *p = fd < 0 ? NULL : add(s, fd);

    if (!p) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    p->is_own = true;
    p->inode = inode_of(fd);
    return fd;
}

void poll_close(struct poll_set *s, int fd)
{
    struct polled *p = find(s, fd);

    if (p)
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

/* The socket's own handle, made when it is first wanted. NULL: none can be had. */
static struct polled *find_or_add(struct poll_set *s, int fd)
{
    struct polled *p = find(s, fd);

    if (p && !p->has_handle && p->inode != inode_of(fd))
        p = NULL;
    if (!p)
        p = add(s, fd);
    if (!p || p->has_handle)
        return p;
    if (uv_poll_init(s->loop, &p->handle, fd) != 0) {
        let_go(p);
        return NULL;
    }
    p->has_handle = true;
    s->n_open++;
    return p;
}

static void want_nothing(struct poll_set *s, int fd)
{
    struct polled *p = find(s, fd);

    if (p && p->is_own && p->is_connected)
        p->wanted = 0;
    else if (p)
        let_go(p);
}

void poll_want(struct poll_set *s, int fd, int events)
{
    struct polled *p;

    if (!events) {
        want_nothing(s, fd);
        return;
    }
    p = find_or_add(s, fd);
    if (!p)
        return;
    p->wanted = events;
    p->is_connected = p->is_connected || events & UV_READABLE;
    if (events != p->watched && uv_poll_start(&p->handle, events, on_poll) == 0)
        p->watched = events;
}
