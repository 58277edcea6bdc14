/* observe: one look at everything: the organization, the groups, every page of the databases. What
 * is collected counts only as a whole; a look that failed changes nothing. Private to the rooms of
 * the reconciler.
 *
 *   idle ─▶ organization ─▶ groups ─▶ databases, by pages ─▶ check ─▶ take over ─▶ sides ─▶ idle
 *     ▲         │ any failure, any contradiction: thrown away, tried again later │
 * In:    answers to its calls, and reads by name that speak against its lists.
 * Out:   what is live, on every record, and whether that is complete.
 * Never: decides; takes half a look, or a list that failed, for the whole. */
#ifndef TENANTD_CORE_OBSERVE_H
#define TENANTD_CORE_OBSERVE_H

#include "core/decide.h"
#include "core/rows.h"
#include "lib/hash_set.h"

struct answer;
struct effects;
struct reconcile;

enum obs_stage {
    OBS_IDLE,
    OBS_ORGANIZATION,
    OBS_GROUPS,
    OBS_DATABASES,
    OBS_TAKING, /* all was shown, and is being taken over */
    OBS_USER,   /* this and what follows: when what stands before is applied, and if it is needed */
    OBS_API_TOKENS,
    OBS_INVITES, /* before members: who accepts in between is in both lists */
    OBS_MEMBERS,
    OBS_STAGES
};

/* A group that is said of databases, and the first of these by name. */
struct homeless {
    const char *group;
    const char *name;
};

struct observation {
    enum obs_stage stage;
    uint64_t flight;   /* the call under way; 0: none */
    bool due;          /* the next call of the stage waits for its turn */
    uint64_t cycle;    /* number of the one under way, or of the last */
    uint64_t answered; /* last cycle that ended, whatever came of it */
    bool again;        /* asked for while one was under way */
    int64_t next_ms;   /* monotonic */
    unsigned attempts; /* failed in a row */
    int64_t started_ms;
    int64_t sent_ms;           /* the call under way */
    bool side_failed;          /* a list that only some need could not be had this time */
    unsigned side_attempts;    /* cycles in a row in which that was so */
    struct arena arena;        /* owns what is collected */
    struct live_group *groups; /* sorted by name */
    size_t n_groups;
    size_t *n_shown;           /* by group: databases that are shown in it just as they are known */
    size_t n_databases;        /* shown, in all */
    struct rows rows;          /* those of which more has to be known than that they are shown */
    bool has_new;              /* of some of these there was no record */
    struct hash_set ids;       /* of all that are shown */
    struct hash_set names;     /* of those in `rows` */
    const char *twice_name;    /* the first by name that is shown twice; NULL: none */
    const char *twice_id;      /* likewise by id */
    struct homeless *homeless; /* groups that the list of groups does not show */
    size_t n_homeless;
    size_t homeless_capacity;
    const char *cursor;
    uint64_t *cursors; /* hashes of those seen */
    size_t n_cursors;
    size_t cursors_capacity;

    /* while it is taken over: */
    char *taken_to;       /* the name of the first that was not looked at for being absent */
    size_t next_suspects; /* as `suspects` */
    enum kind hidden_kind;
    char *hidden; /* what shows that its list lies; NULL: nothing does */

    bool complete;     /* the last one */
    bool contradicted; /* by a read since */
    bool placeless;    /* the last one showed a database without saying its group */
    size_t
        suspects; /* things of ours that it did not show and that were not yet asked for by name */
    bool ever;
    int64_t completed_ms;
    int64_t completed_wall_ms;
    int64_t before_ms; /* the complete one before that; 0: none */
    int64_t before_wall_ms;
    unsigned contradictions; /* in a row */
    char error[320];         /* why the last one was not complete; "" */
};

/* observe_take.c: the next slice of what was shown: so many, at most. Nothing is decided until all
 * is taken over. */
void rc_take_slice(struct reconcile *rc, struct effects *fx, size_t left);
/* It was asked for by name. found: it is there, and if it was a suspect, the list has lied. */
void rc_not_suspect(struct reconcile *rc, struct effects *fx, const struct resource *r,
                    uint64_t *suspect, bool found);

/* observe.c */
void rc_observe(struct reconcile *rc); /* ask for an observation, now */
void rc_observe_start(struct reconcile *rc,
                      struct effects *fx); /* the next call of the one under way */
void rc_observe_deinit(struct reconcile *rc);
void rc_observe_absorb(struct reconcile *rc, struct effects *fx, struct answer *a);
/* The platform refuses the API token: nothing is written until a read of the organization succeeds.
 */
void rc_unauthorized(struct reconcile *rc, struct effects *fx, const struct answer *a);
/* A read has shown that the last list lied. */
void rc_contradict(struct reconcile *rc, struct effects *fx, const char *kind, const char *name);
/* All that it did not show is read to be gone. */
void rc_uncontradicted(struct reconcile *rc, struct effects *fx);

/* observe_side.c */
/* A list that only some kinds need could not be read. */
void rc_side_failed(struct reconcile *rc, struct effects *fx, enum side side,
                    const struct answer *a);
/* It contradicts what is known: "the list of members shows ... twice". */
void rc_side_lies(struct reconcile *rc, struct effects *fx, enum side side, const char *fmt,
                  const char *what);
/* It was read, whole. */
void rc_side_read(struct reconcile *rc, struct effects *fx, enum side side, int64_t sent_ms);

#endif
