/* test_http_end: canceling and closing at every moment, and memory that runs out at each.
 * In:    scripts for a server on the same loop.
 * Out:   cmocka's verdict.
 * Never: another host; a sleep. */
#include "tests/loop/http_fixture.h"

#include <dirent.h>
#include <signal.h>

#include "tests/lib/fault.h"

/* --- Canceling and closing ------------------------------------------------------------------- */

static void cancel__right_after_start__is_done_later_and_once(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct got g = {0};
    struct http_request r;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/"));
    start(&w, &r, &g);
    http_cancel(g.call);
    http_cancel(g.call);
    assert_false(g.is_over);
    run_until(&w.loop, &g.is_over);

    assert_int_equal(g.end, HTTP_CANCELED);
    assert_string_equal(g.why, "canceled");
    assert_int_equal(get(&w, "/next").end, HTTP_COMPLETE);
    world_close(&w);
}

static bool is_there(const struct world *w)
{
    return w->fake.n_requests > 0;
}

static void cancel__while_the_server_thinks__is_canceled(void **state)
{
    static const struct fake_step SCRIPT[] = {{.then = FAKE_HANG}};
    struct world w;
    struct got g = {0};
    struct http_request r;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/"));
    start(&w, &r, &g);
    for (int i = 0; i < 100000 && !is_there(&w); i++)
        uv_run(&w.loop, UV_RUN_ONCE);
    assert_true(is_there(&w));
    http_cancel(g.call);
    run_until(&w.loop, &g.is_over);

    assert_int_equal(g.end, HTTP_CANCELED);
    world_close(&w);
}

static void cancel__within_each_callback__is_canceled_or_too_late(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    static const enum http_end ENDS[] = {HTTP_CANCELED, HTTP_CANCELED, HTTP_COMPLETE};

    (void)state;
    for (int in = 1; in <= 3; in++) {
        struct world w;
        struct got g = {.cancel_in = in};
        struct http_request r;

        world_open(&w, SCRIPT, 1, 1);
        r = get_of(fake_http_url(&w.fake, "/"));
        start(&w, &r, &g);
        run_until(&w.loop, &g.is_over);
        assert_int_equal(g.end, ENDS[in - 1]);
        assert_int_equal(get(&w, "/next").end, HTTP_COMPLETE);
        world_close(&w);
    }
}

static void cancel__while_a_name_is_looked_up__does_not_wait(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct got g = {0};
    struct http_request r = get_of("http://another-no-such-host.invalid/");

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    start(&w, &r, &g);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    if (!g.is_over)
        http_cancel(g.call);
    run_until(&w.loop, &g.is_over);

    assert_true(g.end == HTTP_CANCELED || g.end == HTTP_NOT_SENT);
    world_close(&w);
}

/* Some requests of many kinds; `http` is closed in the nth callback. */
struct storm {
    struct world world;
    struct http_request requests[6];
    int n_started;
    int n_done;
    int n_callbacks;
    int close_at; /* 0: before the loop turns */
    bool is_closing;
};

static void storm_callback(struct storm *s)
{
    if (++s->n_callbacks == s->close_at) {
        s->is_closing = true;
        http_close(s->world.http, set_flag, &s->world.is_closed);
    }
}

static void storm_head(void *arg, const struct http_head *head)
{
    (void)head;
    storm_callback(arg);
}

static bool storm_data(void *arg, const char *data, size_t size)
{
    (void)data, (void)size;
    storm_callback(arg);
    return true;
}

static void storm_start(struct storm *s);

static void storm_done(void *arg, enum http_end end, const char *why)
{
    struct storm *s = arg;

    (void)why;
    assert_false(s->world.is_closed);
    if (s->is_closing)
        assert_int_equal(end, HTTP_CANCELED);
    s->n_done++;
    storm_callback(s);
    storm_start(s);
}

static void storm_start(struct storm *s)
{
    const struct http_callbacks cb = {storm_head, storm_data, storm_done, s};
    int rc;

    if (s->n_started == (int)ARRAY_SIZE(s->requests))
        return;
    rc = http_start(s->world.http, &s->requests[s->n_started], &cb, NULL, NULL);
    if (s->is_closing)
        assert_int_equal(rc, -ERR_CANCELED);
    else
        assert_int_equal(rc, 0);
    s->n_started += rc == 0;
}

