/* observe_private: what the rooms that look at the platform share. Nobody else includes it. */
#ifndef TENANTD_CORE_OBSERVE_PRIVATE_H
#define TENANTD_CORE_OBSERVE_PRIVATE_H

#include "core/reconcile_private.h"

/* The one under way is over; the next begins then, or now if it was asked for meanwhile. */
void rc_observe_end(struct reconcile *rc, int64_t next_ms);
/* Groups and databases are applied: go on with what else somebody needs, or end. */
void rc_observe_sides(struct reconcile *rc);
/* file_check.c: look for all token files. */
void rc_check_files(struct reconcile *rc, struct effects *fx);
void rc_observe_side_absorb(struct reconcile *rc, struct effects *fx, const struct answer *a);

#endif
