/* sim_platform: the platform as the reconciler's tests need it.
 * In:    calls, in the order in which they arrive.
 * Out:   answers; the truth, for tests to look at.
 * Never: chance, clocks. */
#include "tests/lib/sim_platform.h"

#include "core/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "lib/text.h"

#define RECOVERABLE_MS ((int64_t)5 * 24 * 3600 * 1000)
#define SET(to, from)  snprintf((to), sizeof(to), "%s", (from))

void platform_deinit(struct platform *p)
{
    free(p->tokens);
    free(p->stale);
    p->tokens = NULL;
    p->stale = NULL;
}

/* --- the truth --- */

struct platform_group *platform_group(struct platform *p, const char *name)
{
    for (size_t i = 0; i < p->n_groups; i++)
        if (p->groups[i].live && strcmp(p->groups[i].name, name) == 0)
            return &p->groups[i];
    return NULL;
}

struct platform_db *platform_db(struct platform *p, const char *name)
{
    for (size_t i = 0; i < p->n_databases; i++)
        if (p->databases[i].live && strcmp(p->databases[i].name, name) == 0)
            return &p->databases[i];
    return NULL;
}

size_t platform_databases_in(const struct platform *p, const char *group)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_databases; i++)
        n += p->databases[i].live && strcmp(p->databases[i].group, group) == 0;
    return n;
}

const struct platform_token *platform_token(const struct platform *p, const char *hash_or_jwt)
{
    for (size_t i = 0; i < p->n_tokens; i++)
        if (strcmp(p->tokens[i].hash, hash_or_jwt) == 0 ||
            strcmp(p->tokens[i].jwt, hash_or_jwt) == 0)
            return &p->tokens[i];
    return NULL;
}

struct platform_group *platform_make_group(struct platform *p, const char *name,
                                           const char *location)
{
    struct platform_group *g = &p->groups[p->n_groups++];

    assert_true(p->n_groups <= ARRAY_SIZE(p->groups));
    *g = (struct platform_group){.live = true};
    SET(g->name, name);
    SET(g->locations[0], location);
    snprintf(g->id, sizeof(g->id), "g-%u", ++p->next_id);
    return g;
}

void platform_remember(struct platform *p)
{
    free(p->stale);
    p->stale = calloc(p->n_databases + 1, sizeof(*p->stale));
    assert_non_null(p->stale);
    memcpy(p->stale, p->databases, p->n_databases * sizeof(*p->stale));
    p->n_stale = p->n_databases;
}

void platform_set(struct platform_db *d, enum config_field f, const char *value)
{
    char *end;
    unsigned long n;

    SET(d->config[f], value);
    d->shut[f] = false;
    if (f != CONFIG_SIZE_LIMIT)
        return;
    n = strtoul(value, &end, 10); /* as the platform gives it back: in bytes */
    if (strcmp(end, "mb") == 0)
        snprintf(d->config[f], sizeof(d->config[f]), "%lu", n << 20);
    else if (strcmp(end, "gb") == 0)
        snprintf(d->config[f], sizeof(d->config[f]), "%lu", n << 30);
}

struct platform_db *platform_make_db(struct platform *p, const char *name, const char *group)
{
    struct platform_db *d = &p->databases[p->n_databases++];

    assert_true(p->n_databases <= ARRAY_SIZE(p->databases));
    *d = (struct platform_db){.live = true, .made_ms = p->now_ms};
    SET(d->name, name);
    SET(d->group, group);
    snprintf(d->id, sizeof(d->id), "d-%u", ++p->next_id);
    for (int f = 0; f < CONFIG_N; f++)
        if (CONFIG_FIELD[f].type == CONFIG_TYPE_BOOL)
            SET(d->config[f], "false");
    SET(d->config[CONFIG_SIZE_LIMIT], "0");
    return d;
}

void platform_drop_db(struct platform *p, struct platform_db *d)
{
    d->live = false;
    d->deleted_ms = p->wall_ms;
}

void platform_drop_group(struct platform *p, struct platform_group *g)
{
    g->live = false;
    g->deleted_ms = p->wall_ms;
    for (size_t i = 0; i < p->n_databases; i++)
        if (p->databases[i].live && strcmp(p->databases[i].group, g->name) == 0)
            platform_drop_db(p, &p->databases[i]);
    for (size_t i = 0; i < p->n_api_tokens; i++)
        if (strcmp(p->api_tokens[i].group_id, g->id) == 0)
            p->api_tokens[i].live = false;
}

