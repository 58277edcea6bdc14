/* config_draft: a configuration while it is read: its defaults, and its hooks from several files.
 * In:    the tokens of YAML, an instance's name.
 * Out:   a struct config_draft filled in.
 * Never: I/O. */
#include "core/config_draft.h"

#include <stdlib.h>
#include <string.h>

#include "core/config_check.h"
#include "core/limits.h"
#include "core/yaml.h"
#include "lib/mem.h"

/* --- Defaults ------------------------------------------------------------------------------ */

/* BASE, BASE/INSTANCE, and behind either FILE. */
static const char *default_path(struct schema *s, const char *base, const char *instance,
                                const char *file)
{
    char *path = mem_printf("%s%s%s%s", base, instance ? "/" : "", instance ? instance : "", file);
    const char *kept = path ? schema_keep(s, path, strlen(path)) : NULL;

    s->nomem = s->nomem || !kept;
    mem_free(path);
    return kept;
}

void config_draft_defaults(struct schema *s, const char *instance, struct config *c)
{
    c->organization = instance ? schema_keep(s, instance, strlen(instance)) : NULL;
    c->api.url = "https://api.turso.tech";
    c->api.concurrency = 8;
    c->api.rate = 10;
    c->api.timeout_ms = 30 * CONFIG_SECOND_MS;
    c->manifest = default_path(s, "/etc/tenantd/manifest.d", instance, "");
    c->state_dir = default_path(s, "/var/lib/tenantd", instance, "");
    c->tokens_dir = default_path(s, "/var/lib/tenantd/tokens", instance, "");
    c->seeds_dir = default_path(s, "/var/lib/tenantd/seeds", instance, "");
    c->socket = default_path(s, "/run/tenantd", instance, "/tenantd.sock");
    c->reconcile.interval_ms = 5 * CONFIG_MINUTE_MS;
    c->reconcile.debounce_ms = 250;
    c->reconcile.config_sweep_ms = 24 * CONFIG_HOUR_MS;
    c->reconcile.backoff_initial_ms = 500;
    c->reconcile.backoff_max_ms = 5 * CONFIG_MINUTE_MS;
    c->policy.writes = true;
    c->policy.prune = PRUNE_OFF;
    c->policy.prune_members = PRUNE_OFF;
    c->policy.adopt = ADOPT_MATCHING;
    c->policy.deletion_grace_ms = 7 * CONFIG_DAY_MS;
    c->policy.expiry_grace_ms = CONFIG_HOUR_MS;
    c->policy.guard.max_deletes = 5;
    c->policy.guard.max_delete_percent = 1;
    c->policy.guard.max_update_percent = 20;
    c->policy.guard.max_creates = CONFIG_NO_LIMIT;
    c->policy.guard.window_ms = CONFIG_HOUR_MS;
}

/* --- Paths ------------------------------------------------------------------------------- */

bool config_draft_parse_path(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *t, void *out)
{
    struct yaml_token cut = *t;
    const char *path;

    if (yaml_is_null(t))
        return schema_parse_text(s, k, t, out);
    if (!k->ok(t->text, t->size))
        return false;
    while (cut.text[cut.size - 1] == '/')
        cut.size--;
    path = schema_keep(s, cut.text, cut.size);
    if (!path)
        return false;
    memcpy(out, &path, sizeof(path));
    return true;
}

/* --- Hooks --------------------------------------------------------------------------------- */

#define HOOK_SET_COMMAND  (1u << 0)
#define HOOK_SET_TIMEOUT  (1u << 1)
#define HOOK_SET_DEBOUNCE (1u << 2)

static bool is_argument(const char *s, size_t n)
{
    (void)s;
    return n <= 4096;
}

static bool read_command(struct schema *s, const struct schema_key *k,
                         const struct yaml_token *first, void *out)
{
    static const struct schema_item ARGUMENT = {is_argument, "a text of at most 4096 bytes", false};
    struct config_hook_draft *hook = out;
    struct schema_texts texts = {0};
    bool good = schema_texts(s, k, &ARGUMENT, first, &texts);
    size_t n;

    if (good && (texts.n == 0 || !config_is_path(texts.items[0], strlen(texts.items[0])))) {
        diags_error(s->diags, first->at,
                    "command does not begin with the path of a program; expected an absolute path");
        good = false;
    }
    good = good && schema_texts_keep(s, &texts, &hook->command, &n);
    schema_texts_deinit(&texts);
    return good;
}

