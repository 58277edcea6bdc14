/* request_people: what requests about members and invites are made of. Private to request.
 * In:    names of users, e-mail addresses, roles.
 * Out:   parts of a path, bodies. */
#ifndef TENANTD_CORE_REQUEST_PEOPLE_H
#define TENANTD_CORE_REQUEST_PEOPLE_H

#include <json-c/json_types.h>

#include "core/call.h"
#include "lib/buf.h"
#include "lib/err.h"

/* request.c: percent-encoded, but for what is never. */
void request_add_encoded(struct buf *b, const char *s);

/* Each 0, -ERR_INVALID or -ERR_NOMEM. */
int request_add_user(struct buf *b, const char *name, struct err *err) MUST_CHECK;
int request_add_email(struct buf *b, const char *email, struct err *err) MUST_CHECK;
int request_role_body(const struct call *c, struct json_object *o, struct err *err) MUST_CHECK;
int request_invite_body(const struct call *c, struct json_object *o, struct err *err) MUST_CHECK;

#endif
