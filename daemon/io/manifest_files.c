/* manifest_files: the bytes of all manifest files, read off the loop.
 * In:    where they are, and the reading before this one.
 * Out:   inputs for desired_build, sorted by path.
 * Never: touches in its worker what the loop may touch; a reading does not change once it is there.
 *
 * Start: copy options, hold the previous reading, queue. Worker: walk; a file whose identity is
 * that of the previous reading gives its bytes, the others are read. Loop: done, with the reading.
 * Cancel sets a flag that the walk looks at before each file, and takes the job out of the queue if
 * it is still there. */
#include "io/manifest_files.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "io/clock.h"
#include "lib/mem.h"

/* A file whose last change is younger than this may change again without its times showing it. */
#define SETTLED_NS INT64_C(2000000000)

struct text {
    atomic_uint refs;
    struct read_file file;
};

struct one_file {
    char *path;
    enum manifest_kind kind;
    struct text *text; /* exactly one of this and error is set */
    char *error;
    bool is_settled; /* equal identity means equal bytes */
};

struct manifest_files {
    atomic_uint refs;
    struct one_file *files; /* sorted by path */
    size_t n;
    size_t capacity;
    size_t n_reused;
    struct manifest_input *inputs; /* n, in the same order */
};

/* --- A reading ----------------------------------------------------------------------------- */

static void text_unref(struct text *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    read_deinit(&t->file);
    mem_free(t);
}

static void one_file_deinit(struct one_file *f)
{
    mem_free(f->path);
    mem_free(f->error);
    text_unref(f->text);
}

struct manifest_files *manifest_files_ref(struct manifest_files *m)
{
    atomic_fetch_add(&m->refs, 1);
    return m;
}

void manifest_files_unref(struct manifest_files *m)
{
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1)
        return;
    for (size_t i = 0; i < m->n; i++)
        one_file_deinit(&m->files[i]);
    mem_free(m->files);
    mem_free(m->inputs);
    mem_free(m);
}

const struct manifest_input *manifest_files_inputs(const struct manifest_files *m, size_t *n)
{
    *n = m->n;
    return m->inputs;
}

size_t manifest_files_reused(const struct manifest_files *m)
{
    return m->n_reused;
}

static int compare_files(const void *a, const void *b)
{
    const struct one_file *fa = a;
    const struct one_file *fb = b;

    return strcmp(fa->path, fb->path);
}

static int compare_path(const void *path, const void *file)
{
    const struct one_file *f = file;

    return strcmp(path, f->path);
}

static const struct one_file *find(const struct manifest_files *m, const char *path)
{
    return m && m->n > 0 ? bsearch(path, m->files, m->n, sizeof(*m->files), compare_path) : NULL;
}

/* Takes path's and error's copies; NULL text and error: no memory was there for either. */
static int append(struct manifest_files *m, struct one_file f)
{
    if (!f.path || (!f.text && !f.error) ||
        !mem_grow(&m->files, &m->capacity, m->n + 1, sizeof(*m->files))) {
        one_file_deinit(&f);
        return -ERR_NOMEM;
    }
    m->files[m->n++] = f;
    return 0;
}

static int append_error(struct manifest_files *m, const struct manifest_found *found,
                        const char *error)
{
    return append(m, (struct one_file){.path = mem_strdup(found->path),
                                       .kind = found->kind,
                                       .error = mem_strdup(error)});
}

static int make_inputs(struct manifest_files *m)
{
    m->inputs = mem_alloc((m->n + 1) * sizeof(*m->inputs));
    if (!m->inputs)
        return -ERR_NOMEM;
    if (m->n > 0)
        qsort(m->files, m->n, sizeof(*m->files), compare_files);
    for (size_t i = 0; i < m->n; i++) {
        const struct one_file *f = &m->files[i];

        m->inputs[i] = (struct manifest_input){
            .path = f->path,
            .kind = f->kind,
            .data = f->text ? f->text->file.data : NULL,
            .size = f->text ? f->text->file.size : 0,
            .error = f->error,
        };
    }
    return 0;
}

/* --- Reading ------------------------------------------------------------------------------- */

struct reading {
    struct manifest_files *into;
    const struct manifest_files *previous;
    int64_t now_ns;                 /* wall clock, as files have it */
    const atomic_bool *is_canceled; /* NULL: cannot be */
};

