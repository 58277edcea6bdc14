/* manifest_api_token: the mapping `api_tokens`.
 * In:    the tokens of YAML.
 * Out:   the manifest's array of struct api_token_spec; scopes with their presets expanded.
 * Never: asks whether the group is there: it may be in another file. */
#include "core/manifest_api_token.h"

#include <string.h>

#include "core/limits.h"
#include "core/manifest.h"
#include "core/manifest_check.h"
#include "core/manifest_token.h"
#include "core/scope.h"
#include "lib/buf.h"

#define ROTATE_MIN_MS (INT64_C(10) * 60 * 1000)
#define ROTATE_MAX_MS INT64_C(315360000000)

static const struct schema_item SCOPE = {scope_is_word, SCOPE_EXPECTED, false};

static bool read_scopes(struct schema *s, const struct schema_key *k,
                        const struct yaml_token *first, void *out)
{
    struct api_token_spec *token = out;
    struct schema_texts texts = {0};
    struct buf set = BUF_INIT(LIMIT_YAML_SCALAR_BYTES);
    size_t before = s->diags->n_errors;
    bool good = schema_texts(s, k, &SCOPE, first, &texts) && !s->nomem;

    if (good && texts.n == 0 && s->diags->n_errors == before)
        diags_error(s->diags, first->at, "scopes is an empty list; expected at least one scope");
    if (good && !scope_add_set(&set, texts.items, texts.n))
        s->nomem = true;
    if (good && !s->nomem)
        token->scopes = schema_keep(s, buf_str(&set), set.size);
    buf_deinit(&set);
    schema_texts_deinit(&texts);
    return token->scopes;
}

#define AT(field) offsetof(struct api_token_spec, field)
enum {
    KEY_GROUP,
    KEY_SCOPES,
    KEY_ROTATE,
    KEY_FILE,
    KEY_FORMAT,
    KEY_MODE,
    KEY_NOTIFY,
    KEY_STATE,
    KEY_N
};
static const struct schema_key KEYS[KEY_N] = {
    [KEY_GROUP] = {.key = "group",
                   .parse = schema_parse_name,
                   .offset = AT(group),
                   .expected = MANIFEST_EXPECTED_NAME_OF("group")},
    [KEY_SCOPES] = {.key = "scopes", .read = read_scopes, .expected = "a list of scopes"},
    [KEY_ROTATE] = {.key = "rotate_every",
                    .parse = schema_parse_duration,
                    .offset = AT(rotate_every_ms),
                    .min = ROTATE_MIN_MS,
                    .max = ROTATE_MAX_MS},
    [KEY_FILE] = {.key = "file",
                  .parse = schema_parse_text,
                  .offset = AT(token.file),
                  .ok = manifest_is_file,
                  .expected = MANIFEST_EXPECTED_FILE},
    [KEY_FORMAT] = {.key = "format",
                    .parse = schema_parse_word,
                    .offset = AT(token.format),
                    .info = &MANIFEST_FORMAT_WORDS,
                    .expected = MANIFEST_EXPECTED_FORMAT},
    [KEY_MODE] = {.key = "mode",
                  .parse = manifest_parse_mode,
                  .offset = AT(token.mode),
                  .bit = TOKEN_SET_MODE,
                  .expected = MANIFEST_EXPECTED_MODE},
    [KEY_NOTIFY] = {.key = "notify",
                    .parse = schema_parse_name,
                    .offset = AT(token.notify),
                    .expected = MANIFEST_EXPECTED_NAME_OF("hook")},
    [KEY_STATE] = {.key = "state",
                   .parse = manifest_parse_absent,
                   .offset = AT(token.absent),
                   .expected = "absent"},
};
static const struct schema_map API_TOKEN = {
    .what = "an API token", .keys = KEYS, .n = KEY_N, .set_offset = AT(token.set)};
#undef AT

/* A token of a group has scopes, one of the organization has none: the platform takes no others. */
static void check(struct schema *s, const struct api_token_spec *t, const struct source *seen)
{
    const char *name = t->token.name;

    if (strlen(name) > API_TOKEN_NAME_MAX)
        diags_error(s->diags, t->token.at,
                    "the name of the API token \"%s\" has %zu bytes; expected at most %d, since "
                    "the platform's names have a suffix such as --g3",
                    name, strlen(name), API_TOKEN_NAME_MAX);
    if (t->token.absent)
        return;
    if (seen[KEY_GROUP].line && !seen[KEY_SCOPES].line)
        diags_error(s->diags, t->token.at,
                    "the API token \"%s\" has a group and no scopes; expected scopes such as "
                    "[read, \"db:create\"]",
                    name);
    if (seen[KEY_SCOPES].line && !seen[KEY_GROUP].line)
        diags_error(s->diags, seen[KEY_SCOPES],
                    "the API token \"%s\" has scopes and no group; expected a group: without one "
                    "a token may do everything in the organization",
                    name);
}

static void read_api_token(struct schema *s, const struct yaml_token *first, void *entry)
{
    static const struct schema_key ROW = {.key = "an API token",
                                          .expected = "a mapping of its fields"};
    struct api_token_spec *token = entry;
    struct source seen[KEY_N];

    if (schema_map(s, &ROW, &API_TOKEN, first, token, seen) && !s->nomem)
        check(s, token, seen);
}

bool manifest_read_api_tokens(struct schema *s, const struct schema_key *k,
                              const struct yaml_token *first, void *out)
{
    static const struct schema_entries API_TOKENS = {.what = "API token",
                                                     .size = sizeof(struct api_token_spec),
                                                     .max = LIMIT_API_TOKENS,
                                                     .read = read_api_token};
    struct manifest *m = out;
    void *items;
    bool good = schema_entries(s, k, &API_TOKENS, first, &items, &m->n_api_tokens);

    m->api_tokens = items;
    return good;
}
