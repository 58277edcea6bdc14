/* perform_member: what is done about members becomes calls and rows; and what operators say. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/text.h"

static void put(struct effects *fx, struct member *m)
{
    effects_put(fx, LEDGER_MEMBERSHIP, &m->own);
}

static void begin_row(struct reconcile *rc, struct effects *fx, struct member *m, const char *state,
                      const char *origin)
{
    ledger_row_deinit(LEDGER_MEMBERSHIP, &m->own);
    m->has_own = true;
    rc_set(fx, &m->own.email, m->r.name);
    rc_set(fx, &m->own.state, state);
    rc_set(fx, &m->own.origin, origin);
    m->own.since = rc->wall_ms;
    m->own.wanted_since = rc->wall_ms;
}

static void drop_row(struct effects *fx, struct member *m)
{
    if (m->has_own)
        effects_remove(fx, LEDGER_MEMBERSHIP, &m->own);
    ledger_row_deinit(LEDGER_MEMBERSHIP, &m->own);
    m->has_own = m->is_removed = m->is_first = false;
    m->before_ms = m->gone_ms = 0;
}

/* --- calls --- */

/* The row that tells of it stands before the mail goes out. */
static struct call *invite_call(struct reconcile *rc, struct effects *fx, struct member *m)
{
    struct call *c = call_new(CALL_INVITE_SEND, m->r.name);

    m->is_first = !m->has_own;
    if (m->is_first)
        begin_row(rc, fx, m, "inviting", "invited");
    m->before_ms = m->own.invited_at;
    rc_set(fx, &m->own.state, "inviting");
    rc_set(fx, &m->own.role, MEMBER_ROLE_NAME[m->want->role]);
    m->own.digest = (int64_t)m->r.digest;
    m->own.invited_at = rc->wall_ms;
    put(fx, m);
    if (c && !ledger_set(&c->role, m->own.role)) {
        call_free(c);
        c = NULL;
    }
    return c;
}

void rc_member_not_invited(struct reconcile *rc, struct effects *fx, struct member *m)
{
    (void)rc;
    if (m->is_first) {
        drop_row(fx, m);
        return;
    }
    rc_set(fx, &m->own.state, "invited");
    rc_set(fx, &m->own.role, m->invite_role);
    m->own.digest = 0; /* what its entry says is still to be done */
    m->own.invited_at = m->before_ms;
    put(fx, m);
}

static struct call *role_call(struct member *m)
{
    struct call *c = call_new(CALL_MEMBER_ROLE, m->username);

    if (c && !ledger_set(&c->role, MEMBER_ROLE_NAME[m->want->role])) {
        call_free(c);
        c = NULL;
    }
    return c;
}

static struct call *remove_call(struct reconcile *rc, struct effects *fx, struct member *m)
{
    rc_approval_begin(rc, fx, "delete", &m->r);
    rc_count(rc, fx, "removal", &m->r);
    if (m->is_member) {
        rc_event(rc, fx, &m->r, "Deleting", 5, NULL, "removing %s, who is %s here", m->username,
                 m->role);
        return call_new(CALL_MEMBER_REMOVE, m->username);
    }
    rc_event(rc, fx, &m->r, "Deleting", 5, NULL, "withdrawing the invite");
    return call_new(CALL_INVITE_REMOVE, m->invite_email);
}

struct call *rc_member_call(struct reconcile *rc, struct effects *fx, struct member *m,
                            const struct decision *d)
{
    m->written_ms = rc->now_ms;
    if (d->act == ACT_INVITE)
        return invite_call(rc, fx, m);
    if (d->act == ACT_CONFIGURE)
        return role_call(m);
    return remove_call(rc, fx, m);
}

/* --- our own knowledge --- */

static void adopt(struct reconcile *rc, struct effects *fx, struct member *m)
{
    begin_row(rc, fx, m, m->is_member ? "member" : "invited", "adopted");
    rc_set(fx, &m->own.username, m->username);
    m->own.digest = m->is_member ? 0 : (int64_t)m->r.digest; /* nobody is mailed for it */
    put(fx, m);
    if (m->is_member)
        rc_event(rc, fx, &m->r, "Adopted", 5, NULL, "was a member already, %s, as %s", m->username,
                 m->role);
    else
        rc_event(rc, fx, &m->r, "Adopted", 5, NULL, "was invited already, as %s", m->invite_role);
    rc->replan = true;
}

/* The invite of which nobody heard was not sent. */
static void forget(struct reconcile *rc, struct effects *fx, struct member *m)
{
    rc_event(rc, fx, &m->r, "InviteLost", 4, NULL,
             "the invite whose answer was lost shows nowhere: it was not sent");
    m->is_first = m->is_first || (!m->own.missing_since && !m->own.recreate);
    rc_member_not_invited(rc, fx, m);
    rc_succeeded(&m->r);
}

static void gone(struct reconcile *rc, struct effects *fx, struct member *m)
{
    rc_approval_done(rc, fx, "delete", &m->r);
    rc_event(rc, fx, &m->r, "Removed", 5, NULL, "neither a member nor invited any more");
    drop_row(fx, m);
    rc->replan = true;
}

bool rc_member_local(struct reconcile *rc, struct effects *fx, struct member *m,
                     const struct decision *d)
{
    switch (d->act) {
    case ACT_ADOPT:
        adopt(rc, fx, m);
        return true;
    case ACT_MISS:
        m->own.missing_since = rc->wall_ms;
        put(fx, m);
        return true;
    case ACT_FORGET:
        forget(rc, fx, m);
        return true;
    case ACT_GONE:
        gone(rc, fx, m);
        return true;
    default:
        return false;
    }
}

/* --- what operators say --- */

int rc_member_recreate(struct reconcile *rc, struct effects *fx, struct command *c,
                       struct member *m, struct err *err)
{
    char at[TEXT_TIME_SIZE];

    if (!m->want)
        return err_set(err, ERR_INVALID, "the manifest does not want member/%s", m->r.name);
    if (!m->has_own || !m->own.missing_since)
        return err_set(err, ERR_INVALID, "member/%s is not Missing: %s", m->r.name,
                       REASON_TEXT[m->r.reason]);
    snprintf(c->message, sizeof(c->message), "%s since %s; %s invited once more, as %s, by mail",
             strcmp(m->own.state, "member") == 0 ? "not a member any more" : "its invite is gone",
             text_time(m->own.missing_since, at), c->look ? "it would be" : "it is",
             MEMBER_ROLE_NAME[m->want->role]);
    if (c->look)
        return 0;
    m->own.recreate = rc->wall_ms;
    put(fx, m);
    return 0;
}

int rc_member_release(struct reconcile *rc, struct effects *fx, struct command *c, struct member *m,
                      struct err *err)
{
    if (!rc->has_desired)
        return err_set(err, ERR_NOT_READY, "there is no manifest yet that says what is managed");
    if (m->want)
        return err_set(err, ERR_INVALID,
                       "member/%s is managed: take its entry out of the manifest first (%s:%u)",
                       m->r.name, m->r.source.file, m->r.source.line);
    if (!m->has_own)
        return err_set(err, ERR_NOT_FOUND, "member/%s is not ours", m->r.name);
    if (m->r.busy || strcmp(m->own.state, "inviting") == 0)
        return err_set(err, ERR_NOT_READY, "what became of a call about member/%s is not known yet",
                       m->r.name);
    rc_approval_done(rc, fx, "delete", &m->r);
    drop_row(fx, m);
    snprintf(c->message, sizeof(c->message),
             "not ours any more; it stays on the platform as it is");
    return 0;
}
