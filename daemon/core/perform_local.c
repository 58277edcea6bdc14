/* perform_local: acts that change our own knowledge alone: what is ours, what is fenced, what is
 * gone. No call, no file; rows for the ledger, and a line of history. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "lib/text.h"

struct parts rc_parts(struct resource *r)
{
    if (r->kind == KIND_GROUP) {
        struct group *g = group_of(r);

        return (struct parts){&g->live, &g->own, &g->has_own, &g->gone_ms, &g->deleted_ms};
    }
    struct database *d = database_of(r);

    return (struct parts){&d->live, &d->own, &d->has_own, &d->gone_ms, &d->deleted_ms};
}

/* One that is made in another's place: what is known of that one, in case that it is not made after
 * all and the other comes back, fenced as it went. */
static void keep_of_the_old(struct owned *own, struct owned *old)
{
    own->recreate = old->recreate;
    own->id = old->id;
    own->origin = old->origin;
    old->id = old->origin = NULL;
    own->protect = old->protect;
    own->fence_reads = old->fence_reads;
    own->fence_writes = old->fence_writes;
    own->fenced_since = old->fenced_since;
}

/* And of which nothing counts once it is made. */
static void forget_the_old(struct owned *own, const struct resource *r)
{
    const struct db_want *w =
        r->kind == KIND_DATABASE ? container_of(r, const struct database, r)->want : NULL;

    if (own->recreate && w)
        own->protect = w->protect_set && w->protect;
    own->recreate = own->fence_reads = own->fence_writes = own->fenced_since = 0;
}

/* One that was not made, of which nothing may cling to what comes back: that waits for no file, and
 * its configuration is not one that is about to be set for the first time. */
static void forget_the_new(struct effects *fx, struct owned *own)
{
    own->is_branch = 0;
    own->config_read = CONFIG_IN_DOUBT;
    rc_set(fx, &own->create_digest, NULL);
    rc_set(fx, &own->upload, NULL);
    rc_set(fx, &own->draft_id, NULL);
}

/* Start the row of a thing that was not ours. */
void rc_own_new(struct reconcile *rc, struct effects *fx, struct resource *r, const char *state,
                const char *origin)
{
    struct parts p = rc_parts(r);
    bool in_its_place = p.own->recreate && strcmp(state, "creating") == 0;
    struct owned old = *p.own;

    *p.own = (struct owned){0};
    *p.has_own = true;
    if (in_its_place)
        keep_of_the_old(p.own, &old);
    ledger_row_deinit(LEDGER_OWNED, &old);
    rc_set(fx, &p.own->kind, KIND_NAME[r->kind]);
    rc_set(fx, &p.own->name, r->name);
    rc_set(fx, &p.own->state, state);
    if (!p.own->origin)
        rc_set(fx, &p.own->origin, origin);
    p.own->since = rc->wall_ms;
    p.own->wanted_since = r->source.line && doubt_clock_is_good(rc) ? rc->wall_ms : 0;
    *p.gone_ms = 0;
    *p.deleted_ms = 0;
    if (r->kind == KIND_GROUP)
        group_of(r)->create_lost = group_of(r)->taken = false;
    if (r->kind == KIND_DATABASE && database_of(r)->want && database_of(r)->want->protect_set)
        p.own->protect = database_of(r)->want->protect;
    if (r->kind == KIND_DATABASE) {
        database_of(r)->create_lost = database_of(r)->taken = false;
        db_config_deinit(&database_of(r)->applied);
        db_config_deinit(&database_of(r)->readback);
    }
}

void rc_take_over(struct reconcile *rc, struct effects *fx, struct resource *r, const char *origin)
{
    struct parts p = rc_parts(r);

    rc_own_new(rc, fx, r, "owned", origin);
    rc_set(fx, &p.own->id, p.live->id);
    rc_set(fx, &p.own->group_name, p.live->place);
    rc_set(fx, &p.own->hostname, p.live->hostname);
    if (r->kind == KIND_DATABASE && dropped_drafts_has(&rc->drafts, p.live->id))
        rc_set(fx, &p.own->upload, UPLOAD_FOUND); /* somebody has restored it: is it one still? */
    rc_put_own(rc, fx, r);
}

