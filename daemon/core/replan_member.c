/* replan_member: what the manifest says of members is noted, and guard and approvals are asked
 * about those that shall go. */
#include <string.h>

#include "core/reconcile_private.h"

/* A role that is as its entry says counts as set: what differs from now on is drift. */
static bool note_role(struct effects *fx, struct member *m)
{
    const char *role = MEMBER_ROLE_NAME[m->want->role];
    bool noted =
        m->own.role && strcmp(m->own.role, role) == 0 && m->own.digest == (int64_t)m->r.digest;

    if (noted || !m->is_member || strcmp(m->role, role) != 0)
        return false;
    rc_set(fx, &m->own.role, role);
    m->own.digest = (int64_t)m->r.digest;
    return true;
}

void rc_note_member(struct reconcile *rc, struct effects *fx, struct member *m)
{
    struct membership *own = &m->own;
    struct membership before = *own;
    bool changed = false;

    m->r.edited = false;
    rc_contend_member(rc, fx, m);
    if (!m->has_own)
        return;
    if (!m->want) {
        if (!own->removal_since || (own->removal_since > rc->wall_ms && doubt_clock_is_good(rc)))
            own->removal_since = rc->wall_ms;
        own->recreate = 0;
    } else {
        if (own->removal_since || !own->wanted_since ||
            (own->wanted_since > rc->wall_ms && doubt_clock_is_good(rc)))
            own->wanted_since = doubt_clock_is_good(rc) ? rc->wall_ms : 0;
        own->removal_since = own->held = 0;
        rc_approval_done(rc, fx, "delete", &m->r);
        changed = note_role(fx, m);
    }
    if (changed || before.removal_since != own->removal_since ||
        before.wanted_since != own->wanted_since || before.recreate != own->recreate ||
        before.held != own->held)
        effects_put(fx, LEDGER_MEMBERSHIP, own);
}

bool rc_member_open(const struct reconcile *rc, const struct member *m)
{
    return !rc_approval(rc, "delete", &m->r, m->own.username) &&
           !rc_rejected(rc, "delete", &m->r, m->own.username);
}

/* As an API token: a hold ends by approval, rejection or the want going away, never by time. */
void rc_ask_member(struct reconcile *rc, struct effects *fx, const struct world *w,
                   struct member *m, bool allowed)
{
    int64_t held = m->own.held;
    bool approved;

    m->removal_ok = m->rejected = false;
    if (!m->has_own || !member_removal_is_asked(w, m))
        return;
    approved = rc_approval(rc, "delete", &m->r, m->own.username) != NULL;
    m->rejected = !approved && rc_rejected(rc, "delete", &m->r, m->own.username);
    if (approved || m->rejected)
        m->own.held = 0;
    else if (w->strangers || w->doubt_stays || (!allowed && !rc_is_counted(rc, "removal", &m->r)))
        m->own.held = HELD_REMOVAL;
    m->removal_ok =
        approved || (!m->own.held && !w->doubt && !m->rejected && !member_removal_is_planned(w));
    if (m->own.held != held)
        effects_put(fx, LEDGER_MEMBERSHIP, &m->own);
}
