/* absorb_probe: what a database's own host says. It never counts for or against the API token. */
#include <string.h>

#include "core/reconcile_private.h"

#define ASK_AGAIN_MS 1000
#define JUST_MS      (60 * 60 * 1000) /* a token minted within that for the same reason */

static struct token *asked_with(const struct database *d)
{
    for (size_t i = 0; d->probe_hash && i < d->n_tokens; i++)
        if (d->tokens[i]->held.hash && strcmp(d->tokens[i]->held.hash, d->probe_hash) == 0)
            return d->tokens[i];
    return NULL; /* it was replaced meanwhile */
}

static void answered(struct reconcile *rc, struct effects *fx, struct database *d,
                     const struct answer *a)
{
    if (!d->own.probed)
        rc_event(rc, fx, &d->r, "Answers", 6, a, "its own host answers");
    d->own.probed = rc->wall_ms;
    d->probe_asked = false;
    rc_succeeded(&d->r);
    rc_put_own(rc, fx, &d->r);
}

static bool is_just_minted_for_it(const struct reconcile *rc, const struct token *t)
{
    return t->held.cause && strcmp(t->held.cause, "rotated") == 0 &&
           rc->wall_ms - t->held.issued < JUST_MS;
}

static bool mark_dead(struct token *t)
{
    return t->dead = t->has_held && strcmp(t->held.state, "published") == 0;
}

/* A group's keys are its databases' too, as far as anybody knows. To mint one in vain harms nobody;
 * but once is enough, however many of the databases notice. */
static bool mark_group(struct reconcile *rc, const struct database *d)
{
    struct group *g = d->live.place ? fleet_group(&rc->fleet, d->live.place) : NULL;
    bool any = false;

    for (size_t i = 0; g && i < g->n_tokens; i++)
        if (!is_just_minted_for_it(rc, g->tokens[i]))
            any = mark_dead(g->tokens[i]) || any;
    return any;
}

/* 401: what was good when it was minted is so no more. The keys were rotated, and with the one all
 * tokens of this database died, and of its group. */
static void token_refused(struct reconcile *rc, struct effects *fx, struct database *d,
                          const struct answer *a)
{
    struct token *t = asked_with(d);
    bool of_group;

    if (!t)
        return;
    d->own.probed = 0;
    rc_put_own(rc, fx, &d->r);
    if (is_just_minted_for_it(rc, t)) {
        rc_refuse(rc, fx, &d->r, REASON_TOKEN_DEAD, ACT_PROBE, a);
        return;
    }
    for (size_t i = 0; i < d->n_tokens; i++)
        (void)mark_dead(d->tokens[i]);
    of_group = mark_group(rc, d);
    rc_event(rc, fx, &d->r, "KeysRotated", 4, a,
             "its own host refuses token %s, which should be good: somebody rotated the keys; its "
             "tokens%s are minted anew",
             t->short_name, of_group ? " and its group's" : "");
    rc->replan = true; /* the guard is asked first */
}

/* New, it may not be known to its host yet. */
static bool is_starting(const struct reconcile *rc, const struct database *d)
{
    return strcmp(d->own.origin, "created") == 0 && rc->wall_ms - d->own.since < STARTS_WITHIN_MS;
}

void rc_absorb_probe(struct reconcile *rc, struct effects *fx, const struct flight *f,
                     const struct answer *a)
{
    struct database *d = database_of(f->r);

    if (a->outcome == OUTCOME_OK)
        answered(rc, fx, d, a);
    else if (a->outcome == OUTCOME_UNAUTHORIZED)
        token_refused(rc, fx, d, a);
    else if (a->outcome == OUTCOME_NOT_FOUND && is_starting(rc, d))
        d->probe_ms = rc->now_ms + ASK_AGAIN_MS;
    else if (a->outcome == OUTCOME_NOT_FOUND)
        rc_failed(rc, fx, &d->r, f->act, REASON_WAITING_FOR_HOST, a->retry_after_ms, a->error);
    else if (OUTCOME_INFO[a->outcome].retry)
        rc_failed(rc, fx, &d->r, f->act, rc_reason_of(a->outcome), a->retry_after_ms, a->error);
    else if (a->outcome != OUTCOME_CANCELED)
        rc_refuse(rc, fx, &d->r, REASON_REFUSED, f->act, a);
}
