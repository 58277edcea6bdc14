/* guest: somebody else's databases in groups of ours that are to go, or that nobody names: the
 * platform's delete of a group would take them along. One that was seen there is remembered over
 * a restart, until a read by its name finds it gone: a list that shows it no more may lie.
 * (Within one life its record does.)
 * In:    what looks and reads have shown, rows of `meta`.
 * Out:   rows of `meta`, databases that are to be read by name.
 * Never: forgets one because it is not listed. */
#ifndef TENANTD_CORE_GUEST_H
#define TENANTD_CORE_GUEST_H

#include <stdbool.h>
#include <stddef.h>

struct reconcile;
struct effects;
struct group;

struct guest {
    char *name;
    char *group;
};
struct guests {
    struct guest *items;
    size_t n;
    size_t capacity;
};

/* It is ours, and is to go; or nobody names it, and it may be to go next. */
bool guest_group_may_go(const struct group *g);
/* One is remembered to live there. */
bool guests_in(const struct guests *l, const char *group);
void guests_deinit(struct guests *l);

/* Before the first step: a row of `meta`. False: no memory. */
bool rc_guests_load(struct reconcile *rc, const char *key, const char *value);
/* A look was taken over, and the manifest is known. */
void rc_guests_look(struct reconcile *rc, struct effects *fx);
/* It was read by name to be gone. */
void rc_guest_gone(struct reconcile *rc, struct effects *fx, const char *name);

#endif
