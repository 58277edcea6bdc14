/* decide_member: what a person of the manifest needs next. Every invite is a mail, so one is sent
 * only where two fresh lists show neither a member nor an invite of that e-mail address, and where
 * the ledger knows of none that was sent before.
 *
 *   (neither) ─▶ invite ─▶ invited ─▶ (accepted) ─▶ member ─▶ role put right
 *                  └ no answer ─▶ both lists, for 10 minutes: there? invited. Not there? invite
 *   invited, and gone without an answer; member, and gone: Missing, until an operator says so */
#include <stdio.h>

#include "core/decide_act.h"
#include "core/email.h"
#include "lib/text.h"

#define LOST_FOR_MS     (10 * 60 * 1000)       /* an invite without an answer may yet show */
#define INVITE_AGAIN_MS ((int64_t)3600 * 1000) /* between two mails to one person */

static const char *wanted_role(const struct member *m)
{
    return MEMBER_ROLE_NAME[m->want->role];
}

/* --- the lists --- */

static bool is_refused(const struct world *w)
{
    return w->sides[SIDE_INVITES].refused || w->sides[SIDE_MEMBERS].refused;
}

static bool is_listed(const struct world *w)
{
    return w->sides[SIDE_INVITES].ok && w->sides[SIDE_MEMBERS].ok;
}

static void say_unobserved(const struct world *w, struct decision *out)
{
    const struct side_list *list = &w->sides[SIDE_MEMBERS];

    say_blocked(out, REASON_UNOBSERVED);
    if (!list->refused)
        list = &w->sides[SIDE_INVITES];
    snprintf(out->message, sizeof(out->message), "%s: %.180s", REASON_TEXT[REASON_UNOBSERVED],
             list->error);
}

/* Wait until both lists have been read anew; if all can be had, now. What fails is tried again by
 * itself, ever more seldom. */
static void say_view(const struct world *w, struct decision *out)
{
    if (is_refused(w)) {
        say_unobserved(w, out);
        return;
    }
    out->wants_view = is_listed(w) && w->complete;
    say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_VIEW);
}

/* Both were asked for after its last change was sent or answered. */
static bool is_seen(const struct world *w, const struct member *m)
{
    return w->people->seen_ms > m->written_ms;
}

/* And that a moment ago: what a mail or a removal needs just before it. */
static bool is_fresh(const struct world *w, const struct member *m)
{
    return is_listed(w) && is_seen(w, m) && w->now_ms - w->people->seen_ms <= CHECKED_FOR_MS;
}

/* --- who may not be touched --- */

static bool is_own_user(const struct world *w, const struct member *m)
{
    return !w->self->username[0] || text_is(m->username, w->self->username);
}

/* Nobody wants it, and policy would have it go. */
static bool may_go(const struct world *w, const struct member *m)
{
    return !m->want && m->has_own && w->config->policy.prune_members != PRUNE_OFF;
}

static bool stays_admin(const struct world *w, const struct member *m)
{
    if (!m->is_member || !text_is(m->role, "admin") || m->is_unsure || m->r.busy || may_go(w, m))
        return false;
    return !m->want || m->want->role == MEMBER_ROLE_ADMIN;
}

/* Of those that no record holds. */
static bool is_other_admin(const struct world *w, const struct live_member *l)
{
    char email[LIMIT_EMAIL_BYTES + 1];

    if (!text_is(l->role, "admin"))
        return false;
    snprintf(email, sizeof(email), "%s", l->email ? l->email : "");
    email_fold(email);
    return !fleet_member(w->fleet, email);
}

static bool is_last_admin(const struct world *w, const struct member *m)
{
    if (!text_is(m->role, "admin"))
        return false;
    for (size_t i = 0; i < w->fleet->n_members; i++)
        if (w->fleet->members[i] != m && stays_admin(w, w->fleet->members[i]))
            return false;
    for (size_t i = 0; i < w->people->n_members; i++)
        if (is_other_admin(w, &w->people->members[i]))
            return false;
    return true;
}

