/* err: what went wrong, as a code to branch on and a text for people.
 * In:    a code, a printf format.
 * Out:   -code, so that `return err_set(err, ERR_INVALID, "...");` reads as one step.
 * Never: allocates, logs. */
#ifndef TENANTD_LIB_ERR_H
#define TENANTD_LIB_ERR_H

#include <stdbool.h>

#include "lib/base.h"

/* The table of error codes. */
/* clang-format off: a table */
#define ERR_TABLE(X)                                                                               \
    /* code, text */                                                                               \
    X(ERR_NOMEM, "out of memory")                                                                  \
    X(ERR_INVALID, "invalid input")                                                                \
    X(ERR_LIMIT, "over a limit")                                                                   \
    X(ERR_NOT_FOUND, "not found")                                                                  \
    X(ERR_EXISTS, "exists already")                                                                \
    X(ERR_LOCKED, "locked by another process")                                                     \
    X(ERR_CORRUPT, "damaged")                                                                      \
    X(ERR_FOREIGN, "belongs to something else")                                                    \
    X(ERR_NEWER, "written by a newer version")                                                     \
    X(ERR_PERMISSION, "not permitted")                                                             \
    X(ERR_NO_SPACE, "no space left")                                                               \
    X(ERR_IO, "input or output failed")                                                            \
    X(ERR_UNREACHABLE, "not reachable")                                                            \
    X(ERR_TIMEOUT, "timed out")                                                                    \
    X(ERR_CANCELED, "canceled")                                                                    \
    X(ERR_HELD, "waits for approval")                                                              \
    X(ERR_PAUSED, "paused")                                                                        \
    X(ERR_NOT_READY, "not now")
/* clang-format on */

#define ERR_ENUM(code, text) code,
enum err_code { ERR_OK, ERR_TABLE(ERR_ENUM) ERR_N };
#undef ERR_ENUM

struct err {
    enum err_code code;
    char msg[1024];
};
#define ERR_INIT ((struct err){.code = ERR_OK})

/* Set code and message; a longer message is cut. `e` may be NULL. Returns -code. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF(3, 4);

/* As err_set, for code ERR_NOMEM. */
int err_nomem(struct err *e);

/* As err_set, with ": <strerror(errnum)>" behind the message and the code that fits errnum
 * (ENOENT: NOT_FOUND, EACCES/EPERM/EROFS: PERMISSION, ENOSPC/EDQUOT: NO_SPACE, ENOMEM: NOMEM,
 * EEXIST: EXISTS, everything else: IO). */
int err_errno(struct err *e, int errnum, const char *fmt, ...) PRINTF(3, 4);

/* Put "context: " before the message; the code stays. Returns -code. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* The table's text of a code. */
const char *err_text(enum err_code code);

#endif
