/* test_http_connections: how many there are, and what happens to a request on one that dies.
 * In:    scripts for a server on the same loop.
 * Out:   cmocka's verdict.
 * Never: another host; a sleep. */
#include "tests/loop/http_fixture.h"

#include <signal.h>

/* --- Connections ----------------------------------------------------------------------------- */

static void requests__one_after_the_other__share_a_connection(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;

    (void)state;
    world_open(&w, SCRIPT, 1, 4);
    for (int i = 0; i < 10; i++)
        assert_int_equal(get(&w, "/").end, HTTP_COMPLETE);

    assert_int_equal(w.fake.n_requests, 10);
    assert_int_equal(w.fake.n_connections, 1);
    world_close(&w);
}

static void bursts__of_64__use_64_connections_in_all(void **state)
{
    enum { N = 64 };
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", .gather = N}};
    struct world w;
    struct got all[N];

    (void)state;
    world_open(&w, SCRIPT, 1, N);
    for (int i = 0; i < 5; i++)
        burst(&w, all, N);

    assert_int_equal(w.fake.peak_open, N);
    assert_int_equal(w.fake.n_connections, N);
    world_close(&w);
}

static void burst__however_large__begins_in_the_next_turn_of_the_loop(void **state)
{
    enum { N = 64 };
    static const struct fake_step SCRIPT[] = {{.then = FAKE_HANG}};
    struct got all[N] = {{0}};
    struct http_request r;
    struct world w;

    (void)state;
    world_open(&w, SCRIPT, 1, N);
    r = get_of(fake_http_url(&w.fake, "/"));
    uv_run(&w.loop, UV_RUN_NOWAIT); /* what waits to be watched would hide when a timer is due */
    for (int i = 0; i < N; i++)
        start(&w, &r, &all[i]);

    assert_int_equal(uv_backend_timeout(&w.loop), 0);
    world_close(&w);
}

/* Pieces of a body, and how many of them came in one turn of the loop. */
struct pieces {
    uv_prepare_t turn;
    size_t in_turn;
    size_t most;
    bool is_over;
};

static void begin_pieces(void *arg, const struct http_head *head)
{
    (void)arg;
    (void)head;
}

static bool read_slowly(void *arg, const char *data, size_t size)
{
    struct pieces *p = arg;
    uint64_t begun_ns = uv_hrtime();

    (void)data;
    (void)size;
    while (uv_hrtime() - begun_ns < 50000)
        ;
    if (++p->in_turn > p->most)
        p->most = p->in_turn;
    return true;
}

static void end_pieces(void *arg, enum http_end end, const char *why)
{
    (void)why;
    assert_int_equal(end, HTTP_COMPLETE);
    ((struct pieces *)arg)->is_over = true;
}

static void begin_turn(uv_prepare_t *turn)
{
    container_of(turn, struct pieces, turn)->in_turn = 0;
}

/* A server on a thread of its own: what it sends comes while the loop is at work. */
static void send_much(void *arg)
{
    static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Length: 4096000\r\n\r\n";
    static char block[4096];
    int fd = accept(*(const int *)arg, NULL, NULL);
    bool ok = recv(fd, block, sizeof(block), 0) > 0 &&
              send(fd, HEAD, strlen(HEAD), MSG_NOSIGNAL) == (ssize_t)strlen(HEAD);

    for (int i = 0; ok && i < 1000; i++)
        for (size_t sent = 0; ok && sent < sizeof(block);) {
            ssize_t n = send(fd, block + sent, sizeof(block) - sent, MSG_NOSIGNAL);

            ok = n > 0;
            sent += ok ? (size_t)n : 0;
        }
    close(fd);
}

static void body__that_comes_faster_than_it_is_read__leaves_turns_to_others(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(a);
    struct pieces p = {0};
    const struct http_callbacks cb = {begin_pieces, read_slowly, end_pieces, &p};
    struct err err = ERR_INIT;
    struct http_request r;
    struct http_call *call;
    uv_thread_t server;
    struct world w;
    char url[64];

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&a, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &size), 0);
    assert_int_equal(uv_thread_create(&server, send_much, &listener), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(a.sin_port));
    world_open(&w, SCRIPT, 1, 1);
    uv_prepare_init(&w.loop, &p.turn);
    uv_prepare_start(&p.turn, begin_turn);
    r = get_of(url);
    assert_int_equal(http_start(w.http, &r, &cb, &call, &err), 0);
    run_until(&w.loop, &p.is_over);
    uv_close((uv_handle_t *)&p.turn, NULL);
    world_close(&w);
    uv_thread_join(&server);
    close(listener);

    assert_in_range(p.most, 1,
                    350); /* curl takes 101 before it looks up, for a poll and two timers */
}

