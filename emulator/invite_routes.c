/* invite_routes: invitations to an organization, in the shapes of both versions.
 * In:    an e-mail address or a user's name, a role.
 * Out:   invitations listed, sent (and sent again), withdrawn.
 * Never: makes a member; only an accepted invitation does. */
#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "people.h"
#include "plan.h"
#include "routes.h"
#include "shape.h"

void route_invite_list(struct emulator *e, struct request *rq, struct answer *a)
{
    const struct invites *invites = &rq->org->invites;

    (void)e;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "invites", '[');
    for (size_t i = 0; i < invites->n; i++) {
        const struct invite *invite = &invites->list[i];

        if (!invite_is_pending(invite))
            continue;
        emit_open(&a->body, NULL, '{');
        emit_int(&a->body, "id", invite->id);
        emit_string(&a->body, "email", invite->email);
        emit_string(&a->body, "role", role_name(invite->role));
        emit_time(&a->body, "created_at", invite->created_ms);
        emit_close(&a->body, '}');
    }
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

/* What the mail would carry: who has it can join. */
static void write_secret(const struct org *org, const struct invite *invite, struct buf *out)
{
    uint8_t secret[UUID_SIZE];
    char word[32];

    snprintf(word, sizeof(word), "invite %lld", (long long)invite->id);
    uuid_derive(org->id, word, secret);
    emit_uuid(out, "Token", secret);
}

static void write_old(const struct emulator *e, const struct org *org, const struct invite *invite,
                      struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_int(out, "ID", invite->id);
    emit_string(out, "Email", invite->email);
    emit_string(out, "Role", role_name(invite->role));
    write_secret(org, invite, out);
    emit_bool(out, "Accepted", invite->accepted);
    emit_time(out, "CreatedAt", invite->created_ms);
    emit_null(out, "DeletedAt");
    emit_uuid(out, "OrganizationID", org->id);
    shape_organization(e, org, "Organization", out);
    emit_close(out, '}');
}

/* The first version's list holds what was accepted too. */
void route_old_invite_list(struct emulator *e, struct request *rq, struct answer *a)
{
    const struct invites *invites = &rq->org->invites;

    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "invites", '[');
    for (size_t i = 0; i < invites->n; i++) {
        if (!invites->list[i].deleted_ms)
            write_old(e, rq->org, &invites->list[i], &a->body);
    }
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

static bool is_email(const char *text)
{
    const char *at = strchr(text, '@');

    return at && at != text && at[1] && !strchr(at + 1, '@') && !strpbrk(text, " \t\r\n") &&
           strlen(text) <= USER_EMAIL_MAX;
}

/* Exactly one of e-mail and user's name. NULL: answered. */
static const char *read_email(const struct emulator *e, const struct request *rq, struct answer *a)
{
    const struct user *user;
    const char *email = NULL;
    const char *name = NULL;
    enum member m_email = member_string(rq->json, "email", &email);
    enum member m_name = member_string(rq->json, "username", &name);

    if (m_email == MEMBER_WRONG || m_name == MEMBER_WRONG || (email != NULL) == (name != NULL)) {
        answer_error(a, 400, "exactly one of email or username must be provided");
        return NULL;
    }
    if (email && !is_email(email)) {
        answer_error(a, 400, "invalid email");
        return NULL;
    }
    if (email)
        return email;
    user = users_find(&e->users, name);
    if (!user)
        answer_error(a, 404, "could not find user %s", name);
    return user ? user->email : NULL;
}

static bool check_invite(const struct emulator *e, const struct org *org, const char *email,
                         struct answer *a)
{
    const struct user *user = users_find_email(&e->users, email);

    if (!plan_has_room_for_member(&e->switches, org->members.n))
        answer_error(a, 400,
                     "organization %s can't invite users because plan %s doesn't support it",
                     org->slug, switches_profile(&e->switches));
    else if (user && members_find(&org->members, user))
        answer_error(a, 409, "user %s is already a member of organization %s", user->name,
                     org->slug);
    else if (org->invites.n == INVITES_MAX)
        answer_error(a, 400, "at most %d invitations are kept here", INVITES_MAX);
    else
        return true;
    return false;
}

void route_invite_send(struct emulator *e, struct request *rq, struct answer *a)
{
    enum role role = ROLE_MEMBER;
    const char *email = read_email(e, rq, a);

    if (!email || !routes_read_role(rq, &role, a) || !check_invite(e, rq->org, email, a))
        return;
    if (!invites_send(&rq->org->invites, email, role, rq->now_ms)) {
        answer_no_memory(a);
        return;
    }
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "invited", '{');
    emit_string(&a->body, "email", email);
    emit_string(&a->body, "role", role_name(role));
    emit_string(&a->body, "organization", rq->org->slug);
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}

void route_invite_remove(struct emulator *e, struct request *rq, struct answer *a)
{
    struct invite *invite = invites_find(&rq->org->invites, request_param(rq, "email"));

    (void)e;
    if (!invite) {
        answer_error(a, 404, "invite not found");
        return;
    }
    invite->deleted_ms = rq->now_ms;
    answer_empty(a);
}
