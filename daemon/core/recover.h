/* recover: bringing back what was deleted. Lists what the platform could restore, when a create or
 * an operator needs to know; restores one thing on an operator's word. Private to the rooms of the
 * reconciler.
 *
 *   asked ─▶ list, page by page ─▶ whole: it counts, and who waits for it is considered again
 *                  │ failed: asked again, ever more seldom   │ refused: nothing is known, said so
 *   restore ─▶ list ─▶ found? ─▶ send ─▶ answered ─▶ observe
 * In:    who needs to know, an operator's word, answers to its own calls.
 * Out:   the last whole list; its next call, when that is due; what came of a restore.
 * Never: restores by itself; shows half a list. */
#ifndef TENANTD_CORE_RECOVER_H
#define TENANTD_CORE_RECOVER_H

#include "core/deleted.h"
#include "core/fleet.h"

struct answer;
struct effects;
struct err;
struct rc_event;
struct reconcile;

/* A listing for each of the first two kinds. */
#define RECOVER_KINDS (KIND_DATABASE + 1)

struct recover_list {
    bool wanted; /* by a create or a restore that waits for it */
    bool due;    /* its next call waits for its turn */
    uint64_t flight;
    int64_t asked_ms; /* the first page */
    int64_t retry_ms;
    unsigned attempts; /* failed in a row */
    int64_t failing_since_ms;
    char *cursor;
    size_t n_pages;
    struct deleted_list next; /* being collected */
    struct deleted_list list; /* the last whole one */
};

enum restore_stage { RESTORE_NONE, RESTORE_LISTING, RESTORE_SENDING, RESTORE_SENT, RESTORE_DONE };

/* One at a time, on an operator's word. */
struct restore {
    enum restore_stage stage;
    enum kind kind;
    char *name;
    char *id; /* NULL: the one deleted last */
    int64_t uid;
    int64_t asked_ms;
    uint64_t flight;
    int rv;          /* DONE */
    int64_t done_ms; /* monotonic: when something was last restored; 0: never */
    char text[512];
};

struct recover {
    char *organization_id; /* NULL: the platform does not say */
    struct recover_list lists[RECOVER_KINDS];
    struct restore restore;
};

/* List anew what was deleted; everything is looked at again once that is known. */
void rc_recover_ask(struct reconcile *rc, enum kind kind);
int rc_restore(struct reconcile *rc, const struct rc_event *ev, struct err *err);
void rc_recover_tick(struct reconcile *rc, struct effects *fx);
bool rc_recover_is_due(const struct reconcile *rc);   /* a call of it waits for its turn */
bool rc_recover_is_busy(const struct reconcile *rc);  /* somebody waits for it */
bool rc_recover_is_stuck(const struct reconcile *rc); /* creates wait for long */
int64_t rc_recover_wake(const struct reconcile *rc);  /* monotonic */
void rc_recover_start(struct reconcile *rc, struct effects *fx); /* the call that is due */
/* False: that was no answer to a call of its own. */
bool rc_recover_absorb(struct reconcile *rc, struct effects *fx, const struct answer *a);
/* Of databases; NULL: the platform has no such list for us. */
const struct deleted_list *rc_recoverable(const struct reconcile *rc);
/* Something was restored, and no look at the platform since can show it. */
bool rc_restore_is_unseen(const struct reconcile *rc);
void rc_recover_deinit(struct reconcile *rc);

#endif
