/* manifest_token: the mapping `tokens` of a database, a class or a group.
 * In:    the tokens of YAML.
 * Out:   an array of struct token_spec; the fine-grained permissions as canonical JSON, so that
 *        equal ones are equal texts.
 * Never: asks whether a token is complete: its class may have the rest. */
#include "core/manifest_token.h"

#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/manifest.h"
#include "core/manifest_check.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/text.h"

/* --- Permissions --------------------------------------------------------------------------- */

struct rule {
    struct schema_texts tables;
    struct schema_texts actions;
    bool all_tables;
};

static bool is_action(const char *s, size_t n)
{
    static const char *const ACTIONS[] = {"data_read",    "data_add",   "data_update",
                                          "data_delete",  "schema_add", "schema_update",
                                          "schema_delete"};

    (void)n;
    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++)
        if (strcmp(s, ACTIONS[i]) == 0)
            return true;
    return false;
}

static const struct schema_item TABLE = {manifest_is_table, "the name of a table", false};
static const struct schema_item ACTION = {
    is_action,
    "data_read, data_add, data_update, data_delete, schema_add, schema_update or schema_delete",
    false};

static bool read_tables(struct schema *s, const struct schema_key *k,
                        const struct yaml_token *first, void *out)
{
    struct rule *rule = out;

    if (first->kind == YAML_TEXT && strcmp(first->text, "all") == 0) {
        rule->all_tables = true;
        return true;
    }
    return schema_texts(s, k, &TABLE, first, &rule->tables);
}

static bool read_actions(struct schema *s, const struct schema_key *k,
                         const struct yaml_token *first, void *out)
{
    struct rule *rule = out;

    return schema_texts(s, k, &ACTION, first, &rule->actions);
}

enum { RULE_TABLES, RULE_ACTIONS, RULE_N };
static const struct schema_key RULE_KEYS[RULE_N] = {
    [RULE_TABLES] = {.key = "tables", .read = read_tables, .expected = "all, or a list of tables"},
    [RULE_ACTIONS] = {.key = "actions", .read = read_actions, .expected = "a list of actions"},
};
static const struct schema_map RULE = {
    .what = "a permission", .keys = RULE_KEYS, .n = RULE_N, .set_offset = SCHEMA_NO_SET};

static void add_json_text(struct buf *out, const char *s)
{
    buf_add_char(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *s);
    }
    buf_add_char(out, '"');
}

static void add_json_list(struct buf *out, const struct schema_texts *texts)
{
    for (size_t i = 0; i < texts->n; i++) {
        buf_add_str(out, i ? "," : "[");
        add_json_text(out, texts->items[i]);
    }
    buf_add_char(out, ']');
}

/* The rule as the platform wants it: "t" null stands for all tables. */
static const char *rule_json(struct schema *s, struct rule *rule)
{
    struct buf json = BUF_INIT(LIMIT_YAML_SCALAR_BYTES);
    const char *kept = NULL;

    schema_texts_sort(&rule->tables);
    schema_texts_sort(&rule->actions);
    buf_add_str(&json, "{\"t\":");
    if (rule->all_tables)
        buf_add_str(&json, "null");
    else
        add_json_list(&json, &rule->tables);
    buf_add_str(&json, ",\"a\":");
    add_json_list(&json, &rule->actions);
    buf_add_char(&json, '}');
    if (!json.failed)
        kept = schema_keep(s, buf_str(&json), json.size);
    s->nomem = s->nomem || !kept;
    buf_deinit(&json);
    return kept;
}

static bool check_rule(struct schema *s, const struct rule *rule, const struct source *seen,
                       struct source at)
{
    schema_require(s, &RULE, RULE_TABLES, seen, at);
    schema_require(s, &RULE, RULE_ACTIONS, seen, at);
    if (!seen[RULE_TABLES].line || !seen[RULE_ACTIONS].line)
        return false;
    if (!rule->all_tables && rule->tables.n == 0)
        diags_error(s->diags, seen[RULE_TABLES],
                    "tables is an empty list; expected all, or at least one table");
    if (rule->actions.n == 0)
        diags_error(s->diags, seen[RULE_ACTIONS],
                    "actions is an empty list; expected at least one action");
    return (rule->all_tables || rule->tables.n > 0) && rule->actions.n > 0;
}

