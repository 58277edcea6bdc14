/* test_hooks: real children that read, fail, hang and refuse; one result for each line.
 * In:    small shell scripts as hooks.
 * Out:   cmocka's verdict.
 * Never: sleeps to see whether something happens; a hook that hangs is there to be killed. */
#include "io/hooks.h"

#include <linux/close_range.h>
#include <signal.h>

#include "core/limits.h"
#include "io/hook_run.h"
#include "io/log.h"
#include "io/signals.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"
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

static const char *word(int rc)
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

static void on_done(void *arg, const struct hooks_result *r)
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

static int setup(void **state)
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

static void close_hooks(struct ctx *c)
{
    if (!c->hooks)
        return;
    hooks_close(c->hooks, run_is_so, &c->is_closed);
    assert_false(c->is_closed);
    run_until(&c->loop, &c->is_closed);
    c->hooks = NULL;
}

static int teardown(void **state)
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
static void script(struct ctx *c, const char *name, const char *text)
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

static void configure(struct ctx *c)
{
    assert_int_equal(hooks_configure(c->hooks, c->config, c->n_config, &c->err), 0);
}

static void free_scripts(struct ctx *c)
{
    for (size_t i = 0; i < c->n_config; i++)
        free((void *)(uintptr_t)c->argv[i][0]);
    c->n_config = 0;
}

static int add(struct ctx *c, const char *hook, const char *name)
{
    struct hooks_line line = {
        .kind = "token", .name = name, .file = "core/app.jwt", .cause = "published"};

    return hooks_add(c->hooks, hook, &line, &c->err);
}

static void run_until_results(struct ctx *c, size_t n)
{
    c->wanted = n;
    c->is_enough = c->n_results >= n;
    run_until(&c->loop, &c->is_enough);
    assert_int_equal(c->n_results, n);
}

static const char *file_text(struct ctx *c, const char *name)
{
    static char text[8192];
    int fd = open(dir_path(c->dir, name), O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static void do_nothing(uv_timer_t *timer)
{
    (void)timer;
}

/* Turn the loop until a child has made the file. */
static void run_until_exists(struct ctx *c, const char *name)
{
    uint64_t end = uv_hrtime() + RUN_BOUND_MS * UINT64_C(1000000);
    uv_timer_t look;

    uv_timer_init(&c->loop, &look);
    uv_timer_start(&look, do_nothing, 5, 5);
    while (access(dir_path(c->dir, name), F_OK) != 0 && uv_hrtime() < end)
        uv_run(&c->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&look, NULL);
    uv_run(&c->loop, UV_RUN_NOWAIT); /* it is on this stack */
    assert_int_equal(access(dir_path(c->dir, name), F_OK), 0);
}

static void expect_results(struct ctx *c, const char *part)
{
    if (!strstr(c->results, part))
        fail_msg("\"%s\" is not in \"%s\"", part, c->results);
}

/* --- What a child gets ------------------------------------------------------------------------ */

static void line__added__is_read_as_json(void **state)
{
    struct ctx *c = *state;
    struct hooks_line odd = {.kind = "group-token",
                             .name = "e\"u/\xc3\xa4",
                             .file = "_group/eu/app.env",
                             .cause = "removed"};

    script(c, "hook", "cat >$D/out");
    configure(c);
    assert_int_equal(add(c, "hook", "core/app"), 0);
    assert_int_equal(hooks_add(c->hooks, "hook", &odd, &c->err), 0);
    assert_int_equal(c->n_results, 0);
    run_until_results(c, 2);
    assert_string_equal(c->results, "hook core/app ok\nhook e\"u/\xc3\xa4 ok\n");
    assert_string_equal(
        file_text(c, "out"),
        "{\"kind\":\"token\",\"name\":\"core/app\",\"file\":\"core/"
        "app.jwt\",\"cause\":\"published\"}\n"
        "{\"kind\":\"group-token\",\"name\":\"e\\\"u/\xc3\xa4\",\"file\":\"_group/eu/app.env\","
        "\"cause\":\"removed\"}\n");
    free_scripts(c);
}

static void child__environment_descriptors_directory_signals__are_clean(void **state)
{
    struct ctx *c = *state;

    setenv("TURSO_API_TOKEN", "very-secret", 1);
    script(c, "hook",
           "tr '\\0' '\\n' </proc/$$/environ >$D/env; pwd >$D/pwd; "
           "while read -r a b; do [ \"$a\" != SigBlk: ] || echo $a $b; done "
           "</proc/$$/status >$D/held; " /* while it forks, a shell holds them all */
           "exec ls /proc/self/fd >$D/fds");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 1);
    unsetenv("TURSO_API_TOKEN");
    assert_string_equal(c->results, "hook x ok\n");
    assert_string_equal(file_text(c, "env"),
                        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
                        "LANG=C.UTF-8\nTENANTD_ORGANIZATION=acme\n");
    assert_string_equal(file_text(c, "pwd"), "/\n");
    assert_string_equal(file_text(c, "held"), "SigBlk: 0000000000000000\n");
    assert_string_equal(file_text(c, "fds"), "0\n1\n2\n3\n"); /* 3 is the directory that ls reads */
    free_scripts(c);
}

static void child__opens_its_standard_files_by_name__can(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "cat /dev/stdin >$D/out && echo fine >/dev/stderr && echo fine >/dev/stdout");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 1);
    assert_string_equal(c->results, "hook x ok\n");
    assert_memory_equal(file_text(c, "out"), "{\"kind\"", 7);
    free_scripts(c);
}

