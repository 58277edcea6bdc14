/* desired_share: what is wanted, copied to where it will live, equal things once.
 * In:    the root and the entries that count.
 * Out:   a struct desired that owns every text, and its digests.
 * Never: finds anything wrong; an entry that does not fit (it was good long ago) is left out. */
#include <string.h>

#include "core/desired_build.h"
#include "lib/mem.h"
#include "lib/search.h"
#include "lib/text.h"

#define FORGET_EACH 65536 /* candidates: memory of them is given back in pieces of so many */

/* --- Copies -------------------------------------------------------------------------------- */

/* *ok turns false where there is no memory; the result is then not used. */
static const char *keep(struct desired *d, const char *s, bool *ok)
{
    const char *kept = s ? arena_intern(&d->texts->arena, s, strlen(s)) : NULL;

    *ok = *ok && (kept || !s);
    return kept;
}

static const char **keep_texts(struct desired *d, const char *const *from, size_t n, bool *ok)
{
    const char **to = n ? arena_alloc(&d->texts->arena, n * sizeof(*to)) : NULL;

    *ok = *ok && (to || n == 0);
    for (size_t i = 0; *ok && i < n; i++)
        to[i] = keep(d, from[i], ok);
    return to;
}

/* A hook can only be unknown in what was last good, when the daemon had another configuration. */
static const struct token_want *keep_tokens(struct desired_build *b, struct desired *d,
                                            const struct token_want *from, size_t n, bool *ok)
{
    struct token_want *to = n ? arena_alloc(&d->texts->arena, n * sizeof(*to)) : NULL;

    *ok = *ok && (to || n == 0);
    for (size_t i = 0; *ok && i < n; i++) {
        struct token_want *t = &to[i];

        *t = from[i];
        t->name = keep(d, t->name, ok);
        t->at.file = keep(d, t->at.file, ok);
        t->expiration = keep(d, t->expiration, ok);
        t->permissions = keep(d, t->permissions, ok);
        t->file = keep(d, t->file, ok);
        t->notify = t->notify && desired_check_knows_hook(b->options, t->notify)
                        ? keep(d, t->notify, ok)
                        : NULL;
    }
    return to;
}

static const struct db_want *keep_want(struct desired_build *b, struct desired *d,
                                       const struct merged_db *m, uint64_t digest)
{
    struct db_want *w = arena_alloc(&d->texts->arena, sizeof(*w));
    bool ok = w;

    if (!w)
        return NULL;
    *w = m->want;
    w->digest = digest;
    w->group = keep(d, w->group, &ok);
    if (m->residency)
        w->residency =
            search_find(d->residencies, d->n_residencies, sizeof(*w->residency), m->residency);
    for (size_t i = 0; i < CONFIG_N; i++)
        w->config.value[i] = keep(d, w->config.value[i], &ok);
    w->seed_database = keep(d, w->seed_database, &ok);
    w->seed_timestamp = keep(d, w->seed_timestamp, &ok);
    w->seed_upload = keep(d, w->seed_upload, &ok);
    w->encryption_key = keep(d, w->encryption_key, &ok);
    w->tokens = keep_tokens(b, d, m->want.tokens, m->want.n_tokens, &ok);
    return ok ? w : NULL;
}

/* --- The pool ------------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_token(const struct token_want *a, const struct token_want *b)
{
    return same_text(a->name, b->name) && same_text(a->at.file, b->at.file) &&
           a->at.line == b->at.line && a->at.column == b->at.column && a->absent == b->absent &&
           a->authorization == b->authorization && same_text(a->expiration, b->expiration) &&
           a->renew_before_ms == b->renew_before_ms && same_text(a->permissions, b->permissions) &&
           same_text(a->file, b->file) && a->format == b->format && a->mode == b->mode &&
           a->mode_set == b->mode_set && same_text(a->notify, b->notify);
}

/* Equal keys are no proof: whoever writes entries could aim at one. */
static bool same_want(const struct merged_db *m, const struct db_want *b)
{
    const struct db_want *a = &m->want;
    bool same = same_text(a->group, b->group) &&
                same_text(m->residency, b->residency ? b->residency->name : NULL) &&
                a->engine_set == b->engine_set && a->engine == b->engine &&
                a->protect_set == b->protect_set && a->protect == b->protect &&
                a->observe == b->observe && a->absent == b->absent && a->probe == b->probe &&
                same_text(a->seed_database, b->seed_database) &&
                same_text(a->seed_timestamp, b->seed_timestamp) &&
                same_text(a->seed_upload, b->seed_upload) && a->cipher == b->cipher &&
                same_text(a->encryption_key, b->encryption_key) &&
                a->expires_after_ms == b->expires_after_ms &&
                a->expires_at_ms == b->expires_at_ms && a->n_tokens == b->n_tokens;

    for (size_t i = 0; same && i < CONFIG_N; i++)
        same = same_text(a->config.value[i], b->config.value[i]);
    for (size_t i = 0; same && i < a->n_tokens; i++)
        same = same_token(&a->tokens[i], &b->tokens[i]);
    return same;
}

