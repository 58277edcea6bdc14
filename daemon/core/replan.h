/* replan: everything is looked at again, a slice in each turn of the loop, so that no turn is long.
 * Private to the rooms of the reconciler.
 *
 *   begin ─▶ note: record by record ─▶ guard ─▶ consider: record by record ─▶ end
 *     ▲               │                               │
 *     └───────────────┴── rc->replan: anew, from the first ──┘
 *
 * What the manifest says is noted of all, and what all want is added up; then the guard is asked;
 * then each record hears what it said, and is decided about. One at rest that asks the guard
 * nothing, and is as it should be, is decided about as it is noted.
 * In:    the fleet, the manifest, the policy, what was done and said lately.
 * Out:   rows, decisions, records in the queues.
 * Never: begins a call; lets one begin before the guard has answered (reconcile.c: pump). */
#ifndef TENANTD_CORE_REPLAN_H
#define TENANTD_CORE_REPLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reconcile;
struct effects;
struct world;
struct desired;
struct resource;
struct database;
struct group;
struct api_token;
struct member;

enum pass_stage { PASS_NONE, PASS_NOTE, PASS_CONSIDER };

/* Of the guard, by all together. */
struct wants {
    size_t owned; /* databases */
    size_t removals;
    size_t approved; /* removals that were, and have not begun to count yet */
    size_t updates;
    size_t approved_updates;
    size_t creates;
    size_t approved_creates;
    size_t fences;  /* that are not up yet: how much is ours decides what they want */
    size_t uploads; /* to databases that may be drafts */
};

/* A look at everything. */
struct pass {
    enum pass_stage stage;
    char *next;     /* the name of the database that is its turn; NULL: the first one's */
    unsigned begun; /* in a row, of which none has come to its end */
    bool again;     /* when it has ended: what changed meanwhile concerns others only */
    uint64_t cycle; /* the observation that was answered last when one ended last */
    size_t present; /* databases */
    struct wants wants;
    bool removals_ok; /* what the guard said of them */
    bool updates_ok;
    bool creates_ok;
    int64_t room; /* databases that the plan allows yet; -1: not known */
    size_t unmanaged;
    size_t left_behind;
    bool sweeps; /* somebody goes */
};

/* replan.c */
void rc_world(const struct reconcile *rc, struct world *out);
/* A slice of it, if it is wanted or under way. */
void rc_replan(struct reconcile *rc, struct effects *fx);
/* To its end: somebody is to see the whole. */
void rc_replan_whole(struct reconcile *rc, struct effects *fx);
bool rc_replan_is_due(const struct reconcile *rc); /* wanted, or under way */
/* What is decided is older than what is known. */
bool rc_is_stale(const struct reconcile *rc);
/* Others may have waited for this; what the guard was asked about is as it was: a pass that is
 * under way goes on, and is followed by another one. */
void rc_replan_after(struct reconcile *rc);

/* replan_note.c */
void rc_note_database(struct reconcile *rc, struct effects *fx, struct database *d,
                      const struct world *w);
void rc_note_group(struct reconcile *rc, struct effects *fx, struct group *g);
void rc_note_api_token(struct reconcile *rc, struct effects *fx, struct api_token *a);

/* replan_guard.c */
/* It was noted: add what it wants. True: the guard is asked about it, or has an answer of before;
 * it stays whole until it has heard the new one. */
bool rc_asks_guard(struct reconcile *rc, const struct world *w, struct database *d);
/* When all were noted: ask about all of them, and tell all but the databases. */
void rc_ask_guard(struct reconcile *rc, struct effects *fx, const struct world *w);
/* Once the guard has been asked in this pass, before anything is decided about a database: it hears
 * what was said. */
void rc_hear_guard(struct reconcile *rc, struct effects *fx, struct database *d);
/* It wants an update, or to be made, and the guard has not been asked about that. */
bool rc_want_is_new(const struct reconcile *rc, const struct world *w, struct database *d);
/* One thing less is ours, which the guard goes by. */
void rc_disowned(struct reconcile *rc);

/* replan_steady.c */
/* Of what is in the manifest beside databases' entries: part of the next. */
uint64_t rc_manifest_digest(const struct desired *d);
uint64_t rc_world_digest(const struct reconcile *rc);
/* Monotonic, until when what was decided about it stands; 0: it is looked at each time. */
int64_t rc_stands_until(const struct reconcile *rc, const struct database *d);
bool rc_stands(const struct reconcile *rc, size_t at);

/* replan_member.c */
void rc_note_member(struct reconcile *rc, struct effects *fx, struct member *m);
bool rc_member_open(const struct reconcile *rc, const struct member *m); /* nobody said yes or no */
void rc_ask_member(struct reconcile *rc, struct effects *fx, const struct world *w,
                   struct member *m, bool allowed);

#endif