const struct platform_token *platform_mint(struct platform *p, const char *target_id,
                                           enum authorization authorization, const char *expiration,
                                           const char *permissions)
{
    struct platform_token *t = realloc(p->tokens, (p->n_tokens + 1) * sizeof(*t));
    int64_t life = 0;

    assert_non_null(t);
    p->tokens = t;
    t += p->n_tokens++;
    *t = (struct platform_token){.issued_ms = p->wall_ms, .authorization = authorization};
    SET(t->target_id, target_id);
    SET(t->permissions, permissions ? permissions : "");
    snprintf(t->jwt, sizeof(t->jwt), "jwt-%zu", p->n_tokens);
    snprintf(t->hash, sizeof(t->hash), "hash-%zu", p->n_tokens);
    if (text_parse_duration(expiration, &life))
        t->expires_ms = p->wall_ms + life;
    return t;
}

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
static void rotate(struct platform *p, const char *group)
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
        rotate(p, g->name);
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
        rotate(p, d->group);
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
        answer_config(p->lie == LIE_FENCE ? &before : d, a);
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
            d->live = true;
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

/* --- what it says of itself --- */

void platform_note(struct platform *p, const char *code, const char *name, const char *author)
{
    struct platform_entry *e = &p->entries[p->n_entries++];

    assert_true(p->n_entries < PLATFORM_MAX);
    snprintf(e->code, sizeof(e->code), "%s", code);
    snprintf(e->name, sizeof(e->name), "%s", name);
    snprintf(e->author, sizeof(e->author), "%s", author);
    e->wall_ms = p->wall_ms;
}

static const char *number(struct answer *a, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)n);
    return n ? arena_strdup(&a->arena, text) : NULL;
}

static void say_audit(const struct platform *p, const struct call *c, struct answer *a)
{
    size_t size = p->page ? p->page : 100;
    size_t first = (c->page - 1) * size;
    char at[TEXT_TIME_SIZE];

    a->total_pages = (int64_t)((p->n_entries + size - 1) / size);
    for (size_t i = first; i < p->n_entries && i < first + size; i++) {
        const struct platform_entry *e = &p->entries[p->n_entries - 1 - i];
        struct report_row *row = &a->rows[a->n_rows++];
        size_t whose =
            strncmp(e->code, "group", 5) == 0 ? REPORT_AUDIT_GROUP : REPORT_AUDIT_DATABASE;

        row->cell[REPORT_AUDIT_ACTION] = arena_strdup(&a->arena, e->code);
        row->cell[REPORT_AUDIT_AUTHOR] = arena_strdup(&a->arena, e->author);
        row->cell[REPORT_AUDIT_AT] = arena_strdup(&a->arena, text_time(e->wall_ms, at));
        row->cell[whose] = arena_strdup(&a->arena, e->name);
        row->cell[REPORT_AUDIT_ORIGIN] = "web";
    }
}

static struct report_row *row_of(struct answer *a)
{
    return &a->rows[a->n_rows++];
}

/* Every other database, then the organization itself. */
static void say_usage(const struct platform *p, const struct call *c, struct answer *a)
{
    struct report_row *whole;

    for (size_t i = 0; !c->total_only && i < p->n_databases; i += 2) {
        struct report_row *row = row_of(a);

        row->cell[REPORT_USAGE_ID] = arena_strdup(&a->arena, p->databases[i].id);
        row->cell[REPORT_USAGE_STORAGE] = number(a, 4096 + (int64_t)i);
    }
    whole = row_of(a);
    whole->cell[REPORT_USAGE_DATABASES] = number(a, (int64_t)p->n_databases);
    whole->cell[REPORT_USAGE_READ] = number(a, p->spent);
}

static void say_places(struct answer *a)
{
    static const char *const CODES[] = {"lhr", "aws-us-east-1", "aws-eu-west-1", "gcp-zz-1"};

    for (size_t i = 0; i < ARRAY_SIZE(CODES); i++)
        row_of(a)->cell[REPORT_LOCATION_CODE] = CODES[i];
}

