/* hash_set: a set of 64-bit hashes, in twelve bytes each where room was reserved for as many.
 * In: hashes, spread well or not. Out: whether one was there before.
 * Never: sees what was hashed; two things of one hash are one to it. */
#ifndef TENANTD_LIB_HASH_SET_H
#define TENANTD_LIB_HASH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct hash_set {
    uint64_t *slots; /* 0: free */
    size_t n_slots;
    size_t n;
};

/* Room for n in all, so that no addition up to then has to move the others. False: no memory. */
bool hash_set_reserve(struct hash_set *s, size_t n) MUST_CHECK;
/* had: it was there. False: no memory, and the set is as before. */
bool hash_set_add(struct hash_set *s, uint64_t hash, bool *had) MUST_CHECK;
/* It is about to be added: where it goes is fetched meanwhile. */
void hash_set_fetch(const struct hash_set *s, uint64_t hash);
bool hash_set_has(const struct hash_set *s, uint64_t hash);
void hash_set_deinit(struct hash_set *s);

#endif
