/* ask: one question to the daemon, for verbs that need no more: connect, call, say what went wrong.
 * In:    a method and its parameters.
 * Out:   the reply's parameters.
 * Never: leaves an error unsaid. */
#ifndef TENANTD_CTL_ASK_H
#define TENANTD_CTL_ASK_H

#include <json-c/json.h>

#include "ctl/client.h"

/* Takes `parameters`. *out: the caller's, with a member `key` (NULL: none is needed). Anything but
 * EXIT_FINE has been said on stderr. */
enum exit_code ask(const struct ctl *ctl, const char *method, struct json_object *parameters,
                   const char *key, struct json_object **out) MUST_CHECK;
/* As ask, where the daemon's error Invalid means that a file is wrong: EXIT_INVALID. */
enum exit_code ask_file(const struct ctl *ctl, const char *method, struct json_object *parameters,
                        const char *key, struct json_object **out) MUST_CHECK;

/* A client, connected; anything but EXIT_FINE has been said. */
enum exit_code ask_open(const struct ctl *ctl, struct client **out) MUST_CHECK;

/* {"kind": ..., "name": ...} of a reference. NULL: it is none, or there is no memory; said. */
struct json_object *ask_reference(const char *reference) MUST_CHECK;
/* {key: text} with NULL texts left out. NULL: no memory. */
struct json_object *ask_texts(const char *const *keys, const char *const *texts,
                              size_t n) MUST_CHECK;

#endif
