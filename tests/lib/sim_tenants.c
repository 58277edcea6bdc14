/* sim_tenants: the simulated platform's groups and databases, with their tokens, and what was
 * deleted.
 * In:    calls that arrive. Out: the truth, changed; answers, with what lists lie about.
 * Never: chance, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "tests/lib/sim_platform.h"

#define RECOVERABLE_MS ((int64_t)5 * 24 * 3600 * 1000)
#define SET(to, from)  snprintf((to), sizeof(to), "%s", (from))

/* --- answers --- */

static int8_t flag(const char *value)
{
    return strcmp(value, "true") == 0;
}

static void say_db(struct answer *a, const struct platform_db *d, bool all)
{
    struct live_db *to = &a->databases[a->n_databases++];

    *to = (struct live_db){.name = arena_strdup(&a->arena, d->name),
                           .id = arena_strdup(&a->arena, d->id),
                           .hostname = arena_strdup(&a->arena, d->name),
                           .block_reads = -1,
                           .block_writes = -1,
                           .delete_protection = -1,
                           .archived = -1};
    if (!all)
        return;
    to->group = arena_strdup(&a->arena, d->group);
    to->parent_id = *d->parent_id ? arena_strdup(&a->arena, d->parent_id) : NULL;
    to->block_reads = flag(d->config[CONFIG_BLOCK_READS]);
    to->block_writes = flag(d->config[CONFIG_BLOCK_WRITES]);
    to->delete_protection = flag(d->config[CONFIG_DELETE_PROTECTION]);
}

static void answer_database(struct platform *p, struct answer *a, const char *name, bool all)
{
    struct platform_db *d = platform_db(p, name);

    if (!d) {
        a->outcome = OUTCOME_NOT_FOUND;
        return;
    }
    a->databases = arena_alloc(&a->arena, sizeof(*a->databases));
    say_db(a, d, all);
}

/* Is it left out of the list for a lie? */
static bool is_hidden(const struct platform *p, const char *name, size_t shown)
{
    return p->lie == LIE_EMPTY || (p->lie == LIE_HIDE && strcmp(p->lie_name, name) == 0) ||
           (p->lie == LIE_SHORT && shown >= p->lie_number);
}

/* A list as it was does not show what came since. */
static void hide_later(struct platform *p)
{
    for (size_t i = 0; i < p->n_databases; i++)
        if (i >= p->n_stale || !p->stale[i].live)
            p->databases[i].was_hidden = true;
}

/* The first that is live and called otherwise. */
static const struct platform_db *any_other(const struct platform_db *all, size_t n,
                                           const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].live && strcmp(all[i].name, name) != 0)
            return &all[i];
    return NULL;
}

static void lend_id(const struct platform *p, struct answer *a, const struct platform_db *all,
                    size_t n)
{
    const struct platform_db *other = any_other(all, n, p->lie_name);

    for (size_t k = 0; other && k < a->n_databases; k++)
        if (strcmp(a->databases[k].name, p->lie_name) == 0)
            a->databases[k].id = arena_strdup(&a->arena, other->id);
}

static void answer_databases(struct platform *p, const struct call *c, struct answer *a)
{
    size_t from = c->cursor ? (size_t)strtoul(c->cursor, NULL, 10) : 0;
    bool is_stale = p->lie == LIE_STALE && p->stale;
    const struct platform_db *all = is_stale ? p->stale : p->databases;
    size_t n = is_stale ? p->n_stale : p->n_databases;
    size_t i = from;

    if (is_stale)
        hide_later(p);
    a->databases = arena_alloc(&a->arena, (2 * n + 1) * sizeof(*a->databases));
    for (; i < n && (!p->page || i < from + p->page); i++) {
        const struct platform_db *d = &all[i];

        if (!d->live)
            continue;
        if (is_hidden(p, d->name, a->n_databases)) {
            p->databases[i].was_hidden = true;
            continue;
        }
        say_db(a, d, true);
        if (p->lie == LIE_TWICE && strcmp(p->lie_name, d->name) == 0)
            say_db(a, d, true);
    }
    for (size_t k = 0; p->lie == LIE_AGAIN && i == n && k < n; k++)
        if (all[k].live && strcmp(all[k].name, p->lie_name) == 0)
            say_db(a, &all[k], true);
    if (p->lie == LIE_LENT)
        lend_id(p, a, all, n);
    for (size_t k = 1; p->lie == LIE_SAME_ID && k < a->n_databases; k++)
        a->databases[k].id = a->databases[0].id;
    if (p->lie == LIE_CURSOR) {
        a->next_cursor = arena_strdup(&a->arena, "0");
    } else if (i < n) {
        char cursor[24];

        snprintf(cursor, sizeof(cursor), "%zu", i);
        a->next_cursor = arena_strdup(&a->arena, cursor);
    }
}

