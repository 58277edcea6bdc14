/* observe_private: what the rooms that look at the platform share. Nobody else includes it. */
#ifndef TENANTD_CORE_OBSERVE_PRIVATE_H
#define TENANTD_CORE_OBSERVE_PRIVATE_H

#include "core/reconcile_private.h"

/* The one under way is over; the next begins then, or now if it was asked for meanwhile. */
void rc_observe_end(struct reconcile *rc, int64_t next_ms);
/* Groups and databases are applied: go on with what else somebody needs, or end. */
void rc_observe_sides(struct reconcile *rc);
/* observe_list.c: copies of what an answer shows. False: no memory. */
bool observe_list_add(struct observation *o, const struct live_db *from) MUST_CHECK;
bool observe_list_groups(struct observation *o, const struct answer *a) MUST_CHECK;
/* A cursor that was seen before would go round for ever. */
bool observe_list_is_seen(struct observation *o, const char *cursor, bool *out_nomem);
/* Sort the lists, and hold them against themselves and each other. Empty text: nothing is wrong.
 * False: no memory. */
bool observe_list_check(struct reconcile *rc, char *why, size_t size) MUST_CHECK;
void observe_list_forget(struct observation *o);
/* file_check.c: look for all token files. */
void rc_check_files(struct reconcile *rc, struct effects *fx);
void rc_observe_side_absorb(struct reconcile *rc, struct effects *fx, const struct answer *a);

#endif
