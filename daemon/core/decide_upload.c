/* decide_upload: what a database that is made from a file needs next: its file looked at, a token
 * for its own host, the upload; where an answer was lost, a question to the host; where the file
 * was refused, the end of the draft. */
#include "core/upload.h"

#include <stdio.h>
#include <string.h>

#include "core/decide_act.h"

#define ASK_AGAIN_MS (20 * 1000)

bool upload_is(const struct database *d, const char *state)
{
    return d->own.upload && strcmp(d->own.upload, state) == 0;
}

bool upload_is_due(const struct database *d)
{
    return d->has_own && d->own.upload;
}

bool upload_is_refused_draft(const struct database *d)
{
    return upload_is(d, UPLOAD_REFUSED) && d->own.draft_id && d->own.id &&
           strcmp(d->own.draft_id, d->own.id) == 0 && strcmp(d->own.origin, "created") == 0 &&
           !d->own.fence;
}

bool upload_is_going(const struct dropped_drafts *drafts, const struct database *d)
{
    return d->has_own && strcmp(d->own.state, "owned") == 0 && upload_is_refused_draft(d) &&
           dropped_drafts_has(drafts, d->own.draft_id);
}

/* --- the file --- */

static int64_t look_again_ms(const struct world *w, const struct database *d)
{
    const struct upload *u = d->upload;

    return u && u->looked_ms && u->file_digest == d->r.digest
               ? u->looked_ms + w->config->reconcile.interval_ms
               : 0;
}

/* The platform has refused this very file for this very entry. */
static bool is_file_refused(const struct world *w, const struct database *d)
{
    const struct upload *u = d->upload;

    return u && u->refused_text && u->refused_digest == d->r.digest &&
           w->now_ms < u->refused_until_ms &&
           (!u->file_state || !u->refused_state || strcmp(u->file_state, u->refused_state) == 0);
}

static void say_file(const struct world *w, const struct database *d, struct decision *out)
{
    const struct upload *u = d->upload;

    if (u && u->file_error) {
        say_blocked(out, REASON_SEED_FILE);
        snprintf(out->message, sizeof(out->message),
                 "%s (looked at again every %lld s, or on sync)", u->file_error,
                 (long long)(w->config->reconcile.interval_ms / 1000));
    } else if (is_file_refused(w, d)) {
        say_blocked(out, REASON_UPLOAD_REFUSED);
        snprintf(out->message, sizeof(out->message),
                 "the platform refused %s: %s (tried again when the file or the entry changes, and "
                 "on sync)",
                 d->want->seed_upload, u->refused_text);
    }
}

bool decide_seed_file(const struct world *w, const struct database *d, struct decision *out)
{
    int64_t again_ms = look_again_ms(w, d);
    const struct upload *u = d->upload;

    if (!d->want->seed_upload)
        return false;
    if (w->now_ms < again_ms && !u->file_error && !is_file_refused(w, d))
        return false;
    if (w->now_ms >= again_ms) /* what is known of it stands until it was looked at */
        say_act(out, ACT_LOOK_SEED,
                u && (u->file_error || is_file_refused(w, d)) ? LANE_SWEEP : LANE_CREATE);
    else
        say_wake(out, again_ms);
    say_file(w, d, out);
    return true;
}

/* --- its own host --- */

/* False: there is a key to ask with. */
static bool decide_key(const struct world *w, const struct database *d, struct decision *out)
{
    const struct upload *u = d->upload;

    if (u && u->key && w->wall_ms < u->key_until_ms)
        return false;
    if (!say_refused(w, &d->r, ACT_UPLOAD_KEY, out))
        say_act(out, ACT_UPLOAD_KEY, LANE_FINISH);
    return true;
}

static bool is_asked_lately(const struct world *w, const struct upload *u)
{
    return u && u->host != HOST_UNASKED && w->now_ms - u->host_ms < ASK_AGAIN_MS;
}

/* Its host has said for a minute, and a moment ago, that it has no such database. */
static bool is_surely_none(const struct world *w, const struct upload *u)
{
    return u && u->host == HOST_NONE && u->host_ms - u->none_since_ms >= UPLOAD_SURE_MS &&
           w->now_ms - u->host_ms <= CHECKED_FOR_MS;
}

static void decide_ask(const struct world *w, const struct database *d, struct decision *out)
{
    if (is_asked_lately(w, d->upload)) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_HOST);
        say_wake(out, d->upload->host_ms + ASK_AGAIN_MS);
    } else if (!decide_key(w, d, out)) {
        say_act(out, ACT_UPLOAD_ASK, LANE_RESOLVE);
    }
}

/* Somebody has to look; its host is asked again once a day, and on request. */
static void say_unknown(const struct world *w, const struct database *d, const char *text,
                        struct decision *out)
{
    const struct upload *u = d->upload;

    if (w->now_ms - u->host_ms >= REFUSED_AGAIN_MS) {
        decide_ask(w, d, out);
        return;
    }
    say_blocked(out, REASON_UPLOAD_UNKNOWN);
    say_wake(out, u->host_ms + REFUSED_AGAIN_MS);
    if (text)
        snprintf(out->message, sizeof(out->message), "%s", text);
    else
        snprintf(
            out->message, sizeof(out->message),
            "whether its file is there cannot be told%s%s; nothing is done to it, and its host "
            "is asked again daily, and on sync",
            u->host_text ? ": " : "", u->host_text ? u->host_text : "");
}

