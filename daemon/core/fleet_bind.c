/* fleet_bind: records get their entries: all of a manifest, or of databases what came and what went
 * since the last one. What is packed is opened for it only where there is something to compare. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/fleet_private.h"
#include "core/fleet_rest.h"
#include "lib/mem.h"

/* --- one record --- */

void bind_resource(struct resource *r, const struct source *at, uint64_t digest)
{
    r->source = at ? *at : (struct source){0};
    r->edited = r->edited || (digest && r->digest && digest != r->digest);
    r->digest = digest;
}

/* e: a database's; NULL: the places of the wants are what they say. */
static bool bind_tokens(struct resource *target, struct token ***tokens, size_t *n,
                        const struct token_want *wants, size_t n_wants, const struct db_entry *e)
{
    enum kind kind = target->kind == KIND_GROUP ? KIND_GROUP_TOKEN : KIND_TOKEN;

    for (size_t i = 0; i < *n; i++) {
        (*tokens)[i]->want = NULL;
        bind_resource(&(*tokens)[i]->r, NULL, 0);
    }
    for (size_t i = 0; i < n_wants; i++) {
        struct token *t = fleet_add_token(kind, target, tokens, n, wants[i].name);
        struct source at = e ? desired_token_at(e, &wants[i]) : wants[i].at;

        if (!t)
            return false;
        if (!wants[i].file || !t->held.file || strcmp(wants[i].file, t->held.file) != 0)
            t->file_asked = false;
        t->want = &wants[i];
        bind_resource(&t->r, &at, target->digest);
    }
    return true;
}

static void point_at(struct resource *r, const struct source *at, uint64_t digest)
{
    r->source = at ? *at : (struct source){0};
    r->digest = digest;
}

bool fleet_point(struct database *d, const struct db_entry *e)
{
    const struct db_want *w = e ? db_entry_want(e) : NULL;
    struct source at = e ? db_entry_at(e) : (struct source){0};

    d->want = w;
    point_at(&d->r, &at, w ? w->digest : 0);
    for (size_t i = 0; i < (w ? w->n_tokens : 0); i++) {
        struct token *t = fleet_token(d->tokens, d->n_tokens, w->tokens[i].name);
        struct source at_token = desired_token_at(e, &w->tokens[i]);

        if (!t)
            return false;
        t->want = &w->tokens[i];
        point_at(&t->r, &at_token, d->r.digest);
    }
    return true;
}

static bool bind_group(struct group *g, const struct group_want *w)
{
    g->want = w;
    if (w && g->r.digest != w->digest)
        g->contended = false;
    bind_resource(&g->r, w ? &w->at : NULL, w ? w->digest : 0);
    return bind_tokens(&g->r, &g->tokens, &g->n_tokens, w ? w->tokens : NULL, w ? w->n_tokens : 0,
                       NULL);
}

bool fleet_bind_database(struct database *d, const struct db_entry *e)
{
    const struct db_want *w = e ? db_entry_want(e) : NULL;
    struct source at = e ? db_entry_at(e) : (struct source){0};

    if (w && (!d->want || d->r.digest != w->digest)) {
        d->refused_fields = 0;
        d->contended_fields = 0;
        d->one_field = false;
        d->r.retry_ms = 0; /* an edit is tried at once */
    }
    d->want = w;
    d->placed = NULL;
    bind_resource(&d->r, &at, w ? w->digest : 0);
    return bind_tokens(&d->r, &d->tokens, &d->n_tokens, w ? w->tokens : NULL, w ? w->n_tokens : 0,
                       e);
}

/* --- databases, most of them packed --- */

static bool say_the_same(const struct db_entry *a, const struct db_entry *b)
{
    return a && b ? db_entry_want(a)->digest == db_entry_want(b)->digest : a == b;
}

/* There is nothing of before to compare with, and no token that it does not have. */
static bool is_bound_later(const struct packed *p, unsigned flags, const struct db_entry *e)
{
    return !p->entry && e && (flags & PACKED_TOKENS || !db_entry_want(e)->n_tokens);
}

/* Its entry is now `e` of `d`; NULL: none. */
static bool bind_one(struct fleet *f, size_t at, const struct desired *d, const struct db_entry *e)
{
    const struct db_entry *old = f->rest->entries;
    struct packed *p = fleet_packed(f->databases[at]);
    struct visit v;

    if (p && say_the_same(p->entry ? &old[p->entry - 1] : NULL, e)) {
        p->entry = e ? (uint32_t)(e - d->databases) + 1 : 0;
        return true;
    }
    if (p && is_bound_later(p, f->flags[at], e)) {
        p->entry = (uint32_t)(e - d->databases) + 1;
        f->flags[at] &= (uint16_t)~PACKED_STEADY;
        f->flags[at] |= PACKED_UNBOUND | (want_expires(db_entry_want(e)) ? PACKED_ENDS : 0);
        return true;
    }
    v = fleet_open(f, at);
    if (!v.d || !fleet_bind_database(v.d, e)) {
        f->rest->failed = true; /* some have entries of the one, some of the other */
        return false;
    }
    v.d->rest.entry = e;
    v.d->rest.flags &= ~(unsigned)PACKED_STEADY; /* the rest is what it was opened from */
    fleet_close_bound(f, at, &v, d->databases);
    return true;
}