static void child__does_not_read__is_no_failure(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "exec <&-; exit 0");
    configure(c);
    for (int i = 0; i < 5000; i++) /* more than a pipe holds */
        assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 5000);
    assert_null(strstr(c->results, "failed"));
    free_scripts(c);
}

/* --- Batches, debounce, turns ----------------------------------------------------------------- */

static void lines__within_the_debounce__go_to_one_child(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "wc -l >>$D/out");
    c->config[0].debounce_ms = 100;
    configure(c);
    for (int i = 0; i < 10; i++)
        assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 10);
    assert_string_equal(file_text(c, "out"), "10\n");
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 11);
    assert_string_equal(file_text(c, "out"), "10\n1\n");
    free_scripts(c);
}

static void lines__more_than_a_batch__go_to_several_children_in_turn(void **state)
{
    struct ctx *c = *state;
    char name[4097];
    int lines = 0;
    int children = 0;

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    script(c, "hook", "[ -e $D/busy ] && exit 9; touch $D/busy; wc -l >>$D/out; rm $D/busy");
    configure(c);
    for (int i = 0; i < 600; i++) /* 2.4 MiB */
        assert_int_equal(add(c, "hook", name), 0);
    run_until_results(c, 600);
    for (const char *p = file_text(c, "out"); *p; p = strchr(p, '\n') + 1) {
        lines += (int)strtol(p, NULL, 10);
        children++;
    }
    assert_int_equal(lines, 600);
    assert_true(children >= 3);
    assert_null(strstr(c->results, "failed"));
    free_scripts(c);
}

static void lines__while_the_hook_runs__wait_for_its_end(void **state)
{
    struct ctx *c = *state;

    c->add_in_done = 3; /* each result adds its line again */
    script(c, "hook", "[ -e $D/busy ] && exit 9; touch $D/busy; cat >/dev/null; rm $D/busy");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 4);
    assert_string_equal(c->results, "hook x ok\nhook x ok\nhook x ok\nhook x ok\n");
    free_scripts(c);
}

static void hooks__more_than_may_run__take_turns(void **state)
{
    static const char *const NAMES[] = {"h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"};
    struct ctx *c = *state;

    /* Each looks how many of them there are while it runs. */
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        script(c, NAMES[i],
               "mkdir $D/run-$$; ls -d $D/run-* | wc -l >>$D/out; cat >/dev/null; rmdir $D/run-$$");
    configure(c);
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        assert_int_equal(add(c, NAMES[i], "x"), 0);
    run_until_results(c, ARRAY_SIZE(NAMES));
    assert_null(strstr(c->results, "failed"));
    for (const char *p = file_text(c, "out"); *p; p = strchr(p, '\n') + 1)
        assert_in_range(strtol(p, NULL, 10), 1, LIMIT_HOOKS_RUNNING);
    free_scripts(c);
}

/* --- Failures --------------------------------------------------------------------------------- */

