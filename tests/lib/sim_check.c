/* sim_check: the rules that hold whatever happens: nothing is removed that is not ours, unwanted,
 * allowed, fenced and kept for its grace; nothing is made twice; nothing is sent unremembered.
 * In:    calls as they go out and as they arrive. Out: the first broken rule. Never: repairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "core/upload.h"
#include "lib/text.h"
#include "tests/lib/sim.h"

#define HOUR_MS (INT64_C(60) * 60 * 1000)

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

/* Read by itself, a moment ago, since anything was sent to it, and under the id that is ours. */
static bool is_read_just_before(const struct sim *s, const struct sim_known *k,
                                const struct owned *own)
{
    return k && k->live && k->read_ms && s->now_ms - k->read_ms <= JUST_BEFORE_MS &&
           k->read_at_ms >= k->written_ms && strcmp(k->id, own->id) == 0;
}

/* What fence and delete have in common. */
static void check_removal(struct sim *s, const struct call *c, const struct owned *own)
{
    const struct sim_known *k = sim_known(s, false, c->name);

    if (!own || !text_is(own->state, "owned"))
        sim_break(s, "%s is removed and not ours", c->name);
    else if (!may_go(s, c->name, own))
        sim_break(s, "%s is removed and wanted", c->name);
    else if (own->protect)
        sim_break(s, "%s is removed and protected", c->name);
    else if (!sim_told_all(s))
        sim_break(s, "%s is removed without a complete observation", c->name);
    else if (!is_read_just_before(s, k, own))
        sim_break(s, "%s is removed without a read of it just before", c->name);
    else if (k->is_protected)
        sim_break(s, "%s is removed and protected by the platform", c->name);
    else if (own->held & HELD_REMOVAL && !sim_is_approved(s, "database", c->name))
        sim_break(s, "%s is removed, and its removal is held", c->name);
}

/* A draft goes without fence and grace: then nothing was ever in it, our own create named its id,
 * and its host has just said that it is none. */
static void check_draft_delete(struct sim *s, const struct call *c, const struct owned *own,
                               const struct platform_db *d)
{
    const struct sim_known *k = sim_known(s, false, c->name);

    if (!text_is(own->state, "owned") || !text_is(own->origin, "created"))
        sim_break(s, "draft %s is deleted, and it is not of our making", c->name);
    else if (!own->draft_id || !text_is(own->draft_id, own->id))
        sim_break(s, "draft %s is deleted, and who made it is not sure", c->name);
    else if (own->protect)
        sim_break(s, "draft %s is deleted and protected", c->name);
    else if (!sim_told_all(s))
        sim_break(s, "draft %s is deleted without a complete observation", c->name);
    else if (!is_read_just_before(s, k, own))
        sim_break(s, "draft %s is deleted without a read of it just before", c->name);
    else if (!k || !k->none_ms || s->now_ms - k->none_ms > JUST_BEFORE_MS)
        sim_break(s, "draft %s is deleted, and its host was not asked just before", c->name);
    else if (d && text_is(own->id, d->id) && !d->is_draft)
        sim_break(s, "%s is deleted as a draft, and it is none", c->name);
    else if (d && !d->is_told)
        sim_break(s, "draft %s is deleted, and its create was not answered", c->name);
    else if (d && (d->was_lost || d->is_sent_to))
        sim_break(s, "draft %s is deleted, and an upload of it was not answered", c->name);
    else if (!own->is_branch)
        sim_check_guard(s, "database", c->name, own->id);
}

static void check_delete(struct sim *s, const struct call *c, const struct owned *own)
{
    const struct config_policy *p = &s->config->policy;
    const struct platform_db *d = platform_db(&s->platform, c->name);
    int64_t grace;

    if (own && text_is(own->upload, UPLOAD_REFUSED) && !own->fence) {
        check_draft_delete(s, c, own, d);
        return;
    }
    check_removal(s, c, own);
    if (!own || *s->broken)
        return;
    grace = own->is_branch ? p->expiry_grace_ms : p->deletion_grace_ms;
    if (!text_is(own->fence, "set"))
        sim_break(s, "%s is deleted without a fence", c->name);
    else if (sim_fenced_for(s, own->id) < grace &&
             !sim_word_stands(s, "purge", "database", c->name))
        sim_break(s, "%s is deleted before its grace is over", c->name);
    else if (!sim_known(s, false, c->name)->is_fenced)
        sim_break(s, "%s is deleted, and its fence was not seen just before", c->name);
}

