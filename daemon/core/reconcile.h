/* reconcile: the centre. One step function: an event in, with the time and some randomness, effects
 * out.
 *
 *   desired ─┐
 *   observed ┼─▶ replan: guard, decide ─▶ schedule ─▶ effects ─▶ (shell) ─▶ answers ─▶ absorb ─┐
 *   ledger ──┘        ▲                                                                        │
 *                     └────────────────────────────────────────────────────────────────────────┘
 * In:    struct rc_event. Out: struct effects.
 * Never: clocks, random numbers of its own, I/O, logging. */
#ifndef TENANTD_CORE_RECONCILE_H
#define TENANTD_CORE_RECONCILE_H

#include "core/command.h"
#include "core/config.h"
#include "core/desired.h"
#include "core/effects.h"
#include "lib/err.h"

enum rc_event_kind {
    RC_TICK,  /* the time asked for by wake_ms has come */
    RC_WHOLE, /* end the look at everything that is under way, if one is: the plan is to be shown */
    RC_DESIRED,    /* a new generation; `desired` is taken */
    RC_CONFIG,     /* `config` changed (borrowed until the next one) */
    RC_CREDENTIAL, /* the API token was read anew: try again what it stopped */
    RC_SYNC,       /* observe now; `kind`/`name` (or NULL): try again what was refused there */
    RC_ANSWER,     /* `answer` is taken */
    RC_FILES,      /* `files`, `n_files`: results of file jobs, borrowed */
    RC_HOOK,       /* the hook was told of token `resource_kind`/`name`, or not: `ok` */
    RC_UNSENT, /* the ledger did not take the ops that `calls`, `jobs` and `hooks` of these effects
                  stand behind; `unsent` is borrowed; `text` says why */
    RC_LEDGER_OK, /* it takes them again */
    RC_ASK,       /* `call`, a read with a ticket from ASK_SHELL on, is taken; its answer comes back
                     among the effects. -ERR_NOT_READY: too many wait, and it is gone */
    RC_DECISION,  /* an operator: `plan`, `ok` (approve or reject), `uid`, `text` (reason) */
    RC_RESTORE,   /* an operator: bring `resource_kind`/`name` back, of id `text` (NULL: the one
                     deleted last); what came of it: reconcile_restored */
    RC_COMMAND,   /* an operator: `command`, borrowed; its outputs are set */
    RC_PROGRESS,  /* of the upload under way: `sent_bytes` of `total_bytes` are out */
    RC_STOP,      /* start nothing new; publish what comes back */
};

struct rc_event {
    enum rc_event_kind kind;
    int64_t now_ms;  /* monotonic */
    int64_t wall_ms; /* since the epoch */
    uint64_t random; /* uniform over 64 bits */
    struct desired *desired;
    uint64_t generation; /* RC_DESIRED */
    const struct config *config;
    const char *resource_kind;
    const char *name;
    struct answer *answer;
    struct call *call;
    const struct file_result *files;
    size_t n_files;
    bool ok;
    const struct effects *unsent;
    const char *plan;
    int64_t uid;
    const char *text;
    struct command *command;
    int64_t sent_bytes;
    int64_t total_bytes;
};

struct reconcile;

/* config: borrowed until the next RC_CONFIG. NULL: no memory. */
struct reconcile *reconcile_new(const struct config *config, int64_t now_ms) MUST_CHECK;
void reconcile_free(struct reconcile *rc);

/* Before the first step: a row from the store, borrowed. False: no memory. */
bool reconcile_load(struct reconcile *rc, enum ledger_table table, const void *row) MUST_CHECK;

/* Which tokens the daemon runs with: the id that one tells ("": none), and its SHA-256 in hex.
 * Before the first step, and before RC_CREDENTIAL. */
enum own { OWN_TOKEN, OWN_DELETE_TOKEN, OWN_N };
void reconcile_identify(struct reconcile *rc, enum own which, const char *token_id,
                        const char *token_hash);

/* 0; -ERR_NOMEM: nothing of `out` may be carried out, and the reconciler is good for nothing any
 * more (its ledger is: start anew from it); RC_SYNC: -ERR_NOT_FOUND, -ERR_PAUSED; RC_DECISION:
 * -ERR_NOT_FOUND when that is not the present plan; RC_RESTORE: -ERR_INVALID, -ERR_PAUSED,
 * -ERR_LOCKED (another is under way); RC_COMMAND: as command.h says. out: initialised by the
 * caller, who carries out and deinits it. */
int reconcile_step(struct reconcile *rc, const struct rc_event *ev, struct effects *out,
                   struct err *err) MUST_CHECK;

/* Before the first step: ask for the plan's limits now and then, and hold creates against them;
 * `stays`: it is there for long, and says when usage comes near its limit, and follows the
 * platform's audit log, too. New entries come among the effects' answers with the ticket ASK_AUDIT,
 * newest first, older pages first. */
void reconcile_watch(struct reconcile *rc, bool stays);

/* For tests: of a look so many records are taken over in one step, at most, and so many are opened
 * for a pass over all; the rest in the next ones, for which `wake_ms` asks. 0: as many as ever. */
void reconcile_slice(struct reconcile *rc, size_t look, size_t pass);
/* For tests: so many databases that are to be made are queued, at most; the others stay packed. 0:
 * as many as ever. */
void reconcile_queue(struct reconcile *rc, size_t most);
/* There is more of the last step's work to be done in the next. */
bool reconcile_goes_on(const struct reconcile *rc);

/* The number of the observation that answers what was asked by now: RC_SYNC's. */
uint64_t reconcile_cycle(const struct reconcile *rc);
/* A restore that was asked for has ended, which is told once: 0 or -ERR_x, and words for it. */
bool reconcile_restored(struct reconcile *rc, int *out_rv, char *out, size_t size) MUST_CHECK;
/* Calls, file jobs and hooks that have not come back. */
size_t reconcile_in_flight(const struct reconcile *rc);
/* Something of these is under way, or waits for its turn. */
bool reconcile_is_busy(const struct reconcile *rc);
/* What was given with the last RC_DESIRED: borrowed until the next one. */
const struct desired *reconcile_desired(const struct reconcile *rc);
/* The last observation was complete. */
bool reconcile_is_observed(const struct reconcile *rc);
/* Databases and groups are known, and what only API tokens and the like need is being read. */
bool reconcile_looks_beside(const struct reconcile *rc);
/* The platform refuses the token for deletes. */
bool reconcile_deletes_refused(const struct reconcile *rc);
/* Observations that have failed in a row. */
unsigned reconcile_failed_observations(const struct reconcile *rc);

#endif