static struct want_slot *free_slot(struct want_slot *slots, size_t n_slots, uint64_t key)
{
    size_t i = (size_t)key & (n_slots - 1);

    while (slots[i].want)
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

/* The slot of that want, or the free one where it belongs. */
static struct want_slot *slot_of(const struct want_pool *p, uint64_t key, const struct merged_db *m)
{
    size_t i = (size_t)key & (p->n_slots - 1);

    while (p->slots[i].want && (p->slots[i].key != key || !same_want(m, p->slots[i].want)))
        i = (i + 1) & (p->n_slots - 1);
    return &p->slots[i];
}

static bool pool_grow(struct want_pool *p)
{
    size_t n_slots = p->n_slots ? p->n_slots * 2 : 64;
    struct want_slot *slots = mem_alloc(n_slots * sizeof(*slots));

    if (!slots)
        return false;
    for (size_t i = 0; i < p->n_slots; i++)
        if (p->slots[i].want)
            *free_slot(slots, n_slots, p->slots[i].key) = p->slots[i];
    mem_free(p->slots);
    p->slots = slots;
    p->n_slots = n_slots;
    return true;
}

static int pool_want(struct desired_build *b, struct desired *d, const struct merged_db *m,
                     struct want_slot **out)
{
    struct want_pool *p = &b->pool;
    uint64_t digest = desired_digest_database(m);
    uint64_t key = desired_digest_key(digest, &m->want);

    if ((p->n + 1) * 4 > p->n_slots * 3 && !pool_grow(p))
        return -ERR_NOMEM;
    *out = slot_of(p, key, m);
    if ((*out)->want)
        return 0;
    **out = (struct want_slot){.key = key, .want = keep_want(b, d, m, digest)};
    if (!(*out)->want)
        return -ERR_NOMEM;
    p->n++;
    return 0;
}

/* --- The whole ----------------------------------------------------------------------------- */

static int share_group(struct desired_build *b, struct desired *d, const struct group_spec *from,
                       struct group_want *to)
{
    struct diags unheard = DIAGS_INIT;
    int rc = desired_merge_group(&b->merge, from, &unheard);
    bool ok = rc == 0 && !unheard.failed;

    diags_deinit(&unheard);
    *to = (struct group_want){
        .name = keep(d, from->name, &ok),
        .at = {keep(d, from->at.file, &ok), from->at.line, from->at.column},
        .location = keep(d, from->location, &ok),
        .extensions = keep(d, from->extensions, &ok),
        .delete_protection_set = from->set & GROUP_SET_DELETE_PROTECTION,
        .delete_protection = from->delete_protection,
        .unarchive = from->unarchive,
        .locations_set = from->set & GROUP_SET_LOCATIONS,
        .locations = keep_texts(d, from->locations, from->n_locations, &ok),
        .n_locations = from->n_locations,
        .absent = from->absent,
        .n_tokens = from->n_tokens,
        .frozen = b->refused,
    };
    if (ok)
        to->tokens = keep_tokens(b, d, b->merge.tokens, from->n_tokens, &ok);
    if (!ok)
        return -ERR_NOMEM;
    to->digest = desired_digest_group(to);
    return 0;
}

static bool share_api_token(struct desired_build *b, struct desired *d,
                            const struct api_token_spec *from, struct api_token_want *to)
{
    const struct token_spec *t = &from->token;
    struct token_want w = {.name = t->name, .at = t->at, .absent = true};
    bool ok = true;

    if (!t->absent)
        w = (struct token_want){.name = t->name,
                                .at = t->at,
                                .file = t->file,
                                .format = t->format,
                                .mode = t->mode,
                                .mode_set = t->set & TOKEN_SET_MODE,
                                .notify = t->notify};
    *to = (struct api_token_want){.group = keep(d, from->group, &ok),
                                  .scopes = keep(d, from->scopes, &ok),
                                  .rotate_every_ms = from->rotate_every_ms,
                                  .frozen = b->refused};
    if (ok) {
        const struct token_want *kept = keep_tokens(b, d, &w, 1, &ok);

        if (ok)
            to->token = *kept;
    }
    to->digest = desired_digest_api_token(to);
    return ok;
}

static bool share_member(struct desired_build *b, struct desired *d, const struct member_spec *from,
                         struct member_want *to)
{
    bool ok = true;