/* Why it is neither removed nor given another role; NONE: nothing stands against it. */
static enum reason is_exempt(const struct world *w, const struct member *m)
{
    if (!m->is_member)
        return REASON_NONE;
    if (text_is(m->role, "owner"))
        return REASON_OWNER;
    if (is_own_user(w, m))
        return REASON_OWN_USER;
    return is_last_admin(w, m) ? REASON_LAST_ADMIN : REASON_NONE;
}

/* --- wanted: invites --- */

static void decide_invite(const struct world *w, const struct member *m, enum step step,
                          struct decision *out)
{
    out->step = step;
    if (say_refused(w, &m->r, ACT_INVITE, out))
        return;
    if (w->now_ms < w->create_refused_until_ms[KIND_MEMBER]) {
        say_blocked(out, REASON_PLAN_REFUSED);
        snprintf(out->message, sizeof(out->message), "%s: %s", REASON_TEXT[REASON_PLAN_REFUSED],
                 w->people->plan_text);
        say_wake(out, w->create_refused_until_ms[KIND_MEMBER]);
    } else if (!is_fresh(w, m)) {
        say_view(w, out);
    } else {
        say_act(out, ACT_INVITE, LANE_CREATE);
    }
}

/* Neither member nor invited: seen once, and again some time later. True: it is so. */
static bool is_gone_for(const struct world *w, const struct member *m, int64_t ms,
                        struct decision *out)
{
    int64_t again = m->gone_ms + ms;

    if (m->gone_ms && is_seen(w, m) && w->people->seen_ms >= again)
        return true;
    say_phase(out, PHASE_UNKNOWN, REASON_VANISHING);
    if (!m->gone_ms || !is_seen(w, m) || w->now_ms >= again)
        say_view(w, out);
    else
        say_wake(out, again);
    return false;
}

/* An invite of which nobody heard is looked for first. True: that comes first. */
static bool decide_unheard(const struct world *w, const struct member *m, struct decision *out)
{
    if (!m->has_own || !text_is(m->own.state, "inviting"))
        return false;
    if (is_gone_for(w, m, LOST_FOR_MS, out))
        out->act = ACT_FORGET;
    if (out->phase == PHASE_UNKNOWN)
        out->reason = REASON_NO_ANSWER;
    return true;
}

static void decide_missing(const struct world *w, const struct member *m, struct decision *out)
{
    char at[TEXT_TIME_SIZE];
    bool invite = !text_is(m->own.state, "member");

    if (m->own.recreate) {
        decide_invite(w, m, STEP_CREATE, out);
        return;
    }
    if (!m->own.missing_since) {
        if (is_gone_for(w, m, MISSING_AFTER_MS, out))
            out->act = ACT_MISS;
        return;
    }
    say_phase(out, PHASE_MISSING, invite ? REASON_INVITE_GONE : REASON_VANISHED);
    if (invite && m->own.invited_at)
        snprintf(out->message, sizeof(out->message),
                 "the invite of %s is gone: it expired, or was declined or withdrawn; tenantctl "
                 "recreate member/%s sends another",
                 text_time(m->own.invited_at, at), m->r.name);
    else
        snprintf(out->message, sizeof(out->message),
                 "%s; tenantctl recreate member/%s invites once more",
                 invite ? REASON_TEXT[REASON_INVITE_GONE] : "left, or was removed by somebody else",
                 m->r.name);
}

