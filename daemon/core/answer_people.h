/* answer_people: bodies about members and invites. Private to answer_body, whose table has these.
 * In:    the whole body, what was asked.
 * Out:   the answer's members, or what is wrong with the shape. */
#ifndef TENANTD_CORE_ANSWER_PEOPLE_H
#define TENANTD_CORE_ANSWER_PEOPLE_H

#include "core/answer_body.h"

struct json_value;

int answer_read_members(const struct json_value *body, const struct answer_asked *asked,
                        struct answer *into, struct err *err) MUST_CHECK;
int answer_read_invites(const struct json_value *body, const struct answer_asked *asked,
                        struct answer *into, struct err *err) MUST_CHECK;
int answer_read_member(const struct json_value *body, const struct answer_asked *asked,
                       struct answer *into, struct err *err) MUST_CHECK;
int answer_read_invited(const struct json_value *body, const struct answer_asked *asked,
                        struct answer *into, struct err *err) MUST_CHECK;

#endif