    *to = (struct member_want){
        .email = keep(d, from->email, &ok),
        .at = {keep(d, from->at.file, &ok), from->at.line, from->at.column},
        .role = from->role,
        .frozen = b->refused,
    };
    to->digest = desired_digest_member(to);
    return ok;
}

static bool share_residency(struct desired *d, const struct residency_spec *from,
                            struct residency_want *to)
{
    bool ok = true;

    *to = (struct residency_want){
        .name = keep(d, from->name, &ok),
        .at = {keep(d, from->at.file, &ok), from->at.line, from->at.column},
        .groups = keep_texts(d, from->groups, from->n_groups, &ok),
        .n_groups = from->n_groups,
        .locations = keep_texts(d, from->locations, from->n_locations, &ok),
        .n_locations = from->n_locations,
    };
    return ok;
}

/* In what was last good a name may be there twice, if it was another version that found it good. */
static bool is_double(const struct root_list *l, size_t i)
{
    return i > 0 && strcmp(l->items[i].name, l->items[i - 1].name) == 0;
}

int desired_share_root(struct desired_build *b, struct desired *d)
{
    const struct desired_root *root = b->refused ? &b->good_root : &b->now_root;
    int rc = 0;

    d->texts = mem_alloc(sizeof(*d->texts));
    if (!d->texts)
        return -ERR_NOMEM;
    d->texts->refs = 1;
    d->groups = arena_alloc(&d->texts->arena, root->groups.n * sizeof(*d->groups));
    d->residencies = arena_alloc(&d->texts->arena, root->residencies.n * sizeof(*d->residencies));
    d->api_tokens = arena_alloc(&d->texts->arena, root->api_tokens.n * sizeof(*d->api_tokens));
    d->members = arena_alloc(&d->texts->arena, root->members.n * sizeof(*d->members));
    if (!d->groups || !d->residencies || !d->api_tokens || !d->members)
        return -ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < root->groups.n; i++)
        if (!is_double(&root->groups, i))
            rc = share_group(b, d, root->groups.items[i].spec, &d->groups[d->n_groups++]);
    for (size_t i = 0; rc == 0 && i < root->residencies.n; i++)
        if (!is_double(&root->residencies, i) &&
            !share_residency(d, root->residencies.items[i].spec,
                             &d->residencies[d->n_residencies++]))
            rc = -ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < root->api_tokens.n; i++)
        if (!is_double(&root->api_tokens, i) &&
            !share_api_token(b, d, root->api_tokens.items[i].spec,
                             &d->api_tokens[d->n_api_tokens++]))
            rc = -ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < root->members.n; i++)
        if (!is_double(&root->members, i) &&
            !share_member(b, d, root->members.items[i].spec, &d->members[d->n_members++]))
            rc = -ERR_NOMEM;
    return rc;
}

/* An entry that is nothing but its class needs no merging after the first of them. */
static int share_want(struct desired_build *b, struct desired *d, const struct db_spec *spec,
                      const struct db_want **out)
{
    const struct desired_root *root = b->refused ? &b->good_root : &b->now_root;
    struct root_item *class = desired_check_is_alone(spec)
                                  ? desired_root_find(&root->classes, spec->says->class_name)
                                  : NULL;
    struct diags unheard = DIAGS_INIT;
    struct want_slot *slot = NULL;
    struct merged_db merged;
    int rc;

    if (class && class->alone) {
        *out = class->alone;
        return 0;
    }
    rc = desired_merge_database(&b->merge, root, spec, &merged, &unheard);
    if (unheard.failed)
        rc = -ERR_NOMEM;
    diags_deinit(&unheard);
    if (rc == 0)
        rc = pool_want(b, d, &merged, &slot);
    if (rc)
        return rc;
    *out = slot->want;
    if (class)
        class->alone = slot->want;
    return 0;
}

