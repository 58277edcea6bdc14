/* switches: how this platform behaves where the real one's behaviour differs or is not known.
 * In:    names and values from argv or from /_emulator/switches.
 * Out:   one struct that the routes read.
 * Never: takes a name or a value that it does not know. */
#ifndef TENANTD_EMULATOR_SWITCHES_H
#define TENANTD_EMULATOR_SWITCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/err.h"

struct json_object;

enum profile { PROFILE_SCALER, PROFILE_STARTER };
enum rotate_scope { ROTATE_AUTO, ROTATE_GROUP, ROTATE_DATABASE };
enum readback { READBACK_BYTES, READBACK_AS_SENT };

struct switches {
    int64_t latency_ms;           /* added to every answer */
    int64_t group_ready_delay_ms; /* until a new group can hold databases */
    int64_t unarchive_delay_ms;
    int64_t data_plane_delay_ms; /* until a new database answers on its own host */
    int64_t duplicate_status;    /* 400, 409 or 422: creating a database that is there */
    int64_t out_of_reach_status; /* 403 or 404: a thing outside the group of a token */
    int64_t page_cut;            /* rows a listing holds at most */
    int64_t max_groups;          /* 0: what the profile allows */
    int64_t max_databases;       /* 0: what the profile allows */
    int64_t max_members;         /* 0: what the profile allows */
    int64_t rate;                /* requests a second; 0: no limit */
    int64_t burst;
    bool primary_prefix; /* a group's primary is aws-eu-west-1, not eu-west-1 */
    bool new_engine;     /* refuses size_limit and token permissions */
    bool legacy;         /* old locations, replicas, allow_attach */
    int profile, rotate_scope, size_limit_readback;
};
#define SWITCHES_INIT                                                                              \
    ((struct switches){.duplicate_status = 400,                                                    \
                       .out_of_reach_status = 403,                                                 \
                       .page_cut = 1000,                                                           \
                       .data_plane_delay_ms = 2500,                                                \
                       .burst = 10})

/* Sets what the object names. On error nothing is set. -ERR_INVALID names the key. */
int switches_set(struct switches *s, struct json_object *object, struct err *err) MUST_CHECK;
/* One switch from text: what a command line gives. -ERR_INVALID. */
int switches_set_text(struct switches *s, const char *name, const char *value,
                      struct err *err) MUST_CHECK;
void switches_write(const struct switches *s, struct buf *out);
const char *switches_profile(const struct switches *s); /* "scaler", "starter" */

#endif
