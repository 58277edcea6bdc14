/* ask: reads that belong to no record: what an operator asks the platform for, an export's
 * configurations, the audit log, the plan's limits. They stand in one line behind every lane, go
 * out under the same rate and concurrency, and one in eight starts is theirs.
 * In:    calls with the ticket of who asked.
 * Out:   the same calls, when it is their turn; their answers go back by ticket.
 * Never: writes. */
#ifndef TENANTD_CORE_ASK_H
#define TENANTD_CORE_ASK_H

#include "core/call.h"
#include "lib/err.h"

/* Tickets below ASK_SHELL are the reconciler's own rooms. */
enum ask_ticket { ASK_NOBODY, ASK_QUOTA, ASK_AUDIT, ASK_OWN_TOKEN, ASK_OWN_RIGHTS, ASK_SHELL = 16 };

struct ask_line {
    struct call **calls; /* [first..n) wait */
    size_t first;
    size_t n;
    size_t capacity;
    unsigned passed_over; /* starts since the last of ours, while one waited */
};

static inline bool ask_waits(const struct ask_line *l)
{
    return l->first < l->n;
}

/* Put a read at the end of the line. Takes c, NULL too. False: no memory. */
bool ask_add(struct ask_line *l, struct call *c) MUST_CHECK;
/* The same for who asks from outside. -ERR_NOT_READY: LIMIT_ASKS wait already; -ERR_NOMEM. */
int ask_take(struct ask_line *l, struct call *c, struct err *err) MUST_CHECK;
/* Is it this line's turn, when others wait too? Counts the asking. */
bool ask_turn(struct ask_line *l, bool others_wait);
/* Take the first one, the caller's. The line must not be empty. */
struct call *ask_pop(struct ask_line *l) MUST_CHECK;
void ask_deinit(struct ask_line *l);

#endif
