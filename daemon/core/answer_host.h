/* answer_host: bodies that a database's own host answers with. Private to answer_body, whose table
 * has these.
 * In:    the whole body.
 * Out:   what the answer holds of it, or what the database said is wrong. */
#ifndef TENANTD_CORE_ANSWER_HOST_H
#define TENANTD_CORE_ANSWER_HOST_H

#include "core/answer_body.h"

struct json_value;

int answer_read_pipeline(const struct json_value *body, const struct answer_asked *asked,
                         struct answer *into, struct err *err) MUST_CHECK;
int answer_read_count(const struct json_value *body, const struct answer_asked *asked,
                      struct answer *into, struct err *err) MUST_CHECK;

#endif