static void say_group(struct answer *a, const struct platform_group *g)
{
    struct live_group *to = &a->groups[a->n_groups++];

    *to = (struct live_group){.name = arena_strdup(&a->arena, g->name),
                              .id = arena_strdup(&a->arena, g->id),
                              .primary = arena_strdup(&a->arena, g->locations[0]),
                              .locations =
                                  arena_alloc(&a->arena, sizeof(char *) * ARRAY_SIZE(g->locations)),
                              .delete_protection = g->protection,
                              .archived = g->archived};
    for (size_t i = 0; i < ARRAY_SIZE(g->locations) && *g->locations[i]; i++)
        to->locations[to->n_locations++] = arena_strdup(&a->arena, g->locations[i]);
}

static void answer_groups(struct platform *p, struct answer *a, const char *name)
{
    a->groups = arena_alloc(&a->arena, (p->n_groups + 1) * sizeof(*a->groups));
    for (size_t i = 0; i < p->n_groups; i++) {
        struct platform_group *g = &p->groups[i];
        bool hidden = !name && is_hidden(p, g->name, 0);

        g->was_hidden = g->was_hidden || hidden;
        if (g->live && (name ? strcmp(g->name, name) == 0 : !hidden))
            say_group(a, g);
    }
    if (name && !a->n_groups)
        a->outcome = OUTCOME_NOT_FOUND;
}

static void answer_config(const struct platform_db *d, struct answer *a)
{
    for (int f = 0; f < CONFIG_N; f++)
        a->config.value[f] = arena_strdup(&a->arena, d->config[f]);
}

static void answer_token(struct platform *p, const struct call *c, const char *target_id,
                         struct answer *a)
{
    const struct platform_token *t =
        platform_mint(p, target_id, c->authorization, c->expiration, c->permissions);
    struct platform_token *made = &p->tokens[p->n_tokens - 1];

    made->by_daemon = true;
    made->is_group = c->kind == CALL_GROUP_TOKEN;
    SET(made->target, c->name);
    a->token = (struct live_token){.jwt = mem_strdup(t->jwt),
                                   .jwt_size = strlen(t->jwt),
                                   .issued_ms = t->issued_ms,
                                   .expires_ms = t->expires_ms,
                                   .target_id = arena_strdup(&a->arena, t->target_id),
                                   .read_only = t->authorization == AUTH_READ_ONLY};
    SET(a->token.hash, t->hash);
}

/* --- carrying out --- */

/* The keys of a group are its databases' too. */
void platform_rotate(struct platform *p, const char *group)
{
    const struct platform_group *g = platform_group(p, group);

    for (size_t i = 0; i < p->n_tokens; i++) {
        struct platform_token *t = &p->tokens[i];

        t->dead = t->dead || (g && strcmp(t->target_id, g->id) == 0);
        for (size_t k = 0; k < p->n_databases; k++)
            t->dead = t->dead || (strcmp(p->databases[k].group, group) == 0 &&
                                  strcmp(t->target_id, p->databases[k].id) == 0);
    }
}

