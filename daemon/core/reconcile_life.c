/* reconcile_life: how it comes into being and ends, what it is told of itself, and what whoever
 * owns it may ask. */
#include <stdio.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"

#define SLICE      2000
#define QUEUE_MOST (2 * LIMIT_CONCURRENCY)

struct reconcile *reconcile_new(const struct config *config, int64_t now_ms)
{
    struct reconcile *rc = mem_alloc(sizeof(*rc));

    if (!rc)
        return NULL;
    rc->config = config;
    rc->authorized = true;
    rc->ledger_ok = true;
    rc->next_id = 1;
    reconcile_slice(rc, 0, 0);
    reconcile_queue(rc, 0);
    list_init(&rc->trouble);
    rc->obs.next_ms = now_ms;
    schedule_init(&rc->schedule, config->api.concurrency, config->api.rate, now_ms);
    rc->held_plan = mem_alloc(sizeof(*rc->held_plan));
    if (!fleet_init(&rc->fleet, &rc->schedule.wakes) || !rc->held_plan) {
        reconcile_free(rc);
        rc = NULL;
    }
    return rc;
}

void reconcile_free(struct reconcile *rc)
{
    if (!rc)
        return;
    schedule_deinit(&rc->schedule); /* its heap points into the fleet */
    fleet_deinit(&rc->fleet);
    if (rc->has_desired)
        desired_deinit(&rc->desired);
    rc_recover_deinit(rc);
    ask_deinit(&rc->asks);
    quota_deinit(&rc->quota);
    audit_deinit(&rc->audit);
    dropped_drafts_deinit(&rc->drafts);
    guests_deinit(&rc->guests);
    rc_observe_deinit(rc);
    arena_deinit(&rc->listed_arena);
    arena_deinit(&rc->members_arena);
    arena_deinit(&rc->invites_arena);
    mem_free(rc->flights);
    for (size_t i = 0; i < rc->n_counts; i++)
        ledger_row_deinit(LEDGER_COUNT, &rc->counts[i]);
    for (size_t i = 0; i < rc->n_approvals; i++)
        ledger_row_deinit(LEDGER_APPROVAL, &rc->approvals[i]);
    for (size_t i = 0; i < rc->n_leaks; i++)
        ledger_row_deinit(LEDGER_LEAK, &rc->leaks[i]);
    rc_pauses_deinit(rc);
    mem_free(rc->checks.name);
    mem_free(rc->pass.next);
    row_index_deinit(&rc->counts_index);
    row_index_deinit(&rc->approvals_index);
    mem_free(rc->counts);
    mem_free(rc->approvals);
    mem_free(rc->leaks);
    mem_free(rc->held_plan);
    mem_free(rc);
}

void reconcile_slice(struct reconcile *rc, size_t look, size_t pass)
{
    rc->look_slice = look ? look : SLICE;
    rc->pass_slice = pass ? pass : SLICE;
}

void reconcile_queue(struct reconcile *rc, size_t most)
{
    rc->queue_most = most ? most : QUEUE_MOST;
}

bool reconcile_goes_on(const struct reconcile *rc)
{
    return (rc_is_taking(rc) || rc_replan_is_due(rc)) && !rc->stopping;
}

void reconcile_watch(struct reconcile *rc, bool stays)
{
    rc->quota.is_on = true;
    rc->quota.tells_usage = stays;
    rc->own_tokens.is_on = true;
    rc->audit.is_on = stays;
}

void reconcile_identify(struct reconcile *rc, enum own which, const char *token_id,
                        const char *token_hash)
{
    struct identity *self = which == OWN_TOKEN ? &rc->self.token : &rc->self.delete_token;
    bool changed = strcmp(self->token_hash, token_hash) != 0;

    snprintf(self->token_id, sizeof(self->token_id), "%s", token_id);
    snprintf(self->token_hash, sizeof(self->token_hash), "%s", token_hash);
    if (!changed)
        return;
    if (which == OWN_TOKEN)
        rc->self.username[0] = '\0';
    own_token_changed(rc, which);
}

uint64_t reconcile_cycle(const struct reconcile *rc)
{
    return rc->sync_cycle;
}

size_t reconcile_in_flight(const struct reconcile *rc)
{
    const struct recover *v = &rc->recover;

    return rc->n_flights - rc->n_landed + (v->restore.stage == RESTORE_SENT);
}

bool reconcile_is_busy(const struct reconcile *rc)
{
    return reconcile_in_flight(rc) || rc->schedule.n_queued || rc->n_waits ||
           rc->obs.stage != OBS_IDLE || rc_recover_is_busy(rc) || rc_replan_is_due(rc);
}

const struct desired *reconcile_desired(const struct reconcile *rc)
{
    return &rc->desired;
}

bool reconcile_is_observed(const struct reconcile *rc)
{
    return rc->obs.ever && rc->obs.complete && !rc->obs.contradicted;
}

bool reconcile_looks_beside(const struct reconcile *rc)
{
    return rc->obs.stage > OBS_TAKING;
}

bool reconcile_deletes_refused(const struct reconcile *rc)
{
    return own_token_refused(rc) != NULL;
}

unsigned reconcile_failed_observations(const struct reconcile *rc)
{
    return rc->obs.attempts;
}
