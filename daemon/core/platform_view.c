/* platform_view: what the platform says of itself, as rows for people.
 * In:    answers to the calls that a question needs; the fleet, for names and groups.
 * Out:   rows of JSON.
 * Never: calls, times. */
#include "core/platform_view.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "lib/json.h"
#include "lib/mem.h"

const char PLATFORM_QUESTIONS[] =
    "plan, usage, limits, locations, organizations, audit, tokens or members";

/* --- Rows as they are ---------------------------------------------------------------------- */

static bool add_cell(struct json_object *o, const struct report_column *c, const char *text)
{
    int64_t number;

    if (!text)
        return true;
    switch (c->type) {
    case REPORT_INT:
        number = strtoll(text, NULL, 10);
        return json_add_int(o, c->key, number);
    case REPORT_BOOL:
        return json_add_bool(o, c->key, strcmp(text, "true") == 0);
    case REPORT_SET:
        return json_add(o, c->key, json_list_of_set(text));
    case REPORT_TEXT:
    case REPORT_NOTE:
        break;
    }
    return json_add_str(o, c->key, text);
}

static bool add_cells(struct json_object *o, enum call_kind kind, const struct report_row *row)
{
    bool ok = o != NULL;

    for (size_t i = 0; ok && i < REPORT[kind].n_columns; i++)
        ok = add_cell(o, &REPORT[kind].columns[i], row->cell[i]);
    return ok;
}

struct json_object *report_row_json(enum call_kind kind, const struct report_row *row)
{
    struct json_object *o = json_object_new_object();

    if (!add_cells(o, kind, row))
        json_put(&o);
    return o;
}

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
    bool ok = add_cells(o, CALL_REPORT_PLANS, plan) && json_add_bool(o, "current", is_current);

    if (ok && is_current)
        ok = add_cell(o, &REPORT[CALL_REPORT_SUBSCRIPTION].columns[REPORT_SUBSCRIPTION_TIMELINE],
                      s->cell[REPORT_SUBSCRIPTION_TIMELINE]) &&
             add_cell(o, &REPORT[CALL_REPORT_SUBSCRIPTION].columns[REPORT_SUBSCRIPTION_OVERAGES],
                      s->cell[REPORT_SUBSCRIPTION_OVERAGES]);
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

static const struct report_row *organization_usage(const struct answer *usage)
{
    return usage && usage->n_rows ? &usage->rows[usage->n_rows - 1] : NULL;
}

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
        ok = add_limit(i, plan, organization_usage(answers[2]), rows);
    return ok;
}

/* --- Usage --------------------------------------------------------------------------------- */

/* Databases by id, for the names and groups of what usage gives ids of. */
struct by_id {
    struct arena arena;
    struct known {
        const char *id;
        size_t at; /* in the fleet */
    } * items;
    size_t n;
};

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->id, ((const struct known *)b)->id);
}

static void forget_ids(struct by_id *ids)
{
    arena_deinit(&ids->arena);
    mem_free(ids->items);
}

static bool index_by_id(const struct reconcile *rc, struct by_id *out)
{
    const struct fleet *f = &rc->fleet;
    bool ok;

    *out = (struct by_id){.items = mem_alloc((f->n_databases + 1) * sizeof(*out->items))};
    ok = out->items != NULL;
    for (size_t i = 0; ok && i < f->n_databases; i++) {
        const struct database *d;

        if (!(fleet_flags(f, i) & PACKED_PRESENT))
            continue;
        d = fleet_peek(f, i);
        ok = d != NULL;
        if (d && d->live.id) {
            out->items[out->n] = (struct known){arena_strdup(&out->arena, d->live.id), i};
            ok = out->items[out->n++].id != NULL;
        }
    }
    fleet_unpeek(f);
    if (ok && out->n)
        qsort(out->items, out->n, sizeof(*out->items), compare_ids);
    return ok;
}

/* NULL: none such; else until fleet_unpeek. */
static const struct database *find_id(const struct fleet *f, const struct by_id *ids,
                                      const char *id)
{
    struct known key = {.id = id};
    const struct known *found =
        id && ids->n ? bsearch(&key, ids->items, ids->n, sizeof(key), compare_ids) : NULL;

    return found ? fleet_peek(f, found->at) : NULL;
}

static bool add_usage(const char *scope, const char *name, const char *group,
                      const struct report_row *row, struct json_object *rows)
{
    struct json_object *o = json_object_new_object();

    if (!json_add_str(o, "scope", scope) || !json_add_str(o, "name", name) ||
        !json_add_str(o, "group", group) || !add_cells(o, CALL_REPORT_USAGE, row))
        json_put(&o);
    return json_append(rows, o);
}

struct group_sum {
    const char *name;
    int64_t databases;
    int64_t of[USAGE_CELLS];
    bool said[USAGE_CELLS];
};

static const size_t SUMMED[] = {REPORT_USAGE_STORAGE, REPORT_USAGE_READ, REPORT_USAGE_WRITTEN,
                                REPORT_USAGE_SYNCED};

