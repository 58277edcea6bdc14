/* test_notify: what arrives at a manager's socket, and what is taken from one.
 * In:    a datagram socket of the test's own, and the environment that a manager sets.
 * Out:   cmocka's verdict.
 * Never: the manager that runs the test. */
#include "io/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/mem.h"
#include "tests/loop/run.h"

struct ctx {
    char *dir;
    int fd; /* the manager's end */
    uv_loop_t loop;
    struct notify *notify;
    uv_poll_t poll; /* of the manager that reads again */
    uv_timer_t later;
    bool is_later;
    char got[1024]; /* the last datagram */
    int n_got;
    bool is_third;      /* three datagrams came */
    bool is_ready;      /* READY=1 came */
    bool was_reloading; /* RELOADING=1 did, before it */
    bool is_closed;
};

static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    assert_non_null(c);
    c->dir = dir_new();
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", c->dir);
    c->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(bind(c->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    setenv("NOTIFY_SOCKET", addr.sun_path, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    uv_loop_init(&c->loop);
    *state = c;
    return 0;
}

static void open_notify(struct ctx *c)
{
    struct err err;

    assert_int_equal(notify_open(&c->loop, &c->notify, &err), 0);
}

static void close_notify(struct ctx *c)
{
    c->is_closed = false;
    notify_close(c->notify, run_is_so, &c->is_closed);
    assert_false(c->is_closed);
    run_until(&c->loop, &c->is_closed);
}

static int setup_open(void **state)
{
    setup(state);
    open_notify(*state);
    return 0;
}

static int teardown(void **state)
{
    struct ctx *c = *state;

    run_close(&c->loop);
    assert_int_equal(mem_live_blocks(), 0);
    unsetenv("NOTIFY_SOCKET");
    close(c->fd);
    dir_free(c->dir);
    free(c);
    return 0;
}

static int teardown_open(void **state)
{
    close_notify(*state);
    return teardown(state);
}

/* The datagram that is there; "" when there is none. */
static const char *receive(struct ctx *c)
{
    ssize_t n = recv(c->fd, c->got, sizeof(c->got) - 1, 0);

    c->got[n < 0 ? 0 : n] = '\0';
    return c->got;
}

static void state__ready_status_stopping__arrive(void **state)
{
    struct ctx *c = *state;

    notify_ready(c->notify, "%d tenants", 3);
    assert_string_equal(receive(c), "READY=1\nSTATUS=3 tenants");
    notify_status(c->notify, "settled");
    assert_string_equal(receive(c), "STATUS=settled");
    notify_stopping(c->notify, "two calls in flight");
    assert_string_equal(receive(c), "STOPPING=1\nSTATUS=two calls in flight");
    assert_string_equal(receive(c), "");
}

static void state__status_with_newline__cannot_say_more_than_a_status(void **state)
{
    struct ctx *c = *state;

    notify_status(c->notify, "x\nMAINPID=1");
    assert_string_equal(receive(c), "STATUS=x MAINPID=1");
}

/* As when the manager is stopped, or busy: its queue is full, and nobody empties it. */
static void fill(struct ctx *c)
{
    alarm(30); /* waiting would be for ever */
    for (int i = 0; i < 1000; i++)
        notify_status(c->notify, "%d", i);
}

static void on_told(uv_poll_t *poll, int status, int events)
{
    struct ctx *c = poll->data;

    (void)events;
    assert_int_equal(status, 0);
    receive(c);
    if (strncmp(c->got, "RELOADING=1", 11) == 0)
        c->was_reloading = true;
    c->is_ready = strncmp(c->got, "READY=1", 7) == 0;
}

/* The manager reads again, until it has read READY=1. */
static void read_until_ready(struct ctx *c)
{
    uv_poll_init(&c->loop, &c->poll, c->fd);
    c->poll.data = c;
    uv_poll_start(&c->poll, UV_READABLE, on_told);
    run_until(&c->loop, &c->is_ready);
    uv_close((uv_handle_t *)&c->poll, NULL);
    uv_run(&c->loop, UV_RUN_NOWAIT);
    alarm(0);
}

static void state__manager_that_does_not_read__keeps_nobody_waiting(void **state)
{
    struct ctx *c = *state;

    fill(c);
    notify_stopping(c->notify, "full");
    alarm(0);
    assert_string_equal(receive(c), "STATUS=0");
}

static void ready__not_taken_at_once__is_told_when_there_is_room(void **state)
{
    struct ctx *c = *state;

    fill(c);
    notify_ready(c->notify, "at last");
    read_until_ready(c);
    assert_string_equal(c->got, "READY=1\nSTATUS=at last");
}

static void reload__not_taken_at_once__is_told_before_its_end(void **state)
{
    struct ctx *c = *state;

    fill(c);
    notify_ready(c->notify, "started");
    notify_reloading(c->notify);
    notify_ready(c->notify, "reloaded");
    read_until_ready(c);
    assert_true(c->was_reloading);
    assert_string_equal(c->got, "READY=1\nSTATUS=reloaded");
}

/* It starts as well: a container's, say, that comes after what it starts. */
static void ready__to_a_manager_that_is_not_there_yet__is_told_once_it_is(void **state)
{
    struct ctx *c = *state;
    char away[512];

    snprintf(away, sizeof(away), "%s.away", getenv("NOTIFY_SOCKET"));
    assert_int_equal(rename(getenv("NOTIFY_SOCKET"), away), 0);
    notify_ready(c->notify, "started");
    assert_string_equal(receive(c), "");
    assert_int_equal(rename(away, getenv("NOTIFY_SOCKET")), 0);
    read_until_ready(c);
}

static void on_later(uv_timer_t *timer)
{
    struct ctx *c = timer->data;

    c->is_later = true;
}

static void stopping__while_ready_is_not_taken__is_the_last_word(void **state)
{
    struct ctx *c = *state;

    fill(c);
    notify_ready(c->notify, "started");
    while (*receive(c))
        ;
    notify_stopping(c->notify, "enough");
    alarm(0);
    assert_string_equal(receive(c), "STOPPING=1\nSTATUS=enough");
    uv_timer_init(&c->loop, &c->later);
    c->later.data = c;
    uv_timer_start(&c->later, on_later, 600, 0); /* a try would be due before */
    run_until(&c->loop, &c->is_later);
    uv_close((uv_handle_t *)&c->later, NULL);
    uv_run(&c->loop, UV_RUN_NOWAIT);
    assert_string_equal(receive(c), "");
}

/* A reload that was under way when it was told to stop. */
static void ready__of_what_stops__is_not_told(void **state)
{
    struct ctx *c = *state;

    notify_stopping(c->notify, "enough");
    assert_string_equal(receive(c), "STOPPING=1\nSTATUS=enough");
    notify_ready(c->notify, "reloaded");
    notify_reloading(c->notify);
    assert_string_equal(receive(c), "");
}

static void state__reloading__says_since_when(void **state)
{
    struct ctx *c = *state;

    notify_reloading(c->notify);
    assert_memory_equal(receive(c), "RELOADING=1\nMONOTONIC_USEC=", 27);
    assert_true(strtoull(c->got + 27, NULL, 10) > 0);
}

static void on_datagram(uv_poll_t *poll, int status, int events)
{
    struct ctx *c = poll->data;

    (void)events;
    assert_int_equal(status, 0);
    assert_string_equal(receive(c), "WATCHDOG=1");
    c->is_third = ++c->n_got == 3;
}

static void watchdog__asked_for__is_fed_from_the_loop(void **state)
{
    struct ctx *c = *state;
    uv_poll_t poll;

    setenv("WATCHDOG_USEC", "20000", 1);
    uv_poll_init(&c->loop, &poll, c->fd);
    poll.data = c;
    uv_poll_start(&poll, UV_READABLE, on_datagram);
    open_notify(c);
    run_until(&c->loop, &c->is_third);
    uv_close((uv_handle_t *)&poll, NULL);
    close_notify(c);
}

static void watchdog__of_another_process_or_none__is_silent(void **state)
{
    struct ctx *c = *state;

    for (int i = 0; i < 2; i++) {
        if (i == 1) {
            setenv("WATCHDOG_USEC", "20000", 1);
            setenv("WATCHDOG_PID", "1", 1);
        }
        open_notify(c);
        assert_int_equal(uv_run(&c->loop, UV_RUN_DEFAULT), 0); /* nothing keeps it going */
        assert_string_equal(receive(c), "");
        close_notify(c);
    }
}

/* --- Sockets: they are passed as descriptor 3 and up, so each case is a process of its own ---- */

enum passed { NOTHING, LISTENING, CONNECTING, DATAGRAM, TWO };

static int open_socket(enum passed what)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX}; /* no name: the kernel gives one */
    int fd = socket(AF_UNIX, what == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr.sun_family)) != 0)
        _exit(90);
    if ((what == LISTENING || what == TWO) && listen(fd, 1) != 0)
        _exit(91);
    return fd;
}

