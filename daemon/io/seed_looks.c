#include "io/seed_looks.h"

#include "lib/mem.h"

struct seed_look {
    uv_work_t work;
    struct list link;
    struct seed_looks *all;
    char *dir;
    char *path;
    char *cipher;
    struct seed_file file;
    struct err err;
    int rv;
    seed_look_fn done;
    void *arg;
};

void seed_looks_init(struct seed_looks *s, uv_loop_t *loop)
{
    *s = (struct seed_looks){.loop = loop};
    list_init(&s->waiting);
}

static void look_free(struct seed_look *l)
{
    mem_free(l->dir);
    mem_free(l->path);
    mem_free(l->cipher);
    mem_free(l);
}

static void work(uv_work_t *req)
{
    struct seed_look *l = container_of(req, struct seed_look, work);

    l->rv = seed_file_open(l->dir, l->path, l->cipher, &l->file, &l->err);
}

static void run_next(struct seed_looks *s);

static void on_worked(uv_work_t *req, int status)
{
    struct seed_look *l = container_of(req, struct seed_look, work);
    struct seed_looks *s = l->all;

    (void)status; /* it is never canceled */
    s->running = NULL;
    run_next(s);
    l->done(l->arg, l->rv, &l->file, &l->err);
    look_free(l);
}

static void run_next(struct seed_looks *s)
{
    if (s->running || list_is_empty(&s->waiting))
        return;
    s->running = container_of(s->waiting.next, struct seed_look, link);
    list_remove(&s->running->link);
    uv_queue_work(s->loop, &s->running->work, work, on_worked); /* fails without a callback alone */
}

int seed_looks_start(struct seed_looks *s, const char *dir, const char *path, const char *cipher,
                     seed_look_fn done, void *arg, struct err *err)
{
    struct seed_look *l = mem_alloc(sizeof(*l));

    if (!l)
        return err_nomem(err);
    *l = (struct seed_look){
        .all = s, .file = SEED_FILE_INIT, .err = ERR_INIT, .done = done, .arg = arg};
    l->dir = mem_strdup(dir);
    l->path = mem_strdup(path);
    l->cipher = mem_strdup(cipher);
    if (!l->dir || !l->path || (cipher && !l->cipher)) {
        look_free(l);
        return err_nomem(err);
    }
    list_append(&s->waiting, &l->link);
    run_next(s);
    return 0;
}

void seed_looks_cancel(struct seed_looks *s)
{
    while (!list_is_empty(&s->waiting)) {
        struct seed_look *l = container_of(s->waiting.next, struct seed_look, link);

        list_remove(&l->link);
        l->done(l->arg, err_set(&l->err, ERR_CANCELED, "tenantd is stopping"), &l->file, &l->err);
        look_free(l);
    }
}
