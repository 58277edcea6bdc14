/* hook_run: one child from start to end.
 * In:    a command, lines for its standard input, a time limit.
 * Out:   its output in the log, a line at a time; how it ended.
 * Never: a shell; our environment; waits for a grandchild that holds on to the output.
 *
 *   running ──exit──▶ draining ──both outputs end, or DRAIN_MS──▶ closing ──▶ done
 *      │ time is up                 ▲
 *      └──▶ stopping (SIGTERM) ──exit─┤
 *              └──KILL_MS──▶ SIGKILL ─┘
 *
 * Fails: the command cannot be run: closing at once, done says why. The child closes its input
 * early: that is its right, and no failure. */
#include "io/hook_run.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/answer.h"
#include "core/limits.h"
#include "io/log.h"
#include "lib/mem.h"
#include "lib/text.h"

#define KILL_MS      5000
#define STOP_KILL_MS 1000
#define DRAIN_MS     1000
#define LINE_SIZE    1024
#define ENVIRON_SIZE 256
#define N_PIPES      3 /* standard input, output, error; in the order of their numbers */

enum phase { RUNNING, STOPPING, DRAINING, CLOSING };

#define TO(p) (1u << (p))
static const unsigned NEXT[] = {
    [RUNNING] = TO(STOPPING) | TO(DRAINING) | TO(CLOSING),
    [STOPPING] = TO(DRAINING),
    [DRAINING] = TO(CLOSING),
    [CLOSING] = 0,
};

/* A line of output that is not yet complete; what is beyond its end is dropped. */
struct output {
    char line[LINE_SIZE];
    size_t size;
    enum log_level level;
};

struct hook_run {
    uv_process_t process;
    uv_pipe_t pipes[N_PIPES];
    uv_timer_t timer;
    uv_write_t write;
    unsigned n_handles; /* not yet closed */

    enum phase phase;
    struct buf input;
    struct output outputs[N_PIPES]; /* [0] is not used */
    unsigned n_open;                /* outputs that have not ended */
    unsigned n_lines;               /* of output, so far */
    char chunk[4096];               /* being read */

    bool is_late;    /* stopped because its time was up */
    bool is_stopped; /* by hook_run_stop */
    int64_t timeout_ms;
    char last[LIMIT_ERROR_TEXT_BYTES]; /* line on standard error */
    char error[512];                   /* "": none */

    const char *name;
    hook_run_done_fn done;
    void *arg;
};

static void step(struct hook_run *r, enum phase to)
{
    assert(NEXT[r->phase] & TO(to));
    r->phase = to;
}

/* --- The end ------------------------------------------------------------------------------- */

static void handle_closed(struct hook_run *r)
{
    hook_run_done_fn done = r->done;
    void *arg = r->arg;
    char error[sizeof(r->error)];

    if (--r->n_handles > 0)
        return;
    memcpy(error, r->error, sizeof(error));
    buf_deinit(&r->input);
    mem_free(r);
    done(arg, error[0] ? error : NULL);
}

static void on_process_closed(uv_handle_t *h)
{
    handle_closed(container_of(h, struct hook_run, process));
}

static void on_timer_closed(uv_handle_t *h)
{
    handle_closed(container_of(h, struct hook_run, timer));
}

/* The run of one of its pipes. */
static struct hook_run *run_of(void *pipe, size_t which)
{
    uv_pipe_t *first = (uv_pipe_t *)pipe - which;

    return container_of(first, struct hook_run, pipes);
}

static void on_stdin_closed(uv_handle_t *h)
{
    handle_closed(run_of(h, 0));
}

static void on_stdout_closed(uv_handle_t *h)
{
    handle_closed(run_of(h, 1));
}

static void on_stderr_closed(uv_handle_t *h)
{
    handle_closed(run_of(h, 2));
}

static void close_pipe(struct hook_run *r, size_t which)
{
    static const uv_close_cb CLOSED[N_PIPES] = {on_stdin_closed, on_stdout_closed,
                                                on_stderr_closed};
    uv_handle_t *h = (uv_handle_t *)&r->pipes[which];

    if (!uv_is_closing(h))
        uv_close(h, CLOSED[which]);
}

static void line_end(struct hook_run *r, struct output *o);

