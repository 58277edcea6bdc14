/* desired_root: what root files alone say: groups, residencies, classes, API tokens and members.
 * In:    the manifests that count.
 * Out:   a list of each by name; what is wrong with them refuses the generation.
 * Never: databases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/desired_build.h"
#include "lib/mem.h"
#include "lib/search.h"

#define NAMES_SHOWN 5

static bool add(struct root_list *l, const char *name, struct source at, const void *spec)
{
    if (!mem_grow(&l->items, &l->capacity, l->n + 1, sizeof(*l->items)))
        return false;
    l->items[l->n++] = (struct root_item){.name = name, .at = at, .spec = spec};
    return true;
}

static bool add_all(struct desired_root *root, const struct manifest *m)
{
    bool ok = true;

    for (size_t i = 0; ok && i < m->n_groups; i++)
        ok = add(&root->groups, m->groups[i].name, m->groups[i].at, &m->groups[i]);
    for (size_t i = 0; ok && i < m->n_residencies; i++)
        ok = add(&root->residencies, m->residencies[i].name, m->residencies[i].at,
                 &m->residencies[i]);
    for (size_t i = 0; ok && i < m->n_classes; i++)
        ok = add(&root->classes, m->classes[i].name, m->classes[i].at, &m->classes[i]);
    for (size_t i = 0; ok && i < m->n_api_tokens; i++)
        ok = add(&root->api_tokens, m->api_tokens[i].token.name, m->api_tokens[i].token.at,
                 &m->api_tokens[i]);
    for (size_t i = 0; ok && i < m->n_members; i++)
        ok = add(&root->members, m->members[i].email, m->members[i].at, &m->members[i]);
    return ok;
}

static int by_name(const void *left, const void *right)
{
    const struct root_item *a = left;
    const struct root_item *b = right;
    int r = strcmp(a->name, b->name);

    return r ? r : strcmp(a->at.file, b->at.file);
}

static void sort(struct root_list *l)
{
    if (l->n > 1)
        qsort(l->items, l->n, sizeof(*l->items), by_name);
}

int desired_root_gather(struct desired_root *root, const struct desired_build *b, bool good)
{
    for (size_t i = 0; i < b->n_files; i++) {
        const struct desired_file *f = &b->files[i];
        const struct manifest *m = good ? f->good_m : f->now_m;

        if (m && !add_all(root, m))
            return -ERR_NOMEM;
    }
    sort(&root->groups);
    sort(&root->residencies);
    sort(&root->classes);
    sort(&root->api_tokens);
    sort(&root->members);
    return 0;
}

struct root_item *desired_root_find(const struct root_list *list, const char *name)
{
    return search_find(list->items, list->n, sizeof(*list->items), name);
}

/* In a sorted list. */
static bool has_name(const char *const *names, size_t n, const char *name)
{
    return search_find((const void *)names, n, sizeof(*names), name) != NULL;
}

/* "a, b, c" with an end, for people who mistyped one of them. */
static const char *some_names(const struct root_list *list, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < list->n && i < NAMES_SHOWN && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", list->items[i].name);
    if (list->n > NAMES_SHOWN && used < size)
        snprintf(out + used, size - used, " and %zu more", list->n - NAMES_SHOWN);
    return out;
}

void desired_root_unknown(const struct root_list *list, const char *kind, const char *wanted,
                          const char *what, const struct root_item *by, struct diags *diags)
{
    char names[512];

    if (list->n == 0)
        diags_error(diags, by->at, "%s \"%s\" names %s \"%s\", and no file defines any %s", what,
                    by->name, kind, wanted, kind);
    else
        diags_error(diags, by->at,
                    "%s \"%s\" names %s \"%s\", which no file defines; "
                    "expected one of %s",
                    what, by->name, kind, wanted, some_names(list, names, sizeof(names)));
}

/* A group that is named and is to stay. */
static void check_group_name(const struct desired_root *root, const struct root_item *by,
                             const char *what, const char *group, struct diags *diags)
{
    const struct root_item *item = desired_root_find(&root->groups, group);
    const struct group_spec *spec = item ? item->spec : NULL;

    if (!item)
        desired_root_unknown(&root->groups, "group", group, what, by, diags);
    else if (spec->absent)
        diags_error(diags, by->at,
                    "%s \"%s\" names group \"%s\", which is to go (state: absent at %s:%u:%u)",
                    what, by->name, group, item->at.file, item->at.line, item->at.column);
}

void desired_root_place(const struct desired_root *root, const struct root_item *by,
                        const char *what, const struct merged_db *m, struct diags *diags)
{
    const struct root_item *item;
    const struct residency_spec *residency;

    if (m->want.group && m->want.absent) {
        if (!desired_root_find(&root->groups, m->want.group))
            desired_root_unknown(&root->groups, "group", m->want.group, what, by, diags);
    } else if (m->want.group) {
        check_group_name(root, by, what, m->want.group, diags);
    }
    if (!m->residency)
        return;
    item = desired_root_find(&root->residencies, m->residency);
    residency = item ? item->spec : NULL;
    if (!item)
        desired_root_unknown(&root->residencies, "residency", m->residency, what, by, diags);
    else if (m->want.group && !m->want.absent &&
             !has_name(residency->groups, residency->n_groups, m->want.group))
        diags_error(diags, by->at,
                    "%s \"%s\": group \"%s\" is not one of residency \"%s\" (%s:%u:%u); "
                    "name one that is, or leave the group out",
                    what, by->name, m->want.group, m->residency, item->at.file, item->at.line,
                    item->at.column);
}

