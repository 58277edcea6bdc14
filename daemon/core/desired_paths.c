/* desired_paths: one file is for one token.
 * In:    all that is wanted.
 * Out:   the files to refuse, since they give two tokens one path.
 * Never: spells the default path of every token: only the few that are named are looked up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/desired_build.h"
#include "core/limits.h"
#include "lib/mem.h"
#include "lib/search.h"
#include "lib/text.h"

#define GROUP_PREFIX "_group/"
#define API_TARGET   "_api" /* which no database is called */

static const char *const EXTENSION[] = {
    [TOKEN_JWT] = ".jwt", [TOKEN_ENV] = ".env", [TOKEN_JSON] = ".json"};

#define PATH_PARTS 5

static void path_parts(enum token_of of, const char *target, const struct token_want *t,
                       const char *out[PATH_PARTS])
{
    bool is_named = t->file != NULL;

    out[0] = is_named ? t->file : of == TOKEN_OF_GROUP ? GROUP_PREFIX : "";
    out[1] = is_named ? "" : of == TOKEN_OF_API ? API_TARGET : target;
    out[2] = is_named ? "" : "/";
    out[3] = is_named ? "" : t->name;
    out[4] = is_named ? "" : EXTENSION[t->format];
}

bool desired_token_file(struct buf *out, enum token_of of, const char *target,
                        const struct token_want *t)
{
    const char *p[PATH_PARTS];

    path_parts(of, target, t, p);
    for (size_t i = 0; i < PATH_PARTS; i++)
        if (!buf_add_str(out, p[i]))
            return false;
    return true;
}

bool desired_is_token_file(const char *path, enum token_of of, const char *target,
                           const struct token_want *t)
{
    const char *parts[PATH_PARTS];

    path_parts(of, target, t, parts);
    return text_is_joined(path, parts, PATH_PARTS);
}

/* Of two that have one path the lower keeps it: what cannot be refused, then what would take the
 * most with it, then whom we trust more. */
enum rank { RANK_FROZEN, RANK_ROOT, RANK_TRUSTED, RANK_TENANTS };

/* A token whose file somebody names. */
struct use {
    const char *path;
    const char *target;
    const struct token_want *token;
    struct source at;
    enum token_of of;
    bool frozen;
    enum rank rank;
    struct db_entry *entry; /* NULL: a group's, or the API's */
};

struct uses {
    struct use *items;
    size_t n;
    size_t capacity;
};

static bool add(struct uses *all, const struct use *u)
{
    if (!mem_grow(&all->items, &all->capacity, all->n + 1, sizeof(*all->items)))
        return false;
    all->items[all->n++] = *u;
    return true;
}

static bool is_root(const struct desired_build *b, struct source at)
{
    const struct desired_file *f = desired_files_find(b, at.file);

    return f && f->now_m && f->now_m->is_root;
}

/* Where the one who named it can mend it: the token's place, or the entry's if the token is another
 * file's (a class's). */
static struct use use_of_database(const struct desired_build *b, struct db_entry *e,
                                  const struct token_want *t, const char *path)
{
    struct source at = desired_token_at(e, t);
    bool own = strcmp(e->form->file, at.file) == 0;

    return (struct use){.path = path,
                        .target = e->name,
                        .token = t,
                        .at = own ? at : db_entry_at(e),
                        .frozen = e->form->frozen,
                        .rank = e->form->frozen              ? RANK_FROZEN
                                : is_root(b, db_entry_at(e)) ? RANK_ROOT
                                : e->form->from_tenants_dir  ? RANK_TENANTS
                                                             : RANK_TRUSTED,
                        .entry = e};
}

static struct use use_of_group(const struct group_want *g, const struct token_want *t,
                               const char *path)
{
    return (struct use){.path = path,
                        .target = g->name,
                        .token = t,
                        .at = t->at,
                        .of = TOKEN_OF_GROUP,
                        .frozen = g->frozen,
                        .rank = RANK_ROOT};
}

static struct use use_of_api(const struct api_token_want *t, const char *path)
{
    return (struct use){.path = path,
                        .target = API_TARGET,
                        .token = &t->token,
                        .at = t->token.at,
                        .of = TOKEN_OF_API,
                        .frozen = t->frozen,
                        .rank = RANK_ROOT};
}

static bool collect(const struct desired_build *b, struct desired *d, struct uses *all)
{
    for (size_t i = 0; i < d->n_groups; i++)
        for (size_t j = 0; j < d->groups[i].n_tokens; j++) {
            const struct token_want *t = &d->groups[i].tokens[j];
            struct use u = use_of_group(&d->groups[i], t, t->file);

            if (t->file && !add(all, &u))
                return false;
        }
    for (size_t i = 0; i < d->n_api_tokens; i++) {
        struct use u = use_of_api(&d->api_tokens[i], d->api_tokens[i].token.file);

        if (u.path && !add(all, &u))
            return false;
    }
    for (size_t i = 0; i < d->n_databases; i++)
        for (size_t j = 0; j < db_entry_want(&d->databases[i])->n_tokens; j++) {
            const struct token_want *t = &db_entry_want(&d->databases[i])->tokens[j];
            struct use u;

            if (!t->file)
                continue;
            u = use_of_database(b, &d->databases[i], t, t->file);
            if (!add(all, &u))
                return false;
        }
    return true;
}

