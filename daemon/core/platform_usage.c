/* platform_usage: what the platform says is used, by the names of groups and databases.
 * In:    answers about usage, which have ids; the fleet, for the names.
 * Out:   rows of JSON.
 * Never: calls, times. */
#include "core/platform_usage.h"

#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "core/report.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/search.h"

const struct report_row *platform_usage_whole(const struct answer *usage)
{
    return usage && usage->n_rows ? &usage->rows[usage->n_rows - 1] : NULL;
}

/* Databases by id, for the names and groups of what usage gives ids of. */
struct by_id {
    struct arena arena;
    struct known {
        const char *id;
        size_t at; /* in the fleet */
    } * items;
    size_t n;
};

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
    if (ok)
        search_sort(out->items, out->n, sizeof(*out->items));
    return ok;
}

/* NULL: none such; else until fleet_unpeek. */
static const struct database *find_id(const struct fleet *f, const struct by_id *ids,
                                      const char *id)
{
    const struct known *found =
        id ? search_find(ids->items, ids->n, sizeof(*ids->items), id) : NULL;

    return found ? fleet_peek(f, found->at) : NULL;
}

static bool add_usage(const char *scope, const char *name, const char *group,
                      const struct report_row *row, struct json_object *rows)
{
    struct json_object *o = json_object_new_object();

    if (!json_add_str(o, "scope", scope) || !json_add_str(o, "name", name) ||
        !json_add_str(o, "group", group) || !report_add_cells(o, CALL_REPORT_USAGE, row))
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
bool platform_usage_groups(const struct reconcile *rc, struct answer *const *answers,
                           struct json_object *rows)
{
    const struct report_row *whole = platform_usage_whole(answers[0]);
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

bool platform_usage_databases(const struct reconcile *rc, const struct answer *usage,
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

bool platform_usage_database(const struct reconcile *rc, const char *name,
                             const struct answer *usage, struct json_object *rows)
{
    const struct database *d = fleet_database(&rc->fleet, name);

    return usage->n_rows == 0 ||
           add_usage("database", name, d ? d->live.place : NULL, &usage->rows[0], rows);
}

int platform_usage_unsaid(const struct reconcile *rc, const struct answer *usage, size_t most,
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
        search_sort((void *)said, n_said, sizeof(*said));
    for (size_t i = 0; ok && i < rc->fleet.n_databases; i++) {
        const struct database *d = fleet_peek(&rc->fleet, i);
        bool unsaid = d && d->live.present && d->live.id &&
                      !search_find((const void *)said, n_said, sizeof(*said), d->live.id);

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
