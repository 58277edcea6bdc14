/* observe_private: what the rooms that look at the platform share. Nobody else includes it. */
#ifndef TENANTD_CORE_OBSERVE_PRIVATE_H
#define TENANTD_CORE_OBSERVE_PRIVATE_H

#include "core/reconcile_private.h"

/* The one under way is over; the next begins then, or now if it was asked for meanwhile. */
void rc_observe_end(struct reconcile *rc, int64_t next_ms);
/* Groups and databases are applied: go on with what else somebody needs, or end. */
void rc_observe_sides(struct reconcile *rc);
/* observe_list.c: what an answer shows; the rows of a page are put in order. False: no memory. */
bool observe_list_groups(struct reconcile *rc, const struct answer *a) MUST_CHECK;
bool observe_list_page(struct reconcile *rc, struct answer *a) MUST_CHECK;
/* A cursor that was seen before would go round for ever. */
bool observe_list_is_seen(struct observation *o, const char *cursor, bool *out_nomem);
/* The lists held against themselves and each other; why they cannot be true. */
bool observe_list_is_true(const struct reconcile *rc, char *why, size_t size) MUST_CHECK;
void observe_list_forget(struct reconcile *rc);
/* observe_take.c: all pages are there, and nothing is wrong with them. */
void observe_take_begin(struct reconcile *rc, struct effects *fx);
/* observe.c: all is taken over: from now on this is the last look. */
void observe_taken(struct reconcile *rc, struct effects *fx);
/* file_check.c: look for all token files. */
void rc_check_files(struct reconcile *rc, struct effects *fx);
void rc_observe_side_absorb(struct reconcile *rc, struct effects *fx, const struct answer *a);

#endif
