/* config: the daemon's own configuration.
 * In:    bytes of one or two files, later ones over earlier ones.
 * Out:   a struct config with every default filled in; every error with its place.
 * Never: I/O, environment; the credential's and the token's files are read elsewhere. */
#include "core/config.h"

#include <string.h>

#include "core/config_check.h"
#include "core/config_draft.h"
#include "core/limits.h"
#include "core/schema.h"
#include "core/yaml.h"
#include "lib/err.h"
#include "lib/mem.h"
#include "lib/text.h"

#define EXPECTED_PATH         "an absolute path, no part of it empty, \".\" or \"..\""
#define EXPECTED_PATH_OR_NULL EXPECTED_PATH ", or null"
#define EXPECTED_MAP          "a mapping"

#define AT(field) offsetof(struct config_draft, config.field)

/* --- Readers ------------------------------------------------------------------------------- */

/* Remember where the keys stand that later checks name. */
static void note_places(struct config_draft *d, const struct source *seen,
                        const enum config_place *places, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (seen[i].line && places[i] != PLACE_NONE)
            d->at[places[i]] = seen[i];
}

/* --- api ----------------------------------------------------------------------------------- */

enum { SECRET_CREDENTIAL, SECRET_FILE, SECRET_N };
#define SECRET_KEYS(member, example)                                                               \
    {                                                                                              \
        [SECRET_CREDENTIAL] = {.key = "credential",                                                \
                               .secret_if = "",                                                    \
                               .parse = schema_parse_text,                                         \
                               .offset = AT(member.credential),                                    \
                               .ok = config_is_credential,                                         \
                               .expected = "the name of a systemd credential such as " example},   \
        [SECRET_FILE] = {.key = "file",                                                            \
                         .secret_if = "",                                                          \
                         .parse = config_draft_parse_path,                                         \
                         .offset = AT(member.file),                                                \
                         .ok = config_is_path,                                                     \
                         .expected = EXPECTED_PATH},                                               \
    }
static const struct schema_key TOKEN_KEYS[SECRET_N] =
    SECRET_KEYS(api.token, CONFIG_TOKEN_CREDENTIAL);
static const struct schema_key DELETE_TOKEN_KEYS[SECRET_N] =
    SECRET_KEYS(api.delete_token, "turso-delete-token");
static const struct schema_map TOKEN = {.what = "api.token",
                                        .prefix = "api.token.",
                                        .keys = TOKEN_KEYS,
                                        .n = SECRET_N,
                                        .set_offset = SCHEMA_NO_SET};
static const struct schema_map DELETE_TOKEN = {.what = "api.delete_token",
                                               .prefix = "api.delete_token.",
                                               .keys = DELETE_TOKEN_KEYS,
                                               .n = SECRET_N,
                                               .set_offset = SCHEMA_NO_SET};

/* `secret` is of the draft that the map reads into. */
static bool read_secret(struct schema *s, const struct schema_key *k, const struct schema_map *map,
                        const struct yaml_token *first, struct config_draft *d,
                        struct config_secret *secret)
{
    struct source seen[SECRET_N];

    if (!schema_map(s, k, map, first, d, seen))
        return false;
    if (!seen[SECRET_CREDENTIAL].line == !seen[SECRET_FILE].line) {
        diags_error(s->diags, first->at, "%s names %s; expected one of credential and file",
                    map->what, seen[SECRET_FILE].line ? "both" : "nothing");
        return false;
    }
    if (seen[SECRET_FILE].line)
        secret->credential = NULL; /* that an earlier file may have named */
    else
        secret->file = NULL;
    return true;
}

static bool read_token(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                       void *out)
{
    struct config_draft *d = out;

    return read_secret(s, k, &TOKEN, first, d, &d->config.api.token);
}

static bool read_delete_token(struct schema *s, const struct schema_key *k,
                              const struct yaml_token *first, void *out)
{
    struct config_draft *d = out;

    if (first->kind == YAML_TEXT && yaml_is_null(first) && first->size) {
        d->config.api.delete_token = (struct config_secret){0};
        return true;
    }
    return read_secret(s, k, &DELETE_TOKEN, first, d, &d->config.api.delete_token);
}

