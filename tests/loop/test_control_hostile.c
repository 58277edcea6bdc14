/* test_control_hostile: what clients that mean no good can do to the control socket: to themselves,
 * and to nobody else.
 * In:    floods, garbage, silence, slow readers, sudden ends.
 * Out:   cmocka's verdict.
 * Never: sleeps; time limits are set to milliseconds and waited for. */
#include "tests/loop/control_fixture.h"

#define LIST_MORE  CALL_WITH("List", "\"more\":true")
#define WATCH_MORE CALL_WITH("Watch", "\"more\":true")

/* --- Garbage -------------------------------------------------------------------------------- */

static void control__what_is_no_message__is_told_so_and_closed(void **state)
{
    static const char *const CASES[] = {
        "",
        "garbage",
        "[]",
        "1",
        "null",
        "{\"method\":\"a.b\"",
        "{\"method\":\"a.b\"} {}",
        "{\"method\":'a.b'}",
        "{\"method\":\"a\nb\"}",
        "{\"method\":\"a.b\",}",
        "{\"method\":\"a.b\",\"parameters\":{\"a\":NaN}}",
        "{\"method\":\"a.b\",\"parameters\":{\"a\":01}}",
        "{\"method\":\"a.b\",\"parameters\":{\"\\u0061\":1}}",
        "{\"method\":\"\xff\xfe\"}",
        "{\"method\":\"\\x\"}",
        "{\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}",
        "// {}",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    static const char INVALID[] = "{\"error\":\"org.tenantd.Control.Invalid\"";
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct client *c = client_new(f);
        const char *reply;

        client_send(c, CASES[i]);
        client_send(c, CALL("GetStatus")); /* not read any more */
        reply = client_reply(c);
        if (strncmp(reply, INVALID, strlen(INVALID)) != 0)
            fail_msg("%s got %s", CASES[i], reply);
        client_wait_eof(c);
        assert_int_equal(c->seen, 0);
        client_free(c);
    }
    assert_int_equal(f->n_handled, 0);
}

static void control__a_message_without_end__is_cut_off(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);
    char *large = malloc(2u << 20);

    memset(large, ' ', 2u << 20);
    client_send_bytes(c, large, 2u << 20);
    free(large);

    assert_non_null(strstr(client_reply(c), "a message of over 1048576 bytes"));
    client_wait_eof(c);
    client_free(c);
}

static void control__a_message_at_the_limit__is_answered(void **state)
{
    struct fixture *f = *state;
    struct client *other = client_new(f);
    struct client *c = client_new(f);
    size_t n = 1u << 20;
    char *large = malloc(n + 1);

    memset(large, ' ', n);
    large[n] = '\0';
    memcpy(large, CALL("GetStatus"), strlen(CALL("GetStatus")));
    client_send_bytes(c, large, n + 1);
    assert_string_equal(client_reply(c), "{\"parameters\":{\"status\":1}}");

    client_send_bytes(c, large, n); /* and all but its end, which comes when the rest was read */
    client_ask(other, CALL("GetStatus"));
    client_ask(other, CALL("GetStatus"));
    client_send_bytes(c, "", 1);
    assert_string_equal(client_reply(c), "{\"parameters\":{\"status\":4}}");
    free(large);
    client_free(other);
    client_free(c);
}

static void control__many_keys__are_refused_fast(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);
    struct buf text = BUF_INIT(1u << 20);

    buf_add_str(&text, "{\"method\":\"a.b\",\"parameters\":{\"k\":0");
    for (int i = 0; i < 60000; i++)
        buf_printf(&text, ",\"k%d\":0", i);
    buf_add_str(&text, "}}");
    assert_false(text.failed);
    client_send(c, text.data);
    buf_deinit(&text);

    assert_non_null(strstr(client_reply(c), "too many keys"));
    client_wait_eof(c);
    client_free(c);
}

/* --- Floods --------------------------------------------------------------------------------- */

#define FLOOD 1000

