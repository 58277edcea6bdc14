/* ctl: what the verbs of tenantctl share: how it was asked, how to answer, how to end. */
#ifndef TENANTD_CTL_CTL_H
#define TENANTD_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

/* What programs that call us branch on; never renumbered. */
enum exit_code {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_CHANGES = 2, /* plan: there is something to do */
    EXIT_HELD = 3,
    EXIT_INVALID = 4, /* the manifest is */
    EXIT_UNREACHABLE = 5,
    EXIT_DENIED = 6,
    EXIT_TIMED_OUT = 7,
    EXIT_DEGRADED = 8, /* or partly failed */
    EXIT_USAGE = 64,
};

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NDJSON };

/* The command line. Texts are borrowed from argv. */
struct ctl {
    const char *socket;
    enum output output;
    bool has_colour;  /* of stdout */
    bool has_utf8;    /* the locale's */
    bool is_terminal; /* stdout is one */
    bool is_watched;  /* stderr is a terminal: progress is shown */
    const char *phase;
    const char *source;
    const char *since;
    const char *reason;
    const char *id;
    const char *to;
    const char *until;
    const char *state_dir;
    int64_t timeout_ms; /* -1: not said */
    const char *action;
    const char *author;
    bool wait;
    bool follow;
    bool databases;
    bool invalidate;
    bool yes;
    bool all;           /* instances on this host */
    char *const *words; /* what is not an option, behind the verb */
    size_t n_words;
};

/* A verb: one file, or one of a few in a file. `options` lists the letters of OPTIONS (options.c)
 * that it takes beside the common ones. */
struct verb {
    const char *name;
    const char *arguments; /* as usage says it; "" for none */
    const char *summary;   /* one line */
    const char *details;   /* more for `help VERB`; "" for none */
    const char *options;
    size_t min_words;
    size_t max_words;
    enum exit_code (*run)(const struct ctl *ctl);
};
extern const struct verb VERBS[];
extern const size_t N_VERBS;

enum exit_code verb_status(const struct ctl *ctl);
enum exit_code verb_list(const struct ctl *ctl);
enum exit_code verb_describe(const struct ctl *ctl);
enum exit_code verb_rotate(const struct ctl *ctl);
enum exit_code verb_backup(const struct ctl *ctl);
enum exit_code verb_why(const struct ctl *ctl);
enum exit_code verb_plan(const struct ctl *ctl);
enum exit_code verb_approve(const struct ctl *ctl);
enum exit_code verb_reject(const struct ctl *ctl);
enum exit_code verb_move(const struct ctl *ctl);
enum exit_code verb_restore(const struct ctl *ctl);
enum exit_code verb_sync(const struct ctl *ctl);
enum exit_code verb_wait(const struct ctl *ctl);
enum exit_code verb_events(const struct ctl *ctl);
enum exit_code verb_validate(const struct ctl *ctl);
enum exit_code verb_pause(const struct ctl *ctl);
enum exit_code verb_resume(const struct ctl *ctl);
enum exit_code verb_export(const struct ctl *ctl);
enum exit_code verb_platform(const struct ctl *ctl);
enum exit_code verb_recreate(const struct ctl *ctl);
enum exit_code verb_release(const struct ctl *ctl);
enum exit_code verb_adopt(const struct ctl *ctl);
enum exit_code verb_purge(const struct ctl *ctl);
enum exit_code verb_reload(const struct ctl *ctl);
enum exit_code verb_version(const struct ctl *ctl);
enum exit_code verb_help(const struct ctl *ctl);

/* A line on stderr, "tenantctl: ...", without control characters. */
void note(const char *fmt, ...) PRINTF(1, 2);
/* The same for a wrong command line. Returns EXIT_USAGE. */
enum exit_code usage(const char *fmt, ...) PRINTF(1, 2);

/* Milliseconds since the epoch. */
int64_t now_ms(void);

/* "KIND/NAME" in two; false: not of that form. *out_name is borrowed from `reference`. */
#define KIND_SIZE 32
bool split_reference(const char *reference, char *out_kind, const char **out_name) MUST_CHECK;

#endif
