/* sim: the reconciler in virtual time: the shell's part (clock, ledger, token files, hooks, the
 * manifest's files) and the platform's, small enough to be told as a transcript.
 * In:    what happens: files, faults, people, crashes, time.
 * Out:   the transcript; the truth; the first rule that was broken.
 * Never: real time, real files, chance that is not in `random`. */
#ifndef TENANTD_TESTS_LIB_SIM_H
#define TENANTD_TESTS_LIB_SIM_H

#include "core/reconcile.h"
#include "core/status.h"
#include "lib/buf.h"
#include "tests/lib/sim_platform.h"

#define SIM_ROWS_MAX  1024
#define SIM_FILES_MAX 128
#define SIM_KNOWN_MAX 640
#define SIM_WORDS_MAX 64

/* The ledger: rows as committed, by key; what could not be committed waits in order. */
#define SIM_KEY_BYTES 320
struct sim_row {
    enum ledger_table table;
    char key[SIM_KEY_BYTES];
    void *row;
};
struct sim_ledger {
    struct sim_row rows[SIM_ROWS_MAX];
    size_t n;
    struct ledger_op *waiting;
    size_t n_waiting;
    size_t capacity;
    bool fails;
    uint64_t version;       /* grows with every change of a token or a leak */
    uint64_t owned_version; /* likewise, of what is ours */
};

struct sim_file {
    char path[160];
    char hash[24]; /* of the token in it; "": none that can be read */
    enum token_format format;
    unsigned mode;
    bool by_stranger; /* somebody else wrote it */
    bool is_odd;      /* no file, but a link in its place */
};

/* Something that is under way. A call is carried out half way, and answered at the end; or (LATE)
 * long after that, whatever has become of who sent it. */
enum sim_pending_kind { SIM_CALL, SIM_ANSWER, SIM_JOB, SIM_HOOK, SIM_LATE };
struct sim_pending {
    enum sim_pending_kind kind;
    int64_t at_ms;
    uint64_t order;
    int64_t then_ms; /* CALL: when the answer comes */
    int64_t late_ms; /* ANSWER: it is carried out so long after it; 0: it was, or is not */
    int64_t sent_ms;
    struct call *call;
    struct answer *answer;
    struct file_job *job;
    struct hook_run hook;
};

struct sim_manifest_file {
    char path[64];
    enum manifest_kind kind;
    char *text;
    char *error; /* it cannot be read */
};
struct sim_manifest_files {
    struct sim_manifest_file items[16];
    size_t n;
};

/* What counts against the guard. */
struct sim_deed {
    const char *what;             /* as the guard counts it: "removal", "update", "create" */
    bool may_count;               /* whether it did, nobody can see */
    char id[PLATFORM_NAME_BYTES]; /* of what is removed; else its name */
    int64_t true_ms;              /* by the platform's clock */
};

/* What a name stands for, as far as the reconciler was told in this life. */
struct sim_known {
    char name[PLATFORM_NAME_BYTES];
    bool is_group;
    char id[24];         /* "": none */
    bool live;           /* under that id */
    bool hidden;         /* it was, and the last complete list does not show it */
    int64_t hidden_ms;   /* wall clock: since when */
    bool deleted;        /* and a delete of it was answered with ok */
    bool is_fenced;      /* by the last read or confirmed change */
    bool is_protected;   /* by the last read */
    int64_t told_ms;     /* when it was told last, by name or in a list */
    int64_t list_ms;     /* likewise, in a list */
    int64_t read_ms;     /* when the last read by name was told; 0: none in this life */
    int64_t read_at_ms;  /* when that read was asked */
    int64_t written_ms;  /* when a change was sent or answered last */
    int64_t restored_ms; /* when a restore was sent, or answered with ok, last: it takes nothing
                            away, so that what is read meanwhile and is there, is there */
    int64_t none_ms;     /* when its own host said last that it has no such database; 0: it did not,
                            or has said otherwise since, or something was uploaded */
    int64_t none_at_ms;  /* when it was asked for that */
};
enum sim_look { SIM_LOOK_NONE, SIM_LOOK_ORGANIZATION, SIM_LOOK_GROUPS };
struct sim_listed {
    char name[PLATFORM_NAME_BYTES];
    char id[24];
    char group[PLATFORM_NAME_BYTES]; /* of a database */
    bool is_group;
};
/* A fence, of all lives: since when it was told to stand, monotonic; 0: it was not, since it was
 * sent or told to be down. What strangers do to it and nobody is told of changes nothing. */