static void start__over_the_concurrency__is_refused_without_a_trace(void **state)
{
    static const struct fake_step SCRIPT[] = {{.then = FAKE_HANG}};
    struct world w;
    struct got all[3] = {{0}, {0}, {0}};
    struct http_request r;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&w, SCRIPT, 1, 2);
    r = get_of(fake_http_url(&w.fake, "/"));
    start(&w, &r, &all[0]);
    start(&w, &r, &all[1]);
    assert_int_equal(start_as(&w, &r, &all[2], &err), -ERR_LIMIT);
    assert_string_equal(err.msg, "2 requests are in flight");
    world_close(&w);

    assert_int_equal(all[0].end, HTTP_CANCELED);
    assert_int_equal(all[1].end, HTTP_CANCELED);
    assert_int_equal(all[2].n_dones, 0);
}

static void configure__while_requests_are_in_flight__changes_what_may_start(void **state)
{
    static const struct fake_step SCRIPT[] = {{.then = FAKE_HANG}};
    struct world w;
    struct got all[4] = {{0}, {0}, {0}, {0}};
    struct http_request r;
    struct http_options o = {.concurrency = 1};

    (void)state;
    world_open(&w, SCRIPT, 1, 2);
    r = get_of(fake_http_url(&w.fake, "/"));
    start(&w, &r, &all[0]);
    start(&w, &r, &all[1]);
    assert_int_equal(http_configure(w.http, &o, NULL), 0);
    assert_int_equal(start_as(&w, &r, &all[2], NULL), -ERR_LIMIT);
    o.concurrency = 4;
    assert_int_equal(http_configure(w.http, &o, NULL), 0);
    start(&w, &r, &all[2]);
    start(&w, &r, &all[3]);
    assert_int_equal(start_as(&w, &r, &all[3], NULL), -ERR_LIMIT);
    o.concurrency = HTTP_CONCURRENCY_MAX + 1;
    assert_int_equal(http_configure(w.http, &o, NULL), -ERR_INVALID);
    o.concurrency = 0;
    assert_int_equal(http_configure(w.http, &o, NULL), -ERR_INVALID);
    world_close(&w);
}

static void connection__closed_while_idle__is_replaced(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", .then = FAKE_CLOSE}};
    struct world w;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    for (int i = 0; i < 30; i++)
        assert_int_equal(get(&w, "/").end, HTTP_COMPLETE);
    assert_int_equal(w.fake.n_requests, 30);
    world_close(&w);
}

static void requests__to_two_servers_in_turn__reach_each(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct fake_http other;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    fake_http_open(&other, &w.loop, SCRIPT, 1);
    for (int i = 0; i < 4; i++) {
        struct http_request r = get_of(fake_http_url(&other, "/other"));

        assert_int_equal(get(&w, "/one").end, HTTP_COMPLETE);
        assert_int_equal(fetch(&w, &r).end, HTTP_COMPLETE);
        assert_memory_equal(w.fake.requests[i], "GET /one ", 9);
        assert_memory_equal(other.requests[i], "GET /other ", 11);
    }
    assert_int_equal(w.fake.n_connections, 1);
    assert_int_equal(other.n_connections, 1);
    fake_http_close(&other);
    run_until(&w.loop, &other.is_closed);
    fake_http_free(&other);
    world_close(&w);
}