static void child__fails__says_status_and_last_line(void **state)
{
    struct ctx *c = *state;

    script(c, "status", "echo one >&2; echo cannot connect >&2; exit 3");
    script(c, "cut", "printf 'no newline' >&2; exit 4");
    script(c, "signal", "kill -KILL $$");
    configure(c);
    assert_int_equal(add(c, "status", "x"), 0);
    assert_int_equal(add(c, "cut", "x"), 0);
    assert_int_equal(add(c, "signal", "x"), 0);
    run_until_results(c, 3);
    expect_results(c, "status x failed: exit status 3: cannot connect\n");
    expect_results(c, "cut x failed: exit status 4: no newline\n");
    expect_results(c, "signal x failed: it was killed by signal 9 (Killed)\n");
    free_scripts(c);
}

static void command__cannot_be_run__fails_each_line(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "");
    assert_int_equal(unlink(dir_path(c->dir, "hook")), 0);
    configure(c);
    for (int round = 1; round <= 3; round++) {
        assert_int_equal(add(c, "hook", "x"), 0);
        run_until_results(c, (size_t)round);
    }
    expect_results(c, "hook x failed: cannot run /tmp/");
    expect_results(c, "no such file or directory");
    free_scripts(c);
}

static void child__heeds_sigterm_when_late__is_stopped(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "echo waiting >&2; while :; do sleep 60; done");
    c->config[0].timeout_ms = 200;
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 1);
    expect_results(c, "hook x failed: it ran for more than 200ms and was stopped: waiting\n");
    free_scripts(c);
}

static void child__heeds_no_sigterm__is_killed_with_its_group(void **state)
{
    struct ctx *c = *state;
    uint64_t end = uv_hrtime() + UINT64_C(10000000000);
    pid_t grandchild;

    script(c, "hook", "trap '' TERM; sleep 600 & echo $! >$D/pid; while :; do wait; done");
    c->config[0].timeout_ms = 200;
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 1); /* takes the five seconds between the two signals */
    expect_results(c, "it ran for more than 200ms");
    grandchild = (pid_t)strtol(file_text(c, "pid"), NULL, 10);
    assert_true(grandchild > 1);
    /* It is killed, and may be a zombie until somebody reaps it. */
    for (;;) {
        char stat[64];
        char text[256] = "";
        int fd;

        snprintf(stat, sizeof(stat), "/proc/%d/stat", (int)grandchild);
        fd = open(stat, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            break;
        assert_true(read(fd, text, sizeof(text) - 1) >= 0);
        close(fd);
        if (!text[0] || strstr(text, ") Z ") || strstr(text, ") X "))
            break;
        assert_true(uv_hrtime() < end);
    }
    free_scripts(c);
}

static void child__leaves_a_daemon_with_its_output__is_done_nevertheless(void **state)
{
    struct ctx *c = *state;
    pid_t daemon_pid;

    script(c, "hook", "sleep 600 & echo $! >$D/pid; exit 0");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 1);
    assert_string_equal(c->results, "hook x ok\n");
    daemon_pid = (pid_t)strtol(file_text(c, "pid"), NULL, 10);
    assert_true(daemon_pid > 1);
    assert_int_equal(kill(daemon_pid, SIGKILL), 0); /* it was let live; ours to end */
    free_scripts(c);
}

/* --- Output ----------------------------------------------------------------------------------- */

static const char *logged(struct ctx *c, const char *text)
{
    static char out[65536];
    int fd = open(dir_path(c->dir, "log"), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    int saved = dup(STDERR_FILENO);
    ssize_t n;

    script(c, "hook", text);
    configure(c);
    log_init(LOG_LEVEL_DEBUG, LOG_TO_PREFIXED);
    dup2(fd, STDERR_FILENO);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 1);
    log_flush();
    dup2(saved, STDERR_FILENO);
    close(saved);
    log_init(LOG_LEVEL_ERROR, LOG_TO_STDERR);
    n = pread(fd, out, sizeof(out) - 1, 0);
    close(fd);
    out[n < 0 ? 0 : n] = '\0';
    free_scripts(c);
    return out;
}

static void output__lines__are_in_the_log(void **state)
{
    struct ctx *c = *state;
    const char *log = logged(c, "echo out; echo err >&2; printf last");

    assert_non_null(strstr(log, "<7>out  resource=hook/hook\n"));
    assert_non_null(strstr(log, "<4>err  resource=hook/hook\n"));
    assert_non_null(strstr(log, "<7>last  resource=hook/hook\n"));
}

