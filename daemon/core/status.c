#include "core/status.h"

#include <stdio.h>
#include <string.h>

#include "core/plan.h"
#include "core/reconcile_private.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define LONG_MS         (10 * 60 * 1000) /* what is retried for longer is no longer work but trouble */
#define STALE_INTERVALS 3
#define MANY            4096

#define STATE_ROW(symbol, text) text,
const char *const STATE_NAME[STATE_N] = {STATES(STATE_ROW)};

static size_t in_phase(const struct reconcile *rc, enum phase phase)
{
    size_t n = 0;

    for (int k = 0; k < KIND_N; k++)
        n += rc->by_phase[k][phase];
    return n;
}

/* --- what is not as it should be --- */

static bool is_trouble(const struct reconcile *rc, const struct resource *r)
{
    if (r->phase == PHASE_BLOCKED || r->phase == PHASE_MISSING)
        return true;
    return r->phase == PHASE_RETRYING &&
           (r->failure == REASON_FILE_FAILED || r->failure == REASON_UNMARKED ||
            rc->now_ms - r->failing_since_ms >= LONG_MS);
}

/* Some are retried, and not yet for long. */
static bool is_retrying(const struct reconcile *rc)
{
    if (!in_phase(rc, PHASE_RETRYING))
        return false;
    LIST_FOREACH (it, &rc->trouble) {
        const struct resource *r = container_of(it, struct resource, trouble);

        if (r->phase == PHASE_RETRYING && !is_trouble(rc, r))
            return true;
    }
    return false;
}

/* A list that only some need could not be had for long. */
static const struct side_list *stale_side(const struct reconcile *rc)
{
    for (int i = 0; i < SIDE_N; i++) {
        const struct side_list *l = &rc->sides[i];

        if (l->failing_since_ms && !l->refused &&
            rc->now_ms - l->failing_since_ms > STALE_INTERVALS * rc->config->reconcile.interval_ms)
            return l;
    }
    return NULL;
}

static bool is_stale(const struct reconcile *rc)
{
    int64_t age = rc->now_ms - rc->obs.completed_ms;

    if (stale_side(rc))
        return true;
    return rc->obs.ever && !rc->obs.complete &&
           age > STALE_INTERVALS * rc->config->reconcile.interval_ms;
}

/* Something is under way that may change how it stands: any act, and token files that are looked
 * for; not a hook that is told, nor a reading that nobody waits for. */
static bool has_flights(const struct reconcile *rc)
{
    for (size_t i = 0; i < rc->n_flights; i++) {
        const struct flight *f = &rc->flights[i];

        if (f->r && f->r->busy && f->act != ACT_READ_CONFIG)
            return true;
    }
    return false;
}

static bool is_working(const struct reconcile *rc)
{
    if (has_flights(rc) || rc_replan_is_due(rc))
        return true;
    if (in_phase(rc, PHASE_WORKING) || (in_phase(rc, PHASE_UNKNOWN) && rc->has_desired) ||
        rc->by_reason[REASON_QUEUED] || rc->by_reason[REASON_WAITING_FOR_HOST] ||
        rc->by_reason[REASON_UNFENCING] || rc->by_reason[REASON_FENCING] ||
        rc->by_reason[REASON_DELETING] || rc->by_reason[REASON_WRITING])
        return true;
    if (rc->by_reason[REASON_WAITING_FOR_VIEW] && !is_stale(rc) && !rc_recover_is_stuck(rc))
        return true;
    return is_retrying(rc);
}

static bool is_degraded(const struct reconcile *rc, const struct shell_facts *shell)
{
    return in_phase(rc, PHASE_BLOCKED) || in_phase(rc, PHASE_MISSING) ||
           in_phase(rc, PHASE_RETRYING) || shell->manifest_refused || shell->config_error ||
           !rc->authorized || !rc->ledger_ok || rc->tokens_unmarked || is_stale(rc) ||
           rc_recover_is_stuck(rc) || own_token_is_trouble(rc) || rc->own_rights.lacks[0];
}

enum state status_state(const struct reconcile *rc, const struct shell_facts *shell)
{
    if (!rc->obs.ever)
        return STATE_STARTING;
    if (rc->by_reason[REASON_HELD] || rc->by_reason[REASON_FENCE_LIFTED])
        return STATE_HELD;
    if (shell->sync_waits || (rc->authorized && rc->ledger_ok && is_working(rc)))
        return STATE_WORKING;
    return is_degraded(rc, shell) ? STATE_DEGRADED : STATE_SETTLED;
}

