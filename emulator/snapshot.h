/* snapshot: lists as they were, for a listing that lags behind.
 * In:    the state at one moment.
 * Out:   its groups and databases as JSON, in order.
 * Never: changes again. */
#ifndef TENANTD_EMULATOR_SNAPSHOT_H
#define TENANTD_EMULATOR_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "ids.h"
#include "lib/base.h"
#include "lib/err.h"

#define SNAPSHOT_DATABASES_MAX 100000

struct emulator;
struct org;

struct snapshot_row {
    uint64_t key; /* uuid_key of the database */
    uint8_t parent[UUID_SIZE];
    bool has_parent;
    char *group;
    char *json;
};
struct snapshot_org {
    const struct org *org; /* borrowed: a snapshot goes before its state does */
    struct snapshot_row *rows;
    size_t n, capacity;
    char *groups; /* "[{...},...]" */
};
struct snapshot {
    struct snapshot_org *orgs;
    size_t n;
};

/* -ERR_LIMIT: too many databases. -ERR_NOMEM. */
int snapshot_take(const struct emulator *e, struct snapshot **out, struct err *err) MUST_CHECK;
void snapshot_free(struct snapshot *s);
const struct snapshot_org *snapshot_of(const struct snapshot *s, const struct org *org);

#endif
