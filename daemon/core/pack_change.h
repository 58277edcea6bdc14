/* pack_change: what one record became, when it was opened, changed and packed, is what others like
 * it become.
 * In:    what one was packed into before and after; another one.
 * Out:   what that is after the same change, without opening it.
 * Never: more than shape and form are exchanged, and they for those that were packed in full. */
#ifndef TENANTD_CORE_PACK_CHANGE_H
#define TENANTD_CORE_PACK_CHANGE_H

#include "core/pack_store.h"

/* The numbers of the database's shape and form. */
struct pack_kind {
    size_t shape;
    size_t form;
};
struct pack_change {
    bool is_known;
    struct pack_kind before;
    struct pack_kind after;
};

/* If nothing but these two were changed, that is the change from now on. */
void pack_change_learn(struct pack_change *c, const struct packed *was, const struct packed *is);
/* The same piece, or another one, and then that is freed; the same entry and wake. NULL: it is of
 * another kind, no change is known, or no memory, and it is as it was. */
struct packed *pack_change_make(const struct pack_change *c, struct pack_store *store,
                                struct packed *p) MUST_CHECK;

#endif
