/* fault: fail the n-th allocation, of ours or of json-c and libyaml, so that every one of a piece
 * of code can have its turn. Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LIB_FAULT_H
#define TENANTD_TESTS_LIB_FAULT_H

#include <stdbool.h>

#include "lib/mem.h"

/* fault_libs.c; not there where the libraries are as ever. */
extern bool (*fault_of_libs)(void) __attribute__((weak));

/* Who is asked before each allocation, of ours and of theirs; NULL: none fails. */
static inline void fault_set(bool (*should_fail)(void))
{
    mem_set_fault(should_fail);
    if (&fault_of_libs)
        fault_of_libs = should_fail;
}

static long fault_left;
static bool fault_fired;

static inline bool fault_strikes(void)
{
    fault_fired = fault_fired || fault_left == 1;
    return fault_left > 0 && --fault_left == 0;
}

/* The nth allocation from now fails, and no other. */
static inline void fault_arm(long nth)
{
    fault_left = nth;
    fault_fired = false;
    fault_set(fault_strikes);
}

/* Did it? */
static inline bool fault_disarm(void)
{
    fault_set(NULL);
    return fault_fired;
}

#endif
