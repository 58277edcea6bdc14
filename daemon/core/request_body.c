/* request_body: what a call sends, for each kind of call that sends something.
 * In:    a call, the organization's slug.
 * Out:   JSON.
 * Never: a name that the platform would not take; a key in memory that is not wiped. */
#include "core/request_body.h"

#include <stdio.h>
#include <string.h>

#include "core/request_people.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define KEY_MARK "@key@" /* stands for the key; no other text of a body can hold it */

static bool is_name(const char *s)
{
    return s && text_is_name(s, strlen(s));
}

static int add_bool_text(struct json_object *o, const char *key, const char *text, struct err *err)
{
    bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0)
        return err_set(err, ERR_INVALID, "%s must be true or false, not \"%s\"", key, text);
    return json_add_bool(o, key, yes) ? 0 : err_nomem(err);
}

static int add_field(struct json_object *o, enum config_field f, const char *text, struct err *err)
{
    const char *key = CONFIG_FIELD[f].key;

    if (CONFIG_FIELD[f].type == CONFIG_TYPE_BOOL)
        return add_bool_text(o, key, text, err);
    if (CONFIG_FIELD[f].type == CONFIG_TYPE_SET)
        return json_add(o, key, json_list_of_set(text)) ? 0 : err_nomem(err);
    return json_add_str(o, key, text) ? 0 : err_nomem(err);
}

static int configure_body(const struct call *c, struct json_object *o, struct err *err)
{
    int rc = 0;

    for (int f = 0; f < CONFIG_N && rc == 0; f++)
        if (c->config[f])
            rc = add_field(o, (enum config_field)f, c->config[f], err);
    if (rc == 0 && json_object_object_length(o) == 0)
        return err_set(err, ERR_INVALID, "no field to configure");
    return rc;
}

static int protect_body(const struct call *c, struct json_object *o, struct err *err)
{
    const char *text = c->config[CONFIG_DELETE_PROTECTION];

    if (!text)
        return err_set(err, ERR_INVALID, "no field to configure");
    return add_field(o, CONFIG_DELETE_PROTECTION, text, err);
}

static int group_create_body(const struct call *c, struct json_object *o, struct err *err)
{
    bool fine;

    if (!is_name(c->name) || !is_name(c->location))
        return err_set(err, ERR_INVALID, "\"%s\" in \"%s\": not names of a group and a location",
                       c->name ? c->name : "", c->location ? c->location : "");
    fine = json_add_str(o, "name", c->name) && json_add_str(o, "location", c->location);
    if (c->extensions && strcmp(c->extensions, "all") == 0)
        fine = fine && json_add_str(o, "extensions", "all");
    else if (c->extensions)
        fine = fine && json_add(o, "extensions", json_list_of_set(c->extensions));
    return fine ? 0 : err_nomem(err);
}

static bool add_seed(const struct call *c, struct json_object *o)
{
    struct json_object *seed = json_object_new_object();

    return json_add(o, "seed", seed) &&
           json_add_str(seed, "type", c->as_draft ? "database_upload" : "database") &&
           json_add_str(seed, "name", c->seed_database) &&
           json_add_str(seed, "timestamp", c->seed_timestamp);
}

/* A copy needs the key of what it is copied from; its cipher is known there. */
static bool add_encryption(const struct call *c, struct json_object *o)
{
    struct json_object *encryption = json_object_new_object();

    return json_add(o, "remote_encryption", encryption) &&
           json_add_str(encryption, "encryption_key", KEY_MARK) &&
           json_add_str(encryption, "encryption_cipher", c->cipher);
}

static int database_create_body(const struct call *c, struct json_object *o, struct err *err)
{
    bool fine;

    if (c->key_name && !c->key)
        return err_set(err, ERR_INVALID, "the encryption key \"%s\" is not there", c->key_name);
    if (!is_name(c->name) || !is_name(c->group) || (c->seed_database && !is_name(c->seed_database)))
        return err_set(err, ERR_INVALID, "\"%s\" in \"%s\": not names of a database and a group",
                       c->name ? c->name : "", c->group ? c->group : "");
    fine = json_add_str(o, "name", c->name) && json_add_str(o, "group", c->group) &&
           (!(c->seed_database || c->as_draft) || add_seed(c, o)) &&
           (!c->key_name || add_encryption(c, o)) &&
           (!c->use_tursodb || json_add_bool(o, "use_tursodb", true)) &&
           json_add_str(o, "size_limit", c->config[CONFIG_SIZE_LIMIT]);
    return fine ? 0 : err_nomem(err);
}

