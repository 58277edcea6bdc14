/* live: what the platform's JSON says of a database, a group, a configuration, an API token, a
 * member.
 * In:    the JSON of one, where it stands; unknown keys are passed over.
 * Out:   our own struct, its texts in an arena.
 * Never: takes a value of another type for what it might have meant. */
#include "core/live.h"

#include <string.h>

#include "core/field.h"
#include "core/scope.h"
#include "lib/search.h"

/* --- Databases ----------------------------------------------------------------------------- */

#define LETTERS_AND_DIGITS ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true

static bool is_made_of(const char *s, const bool bytes[256])
{
    while (bytes[(unsigned char)*s])
        s++;
    return *s == '\0';
}

/* A name that stands for itself alone, also where it became part of a path. What is not of our
 * grammar is shown and left alone: no request is built of it. */
static int database_name(const struct json_value *v, const char *key, struct arena *a, void *out,
                         struct err *err)
{
    static const bool BYTES[256] = {LETTERS_AND_DIGITS, ['-'] = true, ['_'] = true, ['.'] = true};
    int rc = field_required(v, key, a, out, err);
    const char *s = *(const char **)out;

    if (rc == 0 && (s[0] == '.' || s[0] == '-' || !is_made_of(s, BYTES)))
        return err_set(err, ERR_INVALID, "\"%s\" cannot be the name of a database", s);
    return rc;
}

/* A host name goes into files that shells and programs read. */
static int host(const struct json_value *v, const char *key, struct arena *a, void *out,
                struct err *err)
{
    static const bool BYTES[256] = {
        LETTERS_AND_DIGITS, ['.'] = true, ['-'] = true, ['_'] = true, [':'] = true};
    int rc = field_text(v, key, a, out, err);
    const char *s = *(const char **)out;

    if (rc == 0 && s && !is_made_of(s, BYTES))
        return err_set(err, ERR_INVALID, "\"%s\" is not the name of a host", key);
    return rc;
}

static int id_within(const struct json_value *v, const char *key, struct arena *a, void *out,
                     struct err *err)
{
    int rc = 0;

    if (field_is_none(v))
        return 0;
    if (v->kind != JSON_OBJECT)
        rc = err_set(err, ERR_INVALID, "it is not an object");
    if (rc == 0)
        rc = field_within(v, "id", field_text, a, out, err);
    if (rc < 0)
        err_wrap(err, "\"%s\"", key);
    return rc;
}

/* clang-format off: tables */
#define DATABASE_ROWS(X, type)                                                                     \
    X(type, "Name", database_name, name)                                                           \
    X(type, "DbId", field_required, id)                                                            \
    X(type, "Hostname", host, hostname)                                                            \
    X(type, "group", field_shared, group)                                                          \
    X(type, "block_reads", field_flag, block_reads)                                                \
    X(type, "block_writes", field_flag, block_writes)                                              \
    X(type, "delete_protection", field_flag, delete_protection)                                    \
    X(type, "archived", field_flag, archived)                                                      \
    X(type, "deleted_at", field_instant, deleted_ms)                                               \
    X(type, "group_deleted_at", field_was, group_deleted)                                          \
    X(type, "parent", id_within, parent_id)
/* clang-format on */
FIELD_TABLE(DATABASE, DATABASE_ROWS, struct live_db);
const struct field_table *const LIVE_DB = &DATABASE;

int live_db_read(const char *json, size_t size, struct arena *a, struct live_db *out,
                 struct err *err)
{
    struct field_values values;
    int rc = field_scan(&DATABASE, json, size, &values, err);

    return rc < 0 ? rc : live_db_fill(&values, a, out, err);
}

int live_db_fill(const struct field_values *from, struct arena *a, struct live_db *out,
                 struct err *err)
{
    int rc;

    *out = (struct live_db){0};
    rc = field_fill(&DATABASE, from, a, out, err);
    if (rc < 0)
        err_wrap(err, "database \"%s\"", out->name ? out->name : "?");
    return rc;
}

/* --- Groups -------------------------------------------------------------------------------- */

