/* test_upload: a file goes out as it lies on the disk, to a server that reads as it likes.
 * In:    files of the test's own, a server on the same loop.
 * Out:   cmocka's verdict.
 * Never: another host; a sleep. */
#include "tests/loop/api_fixture.h"

#include "io/seed_file.h"
#include "tests/lib/sqlite_bytes.h"

#define PAGE       4096
#define FILE_PAGES 1024 /* 4 MiB: more than sockets hold by themselves */
#define HEAD_MAX   4096
#define SIP        (256 * 1024)

/* --- A server that reads a sip at a time --------------------------------------------------- */

struct sink {
    uv_tcp_t listener;
    uv_tcp_t peer;
    bool has_other;
    uv_timer_t timer;
    uv_write_t write;
    bool is_slow;       /* a sip a millisecond */
    size_t stops_after; /* bytes: then it ends the connection; 0: never */
    const char *answer; /* once all has come; NULL: none, ever */
    bool answers_early; /* once the head has come */
    bool has_answered;
    char head[HEAD_MAX]; /* of the request */
    size_t n_head;
    size_t n_body;
    size_t n_wanted;
    uint64_t sum; /* of the body's bytes */
    bool has_peer;
    bool is_taken; /* `peer` is, until it has closed */
    unsigned n_open;
    bool is_closed;
    unsigned port;
    char buffer[SIP];
};

static void on_sink_closed(uv_handle_t *h)
{
    struct sink *s = h->data;

    s->is_taken = s->is_taken && h != (uv_handle_t *)&s->peer;
    s->is_closed = --s->n_open == 0;
}

static void sink_alloc(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
    struct sink *s = h->data;

    (void)n;
    *buf = uv_buf_init(s->buffer, sizeof(s->buffer));
}

static void end_peer(struct sink *s)
{
    if (s->has_peer)
        uv_close((uv_handle_t *)&s->peer, on_sink_closed);
    s->has_peer = false;
}

static void on_written(uv_write_t *w, int status)
{
    struct sink *s = w->data;

    (void)status;
    if (!s->answers_early) /* else it goes on reading, so that its answer is not lost to an RST */
        end_peer(s);
}

static void answer(struct sink *s)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)s->answer, (unsigned)strlen(s->answer));

    s->has_answered = true;
    s->write.data = s;
    assert_int_equal(uv_write(&s->write, (uv_stream_t *)&s->peer, &buf, 1, on_written), 0);
}

static void take_body(struct sink *s, const char *data, size_t n)
{
    s->n_body += n;
    for (size_t i = 0; i < n; i++)
        s->sum = s->sum * 31 + (unsigned char)data[i];
}

static void take(struct sink *s, const char *data, size_t n)
{
    const char *end;
    size_t had = s->n_head;
    size_t room = sizeof(s->head) - 1 - had;

    if (s->n_wanted) {
        take_body(s, data, n);
        return;
    }
    memcpy(s->head + had, data, n < room ? n : room);
    s->n_head += n < room ? n : room;
    end = strstr(s->head, "\r\n\r\n");
    if (!end)
        return;
    s->n_wanted = strtoul(strstr(s->head, "Content-Length: ") + 16, NULL, 10);
    s->n_head = (size_t)(end - s->head) + 4;
    s->head[s->n_head - 2] = '\0';
    take_body(s, data + (s->n_head - had), n - (s->n_head - had));
}

static void on_sink_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_sip(uv_timer_t *t)
{
    struct sink *s = t->data;

    if (s->has_peer)
        uv_read_start((uv_stream_t *)&s->peer, sink_alloc, on_sink_read);
}

static void on_sink_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct sink *s = stream->data;

    if (n <= 0) {
        if (n < 0)
            end_peer(s);
        return;
    }
    take(s, buf->base, (size_t)n);
    if (s->stops_after && s->n_body >= s->stops_after) {
        end_peer(s);
    } else if (s->answer && !s->has_answered && s->n_wanted &&
               (s->answers_early || s->n_body >= s->n_wanted)) {
        answer(s);
    } else if (s->is_slow) {
        uv_read_stop(stream);
        uv_timer_start(&s->timer, on_sip, 1, 0);
    }
}

