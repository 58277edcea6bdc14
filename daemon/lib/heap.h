/* heap: what is due next. An intrusive binary min-heap of times; a node knows its place, so moving
 * and removing one costs O(log n). */
#ifndef TENANTD_LIB_HEAP_H
#define TENANTD_LIB_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct heap_node {
    int64_t at;
    size_t place; /* 1 + index in the heap; 0: in none */
};

struct heap {
    struct heap_node **nodes;
    size_t n;
    size_t capacity;
};

/* Put the node in, or move it, to be due at `at`. False: no memory (a node already in is never
 * refused). */
bool heap_set(struct heap *h, struct heap_node *node, int64_t at) MUST_CHECK;
void heap_remove(struct heap *h, struct heap_node *node); /* idempotent */
struct heap_node *heap_first(const struct heap *h);       /* NULL: empty */
void heap_deinit(struct heap *h);                         /* the nodes are the caller's */

#endif