static void output__a_token__is_hidden(void **state)
{
    struct ctx *c = *state;
    const char *log = logged(
        c, "echo token eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJhIjoicnciLCJpYXQiOjE3MDAwMDAwMDB9."
           "c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmU >&2; exit 1");

    assert_non_null(strstr(log, "<4>token [hidden]"));
    assert_null(strstr(log, "eyJhIjoi"));
    assert_null(strstr(c->results, "eyJhIjoi"));
}

static void output__without_end__is_cut_and_counted(void **state)
{
    struct ctx *c = *state;
    const char *log = logged(c, "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; "
                                "head -c 5000 /dev/zero | tr '\\0' x");

    assert_non_null(strstr(log, "<7>line 49  "));
    assert_null(strstr(log, "line 50"));
    assert_non_null(strstr(log, "<4>151 more lines of output are not shown"));
}

/* --- Configuration ---------------------------------------------------------------------------- */

static void add__unknown_hook__is_refused(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(add(c, "hook", "x"), -ERR_NOT_FOUND);
    assert_string_equal(c->err.msg, "there is no hook hook");
}

static void configure__hook_taken_out__fails_what_waits_and_may_come_back(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "cat >>$D/out");
    c->config[0].debounce_ms = 3600000;
    configure(c);
    assert_int_equal(add(c, "hook", "gone"), 0);
    assert_int_equal(hooks_configure(c->hooks, NULL, 0, &c->err), 0);
    assert_int_equal(c->n_results, 0);
    assert_int_equal(add(c, "hook", "refused"), -ERR_NOT_FOUND);
    c->config[0].debounce_ms = 0;
    configure(c);
    assert_int_equal(add(c, "hook", "back"), 0);
    run_until_results(c, 2);
    expect_results(c, "hook gone gone: there is no hook of that name any more\n");
    expect_results(c, "hook back ok\n");
    free_scripts(c);
}

static void configure__while_it_runs__lets_it_end_and_uses_the_new_command(void **state)
{
    struct ctx *c = *state;

    int go;

    assert_int_equal(mkfifo(dir_path(c->dir, "go"), 0600), 0);
    go = open(dir_path(c->dir, "go"), O_RDWR | O_CLOEXEC);
    assert_true(go >= 0);
    script(c, "hook", "cat >/dev/null; echo old >>$D/out; read line <$D/go");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_exists(c, "out");
    free_scripts(c);
    script(c, "new", "cat >/dev/null; echo new >>$D/out");
    c->config[0].name = "hook";
    configure(c);
    assert_int_equal(add(c, "hook", "y"), 0);
    assert_int_equal(write(go, "on\n", 3), 3);
    run_until_results(c, 2);
    close(go);
    assert_string_equal(file_text(c, "out"), "old\nnew\n");
    free_scripts(c);
}

/* --- The end ---------------------------------------------------------------------------------- */

static void close__with_lines_waiting_and_running__cancels_each(void **state)
{
    struct ctx *c = *state;

    script(c, "runs", "cat >/dev/null; touch $D/started; while :; do sleep 60; done");
    script(c, "waits", "cat >/dev/null");
    c->config[1].debounce_ms = 3600000;
    configure(c);
    assert_int_equal(add(c, "runs", "x"), 0);
    assert_int_equal(add(c, "waits", "y"), 0);
    run_until_exists(c, "started");
    close_hooks(c);
    assert_int_equal(c->n_results, 2);
    expect_results(c, "runs x canceled: it was stopped\n");
    expect_results(c, "waits y canceled: tenantd is stopping\n");
    free_scripts(c);
}

static void close__heeds_no_sigterm__is_killed(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "trap '' TERM; cat >/dev/null; touch $D/started; while :; do sleep 1; done");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_exists(c, "started");
    close_hooks(c);
    assert_int_equal(c->n_results, 1);
    free_scripts(c);
}

