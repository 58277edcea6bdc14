/* store_load: rows out of the ledger.
 * In:    an open store, what to read.
 * Out:   one row after the other to a callback; nothing is held when the call returns.
 * Never: writes. */
#ifndef TENANTD_IO_STORE_LOAD_H
#define TENANTD_IO_STORE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ledger.h"
#include "lib/base.h"
#include "lib/err.h"

struct store;

/* `row` is the table's struct; it and its texts are borrowed until the callback returns. The
 * callback must not use the store. It returns 0 to go on, or -ERR_x with `err` set to end the
 * reading, which the call then returns. */
typedef int (*store_row_fn)(void *arg, enum ledger_table t, const void *row, struct err *err);

/* Every row of every table but the events, a table at a time, sorted by key.
 * -ERR_CORRUPT, -ERR_LOCKED, -ERR_IO, -ERR_NOMEM, or what the callback said. */
int store_load(struct store *s, store_row_fn row, void *arg, struct err *err) MUST_CHECK;

struct store_events_query {
    int64_t since_seq; /* only later ones; 0: all */
    const char *kind;  /* NULL: any */
    const char *name;  /* NULL: any; needs a kind */
    size_t limit;      /* 0: none */
    bool last;         /* the last `limit` of them instead of the first */
};
/* Events in the order they happened. Errors as store_load. */
int store_load_events(struct store *s, const struct store_events_query *q, store_row_fn row,
                      void *arg, struct err *err) MUST_CHECK;

/* The value of one meta row, the caller's; NULL when there is none. */
int store_load_meta(struct store *s, const char *key, char **out, struct err *err) MUST_CHECK;

#endif
