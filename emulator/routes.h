/* routes: the functions behind the table of routes, and what they share.
 * In:    a request whose route, organization and body are checked.
 * Out:   an answer, and a changed state.
 * Never: asked directly; emulator.c checks first. */
#ifndef TENANTD_EMULATOR_ROUTES_H
#define TENANTD_EMULATOR_ROUTES_H

#include "access.h"
#include "answer.h"
#include "emulator.h"
#include "people.h"
#include "request.h"

/* What the path names; NULL: answered with 404. */
struct group *routes_group(const struct request *rq, struct answer *a);
struct database *routes_database(const struct request *rq, struct answer *a);
/* Is this a name that a group or a database ("what") may have? False: answered with 400. */
bool routes_check_name(const struct org *org, const char *what, const char *name, struct answer *a);
/* There is a database of that name. */
void routes_refuse_duplicate(const struct emulator *e, const char *name, struct answer *a);
/* Can what this organization deletes be restored? */
bool routes_keeps_deleted(const struct emulator *e, const struct org *org);
/* Write down what the request has done. */
void routes_audit(const struct request *rq, enum audit_code code, const char *key,
                  const char *value);
/* A string that must be there. False: answered with 400. */
bool routes_want_string(const struct request *rq, const char *key, const char **out,
                        struct answer *a);
/* A string that need not be there; *out stays if it is not. False: answered with 400. */
bool routes_read_string(const struct request *rq, const char *key, const char **out,
                        struct answer *a);
/* The role to give, if the request names one; nobody is made owner. False: answered with 400. */
bool routes_read_role(const struct request *rq, enum role *io, struct answer *a);
bool routes_want_bool(const struct request *rq, const char *key, bool *io, struct answer *a);

/* clang-format off: a table */
#define ROUTE_FUNCTIONS(X)                                                                         \
    X(user_get)                                                                                    \
    X(current_user_get)                                                                            \
    X(token_validate)                                                                              \
    X(own_token_list)                                                                              \
    X(own_token_create)                                                                            \
    X(own_token_create_v2)                                                                         \
    X(own_token_remove)                                                                            \
    X(org_token_list)                                                                              \
    X(org_token_remove)                                                                            \
    X(region_get)                                                                                  \
    X(location_list)                                                                               \
    X(location_get)                                                                                \
    X(org_location_list)                                                                           \
    X(org_list)                                                                                    \
    X(org_list_v2)                                                                                 \
    X(org_get)                                                                                     \
    X(org_patch)                                                                                   \
    X(org_plans)                                                                                   \
    X(org_subscription)                                                                            \
    X(org_usage)                                                                                   \
    X(org_invoices)                                                                                \
    X(audit_list)                                                                                  \
    X(member_list)                                                                                 \
    X(member_get)                                                                                  \
    X(member_add)                                                                                  \
    X(member_patch)                                                                                \
    X(member_remove)                                                                               \
    X(invite_list)                                                                                 \
    X(invite_send)                                                                                 \
    X(invite_remove)                                                                               \
    X(old_invite_list)                                                                             \
    X(group_list)                                                                                  \
    X(group_create)                                                                                \
    X(group_get)                                                                                   \
    X(group_remove)                                                                                \
    X(group_config_get)                                                                            \
    X(group_config_patch)                                                                          \
    X(group_location_add)                                                                          \
    X(group_location_remove)                                                                       \
    X(group_location_wait)                                                                         \
    X(group_transfer)                                                                              \
    X(group_unarchive)                                                                             \
    X(group_rename_post)                                                                           \
    X(group_token)                                                                                 \
    X(group_rotate_post)                                                                           \
    X(db_list)                                                                                     \
    X(db_create)                                                                                   \
    X(db_get)                                                                                      \
    X(db_remove)                                                                                   \
    X(db_config_get)                                                                               \
    X(db_config_patch)                                                                             \
    X(db_instances)                                                                                \
    X(db_instance)                                                                                 \
    X(db_usage)                                                                                    \
    X(db_stats)                                                                                    \
    X(db_queries)                                                                                  \
    X(db_token)                                                                                    \
    X(db_rotate)                                                                                   \
    X(db_wakeup)                                                                                   \
    X(db_pipeline)                                                                                 \
    X(db_upload)                                                                                   \
    X(trash_database_list)                                                                         \
    X(trash_database_restore)                                                                      \
    X(trash_group_list)                                                                            \
    X(trash_group_restore)                                                                         \
    X(admin_counters)                                                                              \
    X(admin_requests)                                                                              \
    X(admin_faults_get)                                                                            \
    X(admin_faults_set)                                                                            \
    X(admin_faults_clear)                                                                          \
    X(admin_reset)                                                                                 \
    X(admin_state)                                                                                 \
    X(admin_keys)                                                                                  \
    X(admin_switches_get)                                                                          \
    X(admin_switches_set)                                                                          \
    X(admin_clock_get)                                                                             \
    X(admin_clock_set)                                                                             \
    X(admin_user_set)                                                                              \
    X(admin_invite_accept)                                                                         \
    X(admin_audit_add)                                                                             \
    X(admin_archive)
/* clang-format on */

#define ROUTE_DECLARE(name)                                                                        \
    void route_##name(struct emulator *e, struct request *rq, struct answer *a);
ROUTE_FUNCTIONS(ROUTE_DECLARE)
#undef ROUTE_DECLARE

#endif
