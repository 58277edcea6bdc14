/* test_http: what goes out, and what is made of what comes back.
 * In:    scripts for a server on the same loop.
 * Out:   cmocka's verdict.
 * Never: another host; a sleep. */
#include "tests/loop/http_fixture.h"

#include <signal.h>

#include "tests/loop/fake_tls.h"

/* --- What goes out --------------------------------------------------------------------------- */

static void get__of_a_path__goes_out_as_given(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct http_request r;
    struct got g;

    (void)state;
    world_open(&w, SCRIPT, 1, 4);
    r = get_of(fake_http_url(&w.fake, "/a/../b/%2e%2e/c?limit=1000&cursor=x%2Fy"));
    r.authorization = "Bearer secret";
    g = fetch(&w, &r);

    assert_int_equal(g.end, HTTP_COMPLETE);
    assert_int_equal(g.status, 200);
    assert_string_equal(g.type, "application/json");
    assert_string_equal(g.wait, "none");
    assert_string_equal(g.body, "{}");
    assert_string_equal(g.why, "");
    assert_non_null(
        strstr(w.fake.requests[0], "GET /a/../b/%2e%2e/c?limit=1000&cursor=x%2Fy HTTP/1.1\r\n"));
    assert_non_null(strstr(w.fake.requests[0], "\r\nAuthorization: Bearer secret\r\n"));
    assert_non_null(strstr(w.fake.requests[0], "\r\nAccept: application/json\r\n"));
    assert_null(strstr(w.fake.requests[0], "Accept-Encoding"));
    assert_non_null(strstr(w.fake.requests[0], "\r\nUser-Agent: tenantd/" TENANTD_VERSION "\r\n"));
    assert_null(strstr(w.fake.requests[0], "Content-Type"));
    world_close(&w);
}

static void get__of_much__may_come_packed(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct http_request r;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/"));
    r.is_long = true;
    assert_int_equal(fetch(&w, &r).end, HTTP_COMPLETE);
    assert_non_null(strstr(w.fake.requests[0], "\r\nAccept-Encoding: gzip\r\n"));
    assert_int_equal(get(&w, "/").end, HTTP_COMPLETE);
    assert_null(strstr(w.fake.requests[1], "Accept-Encoding"));
    world_close(&w);
}

static void path__with_a_space_or_a_line_break__is_not_sent(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    static const char *const PATHS[] = {"/a b", "/a\r\nX: 1", "/\x7f", "/\xc3\xbc"};
    struct world w;
    struct got g = {0};

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    for (size_t i = 0; i < ARRAY_SIZE(PATHS); i++) {
        struct http_request r = get_of(fake_http_url(&w.fake, PATHS[i]));

        assert_int_equal(start_as(&w, &r, &g, NULL), -ERR_INVALID);
    }
    assert_int_equal(get(&w, "/").end, HTTP_COMPLETE);
    assert_int_equal(w.fake.n_requests, 1);
    world_close(&w);
}

