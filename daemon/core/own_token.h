/* own_token: how long the token that the daemon runs with is good for, asked at the start and once
 * a day, so that its end is said before it hurts. Private to the rooms of the reconciler. In: the
 * platform's answers about it. Out: a problem to show, an event. Never: the token itself. */
#ifndef TENANTD_CORE_OWN_TOKEN_H
#define TENANTD_CORE_OWN_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"

struct own_token {
    bool is_on;
    bool is_asked;
    bool is_told;       /* of its present end */
    int64_t next_ms;    /* monotonic */
    int64_t expires_ms; /* wall clock; 0: never, or not known */
};

struct reconcile;
struct effects;

/* Ask, when it is time. */
void own_token_tick(struct reconcile *rc, struct effects *fx);
/* Takes a. */
void own_token_absorb(struct reconcile *rc, struct effects *fx, struct answer *a);
/* It is another one: what is known of the one before says nothing. */
void own_token_changed(struct reconcile *rc);
/* True: it ends soon, or has ended; `out` says when and what to do. */
bool own_token_ends(const struct reconcile *rc, char *out, size_t size);

#endif