static void close_all(struct hook_run *r)
{
    step(r, CLOSING);
    for (size_t i = 1; i < N_PIPES; i++)
        line_end(r, &r->outputs[i]);
    if (r->n_lines > LIMIT_HOOK_OUTPUT_LINES)
        log_event(&(struct log_fields){.kind = "hook", .name = r->name}, LOG_LEVEL_WARNING,
                  "%u more lines of output are not shown", r->n_lines - LIMIT_HOOK_OUTPUT_LINES);
    for (size_t i = 0; i < N_PIPES; i++)
        close_pipe(r, i);
    uv_close((uv_handle_t *)&r->process, on_process_closed);
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

/* --- Output -------------------------------------------------------------------------------- */

/* Whatever a hook prints, a token in it does not get into the log. */
static void line_end(struct hook_run *r, struct output *o)
{
    char text[LINE_SIZE];

    if (o->size == 0)
        return;
    answer_redact(o->line, o->size, text, sizeof(text));
    o->size = 0;
    if (o->level == LOG_LEVEL_WARNING)
        snprintf(r->last, sizeof(r->last), "%.*s", (int)sizeof(r->last) - 1, text);
    if (++r->n_lines <= LIMIT_HOOK_OUTPUT_LINES)
        log_event(&(struct log_fields){.kind = "hook", .name = r->name}, o->level, "%s", text);
}

static void output_add(struct hook_run *r, struct output *o, const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (data[i] == '\n')
            line_end(r, o);
        else if (o->size < sizeof(o->line))
            o->line[o->size++] = data[i];
    }
}

static void output_read(struct hook_run *r, size_t which, ssize_t n)
{
    if (n >= 0) {
        output_add(r, &r->outputs[which], r->chunk, (size_t)n);
        return;
    }
    line_end(r, &r->outputs[which]);
    close_pipe(r, which);
    r->n_open--;
    if (r->n_open == 0 && r->phase == DRAINING)
        close_all(r);
}

static void on_stdout(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    output_read(run_of(s, 1), 1, n);
}

static void on_stderr(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    output_read(run_of(s, 2), 2, n);
}

static void on_stdout_room(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
    struct hook_run *r = run_of(h, 1);

    (void)hint;
    *out = uv_buf_init(r->chunk, sizeof(r->chunk));
}

static void on_stderr_room(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
    struct hook_run *r = run_of(h, 2);

    (void)hint;
    *out = uv_buf_init(r->chunk, sizeof(r->chunk));
}

/* --- Exit and time ------------------------------------------------------------------------- */

/* To the whole group: what the hook has started is to end with it. */
static void signal_group(const struct hook_run *r, int signum)
{
    if (r->process.pid > 0)
        (void)kill(-r->process.pid, signum);
}

static void on_drain_timer(uv_timer_t *t)
{
    close_all(container_of(t, struct hook_run, timer));
}

static void on_kill_timer(uv_timer_t *t)
{
    signal_group(container_of(t, struct hook_run, timer), SIGKILL);
}

static void stop(struct hook_run *r, uint64_t kill_ms)
{
    step(r, STOPPING);
    signal_group(r, SIGTERM);
    uv_timer_start(&r->timer, on_kill_timer, kill_ms, 0);
}

static void on_timeout(uv_timer_t *t)
{
    struct hook_run *r = container_of(t, struct hook_run, timer);

    r->is_late = true;
    stop(r, KILL_MS);
}

void hook_run_stop(struct hook_run *r)
{
    if (r->is_stopped)
        return;
    r->is_stopped = true;
    if (r->phase == RUNNING)
        stop(r, STOP_KILL_MS);
    else if (r->phase == STOPPING)
        uv_timer_start(&r->timer, on_kill_timer, STOP_KILL_MS, 0);
}

static void say_end(struct hook_run *r, int64_t status, int signum)
{
    const char *colon = r->last[0] ? ": " : "";
    char limit[TEXT_DURATION_SIZE];

    if (r->is_late)
        snprintf(r->error, sizeof(r->error), "it ran for more than %s and was stopped%s%s",
                 text_duration(r->timeout_ms, limit), colon, r->last);
    else if (r->is_stopped)
        snprintf(r->error, sizeof(r->error), "it was stopped");
    else if (signum != 0)
        snprintf(r->error, sizeof(r->error), "it was killed by signal %d (%s)%s%s", signum,
                 strsignal(signum), colon, r->last);
    else if (status != 0)
        snprintf(r->error, sizeof(r->error), "exit status %lld%s%s", (long long)status, colon,
                 r->last);
}

/* What has been written by now is read before anything is said: the last line may be the reason. */
static void finish_output(struct hook_run *r)
{
    for (size_t i = 1; i < N_PIPES; i++) {
        uv_os_fd_t fd;
        ssize_t n;

        if (uv_is_closing((uv_handle_t *)&r->pipes[i]) ||
            uv_fileno((uv_handle_t *)&r->pipes[i], &fd) != 0)
            continue;
        for (int turns = 0; turns < 16; turns++) { /* a grandchild may go on writing */
            n = read(fd, r->chunk, sizeof(r->chunk));
            if (n <= 0)
                break;
            output_add(r, &r->outputs[i], r->chunk, (size_t)n);
        }
        line_end(r, &r->outputs[i]);
    }
}

static void on_exit(uv_process_t *p, int64_t status, int signum)
{
    struct hook_run *r = container_of(p, struct hook_run, process);

    if (r->phase == STOPPING)
        signal_group(r, SIGKILL); /* those of the group that did not heed SIGTERM */
    finish_output(r);
    say_end(r, status, signum);
    step(r, DRAINING);
    if (r->n_open == 0)
        close_all(r);
    else
        uv_timer_start(&r->timer, on_drain_timer, DRAIN_MS, 0);
}

