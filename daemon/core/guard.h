/* guard: how much may be removed, updated and created in one rolling window. All or nothing: when
 * what is done together with what is wanted exceeds what is allowed, none of the wanted run. In:
 * the policy, numbers. Out: yes or no. */
#ifndef TENANTD_CORE_GUARD_H
#define TENANTD_CORE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"

/* owned: groups and databases that are ours now. done: removals in the window, approved ones too.
 * gone: those of them that are not ours any more (the others wait for their grace, or came back).
 * Allowed is the lesser of max_deletes and max_delete_percent of (owned + gone), rounded down but
 * at least 1, unless one of them is 0. */
bool guard_allows_removals(const struct config_policy *p, size_t owned, size_t gone, size_t done,
                           size_t wanted);
size_t guard_removals_allowed(const struct config_policy *p, size_t owned, size_t gone);
/* done: databases updated in the window. Allowed is max_update_percent of owned, rounded down but
 * at least 1, unless that is 0. */
bool guard_allows_updates(const struct config_policy *p, size_t owned, size_t done, size_t wanted);
bool guard_allows_creates(const struct config_policy *p, size_t done, size_t wanted);

#endif
