/* platform_view: what the platform says of itself, as rows for people.
 * In:    answers to the calls that a question needs; the fleet, for names and groups.
 * Out:   rows of JSON.
 * Never: calls, times. */
#include "core/platform_view.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/platform_usage.h"
#include "core/reconcile_private.h"
#include "lib/json.h"

const char PLATFORM_QUESTIONS[] =
    "plan, usage, limits, locations, organizations, audit, tokens or members";

/* --- Rows as they are ---------------------------------------------------------------------- */

static bool view_rows(const struct reconcile *rc, struct answer *const *answers,
                      struct json_object *rows)
{
    bool ok = true;

    (void)rc;
    for (size_t i = 0; ok && i < answers[0]->n_rows; i++)
        ok = json_append(rows, report_row_json(answers[0]->kind, &answers[0]->rows[i]));
    return ok;
}

/* --- Plan and limits ----------------------------------------------------------------------- */

static const struct report_row *subscription_of(const struct answer *a)
{
    return a && a->n_rows ? &a->rows[0] : NULL;
}

const struct report_row *platform_plan(const struct answer *plans,
                                       const struct answer *subscription)
{
    const struct report_row *s = subscription_of(subscription);
    const char *name = s ? s->cell[REPORT_SUBSCRIPTION_PLAN] : NULL;

    for (size_t i = 0; plans && name && i < plans->n_rows; i++)
        if (strcasecmp(report_text(&plans->rows[i], REPORT_PLAN_NAME), name) == 0)
            return &plans->rows[i];
    return NULL;
}

static bool add_plan(const struct report_row *plan, const struct report_row *s, bool is_current,
                     struct json_object *rows)
{
    struct json_object *o = json_object_new_object();
    bool ok =
        report_add_cells(o, CALL_REPORT_PLANS, plan) && json_add_bool(o, "current", is_current);

    if (ok && is_current)
        ok = report_add_cell(o, CALL_REPORT_SUBSCRIPTION, s, REPORT_SUBSCRIPTION_TIMELINE) &&
             report_add_cell(o, CALL_REPORT_SUBSCRIPTION, s, REPORT_SUBSCRIPTION_OVERAGES);
    if (!ok)
        json_put(&o);
    return json_append(rows, o);
}

/* The plan subscribed to comes first; one that no list of plans tells of has a name alone. */
static bool view_plan(const struct reconcile *rc, struct answer *const *answers,
                      struct json_object *rows)
{
    const struct report_row *s = subscription_of(answers[0]);
    const struct report_row *mine = platform_plan(answers[1], answers[0]);
    struct report_row named = {0};
    bool ok;

    (void)rc;
    named.cell[REPORT_PLAN_NAME] = s ? s->cell[REPORT_SUBSCRIPTION_PLAN] : NULL;
    ok = !s || add_plan(mine ? mine : &named, s, true, rows);
    for (size_t i = 0; ok && answers[1] && i < answers[1]->n_rows; i++)
        if (&answers[1]->rows[i] != mine)
            ok = add_plan(&answers[1]->rows[i], s, false, rows);
    return ok;
}

/* clang-format off: a table */
static const struct {
    const char *name;
    size_t used;  /* of the usage */
    size_t limit; /* of the plan */
} LIMITED[] = {
    {"databases", REPORT_USAGE_DATABASES, REPORT_PLAN_DATABASES},
    {"groups", REPORT_USAGE_GROUPS, REPORT_PLAN_GROUPS},
    {"locations", REPORT_USAGE_LOCATIONS, REPORT_PLAN_LOCATIONS},
    {"storage_bytes", REPORT_USAGE_STORAGE, REPORT_PLAN_STORAGE},
    {"rows_read", REPORT_USAGE_READ, REPORT_PLAN_READ},
    {"rows_written", REPORT_USAGE_WRITTEN, REPORT_PLAN_WRITTEN},
    {"bytes_synced", REPORT_USAGE_SYNCED, REPORT_PLAN_SYNCED},
};
/* clang-format on */

static bool add_limit(size_t i, const struct report_row *plan, const struct report_row *usage,
                      struct json_object *rows)
{
    struct json_object *o = json_object_new_object();
    int64_t limit = 0;
    int64_t used = 0;
    bool has_limit = plan && report_int(plan, LIMITED[i].limit, &limit);
    bool has_used = usage && report_int(usage, LIMITED[i].used, &used);
    bool ok = o && json_add_str(o, "what", LIMITED[i].name) &&
              (!has_used || json_add_int(o, "used", used)) &&
              (!has_limit || json_add_int(o, "limit", limit)) &&
              (!has_limit || !has_used || json_add_int(o, "left", limit - used));

    if (!ok)
        json_put(&o);
    return json_append(rows, o);
}

/* No endpoint tells limits: they are what the plan allows, beside what is used of it. */
static bool view_limits(const struct reconcile *rc, struct answer *const *answers,
                        struct json_object *rows)
{
    const struct report_row *plan = platform_plan(answers[1], answers[0]);
    bool ok = true;

    (void)rc;
    for (size_t i = 0; ok && i < ARRAY_SIZE(LIMITED); i++)
        ok = add_limit(i, plan, platform_usage_whole(answers[2]), rows);
    return ok;
}

/* --- Locations ----------------------------------------------------------------------------- */

