/* config_draft: a configuration while it is read, file over file: values, where the keys stand that
 * later checks name, hooks, and encryption keys.
 * In:    the tokens of YAML, an instance's name.
 * Out:   a struct config_draft filled in. */
#ifndef TENANTD_CORE_CONFIG_DRAFT_H
#define TENANTD_CORE_CONFIG_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/diag.h"
#include "core/schema.h"

#define CONFIG_SECOND_MS INT64_C(1000)
#define CONFIG_MINUTE_MS (60 * CONFIG_SECOND_MS)
#define CONFIG_HOUR_MS   (60 * CONFIG_MINUTE_MS)
#define CONFIG_DAY_MS    (24 * CONFIG_HOUR_MS)

/* The keys whose places later checks name. */
enum config_place {
    PLACE_NONE,
    PLACE_ORGANIZATION,
    PLACE_URL,
    PLACE_DELETE_TOKEN,
    PLACE_MANIFEST,
    PLACE_TENANTS_DIR,
    PLACE_STATE_DIR,
    PLACE_TOKENS_DIR,
    PLACE_SEEDS_DIR,
    PLACE_BACKOFF,
    PLACE_N
};

struct config_hook_draft {
    const char *name; /* this and the next as in struct schema_entry */
    struct source at;
    uint32_t set;
    bool command_named; /* well or badly */
    const char **command;
    int64_t timeout_ms;
    int64_t debounce_ms;
};

struct config_key_draft {
    const char *name; /* this and the next as in struct schema_entry */
    struct source at;
    const char *credential;
    const char *file;
};

struct config_draft {
    struct config config;            /* texts in its arena */
    struct source at[PLACE_N];       /* line 0: the default */
    struct config_hook_draft *hooks; /* from mem; freed by whoever made the draft */
    size_t n_hooks;
    size_t hooks_capacity;
    struct config_key_draft *keys; /* as the hooks */
    size_t n_keys;
    size_t keys_capacity;
};

/* A `parse` for tables: as schema_parse_text, without slashes at the end, so that equal paths are
 * equal texts. */
bool config_draft_parse_path(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *t, void *out);
/* Every default; the paths end in `instance`, if there is one. */
void config_draft_defaults(struct schema *s, const char *instance, struct config *c);
/* A `read` for tables: the mapping `hooks`, over what is there. *out is a struct config_draft. */
bool config_draft_read_hooks(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *first, void *out);
/* The same for `encryption_keys`. */
bool config_draft_read_keys(struct schema *s, const struct schema_key *k,
                            const struct yaml_token *first, void *out);
void config_draft_keep_keys(struct schema *s, struct config_draft *d);
/* Put the hooks into the configuration, sorted; report those without a command. */
void config_draft_keep_hooks(struct schema *s, struct config_draft *d);

#endif
