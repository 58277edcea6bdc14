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

/* Any 64 bits; Vigna's splitmix64. */
static inline uint64_t chance_word(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

#endif