/* --- problems --- */

struct problem {
    size_t count;
    int64_t since_ms;
    const struct resource *example;
};

static void collect(const struct reconcile *rc, struct problem of[REASON_N])
{
    LIST_FOREACH (it, &rc->trouble) {
        const struct resource *r = container_of(it, struct resource, trouble);
        struct problem *one = &of[r->reason];

        if (!is_trouble(rc, r))
            continue;
        if (!one->count++ || r->since_ms < one->since_ms) {
            one->since_ms = r->since_ms;
            one->example = r;
        }
    }
}

static bool add_problem(struct json_object *list, const char *reason, size_t count,
                        int64_t since_ms, const char *example, const char *message)
{
    struct json_object *o = json_object_new_object();
    char since[TEXT_TIME_SIZE];
    bool ok = o && json_add_str(o, "reason", reason) && json_add_int(o, "count", (int64_t)count) &&
              json_add_str(o, "since", text_time(since_ms, since)) &&
              json_add_str(o, "example", example) && json_add_str(o, "message", message);

    if (!ok)
        json_put(&o);
    return json_append(list, o);
}

/* The first error, as text; NULL: there is none, or no memory. */
static char *first_error(const struct diags *d)
{
    for (size_t i = 0; d && i < d->n; i++)
        if (d->items[i].level == DIAG_ERROR)
            return diag_text(&d->items[i]);
    return NULL;
}

static bool add_shell_problems(const struct reconcile *rc, const struct shell_facts *shell,
                               struct json_object *list)
{
    const struct observation *o = &rc->obs;
    char token[256];
    bool ok = true;

    if (shell->manifest_refused) {
        const struct diags *d = shell->manifest_diags;
        char *first = first_error(d);

        ok = add_problem(list, "ManifestRefused", d ? d->n_errors : 1, shell->manifest_refused_ms,
                         NULL, first ? first : "the manifest cannot be used");
        mem_free(first);
    }
    if (shell->config_error)
        ok = ok && add_problem(list, "ConfigurationRefused", 1, rc->started_wall_ms, NULL,
                               shell->config_error);
    if (!rc->authorized)
        ok = ok &&
             add_problem(list, "Unauthorized", 1, rc->unauthorized_wall_ms, NULL, rc->auth_error);
    else if (!o->ever ? o->attempts > 0 : o->error[0] && is_stale(rc))
        ok =
            ok && add_problem(list, "ObservationFailed", o->attempts,
                              o->ever ? o->completed_wall_ms : rc->started_wall_ms, NULL, o->error);
    for (int i = 0; i < OWN_N; i++)
        if (own_token_ends(rc, (enum own)i, token, sizeof(token)))
            ok = ok && add_problem(list, "TokenExpires", 1, rc->started_wall_ms, NULL, token);
    if (rc->own_rights.lacks[0])
        ok = ok && add_problem(list, "TokenTooNarrow", 1, rc->own_rights.lacks_wall_ms, NULL,
                               rc->own_rights.lacks);
    if (own_token_refused(rc))
        ok = ok && add_problem(list, REASON_NAME[REASON_DELETE_UNAUTHORIZED], 1,
                               rc->own_tokens.refused_wall_ms, NULL, own_token_refused(rc));
    if (stale_side(rc))
        ok = ok && add_problem(list, "ObservationFailed", o->side_attempts,
                               rc->wall_ms - (rc->now_ms - stale_side(rc)->failing_since_ms), NULL,
                               stale_side(rc)->error);
    if (rc->tokens_unmarked)
        ok = ok && add_problem(list, REASON_NAME[REASON_UNMARKED], 1, rc->started_wall_ms, NULL,
                               REASON_TEXT[REASON_UNMARKED]);
    for (int d = 0; ok && d < DOUBT_N; d++) {
        char text[DOUBT_TEXT_SIZE];

        if (!rc->doubts[d].stands)
            continue;
        doubt_text(rc, (enum doubt)d, text, sizeof(text));
        ok = add_problem(list, DOUBT[d].reason, 1, rc->doubts[d].since_ms, NULL, text);
    }
    if (!rc->ledger_ok)
        ok =
            ok && add_problem(list, "LedgerFailed", 1, rc->started_wall_ms, NULL, rc->ledger_error);
    return ok;
}

