/* own_token: how long the token that the daemon runs with is good for.
 * In:    the platform's answers about it. Out: a problem to show, an event.
 * Never: the token itself. */
#include "core/own_token.h"

#include <stdio.h>

#include "core/reconcile_private.h"
#include "lib/text.h"

#define DAY_MS   ((int64_t)24 * 3600 * 1000)
#define AGAIN_MS ((int64_t)3600 * 1000) /* where it could not be asked */
#define SOON_MS  (7 * DAY_MS)

void own_token_tick(struct reconcile *rc, struct effects *fx)
{
    struct own_token *t = &rc->own_token;

    if (!t->is_on || t->is_asked || rc->now_ms < t->next_ms || rc->stopping)
        return;
    t->is_asked = true;
    rc_ask(rc, fx, ASK_OWN_TOKEN, CALL_TOKEN_VALIDATE, 0);
}

void own_token_changed(struct reconcile *rc)
{
    rc->own_token.next_ms = rc->now_ms;
    rc->own_token.expires_ms = 0;
    rc->own_token.is_told = false;
}

bool own_token_ends(const struct reconcile *rc, char *out, size_t size)
{
    int64_t expires_ms = rc->own_token.expires_ms;
    char when[TEXT_TIME_SIZE];

    if (!expires_ms || expires_ms - rc->wall_ms >= SOON_MS)
        return false;
    snprintf(out, size,
             "the API token that tenantd runs with %s at %s: make another one, put it in its place "
             "and reload",
             expires_ms > rc->wall_ms ? "expires" : "expired", text_time(expires_ms, when));
    return true;
}

void own_token_absorb(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    struct own_token *t = &rc->own_token;
    bool ok = a->outcome == OUTCOME_OK;
    char text[256];

    t->is_asked = false;
    t->next_ms = rc->now_ms + (ok ? DAY_MS : AGAIN_MS);
    if (ok)
        t->expires_ms = a->token_ends_ms;
    answer_free(a);
    if (!own_token_ends(rc, text, sizeof(text))) {
        t->is_told = false;
        return;
    }
    if (!t->is_told)
        rc_event(rc, fx, NULL, "TokenExpires", 4, NULL, "%s", text);
    t->is_told = true;
}
