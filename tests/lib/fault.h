/* fault: fail the n-th allocation, so that every one of a piece of code can have its turn.
 * Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LIB_FAULT_H
#define TENANTD_TESTS_LIB_FAULT_H

#include <stdbool.h>

#include "lib/mem.h"

static long fault_left;
static bool fault_fired;

static bool fault_strikes(void)
{
    fault_fired = fault_fired || fault_left == 1;
    return fault_left > 0 && --fault_left == 0;
}

/* The nth allocation from now fails, and no other. */
static inline void fault_arm(long nth)
{
    fault_left = nth;
    fault_fired = false;
    mem_set_fault(fault_strikes);
}

/* Did it? */
static inline bool fault_disarm(void)
{
    mem_set_fault(NULL);
    return fault_fired;
}

#endif
