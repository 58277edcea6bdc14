/* desired_merge: one entry and its class become what is wanted.
 * In:    an entry, the classes, groups and residencies.
 * Out:   the merged want, its texts borrowed; what only shows once both are together.
 * Never: other entries. */
#include <string.h>

#include "core/desired_build.h"
#include "lib/mem.h"
#include "lib/text.h"

/* Whose tokens are being merged, for what is said about them. */
struct owner {
    const char *kind; /* "database", "group" */
    const char *name;
    const char *class_name; /* NULL: none */
};

static void apply_fields(struct merged_db *m, const struct db_says *s)
{
    struct db_want *w = &m->want;

    if (s->set & DB_SET_GROUP)
        w->group = s->group;
    if (s->set & DB_SET_RESIDENCY)
        m->residency = s->residency;
    for (size_t i = 0; i < CONFIG_N; i++)
        if (s->config.value[i])
            w->config.value[i] = s->config.value[i];
    if (s->set & DB_SET_ENGINE) {
        w->engine_set = true;
        w->engine = s->engine;
    }
    if (s->set & DB_SET_PROTECT) {
        w->protect_set = true;
        w->protect = s->protect;
    }
    if (s->set & DB_SET_MANAGE)
        w->observe = s->observe;
    if (s->set & DB_SET_PROBE)
        w->probe = s->probe;
    if (s->set & DB_SET_SEED) {
        w->seed_database = s->seed_database;
        w->seed_timestamp = s->seed_timestamp;
        w->seed_upload = s->seed_upload;
    }
    if (s->set & DB_SET_ENCRYPTION) {
        w->cipher = s->cipher;
        w->encryption_key = s->encryption_key;
    }
    if (s->set & DB_SET_EXPIRES) {
        w->expires_after_ms = s->expires_after_ms;
        w->expires_at_ms = s->expires_at_ms;
    }
    if (s->set & DB_SET_STATE)
        w->absent = s->absent;
}

static void apply_token(struct token_want *w, const struct token_spec *s)
{
    w->name = s->name;
    w->at = s->at;
    if (s->set & TOKEN_SET_AUTHORIZATION)
        w->authorization = s->authorization;
    if (s->set & TOKEN_SET_EXPIRATION) {
        w->expiration = s->expiration;
        w->expiration_ms = s->expiration_ms;
    }
    if (s->set & TOKEN_SET_RENEW_BEFORE)
        w->renew_before_ms = s->renew_before_ms;
    if (s->set & TOKEN_SET_PERMISSIONS)
        w->permissions = s->permissions;
    if (s->set & TOKEN_SET_FILE)
        w->file = s->file;
    if (s->set & TOKEN_SET_FORMAT)
        w->format = s->format;
    if (s->set & TOKEN_SET_MODE) {
        w->mode = s->mode;
        w->mode_set = true;
    }
    if (s->set & TOKEN_SET_NOTIFY)
        w->notify = s->notify;
    if (s->set & TOKEN_SET_STATE)
        w->absent = s->absent;
}

static void say_missing(const struct token_want *w, const struct owner *o, const char *what,
                        struct diags *diags)
{
    if (o->class_name)
        diags_error(diags, w->at,
                    "token \"%s\" of %s \"%s\" has no %s; write it here or in class \"%s\"",
                    w->name, o->kind, o->name, what, o->class_name);
    else
        diags_error(diags, w->at, "token \"%s\" of %s \"%s\" has no %s; every token needs one",
                    w->name, o->kind, o->name, what);
}

#define SET_LIFE (TOKEN_SET_EXPIRATION | TOKEN_SET_RENEW_BEFORE)

/* renew_before has its default and is shorter than what it is before. `never` may override the
 * life that a class gives; both in one place is a mistake. */
static void settle_renewal(struct token_want *w, uint32_t set, bool in_one_place,
                           const struct owner *o, struct diags *diags)
{
    char renew[TEXT_DURATION_SIZE];

    if (w->expiration_ms == 0) {
        w->renew_before_ms = 0;
        if (in_one_place)
            diags_error(diags, w->at,
                        "token \"%s\" of %s \"%s\" has renew_before and never expires; take one "
                        "out",
                        w->name, o->kind, o->name);
        return;
    }
    if (!(set & TOKEN_SET_RENEW_BEFORE))
        w->renew_before_ms = w->expiration_ms / 3;
    if (w->renew_before_ms < w->expiration_ms)
        return;
    diags_error(diags, w->at,
                "token \"%s\" of %s \"%s\": renew_before (%s) must be shorter than expiration (%s)",
                w->name, o->kind, o->name, text_duration(w->renew_before_ms, renew), w->expiration);
}

