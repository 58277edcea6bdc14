/* settle: wait for the daemon, or for one resource and its tokens, to come to rest.
 * In:    what is waited for, and how long at most.
 * Out:   the status to exit with; the last status of the daemon; why a resource is not Ready.
 * Never: waits for countdowns, or for people. */
#ifndef TENANTD_CTL_SETTLE_H
#define TENANTD_CTL_SETTLE_H

#include <json-c/json.h>

#include "ctl/ctl.h"

struct settle_goal {
    int64_t cycle;         /* an observation that must have ended; 0: any */
    const char *reference; /* "database/t-acme"; NULL: everything */
};

/* EXIT_FINE; EXIT_HELD or EXIT_DEGRADED: at rest, but not as wanted; EXIT_TIMED_OUT after
 * ctl->timeout_ms; EXIT_FAILED (no such resource) and what a client meets. All but the first were
 * said on stderr. *out: the last thing asked for, a status or a resource, the caller's; NULL: none.
 */
enum exit_code settle(const struct ctl *ctl, const struct settle_goal *goal,
                      struct json_object **out) MUST_CHECK;

#endif