static void say_people(const struct platform *p, enum call_kind kind, struct answer *a)
{
    struct report_row *row = row_of(a);

    if (kind == CALL_REPORT_MEMBERS) {
        row->cell[REPORT_MEMBER_EMAIL] = "jo@example.com";
        row->cell[REPORT_MEMBER_ROLE] = "owner";
        row = row_of(a);
        row->cell[REPORT_MEMBER_EMAIL] = "robot@example.com";
        row->cell[REPORT_MEMBER_USERNAME] = "robot";
        row->cell[REPORT_MEMBER_ROLE] = *p->own_role ? p->own_role : "admin";
    } else if (kind == CALL_REPORT_OWN_TOKENS) {
        row->cell[REPORT_OWN_TOKEN_ID] = "k-0";
        row->cell[REPORT_OWN_TOKEN_ORGANIZATION] = p->own_is_unrestricted ? NULL : "acme";
        row->cell[REPORT_OWN_TOKEN_GROUP] = *p->own_group ? p->own_group : NULL;
        row->cell[REPORT_OWN_TOKEN_SCOPES] = *p->own_scopes ? p->own_scopes : NULL;
    } else if (kind == CALL_REPORT_INVITES) {
        row->cell[REPORT_INVITE_EMAIL] = "al@example.com";
    } else if (kind == CALL_REPORT_TOKENS) {
        row->cell[REPORT_TOKEN_NAME] = "ci";
        row->cell[REPORT_TOKEN_ID] = "k-1";
        row->cell[REPORT_TOKEN_SCOPES] = "read,db:create";
    } else {
        row->cell[REPORT_ORGANIZATION_SLUG] = "acme";
        row->cell[REPORT_ORGANIZATION_OVERAGES] = "true";
    }
}

static void say_plan(const struct platform *p, enum call_kind kind, struct answer *a)
{
    struct report_row *row = row_of(a);

    if (kind == CALL_REPORT_SUBSCRIPTION) {
        row->cell[REPORT_SUBSCRIPTION_PLAN] = "Small";
        row->cell[REPORT_SUBSCRIPTION_OVERAGES] = p->overages ? "true" : "false";
        return;
    }
    row->cell[REPORT_PLAN_NAME] = "small";
    row->cell[REPORT_PLAN_DATABASES] = number(a, p->quota_databases);
    row->cell[REPORT_PLAN_GROUPS] = number(a, p->quota_groups);
    row->cell[REPORT_PLAN_READ] = "1000";
    row_of(a)->cell[REPORT_PLAN_NAME] = "large";
}

static void report(const struct platform *p, const struct call *c, struct answer *a)
{
    a->rows = arena_alloc(&a->arena, (p->n_entries + p->n_databases + 8) * sizeof(*a->rows));
    switch (c->kind) {
    case CALL_REPORT_AUDIT:
        say_audit(p, c, a);
        return;
    case CALL_REPORT_SUBSCRIPTION:
    case CALL_REPORT_PLANS:
        say_plan(p, c->kind, a);
        return;
    case CALL_REPORT_USAGE:
        say_usage(p, c, a);
        return;
    case CALL_REPORT_DATABASE_USAGE:
        row_of(a)->cell[REPORT_USAGE_STORAGE] = "1";
        return;
    case CALL_REPORT_LOCATIONS:
        say_places(a);
        return;
    default:
        say_people(p, c->kind, a);
    }
}

static void probe(struct platform *p, const struct call *c, struct answer *a)
{
    const struct platform_db *d = platform_db(p, c->name);
    const struct platform_token *t = platform_token(p, c->token_hash);
    bool opens = d && t && !t->dead && strcmp(t->target_id, d->id) == 0 &&
                 (!t->expires_ms || t->expires_ms > p->wall_ms);

    a->outcome = !d ? OUTCOME_NOT_FOUND : opens ? OUTCOME_OK : OUTCOME_UNAUTHORIZED;
}