static void settle_token(struct token_want *w, uint32_t set, bool in_one_place,
                         const struct owner *o, struct diags *diags)
{
    if (w->absent) {
        *w = (struct token_want){.name = w->name, .at = w->at, .absent = true};
        return;
    }
    if (!(set & TOKEN_SET_AUTHORIZATION))
        say_missing(w, o, "authorization (full-access or read-only)", diags);
    if (!(set & TOKEN_SET_EXPIRATION))
        say_missing(w, o, "expiration (such as 30d, or never)", diags);
    else
        settle_renewal(w, set, in_one_place, o, diags);
}

/* `of_class` and `own`: one may be NULL. */
static void merge_token(struct token_want *w, const struct token_spec *of_class,
                        const struct token_spec *own, const struct owner *o, struct diags *diags)
{
    bool in_one_place = own && (own->set & SET_LIFE) == SET_LIFE;
    uint32_t set = 0;

    *w = (struct token_want){0};
    if (of_class) {
        apply_token(w, of_class);
        set |= of_class->set;
        if (!own || !(own->set & TOKEN_SET_EXPIRATION))
            in_one_place = in_one_place || (set & SET_LIFE) == SET_LIFE;
    }
    if (own) {
        apply_token(w, own);
        set |= own->set;
    }
    if (own && of_class && !own->absent && w->absent)
        diags_error(diags, w->at,
                    "token \"%s\" of %s \"%s\" is wanted here, and gone in class \"%s\" "
                    "(state: absent at %s:%u:%u); take it out of one of them",
                    w->name, o->kind, o->name, o->class_name, of_class->at.file, of_class->at.line,
                    of_class->at.column);
    settle_token(w, set, in_one_place, o, diags);
}

/* Two sorted lists become one. Returns how many there are, or -ERR_NOMEM. */
static ptrdiff_t merge_tokens(struct desired_merge *m, const struct db_spec *class,
                              const struct db_spec *own, struct diags *diags)
{
    struct owner o = {"database", own->name, class ? class->name : NULL};
    const struct db_says *says = own->says;
    size_t n_class = class ? class->says->n_tokens : 0;
    size_t i = 0;
    size_t j = 0;
    size_t n = 0;

    if (!mem_grow(&m->tokens, &m->capacity, n_class + says->n_tokens, sizeof(*m->tokens)))
        return -ERR_NOMEM;
    while (i < n_class || j < says->n_tokens) {
        const struct token_spec *a = i < n_class ? &class->says->tokens[i] : NULL;
        const struct token_spec *b = j < says->n_tokens ? &says->tokens[j] : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);

        merge_token(&m->tokens[n++], order <= 0 ? a : NULL, order >= 0 ? b : NULL, &o, diags);
        i += order <= 0;
        j += order >= 0;
    }
    return (ptrdiff_t)n;
}

int desired_merge_group(struct desired_merge *m, const struct group_spec *spec, struct diags *diags)
{
    struct owner o = {"group", spec->name, NULL};

    if (!mem_grow(&m->tokens, &m->capacity, spec->n_tokens, sizeof(*m->tokens)))
        return -ERR_NOMEM;
    for (size_t i = 0; i < spec->n_tokens; i++)
        merge_token(&m->tokens[i], NULL, &spec->tokens[i], &o, diags);
    return 0;
}

void desired_merge_check_class(const struct db_spec *spec, struct diags *diags)
{
    struct owner o = {"class", spec->name, NULL};

    for (size_t i = 0; i < spec->says->n_tokens; i++) {
        const struct token_spec *t = &spec->says->tokens[i];
        struct token_want w = {0};

        apply_token(&w, t);
        if (!w.absent && w.expiration)
            settle_renewal(&w, t->set, (t->set & SET_LIFE) == SET_LIFE, &o, diags);
    }
}

static void say_conflict(const struct db_spec *own, const struct root_item *class, const char *what,
                         struct diags *diags)
{
    diags_error(diags, own->at, "database \"%s\", with its class \"%s\" (%s:%u:%u), %s", own->name,
                class->name, class->at.file, class->at.line, class->at.column, what);
}

