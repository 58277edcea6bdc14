/* desired_next: what is wanted now, from what was wanted a moment ago.
 * In:    the last build, the files that it was made from, the files of now.
 * Out:   what a whole build would make, with the entries of a few files exchanged; or that it takes
 * a whole one.
 * Never: decides anything about what is wrong: whatever is not as it should be is for a whole
 * build.
 *
 *   differ -> read (the root files, and what changed) -> check -> gather -> exchange -> paths */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/desired_build.h"
#include "core/limits.h"
#include "lib/mem.h"
#include "lib/search.h"

/* And an eighth of all; beyond that a whole build costs little more. */
#define FEW_FILES 64

struct next {
    const struct desired_step *step;
    struct desired_build build;  /* of the root files and of what changed */
    struct manifest_input *read; /* its inputs */
    struct diags said;           /* what it says */
    struct desired_diff diff;
    const char **others; /* paths of changed and gone files as entries name them, by address */
    size_t n_others;
};

bool desired_is_same(const struct desired_step *s)
{
    bool same = s->kept->is_base && s->n_then == s->n_now;

    for (size_t i = 0; same && i < s->n_now; i++)
        same =
            (s->then[i].path == s->now[i].path || strcmp(s->then[i].path, s->now[i].path) == 0) &&
            desired_files_same(&s->then[i], &s->now[i]);
    return same;
}

/* --- Which files --------------------------------------------------------------------------- */

static bool note(struct manifest_inputs *list, const struct manifest_input *in)
{
    if (!mem_grow(&list->items, &list->capacity, list->n + 1, sizeof(struct manifest_input *)))
        return false;
    list->items[list->n++] = in;
    return true;
}

/* A walk along both lists. */
static int differ(struct next *x)
{
    const struct desired_step *s = x->step;
    struct desired_diff *d = &x->diff;
    size_t most = FEW_FILES + s->n_now / 8;
    bool ok = true;

    if (!s->kept->is_base || s->kept->n_roots == 0 || s->kept->n_roots > most)
        return DESIRED_WHOLE;

    for (size_t i = 0, j = 0; ok && (i < s->n_then || j < s->n_now);) {
        const struct manifest_input *a = i < s->n_then ? &s->then[i] : NULL;
        const struct manifest_input *b = j < s->n_now ? &s->now[j] : NULL;
        int order = !a ? 1 : !b ? -1 : a->path == b->path ? 0 : strcmp(a->path, b->path);

        i += order <= 0;
        j += order >= 0;
        if (order >= 0 && b->error)
            return DESIRED_WHOLE;
        if (order < 0)
            ok = note(&d->gone, a);
        else if (order > 0 || !desired_files_same(a, b))
            ok = note(&d->changed, b);
        if (d->changed.n + d->gone.n > most)
            return DESIRED_WHOLE;
    }
    return ok ? 0 : -ERR_NOMEM;
}

static bool is_among(const struct manifest_inputs *list, const char *path)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i]->path, path) == 0)
            return true;
    return false;
}

/* The root files, which must be as they were, and what changed. */
static int choose(struct next *x, size_t *out_n)
{
    const struct desired_step *s = x->step;
    size_t n = 0;

    x->read = mem_alloc((s->kept->n_roots + x->diff.changed.n) * sizeof(*x->read));
    if (!x->read)
        return -ERR_NOMEM;
    for (size_t i = 0; i < s->kept->n_roots; i++) {
        const struct manifest_input *in =
            search_find(s->now, s->n_now, sizeof(*s->now), s->kept->roots[i]);

        if (!in || is_among(&x->diff.changed, in->path))
            return DESIRED_WHOLE;
        x->read[n++] = *in;
    }
    for (size_t i = 0; i < x->diff.changed.n; i++)
        x->read[n++] = *x->diff.changed.items[i];
    *out_n = n;
    return n > 0 ? 0 : DESIRED_WHOLE;
}

/* --- What they say ------------------------------------------------------------------------- */

static bool is_root(const struct desired_keep *kept, const char *path)
{
    for (size_t i = 0; i < kept->n_roots; i++)
        if (strcmp(kept->roots[i], path) == 0)
            return true;
    return false;
}

