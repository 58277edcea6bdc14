/* quota: what the plan allows, held against what is to be made, before anything is sent in vain.
 * Private to the rooms of the reconciler.
 * In:    the answers about subscription and plans, now and then, and about usage, which says a line
 *        of every database and so waits for the first look, and is not asked for without limits;
 *        the fleet.
 * Out:   which creates would exceed it; a word when usage comes near its limit.
 * Never: blocks by a limit that is not known, or that overages lift. */
#ifndef TENANTD_CORE_QUOTA_H
#define TENANTD_CORE_QUOTA_H

#include "core/fleet.h"

enum spent { SPENT_STORAGE, SPENT_READ, SPENT_WRITTEN, SPENT_SYNCED, SPENT_N };

struct quota {
    bool is_on;
    bool tells_usage;
    bool answered;        /* once at least, whatever it was */
    unsigned outstanding; /* answers of the round under way */
    int64_t next_ms;      /* monotonic */
    struct answer *subscription;
    struct answer *plans;
    int64_t limit[KIND_N]; /* -1: none, or not known */
    char plan[65];
    int64_t spent_limit[SPENT_N]; /* 0: none, or not known */
    bool asks_usage;              /* that is under way */
    int64_t usage_next_ms;        /* monotonic */
    unsigned high;                /* bits of what is near its limit, so that it is said once */
};

struct reconcile;
struct effects;
struct world;

void quota_deinit(struct quota *q);
/* Ask, when it is time. */
void quota_tick(struct reconcile *rc, struct effects *fx);
/* When that is; INT64_MAX: when something else has happened. */
int64_t quota_wake(const struct reconcile *rc);
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
