/* member_routes: who belongs to an organization, and as what.
 * In:    user names, roles.
 * Out:   members listed, added, changed, removed.
 * Never: leaves an organization without its owner. */
#include <string.h>

#include "emit.h"
#include "people.h"
#include "plan.h"
#include "routes.h"

static void write_member(const struct membership *m, const char *key, struct buf *out)
{
    emit_open(out, key, '{');
    emit_string(out, "username", m->user->name);
    emit_string(out, "role", role_name(m->role));
    emit_string(out, "email", m->user->email);
    emit_close(out, '}');
}

static void answer_member(const struct membership *m, struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    write_member(m, "member", &a->body);
    emit_close(&a->body, '}');
}

void route_member_list(struct emulator *e, struct request *rq, struct answer *a)
{
    const struct members *members = &rq->org->members;

    (void)e;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "members", '[');
    for (size_t i = 0; i < members->n; i++)
        write_member(&members->list[i], NULL, &a->body);
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

void route_member_get(struct emulator *e, struct request *rq, struct answer *a)
{
    const struct membership *m =
        members_find_name(&rq->org->members, request_param(rq, "username"));

    (void)e;
    if (m)
        answer_member(m, a);
    else
        answer_error(a, 404, "could not find member");
}

void route_member_add(struct emulator *e, struct request *rq, struct answer *a)
{
    enum role role = ROLE_MEMBER;
    const struct user *user;
    const char *name;

    if (!routes_want_string(rq, "username", &name, a) || !routes_read_role(rq, &role, a))
        return;
    user = users_find(&e->users, name);
    if (!plan_has_room_for_member(&e->switches, rq->org->members.n))
        answer_error(a, 400, "organization %s can't add members because plan %s doesn't support it",
                     rq->org->slug, switches_profile(&e->switches));
    else if (!user)
        answer_error(a, 404, "could not find user %s", name);
    else if (members_find(&rq->org->members, user))
        answer_error(a, 409, "user %s is already a member of organization %s", name, rq->org->slug);
    else if (!members_add(&rq->org->members, user, role))
        answer_no_memory(a);
    else {
        routes_audit(rq, AUDIT_ORG_MEMBER_ADD, "username", name);
        emit_open(&a->body, NULL, '{');
        emit_string(&a->body, "member", name);
        emit_string(&a->body, "role", role_name(role));
        emit_close(&a->body, '}');
    }
}

void route_member_patch(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *name = request_param(rq, "username");
    struct membership *m = members_find_name(&rq->org->members, name);
    enum role role = ROLE_NONE;
    const char *text;

    (void)e;
    if (!access_is_admin(rq)) {
        answer_error(a, 403, "updating member roles is only allowed for admin or owner");
        return;
    }
    if (!routes_want_string(rq, "role", &text, a) || !routes_read_role(rq, &role, a))
        return;
    if (!m)
        answer_error(a, 404, "could not find user %s", name);
    else if (m->role == ROLE_OWNER)
        answer_error(a, 400, "the role of the owner cannot be changed");
    else {
        m->role = role;
        answer_member(m, a);
    }
}

/* Anybody may leave; only admins make others leave. */
void route_member_remove(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *name = request_param(rq, "username");
    struct membership *m = members_find_name(&rq->org->members, name);

    (void)e;
    if (!access_is_admin(rq) && strcmp(name, rq->caller->user->name) != 0)
        answer_error(a, 403, "removing members is only allowed for admin or owner");
    else if (!m)
        answer_error(a, 404, "user %s is not a member of org %s", name, rq->org->slug);
    else if (m->role == ROLE_OWNER)
        answer_error(a, 400, "the owner cannot be removed");
    else {
        routes_audit(rq,
                     m->user == rq->caller->user ? AUDIT_ORG_MEMBER_LEAVE : AUDIT_ORG_MEMBER_REMOVE,
                     "username", name);
        members_remove(&rq->org->members, m);
        emit_open(&a->body, NULL, '{');
        emit_string(&a->body, "member", name);
        emit_close(&a->body, '}');
    }
}
