/* fleet_find: one record by its name, or by what people call it. */
#include <string.h>

#include "core/fleet_private.h"
#include "core/fleet_rest.h"

/* --- by name and place, packed or whole --- */

const char *record_name(const struct resource *item)
{
    const struct packed *p = fleet_packed(item);

    return p ? p->bytes : item->name;
}

const char *fleet_database_name(const struct fleet *f, size_t at)
{
    return record_name(f->databases[at]);
}

/* As strcmp; names are short, and most are told apart by their first bytes. */
static int order(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

size_t record_place(struct resource *const *items, size_t n, const char *name)
{
    size_t lo = 0;
    size_t hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (order(record_name(items[mid]), name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct resource *record_find(struct resource *const *items, size_t n, const char *name)
{
    size_t at = record_place(items, n, name);

    return at < n && strcmp(record_name(items[at]), name) == 0 ? items[at] : NULL;
}

size_t fleet_place(const struct fleet *f, const char *name)
{
    return record_place(f->databases, f->n_databases, name);
}

size_t fleet_place_near(const struct fleet *f, const char *name, size_t near)
{
    if (near < f->n_databases && strcmp(fleet_database_name(f, near), name) == 0)
        return near;
    return fleet_place(f, name);
}

/* --- as in a reference --- */

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
