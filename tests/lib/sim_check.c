/* sim_check: the rules that hold whatever happens: nothing is removed that is not ours, unwanted,
 * allowed, fenced and kept for its grace; nothing is made twice; nothing is sent unremembered.
 * In:    calls as they go out and as they arrive. Out: the first broken rule. Never: repairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/guard.h"
#include "tests/lib/sim.h"

#define JUST_BEFORE_MS (31 * 1000)
#define TOMBSTONE_MS   ((int64_t)5 * 24 * 3600 * 1000)

void sim_break(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (*s->broken)
        return;
    va_start(ap, fmt);
    vsnprintf(s->broken, sizeof(s->broken), fmt, ap);
    va_end(ap);
    sim_say(s, "!! %s", s->broken);
}

static bool is(const char *text, const char *what)
{
    return text && strcmp(text, what) == 0;
}

/* --- wanted? --- */

static bool is_expired(const struct sim *s, const struct db_entry *e, const struct owned *own)
{
    int64_t since;

    if (e->want->expires_at_ms)
        return s->wall_ms >= e->want->expires_at_ms || own->expired;
    since = own->since > own->expires_since ? own->since : own->expires_since;
    return e->want->expires_after_ms &&
           (s->wall_ms >= since + e->want->expires_after_ms || own->expired);
}

/* Why that database may go; NULL: it may not. */
static const char *may_go(const struct sim *s, const char *name, const struct owned *own)
{
    const struct db_entry *e = s->has_want ? desired_database(&s->want, name) : NULL;

    if (!s->has_want)
        return NULL;
    if (e && e->want->absent)
        return "absent";
    if (e)
        return is_expired(s, e, own) ? "expired" : NULL;
    return s->want.whole && s->config->policy.prune != PRUNE_OFF ? "pruned" : NULL;
}

/* --- removals --- */

static bool is_approved(const struct sim *s, const char *kind, const char *name)
{
    char key[320];
    const struct approval *a;

    snprintf(key, sizeof(key), "delete/%s/%s", kind, name);
    a = sim_row(&s->ledger, LEDGER_APPROVAL, key);
    return a && a->approved && a->begun;
}

static size_t count_owned(const struct sim *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->ledger.n; i++)
        if (s->ledger.rows[i].table == LEDGER_OWNED)
            n += is(((const struct owned *)s->ledger.rows[i].row)->state, "owned");
    return n;
}

/* A fence goes up: with those of the window, is it more than the guard lets through? */
static void check_guard(struct sim *s, const char *name, const struct owned *own)
{
    const struct config_policy *p = &s->config->policy;
    size_t done = 0;
    size_t gone = 0;

    if (own->is_branch)
        return;
    for (size_t i = 0; i < s->n_removals; i++) {
        if (strcmp(s->removals[i].id, own->id) == 0)
            return; /* a second try of one that counts already */
        if (s->wall_ms - s->removals[i].wall_ms >= p->guard.window_ms)
            continue;
        done++;
        gone++;
        for (size_t k = 0; k < s->ledger.n; k++)
            if (s->ledger.rows[k].table == LEDGER_OWNED &&
                is(((const struct owned *)s->ledger.rows[k].row)->id, s->removals[i].id) &&
                is(((const struct owned *)s->ledger.rows[k].row)->state, "owned"))
                gone--;
    }
    assert_true(s->n_removals < ARRAY_SIZE(s->removals));
    snprintf(s->removals[s->n_removals].id, sizeof(s->removals[0].id), "%s", own->id);
    s->removals[s->n_removals++].wall_ms = s->wall_ms;
    if (!is_approved(s, "database", name) &&
        done + 1 > guard_removals_allowed(p, count_owned(s), gone))
        sim_break(s,
                  "database %s is fenced unapproved, the %zu. in the window of %zu that are ours",
                  name, done + 1, count_owned(s) + gone);
}

/* What fence and delete have in common. */
static void check_removal(struct sim *s, const struct call *c, const struct owned *own)
{
    const struct platform_db *d = platform_db(&s->platform, c->name);

    if (!own || !is(own->state, "owned"))
        sim_break(s, "%s is removed and not ours", c->name);
    else if (!may_go(s, c->name, own))
        sim_break(s, "%s is removed and wanted", c->name);
    else if (own->protect)
        sim_break(s, "%s is removed and protected", c->name);
    else if (!reconcile_is_observed(s->rc))
        sim_break(s, "%s is removed without a complete observation", c->name);
    else if (d && (strcmp(d->id, own->id) == 0) &&
             (!d->shown_ms || s->now_ms - d->shown_ms > JUST_BEFORE_MS))
        sim_break(s, "%s is removed without a read just before", c->name);
    else if (d && strcmp(d->id, own->id) == 0 && d->shown_protected)
        sim_break(s, "%s is removed and protected by the platform", c->name);
}

static void check_delete(struct sim *s, const struct call *c, const struct owned *own)
{
    const struct config_policy *p = &s->config->policy;
    const struct platform_db *d = platform_db(&s->platform, c->name);
    int64_t grace;

    check_removal(s, c, own);
    if (!own || *s->broken)
        return;
    grace = own->is_branch ? p->expiry_grace_ms : p->deletion_grace_ms;
    if (!is(own->fence, "set"))
        sim_break(s, "%s is deleted without a fence", c->name);
    else if (!own->purged && s->wall_ms + s->jumped_ms - own->fenced_since < grace)
        sim_break(s, "%s is deleted before its grace is over", c->name);
    else if (d && strcmp(d->id, own->id) == 0 && !d->shown_fenced)
        sim_break(s, "%s is deleted, and its fence was not seen just before", c->name);
}