/* Exit status: 0 for a socket taken, 1 for none, 2 for refused, 3 for a mistake. */
static void take_socket(enum passed what)
{
    char pid[16];
    struct err err;
    int fd;

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    if (what != NOTHING) {
        int passed = open_socket(what);

        if (dup2(passed, 3) != 3 || dup2(passed, 4) != 4)
            _exit(92);
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", what == TWO ? "2" : "1", 1);
    }
    if (notify_socket(&fd, &err) != 0)
        _exit(fd == -1 && err.code == ERR_INVALID && fcntl(3, F_GETFD) < 0 ? 2 : 3);
    if (fd == -1)
        _exit(1);
    _exit((fcntl(fd, F_GETFD) & FD_CLOEXEC) && !getenv("LISTEN_FDS") ? 0 : 3);
}

static void socket__passed_or_not__is_taken_or_refused(void **state)
{
    static const int WANT[] = {
        [NOTHING] = 1, [LISTENING] = 0, [CONNECTING] = 2, [DATAGRAM] = 2, [TWO] = 2};

    (void)state;
    for (enum passed what = NOTHING; what <= TWO; what++) {
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0)
            take_socket(what);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) != WANT[what])
            fail_msg("case %d ended with %d", what, WEXITSTATUS(status));
    }
}

#define T(name)    cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TOLD(name) cmocka_unit_test_setup_teardown(name, setup_open, teardown_open)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOLD(state__ready_status_stopping__arrive),
        TOLD(state__status_with_newline__cannot_say_more_than_a_status),
        TOLD(state__manager_that_does_not_read__keeps_nobody_waiting),
        TOLD(ready__not_taken_at_once__is_told_when_there_is_room),
        TOLD(reload__not_taken_at_once__is_told_before_its_end),
        TOLD(ready__to_a_manager_that_is_not_there_yet__is_told_once_it_is),
        TOLD(stopping__while_ready_is_not_taken__is_the_last_word),
        TOLD(ready__of_what_stops__is_not_told),
        TOLD(state__reloading__says_since_when),
        T(watchdog__asked_for__is_fed_from_the_loop),
        T(watchdog__of_another_process_or_none__is_silent),
        T(socket__passed_or_not__is_taken_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