#define HOOK_AT(field) offsetof(struct config_hook_draft, field)
enum { HOOK_COMMAND, HOOK_TIMEOUT, HOOK_DEBOUNCE, HOOK_N };
static const struct schema_key HOOK_KEYS[HOOK_N] = {
    [HOOK_COMMAND] = {.key = "command",
                      .read = read_command,
                      .bit = HOOK_SET_COMMAND,
                      .expected = "a list: the path of a program, then its arguments"},
    [HOOK_TIMEOUT] = {.key = "timeout",
                      .parse = schema_parse_duration,
                      .offset = HOOK_AT(timeout_ms),
                      .bit = HOOK_SET_TIMEOUT,
                      .min = 100,
                      .max = CONFIG_HOUR_MS},
    [HOOK_DEBOUNCE] = {.key = "debounce",
                       .parse = schema_parse_duration,
                       .offset = HOOK_AT(debounce_ms),
                       .bit = HOOK_SET_DEBOUNCE,
                       .min = 0,
                       .max = CONFIG_HOUR_MS},
};
static const struct schema_map HOOK = {
    .what = "a hook", .keys = HOOK_KEYS, .n = HOOK_N, .set_offset = HOOK_AT(set)};

static void read_hook(struct schema *s, const struct yaml_token *first, void *entry)
{
    static const struct schema_key ROW = {.key = "a hook",
                                          .expected = "a mapping with command, timeout, debounce"};
    struct config_hook_draft *hook = entry;
    struct source seen[HOOK_N];

    hook->command_named = !schema_map(s, &ROW, &HOOK, first, hook, seen) || seen[HOOK_COMMAND].line;
}

/* Put a hook over what an earlier file says of it. */
static bool add_hook(struct config_draft *d, const struct config_hook_draft *hook)
{
    struct config_hook_draft *h = NULL;

    for (size_t i = 0; i < d->n_hooks && !h; i++)
        if (strcmp(d->hooks[i].name, hook->name) == 0)
            h = &d->hooks[i];
    if (!h) {
        if (!mem_grow(&d->hooks, &d->hooks_capacity, d->n_hooks + 1, sizeof(*d->hooks)))
            return false;
        h = &d->hooks[d->n_hooks++];
        *h = (struct config_hook_draft){.name = hook->name,
                                        .timeout_ms = 30 * CONFIG_SECOND_MS,
                                        .debounce_ms = 10 * CONFIG_SECOND_MS};
    }
    h->at = hook->at;
    h->set |= hook->set;
    h->command_named = h->command_named || hook->command_named;
    if (hook->set & HOOK_SET_COMMAND)
        h->command = hook->command;
    if (hook->set & HOOK_SET_TIMEOUT)
        h->timeout_ms = hook->timeout_ms;
    if (hook->set & HOOK_SET_DEBOUNCE)
        h->debounce_ms = hook->debounce_ms;
    return true;
}

bool config_draft_read_hooks(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *first, void *out)
{
    static const struct schema_entries HOOKS = {.what = "hook",
                                                .size = sizeof(struct config_hook_draft),
                                                .max = LIMIT_LIST_ITEMS,
                                                .read = read_hook};
    struct config_draft *d = out;
    void *items;
    size_t n;
    bool good = schema_entries(s, k, &HOOKS, first, &items, &n);
    const struct config_hook_draft *hooks = items;

    for (size_t i = 0; i < n && !s->nomem; i++)
        s->nomem = !add_hook(d, &hooks[i]);
    mem_free(items);
    return good;
}

static int compare_hooks(const void *left, const void *right)
{
    const struct config_hook *a = left;
    const struct config_hook *b = right;

    return strcmp(a->name, b->name);
}

