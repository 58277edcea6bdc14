/* absorb_token: mints, token files and hooks come back. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "lib/text.h"

static void wipe(struct token *t)
{
    mem_free_secret(t->jwt, t->jwt_size);
    t->jwt = NULL;
    t->jwt_size = 0;
}

static struct owned *own_of(struct resource *target)
{
    return target->kind == KIND_GROUP ? &group_of(target)->own : &database_of(target)->own;
}

/* An API token does not expire: it is made anew when rotate_every is over, or up to a tenth of that
 * sooner. */
static int64_t rotation(struct reconcile *rc, const struct api_token *a, int64_t issued)
{
    int64_t every = a->want ? a->want->rotate_every_ms : 0;

    return every ? issued + every - (int64_t)(rc_random(rc) % (uint64_t)(every / 10)) : 0;
}

/* When to renew: renew_before ahead of the end, and up to a tenth of that sooner, so that tokens
 * minted together are not renewed together. 0: never. */
int64_t rc_renewal(struct reconcile *rc, const struct token *t, int64_t issued, int64_t expires)
{
    int64_t before = t->want ? t->want->renew_before_ms : 0;
    int64_t at;

    if (t->r.kind == KIND_API_TOKEN)
        return rotation(rc, container_of(t, const struct api_token, t), issued);

    if (!before || before >= expires - issued) /* a life shorter than was asked for */
        before = (expires - issued) / 3;

    if (!expires)
        return 0;
    at = expires - before - (int64_t)(rc_random(rc) % (uint64_t)(before / 10 + 1));
    return at > issued ? at : issued + 1;
}

/* The mint is known not to have happened: the row is as it was. */
static void not_minted(struct reconcile *rc, struct effects *fx, struct token *t)
{
    if (t->held.hash) {
        rc_set(fx, &t->held.asked, NULL);
        rc_set(fx, &t->held.state, t->held.file ? "published" : "removed");
        rc_put_token(rc, fx, t);
        return;
    }
    effects_remove(fx, LEDGER_TOKEN, &t->held);
    ledger_row_deinit(LEDGER_TOKEN, &t->held);
    t->has_held = false;
}

/* Where the token so far is, until the new one stands: its file goes then, or is the same. What is
 * noted of another file already is not forgotten for it. */
static void note_stale(struct effects *fx, struct token *t)
{
    if (!t->held.file || !t->held.hash || t->held.stale_file)
        return;
    rc_set(fx, &t->held.stale_file, t->held.file);
    rc_set(fx, &t->held.stale_hash, t->held.hash);
    t->held.stale_format = t->held.format;
}

static void note_row(struct reconcile *rc, struct effects *fx, struct token *t, const char *target,
                     const char *target_id, const struct live_token *from)
{
    struct world w;
    char *path = token_path(target, t);

    rc_world(rc, &w);
    if (!path) {
        fx->failed = true;
    } else {
        note_stale(fx, t);
        rc_set(fx, &t->held.file, path);
    }
    mem_free(path);
    if (t->want) {
        t->held.format = t->want->format;
        t->held.mode = token_mode(&w, t->want);
    }
    rc_set(fx, &t->held.target_id, target_id);
    rc_set(fx, &t->held.hash, from->hash);
    t->held.issued = from->issued_ms ? from->issued_ms : rc->wall_ms;
    t->held.expires = from->expires_ms;
    if (!from->expires_ms && t->want &&
        t->want->expiration_ms) /* the token does not say; we know what was asked */
        t->held.expires = rc->wall_ms + t->want->expiration_ms;
    t->held.renews = rc_renewal(rc, t, t->held.issued, t->held.expires);
}

/* A token says what lives under that name now, whatever a list has said. */
static void usurped(struct effects *fx, struct resource *target, const char *id)
{
    struct live *l =
        target->kind == KIND_GROUP ? &group_of(target)->live : &database_of(target)->live;

    live_clear(l);
    l->present = true;
    rc_set(fx, &l->id, id);
}

void rc_note_minted(struct reconcile *rc, struct effects *fx, struct token *t, const char *target,
                    const char *target_id, struct answer *a)
{
    note_row(rc, fx, t, target, target_id, &a->token);
    t->minting = false;
    t->minted_ms = rc->now_ms;
    rc_succeeded(&t->r);
    rc_set(fx, &t->held.state, "minted");
    rc_set(fx, &t->held.cause, t->cause);
    wipe(t);
    t->jwt = a->token.jwt;
    t->jwt_size = a->token.jwt_size;
    a->token.jwt = NULL;
    t->file_gone = t->dead = false;
    rc_put_token(rc, fx, t);
}