enum {
    API_URL,
    API_INSECURE,
    API_TOKEN,
    API_DELETE_TOKEN,
    API_CA_FILE,
    API_CONCURRENCY,
    API_RATE,
    API_TIMEOUT,
    API_N
};
static const struct schema_key API_KEYS[API_N] = {
    [API_URL] = {.key = "url",
                 .secret_if = "@?#",
                 .parse = config_draft_parse_path,
                 .offset = AT(api.url),
                 .ok = config_is_url,
                 .expected = "https://HOST or https://HOST:PORT, without a path"},
    [API_INSECURE] = {.key = "insecure",
                      .parse = schema_parse_bool,
                      .offset = AT(api.insecure),
                      .expected = "true or false, without quotes"},
    [API_TOKEN] = {.key = "token",
                   .secret_if = "",
                   .read = read_token,
                   .expected = "a mapping with credential, or with file"},
    [API_DELETE_TOKEN] = {.key = "delete_token",
                          .secret_if = "",
                          .read = read_delete_token,
                          .expected = "a mapping with credential, or with file, or null"},
    [API_CA_FILE] = {.key = "ca_file",
                     .parse = config_draft_parse_path,
                     .offset = AT(api.ca_file),
                     .ok = config_is_path,
                     .null = true,
                     .expected = EXPECTED_PATH_OR_NULL},
    [API_CONCURRENCY] = {.key = "concurrency",
                         .parse = schema_parse_count,
                         .offset = AT(api.concurrency),
                         .min = 1,
                         .max = LIMIT_CONCURRENCY},
    [API_RATE] = {.key = "rate",
                  .parse = schema_parse_count,
                  .offset = AT(api.rate),
                  .min = 0,
                  .max = 100000},
    [API_TIMEOUT] = {.key = "timeout",
                     .parse = schema_parse_duration,
                     .offset = AT(api.timeout_ms),
                     .min = 100,
                     .max = 10 * CONFIG_MINUTE_MS},
};
static const struct schema_map API = {
    .what = "api", .prefix = "api.", .keys = API_KEYS, .n = API_N, .set_offset = SCHEMA_NO_SET};

static bool read_api(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                     void *out)
{
    static const enum config_place PLACES[API_N] = {
        [API_URL] = PLACE_URL, [API_DELETE_TOKEN] = PLACE_DELETE_TOKEN};
    struct config_draft *d = out;
    struct source seen[API_N];

    if (!schema_map(s, k, &API, first, d, seen))
        return false;
    note_places(d, seen, PLACES, API_N);
    return true;
}

/* --- reconcile ----------------------------------------------------------------------------- */

static const struct schema_key BACKOFF_KEYS[] = {
    {.key = "initial",
     .parse = schema_parse_duration,
     .offset = AT(reconcile.backoff_initial_ms),
     .min = 10,
     .max = CONFIG_HOUR_MS},
    {.key = "max",
     .parse = schema_parse_duration,
     .offset = AT(reconcile.backoff_max_ms),
     .min = 10,
     .max = CONFIG_DAY_MS},
};
static const struct schema_map BACKOFF = {.what = "reconcile.backoff",
                                          .prefix = "reconcile.backoff.",
                                          .keys = BACKOFF_KEYS,
                                          .n = ARRAY_SIZE(BACKOFF_KEYS),
                                          .set_offset = SCHEMA_NO_SET};

static bool read_backoff(struct schema *s, const struct schema_key *k,
                         const struct yaml_token *first, void *out)
{
    struct config_draft *d = out;

    d->at[PLACE_BACKOFF] = first->at;
    return schema_map(s, k, &BACKOFF, first, d, NULL);
}

