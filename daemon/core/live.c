/* live: what the platform's JSON says of a database, a group, a configuration, an API token, a
 * member. In:    an object; unknown keys are passed over. Out:   our own struct, its texts in an
 * arena. Never: takes a value of another type for what it might have meant. */
#include "core/live.h"

#include <stdlib.h>
#include <string.h>

#include "core/scope.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

/* --- Members of one type ------------------------------------------------------------------- */

/* NULL when absent or null; the platform uses both for "none". */
static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) ? v : NULL;
}

/* A text without control characters, of a length that something can be done with. */
static bool plain(struct json_object *v, const char **out, size_t *out_size)
{
    if (!json_object_is_type(v, json_type_string))
        return false;
    *out = json_object_get_string(v);
    *out_size = (size_t)json_object_get_string_len(v);
    return *out_size <= LIMIT_LIVE_TEXT_BYTES && text_is_plain(*out, *out_size);
}

static int read_text(struct json_object *o, const char *key, const char **out, size_t *out_size,
                     struct err *err)
{
    struct json_object *v = member(o, key);

    *out = "";
    *out_size = 0;
    if (v && !plain(v, out, out_size))
        return err_set(err, ERR_INVALID, "\"%s\" is not a plain text of at most %d bytes", key,
                       LIMIT_LIVE_TEXT_BYTES);
    return 0;
}

int live_text(struct json_object *o, const char *key, bool required, struct arena *a,
              const char **out, struct err *err)
{
    const char *s;
    size_t n;
    int rc = read_text(o, key, &s, &n, err);

    *out = NULL;
    if (rc < 0 || (n == 0 && !required))
        return rc;
    if (n == 0)
        return err_set(err, ERR_INVALID, "\"%s\" is missing", key);
    *out = arena_strndup(a, s, n);
    return *out ? 0 : err_nomem(err);
}

/* As live_text, for a text that many things share. */
static int shared_text(struct json_object *o, const char *key, struct arena *a, const char **out,
                       struct err *err)
{
    const char *s;
    size_t n;
    int rc = read_text(o, key, &s, &n, err);

    *out = NULL;
    if (rc < 0 || n == 0)
        return rc;
    *out = arena_intern(a, s, n);
    return *out ? 0 : err_nomem(err);
}

/* An instant. *out: 0 when absent or null. */
static int read_time(struct json_object *o, const char *key, int64_t *out, struct err *err)
{
    const char *s;
    size_t n;
    int rc = read_text(o, key, &s, &n, err);

    *out = 0;
    if (rc < 0 || n == 0)
        return rc;
    return text_parse_time(s, out) ? 0 : err_set(err, ERR_INVALID, "\"%s\" is no instant", key);
}

static int read_bool(struct json_object *o, const char *key, int8_t *out, struct err *err)
{
    struct json_object *v = member(o, key);

    *out = -1;
    if (!v)
        return 0;
    if (!json_object_is_type(v, json_type_boolean))
        return err_set(err, ERR_INVALID, "\"%s\" is not true or false", key);
    *out = json_object_get_boolean(v) ? 1 : 0;
    return 0;
}

static int want_object(struct json_object *o, struct err *err)
{
    if (!json_object_is_type(o, json_type_object))
        return err_set(err, ERR_INVALID, "it is not an object");
    return 0;
}

/* --- Databases ----------------------------------------------------------------------------- */

/* A host name goes into files that shells and programs read. */
static bool is_host(const char *s)
{
    return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:")] ==
           '\0';
}

static int read_parent(struct json_object *o, struct arena *a, struct live_db *out, struct err *err)
{
    struct json_object *parent = member(o, "parent");
    int rc;

    if (!parent)
        return 0;
    rc = want_object(parent, err);
    if (rc == 0)
        rc = live_text(parent, "id", false, a, &out->parent_id, err);
    if (rc < 0)
        err_wrap(err, "\"parent\"");
    return rc;
}

/* A name that stands for itself alone, also where it became part of a path. What is not of our
 * grammar is shown and left alone: no request is built of it. */
static bool is_name(const char *s)
{
    return s[0] != '.' && s[0] != '-' &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] ==
               '\0';
}

static int read_db_texts(struct json_object *o, struct arena *a, struct live_db *out,
                         struct err *err)
{
    int rc = live_text(o, "Name", true, a, &out->name, err);

    if (rc == 0 && !is_name(out->name))
        rc = err_set(err, ERR_INVALID, "\"%s\" cannot be the name of a database", out->name);
    if (rc == 0)
        rc = live_text(o, "DbId", true, a, &out->id, err);
    if (rc == 0)
        rc = live_text(o, "Hostname", false, a, &out->hostname, err);
    if (rc == 0 && out->hostname && !is_host(out->hostname))
        rc = err_set(err, ERR_INVALID, "\"Hostname\" is not the name of a host");
    if (rc == 0)
        rc = shared_text(o, "group", a, &out->group, err);
    return rc;
}