/* Read a path as "TARGET/TOKEN.FORMAT"; false where it is not of that form. */
static bool split(const char *path, char target[LIMIT_NAME_BYTES + 1],
                  char token[LIMIT_NAME_BYTES + 1], enum token_format *format)
{
    size_t n = strcspn(path, "/");
    const char *name = path + n + (path[n] == '/');
    const char *dot = strrchr(name, '.');

    if (path[n] != '/' || strchr(name, '/') || !dot || n > LIMIT_NAME_BYTES ||
        (size_t)(dot - name) > LIMIT_NAME_BYTES)
        return false;
    memcpy(target, path, n);
    target[n] = '\0';
    memcpy(token, name, (size_t)(dot - name));
    token[dot - name] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(EXTENSION); i++) {
        if (strcmp(dot, EXTENSION[i]) == 0) {
            *format = (enum token_format)i;
            return true;
        }
    }
    return false;
}

static const struct token_want *with_default(const struct token_want *tokens, size_t n,
                                             const char *name, enum token_format format)
{
    const struct token_want *t = search_find(tokens, n, sizeof(*tokens), name);

    return t && !t->absent && !t->file && t->format == format ? t : NULL;
}

static bool add_default_api(const struct desired *d, const char *path, const char *name,
                            enum token_format format, struct uses *all)
{
    const struct api_token_want *t =
        search_find(d->api_tokens, d->n_api_tokens, sizeof(*d->api_tokens), name);
    struct use u;

    if (!t || t->token.absent || t->token.file || t->token.format != format)
        return true;
    u = use_of_api(t, path);
    return add(all, &u);
}

/* The token whose default path this is, if there is one. */
static bool add_default(const struct desired_build *b, struct desired *d, const char *path,
                        struct uses *all)
{
    bool is_group = strncmp(path, GROUP_PREFIX, strlen(GROUP_PREFIX)) == 0;
    char target[LIMIT_NAME_BYTES + 1];
    char name[LIMIT_NAME_BYTES + 1];
    enum token_format format;
    const struct token_want *t;
    struct use u;

    if (!split(path + (is_group ? strlen(GROUP_PREFIX) : 0), target, name, &format))
        return true;
    if (!is_group && strcmp(target, API_TARGET) == 0)
        return add_default_api(d, path, name, format, all);
    if (is_group) {
        const struct group_want *g = desired_group(d, target);

        t = g ? with_default(g->tokens, g->n_tokens, name, format) : NULL;
        if (t)
            u = use_of_group(g, t, path);
    } else {
        const struct db_entry *e = desired_database(d, target);

        t = e ? with_default(db_entry_want(e)->tokens, db_entry_want(e)->n_tokens, name, format)
              : NULL;
        if (t)
            u = use_of_database(b, &d->databases[e - d->databases], t, path);
    }
    return !t || add(all, &u);
}

static int compare_number(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
    const struct use *a = left;
    const struct use *b = right;
    int r = strcmp(a->path, b->path);

    if (r == 0)
        r = compare_number(a->rank, b->rank);
    if (r == 0)
        r = strcmp(a->at.file, b->at.file);
    if (r == 0)
        r = compare_number(a->at.line, b->at.line);
    if (r == 0)
        r = compare_number(a->at.column, b->at.column);
    return r ? r : strcmp(a->target, b->target);
}

#define SHOWN_BYTES (2 * LIMIT_NAME_BYTES + 32)

static const char *show(const struct use *u, char out[SHOWN_BYTES])
{
    if (u->of == TOKEN_OF_API)
        snprintf(out, SHOWN_BYTES, "API token \"%s\"", u->token->name);
    else
        snprintf(out, SHOWN_BYTES, "token \"%s\" of %s \"%s\"", u->token->name,
                 u->of == TOKEN_OF_GROUP ? "group" : "database", u->target);
    return out;
}

static int refuse(struct desired_build *b, const struct use *u, const struct use *holder)
{
    struct desired_file *f = desired_files_find(b, u->at.file);
    char one[SHOWN_BYTES];
    char other[SHOWN_BYTES];

    diags_error(b->diags, u->at, "%s and %s (%s:%u:%u) have one file, %s; give each its own",
                show(u, one), show(holder, other), holder->at.file, holder->at.line,
                holder->at.column, u->path);
    b->again = true;
    if (!u->frozen && f)
        return desired_files_refuse(b, f);
    b->refused = true;
    return 0;
}

/* What was last good is not reported, and cannot be refused: the entry is left out. */
static void leave_out(struct desired *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_databases; i++)
        if (d->databases[i].form)
            d->databases[n++] = d->databases[i];
    d->n_databases = n;
}

static int check(struct desired_build *b, struct uses *all, bool good)
{
    const struct use *holder = NULL;
    int rc = 0;

    qsort(all->items, all->n, sizeof(*all->items), compare);
    for (size_t i = 0; rc == 0 && i < all->n; i++) {
        const struct use *u = &all->items[i];

        if (!holder || strcmp(u->path, holder->path) != 0)
            holder = u;
        else if (u->token == holder->token && u->target == holder->target)
            continue;
        else if (!good)
            rc = refuse(b, u, holder);
        else if (u->entry)
            u->entry->form = NULL;
    }
    return rc;
}

int desired_paths_check(struct desired_build *b, struct desired *d)
{
    struct uses all = {0};
    bool good = b->refused;
    bool ok = collect(b, d, &all);
    size_t n = all.n;
    int rc = 0;

    for (size_t i = 0; ok && i < n; i++)
        ok = add_default(b, d, all.items[i].path, &all);
    if (ok && all.n > 1) {
        rc = check(b, &all, good);
        leave_out(d);
    }
    mem_free(all.items);
    return ok ? rc : -ERR_NOMEM;
}