static const struct schema_key RECONCILE_KEYS[] = {
    {.key = "interval",
     .parse = schema_parse_duration,
     .offset = AT(reconcile.interval_ms),
     .min = 100,
     .max = CONFIG_DAY_MS},
    {.key = "debounce",
     .parse = schema_parse_duration,
     .offset = AT(reconcile.debounce_ms),
     .min = 0,
     .max = CONFIG_MINUTE_MS},
    {.key = "config_sweep",
     .parse = schema_parse_duration,
     .offset = AT(reconcile.config_sweep_ms),
     .min = CONFIG_SECOND_MS,
     .max = 365 * CONFIG_DAY_MS},
    {.key = "backoff", .read = read_backoff, .expected = "a mapping with initial and max"},
};
static const struct schema_map RECONCILE = {.what = "reconcile",
                                            .prefix = "reconcile.",
                                            .keys = RECONCILE_KEYS,
                                            .n = ARRAY_SIZE(RECONCILE_KEYS),
                                            .set_offset = SCHEMA_NO_SET};

/* --- policy -------------------------------------------------------------------------------- */

static const char *const WRITES[] = {"off", "on"};
static const char *const PRUNE[] = {[PRUNE_OFF] = "off", [PRUNE_PLAN] = "plan", [PRUNE_ON] = "on"};
static const char *const REMOVALS[] = {"on", "plan"};
static const char *const ADOPT[] = {[ADOPT_NEVER] = "never", [ADOPT_MATCHING] = "matching"};
static const char *const DRIFT[] = {"correct", "report"};
static const struct schema_words WRITES_WORDS = {WRITES, ARRAY_SIZE(WRITES)};
static const struct schema_words PRUNE_WORDS = {PRUNE, ARRAY_SIZE(PRUNE)};
static const struct schema_words REMOVALS_WORDS = {REMOVALS, ARRAY_SIZE(REMOVALS)};
static const struct schema_words ADOPT_WORDS = {ADOPT, ARRAY_SIZE(ADOPT)};
static const struct schema_words DRIFT_WORDS = {DRIFT, ARRAY_SIZE(DRIFT)};

static const struct schema_key GUARD_KEYS[] = {
    {.key = "max_deletes",
     .parse = schema_parse_limit,
     .offset = AT(policy.guard.max_deletes),
     .null = true,
     .min = 0,
     .max = LIMIT_ENTRIES},
    {.key = "max_delete_percent",
     .parse = schema_parse_limit,
     .offset = AT(policy.guard.max_delete_percent),
     .null = true,
     .min = 0,
     .max = 100},
    {.key = "max_update_percent",
     .parse = schema_parse_limit,
     .offset = AT(policy.guard.max_update_percent),
     .null = true,
     .min = 0,
     .max = 100},
    {.key = "max_creates",
     .parse = schema_parse_limit,
     .offset = AT(policy.guard.max_creates),
     .null = true,
     .min = 0,
     .max = LIMIT_ENTRIES},
    {.key = "window",
     .parse = schema_parse_duration,
     .offset = AT(policy.guard.window_ms),
     .min = CONFIG_SECOND_MS,
     .max = 30 * CONFIG_DAY_MS},
};
static const struct schema_map GUARD = {.what = "policy.guard",
                                        .prefix = "policy.guard.",
                                        .keys = GUARD_KEYS,
                                        .n = ARRAY_SIZE(GUARD_KEYS),
                                        .set_offset = SCHEMA_NO_SET};

