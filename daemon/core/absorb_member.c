/* absorb_member: what the platform says of members and invites becomes facts. */
#include <stdio.h>
#include <string.h>

#include "core/email.h"
#include "core/reconcile_private.h"
#include "lib/text.h"

static void put(struct effects *fx, struct member *m)
{
    effects_put(fx, LEDGER_MEMBERSHIP, &m->own);
}

/* --- the lists --- */

static struct live_member *keep_list(struct arena *to, const struct answer *a, bool *ok)
{
    struct live_member *kept = arena_alloc(to, (a->n_members + 1) * sizeof(*kept));

    *ok = kept != NULL;
    for (size_t i = 0; *ok && i < a->n_members; i++) {
        const struct live_member *from = &a->members[i];
        struct live_member *m = &kept[i];

        *m = (struct live_member){
            .email = from->email ? arena_strdup(to, from->email) : NULL,
            .username = from->username ? arena_strdup(to, from->username) : NULL,
            .role = arena_strdup(to, from->role),
            .invited = from->invited ? arena_strdup(to, from->invited) : NULL};
        *ok = m->role && (m->email || !from->email) && (m->username || !from->username) &&
              (m->invited || !from->invited);
    }
    return kept;
}

static const struct live_member *find(const struct live_member *list, size_t n, const char *email)
{
    for (size_t i = n; i > 0; i--) /* of invites that are there twice, the last */
        if (email_same(list[i - 1].email, email))
            return &list[i - 1];
    return NULL;
}

/* The daemon's own user is one of them; where that is not known, there is an owner. */
static bool shows_us(const struct reconcile *rc, const struct answer *a)
{
    const char *us = rc->self.username;

    for (size_t i = 0; i < a->n_members; i++)
        if (*us ? text_is(a->members[i].username, us) : text_is(a->members[i].role, "owner"))
            return true;
    return false;
}

static const char *double_email(const struct answer *a)
{
    for (size_t i = 0; i < a->n_members; i++)
        if (a->members[i].email &&
            find(a->members, a->n_members, a->members[i].email) != &a->members[i])
            return a->members[i].email;
    return NULL;
}

/* What the rows say of it follows what is live. */
static void follow_row(struct reconcile *rc, struct effects *fx, struct member *m)
{
    struct membership *own = &m->own;

    if (m->is_member && !text_is(own->state, "member")) {
        rc_event(rc, fx, &m->r, "Joined", 5, NULL, "is a member now, %s, as %s", m->username,
                 m->role);
        rc_set(fx, &own->state, "member");
        rc_set(fx, &own->username, m->username);
    } else if (m->is_member && m->want && !text_is(own->username, m->username)) {
        rc_event(rc, fx, &m->r, "Renamed", 5, NULL, "is called %s now", m->username);
        rc_set(fx, &own->username, m->username);
    } else if (!m->is_member && m->is_invited && !text_is(own->state, "invited")) {
        bool lost = text_is(own->state, "inviting");

        rc_event(rc, fx, &m->r, lost ? "Invited" : "Found", 5, NULL,
                 lost ? "invited as %s; the answer had been lost" : "is invited, as %s",
                 m->invite_role);
        if (!text_is(own->role, m->invite_role))
            own->digest = 0; /* another one: what its entry says is still to be done */
        rc_set(fx, &own->state, "invited");
        rc_set(fx, &own->role, m->invite_role);
        rc_set(fx, &own->username, NULL);
        rc_succeeded(&m->r);
    } else if (own->missing_since) {
        rc_event(rc, fx, &m->r, "Found", 5, NULL, "is there again");
    } else {
        return;
    }
    own->missing_since = own->recreate = 0;
    put(fx, m);
}

static void see(struct reconcile *rc, struct effects *fx, struct member *m)
{
    const struct people *p = &rc->people;
    const struct live_member *member = find(p->members, p->n_members, m->r.name);
    const struct live_member *invite = find(p->invites, p->n_invites, m->r.name);

    if (p->seen_ms <= m->written_ms)
        return;
    if (!member_set_live(m, member, invite))
        fx->failed = true;
    m->is_unsure = false;
    if (!member && !invite) {
        if (!m->gone_ms)
            m->gone_ms = rc->now_ms;
        return;
    }
    m->gone_ms = 0;
    m->is_removed = false;
    if (m->has_own)
        follow_row(rc, fx, m);
}

void rc_see_invites(struct reconcile *rc, struct effects *fx, const struct answer *a,
                    int64_t sent_ms)
{
    bool ok;

    arena_deinit(&rc->invites_arena);
    rc->people.n_invites = 0;
    rc->people.invites = keep_list(&rc->invites_arena, a, &ok);
    fx->failed = fx->failed || !ok;
    rc->people.n_invites = ok ? a->n_members : 0;
    rc_side_read(rc, fx, SIDE_INVITES, sent_ms);
}

