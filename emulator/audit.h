/* audit: what was done in an organization, by whom.
 * In:    a code of the platform's, words about what it was done to.
 * Out:   entries, newest first, page by page.
 * Never: holds a secret; keeps more than a fixed number. */
#ifndef TENANTD_EMULATOR_AUDIT_H
#define TENANTD_EMULATOR_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

#define AUDIT_MAX 100000 /* entries of an organization; older ones are forgotten */

/* The platform's codes, with its own misspelling. Nothing is written down for rotations, changed
 * roles and revoked tokens: the platform has no codes for these. Nobody signs up or buys here. */
#define AUDIT_TABLE(X)                                                                             \
    X(AUDIT_USER_SIGNUP, "user-signup")                                                            \
    X(AUDIT_USER_DELETE, "user-delete")                                                            \
    X(AUDIT_DB_CREATE, "db-create")                                                                \
    X(AUDIT_DB_DELETE, "db-delete")                                                                \
    X(AUDIT_DB_PROTECT, "db-protect")                                                              \
    X(AUDIT_DB_UNPROTECT, "db-unprotect")                                                          \
    X(AUDIT_DB_TOKEN_CREATE, "db-token-create")                                                    \
    X(AUDIT_DB_UNARCHIVE, "db-aunrchive")                                                          \
    X(AUDIT_GROUP_TOKEN_CREATE, "group-token-create")                                              \
    X(AUDIT_USER_TOKEN_CREATE, "user-token-create")                                                \
    X(AUDIT_INSTANCE_CREATE, "instance-create")                                                    \
    X(AUDIT_INSTANCE_DELETE, "instance-delete")                                                    \
    X(AUDIT_ORG_CREATE, "org-create")                                                              \
    X(AUDIT_ORG_DELETE, "org-delete")                                                              \
    X(AUDIT_ORG_MEMBER_ADD, "org-member-add")                                                      \
    X(AUDIT_ORG_MEMBER_REMOVE, "org-member-rm")                                                    \
    X(AUDIT_ORG_MEMBER_LEAVE, "org-member-leave")                                                  \
    X(AUDIT_ORG_PLAN_UPDATE, "org-plan-update")                                                    \
    X(AUDIT_ORG_SET_OVERAGES, "org-set-overages")                                                  \
    X(AUDIT_GROUP_CREATE, "group-create")                                                          \
    X(AUDIT_GROUP_DELETE, "group-delete")                                                          \
    X(AUDIT_GROUP_UNARCHIVE, "group-unarchive")                                                    \
    X(AUDIT_GROUP_PROTECT, "group-protect")                                                        \
    X(AUDIT_GROUP_UNPROTECT, "group-unprotect")
#define AUDIT_ENUM(name, text) name,
enum audit_code { AUDIT_TABLE(AUDIT_ENUM) };
#undef AUDIT_ENUM

struct request;
struct audit_entry;

struct audit {
    struct audit_entry **ring; /* entry seq is in slot seq % AUDIT_MAX, or NULL is */
    size_t capacity, n_slots;
    uint64_t n; /* entries, ever */
};

bool audit_code_parse(const char *text, enum audit_code *out) MUST_CHECK;
/* `key` (static text) and `value`: what it was done to. The author is the caller of `rq`, or, where
 * a route has none, `value`. Without memory the entry is left out. */
void audit_add(struct audit *audit, const struct request *rq, enum audit_code code, const char *key,
               const char *value);
size_t audit_count(const struct audit *audit);
/* The entries `skip` .. `skip` + `limit`, counted from the newest. */
void audit_write(const struct audit *audit, size_t skip, size_t limit, struct buf *out);
void audit_deinit(struct audit *audit);

#endif
