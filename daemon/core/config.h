/* config: the daemon's own configuration (tenantd.yaml, and ORG.yaml over it).
 * In:    bytes of one or two files.
 * Out:   a struct config that owns its text, every default filled in; every error with its place.
 * Never: I/O, environment. */
#ifndef TENANTD_CORE_CONFIG_H
#define TENANTD_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "lib/arena.h"

enum policy_prune { PRUNE_OFF, PRUNE_PLAN, PRUNE_ON };
enum policy_adopt { ADOPT_NEVER, ADOPT_MATCHING };
#define CONFIG_NO_LIMIT (-1)

struct config_hook {
    const char *name;
    const char **command; /* NULL-terminated argv; argv[0] is absolute */
    int64_t timeout_ms;
    int64_t debounce_ms;
};

/* A key that databases are encrypted with: where it is, never what it is. */
struct config_key {
    const char *name;
    const char *credential; /* one of these two */
    const char *file;
    unsigned bytes; /* how long it is; filled in by who reads it, 0: nobody has */
};

/* Where the API token is when nothing is said, and systemd has passed one of this name. */
#define CONFIG_TOKEN_CREDENTIAL "turso-api-token"

/* Where a secret is, never what it is: exactly one of these is set, or neither: nowhere. */
struct config_secret {
    const char *credential; /* the name of a systemd credential */
    const char *file;
};

struct config {
    struct arena arena; /* owns every text */
    const char *organization;
    struct {
        const char *url;                   /* no trailing slash */
        bool insecure;                     /* api.insecure: plain http to elsewhere than loopback */
        struct config_secret token;        /* nothing: TURSO_API_TOKEN */
        struct config_secret delete_token; /* for deletes alone; nothing: `token` deletes, too */
        const char *ca_file;               /* NULL: the system's */
        unsigned concurrency;              /* 1..LIMIT_CONCURRENCY */
        unsigned rate;                     /* calls a second; 0: no limit of our own */
        int64_t timeout_ms;
    } api;
    const char *manifest;
    const char *tenants_dir; /* NULL: none */
    const char *state_dir;
    const char *tokens_dir;
    const char *tokens_group; /* NULL: none */
    const char *seeds_dir;
    const char *socket;
    struct {
        int64_t interval_ms;
        int64_t debounce_ms;
        int64_t config_sweep_ms;
        int64_t backoff_initial_ms;
        int64_t backoff_max_ms;
    } reconcile;
    struct config_policy {
        bool writes;
        enum policy_prune prune;
        enum policy_prune prune_members;
        bool removals_plan; /* removals: plan */
        enum policy_adopt adopt;
        bool drift_report; /* drift: report */
        int64_t deletion_grace_ms;
        int64_t expiry_grace_ms;
        struct {
            int64_t max_deletes;        /* CONFIG_NO_LIMIT: null */
            int64_t max_delete_percent; /* of those owned */
            int64_t max_update_percent;
            int64_t max_creates;
            int64_t window_ms;
        } guard;
    } policy;
    struct config_hook *hooks; /* sorted by name */
    size_t n_hooks;
    struct config_key *keys; /* encryption_keys, sorted by name */
    size_t n_keys;
};

struct config_input {
    const char *path;
    const char *data;
    size_t size;
};

/* Read `inputs` in order, later ones over earlier ones key by key (lists and hooks' commands
 * whole). `instance`: NULL, or the ORG of tenantd@ORG, which then ends every default path
 * ("/etc/tenantd/manifest.d/ORG",
 * "/run/tenantd/ORG/tenantd.sock") and is the default organization.
 * Returns 0 with *out the caller's (warnings may be in diags), -ERR_INVALID (*out is empty) or
 * -ERR_NOMEM. */
int config_parse(const struct config_input *inputs, size_t n_inputs, const char *instance,
                 struct config *out, struct diags *diags) MUST_CHECK;
void config_deinit(struct config *c);

bool config_has_delete_token(const struct config *c);

/* True when `url` is https, or http to loopback (127.0.0.0/8, [::1], localhost). */
bool config_url_is_safe(const char *url);
bool config_url_is_remote(const char *url); /* elsewhere than loopback */

#endif
