/* reconcile_private: what the rooms of the reconciler share: reconcile, replan, observe, perform,
 * absorb, operator, plan, status and view. Nobody else includes it. */
#ifndef TENANTD_CORE_RECONCILE_PRIVATE_H
#define TENANTD_CORE_RECONCILE_PRIVATE_H

#include <string.h>

#include "core/ask.h"
#include "core/audit.h"
#include "core/branch.h"
#include "core/decide.h"
#include "core/doubt.h"
#include "core/effects.h"
#include "core/guest.h"
#include "core/observe.h"
#include "core/own_rights.h"
#include "core/own_token.h"
#include "core/quota.h"
#include "core/reconcile.h"
#include "core/recover.h"
#include "core/replan.h"
#include "core/row_index.h"
#include "core/schedule.h"
#include "core/upload.h"

/* Something under way: a call or a file job. */
struct flight {
    uint64_t id;
    struct resource
        *r; /* whose act it is; NULL: the observation's, or a file that is nobody's any more */
    struct resource *target; /* READ_TARGET: what is read */
    enum act act;
    unsigned fields;
    int64_t generation;  /* of an API token */
    int64_t config_read; /* ACT_CONFIGURE: own.config_read of before */
    int64_t sent_ms;
    bool landed; /* it came back, and only keeps its place */
};

#define API_TOKEN_GENERATIONS 100000 /* of one name; what is beyond is no generation of ours */

struct reconcile {
    const struct config *config;
    struct desired desired;
    bool has_desired;
    uint64_t generation;
    int64_t generation_ms; /* wall clock: when it was first seen */
    struct fleet fleet;
    struct schedule schedule;
    struct observation obs;
    struct recover recover;
    struct ask_line asks;
    struct quota quota;
    struct own_tokens own_tokens;
    struct own_rights own_rights;
    struct audit audit;
    struct flight *flights;
    size_t n_flights;
    size_t n_landed; /* of them */
    size_t flights_capacity;
    uint64_t next_id;
    uint64_t random;
    int64_t now_ms;
    int64_t wall_ms;
    int64_t started_ms;
    int64_t started_wall_ms;
    int64_t unauthorized_wall_ms; /* since when, while not authorized */

    struct side_list sides[SIDE_N];
    struct self self;
    struct arena listed_arena;            /* owns the texts of what follows */
    struct live_api_token *listed_tokens; /* as the last list shows them */
    size_t n_listed_tokens;
    struct arena members_arena; /* owns the texts of people.members, */
    struct arena invites_arena; /* and these of people.invites */
    struct people people;

    bool authorized;
    char auth_error[2 * LIMIT_ERROR_TEXT_BYTES + 64]; /* what it says, and where the token stands */
    bool ledger_ok;
    char ledger_error[256];
    bool tokens_unmarked; /* tokens_dir is not the directory it was */
    int64_t create_refused_until_ms[KIND_N];
    bool strangers; /* somebody else was seen at work in the last hour */
    struct doubt_state doubts[DOUBT_N];
    char doubt_text[DOUBT_TEXT_SIZE]; /* why all removals wait for approval; "": they do not */
    bool clock_said;                  /* the platform has told the time */
    int64_t date_offset_ms;           /* that less monotonic */
    int64_t clock_offset_ms;          /* wall clock less monotonic when it last agreed with that */
    int64_t last_entry_ms;            /* wall clock: of what the ledger said at the start */
    int64_t noted_ms;                 /* wall clock: `observed`, as the ledger has it */
    uint64_t sync_cycle;              /* the observation that answers the last RC_SYNC */
    bool stopping;
    size_t look_slice;  /* records that one step takes over of a look */
    size_t pass_slice;  /* that it opens for a pass */
    size_t queue_most;  /* databases to be made that are queued */
    bool replan;        /* look at everything again, from the first */
    struct pass pass;   /* that look */
    bool is_bound_anew; /* the manifest is another one than when counts were looked at */

    struct count *counts; /* what counts against the guard */
    size_t n_counts;
    size_t counts_capacity;
    struct row_index counts_index;
    struct approval *approvals;
    size_t n_approvals;
    size_t approvals_capacity;
    struct row_index approvals_index;
    struct pause **pauses; /* records and `paused` point to them */
    size_t n_pauses;
    size_t pauses_capacity;
    const struct pause *paused; /* the whole organization; NULL: it is not */
    int64_t pause_ends_ms;      /* wall clock, the first of them */
    struct leak *leaks;
    size_t n_leaks;
    size_t leaks_capacity;