static void close__in_each_done__reports_every_line_once(void **state)
{
    struct ctx *c = *state;

    close_hooks(c);
    script(c, "good", "cat >/dev/null");
    script(c, "bad", "cat >/dev/null; exit 1");
    for (size_t at = 1; at <= 4; at++) {
        struct hooks_options o = {.organization = "acme", .done = on_done, .arg = c};

        c->is_closed = false;
        c->n_results = 0;
        c->results[0] = '\0';
        c->close_in_done = at;
        assert_int_equal(hooks_open(&c->loop, &o, &c->hooks, &c->err), 0);
        configure(c);
        assert_int_equal(add(c, "good", "x"), 0);
        assert_int_equal(add(c, "bad", "y"), 0);
        assert_int_equal(add(c, "good", "z"), 0);
        assert_int_equal(add(c, "bad", "w"), 0);
        run_until(&c->loop, &c->is_closed);
        assert_int_equal(c->n_results, 4);
        assert_int_equal(mem_live_blocks(), 0);
    }
    c->hooks = NULL;
    free_scripts(c);
}

static void close__after_any_number_of_turns__leaves_nothing(void **state)
{
    struct ctx *c = *state;

    close_hooks(c);
    script(c, "hook", "cat >/dev/null; echo x >&2");
    for (int turns = 0; turns < 12; turns++) {
        struct hooks_options o = {.organization = "acme", .done = on_done, .arg = c};

        c->is_closed = false;
        c->n_results = 0;
        assert_int_equal(hooks_open(&c->loop, &o, &c->hooks, &c->err), 0);
        configure(c);
        assert_int_equal(add(c, "hook", "x"), 0);
        assert_int_equal(add(c, "hook", "y"), 0);
        for (int i = 0; i < turns && c->n_results < 2; i++)
            uv_run(&c->loop, UV_RUN_ONCE);
        close_hooks(c);
        assert_int_equal(c->n_results, 2);
        assert_int_equal(mem_live_blocks(), 0);
    }
    free_scripts(c);
}

static void memory__each_allocation_in_turn__refuses_or_fails_the_line(void **state)
{
    struct ctx *c = *state;

    close_hooks(c);
    script(c, "hook", "cat >/dev/null");
    for (long nth = 1;; nth++) {
        struct hooks_options o = {.organization = "acme", .done = on_done, .arg = c};
        bool fired;
        int rc;

        c->hooks = NULL;
        c->is_closed = false;
        c->n_results = 0;
        fault_arm(nth);
        rc = hooks_open(&c->loop, &o, &c->hooks, &c->err);
        if (rc == 0)
            rc = hooks_configure(c->hooks, c->config, c->n_config, &c->err);
        if (rc == 0)
            rc = add(c, "hook", "x");
        if (rc == 0)
            run_until_results(c, 1);
        else
            assert_int_equal(rc, -ERR_NOMEM);
        fired = fault_disarm();
        close_hooks(c);
        assert_int_equal(mem_live_blocks(), 0);
        if (!fired) {
            assert_true(nth > 10);
            break;
        }
    }
    free_scripts(c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(line__added__is_read_as_json),
        T(child__environment_descriptors_directory_signals__are_clean),
        T(child__opens_its_standard_files_by_name__can),
        T(child__does_not_read__is_no_failure),
        T(lines__within_the_debounce__go_to_one_child),
        T(lines__more_than_a_batch__go_to_several_children_in_turn),
        T(lines__while_the_hook_runs__wait_for_its_end),
        T(hooks__more_than_may_run__take_turns),
        T(child__fails__says_status_and_last_line),
        T(command__cannot_be_run__fails_each_line),
        T(child__heeds_sigterm_when_late__is_stopped),
        T(child__heeds_no_sigterm__is_killed_with_its_group),
        T(child__leaves_a_daemon_with_its_output__is_done_nevertheless),
        T(output__lines__are_in_the_log),
        T(output__a_token__is_hidden),
        T(output__without_end__is_cut_and_counted),
        T(add__unknown_hook__is_refused),
        T(configure__hook_taken_out__fails_what_waits_and_may_come_back),
        T(configure__while_it_runs__lets_it_end_and_uses_the_new_command),
        T(close__with_lines_waiting_and_running__cancels_each),
        T(close__heeds_no_sigterm__is_killed),
        T(close__in_each_done__reports_every_line_once),
        T(close__after_any_number_of_turns__leaves_nothing),
        T(memory__each_allocation_in_turn__refuses_or_fails_the_line),
    };

    /* What whoever runs the tests left open is not what the hooks' code leaves open. */
    if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        return 1;
    signals_hold(); /* as the daemon does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