/* One that failed before it was sent leaves nothing behind that the next could stumble over. */
static void answer__of_any_length__comes_whole_after_a_failure(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP,
                                              {.send = "HTTP/1.1 200 OK\r\n\r\nxxxxxxxxxx",
                                               .times = 10000,
                                               .repeat = 10,
                                               .then = FAKE_CLOSE}};
    char nowhere[64] = "";
    struct world w;
    struct http_request r = get_of(nowhere);
    struct got g;

    (void)state;
    snprintf(nowhere, sizeof(nowhere), "http://127.0.0.1:%u/", dead_port());
    world_open(&w, SCRIPT, ARRAY_SIZE(SCRIPT), 1);
    assert_int_equal(get(&w, "/").end, HTTP_COMPLETE);
    assert_int_equal(fetch(&w, &r).end, HTTP_NOT_SENT);
    r = get_of(fake_http_url(&w.fake, "/long"));
    r.is_long = true;
    g = fetch(&w, &r);

    assert_int_equal(g.end, HTTP_COMPLETE);
    assert_int_equal(g.n_bytes, 100010);
    world_close(&w);
}

/* A reused connection on which the server reads the whole request and then closes. */
static struct got request_on_dying(struct world *w, const char *method, const char *body, bool once)
{
    static const struct fake_step SCRIPT[] = {OK_STEP, {.then = FAKE_CLOSE}, OK_STEP};
    struct http_request r;

    world_open(w, SCRIPT, ARRAY_SIZE(SCRIPT), 1);
    assert_int_equal(get(w, "/first").end, HTTP_COMPLETE);
    r = get_of(fake_http_url(&w->fake, "/second"));
    r.method = method;
    r.body = body;
    r.once = once;
    return fetch(w, &r);
}

static void post__on_a_connection_that_dies__is_never_sent_twice(void **state)
{
    struct world w;
    struct got g = request_on_dying(&w, "POST", "{\"name\":\"a\"}", true);

    (void)state;
    assert_int_equal(g.end, HTTP_LOST);
    assert_int_equal(g.n_heads, 0);
    assert_int_equal(w.fake.n_requests, 2);
    /* this very text is only there for a connection that was used before, else nothing were proven
     */
    assert_string_equal(g.why, "the connection broke; not sent again, since it may have arrived");
    world_close(&w);
}

static void post__without_a_body__is_never_sent_twice_either(void **state)
{
    struct world w;
    struct got g = request_on_dying(&w, "POST", NULL, true);

    (void)state;
    assert_int_equal(g.end, HTTP_LOST);
    assert_int_equal(w.fake.n_requests, 2);
    assert_string_equal(g.why, "the connection broke; not sent again, since it may have arrived");
    world_close(&w);
}

static void posts__that_must_not_be_sent_twice__share_a_connection(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct http_request r;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/mint"));
    r.method = "POST";
    r.once = true;
    for (int i = 0; i < 3; i++) {
        r.body = i == 1 ? "{}" : NULL;
        assert_int_equal(fetch(&w, &r).end, HTTP_COMPLETE);
    }
    assert_int_equal(w.fake.n_requests, 3);
    assert_int_equal(w.fake.n_connections, 1);
    world_close(&w);
}

static void patch__on_a_connection_that_dies__may_be_sent_again(void **state)
{
    struct world w;
    struct got g = request_on_dying(&w, "PATCH", "{\"block_reads\":true}", false);

    (void)state;
    assert_int_equal(g.end, HTTP_COMPLETE);
    assert_int_equal(w.fake.n_requests, 3);
    assert_string_equal(strchr(w.fake.requests[2], '{'), "{\"block_reads\":true}");
    world_close(&w);
}

/* --- What does not come ---------------------------------------------------------------------- */

static void server__that_is_not_there__was_sent_nothing(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    char url[64] = "";
    struct http_request r = get_of(url);
    struct got g;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", dead_port());
    r.method = "POST";
    r.body = "{}";
    r.once = true;
    g = fetch(&w, &r);
    assert_int_equal(g.end, HTTP_NOT_SENT);
    assert_non_null(strstr(g.why, "onnect"));

    r.url = "http://no-such-host.invalid/";
    g = fetch(&w, &r);
    assert_int_equal(g.end, HTTP_NOT_SENT);
    assert_non_null(strstr(g.why, "no-such-host.invalid"));
    world_close(&w);
}

