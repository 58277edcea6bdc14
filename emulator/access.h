/* access: may this caller use this route?
 * In:    what the route wants, the caller's role in the organization, the reach of their token.
 * Out:   yes, or an answer that says why not.
 * Never: looks at a request's body, except where a route asks it about one group. */
#ifndef TENANTD_EMULATOR_ACCESS_H
#define TENANTD_EMULATOR_ACCESS_H

#include <stdbool.h>

#include "lib/base.h"

struct emulator;
struct request;
struct answer;
struct group;

/* What a route wants of its caller: a role at least, and which scope a token for one group needs;
 * N_SCOPES: no such token will do. Order and names are the table's in access.c. */
enum access {
    ACCESS_OPEN, /* no platform token */
    ACCESS_USER, /* a token, of anybody */
    ACCESS_OWN,  /* the same, but none for one group */
    ACCESS_READ,
    ACCESS_DB_CREATE,
    ACCESS_DB_DELETE,
    ACCESS_DB_CONFIGURE,
    ACCESS_DB_MINT,
    ACCESS_DB_ROTATE,
    ACCESS_GROUP_CONFIGURE,
    ACCESS_GROUP_MINT,
    ACCESS_GROUP_ROTATE,
    ACCESS_ORG_READ,
    ACCESS_ORG_WRITE,
    ACCESS_ADMIN
};

/* The caller is known and so is the organization, where the route has one. False: answered. */
bool access_check(const struct emulator *e, const struct request *rq, struct answer *a) MUST_CHECK;
/* Is the group within the reach of the caller's token? False: answered. */
bool access_group(const struct emulator *e, const struct request *rq, const struct group *g,
                  struct answer *a) MUST_CHECK;
/* The only group that the caller's token is for; NULL: any. */
const struct group *access_only_group(const struct request *rq);
/* Admin or owner? */
bool access_is_admin(const struct request *rq);

#endif