static int read_db_flags(struct json_object *o, struct live_db *out, struct err *err)
{
    int rc = read_bool(o, "block_reads", &out->block_reads, err);

    if (rc == 0)
        rc = read_bool(o, "block_writes", &out->block_writes, err);
    if (rc == 0)
        rc = read_bool(o, "delete_protection", &out->delete_protection, err);
    if (rc == 0)
        rc = read_bool(o, "archived", &out->archived, err);
    return rc;
}

static int read_db_deletion(struct json_object *o, struct live_db *out, struct err *err)
{
    int64_t group_ms = 0;
    int rc = read_time(o, "deleted_at", &out->deleted_ms, err);

    if (rc == 0)
        rc = read_time(o, "group_deleted_at", &group_ms, err);
    out->group_deleted = group_ms != 0;
    return rc;
}

int live_db_read(struct json_object *o, struct arena *a, struct live_db *out, struct err *err)
{
    int rc = want_object(o, err);

    *out = (struct live_db){0};
    if (rc == 0)
        rc = read_db_texts(o, a, out, err);
    if (rc == 0)
        rc = read_db_flags(o, out, err);
    if (rc == 0)
        rc = read_db_deletion(o, out, err);
    if (rc == 0)
        rc = read_parent(o, a, out, err);
    if (rc < 0)
        err_wrap(err, "database \"%s\"", out->name ? out->name : "?");
    return rc;
}

/* --- Groups -------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;

    return strcmp(*x, *y);
}

static int read_locations(struct json_object *o, struct arena *a, struct live_group *out,
                          struct err *err)
{
    struct json_object *list = member(o, "locations");
    size_t n =
        list && json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

    if (list && !json_object_is_type(list, json_type_array))
        return err_set(err, ERR_INVALID, "\"locations\" is not a list");
    out->locations = n ? arena_alloc(a, n * sizeof(*out->locations)) : NULL;
    if (n && !out->locations)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const char *s;
        size_t size;

        if (!plain(json_object_array_get_idx(list, i), &s, &size) || size == 0)
            return err_set(err, ERR_INVALID, "\"locations\" holds what is no location");
        out->locations[i] = arena_strndup(a, s, size);
        if (!out->locations[i])
            return err_nomem(err);
        out->n_locations++;
    }
    if (n)
        qsort(out->locations, n, sizeof(*out->locations), compare_texts);
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

int live_group_read(struct json_object *o, struct arena *a, struct live_group *out, struct err *err)
{
    int rc = want_object(o, err);

    *out = (struct live_group){0};
    if (rc == 0)
        rc = live_text(o, "name", true, a, &out->name, err);
    if (rc == 0)
        rc = live_text(o, "uuid", true, a, &out->id, err);
    if (rc == 0)
        rc = live_text(o, "primary", false, a, &out->primary, err);
    if (rc == 0)
        rc = read_locations(o, a, out, err);
    if (rc == 0)
        rc = read_bool(o, "delete_protection", &out->delete_protection, err);
    if (rc == 0)
        rc = read_bool(o, "archived", &out->archived, err);
    if (rc == 0)
        rc = read_time(o, "deleted_at", &out->deleted_ms, err);
    out->primary = normal_primary(out);
    if (rc < 0)
        err_wrap(err, "group \"%s\"", out->name ? out->name : "?");
    return rc;
}

/* --- Configuration ------------------------------------------------------------------------- */

static const char *trimmed(const char *s, size_t *n)
{
    while (*n > 0 && *s == ' ') {
        s++;
        --*n;
    }
    while (*n > 0 && s[*n - 1] == ' ')
        --*n;
    return s;
}

/* Copies of the list's items, trimmed, into items[], which has room for all. */
static int read_items(struct json_object *list, const char *key, struct arena *a,
                      const char **items, struct err *err)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *s;
        size_t n;

        if (!plain(json_object_array_get_idx(list, i), &s, &n))
            return err_set(err, ERR_INVALID, "\"%s\" holds what is no plain text", key);
        s = trimmed(s, &n);
        if (n == 0 || memchr(s, ',', n))
            return err_set(err, ERR_INVALID, "\"%s\" holds an item that is empty or has a comma",
                           key);
        items[i] = arena_strndup(a, s, n);
        if (!items[i])
            return err_nomem(err);
    }
    return 0;
}

static int join(const char **items, size_t n, struct arena *a, const char **out, struct err *err)
{
    struct buf b = BUF_INIT(LIMIT_ANSWER_BYTES);

    qsort(items, n, sizeof(*items), compare_texts);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(items[i], items[i - 1]) == 0)
            continue;
        if (i > 0)
            buf_add_char(&b, ',');
        buf_add_str(&b, items[i]);
    }
    *out = b.failed ? NULL : arena_strdup(a, buf_str(&b));
    buf_deinit(&b);
    return *out ? 0 : err_nomem(err);
}

