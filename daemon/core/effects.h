/* effects: what a step wants done, in the order that safety needs: ledger first, then calls and
 * files.
 * In:    the reconciler appends.
 * Out:   the shell takes.
 * Never: does anything itself. Memory that ran out sets `failed`, and nothing of it may be carried
 *        out. */
#ifndef TENANTD_CORE_EFFECTS_H
#define TENANTD_CORE_EFFECTS_H

#include "core/call.h"
#include "core/file_job.h"
#include "core/ledger.h"

/* Tell a hook of a published or removed file. All texts owned. */
struct hook_run {
    char *hook;
    char *kind; /* "token", "group-token", "api-token" */
    char *name;
    char *file;
    char *cause;
};

struct effects {
    struct ledger_op *ops; /* to be committed, durably, before anything else is begun */
    size_t n_ops;
    size_t ops_capacity;
    struct call **calls; /* the shell takes each */
    size_t n_calls;
    size_t calls_capacity;
    struct file_job **jobs; /* the shell takes each */
    size_t n_jobs;
    size_t jobs_capacity;
    struct answer **answers; /* to RC_ASK, by ticket; the shell takes each */
    size_t n_answers;
    size_t answers_capacity;
    struct hook_run *hooks;
    size_t n_hooks;
    size_t hooks_capacity;
    int64_t wake_ms; /* monotonic: step again then; INT64_MAX: when something happens */
    bool failed;
};
#define EFFECTS_INIT ((struct effects){.wake_ms = INT64_MAX})

void effects_put(struct effects *fx, enum ledger_table table, const void *row);    /* copies */
void effects_remove(struct effects *fx, enum ledger_table table, const void *row); /* by its keys */
void effects_call(struct effects *fx, struct call *takes);    /* NULL: memory ran out making it */
void effects_job(struct effects *fx, struct file_job *takes); /* NULL: as above */
void effects_answer(struct effects *fx, struct answer *takes);
void effects_hook(struct effects *fx, const struct held_token *t);
void hook_run_deinit(struct hook_run *h);
void effects_deinit(struct effects *fx); /* frees what was not taken */

#endif
