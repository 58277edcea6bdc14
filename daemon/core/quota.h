/* quota: what the plan allows, held against what is to be made, before anything is sent in vain.
 * Private to the rooms of the reconciler.
 * In:    the answers about subscription, plans and usage, now and then; the fleet.
 * Out:   which creates would exceed it; a word when usage comes near its limit.
 * Never: blocks by a limit that is not known, or that overages lift. */
#ifndef TENANTD_CORE_QUOTA_H
#define TENANTD_CORE_QUOTA_H

#include "core/fleet.h"

struct quota {
    bool is_on;
    bool answered;        /* once at least, whatever it was */
    unsigned outstanding; /* answers of the round under way */
    int64_t next_ms;      /* monotonic */
    struct answer *subscription;
    struct answer *plans;
    struct answer *usage;
    int64_t limit[KIND_N]; /* -1: none, or not known */
    char plan[65];
    unsigned high; /* bits of what is near its limit, so that it is said once */
};

struct reconcile;
struct effects;
struct world;

void quota_deinit(struct quota *q);
/* Ask, when it is time. */
void quota_tick(struct reconcile *rc, struct effects *fx);
/* Ask soon: an operator wants things tried again. */
void quota_again(struct reconcile *rc);
/* Takes a. */
void quota_absorb(struct reconcile *rc, struct effects *fx, struct answer *a);
/* Nothing is known yet, and the first answers are still to come. */
bool quota_is_awaited(const struct quota *q);
/* Note on each record that is wanted and not there whether the plan has room for it. What is there,
 * whosesoever it is, takes its room first, then those that come first. */
void quota_groups(struct reconcile *rc);
/* For how many databases there is room beside those that are there; -1: it is not known. */
int64_t quota_room(const struct reconcile *rc, size_t present);
void quota_database(const struct world *w, struct database *d, int64_t *room);

#endif
