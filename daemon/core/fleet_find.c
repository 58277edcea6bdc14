/* fleet_find: one record by what people call it. */
#include <string.h>

#include "core/fleet.h"

static struct token *token_in(struct token *const *tokens, size_t n, const char *short_name)
{
    return short_name ? fleet_token(tokens, n, short_name) : NULL;
}

struct resource *fleet_find(const struct fleet *f, const char *kind, const char *name)
{
    const char *slash = strchr(name, '/');
    size_t n = slash ? (size_t)(slash - name) : strlen(name);
    char target[256];
    struct group *g;
    struct database *d;
    struct token *t = NULL;
    struct api_token *a;
    struct member *m;

    if (strcmp(kind, KIND_NAME[KIND_API_TOKEN]) == 0)
        return (a = fleet_api_token(f, name)) ? &a->t.r : NULL;
    if (strcmp(kind, KIND_NAME[KIND_MEMBER]) == 0)
        return (m = fleet_member(f, name)) ? &m->r : NULL;
    if (n >= sizeof(target))
        return NULL;
    memcpy(target, name, n);
    target[n] = '\0';
    g = fleet_group(f, target);
    d = fleet_database(f, target);
    if (!slash && strcmp(kind, KIND_NAME[KIND_GROUP]) == 0)
        return g ? &g->r : NULL;
    if (!slash && strcmp(kind, KIND_NAME[KIND_DATABASE]) == 0)
        return d ? &d->r : NULL;
    if (g && strcmp(kind, KIND_NAME[KIND_GROUP_TOKEN]) == 0)
        t = token_in(g->tokens, g->n_tokens, slash ? slash + 1 : NULL);
    else if (d && strcmp(kind, KIND_NAME[KIND_TOKEN]) == 0)
        t = token_in(d->tokens, d->n_tokens, slash ? slash + 1 : NULL);
    return t ? &t->r : NULL;
}