/* --- The beginning ------------------------------------------------------------------------- */

static void on_written(uv_write_t *w, int status)
{
    struct hook_run *r = container_of(w, struct hook_run, write);

    (void)status; /* a hook that does not read is a hook all the same */
    close_pipe(r, 0);
}

struct ends {
    uv_file ours[N_PIPES];
    uv_file theirs[N_PIPES];
    size_t n;
};

static void close_ends(const uv_file *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
}

/* Pipes, not the socket pairs that libuv would make: /dev/stdin and /dev/stderr cannot be opened on
 * those. */
static int open_ends(struct ends *e, struct err *err)
{
    for (e->n = 0; e->n < N_PIPES; e->n++) {
        bool is_input = e->n == 0;
        uv_file fds[2];
        int rc = is_input ? uv_pipe(fds, 0, UV_NONBLOCK_PIPE) : uv_pipe(fds, UV_NONBLOCK_PIPE, 0);

        if (rc != 0) {
            close_ends(e->ours, e->n);
            close_ends(e->theirs, e->n);
            return err_set(err, ERR_IO, "cannot make a pipe: %s", uv_strerror(rc));
        }
        e->ours[e->n] = fds[is_input ? 1 : 0];
        e->theirs[e->n] = fds[is_input ? 0 : 1];
    }
    return 0;
}

static int spawn(struct hook_run *r, uv_loop_t *loop, const struct hook_run_options *o,
                 const struct ends *e)
{
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char lang[] = "LANG=C.UTF-8";
    char organization[ENVIRON_SIZE];
    char *environment[] = {path, lang, organization, NULL};
    uv_stdio_container_t stdio[N_PIPES];
    uv_process_options_t options = {
        .exit_cb = on_exit,
        .file = o->argv[0],
        .args = (char **)(uintptr_t)o->argv, /* libuv does not write to them */
        .env = environment,
        .cwd = "/",
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = N_PIPES,
        .stdio = stdio,
    };

    snprintf(organization, sizeof(organization), "TENANTD_ORGANIZATION=%s", o->organization);
    for (int i = 0; i < N_PIPES; i++)
        stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = e->theirs[i]};
    return uv_spawn(loop, &r->process, &options);
}

static void init_handles(struct hook_run *r, uv_loop_t *loop, const struct ends *e)
{
    uv_timer_init(loop, &r->timer);
    r->n_handles = 2; /* and the process, which uv_spawn initialises whatever it answers */
    for (size_t i = 0; i < N_PIPES; i++) {
        int rc;

        uv_pipe_init(loop, &r->pipes[i], 0);
        rc = uv_pipe_open(&r->pipes[i], e->ours[i]);
        assert(rc == 0); /* it is a pipe, and was opened for this */
        (void)rc;
        r->n_handles++;
    }
}

static void begin(struct hook_run *r)
{
    uv_buf_t input = uv_buf_init(r->input.data, (unsigned)r->input.size);

    uv_timer_start(&r->timer, on_timeout, (uint64_t)r->timeout_ms, 0);
    r->n_open = 2;
    uv_read_start((uv_stream_t *)&r->pipes[1], on_stdout_room, on_stdout);
    uv_read_start((uv_stream_t *)&r->pipes[2], on_stderr_room, on_stderr);
    if (uv_write(&r->write, (uv_stream_t *)&r->pipes[0], &input, 1, on_written) != 0)
        close_pipe(r, 0); /* UNTESTED: no memory, and it asks for none with one buffer */
}

static struct hook_run *run_new(const struct hook_run_options *o)
{
    struct hook_run *r = mem_alloc(sizeof(*r));

    if (!r)
        return NULL;
    r->name = o->name;
    r->timeout_ms = o->timeout_ms;
    r->done = o->done;
    r->arg = o->arg;
    r->outputs[1].level = LOG_LEVEL_DEBUG;
    r->outputs[2].level = LOG_LEVEL_WARNING;
    return r;
}

int hook_run_start(uv_loop_t *loop, const struct hook_run_options *o, struct buf *input,
                   struct hook_run **out, struct err *err)
{
    struct hook_run *r = run_new(o);
    struct ends ends = {.n = 0};
    int rc;

    if (!r)
        return err_nomem(err);
    rc = open_ends(&ends, err);
    if (rc != 0) {
        mem_free(r);
        return rc;
    }
    r->input = *input;
    *input = BUF_INIT(input->max);
    init_handles(r, loop, &ends);
    rc = spawn(r, loop, o, &ends);
    close_ends(ends.theirs, N_PIPES);
    if (rc == 0) {
        begin(r);
    } else {
        snprintf(r->error, sizeof(r->error), "cannot run %s: %s", o->argv[0], uv_strerror(rc));
        close_all(r);
    }
    *out = r;
    return 0;
}