static void minted(struct reconcile *rc, struct effects *fx, const struct flight *f,
                   struct answer *a)
{
    struct token *t = token_of(f->r);
    const char *id = own_of(f->target)->id;

    if (a->token.target_id && id && strcmp(a->token.target_id, id) != 0) {
        /* It opens another database of this name: not ours to hand out. */
        rc_event(rc, fx, &t->r, "WrongTarget", 3, a,
                 "the token that came back opens %s, not %s; it is not handed out",
                 a->token.target_id, id);
        usurped(fx, f->target, a->token.target_id);
        rc_failed(rc, fx, &t->r, f->act, REASON_CONFLICT, -1, NULL);
        rc_observe(rc);
        return; /* the row says "minting": it is accounted for as lost */
    }
    if (!id || (!t->want && !t->held.file)) { /* what it opens was let go; or nobody wants it any
                                               * more, nor ever had a file of it */
        rc_event(rc, fx, &t->r, "Unwanted", 5, a,
                 "the token that came back is not in the manifest any more; it is not written");
        return; /* likewise */
    }
    if (f->target->kind == KIND_DATABASE && mint_is_update(t->cause))
        rc_approval_done(rc, fx, "update", f->target);
    rc_note_minted(rc, fx, t, f->target->name, id, a);
    if (rc_rotated_since(rc, f->target, f->sent_ms)) { /* it may be dead already: once more */
        t->minted_ms = 0;
        t->held.renews = 1;
        rc_put_token(rc, fx, t);
    }
}

static bool was_not_minted(enum outcome o)
{
    return o != OUTCOME_OK && o != OUTCOME_UNKNOWN && o != OUTCOME_MALFORMED &&
           o != OUTCOME_UNAVAILABLE && o != OUTCOME_CANCELED;
}

/* The id that a read of a group or database tells; NULL: none. */
static const char *id_read(const struct answer *a, const struct resource *target)
{
    if (a->outcome != OUTCOME_OK)
        return NULL;
    return target->kind == KIND_GROUP ? a->groups[0].id : a->databases[0].id;
}

static void target_read(struct reconcile *rc, struct effects *fx, const struct flight *f,
                        const struct answer *a)
{
    struct flight read = *f;

    read.r = f->target;
    read.act = ACT_READ;
    if (f->target->busy) { /* it is in other hands, which will tell; but it may be another by now */
        const char *id = id_read(a, f->target);

        if (a->outcome == OUTCOME_NOT_FOUND)
            rc_failed(rc, fx, f->r, f->act, REASON_NOT_FOUND, -1, NULL);
        if (a->outcome == OUTCOME_NOT_FOUND && f->sent_ms >= rc_parts(f->target).live->written_ms)
            live_clear(rc_parts(f->target).live); /* it is read by itself before more is sent */
        else if (id && own_of(f->target)->id && strcmp(id, own_of(f->target)->id) != 0)
            usurped(fx, f->target, id);
        return;
    }
    rc_absorb(rc, fx, &read, (struct answer *)(uintptr_t)a);
}

void rc_absorb_token(struct reconcile *rc, struct effects *fx, const struct flight *f,
                     struct answer *a)
{
    struct token *t = token_of(f->r);