struct sim_fence {
    char id[24];
    char name[PLATFORM_NAME_BYTES];
    int64_t since_ms;
    int64_t paused_ms; /* of that */
};
struct sim_told {
    struct sim_fence fences[PLATFORM_MAX];
    size_t n_fences;
    struct sim_known known[SIM_KNOWN_MAX];
    size_t n_known;
    enum sim_look look; /* how far the observation under way has come */
    int64_t asked_ms;   /* when it began */
    struct sim_listed *listed;
    size_t n_listed;
    size_t listed_capacity;
    bool complete; /* the last one was, and nothing contradicts it */
    bool refused;  /* the API token was, and no read of the organization has succeeded since */
    int64_t no_deletes_ms; /* the token for deletes was, then; 0: it was not */
};

struct sim_seen { /* what the transcript last said of a record */
    char *name;   /* "database/t-1" */
    char *text;   /* "Ready InSync" */
};

struct sim {
    struct reconcile *rc;
    struct config *config;
    struct config *lost_config; /* the one that a lost life has, which was told of no other since */
    struct platform platform;
    struct sim_ledger ledger;
    struct sim_file files[SIM_FILES_MAX];
    size_t n_files;
    enum file_outcome files_say; /* FAILED, UNMARKED: all jobs end so; DONE: as they are */
    bool hooks_fail;
    char self_id[32]; /* of the token that the daemon runs with */
    char self_hash[32];
    struct sim_manifest_files now_files;
    struct sim_manifest_files good_files;
    struct desired_keep kept; /* of the last build of this life: the next starts from it */
    struct desired want;      /* borrowed from the reconciler, which was told of it */
    bool has_want;
    bool want_is_of_now; /* it is what now_files make */
    bool seldom_rereads; /* a new life is mostly given what the old one wanted, if that is so */
    bool manifest_refused;
    uint64_t generation;

    int64_t start_ms; /* the transcript's zero */
    int64_t now_ms;
    int64_t wall_ms;
    int64_t jumped_ms; /* by which the wall clock was moved, both ways */
    int64_t ahead_ms;  /* the wall clock of the platform's, which no jump moves */
    int64_t wake_ms;
    bool watches; /* quotas and the audit log */
    int64_t latency_ms;
    size_t look_slice; /* records that a step takes over of a look; 0: as many as in a daemon */
    size_t pass_slice; /* that it opens for a pass; likewise */
    size_t queue_most; /* databases to be made that are queued; likewise */
    int64_t turn_ms;   /* how long it takes, if it is to go on at once */
    bool lags;         /* then other things may happen first */
    uint64_t random;
    uint64_t order;
    struct sim_pending *pending;
    size_t n_pending;
    size_t pending_capacity;
    bool stopping;
    uint64_t steps;
    void (*after_step)(struct sim *s);                      /* may crash it */
    void (*on_event)(struct sim *s, const struct event *e); /* of the history */
    void *arg;                                              /* of whoever set these */
    uint64_t n_sent_ever;                                   /* calls */
    bool loses_step; /* the next step's effects are lost, ledger rows and all: it died in it */
    bool is_lost;    /* so it was, or for want of memory; sim_crash is due */
    size_t n_nomem;  /* steps that ended so */

    struct buf out;
    bool quiet;       /* no transcript */
    bool shows_reads; /* of observations too */
    struct sim_seen *seen;
    size_t n_seen;
    int state_shown; /* enum state, or -1 */

    struct sim_told told;
    char broken[512];           /* the first rule that was broken; "" */
    struct sim_deed deeds[512]; /* what counts against the guard */
    int64_t people_listed_ms;   /* when invites were last asked for, and members after them */
    size_t n_deeds;
    uint64_t checked_version; /* of the ledger, and the tokens minted then: mints were looked at */
    size_t checked_tokens;
    uint64_t checked_owned;
    char words[SIM_WORDS_MAX][120]; /* "recreate database/t-1": said by an operator, and good yet */
    size_t n_words;
    int64_t sent_ms[64]; /* when the last calls went out */
    size_t n_sent;
};