    uint64_t manifest_digest; /* rc_manifest_digest of `desired` */
    uint64_t decided_in; /* a digest of the world in which all was decided about; 0: look at all */
    struct file_checks {
        char *name; /* of the database that is the next to be checked; NULL: none is */
        size_t n;   /* under way */
    } checks;
    size_t by_phase[KIND_N][PHASE_N]; /* how many records stand where */
    size_t by_step[STEP_N];           /* what the plan says of them */
    size_t n_held;
    uint64_t held_changes; /* of what is held, or what is held of it, so far */
    struct held_plan {
        uint64_t held_changes;
        char id[17]; /* of the plan then; "": nobody has asked yet */
    } * held_plan;
    size_t n_waits;      /* for a place in the queue */
    size_t waits_at;     /* where in the fleet the next of them is looked for */
    size_t left_behind;  /* branches that may be there for nothing */
    size_t unmanaged;    /* live, and neither wanted nor ours */
    struct list trouble; /* records that are Blocked, Missing or Retrying */
    size_t by_reason[REASON_N];
    uint64_t calls;
    uint64_t call_errors;

    const struct resource *uploading; /* whose file is being sent: one at a time; NULL: none */
    struct dropped_drafts drafts;
    struct guests guests;
};

/* reconcile.c: put a read of a room's own in the line. */
void rc_ask(struct reconcile *rc, struct effects *fx, enum ask_ticket who, enum call_kind kind,
            unsigned page);

static inline bool rc_is_owned(const struct owned *own, bool has_own)
{
    return has_own && strcmp(own->state, "owned") == 0;
}
/* What is live is somebody else's; ours may be in the ledger all the same. */
static inline bool rc_is_others(const struct database *d)
{
    return d->live.present &&
           !(rc_is_owned(&d->own, d->has_own) && strcmp(d->live.id, d->own.id) == 0);
}

/* consider.c: decide about a record and do what needs no turn, queue what does. */
void rc_consider(struct reconcile *rc, struct effects *fx, struct resource *r);
/* A target and its tokens. */
void rc_consider_all(struct reconcile *rc, struct effects *fx, struct resource *r);
/* A target of which the guard is asked nothing: if there is nothing to be done about it and its
 * tokens, and all are as they should be, that is said. True: so it is. */
bool rc_settle(struct reconcile *rc, struct effects *fx, const struct world *w, struct resource *r);
/* Half of the queue is free, and some wait for a place in it. */
bool rc_wants_more(const struct reconcile *rc);
/* They are queued: when nothing else happens, or when there are few left in it. */
void rc_queue_more(struct reconcile *rc, struct effects *fx, bool is_calm);
/* The turn of one that was queued: its call, if it still needs one. */
void rc_start(struct reconcile *rc, struct effects *fx, struct resource *r);

/* phase.c */
void rc_set_phase(struct reconcile *rc, struct effects *fx, struct resource *r, enum phase phase,
                  enum reason reason, const char *message);
/* It goes: it is not counted any more. */
void rc_uncount(struct reconcile *rc, struct resource *r);
/* What it needs next, and whether that waits for approval. */
void rc_set_step(struct reconcile *rc, struct resource *r, enum step step, bool held);
/* For a place in the queue. */
void rc_set_waits(struct reconcile *rc, struct resource *r, bool waits);
/* A try failed: count it, and say when the next may be. */
void rc_failed(struct reconcile *rc, struct effects *fx, struct resource *r, enum act act,
               enum reason why, int64_t retry_after_ms, const char *text);
void rc_succeeded(struct resource *r);
/* What happened, for the history and the log. level: syslog's. `a` may be NULL. */
void rc_event(struct reconcile *rc, struct effects *fx, const struct resource *r, const char *what,
              int level, const struct answer *a, const char *fmt, ...) PRINTF(7, 8);

/* reconcile.c */
uint64_t rc_random(struct reconcile *rc);
/* flight.c */
struct flight *rc_flight(struct reconcile *rc, struct resource *r,
                         enum act act); /* NULL: no memory, fx to fail */
