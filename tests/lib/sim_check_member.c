/* sim_check_member: members and invites: mails that the ledger tells of, removals that policy,
 * guard and manifest allow, nobody mailed twice, and somebody left who keeps the organization. In:
 * calls as they go out and as they arrive. Out: the first broken rule. Never: repairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "tests/lib/sim.h"

static const struct membership *membership_of(const struct sim *s, const struct call *c)
{
    bool by_email = c->kind == CALL_INVITE_SEND || c->kind == CALL_INVITE_REMOVE;

    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct membership *row = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_MEMBERSHIP &&
            (by_email ? strcasecmp(row->email, c->name) == 0
                      : row->username && text_is(row->username, c->name)))
            return row;
    }
    return NULL;
}

bool sim_wants_member(const struct sim *s, const char *email)
{
    for (size_t i = 0; i < s->want.n_members; i++)
        if (text_is(s->want.members[i].email, email))
            return true;
    return false;
}

/* A mail that the ledger tells of, a role of somebody wanted, a removal of somebody of ours whom
 * nobody wants, by the policy of members. */
void sim_check_member(struct sim *s, const struct call *c)
{
    const char *name = CALL_INFO[c->kind].name;
    const struct membership *row = membership_of(s, c);
    bool removes = c->kind == CALL_INVITE_REMOVE || c->kind == CALL_MEMBER_REMOVE;

    if (!row)
        sim_break(s, "%s %s: the ledger does not know of it", name, c->name);
    else if (removes && s->config->policy.prune_members == PRUNE_OFF)
        sim_break(s, "%s %s: members are not removed", name, c->name);
    else if (removes && !s->want.whole)
        sim_break(s, "%s %s: part of the manifest is refused", name, c->name);
    else if (removes == sim_wants_member(s, row->email))
        sim_break(s, "%s %s: %s", name, c->name, removes ? "it is wanted" : "nobody wants it");
    else if (c->kind == CALL_INVITE_SEND && !text_is(row->state, "inviting"))
        sim_break(s, "%s %s: the ledger does not know that it is sent", name, c->name);
    else if ((removes || c->kind == CALL_INVITE_SEND) &&
             s->now_ms - s->people_listed_ms > JUST_BEFORE_MS)
        sim_break(s, "%s %s: nobody has looked just before", name, c->name);
    else if (c->kind == CALL_INVITE_SEND && row->missing_since && !row->recreate)
        sim_break(s, "%s %s: it was there, and nobody has asked for it again", name, c->name);
    else if (sim_is_paused(s, "member", row->email))
        sim_break(s, "%s %s is sent, and it is paused", name, c->name);
    else if (removes)
        sim_check_guard(s, "member", row->email, row->email);
}

bool sim_is_about_members(const struct call *c)
{
    return c->kind == CALL_INVITE_SEND || c->kind == CALL_INVITE_REMOVE ||
           c->kind == CALL_MEMBER_ROLE || c->kind == CALL_MEMBER_REMOVE;
}

static bool is_admin(const struct platform_person *one)
{
    return one->live && *one->username && text_is(one->role, "admin");
}

void sim_note_admins(struct sim *s)
{
    struct platform *p = &s->platform;

    for (size_t i = 0; i < p->n_people; i++)
        p->people[i].listed_admin = is_admin(&p->people[i]);
}

static bool is_listed_just_before(const struct sim *s)
{
    return s->now_ms - s->people_listed_ms <= JUST_BEFORE_MS;
}

/* As far as a list of just now can tell. */
static bool may_be_admin(const struct sim *s, const struct platform_person *one)
{
    return is_admin(one) || (one->listed_admin && is_listed_just_before(s));
}

static bool is_last_admin(const struct sim *s, const struct platform_person *one)
{
    const struct platform *p = &s->platform;

    if (!is_admin(one) || (!one->listed_admin && is_listed_just_before(s)))
        return false;
    for (size_t i = 0; i < p->n_people; i++)
        if (&p->people[i] != one && may_be_admin(s, &p->people[i]))
            return false;
    return true;
}

/* Nobody is mailed twice, and those who keep the organization stay. */
void sim_check_people(struct sim *s, const struct call *c)
{
    struct platform *p = &s->platform;
    const struct platform_person *pending =
        c->kind == CALL_INVITE_SEND ? platform_person(p, c->name, true) : NULL;
    bool stays = c->kind == CALL_MEMBER_ROLE && text_is(c->role, "admin");

    if (pending && pending->by_daemon && text_is(pending->role, c->role) && !pending->was_hidden)
        sim_break(s, "%s is invited twice", c->name);
    for (size_t i = 0; i < p->n_people; i++) {
        struct platform_person *one = &p->people[i];

        if (!one->live || !*one->username || !text_is(one->username, c->name) ||
            (c->kind != CALL_MEMBER_REMOVE && c->kind != CALL_MEMBER_ROLE))
            continue;
        if (i == 0 || text_is(one->role, "owner"))
            sim_break(s, "%s %s: an owner, or the daemon itself", CALL_INFO[c->kind].name, c->name);
        if (!stays && is_last_admin(s, one))
            sim_break(s, "%s %s: the last admin", CALL_INFO[c->kind].name, c->name);
        one->listed_admin = stays; /* that it knows without a list */
    }
}
