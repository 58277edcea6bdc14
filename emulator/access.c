/* access: may this caller use this route?
 * In:    what the route wants, the caller's role in the organization, the reach of their token.
 * Out:   yes, or an answer that says why not.
 * Never: looks at a request's body, except where a route asks it about one group. */
#include "access.h"

#include "answer.h"
#include "api_token.h"
#include "emulator.h"
#include "people.h"
#include "request.h"
#include "route.h"

static const struct {
    enum role role;
    enum scope scope;
} WANTED[] = {
    [ACCESS_OPEN] = {ROLE_NONE, N_SCOPES},
    [ACCESS_USER] = {ROLE_NONE, SCOPE_READ},
    [ACCESS_OWN] = {ROLE_NONE, N_SCOPES},
    [ACCESS_READ] = {ROLE_VIEWER, SCOPE_READ},
    [ACCESS_DB_CREATE] = {ROLE_MEMBER, SCOPE_DB_CREATE},
    [ACCESS_DB_DELETE] = {ROLE_MEMBER, SCOPE_DB_DELETE},
    [ACCESS_DB_CONFIGURE] = {ROLE_MEMBER, SCOPE_DB_CONFIGURE},
    [ACCESS_DB_MINT] = {ROLE_MEMBER, SCOPE_DB_MINT},
    [ACCESS_DB_ROTATE] = {ROLE_MEMBER, SCOPE_DB_ROTATE},
    [ACCESS_GROUP_CONFIGURE] = {ROLE_MEMBER, SCOPE_GROUP_CONFIGURE},
    [ACCESS_GROUP_MINT] = {ROLE_MEMBER, SCOPE_GROUP_MINT},
    [ACCESS_GROUP_ROTATE] = {ROLE_MEMBER, SCOPE_GROUP_ROTATE},
    [ACCESS_ORG_READ] = {ROLE_VIEWER, N_SCOPES},
    [ACCESS_ORG_WRITE] = {ROLE_MEMBER, N_SCOPES},
    [ACCESS_ADMIN] = {ROLE_ADMIN, N_SCOPES},
};

static enum role role_of(const struct request *rq)
{
    const struct membership *m = members_find(&rq->org->members, rq->caller->user);

    return m ? m->role : ROLE_NONE;
}

bool access_is_admin(const struct request *rq)
{
    return role_of(rq) >= ROLE_ADMIN;
}

const struct group *access_only_group(const struct request *rq)
{
    return rq->caller->has_group ? group_find_id(rq->org, rq->caller->group_id) : NULL;
}

static bool check_org(const struct request *rq, struct answer *a)
{
    enum role role = role_of(rq);

    if (rq->caller->org && rq->caller->org != rq->org)
        answer_error(a, 403, "this token is for another organization");
    else if (role == ROLE_NONE)
        answer_error(a, 403, "user %s is not a member of organization %s", rq->caller->user->name,
                     rq->org->slug);
    else if (role < WANTED[rq->route->access].role)
        answer_error(a, 403, "role %s is not allowed to do this", role_name(role));
    else
        return true;
    return false;
}

static bool check_scope(const struct request *rq, struct answer *a)
{
    enum scope scope = WANTED[rq->route->access].scope;

    if (scope == N_SCOPES)
        answer_error(a, 403, "a token for one group is not allowed to do this");
    else if (rq->route->access != ACCESS_USER && !(rq->caller->scopes & 1U << scope))
        answer_error(a, 403, "this token lacks the scope %s", scope_name(scope));
    else
        return true;
    return false;
}

bool access_group(const struct emulator *e, const struct request *rq, const struct group *g,
                  struct answer *a)
{
    if (!rq->caller->has_group || g == access_only_group(rq))
        return true;
    if (e->switches.out_of_reach_status == 404)
        answer_error(a, 404, "not found");
    else
        answer_error(a, 403, "this token is for another group");
    return false;
}

/* What the path names is looked at here; what it names and is not there, the route answers. */
static bool check_path(const struct emulator *e, const struct request *rq, struct answer *a)
{
    const char *group = request_param(rq, "group");
    const char *db = request_param(rq, "db");
    const struct group *g = group ? group_find(rq->org, group) : NULL;
    const struct database *found = db ? database_find(rq->org, db) : NULL;

    return (!g || access_group(e, rq, g, a)) && (!found || access_group(e, rq, found->group, a));
}

bool access_check(const struct emulator *e, const struct request *rq, struct answer *a)
{
    if (rq->route->access == ACCESS_OPEN)
        return true;
    if (rq->org && !check_org(rq, a))
        return false;
    if (!rq->caller->has_group)
        return true;
    return check_scope(rq, a) && (!rq->org || check_path(e, rq, a));
}