/* By the word that a code has behind its provider. */
static const struct {
    const char *word;
    const char *region;
} REGIONS[] = {
    {"af", "Africa"},        {"ap", "Asia Pacific"},  {"ca", "North America"},
    {"cn", "Asia Pacific"},  {"eu", "Europe"},        {"il", "Middle East"},
    {"me", "Middle East"},   {"mx", "North America"}, {"sa", "South America"},
    {"us", "North America"},
};

/* "aws-eu-west-1" is in Europe; the older platform's codes of three letters tell no region. */
static const char *region_of(const char *code)
{
    const char *dash = strchr(code, '-');

    for (size_t i = 0; dash && i < ARRAY_SIZE(REGIONS); i++)
        if (strncmp(dash + 1, REGIONS[i].word, 2) == 0 && dash[3] == '-')
            return REGIONS[i].region;
    return dash ? "Other" : "Legacy";
}

static int compare_locations(const void *a, const void *b)
{
    const struct report_row *x = a;
    const struct report_row *y = b;
    int c =
        strcmp(region_of(x->cell[REPORT_LOCATION_CODE]), region_of(y->cell[REPORT_LOCATION_CODE]));

    return c ? c : strcmp(x->cell[REPORT_LOCATION_CODE], y->cell[REPORT_LOCATION_CODE]);
}

static bool view_locations(const struct reconcile *rc, struct answer *const *answers,
                           struct json_object *rows)
{
    struct answer *a = answers[0];
    const char *closest = answers[1] ? answers[1]->location : NULL;
    bool ok = true;

    (void)rc;
    if (a->n_rows)
        qsort(a->rows, a->n_rows, sizeof(*a->rows), compare_locations);
    for (size_t i = 0; ok && i < a->n_rows; i++) {
        const char *code = a->rows[i].cell[REPORT_LOCATION_CODE];
        struct json_object *o = json_object_new_object();

        if (!json_add_str(o, "region", region_of(code)) ||
            !report_add_cells(o, CALL_REPORT_LOCATIONS, &a->rows[i]) ||
            !json_add_bool(o, "closest", closest && strcmp(closest, code) == 0))
            json_put(&o);
        ok = json_append(rows, o);
    }
    return ok;
}

/* --- API tokens ---------------------------------------------------------------------------- */

/* One that we run with, or one that the ledger says we made. */
static bool is_ours(const struct reconcile *rc, const char *id)
{
    if (!id)
        return false;
    if (strcmp(rc->self.token.token_id, id) == 0 || strcmp(rc->self.delete_token.token_id, id) == 0)
        return true;
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        for (size_t k = 0; k < rc->fleet.api_tokens[i]->n_keys; k++) {
            const char *known = rc->fleet.api_tokens[i]->keys[k].row.id;

            if (known && strcmp(known, id) == 0)
                return true;
        }
    return false;
}

static bool view_tokens(const struct reconcile *rc, struct answer *const *answers,
                        struct json_object *rows)
{
    const struct answer *a = answers[0];
    bool ok = true;

    for (size_t i = 0; ok && i < a->n_rows; i++) {
        struct json_object *o = report_row_json(a->kind, &a->rows[i]);

        if (!json_add_bool(o, "ours", is_ours(rc, a->rows[i].cell[REPORT_TOKEN_ID])))
            json_put(&o);
        ok = json_append(rows, o);
    }
    return ok;
}

/* --- Members ------------------------------------------------------------------------------- */

static bool view_members(const struct reconcile *rc, struct answer *const *answers,
                         struct json_object *rows)
{
    bool ok = true;

    (void)rc;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; ok && answers[k] && i < answers[k]->n_rows; i++) {
            struct json_object *o = report_row_json(answers[k]->kind, &answers[k]->rows[i]);

            if (!json_add_str(o, "state", k == 0 ? "member" : "invited"))
                json_put(&o);
            ok = json_append(rows, o);
        }
    }
    return ok;
}

/* --- The questions ------------------------------------------------------------------------- */

static const struct platform_question QUESTIONS[] = {
    {"plan", {CALL_REPORT_SUBSCRIPTION, CALL_REPORT_PLANS}, 2, 1, view_plan},
    {"limits", {CALL_REPORT_SUBSCRIPTION, CALL_REPORT_PLANS, CALL_REPORT_USAGE}, 3, 0, view_limits},
    {"usage", {CALL_REPORT_USAGE}, 1, 1, platform_usage_groups},
    {"locations", {CALL_REPORT_LOCATIONS, CALL_LOCATION_CLOSEST}, 2, 1, view_locations},
    {"organizations", {CALL_REPORT_ORGANIZATIONS}, 1, 1, view_rows},
    {"tokens", {CALL_REPORT_TOKENS}, 1, 1, view_tokens},
    {"members", {CALL_REPORT_MEMBERS, CALL_REPORT_INVITES}, 2, 1, view_members},
    {"audit", {CALL_REPORT_AUDIT}, 1, 1, view_rows},
};

const struct platform_question *platform_question(const char *what)
{
    for (size_t i = 0; i < ARRAY_SIZE(QUESTIONS); i++)
        if (strcmp(QUESTIONS[i].what, what) == 0)
            return &QUESTIONS[i];
    return NULL;
}
