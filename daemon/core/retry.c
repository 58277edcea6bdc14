#include "core/retry.h"

int64_t retry_delay(unsigned attempt, int64_t initial_ms, int64_t max_ms, int64_t retry_after_ms,
                    uint64_t random)
{
    int64_t ceiling = initial_ms;
    int64_t delay;

    while (attempt-- > 1 && ceiling < max_ms)
        ceiling *= 2;
    if (ceiling > max_ms)
        ceiling = max_ms;
    delay = (int64_t)(random % (uint64_t)(ceiling + 1));
    return retry_after_ms > 0 ? retry_after_ms + delay / 2 : delay;
}
