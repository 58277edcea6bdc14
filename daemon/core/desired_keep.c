/* desired_keep: which bytes are the new last good ones.
 * In:    what was decided of every file.
 * Out:   a version of each file that counts; together they fit each other, each name once.
 * Never: copies bytes. */
#include "core/desired_build.h"
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

        if (!c || c->frozen || c->file->held_back || c->input != c->file->now)
            continue;
        c->file->held_back = true;
        if (!add_work(w, c->file))
            return false;
    }
    return true;
}

/* Whether holding files back leaves a set that fits the new root. */
static int hold_back(struct desired_build *b, struct work *w, bool *out_fits)
{
    int rc = 0;

    *out_fits = true;
    for (size_t i = 0; i < b->n_files; i++)
        if (b->files[i].held_back && !add_work(w, &b->files[i]))
            return -ERR_NOMEM;
    for (size_t i = 0; rc == 0 && *out_fits && i < w->n; i++) {
        struct desired_file *f = w->files[i];

        rc = desired_files_read_good(f);
        if (rc)
            break;
        if ((f->now_m && f->now_m->is_root) || (f->good_m && f->good_m->is_root))
            *out_fits = false;
        else if (f->good_m)
            rc = desired_check_fits(b, &b->now_root, f->good_m, out_fits);
        if (rc == 0 && *out_fits && !spread(b, f->good_m, w))
            rc = -ERR_NOMEM;
    }
    return rc;
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

int desired_keep_choose(struct desired_build *b, struct desired_keep *out)
{
    struct work w = {0};
    bool fits = true;
    int rc = 0;

    if (!b->refused && b->names_clash)
        rc = hold_back(b, &w, &fits);
    mem_free((void *)w.files);
    return rc ? rc : list(b, b->refused || !fits, out);
}

void desired_keep_deinit(struct desired_keep *k)
{
    mem_free((void *)k->files);
    *k = (struct desired_keep){0};
}
