#include "core/quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/platform_view.h"
#include "core/reconcile_private.h"

#define AGAIN_MS ((int64_t)3600 * 1000)
#define HIGH     90 /* percent, from which on it is said */

void quota_deinit(struct quota *q)
{
    answer_free(q->subscription);
    answer_free(q->plans);
    q->subscription = q->plans = NULL;
}

bool quota_is_awaited(const struct quota *q)
{
    return q->is_on && !q->answered;
}

void quota_again(struct reconcile *rc)
{
    rc->quota.next_ms = rc->now_ms;
}

/* There is something to hold it against, and nobody waits for what else is asked. */
static bool wants_usage(const struct reconcile *rc)
{
    const struct quota *q = &rc->quota;
    bool has_limit = false;

    for (int i = 0; i < SPENT_N; i++)
        has_limit = has_limit || q->spent_limit[i] > 0;
    return q->tells_usage && has_limit && !q->asks_usage && !q->outstanding && rc->obs.answered &&
           rc->obs.stage == OBS_IDLE;
}

void quota_tick(struct reconcile *rc, struct effects *fx)
{
    struct quota *q = &rc->quota;

    if (!q->is_on || rc->stopping)
        return;
    if (!q->outstanding && rc->now_ms >= q->next_ms) {
        q->next_ms = rc->now_ms + AGAIN_MS;
        q->outstanding = 2;
        rc_ask(rc, fx, ASK_QUOTA, CALL_REPORT_SUBSCRIPTION, 0);
        rc_ask(rc, fx, ASK_QUOTA, CALL_REPORT_PLANS, 0);
    }
    if (wants_usage(rc) && rc->now_ms >= q->usage_next_ms) {
        q->usage_next_ms = rc->now_ms + AGAIN_MS;
        q->asks_usage = true;
        rc_ask(rc, fx, ASK_QUOTA, CALL_REPORT_USAGE, 0);
    }
}

int64_t quota_wake(const struct reconcile *rc)
{
    const struct quota *q = &rc->quota;
    int64_t wake_ms = q->is_on && !q->outstanding ? q->next_ms : INT64_MAX;

    return wants_usage(rc) && q->usage_next_ms < wake_ms ? q->usage_next_ms : wake_ms;
}

/* --- What the answers mean ----------------------------------------------------------------- */

static bool has_overages(const struct quota *q)
{
    const struct answer *a = q->subscription;

    return a && a->n_rows &&
           strcmp(report_text(&a->rows[0], REPORT_SUBSCRIPTION_OVERAGES), "true") == 0;
}

static int64_t limit_of(const struct report_row *plan, size_t column)
{
    int64_t limit;

    return plan && report_int(plan, column, &limit) ? limit : -1;
}

/* clang-format off: a table */
static const struct {
    const char *name;
    size_t used;
    size_t limit;
} SPENT[SPENT_N] = {
    [SPENT_STORAGE] = {"storage_bytes", REPORT_USAGE_STORAGE, REPORT_PLAN_STORAGE},
    [SPENT_READ] = {"rows_read", REPORT_USAGE_READ, REPORT_PLAN_READ},
    [SPENT_WRITTEN] = {"rows_written", REPORT_USAGE_WRITTEN, REPORT_PLAN_WRITTEN},
    [SPENT_SYNCED] = {"bytes_synced", REPORT_USAGE_SYNCED, REPORT_PLAN_SYNCED},
};
/* clang-format on */

static void say_spent(struct reconcile *rc, struct effects *fx, const struct report_row *usage,
                      enum spent i)
{
    struct quota *q = &rc->quota;
    int64_t limit = q->spent_limit[i];
    int64_t used;
    bool is_high;

    if (limit <= 0 || !report_int(usage, SPENT[i].used, &used))
        return;
    is_high = (double)used >= (double)limit * HIGH / 100;
    if (is_high && !(q->high & 1u << i))
        rc_event(rc, fx, NULL, "UsageHigh", 4, NULL,
                 "%s: %" PRId64 " of the %" PRId64
                 " that the plan %s allows are used; beyond it the platform may block reads or "
                 "writes",
                 SPENT[i].name, used, limit, q->plan);
    q->high = is_high ? q->high | 1u << i : q->high & ~(1u << i);
}

static void conclude(struct reconcile *rc)
{
    struct quota *q = &rc->quota;
    const struct report_row *plan = platform_plan(q->plans, q->subscription);

    q->answered = true;
    snprintf(q->plan, sizeof(q->plan), "%s", plan ? report_text(plan, REPORT_PLAN_NAME) : "");
    for (int k = 0; k < KIND_N; k++)
        q->limit[k] = -1;
    for (int i = 0; i < SPENT_N; i++)
        q->spent_limit[i] = 0;
    if (plan && !has_overages(q)) {
        q->limit[KIND_DATABASE] = limit_of(plan, REPORT_PLAN_DATABASES);
        q->limit[KIND_GROUP] = limit_of(plan, REPORT_PLAN_GROUPS);
        for (int i = 0; i < SPENT_N; i++)
            q->spent_limit[i] = limit_of(plan, SPENT[i].limit);
    }
    quota_deinit(q);
    rc->replan = true;
}

static void absorb_usage(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    rc->quota.asks_usage = false;
    for (int i = 0; a->outcome == OUTCOME_OK && a->n_rows && i < SPENT_N; i++)
        say_spent(rc, fx, &a->rows[a->n_rows - 1], (enum spent)i);
    answer_free(a);
}

void quota_absorb(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    struct quota *q = &rc->quota;
    struct answer **place = a->kind == CALL_REPORT_SUBSCRIPTION ? &q->subscription : &q->plans;

    if (a->kind == CALL_REPORT_USAGE) {
        absorb_usage(rc, fx, a);
        return;
    }
    answer_free(*place);
    *place = NULL;
    if (a->outcome == OUTCOME_OK)
        *place = a;
    else
        answer_free(a); /* not known, which blocks nothing */
    if (q->outstanding && --q->outstanding == 0)
        conclude(rc);
}

/* --- What there is room for ---------------------------------------------------------------- */

/* One of ours that is missing is not made anew by itself. */
static bool is_missing(const struct owned *own, bool has_own)
{
    return has_own && strcmp(own->state, "owned") == 0 && !own->recreate;
}

void quota_groups(struct reconcile *rc)
{
    const struct fleet *f = &rc->fleet;
    int64_t room = rc->quota.limit[KIND_GROUP];
    bool is_known = rc->quota.is_on && rc->quota.answered;

    for (size_t i = 0; i < f->n_groups; i++)
        room -= room > 0 && f->groups[i]->live.present;
    for (size_t i = 0; i < f->n_groups; i++) {
        struct group *g = f->groups[i];
        bool to_make =
            g->want && !g->want->absent && !g->live.present && !is_missing(&g->own, g->has_own);

        g->over_quota = is_known && to_make && room == 0;
        room -= to_make && room > 0;
    }
}

int64_t quota_room(const struct reconcile *rc, size_t present)
{
    int64_t limit = rc->quota.limit[KIND_DATABASE];

    if (!rc->quota.is_on || !rc->quota.answered || limit < 0)
        return -1;
    return limit > (int64_t)present ? limit - (int64_t)present : 0;
}

void quota_database(const struct world *w, struct database *d, int64_t *room)
{
    bool to_make = database_is_wanted(w, d) && !d->want->observe && !d->live.present &&
                   !is_missing(&d->own, d->has_own);

    d->over_quota = to_make && *room == 0;
    *room -= to_make && *room > 0;
}