/* Nothing is to be configured after the create: from now on a difference is an update. */
static bool is_configured(const struct resource *r)
{
    const struct db_want *w =
        r->kind == KIND_DATABASE ? container_of(r, const struct database, r)->want : NULL;

    for (int f = 0; w && f < CONFIG_N; f++)
        if (w->config.value[f])
            return false;
    return true;
}

void rc_own_made(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct parts p = rc_parts(r);

    rc_set(fx, &p.own->state, "owned");
    rc_set(fx, &p.own->origin, "created");
    rc_set(fx, &p.own->id, p.live->id);
    rc_set(fx, &p.own->hostname, p.live->hostname);
    p.own->since = rc->wall_ms;
    *p.gone_ms = 0; /* of before it was made */
    forget_the_old(p.own, r);
    p.own->config_read = is_configured(r) ? rc->wall_ms : 0;
    rc_put_own(rc, fx, r);
    rc_approval_done(rc, fx, "create", r);
}

void rc_unmake(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct parts p = rc_parts(r);

    if (p.own->id && strcmp(p.own->state, "creating") == 0) { /* the one it was to replace */
        rc_set(fx, &p.own->state, "deleted");
        forget_the_new(fx, p.own);
        rc_put_own(rc, fx, r);
        return;
    }
    effects_remove(fx, LEDGER_OWNED, p.own);
    ledger_row_deinit(LEDGER_OWNED, p.own);
    *p.has_own = false;
}

/* The create whose answer was lost did happen. */
static void created_after_all(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    if (r->kind == KIND_DATABASE && database_of(r)->own.upload)
        rc_set(fx, &database_of(r)->own.upload, UPLOAD_FOUND);
    rc_own_made(rc, fx, r);
    rc_event(rc, fx, r, "Created", 6, NULL, "created; its answer had been lost, id %s",
             rc_parts(r).live->id);
    if (r->kind == KIND_GROUP)
        rc_replan_after(rc);
}

static void forget(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    if (r->kind == KIND_API_TOKEN) {
        rc_approval_done(rc, fx, "delete", r);
        rc_event(rc, fx, r, "Removed", 5, NULL, "nothing is left of it");
        rc_api_token_forget(fx, api_token_of(r));
        return;
    }
    if (is_token(r)) {
        struct token *t = token_of(r);

        effects_remove(fx, LEDGER_TOKEN, &t->held);
        ledger_row_deinit(LEDGER_TOKEN, &t->held);
        t->has_held = false;
        t->file_asked = false;
        return;
    }
    rc_unmake(rc, fx, r);
}

/* What an operator released keeps its token files, and they are looked after no more. */
static void forget_tokens(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct token **tokens = r->kind == KIND_GROUP ? group_of(r)->tokens : database_of(r)->tokens;
    size_t n = r->kind == KIND_GROUP ? group_of(r)->n_tokens : database_of(r)->n_tokens;

    for (size_t i = 0; i < n; i++)
        if (tokens[i]->has_held)
            forget(rc, fx, &tokens[i]->r);
}

static void release(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct parts p = rc_parts(r);

    rc_event(rc, fx, r, "Released", 5, NULL, "not ours any more%s, id %s",
             p.own->released ? "" : " (manage: observe)", p.own->id ? p.own->id : "none");
    rc_approval_done(rc, fx, "delete", r);
    if (p.own->released)
        forget_tokens(rc, fx, r);
    forget(rc, fx, r);
    rc_disowned(rc);
}

void rc_fence_forget(struct reconcile *rc, struct effects *fx, struct owned *own)
{
    if (own->fence && !own->fenced_since)
        own->fenced_since = rc->wall_ms;
    rc_set(fx, &own->fence, NULL);
}

/* Deleted, and read to be gone. The row stays, so that the name is not made again by itself. */
static void gone(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct parts p = rc_parts(r);
    bool is_draft = r->kind == KIND_DATABASE && upload_is_refused_draft(database_of(r));

    rc_event(rc, fx, r, "Removed", 5, NULL, "%s, id %s",
             is_draft ? "the draft is gone" : "deleted and gone", p.own->id);
    rc_approval_done(rc, fx, "delete", r);
    rc_count_is_of(rc, fx, "removal", r, p.own->id);
    if (is_draft) {
        rc_draft_drop(rc, fx, p.own->id); /* it is one still if it is seen again */
        upload_restart(database_of(r)->upload);
    }
    if (r->kind == KIND_GROUP || is_draft) { /* a draft's name is free: nothing was ever in it */
        forget(rc, fx, r);
    } else {
        rc_set(fx, &p.own->state, "deleted");
        rc_fence_forget(rc, fx, p.own);
        p.own->since = doubt_noted_ms(rc);
        p.own->removal_since = p.own->grace_spent = 0;
        rc_put_own(rc, fx, r);
    }
    *p.deleted_ms = 0;
    rc_disowned(rc);
}

