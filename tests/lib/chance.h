/* chance: numbers for tests that do things at random, and come again from the same state.
 * In:    a state, any number at first. Out: another one, and what falls. Never: real chance. */
#ifndef TENANTD_TESTS_LIB_CHANCE_H
#define TENANTD_TESTS_LIB_CHANCE_H

#include <stdint.h>

/* 0 to n - 1; Knuth's MMIX generator, of which the upper bits are good. */
static inline unsigned chance_below(uint64_t *state, unsigned n)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33) % n;
}

#endif
