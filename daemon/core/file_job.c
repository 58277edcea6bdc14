#include "core/file_job.h"

#include "lib/mem.h"

struct file_job *file_job_new(enum file_job_kind kind, const char *path)
{
    struct file_job *j = mem_alloc(sizeof(*j));

    if (!j)
        return NULL;
    j->kind = kind;
    j->path = mem_strdup(path);
    if (!j->path) {
        file_job_free(j);
        return NULL;
    }
    return j;
}

void file_job_free(struct file_job *j)
{
    if (!j)
        return;
    mem_free_secret(j->jwt, j->jwt_size);
    mem_free(j->path);
    mem_free(j->url);
    mem_free(j->old_path);
    mem_free(j->hash);
    mem_free(j);
}
