/* command_own: what operators say about what is ours: make it anew, forget it, take it over, end
 * its grace. Each leaves a mark that decide goes by, so that a crash forgets none of it. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/text.h"

static bool is_state(const struct resource *r, const char *state)
{
    struct parts p = rc_parts((struct resource *)(uintptr_t)r);

    return *p.has_own && strcmp(p.own->state, state) == 0;
}

/* Its entry makes it ours to keep, or to remove. */
static bool has_entry(const struct resource *r)
{
    const struct database *d = container_of(r, const struct database, r);

    return r->kind == KIND_GROUP ? container_of(r, const struct group, r)->want != NULL
                                 : d->want && !d->want->observe;
}

static bool is_wanted(const struct reconcile *rc, const struct resource *r)
{
    const struct group *g = container_of(r, const struct group, r);
    const struct database *d = container_of(r, const struct database, r);
    struct world w;

    rc_world(rc, &w);
    if (r->kind == KIND_GROUP)
        return g->want && !g->want->absent;
    return database_is_wanted(&w, d) && !d->want->observe;
}

static int not_wanted(const struct resource *r, struct err *err)
{
    return err_set(err, ERR_INVALID, "the manifest does not want %s/%s", KIND_NAME[r->kind],
                   r->name);
}

/* Why it cannot be read now; 0: it can. */
static int check_reading(const struct reconcile *rc, const struct resource *r, struct err *err)
{
    if (!rc->authorized)
        return err_set(err, ERR_NOT_READY, "the platform refuses the API token: %s",
                       rc->auth_error);
    if (!rc->ledger_ok)
        return err_set(err, ERR_NOT_READY, "the ledger cannot be written: %s", rc->ledger_error);
    if (rc->stopping)
        return err_set(err, ERR_NOT_READY, "tenantd is stopping");
    if (r->look_now && r->attempts && r->failed_act == ACT_READ)
        return err_set(err, ERR_NOT_READY, "%s/%s could not be read: %s%s%s", KIND_NAME[r->kind],
                       r->name, REASON_TEXT[r->failure], r->refused_text ? ": " : "",
                       r->refused_text ? r->refused_text : "");
    return 0;
}

/* --- adopt --- */

/* Have it read by name, for this very command. c->waits: it was not yet. */
static int look(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
                struct err *err)
{
    const struct live *l = rc_parts(r).live;
    int rv = c->asked_ms ? check_reading(rc, r, err) : 0;

    if (rv != 0)
        r->look_now = false;
    if (rv != 0 || (c->asked_ms && !r->look_now && !r->busy && l->checked))
        return rv;
    c->waits = true;
    if (r->busy)
        return 0;
    if (!c->asked_ms || !r->look_now) {
        c->asked_ms = rc->now_ms;
        r->look_now = true;
        r->retry_ms = 0;
        rc_succeeded(r);
        rc_consider(rc, fx, r);
    }
    return 0;
}

int rc_adopt(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
             struct err *err)
{
    struct parts p = rc_parts(r);
    int rv = rc_refuse_paused(rc, r, err);

    if (rv != 0)
        return rv;
    if (!has_entry(r))
        return err_set(err, ERR_INVALID, "%s/%s is not in the manifest, or only observed",
                       KIND_NAME[r->kind], r->name);
    if (is_state(r, "creating"))
        return err_set(err, ERR_INVALID, "%s/%s is being created", KIND_NAME[r->kind], r->name);
    if (is_state(r, "owned") && strcmp(p.own->id, c->id) == 0)
        return err_set(err, ERR_INVALID, "%s/%s of id %s is ours already", KIND_NAME[r->kind],
                       r->name, c->id);
    rv = look(rc, fx, c, r, err);
    if (rv != 0 || c->waits)
        return rv;
    if (!p.live->present)
        return err_set(err, ERR_NOT_FOUND, "no %s %s is live", KIND_NAME[r->kind], r->name);
    if (strcmp(p.live->id, c->id) != 0)
        return err_set(err, ERR_INVALID, "the %s %s that is live has id %s, not %s",
                       KIND_NAME[r->kind], r->name, p.live->id, c->id);
    rc_take_over(rc, fx, r, "adopted");
    snprintf(c->message, sizeof(c->message), "ours from now on, id %s", p.own->id);
    return 0;
}

/* --- release --- */

static size_t files_of(const struct resource *r)
{
    const struct group *g = container_of(r, const struct group, r);
    const struct database *d = container_of(r, const struct database, r);
    struct token *const *tokens = r->kind == KIND_GROUP ? g->tokens : d->tokens;
    size_t n = r->kind == KIND_GROUP ? g->n_tokens : d->n_tokens;
    size_t files = 0;

    for (size_t i = 0; i < n; i++)
        files += tokens[i]->has_held && tokens[i]->held.file &&
                 strcmp(tokens[i]->held.state, "removed") != 0;
    return files;
}