static void check_twice(const struct root_list *l, const char *kind, struct diags *diags)
{
    for (size_t i = 1; i < l->n; i++) {
        const struct root_item *a = &l->items[i - 1];
        const struct root_item *b = &l->items[i];

        if (strcmp(a->name, b->name) != 0)
            continue;
        diags_error(diags, a->at, "%s \"%s\" is also at %s:%u:%u; name it in one file alone", kind,
                    a->name, b->at.file, b->at.line, b->at.column);
        diags_error(diags, b->at, "%s \"%s\" is also at %s:%u:%u; name it in one file alone", kind,
                    b->name, a->at.file, a->at.line, a->at.column);
    }
}

static int check_group(struct desired_build *b, const struct root_item *item)
{
    const struct group_spec *g = item->spec;

    desired_check_hooks(b, g->tokens, g->n_tokens, b->diags);
    return desired_merge_group(&b->merge, g, b->diags);
}

static void check_residency(struct desired_build *b, const struct root_item *item)
{
    const struct residency_spec *r = item->spec;

    for (size_t i = 0; i < r->n_groups; i++) {
        const struct root_item *found = desired_root_find(&b->now_root.groups, r->groups[i]);
        const struct group_spec *g = found ? found->spec : NULL;

        check_group_name(&b->now_root, item, "residency", r->groups[i], b->diags);
        if (!g || !g->location || r->n_locations == 0 || strcmp(g->location, "closest") == 0 ||
            has_name(r->locations, r->n_locations, g->location))
            continue;
        diags_error(b->diags, r->at,
                    "residency \"%s\": its group \"%s\" is in %s (%s:%u:%u), which is none of its "
                    "locations",
                    r->name, g->name, g->location, g->at.file, g->at.line, g->at.column);
    }
}

static void check_class(struct desired_build *b, const struct root_item *item)
{
    const struct db_spec *c = item->spec;
    struct merged_db m = {.want = {.group = c->says->group}, .residency = c->says->residency};

    desired_root_place(&b->now_root, item, "class", &m, b->diags);
    desired_check_hooks(b, c->says->tokens, c->says->n_tokens, b->diags);
    desired_merge_check_class(c, b->diags);
}

static void check_api_token(struct desired_build *b, const struct root_item *item)
{
    const struct api_token_spec *t = item->spec;

    if (t->group && !t->token.absent)
        check_group_name(&b->now_root, item, "API token", t->group, b->diags);
    desired_check_hooks(b, &t->token, 1, b->diags);
}

/* All root files name one organization, and it is the daemon's. */
static void check_organization(struct desired_build *b)
{
    const struct manifest *first = NULL;
    const char *ours = b->options->organization;

    for (size_t i = 0; i < b->n_files; i++) {
        const struct manifest *m = b->files[i].now_m;

        if (!m || !m->organization)
            continue;
        if (ours && strcmp(m->organization, ours) != 0)
            diags_error(b->diags, m->organization_at,
                        "organization \"%s\" is not the one that this daemon keeps, \"%s\"",
                        m->organization, ours);
        else if (first && strcmp(m->organization, first->organization) != 0)
            diags_error(b->diags, m->organization_at,
                        "organization \"%s\" is \"%s\" at %s:%u:%u; one manifest is one "
                        "organization",
                        m->organization, first->organization, first->organization_at.file,
                        first->organization_at.line, first->organization_at.column);
        if (!first)
            first = m;
    }
    b->organization = ours ? ours : first ? first->organization : NULL;
}

int desired_root_check(const struct desired_root *root, struct desired_build *b)
{
    int rc = 0;

    check_organization(b);
    check_twice(&root->groups, "group", b->diags);
    check_twice(&root->residencies, "residency", b->diags);
    check_twice(&root->classes, "class", b->diags);
    check_twice(&root->api_tokens, "API token", b->diags);
    check_twice(&root->members, "member", b->diags);
    for (size_t i = 0; rc == 0 && i < root->groups.n; i++)
        rc = check_group(b, &root->groups.items[i]);
    for (size_t i = 0; i < root->residencies.n; i++)
        check_residency(b, &root->residencies.items[i]);
    for (size_t i = 0; i < root->classes.n; i++)
        check_class(b, &root->classes.items[i]);
    for (size_t i = 0; i < root->api_tokens.n; i++)
        check_api_token(b, &root->api_tokens.items[i]);
    return rc;
}

void desired_root_deinit(struct desired_root *root)
{
    mem_free(root->groups.items);
    mem_free(root->residencies.items);
    mem_free(root->classes.items);
    mem_free(root->api_tokens.items);
    mem_free(root->members.items);
    *root = (struct desired_root){0};
}