static void decide_invited(const struct world *w, const struct member *m, struct decision *out)
{
    int64_t again = m->own.invited_at + INVITE_AGAIN_MS;
    int64_t wait = again - w->wall_ms;
    char at[TEXT_TIME_SIZE];

    if (m->written_ms && m->written_ms + INVITE_AGAIN_MS - w->now_ms > wait)
        wait = m->written_ms + INVITE_AGAIN_MS - w->now_ms; /* whatever becomes of the clock */
    say_phase(out, PHASE_READY, REASON_INVITED);
    if (text_is(m->invite_role, wanted_role(m)))
        return;
    if (m->own.digest == (int64_t)m->r.digest) {
        snprintf(out->message, sizeof(out->message),
                 "invited as %s, not by its entry, which says %s; that is set once it is accepted",
                 m->invite_role, wanted_role(m));
    } else if (wait > 0) {
        out->step = STEP_UPDATE;
        say_phase(out, PHASE_PENDING, REASON_INVITED);
        snprintf(out->message, sizeof(out->message),
                 "invited as %s; invited as %s at %s, unless it is accepted before", m->invite_role,
                 wanted_role(m), text_time(w->wall_ms + wait, at));
        say_wake(out, w->now_ms + wait);
    } else {
        decide_invite(w, m, STEP_UPDATE, out);
    }
}

/* --- wanted: members --- */

static void decide_role(const struct world *w, const struct member *m, struct decision *out)
{
    bool drift = text_is(m->own.role, wanted_role(m)) && m->own.digest == (int64_t)m->r.digest;
    enum reason exempt = is_exempt(w, m);

    if (drift && w->config->policy.drift_report) {
        say_phase(out, PHASE_READY, REASON_DRIFTED);
        return;
    }
    out->step = STEP_UPDATE;
    if (exempt != REASON_NONE)
        say_blocked(out, exempt);
    else if (m->is_contended)
        say_blocked(out, REASON_CONTENDED);
    else if (say_refused(w, &m->r, ACT_CONFIGURE, out))
        return;
    else if (!is_fresh(w, m))
        say_view(w, out);
    else
        say_act(out, ACT_CONFIGURE, LANE_UPDATE);
}

static void decide_live(const struct world *w, const struct member *m, struct decision *out)
{
    if (m->is_member && text_is(m->role, "owner")) {
        say_blocked(out, REASON_OWNER);
        snprintf(out->message, sizeof(out->message), "%s: take its entry out",
                 REASON_TEXT[REASON_OWNER]);
    } else if (!m->has_own && w->config->policy.adopt == ADOPT_NEVER) {
        say_blocked(out, REASON_NOT_OWNED);
        snprintf(out->message, sizeof(out->message), "%s, but not by us; policy.adopt is never",
                 m->is_member ? "a member" : "invited");
    } else if (!m->has_own) {
        out->act = ACT_ADOPT;
        say_phase(out, PHASE_PENDING, REASON_QUEUED);
    } else if (!m->is_member) {
        decide_invited(w, m, out);
    } else if (text_is(m->role, wanted_role(m))) {
        say_phase(out, PHASE_READY, REASON_IN_SYNC);
    } else {
        decide_role(w, m, out);
    }
}

/* --- not wanted --- */

bool member_removal_is_planned(const struct world *w)
{
    return w->config->policy.prune_members == PRUNE_PLAN;
}

/* As a database's. */
static bool adopted_recently(const struct world *w, const struct member *m)
{
    int64_t wanted_ms = m->own.wanted_since ? m->own.removal_since - m->own.wanted_since : 0;

    return text_is(m->own.origin, "adopted") && wanted_ms < w->config->policy.deletion_grace_ms;
}

/* Another person under this address than the one that is ours. */
static bool is_somebody_else(const struct member *m)
{
    return m->is_member && m->own.username && !text_is(m->own.username, m->username);
}

bool member_removal_is_asked(const struct world *w, const struct member *m)
{
    return w->desired && w->desired->whole && may_go(w, m) && (m->is_member || m->is_invited) &&
           !text_is(m->own.state, "inviting") && !adopted_recently(w, m) && !is_somebody_else(m) &&
           is_exempt(w, m) == REASON_NONE && !decide_pause(w, &m->r);
}