/* False when all was over before the nth callback. */
static bool storm_run(int close_at)
{
    static const struct fake_step SCRIPT[] = {OK_STEP, {.then = FAKE_CLOSE}, OK_STEP};
    struct storm s = {.close_at = close_at};
    char dead[64];

    world_open(&s.world, SCRIPT, ARRAY_SIZE(SCRIPT), 3);
    snprintf(dead, sizeof(dead), "http://127.0.0.1:%u/", dead_port());
    for (size_t i = 0; i < ARRAY_SIZE(s.requests); i++)
        s.requests[i] = get_of(i == 2 ? dead : fake_http_url(&s.world.fake, "/"));
    s.requests[3].method = "POST";
    for (int i = 0; i < 3; i++)
        storm_start(&s);
    if (close_at == 0) {
        s.is_closing = true;
        http_close(s.world.http, set_flag, &s.world.is_closed);
    }
    for (int i = 0; i < 100000 && !s.world.is_closed && s.n_done < 6; i++)
        uv_run(&s.world.loop, UV_RUN_ONCE);
    if (s.is_closing)
        run_until(&s.world.loop, &s.world.is_closed);
    assert_int_equal(s.n_done, s.n_started);
    world_close(&s.world);
    return s.is_closing;
}

static void close__after_the_nth_callback__ends_each_call_once_and_leaves_nothing(void **state)
{
    int n = 0;

    (void)state;
    while (storm_run(n))
        n++;
    assert_true(n > 12); /* six requests of two or three callbacks each, but for the dead one */
}

static size_t open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void burst_and_close(void)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct got all[16];

    world_open(&w, SCRIPT, 1, 16);
    burst(&w, all, 16);
    world_close(&w);
}

static void files__after_close__are_as_many_as_before(void **state)
{
    size_t before;

    (void)state;
    burst_and_close(); /* what is opened once stays */
    before = open_files();
    burst_and_close();
    assert_int_equal(open_files(), before);
}

static void start__without_memory__does_nothing(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct http_request r;
    size_t before;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    before = mem_live_blocks();
    r = get_of(fake_http_url(&w.fake, "/"));
    r.authorization = "Bearer t";
    r.body = "{}";
    for (long nth = 1;; nth++) {
        struct got g = {0};
        int rc;

        fault_arm(nth);
        rc = start_as(&w, &r, &g, NULL);
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            run_until(&w.loop, &g.is_over);
            assert_int_equal(g.end, HTTP_COMPLETE);
            break;
        }
        assert_int_equal(rc, -ERR_NOMEM);
        assert_int_equal(mem_live_blocks(), before);
    }
    world_close(&w);
}

static void open__without_memory__leaves_nothing(void **state)
{
    struct http_options o = {.concurrency = 2};
    size_t before = mem_live_blocks();
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    for (long nth = 1;; nth++) {
        struct http *h;
        bool is_closed = false;
        int rc;

        fault_arm(nth);
        rc = http_open(&loop, &o, &h, NULL);
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            http_close(h, set_flag, &is_closed);
            run_until(&loop, &is_closed);
            break;
        }
        assert_int_equal(rc, -ERR_NOMEM);
        assert_int_equal(mem_live_blocks(), before);
    }
    run_close(&loop);
    assert_int_equal(mem_live_blocks(), before);
}

/* Each allocation while a request runs: it is lost or not sent, and the next one is fine. */
static void request__with_memory_failing_on_the_way__ends_once(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};

    (void)state;
    for (long nth = 1;; nth++) {
        struct world w;
        struct http_request r;
        struct got g = {0};
        bool fired;

        world_open(&w, SCRIPT, 1, 1);
        r = get_of(fake_http_url(&w.fake, "/"));
        start(&w, &r, &g);
        fault_arm(nth);
        run_until(&w.loop, &g.is_over);
        fired = fault_disarm();
        assert_int_equal(g.end, fired ? HTTP_NOT_SENT : HTTP_COMPLETE);
        assert_int_equal(get(&w, "/next").end, HTTP_COMPLETE);
        world_close(&w);
        if (!fired)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* first: a name that is still looked up for one of the others has files, too */
        cmocka_unit_test(files__after_close__are_as_many_as_before),
        cmocka_unit_test(cancel__right_after_start__is_done_later_and_once),
        cmocka_unit_test(cancel__while_the_server_thinks__is_canceled),
        cmocka_unit_test(cancel__within_each_callback__is_canceled_or_too_late),
        cmocka_unit_test(cancel__while_a_name_is_looked_up__does_not_wait),
        cmocka_unit_test(close__after_the_nth_callback__ends_each_call_once_and_leaves_nothing),
        cmocka_unit_test(start__without_memory__does_nothing),
        cmocka_unit_test(open__without_memory__leaves_nothing),
        cmocka_unit_test(request__with_memory_failing_on_the_way__ends_once),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("http_end", tests, NULL, NULL);
}