static bool read_rule(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                      struct schema_texts *out)
{
    size_t before = s->diags->n_errors;
    struct source seen[RULE_N];
    struct rule rule = {0};
    const char *json = NULL;

    if (schema_map(s, k, &RULE, first, &rule, seen) && !s->nomem && s->diags->n_errors == before &&
        check_rule(s, &rule, seen, first->at))
        json = rule_json(s, &rule);
    schema_texts_deinit(&rule.tables);
    schema_texts_deinit(&rule.actions);
    if (!json)
        return false;
    if (!mem_grow(&out->items, &out->capacity, out->n + 1, sizeof(*out->items))) {
        s->nomem = true;
        return false;
    }
    out->items[out->n++] = json;
    return true;
}

static bool keep_permissions(struct schema *s, struct schema_texts *rules, const char **out)
{
    const char *joined;
    char *text;

    *out = NULL;
    if (rules->n == 0)
        return true;
    schema_texts_sort(rules);
    joined = schema_texts_join(s, rules);
    text = joined ? mem_printf("[%s]", joined) : NULL;
    *out = text ? schema_keep(s, text, strlen(text)) : NULL;
    s->nomem = s->nomem || !*out;
    mem_free(text);
    return *out;
}

static bool read_permissions(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *first, void *out)
{
    static const struct schema_key ITEM = {.key = "a permission",
                                           .expected = "a mapping with tables and actions"};
    struct schema_texts rules = {0};
    struct token_spec *token = out;
    struct yaml_token t;
    bool good = true;

    if (first->kind != YAML_LIST) {
        schema_wrong(s, k, first);
        return false;
    }
    for (yaml_next(s->yaml, &t); t.kind != YAML_LIST_END && t.kind != YAML_END;
         yaml_next(s->yaml, &t)) {
        if (rules.n == LIMIT_LIST_ITEMS) {
            diags_error(s->diags, t.at, "permissions has too many items; expected at most %u",
                        LIMIT_LIST_ITEMS);
            yaml_skip(s->yaml, &t);
            yaml_skip(s->yaml, first);
            good = false;
            break;
        }
        good = read_rule(s, &ITEM, &t, &rules) && good;
        if (s->nomem)
            break;
    }
    good = good && !s->nomem && keep_permissions(s, &rules, &token->permissions);
    schema_texts_deinit(&rules);
    return good;
}

/* --- Scalars ------------------------------------------------------------------------------- */

static bool parse_expiration(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *t, void *out)
{
    struct token_spec *token = out;

    (void)k;
    if (!manifest_expiration(t->text, &token->expiration_ms))
        return false;
    if (token->expiration_ms == 0)
        diags_warning(s->diags, t->at,
                      "a token that never expires can only be withdrawn together with all others "
                      "of its group; expected a life such as 30d");
    token->expiration = schema_keep(s, t->text, t->size);
    return token->expiration;
}

bool manifest_parse_mode(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                         void *out)
{
    (void)k;
    if (!manifest_mode(t->text, out))
        return false;
    if (t->plain)
        diags_warning(s->diags, t->at,
                      "the mode %s is not quoted, and other YAML readers take it for a number; "
                      "expected \"%s\"",
                      t->text, t->text);
    return true;
}

/* --- A token ------------------------------------------------------------------------------- */

static const char *const AUTHORIZATIONS[] = {
    [AUTH_FULL_ACCESS] = "full-access", [AUTH_READ_ONLY] = "read-only"};
static const char *const FORMATS[] = {
    [TOKEN_JWT] = "jwt", [TOKEN_ENV] = "env", [TOKEN_JSON] = "json"};