/* Take a flight out by id; false: none such. */
bool rc_land(struct reconcile *rc, uint64_t id, struct flight *out);

static inline bool rc_is_taking(const struct reconcile *rc)
{
    return rc->obs.stage == OBS_TAKING;
}

/* The group or database behind a record, as far as both are alike. */
struct parts {
    struct live *live;
    struct owned *own;
    bool *has_own;
    int64_t *gone_ms;
    int64_t *deleted_ms;
};

struct parts rc_parts(struct resource *r);
/* What is live is ours from now on. */
void rc_take_over(struct reconcile *rc, struct effects *fx, struct resource *r, const char *origin);
/* Start the row of a thing that was not ours. */
void rc_own_new(struct reconcile *rc, struct effects *fx, struct resource *r, const char *state,
                const char *origin);
/* Its row goes; that of a create which did not happen is again that of the one it was to replace,
 * so that an operator's word stands, and the name is not made again without one. */
void rc_unmake(struct reconcile *rc, struct effects *fx, struct resource *r);
/* The create that its row tells of has happened. */
void rc_own_made(struct reconcile *rc, struct effects *fx, struct resource *r);
/* It is gone. Should it come back, it may come back fenced, also by a fence that was not answered:
 * `fenced_since` says so. */
void rc_fence_forget(struct reconcile *rc, struct effects *fx, struct owned *own);
/* Set a text of a row; without memory `fx` fails. */
void rc_set(struct effects *fx, char **member, const char *value);

/* perform_local.c, perform.c: turn an act into effects. False: it was not one for this function. */
bool rc_perform_local(struct reconcile *rc, struct effects *fx, struct resource *r,
                      const struct decision *d);
void rc_perform_call(struct reconcile *rc, struct effects *fx, struct resource *r,
                     const struct decision *d);
void rc_perform_file(struct reconcile *rc, struct effects *fx, struct token *t,
                     const struct decision *d);

/* perform_api_token.c */
struct call *rc_api_token_call(struct reconcile *rc, struct effects *fx, struct api_token *a,
                               struct flight *f, const struct decision *d);
void rc_api_token_lose(struct reconcile *rc, struct effects *fx, struct api_token *a);
void rc_api_token_unmint(struct effects *fx, struct api_token *a);
void rc_api_token_forget(struct effects *fx, struct api_token *a);
void rc_api_token_published(struct reconcile *rc, struct effects *fx, struct api_token *a);
/* "signup--g3"; false: it does not fit. */
bool rc_api_token_name(char *out, size_t size, const char *name, int64_t generation) MUST_CHECK;
/* absorb_api_token.c; sent_ms: when the list was asked for. */
void rc_see_api_tokens(struct reconcile *rc, struct effects *fx, const struct answer *a,
                       int64_t sent_ms);
/* Ours, by its id. */
bool rc_owns_token(const struct reconcile *rc, const char *id);
void rc_absorb_api_token(struct reconcile *rc, struct effects *fx, const struct flight *f,
                         struct answer *a);

/* perform_member.c */
struct call *rc_member_call(struct reconcile *rc, struct effects *fx, struct member *m,
                            const struct decision *d);
/* The invite that its row tells of was not sent. */
void rc_member_not_invited(struct reconcile *rc, struct effects *fx, struct member *m);
bool rc_member_local(struct reconcile *rc, struct effects *fx, struct member *m,
                     const struct decision *d);
int rc_member_recreate(struct reconcile *rc, struct effects *fx, struct command *c,
                       struct member *m, struct err *err);
int rc_member_release(struct reconcile *rc, struct effects *fx, struct command *c, struct member *m,
                      struct err *err);
/* absorb_member.c; sent_ms: when the list was asked for. False: it cannot be true. */
void rc_see_invites(struct reconcile *rc, struct effects *fx, const struct answer *a,
                    int64_t sent_ms);
bool rc_see_members(struct reconcile *rc, struct effects *fx, const struct answer *a,
                    int64_t sent_ms);
