/* test_hooks_child: what a real child gets, how it fails, and what it says.
 * In:    small shell scripts as hooks.
 * Out:   cmocka's verdict.
 * Never: sleeps to see whether something happens; a hook that hangs is there to be killed. */
#include "io/hooks.h"

#include "tests/loop/hooks_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(line__added__is_read_as_json),
        T(child__environment_descriptors_directory_signals__are_clean),
        T(child__opens_its_standard_files_by_name__can),
        T(child__does_not_read__is_no_failure),
        T(child__fails__says_status_and_last_line),
        T(command__cannot_be_run__fails_each_line),
        T(child__heeds_sigterm_when_late__is_stopped),
        T(child__heeds_no_sigterm__is_killed_with_its_group),
        T(child__leaves_a_daemon_with_its_output__is_done_nevertheless),
        T(output__lines__are_in_the_log),
        T(output__a_token__is_hidden),
        T(output__without_end__is_cut_and_counted),
    };

    return cmocka_run_group_tests(tests, hold_signals, NULL);
}
