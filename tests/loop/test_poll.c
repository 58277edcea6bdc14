/* test_poll: handles of sockets that come, go, and come again under the same number.
 * In:    sockets, some of them closed behind the room's back.
 * Out:   cmocka's verdict.
 * Never: curl; what it does to sockets is done here by hand. */
#include "io/poll.h"

#include "tests/loop/run.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct bench {
    uv_loop_t loop;
    struct poll_set set;
    int n_events;
    int last_fd;
    int last_events;
    bool has_event;
    bool is_idle;
};

static void on_event(void *arg, int fd, int status, int events)
{
    struct bench *b = arg;

    b->n_events++;
    b->last_fd = fd;
    b->last_events = status < 0 ? status : events;
    b->has_event = true;
}

static void on_idle(void *arg)
{
    ((struct bench *)arg)->is_idle = true;
}

static void bench_open(struct bench *b)
{
    *b = (struct bench){0};
    uv_loop_init(&b->loop);
    poll_init(&b->set, &b->loop, on_event, on_idle, b);
}

/* n_handles: those that are to close yet. */
static void bench_close(struct bench *b, size_t n_handles)
{
    poll_end(&b->set);
    assert_int_equal(b->set.n_open, n_handles);
    b->is_idle = b->is_idle || n_handles == 0;
    run_until(&b->loop, &b->is_idle);
    poll_deinit(&b->set);
    run_close(&b->loop);
}

/* A socket of the set's, connected to *peer. */
static int connected(struct bench *b, int *peer)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = poll_socket(&b->set, AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &size), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, size), 0);
    *peer = accept(listener, NULL, NULL);
    close(listener);
    return fd;
}

static void socket__that_is_wanted__gives_events(void **state)
{
    struct bench b;
    int peer;
    int fd;

    (void)state;
    bench_open(&b);
    fd = connected(&b, &peer);
    poll_want(&b.set, fd, UV_WRITABLE);
    run_until(&b.loop, &b.has_event);
    assert_int_equal(b.last_events, UV_WRITABLE);

    poll_want(&b.set, fd, UV_READABLE);
    b.has_event = false;
    assert_int_equal(write(peer, "x", 1), 1);
    run_until(&b.loop, &b.has_event);
    assert_int_equal(b.last_fd, fd);
    assert_int_equal(b.last_events, UV_READABLE);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);

    poll_close(&b.set, fd);
    close(peer);
    bench_close(&b, 1);
}

static void connection__that_nobody_wants__is_silent_and_does_not_spin(void **state)
{
    struct bench b;
    int peer;
    int fd;

    (void)state;
    bench_open(&b);
    fd = connected(&b, &peer);
    poll_want(&b.set, fd, UV_READABLE);
    poll_want(&b.set, fd, 0);
    close(peer); /* now it is readable for ever */
    for (int i = 0; i < 1000 && uv_loop_alive(&b.loop); i++)
        uv_run(&b.loop, UV_RUN_ONCE);
    assert_false(uv_loop_alive(&b.loop)); /* the handle has stopped */
    assert_int_equal(b.n_events, 0);

    poll_want(&b.set, fd, UV_READABLE); /* and starts again when it is wanted */
    run_until(&b.loop, &b.has_event);
    poll_close(&b.set, fd);
    bench_close(&b, 1);
}

static void socket__that_never_connected__is_let_go_when_nothing_is_wanted(void **state)
{
    struct bench b;
    int fd;

    (void)state;
    bench_open(&b);
    fd = poll_socket(&b.set, AF_INET, SOCK_STREAM, 0);
    poll_want(&b.set, fd, UV_WRITABLE);
    close(fd); /* as curl does, without a word; then it wants nothing more */
    poll_want(&b.set, fd, 0);
    assert_int_equal(b.set.n_open, 1);
    run_until(&b.loop, &b.is_idle);
    bench_close(&b, 0);
}

static void number__of_a_socket_closed_unseen__is_the_next_ones(void **state)
{
    struct bench b;
    int first;
    int second;

    (void)state;
    bench_open(&b);
    first = poll_socket(&b.set, AF_INET, SOCK_STREAM, 0);
    close(first); /* never wanted */
    second = poll_socket(&b.set, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(second, first);
    poll_want(&b.set, second, UV_WRITABLE);
    run_until(&b.loop, &b.has_event);
    poll_close(&b.set, second);
    bench_close(&b, 1);
}

static void number__that_is_somebody_elses_now__is_not_taken_for_ours(void **state)
{
    struct bench b;
    int pair[2];
    int fd;

    (void)state;
    bench_open(&b);
    fd = poll_socket(&b.set, AF_INET, SOCK_STREAM, 0);
    close(fd);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(pair[0], fd);
    poll_want(&b.set, fd, UV_READABLE);
    poll_want(&b.set, fd, 0); /* a name lookup's: its owner closes it next */
    run_until(&b.loop, &b.is_idle);
    close(pair[0]);
    close(pair[1]);
    bench_close(&b, 0);
}

static void file__that_cannot_be_watched__is_not(void **state)
{
    struct bench b;
    int fd = open(TESTS_DATA_DIR "/answers/status.json", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    bench_open(&b);
    poll_want(&b.set, fd, UV_READABLE);
    assert_int_equal(b.set.n_open, 0);
    close(fd);
    bench_close(&b, 0);
}

static void end__with_sockets_left__lets_go_of_them(void **state)
{
    struct bench b;
    int fds[2];

    (void)state;
    bench_open(&b);
    fds[0] = poll_socket(&b.set, AF_INET, SOCK_STREAM, 0);
    fds[1] = poll_socket(&b.set, AF_INET, SOCK_STREAM, 0);
    poll_want(&b.set, fds[1], UV_WRITABLE);
    bench_close(&b, 1);
    close(fds[0]);
    close(fds[1]);
}

static void socket__that_cannot_be_had__is_none(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    assert_int_equal(poll_socket(&b.set, AF_INET, -1, -1), -1);
    bench_close(&b, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socket__that_is_wanted__gives_events),
        cmocka_unit_test(connection__that_nobody_wants__is_silent_and_does_not_spin),
        cmocka_unit_test(socket__that_never_connected__is_let_go_when_nothing_is_wanted),
        cmocka_unit_test(number__of_a_socket_closed_unseen__is_the_next_ones),
        cmocka_unit_test(number__that_is_somebody_elses_now__is_not_taken_for_ours),
        cmocka_unit_test(file__that_cannot_be_watched__is_not),
        cmocka_unit_test(end__with_sockets_left__lets_go_of_them),
        cmocka_unit_test(socket__that_cannot_be_had__is_none),
    };

    return cmocka_run_group_tests_name("poll", tests, NULL, NULL);
}