static void tls__to_a_server_without_it__was_sent_nothing(void **state)
{
    static const struct {
        struct fake_step step;
        const char *why;
    } CASES[] = {
        {{.send = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
          .then = FAKE_CLOSE,
          .greets = true},
         "TLS: no handshake: "},
        {{.then = FAKE_HANG, .greets = true}, "timed out: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct world w;
        char url[64] = "";
        struct http_request r = get_of(url);
        struct got g;

        world_open(&w, &CASES[i].step, 1, 1);
        snprintf(url, sizeof(url), "https://127.0.0.1:%u/", w.fake.port);
        r.timeout_ms = i == 0 ? LONG_MS : 300;
        g = fetch(&w, &r);
        assert_int_equal(g.end, HTTP_NOT_SENT);
        assert_memory_equal(g.why, CASES[i].why, strlen(CASES[i].why));
        world_close(&w);
    }
}

static void server__that_hangs__is_waited_for_no_longer_than_asked(void **state)
{
    static const struct fake_step SCRIPT[] = {{.then = FAKE_HANG}};
    struct world w;
    struct http_request r;
    struct got g;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/"));
    r.timeout_ms = 200;
    g = fetch(&w, &r);

    assert_int_equal(g.end, HTTP_LOST);
    assert_memory_equal(g.why, "timed out: ", 11);
    world_close(&w);
}

static void answer__that_drips__is_lost_however_long_it_may_be(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
         .drip_ms = 30,
         .then = FAKE_HANG}};

    (void)state;
    for (int is_long = 0; is_long <= 1; is_long++) {
        struct world w;
        struct http_request r;
        struct got g;

        world_open(&w, SCRIPT, 1, 1);
        r = get_of(fake_http_url(&w.fake, "/"));
        r.is_long = is_long;
        r.timeout_ms = is_long ? SHORT_MS : 300;
        g = fetch(&w, &r);
        assert_int_equal(g.end, HTTP_LOST);
        assert_memory_equal(g.why, "timed out: ", 11);
        world_close(&w);
    }
}

#define TEXT_120                                                                                   \
    "123456789012345678901234567890123456789012345678901234567890"                                 \
    "123456789012345678901234567890123456789012345678901234567890"

/* Longer in all than timeout_ms, but never still for so long. */
static void answer__that_is_long_and_flows__is_waited_for(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send =
             "HTTP/1.1 200 OK\r\nContent-Length: 480\r\n\r\n" TEXT_120 TEXT_120 TEXT_120 TEXT_120,
         .drip_ms = 1}};
    struct world w;
    struct http_request r;
    struct got g;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/"));
    r.is_long = true;
    r.timeout_ms = 400; /* of 520 and more; on a busy machine it may take ten times as long */
    g = fetch(&w, &r);

    assert_int_equal(g.end, HTTP_COMPLETE);
    assert_int_equal(g.n_bytes, 480);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests__one_after_the_other__share_a_connection),
        cmocka_unit_test(bursts__of_64__use_64_connections_in_all),
        cmocka_unit_test(burst__however_large__begins_in_the_next_turn_of_the_loop),
        cmocka_unit_test(body__that_comes_faster_than_it_is_read__leaves_turns_to_others),
        cmocka_unit_test(start__over_the_concurrency__is_refused_without_a_trace),
        cmocka_unit_test(configure__while_requests_are_in_flight__changes_what_may_start),
        cmocka_unit_test(connection__closed_while_idle__is_replaced),
        cmocka_unit_test(requests__to_two_servers_in_turn__reach_each),
        cmocka_unit_test(answer__of_any_length__comes_whole_after_a_failure),
        cmocka_unit_test(post__on_a_connection_that_dies__is_never_sent_twice),
        cmocka_unit_test(post__without_a_body__is_never_sent_twice_either),
        cmocka_unit_test(posts__that_must_not_be_sent_twice__share_a_connection),
        cmocka_unit_test(patch__on_a_connection_that_dies__may_be_sent_again),
        cmocka_unit_test(server__that_is_not_there__was_sent_nothing),
        cmocka_unit_test(tls__to_a_server_without_it__was_sent_nothing),
        cmocka_unit_test(server__that_hangs__is_waited_for_no_longer_than_asked),
        cmocka_unit_test(answer__that_drips__is_lost_however_long_it_may_be),
        cmocka_unit_test(answer__that_is_long_and_flows__is_waited_for),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("http_connections", tests, NULL, NULL);
}
