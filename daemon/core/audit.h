/* audit: the platform's log of who did what, followed. Pages come newest first and shift while they
 * are read, so an entry is known again by what it says. Private to the rooms of the reconciler.
 * In:    pages of the log, once an interval.
 * Out:   what is new, for the shell; an event where somebody else touched what is ours.
 * Never: acts. A plan without the log is asked again in a day, and is no problem. */
#ifndef TENANTD_CORE_AUDIT_H
#define TENANTD_CORE_AUDIT_H

#include "core/report.h"

#define AUDIT_PAGES 100 /* of one round */

struct audit_seen {
    uint64_t hash;
    int64_t at_ms;
};

struct audit {
    bool is_on;
    bool is_reading;
    int64_t next_ms;         /* monotonic */
    int64_t floor_ms;        /* wall clock: entries up to then are known; 0: none was ever read */
    struct audit_seen *seen; /* those behind it */
    size_t n_seen;
    size_t seen_capacity;
    struct answer *pages[AUDIT_PAGES]; /* of the round under way */
    unsigned n_pages;
    char author[65];   /* whose API token is ours, as an act of ours has shown; "" */
    bool refused_said; /* that it cannot be had */
};

struct reconcile;
struct effects;

void audit_deinit(struct audit *a);
/* Before the first step: a row of `meta`. */
void audit_load(struct reconcile *rc, const char *key, const char *value);
/* Ask, when it is time. */
void audit_tick(struct reconcile *rc, struct effects *fx);
/* Takes a. */
void audit_absorb(struct reconcile *rc, struct effects *fx, struct answer *a);

#endif