static void control__a_flood_of_connections__leaves_room_afterwards(void **state)
{
    struct fixture *f = *state;
    int fds[FLOOD];
    int n = 0;
    struct client *c;

    for (int i = 0; i < FLOOD; i++) {
        fds[i] = client_connect(f->path);
        n += fds[i] >= 0;
        if (fds[i] < 0)
            uv_run(&f->loop, UV_RUN_NOWAIT);
        assert_true(n_clients(f) <= 256 + 1); /* which is told that there are too many */
    }
    assert_true(n > 300);
    UNTIL(f, n_clients(f) == 256);
    for (int i = 0; i < FLOOD; i++)
        if (fds[i] >= 0)
            close(fds[i]);

    UNTIL(f, n_clients(f) == 0);
    c = client_new(f);
    assert_string_equal(client_ask(c, CALL("GetStatus")), "{\"parameters\":{\"status\":1}}");
    client_free(c);
}

static void control__a_flood_of_calls__lets_others_have_their_turn(void **state)
{
    struct fixture *f = *state;
    struct client *flood = client_new(f);
    struct client *c = client_new(f);
    const char one[] = CALL_WITH("Reload", "\"oneway\":true");
    struct buf calls = BUF_INIT(1u << 20);

    for (int i = 0; i < 2000; i++)
        buf_add(&calls, one, sizeof(one));
    assert_int_equal(send(flood->fd, calls.data, calls.size, MSG_NOSIGNAL), (ssize_t)calls.size);
    buf_deinit(&calls);
    client_ask(c, CALL("GetStatus"));

    assert_true(f->n_handled < 2000);
    UNTIL(f, f->n_handled == 2001);
    client_free(flood);
    client_free(c);
}

/* Whether the end of the connection is there, without waiting for it. */
static bool is_cut(int fd)
{
    char bytes[512];
    ssize_t n;

    do
        n = recv(fd, bytes, sizeof(bytes), 0);
    while (n > 0);
    return n == 0 || errno == ECONNRESET;
}

#define HALVES     300
#define HALF_BYTES 100000
#define BEGUN      "{\"method\":\"org.tenantd.Control."

static void control__messages_without_end__hold_little_memory_together(void **state)
{
    struct fixture *f = *state;
    struct client *halves[HALVES];
    char *half = malloc(HALF_BYTES);
    struct client *small;
    int n_left = 0;

    f->options.limits.clients = HALVES * 2;
    f->options.limits.unread_bytes = 1u << 20;
    fixture_open(f);
    small = client_new(f);
    client_send_bytes(small, BEGUN, strlen(BEGUN));
    memset(half, ' ', HALF_BYTES);
    for (int i = 0; i < HALVES; i++) {
        halves[i] = client_new(f);
        client_send_bytes(halves[i], half, HALF_BYTES);
        assert_non_null(strstr(client_ask(small, "GetStatus\"}"), "status"));
        client_send_bytes(small, BEGUN, strlen(BEGUN));
    }
    for (int i = 0; i < HALVES; i++)
        n_left += !is_cut(halves[i]->fd);
    assert_in_range(n_left, 1, 10);
    for (int i = 0; i < HALVES; i++) {
        client_send_bytes(halves[i], CALL("GetStatus"), sizeof(CALL("GetStatus")));
        client_wait(halves[i], 1);
        n_left -= halves[i]->seen == 1;
        client_free(halves[i]);
    }
    assert_int_equal(n_left, 0); /* those that were left go on */
    free(half);
    client_free(small);
}

static void control__long_messages_that_were_answered__hold_no_memory(void **state)
{
    struct fixture *f = *state;
    struct client *clients[20];
    size_t n = 200000;
    char *large = malloc(n + 1);

    f->options.limits.unread_bytes = 1u << 20;
    fixture_open(f);
    memset(large, ' ', n);
    large[n] = '\0';
    memcpy(large, CALL("GetStatus"), strlen(CALL("GetStatus")));
    for (int i = 0; i < 20; i++) {
        clients[i] = client_new(f);
        client_send_bytes(clients[i], large, n + 1);
        assert_non_null(strstr(client_reply(clients[i]), "status"));
    }
    for (int i = 0; i < 20; i++) {
        assert_non_null(strstr(client_ask(clients[i], CALL("GetStatus")), "status"));
        client_free(clients[i]);
    }
    free(large);
}