/* `out`: the group's locations; how many there are goes with them. */
static int locations(const struct json_value *v, const char *key, struct arena *a, void *out,
                     struct err *err)
{
    struct live_group *g = container_of(out, struct live_group, locations);
    struct json_value item = {.kind = JSON_ABSENT};
    size_t n = json_count(v);
    int rc = field_want_list(v, key, err);

    if (rc < 0 || field_is_none(v) || n == 0)
        return rc;
    g->locations = arena_alloc(a, n * sizeof(*g->locations));
    if (!g->locations)
        return err_nomem(err);
    while (json_next(v, NULL, &item)) {
        rc = field_required(&item, key, a, &g->locations[g->n_locations], NULL);
        if (rc == -ERR_NOMEM)
            return err_nomem(err);
        if (rc < 0)
            return err_set(err, ERR_INVALID, "\"%s\" holds what is no location", key);
        g->n_locations++;
    }
    search_sort((void *)g->locations, n, sizeof(*g->locations));
    return 0;
}

/* Is `code` the location that `primary` means, with or without the provider's prefix? */
static bool is_primary(const char *code, const char *primary)
{
    size_t n = strlen(code);
    size_t m = strlen(primary);

    if (n == m)
        return strcmp(code, primary) == 0;
    return n > m + 1 && code[n - m - 1] == '-' && strcmp(code + n - m, primary) == 0;
}

/* The platform may leave "aws-" out of `primary` while `locations` has it. */
static const char *normal_primary(const struct live_group *g)
{
    if (!g->locations)
        return g->primary;
    if (g->n_locations == 1)
        return g->locations[0];
    for (size_t i = 0; g->primary && i < g->n_locations; i++)
        if (is_primary(g->locations[i], g->primary))
            return g->locations[i];
    return g->primary;
}

/* clang-format off: a table */
#define GROUP_ROWS(X, type)                                                                        \
    X(type, "name", field_required, name)                                                          \
    X(type, "uuid", field_required, id)                                                            \
    X(type, "primary", field_text, primary)                                                        \
    X(type, "locations", locations, locations)                                                     \
    X(type, "delete_protection", field_flag, delete_protection)                                    \
    X(type, "archived", field_flag, archived)                                                      \
    X(type, "deleted_at", field_instant, deleted_ms)
/* clang-format on */
FIELD_TABLE(GROUP, GROUP_ROWS, struct live_group);
const struct field_table *const LIVE_GROUP = &GROUP;

int live_group_read(const char *json, size_t size, struct arena *a, struct live_group *out,
                    struct err *err)
{
    struct field_values values;
    int rc = field_scan(&GROUP, json, size, &values, err);

    return rc < 0 ? rc : live_group_fill(&values, a, out, err);
}

int live_group_fill(const struct field_values *from, struct arena *a, struct live_group *out,
                    struct err *err)
{
    int rc;

    *out = (struct live_group){0};
    rc = field_fill(&GROUP, from, a, out, err);
    if (rc < 0)
        err_wrap(err, "group \"%s\"", out->name ? out->name : "?");
    else
        out->primary = normal_primary(out);
    return rc;
}

/* --- Configuration ------------------------------------------------------------------------- */

static bool join_once(struct buf *b, const char **items, size_t n)
{
    search_sort((void *)items, n, sizeof(*items));
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(items[i], items[i - 1]) == 0)
            continue;
        if (i > 0)
            buf_add_char(b, ',');
        buf_add_str(b, items[i]);
    }
    return !b->failed;
}

/* In each of these NULL is "not said". */

static int config_SET(const struct json_value *v, const char *key, struct arena *a, void *out,
                      struct err *err)
{
    const char **value = out;
    int rc = field_want_list(v, key, err);

    *value = v->kind == JSON_ABSENT ? NULL : "";
    return rc < 0 || field_is_none(v) || json_count(v) == 0
               ? rc
               : field_joined(v, key, join_once, a, value, err);
}

static int config_TEXT(const struct json_value *v, const char *key, struct arena *a, void *out,
                       struct err *err)
{
    const char **value = out;
    int rc = field_text(v, key, a, value, err);

    if (rc == 0 && !field_is_none(v) && !*value)
        *value = ""; /* none is set, which is not the same as not said */
    return rc;
}

static int config_BOOL(const struct json_value *v, const char *key, struct arena *a, void *out,
                       struct err *err)
{
    const char **value = out;
    int8_t said;
    int rc = field_flag(v, key, a, &said, err);