int rc_release(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
               struct err *err)
{
    struct parts p;
    size_t files;
    int rv = rc_refuse_paused(rc, r, err);
    char stay[80] = "";
    bool fenced;

    if (rv != 0)
        return rv;
    if (r->kind == KIND_MEMBER)
        return rc_member_release(rc, fx, c, member_of(r), err);
    p = rc_parts(r);
    files = files_of(r);
    if (!rc->has_desired)
        return err_set(err, ERR_NOT_READY, "there is no manifest yet that says what is managed");
    if (has_entry(r))
        return err_set(err, ERR_INVALID,
                       "%s/%s is managed: take its entry out of the manifest first%s (%s:%u)",
                       KIND_NAME[r->kind], r->name,
                       r->kind == KIND_DATABASE ? ", or give it manage: observe" : "",
                       r->source.file, r->source.line);
    if (!is_state(r, "owned"))
        return err_set(err, ERR_NOT_FOUND, "%s/%s is not ours", KIND_NAME[r->kind], r->name);
    fenced = p.own->fence && strcmp(p.own->fence, "lifted") != 0;
    p.own->released = rc->wall_ms;
    rc_put_own(rc, fx, r);
    if (files)
        snprintf(stay, sizeof(stay), ", and so %s, which nobody renews any more",
                 files == 1 ? "does its token file" : "do its token files");
    snprintf(c->message, sizeof(c->message), "%s, id %s; it stays on the platform as it is%s%s",
             fenced ? "not ours any more once its fence is down" : "not ours any more", p.own->id,
             fenced ? ", unblocked" : "", stay);
    return 0;
}

/* --- purge --- */

int rc_purge(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
             struct err *err)
{
    struct database *d = database_of(r);
    int rv = rc_refuse_paused(rc, r, err);
    struct decision dec;
    struct world w;

    if (rv != 0)
        return rv;
    rc_world(rc, &w);
    decide(&w, r, &dec);
    if (dec.held || dec.reason == REASON_REJECTED)
        return err_set(err, ERR_HELD, "its removal is held: %s",
                       dec.message[0] ? dec.message : REASON_TEXT[dec.reason]);
    if (!is_state(r, "owned") || !d->own.fence || strcmp(d->own.fence, "set") != 0 ||
        dec.phase != PHASE_DELETING)
        return err_set(err, ERR_INVALID, "no grace of %s/%s is running: %s", KIND_NAME[r->kind],
                       r->name, dec.message[0] ? dec.message : REASON_TEXT[dec.reason]);
    d->own.purged = rc->wall_ms;
    d->live.checked = false; /* what it is deleted on is read from here on */
    rc_put_own(rc, fx, r);
    snprintf(c->message, sizeof(c->message),
             "its grace is over: deleted, id %s, as soon as it was read once more", d->own.id);
    return 0;
}

/* --- recreate --- */

/* Its row becomes that of a deleted one which may be made anew: where it lives stays pinned. */
static void mark_recreate(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    const struct deleted_list *l = rc_recoverable(rc);
    const struct deleted_thing *thing = l ? deleted_find(l, r->name, NULL) : NULL;
    struct parts p = rc_parts(r);

    if (!*p.has_own) {
        rc_own_new(rc, fx, r, "deleted", "created");
        rc_set(fx, &p.own->id, ""); /* it was not ours, nor is it if it comes back */
        p.own->since = thing && thing->at_ms ? thing->at_ms : rc->wall_ms;
    }
    if (p.own->missing_since) {
        rc_set(fx, &p.own->state, "deleted");
        rc_fence_forget(rc, fx, p.own);
        p.own->since = p.own->missing_since;
        p.own->missing_since = p.own->held = 0;
    }
    p.own->recreate = rc->wall_ms;
    rc_put_own(rc, fx, r);
}

/* A group's row goes; what `closest` was resolved to is known until it is made again. */
static void forget_group(struct effects *fx, struct group *g)
{
    if (g->want->location && strcmp(g->want->location, "closest") == 0)
        rc_set(fx, &g->closest, g->own.group_name);
    effects_remove(fx, LEDGER_OWNED, &g->own);
    ledger_row_deinit(LEDGER_OWNED, &g->own);
    g->has_own = false;
}

