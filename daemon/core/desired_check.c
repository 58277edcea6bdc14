/* desired_check: does every file fit the root files, and if not, whose fault is it?
 * In:    the files that were read, the root as it is and as it was when last good.
 * Out:   files refused, or the whole generation; what is wrong.
 * Never: keeps what it merged; that is made again when it is known what counts. */
#include <string.h>

#include "core/desired_build.h"
#include "core/label.h"
#include "core/limits.h"
#include "lib/mem.h"

void desired_check_move(struct diags *to, struct diags *from)
{
    to->n_errors += from->n_errors - from->kept[DIAG_ERROR];
    diags_add_all(to, from); /* nothing here warns */
    to->failed = to->failed || from->failed;
    diags_deinit(from);
}

bool desired_check_knows_hook(const struct desired_options *o, const char *name)
{
    if (!o->hooks)
        return true;
    for (size_t i = 0; i < o->n_hooks; i++)
        if (strcmp(o->hooks[i], name) == 0)
            return true;
    return false;
}

void desired_check_hooks(const struct desired_build *b, const struct token_spec *tokens, size_t n,
                         struct diags *diags)
{
    for (size_t i = 0; i < n; i++)
        if (tokens[i].notify && !desired_check_knows_hook(b->options, tokens[i].notify))
            diags_error(diags, tokens[i].at,
                        "token \"%s\" notifies \"%s\", which is no hook in the daemon's "
                        "configuration; name one under hooks there first",
                        tokens[i].name, tokens[i].notify);
}

bool desired_check_is_alone(const struct db_spec *spec)
{
    for (size_t i = 0; i < CONFIG_N; i++)
        if (spec->says->config.value[i])
            return false;
    return spec->says->set == DB_SET_CLASS;
}

/* Of the many entries that are nothing but their class, one is looked at. */
static int check_database(struct desired_build *b, const struct desired_root *root,
                          const struct db_spec *spec, struct diags *diags)
{
    struct root_item *class = NULL;
    struct merged_db unused;
    int rc;

    if (desired_check_is_alone(spec))
        class = desired_root_find(&root->classes, spec->says->class_name);
    if (class && class->alone_checked)
        return 0;
    rc = desired_merge_database(&b->merge, root, spec, &unused, diags);
    if (class && rc == 0)
        class->alone_checked = true;
    return rc == -ERR_NOMEM ? rc : 0;
}

static int check_manifest(struct desired_build *b, const struct desired_root *root,
                          const struct manifest *m, struct diags *diags)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->n_databases; i++)
        rc = check_database(b, root, &m->databases[i], diags);
    return diags->failed ? -ERR_NOMEM : rc;
}

int desired_check_fits(struct desired_build *b, const struct desired_root *root,
                       const struct manifest *m, bool *out_fits)
{
    struct diags unheard = DIAGS_INIT;
    int rc = check_manifest(b, root, m, &unheard);

    *out_fits = unheard.n_errors == 0;
    diags_deinit(&unheard);
    return rc;
}

void desired_check_refuse_root(struct desired_build *b, struct diags *why, bool stands_in)
{
    const struct diag *first = why->items;

    diags_sort(why);
    if (!b->refused && first)
        diags_error(b->diags, (struct source){first->file, first->line, first->column},
                    "%s%s; it fitted before the root files changed, so their change is refused: "
                    "change this first, or put back what it needs",
                    stands_in ? "as it was when last good, " : "", first->message);
    b->refused = true;
}

/* Did `m` fit before? Then the change of the root files is what is wrong. */
static int fitted_before(struct desired_build *b, const struct manifest *m, bool *out)
{
    int rc;

    *out = false;
    if (b->n_good == 0)
        return 0;
    rc = desired_files_ready_good(b);
    return rc ? rc : desired_check_fits(b, &b->good_root, m, out);
}

static int check_file(struct desired_build *b, struct desired_file *f, struct diags *found)
{
    const struct manifest *m = f->now_m;
    bool root_fault = false;
    int rc = check_manifest(b, &b->now_root, m, found);
    size_t n_misfits = found->n_errors;

    for (size_t i = 0; rc == 0 && i < m->n_databases; i++)
        desired_check_hooks(b, m->databases[i].says->tokens, m->databases[i].says->n_tokens, found);
    if (rc || found->n_errors == 0)
        return rc;
    if (!m->is_root && n_misfits == found->n_errors)
        rc = fitted_before(b, m, &root_fault);
    if (rc)
        return rc;
    if (root_fault) {
        desired_check_refuse_root(b, found, false);
        return 0;
    }
    desired_check_move(b->diags, found);
    return desired_files_refuse(b, f);
}

/* UNTESTED: takes two million entries. */
static void check_ceiling(struct desired_build *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n_files; i++) {
        struct desired_file *f = &b->files[i];

        if (!f->now_m)
            continue;
        n += f->now_m->n_databases;
        if (n <= LIMIT_ENTRIES)
            continue;
        diags_error(b->diags, (struct source){.file = f->path},
                    "with this file the manifest has more than %u databases", LIMIT_ENTRIES);
        b->refused = true;
        return;
    }
}

int desired_check_files(struct desired_build *b)
{
    int rc = 0;

    check_ceiling(b);
    for (size_t i = 0; rc == 0 && i < b->n_files; i++) {
        struct diags found = DIAGS_INIT;

        if (b->files[i].now_m && !b->files[i].refused)
            rc = check_file(b, &b->files[i], &found);
        diags_deinit(&found);
    }
    return rc;
}