/* Of root files the rest is asked anew; their databases are in what there is. */
static bool take_roots(struct next *x)
{
    struct desired_build *b = &x->build;

    for (size_t i = 0; i < b->n_files; i++) {
        struct desired_file *f = &b->files[i];
        bool was_root = is_root(x->step->kept, f->path);

        if (f->now_m->is_root != was_root)
            return false;
        if (was_root)
            f->now_m->n_databases = 0;
    }
    return true;
}

static bool is_well(const struct next *x)
{
    const struct desired_build *b = &x->build;

    for (size_t i = 0; i < b->n_files; i++)
        if (b->files[i].refused || !b->files[i].now_m)
            return false;
    return !b->refused && !b->again && !b->names_clash && x->said.n_errors == 0;
}

static int read(struct next *x)
{
    struct desired_build *b = &x->build;
    size_t n;
    int rc = choose(x, &n);

    if (rc == 0)
        rc = desired_files_read(b, x->read, n, NULL, 0);
    if (rc == 0 && (!is_well(x) || !take_roots(x)))
        return DESIRED_WHOLE;
    if (rc == 0)
        rc = desired_root_gather(&b->now_root, b, false);
    if (rc == 0)
        rc = desired_root_check(&b->now_root, b);
    if (rc == 0)
        rc = desired_check_files(b);
    if (rc == 0 && is_well(x))
        rc = desired_names_gather(b, b->diags);
    return rc || is_well(x) ? rc : DESIRED_WHOLE;
}

/* --- The exchange -------------------------------------------------------------------------- */

static int by_address(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t) * (const char *const *)left;
    uintptr_t b = (uintptr_t) * (const char *const *)right;

    return (a > b) - (a < b);
}

/* Entries name their files by the one copy of the path that their texts hold. */
static int list_others(struct next *x, struct desired_texts *texts)
{
    const struct manifest_inputs *lists[] = {&x->diff.changed, &x->diff.gone};

    x->others = mem_alloc((lists[0]->n + lists[1]->n) * sizeof(char *));
    if (!x->others)
        return -ERR_NOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        for (size_t j = 0; j < lists[i]->n; j++) {
            const char *path = lists[i]->items[j]->path;
            const char *kept = arena_intern(&texts->arena, path, strlen(path));

            if (!kept)
                return -ERR_NOMEM;
            x->others[x->n_others++] = kept;
        }
    if (x->n_others > 1)
        qsort(x->others, x->n_others, sizeof(char *), by_address);
    return 0;
}

static bool is_exchanged(const struct next *x, const struct db_entry *e)
{
    if (x->n_others == 1)
        return e->form->file == x->others[0];
    return x->n_others &&
           bsearch(&e->form->file, x->others, x->n_others, sizeof(char *), by_address);
}

static bool note_place(struct desired_places *p, size_t place)
{
    if (!mem_grow(&p->items, &p->capacity, p->n + 1, sizeof(*p->items)))
        return false;
    p->items[p->n++] = (uint32_t)place; /* LIMIT_ENTRIES at most */
    return true;
}

static int take_over(const struct next *x, size_t from, size_t to, struct desired *out)
{
    const struct db_entry *old = x->step->last->databases;

    for (size_t i = from; i < to; i++) {
        if (!is_exchanged(x, &old[i]))
            out->databases[out->n_databases++] = old[i];
        else if (!note_place(&out->went, i))
            return -ERR_NOMEM;
    }
    return 0;
}

static int add_entry(struct next *x, const struct candidate *c, struct desired *out)
{
    size_t before = out->n_databases;
    int rc = desired_share_entry(&x->build, out, c);

    if (rc == 0 && out->n_databases > before && !note_place(&out->came, before))
        rc = -ERR_NOMEM;
    return rc;
}