static int read_set(struct json_object *v, const char *key, struct arena *a, const char **out,
                    struct err *err)
{
    const char **items;
    size_t n;
    int rc;

    *out = "";
    if (!v)
        return 0;
    if (!json_object_is_type(v, json_type_array))
        return err_set(err, ERR_INVALID, "\"%s\" is not a list", key);
    n = json_object_array_length(v);
    if (n == 0)
        return 0;
    items = mem_alloc(n * sizeof(*items));
    if (!items)
        return err_nomem(err);
    rc = read_items(v, key, a, items, err);
    if (rc == 0)
        rc = join(items, n, a, out, err);
    mem_free((void *)items);
    return rc;
}

static int read_text_value(struct json_object *o, const char *key, struct arena *a,
                           const char **out, struct err *err)
{
    bool is_known = member(o, key) != NULL;
    int rc = live_text(o, key, false, a, out, err);

    if (rc == 0 && is_known && !*out)
        *out = ""; /* none is set, which is not the same as not said */
    return rc;
}

static int read_value(struct json_object *o, enum config_field f, struct arena *a, const char **out,
                      struct err *err)
{
    const char *key = CONFIG_FIELD[f].key;
    struct json_object *v;
    int8_t flag;
    int rc;

    *out = NULL;
    if (!json_object_object_get_ex(o, key, &v))
        return 0;
    switch (CONFIG_FIELD[f].type) {
    case CONFIG_TYPE_SET:
        return read_set(v, key, a, out, err);
    case CONFIG_TYPE_TEXT:
        return read_text_value(o, key, a, out, err);
    case CONFIG_TYPE_BOOL:
        break;
    }
    rc = read_bool(o, key, &flag, err);
    if (rc == 0 && flag >= 0)
        *out = flag ? "true" : "false";
    return rc;
}

int live_config_read(struct json_object *o, struct arena *a, struct db_config *out, struct err *err)
{
    int rc = want_object(o, err);

    *out = (struct db_config){0};
    for (int f = 0; f < CONFIG_N && rc == 0; f++)
        rc = read_value(o, (enum config_field)f, a, &out->value[f], err);
    if (rc < 0)
        err_wrap(err, "configuration");
    return rc;
}

/* --- API tokens ---------------------------------------------------------------------------- */

static int read_scopes(struct json_object *o, struct arena *a, const char **out, struct err *err)
{
    struct json_object *list = member(o, "scopes");
    size_t n =
        list && json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    struct buf set = BUF_INIT(LIMIT_ANSWER_BYTES);
    const char **items;
    bool ok;
    int rc;

    *out = NULL;
    if (list && !json_object_is_type(list, json_type_array))
        return err_set(err, ERR_INVALID, "\"scopes\" is not a list");
    if (n == 0)
        return 0;
    items = mem_alloc(n * sizeof(*items));
    if (!items)
        return err_nomem(err);
    rc = read_items(list, "scopes", a, items, err);
    ok = rc == 0 && scope_add_set(&set, items, n);
    *out = ok ? arena_strdup(a, buf_str(&set)) : NULL;
    buf_deinit(&set);
    mem_free((void *)items);
    return rc < 0 || *out ? rc : err_nomem(err);
}

int live_api_token_read(struct json_object *o, struct arena *a, struct live_api_token *out,
                        struct err *err)
{
    struct json_object *owner = NULL;
    int rc = want_object(o, err);

    *out = (struct live_api_token){0};
    if (rc == 0)
        rc = live_text(o, "name", true, a, &out->name, err);
    if (rc == 0)
        rc = live_text(o, "id", true, a, &out->id, err);
    if (rc == 0)
        rc = live_text(o, "group", false, a, &out->group, err);
    if (rc == 0)
        rc = read_scopes(o, a, &out->scopes, err);
    if (rc == 0)
        rc = live_text(o, "created_at", false, a, &out->created, err);
    if (rc == 0 && json_get_obj(o, "owner", &owner))
        rc = live_text(owner, "username", false, a, &out->owner, err);
    if (rc < 0)
        err_wrap(err, "API token \"%s\"", out->name ? out->name : "?");
    return rc;
}

/* --- Members and invites ------------------------------------------------------------------- */

int live_member_read(struct json_object *o, bool is_invite, struct arena *a,
                     struct live_member *out, struct err *err)
{
    int rc = want_object(o, err);

    *out = (struct live_member){0};
    if (rc == 0)
        rc = live_text(o, "email", is_invite, a, &out->email, err);
    if (rc == 0 && !is_invite)
        rc = live_text(o, "username", true, a, &out->username, err);
    if (rc == 0)
        rc = live_text(o, "role", true, a, &out->role, err);
    if (rc == 0 && is_invite)
        rc = live_text(o, "created_at", false, a, &out->invited, err);
    if (rc < 0)
        err_wrap(err, "%s \"%s\"", is_invite ? "invite of" : "member",
                 out->username ? out->username
                 : out->email  ? out->email
                               : "?");
    return rc;
}