/* What stands in for a refused file counts as valid: the root must not take away what it needs. */
int desired_check_stand_ins(struct desired_build *b)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < b->n_files; i++) {
        struct desired_file *f = &b->files[i];
        struct diags found = DIAGS_INIT;
        bool root_fault = false;

        if (!f->good || !(f->refused || f->covered))
            continue;
        rc = desired_files_read_good(b, f);
        if (rc == 0 && f->good_m)
            rc = check_manifest(b, &b->now_root, f->good_m, &found);
        if (rc == 0 && found.n_errors)
            rc = fitted_before(b, f->good_m, &root_fault);
        if (rc == 0 && root_fault)
            desired_check_refuse_root(b, &found, true);
        diags_deinit(&found);
    }
    return rc;
}

static void check_label(const struct desired_build *b, const char *kind, const char *name,
                        struct source at)
{
    size_t most = label_room(b->organization);

    if (strlen(name) > most)
        diags_warning(b->diags, at,
                      "%s \"%s\": a name and the organization's share one DNS label of %d bytes, "
                      "so beside \"%s\" the platform is likely to take %zu bytes at most",
                      kind, name, LIMIT_DNS_LABEL_BYTES, b->organization, most);
}

static void check_labels(const struct desired_build *b, const struct desired *d)
{
    if (!b->organization)
        return;
    for (size_t i = 0; i < d->n_groups; i++)
        if (!d->groups[i].absent)
            check_label(b, "group", d->groups[i].name, d->groups[i].at);
    for (size_t i = 0; i < d->n_databases; i++)
        if (!db_entry_want(&d->databases[i])->absent)
            check_label(b, "database", d->databases[i].name, db_entry_at(&d->databases[i]));
}

#define COPIES_MAX 100 /* of copies of copies */

static bool is_in(const char *const *items, size_t n, const char *item)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(items[i], item) == 0)
            return true;
    return false;
}

static bool takes(const struct desired *d, const struct residency_want *r, const char *group)
{
    const struct group_want *g = desired_group(d, group);

    return is_in(r->groups, r->n_groups, group) &&
           (!r->n_locations || !g || strcmp(g->location, "closest") == 0 ||
            is_in(r->locations, r->n_locations, g->location));
}

static const struct db_entry *source_of(const struct desired *d, const struct db_entry *e)
{
    return db_entry_want(e)->seed_database ? desired_database(d, db_entry_want(e)->seed_database)
                                           : NULL;
}

/* It may be placed in some group that `r` takes too. */
static bool finds_place(const struct desired *d, const struct db_want *want,
                        const struct residency_want *r)
{
    const struct residency_want *own = want->residency;

    if (want->group)
        return takes(d, r, want->group);
    for (size_t i = 0; own && i < own->n_groups; i++)
        if (takes(d, own, own->groups[i]) && takes(d, r, own->groups[i]))
            return true;
    return false;
}

static void check_copy(const struct desired_build *b, const struct desired *d,
                       const struct db_entry *e)
{
    const struct db_entry *from = source_of(d, e);

    for (int i = 0; from && i < COPIES_MAX; i++, from = source_of(d, from)) {
        const struct residency_want *r = db_entry_want(from)->residency;

        if (!r || finds_place(d, db_entry_want(e), r))
            continue;
        diags_warning(
            b->diags, db_entry_at(e),
            "database \"%s\" is a copy of \"%s\", whose data may live in residency \"%s\" "
            "(%s:%u:%u) alone, and %s \"%s\" is %sin it: it is not made there",
            e->name, from->name, r->name, r->at.file, r->at.line, r->at.column,
            db_entry_want(e)->group ? "group" : "no group of residency",
            db_entry_want(e)->group ? db_entry_want(e)->group : db_entry_want(e)->residency->name,
            db_entry_want(e)->group ? "not " : "");
        return;
    }
}

/* A copy that is there already is not the manifest's fault, so nothing is refused here: the
 * reconciler makes none. */
static void check_copies(const struct desired_build *b, const struct desired *d)
{
    for (size_t i = 0; i < d->n_databases; i++) {
        const struct db_entry *e = &d->databases[i];

        if ((db_entry_want(e)->group || db_entry_want(e)->residency) && !db_entry_want(e)->absent)
            check_copy(b, d, e);
    }
}

/* The daemon's configuration is not the manifest's fault: the reconciler makes none without it. */
static void check_keys(const struct desired_build *b, const struct desired *d)
{
    size_t n = 0;

    if (!b->options->keys)
        return;
    while (b->options->keys[n])
        n++;
    for (size_t i = 0; i < d->n_databases; i++) {
        const struct db_entry *e = &d->databases[i];
        const char *key = db_entry_want(e)->encryption_key;

        if (key && !db_entry_want(e)->absent && !is_in(b->options->keys, n, key))
            diags_warning(b->diags, db_entry_at(e),
                          "database \"%s\": the daemon's configuration has no key \"%s\" under "
                          "encryption_keys: it is not made without it",
                          e->name, key);
    }
}

void desired_check_all(const struct desired_build *b, const struct desired *d)
{
    check_labels(b, d);
    check_copies(b, d);
    check_keys(b, d);
}
