/* status: how it stands as a whole, and what stands in the way.
 * In:    the reconciler, and what the shell knows beside it.
 * Out:   the state, problems.
 * Never: changes anything. */
#ifndef TENANTD_CORE_STATUS_H
#define TENANTD_CORE_STATUS_H

#include <json-c/json.h>

#include "core/diag.h"
#include "core/reconcile.h"

/* clang-format off: a table */
#define STATES(X)                                                                                  \
    X(STARTING, "starting")                                                                        \
    X(HELD, "held")                                                                                \
    X(WORKING, "working")                                                                          \
    X(DEGRADED, "degraded")                                                                        \
    X(SETTLED, "settled")
/* clang-format on */
#define STATE_ENUM(symbol, text) STATE_##symbol,
enum state { STATES(STATE_ENUM) STATE_N };
#undef STATE_ENUM
extern const char *const STATE_NAME[STATE_N];

/* What only the shell knows. */
struct shell_facts {
    const struct diags *manifest_diags; /* of the last reading; NULL: none yet */
    bool manifest_refused;              /* it, or part of it */
    int64_t manifest_refused_ms;        /* wall clock: since when */
    int64_t manifest_loaded_ms;         /* wall clock: the present generation; 0: none */
    size_t manifest_files;
    bool sync_waits; /* asked for, and the manifest is still being read */
    int64_t pid;
    const char *config_error; /* the last reload's, NULL: fine */
};

enum state status_state(const struct reconcile *rc, const struct shell_facts *shell);
/* {organization, state, counts, unmanaged, problems, manifest, observation, api, plan, ...}; the
 * caller's; NULL: no memory. */
struct json_object *status_json(const struct reconcile *rc,
                                const struct shell_facts *shell) MUST_CHECK;
/* One line for people: "settled: 201 databases, 203 tokens". */
void status_line(const struct reconcile *rc, const struct shell_facts *shell, char *out,
                 size_t size);

#endif
