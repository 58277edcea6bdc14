/* own_rights: what the tokens that the daemon runs with may do, asked at the start and once a day:
 * a token that may do far more than it needs is said, and one that may not do what the manifest
 * asks for, before that hurts. Private to the rooms of the reconciler.
 * In:    the platform's answers about the user and their tokens; the manifest.
 * Out:   a problem to show, events.
 * Never: the tokens themselves; a guess where the platform does not say. */
#ifndef TENANTD_CORE_OWN_RIGHTS_H
#define TENANTD_CORE_OWN_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"

/* As the platform lists a token. */
struct own_right {
    bool is_known;
    bool is_unrestricted;             /* for every organization of its user */
    char group[LIMIT_NAME_BYTES + 1]; /* the only one that it is for; "": it is for all */
    char scopes[256];                 /* with a group: ",db:create,read," */
};

struct own_rights {
    unsigned outstanding; /* answers that are still to come */
    bool has_failed;      /* one could not be had */
    int64_t next_ms;      /* monotonic */
    char username[128];
    char role[16];       /* in the organization; "": not known */
    bool members_hidden; /* from one for a group, and from whoever is no admin */
    struct own_right token;
    struct own_right delete_token;
    char lacks[512]; /* what of the manifest may not be done; "": nothing is known of */
    int64_t lacks_wall_ms;
};

struct reconcile;
struct effects;

/* Ask, when it is time. */
void own_rights_tick(struct reconcile *rc, struct effects *fx);
int64_t own_rights_wake(const struct reconcile *rc); /* monotonic */
/* Takes a. */
void own_rights_absorb(struct reconcile *rc, struct effects *fx, struct answer *a);
/* A token is another one. */
void own_rights_changed(struct reconcile *rc);
/* The manifest or the configuration is another one: is it more than they may do? */
void own_rights_look(struct reconcile *rc, struct effects *fx);

#endif
