/* pack_store: memory for what is packed: very many small pieces, each with no more around it than
 * it needs. They lie one behind the other in pages; what is freed leaves a hole, and a page with
 * nothing else is given back, or filled anew. When there are many holes somebody takes what is left
 * of the loosest page elsewhere.
 * In: sizes. Out: pieces, each a struct packed. Never: moves one, for it knows no owner. */
#ifndef TENANTD_CORE_PACK_STORE_H
#define TENANTD_CORE_PACK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

#define PACKED_SIZE_MAX 32767 /* of its bytes */

struct packed {
    uint32_t entry;     /* 1 + the place of its entry in the manifest; 0: it has none */
    unsigned size : 15; /* of bytes */
    unsigned wakes : 1; /* a time stands behind them */
    unsigned page : 16; /* of the store */
    char bytes[];       /* begin with its name and a NUL */
};

struct pack_page;
struct pack_store {
    struct pack_page **pages; /* NULL: a place without one */
    size_t n_pages;
    size_t capacity;
    size_t filling; /* 1 + the place of the one where the next piece goes; 0: none */
    size_t used;    /* bytes of all pages up to where they are filled */
    size_t live;    /* of them, what is no hole */
};

/* With size and wakes as told, and no entry. NULL: no memory. */
struct packed *pack_store_take(struct pack_store *s, size_t size, bool wakes) MUST_CHECK;
void pack_store_free(struct pack_store *s, struct packed *p); /* takes NULL */
/* A quarter is holes: the page that has the most of them. */
bool pack_store_loosest(struct pack_store *s, size_t *page);
/* The first piece of a page (after: NULL), or the one behind another; NULL: that was the last. */
struct packed *pack_store_next(const struct pack_store *s, size_t page, const struct packed *after);
void pack_store_deinit(struct pack_store *s);

/* The first time at which it or a token of it is due; INT64_MAX: never, and all that one without
 * `wakes` can be told. */
int64_t packed_wake(const struct packed *p);
void packed_set_wake(struct packed *p, int64_t ms);

#endif
