/* command: what an operator can tell the reconciler to do about one resource, or about all. Each is
 * a line in COMMANDS, a function in command.c (or a room of its own), a line in
 * io/control_methods.c, and a method in org.tenantd.Control.varlink; the shell carries all of them
 * alike.
 * In:    struct command, in an event RC_COMMAND.
 * Out:   what was done, in words; an event of the history with who, when and why.
 * Never: what the platform is asked by the way; a command changes what is known and wanted, and the
 *        acts follow from that. */
#ifndef TENANTD_CORE_COMMAND_H
#define TENANTD_CORE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json_types.h>

#include "lib/base.h"

/* X(symbol, varlink method, function of the reconciler, event of the history) */
/* clang-format off: a table */
#define COMMANDS(X)                                                                                \
    X(PAUSE, "Pause", rc_pause, "Paused")                                                          \
    X(RESUME, "Resume", rc_resume, "Resumed")                                                      \
    X(RECREATE, "Recreate", rc_recreate, "RecreateAsked")                                          \
    X(RELEASE, "Release", rc_release, "ReleaseAsked")                                              \
    X(ADOPT, "Adopt", rc_adopt, "Adopted")                                                         \
    X(PURGE, "Purge", rc_purge, "PurgeAsked")                                                      \
    X(ROTATE, "RotateToken", rc_rotate, "RotateAsked")
/* clang-format on */
#define COMMAND_ENUM(symbol, method, function, event) COMMAND_##symbol,
enum command_kind { COMMANDS(COMMAND_ENUM) COMMAND_N };
#undef COMMAND_ENUM

/* Texts are borrowed. What a command does not take is NULL or 0.
 * It ends with 0; -ERR_NOT_FOUND: no such resource, or nothing to end; -ERR_INVALID: not this, or
 * not so; -ERR_HELD: something waits for approval first; -ERR_PAUSED: it is paused; -ERR_NOT_READY:
 * not now; -ERR_PERMISSION. On an error nothing has changed. */
struct command {
    enum command_kind kind;
    const char *resource_kind; /* both NULL: the whole organization */
    const char *name;
    const char *id; /* a platform id */
    const char *reason;
    int64_t until_ms; /* wall clock; 0: not said */
    int64_t uid;
    bool look;                  /* only say what would be done */
    bool invalidate;            /* RotateToken: rotate the keys, which ends the tokens of before */
    struct json_object *tokens; /* out: RotateToken: those that stop working; the caller's */
    int64_t asked_ms;           /* monotonic: it waits since; the reconciler's own; 0 at first */
    bool waits;        /* out: nothing is done yet; give it again when something has come back */
    char message[512]; /* out: what was done, for the operator */
};

#endif