    *value = said < 0 ? NULL : said ? "true" : "false";
    return rc;
}

#define CONFIG_KEY(symbol, key, type, listed) JSON_KEY(key),
#define CONFIG_READ(symbol, key, type, listed)                                                     \
    {config_##type, offsetof(struct db_config, value[CONFIG_##symbol])},
static const struct json_key CONFIG_KEYS[] = {CONFIG_FIELDS(CONFIG_KEY)};
static const struct field CONFIG_READS[] = {CONFIG_FIELDS(CONFIG_READ)};
_Static_assert(CONFIG_N <= FIELD_MAX, "there is room for all values");
static const struct field_table CONFIGURATION = {CONFIG_KEYS, CONFIG_READS, CONFIG_N};

int live_config_read(const char *json, size_t size, struct arena *a, struct db_config *out,
                     struct err *err)
{
    struct field_values values;
    int rc = field_scan(&CONFIGURATION, json, size, &values, err);

    *out = (struct db_config){0};
    if (rc < 0)
        return rc;
    rc = field_fill(&CONFIGURATION, &values, a, out, err);
    if (rc < 0)
        err_wrap(err, "configuration");
    return rc;
}

/* --- API tokens ---------------------------------------------------------------------------- */

static bool join_scopes(struct buf *b, const char **items, size_t n)
{
    return scope_add_set(b, items, n);
}

static int scopes(const struct json_value *v, const char *key, struct arena *a, void *out,
                  struct err *err)
{
    int rc = field_want_list(v, key, err);

    return rc < 0 || json_count(v) == 0 ? rc : field_joined(v, key, join_scopes, a, out, err);
}

static int username_within(const struct json_value *v, const char *key, struct arena *a, void *out,
                           struct err *err)
{
    (void)key;
    return field_within(v, "username", field_text, a, out, err);
}

/* clang-format off: a table */
#define API_TOKEN_ROWS(X, type)                                                                    \
    X(type, "name", field_required, name)                                                          \
    X(type, "id", field_required, id)                                                              \
    X(type, "group", field_text, group)                                                            \
    X(type, "scopes", scopes, scopes)                                                              \
    X(type, "created_at", field_text, created)                                                     \
    X(type, "owner", username_within, owner)
/* clang-format on */
FIELD_TABLE(API_TOKEN, API_TOKEN_ROWS, struct live_api_token);

int live_api_token_read(const char *json, size_t size, struct arena *a, struct live_api_token *out,
                        struct err *err)
{
    struct field_values values;
    int rc = field_scan(&API_TOKEN, json, size, &values, err);

    *out = (struct live_api_token){0};
    if (rc < 0)
        return rc;
    rc = field_fill(&API_TOKEN, &values, a, out, err);
    if (rc < 0)
        err_wrap(err, "API token \"%s\"", out->name ? out->name : "?");
    return rc;
}

/* --- Members and invites ------------------------------------------------------------------- */

/* clang-format off: tables */
#define MEMBER_ROWS(X, type)                                                                       \
    X(type, "email", field_text, email)                                                            \
    X(type, "username", field_required, username)                                                  \
    X(type, "role", field_required, role)
#define INVITE_ROWS(X, type)                                                                       \
    X(type, "email", field_required, email)                                                        \
    X(type, "role", field_required, role)                                                          \
    X(type, "created_at", field_text, invited)
/* clang-format on */
FIELD_TABLE(MEMBER, MEMBER_ROWS, struct live_member);
FIELD_TABLE(INVITE, INVITE_ROWS, struct live_member);

int live_member_read(const char *json, size_t size, bool is_invite, struct arena *a,
                     struct live_member *out, struct err *err)
{
    const struct field_table *t = is_invite ? &INVITE : &MEMBER;
    struct field_values values;
    int rc = field_scan(t, json, size, &values, err);

    *out = (struct live_member){0};
    if (rc < 0)
        return rc;
    rc = field_fill(t, &values, a, out, err);
    if (rc < 0)
        err_wrap(err, "%s \"%s\"", is_invite ? "invite of" : "member",
                 out->username ? out->username
                 : out->email  ? out->email
                               : "?");
    return rc;
}