/* Somebody restored it: ours as before, and what we fenced is let go. */
static void returned(struct reconcile *rc, struct effects *fx, struct database *d)
{
    rc_set(fx, &d->own.state, "owned");
    rc_set(fx, &d->own.group_name, d->live.place);
    rc_set(fx, &d->own.hostname, d->live.hostname);
    if (d->own.fenced_since)
        rc_set(fx, &d->own.fence, "lifting");
    d->own.fenced_since = d->own.missing_since = d->own.held = 0;
    d->own.recreate = d->own.purged = 0;
    d->own.probed = 0; /* whether its host is back, too, is asked */
    d->own.since = rc->wall_ms;
    d->own.wanted_since = d->want && doubt_clock_is_good(rc) ? rc->wall_ms : 0;
    rc_put_own(rc, fx, &d->r);
    rc_event(rc, fx, &d->r, "Returned", 5, NULL, "restored, and ours again, id %s", d->own.id);
    rc_replan_after(rc);
}

static void fence_stands(struct reconcile *rc, struct effects *fx, struct database *d)
{
    rc_set(fx, &d->own.fence, "set");
    d->own.fenced_since = rc->wall_ms;
    d->own.grace_spent = d->own.purged = 0;
    d->grace_mark_ms = rc->now_ms;
    d->live.checked = false; /* what confirmed it bore no id: a delete needs a read of its own */
    rc_put_own(rc, fx, &d->r);
    rc_event(rc, fx, &d->r, "Fenced", 5, NULL,
             "reads and writes are blocked; deleted when its grace ends");
}

/* What the fence gave way to: what was before, or what the manifest says by now. */
static void say_unfenced(const struct database *d, char *out, size_t size)
{
    const char *reads = unfence_target(d, CONFIG_BLOCK_READS);
    const char *writes = unfence_target(d, CONFIG_BLOCK_WRITES);

    if ((strcmp(reads, "true") == 0) == (d->own.fence_reads != 0) &&
        (strcmp(writes, "true") == 0) == (d->own.fence_writes != 0))
        snprintf(out, size, "it stays: reads and writes are as before");
    else
        snprintf(out, size, "it stays: block_reads is %s and block_writes is %s, as its entry says",
                 reads, writes);
}

static void fence_is_down(struct reconcile *rc, struct effects *fx, struct database *d)
{
    char text[128];

    say_unfenced(d, text, sizeof(text));
    rc_set(fx, &d->own.fence, NULL);
    d->own.fenced_since = d->own.grace_spent = d->own.removal_since = d->own.purged = 0;
    rc_put_own(rc, fx, &d->r);
    rc_approval_done(rc, fx, "delete", &d->r);
    rc_event(rc, fx, &d->r, "Unfenced", 5, NULL, "%s", text);
}

static void fence_gone(struct reconcile *rc, struct effects *fx, struct database *d)
{
    rc_set(fx, &d->own.fence, "lifted");
    d->own.purged = 0;
    d->removal_ok = false;
    rc_put_own(rc, fx, &d->r);
    rc_approval_done(rc, fx, "delete", &d->r);
    rc_event(rc, fx, &d->r, "FenceLifted", 4, NULL,
             "somebody lifted its fence; it is not deleted until that is approved");
}

static void missing(struct reconcile *rc, struct effects *fx, struct resource *r, int64_t since)
{
    rc_parts(r).own->missing_since = since;
    rc_put_own(rc, fx, r);
    if (r->kind == KIND_GROUP)
        rc_replan_after(rc);
}

/* How long a token lives that was minted with parameters "AUTHORIZATION EXPIRATION ...";
 * 0: for ever. */
static int64_t life_of(const char *params)
{
    char expiration[64];
    int64_t ms;

    if (sscanf(params ? params : "", "%*s %63s", expiration) != 1 ||
        !text_parse_duration(expiration, &ms))
        return 0;
    return ms;
}

