/* retry: how long to wait before the same again. Exponential, capped, with full jitter, and never
 * sooner than the platform asked for. In: attempt, limits, a random number. Out: milliseconds. */
#ifndef TENANTD_CORE_RETRY_H
#define TENANTD_CORE_RETRY_H

#include <stdint.h>

/* attempt: how many tries have failed, from 1. retry_after_ms: -1 when the platform did not say.
 * random: uniform over all 64 bits. Full jitter after Brooker, "Exponential Backoff And Jitter"
 * (2015). */
int64_t retry_delay(unsigned attempt, int64_t initial_ms, int64_t max_ms, int64_t retry_after_ms,
                    uint64_t random);

#endif