static void post__with_a_body__sends_it_as_json(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;
    struct http_request r;
    char *body = mem_alloc(30001);

    (void)state;
    world_open(&w, SCRIPT, 1, 4);
    memset(body, 'x', 30000);
    r = get_of(fake_http_url(&w.fake, "/a"));
    r.method = "POST";
    r.body = body;
    r.once = true;
    assert_int_equal(fetch(&w, &r).end, HTTP_COMPLETE);

    assert_non_null(strstr(w.fake.requests[0], "POST /a HTTP/1.1\r\n"));
    assert_non_null(strstr(w.fake.requests[0], "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(w.fake.requests[0], "\r\nContent-Length: 30000\r\n"));
    assert_null(strstr(w.fake.requests[0], "Expect"));
    assert_null(strstr(w.fake.requests[0], "Authorization"));
    assert_string_equal(strstr(w.fake.requests[0], "\r\n\r\n") + 4, body);
    mem_free(body);
    world_close(&w);
}

static void requests__of_every_method__leave_nothing_for_the_next(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    static const char *const METHODS[] = {"PATCH", "DELETE", "GET", "POST", "GET", "DELETE"};
    struct world w;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    for (size_t i = 0; i < ARRAY_SIZE(METHODS); i++) {
        struct http_request r = get_of(fake_http_url(&w.fake, "/m"));
        size_t n = strlen(METHODS[i]);

        r.method = METHODS[i];
        r.body = i == 0 ? "{\"a\":1}" : NULL;
        r.authorization = i == 1 ? "Bearer t" : NULL;
        assert_int_equal(fetch(&w, &r).end, HTTP_COMPLETE);
        assert_memory_equal(w.fake.requests[i], METHODS[i], n);
        assert_memory_equal(w.fake.requests[i] + n, " /m HTTP/1.1\r\n", 14);
        assert_int_equal(strstr(w.fake.requests[i], "{\"a\":1}") != NULL, i == 0);
        assert_int_equal(strstr(w.fake.requests[i], "Authorization") != NULL, i == 1);
        assert_int_equal(strstr(w.fake.requests[i], "Content-Type") != NULL, i == 0);
        assert_int_equal(strstr(w.fake.requests[i], "Content-Length: 0\r\n") != NULL, i == 3);
    }
    world_close(&w);
}

static void proxy__of_the_environment__is_not_asked(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    struct world w;

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    world_open(&w, SCRIPT, 1, 1);
    assert_int_equal(get(&w, "/").end, HTTP_COMPLETE);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    world_close(&w);
}

static void scheme__that_is_not_http__is_not_sent(void **state)
{
    static const struct fake_step SCRIPT[] = {OK_STEP};
    static const char *const URLS[] = {"file:///etc/passwd", "ftp://127.0.0.1/",
                                       "gopher://127.0.0.1/"};
    struct world w;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    for (size_t i = 0; i < ARRAY_SIZE(URLS); i++) {
        struct http_request r = get_of(URLS[i]);
        struct got g = fetch(&w, &r);

        assert_int_equal(g.end, HTTP_NOT_SENT);
        assert_non_null(strstr(g.why, "Protocol"));
    }
    world_close(&w);
}

/* --- What comes back ------------------------------------------------------------------------- */

static void redirect__is_not_followed(void **state)
{
    static const struct fake_step ELSEWHERE[] = {OK_STEP};
    struct fake_step script[1] = {{0}};
    char location[128];
    struct world w;
    struct fake_http other;
    struct http_request r;
    struct got g;

    (void)state;
    world_open(&w, script, 1, 1);
    fake_http_open(&other, &w.loop, ELSEWHERE, 1);
    snprintf(location, sizeof(location), "Location: %s\r\n", fake_http_url(&other, "/stolen"));
    script[0].send = fake_answer("307 Temporary Redirect", location, "{}");
    r = get_of(fake_http_url(&w.fake, "/"));
    r.authorization = "Bearer secret";
    g = fetch(&w, &r);

    assert_int_equal(g.end, HTTP_COMPLETE);
    assert_int_equal(g.status, 307);
    assert_int_equal(other.n_connections, 0);
    fake_http_close(&other);
    run_until(&w.loop, &other.is_closed);
    fake_http_free(&other);
    world_close(&w);
}

static void head__after_an_interim_one__is_the_only_one_told(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                 "HTTP/1.1 429 Too Many Requests\r\ncontent-type:  a/b \r\nDate: today\r\n"
                 "RETRY-AFTER:3\r\nRetry-Afterwards: 4\r\nContent-Length: 0\r\n\r\n"}};
    struct world w;
    struct got g;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    g = get(&w, "/");

    assert_int_equal(g.end, HTTP_COMPLETE);
    assert_int_equal(g.n_heads, 1);
    assert_int_equal(g.status, 429);
    assert_string_equal(g.type, "a/b");
    assert_string_equal(g.wait, "3");
    world_close(&w);
}

static void body__in_chunks_with_a_trailer__is_whole(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\nRetry-After: 3\r\n\r\n"}};
    struct world w;
    struct got g;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    g = get(&w, "/");

    assert_int_equal(g.end, HTTP_COMPLETE);
    assert_int_equal(g.n_heads, 1);
    assert_string_equal(g.wait, "none");
    assert_string_equal(g.body, "{\"a\":1}");
    world_close(&w);
}

