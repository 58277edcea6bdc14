/* desired_names: the database entries that count, each name once.
 * In:    the version of each file that counts, and what was last good.
 * Out:   candidates by name; a name in two files is as it last was, or nothing.
 * Never: asks what entries say, but whether two say the same. */
#include <stdlib.h>
#include <string.h>

#include "core/desired_build.h"
#include "lib/mem.h"

static int by_name(const void *left, const void *right)
{
    const struct candidate *a = left;
    const struct candidate *b = right;
    int r = strcmp(a->spec->name, b->spec->name);

    return r ? r : (a->file > b->file) - (a->file < b->file);
}

static const struct manifest *version(const struct desired_build *b, const struct desired_file *f,
                                      bool good, const struct manifest_input **input)
{
    if (!good)
        return desired_files_use(b, f, input);
    *input = f->good;
    return f->good_m;
}

static bool is_sorted(const struct candidates *c)
{
    for (size_t i = 1; i < c->n; i++)
        if (by_name(&c->items[i - 1], &c->items[i]) > 0)
            return false;
    return true;
}

/* The entries of one version of every file: what counts, or what was last good. */
static int gather(struct desired_build *b, bool good, struct candidates *out)
{
    const struct manifest_input *input;
    size_t n = 0;

    for (size_t i = 0; i < b->n_files; i++) {
        const struct manifest *m = version(b, &b->files[i], good, &input);

        n += m ? m->n_databases : 0;
    }
    out->items = mem_alloc(n * sizeof(*out->items));
    if (!out->items)
        return -ERR_NOMEM;
    for (size_t i = 0; i < b->n_files; i++) {
        const struct desired_file *f = &b->files[i];
        const struct manifest *m = version(b, f, good, &input);

        for (size_t j = 0; m && j < m->n_databases; j++)
            out->items[out->n++] = (struct candidate){.spec = &m->databases[j],
                                                      .file = (uint32_t)i, /* a path each */
                                                      .is_good = input == f->good,
                                                      .frozen = input == f->good};
    }
    if (!is_sorted(out)) /* sorting takes as much memory again */
        qsort(out->items, out->n, sizeof(*out->items), by_name);
    return 0;
}

