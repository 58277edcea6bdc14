/* desired_keep: which bytes are the new last good ones.
 * In:    what was decided of every file.
 * Out:   a version of each file that counts; together they fit each other, each name once.
 * Never: copies bytes. */
#include "core/desired_build.h"
#include "core/limits.h"
#include "lib/mem.h"

struct work {
    struct desired_file **files;
    size_t n;
    size_t capacity;
};

static bool add_work(struct work *w, struct desired_file *f)
{
    if (!mem_grow(&w->files, &w->capacity, w->n + 1, sizeof(struct desired_file *)))
        return false;
    w->files[w->n++] = f;
    return true;
}

/* A file held back holds entries that may since have moved: where they are now is held back too. */
static bool spread(struct desired_build *b, const struct manifest *m, struct work *w)
{
    for (size_t i = 0; m && i < m->n_databases; i++) {
        const struct candidate *c = desired_names_find(&b->entries, m->databases[i].name);

        if (!c || c->frozen || c->is_good || candidate_file(b, c)->held_back)
            continue;
        candidate_file(b, c)->held_back = true;
        if (!add_work(w, candidate_file(b, c)))
            return false;
    }
    return true;
}

static int hold_back(struct desired_build *b)
{
    struct work w = {0};
    bool ok = true;
    int rc = 0;

    for (size_t i = 0; ok && i < b->n_files; i++)
        if (b->files[i].held_back)
            ok = add_work(&w, &b->files[i]);
    for (size_t i = 0; ok && rc == 0 && i < w.n; i++) {
        rc = desired_files_read_good(b, w.files[i]);
        ok = rc || spread(b, w.files[i]->good_m, &w);
    }
    mem_free((void *)w.files);
    return ok ? rc : -ERR_NOMEM;
}

static int list(const struct desired_build *b, bool only_good, struct desired_keep *out)
{
    out->files = mem_alloc(b->n_files * sizeof(struct manifest_input *));
    if (!out->files)
        return -ERR_NOMEM;
    for (size_t i = 0; i < b->n_files; i++) {
        const struct desired_file *f = &b->files[i];
        const struct manifest_input *input = NULL;

        if (only_good || f->held_back)
            input = f->good;
        else
            desired_files_use(b, f, &input);
        if (input)
            out->files[out->n++] = input;
    }
    return 0;
}

/* Old and new files side by side may disagree in any way that files can: so they are tried. */
static int is_whole(const struct desired_keep *k, bool *out)
{
    struct desired_options any = {0};
    struct diags unheard = DIAGS_INIT;
    struct manifest_input *files = mem_alloc(k->n * sizeof(*files));
    struct desired d = {0};
    int rc = files ? 0 : -ERR_NOMEM;

    for (size_t i = 0; rc == 0 && i < k->n; i++)
        files[i] = *k->files[i];
    if (rc == 0)
        rc = desired_build(files, k->n, NULL, 0, &any, &d, NULL, &unheard);
    *out = rc == 0 && d.whole;
    desired_deinit(&d);
    diags_deinit(&unheard);
    mem_free(files);
    return rc == -ERR_NOMEM ? rc : 0;
}

/* Nothing was wrong, and everything that was said is there to be said again. */
static bool is_base(const struct diags *d)
{
    return d->n_errors == 0 && !d->failed && d->n_warnings == d->n && d->n_warnings <= LIMIT_ERRORS;
}

int desired_keep_base(const struct desired_build *b, struct desired_keep *out)
{
    size_t capacity = 0;

    out->is_base = is_base(b->diags);
    for (size_t i = 0; out->is_base && i < b->n_files; i++) {
        const struct desired_file *f = &b->files[i];

        if (!f->now_m || !f->now_m->is_root)
            continue;
        if (!mem_grow(&out->roots, &capacity, out->n_roots + 1, sizeof(char *)))
            return -ERR_NOMEM;
        out->roots[out->n_roots++] = f->now->path;
    }
    if (out->is_base)
        diags_add_all(&out->said, b->diags);
    diags_sort(&out->said);
    return out->said.failed ? -ERR_NOMEM : 0;
}

int desired_keep_choose(struct desired_build *b, const struct desired *d, struct desired_keep *out)
{
    bool whole = true;
    int rc = d->whole ? desired_keep_base(b, out) : 0;

    if (rc)
        return rc;
    if (b->refused || !b->names_clash)
        return list(b, b->refused, out);
    rc = hold_back(b);
    if (rc == 0)
        rc = list(b, false, out);
    if (rc == 0)
        rc = is_whole(out, &whole);
    if (rc || whole)
        return rc;
    mem_free((void *)out->files);
    out->n = 0;
    return list(b, true, out);
}

void desired_keep_deinit(struct desired_keep *k)
{
    mem_free((void *)k->files);
    mem_free((void *)k->roots);
    diags_deinit(&k->said);
    *k = (struct desired_keep){0};
}