static bool is_fence(const struct call *c, const struct owned *own)
{
    return text_is(c->config[CONFIG_BLOCK_READS], "true") &&
           text_is(c->config[CONFIG_BLOCK_WRITES], "true") && own && text_is(own->fence, "wanted");
}

/* Both blocks are a fence's, going up or given way to, or the manifest's. */
static void check_block(struct sim *s, const struct call *c, const struct owned *own)
{
    const struct db_entry *e = s->has_want ? desired_database(&s->want, c->name) : NULL;
    bool named = e && text_is(e->want->config.value[CONFIG_BLOCK_READS], "true");

    if (text_is(c->config[CONFIG_BLOCK_READS], "true") &&
        text_is(c->config[CONFIG_BLOCK_WRITES], "true") && !named &&
        !(own && (text_is(own->fence, "wanted") || text_is(own->fence, "lifting"))))
        sim_break(s, "%s is fenced, and the ledger does not know", c->name);
}

static void check_group_delete(struct sim *s, const struct call *c)
{
    const struct group_want *w = s->has_want ? desired_group(&s->want, c->name) : NULL;
    const struct owned *own = sim_owned(&s->ledger, "group", c->name);

    if (!w || !w->absent)
        sim_break(s, "group %s is deleted, and the manifest does not say so", c->name);
    else if (!own || !text_is(own->state, "owned"))
        sim_break(s, "group %s is deleted and not ours", c->name);
    else if (!sim_is_approved(s, "group", c->name))
        sim_break(s, "group %s is deleted unapproved", c->name);
    else if (!sim_told_all(s))
        sim_break(s, "group %s is deleted without a complete observation", c->name);
    else if (!own->empty_since ||
             s->wall_ms + s->jumped_ms - own->empty_since < s->config->policy.deletion_grace_ms)
        sim_break(s, "group %s is deleted before it was empty for its grace", c->name);
    else if (sim_holds_api_tokens(s, c->name))
        sim_break(s, "group %s is deleted with API tokens of ours", c->name);
    else
        sim_check_guard(s, "group", c->name, own->id);
}

/* --- creating, minting --- */

/* Ours of that name was there lately, and is gone: nobody but an operator makes another one. */
static bool is_lost(const struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->platform.n_databases; i++) {
        const struct platform_db *d = &s->platform.databases[i];

        if (!d->live && d->was_ours && !d->is_draft && strcmp(d->name, name) == 0 &&
            s->wall_ms - d->deleted_ms < TOMBSTONE_MS)
            return !sim_word_stands(s, "recreate", "database", name) &&
                   !sim_word_stands(s, "released", "database", name) && !s->jumped_ms;
    }
    return false;
}

/* What is ours, by the ledger, is let go no more; what becomes ours was made anew, once it is no
 * draft, which may be refused its file, and is nothing then. */
static void note_ours(struct sim *s)
{
    for (size_t i = 0; i < s->platform.n_databases; i++) {
        struct platform_db *d = &s->platform.databases[i];
        bool is_known = d->was_ours && !d->was_draft;
        const struct owned *own =
            is_known && !s->n_words ? NULL : sim_owned(&s->ledger, "database", d->name);

        if (!own || !text_is(own->state, "owned") || !text_is(own->id, d->id))
            continue;
        sim_word_take(s, "released", "database", d->name);
        if (!is_known && !d->is_draft)
            sim_word_take(s, "recreate", "database", d->name);
        d->was_ours = true;
        d->was_draft = d->is_draft;
    }
}

static bool is_in(const char *const *items, size_t n, const char *item)
{
    for (size_t i = 0; i < n; i++)
        if (text_is(items[i], item))
            return true;
    return false;
}

/* Neither its own residency nor that of what it is copied from keeps its data out of the group. */
static void check_residency(struct sim *s, const struct call *c)
{
    const struct platform_group *g = platform_group(&s->platform, c->group);
    const char *name = c->name;

    for (int i = 0; name && i < 100; i++) {
        const struct db_entry *e = desired_database(&s->want, name);
        const struct residency_want *r = e ? e->want->residency : NULL;

        if (r && (!is_in(r->groups, r->n_groups, c->group) ||
                  (g && r->n_locations && !is_in(r->locations, r->n_locations, g->locations[0]))))
            sim_break(s, "database %s is created in %s, outside the residency of %s", c->name,
                      c->group, name);
        name = e ? e->want->seed_database : NULL;
    }
}

