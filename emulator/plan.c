/* plan: what the subscription allows.
 * In:    a profile.
 * Out:   prices and quotas.
 * Never: refuses anything itself. */
#include "plan.h"

#include <string.h>

#include "lib/base.h"
#include "switches.h"

#define MILLION INT64_C(1000000)
#define BILLION INT64_C(1000000000)

const struct plan PLANS[] = {
    {.name = "starter",
     .price = "0",
     .rows_read = BILLION,
     .rows_written = 25 * MILLION,
     .storage_bytes = 9 * BILLION,
     .bytes_synced = 3 * BILLION,
     .databases = 500,
     .groups = 1,
     .locations = 3},
    {.name = "scaler",
     .price = "29",
     .rows_read = 100 * BILLION,
     .rows_written = 100 * MILLION,
     .storage_bytes = 24 * BILLION,
     .bytes_synced = 24 * BILLION,
     .locations = 6,
     .restore_days = 30,
     .has_allow_lists = true,
     .has_encryption = true,
     .has_teams = true,
     .has_restore = true,
     .has_audit_logs = true},
};
const size_t N_PLANS = ARRAY_SIZE(PLANS);

const struct plan *plan_current(const struct switches *s)
{
    for (size_t i = 0; i < N_PLANS; i++) {
        if (!strcmp(PLANS[i].name, switches_profile(s)))
            return &PLANS[i];
    }
    return &PLANS[0];
}

int64_t plan_max_groups(const struct switches *s)
{
    return s->max_groups ? s->max_groups : plan_current(s)->groups;
}

int64_t plan_max_databases(const struct switches *s)
{
    return s->max_databases ? s->max_databases : plan_current(s)->databases;
}

bool plan_has_room_for_member(const struct switches *s, size_t n)
{
    return plan_current(s)->has_teams && (!s->max_members || (int64_t)n < s->max_members);
}
