/* absorb_hook: who is to be told of a token file, and what became of that. */
#include <string.h>

#include "core/reconcile_private.h"
#include "core/retry.h"

void rc_notify(struct reconcile *rc, struct effects *fx, struct token *t)
{
    struct flight *f;

    if (!t->has_held || !t->held.notify || t->hook_busy || rc->stopping ||
        t->hook_retry_ms > rc->now_ms)
        return;
    if (strcmp(t->held.state, "published") != 0 && strcmp(t->held.state, "removed") != 0)
        return;
    f = rc_flight(rc, &t->r, ACT_NONE);
    if (!f) {
        fx->failed = true;
        return;
    }
    t->hook_busy = true;
    t->hook_flight = f->id;
    effects_hook(fx, &t->held);
}

/* The flight in which a hook is told of that token; 0: none. */
static uint64_t hook_flight(const struct reconcile *rc, const char *kind, const char *name)
{
    for (size_t i = 0; i < rc->n_flights; i++) {
        const struct resource *r = rc->flights[i].r;

        if (r && rc->flights[i].act == ACT_NONE && is_token(r) &&
            token_of(rc->flights[i].r)->hook_busy &&
            rc->flights[i].id == token_of(rc->flights[i].r)->hook_flight &&
            strcmp(KIND_NAME[r->kind], kind) == 0 && strcmp(r->name, name) == 0)
            return rc->flights[i].id;
    }
    return 0;
}

void rc_absorb_hook(struct reconcile *rc, struct effects *fx, const char *kind, const char *name,
                    bool ok)
{
    struct flight f;
    struct token *t;

    if (!rc_land(rc, hook_flight(rc, kind, name), &f))
        return;
    t = token_of(f.r);
    t->hook_busy = false;
    if (ok) {
        t->hook_attempts = 0;
        if (!t->hook_again)
            rc_set(fx, &t->held.notify, NULL);
        t->hook_again = false;
        rc_put_token(rc, fx, t);
    } else {
        t->hook_attempts++;
        t->hook_retry_ms =
            rc->now_ms + retry_delay(t->hook_attempts, rc->config->reconcile.backoff_initial_ms,
                                     rc->config->reconcile.backoff_max_ms, -1, rc_random(rc));
        if (t->hook_attempts == 1)
            rc_event(rc, fx, &t->r, "HookFailed", 4, NULL, "hook %s failed; it is told again later",
                     t->held.notify);
        if (!schedule_wake(&rc->schedule, &t->r, t->hook_retry_ms))
            fx->failed = true;
    }
    rc_consider(rc, fx, &t->r);
}