static void on_group(struct platform *p, const struct call *c, struct answer *a)
{
    struct platform_group *g = platform_group(p, c->name);
    size_t n = 0;

    if (c->kind == CALL_GROUP_CREATE) {
        a->outcome = g ? OUTCOME_CONFLICT : OUTCOME_OK;
        if (!g)
            platform_make_group(p, c->name, c->location)->by_daemon = true;
    } else if (!g) {
        a->outcome = OUTCOME_NOT_FOUND;
    } else if (c->kind == CALL_GROUP_CONFIGURE) {
        g->protection = flag(c->config[CONFIG_DELETE_PROTECTION]);
        a->config.value[CONFIG_DELETE_PROTECTION] = g->protection ? "true" : "false";
        return;
    } else if (c->kind == CALL_GROUP_TOKEN) {
        answer_token(p, c, g->id, a);
        return;
    } else if (c->kind == CALL_GROUP_ROTATE) {
        platform_rotate(p, g->name);
        return;
    } else if (c->kind == CALL_GROUP_DELETE) {
        platform_drop_group(p, g);
        return;
    } else if (c->kind == CALL_GROUP_UNARCHIVE) {
        g->archived = false;
    }
    while (g && n < ARRAY_SIZE(g->locations) && *g->locations[n] &&
           !(c->kind == CALL_LOCATION_REMOVE && strcmp(g->locations[n], c->location) == 0))
        n++;
    if (g && c->kind == CALL_LOCATION_ADD)
        SET(g->locations[n], c->location);
    else if (g && c->kind == CALL_LOCATION_REMOVE)
        memmove(g->locations[n], g->locations[n + 1], (ARRAY_SIZE(g->locations) - n - 1) * 32);
    if (a->outcome == OUTCOME_OK)
        answer_groups(p, a, c->name);
}

static void create_database(struct platform *p, const struct call *c, struct answer *a)
{
    const struct platform_db *seed = c->seed_database ? platform_db(p, c->seed_database) : NULL;
    struct platform_db *d = platform_db(p, c->name);

    if (d) {
        a->outcome = OUTCOME_CONFLICT;
        return;
    }
    if (!platform_group(p, c->group) || (c->seed_database && !seed)) {
        a->outcome = OUTCOME_INVALID;
        return;
    }
    d = platform_make_db(p, c->name, c->group);
    d->by_daemon = true;
    d->use_tursodb = c->use_tursodb;
    d->is_draft = c->as_draft;
    SET(d->parent_id, seed ? seed->id : "");
    p->made++;
    answer_database(p, a, c->name, false);
}

static bool is_group_protected(struct platform *p, const char *name)
{
    const struct platform_group *g = platform_group(p, name);

    return g && g->protection;
}

static bool blocks_both(const struct platform_db *d)
{
    return flag(d->config[CONFIG_BLOCK_READS]) && flag(d->config[CONFIG_BLOCK_WRITES]);
}

/* A fence goes up, or comes down; what stood before it is not of its doing. */
static void note_shut(struct platform_db *d, const struct platform_db *before, const struct call *c)
{
    bool fence = c->config[CONFIG_BLOCK_READS] && c->config[CONFIG_BLOCK_WRITES] && blocks_both(d);

    for (int f = CONFIG_BLOCK_READS; f <= CONFIG_BLOCK_WRITES; f++)
        if (fence)
            d->shut[f] = before->shut[f] || !flag(before->config[f]);
        else if (c->config[f])
            d->shut[f] = false;
}

static void on_database(struct platform *p, const struct call *c, struct answer *a)
{
    struct platform_db *d = platform_db(p, c->name);
    struct platform_db before;

    if (!d) {
        a->outcome = OUTCOME_NOT_FOUND;
        return;
    }
    before = *d;
    if (c->kind == CALL_DATABASE_TOKEN) {
        answer_token(p, c, d->id, a);
    } else if (c->kind == CALL_DATABASE_ROTATE) {
        platform_rotate(p, d->group);
    } else if (c->kind == CALL_DATABASE_DELETE) {
        if (flag(d->config[CONFIG_DELETE_PROTECTION]) || is_group_protected(p, d->group))
            a->outcome = OUTCOME_INVALID;
        else
            platform_drop_db(p, d);
    } else {
        for (int f = 0; f < CONFIG_N; f++)
            if (c->config[f])
                platform_set(d, (enum config_field)f, c->config[f]);
        if (c->config[CONFIG_BLOCK_WRITES])
            d->given_back = !flag(c->config[CONFIG_BLOCK_WRITES]);
        note_shut(d, &before, c);
        for (int f = 0; f < CONFIG_N; f++)
            d->moved[f] = d->moved[f] || (p->lie == LIE_FENCE && c->config[f]);
        answer_config(p->lie == LIE_FENCE ? &before : d, a);
        if (p->lie == LIE_MUTE)
            a->config.value[CONFIG_SIZE_LIMIT] = NULL;
    }
}