static struct json_object *problems_json(const struct reconcile *rc,
                                         const struct shell_facts *shell)
{
    struct json_object *list = json_object_new_array();
    struct problem of[REASON_N] = {0};
    bool ok = list && add_shell_problems(rc, shell, list);

    collect(rc, of);
    for (int i = 0; ok && i < REASON_N; i++) {
        const struct resource *r = of[i].example;
        char example[300];

        if (!r)
            continue;
        snprintf(example, sizeof(example), "%s/%s", KIND_NAME[r->kind], r->name);
        ok = add_problem(list, REASON_NAME[i], of[i].count, of[i].since_ms, example,
                         r->message ? r->message : REASON_TEXT[i]);
    }
    if (!ok)
        json_put(&list);
    return list;
}

/* --- the whole --- */

static struct json_object *counts_json(const struct reconcile *rc)
{
    struct json_object *o = json_object_new_object();
    bool ok = o != NULL;

    for (int k = 0; ok && k < KIND_N; k++) {
        struct json_object *kind = json_object_new_object();
        bool any = false;

        for (int p = PHASE_NONE + 1; ok && kind && p < PHASE_N; p++) {
            if (!rc->by_phase[k][p])
                continue;
            any = true;
            ok = json_add_int(kind, PHASE_NAME[p], (int64_t)rc->by_phase[k][p]);
        }
        ok = ok && kind;
        if (ok && any)
            ok = json_add(o, KIND_NAME[k], kind);
        else
            json_object_put(kind);
    }
    if (!ok)
        json_put(&o);
    return o;
}

static struct json_object *diags_json(const struct diags *d, enum diag_level level)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; list && d && i < d->n; i++) {
        const struct diag *one = &d->items[i];
        struct json_object *o;

        if (one->level != level)
            continue;
        o = json_object_new_object();
        if (!o || !json_add_str(o, "file", one->file) || !json_add_int(o, "line", one->line) ||
            !json_add_int(o, "column", one->column) || !json_add_str(o, "message", one->message))
            json_put(&o);
        if (!json_append(list, o))
            json_put(&list);
    }
    return list;
}

static struct json_object *manifest_json(const struct reconcile *rc,
                                         const struct shell_facts *shell)
{
    struct json_object *o = json_object_new_object();
    char loaded[TEXT_TIME_SIZE];
    bool ok = o && json_add_int(o, "generation", (int64_t)rc->generation) &&
              json_add_str(o, "loaded",
                           shell->manifest_loaded_ms ? text_time(shell->manifest_loaded_ms, loaded)
                                                     : NULL) &&
              json_add_int(o, "files", (int64_t)shell->manifest_files) &&
              json_add(o, "warnings", diags_json(shell->manifest_diags, DIAG_WARNING)) &&
              json_add(o, "errors", diags_json(shell->manifest_diags, DIAG_ERROR));

    if (!ok)
        json_put(&o);
    return o;
}

static struct json_object *observation_json(const struct reconcile *rc)
{
    const struct observation *ob = &rc->obs;
    struct json_object *o = json_object_new_object();
    /* the last one that all was decided after */
    uint64_t cycle = rc_replan_is_due(rc) ? rc->pass.cycle : ob->answered;
    char completed[TEXT_TIME_SIZE];
    bool ok = o && json_add_int(o, "cycle", (int64_t)cycle) &&
              json_add_bool(o, "complete", ob->ever && ob->complete) &&
              json_add_str(o, "completed",
                           ob->ever ? text_time(ob->completed_wall_ms, completed) : NULL) &&
              (!ob->ever || json_add_int(o, "age_ms", rc->now_ms - ob->completed_ms)) &&
              json_add_str(o, "error", ob->error[0] ? ob->error : NULL);

    if (!ok)
        json_put(&o);
    return o;
}

static struct json_object *api_json(const struct reconcile *rc)
{
    struct json_object *o = json_object_new_object();
    bool ok = o && json_add_int(o, "rate", rc->schedule.rate) &&
              json_add_int(o, "pace", (int64_t)(rc->schedule.pace.rate + 0.5)) &&
              json_add_int(o, "window", (int64_t)rc->schedule.window) &&
              json_add_int(o, "in_flight", rc->schedule.in_flight) &&
              json_add_int(o, "calls", (int64_t)rc->calls) &&
              json_add_int(o, "errors", (int64_t)rc->call_errors) &&
              json_add_int(o, "throttled", (int64_t)rc->schedule.throttled) &&
              json_add_int(o, "queued", (int64_t)(rc->schedule.n_queued + rc->n_waits));

