#include "io/token_files.h"

#include <assert.h>
#include <string.h>

#include "core/limits.h"
#include "io/token_jobs.h"
#include "lib/list.h"
#include "lib/mem.h"
#include "lib/text.h"

#define LANES     3  /* of the loop's four threads: one is left for manifests and uploads */
#define LANE_JOBS 64 /* that share what is done once for all: the look at the mark, the sync */

struct item {
    struct list link; /* in token_files.waiting, then in its lane's queue until it runs */
    struct batch *batch;
    struct file_job *job;
    struct file_result *result;
};

struct batch {
    struct list link; /* in the list of those that are done, then */
    struct item *items;
    struct file_result *results;
    size_t n;
    size_t n_left;
    token_files_done_fn done;
    void *arg;
};

struct lane {
    struct token_files *tf;
    struct list queue;
    struct item *running[LANE_JOBS];
    struct file_job *jobs[LANE_JOBS]; /* of those; the worker's alone until on_done */
    struct file_result *results[LANE_JOBS];
    size_t n_running;
    uv_work_t work;
};

struct token_files {
    uv_loop_t *loop;
    struct tokens_dir_options options; /* with texts of its own; the workers read them */
    char *path;
    char *mark;
    struct list waiting; /* behind one that goes alone */
    struct lane lanes[LANES];
    size_t n_in_lanes; /* items */
    bool is_alone;     /* the one that is there */
    size_t pending;    /* jobs */
    bool is_closing;
    uv_prepare_t handle; /* never started: its close callback is what makes close asynchronous */
    token_files_closed_fn closed;
    void *closed_arg;
};

static void go_on(struct token_files *tf);

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
    for (size_t i = 0; i < LANES; i++) {
        tf->lanes[i].tf = tf;
        list_init(&tf->lanes[i].queue);
    }
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
    mem_free(b->items);
    mem_free(b->results);
    mem_free(b);
}

static struct batch *batch_new(struct file_job *const *jobs, size_t n)
{
    struct batch *b = mem_alloc(sizeof(*b));

    if (!b)
        return NULL;
    b->items = mem_alloc(n * sizeof(*b->items));
    b->results = mem_alloc(n * sizeof(*b->results));
    if (!b->items || !b->results) {
        batch_free(b);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        b->items[i] = (struct item){.batch = b, .job = jobs[i], .result = &b->results[i]};
    b->n = b->n_left = n;
    return b;
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

/* --- on a worker, and back --- */

static void work(uv_work_t *req)
{
    struct lane *l = container_of(req, struct lane, work);

    token_jobs_run(&l->tf->options, l->jobs, l->n_running, l->results);
}

static void finish(struct token_files *tf, struct batch *b)
{
    list_remove(&b->link);
    b->done(b->arg, b->results, b->n); /* may start more, or close */
    tf->pending -= b->n;
    for (size_t i = 0; i < b->n; i++)
        mem_free_secret(b->results[i].jwt, b->results[i].jwt_size);
    batch_free(b);
}

static void on_done(uv_work_t *req, int status)
{
    struct lane *l = container_of(req, struct lane, work);
    struct token_files *tf = l->tf;
    struct list done;

    assert(status == 0); /* we never cancel it */
    (void)status;
    list_init(&done);
    for (size_t i = 0; i < l->n_running; i++) {
        struct batch *b = l->running[i]->batch;

        file_job_free(l->jobs[i]);
        if (--b->n_left == 0)
            list_append(&done, &b->link);
    }
    tf->n_in_lanes -= l->n_running;
    l->n_running = 0;
    go_on(tf);
    while (!list_is_empty(&done))
        finish(tf, container_of(done.next, struct batch, link));
    maybe_closed(tf);
}

static void run(struct lane *l)
{
    while (l->n_running < LANE_JOBS && !list_is_empty(&l->queue)) {
        struct item *it = container_of(l->queue.next, struct item, link);

        list_remove(&it->link);
        l->running[l->n_running] = it;
        l->jobs[l->n_running] = it->job;
        l->results[l->n_running++] = it->result;
    }
    uv_queue_work(l->tf->loop, &l->work, work, on_done); /* fails without a callback alone */
}

/* --- who goes when --- */

/* What two jobs may both change, a directory that is made or removed included, is below the first
 * part of their paths. */
static unsigned lane_of(const char *path)
{
    return (unsigned)(text_hash(TEXT_HASH_INIT, path, strcspn(path, "/")) % LANES);
}

static bool goes_alone(const struct file_job *j)
{
    return j->old_path && lane_of(j->old_path) != lane_of(j->path);
}

/* Put it into its lane, if no other stands before it. */
static bool admit(struct token_files *tf, struct item *it)
{
    bool alone = goes_alone(it->job);

    if (tf->n_in_lanes && (alone || tf->is_alone))
        return false;
    tf->is_alone = alone;
    tf->n_in_lanes++;
    list_remove(&it->link);
    list_append(&tf->lanes[lane_of(it->job->path)].queue, &it->link);
    return true;
}

static void go_on(struct token_files *tf)
{
    while (!list_is_empty(&tf->waiting) &&
           admit(tf, container_of(tf->waiting.next, struct item, link)))
        ;
    for (size_t i = 0; i < LANES; i++)
        if (!tf->lanes[i].n_running && !list_is_empty(&tf->lanes[i].queue))
            run(&tf->lanes[i]);
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
    for (size_t i = 0; i < n; i++)
        list_append(&tf->waiting, &b->items[i].link);
    tf->pending += n;
    go_on(tf);
    return 0;
}

void token_files_close(struct token_files *tf, token_files_closed_fn closed, void *arg)
{
    assert(!tf->is_closing);
    tf->is_closing = true;
    tf->closed = closed;
    tf->closed_arg = arg;
    maybe_closed(tf);
}