static void check_create(struct sim *s, const struct call *c, const char *kind)
{
    const struct owned *own = sim_owned(&s->ledger, kind, c->name);
    const struct sim_known *k = sim_known(s, text_is(kind, "group"), c->name);

    if (k && k->live && !k->hidden)
        sim_break(s, "%s %s is created, and one is known to live", kind, c->name);
    if (text_is(kind, "database") && is_lost(s, c->name))
        sim_break(s, "database %s is created, and ours of that name was lost lately", c->name);
    if (!own || !text_is(own->state, "creating"))
        sim_break(s, "%s %s is created, and the ledger does not know", kind, c->name);
    else if (!sim_told_all(s))
        sim_break(s, "%s %s is created without a complete observation", kind, c->name);
    if (c->kind == CALL_DATABASE_CREATE)
        check_residency(s, c);
}

static void check_mint(struct sim *s, const struct call *c, const char *kind)
{
    bool noted = false;

    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct held_token *t = s->ledger.rows[i].row;

        noted = noted || (s->ledger.rows[i].table == LEDGER_TOKEN && text_is(t->kind, kind) &&
                          text_is(t->target, c->name) && text_is(t->state, "minting"));
    }
    for (size_t i = 0; i < s->ledger.n; i++) { /* an upload's */
        const struct leak *l = s->ledger.rows[i].row;

        noted = noted || (s->ledger.rows[i].table == LEDGER_LEAK && text_is(l->kind, kind) &&
                          text_is(l->target, c->name) && text_is(l->name, ""));
    }
    if (!noted)
        sim_break(s, "a token of %s is minted, and the ledger does not know", c->name);
}

/* Only what is ours is touched, under the id that it is known by in this life. */
static void check_target(struct sim *s, const struct call *c, const char *kind)
{
    const struct owned *own = sim_owned(&s->ledger, kind, c->name);
    const struct sim_known *k = sim_known(s, text_is(kind, "group"), c->name);

    if (!own || !text_is(own->state, "owned"))
        sim_break(s, "%s: %s %s is not ours", CALL_INFO[c->kind].name, kind, c->name);
    else if (!k || !k->live || k->hidden || strcmp(k->id, own->id) != 0)
        sim_break(s, "%s: %s %s is not known to be ours, %s", CALL_INFO[c->kind].name, kind,
                  c->name, own->id);
}

/* --- pace --- */

static void check_pace(struct sim *s, const struct call *c)
{
    unsigned rate = s->config->api.rate;
    size_t in_flight = !call_is_apart(c->kind);
    size_t last_second = 1;
    size_t n = ARRAY_SIZE(s->sent_ms);

    for (size_t i = 0; i < s->n_pending; i++)
        in_flight += (s->pending[i].kind == SIM_CALL || s->pending[i].kind == SIM_ANSWER) &&
                     !call_is_apart(s->pending[i].call->kind);
    if (in_flight > s->config->api.concurrency)
        sim_break(s, "%zu calls are in flight", in_flight);
    for (size_t i = 0; i < n && i < s->n_sent; i++)
        last_second += s->now_ms - s->sent_ms[i] < 1000;
    s->sent_ms[s->n_sent++ % n] = s->now_ms;
    if (rate && rate < n / 2 && last_second > rate + rate / 10 + 1)
        sim_break(s, "%zu calls in a second", last_second);
    if (s->stopping)
        sim_break(s, "%s is sent while stopping", CALL_INFO[c->kind].name);
}

bool sim_is_paused(const struct sim *s, const char *kind, const char *name)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct pause *p = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_PAUSE && p->until > s->wall_ms &&
            (!*p->kind || (strcmp(p->kind, kind) == 0 && strcmp(p->name, name) == 0)))
            return true;
    }
    return false;
}

/* But for renewals nothing is sent for what is paused; a restore was asked for before. */
static void check_pause(struct sim *s, const struct call *c, const char *kind)
{
    bool is_mint = c->kind == CALL_DATABASE_TOKEN || c->kind == CALL_GROUP_TOKEN;
    bool renews = false;

    if (!sim_is_paused(s, kind, c->name))
        return;
    for (size_t i = 0; is_mint && i < s->ledger.n; i++) {
        const struct held_token *t = s->ledger.rows[i].row;

        renews = renews || (s->ledger.rows[i].table == LEDGER_TOKEN &&
                            text_is(t->target, c->name) && text_is(t->state, "minting") && t->hash);
    }
    if (!renews)
        sim_break(s, "%s %s is sent, and it is paused", CALL_INFO[c->kind].name, c->name);
}

