/* routes: what the routes share: lookups that answer 404, checks that answer 400.
 * In:    a request.
 * Out:   the thing that it names, or an answer that says why not.
 * Never: changes anything. */
#include "routes.h"

#include <string.h>

#include "lib/text.h"
#include "plan.h"

#define DNS_LABEL_MAX 63

struct group *routes_group(const struct request *rq, struct answer *a)
{
    const char *name = request_param(rq, "group");
    struct group *g = group_find(rq->org, name);

    if (!g)
        answer_error(a, 404, "group not found");
    return g;
}

struct database *routes_database(const struct request *rq, struct answer *a)
{
    const char *name = request_param(rq, "db");
    struct database *db = database_find(rq->org, name);

    if (!db)
        answer_error(a, 404, "could not find database with name %s: record not found", name);
    return db;
}

/* Name and organization share one DNS label, with a dash between them. */
bool routes_check_name(const struct org *org, const char *what, const char *name, struct answer *a)
{
    int longest = DNS_LABEL_MAX - 1 - (int)strlen(org->slug);
    size_t n = strlen(name);

    if (!n || longest < 1 || n > (size_t)longest) {
        answer_error(a, 400, "invalid %s name: name must contain between 1 and %d characters", what,
                     longest);
        return false;
    }
    if (!text_is_name(name, n)) {
        answer_error(a, 400,
                     "invalid %s name: name can only contain lowercase letters, numbers and "
                     "dashes, and must begin and end with a letter or number",
                     what);
        return false;
    }
    return true;
}

void routes_refuse_duplicate(const struct emulator *e, const char *name, struct answer *a)
{
    switch (e->switches.duplicate_status) {
    case 409:
        answer_error(a, 409, "database with name %s already exists", name);
        break;
    case 422:
        answer_error(a, 422, "database name %s is not available", name);
        break;
    default:
        answer_error(a, 400, "database with same name already exists");
    }
}

bool routes_keeps_deleted(const struct emulator *e, const struct org *org)
{
    return org->restore_enabled && plan_current(&e->switches)->has_restore;
}

void routes_audit(const struct request *rq, enum audit_code code, const char *key,
                  const char *value)
{
    audit_add(&rq->org->audit, rq, code, key, value);
}

bool routes_want_string(const struct request *rq, const char *key, const char **out,
                        struct answer *a)
{
    switch (member_string(rq->json, key, out)) {
    case MEMBER_OK:
        return true;
    case MEMBER_WRONG:
        answer_error(a, 400, "%s must be a string", key);
        return false;
    default:
        answer_error(a, 400, "%s is required", key);
        return false;
    }
}

bool routes_read_string(const struct request *rq, const char *key, const char **out,
                        struct answer *a)
{
    if (member_string(rq->json, key, out) != MEMBER_WRONG)
        return true;
    answer_error(a, 400, "%s must be a string", key);
    return false;
}

bool routes_read_role(const struct request *rq, enum role *io, struct answer *a)
{
    const char *text = NULL;
    enum member m = member_string(rq->json, "role", &text);

    if (m == MEMBER_ABSENT || m == MEMBER_NULL)
        return true;
    if (m == MEMBER_OK && role_parse(text, io) && *io != ROLE_NONE && *io != ROLE_OWNER)
        return true;
    answer_error(a, 400, "invalid role");
    return false;
}

bool routes_want_bool(const struct request *rq, const char *key, bool *io, struct answer *a)
{
    if (member_bool(rq->json, key, io) != MEMBER_WRONG)
        return true;
    answer_error(a, 400, "%s must be a boolean", key);
    return false;
}