/* The members as listed, then the invites. */
const struct live_member *rc_person(const struct reconcile *rc, size_t i);
/* Wanted or ours; in any spelling of its e-mail address. */
bool rc_keeps_member(const struct reconcile *rc, const char *email);
void rc_absorb_member(struct reconcile *rc, struct effects *fx, const struct flight *f,
                      const struct answer *a);

/* absorb_probe.c: a database's own host answered, or did not. */
void rc_absorb_probe(struct reconcile *rc, struct effects *fx, const struct flight *f,
                     const struct answer *a);

/* absorb_failure.c */
enum reason rc_reason_of(enum outcome o); /* as what it is shown */
/* Not tried again until the entry changes, somebody asks, or a day passes. */
void rc_refuse(struct reconcile *rc, struct effects *fx, struct resource *r, enum reason why,
               enum act act, const struct answer *a);
/* 401 to anything but an observation, which is therefore asked for. */
void rc_stop_writing(struct reconcile *rc, struct effects *fx, const struct answer *a);
/* What the outcome of a call means for the record whose act it was. True: nothing more to absorb.
 */
bool rc_absorb_failure(struct reconcile *rc, struct effects *fx, const struct flight *f,
                       const struct answer *a);
/* Before a delete is sent: which is by name, and without an answer may be carried out late. */
void rc_delete_begins(struct reconcile *rc, struct resource *r);
/* Told what came of a change of its configuration: one that was not carried out leaves no doubt. */
void rc_note_configure(const struct flight *f, enum outcome o);
/* Told what came of it. */
void rc_note_delete(struct resource *r, enum outcome o);

/* absorb_hook.c */
void rc_absorb_hook(struct reconcile *rc, struct effects *fx, const char *kind, const char *name,
                    bool ok);
/* Tell hooks what they have yet to be told. */
void rc_notify(struct reconcile *rc, struct effects *fx, struct token *t);

/* absorb.c, absorb_token.c: facts from answers and file results. */
void rc_absorb(struct reconcile *rc, struct effects *fx, const struct flight *f, struct answer *a);
void rc_absorb_token(struct reconcile *rc, struct effects *fx, const struct flight *f,
                     struct answer *a);
/* The parameters that a mint asks for now, into a text of a token or its row. */
void rc_note_params(struct effects *fx, struct token *t, char **out);
/* A minted token's row, and its secret until it is in its file. target: its name, or NULL. */
void rc_note_minted(struct reconcile *rc, struct effects *fx, struct token *t, const char *target,
                    const char *target_id, struct answer *a);
/* When a token is to be renewed, wall clock; 0: never. */
int64_t rc_renewal(struct reconcile *rc, const struct token *t, int64_t issued, int64_t expires);
void rc_checked_file(struct reconcile *rc, struct effects *fx); /* one has come back */
void rc_absorb_file(struct reconcile *rc, struct effects *fx, const struct file_result *res);

/* contend.c: fields that somebody sets back again and again. */
/* This field was set to what the manifest says, though it did not change. */
void rc_flip(struct reconcile *rc, struct effects *fx, struct resource *r, const char *field);
void rc_flip_load(struct reconcile *rc, const struct count *c);
bool rc_is_flip(const struct count *c);
bool rc_flip_is_over(const struct reconcile *rc, const struct count *c);
void rc_contend_database(struct reconcile *rc, struct effects *fx, struct database *d);
void rc_contend_group(struct reconcile *rc, struct effects *fx, struct group *g);
void rc_contend_member(struct reconcile *rc, struct effects *fx, struct member *m);
#define ROLE_FIELD "role"

/* operator.c: guard's memory and what operators say. */
int rc_decide_plan(struct reconcile *rc, struct effects *fx, const struct rc_event *ev,
                   struct err *err);
const struct approval *rc_approval(const struct reconcile *rc, const char *action,
                                   const struct resource *r, const char *id);
bool rc_rejected(const struct reconcile *rc, const char *action, const struct resource *r,
                 const char *id);
void rc_approval_begin(struct reconcile *rc, struct effects *fx, const char *action,
                       const struct resource *r);
void rc_approval_done(struct reconcile *rc, struct effects *fx, const char *action,
                      const struct resource *r);
void rc_count(struct reconcile *rc, struct effects *fx, const char *what, const struct resource *r);
/* What was counted was of that id, which is gone: the next of its name counts by itself. */
void rc_count_is_of(struct reconcile *rc, struct effects *fx, const char *what,
                    const struct resource *r, const char *id);
