/* absorb_upload: what came of looking at a file, sending it, asking a draft's host, removing a
 * draft. What the host says never counts for or against the API token. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"

#define ASK_AGAIN_MS 1000
#define KEY_LIFE_MS  ((int64_t)55 * 60 * 1000) /* where the token itself does not say */
#define KEY_SPARE_MS (60 * 1000)
#define KEY_DEAD     "its host refuses the token; another one is minted"

bool rc_is_upload_act(const struct flight *f)
{
    return f->act == ACT_LOOK_SEED || f->act == ACT_UPLOAD_KEY || f->act == ACT_UPLOAD ||
           f->act == ACT_UPLOAD_ASK || f->act == ACT_DROP_DRAFT;
}

static void set_state(struct reconcile *rc, struct effects *fx, struct database *d,
                      const char *state)
{
    rc_set(fx, &d->own.upload, state);
    rc_put_own(rc, fx, &d->r);
}

/* Nobody can say that it was never filled: from now on it is deleted like any other, or not. */
static void no_draft(struct effects *fx, struct database *d)
{
    rc_set(fx, &d->own.draft_id, NULL);
}

/* What failed before still counts, unless it was this. */
static void succeeded(struct resource *r, enum act act)
{
    if (r->failed_act == (int)act)
        rc_succeeded(r);
}

/* It is a database like any other from here. */
static void is_there(struct reconcile *rc, struct effects *fx, struct database *d)
{
    no_draft(fx, d);
    set_state(rc, fx, d, NULL);
    upload_free(d->upload);
    d->upload = NULL;
    d->live.read_ms = 0; /* Ready once it reads back */
    d->live.listed = false;
    rc_succeeded(&d->r);
    if (rc->by_reason[REASON_WAITING_FOR_SEED])
        rc_replan_after(rc);
}

/* --- the file --- */

static void note_file(struct reconcile *rc, struct effects *fx, struct database *d,
                      const struct answer *a)
{
    struct upload *u = d->upload;
    bool bad = a->outcome == OUTCOME_SEED_FILE;

    if (bad && (!u->file_error || strcmp(u->file_error, a->error) != 0))
        rc_event(rc, fx, &d->r, "SeedFile", 4, NULL, "%s", a->error);
    rc_set(fx, &u->file_error, bad ? a->error : NULL);
    rc_set(fx, &u->file_state, bad ? NULL : a->seed_state);
    u->file_digest = d->r.digest;
    u->looked_ms = rc->now_ms;
}

static void looked(struct reconcile *rc, struct effects *fx, struct database *d,
                   const struct answer *a)
{
    if (a->outcome == OUTCOME_OK || a->outcome == OUTCOME_SEED_FILE) {
        succeeded(&d->r, ACT_LOOK_SEED);
        note_file(rc, fx, d, a);
    } else if (a->outcome != OUTCOME_CANCELED) {
        rc_failed(rc, fx, &d->r, ACT_LOOK_SEED, REASON_SEED_FILE, -1, a->error);
    }
}

/* --- the token --- */

static void key_came(struct reconcile *rc, struct effects *fx, const struct flight *f,
                     struct answer *a)
{
    struct database *d = database_of(f->r);
    struct upload *u = d->upload;
    int64_t ends_ms = a->token.expires_ms ? a->token.expires_ms : rc->wall_ms + KEY_LIFE_MS;

    if (a->token.target_id && strcmp(a->token.target_id, d->own.id) != 0) {
        rc_event(rc, fx, &d->r, "WrongTarget", 3, a,
                 "the token that came back opens %s, not %s; it is not used", a->token.target_id,
                 d->own.id);
        d->live.checked = false;
        rc_failed(rc, fx, &d->r, f->act, REASON_CONFLICT, -1, NULL);
        rc_observe(rc);
        return;
    }
    upload_drop_key(u);
    u->key = a->token.jwt;
    u->key_size = a->token.jwt_size;
    u->key_until_ms = ends_ms - KEY_SPARE_MS;
    a->token.jwt = NULL;
    succeeded(&d->r, f->act);
}

