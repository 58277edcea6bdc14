/* sim_check_removal: a database is fenced or deleted, or a group: is it ours, unwanted, allowed,
 * and has it stood fenced for its grace?
 * In:    calls as they go out. Out: the first broken rule. Never: asks the reconciler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/upload.h"
#include "lib/text.h"
#include "tests/lib/sim.h"

/* --- wanted? --- */

static bool is_expired(const struct sim *s, const struct db_entry *e, const struct owned *own)
{
    int64_t since;

    if (db_entry_want(e)->expires_at_ms)
        return s->wall_ms >= db_entry_want(e)->expires_at_ms || own->expired;
    since = own->since > own->expires_since ? own->since : own->expires_since;
    return db_entry_want(e)->expires_after_ms &&
           (s->wall_ms >= since + db_entry_want(e)->expires_after_ms || own->expired);
}

/* Why that database may go; NULL: it may not. */
static const char *may_go(const struct sim *s, const char *name, const struct owned *own)
{
    const struct db_entry *e = s->has_want ? desired_database(&s->want, name) : NULL;

    if (!s->has_want)
        return NULL;
    if (e && db_entry_want(e)->absent)
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

/* What every removal has in common. How it is not done; NULL: it may be. */
static const char *how_not_gone(const struct sim *s, const char *name, const struct owned *own)
{
    if (own->protect)
        return "and protected";
    if (!sim_told_all(s))
        return "without a complete observation";
    if (!is_read_just_before(s, sim_known(s, false, name), own))
        return "without a read of it just before";
    return NULL;
}

/* What fence and delete have in common. */
static void check_removal(struct sim *s, const struct call *c, const struct owned *own)
{
    const char *how = own ? how_not_gone(s, c->name, own) : NULL;

    if (!own || !text_is(own->state, "owned"))
        sim_break(s, "%s is removed and not ours", c->name);
    else if (!may_go(s, c->name, own))
        sim_break(s, "%s is removed and wanted", c->name);
    else if (how)
        sim_break(s, "%s is removed %s", c->name, how);
    else if (sim_known(s, false, c->name)->is_protected)
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
    const char *how = how_not_gone(s, c->name, own);

    if (!text_is(own->state, "owned") || !text_is(own->origin, "created"))
        sim_break(s, "draft %s is deleted, and it is not of our making", c->name);
    else if (!own->draft_id || !text_is(own->draft_id, own->id))
        sim_break(s, "draft %s is deleted, and who made it is not sure", c->name);
    else if (how)
        sim_break(s, "draft %s is deleted %s", c->name, how);
    else if (!k->none_ms || s->now_ms - k->none_ms > JUST_BEFORE_MS)
        sim_break(s, "draft %s is deleted, and its host was not asked just before", c->name);
    else if (d && text_is(own->id, d->id) && !d->is_draft && d->filled_ms < k->none_at_ms)
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
    bool named = e && text_is(db_entry_want(e)->config.value[CONFIG_BLOCK_READS], "true");

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

void sim_check_removal(struct sim *s, const struct call *c, const struct owned *own)
{
    if (c->kind == CALL_GROUP_DELETE) {
        check_group_delete(s, c);
    } else if (c->kind == CALL_DATABASE_DELETE) {
        check_delete(s, c, own);
    } else {
        check_block(s, c, own);
        if (!is_fence(c, own))
            return;
        check_removal(s, c, own);
        if (!*s->broken && !own->is_branch)
            sim_check_guard(s, "database", c->name, own->id);
    }
}