static const struct db_form *share_form(struct desired_build *b, struct desired *d,
                                        const struct db_form *form)
{
    uint64_t h = text_mix(TEXT_HASH_INIT, &form->file, sizeof(form->file));
    const struct db_form **lately;
    struct db_form *kept;

    h = text_mix(h, &form->want, sizeof(form->want));
    lately = &b->forms[text_mix(h, &form->column, sizeof(form->column)) % FORMS_LATELY];
    if (*lately && (*lately)->file == form->file && (*lately)->want == form->want &&
        (*lately)->column == form->column &&
        (*lately)->from_tenants_dir == form->from_tenants_dir && (*lately)->frozen == form->frozen)
        return *lately;
    kept = arena_alloc(&d->texts->arena, sizeof(*kept));
    if (kept)
        *kept = *form;
    return *lately = kept;
}

/* Of a large file they are not copied: in the end all its names are taken over. */
static const char *share_name(struct desired_build *b, struct desired *d, const struct candidate *c)
{
    struct desired_file *f = candidate_file(b, c);
    bool is_good = c->is_good && f->good_m;
    const struct manifest *m = is_good ? f->good_m : f->now_m;
    bool *lends = is_good ? &f->lends_good : &f->lends_now;

    if (!m->names.bytes)
        return arena_strdup(&d->texts->arena, c->spec->name);
    *lends = true;
    return c->spec->name;
}

void desired_share_names(struct desired_build *b, struct desired *d)
{
    for (size_t i = 0; i < b->n_files; i++) {
        struct desired_file *f = &b->files[i];

        if (f->lends_now)
            arena_adopt(&d->texts->arena, &f->now_m->names);
        if (f->lends_good)
            arena_adopt(&d->texts->arena, &f->good_m->names);
    }
}

int desired_share_entry(struct desired_build *b, struct desired *d, const struct candidate *c)
{
    const struct desired_file *f = candidate_file(b, c);
    const struct manifest_input *input = c->is_good ? f->good : f->now;
    struct db_entry *to = &d->databases[d->n_databases];
    struct db_form form = {.column = c->spec->at.column,
                           .from_tenants_dir = input->kind == MANIFEST_TENANTS,
                           .frozen = c->frozen};
    bool ok = true;
    int rc = share_want(b, d, c->spec, &form.want);

    if (rc == -ERR_INVALID)
        return 0;
    if (rc)
        return rc;
    form.file = keep(d, c->spec->at.file, &ok);
    to->name = share_name(b, d, c);
    to->line = c->spec->at.line;
    to->form = ok ? share_form(b, d, &form) : NULL;
    d->n_databases++;
    return to->form && to->name ? 0 : -ERR_NOMEM;
}

/* What an earlier round left behind is gone with its arena. */
static void forget(struct desired_build *b, struct root_list *classes)
{
    mem_free(b->pool.slots);
    b->pool = (struct want_pool){0};
    memset((void *)b->forms, 0, sizeof(b->forms));
    for (size_t i = 0; i < classes->n; i++)
        classes->items[i].alone = NULL;
}

/* Where no names clash nobody looks at a candidate again. */
static void forget_before(struct desired_build *b, size_t n)
{
    size_t size = sizeof(*b->entries.items);

    mem_forget(b->entries.items, (n - FORGET_EACH) * size, n * size);
}

int desired_share_databases(struct desired_build *b, struct desired *d)
{
    int rc = 0;

    forget(b, b->refused ? &b->good_root.classes : &b->now_root.classes);
    d->databases = mem_alloc(b->entries.n * sizeof(*d->databases));
    if (!d->databases)
        return -ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < b->entries.n; i++) {
        if (!b->entries.items[i].dropped)
            rc = desired_share_entry(b, d, &b->entries.items[i]);
        if (!b->names_clash && (i + 1) % FORGET_EACH == 0)
            forget_before(b, i + 1);
    }
    return rc;
}