static const struct schema_key POLICY_KEYS[] = {
    {.key = "writes",
     .parse = schema_parse_flag,
     .offset = AT(policy.writes),
     .info = &WRITES_WORDS,
     .expected = "on or off"},
    {.key = "prune",
     .parse = schema_parse_word,
     .offset = AT(policy.prune),
     .info = &PRUNE_WORDS,
     .expected = "off, plan or on"},
    {.key = "prune_members",
     .parse = schema_parse_word,
     .offset = AT(policy.prune_members),
     .info = &PRUNE_WORDS,
     .expected = "off, plan or on"},
    {.key = "removals",
     .parse = schema_parse_flag,
     .offset = AT(policy.removals_plan),
     .info = &REMOVALS_WORDS,
     .expected = "on or plan"},
    {.key = "adopt",
     .parse = schema_parse_word,
     .offset = AT(policy.adopt),
     .info = &ADOPT_WORDS,
     .expected = "never or matching"},
    {.key = "drift",
     .parse = schema_parse_flag,
     .offset = AT(policy.drift_report),
     .info = &DRIFT_WORDS,
     .expected = "correct or report"},
    {.key = "deletion_grace",
     .parse = schema_parse_duration,
     .offset = AT(policy.deletion_grace_ms),
     .min = 0,
     .max = 365 * CONFIG_DAY_MS},
    {.key = "expiry_grace",
     .parse = schema_parse_duration,
     .offset = AT(policy.expiry_grace_ms),
     .min = 0,
     .max = 365 * CONFIG_DAY_MS},
    {.key = "guard", .read = schema_read_map, .info = &GUARD, .expected = EXPECTED_MAP},
};
static const struct schema_map POLICY = {.what = "policy",
                                         .prefix = "policy.",
                                         .keys = POLICY_KEYS,
                                         .n = ARRAY_SIZE(POLICY_KEYS),
                                         .set_offset = SCHEMA_NO_SET};

/* --- The file ------------------------------------------------------------------------------ */

enum {
    ROOT_ORGANIZATION,
    ROOT_API,
    ROOT_MANIFEST,
    ROOT_TENANTS_DIR,
    ROOT_STATE_DIR,
    ROOT_TOKENS_DIR,
    ROOT_TOKENS_GROUP,
    ROOT_SEEDS_DIR,
    ROOT_SOCKET,
    ROOT_RECONCILE,
    ROOT_POLICY,
    ROOT_ENCRYPTION_KEYS,
    ROOT_HOOKS,
    ROOT_N
};
static const enum config_place ROOT_PLACES[ROOT_N] = {
    [ROOT_ORGANIZATION] = PLACE_ORGANIZATION, [ROOT_MANIFEST] = PLACE_MANIFEST,
    [ROOT_TENANTS_DIR] = PLACE_TENANTS_DIR,   [ROOT_STATE_DIR] = PLACE_STATE_DIR,
    [ROOT_TOKENS_DIR] = PLACE_TOKENS_DIR,     [ROOT_SEEDS_DIR] = PLACE_SEEDS_DIR,
};
static const struct schema_key ROOT_KEYS[ROOT_N] = {
    [ROOT_ORGANIZATION] = {.key = "organization",
                           .parse = schema_parse_name,
                           .offset = AT(organization),
                           .expected =
                               "a name of small letters, digits and inner dashes, at most 64"},
    [ROOT_API] = {.key = "api", .read = read_api, .expected = EXPECTED_MAP},
    [ROOT_MANIFEST] = {.key = "manifest",
                       .parse = config_draft_parse_path,
                       .offset = AT(manifest),
                       .ok = config_is_path,
                       .expected = EXPECTED_PATH},
    [ROOT_TENANTS_DIR] = {.key = "tenants_dir",
                          .parse = config_draft_parse_path,
                          .offset = AT(tenants_dir),
                          .ok = config_is_path,
                          .null = true,
                          .expected = EXPECTED_PATH_OR_NULL},
    [ROOT_STATE_DIR] = {.key = "state_dir",
                        .parse = config_draft_parse_path,
                        .offset = AT(state_dir),
                        .ok = config_is_path,
                        .expected = EXPECTED_PATH},
    [ROOT_TOKENS_DIR] = {.key = "tokens_dir",
                         .parse = config_draft_parse_path,
                         .offset = AT(tokens_dir),
                         .ok = config_is_path,
                         .expected = EXPECTED_PATH},
    [ROOT_TOKENS_GROUP] = {.key = "tokens_group",
                           .parse = schema_parse_text,
                           .offset = AT(tokens_group),
                           .ok = config_is_group,
                           .null = true,
                           .expected = "the name of a group of users, or null"},
    [ROOT_SEEDS_DIR] = {.key = "seeds_dir",
                        .parse = config_draft_parse_path,
                        .offset = AT(seeds_dir),
                        .ok = config_is_path,
                        .expected = EXPECTED_PATH},
    [ROOT_SOCKET] = {.key = "socket",
                     .parse = schema_parse_text,
                     .offset = AT(socket),
                     .ok = config_is_socket,
                     .expected = EXPECTED_PATH ", of at most 107 bytes"},
    [ROOT_RECONCILE] = {.key = "reconcile",
                        .read = schema_read_map,
                        .info = &RECONCILE,
                        .expected = EXPECTED_MAP},
    [ROOT_POLICY] = {.key = "policy",
                     .read = schema_read_map,
                     .info = &POLICY,
                     .expected = EXPECTED_MAP},
    [ROOT_ENCRYPTION_KEYS] = {.key = "encryption_keys",
                              .read = config_draft_read_keys,
                              .expected =
                                  "a mapping of names to {credential: NAME} or {file: PATH}"},
    [ROOT_HOOKS] = {.key = "hooks",
                    .read = config_draft_read_hooks,
                    .expected = "a mapping of names to hooks"},
};
static const struct schema_map ROOT = {
    .what = "a configuration", .keys = ROOT_KEYS, .n = ROOT_N, .set_offset = SCHEMA_NO_SET};

