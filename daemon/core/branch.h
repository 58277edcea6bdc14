/* branch: databases that are to go one day (`expires`): those that go soon, and those that stayed.
 * Private to the rooms of the reconciler.
 * In:    records. Out: a word for people; an event.
 * Never: decides. */
#ifndef TENANTD_CORE_BRANCH_H
#define TENANTD_CORE_BRANCH_H

#include <stdbool.h>
#include <stddef.h>

struct reconcile;
struct effects;
struct database;

/* Why one of ours, that was to be there for a while alone, may be there for nothing: it has expired
 * and is kept, its entry is gone, or what it is a copy of. False: it is not so. */
bool branch_is_left(const struct reconcile *rc, const struct database *d, char *out, size_t size);
/* Say, once, that it expires within a day. */
void branch_remind(struct reconcile *rc, struct effects *fx, struct database *d);

#endif