static bool is_known(const struct reconcile *rc, const struct leak *leak)
{
    for (size_t i = 0; i < rc->n_leaks; i++) {
        const struct leak *l = &rc->leaks[i];

        if (l->at == leak->at && strcmp(l->name, leak->name) == 0 &&
            strcmp(l->target, leak->target) == 0 && strcmp(l->kind, leak->kind) == 0)
            return true;
    }
    return false;
}

/* A mint whose answer was lost: a token that nobody holds may live until it would expire.
 * One that came back and perhaps never reached its file is forgotten, and its file asked: to call
 * it published would make a lost file of it, a change that the guard counts. */
static void lose(struct reconcile *rc, struct effects *fx, struct token *t, bool again)
{
    bool unwritten = again && strcmp(t->held.state, "minted") == 0;
    int64_t life = life_of(t->held.asked ? t->held.asked : t->held.params);
    struct leak leak = {.kind = t->held.kind,
                        .target = t->held.target,
                        .name = t->held.name,
                        .at = rc->wall_ms,
                        .until = life > 0 ? rc->wall_ms + LANDS_WITHIN_MS + life : 0};

    while (is_known(rc, &leak))
        leak.at++; /* the row of another one that was lost in the same moment */
    effects_put(fx, LEDGER_LEAK, &leak);
    if (!mem_grow(&rc->leaks, &rc->leaks_capacity, rc->n_leaks + 1, sizeof(leak)) ||
        !ledger_row_copy(LEDGER_LEAK, &rc->leaks[rc->n_leaks], &leak))
        fx->failed = true;
    else
        rc->n_leaks++;
    rc_event(rc, fx, &t->r, "MintLost", 4, NULL,
             "a mint's answer was lost: a token may live that nobody holds%s",
             life > 0 ? "; it expires by itself" : " and that never expires");
    t->r.resolve_now = false;
    mem_free_secret(t->jwt, t->jwt_size);
    t->jwt = NULL;
    if (t->held.hash && t->held.file && !unwritten) {
        rc_set(fx, &t->held.state, "published");
        rc_set(fx, &t->held.asked, NULL);
        rc_put_token(rc, fx, t);
    } else {
        forget(rc, fx, &t->r);
        t->file_asked = !unwritten;
    }
}

bool rc_perform_local(struct reconcile *rc, struct effects *fx, struct resource *r,
                      const struct decision *d)
{
    if (r->kind == KIND_MEMBER)
        return rc_member_local(rc, fx, member_of(r), d);
    switch (d->act) {
    case ACT_ADOPT:
        rc_take_over(rc, fx, r, "adopted");
        rc_event(rc, fx, r, "Adopted", 5, NULL, "was live already, id %s", rc_parts(r).own->id);
        if (r->kind == KIND_GROUP)
            rc_replan_after(rc);
        return true;
    case ACT_RELEASE:
        release(rc, fx, r);
        return true;
    case ACT_OURS:
        created_after_all(rc, fx, r);
        return true;
    case ACT_RETURNED:
        returned(rc, fx, database_of(r));
        return true;
    case ACT_FENCED:
        fence_stands(rc, fx, database_of(r));
        return true;
    case ACT_FENCE_GONE:
        fence_gone(rc, fx, database_of(r));
        return true;
    case ACT_UNFENCED:
        fence_is_down(rc, fx, database_of(r));
        return true;
    case ACT_GONE:
        gone(rc, fx, r);
        return true;
    case ACT_MISS:
        missing(rc, fx, r, rc->wall_ms);
        return true;
    case ACT_UPLOAD_TAKE:
        rc_upload_take(rc, fx, database_of(r));
        return true;
    case ACT_FOUND:
        missing(rc, fx, r, 0);
        rc_event(rc, fx, r, "Found", 5, NULL, "it is back, under its own id");
        return true;
    case ACT_RETIME:
        token_of(r)->held.renews =
            rc_renewal(rc, token_of(r), token_of(r)->held.issued, token_of(r)->held.expires);
        rc_put_token(rc, fx, token_of(r));
        return true;
    case ACT_LOSE:
        if (r->kind == KIND_API_TOKEN)
            rc_api_token_lose(rc, fx, api_token_of(r));
        else
            lose(rc, fx, token_of(r), d->cause != NULL);
        return true;
    case ACT_FORGET:
        forget(rc, fx, r);
        return true;
    default:
        return false;
    }
}