static void control__calls_ahead_of_an_answer__are_not_read_without_end(void **state)
{
    struct fixture *f = *state;
    struct client *ahead;
    struct client *c;

    f->options.limits.unread_bytes = 256u << 10;
    fixture_open(f);
    ahead = client_new(f);
    c = client_new(f);
    client_send(ahead, CALL("Sync"));
    UNTIL(f, f->pending);
    for (int i = 0; i < 10000 && !ahead->at_eof; i++) {
        client_send(ahead, CALL("GetStatus"));
        ahead->at_eof = is_cut(ahead->fd);
    }
    assert_true(ahead->at_eof);
    assert_non_null(strstr(client_ask(c, CALL("GetStatus")), "status"));
    client_free(ahead);
    client_free(c);
}

static void control__a_slow_reader__holds_neither_memory_nor_the_loop(void **state)
{
    struct fixture *f = *state;
    struct client *slow = client_new(f);
    struct client *c = client_new(f);
    uint64_t before;

    f->stream_length = 20000;
    f->stream_bytes = 1000; /* 20 MB in all */
    client_send(slow, LIST_MORE);
    do {
        before = f->produced;
        client_ask(c, CALL("GetStatus"));
        client_ask(c, CALL("GetStatus"));
    } while (f->produced > before);

    assert_true(f->produced * 1000 < (2u << 20));
    client_wait(slow, 20000);
    assert_int_equal(slow->seen, 20000);
    assert_int_equal(f->produced, 20000);
    client_free(slow);
    client_free(c);
}

static void control__calls_of_a_slow_reader__wait_too(void **state)
{
    struct fixture *f = *state;
    struct client *slow = client_new(f);
    struct client *c = client_new(f);
    unsigned before;

    f->plan_bytes = 100000;
    for (int i = 0; i < 200; i++)
        client_send(slow, CALL("Plan"));
    do {
        before = f->n_handled;
        client_ask(c, CALL("Reload"));
        client_ask(c, CALL("Reload"));
    } while (f->n_handled > before + 2);

    assert_true(f->n_handled * 100000ul < 20000000ul);
    client_wait(slow, 200);
    assert_int_equal(slow->seen, 200);
    client_free(slow);
    client_free(c);
}

static void control__replies_over_a_limit__become_errors(void **state)
{
    struct fixture *f = *state;
    struct client *a;
    struct client *b;

    f->options.limits.reply_bytes = 3u << 20;
    f->options.limits.total_bytes = 3u << 20;
    f->options.limits.unsent_bytes = 64u << 10;
    fixture_open(f);
    a = client_new(f);
    b = client_new(f);

    f->plan_bytes = 3u << 20;
    assert_non_null(strstr(client_ask(a, CALL("Plan")), "Control.Invalid"));
    f->plan_bytes = 2u << 20;
    client_send(a, CALL("Plan"));
    UNTIL(f, f->n_handled == 2);
    assert_non_null(strstr(client_ask(b, CALL("Plan")), "Control.NotReady"));
    client_wait(a, 1);
    assert_int_equal(a->seen, 1);
    client_free(a);
    client_free(b);
}

/* --- Silence -------------------------------------------------------------------------------- */

static void control__the_idle__are_closed_and_those_who_wait_are_not(void **state)
{
    struct fixture *f = *state;
    struct client *silent;
    struct client *half;
    struct client *stuck;
    struct client *watcher;

    f->options.limits.idle_ms = 40;
    f->options.limits.unsent_bytes = 1000;
    fixture_open(f);
    silent = client_new(f);
    half = client_new(f);
    stuck = client_new(f);
    watcher = client_new(f);
    client_send(watcher, WATCH_MORE);
    client_wait(watcher, 3);
    client_send_bytes(half, "{\"method\":", 10);
    f->plan_bytes = 4u << 20;
    client_send(stuck, CALL("Plan"));

    client_wait_eof(silent);
    client_wait_eof(half);
    UNTIL(f, n_clients(f) == 1);
    f->watch->left = 1;
    control_wake(f->watch->call);
    client_wait(watcher, 4);
    assert_int_equal(watcher->seen, 4);
    client_free(silent);
    client_free(half);
    client_free(stuck);
    client_free(watcher);
}