static void read_root(struct schema *s, struct config_draft *d)
{
    struct source seen[ROOT_N];
    struct yaml_token t;

    yaml_next(s->yaml, &t);
    if (t.kind == YAML_END || !schema_map(s, NULL, &ROOT, &t, d, seen))
        return;
    note_places(d, seen, ROOT_PLACES, ROOT_N);
    yaml_next(s->yaml, &t); /* nothing may follow */
}

static int read_file(struct schema *s, const struct config_input *in, struct config_draft *d)
{
    const char *path = schema_keep(s, in->path, strlen(in->path));
    int rc;

    if (!path)
        return -ERR_NOMEM;
    for (size_t i = 0; i < PLACE_N; i++)
        if (!d->at[i].file)
            d->at[i].file = path;
    rc = yaml_open(path, in->data, in->size, LIMIT_CONFIG_FILE_BYTES, s->diags, &s->yaml);
    if (rc < 0)
        return rc;
    read_root(s, d);
    s->nomem = s->nomem || yaml_is_out_of_memory(s->yaml);
    yaml_close(s->yaml);
    return s->nomem ? -ERR_NOMEM : 0;
}

/* --- Reading ------------------------------------------------------------------------------- */

static int result_of(const struct schema *s)
{
    if (s->nomem || s->diags->failed)
        return -ERR_NOMEM;
    return s->diags->n_errors > s->errors_before ? -ERR_INVALID : 0;
}

static int read_files(struct schema *s, const struct config_input *inputs, size_t n_inputs,
                      struct config_draft *d)
{
    for (size_t i = 0; i < n_inputs; i++)
        if (read_file(s, &inputs[i], d) == -ERR_NOMEM)
            return -ERR_NOMEM;
    if (result_of(s) == 0)
        config_check(d, s->diags); /* of values that are each good */
    config_draft_keep_hooks(s, d);
    config_draft_keep_keys(s, d);
    return result_of(s);
}

int config_parse(const struct config_input *inputs, size_t n_inputs, const char *instance,
                 struct config *out, struct diags *diags)
{
    struct config_draft d = {0};
    struct schema s = {.arena = &d.config.arena,
                       .names = &d.config.arena,
                       .diags = diags,
                       .errors_before = diags->n_errors};
    int rc;

    config_draft_defaults(&s, instance, &d.config);
    rc = s.nomem ? -ERR_NOMEM : read_files(&s, inputs, n_inputs, &d);
    mem_free(d.hooks);
    mem_free(d.keys);
    if (rc < 0)
        config_deinit(&d.config);
    *out = d.config;
    return rc;
}

bool config_has_delete_token(const struct config *c)
{
    return c->api.delete_token.credential || c->api.delete_token.file;
}

void config_deinit(struct config *c)
{
    arena_deinit(&c->arena);
    *c = (struct config){0};
}
