/* manifest_files_hold: what a reading holds, and for how long.
 * In:    whoever takes one, or lets go of it, from any thread.
 * Out:   what is in it.
 * Never: changes one that is there. */
#include "io/manifest_files_private.h"
#include "lib/mem.h"

void manifest_files_drop_one(struct one_file *f)
{
    if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    mem_free(f->path);
    mem_free(f->error);
    read_deinit(&f->text);
    mem_free(f);
}

void manifest_files_drop_family(struct family *family)
{
    if (!family || atomic_fetch_sub(&family->refs, 1) != 1)
        return;
    for (size_t i = 0; i < family->n; i++)
        manifest_files_drop_one(family->files[i]);
    mem_free((void *)family->files);
    mem_free(family);
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
    manifest_files_drop_family(m->family);
    mem_free((void *)m->files);
    mem_free((void *)m->restless);
    mem_free((void *)m->empty);
    mem_free(m->inputs);
    mem_free(m->manifest);
    mem_free(m->tenants_dir);
    mem_free(m);
}

const struct manifest_input *manifest_files_inputs(const struct manifest_files *m, size_t *n)
{
    *n = m->n;
    return m->inputs;
}

const char *manifest_files_empty(const struct manifest_files *m, size_t i, enum manifest_kind *kind)
{
    if (i >= m->n_empty)
        return NULL;
    *kind = m->empty[i]->kind;
    return m->empty[i]->path;
}

size_t manifest_files_reused(const struct manifest_files *m)
{
    return m->n_reused;
}

bool manifest_files_is_some(const struct manifest_files *m)
{
    return m->is_some;
}