static bool wants_token(const struct desired_merge *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!m->tokens[i].absent)
            return true;
    return false;
}

/* Only what entry and class make together: one entry alone is checked where it is read. */
static void check_conflicts(const struct desired_merge *m, const struct db_spec *own,
                            const struct root_item *class, const struct merged_db *merged,
                            struct diags *diags)
{
    const struct db_want *w = &merged->want;
    bool expires = w->expires_after_ms || w->expires_at_ms;

    if (w->protect && w->absent)
        say_conflict(own, class,
                     "is protected (protect: true) and wanted gone (state: absent); "
                     "apply protect: false first",
                     diags);
    if (w->protect && expires)
        say_conflict(own, class, "is protected (protect: true) and expires; take one out", diags);
    if (w->observe && w->absent)
        say_conflict(own, class,
                     "is only observed (manage: observe) and wanted gone "
                     "(state: absent); take one out",
                     diags);
    if (w->observe && expires)
        say_conflict(own, class, "is only observed (manage: observe) and expires; take one out",
                     diags);
    if (w->observe && wants_token(m, w->n_tokens))
        say_conflict(own, class,
                     "is only observed (manage: observe) and has tokens; what is "
                     "observed can have none",
                     diags);
}

/* A host is asked with a token of its database. */
static void check_probe(const struct desired_merge *m, const struct db_spec *own,
                        const struct db_want *w, struct diags *diags)
{
    if (w->probe && !w->absent && !wants_token(m, w->n_tokens))
        diags_error(
            diags, own->at,
            "database \"%s\" is probed (probe: true) and has no token to ask with; name one "
            "under its tokens",
            own->name);
}

static void check_place(const struct desired_root *root, const struct db_spec *own,
                        const struct merged_db *m, struct diags *diags)
{
    struct root_item by = {.name = own->name, .at = own->at};

    desired_root_place(root, &by, "database", m, diags);
    if (m->want.group || m->residency || m->want.absent || m->want.observe)
        return;
    if (own->says->class_name)
        diags_error(diags, own->at,
                    "database \"%s\" has no group and no residency, and class \"%s\" gives none; "
                    "name where it is to live",
                    own->name, own->says->class_name);
    else
        diags_error(diags, own->at,
                    "database \"%s\" has no group and no residency; name where it is to live",
                    own->name);
}

/* The places of its own tokens, seen from the entry's: what desired_token_at turns back. */
static void see_from_entry(struct desired_merge *m, size_t n, const struct db_spec *own)
{
    for (size_t i = 0, j = 0; i < n && j < own->says->n_tokens; i++) {
        struct source *at = &m->tokens[i].at;

        if (m->tokens[i].name != own->says->tokens[j].name)
            continue;
        j++;
        at->file = NULL;
        at->line -= own->at.line;
        at->column -= at->line ? 0 : own->at.column;
    }
}

int desired_merge_database(struct desired_merge *m, const struct desired_root *root,
                           const struct db_spec *spec, struct merged_db *out, struct diags *diags)
{
    size_t before = diags->n_errors;
    const struct root_item *class = NULL;
    struct root_item by = {.name = spec->name, .at = spec->at};
    const struct db_says *says = spec->says;
    ptrdiff_t n;

    *out = (struct merged_db){0};
    if (says->class_name) {
        class = desired_root_find(&root->classes, says->class_name);
        if (!class) {
            desired_root_unknown(&root->classes, "class", says->class_name, "database", &by, diags);
            return -ERR_INVALID;
        }
        apply_fields(out, ((const struct db_spec *)class->spec)->says);
    }
    apply_fields(out, says);
    n = merge_tokens(m, class ? class->spec : NULL, spec, diags);
    if (n < 0)
        return (int)n;
    out->want.n_tokens = (size_t)n;
    if (class)
        check_conflicts(m, spec, class, out, diags);
    check_probe(m, spec, &out->want, diags);
    check_place(root, spec, out, diags);
    see_from_entry(m, (size_t)n, spec);
    if (out->want.observe)
        out->want.n_tokens = 0;
    out->want.tokens = out->want.n_tokens ? m->tokens : NULL;
    return diags->n_errors > before ? -ERR_INVALID : 0;
}

void desired_merge_deinit(struct desired_merge *m)
{
    mem_free(m->tokens);
    *m = (struct desired_merge){0};
}
