/* file_check: are the token files still there? Asked after every look; of the databases', so many
 * at a time, in order of name, and the next when those have come back. */
#include <string.h>

#include "core/fleet_rest.h"
#include "core/observe_private.h"
#include "lib/mem.h"

#define CHECKS_MAX 1000 /* under way */
#define CHECKS_LOW 500  /* so few, and more are asked for */

static void check(struct reconcile *rc, struct effects *fx, struct token *const *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct token *t = tokens[i];
        struct file_job *job;
        struct flight *f;

        if (!t->has_held || t->r.busy || strcmp(t->held.state, "published") != 0)
            continue;
        job = file_job_new(FILE_CHECK, t->held.file);
        f = job ? rc_flight(rc, &t->r, ACT_NONE) : NULL;
        t->r.busy = f != NULL;
        rc->checks.n += f != NULL;
        if (f)
            job->id = f->id;
        else
            fx->failed = true;
        effects_job(fx, job);
    }
}

static void go_on(struct reconcile *rc, struct effects *fx)
{
    struct file_checks *c = &rc->checks;
    size_t at = c->name ? fleet_place(&rc->fleet, c->name) : rc->fleet.n_databases;

    for (; at < rc->fleet.n_databases && c->n < CHECKS_MAX; at++) {
        struct visit v;

        if (!(fleet_flags(&rc->fleet, at) & PACKED_TOKENS))
            continue;
        v = fleet_open(&rc->fleet, at);
        if (v.d)
            check(rc, fx, v.d->tokens, v.d->n_tokens);
        if (!v.d || fx->failed)
            return;
        fleet_close(&rc->fleet, at, v);
    }
    if (!ledger_set(&c->name,
                    at < rc->fleet.n_databases ? fleet_database_name(&rc->fleet, at) : NULL))
        fx->failed = true;
}

void rc_check_files(struct reconcile *rc, struct effects *fx)
{
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        check(rc, fx, rc->fleet.groups[i]->tokens, rc->fleet.groups[i]->n_tokens);
    if (!rc->checks.name && rc->fleet.n_databases) { /* else those of the last look go on */
        if (!ledger_set(&rc->checks.name, fleet_database_name(&rc->fleet, 0)))
            fx->failed = true;
        go_on(rc, fx);
    }
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++) {
        struct token *t = &rc->fleet.api_tokens[i]->t;

        check(rc, fx, &t, 1);
    }
}

void rc_checked_file(struct reconcile *rc, struct effects *fx)
{
    rc->checks.n--;
    if (rc->stopping || !rc->ledger_ok)
        mem_free_string(&rc->checks.name); /* the next look starts anew */
    else if (rc->checks.name && rc->checks.n <= CHECKS_LOW)
        go_on(rc, fx);
}