static const struct membership *membership_of(const struct sim *s, const struct call *c)
{
    bool by_email = c->kind == CALL_INVITE_SEND || c->kind == CALL_INVITE_REMOVE;

    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct membership *row = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_MEMBERSHIP &&
            (by_email ? strcasecmp(row->email, c->name) == 0
                      : row->username && text_is(row->username, c->name)))
            return row;
    }
    return NULL;
}

static bool is_member_wanted(const struct sim *s, const char *email)
{
    for (size_t i = 0; i < s->want.n_members; i++)
        if (text_is(s->want.members[i].email, email))
            return true;
    return false;
}

/* A mail that the ledger tells of, a role of somebody wanted, a removal of somebody of ours whom
 * nobody wants, by the policy of members. */
static void check_member(struct sim *s, const struct call *c)
{
    const char *name = CALL_INFO[c->kind].name;
    const struct membership *row = membership_of(s, c);
    bool removes = c->kind == CALL_INVITE_REMOVE || c->kind == CALL_MEMBER_REMOVE;

    if (!row)
        sim_break(s, "%s %s: the ledger does not know of it", name, c->name);
    else if (removes && s->config->policy.prune_members == PRUNE_OFF)
        sim_break(s, "%s %s: members are not removed", name, c->name);
    else if (removes && !s->want.whole)
        sim_break(s, "%s %s: part of the manifest is refused", name, c->name);
    else if (removes == is_member_wanted(s, row->email))
        sim_break(s, "%s %s: %s", name, c->name, removes ? "it is wanted" : "nobody wants it");
    else if (c->kind == CALL_INVITE_SEND && !text_is(row->state, "inviting"))
        sim_break(s, "%s %s: the ledger does not know that it is sent", name, c->name);
    else if ((removes || c->kind == CALL_INVITE_SEND) &&
             s->now_ms - s->people_listed_ms > JUST_BEFORE_MS)
        sim_break(s, "%s %s: nobody has looked just before", name, c->name);
    else if (c->kind == CALL_INVITE_SEND && row->missing_since && !row->recreate)
        sim_break(s, "%s %s: it was there, and nobody has asked for it again", name, c->name);
    else if (sim_is_paused(s, "member", row->email))
        sim_break(s, "%s %s is sent, and it is paused", name, c->name);
    else if (removes)
        sim_check_guard(s, "member", row->email, row->email);
}

static bool is_about_members(const struct call *c)
{
    return c->kind == CALL_INVITE_SEND || c->kind == CALL_INVITE_REMOVE ||
           c->kind == CALL_MEMBER_ROLE || c->kind == CALL_MEMBER_REMOVE;
}

static void check_write(struct sim *s, const struct call *c)
{
    const char *kind = c->kind <= CALL_LOCATION_REMOVE ? "group" : "database";
    const char *name = CALL_INFO[c->kind].name;

    if (strcmp(CALL_INFO[c->kind].method, "GET") == 0)
        return;
    if (!s->config->policy.writes)
        sim_break(s, "%s is sent with writes off", name);
    if (s->told.refused)
        sim_break(s, "%s is sent, and the API token is refused", name);
    if (s->told.no_deletes_ms && s->now_ms < s->told.no_deletes_ms + HOUR_MS &&
        call_deletes(c->kind) && config_has_delete_token(s->config))
        sim_break(s, "%s is sent, and the token for deletes is refused", name);
    if (strstr(name, "rotate") && !sim_word_take(s, "RotateToken", kind, c->name))
        sim_break(s, "%s: nobody has asked for it", name);
    if (c->kind == CALL_DATABASE_RESTORE || c->kind == CALL_GROUP_RESTORE) {
        if (!sim_word_take(s, "restore", c->kind == CALL_GROUP_RESTORE ? "group" : "database",
                           c->name))
            sim_break(s, "%s: nobody has asked for it", name);
        return;
    }
    if (c->kind == CALL_API_TOKEN_CREATE || c->kind == CALL_API_TOKEN_REVOKE) {
        sim_check_api_token(s, c);
        return;
    }
    if (is_about_members(c)) {
        check_member(s, c);
        return;
    }
    if (c->kind == CALL_DATABASE_CREATE || c->kind == CALL_GROUP_CREATE)
        check_create(s, c, kind);
    else
        check_target(s, c, kind);
    check_pause(s, c, c->kind == CALL_GROUP_TOKEN ? "group" : kind);
}

