/* report: what the platform says that is shown to people and no record holds: organizations, plans,
 * usage, locations, the audit log, API tokens, members. One table says for each report where its
 * cells stand; a cell that is not there, or of another type, is not said, and nothing else is
 * touched.
 * In:    bytes in pieces of any size.
 * Out:   rows of text in the answer's arena; one of them as JSON.
 * Never: a tree of a list; a part of a list. */
#ifndef TENANTD_CORE_REPORT_H
#define TENANTD_CORE_REPORT_H

#include <json-c/json_types.h>

#include "core/call.h"
#include "lib/err.h"

/* Columns: what people call it, where it stands ("a.b": within a; "a|b": a, or else b), its type:
 *   TEXT  plain text, or a number as text     INT, BOOL  that type alone
 *   SET   a list of plain texts, joined by ","  NOTE  anything, redacted, one line, cut */
/* clang-format off: tables */
#define ORGANIZATION_REPORT(X)                                                                     \
    X(ORGANIZATION_SLUG, "slug", "slug", TEXT)                                                     \
    X(ORGANIZATION_NAME, "name", "name", TEXT)                                                     \
    X(ORGANIZATION_TYPE, "type", "type", TEXT)                                                     \
    X(ORGANIZATION_PLAN, "plan", "plan_id", TEXT)                                                  \
    X(ORGANIZATION_TIMELINE, "timeline", "plan_timeline", TEXT)                                    \
    X(ORGANIZATION_OVERAGES, "overages", "overages", BOOL)                                         \
    X(ORGANIZATION_MFA, "require_mfa", "require_mfa", BOOL)                                        \
    X(ORGANIZATION_READS, "blocked_reads", "blocked_reads", BOOL)                                  \
    X(ORGANIZATION_WRITES, "blocked_writes", "blocked_writes", BOOL)                               \
    X(ORGANIZATION_PLATFORM, "platform", "platform", TEXT)                                         \
    X(ORGANIZATION_ID, "id", "id", TEXT)
#define PLAN_REPORT(X)                                                                             \
    X(PLAN_NAME, "name", "name", TEXT)                                                             \
    X(PLAN_PRICE, "price", "price", TEXT)                                                          \
    X(PLAN_DATABASES, "databases", "quotas.databases", INT)                                        \
    X(PLAN_GROUPS, "groups", "quotas.groups", INT)                                                 \
    X(PLAN_LOCATIONS, "locations", "quotas.locations", INT)                                        \
    X(PLAN_STORAGE, "storage_bytes", "quotas.storage", INT)                                        \
    X(PLAN_READ, "rows_read", "quotas.rowsRead", INT)                                              \
    X(PLAN_WRITTEN, "rows_written", "quotas.rowsWritten", INT)                                     \
    X(PLAN_SYNCED, "bytes_synced", "quotas.bytesSynced", INT)
#define SUBSCRIPTION_REPORT(X)                                                                     \
    X(SUBSCRIPTION_PLAN, "plan", "subscription.plan|subscription.name|subscription", TEXT)         \
    X(SUBSCRIPTION_TIMELINE, "timeline", "subscription.timeline", TEXT)                            \
    X(SUBSCRIPTION_OVERAGES, "overages", "subscription.overages", BOOL)
/* The organization's own row comes last, and has no id; it alone counts databases, groups and
 * locations. */
#define USAGE_REPORT(X)                                                                            \
    X(USAGE_ID, "id", "uuid", TEXT)                                                                \
    X(USAGE_DATABASES, "databases", "databases", INT)                                              \
    X(USAGE_GROUPS, "groups", "groups", INT)                                                       \
    X(USAGE_LOCATIONS, "locations", "locations", INT)                                              \
    X(USAGE_STORAGE, "storage_bytes", "total.storage_bytes|usage.storage_bytes|storage_bytes",     \
      INT)                                                                                         \
    X(USAGE_READ, "rows_read", "total.rows_read|usage.rows_read|rows_read", INT)                   \
    X(USAGE_WRITTEN, "rows_written", "total.rows_written|usage.rows_written|rows_written", INT)    \
    X(USAGE_SYNCED, "bytes_synced", "total.bytes_synced|usage.bytes_synced|bytes_synced", INT)
#define AUDIT_REPORT(X)                                                                            \
    X(AUDIT_AT, "at", "created_at", TEXT)                                                          \
    X(AUDIT_ACTION, "action", "code", TEXT)                                                        \
    X(AUDIT_AUTHOR, "author", "author", TEXT)                                                      \
    X(AUDIT_ORIGIN, "origin", "origin", TEXT)                                                      \
    X(AUDIT_DATABASE, "database",                                                                  \
      "data.database|data.db|data.database_name|data.databaseName|data.db_name|data.dbName", TEXT) \
    X(AUDIT_GROUP, "group", "data.group|data.group_name|data.groupName", TEXT)                     \
    X(AUDIT_NAME, "name", "data.name|data.Name", TEXT)                                             \
    X(AUDIT_MESSAGE, "message", "message", NOTE)                                                   \
    X(AUDIT_DATA, "data", "data", NOTE)
#define LOCATION_REPORT(X)                                                                         \
    X(LOCATION_CODE, "code", "", TEXT)                                                             \
    X(LOCATION_DESCRIPTION, "description", "", TEXT)
