/* live: what the platform's JSON says of a database, a group, a configuration, an API token, a
 * member.
 * In:    the JSON of one, where it stands; unknown keys are passed over.
 * Out:   our own struct, its texts in an arena.
 * Never: takes a value of another type for what it might have meant. */
#ifndef TENANTD_CORE_LIVE_H
#define TENANTD_CORE_LIVE_H

#include "core/call.h"
#include "core/field.h"
#include "lib/arena.h"
#include "lib/err.h"

/* Of json[0..size), which is to be one object. Each 0, -ERR_INVALID (err names the key) or
 * -ERR_NOMEM; *out is then not to be used. */
int live_db_read(const char *json, size_t size, struct arena *a, struct live_db *out,
                 struct err *err) MUST_CHECK;
int live_group_read(const char *json, size_t size, struct arena *a, struct live_group *out,
                    struct err *err) MUST_CHECK;
/* The same in two steps, where the first is done by the table. */
extern const struct field_table *const LIVE_DB;
extern const struct field_table *const LIVE_GROUP;
int live_db_fill(const struct field_values *from, struct arena *a, struct live_db *out,
                 struct err *err) MUST_CHECK;
int live_group_fill(const struct field_values *from, struct arena *a, struct live_group *out,
                    struct err *err) MUST_CHECK;
/* Values in the form of config_field.h. Of a group's configuration, delete_protection is all there
 * is. */
int live_config_read(const char *json, size_t size, struct arena *a, struct db_config *out,
                     struct err *err) MUST_CHECK;

int live_api_token_read(const char *json, size_t size, struct arena *a, struct live_api_token *out,
                        struct err *err) MUST_CHECK;
/* `is_invite`: of one there is an e-mail address and no name of a user. */
int live_member_read(const char *json, size_t size, bool is_invite, struct arena *a,
                     struct live_member *out, struct err *err) MUST_CHECK;

#endif
