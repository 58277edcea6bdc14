/* desired_files: the files as they are beside what they were when last good.
 * In:    two lists of inputs.
 * Out:   one list by path; what is there now is read, what was good is read on demand.
 * Never: looks into entries. */
#include <string.h>

#include "core/desired_build.h"
#include "lib/mem.h"
#include "lib/search.h"

/* Both lists in one, sorted, a path once. */
static int pair(struct desired_build *b, const struct manifest_input *now, size_t n_now,
                const struct manifest_input *good, size_t n_good)
{
    size_t n = 0;

    b->files = mem_alloc((n_now + n_good) * sizeof(*b->files));
    if (!b->files)
        return -ERR_NOMEM;
    for (size_t i = 0; i < n_now; i++)
        b->files[n++] = (struct desired_file){.path = now[i].path, .now = &now[i]};
    for (size_t i = 0; i < n_good; i++)
        b->files[n++] = (struct desired_file){.path = good[i].path, .good = &good[i]};
    search_sort(b->files, n, sizeof(*b->files));
    for (size_t i = 0; i < n; i++) {
        struct desired_file *last = b->n_files ? &b->files[b->n_files - 1] : NULL;

        if (!last || strcmp(last->path, b->files[i].path) != 0) {
            b->files[b->n_files++] = b->files[i];
            continue;
        }
        if (b->files[i].now)
            last->now = b->files[i].now;
        if (b->files[i].good)
            last->good = b->files[i].good;
    }
    return 0;
}

struct desired_file *desired_files_find(const struct desired_build *b, const char *path)
{
    return search_find(b->files, b->n_files, sizeof(*b->files), path);
}

/* What was below a directory that cannot be read is not gone. Returns how many files that holds. */
static int cover(struct desired_build *b, const char *path, size_t *out_n)
{
    size_t length = strlen(path);
    char *prefix;

    while (length > 0 && path[length - 1] == '/')
        length--;
    prefix = mem_printf("%.*s/", (int)length, path);
    if (!prefix)
        return -ERR_NOMEM;
    *out_n = 0;
    for (size_t i = search_place(b->files, b->n_files, sizeof(*b->files), prefix); i < b->n_files;
         i++) {
        struct desired_file *f = &b->files[i];

        if (strncmp(f->path, prefix, length + 1) != 0)
            break;
        if (!f->now)
            f->covered = true;
        *out_n += f->covered;
    }
    mem_free(prefix);
    return 0;
}

static int read_unreadable(struct desired_build *b, struct desired_file *f)
{
    struct source at = {.file = f->path};
    size_t n_below;
    int rc = cover(b, f->path, &n_below);

    if (rc)
        return rc;
    f->refused = true;
    if (n_below)
        diags_error(b->diags, at, "cannot be read: %s; what was in it stays as it last was",
                    f->now->error);
    else if (f->good)
        diags_error(b->diags, at, "cannot be read: %s; it counts as it last was", f->now->error);
    else
        diags_error(b->diags, at, "cannot be read: %s", f->now->error);
    return 0;
}

/* *out stays NULL where the bytes are no good manifest. */
static int parse(struct desired_build *b, const struct manifest_input *in, struct manifest **out,
                 struct diags *diags)
{
    struct manifest *m = mem_alloc(sizeof(*m));
    int rc;

    if (!b->room)
        b->room = manifest_room_new();
    if (!m || !b->room) {
        mem_free(m);
        return -ERR_NOMEM;
    }
    rc = manifest_parse(in->path, in->kind, in->data, in->size, b->room, m, diags);
    if (rc == 0) {
        *out = m;
        return 0;
    }
    mem_free(m);
    return rc == -ERR_NOMEM ? rc : 0;
}

bool desired_files_same(const struct manifest_input *a, const struct manifest_input *b)
{
    return !a->error && !b->error && a->kind == b->kind && a->size == b->size &&
           (a->data == b->data || a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

int desired_files_read_good(struct desired_build *b, struct desired_file *f)
{
    struct diags unheard = DIAGS_INIT;
    int rc;

    if (!f->good || f->good->error || f->good_read)
        return 0;
    if (f->now && desired_files_same(f->now, f->good)) {
        f->good_m = f->now_m;
        f->good_read = true;
        return 0;
    }
    rc = parse(b, f->good, &f->good_m, &unheard);
    diags_deinit(&unheard);
    f->good_read = rc == 0;
    return rc;
}

int desired_files_ready_good(struct desired_build *b)
{
    int rc = 0;

    if (b->good_ready)
        return 0;
    for (size_t i = 0; rc == 0 && i < b->n_files; i++)
        rc = desired_files_read_good(b, &b->files[i]);
    if (rc == 0)
        rc = desired_root_gather(&b->good_root, b, true);
    b->good_ready = rc == 0;
    return rc;
}

/* A bad file is a root file if it was one when last good, or if it can be seen to be one now. */
static bool is_root(const struct desired_file *f)
{
    if ((f->now_m && f->now_m->is_root) || (f->good_m && f->good_m->is_root))
        return true;
    if (f->good && !f->good_m && !f->good->error &&
        manifest_names_root(f->good->data, f->good->size))
        return true;
    return f->now && !f->now_m && !f->now->error && f->now->kind == MANIFEST_TRUSTED &&
           manifest_names_root(f->now->data, f->now->size);
}

int desired_files_refuse(struct desired_build *b, struct desired_file *f)
{
    int rc = desired_files_read_good(b, f);

    f->refused = f->now;
    b->refused = b->refused || (rc == 0 && is_root(f));
    return rc;
}

static int read_file(struct desired_build *b, struct desired_file *f)
{
    int rc;

    if (!f->now)
        return 0;
    if (f->now->error)
        return read_unreadable(b, f);
    rc = parse(b, f->now, &f->now_m, b->diags);
    if (rc == 0 && !f->now_m)
        f->refused = true;
    return rc;
}

int desired_files_read(struct desired_build *b, const struct manifest_input *now, size_t n_now,
                       const struct manifest_input *good, size_t n_good)
{
    int rc = pair(b, now, n_now, good, n_good);

    b->n_good = n_good;
    if (rc == 0 && n_now == 0) {
        diags_error(b->diags, (struct source){.file = "manifest"},
                    "there is no manifest file; to want nothing, write a file that says "
                    "`databases: {}`");
        b->refused = true;
    }
    for (size_t i = 0; rc == 0 && i < b->n_files; i++)
        rc = read_file(b, &b->files[i]);
    for (size_t i = 0; rc == 0 && i < b->n_files; i++)
        if (b->files[i].refused || b->files[i].covered)
            rc = desired_files_refuse(b, &b->files[i]);
    return rc;
}

const struct manifest *desired_files_use(const struct desired_build *b,
                                         const struct desired_file *f,
                                         const struct manifest_input **input)
{
    if (b->refused || f->refused || f->covered) {
        *input = f->good;
        return f->good_m;
    }
    *input = f->now;
    return f->now_m;
}

void desired_files_deinit(struct desired_build *b)
{
    for (size_t i = 0; i < b->n_files; i++) {
        struct desired_file *f = &b->files[i];

        if (f->good_m && f->good_m != f->now_m) {
            manifest_deinit(f->good_m);
            mem_free(f->good_m);
        }
        if (f->now_m) {
            manifest_deinit(f->now_m);
            mem_free(f->now_m);
        }
    }
    manifest_room_free(b->room);
    mem_free(b->files);
    b->room = NULL;
    b->files = NULL;
    b->n_files = 0;
}