bool rc_see_members(struct reconcile *rc, struct effects *fx, const struct answer *a,
                    int64_t sent_ms)
{
    const char *twice = double_email(a);
    bool ok;

    if (!shows_us(rc, a) || twice) {
        rc_side_lies(rc, fx, SIDE_MEMBERS, twice ? "shows %s twice" : "does not show %s",
                     twice                ? twice
                     : *rc->self.username ? rc->self.username
                                          : "any owner");
        return false;
    }
    rc_side_read(rc, fx, SIDE_MEMBERS, sent_ms);
    arena_deinit(&rc->members_arena);
    rc->people.n_members = 0;
    rc->people.members = keep_list(&rc->members_arena, a, &ok);
    fx->failed = fx->failed || !ok;
    rc->people.n_members = ok ? a->n_members : 0;
    if (!ok || !rc->sides[SIDE_INVITES].ok || rc->sides[SIDE_INVITES].sent_ms < rc->obs.started_ms)
        return true; /* no pair */
    rc->people.seen_ms = rc->sides[SIDE_INVITES].sent_ms;
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        see(rc, fx, rc->fleet.members[i]);
    return true;
}

const struct live_member *rc_person(const struct reconcile *rc, size_t i)
{
    const struct people *p = &rc->people;

    return i < p->n_members ? &p->members[i] : &p->invites[i - p->n_members];
}

bool rc_keeps_member(const struct reconcile *rc, const char *email)
{
    size_t size = email ? strlen(email) + 1 : 0;
    char folded[LIMIT_EMAIL_BYTES + 1];
    const struct member *m;

    if (!email || size > sizeof(folded))
        return false;
    memcpy(folded, email, size);
    email_fold(folded);
    m = fleet_member(&rc->fleet, folded);
    return m && m->r.phase != PHASE_NONE;
}

/* --- answers --- */

/* A mail may have gone out. */
static bool may_have_happened(enum outcome o)
{
    return o == OUTCOME_UNKNOWN || o == OUTCOME_MALFORMED || o == OUTCOME_UNAVAILABLE ||
           o == OUTCOME_CANCELED;
}

static void invited(struct reconcile *rc, struct effects *fx, struct member *m,
                    const struct answer *a)
{
    const struct live_member *invite = &a->members[0];

    if (!member_set_live(m, NULL, invite))
        fx->failed = true;
    rc_set(fx, &m->own.state, "invited");
    rc_set(fx, &m->own.username, NULL);
    m->own.missing_since = m->own.recreate = 0;
    m->is_first = false;
    m->gone_ms = 0;
    put(fx, m);
    rc_succeeded(&m->r);
    rc_event(rc, fx, &m->r, "Invited", 5, a, "invited as %s", invite->role);
}

static void not_invited(struct reconcile *rc, struct effects *fx, const struct flight *f,
                        const struct answer *a)
{
    struct member *m = member_of(f->r);

    if (may_have_happened(a->outcome))
        m->gone_ms = 0; /* it is looked for from now on */
    else
        rc_member_not_invited(rc, fx, m);
    if (a->outcome == OUTCOME_PLAN)
        snprintf(rc->people.plan_text, sizeof(rc->people.plan_text), "%s", a->error);
    if (rc_absorb_failure(rc, fx, f, a))
        return;
    if (a->outcome == OUTCOME_CONFLICT) { /* a member already: look who */
        rc_failed(rc, fx, f->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        rc_observe(rc);
    } else {
        rc_refuse(rc, fx, f->r, REASON_REFUSED, f->act, a);
    }
}

static void role_set(struct reconcile *rc, struct effects *fx, struct member *m,
                     const struct answer *a)
{
    const char *role = a->members[0].role;
    bool drift = text_is(m->own.role, role) && m->own.digest == (int64_t)m->r.digest;

    rc_event(rc, fx, &m->r, drift ? "DriftCorrected" : "Updated", 6, a, "role %s -> %s", m->role,
             role);
    if (drift)
        rc_flip(rc, fx, &m->r, ROLE_FIELD);
    rc_set(fx, &m->role, role);
    rc_set(fx, &m->own.role, role);
    m->own.digest = (int64_t)m->r.digest;
    put(fx, m);
    rc_succeeded(&m->r);
    rc->replan = true; /* another one may have waited for an admin to stay */
}

static void removed(struct reconcile *rc, struct effects *fx, struct member *m)
{
    bool was_member = m->is_member;

    if (was_member)
        rc_set(fx, &m->username, NULL);
    m->is_member = false;
    m->is_invited = m->is_invited && was_member;
    m->is_removed = true;
    m->gone_ms = 0;
    rc_succeeded(&m->r);
    rc->replan = true;
}

void rc_absorb_member(struct reconcile *rc, struct effects *fx, const struct flight *f,
                      const struct answer *a)
{
    struct member *m = member_of(f->r);
    bool ok = a->outcome == OUTCOME_OK;

    m->written_ms = rc->now_ms;
    if (f->act == ACT_INVITE && ok) {
        invited(rc, fx, m, a);
    } else if (f->act == ACT_INVITE) {
        not_invited(rc, fx, f, a);
    } else if (f->act == ACT_DELETE && (ok || a->outcome == OUTCOME_NOT_FOUND)) {
        removed(rc, fx, m);
    } else if (f->act == ACT_CONFIGURE && ok) {
        role_set(rc, fx, m, a);
    } else {
        m->is_unsure = may_have_happened(a->outcome);
        if (rc_absorb_failure(rc, fx, f, a))
            return;
        rc_failed(rc, fx, f->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        rc_observe(rc); /* 404: not a member any more */
    }
}