/* settings: more lines of the configuration, or "". */
void sim_init(struct sim *s, const char *settings, uint64_t random);
void sim_deinit(struct sim *s);

/* From now on it looks after quotas and the audit log, too. */
void sim_watch(struct sim *s);
void sim_configure(struct sim *s, const char *settings);
/* A step works on so many records; 0: as many as in a daemon. */
void sim_slice(struct sim *s, size_t n);
/* A pass opens so many records in a turn, which takes so long. */
void sim_slice_passes(struct sim *s, size_t n, int64_t turn_ms);
/* So many databases that are to be made are queued; 0: as many as in a daemon. */
void sim_queue(struct sim *s, size_t most);
/* Asked before each allocation of any simulation's steps; NULL: none fails. */
void sim_fail_allocations(bool (*fault)(void));
/* The wall clock jumps, the platform's does not. */
void sim_move_clock(struct sim *s, int64_t by);
/* Put a file of the manifest there; text NULL: take it away; error: it cannot be read. */
void sim_file(struct sim *s, const char *path, const char *text, const char *error);
/* Read the manifest anew, and tell the reconciler. */
void sim_manifest(struct sim *s);
/* Let time pass. False: a rule was broken, or there is no end of it. */
bool sim_run(struct sim *s, int64_t ms);
/* One thing that happens, at `until` at the latest (then time stands there). False: nothing. */
bool sim_happen(struct sim *s, int64_t until);
/* Until nothing is starting or working, and at most for so long. */
enum state sim_settle(struct sim *s, int64_t most_ms);
enum state sim_state(struct sim *s);
/* What an operator reads: a manifest of what is live; a report. False: there is none such. */
void sim_export(struct sim *s);
bool sim_platform(struct sim *s, const char *what);

/* kill -9. What is under way reaches its end, or does not, or some of it; nobody hears of it. Then
 * a start from the ledger, `down_ms` later. */
enum sim_end { SIM_UNDONE, SIM_DONE, SIM_HALF_DONE };
void sim_crash(struct sim *s, enum sim_end end, int64_t down_ms);
/* The machine sleeps: the wall clock goes on, the monotonic one stands. */
void sim_suspend(struct sim *s, int64_t ms);
/* The process gets no turn: all clocks go on, and what comes meanwhile waits. */
void sim_stall(struct sim *s, int64_t ms);
/* SIGTERM, answers waited for, and a new start. */
void sim_stop(struct sim *s);
void sim_ledger_fails(struct sim *s, bool fails);

/* The plan of now, as an operator is shown it. */
struct plan;
void sim_plan(struct sim *s, struct plan *out);
/* Return what reconcile_step says; effects are carried out. */
int sim_step(struct sim *s, struct rc_event *ev, struct err *err);
/* The same where only an error of the simulator can make it fail. */
void sim_tell(struct sim *s, struct rc_event ev);
uint64_t sim_random(struct sim *s);
int sim_decide(struct sim *s, bool approve, const char *plan, const char *reason, struct err *err);

struct sim_file *sim_find_file(struct sim *s, const char *path);
void sim_put_file(struct sim *s, const char *path, const char *hash, enum token_format format);
void sim_drop_file(struct sim *s, struct sim_file *f);

/* sim_ledger.c */
void sim_ledger_take(struct sim_ledger *l,
                     struct effects *fx); /* its ops; commits unless it fails */
void sim_ledger_commit(struct sim_ledger *l);
void sim_ledger_set(struct sim_ledger *l, const char *key, const char *value); /* a row of meta */
void sim_ledger_deinit(struct sim_ledger *l);
/* NULL: no such row. */
const void *sim_row(const struct sim_ledger *l, enum ledger_table table, const char *key);
const struct owned *sim_owned(const struct sim_ledger *l, const char *kind, const char *name);

/* sim_operator.c: VERB [KIND/NAME] [id ID] [for DURATION] [look] [invalidate], a command of
 * core/command.h. False: it is not one. */
bool sim_operator(struct sim *s, char *text);
/* What an operator said of a resource: it was taken, it is good yet, it is no more (true: it was).
 */
void sim_word_say(struct sim *s, const char *verb, const char *kind, const char *name);
bool sim_word_stands(const struct sim *s, const char *verb, const char *kind, const char *name);
bool sim_word_take(struct sim *s, const char *verb, const char *kind, const char *name);
/* Note what a step has taken from an operator. */
void sim_word_note(struct sim *s, const struct rc_event *ev);

