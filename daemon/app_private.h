/* app_private: what the files of app share. Nobody else includes it. */
#ifndef TENANTD_APP_PRIVATE_H
#define TENANTD_APP_PRIVATE_H

#include <uv.h>

#include "app.h"
#include "app_build.h"
#include "core/reconcile.h"
#include "core/status.h"
#include "io/api.h"
#include "io/control.h"
#include "io/credential.h"
#include "io/encryption_keys.h"
#include "io/hooks.h"
#include "io/manifest_files.h"
#include "io/notify.h"
#include "io/seed_look.h"
#include "io/signals.h"
#include "io/store.h"
#include "io/store_manifest.h"
#include "io/token_files.h"
#include "io/watch.h"
#include "lib/list.h"

/* The manifest as it was when last good: a whole reading, or copies of the files that made it up.
 */
struct good_set {
    struct manifest_files *files; /* held; NULL: `copy` counts */
    struct manifest_good copy;
    bool has_copy;
    bool is_unread; /* neither: it is on the disk, and nobody has asked for it since the start */
};

struct app {
    uv_loop_t loop;
    struct app_options options;
    int exit_code;
    bool stopping;
    bool closing;
    bool has_handles; /* of our own, to be closed at the end */

    struct config *config; /* owned; what everybody borrows */
    char *config_error;    /* of the last reload; NULL: fine */

    struct store *store; /* NULL: --plan without a ledger */
    struct store_manifest *manifest_store;
    struct reconcile *rc;
    struct effects fx;         /* of this turn of the loop */
    struct ledger_op *pending; /* what the ledger did not take yet, in order */
    size_t n_pending;
    size_t pending_capacity;
    bool ledger_ok;
    int64_t prune_cursor;
    int64_t prune_next_ms;

    struct api *api;
    struct credential token;
    struct credential delete_token; /* empty: none */
    struct encryption_keys keys;
    char *organization_id; /* as the platform says it; bound once an observation is complete */
    struct token_files *token_files;
    struct seed_queue seeds;
    struct hooks *hooks;
    struct signals *signals;
    struct watch *watch;
    struct control *control;
    struct notify *notify;

    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t gather;     /* runs while the turn goes on, so that nothing is waited for */
    uint64_t gathered_ns; /* since when it does; 0: it does not */
    bool has_news;        /* answers, or results of files, since they were last looked for */
    uv_timer_t wake;      /* the reconciler's */
    uv_timer_t chores;    /* what is done now and then */
    uv_timer_t deadline;  /* of the shutdown, then of the close */

    struct manifest_files *files; /* the last reading */
    struct manifest_files_job *reading;
    bool read_again;
    bool read_failed;             /* the last reading, or its build: tried again */
    struct manifest_spots unread; /* where something may have changed since a reading began */
    uint64_t reading_no;          /* counts readings; the last one started */
    struct good_set good;
    bool is_good_unknown;   /* since the start, it could not be read */
    struct build_base base; /* the next build may start from it */
    bool building;
    bool was_busy;     /* when the last step had ended */
    bool had_manifest; /* a reading was built, whatever came of it */
    struct diags diags;
    bool manifest_refused;
    int64_t manifest_refused_ms; /* since when */
    int64_t manifest_loaded_ms;
    size_t manifest_files;
    uint64_t generation; /* counts over restarts */
    bool has_desired;
    uint64_t digest;
    struct list syncs;              /* control calls that wait for the reading */
    struct control_call *restoring; /* one that waits for a restore; NULL: none */
    bool reloading;

    struct list commands; /* of operators, that wait for something to be read */
    struct list watchers; /* event streams that wait for more */
    struct list asks;     /* reads of the platform that somebody waits for */
    uint64_t n_tickets;
    struct list followers; /* of the audit log */
};

/* app.c */
void app_fail(const char *why) __attribute__((noreturn)); /* at once; the ledger is true */
/* Give the reconciler an event; what it wants is carried out at the end of this turn of the loop.
 */
void app_step(struct app *app, struct rc_event *ev);
int app_try(struct app *app, struct rc_event *ev,
            struct err *err) MUST_CHECK; /* as reconcile_step */
void app_stop(struct app *app, int exit_code);
/* A `closed` callback for rooms whose end nobody waits for by itself: the loop ends when all have.
 */
