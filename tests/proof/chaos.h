/* chaos: one seeded schedule: a fleet, and everything that can happen to it, in virtual time. The
 * rules of sim_check hold after every step; in the end the faults stop, and all has to settle.
 * In:    a seed. Out: the first broken rule, a transcript, a tally of what was reached.
 * Never: chance that does not come from the seed. */
#ifndef TENANTD_TESTS_PROOF_CHAOS_H
#define TENANTD_TESTS_PROOF_CHAOS_H

#include "tests/lib/sim.h"

#define MINUTE_MS (60 * 1000)

#define MODEL_GROUPS    3
#define MODEL_DATABASES 6
#define MODEL_FILES     4
#define MODEL_SEEDS     2
#define MODEL_PEOPLE    3
#define MODEL_KEYS      2 /* API tokens */

#define MODEL_GROUP_GIVEN_UP 1 /* by operator_gives_up_group, if there is nothing in it */

/* What is counted of all schedules: the history's events by their names, and what the simulation
 * itself does. A proof that never reached one of these proves nothing of it. */
/* clang-format off: a table */
#define REACHED(X)                                                                                 \
    X(SCHEDULES, "schedules")                                                                      \
    X(STEPS, "steps")                                                                              \
    X(CALLS, "calls")                                                                              \
    X(CRASHES, "crashes")                                                                          \
    X(SETTLED, "settled in the end")                                                               \
    X(Created, "Created")                                                                          \
    X(Updated, "Updated")                                                                          \
    X(DriftCorrected, "DriftCorrected")                                                            \
    X(Adopted, "Adopted")                                                                          \
    X(Released, "Released")                                                                        \
    X(Fenced, "Fenced")                                                                            \
    X(Unfenced, "Unfenced")                                                                        \
    X(FenceLifted, "FenceLifted")                                                                  \
    X(Deleting, "Deleting")                                                                        \
    X(Removed, "Removed")                                                                          \
    X(Missing, "Missing")                                                                          \
    X(Found, "Found")                                                                              \
    X(Stranger, "Stranger")                                                                        \
    X(Contended, "Contended")                                                                      \
    X(Uploaded, "Uploaded")                                                                        \
    X(UploadLost, "UploadLost")                                                                    \
    X(UploadDue, "UploadDue")                                                                      \
    X(UploadRefused, "UploadRefused")                                                              \
    X(SeedFile, "SeedFile")                                                                        \
    X(Invited, "Invited")                                                                          \
    X(InviteLost, "InviteLost")                                                                    \
    X(Joined, "Joined")                                                                            \
    X(Minted, "Minted")                                                                            \
    X(Renewed, "Renewed")                                                                          \
    X(Moved, "Moved")                                                                              \
    X(MintLost, "MintLost")                                                                        \
    X(FileLost, "FileLost")                                                                        \
    X(FileFailed, "FileFailed")                                                                    \
    X(HookFailed, "HookFailed")                                                                    \
    X(WrongTarget, "WrongTarget")                                                                  \
    X(ObservationFailed, "ObservationFailed")                                                      \
    X(Unauthorized, "Unauthorized")                                                                \
    X(PlanRefused, "PlanRefused")                                                                  \
    X(Refused, "Refused")                                                                          \
    X(Paused, "Paused")                                                                            \
    X(Resumed, "Resumed")                                                                          \
    X(RecreateAsked, "RecreateAsked")                                                              \
    X(ReleaseAsked, "ReleaseAsked")                                                                \
    X(PurgeAsked, "PurgeAsked")                                                                    \
    X(RotateAsked, "RotateAsked")                                                                  \
    X(Rotated, "Rotated")                                                                          \
    X(RotateUnknown, "RotateUnknown")                                                              \
    X(Returned, "Returned")                                                                        \
    X(Revoked, "Revoked")                                                                          \
    X(MintFound, "MintFound")                                                                      \
    X(Unwanted, "Unwanted")                                                                        \
    X(Gone, "Gone")                                                                                \
    X(Approved, "Approved")                                                                        \
    X(Rejected, "Rejected")
/* clang-format on */
#define REACHED_ENUM(symbol, text) REACHED_##symbol,
enum reached { REACHED(REACHED_ENUM) REACHED_N };
#undef REACHED_ENUM
extern const char *const REACHED_NAME[REACHED_N];

