/* own_token: the tokens that the daemon runs with. How long each is good for is asked at the start
 * and once a day, so that its end is said before it hurts; the one for deletes alone, where there
 * is one (api.delete_token), can be refused by itself. Private to the rooms of the reconciler.
 * In:    the platform's answers about them, and to deletes. Out: problems to show, events.
 * Never: the tokens themselves. */
#ifndef TENANTD_CORE_OWN_TOKEN_H
#define TENANTD_CORE_OWN_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/reconcile.h"

struct own_token {
    bool is_asked;
    bool is_told;       /* of its present end */
    int64_t next_ms;    /* monotonic */
    int64_t expires_ms; /* wall clock; 0: never, or not known */
};

struct own_tokens {
    bool is_on;
    struct own_token of[OWN_N];
    char refused[2 * LIMIT_ERROR_TEXT_BYTES + 160]; /* that the platform takes no delete, why, and
                                                     * what to do; "": it does */
    int64_t refused_wall_ms;
    int64_t deletes_again_ms; /* monotonic: none is sent before then; 0: they are */
};

struct effects;

/* Ask, when it is time; and let deletes be tried again. */
void own_token_tick(struct reconcile *rc, struct effects *fx);
int64_t own_token_wake(const struct reconcile *rc); /* monotonic */
/* Takes a. */
void own_token_absorb(struct reconcile *rc, struct effects *fx, struct answer *a);
/* It is another one: what is known of the one before says nothing. */
void own_token_changed(struct reconcile *rc, enum own which);
/* True: it ends soon, or has ended; `out` says when and what to do. */
bool own_token_ends(const struct reconcile *rc, enum own which, char *out, size_t size);
bool own_token_is_trouble(const struct reconcile *rc); /* one ends, or is refused */

/* Such a call goes by a token of its own, which says nothing of the other one. */
bool own_token_deletes_apart(const struct reconcile *rc, enum call_kind kind);
/* An answer to any call: what one to a delete says of that token. */
void own_token_look(struct reconcile *rc, struct effects *fx, const struct answer *a);
/* Nothing is deleted now. */
bool own_token_holds_deletes(const struct reconcile *rc);
const char *own_token_refused(const struct reconcile *rc); /* why; NULL: it is not */
void own_token_retry_deletes(struct reconcile *rc);

#endif
