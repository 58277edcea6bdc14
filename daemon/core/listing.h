/* listing: one page of databases or groups, read as it arrives. An element is parsed and dropped
 * before the next one, so that memory is what is kept and not what came.
 * In:    bytes in pieces of any size.
 * Out:   the page's things in the answer's arena, or an error: never a part of a page.
 * Never: a tree of the whole; an element that is not understood and passed over. */
#ifndef TENANTD_CORE_LISTING_H
#define TENANTD_CORE_LISTING_H

#include "core/call.h"
#include "lib/err.h"

struct listing;

/* `kind`: one of the ..._LIST. `cursor`: that of the page asked for, or NULL;
 * copied. `into` is borrowed until listing_free. NULL: no memory. */
struct listing *listing_new(enum call_kind kind, const char *cursor,
                            struct answer *into) MUST_CHECK;
/* -ERR_INVALID: not a page, or one that holds a thing twice. -ERR_LIMIT, -ERR_NOMEM. Nothing may
 * follow an error. */
int listing_feed(struct listing *l, const char *data, size_t size, struct err *err) MUST_CHECK;
/* The body is complete: fill in `into`. -ERR_INVALID: the document is not, or leads back to where
 * it came from. */
int listing_end(struct listing *l, struct err *err) MUST_CHECK;
void listing_free(struct listing *l);

#endif