void config_draft_keep_hooks(struct schema *s, struct config_draft *d)
{
    struct config *c = &d->config;

    if (d->n_hooks == 0)
        return;
    c->hooks = arena_alloc(s->arena, d->n_hooks * sizeof(*c->hooks));
    s->nomem = s->nomem || !c->hooks;
    for (size_t i = 0; i < d->n_hooks && c->hooks; i++) {
        const struct config_hook_draft *h = &d->hooks[i];

        if (!h->command_named)
            diags_error(s->diags, h->at,
                        "the hook \"%s\" has no command; expected command: and a list", h->name);
        c->hooks[c->n_hooks++] = (struct config_hook){.name = h->name,
                                                      .command = h->command,
                                                      .timeout_ms = h->timeout_ms,
                                                      .debounce_ms = h->debounce_ms};
    }
    if (c->hooks)
        qsort(c->hooks, c->n_hooks, sizeof(*c->hooks), compare_hooks);
}

/* --- Encryption keys ----------------------------------------------------------------------- */

#define KEY_AT(field) offsetof(struct config_key_draft, field)
enum { KEY_CREDENTIAL, KEY_FILE, KEY_N };
static const struct schema_key KEY_KEYS[KEY_N] = {
    [KEY_CREDENTIAL] = {.key = "credential",
                        .secret_if = "",
                        .parse = schema_parse_text,
                        .offset = KEY_AT(credential),
                        .ok = config_is_credential,
                        .expected = "the name of a systemd credential such as tenants-key"},
    [KEY_FILE] = {.key = "file",
                  .secret_if = "",
                  .parse = config_draft_parse_path,
                  .offset = KEY_AT(file),
                  .ok = config_is_path,
                  .expected = "an absolute path, no part of it empty, \".\" or \"..\""},
};
static const struct schema_map KEY = {
    .what = "an encryption key", .keys = KEY_KEYS, .n = KEY_N, .set_offset = SCHEMA_NO_SET};

static void read_key(struct schema *s, const struct yaml_token *first, void *entry)
{
    static const struct schema_key ROW = {.key = "an encryption key",
                                          .secret_if = "",
                                          .expected = "{credential: NAME} or {file: PATH}"};
    struct config_key_draft *key = entry;
    struct source seen[KEY_N];

    if (!schema_map(s, &ROW, &KEY, first, key, seen))
        return;
    if (!seen[KEY_CREDENTIAL].line == !seen[KEY_FILE].line)
        diags_error(s->diags, first->at,
                    "the encryption key \"%s\" names %s; expected one of credential and file",
                    key->name, seen[KEY_FILE].line ? "both" : "nothing");
}

/* A later file's key replaces an earlier one's whole. */
bool config_draft_read_keys(struct schema *s, const struct schema_key *k,
                            const struct yaml_token *first, void *out)
{
    static const struct schema_entries KEYS = {.what = "key",
                                               .size = sizeof(struct config_key_draft),
                                               .max = LIMIT_LIST_ITEMS,
                                               .read = read_key};
    struct config_draft *d = out;
    void *items;
    size_t n;
    bool good = schema_entries(s, k, &KEYS, first, &items, &n);
    const struct config_key_draft *keys = items;

    for (size_t i = 0; i < n && !s->nomem; i++) {
        size_t at = 0;

        while (at < d->n_keys && strcmp(d->keys[at].name, keys[i].name) != 0)
            at++;
        s->nomem = !mem_grow(&d->keys, &d->keys_capacity, d->n_keys + 1, sizeof(*d->keys));
        if (s->nomem)
            break;
        d->keys[at] = keys[i];
        d->n_keys += at == d->n_keys;
    }
    mem_free(items);
    return good;
}

static int compare_keys(const void *left, const void *right)
{
    const struct config_key *a = left;
    const struct config_key *b = right;

    return strcmp(a->name, b->name);
}

void config_draft_keep_keys(struct schema *s, struct config_draft *d)
{
    struct config *c = &d->config;

    if (d->n_keys == 0)
        return;
    c->keys = arena_alloc(s->arena, d->n_keys * sizeof(*c->keys));
    s->nomem = s->nomem || !c->keys;
    for (size_t i = 0; i < d->n_keys && c->keys; i++)
        c->keys[c->n_keys++] = (struct config_key){
            .name = d->keys[i].name, .credential = d->keys[i].credential, .file = d->keys[i].file};
    if (c->keys)
        qsort(c->keys, c->n_keys, sizeof(*c->keys), compare_keys);
}