/* --- Sudden ends ---------------------------------------------------------------------------- */

static void control__a_client_that_goes_in_the_middle__harms_nobody(void **state)
{
    static const char *const LAST_WORDS[] = {
        "{\"met", CALL("GetStatus"), CALL("Sync"), LIST_MORE, WATCH_MORE, CALL("Plan"),
    };
    struct fixture *f = *state;
    struct client *c;

    f->plan_bytes = 8u << 20;
    f->stream_length = 5000;
    for (size_t i = 0; i < sizeof(LAST_WORDS) / sizeof(LAST_WORDS[0]); i++) {
        for (int turns = 0; turns < 4; turns++) {
            c = client_new(f);
            client_send_bytes(c, LAST_WORDS[i], strlen(LAST_WORDS[i]) + (i > 0));
            for (int t = 0; t < turns; t++)
                uv_run(&f->loop, UV_RUN_NOWAIT);
            client_free(c);
            UNTIL(f, n_clients(f) == 0);
            if (f->pending)
                control_reply(f->pending, wrap_int("cycle", 1));
            f->pending = NULL;
        }
    }
    c = client_new(f);
    assert_non_null(strstr(client_ask(c, CALL("GetStatus")), "status"));
    client_free(c);
}

/* Close after the n-th turn of the loop, with a client at every stage. */
static bool close_after(struct fixture *f, int turns)
{
    static const char *const WORDS[] = {"{\"met",   CALL("GetStatus"), CALL("Sync"), LIST_MORE,
                                        WATCH_MORE, CALL("Plan"),      "garbage"};
    struct client *clients[7];
    bool is_over;

    fixture_open(f);
    for (size_t i = 0; i < 7; i++) {
        clients[i] = client_new(f);
        assert_true(send(clients[i]->fd, WORDS[i], strlen(WORDS[i]) + (i > 0), MSG_NOSIGNAL) > 0);
    }
    for (int t = 0; t < turns; t++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    is_over = f->watch && f->watch->left == 0;
    fixture_close(f);
    if (f->pending)
        control_fail(f->pending, CONTROL_NOT_READY, "stopping");
    f->pending = NULL;
    assert_int_equal(f->n_freed, f->n_streams);
    for (size_t i = 0; i < 7; i++)
        client_free(clients[i]);
    return is_over;
}

static void control__closing_at_any_moment__frees_everything_once(void **state)
{
    struct fixture *f = *state;
    int turns = 0;

    f->plan_bytes = 8u << 20;
    f->stream_length = 500;
    while (!close_after(f, turns))
        assert_true(++turns < 1000);
    assert_true(turns > 2);
}

int main(void)
{
#define TEST(name)        cmocka_unit_test_setup_teardown(name, setup_open, teardown)
#define TEST_CLOSED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(control__what_is_no_message__is_told_so_and_closed),
        TEST(control__a_message_without_end__is_cut_off),
        TEST(control__a_message_at_the_limit__is_answered),
        TEST(control__many_keys__are_refused_fast),
        TEST(control__a_flood_of_connections__leaves_room_afterwards),
        TEST(control__a_flood_of_calls__lets_others_have_their_turn),
        TEST_CLOSED(control__messages_without_end__hold_little_memory_together),
        TEST_CLOSED(control__long_messages_that_were_answered__hold_no_memory),
        TEST_CLOSED(control__calls_ahead_of_an_answer__are_not_read_without_end),
        TEST(control__a_slow_reader__holds_neither_memory_nor_the_loop),
        TEST(control__calls_of_a_slow_reader__wait_too),
        TEST_CLOSED(control__replies_over_a_limit__become_errors),
        TEST_CLOSED(control__the_idle__are_closed_and_those_who_wait_are_not),
        TEST(control__a_client_that_goes_in_the_middle__harms_nobody),
        TEST_CLOSED(control__closing_at_any_moment__frees_everything_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
