/* emulator: the whole platform behind one function: a request in, an answer out.
 * In:    options at birth, then requests, one at a time.
 * Out:   answers; it also counts and remembers the requests.
 * Never: knows of sockets; what sends the answers is the server. */
#ifndef TENANTD_EMULATOR_EMULATOR_H
#define TENANTD_EMULATOR_EMULATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "api_token.h"
#include "clock.h"
#include "content.h"
#include "fault.h"
#include "ids.h"
#include "lib/base.h"
#include "lib/err.h"
#include "people.h"
#include "record.h"
#include "state.h"
#include "switches.h"

struct options;
struct request;
struct answer;

struct emulator {
    const struct options *options; /* borrowed */
    struct switches switches;
    struct clock clock;
    struct ids ids;
    struct users users;
    struct api_tokens api_tokens;
    struct state state;
    struct faults faults;
    struct record record;
    struct content_store content_store;
    char database_host[300]; /* "" for the hosts that the platform has */
    double allowance;        /* of the rate limit: requests that may come at once */
    int64_t allowance_at_ns;
    uint64_t n_resets; /* answers that still wait when it grows are of a past life */
};

/* Options are borrowed for as long as it lives. -ERR_NOMEM, or why the fault script is bad. */
int emulator_init(struct emulator *e, const struct options *options, struct err *err) MUST_CHECK;
void emulator_deinit(struct emulator *e);
/* As it was at birth: state, switches, clock, faults, counters, log. On error it is empty. */
int emulator_reset(struct emulator *e, struct err *err) MUST_CHECK;

/* The port that databases' hosts have, where they are all at one name. */
void emulator_set_port(struct emulator *e, const char *port);

/* `a` is inited by the caller, and the caller's to deinit. */
void emulator_answer(struct emulator *e, struct request *rq, struct answer *a);

#endif
