/* admin_people_routes: users and what they are, as a test wants them, under /_emulator/.
 * In:    requests from this machine.
 * Out:   users, members and tokens that no request of the platform could make.
 * Never: judges who asks. */
#include <string.h>

#include "api_token.h"
#include "emit.h"
#include "lib/mem.h"
#include "people.h"
#include "routes.h"

struct wanted_user {
    const char *name;
    const char *email; /* NULL: made of the name, or as it is */
    struct org *org;
    enum role role;
    bool has_role;
    const char *token; /* NULL: none */
};

static bool read_user(struct emulator *e, const struct request *rq, struct wanted_user *w,
                      struct answer *a)
{
    const char *role = NULL;
    const char *slug = NULL;

    if (!routes_want_string(rq, "username", &w->name, a) ||
        !routes_read_string(rq, "email", &w->email, a) ||
        !routes_read_string(rq, "organization", &slug, a) ||
        !routes_read_string(rq, "role", &role, a) || !routes_read_string(rq, "token", &w->token, a))
        return false;
    w->has_role = role != NULL;
    w->org = slug ? state_org(&e->state, slug) : &e->state.orgs[0];
    if (!*w->name || strlen(w->name) > USER_NAME_MAX)
        answer_error(a, 400, "username: expected 1 to %d characters", USER_NAME_MAX);
    else if (role && !role_parse(role, &w->role))
        answer_error(a, 400, "role: expected owner, admin, member, viewer or none");
    else if (!w->org)
        answer_error(a, 404, "organization not found");
    else if (w->token && api_tokens_find(&e->api_tokens, w->token))
        answer_error(a, 409, "there is a token with that text");
    else
        return true;
    return false;
}

static bool set_role(struct org *org, const struct user *user, enum role role)
{
    struct membership *m = members_find(&org->members, user);

    if (!m)
        return role == ROLE_NONE || members_add(&org->members, user, role);
    if (role == ROLE_NONE)
        members_remove(&org->members, m);
    else
        m->role = role;
    return true;
}

static bool set_user(struct emulator *e, const struct wanted_user *w, int64_t now_ms)
{
    struct user *user = users_find(&e->users, w->name);
    struct api_token like = {.created_ms = now_ms, .expires_ms = -1};

    if (!user)
        user = users_add(&e->users, w->name, w->email);
    if (!user || (w->has_role && !set_role(w->org, user, w->role)))
        return false;
    like.user = user;
    return !w->token || api_tokens_add(&e->api_tokens, &e->ids, "token", &like, w->token);
}

void route_admin_user_set(struct emulator *e, struct request *rq, struct answer *a)
{
    struct wanted_user w = {0};

    if (!read_user(e, rq, &w, a))
        return;
    if (set_user(e, &w, rq->now_ms))
        answer_empty(a);
    else
        answer_no_memory(a);
}

/* Who accepts with no account yet makes one; its name is what stands before the @. */
static struct user *joining_user(struct emulator *e, const char *email, const char *name)
{
    struct user *user = users_find_email(&e->users, email);
    char *made;

    if (user)
        return user;
    made = name ? mem_strdup(name) : mem_strndup(email, strcspn(email, "@"));
    user = made ? users_add(&e->users, made, email) : NULL;
    mem_free(made);
    return user;
}

void route_admin_invite_accept(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *slug = e->state.orgs[0].slug;
    const char *name = NULL;
    struct invite *invite;
    const char *email;
    struct user *user;
    struct org *org;

    if (!routes_want_string(rq, "email", &email, a) ||
        !routes_read_string(rq, "organization", &slug, a) ||
        !routes_read_string(rq, "username", &name, a))
        return;
    org = state_org(&e->state, slug);
    invite = org ? invites_find(&org->invites, email) : NULL;
    if (!invite) {
        answer_error(a, 404, "invite not found");
        return;
    }
    if (name && users_find(&e->users, name)) {
        answer_error(a, 409, "there is a user %s", name);
        return;
    }
    user = joining_user(e, email, name);
    if (!user || !set_role(org, user, invite->role)) {
        answer_no_memory(a);
        return;
    }
    invite->accepted = true;
    audit_add(&org->audit, rq, AUDIT_ORG_MEMBER_ADD, "username", user->name);
    answer_empty(a);
}
