/* server: HTTP in front of the emulator.
 * In:    a listening address, an emulator.
 * Out:   requests handed over whole, answers sent, late where they shall be late.
 * Never: knows what a request means. */
#ifndef TENANTD_EMULATOR_SERVER_H
#define TENANTD_EMULATOR_SERVER_H

#include "lib/base.h"
#include "lib/err.h"

struct emulator;
struct options;
struct server;

/* Borrows both until close. -ERR_IO and its like: the address; -ERR_INVALID: certificate or key. */
int server_open(const struct options *options, struct emulator *e, struct server **out,
                struct err *err) MUST_CHECK;
/* "http://127.0.0.1:41233": borrowed until close. */
const char *server_port(const struct server *s); /* borrowed */
const char *server_url(const struct server *s);
/* Serves until SIGINT or SIGTERM. */
int server_run(struct server *s, struct err *err) MUST_CHECK;
void server_close(struct server *s);

#endif