static void answers__that_end_too_early__are_lost(void **state)
{
    static const struct {
        struct fake_step step;
        int n_heads;
    } CASES[] = {
        {{.then = FAKE_CLOSE}, 0},
        {{.send = "HTTP/1.1 200", .then = FAKE_CLOSE}, 0},
        {{.send = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n", .then = FAKE_CLOSE}, 0},
        {{.send = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"", .then = FAKE_CLOSE}, 1},
        {{.send = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n",
          .then = FAKE_CLOSE},
         1},
        {{.send = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
          .then = FAKE_CLOSE},
         1},
        {{.send = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
          .then = FAKE_CLOSE},
         1},
        {{.send = "SSH-2.0-OpenSSH_9.2\r\n", .then = FAKE_CLOSE}, 0},
        {{.send = "{}", .then = FAKE_CLOSE}, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct world w;
        struct got g;

        world_open(&w, &CASES[i].step, 1, 1);
        g = get(&w, "/");
        if (g.end != HTTP_LOST || g.n_heads != CASES[i].n_heads || !g.why[0])
            fail_msg("case %zu: end %d, %d heads: %s", i, (int)g.end, g.n_heads, g.why);
        world_close(&w);
    }
}

static void answer__reset_in_the_body__is_lost(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"", .then = FAKE_HANG}};
    struct world w;
    struct got g = {.resets = true};
    struct http_request r;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/"));
    start(&w, &r, &g);
    run_until(&w.loop, &g.is_over);

    assert_int_equal(g.end, HTTP_LOST);
    assert_int_equal(g.n_heads, 1);
    world_close(&w);
}

static void head__without_end__is_cut_off(void **state)
{
    static const struct fake_step SCRIPT[] = {
        {.send = "HTTP/1.1 200 OK\r\nX: 1\r\n", .times = 100000, .repeat = 6, .then = FAKE_HANG}};
    struct world w;
    struct got g;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    g = get(&w, "/");

    assert_int_equal(g.end, HTTP_LOST);
    assert_int_equal(g.n_heads, 0);
    assert_string_equal(g.why, "the answer's head is over 65536 bytes");
    world_close(&w);
}

static void body__of_which_data_had_enough__ends(void **state)
{
    static const char HEAD[] = "HTTP/1.1 200 OK\r\n\r\n                                        ";
    static const struct fake_step SCRIPT[] = {
        {.send = HEAD, .times = 3000000, .repeat = 40, .then = FAKE_CLOSE}};
    struct world w;
    struct got g = {.enough = 1000};
    struct http_request r;

    (void)state;
    world_open(&w, SCRIPT, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/"));
    start(&w, &r, &g);
    run_until(&w.loop, &g.is_over);

    assert_int_equal(g.end, HTTP_ENOUGH);
    assert_true(w.fake.sent_bytes < 50u << 20);
    world_close(&w);
}

/* A gzip stream of `n` times 258 spaces, by hand: one literal, then "258 bytes, 1 back" in the
 * fixed code of RFC 1951. Bits go from the lowest; a code's own from its highest. */
static void add_bits(struct buf *b, unsigned *held, unsigned *n_held, unsigned bits, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        *held |= (bits >> i & 1) << *n_held;
        if (++*n_held == 8) {
            buf_add_char(b, (char)*held);
            *held = *n_held = 0;
        }
    }
}

static void make_bomb(struct buf *b, size_t n)
{
    static const unsigned char HEAD[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    unsigned held = 0;
    unsigned n_held = 0;

    buf_add(b, HEAD, sizeof(HEAD));
    add_bits(b, &held, &n_held, 1, 1);    /* the last block */
    add_bits(b, &held, &n_held, 1, 2);    /* fixed codes */
    add_bits(b, &held, &n_held, 0x0a, 8); /* ' ': 01010000, reversed */
    for (size_t i = 0; i < n; i++) {
        add_bits(b, &held, &n_held, 0xa3, 8); /* length 258: 11000101, reversed */
        add_bits(b, &held, &n_held, 0, 5);    /* distance 1 */
    }
    while (n_held)
        add_bits(b, &held, &n_held, 0, 1);
}

static void body__that_unpacks_to_much__is_counted_unpacked(void **state)
{
    struct buf b = BUF_INIT(8u << 20);
    struct fake_step script[1] = {{.then = FAKE_CLOSE}};
    struct world w;
    struct got g = {.enough = LIMIT_ANSWER_BYTES};
    struct http_request r;

    (void)state;
    buf_add_str(&b, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
    make_bomb(&b, 400000); /* 100 MB in 650 KB */
    script[0].send = b.data;
    script[0].send_size = b.size;
    world_open(&w, script, 1, 1);
    r = get_of(fake_http_url(&w.fake, "/"));
    start(&w, &r, &g);
    run_until(&w.loop, &g.is_over);

    assert_int_equal(g.end, HTTP_ENOUGH);
    assert_true(g.n_bytes >= LIMIT_ANSWER_BYTES && g.n_bytes < 2 * LIMIT_ANSWER_BYTES);
    assert_int_equal(g.body[0], ' ');
    world_close(&w);
    buf_deinit(&b);
}

/* --- TLS ------------------------------------------------------------------------------------- */

static struct got fetch_tls(unsigned port, const char *ca_file)
{
    static const struct fake_step NONE[] = {OK_STEP};
    struct http_options o = {.concurrency = 1, .ca_file = ca_file};
    char url[64] = "";
    struct http_request r = get_of(url);
    struct world w;
    struct got g;

    world_open(&w, NONE, 1, 1);
    assert_int_equal(http_configure(w.http, &o, NULL), 0);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", port);
    g = fetch(&w, &r);
    world_close(&w);
    return g;
}

static void certificate__is_taken_from_an_authority_of_ca_file_and_no_other(void **state)
{
    char *dir = dir_new();
    struct fake_tls tls;
    struct got g;

    (void)state;
    fake_tls_open(&tls, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", dir_path(dir, "ca.pem"));
    g = fetch_tls(tls.port, dir_path(dir, "ca.pem"));
    assert_int_equal(g.end, HTTP_COMPLETE);
    assert_string_equal(g.body, "{}");
    assert_int_equal(atomic_load(&tls.n_handshakes), 1);

    g = fetch_tls(tls.port, NULL);
    assert_int_equal(g.end, HTTP_NOT_SENT);
    assert_memory_equal(g.why, "TLS: the server's certificate is not trusted (", 46);
    assert_non_null(strstr(g.why, "ca-certificates.crt (api.ca_file)"));

    g = fetch_tls(tls.port, dir_path(dir, "missing.pem"));
    assert_int_equal(g.end, HTTP_NOT_SENT);
    assert_non_null(strstr(g.why, "missing.pem (api.ca_file) cannot be read"));
    fake_tls_close(&tls);
    dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get__of_a_path__goes_out_as_given),
        cmocka_unit_test(get__of_much__may_come_packed),
        cmocka_unit_test(path__with_a_space_or_a_line_break__is_not_sent),
        cmocka_unit_test(post__with_a_body__sends_it_as_json),
        cmocka_unit_test(requests__of_every_method__leave_nothing_for_the_next),
        cmocka_unit_test(proxy__of_the_environment__is_not_asked),
        cmocka_unit_test(scheme__that_is_not_http__is_not_sent),
        cmocka_unit_test(redirect__is_not_followed),
        cmocka_unit_test(head__after_an_interim_one__is_the_only_one_told),
        cmocka_unit_test(body__in_chunks_with_a_trailer__is_whole),
        cmocka_unit_test(answers__that_end_too_early__are_lost),
        cmocka_unit_test(answer__reset_in_the_body__is_lost),
        cmocka_unit_test(head__without_end__is_cut_off),
        cmocka_unit_test(body__of_which_data_had_enough__ends),
        cmocka_unit_test(body__that_unpacks_to_much__is_counted_unpacked),
        cmocka_unit_test(certificate__is_taken_from_an_authority_of_ca_file_and_no_other),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
