/* answer_people: bodies about members and invites. Private to answer_body, whose table has these.
 * In:    the whole body, what was asked.
 * Out:   the answer's members, or what is wrong with the shape. */
#ifndef TENANTD_CORE_ANSWER_PEOPLE_H
#define TENANTD_CORE_ANSWER_PEOPLE_H

#include <json-c/json_types.h>

#include "core/answer_body.h"

int answer_read_members(struct json_object *o, const struct answer_asked *asked,
                        struct answer *into, struct err *err) MUST_CHECK;
int answer_read_invites(struct json_object *o, const struct answer_asked *asked,
                        struct answer *into, struct err *err) MUST_CHECK;
int answer_read_member(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                       struct err *err) MUST_CHECK;
int answer_read_invited(struct json_object *o, const struct answer_asked *asked,
                        struct answer *into, struct err *err) MUST_CHECK;

#endif
