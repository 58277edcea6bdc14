/* rows: what a list of databases showed, in few bytes, in the order in which it came.
 * In:    rows of pages.
 * Out:   the same rows, one after the other, and their memory given back as they go by.
 * Never: judges them. */
#ifndef TENANTD_CORE_ROWS_H
#define TENANTD_CORE_ROWS_H

#include "core/call.h"
#include "core/limits.h"
#include "lib/arena.h"

struct rows_block;
struct rows_at {
    struct rows_block *block;
    size_t offset;
};
struct rows {
    struct rows_block *first;
    struct rows_block *last;
    struct rows_at at;   /* the next one to be taken */
    struct arena shared; /* texts that many rows have */
    char hostname[LIMIT_LIVE_TEXT_BYTES + 1];
    size_t n; /* not taken yet */
};

/* Behind the others; texts copied. False: no memory. */
bool rows_add(struct rows *r, const struct live_db *row) MUST_CHECK;
/* The names of the next ones, up to `most`, without taking any: borrowed until they are taken.
 * Returns how many. */
size_t rows_names(const struct rows *r, const char **out, size_t most);
/* The next one, whose texts are good until the one after it is taken. False: there is none. */
bool rows_take(struct rows *r, struct live_db *out);
void rows_deinit(struct rows *r);

#endif