/* False: its host says that it is a draft, or has not been asked. */
static bool is_unknown(const struct world *w, const struct database *d, struct decision *out)
{
    const struct upload *u = d->upload;

    if (!u || u->host == HOST_UNASKED || u->host == HOST_NONE)
        return false;
    say_unknown(
        w, d,
        u->host == HOST_HOLDS
            ? "it holds something, and not from an upload of ours; nothing is done to it. To "
              "keep it as it is, take seed out of its entry; else remove it (state: absent)"
        : u->host == HOST_EMPTY
            ? "its host answers, and there is nothing in it; nothing is done to it. To keep "
              "it as it is, take seed out of its entry; else remove it (state: absent)"
            : NULL,
        out);
    return true;
}

/* --- a draft whose entry names no file any more --- */

static void decide_seedless(const struct world *w, const struct database *d, struct decision *out)
{
    const struct upload *u = d->upload;

    if (u && (u->host == HOST_HOLDS || u->host == HOST_EMPTY))
        out->act = ACT_UPLOAD_TAKE;
    else if (u && u->host == HOST_NONE && w->now_ms - u->host_ms < REFUSED_AGAIN_MS &&
             u->host_ms - u->none_since_ms >= UPLOAD_SURE_MS)
        say_unknown(w, d,
                    "it is a draft, which waits for a file, and its entry names none any more: put "
                    "seed back, or remove it (state: absent)",
                    out);
    else if (!is_unknown(w, d, out))
        decide_ask(w, d, out);
}

/* --- sending, removing --- */

static void decide_send(const struct world *w, const struct database *d, struct decision *out)
{
    const struct upload *u = d->upload;

    if (is_unknown(w, d, out) || say_refused(w, &d->r, ACT_UPLOAD, out) ||
        say_refused(w, &d->r, ACT_UPLOAD_KEY, out) || decide_seed_file(w, d, out))
        return;
    if (w->uploading && w->uploading != &d->r) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_UPLOAD);
    } else if (decide_key(w, d, out)) {
        return;
    } else if (w->now_ms < u->again_ms) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_HOST);
        say_wake(out, u->again_ms);
    } else {
        say_act(out, ACT_UPLOAD, LANE_FINISH);
    }
}

/* Nothing protects it, and nobody else is at work here. */
static bool is_free(const struct world *w, const struct database *d)
{
    struct decision unused = {0};

    return strcmp(d->own.draft_id, d->live.id) == 0 && w->complete && !w->doubt && !w->strangers &&
           !w->no_deletes && !d->own.protect && !database_is_protected(w, d) &&
           !say_refused(w, &d->r, ACT_DROP_DRAFT, &unused);
}

/* And the guard has room. */
static bool may_drop(const struct world *w, const struct database *d)
{
    return upload_is_refused_draft(d) && d->upload && d->upload->may_drop &&
           is_file_refused(w, d) && is_free(w, d);
}

static void decide_drop(const struct world *w, const struct database *d, struct decision *out)
{
    const struct upload *u = d->upload;

    if (is_unknown(w, d, out))
        return;
    if (!is_surely_none(w, u))
        decide_ask(w, d, out);
    else if (!is_checked(w, &d->live))
        say_act(out, ACT_READ, LANE_REMOVE);
    else
        say_act(out, ACT_DROP_DRAFT, LANE_REMOVE);
    if (out->phase != PHASE_PENDING)
        return;
    out->step = STEP_DELETE;
    say_phase(out, PHASE_DELETING, REASON_DELETING);
    snprintf(out->message, sizeof(out->message),
             "the platform refused %s%s%s; the draft is removed, unless something is in it",
             d->want->seed_upload, u && u->refused_text ? ": " : "",
             u && u->refused_text ? u->refused_text : "");
}

/* Its removal was begun, and may still be carried out. */
static bool is_going(const struct world *w, const struct database *d)
{
    return upload_is_going(w->drafts, d) && d->delete_sent_ms &&
           w->now_ms - d->delete_sent_ms < LANDS_WITHIN_MS;
}

/* Refused, perhaps for being no draft any more. */
static bool is_unasked(const struct world *w, const struct database *d)
{
    return upload_is(d, UPLOAD_REFUSED) && d->upload && d->upload->host == HOST_UNASKED &&
           is_file_refused(w, d);
}

bool decide_upload(const struct world *w, const struct database *d, struct decision *out)
{
    if (!d->own.upload)
        return false;
    out->step = STEP_UPDATE;
    if (!d->want->seed_upload)
        decide_seedless(w, d, out);
    else if (upload_is(d, UPLOAD_SENDING) || upload_is(d, UPLOAD_FOUND)) {
        if (!is_unknown(w, d, out))
            decide_ask(w, d, out);
    } else if (may_drop(w, d))
        decide_drop(w, d, out);
    else if (is_going(w, d)) {
        say_phase(out, PHASE_PENDING, REASON_QUEUED);
        say_wake(out, d->delete_sent_ms + LANDS_WITHIN_MS);
    } else if (is_unasked(w, d))
        decide_ask(w, d, out);
    else
        decide_send(w, d, out);
    return true;
}