/* Have the platform list what it could restore. c->waits: it has not yet. */
static int list_deleted(struct reconcile *rc, struct command *c, const struct resource *r,
                        const struct deleted_list **out, struct err *err)
{
    const struct recover_list *l = &rc->recover.lists[r->kind];

    *out = NULL;
    if (!rc->recover.organization_id)
        return 0; /* nothing can be listed, which is said */
    if (!c->asked_ms) {
        c->asked_ms = rc->now_ms;
        rc_recover_ask(rc, r->kind);
        rc->recover.lists[r->kind].retry_ms = 0;
    }
    if (l->list.read_ms >= c->asked_ms)
        *out = &l->list;
    else if (l->attempts)
        return err_set(err, ERR_NOT_READY, "what was deleted cannot be listed just now");
    else
        c->waits = true;
    return check_reading(rc, r, err);
}

/* What is known of the old one, and whether it could still come back. */
static void say_old(const struct resource *r, const struct deleted_list *l, struct command *c)
{
    struct parts p = rc_parts((struct resource *)(uintptr_t)r);
    const struct deleted_thing *thing = l && !l->refused ? deleted_find(l, r->name, NULL) : NULL;
    char at[TEXT_TIME_SIZE];
    char old[160] = "it would be made anew, empty";

    if (*p.has_own && p.own->id && *p.own->id)
        snprintf(old, sizeof(old), "the old one, id %s, %s since %s", p.own->id,
                 p.own->missing_since ? "is missing" : "is deleted",
                 text_time(p.own->missing_since ? p.own->missing_since : p.own->since, at));
    if (thing)
        snprintf(c->message, sizeof(c->message),
                 "%s; the platform can still restore id %s, which a new one would hide: tenantctl "
                 "restore %s/%s",
                 old, thing->id, KIND_NAME[r->kind], r->name);
    else
        snprintf(c->message, sizeof(c->message), "%s; %s", old,
                 l && !l->refused ? "the platform lists nothing of this name that it could restore"
                                  : "whether the platform could restore it, it does not say");
}

/* The generation that is gone is one that another replaces, and so it is made. */
static int recreate_api_token(struct reconcile *rc, struct effects *fx, struct command *c,
                              struct api_token *a, struct err *err)
{
    struct api_key *gone = api_token_current(a);

    if (!a->want || a->want->token.absent)
        return not_wanted(&a->t.r, err);
    if (a->t.r.phase != PHASE_MISSING || !gone)
        return err_set(err, ERR_INVALID, "%s/%s is not Missing: %s", KIND_NAME[KIND_API_TOKEN],
                       a->t.r.name, REASON_TEXT[a->t.r.reason]);
    if (c->look) {
        snprintf(c->message, sizeof(c->message),
                 "the old one, id %s, is gone from the platform, and whoever holds it is cut off; "
                 "its file would get a new one",
                 gone->row.id);
        return 0;
    }
    snprintf(c->message, sizeof(c->message), "made anew in place of id %s", gone->row.id);
    gone->row.retired = rc->wall_ms;
    effects_put(fx, LEDGER_ISSUED, &gone->row);
    return 0;
}

int rc_recreate(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
                struct err *err)
{
    const struct deleted_list *deleted;
    int rv = rc_refuse_paused(rc, r, err);
    struct parts p;
    bool missing;

    if (rv != 0)
        return rv;
    if (r->kind == KIND_API_TOKEN)
        return recreate_api_token(rc, fx, c, api_token_of(r), err);
    if (r->kind == KIND_MEMBER)
        return rc_member_recreate(rc, fx, c, member_of(r), err);
    p = rc_parts(r);
    missing = is_state(r, "owned") && p.own->missing_since && !p.live->present;
    if (!is_wanted(rc, r))
        return not_wanted(r, err);
    if (rc_restore_is_unseen(rc))
        return err_set(err, ERR_NOT_READY,
                       "something was just restored, and the platform is being looked at");
    if (!missing && r->reason != REASON_RECENTLY_DELETED)
        return err_set(err, ERR_INVALID, "%s/%s is neither Missing nor RecentlyDeleted: %s",
                       KIND_NAME[r->kind], r->name, REASON_TEXT[r->reason]);
    if (c->look) {
        rv = list_deleted(rc, c, r, &deleted, err);
        if (rv == 0 && !c->waits)
            say_old(r, deleted, c);
        return rv;
    }
    snprintf(c->message, sizeof(c->message), "made anew, empty, in place of id %s",
             *p.has_own && p.own->id && *p.own->id ? p.own->id : "unknown");
    if (r->kind == KIND_GROUP)
        forget_group(fx, group_of(r));
    else
        mark_recreate(rc, fx, r);
    *p.gone_ms = 0;
    return 0;
}