static int64_t settled_at(const struct world *w, const struct member *m)
{
    int64_t settle = w->config->policy.deletion_grace_ms / 10;

    return m->own.removal_since + (settle < SETTLE_MAX_MS ? settle : SETTLE_MAX_MS);
}

/* Why it is kept although it is not wanted. True: kept. */
static bool is_kept(const struct world *w, const struct member *m, struct decision *out)
{
    enum reason exempt = is_exempt(w, m);

    if (!may_go(w, m))
        say_phase(out, PHASE_ORPHANED, REASON_NOT_IN_MANIFEST);
    else if (!w->desired || !w->desired->whole)
        say_phase(out, PHASE_ORPHANED, REASON_MANIFEST_REFUSED);
    else if (adopted_recently(w, m))
        say_phase(out, PHASE_ORPHANED, REASON_ADOPTED_RECENTLY);
    else if (exempt != REASON_NONE)
        say_blocked(out, exempt);
    else if (is_somebody_else(m))
        say_blocked(out, REASON_CONFLICT);
    else
        return false;
    return true;
}

static void decide_removal_of(const struct world *w, const struct member *m, struct decision *out)
{
    int64_t at = settled_at(w, m);

    if (is_kept(w, m, out))
        return;
    out->step = STEP_DELETE;
    if (!m->removal_ok) {
        say_held(out, m->rejected);
    } else if (w->wall_ms < at) {
        say_phase(out, PHASE_DELETING, REASON_SETTLING);
        snprintf(out->message, sizeof(out->message), "about to be removed");
        out->due_ms = at;
        say_wake(out, w->now_ms + (at - w->wall_ms));
    } else if (say_refused(w, &m->r, ACT_DELETE, out) ||
               (!m->is_removed && say_no_deletes(w, 0, out))) {
        return;
    } else if (!w->complete || !is_fresh(w, m)) {
        say_view(w, out);
        if (out->phase == PHASE_PENDING)
            out->phase = PHASE_DELETING;
    } else {
        say_phase(out, PHASE_DELETING, REASON_DELETING);
        out->act = ACT_DELETE;
        out->lane = LANE_REMOVE;
    }
}

static void decide_unwanted(const struct world *w, const struct member *m, struct decision *out)
{
    if (decide_unheard(w, m, out))
        return;
    if (m->is_member || m->is_invited) {
        decide_removal_of(w, m, out);
    } else if (m->is_removed && m->gone_ms && is_seen(w, m)) {
        out->act = ACT_GONE;
    } else if (m->is_removed) {
        say_view(w, out);
        if (out->phase == PHASE_PENDING)
            out->phase = PHASE_DELETING;
    } else if (m->own.missing_since || is_gone_for(w, m, MISSING_AFTER_MS, out)) {
        out->act = ACT_GONE;
    }
}

void decide_member(const struct world *w, const struct member *m, struct decision *out)
{
    if (!m->want && !m->has_own) {
        say_phase(out, PHASE_NONE, REASON_NONE);
    } else if (is_refused(w)) {
        say_unobserved(w, out);
        if (!m->want)
            say_phase(out, PHASE_ORPHANED, REASON_NOT_IN_MANIFEST);
        if (!m->want)
            out->step = STEP_NONE;
    } else if (!w->people->seen_ms) {
        bool failed = w->sides[SIDE_MEMBERS].error[0] || w->sides[SIDE_INVITES].error[0];

        say_phase(out, failed ? PHASE_PENDING : PHASE_UNKNOWN,
                  failed ? REASON_WAITING_FOR_VIEW : REASON_NOT_OBSERVED);
        out->wants_view = w->complete && !failed; /* nobody has needed them before */
    } else if (!m->want) {
        decide_unwanted(w, m, out);
    } else if (!decide_unheard(w, m, out)) {
        if (m->is_member || m->is_invited)
            decide_live(w, m, out);
        else if (m->has_own)
            decide_missing(w, m, out);
        else
            decide_invite(w, m, STEP_CREATE, out);
    }
}