static int exchange(struct next *x, struct desired *out)
{
    const struct desired *last = x->step->last;
    const struct candidates *fresh = &x->build.entries;
    size_t at = 0; /* in the last ones: all before are taken over, or have gone */
    int rc = 0;

    out->databases = mem_alloc((last->n_databases + fresh->n) * sizeof(*out->databases));
    if (!out->databases)
        return -ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < fresh->n; i++) {
        const char *name = fresh->items[i].spec->name;
        size_t place =
            search_place(last->databases, last->n_databases, sizeof(*last->databases), name);

        rc = take_over(x, at, place, out);
        at = place;
        if (rc == 0 && at < last->n_databases && strcmp(last->databases[at].name, name) == 0 &&
            !is_exchanged(x, &last->databases[at]))
            return DESIRED_WHOLE; /* it is in two files */
        if (rc == 0)
            rc = add_entry(x, &fresh->items[i], out);
    }
    return rc ? rc : take_over(x, at, last->n_databases, out);
}

static int make(struct next *x, struct desired *out)
{
    const struct desired *last = x->step->last;
    size_t most = 2 * last->texts->whole_bytes + (1u << 20);
    int rc;

    if (last->texts->arena.bytes > most)
        return DESIRED_WHOLE; /* too much of it is of entries that were exchanged */
    *out = *last;
    out->texts->refs++;
    out->databases = NULL;
    out->n_databases = 0;
    out->was = last->databases;
    out->went = out->came = (struct desired_places){0};
    rc = list_others(x, out->texts);
    if (rc == 0)
        rc = exchange(x, out);
    if (rc == 0 && out->n_databases > LIMIT_ENTRIES)
        return DESIRED_WHOLE;
    if (rc == 0)
        rc = desired_paths_check(&x->build, out);
    if (rc == 0 && !is_well(x))
        return DESIRED_WHOLE;
    if (rc)
        return rc;
    out->n_files = x->step->n_now;
    out->digest = desired_digest_all(out);
    return 0;
}

/* --- What is said -------------------------------------------------------------------------- */

/* What was said of the other files. */
static void say_again(struct next *x)
{
    const struct diags *said = &x->step->kept->said;
    struct diags fresh = x->said;

    x->said = DIAGS_INIT;
    for (size_t i = 0; i < said->n; i++) {
        const struct diag *d = &said->items[i];

        if (!is_among(&x->diff.changed, d->file) && !is_among(&x->diff.gone, d->file) &&
            !is_root(x->step->kept, d->file))
            diags_warning(&x->said, (struct source){d->file, d->line, d->column}, "%s", d->message);
    }
    diags_add_all(&x->said, &fresh);
    diags_deinit(&fresh);
}

static int finish(struct next *x, const struct desired *d, struct desired_keep *keep)
{
    int rc;

    say_again(x);
    rc = desired_keep_base(&x->build, keep);
    if (rc == 0 && !keep->is_base)
        return DESIRED_WHOLE;
    desired_check_all(&x->build, d);
    diags_sort(&x->said);
    return x->said.failed ? -ERR_NOMEM : rc;
}

int desired_next(const struct desired_step *s, struct desired *out, struct desired_keep *keep,
                 struct desired_diff *diff, struct diags *diags)
{
    struct next x = {.step = s, .build = {.options = s->options}};
    struct desired made = {0};
    struct desired_keep kept = {0};
    int rc;

    x.build.diags = &x.said;
    rc = differ(&x);
    if (rc == 0)
        rc = read(&x);
    if (rc == 0)
        rc = make(&x, &made);
    if (rc == 0)
        rc = finish(&x, &made, &kept);
    if (rc == 0)
        desired_share_names(&x.build, &made);
    desired_build_deinit(&x.build);
    mem_free(x.read);
    mem_free((void *)x.others);
    if (rc) {
        desired_deinit(&made);
        desired_keep_deinit(&kept);
        desired_diff_deinit(&x.diff);
        diags_deinit(&x.said);
        return rc;
    }
    *out = made;
    *keep = kept;
    *diff = x.diff;
    *diags = x.said;
    return 0;
}

void desired_diff_deinit(struct desired_diff *d)
{
    mem_free((void *)d->changed.items);
    mem_free((void *)d->gone.items);
    *d = (struct desired_diff){0};
}