/* --- what was deleted --- */

static bool is_recoverable(const struct platform *p, bool live, int64_t deleted_ms)
{
    return !live && p->wall_ms - deleted_ms < RECOVERABLE_MS;
}

static void list_deleted(struct platform *p, const struct call *c, struct answer *a)
{
    a->databases = arena_alloc(&a->arena, (p->n_databases + 1) * sizeof(*a->databases));
    a->groups = arena_alloc(&a->arena, (p->n_groups + 1) * sizeof(*a->groups));
    for (size_t i = 0; c->kind == CALL_DELETED_DATABASES_LIST && i < p->n_databases; i++) {
        const struct platform_db *d = &p->databases[i];

        if (!is_recoverable(p, d->live, d->deleted_ms))
            continue;
        say_db(a, d, true);
        a->databases[a->n_databases - 1].deleted_ms = d->deleted_ms;
    }
    for (size_t i = 0; c->kind == CALL_DELETED_GROUPS_LIST && i < p->n_groups; i++) {
        const struct platform_group *g = &p->groups[i];

        if (!is_recoverable(p, g->live, g->deleted_ms))
            continue;
        say_group(a, g);
        a->groups[a->n_groups - 1].deleted_ms = g->deleted_ms;
    }
}

static void restore(struct platform *p, const struct call *c, struct answer *a)
{
    if (c->kind == CALL_GROUP_RESTORE && platform_group(p, c->name)) {
        a->outcome = OUTCOME_CONFLICT;
        return;
    }
    a->outcome = OUTCOME_NOT_FOUND;
    for (size_t i = 0; i < p->n_databases; i++) {
        struct platform_db *d = &p->databases[i];
        struct platform_group *g = platform_group(p, d->group);
        bool meant = c->kind == CALL_DATABASE_RESTORE ? strcmp(d->id, c->target_id) == 0
                                                      : strcmp(d->group, c->name) == 0;

        if (meant && (g || c->kind == CALL_GROUP_RESTORE) && !platform_db(p, d->name) &&
            is_recoverable(p, d->live, d->deleted_ms)) {
            d->live = d->was_hidden = true; /* who read before that did not find it */
            a->n_restored++;
            a->outcome = OUTCOME_OK;
        }
    }
    for (size_t i = 0; c->kind == CALL_GROUP_RESTORE && i < p->n_groups; i++) {
        struct platform_group *g = &p->groups[i];

        if (strcmp(g->id, c->target_id) != 0 || !is_recoverable(p, g->live, g->deleted_ms))
            continue;
        g->live = true;
        a->outcome = OUTCOME_OK;
    }
}

static void recover(struct platform *p, const struct call *c, struct answer *a)
{
    if (!p->recovers)
        a->outcome = OUTCOME_FORBIDDEN;
    else if (strcmp(CALL_INFO[c->kind].method, "GET") == 0)
        list_deleted(p, c, a);
    else
        restore(p, c, a);
}

/* --- all of them --- */

void platform_tenant_call(struct platform *p, const struct call *c, struct answer *a)
{
    switch (c->kind) {
    case CALL_GROUPS_LIST:
    case CALL_GROUP_GET:
        answer_groups(p, a, c->name);
        return;
    case CALL_DELETED_DATABASES_LIST:
    case CALL_DELETED_GROUPS_LIST:
    case CALL_DATABASE_RESTORE:
    case CALL_GROUP_RESTORE:
        recover(p, c, a);
        return;
    case CALL_DATABASES_LIST:
        answer_databases(p, c, a);
        return;
    case CALL_DATABASE_GET:
        answer_database(p, a, c->name, true);
        return;
    case CALL_DATABASE_CREATE:
        create_database(p, c, a);
        return;
    case CALL_DATABASE_CONFIG_GET:
    case CALL_DATABASE_CONFIGURE:
    case CALL_DATABASE_DELETE:
    case CALL_DATABASE_TOKEN:
    case CALL_DATABASE_ROTATE:
        on_database(p, c, a);
        return;
    default:
        on_group(p, c, a);
    }
}