size_t rc_counted(const struct reconcile *rc, const char *what);
/* Of the removals counted, those that are not ours any more. */
size_t rc_removed(const struct reconcile *rc);
/* Its fence was allowed, and could not be put up as long as that counted: the guard is asked anew,
 * or all that were tried in vain would go up at once. */
bool rc_is_lapsed(const struct reconcile *rc, const struct database *d);
bool rc_is_counted(const struct reconcile *rc, const char *what, const struct resource *r);
/* When, by the wall clock; 0: it is not. */
int64_t rc_counted_at(const struct reconcile *rc, const char *what, const struct resource *r);
/* Somebody else works on this organization: removals wait for approval for an hour. */
void rc_stranger(struct reconcile *rc, struct effects *fx, const struct resource *r,
                 const char *what);
/* It is live: see whether somebody else made it, under a name of the manifest or of ours. */
void rc_appeared(struct reconcile *rc, struct effects *fx, struct database *d, bool was_present);
bool rc_strangers(const struct reconcile *rc);
void rc_counts_expire(struct reconcile *rc, struct effects *fx);
/* What was said and never begun in its day, or of an entry that has changed since, is over. */
void rc_approvals_expire(struct reconcile *rc, struct effects *fx);
/* The last row of the array is new, or (all) rows have changed places. False: no memory. */
bool rc_index_counts(struct reconcile *rc, bool all) MUST_CHECK;
bool rc_index_approvals(struct reconcile *rc, bool all) MUST_CHECK;

/* sync.c */
/* Observe now; by name: what was refused there is tried again. */
int rc_sync(struct reconcile *rc, const struct rc_event *ev, struct err *err);
/* Another API token: what the old one was refused is tried at once. */
void rc_credential(struct reconcile *rc);

/* command.c, pause.c */
int rc_command(struct reconcile *rc, struct effects *fx, struct command *c, struct err *err);
/* Pause r, or (NULL) everything; `until` 0: for a day. */
int rc_pause(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
             struct err *err);
int rc_resume(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
              struct err *err);
/* command_own.c */
int rc_recreate(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
                struct err *err);
int rc_release(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
               struct err *err);
int rc_adopt(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
             struct err *err);
int rc_purge(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
             struct err *err);
/* False: no memory. */
bool rc_pause_load(struct reconcile *rc, const struct pause *row);
/* End those whose time has come, and let new records know of theirs. */
void rc_pauses_look(struct reconcile *rc, struct effects *fx);
void rc_pauses_deinit(struct reconcile *rc);
/* -ERR_PAUSED if r, or (NULL) everything, is paused. */
int rc_refuse_paused(const struct reconcile *rc, const struct resource *r, struct err *err);
/* "paused until ... by uid ...: why", for people. */
void rc_pause_text(const struct reconcile *rc, const struct resource *r, char *out, size_t size);

/* rotate.c: see there. */
int rc_rotate(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
              struct err *err);
void rc_rotation_begin(struct effects *fx, struct resource *r); /* with the call that is sent */
void rc_absorb_rotation(struct reconcile *rc, struct effects *fx, const struct flight *f,
                        const struct answer *a);
void rc_rotation_look(struct reconcile *rc, struct effects *fx, struct resource *r);
/* Nothing is left of it: when its keys were rotated does not count any more. */
void rc_rotation_forget(struct effects *fx, const struct resource *r);
void rc_rotation_load(struct reconcile *rc, const char *key, const char *value); /* of `meta` */
void rc_rotation_start(struct reconcile *rc, struct effects *fx);
/* What was issued, or asked for, then may be of the keys of before. */
bool rc_is_cut_off(const struct reconcile *rc, struct resource *target, int64_t issued_ms);
bool rc_rotated_since(const struct reconcile *rc, struct resource *target, int64_t sent_ms);

/* ledger_rows.c: keeping rows and records together. */
void rc_put_own(struct reconcile *rc, struct effects *fx, struct resource *r);
void rc_put_token(struct reconcile *rc, struct effects *fx, struct token *t);
bool rc_load_applied(struct database *d);
bool rc_save_applied(struct database *d);

#endif