/* Under its old name. */
static int restore_body(const struct call *c, struct json_object *o, struct err *err)
{
    (void)c;
    (void)o;
    (void)err;
    return 0;
}

/* One statement, and no more after it. */
static int add_statement(struct json_object *o, const char *sql, struct err *err)
{
    char text[256];
    struct json_object *list;
    int rc;

    snprintf(text, sizeof(text),
             "[{\"type\":\"execute\",\"stmt\":{\"sql\":\"%s\"}},{\"type\":\"close\"}]", sql);
    rc = json_parse(text, strlen(text), LIMIT_JSON_DEPTH, &list, err);
    if (rc < 0)
        return rc;
    return json_add(o, "requests", list) ? 0 : err_nomem(err);
}

static int probe_body(const struct call *c, struct json_object *o, struct err *err)
{
    (void)c;
    return add_statement(o, "SELECT 1", err);
}

static int ask_body(const struct call *c, struct json_object *o, struct err *err)
{
    (void)c;
    return add_statement(o, "SELECT count(*) FROM sqlite_master", err);
}

/* Without permissions there is no such key: some databases refuse even an empty list. The body is
 * then {}, as the platform's own client sends it, for a body that was read once keeps libcurl from
 * sending a mint twice. */
static int token_body(const struct call *c, struct json_object *o, struct err *err)
{
    struct json_object *list;
    int rc;

    if (!c->permissions)
        return 0;
    rc = json_parse(c->permissions, strlen(c->permissions), LIMIT_JSON_DEPTH, &list, err);
    if (rc < 0) {
        err_wrap(err, "permissions");
        return rc;
    }
    return json_add(o, "fine_grained_permissions", list) ? 0 : err_nomem(err);
}

/* Without a body the token could do everything in every organization; without scopes one of a
 * group is none. So both are named, or the call is not made; request_body_build names the
 * organization. */
static int api_token_body(const struct call *c, struct json_object *o, struct err *err)
{
    if (!c->group != !c->scopes || (c->group && (!is_name(c->group) || !*c->scopes)))
        return err_set(err, ERR_INVALID, "an API token of a group needs the group and scopes");
    if (!c->group)
        return 0;
    return json_add_str(o, "group", c->group) && json_add(o, "scopes", json_list_of_set(c->scopes))
               ? 0
               : err_nomem(err);
}

/* --- The whole ----------------------------------------------------------------------------- */

typedef int (*body_fn)(const struct call *c, struct json_object *o, struct err *err);

/* NULL: none. */
static const body_fn BODY[CALL_N] = {
    [CALL_GROUP_CREATE] = group_create_body,
    [CALL_GROUP_CONFIGURE] = protect_body,
    [CALL_GROUP_TOKEN] = token_body,
    [CALL_DATABASE_CREATE] = database_create_body,
    [CALL_DATABASE_CONFIGURE] = configure_body,
    [CALL_DATABASE_TOKEN] = token_body,
    [CALL_DATABASE_RESTORE] = restore_body,
    [CALL_GROUP_RESTORE] = restore_body,
    [CALL_DATABASE_PROBE] = probe_body,
    [CALL_DATABASE_ASK] = ask_body,
    [CALL_API_TOKEN_CREATE] = api_token_body,
    [CALL_INVITE_SEND] = request_invite_body,
    [CALL_MEMBER_ROLE] = request_role_body,
};

/* The body as text. json-c frees without wiping, so a key is only put into the text, in a piece of
 * memory that is wiped. */
static char *body_text(const struct call *c, const char *text)
{
    const char *mark = c->key ? strstr(text, "\"" KEY_MARK "\"") : NULL;

    if (!mark)
        return mem_strdup(text);
    return mem_printf("%.*s\"%s\"%s", (int)(mark - text), text, c->key,
                      mark + strlen("\"" KEY_MARK "\""));
}

int request_body_build(const struct call *c, const char *organization, char **out, struct err *err)
{
    CLEANUP(json_put) struct json_object *o = NULL;
    CLEANUP(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 2);
    int rc;

    *out = NULL;
    if (!BODY[c->kind])
        return 0;
    o = json_object_new_object();
    if (!o)
        return err_nomem(err);
    if (c->kind == CALL_API_TOKEN_CREATE && !json_add_str(o, "organization", organization))
        return err_nomem(err);
    rc = BODY[c->kind](c, o, err);
    if (rc < 0 || (json_object_object_length(o) == 0 && !CALL_INFO[c->kind].once))
        return rc;
    *out = json_print(o, &text) ? body_text(c, buf_str(&text)) : NULL;
    return *out ? 0 : err_nomem(err);
}