    if (!ok)
        json_put(&o);
    return o;
}

/* Somebody may be about to approve it, by its id. */
static bool wants_plan(const struct reconcile *rc)
{
    bool wants = rc->n_held > 0;

    for (int d = 0; d < DOUBT_N; d++)
        wants = wants || rc->doubts[d].stands;
    return wants;
}

/* Its id is of what is held, and is known until that changes: many may ask again and again. */
static int build(const struct reconcile *rc, struct plan *plan)
{
    struct held_plan *known = rc->held_plan;
    int rv;

    if (rc->n_held && known->id[0] && known->held_changes == rc->held_changes) {
        memcpy(plan->id, known->id, sizeof(plan->id));
        return 0;
    }
    rv = plan_build(rc, plan, NULL);
    if (rv == 0 && rc->n_held && plan->n_held == rc->n_held) {
        known->held_changes = rc->held_changes;
        memcpy(known->id, plan->id, sizeof(known->id));
    }
    return rv;
}

/* To build it is to decide about every record anew: of very many only where its id is of use; nor
 * while everything is looked at again, for then it would be half of the old and half of the new. */
static struct json_object *plan_summary(const struct reconcile *rc)
{
    struct plan plan = {.n_create = rc->by_step[STEP_CREATE],
                        .n_update = rc->by_step[STEP_UPDATE],
                        .n_delete = rc->by_step[STEP_DELETE],
                        .n_blocked = rc->by_step[STEP_BLOCKED],
                        .n_held = rc->n_held};
    struct json_object *o;

    if (!rc_replan_is_due(rc) && (rc->fleet.n_databases <= MANY || wants_plan(rc)) &&
        build(rc, &plan) != 0)
        return NULL;
    o = plan_json(&plan);
    if (o)
        json_object_object_del(o, "steps");
    plan_deinit(&plan);
    return o;
}

/* But for those that an upload is using, or has used: they were never anybody's. */
static int64_t possibly_leaked(const struct reconcile *rc)
{
    int64_t n = 0;

    for (size_t i = 0; i < rc->n_leaks; i++)
        n += *rc->leaks[i].name != '\0';
    return n;
}

struct json_object *status_json(const struct reconcile *rc, const struct shell_facts *shell)
{
    struct json_object *o = json_object_new_object();
    char since[TEXT_TIME_SIZE];
    char wake[TEXT_TIME_SIZE];
    int64_t next = schedule_next_wake(&rc->schedule);
    bool ok;

    if (rc->obs.next_ms < next)
        next = rc->obs.next_ms;
    ok = o && json_add_str(o, "organization", rc->config->organization) &&
         json_add_str(o, "state_dir", rc->config->state_dir) &&
         json_add_str(o, "state", STATE_NAME[status_state(rc, shell)]) &&
         json_add(o, "counts", counts_json(rc)) &&
         json_add_int(o, "unmanaged", (int64_t)rc->unmanaged) &&
         json_add_int(o, "left_behind", (int64_t)rc->left_behind) &&
         json_add(o, "problems", problems_json(rc, shell)) &&
         json_add(o, "manifest", manifest_json(rc, shell)) &&
         json_add(o, "observation", observation_json(rc)) && json_add(o, "api", api_json(rc)) &&
         json_add(o, "plan", plan_summary(rc)) &&
         json_add_int(o, "possibly_leaked", possibly_leaked(rc)) &&
         json_add_str(o, "next_wake",
                      next == INT64_MAX ? NULL
                                        : text_time(rc->wall_ms + (next - rc->now_ms), wake)) &&
         json_add_str(o, "version", TENANTD_VERSION) && json_add_int(o, "pid", shell->pid) &&
         json_add_str(o, "since", text_time(rc->started_wall_ms, since));
    if (!ok)
        json_put(&o);
    return o;
}

void status_line(const struct reconcile *rc, const struct shell_facts *shell, char *out,
                 size_t size)
{
    snprintf(out, size,
             "%s: %zu databases ready, %zu tokens, %zu need somebody, %u calls in flight",
             STATE_NAME[status_state(rc, shell)], rc->by_phase[KIND_DATABASE][PHASE_READY],
             rc->by_phase[KIND_TOKEN][PHASE_READY] + rc->by_phase[KIND_GROUP_TOKEN][PHASE_READY],
             in_phase(rc, PHASE_BLOCKED) + in_phase(rc, PHASE_MISSING), rc->schedule.in_flight);
}
