#include "app_build.h"

#include <assert.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/search.h"

/* --- names --- */

static void list_free(char **names)
{
    for (size_t i = 0; names && names[i]; i++)
        mem_free(names[i]);
    mem_free((void *)names);
}

static void names_deinit(struct build_names *n)
{
    mem_free(n->organization);
    list_free(n->hooks);
    list_free(n->keys);
    *n = (struct build_names){0};
}

static const char *hook_name(const struct config *c, size_t i)
{
    return i < c->n_hooks ? c->hooks[i].name : NULL;
}

static const char *key_name(const struct config *c, size_t i)
{
    return i < c->n_keys ? c->keys[i].name : NULL;
}

/* NULL-terminated; owned with its texts. NULL: no memory. */
static char **list_of(const struct config *config,
                      const char *(*name)(const struct config *c, size_t i))
{
    char **names;
    size_t n = 0;

    while (name(config, n))
        n++;
    names = mem_alloc((n + 1) * sizeof(char *));
    for (size_t i = 0; names && i < n; i++) {
        names[i] = mem_strdup(name(config, i));
        if (!names[i]) {
            list_free(names);
            return NULL;
        }
    }
    return names;
}

static bool same_list(char *const *a, char *const *b)
{
    for (; *a && *b; a++, b++)
        if (strcmp(*a, *b) != 0)
            return false;
    return *a == *b;
}

static struct desired_options options_of(const struct build_names *n)
{
    struct desired_options o = {.organization = n->organization,
                                .hooks = (const char *const *)n->hooks,
                                .keys = (const char *const *)n->keys};

    while (n->hooks[o.n_hooks])
        o.n_hooks++;
    return o;
}

/* --- one build --- */

struct build *build_new(const struct config *config, struct manifest_files *files)
{
    struct build *b = mem_alloc(sizeof(*b));

    if (!b) {
        manifest_files_unref(files);
        return NULL;
    }
    b->files = files;
    b->diags = DIAGS_INIT;
    b->was_good = MANIFEST_GOOD_INIT;
    b->names = (struct build_names){mem_strdup(config->organization), list_of(config, hook_name),
                                    list_of(config, key_name)};
    if (b->names.organization && b->names.hooks && b->names.keys)
        return b;
    build_free(b);
    return NULL;
}

bool build_is_next(const struct build *b, const struct build_base *base)
{
    return base->files && strcmp(b->names.organization, base->names.organization) == 0 &&
           same_list(b->names.hooks, base->names.hooks) &&
           same_list(b->names.keys, base->names.keys);
}

static int save(struct build *b, const struct manifest_input *const *files, size_t n)
{
    int rc = store_manifest_save(b->store, files, n, &b->save_err);

    if (store_manifest_lost(b->store))
        b->lost = *store_manifest_lost(b->store);
    return rc;
}

