/* sim_platform: the platform as the reconciler's tests need it.
 * In:    calls, in the order in which they arrive.
 * Out:   answers; the truth, for tests to look at.
 * Never: chance, clocks. */
#include "tests/lib/sim_platform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/report.h"
#include "lib/text.h"

#define SET(to, from) snprintf((to), sizeof(to), "%s", (from))

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
/* --- calls --- */

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
        platform_report(p, c, a);
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
    case CALL_LOCATION_CLOSEST:
        a->location = "aws-eu-west-1";
        return;
    default:
        platform_tenant_call(p, c, a);
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

/* Hosts are asked by POST. */
static bool is_write(const struct call *c)
{
    return strcmp(CALL_INFO[c->kind].method, "GET") != 0 && c->kind != CALL_DATABASE_PROBE &&
           c->kind != CALL_DATABASE_ASK;
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
    p->writes += is_write(c);
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
        d->was_hidden = d->came_late = true; /* who read before that did not find it */
    if (!g && c->kind == CALL_GROUP_CREATE && (g = platform_group(p, c->name)))
        g->was_hidden = true;
    answer_free(a);
}