#define TOKEN_REPORT(X)                                                                            \
    X(TOKEN_NAME, "name", "name", TEXT)                                                            \
    X(TOKEN_ID, "id", "id", TEXT)                                                                  \
    X(TOKEN_GROUP, "group", "group", TEXT)                                                         \
    X(TOKEN_SCOPES, "scopes", "scopes", SET)                                                       \
    X(TOKEN_OWNER, "owner", "owner.username", TEXT)                                                \
    X(TOKEN_EMAIL, "owner_email", "owner.email", TEXT)                                             \
    X(TOKEN_CREATED, "created_at", "created_at", TEXT)
/* Of one user, over all organizations; without an organization: of all of them. */
#define OWN_TOKEN_REPORT(X)                                                                        \
    X(OWN_TOKEN_ID, "id", "id", TEXT)                                                              \
    X(OWN_TOKEN_ORGANIZATION, "organization", "organization", TEXT)                                \
    X(OWN_TOKEN_GROUP, "group", "group", TEXT)                                                     \
    X(OWN_TOKEN_SCOPES, "scopes", "scopes", SET)
#define MEMBER_REPORT(X)                                                                           \
    X(MEMBER_EMAIL, "email", "email", TEXT)                                                        \
    X(MEMBER_USERNAME, "username", "username", TEXT)                                               \
    X(MEMBER_ROLE, "role", "role", TEXT)
#define INVITE_REPORT(X)                                                                           \
    X(INVITE_EMAIL, "email", "email", TEXT)                                                        \
    X(INVITE_ROLE, "role", "role", TEXT)                                                           \
    X(INVITE_CREATED, "invited_at", "created_at", TEXT)

/*    kind of call          columns              the list: "" the whole body is the one row,
 *                                               "*" an array, or wrapped in "organizations",
 *                                               "a{": the members of the map a are rows */
#define REPORTS(X)                                                                                 \
    X(REPORT_ORGANIZATIONS, ORGANIZATION_REPORT, "*")                                              \
    X(REPORT_PLANS, PLAN_REPORT, "plans")                                                          \
    X(REPORT_SUBSCRIPTION, SUBSCRIPTION_REPORT, "")                                                \
    X(REPORT_USAGE, USAGE_REPORT, "databases")                                                     \
    X(REPORT_DATABASE_USAGE, USAGE_REPORT, "")                                                     \
    X(REPORT_AUDIT, AUDIT_REPORT, "audit_logs")                                                    \
    X(REPORT_LOCATIONS, LOCATION_REPORT, "locations{")                                             \
    X(REPORT_TOKENS, TOKEN_REPORT, "tokens")                                                       \
    X(REPORT_OWN_TOKENS, OWN_TOKEN_REPORT, "tokens")                                               \
    X(REPORT_MEMBERS, MEMBER_REPORT, "members")                                                    \
    X(REPORT_INVITES, INVITE_REPORT, "invites")
/* clang-format on */

#define REPORT_CELL(symbol, key, path, type) REPORT_##symbol,
enum { ORGANIZATION_REPORT(REPORT_CELL) ORGANIZATION_CELLS };
enum { PLAN_REPORT(REPORT_CELL) PLAN_CELLS };
enum { SUBSCRIPTION_REPORT(REPORT_CELL) SUBSCRIPTION_CELLS };
enum { USAGE_REPORT(REPORT_CELL) USAGE_CELLS };
enum { AUDIT_REPORT(REPORT_CELL) AUDIT_CELLS };
enum { LOCATION_REPORT(REPORT_CELL) LOCATION_CELLS };
enum { TOKEN_REPORT(REPORT_CELL) TOKEN_CELLS };
enum { OWN_TOKEN_REPORT(REPORT_CELL) OWN_TOKEN_CELLS };
enum { MEMBER_REPORT(REPORT_CELL) MEMBER_CELLS };
enum { INVITE_REPORT(REPORT_CELL) INVITE_CELLS };
#undef REPORT_CELL

enum report_type { REPORT_TEXT, REPORT_INT, REPORT_BOOL, REPORT_SET, REPORT_NOTE };

struct report_column {
    const char *key;
    const char *path;
    enum report_type type;
};

struct report_info {
    const char *list; /* NULL: not a report */
    const struct report_column *columns;
    size_t n_columns; /* at most REPORT_CELLS_MAX */
};
extern const struct report_info REPORT[CALL_N];

/* A cell as a number. False: not said. */
bool report_int(const struct report_row *row, size_t column, int64_t *out) MUST_CHECK;
/* A cell as text; "" when not said. */
const char *report_text(const struct report_row *row, size_t column);

/* One row as an object; the caller's. NULL: no memory. */
struct json_object *report_row_json(enum call_kind kind, const struct report_row *row) MUST_CHECK;

/* What its cells say, as members of an object. False: no memory. */
bool report_add_cell(struct json_object *o, enum call_kind kind, const struct report_row *row,
                     size_t column) MUST_CHECK;
bool report_add_cells(struct json_object *o, enum call_kind kind,
                      const struct report_row *row) MUST_CHECK;

struct report;

/* `kind`: one with a row in REPORT. `into` is borrowed until report_free. NULL: no memory. */
struct report *report_new(enum call_kind kind, struct answer *into) MUST_CHECK;
/* -ERR_INVALID, -ERR_LIMIT, -ERR_NOMEM; nothing may follow an error. */
int report_feed(struct report *r, const char *data, size_t size, struct err *err) MUST_CHECK;
/* The body is complete: fill in `into`. */
int report_end(struct report *r, struct err *err) MUST_CHECK;
void report_free(struct report *r); /* takes NULL */

#endif