bool fleet_bind_databases(struct fleet *f, const struct desired *d)
{
    for (size_t i = 0, j = 0; i < f->n_databases; i++) {
        bool wanted =
            j < d->n_databases && strcmp(fleet_database_name(f, i), d->databases[j].name) == 0;

        if (!bind_one(f, i, d, wanted ? &d->databases[j] : NULL))
            return false;
        j += wanted;
    }
    f->rest->entries = d->databases;
    return true;
}

/* The records' entries are of that list; NULL: no. */
static bool is_bound_to(const struct fleet *f, const struct db_entry *entries)
{
    return entries && f->rest->entries == entries;
}

/* The same entry, in another list and by so many places further on. */
static bool shift_one(struct fleet *f, size_t at, const struct desired *d, ptrdiff_t by)
{
    struct database *whole = fleet_whole(f, at);
    const struct db_entry *old = f->rest->entries;

    if (whole)
        return bind_one(f, at, d,
                        whole->rest.entry ? d->databases + (whole->rest.entry - old) + by : NULL);
    if (by != 0 && fleet_packed(f->databases[at])->entry)
        fleet_packed(f->databases[at])->entry += (uint32_t)by;
    return true;
}

/* The same as fleet_bind_databases, where they are bound to what `d` was made from: a walk over all
 * records, in which what came (each has a record) and what went goes along. What is packed and has
 * the entry that it had is not looked at. */
static bool exchange_databases(struct fleet *f, const struct desired *d)
{
    const struct db_entry *old = f->rest->entries;
    size_t went = 0;
    size_t came = 0;
    size_t next_went = d->went.n ? fleet_place(f, old[d->went.items[0]].name) : SIZE_MAX;
    size_t next_came = d->came.n ? fleet_place(f, d->databases[d->came.items[0]].name) : SIZE_MAX;
    bool ok = true;

    for (size_t i = 0; ok && i < f->n_databases; i++) {
        const struct db_entry *e = i == next_came ? &d->databases[d->came.items[came++]] : NULL;

        if (i == next_came || i == next_went)
            ok = bind_one(f, i, d, e);
        else if (!fleet_is_packed(f, i) || came != went)
            ok = shift_one(f, i, d, (ptrdiff_t)came - (ptrdiff_t)went);
        if (e)
            next_came = came < d->came.n ? fleet_place(f, d->databases[d->came.items[came]].name)
                                         : SIZE_MAX;
        if (i == next_went)
            next_went =
                ++went < d->went.n ? fleet_place(f, old[d->went.items[went]].name) : SIZE_MAX;
    }
    f->rest->entries = d->databases;
    return ok;
}

/* --- all --- */

/* Those that came are given a record, or all. */
static bool add_wanted(struct fleet *f, const struct desired *d, bool all)
{
    size_t n = all ? d->n_databases : d->came.n;
    const char **names = mem_alloc(n * sizeof(char *));
    bool ok = names;

    for (size_t i = 0; ok && i < n; i++)
        names[i] = d->databases[all ? i : d->came.items[i]].name;
    ok = ok && fleet_add_databases(f, names, n);
    mem_free((void *)names);
    return ok;
}

/* The names of an array of structs that begin with their name. */
static const char **names_of(const void *items, size_t n, size_t size)
{
    const char **names = mem_alloc(n * sizeof(char *));

    for (size_t i = 0; names && i < n; i++)
        memcpy(&names[i], (const char *)items + i * size, sizeof(char *));
    return names;
}

_Static_assert(offsetof(struct db_entry, name) == 0 && offsetof(struct group_want, name) == 0,
               "names_of");

bool fleet_bind(struct fleet *f, const struct desired *d)
{
    const char **names = names_of(d->groups, d->n_groups, sizeof(*d->groups));
    bool ok = names && fleet_add_groups(f, names, d->n_groups);

    mem_free((void *)names);
    ok = ok && add_wanted(f, d, !is_bound_to(f, d->was));
    for (size_t i = 0, j = 0; ok && i < f->n_groups; i++) {
        bool wanted = j < d->n_groups && strcmp(f->groups[i]->r.name, d->groups[j].name) == 0;

        ok = bind_group(f->groups[i], wanted ? &d->groups[j++] : NULL);
    }
    if (ok && is_bound_to(f, d->was))
        ok = exchange_databases(f, d);
    else
        ok = ok && fleet_bind_databases(f, d);
    return ok && fleet_bind_api_tokens(f, d) && fleet_bind_members(f, d);
}