static const struct schema_words AUTHORIZATION_WORDS = {AUTHORIZATIONS, ARRAY_SIZE(AUTHORIZATIONS)};
const struct schema_words MANIFEST_FORMAT_WORDS = {FORMATS, ARRAY_SIZE(FORMATS)};

#define AT(field) offsetof(struct token_spec, field)
static const struct schema_key KEYS[] = {
    {.key = "authorization",
     .parse = schema_parse_word,
     .offset = AT(authorization),
     .bit = TOKEN_SET_AUTHORIZATION,
     .info = &AUTHORIZATION_WORDS,
     .expected = "full-access or read-only"},
    {.key = "expiration",
     .parse = parse_expiration,
     .bit = TOKEN_SET_EXPIRATION,
     .expected = "never, or a life such as 30d or 1w2d: w, d, h, m, s, each once, in this order, a "
                 "minute or more"},
    {.key = "renew_before",
     .parse = schema_parse_duration,
     .offset = AT(renew_before_ms),
     .bit = TOKEN_SET_RENEW_BEFORE,
     .min = 1000,
     .max = INT64_C(3153600000000)},
    {.key = "permissions",
     .read = read_permissions,
     .bit = TOKEN_SET_PERMISSIONS,
     .expected = "a list of mappings with tables and actions"},
    {.key = "file",
     .parse = schema_parse_text,
     .offset = AT(file),
     .bit = TOKEN_SET_FILE,
     .not_in = MANIFEST_FROM_TENANTS,
     .ok = manifest_is_file,
     .expected = MANIFEST_EXPECTED_FILE},
    {.key = "format",
     .parse = schema_parse_word,
     .offset = AT(format),
     .bit = TOKEN_SET_FORMAT,
     .info = &MANIFEST_FORMAT_WORDS,
     .expected = MANIFEST_EXPECTED_FORMAT},
    {.key = "mode",
     .parse = manifest_parse_mode,
     .offset = AT(mode),
     .bit = TOKEN_SET_MODE,
     .expected = MANIFEST_EXPECTED_MODE},
    {.key = "notify",
     .parse = schema_parse_name,
     .offset = AT(notify),
     .bit = TOKEN_SET_NOTIFY,
     .not_in = MANIFEST_FROM_TENANTS,
     .expected = MANIFEST_EXPECTED_NAME_OF("hook")},
    {.key = "state",
     .parse = manifest_parse_absent,
     .offset = AT(absent),
     .bit = TOKEN_SET_STATE,
     .not_in = MANIFEST_FROM_TENANTS,
     .expected = "absent"},
};
#undef AT
static const struct schema_map TOKEN = {.what = "a token",
                                        .keys = KEYS,
                                        .n = ARRAY_SIZE(KEYS),
                                        .set_offset = offsetof(struct token_spec, set)};

static void read_token(struct schema *s, const struct yaml_token *first, void *entry)
{
    static const struct schema_key ROW = {.key = "a token", .expected = "a mapping"};
    struct token_spec *token = entry;

    schema_map(s, &ROW, &TOKEN, first, token, NULL);
}

bool manifest_tokens(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                     struct token_spec **out, size_t *n)
{
    static const struct schema_entries TOKENS = {.what = "token",
                                                 .size = sizeof(struct token_spec),
                                                 .max = LIMIT_LIST_ITEMS,
                                                 .read = read_token};
    struct token_spec *kept = NULL;
    void *items;
    size_t count;
    bool good = schema_entries(s, k, &TOKENS, first, &items, &count);

    if (good && count) {
        kept = arena_alloc(s->arena, count * sizeof(*kept));
        if (kept)
            memcpy(kept, items, count * sizeof(*kept));
        else
            s->nomem = true;
    }
    mem_free(items);
    if (!good || s->nomem)
        return false;
    *out = kept;
    *n = count;
    return true;
}
