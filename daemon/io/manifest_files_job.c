/* manifest_files_job: a reading on libuv's pool.
 *
 * Start: copy options, hold the previous reading, queue. Worker: read. Loop: done, with the
 * reading. Cancel sets a flag that is looked at before each file, and takes the job out of the
 * queue if it is still there. */
#include <assert.h>
#include <stdatomic.h>

#include "io/manifest_files.h"
#include "io/manifest_files_private.h"
#include "lib/mem.h"

struct manifest_files_job {
    uv_work_t work;
    char *manifest; /* owned; options point to them */
    char *tenants_dir;
    struct manifest_walk_options options;
    struct manifest_files *previous; /* held; may be NULL */
    struct manifest_spots spots;
    manifest_files_done_fn done;
    void *arg;
    atomic_bool is_canceled;
    int rc;
    struct manifest_files *result;
};

static void job_free(struct manifest_files_job *job)
{
    manifest_files_unref(job->previous);
    manifest_spots_deinit(&job->spots);
    mem_free(job->manifest);
    mem_free(job->tenants_dir);
    mem_free(job);
}

static void on_work(uv_work_t *work)
{
    struct manifest_files_job *job = container_of(work, struct manifest_files_job, work);

    struct manifest_files_look look = {.options = job->options,
                                       .previous = job->previous,
                                       .spots = &job->spots,
                                       .is_canceled = &job->is_canceled};

    job->rc = manifest_files_look(&look, &job->result);
}

static void on_worked(uv_work_t *work, int status)
{
    struct manifest_files_job *job = container_of(work, struct manifest_files_job, work);
    manifest_files_done_fn done = job->done;
    void *arg = job->arg;
    struct manifest_files *result = job->result;
    int rc = job->rc;

    if (status != 0 || atomic_load(&job->is_canceled)) {
        manifest_files_unref(result);
        result = NULL;
        rc = -ERR_CANCELED;
    }
    job_free(job);
    done(arg, rc, result);
}

static struct manifest_files_job *job_new(const struct manifest_files_start *s)
{
    struct manifest_files_job *job = mem_alloc(sizeof(*job));

    if (!job)
        return NULL;
    job->manifest = mem_strdup(s->options.manifest);
    job->tenants_dir = mem_strdup(s->options.tenants_dir);
    if (!job->manifest || (s->options.tenants_dir && !job->tenants_dir)) {
        job_free(job);
        return NULL;
    }
    job->options.manifest = job->manifest;
    job->options.tenants_dir = job->tenants_dir;
    job->previous = s->previous ? manifest_files_ref(s->previous) : NULL;
    job->done = s->done;
    job->arg = s->arg;
    atomic_init(&job->is_canceled, false);
    return job;
}

int manifest_files_start(uv_loop_t *loop, const struct manifest_files_start *s,
                         struct manifest_files_job **out, struct err *err)
{
    struct manifest_files_job *job;

    assert(s->done && s->options.manifest);
    job = job_new(s);
    if (!job)
        return err_nomem(err);
    if (s->spots) /* before the worker has it, who reads them */
        manifest_spots_take(&job->spots, s->spots);
    else
        manifest_spots_add_anywhere(&job->spots);
    if (uv_queue_work(loop, &job->work, on_work, on_worked) != 0) {
        if (s->spots) /* UNTESTED: refused only without a function to run */
            manifest_spots_take(s->spots, &job->spots);
        job_free(job);
        return err_set(err, ERR_IO, "cannot queue the reading of the manifest");
    }
    *out = job;
    return 0;
}

void manifest_files_cancel(struct manifest_files_job *job)
{
    atomic_store(&job->is_canceled, true);
    (void)uv_cancel((uv_req_t *)&job->work); /* where it already runs, the flag ends it */
}