void sim_check_sent(struct sim *s, const struct call *c)
{
    const struct owned *own = c->name ? sim_owned(&s->ledger, "database", c->name) : NULL;

    if (c->kind == CALL_INVITES_LIST)
        s->people_listed_ms = s->now_ms;
    check_pace(s, c);
    check_write(s, c);
    switch (c->kind) {
    case CALL_DATABASE_TOKEN:
        check_mint(s, c, "token");
        break;
    case CALL_GROUP_TOKEN:
        check_mint(s, c, "group-token");
        break;
    case CALL_DATABASE_CONFIGURE:
        check_block(s, c, own);
        if (!is_fence(c, own))
            break;
        check_removal(s, c, own);
        if (!*s->broken && !own->is_branch)
            sim_check_guard(s, "database", c->name, own->id);
        break;
    case CALL_DATABASE_DELETE:
        check_delete(s, c, own);
        break;
    case CALL_GROUP_DELETE:
        check_group_delete(s, c);
        break;
    case CALL_DATABASE_UPLOAD:
        if (!own || !text_is(own->upload, UPLOAD_SENDING))
            sim_break(s, "%s is uploaded to, and the ledger does not know", c->name);
        break;
    default:
        break;
    }
}

/* A database that we know of is in it. */
static bool is_known_to_hold(const struct sim *s, const char *group)
{
    for (size_t i = 0; i < s->platform.n_databases; i++) {
        const struct platform_db *d = &s->platform.databases[i];
        const struct sim_known *k = sim_known(s, false, d->name);

        if (d->live && strcmp(d->group, group) == 0 &&
            ((k && k->live && strcmp(k->id, d->id) == 0) || sim_owns_id(s, d->id)))
            return true;
    }
    return false;
}

/* Nobody is mailed twice, and those who keep the organization stay. */
static void check_people(struct sim *s, const struct call *c)
{
    struct platform *p = &s->platform;
    const struct platform_person *pending =
        c->kind == CALL_INVITE_SEND ? platform_person(p, c->name, true) : NULL;
    size_t n_admins = 0;

    if (pending && pending->by_daemon && text_is(pending->role, c->role) && !pending->was_hidden)
        sim_break(s, "%s is invited twice", c->name);
    for (size_t i = 0; i < p->n_people; i++)
        n_admins +=
            p->people[i].live && *p->people[i].username && text_is(p->people[i].role, "admin");
    for (size_t i = 0; i < p->n_people; i++) {
        const struct platform_person *one = &p->people[i];

        if (!one->live || !*one->username || !text_is(one->username, c->name) ||
            (c->kind != CALL_MEMBER_REMOVE && c->kind != CALL_MEMBER_ROLE))
            continue;
        if (i == 0 || text_is(one->role, "owner"))
            sim_break(s, "%s %s: an owner, or the daemon itself", CALL_INFO[c->kind].name, c->name);
        if (text_is(one->role, "admin") && n_admins == 1 &&
            (c->kind == CALL_MEMBER_REMOVE || !text_is(c->role, "admin")))
            sim_break(s, "%s %s: the last admin", CALL_INFO[c->kind].name, c->name);
    }
}

void sim_check_arrived(struct sim *s, const struct call *c)
{
    const struct platform_db *d = c->name ? platform_db(&s->platform, c->name) : NULL;
    const struct platform_group *g = c->name ? platform_group(&s->platform, c->name) : NULL;

    if (c->kind == CALL_DATABASE_CREATE && d && d->by_daemon && !d->was_hidden)
        sim_break(s, "database %s is made twice", c->name);
    if (is_about_members(c))
        check_people(s, c);
    if (c->kind == CALL_GROUP_CREATE && g && g->by_daemon && !g->was_hidden)
        sim_break(s, "group %s is made twice", c->name);
    if (c->kind == CALL_GROUP_DELETE && g && is_known_to_hold(s, c->name))
        sim_break(s, "group %s is deleted with its databases", c->name);
}

/* What was sent long ago is carried out only now. A database whose delete nobody has heard of is
 * not given back to its users before that can have happened, and nothing is put into such a group.
 */
