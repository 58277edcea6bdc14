#include "io/token_files.h"

#include <assert.h>

#include "core/limits.h"
#include "io/token_jobs.h"
#include "lib/list.h"
#include "lib/mem.h"

struct batch {
    struct list link; /* in token_files.waiting until it runs */
    struct file_job **jobs;
    struct file_result *results;
    size_t n;
    token_files_done_fn done;
    void *arg;
};

struct token_files {
    uv_loop_t *loop;
    struct tokens_dir_options options; /* with texts of its own; the worker reads them */
    char *path;
    char *mark;
    struct list waiting;
    struct batch *running; /* the worker's alone until on_done; NULL: none */
    uv_work_t work;
    size_t pending; /* jobs */
    bool is_closing;
    uv_prepare_t handle; /* never started: its close callback is what makes close asynchronous */
    token_files_closed_fn closed;
    void *closed_arg;
};

static void run_next(struct token_files *tf);

static void tf_free(struct token_files *tf)
{
    mem_free(tf->path);
    mem_free(tf->mark);
    mem_free(tf);
}

int token_files_open(uv_loop_t *loop, const struct tokens_dir_options *o, struct token_files **out,
                     struct err *err)
{
    struct token_files *tf = mem_alloc(sizeof(*tf));

    if (!tf)
        return err_nomem(err);
    tf->loop = loop;
    list_init(&tf->waiting);
    tf->path = mem_strdup(o->path);
    tf->mark = mem_strdup(o->mark);
    if (!tf->path || !tf->mark) {
        tf_free(tf);
        return err_nomem(err);
    }
    tf->options = *o;
    tf->options.path = tf->path;
    tf->options.mark = tf->mark;
    uv_prepare_init(loop, &tf->handle); /* cannot fail */
    *out = tf;
    return 0;
}

/* Without the jobs. */
static void batch_free(struct batch *b)
{
    mem_free(b->jobs);
    mem_free(b->results);
    mem_free(b);
}

static struct batch *batch_new(struct file_job *const *jobs, size_t n)
{
    struct batch *b = mem_alloc(sizeof(*b));

    if (!b)
        return NULL;
    b->jobs = mem_alloc(n * sizeof(struct file_job *));
    b->results = mem_alloc(n * sizeof(*b->results));
    if (!b->jobs || !b->results) {
        batch_free(b);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        b->jobs[i] = jobs[i];
    b->n = n;
    return b;
}

static void work(uv_work_t *req)
{
    struct token_files *tf = container_of(req, struct token_files, work);
    struct batch *b = tf->running;

    token_jobs_run(&tf->options, b->jobs, b->n, b->results);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct token_files *tf = container_of(h, struct token_files, handle);
    token_files_closed_fn closed = tf->closed;
    void *arg = tf->closed_arg;

    tf_free(tf);
    if (closed)
        closed(arg);
}

static void maybe_closed(struct token_files *tf)
{
    if (tf->is_closing && !tf->pending && !uv_is_closing((uv_handle_t *)&tf->handle))
        uv_close((uv_handle_t *)&tf->handle, on_handle_closed);
}

static void on_done(uv_work_t *req, int status)
{
    struct token_files *tf = container_of(req, struct token_files, work);
    struct batch *b = tf->running;

    assert(status == 0); /* we never cancel it */
    (void)status;
    tf->running = NULL;
    for (size_t i = 0; i < b->n; i++)
        file_job_free(b->jobs[i]);
    run_next(tf);
    b->done(b->arg, b->results, b->n); /* may start more, or close */
    tf->pending -= b->n;
    for (size_t i = 0; i < b->n; i++)
        mem_free_secret(b->results[i].jwt, b->results[i].jwt_size);
    batch_free(b);
    maybe_closed(tf);
}

static void run_next(struct token_files *tf)
{
    if (tf->running || list_is_empty(&tf->waiting))
        return;
    tf->running = container_of(tf->waiting.next, struct batch, link);
    list_remove(&tf->running->link);
    uv_queue_work(tf->loop, &tf->work, work, on_done); /* fails without a callback alone */
}

int token_files_start(struct token_files *tf, struct file_job *const *jobs, size_t n,
                      token_files_done_fn done, void *arg, struct err *err)
{
    struct batch *b;

    assert(n > 0 && done);
    if (tf->is_closing)
        return err_set(err, ERR_CANCELED, "the token files are being closed");
    if (n > LIMIT_FILE_JOBS)
        return err_set(err, ERR_LIMIT, "%zu file jobs at once, at most %u", n, LIMIT_FILE_JOBS);
    b = batch_new(jobs, n);
    if (!b)
        return err_nomem(err);
    b->done = done;
    b->arg = arg;
    list_append(&tf->waiting, &b->link);
    tf->pending += n;
    run_next(tf);
    return 0;
}

size_t token_files_pending(const struct token_files *tf)
{
    return tf->pending;
}

void token_files_close(struct token_files *tf, token_files_closed_fn closed, void *arg)
{
    assert(!tf->is_closing);
    tf->is_closing = true;
    tf->closed = closed;
    tf->closed_arg = arg;
    maybe_closed(tf);
}
