/* row_index: which row of an array has a key, by the key's hash, in constant time whatever the
 * array's size.
 * In:    hashes and positions; the owner compares the keys themselves.
 * Out:   a position.
 * Never: sees a row. */
#ifndef TENANTD_CORE_ROW_INDEX_H
#define TENANTD_CORE_ROW_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct row_slot {
    uint32_t hash;
    uint32_t at; /* position + 1; 0: never used; ROW_DEAD: removed */
};
struct row_index {
    struct row_slot *slots;
    size_t n_slots; /* a power of two, or 0 */
    size_t n_used;  /* removed ones too */
};
#define ROW_NONE SIZE_MAX

/* Of the three parts of a key. */
uint32_t row_hash(const char *a, const char *b, const char *c);
/* False: no memory, and it is as before. */
bool row_index_add(struct row_index *ix, uint32_t hash, size_t at) MUST_CHECK;
/* The position with that hash of which `is` says that it is the one; ROW_NONE: none. */
size_t row_index_find(const struct row_index *ix, uint32_t hash,
                      bool (*is)(const void *arg, size_t at), const void *arg);
void row_index_remove(struct row_index *ix, uint32_t hash, size_t at);
/* The row has moved within its array. */
void row_index_move(struct row_index *ix, uint32_t hash, size_t from, size_t to);
/* Forget all, and keep the memory: as many can be added again without fail. */
void row_index_clear(struct row_index *ix);
void row_index_deinit(struct row_index *ix);

#endif
