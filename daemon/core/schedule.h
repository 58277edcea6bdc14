/* schedule: what goes next, and whether it may go now. Lanes by urgency, a ceiling on calls in
 * flight that follows what the platform bears, a rate, a pause for all when the platform asks for
 * one, and the heap of times. All times are monotonic ms.
 * In:    records, times, outcomes.
 * Out:   the next record to act on, or when to ask again.
 * Never: clocks, calls. */
#ifndef TENANTD_CORE_SCHEDULE_H
#define TENANTD_CORE_SCHEDULE_H

#include "core/call.h"
#include "core/fleet.h"
#include "core/pace.h"

/* In order of urgency; see schedule_pop. */
enum lane {
    LANE_RENEW,   /* a token near its expiry */
    LANE_LIFT,    /* a fence that must come down */
    LANE_RESOLVE, /* what happened to a call without an answer */
    LANE_FINISH,  /* what a thing that was made still lacks: configuration, tokens */
    LANE_CREATE,  /* groups, databases */
    LANE_UPDATE,
    LANE_REMOVE,
    LANE_SWEEP, /* readings that nobody waits for */
    LANE_N
};

/* How long calls of one kind take, to see a platform that begins to queue them. */
struct delay {
    double smooth_ms; /* of the last ten or so; 0: none yet */
    int64_t least_ms; /* in the half minute that runs, and in the one before; 0: none yet */
    int64_t least_before_ms;
    int64_t mark_ms;
};

struct schedule {
    struct list lanes[LANE_N];
    size_t n_in[LANE_N];
    size_t n_queued; /* in all of them */
    unsigned popped; /* counts, so that low lanes get every eighth place */
    struct heap wakes;
    unsigned in_flight;
    unsigned ceiling;  /* api.concurrency */
    double window;     /* what the platform bears, 1..ceiling */
    int64_t shrunk_ms; /* when the window last shrank: once a round trip is enough */
    struct delay delays[CALL_N];
    unsigned rate; /* api.rate, calls a second; 0: no limit */
    struct pace pace;
    double credit; /* calls that may start now */
    int64_t credit_ms;
    int64_t pause_until_ms;
    unsigned failures;  /* calls that failed in a row; enough of them pause everything */
    uint64_t throttled; /* answers that asked to slow down, since the start */
};

void schedule_init(struct schedule *s, unsigned concurrency, unsigned rate, int64_t now_ms);
void schedule_deinit(struct schedule *s);
/* New limits; what is queued stays. */
void schedule_limit(struct schedule *s, unsigned concurrency, unsigned rate);

/* Queue a record at the end of a lane; one that is queued already moves only to a more urgent
 * lane's end. */
void schedule_queue(struct schedule *s, struct resource *r, enum lane lane);
/* Take the next record off its lane. NULL: nothing is queued. */
struct resource *schedule_pop(struct schedule *s);
/* Take a record out of lanes and heap. */
void schedule_forget(struct schedule *s, struct resource *r);

/* May a call start now? Else *again_ms is when to ask again (INT64_MAX: when one in flight ends).
 */
bool schedule_may_start(struct schedule *s, int64_t now_ms, int64_t *again_ms);
void schedule_started(struct schedule *s);
/* The one that was just started has a place of its own: it takes nobody's, and is never said to
 * have finished. */
void schedule_set_aside(struct schedule *s);
/* A call ended. THROTTLED and UNAVAILABLE shrink the window, and so do calls that take ever longer;
 * THROTTLED slows the pace, too; a Retry-After pauses everything. None of that of a call that is
 * not the platform's to answer. */
void schedule_finished(struct schedule *s, const struct answer *a, int64_t now_ms);

/* Look at a record again at that time; an earlier one stands. False: no memory. */
bool schedule_wake(struct schedule *s, struct resource *r, int64_t at_ms) MUST_CHECK;
/* Take off the heap a record that is due. NULL: none. */
struct resource *schedule_due(struct schedule *s, int64_t now_ms);
/* When the first on the heap is due; INT64_MAX: never. */
int64_t schedule_next_wake(const struct schedule *s);

#endif