/* What a schedule leans to: of that there is much in its manifest, and happens much. */
enum bent {
    BENT_NONE,
    BENT_UPLOADS,
    BENT_BRANCHES,
    BENT_RESTORES,
    BENT_KEYS,   /* rotations */
    BENT_PLACES, /* groups and residencies */
    BENT_FILES,  /* of the manifest */
    BENT_PLAN,   /* what the platform's plan has room for */
    BENT_N
};

/* What the manifest says of a database; -1: nothing. */
struct model_db {
    int file;  /* of MODEL_FILES; -1: it is in none */
    int group; /* of MODEL_GROUPS; -1: by residency */
    bool has_class;
    int size; /* of SIZES */
    int delete_protection;
    int block_writes;
    int protect;
    bool absent;
    bool observe;
    int expires; /* of EXPIRES */
    bool probe;
    int seed;   /* of MODEL_DATABASES; beyond: of MODEL_SEEDS, a file */
    int tokens; /* of TOKENS */
};
struct model_group {
    bool is_in;
    bool absent;
    int delete_protection;
    bool has_token;
};
struct model_person {
    bool is_in;
    unsigned role; /* enum member_role */
};
/* An API token. */
struct model_key {
    bool is_in;
    bool absent;
    int group;  /* of MODEL_GROUPS; -1: the organization's */
    int scopes; /* of SCOPES */
    int rotate; /* of ROTATE */
};
struct model {
    struct model_key keys[MODEL_KEYS];
    struct model_group groups[MODEL_GROUPS];
    struct model_db databases[MODEL_DATABASES];
    struct model_person people[MODEL_PEOPLE];
    bool names_own_user;
    unsigned residency; /* of RESIDENCIES */
};

struct chaos {
    struct sim s;
    struct model model;
    uint64_t random;
    enum bent bent;
    unsigned crash_one_in; /* steps; 0: never */
    uint64_t *reached;     /* [REACHED_N] */
};

/* Run one schedule. transcript: NULL, or where it goes. Returns false when a rule was broken; `why`
 * (of `size`) says which. */
bool chaos_run(struct chaos *c, uint64_t seed, uint64_t *reached, struct buf *transcript, char *why,
               size_t size);

/* A number below n; n > 0. */
unsigned chaos_pick(struct chaos *c, unsigned n);
/* True once in so many times. */
bool chaos_once_in(struct chaos *c, unsigned n);
/* Let the time pass that lies between two happenings. */
void chaos_wait(struct chaos *c);
void chaos_crash(struct chaos *c);
/* What was told in a step that was lost is told to a new life. */
void chaos_mind_loss(struct chaos *c);

/* chaos_model.c */
void model_init(struct chaos *c);
void model_edit(struct chaos *c); /* one thing of it */
void model_move_residency(struct chaos *c);
/* It is in it, and nothing is to live there; but not the first one, where all else goes. */
void model_clear_group(struct chaos *c, unsigned group);
void model_write(struct chaos *c); /* into the simulated files, whole and valid */
/* How it is configured: as anybody might; without writes; in the end, when every look finds the
 * same and there need not be many of them. */
enum model_mood { MODEL_WRITES, MODEL_READS, MODEL_ENDS };
char *model_settings(struct chaos *c, enum model_mood mood);
const char *model_db_name(unsigned i);
const char *model_group_name(unsigned i);
const char *model_file_name(unsigned i);
const char *model_key_name(unsigned i);

/* chaos_happen.c: one of all that can happen. */
void chaos_happen(struct chaos *c);
/* Everything that is wrong ends. */
void chaos_mend(struct chaos *c);

/* chaos_people.c: members and invites. */
void people_init(struct chaos *c);
void people_edit(struct chaos *c);
void people_say(struct buf *b, const struct model *m);
const char *people_any(struct chaos *c);
void people_accepted(struct chaos *c);
void people_went(struct chaos *c);
void people_came(struct chaos *c);
void people_changed(struct chaos *c);
/* what: PHASE REASON, as it is said of it in the end. */
void people_check(struct sim *s, const char *email, const char *what);

/* chaos_known.c: does the ledger know of what we made? */
void chaos_check_known(struct sim *s);
/* chaos_end.c: is all as it should be, now that it has settled? */
void chaos_check_end(struct chaos *c);

#endif