static void carry_out(struct platform *p, const struct call *c, struct answer *a)
{
    a->outcome = OUTCOME_OK;
    if (REPORT[c->kind].list) {
        report(p, c, a);
        return;
    }
    if (platform_people_call(p, c, a) || platform_seeds_call(p, c, a))
        return;
    switch (c->kind) {
    case CALL_DATABASE_PROBE:
        probe(p, c, a);
        return;
    case CALL_ORGANIZATION_GET:
        a->organization_slug = p->lie == LIE_ORGANIZATION ? "other" : "acme";
        a->organization_id = p->recovers ? "o-1" : NULL;
        return;
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
    case CALL_LOCATION_CLOSEST:
        a->location = "aws-eu-west-1";
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

/* --- faults --- */

struct platform_fault *platform_fault(struct platform *p, const struct call *c)
{
    for (size_t i = 0; i < p->n_faults; i++) {
        struct platform_fault *f = &p->faults[i];

        if (f->times && f->kind == c->kind &&
            (!*f->name || (c->name && strcmp(f->name, c->name) == 0)))
            return f;
    }
    return NULL;
}

static int status_of(enum outcome o)
{
    static const int STATUS[OUTCOME_N] = {
        [OUTCOME_OK] = 200,          [OUTCOME_MALFORMED] = 200,    [OUTCOME_THROTTLED] = 429,
        [OUTCOME_UNAVAILABLE] = 503, [OUTCOME_UNAUTHORIZED] = 401, [OUTCOME_FORBIDDEN] = 403,
        [OUTCOME_PLAN] = 402,        [OUTCOME_NOT_FOUND] = 404,    [OUTCOME_CONFLICT] = 409,
        [OUTCOME_INVALID] = 400};

    return STATUS[o];
}

/* It may be sent while nothing is wrong: tokens grow old. */
static bool is_renewal(const struct call *c)
{
    return c->kind == CALL_DATABASE_TOKEN || c->kind == CALL_GROUP_TOKEN ||
           c->kind == CALL_API_TOKEN_CREATE || c->kind == CALL_API_TOKEN_REVOKE;
}

/* 404 to a read of what is there, or to its end. */
static void note_denied(struct platform *p, const struct call *c, enum outcome o)
{
    struct platform_group *g = c->name ? platform_group(p, c->name) : NULL;
    struct platform_db *d = c->name ? platform_db(p, c->name) : NULL;

    if (o == OUTCOME_NOT_FOUND && c->kind == CALL_GROUP_GET && g)
        g->was_hidden = true;
    if (o == OUTCOME_NOT_FOUND && c->kind == CALL_DATABASE_GET && d)
        d->was_hidden = true;
    for (size_t i = 0;
         o == OUTCOME_NOT_FOUND && c->kind == CALL_API_TOKEN_REVOKE && i < p->n_api_tokens; i++)
        if (strcmp(p->api_tokens[i].id, c->target_id) == 0)
            p->api_tokens[i].was_hidden = true;
}

struct answer *platform_call(struct platform *p, const struct call *c)
{
    struct platform_fault *f = platform_fault(p, c);
    struct answer *a = answer_new(c);

    assert_non_null(a);
    p->writes += strcmp(CALL_INFO[c->kind].method, "GET") != 0;
    p->mints += is_renewal(c);
    if (!f || f->committed || f->is_honest)
        carry_out(p, c, a);
    if (f && f->is_honest)
        f->times -= f->times > 0;
    else if (f) {
        note_denied(p, c, f->outcome);
        answer_free(a);
        a = answer_new(c);
        assert_non_null(a);
        a->outcome = f->outcome;
        a->retry_after_ms = f->retry_after_ms;
        SET(a->error, f->says);
        f->times -= f->times > 0;
    }
    a->http_status = status_of(a->outcome);
    a->date_ms = p->wall_ms;
    return a;
}

void platform_call_late(struct platform *p, const struct call *c)
{
    struct platform_db *d = c->kind == CALL_DATABASE_CREATE ? platform_db(p, c->name) : NULL;
    struct platform_group *g = c->kind == CALL_GROUP_CREATE ? platform_group(p, c->name) : NULL;
    struct answer *a = answer_new(c);

    assert_non_null(a);
    p->mints += is_renewal(c);
    carry_out(p, c, a);
    if (!d && c->kind == CALL_DATABASE_CREATE && (d = platform_db(p, c->name)))
        d->was_hidden = true; /* who read before that did not find it */
    if (!g && c->kind == CALL_GROUP_CREATE && (g = platform_group(p, c->name)))
        g->was_hidden = true;
    answer_free(a);
}
