/* client: calls to the daemon over its socket, one after the other, each with a bound on its time.
 * In:    a method, its parameters, until when.
 * Out:   the reply's parameters; or the status to exit with, and why.
 * Never: waits without a bound but where the caller has none; prints. */
#ifndef TENANTD_CTL_CLIENT_H
#define TENANTD_CTL_CLIENT_H

#include <json-c/json.h>

#include "ctl/ctl.h"
#include "lib/err.h"

#define CLIENT_NO_DEADLINE INT64_MAX
#define CLIENT_PATIENCE_MS INT64_C(30000) /* for one reply, where nothing else is said */

struct client;

/* Monotonic milliseconds, and those `ms` from now (negative: CLIENT_NO_DEADLINE). */
int64_t client_clock(void);
int64_t client_deadline(int64_t ms);

/* EXIT_FINE, EXIT_UNREACHABLE, EXIT_DENIED (not allowed to open the socket), EXIT_FAILED. */
enum exit_code client_open(const char *path, struct client **out, struct err *err) MUST_CHECK;
void client_close(struct client *c); /* takes NULL */

/* Send a call of org.tenantd.Control. Takes `parameters` (NULL: none). */
enum exit_code client_send(struct client *c, const char *method, struct json_object *parameters,
                           bool more, struct err *err) MUST_CHECK;

/* The next reply's parameters, an object, the caller's. *out_continues: there will be more.
 * What the daemon answers with an error is err, and: NotFound, NotReady, Paused and others
 * EXIT_FAILED; Held EXIT_HELD; Denied EXIT_DENIED; no answer in time EXIT_TIMED_OUT; the connection
 * gone EXIT_UNREACHABLE. */
enum exit_code client_receive(struct client *c, int64_t deadline, struct json_object **out,
                              bool *out_continues, struct err *err) MUST_CHECK;
/* The name of the error that the last reply was, without its interface: "NotFound"; "": it was
 * none. */
const char *client_error(const struct client *c);

/* EXIT_FINE when a reply has this member, of the type that the interface says; else EXIT_FAILED. */
enum exit_code client_expect(struct json_object *reply, const char *key,
                             struct err *err) MUST_CHECK;

/* client_send and client_receive, for one reply. */
enum exit_code client_call(struct client *c, const char *method, struct json_object *parameters,
                           struct json_object **out, struct err *err) MUST_CHECK;

/* Wait until there is something to receive, or the deadline. EXIT_FINE: there is. */
enum exit_code client_wait(struct client *c, int64_t deadline, struct err *err) MUST_CHECK;

#endif
