/* desired: what is wanted, from all files together.
 * In:    the files as they are and as they were when last good.
 * Out:   a struct desired, what is wrong, and the new last good set.
 * Never: decides alone: it walks the stages below, each in a file of its own.
 *
 *   read -> root -> fit -> gather -> share -> paths   for the new generation;
 *                          gather -> share -> paths   for the last good one, where it is refused */
#include "core/desired.h"

#include "core/desired_build.h"
#include "lib/mem.h"
#include "lib/search.h"

/* What stands in for a refused file may make another one wrong.
 * UNTESTED: to get there takes as many last good files, each with a token file of the next. */
#define ROUNDS_MAX 16

void desired_build_deinit(struct desired_build *b)
{
    desired_files_deinit(b);
    desired_root_deinit(&b->now_root);
    desired_root_deinit(&b->good_root);
    desired_merge_deinit(&b->merge);
    mem_free(b->entries.items);
    mem_free(b->pool.slots);
}

static int gather_and_share(struct desired_build *b, struct desired *d, struct diags *diags)
{
    bool was_refused = b->refused;
    int rc = desired_names_gather(b, diags);

    if (rc || b->refused != was_refused)
        return rc;
    rc = desired_share_root(b, d);
    if (rc == 0)
        rc = desired_share_databases(b, d);
    return rc ? rc : desired_paths_check(b, d);
}

/* One try; b->again says that it has to be made anew, b->refused that there is nothing to make. */
static int try_now(struct desired_build *b, struct desired *d)
{
    struct diags found = DIAGS_INIT;
    int rc;

    b->again = false;
    rc = desired_check_stand_ins(b);
    if (rc == 0 && !b->refused)
        rc = gather_and_share(b, d, &found);
    if (b->again || b->refused)
        desired_deinit(d);
    if (!b->again || b->refused)
        desired_check_move(b->diags, &found);
    diags_deinit(&found);
    return rc;
}

static int build_now(struct desired_build *b, struct desired *d)
{
    int rc = desired_root_gather(&b->now_root, b, false);
    size_t before = b->diags->n_errors;

    if (rc == 0)
        rc = desired_root_check(&b->now_root, b);
    b->refused = b->refused || b->diags->n_errors > before;
    if (rc == 0 && !b->refused)
        rc = desired_check_files(b);
    for (unsigned round = 0; rc == 0 && !b->refused; round++) {
        if (round == ROUNDS_MAX) {
            b->refused = true;
            break;
        }
        rc = try_now(b, d);
        if (rc || !b->again)
            break;
    }
    return rc;
}

static int build_good(struct desired_build *b, struct desired *d)
{
    struct diags unheard = DIAGS_INIT;
    int rc = desired_files_ready_good(b);

    if (rc == 0)
        rc = gather_and_share(b, d, &unheard);
    diags_deinit(&unheard); /* what was last good is not reported */
    return rc;
}

static bool is_whole(const struct desired_build *b)
{
    if (b->refused || b->names_clash)
        return false;
    for (size_t i = 0; i < b->n_files; i++)
        if (b->files[i].refused || b->files[i].covered)
            return false;
    return true;
}

static int finish(struct desired_build *b, struct desired *d)
{
    const struct manifest_input *input;

    for (size_t i = 0; i < b->n_files; i++)
        d->n_files += desired_files_use(b, &b->files[i], &input) != NULL;
    if (d->n_files == 0)
        return -ERR_INVALID;
    d->whole = is_whole(b);
    d->digest = desired_digest_all(d);
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): two lists in, three results out */
int desired_build(const struct manifest_input *now, size_t n_now, const struct manifest_input *good,
                  size_t n_good, const struct desired_options *options, struct desired *out,
                  struct desired_keep *keep, struct diags *diags)
{
    struct desired_build b = {.options = options, .diags = diags};
    struct desired_keep kept = {0};
    int rc;

    *out = (struct desired){0};
    rc = desired_files_read(&b, now, n_now, good, n_good);
    if (rc == 0 && !b.refused)
        rc = build_now(&b, out);
    if (rc == 0 && b.refused)
        rc = build_good(&b, out);
    if (rc == 0)
        rc = finish(&b, out);
    if (rc == 0 && keep)
        rc = desired_keep_choose(&b, out, &kept);
    if (rc == 0)
        desired_check_all(&b, out);
    diags_sort(diags);
    if (diags->failed)
        rc = -ERR_NOMEM;
    if (rc == 0) {
        desired_share_names(&b, out);
        out->texts->whole_bytes = out->texts->arena.bytes;
    }
    desired_build_deinit(&b);
    if (rc) {
        desired_deinit(out);
        desired_keep_deinit(&kept);
    }
    if (keep)
        *keep = kept;
    return rc;
}

void desired_settle(struct desired *d)
{
    d->was = NULL;
    mem_free(d->went.items);
    mem_free(d->came.items);
    d->went = d->came = (struct desired_places){0};
}

void desired_deinit(struct desired *d)
{
    desired_settle(d);
    mem_free(d->databases);
    if (d->texts && --d->texts->refs == 0) {
        arena_deinit(&d->texts->arena);
        mem_free(d->texts);
    }
    *d = (struct desired){0};
}

struct source desired_token_at(const struct db_entry *e, const struct token_want *t)
{
    struct source at = t->at;

    if (at.file)
        return at;
    return (struct source){.file = e->form->file,
                           .line = e->line + at.line,
                           .column = at.column + (at.line ? 0 : e->form->column)};
}

const struct group_want *desired_group(const struct desired *d, const char *name)
{
    return search_find(d->groups, d->n_groups, sizeof(*d->groups), name);
}

const struct db_entry *desired_database(const struct desired *d, const char *name)
{
    return search_find(d->databases, d->n_databases, sizeof(*d->databases), name);
}
