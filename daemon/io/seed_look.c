#include "io/seed_look.h"

#include "lib/mem.h"

struct look {
    struct seed_work work;
    char *dir;
    char *path;
    char *cipher;
    struct seed_file file;
    struct err err;
    int rv;
    seed_look_fn done;
    void *arg;
};

static void look_free(struct look *l)
{
    mem_free(l->dir);
    mem_free(l->path);
    mem_free(l->cipher);
    mem_free(l);
}

static void run(struct seed_work *work)
{
    struct look *l = container_of(work, struct look, work);

    l->rv = seed_file_open(l->dir, l->path, l->cipher, &l->file, &l->err);
}

static void done(struct seed_work *work, bool has_run)
{
    struct look *l = container_of(work, struct look, work);

    if (!has_run)
        l->rv = err_set(&l->err, ERR_CANCELED, "tenantd is stopping");
    l->done(l->arg, l->rv, &l->file, &l->err);
    look_free(l);
}

int seed_look(struct seed_queue *q, const char *dir, const char *path, const char *cipher,
              seed_look_fn on_done, void *arg, struct err *err)
{
    struct look *l = mem_alloc(sizeof(*l));

    if (!l)
        return err_nomem(err);
    *l = (struct look){.work = {.run = run, .done = done},
                       .file = SEED_FILE_INIT,
                       .err = ERR_INIT,
                       .done = on_done,
                       .arg = arg};
    l->dir = mem_strdup(dir);
    l->path = mem_strdup(path);
    l->cipher = mem_strdup(cipher);
    if (!l->dir || !l->path || (cipher && !l->cipher)) {
        look_free(l);
        return err_nomem(err);
    }
    seed_queue_add(q, &l->work);
    return 0;
}
