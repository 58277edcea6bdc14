/* chaos_people: members and invites of a schedule: what the manifest says of them, what people do,
 * and how they may be in the end.
 * In:    chance, a simulation. Out: text of a manifest, happenings, the first thing that is not so.
 * Never: databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/email.h"
#include "tests/proof/chaos.h"

static const char *const PEOPLE[MODEL_PEOPLE] = {"jo@example.com", "Al@Example.com",
                                                 "bo@example.com"};
static const char *const OWN_USER = "robot@example.com";

/* --- the manifest --- */

void people_init(struct chaos *c)
{
    bool any = chaos_once_in(c, 2);

    for (size_t i = 0; i < MODEL_PEOPLE; i++)
        c->model.people[i] = (struct model_person){.is_in = any && !chaos_once_in(c, 3),
                                                   .role = chaos_pick(c, MEMBER_ROLE_N)};
    for (size_t i = 0; any && i < MODEL_PEOPLE; i++)
        if (chaos_once_in(c, 4))
            platform_make_person(&c->s.platform, PEOPLE[i],
                                 MEMBER_ROLE_NAME[chaos_pick(c, MEMBER_ROLE_N)],
                                 chaos_once_in(c, 2) ? "" : PEOPLE[i]);
    c->model.names_own_user = any && chaos_once_in(c, 6);
}

void people_edit(struct chaos *c)
{
    struct model_person *p = &c->model.people[chaos_pick(c, MODEL_PEOPLE)];

    if (chaos_once_in(c, 2))
        p->role = chaos_pick(c, MEMBER_ROLE_N);
    else
        p->is_in = !p->is_in;
}

static bool people_are_said(const struct model *m)
{
    bool any = m->names_own_user;

    for (size_t i = 0; i < MODEL_PEOPLE; i++)
        any = any || m->people[i].is_in;
    return any;
}

void people_say(struct buf *b, const struct model *m)
{
    buf_printf(b, "members:%s\n", people_are_said(m) ? "" : " {}");
    if (m->names_own_user)
        buf_printf(b, "  %s: {role: viewer}\n", OWN_USER);
    for (size_t i = 0; i < MODEL_PEOPLE; i++)
        if (m->people[i].is_in)
            buf_printf(b, "  %s: {role: %s}\n", PEOPLE[i], MEMBER_ROLE_NAME[m->people[i].role]);
}

/* --- what happens --- */

const char *people_any(struct chaos *c)
{
    return PEOPLE[chaos_pick(c, MODEL_PEOPLE)];
}

void people_accepted(struct chaos *c)
{
    const char *email = people_any(c);
    struct platform_person *one = platform_person(&c->s.platform, email, true);

    if (one && !platform_person(&c->s.platform, email, false))
        snprintf(one->username, sizeof(one->username), "%s", email);
}

/* It left or was removed; or its invite expired, or was declined or withdrawn. */
void people_went(struct chaos *c)
{
    struct platform_person *one =
        platform_person(&c->s.platform, people_any(c), chaos_once_in(c, 2));

    if (one)
        one->live = false;
}

void people_came(struct chaos *c)
{
    const char *email = people_any(c);
    struct platform *p = &c->s.platform;

    if (!platform_person(p, email, false) && !platform_person(p, email, true) && p->n_people < 60)
        platform_make_person(p, email, MEMBER_ROLE_NAME[chaos_pick(c, MEMBER_ROLE_N)],
                             chaos_once_in(c, 2) ? "" : email);
}

void people_changed(struct chaos *c)
{
    struct platform_person *one = platform_person(&c->s.platform, people_any(c), false);

    if (one)
        snprintf(one->role, sizeof(one->role), "%s",
                 MEMBER_ROLE_NAME[chaos_pick(c, MEMBER_ROLE_N)]);
}

/* --- the end --- */

struct end {
    const struct member_want *want;       /* NULL: none */
    const struct membership *own;         /* NULL: none */
    const struct platform_person *member; /* NULL: not one */
    const struct platform_person *invite;
};

static bool as_wanted(const struct end *e)
{
    return e->want && e->own && e->member &&
           strcmp(e->member->role, MEMBER_ROLE_NAME[e->want->role]) == 0;
}

static bool is_invited(const struct end *e)
{
    return e->want && e->own && e->invite && !e->member;
}

static bool is_member(const struct end *e)
{
    return e->own && e->member;
}

static bool is_live(const struct end *e)
{
    return e->member || e->invite;
}

static bool not_ours(const struct end *e)
{
    return is_live(e) && !e->own;
}

static bool is_gone(const struct end *e)
{
    return e->want && e->own && !is_live(e);
}

static bool is_unnamed(const struct end *e)
{
    return !e->want && e->own && is_live(e);
}

static const struct {
    const char *what; /* PHASE REASON */
    bool (*holds)(const struct end *e);
} MEMBER[] = {
    {"Ready InSync", as_wanted},
    {"Ready Invited", is_invited},
    {"Pending Invited", is_invited},
    {"Ready Drifted", is_member},
    {"Blocked NotOwned", not_ours},
    {"Blocked Owner", is_live},
    {"Blocked LastAdmin", is_member},
    {"Blocked Contended", is_member},
    {"Blocked Rejected", is_unnamed},
    {"Missing Vanished", is_gone},
    {"Missing InviteGone", is_gone},
    {"Orphaned NotInManifest", is_unnamed},
    {"Orphaned AdoptedRecently", is_unnamed},
};

void people_check(struct sim *s, const char *email, const char *what)
{
    struct end e = {.own = sim_row(&s->ledger, LEDGER_MEMBERSHIP, email),
                    .member = platform_person(&s->platform, email, false),
                    .invite = platform_person(&s->platform, email, true)};
    size_t i = 0;

    for (size_t k = 0; k < s->want.n_members; k++)
        if (strcmp(s->want.members[k].email, email) == 0)
            e.want = &s->want.members[k];
    while (i < ARRAY_SIZE(MEMBER) && strcmp(MEMBER[i].what, what) != 0)
        i++;
    if (i == ARRAY_SIZE(MEMBER))
        sim_break(s, "in the end member/%s is %s", email, what);
    else if (!MEMBER[i].holds(&e))
        sim_break(s, "in the end member/%s is said to be %s, and is not", email, what);
    if (e.own && strcmp(e.own->state, "inviting") == 0)
        sim_break(s, "in the end nobody knows what became of the invite of %s", email);
}