void app_closed(void *arg);

/* app_rooms.c */
int app_rooms_open(struct app *app, struct err *err) MUST_CHECK;
/* Open those rooms anew that a reload changes. On an error nothing has changed. */
int app_rooms_reopen(struct app *app, const struct config *old, const struct config *next,
                     struct err *err) MUST_CHECK;
/* What only the shell knows, for status. */
struct shell_facts app_facts(const struct app *app);

/* app_config.c: errors are printed with their places. -ERR_INVALID or another code: no
 * configuration. */
int app_config_load(const struct app_options *options, struct config **out,
                    struct err *err) MUST_CHECK;
void app_config_free(struct config *c);
void app_reload(struct app *app);
int app_tokens_options(const struct config *config, struct tokens_dir_options *out, char *mark,
                       size_t mark_size, struct err *err) MUST_CHECK;

/* app_credential.c: the tokens as `config` says, from now on. On an error of one, it stays what it
 * was. */
int app_credentials_load(struct app *app, const struct config *config, struct err *err) MUST_CHECK;
int app_delete_token_load(struct app *app, const struct config *config, struct err *err) MUST_CHECK;

/* The platform has refused the token that a call of this kind goes by: if there is another one in
 * its place, that is tried. The same one is not. */
void app_credential_refused(struct app *app, enum call_kind kind);

/* app_effects.c */
void app_flush(struct app *app);
/* The same now, so that what is answered next is not forgotten. -ERR_NOT_READY: the ledger does not
 * take it; it is tried again. */
int app_flush_now(struct app *app, struct err *err) MUST_CHECK;
/* Commit what is left, and begin nothing. False: some of it could not be kept; said. */
bool app_flush_last(struct app *app);
void app_ledger_retry(struct app *app);

/* app_manifest.c */
void app_manifest_init(struct app *app);
/* Read the manifest again: all of it, or where something may have changed. */
void app_manifest_read(struct app *app);
void app_manifest_read_some(struct app *app, struct manifest_spots *takes);
void app_manifest_retry(struct app *app); /* of a reading that failed; now and then */
void app_manifest_deinit(struct app *app);
int app_manifest_check(
    const struct config *config); /* --check: an exit status; prints what is wrong */

/* app_control.c */
int app_control_open(struct app *app, struct err *err) MUST_CHECK;
/* A reading of that number is over: answer the syncs that waited for it or one before. */
void app_control_synced(struct app *app, uint64_t reading_no);
void app_control_restored(struct app *app);     /* answer a restore that has ended */
void app_control_drop_waiting(struct app *app); /* we are stopping */

/* Answer a call with what went wrong. */
void app_control_fail(struct control_call *call, int rv, const struct err *err);
/* {key: value}; takes value. NULL: no memory. */
struct json_object *app_control_wrap(const char *key, struct json_object *value);

/* app_command.c: every method of core/command.h's table. */
void app_command(void *app, struct control_call *call);
void app_commands_again(struct app *app); /* something came back: do those wait still? */
void app_commands_drop(struct app *app);  /* we are stopping */

/* app_ask.c: read something of the platform for an operator. `done` is called once, from a later
 * turn, with an answer that it takes; NULL: we are stopping. On an error it never is:
 * -ERR_NOT_READY: too many wait already; -ERR_CANCELED: we are stopping; -ERR_NOMEM. */
typedef void (*app_ask_fn)(void *arg, struct answer *a);
int app_ask(struct app *app, enum call_kind kind, const char *name, unsigned page, app_ask_fn done,
            void *arg, struct err *err) MUST_CHECK;
void app_ask_answered(struct app *app, struct answer *a); /* takes a */
void app_ask_forget(struct app *app, const void *arg);    /* who asked has gone */
void app_ask_drop(struct app *app);                       /* we are stopping */

/* app_watch.c */
void app_watch(void *arg, struct control_call *call);
void app_watch_wake(struct app *app); /* there are new events */

/* app_platform.c, app_export.c: methods */
void app_platform(void *arg, struct control_call *call);
/* New entries of the audit log, newest first: log them, and tell those who follow. Takes a. */
void app_platform_audited(struct app *app, struct answer *a);
void app_export(void *arg, struct control_call *call);

/* app_history.c: Why */
void app_history_why(void *arg, struct control_call *call);

#endif