static int keep_all(struct build *b)
{
    size_t n;
    const struct manifest_input *now = manifest_files_inputs(b->files, &n);
    const struct manifest_input **all = mem_alloc(n * sizeof(struct manifest_input *));
    int rc = all ? 0 : err_nomem(&b->save_err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        all[i] = &now[i];
    if (rc == 0)
        rc = save(b, all, n);
    mem_free((void *)all);
    return rc;
}

/* DESIRED_WHOLE: from the last one it cannot be made. */
static int build_next(struct build *b, const struct desired_options *o)
{
    struct desired_diff diff = {0};
    struct err unheard = ERR_INIT;
    int rc;
    struct desired_step step = {.last = b->last, .kept = &b->base->kept, .options = o};

    step.now = manifest_files_inputs(b->files, &step.n_now);
    step.then = manifest_files_inputs(b->base->files, &step.n_then);
    b->stays = b->is_silent && desired_is_same(&step);
    if (!b->stays)
        b->rv = desired_next(&step, &b->desired, &b->keep, &diff, &b->diags);
    if (b->rv != 0)
        return b->rv;
    b->is_same = diff.changed.n + diff.gone.n == 0;
    rc = b->store ? store_manifest_change(b->store, &diff, &unheard) : 0;
    desired_diff_deinit(&diff);
    return rc ? keep_all(b) : 0;
}

static void make(struct build *b, const struct desired_options *o)
{
    size_t n;
    const struct manifest_input *now = manifest_files_inputs(b->files, &n);

    if (b->n_lost) {
        now = b->now;
        n += b->n_lost;
    }
    b->rv = desired_build(now, n, b->good, b->n_good, o, &b->desired, &b->keep, &b->diags);
}

static bool is_well(const struct build *b)
{
    return b->rv == 0 && b->desired.whole && b->diags.n_errors == 0;
}

/* False: no memory. */
static bool read_good(struct build *b)
{
    int rc = store_manifest_load(b->unread, &b->was_good, &b->load_err);

    if (rc == -ERR_NOMEM)
        return false;
    if (rc == -ERR_NOT_FOUND)
        b->load_err = ERR_INIT;
    b->is_unknown = b->load_err.code != 0;
    b->has_read = true;
    b->good = b->was_good.files;
    b->n_good = b->was_good.n;
    return true;
}

/* --- directories that lost what was in them --- */

#define LOST                                                                                       \
    "it holds no manifest file any more (is it mounted?); remove the directory if none is wanted"

/* Was there a file in it when last good, or may there have been? -ERR_NOMEM. */
static int was_used(const struct build *b, const char *path, enum manifest_kind kind)
{
    CLEANUP(mem_free_string) char *prefix = mem_join(path, "/", "");
    size_t at;

    if (!prefix)
        return -ERR_NOMEM;
    if (b->is_unknown)
        return true;
    at = search_place(b->good, b->n_good, sizeof(*b->good), prefix);
    return at < b->n_good && b->good[at].kind == kind &&
           strncmp(b->good[at].path, prefix, strlen(prefix)) == 0;
}

/* The inputs, and an error for each directory that is empty now and was not when last good. */
static int note_lost(struct build *b)
{
    size_t n;
    size_t capacity = 0;
    const struct manifest_input *now = manifest_files_inputs(b->files, &n);
    struct manifest_input lost = {.error = LOST};
    int used;

    if (manifest_files_empty(b->files, 0, &lost.kind) && b->unread && !read_good(b))
        return -ERR_NOMEM;
    for (size_t i = 0; (lost.path = manifest_files_empty(b->files, i, &lost.kind)); i++) {
        used = was_used(b, lost.path, lost.kind);
        if (used < 0 || (used && !mem_grow(&b->now, &capacity, n + b->n_lost + 1, sizeof(*b->now))))
            return -ERR_NOMEM;
        if (used)
            b->now[n + b->n_lost++] = lost;
    }
    if (b->n_lost)
        memcpy(b->now, now, n * sizeof(*now));
    return 0;
}

/* What was last good stands in for what is wrong: where nothing is, nobody asks for it. */
static int build_whole(struct build *b, const struct desired_options *o)
{
    make(b, o);
    if (b->unread && !b->has_read && b->rv != -ERR_NOMEM && !is_well(b)) {
        desired_deinit(&b->desired);
        desired_keep_deinit(&b->keep);
        diags_deinit(&b->diags);
        b->diags = DIAGS_INIT;
        b->rv = -ERR_NOMEM;
        if (read_good(b))
            make(b, o);
    }
    if (b->is_unknown && b->n_lost > 0)
        return 0; /* kept, it would say that these were never used */
    return b->rv == 0 && b->store ? save(b, b->keep.files, b->keep.n) : 0;
}

void build_run(struct build *b)
{
    struct desired_options o = options_of(&b->names);
    int rc = DESIRED_WHOLE;

    b->rv = note_lost(b);
    if (b->rv != 0)
        return;
    if (b->last && b->n_lost == 0)
        rc = build_next(b, &o);
    if (rc == DESIRED_WHOLE)
        rc = build_whole(b, &o);
    if (rc && b->rv == 0)
        err_wrap(&b->save_err, "the last good manifest cannot be kept");
}

void build_free(struct build *b)
{
    if (!b)
        return;
    names_deinit(&b->names);
    desired_deinit(&b->desired);
    desired_keep_deinit(&b->keep);
    diags_deinit(&b->diags);
    store_manifest_deinit(&b->was_good);
    mem_free(b->now);
    manifest_files_unref(b->files);
    mem_free(b);
}

/* --- from one to the next --- */

void build_base_deinit(struct build_base *base)
{
    manifest_files_unref(base->files);
    desired_keep_deinit(&base->kept);
    names_deinit(&base->names);
    *base = (struct build_base){0};
}

/* The same files, as they were read last. */
static void exchange_files(struct build_base *base, struct manifest_files *files)
{
    size_t n;
    const struct manifest_input *now = manifest_files_inputs(files, &n);

    for (size_t i = 0; i < base->kept.n_roots; i++) {
        const struct manifest_input *root = search_find(now, n, sizeof(*now), base->kept.roots[i]);

        assert(root);
        base->kept.roots[i] = root->path;
    }
    manifest_files_unref(base->files);
    base->files = manifest_files_ref(files);
}

void build_leave(struct build *b, struct build_base *base)
{
    if (b->stays) {
        exchange_files(base, b->files);
        return;
    }
    build_base_deinit(base);
    if (b->rv != 0 || !b->keep.is_base)
        return;
    *base = (struct build_base){manifest_files_ref(b->files), b->keep, b->names};
    b->keep = (struct desired_keep){0};
    b->names = (struct build_names){0};
}
