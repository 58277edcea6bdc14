/* record: what was asked of this platform: counters, and the last requests in full.
 * In:    each request with its fate.
 * Out:   numbers and entries for /_emulator/.
 * Never: keeps a token; of the Authorization header it knows whether it was accepted. */
#ifndef TENANTD_EMULATOR_RECORD_H
#define TENANTD_EMULATOR_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

#define RECORD_RING     100000
#define RECORD_BODY_MAX 4096 /* bytes of a body that are kept */

struct request;
struct record_entry;

struct record {
    struct record_entry **ring; /* request seq is in slot (seq - 1) % RECORD_RING, or NULL is */
    size_t n_slots, capacity;   /* grows up to RECORD_RING */
    uint64_t n;                 /* requests, ever; the next one's seq is n + 1 */
    uint32_t (*by_status)[600]; /* a row per route, and one for what matched none */
    uint64_t *per_route;
    uint64_t unknown_keys, unauthorized, faults_fired;
    uint64_t in_flight, in_flight_peak;
};

bool record_init(struct record *r) MUST_CHECK;
void record_deinit(struct record *r);

/* status 0: the connection was closed instead. Without memory the entry is left out. */
void record_add(struct record *r, const struct request *rq, unsigned status, bool authorized);
void record_begin(struct record *r, struct request *rq); /* a request is being answered ... */
void record_end(struct record *r, struct request *rq);   /* ... and was, or never began */

void record_write_counters(const struct record *r, struct buf *out);
/* Entries with a seq above `since`, oldest first. */
void record_write_requests(const struct record *r, uint64_t since, struct buf *out);

#endif