static void on_other_closed(uv_handle_t *h)
{
    on_sink_closed(h);
    mem_free(h);
}

static void on_sink_connected(uv_stream_t *listener, int status)
{
    struct sink *s = listener->data;
    uv_tcp_t *peer = s->is_taken ? mem_alloc(sizeof(*peer)) : &s->peer;

    assert_int_equal(status, 0);
    assert_non_null(peer);
    uv_tcp_init(listener->loop, peer);
    peer->data = s;
    s->n_open++;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)peer), 0);
    if (s->is_taken) { /* of those that may come beside it nothing is wanted but that they come */
        s->has_other = true;
        uv_close((uv_handle_t *)peer, on_other_closed);
        return;
    }
    s->has_peer = s->is_taken = true;
    uv_read_start((uv_stream_t *)peer, sink_alloc, on_sink_read);
}

static void sink_open(struct sink *s, uv_loop_t *loop)
{
    struct sockaddr_in at;
    int size = sizeof(at);

    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_init(loop, &s->listener);
    uv_timer_init(loop, &s->timer);
    s->listener.data = s->timer.data = s;
    s->n_open = 2;
    assert_int_equal(uv_tcp_bind(&s->listener, (const struct sockaddr *)&at, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&s->listener, 8, on_sink_connected), 0);
    assert_int_equal(uv_tcp_getsockname(&s->listener, (struct sockaddr *)&at, &size), 0);
    s->port = ntohs(at.sin_port);
}

static void sink_close(struct sink *s, uv_loop_t *loop)
{
    end_peer(s);
    uv_close((uv_handle_t *)&s->timer, on_sink_closed);
    uv_close((uv_handle_t *)&s->listener, on_sink_closed);
    run_until(loop, &s->is_closed);
}

/* --- A file, a client ---------------------------------------------------------------------- */

struct test {
    struct bench b;
    struct sink sink;
    char *dir;
    char path[256];
    struct seed_file file;
    struct reply reply;
    uint64_t sum;  /* of the file's bytes */
    uint64_t told; /* bytes that went out, by what was told last */
    unsigned n_told;
    bool is_changed_at_first;
};
static struct test t; /* too large for a stack */

/* A header that is taken, and pages of noise behind it. */
static void make_file(void)
{
    static unsigned char data[FILE_PAGES * PAGE];
    FILE *f;

    sqlite_bytes(data, sizeof(data));
    t.sum = 0;
    for (size_t i = 0; i < sizeof(data); i++)
        t.sum = t.sum * 31 + data[i];
    snprintf(t.path, sizeof(t.path), "%s/base.db", t.dir);
    f = fopen(t.path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, sizeof(data), f), sizeof(data));
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    char url[64];

    (void)state;
    memset(&t, 0, sizeof(t));
    t.dir = dir_new();
    make_file();
    uv_loop_init(&t.b.loop);
    sink_open(&t.sink, &t.b.loop);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", t.sink.port);
    bench_open_at(&t.b, url, LONG_MS, 1);
    return 0;
}

/* What is in flight, with the api; the teardown closes another one. */
static void cancel_all(void)
{
    bench_close_api(&t.b);
    bench_open_at(&t.b, "http://127.0.0.1:1", LONG_MS, 1);
}

static int teardown(void **state)
{
    (void)state;
    bench_close_api(&t.b);
    sink_close(&t.sink, &t.b.loop);
    uv_run(&t.b.loop, UV_RUN_DEFAULT); /* what was being read of a file comes back */
    run_close(&t.b.loop);
    dir_free(t.dir);
    assert_int_equal(mem_live_blocks(), 0);
    return 0;
}

static void on_sent(void *arg, uint64_t bytes, uint64_t of)
{
    (void)arg;
    assert_true(bytes > t.told || t.n_told == 0);
    assert_int_equal(of, FILE_PAGES * PAGE);
    t.told = bytes;
    if (t.n_told++ == 0 && t.is_changed_at_first)
        assert_int_equal(truncate(t.path, (off_t)FILE_PAGES * PAGE / 2), 0);
}

