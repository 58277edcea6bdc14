/* hooks_fixture: hooks that are shell scripts in a directory of their own, and what came of each
 * line. Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_HOOKS_FIXTURE_H
#define TENANTD_TESTS_LOOP_HOOKS_FIXTURE_H

#include <linux/close_range.h>
#include <signal.h>

#include "io/hooks.h"
#include "io/log.h"
#include "io/signals.h"
#include "lib/mem.h"
#include "tests/loop/run.h"

struct ctx {
    char *dir;
    uv_loop_t loop;
    struct hooks *hooks;
    struct err err;
    char results[8192]; /* a line each: "HOOK NAME ok", "HOOK NAME failed: TEXT"; cut where there
                           are many */
    size_t n_results;
    size_t wanted;
    bool is_enough; /* n_results reached wanted */
    bool is_closed;
    size_t close_in_done; /* in that one; 0: in none */
    size_t add_in_done;   /* so many lines are added again */
    const char *argv[8][8];
    struct config_hook config[8];
    size_t n_config;
};

RUN_UNUSED static const char *word(int rc)
{
    switch (-rc) {
    case ERR_OK:
        return "ok";
    case ERR_IO:
        return "failed";
    case ERR_CANCELED:
        return "canceled";
    case ERR_NOT_FOUND:
        return "gone";
    default:
        return "of an error that hooks do not have";
    }
}

RUN_UNUSED static void on_done(void *arg, const struct hooks_result *r)
{
    struct ctx *c = arg;
    size_t at = strlen(c->results);

    assert_true((r->rc == 0) == (r->text == NULL));
    snprintf(c->results + at, sizeof(c->results) - at, "%s %s %s%s%s\n", r->hook, r->line.name,
             word(r->rc), r->text ? ": " : "", r->text ? r->text : "");
    c->is_enough = ++c->n_results >= c->wanted;
    if (c->add_in_done > 0) {
        c->add_in_done--;
        assert_int_equal(hooks_add(c->hooks, r->hook, &r->line, &c->err), 0);
    }
    if (c->close_in_done == c->n_results)
        hooks_close(c->hooks, run_is_so, &c->is_closed);
}

RUN_UNUSED static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));
    struct hooks_options o = {.organization = "acme", .done = on_done, .arg = c};

    assert_non_null(c);
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_LEVEL_ERROR, LOG_TO_STDERR);
    c->dir = dir_new();
    uv_loop_init(&c->loop);
    assert_int_equal(hooks_open(&c->loop, &o, &c->hooks, &c->err), 0);
    *state = c;
    return 0;
}

RUN_UNUSED static void close_hooks(struct ctx *c)
{
    if (!c->hooks)
        return;
    hooks_close(c->hooks, run_is_so, &c->is_closed);
    assert_false(c->is_closed);
    run_until(&c->loop, &c->is_closed);
    c->hooks = NULL;
}

RUN_UNUSED static int teardown(void **state)
{
    struct ctx *c = *state;

    close_hooks(c);
    run_close(&c->loop);
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(c->dir);
    free(c);
    return 0;
}

/* A hook that is a shell script in the test's directory; $D in it is that directory. */
RUN_UNUSED static void script(struct ctx *c, const char *name, const char *text)
{
    char body[1024];
    size_t i = c->n_config++;
    char *path = strdup(dir_path(c->dir, name));

    assert_non_null(path);
    snprintf(body, sizeof(body), "#!/bin/sh\nD=%s\n%s\n", c->dir, text);
    dir_write(c->dir, name, body);
    assert_int_equal(chmod(path, 0755), 0);
    c->argv[i][0] = path;
    c->config[i] = (struct config_hook){.name = name, .command = c->argv[i], .timeout_ms = 60000};
}

RUN_UNUSED static void configure(struct ctx *c)
{
    assert_int_equal(hooks_configure(c->hooks, c->config, c->n_config, &c->err), 0);
}

RUN_UNUSED static void free_scripts(struct ctx *c)
{
    for (size_t i = 0; i < c->n_config; i++)
        free((void *)(uintptr_t)c->argv[i][0]);
    c->n_config = 0;
}

RUN_UNUSED static int add(struct ctx *c, const char *hook, const char *name)
{
    struct hooks_line line = {
        .kind = "token", .name = name, .file = "core/app.jwt", .cause = "published"};

    return hooks_add(c->hooks, hook, &line, &c->err);
}

RUN_UNUSED static void run_until_results(struct ctx *c, size_t n)
{
    c->wanted = n;
    c->is_enough = c->n_results >= n;
    run_until(&c->loop, &c->is_enough);
    assert_int_equal(c->n_results, n);
}

RUN_UNUSED static const char *file_text(struct ctx *c, const char *name)
{
    static char text[8192];
    int fd = open(dir_path(c->dir, name), O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

/* Turn the loop until a child has made the file. */
RUN_UNUSED static void run_until_exists(struct ctx *c, const char *name)
{
    uint64_t end = uv_hrtime() + RUN_BOUND_MS * UINT64_C(1000000);
    uv_timer_t look;

    uv_timer_init(&c->loop, &look);
    uv_timer_start(&look, run_on_tick, RUN_TICK_MS, RUN_TICK_MS);
    while (access(dir_path(c->dir, name), F_OK) != 0 && uv_hrtime() < end)
        uv_run(&c->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&look, NULL);
    uv_run(&c->loop, UV_RUN_NOWAIT); /* it is on this stack */
    assert_int_equal(access(dir_path(c->dir, name), F_OK), 0);
}

RUN_UNUSED static void expect_results(struct ctx *c, const char *part)
{
    if (!strstr(c->results, part))
        fail_msg("\"%s\" is not in \"%s\"", part, c->results);
}

/* Once for all: what whoever runs the tests left open is not what the hooks' code leaves open, and
 * signals are held, as in the daemon. */
RUN_UNUSED static int hold_signals(void **state)
{
    (void)state;
    if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        return -1;
    signals_hold();
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
