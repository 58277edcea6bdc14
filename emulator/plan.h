/* plan: what the subscription allows.
 * In:    a profile.
 * Out:   prices and quotas.
 * Never: refuses anything itself. */
#ifndef TENANTD_EMULATOR_PLAN_H
#define TENANTD_EMULATOR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct switches;

struct plan {
    const char *name;
    const char *price;
    int64_t rows_read, rows_written, storage_bytes, bytes_synced;
    int64_t databases; /* 0: no limit */
    int64_t groups;    /* 0: no limit */
    int64_t locations;
    int64_t restore_days; /* how far back a copy may reach; 0: one day */
    bool has_allow_lists, has_encryption, has_teams, has_restore, has_audit_logs;
};

extern const struct plan PLANS[];
extern const size_t N_PLANS;

/* The plan of the present profile. */
const struct plan *plan_current(const struct switches *s);
/* Limits with the switches' own numbers put before the plan's; 0: no limit. */
int64_t plan_max_groups(const struct switches *s);
int64_t plan_max_databases(const struct switches *s);

/* May an organization of `n` members have one more? */
bool plan_has_room_for_member(const struct switches *s, size_t n);

#endif
