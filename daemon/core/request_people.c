/* request_people: what requests about members and invites are made of.
 * In:    names of users, e-mail addresses, roles.
 * Out:   parts of a path, bodies.
 * Never: a path made of a name that could mean another path; a role that nobody can give. */
#include "core/request_people.h"

#include <string.h>

#include "core/email.h"
#include "core/limits.h"
#include "core/manifest.h"
#include "lib/json.h"

/* The platform's own names of users: no rule of theirs is known but that each is one word. */
int request_add_user(struct buf *b, const char *name, struct err *err)
{
    size_t n = name ? strlen(name) : 0;
    bool good = n > 0 && n <= LIMIT_EMAIL_BYTES && name[0] != '.';

    for (size_t i = 0; good && i < n; i++)
        good = name[i] > ' ' && name[i] < 127 && !strchr("/\\?#", name[i]);
    if (!good)
        return err_set(err, ERR_INVALID, "\"%s\" cannot be the name of a user", name ? name : "");
    request_add_encoded(b, name);
    return 0;
}

int request_add_email(struct buf *b, const char *email, struct err *err)
{
    if (!email || !email_is(email, strlen(email)))
        return err_set(err, ERR_INVALID, "\"%s\" is no e-mail address", email ? email : "");
    request_add_encoded(b, email);
    return 0;
}

static bool is_role(const char *role)
{
    for (int i = 0; role && i < MEMBER_ROLE_N; i++)
        if (strcmp(role, MEMBER_ROLE_NAME[i]) == 0)
            return true;
    return false;
}

int request_role_body(const struct call *c, struct json_object *o, struct err *err)
{
    if (!is_role(c->role))
        return err_set(err, ERR_INVALID, "\"%s\" is no role that can be given",
                       c->role ? c->role : "");
    return json_add_str(o, "role", c->role) ? 0 : err_nomem(err);
}

int request_invite_body(const struct call *c, struct json_object *o, struct err *err)
{
    if (!c->name || !email_is(c->name, strlen(c->name)))
        return err_set(err, ERR_INVALID, "\"%s\" is no e-mail address", c->name ? c->name : "");
    if (!json_add_str(o, "email", c->name))
        return err_nomem(err);
    return request_role_body(c, o, err);
}
