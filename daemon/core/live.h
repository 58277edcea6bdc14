/* live: what the platform's JSON says of a database, a group, a configuration, an API token, a
 * member. In:    an object; unknown keys are passed over. Out:   our own struct, its texts in an
 * arena. Never: takes a value of another type for what it might have meant. */
#ifndef TENANTD_CORE_LIVE_H
#define TENANTD_CORE_LIVE_H

#include <json-c/json_types.h>

#include "core/call.h"
#include "lib/arena.h"
#include "lib/err.h"

/* A text member: plain, at most LIMIT_LIVE_TEXT_BYTES, copied into `a`. NULL when absent, null or
 * empty, which is -ERR_INVALID for a `required` one; so is any other type. */
int live_text(struct json_object *o, const char *key, bool required, struct arena *a,
              const char **out, struct err *err) MUST_CHECK;

/* Each 0, -ERR_INVALID (err names the key) or -ERR_NOMEM; *out is then not to be used. */
int live_db_read(struct json_object *o, struct arena *a, struct live_db *out,
                 struct err *err) MUST_CHECK;
int live_group_read(struct json_object *o, struct arena *a, struct live_group *out,
                    struct err *err) MUST_CHECK;
/* Values in the form of config_field.h. Of a group's configuration, delete_protection is all there
 * is. */
int live_config_read(struct json_object *o, struct arena *a, struct db_config *out,
                     struct err *err) MUST_CHECK;

int live_api_token_read(struct json_object *o, struct arena *a, struct live_api_token *out,
                        struct err *err) MUST_CHECK;
/* `is_invite`: of one there is an e-mail address and no name of a user. */
int live_member_read(struct json_object *o, bool is_invite, struct arena *a,
                     struct live_member *out, struct err *err) MUST_CHECK;

#endif