void sim_check_late(struct sim *s, const struct call *c, int64_t sent_ms)
{
    const struct platform_db *d =
        c->kind == CALL_DATABASE_DELETE ? platform_db(&s->platform, c->name) : NULL;

    if (d && d->was_ours && d->given_back)
        sim_break(s, "%s is deleted late, and was given back before", c->name);
    if (d && d->by_daemon && d->made_ms > sent_ms)
        sim_break(s, "%s is deleted late, and was made anew before", c->name);
    if (c->kind == CALL_GROUP_DELETE && platform_group(&s->platform, c->name) &&
        is_known_to_hold(s, c->name))
        sim_break(s, "group %s is deleted late, with its databases", c->name);
}

/* --- the history --- */

static bool is_named(const struct sim *s, const char *kind, const char *name, bool *observed)
{
    const struct group_want *g =
        s->has_want && text_is(kind, "group") ? desired_group(&s->want, name) : NULL;
    const struct db_entry *d =
        s->has_want && text_is(kind, "database") ? desired_database(&s->want, name) : NULL;

    *observed = d && d->want->observe;
    if (text_is(kind, "member"))
        return s->has_want && is_member_wanted(s, name);
    return g ? !g->absent : d && !d->want->absent;
}

/* Nothing is let go or taken over but by an operator's word or the manifest's. */
void sim_check_event(struct sim *s, const struct event *e)
{
    bool observed;
    bool named = is_named(s, e->kind, e->name, &observed);

    if (text_is(e->what, "Released")) {
        if (!sim_word_stands(s, "release", e->kind, e->name) && !observed)
            sim_break(s, "%s/%s is let go, and nobody has asked for it", e->kind, e->name);
        sim_word_say(s, "released", e->kind, e->name);
    } else if (text_is(e->what, "Adopted")) {
        bool asked = sim_word_take(s, "adopt", e->kind, e->name);

        if (!asked && (!named || observed || s->config->policy.adopt == ADOPT_NEVER))
            sim_break(s, "%s/%s is taken over, and nobody has asked for it", e->kind, e->name);
        sim_word_take(s, "release", e->kind, e->name);
    }
}

/* --- after every step --- */

static bool is_row_of(const struct sim_row *r, enum ledger_table table,
                      const struct platform_token *t)
{
    const char *kind = t->is_group ? "group-token" : "token";

    if (r->table != table)
        return false;
    if (table == LEDGER_LEAK)
        return text_is(((const struct leak *)r->row)->kind, kind) &&
               text_is(((const struct leak *)r->row)->target, t->target);
    return text_is(((const struct held_token *)r->row)->kind, kind) &&
           text_is(((const struct held_token *)r->row)->target, t->target) &&
           strncmp(((const struct held_token *)r->row)->state, "mint", 4) == 0;
}

/* Tokens that were minted for a target and never stood in a file, against what the ledger knows of
 * lost ones and of mints under way. */
static void check_mints_of(struct sim *s, const struct platform_token *t)
{
    size_t unpublished = 0;
    size_t accounted = 0;

    for (size_t i = 0; i < s->platform.n_tokens; i++) {
        const struct platform_token *o = &s->platform.tokens[i];

        unpublished += o->by_daemon && !o->was_published && o->is_group == t->is_group &&
                       (!o->expires_ms || o->expires_ms > s->wall_ms) &&
                       strcmp(o->target, t->target) == 0;
    }
    for (size_t i = 0; i < s->ledger.n; i++)
        accounted += is_row_of(&s->ledger.rows[i], LEDGER_LEAK, t) ||
                     is_row_of(&s->ledger.rows[i], LEDGER_TOKEN, t);
    if (unpublished > accounted)
        sim_break(s, "of %s's tokens %zu are in no file, and the ledger accounts for %zu",
                  t->target, unpublished, accounted);
}

void sim_check_step(struct sim *s)
{
    if (s->checked_owned != s->ledger.owned_version)
        note_ours(s);
    s->checked_owned = s->ledger.owned_version;
    if (s->checked_version == s->ledger.version && s->checked_tokens == s->platform.n_tokens)
        return;
    s->checked_version = s->ledger.version;
    s->checked_tokens = s->platform.n_tokens;
    for (size_t i = 0; i < s->platform.n_tokens && !*s->broken; i++) {
        const struct platform_token *t = &s->platform.tokens[i];

        if (t->by_daemon && !t->was_published && !s->jumped_ms &&
            (!t->expires_ms || t->expires_ms > s->wall_ms))
            check_mints_of(s, t);
    }
}