/* sim_files.c: what token files would do. */
struct file_result sim_do_job(struct sim *s, const struct file_job *j);

/* sim_manifest.c */
void sim_files_deinit(struct sim_manifest_files *m);

/* sim_told.c: what the reconciler was told, remembered by a witness of its own. */
void sim_told_clear(struct sim_told *t); /* a new life */
void sim_told_deinit(struct sim_told *t);
void sim_told_sent(struct sim *s, const struct call *c);
void sim_told_answer(struct sim *s, const struct call *c, const struct answer *a, int64_t sent_ms);
/* How long the fence of what bears that id is known to stand, pauses left out; -1: it is not. */
int64_t sim_fenced_for(const struct sim *s, const char *id);
/* Time passes. */
void sim_told_pass(struct sim *s, int64_t ms);
/* NULL: nothing of it. */
const struct sim_known *sim_known(const struct sim *s, bool is_group, const char *name);
/* The last observation was complete, and nothing of ours that it hides is unaccounted for. */
bool sim_told_all(const struct sim *s);

/* sim_say.c: the transcript. */
void sim_say(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
void sim_say_call(struct sim *s, const struct call *c);
void sim_say_answer(struct sim *s, const struct call *c, const struct answer *a);
void sim_say_events(struct sim *s, const struct effects *fx);
void sim_say_restored(struct sim *s); /* how a restore ended, once */
void sim_say_changes(struct sim *s);  /* of phases, reasons and the state, since it was said last */
void sim_say_list(struct sim *s);
void sim_say_rest(struct sim *s); /* of each database: is it packed, and is it looked at again? */
void sim_say_truth(struct sim *s, struct buf *out); /* what there is in the end, ids left out */
void sim_say_deinit(struct sim *s);
/* A text in what is shown; "": it has none such. Borrowed from `o`. */
const char *sim_shown(struct json_object *o, const char *key);

/* sim_check.c: what must hold whenever a call goes out or arrives, and after every step. */
void sim_check_step(struct sim *s);
#define JUST_BEFORE_MS (31 * 1000)
/* sim_check_removal.c: `c` may fence or delete. own: the database's row; NULL: none. */
void sim_check_removal(struct sim *s, const struct call *c, const struct owned *own);
/* sim_check_member.c: it goes out; it arrives. */
bool sim_is_about_members(const struct call *c);
bool sim_wants_member(const struct sim *s, const char *email);
void sim_check_member(struct sim *s, const struct call *c);
void sim_check_people(struct sim *s, const struct call *c);
void sim_note_admins(struct sim *s); /* members are listed */
/* sim_check_api_token.c: one is made, or revoked. */
void sim_check_api_token(struct sim *s, const struct call *c);
bool sim_holds_api_tokens(const struct sim *s, const char *group); /* by the ledger */
/* sim_guard.c: something goes: with those of the window, is it more than the guard lets through?
 * id: the platform's; an API token's name. */
void sim_check_guard(struct sim *s, const char *kind, const char *name, const char *id);
int64_t sim_true_ms(const struct sim *s); /* by the platform's clock, which no jump moves */
/* A database is about to be made, or changed: as far as that counts. */
void sim_check_change(struct sim *s, const struct call *c, const struct owned *own);
/* It was not, for the ledger did not take its rows: it counts with the reconciler all the same. */
void sim_note_unsent(struct sim *s, const struct call *c);
bool sim_is_approved(const struct sim *s, const char *kind, const char *name);
bool sim_owns_id(const struct sim *s, const char *id);
/* r: NULL: anywhere. group: its name; g: NULL: where it lies is not known. */
bool sim_residency_allows(const struct residency_want *r, const char *group,
                          const struct platform_group *g);
void sim_check_event(struct sim *s, const struct event *e); /* of the history */
bool sim_is_paused(const struct sim *s, const char *kind, const char *name);
void sim_check_sent(struct sim *s, const struct call *c);
void sim_check_arrived(struct sim *s, const struct call *c);
void sim_check_late(struct sim *s, const struct call *c, int64_t sent_ms);
void sim_break(struct sim *s, const char *fmt, ...) PRINTF(2, 3);

#endif