static bool is_fence(const struct call *c, const struct owned *own)
{
    return is(c->config[CONFIG_BLOCK_READS], "true") &&
           is(c->config[CONFIG_BLOCK_WRITES], "true") && own && is(own->fence, "wanted");
}

static void check_group_delete(struct sim *s, const struct call *c)
{
    const struct group_want *w = s->has_want ? desired_group(&s->want, c->name) : NULL;
    const struct owned *own = sim_owned(&s->ledger, "group", c->name);

    if (!w || !w->absent)
        sim_break(s, "group %s is deleted, and the manifest does not say so", c->name);
    else if (!own || !is(own->state, "owned"))
        sim_break(s, "group %s is deleted and not ours", c->name);
    else if (!is_approved(s, "group", c->name))
        sim_break(s, "group %s is deleted unapproved", c->name);
    else if (!reconcile_is_observed(s->rc))
        sim_break(s, "group %s is deleted without a complete observation", c->name);
    else if (!own->empty_since ||
             s->wall_ms + s->jumped_ms - own->empty_since < s->config->policy.deletion_grace_ms)
        sim_break(s, "group %s is deleted before it was empty for its grace", c->name);
}

/* --- creating, minting --- */

static void check_create(struct sim *s, const struct call *c, const char *kind)
{
    const struct owned *own = sim_owned(&s->ledger, kind, c->name);

    if (!own || !is(own->state, "creating"))
        sim_break(s, "%s %s is created, and the ledger does not know", kind, c->name);
    else if (!reconcile_is_observed(s->rc))
        sim_break(s, "%s %s is created without a complete observation", kind, c->name);
}

static void check_mint(struct sim *s, const struct call *c, const char *kind)
{
    bool noted = false;

    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct held_token *t = s->ledger.rows[i].row;

        noted = noted || (s->ledger.rows[i].table == LEDGER_TOKEN && is(t->kind, kind) &&
                          is(t->target, c->name) && is(t->state, "minting"));
    }
    if (!noted)
        sim_break(s, "a token of %s is minted, and the ledger does not know", c->name);
}

/* --- pace --- */

static void check_pace(struct sim *s, const struct call *c)
{
    unsigned rate = s->config->api.rate;
    size_t in_flight = 1;
    size_t last_second = 1;
    size_t n = ARRAY_SIZE(s->sent_ms);

    for (size_t i = 0; i < s->n_pending; i++)
        in_flight += s->pending[i].kind == SIM_CALL || s->pending[i].kind == SIM_ANSWER;
    if (in_flight > s->config->api.concurrency)
        sim_break(s, "%zu calls are in flight", in_flight);
    for (size_t i = 0; i < n && i < s->n_sent; i++)
        last_second += s->now_ms - s->sent_ms[i] < 1000;
    s->sent_ms[s->n_sent++ % n] = s->now_ms;
    if (rate && rate < n / 2 && last_second > rate + rate / 10 + 1)
        sim_break(s, "%zu calls in a second", last_second);
    if (s->stopping)
        sim_break(s, "%s is sent while stopping", CALL_INFO[c->kind].name);
    if (!s->config->policy.writes && strcmp(CALL_INFO[c->kind].method, "GET") != 0)
        sim_break(s, "%s is sent with writes off", CALL_INFO[c->kind].name);
}

void sim_check_sent(struct sim *s, const struct call *c)
{
    const struct owned *own = c->name ? sim_owned(&s->ledger, "database", c->name) : NULL;

    check_pace(s, c);
    switch (c->kind) {
    case CALL_DATABASE_CREATE:
        check_create(s, c, "database");
        break;
    case CALL_GROUP_CREATE:
        check_create(s, c, "group");
        break;
    case CALL_DATABASE_TOKEN:
        check_mint(s, c, "token");
        break;
    case CALL_GROUP_TOKEN:
        check_mint(s, c, "group-token");
        break;
    case CALL_DATABASE_CONFIGURE:
        if (!is_fence(c, own))
            break;
        check_removal(s, c, own);
        if (!*s->broken)
            check_guard(s, c->name, own);
        break;
    case CALL_DATABASE_DELETE:
        check_delete(s, c, own);
        break;
    case CALL_GROUP_DELETE:
        check_group_delete(s, c);
        break;
    default:
        break;
    }
}

void sim_check_arrived(struct sim *s, const struct call *c)
{
    const struct platform_db *d = c->name ? platform_db(&s->platform, c->name) : NULL;
    const struct platform_group *g = c->name ? platform_group(&s->platform, c->name) : NULL;

    if (c->kind == CALL_DATABASE_CREATE && d && d->by_daemon)
        sim_break(s, "database %s is made twice", c->name);
    if (c->kind == CALL_GROUP_CREATE && g && g->by_daemon)
        sim_break(s, "group %s is made twice", c->name);
    if (c->kind == CALL_GROUP_DELETE && g && platform_databases_in(&s->platform, c->name))
        sim_break(s, "group %s is deleted with its databases", c->name);
    (void)s;
}