static void key_answered(struct reconcile *rc, struct effects *fx, const struct flight *f,
                         struct answer *a)
{
    if (a->outcome == OUTCOME_OK) {
        key_came(rc, fx, f, a);
    } else if (!rc_absorb_failure(rc, fx, f, a)) { /* 404: it is gone, or hidden */
        rc_failed(rc, fx, f->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        rc_observe(rc);
    }
}

/* --- the upload --- */

/* New, it may not be known to its host yet. */
static bool is_starting(const struct reconcile *rc, const struct database *d)
{
    return rc->wall_ms - d->own.since < STARTS_WITHIN_MS;
}

static void lost(struct reconcile *rc, struct effects *fx, const struct flight *f,
                 const struct answer *a)
{
    struct database *d = database_of(f->r);

    no_draft(fx, d);
    rc_put_own(rc, fx, &d->r);
    d->upload->host = HOST_UNASKED;
    rc_failed(rc, fx, &d->r, f->act, rc_reason_of(a->outcome), a->retry_after_ms, a->error);
    rc_event(rc, fx, &d->r, "UploadLost", 4, a,
             "no answer to the upload (%s%s%s): its host is asked what is there",
             OUTCOME_INFO[a->outcome].text, a->error[0] ? ": " : "", a->error);
}

/* The platform has seen the file and does not take it. What it says after an upload that was lost
 * may be of that one: its host is asked, all the same. */
static void refused(struct reconcile *rc, struct effects *fx, struct database *d,
                    const struct answer *a)
{
    struct upload *u = d->upload;

    rc_set(fx, &u->refused_text, a->error[0] ? a->error : OUTCOME_INFO[a->outcome].text);
    rc_set(fx, &u->refused_state, a->seed_state);
    rc_set(fx, &u->file_state, a->seed_state);
    u->refused_digest = d->r.digest;
    u->refused_until_ms = rc->now_ms + REFUSED_AGAIN_MS;
    u->host = HOST_UNASKED;
    set_state(rc, fx, d, d->own.draft_id ? UPLOAD_REFUSED : UPLOAD_SENDING);
    rc_event(rc, fx, &d->r, "UploadRefused", 4, a, "%s: %s (HTTP %d)", d->want->seed_upload,
             u->refused_text, a->http_status);
    rc->replan = true; /* the guard is asked about the draft */
}

/* Nothing of it is there, for sure. */
static void not_taken(struct reconcile *rc, struct effects *fx, const struct flight *f,
                      const struct answer *a)
{
    struct database *d = database_of(f->r);
    struct upload *u = d->upload;

    set_state(rc, fx, d, UPLOAD_DUE);
    if (a->outcome == OUTCOME_SEED_FILE) {
        note_file(rc, fx, d, a);
    } else if (a->outcome == OUTCOME_UNAUTHORIZED) { /* the keys were rotated: with another token */
        upload_drop_key(u);
        rc_failed(rc, fx, &d->r, f->act, REASON_REFUSED, a->retry_after_ms, KEY_DEAD);
    } else if (a->outcome == OUTCOME_NOT_FOUND && is_starting(rc, d)) {
        u->again_ms = rc->now_ms + ASK_AGAIN_MS;
    } else if (a->outcome == OUTCOME_NOT_FOUND) {
        rc_failed(rc, fx, &d->r, f->act, REASON_WAITING_FOR_HOST, a->retry_after_ms, a->error);
    } else if (OUTCOME_INFO[a->outcome].retry) {
        rc_failed(rc, fx, &d->r, f->act, rc_reason_of(a->outcome), a->retry_after_ms, a->error);
    } else {
        rc_refuse(rc, fx, &d->r, a->outcome == OUTCOME_PLAN ? REASON_PLAN_REFUSED : REASON_REFUSED,
                  f->act, a);
    }
}

static void sent(struct reconcile *rc, struct effects *fx, const struct flight *f,
                 const struct answer *a)
{
    struct database *d = database_of(f->r);

    d->upload->running = false;
    rc->uploading = NULL;
    if (rc->by_reason[REASON_WAITING_FOR_UPLOAD])
        rc_replan_after(rc);
    if (!upload_is(d, UPLOAD_SENDING))
        return; /* an operator has said otherwise meanwhile */
    switch (a->outcome) {
    case OUTCOME_OK:
        rc_event(rc, fx, &d->r, "Uploaded", 6, a, "%s, %" PRId64 " bytes",
                 d->want && d->want->seed_upload ? d->want->seed_upload : "its file", a->seed_size);
        is_there(rc, fx, d);
        return;
    case OUTCOME_CANCELED: /* by our own end: the next life asks */
        return;
    case OUTCOME_UNKNOWN:
    case OUTCOME_MALFORMED:
    case OUTCOME_UNAVAILABLE:
        lost(rc, fx, f, a);
        return;
    case OUTCOME_INVALID:
    case OUTCOME_CONFLICT:
        if (d->want && d->want->seed_upload)
            refused(rc, fx, d, a);
        else
            set_state(rc, fx, d, UPLOAD_DUE);
        return;
    default:
        not_taken(rc, fx, f, a);
    }
}

/* --- its own host --- */

static void note_host(struct reconcile *rc, struct effects *fx, struct upload *u,
                      enum upload_host host, int64_t sent_ms, const char *what)
{
    if (host == HOST_NONE && (u->host != HOST_NONE || sent_ms - u->host_ms > UPLOAD_SURE_MS))
        u->none_since_ms = sent_ms; /* long unasked is as good as a break */
    u->host = host;
    u->host_ms = rc->now_ms;
    rc_set(fx, &u->host_text, what);
}

/* What follows from it for one whose upload, or create, had no answer; and for one whose file was
 * refused, but which is no draft. */
static void resolve(struct reconcile *rc, struct effects *fx, struct database *d)
{
    struct upload *u = d->upload;
    bool sure = u->host == HOST_NONE && u->host_ms - u->none_since_ms >= UPLOAD_SURE_MS;

    if (upload_is(d, UPLOAD_SENDING) && u->host == HOST_HOLDS) {
        no_draft(fx, d);
        rc_event(rc, fx, &d->r, "Uploaded", 6, NULL, "its file is there; the answer had been lost");
        is_there(rc, fx, d);
    } else if (sure && (upload_is(d, UPLOAD_SENDING) || upload_is(d, UPLOAD_FOUND))) {
        if (upload_is(d, UPLOAD_SENDING))
            no_draft(fx, d); /* begun in another life, perhaps */
        rc_event(rc, fx, &d->r, "UploadDue", 5, NULL, "its host still waits for its file");
        set_state(rc, fx, d, UPLOAD_DUE);
    } else if (upload_is(d, UPLOAD_REFUSED) && (u->host == HOST_HOLDS || u->host == HOST_EMPTY)) {
        set_state(rc, fx, d, UPLOAD_FOUND); /* gone, it is missed */
    }
}

static void asked(struct reconcile *rc, struct effects *fx, const struct flight *f,
                  const struct answer *a)
{
    struct database *d = database_of(f->r);
    struct upload *u = d->upload;

    if (a->outcome == OUTCOME_OK) {
        note_host(rc, fx, u, a->holds_something ? HOST_HOLDS : HOST_EMPTY, f->sent_ms, NULL);
    } else if (a->outcome == OUTCOME_NOT_FOUND) {
        note_host(rc, fx, u, HOST_NONE, f->sent_ms, NULL);
    } else if (a->outcome == OUTCOME_UNAUTHORIZED) {
        upload_drop_key(u);
        rc_failed(rc, fx, &d->r, f->act, REASON_REFUSED, a->retry_after_ms, KEY_DEAD);
        return;
    } else if (OUTCOME_INFO[a->outcome].retry) {
        rc_failed(rc, fx, &d->r, f->act, rc_reason_of(a->outcome), a->retry_after_ms, a->error);
        return;
    } else if (a->outcome != OUTCOME_CANCELED) {
        note_host(rc, fx, u, HOST_UNCLEAR, f->sent_ms, a->error);
    }
    succeeded(&d->r, f->act);
    resolve(rc, fx, d);
}

/* Its entry names no file any more, and its host answers. */
void rc_upload_take(struct reconcile *rc, struct effects *fx, struct database *d)
{
    rc_event(rc, fx, &d->r, "Taken", 5, NULL, "what is in it stays: its entry names no file");
    is_there(rc, fx, d);
}

/* --- removing the draft --- */

static void dropped(struct reconcile *rc, struct effects *fx, const struct flight *f,
                    const struct answer *a)
{
    struct database *d = database_of(f->r);

    if (a->outcome == OUTCOME_OK || a->outcome == OUTCOME_NOT_FOUND)
        d->deleted_ms = rc->now_ms;
    else
        rc_absorb_failure(rc, fx, f, a);
}

void rc_absorb_upload(struct reconcile *rc, struct effects *fx, const struct flight *f,
                      struct answer *a)
{
    struct database *d = database_of(f->r);

    switch (f->act) {
    case ACT_LOOK_SEED:
        looked(rc, fx, d, a);
        break;
    case ACT_UPLOAD_KEY:
        key_answered(rc, fx, f, a);
        break;
    case ACT_UPLOAD:
        sent(rc, fx, f, a);
        break;
    case ACT_UPLOAD_ASK:
        asked(rc, fx, f, a);
        break;
    default:
        dropped(rc, fx, f, a);
    }
}

void rc_upload_progress(struct reconcile *rc, struct effects *fx, int64_t done, int64_t total)
{
    struct resource *r = (struct resource *)(uintptr_t)rc->uploading;
    char text[96];

    if (!r || total <= 0)
        return;
    snprintf(text, sizeof(text), "%.1f of %.1f MB sent (%d %%)", (double)done / 1e6,
             (double)total / 1e6, (int)(done * 100 / total));
    rc_set_phase(rc, fx, r, PHASE_WORKING, REASON_UPLOADING, text);
}