static void begin(void)
{
    struct err err = ERR_INIT;
    struct call *c = call_of(CALL_DATABASE_UPLOAD, "t-1");

    if (seed_file_open(t.dir, "base.db", NULL, &t.file, &err) != 0)
        fail_msg("%s", err.msg);
    if (api_upload(t.b.api, c, &t.file, on_sent, on_answer, &t.reply, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(t.file.fd, -1); /* it was taken */
}

static struct answer *upload(void)
{
    begin();
    run_until(&t.b.loop, &t.reply.is_over);
    return t.reply.answer;
}

static void expect_outcome(enum outcome outcome, const char *says)
{
    struct answer *a = upload();

    if (a->outcome != outcome || !strstr(a->error, says))
        fail_msg("%s: %s", OUTCOME_INFO[a->outcome].text, a->error);
    answer_free(a);
}

/* --- Cases --------------------------------------------------------------------------------- */

static void file__to_a_good_server__arrives_byte_by_byte(void **state)
{
    struct answer *a;

    (void)state;
    t.sink.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    a = upload();
    assert_int_equal(a->outcome, OUTCOME_OK);
    assert_int_equal(t.sink.n_body, FILE_PAGES * PAGE);
    assert_int_equal(t.sink.sum, t.sum);
    assert_int_equal(t.told, FILE_PAGES * PAGE);
    assert_int_equal(a->seed_size, FILE_PAGES * PAGE);
    assert_non_null(a->seed_state);
    assert_memory_equal(t.sink.head, "POST /v1/upload HTTP/1.1\r\n", 26);
    assert_non_null(strstr(t.sink.head, "\r\nHost: t-1-acme.turso.io\r\n"));
    assert_non_null(strstr(t.sink.head, "\r\nAuthorization: Bearer tenants-jwt\r\n"));
    assert_non_null(strstr(t.sink.head, "\r\nContent-Type: application/octet-stream\r\n"));
    assert_non_null(strstr(t.sink.head, "\r\nContent-Length: 4194304\r\n"));
    assert_null(strstr(t.sink.head, TOKEN));
    assert_null(strstr(t.sink.head, "Expect"));
    answer_free(a);
}

static void file__to_a_slow_reader__arrives_and_holds_nothing_up(void **state)
{
    struct answer *a;

    (void)state;
    t.sink.is_slow = true;
    t.sink.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    a = upload();
    assert_int_equal(a->outcome, OUTCOME_OK);
    assert_int_equal(t.sink.sum, t.sum);
    answer_free(a);
}

static void connection__that_ends_in_the_middle__leaves_the_outcome_unknown(void **state)
{
    (void)state;
    t.sink.stops_after = FILE_PAGES * PAGE / 2;
    expect_outcome(OUTCOME_UNKNOWN, "");
    assert_true(t.sink.n_body < FILE_PAGES * PAGE);
}

static void refusal__before_all_was_sent__is_heard(void **state)
{
    (void)state;
    t.sink.answers_early = true;
    t.sink.answer = "HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/json\r\n"
                    "Content-Length: 21\r\nConnection: close\r\n\r\n{\"error\":\"too large\"}";
    expect_outcome(OUTCOME_INVALID, "too large");
}

static void file__that_changes_while_it_is_sent__never_arrives_whole(void **state)
{
    (void)state;
    t.is_changed_at_first = true;
    t.sink.is_slow = true;
    t.sink.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    expect_outcome(OUTCOME_UNKNOWN, "the file changed");
    assert_true(t.sink.n_body < FILE_PAGES * PAGE);
}

static void upload__when_all_is_closed__is_canceled(void **state)
{
    bool closed = false;

    (void)state;
    begin();
    while (t.n_told == 0)
        uv_run(&t.b.loop, UV_RUN_ONCE);
    api_close(t.b.api, set_flag, &closed);
    run_until(&t.b.loop, &closed);
    assert_int_equal(t.reply.answer->outcome, OUTCOME_CANCELED);
    answer_free(t.reply.answer);
    bench_open_at(&t.b, "http://127.0.0.1:1", LONG_MS, 1); /* for the teardown */
}

static void upload__beside_another__is_not_begun_and_its_file_is_closed(void **state)
{
    struct seed_file other;
    struct reply unused = {0};
    struct err err = ERR_INIT;
    struct call *c = call_of(CALL_DATABASE_UPLOAD, "t-2");
    struct reply beside = {0};
    struct call *read = call_of(CALL_DATABASE_GET, "t-3");
    int fd;

    (void)state;
    begin();
    assert_int_equal(seed_file_open(t.dir, "base.db", NULL, &other, &err), 0);
    fd = other.fd;
    assert_int_equal(api_upload(t.b.api, c, &other, on_sent, on_answer, &unused, &err), -ERR_LIMIT);
    assert_int_equal(other.fd, -1);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    call_free(c);
    assert_int_equal(api_start(t.b.api, read, on_answer, &beside, &err), 0); /* has its own place */
    run_until(&t.b.loop, &t.sink.has_other);
    cancel_all();
    run_until(&t.b.loop, &t.reply.is_over);
    run_until(&t.b.loop, &beside.is_over);
    answer_free(t.reply.answer);
    answer_free(beside.answer);
}

static void upload__beside_all_the_calls_that_may_be__has_its_place(void **state)
{
    static struct reply others[LIMIT_CONCURRENCY];
    struct err err = ERR_INIT;

    (void)state;
    memset(others, 0, sizeof(others));
    assert_int_equal(api_configure(t.b.api, NULL, LONG_MS, LIMIT_CONCURRENCY, &err), 0);
    begin();
    for (int i = 0; i < LIMIT_CONCURRENCY; i++)
        if (api_start(t.b.api, call_of(CALL_DATABASE_GET, "t-3"), on_answer, &others[i], &err) != 0)
            fail_msg("%d: %s", i, err.msg);
    cancel_all();
    run_until(&t.b.loop, &t.reply.is_over);
    answer_free(t.reply.answer);
    for (int i = 0; i < LIMIT_CONCURRENCY; i++) {
        run_until(&t.b.loop, &others[i].is_over);
        answer_free(others[i].answer);
    }
}

static ssize_t never(void *arg, char *out, size_t n)
{
    (void)out, (void)n;
    ++*(unsigned *)arg;
    return HTTP_LATER;
}

static void unsent(void *arg, uint64_t bytes)
{
    (void)arg, (void)bytes;
    fail_msg("nothing was there to be sent");
}

static void source__that_has_nothing_ever__is_asked_once_and_given_up(void **state)
{
    unsigned n_asked = 0;
    const struct http_source source = {.size = 1, never, unsent, &n_asked};
    const struct http_options o = {.concurrency = 1};
    const struct http_callbacks cb = {on_head, on_data, on_done, &(struct got){0}};
    struct got *g = cb.arg;
    struct http_request r = {.method = "POST", .source = &source, .timeout_ms = 100, .once = true};
    struct world w = {0};
    struct err err = ERR_INIT;
    char url[64];

    (void)state;
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", t.sink.port);
    r.url = url;
    assert_int_equal(http_open(&t.b.loop, &o, &w.http, &err), 0);
    assert_int_equal(http_start(w.http, &r, &cb, &g->call, &err), 0);
    run_until(&t.b.loop, &g->is_over);
    assert_int_equal(g->end, HTTP_LOST);
    assert_non_null(strstr(g->why, "timed out"));
    assert_int_equal(n_asked, 1);
    http_close(w.http, set_flag, &w.is_closed);
    run_until(&t.b.loop, &w.is_closed);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(file__to_a_good_server__arrives_byte_by_byte),
        CASE(file__to_a_slow_reader__arrives_and_holds_nothing_up),
        CASE(connection__that_ends_in_the_middle__leaves_the_outcome_unknown),
        CASE(refusal__before_all_was_sent__is_heard),
        CASE(file__that_changes_while_it_is_sent__never_arrives_whole),
        CASE(upload__when_all_is_closed__is_canceled),
        CASE(upload__beside_another__is_not_begun_and_its_file_is_closed),
        CASE(upload__beside_all_the_calls_that_may_be__has_its_place),
        CASE(source__that_has_nothing_ever__is_asked_once_and_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
