/* delay: answers that wait for their moment.
 * In:    things and when they are due, on the monotonic clock.
 * Out:   the next one, soonest first.
 * Never: owns what waits. */
#ifndef TENANTD_EMULATOR_DELAY_H
#define TENANTD_EMULATOR_DELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct delay {
    int64_t due_ns;
    void *what;
};
struct delays {
    struct delay *heap;
    size_t n, capacity;
};

bool delays_add(struct delays *d, int64_t due_ns, void *what) MUST_CHECK;
/* The soonest one that is due by `now_ns`, removed; NULL: none is. */
void *delays_take(struct delays *d, int64_t now_ns);
/* When the soonest is due; INT64_MAX: nothing waits. */
int64_t delays_next(const struct delays *d);
void delays_deinit(struct delays *d);

#endif