static bool is_settled(const struct read_identity *i, int64_t now_ns)
{
    return now_ns - i->mtime_ns > SETTLED_NS && now_ns - i->ctime_ns > SETTLED_NS;
}

/* The text of the previous reading if it is still right, held once more; else NULL. */
static struct text *reuse(const struct reading *r, const struct manifest_found *found)
{
    const struct one_file *f = find(r->previous, found->path);

    if (!f || !f->text || !f->is_settled || f->kind != found->kind ||
        !read_identity_equal(&f->text->file.identity, &found->identity))
        return NULL;
    atomic_fetch_add(&f->text->refs, 1);
    return f->text;
}

static int read_text(const struct manifest_found *found, struct text *t, struct err *err)
{
    int fd = manifest_walk_open(found, err);
    int rc;

    if (fd < 0)
        return fd;
    rc = read_fd(fd, "it", READ_MANIFEST, LIMIT_MANIFEST_FILE_BYTES, &t->file, err);
    close(fd);
    return rc;
}

static int add_file(struct reading *r, const struct manifest_found *found)
{
    struct one_file f = {.kind = found->kind, .text = reuse(r, found)};
    struct err err = ERR_INIT;
    int rc = 0;

    if (f.text) {
        r->into->n_reused++;
    } else {
        f.text = mem_alloc(sizeof(*f.text));
        if (!f.text)
            return -ERR_NOMEM;
        atomic_init(&f.text->refs, 1);
        rc = read_text(found, f.text, &err);
    }
    if (rc != 0) {
        text_unref(f.text);
        return rc == -ERR_NOMEM ? rc : append_error(r->into, found, err.msg);
    }
    f.path = mem_strdup(found->path);
    f.is_settled = is_settled(&f.text->file.identity, r->now_ns);
    return append(r->into, f);
}

static int visit(void *arg, const struct manifest_found *found)
{
    struct reading *r = arg;

    if (r->is_canceled && atomic_load(r->is_canceled))
        return -ERR_CANCELED;
    switch (found->type) {
    case MANIFEST_FILE:
        return add_file(r, found);
    case MANIFEST_ERROR:
        return append_error(r->into, found, found->error);
    case MANIFEST_DIRECTORY:
        break;
    }
    return 0;
}

static int read_all(const struct manifest_walk_options *o, const struct manifest_files *previous,
                    const atomic_bool *is_canceled, struct manifest_files **out)
{
    struct reading r = {.into = mem_alloc(sizeof(*r.into)),
                        .previous = previous,
                        .now_ns = clock_wall_ms() * 1000000,
                        .is_canceled = is_canceled};
    int rc;

    if (!r.into)
        return -ERR_NOMEM;
    atomic_init(&r.into->refs, 1);
    rc = manifest_walk(o, visit, &r);
    if (rc == 0)
        rc = make_inputs(r.into);
    if (rc != 0) {
        manifest_files_unref(r.into);
        return rc;
    }
    *out = r.into;
    return 0;
}

int manifest_files_read(const struct manifest_walk_options *o,
                        const struct manifest_files *previous, struct manifest_files **out,
                        struct err *err)
{
    int rc = read_all(o, previous, NULL, out);

    return rc == 0 ? 0 : err_nomem(err);
}

/* --- On the pool --------------------------------------------------------------------------- */

struct manifest_files_job {
    uv_work_t work;
    char *manifest; /* owned; options point to them */
    char *tenants_dir;
    struct manifest_walk_options options;
    struct manifest_files *previous; /* held; may be NULL */
    manifest_files_done_fn done;
    void *arg;
    atomic_bool is_canceled;
    int rc;
    struct manifest_files *result;
};

static void job_free(struct manifest_files_job *job)
{
    manifest_files_unref(job->previous);
    mem_free(job->manifest);
    mem_free(job->tenants_dir);
    mem_free(job);
}

static void on_work(uv_work_t *work)
{
    struct manifest_files_job *job = container_of(work, struct manifest_files_job, work);

    job->rc = read_all(&job->options, job->previous, &job->is_canceled, &job->result);
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
    if (uv_queue_work(loop, &job->work, on_work, on_worked) != 0) {
        job_free(job); /* UNTESTED: refused only without a function to run */
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