    if (f->act == ACT_READ_TARGET) {
        if (a->outcome == OUTCOME_OK || a->outcome == OUTCOME_NOT_FOUND)
            target_read(rc, fx, f, a);
        else
            rc_absorb_failure(rc, fx, f, a);
        return;
    }
    t->minting = false;
    if (a->outcome == OUTCOME_OK) {
        minted(rc, fx, f, a);
        return;
    }
    if (was_not_minted(a->outcome))
        not_minted(rc, fx, t);
    if (!rc_absorb_failure(rc, fx, f, a)) { /* 404: the target is gone, or hidden */
        rc_failed(rc, fx, &t->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        rc_observe(rc);
    }
}

/* --- files --- */

static void owe_hook(struct effects *fx, struct token *t, const char *cause)
{
    if (t->want && !t->want->absent)
        rc_set(fx, &t->held.hook, t->want->notify);
    if (t->held.hook)
        rc_set(fx, &t->held.notify, t->held.hook);
    rc_set(fx, &t->held.cause, cause);
    t->hook_again = t->hook_busy;
}

static void forget_stale(struct effects *fx, struct token *t)
{
    rc_set(fx, &t->held.stale_file, NULL);
    rc_set(fx, &t->held.stale_hash, NULL);
}

/* Gone, or another's by now: either way nothing of ours is left there. */
static void stale_removed(struct reconcile *rc, struct effects *fx, struct token *t)
{
    forget_stale(fx, t);
    rc_put_token(rc, fx, t);
}

static void published(struct reconcile *rc, struct effects *fx, struct token *t)
{
    bool renewed = t->cause && strcmp(t->cause, "renewed") == 0;
    char until[TEXT_TIME_SIZE];

    wipe(t);
    rc_set(fx, &t->held.state, "published");
    if (t->held.asked) /* as it was asked for, whatever the manifest says by now */
        rc_set(fx, &t->held.params, t->held.asked);
    rc_set(fx, &t->held.asked, NULL);
    if (t->held.stale_file && strcmp(t->held.stale_file, t->held.file) == 0)
        forget_stale(fx, t);
    owe_hook(fx, t, t->cause ? t->cause : "published");
    rc_put_token(rc, fx, t);
    if (t->held.expires)
        text_time(t->held.expires, until);
    rc_event(rc, fx, &t->r, renewed ? "Renewed" : "Minted", 6, NULL, "%s in %s, %s%s",
             t->held.cause, t->held.file, t->held.expires ? "good until " : "never expires",
             t->held.expires ? until : "");
    if (t->r.kind == KIND_API_TOKEN)
        rc_api_token_published(rc, fx, api_token_of(&t->r));
}

/* Minted in an earlier life, and not in the file it was for: what was there before it is, or else
 * may be, where it was, and the mint counts as one whose answer was lost. */
static void not_written(struct reconcile *rc, struct effects *fx, struct token *t,
                        const struct file_result *res)
{
    struct resource *target = token_target(&rc->fleet, t);
    bool same_file = strcmp(t->held.stale_file, t->held.file) == 0;
    bool stands = same_file && res->outcome == FILE_DONE && t->held.stale_hash &&
                  strcmp(res->hash, t->held.stale_hash) == 0;

    if (!same_file || stands) {
        rc_set(fx, &t->held.state, "minting");
        rc_set(fx, &t->held.file, t->held.stale_file);
        rc_set(fx, &t->held.hash, t->held.stale_hash);
        t->held.format = t->held.stale_format;
        t->held.renews = 1; /* at once: its end was not kept, nor what it opens */
    }
    if (stands) {
        rc_set(fx, &t->held.target_id, res->target_id);
        t->held.issued = res->issued_ms;
        t->held.expires = res->expires_ms;
        if (!rc_is_cut_off(rc, target, res->issued_ms))
            t->held.renews = rc_renewal(rc, t, res->issued_ms, res->expires_ms);
    }
    forget_stale(fx, t);
    rc_put_token(rc, fx, t);
}

/* A file that was there before us, with a token that is as the manifest wants it; or that a mint
 * of ours did reach before we were ended. */
static void found(struct reconcile *rc, struct effects *fx, struct token *t,
                  const struct file_result *res)
{
    struct resource *target = token_target(&rc->fleet, t);
    struct live_token from = {.issued_ms = res->issued_ms, .expires_ms = res->expires_ms};
    const char *id = own_of(target)->id;
    bool read_only = t->want && t->want->authorization == AUTH_READ_ONLY;

    t->file_asked = true;
    if (t->has_held) { /* "minted" in an earlier life: was it written? */
        if (res->outcome == FILE_DONE && t->held.hash && strcmp(res->hash, t->held.hash) == 0)
            published(rc, fx, t);
        else if (t->held.stale_file)
            not_written(rc, fx, t, res);
        return;
    }
    if (res->outcome != FILE_DONE || !t->want || t->want->absent || !id ||
        strcmp(res->target_id, id) != 0 || res->read_only != read_only || t->want->permissions ||
        (res->expires_ms && res->expires_ms <= rc->wall_ms) ||
        (res->expires_ms == 0) != (t->want->expiration_ms == 0) ||
        rc_is_cut_off(rc, target, res->issued_ms))
        return;
    t->has_held = true;
    rc_set(fx, &t->held.kind, KIND_NAME[t->r.kind]);
    rc_set(fx, &t->held.target, target->name);
    rc_set(fx, &t->held.name, t->short_name);
    memcpy(from.hash, res->hash, sizeof(from.hash));
    note_row(rc, fx, t, target->name, id, &from);
    rc_note_params(fx, t, &t->held.params);
    rc_set(fx, &t->held.state, "published");
    rc_put_token(rc, fx, t);
    rc_event(rc, fx, &t->r, "TakenOver", 6, NULL, "the token found in %s is good and is kept",
             t->held.file);
}

static void moved(struct reconcile *rc, struct effects *fx, struct token *t)
{
    struct resource *target = token_target(&rc->fleet, t);
    char *path = token_path(target ? target->name : NULL, t);
    struct world w;

    rc_world(rc, &w);
    if (!path)
        fx->failed = true;
    else
        rc_set(fx, &t->held.file, path);
    mem_free(path);
    if (t->want) {
        t->held.format = t->want->format;
        t->held.mode = token_mode(&w, t->want);
    }
    owe_hook(fx, t, "moved");
    rc_put_token(rc, fx, t);
    rc_event(rc, fx, &t->r, "Moved", 6, NULL, "now in %s", t->held.file);
}

static void removed(struct reconcile *rc, struct effects *fx, struct token *t)
{
    char until[TEXT_TIME_SIZE];

    rc_set(fx, &t->held.state, "removed");
    owe_hook(fx, t, "removed");
    rc_put_token(rc, fx, t);
    if (t->r.kind == KIND_API_TOKEN) {
        rc_event(rc, fx, &t->r, "Removed", 5, NULL, "%s is removed", t->held.file);
        return;
    }
    rc_event(rc, fx, &t->r, "Removed", 5, NULL, "%s is removed; the token works until %s",
             t->held.file,
             t->held.expires ? text_time(t->held.expires, until) : "its keys are rotated");
}

static void trouble(struct reconcile *rc, struct effects *fx, struct token *t,
                    const struct file_result *res)
{
    enum reason why = res->outcome == FILE_UNMARKED ? REASON_UNMARKED : REASON_FILE_FAILED;

    if (res->outcome == FILE_UNMARKED)
        rc->tokens_unmarked = true;
    if (t->r.failure != why)
        rc_event(rc, fx, &t->r, "FileFailed", 4, NULL, "%s", res->error);
    rc_failed(rc, fx, &t->r, ACT_WRITE_FILE, why, -1, res->error);
}

/* It is not there, or a link or a directory is in its place. */
static void file_lost(struct reconcile *rc, struct effects *fx, struct token *t,
                      const struct file_result *res)
{
    t->file_gone = true;
    rc->replan = true;
    if (res->outcome == FILE_ABSENT)
        rc_event(rc, fx, &t->r, "FileLost", 4, NULL, "%s has gone; the token is minted anew",
                 t->held.file);
    else
        rc_event(rc, fx, &t->r, "FileLost", 4, NULL, "%s; the token is minted anew", res->error);
}

static void absorb_result(struct reconcile *rc, struct effects *fx, struct token *t, enum act act,
                          const struct file_result *res)
{
    if (res->outcome == FILE_FAILED || res->outcome == FILE_UNMARKED) {
        if (res->kind != FILE_CHECK || res->outcome == FILE_UNMARKED)
            trouble(rc, fx, t, res);
        return;
    }
    rc->tokens_unmarked = false;
    if (res->kind != FILE_CHECK)
        rc_succeeded(&t->r);
    switch (res->kind) {
    case FILE_REVEAL: /* the shell asks for those by itself */
        break;
    case FILE_PUBLISH:
        published(rc, fx, t);
        return;
    case FILE_READ:
        found(rc, fx, t, res);
        return;
    case FILE_MOVE:
        if (res->outcome == FILE_DONE)
            moved(rc, fx, t);
        else
            t->file_gone = true;
        return;
    case FILE_REMOVE:
        if (act == ACT_REMOVE_STALE)
            stale_removed(rc, fx, t);
        else
            removed(rc, fx, t);
        return;
    case FILE_CHECK:
        if (res->outcome != FILE_DONE && !t->file_gone) {
            file_lost(rc, fx, t, res);
        } else if (t->r.failure == REASON_UNMARKED) {
            rc_succeeded(&t->r);
        }
        return;
    }
}

void rc_absorb_file(struct reconcile *rc, struct effects *fx, const struct file_result *res)
{
    struct resource *target;
    struct flight f;

    if (!rc_land(rc, res->job_id, &f))
        return;
    if (res->kind == FILE_CHECK)
        rc_checked_file(rc, fx);
    if (!f.r)
        return;
    f.r->busy = false;
    absorb_result(rc, fx, token_of(f.r), f.act, res);
    rc_consider(rc, fx, f.r);
    target = token_target(&rc->fleet, token_of(f.r));
    if (target && target->reason == REASON_WAITING_FOR_TOKEN)
        rc_consider(rc, fx, target);
}