const struct candidate *desired_names_find(const struct candidates *c, const char *name)
{
    size_t low = 0;
    size_t high = c->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(c->items[mid].spec->name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n && strcmp(c->items[low].spec->name, name) == 0 ? &c->items[low] : NULL;
}

static void say_twice(const struct candidate *a, const struct candidate *other, bool was,
                      struct diags *diags)
{
    const struct db_spec *s = a->spec;
    struct source there = other->spec->at;

    if (was)
        diags_error(diags, s->at,
                    "database \"%s\" is also at %s:%u:%u; it stays as it last was until one of "
                    "them goes",
                    s->name, there.file, there.line, there.column);
    else
        diags_error(diags, s->at,
                    "database \"%s\" is also at %s:%u:%u; it is left out until one of them goes",
                    s->name, there.file, there.line, there.column);
}

/* The digest of what an entry says under the new root; false where it does not fit. */
static int digest(struct desired_build *b, const struct db_spec *spec, bool *fits, uint64_t *out)
{
    struct diags unheard = DIAGS_INIT;
    struct merged_db merged;
    int rc = desired_merge_database(&b->merge, &b->now_root, spec, &merged, &unheard);

    if (unheard.failed)
        rc = -ERR_NOMEM;
    diags_deinit(&unheard);
    *fits = rc == 0;
    if (*fits)
        *out = desired_digest_database(&merged);
    return rc == -ERR_NOMEM ? rc : 0;
}

static int says_the_same(struct desired_build *b, const struct db_spec *one,
                         const struct db_spec *other, bool *out)
{
    uint64_t digests[2] = {0};
    bool fits[2] = {false};
    int rc = digest(b, one, &fits[0], &digests[0]);

    if (rc == 0)
        rc = digest(b, other, &fits[1], &digests[1]);
    *out = fits[0] && fits[1] && digests[0] == digests[1];
    return rc;
}

/* The last good set must go on to hold this name once, as it was: the files that would change that
 * are held back. Where the entry is still there and says the same, *was becomes that one. */
static int hold_back(struct desired_build *b, const struct candidate *holders, size_t n,
                     const struct candidate **was)
{
    bool still_there = false;

    for (size_t i = 0; i < n; i++) {
        const struct candidate *c = &holders[i];
        bool same = false;
        int rc = 0;

        if (*was && c->file == (*was)->file) {
            still_there = true;
            rc = says_the_same(b, c->spec, (*was)->spec, &same);
        }
        if (rc)
            return rc;
        if (same)
            *was = c;
        else if (!c->frozen)
            candidate_file(b, c)->held_back = true;
    }
    if (*was && !still_there)
        candidate_file(b, *was)->held_back = true;
    return 0;
}

/* What stands for a name that several files hold: what was last good, where that still fits. */
static int freeze(struct desired_build *b, const struct candidate *was, struct candidate *out)
{
    struct diags found = DIAGS_INIT;
    struct diags unheard = DIAGS_INIT;
    struct merged_db merged;
    int rc = desired_merge_database(&b->merge, &b->now_root, was->spec, &merged, &found);

    *out = *was; /* which may be *out itself */
    out->frozen = true;
    out->dropped = rc == -ERR_INVALID;
    if (rc == -ERR_INVALID) {
        rc = desired_merge_database(&b->merge, &b->good_root, was->spec, &merged, &unheard);
        if (rc == 0)
            desired_check_refuse_root(b, &found, true);
    }
    if (found.failed || unheard.failed)
        rc = -ERR_NOMEM;
    diags_deinit(&found);
    diags_deinit(&unheard);
    return rc == -ERR_NOMEM ? rc : 0;
}

/* items[0..n) have one name. */
static int settle_name(struct desired_build *b, struct candidate *items, size_t n,
                       const struct candidates *last, struct diags *diags)
{
    const struct candidate *was = desired_names_find(last, items[0].spec->name);
    int rc = hold_back(b, items, n, &was);

    for (size_t i = 0; i < n; i++)
        say_twice(&items[i], &items[i == 0], was, diags);
    for (size_t i = 0; i < n; i++)
        items[i].dropped = true;
    b->names_clash = true;
    return rc == 0 && was ? freeze(b, was, &items[0]) : rc;
}

static int settle_names(struct desired_build *b, const struct candidates *last, struct diags *diags)
{
    struct candidate *items = b->entries.items;
    size_t end;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < b->entries.n; i = end) {
        for (end = i + 1; end < b->entries.n; end++)
            if (strcmp(items[end].spec->name, items[i].spec->name) != 0)
                break;
        if (end - i > 1)
            rc = settle_name(b, &items[i], end - i, last, diags);
    }
    return diags->failed ? -ERR_NOMEM : rc;
}

/* Of what was last good nobody is told: the first of each name counts. Returns whether any has two.
 */
static bool drop_doubles(struct candidates *c)
{
    bool any = false;

    for (size_t i = 1; i < c->n; i++) {
        c->items[i].dropped = strcmp(c->items[i].spec->name, c->items[i - 1].spec->name) == 0;
        any = any || c->items[i].dropped;
    }
    return any;
}

int desired_names_gather(struct desired_build *b, struct diags *diags)
{
    struct candidates last = {0};
    int rc;

    mem_free(b->entries.items);
    b->entries = (struct candidates){0};
    b->names_clash = false;
    for (size_t i = 0; i < b->n_files; i++)
        b->files[i].held_back = false;
    rc = gather(b, false, &b->entries);
    if (rc || !drop_doubles(&b->entries) || b->refused)
        return rc;
    rc = desired_files_ready_good(b);
    if (rc == 0)
        rc = gather(b, true, &last);
    if (rc == 0)
        rc = settle_names(b, &last, diags);
    mem_free(last.items);
    return rc;
}