static void add_to(struct group_sum *sum, const struct report_row *row)
{
    int64_t value;

    sum->databases++;
    for (size_t i = 0; i < ARRAY_SIZE(SUMMED); i++)
        if (report_int(row, SUMMED[i], &value)) {
            sum->of[SUMMED[i]] += value;
            sum->said[SUMMED[i]] = true;
        }
}

static bool add_sum(const struct group_sum *sum, struct json_object *rows)
{
    struct json_object *o = json_object_new_object();
    bool ok = o && json_add_str(o, "scope", "group") && json_add_str(o, "name", sum->name) &&
              json_add_int(o, "databases", sum->databases);

    for (size_t i = 0; ok && i < ARRAY_SIZE(SUMMED); i++)
        ok = !sum->said[SUMMED[i]] ||
             json_add_int(o, REPORT[CALL_REPORT_USAGE].columns[SUMMED[i]].key, sum->of[SUMMED[i]]);
    if (!ok)
        json_put(&o);
    return json_append(rows, o);
}

static void sum_groups(const struct reconcile *rc, const struct by_id *ids,
                       const struct answer *usage, struct group_sum *sums)
{
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        sums[i].name = rc->fleet.groups[i]->r.name;
    for (size_t i = 0; i + 1 < usage->n_rows; i++) {
        const struct database *d = find_id(&rc->fleet, ids, usage->rows[i].cell[REPORT_USAGE_ID]);

        for (size_t g = 0; d && d->live.place && g < rc->fleet.n_groups; g++)
            if (strcmp(sums[g].name, d->live.place) == 0)
                add_to(&sums[g], &usage->rows[i]);
    }
}

/* The organization, then each group, summed over its databases. */
static bool view_usage(const struct reconcile *rc, struct answer *const *answers,
                       struct json_object *rows)
{
    const struct report_row *whole = organization_usage(answers[0]);
    struct group_sum *sums = mem_alloc((rc->fleet.n_groups + 1) * sizeof(*sums));
    struct by_id ids = {0};
    bool ok = sums && index_by_id(rc, &ids) &&
              add_usage("organization", rc->config->organization, NULL, whole, rows);

    if (ok)
        sum_groups(rc, &ids, answers[0], sums);
    for (size_t i = 0; ok && i < rc->fleet.n_groups; i++)
        if (rc->fleet.groups[i]->live.present)
            ok = add_sum(&sums[i], rows);
    fleet_unpeek(&rc->fleet);
    forget_ids(&ids);
    mem_free(sums);
    return ok;
}

bool platform_view_databases(const struct reconcile *rc, const struct answer *usage,
                             struct json_object *rows)
{
    struct by_id ids;
    bool ok = index_by_id(rc, &ids);

    for (size_t i = 0; ok && i + 1 < usage->n_rows; i++) {
        const struct database *d = find_id(&rc->fleet, &ids, usage->rows[i].cell[REPORT_USAGE_ID]);

        ok = add_usage("database", d ? d->r.name : NULL, d ? d->live.place : NULL, &usage->rows[i],
                       rows);
    }
    fleet_unpeek(&rc->fleet);
    forget_ids(&ids);
    return ok;
}

bool platform_view_database(const struct reconcile *rc, const char *name,
                            const struct answer *usage, struct json_object *rows)
{
    const struct database *d = fleet_database(&rc->fleet, name);

    return usage->n_rows == 0 ||
           add_usage("database", name, d ? d->live.place : NULL, &usage->rows[0], rows);
}

static int compare_cells(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int platform_unsaid(const struct reconcile *rc, const struct answer *usage, size_t most,
                    char ***out, size_t *out_n, size_t *out_left)
{
    const char **said = mem_alloc((usage->n_rows + 1) * sizeof(*said));
    char **names = mem_alloc((most + 1) * sizeof(*names));
    size_t n_said = 0;
    bool ok = said && names;

    *out_n = *out_left = 0;
    for (size_t i = 0; ok && i < usage->n_rows; i++)
        if (usage->rows[i].cell[REPORT_USAGE_ID])
            said[n_said++] = usage->rows[i].cell[REPORT_USAGE_ID];
    if (ok)
        qsort((void *)said, n_said, sizeof(*said), compare_cells);
    for (size_t i = 0; ok && i < rc->fleet.n_databases; i++) {
        const struct database *d = fleet_peek(&rc->fleet, i);
        bool unsaid =
            d && d->live.present && d->live.id &&
            !bsearch(&d->live.id, (const void *)said, n_said, sizeof(*said), compare_cells);

        if (!d)
            ok = false;
        else if (unsaid && *out_n < most)
            ok = (names[*out_n] = mem_strdup(d->r.name)) != NULL && ++*out_n;
        else
            *out_left += unsaid;
    }
    fleet_unpeek(&rc->fleet);
    mem_free((void *)said);
    *out = names;
    return ok ? 0 : -(int)ERR_NOMEM;
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
            !add_cells(o, CALL_REPORT_LOCATIONS, &a->rows[i]) ||
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
    {"usage", {CALL_REPORT_USAGE}, 1, 1, view_usage},
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
