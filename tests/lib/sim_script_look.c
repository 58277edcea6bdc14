/* sim_script_look: what a scenario looks at: the plan, records, rows, problems, the truth.
 * In:    a command's words. Out: lines of the transcript. Never: changes anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"
#include "core/reconcile_private.h"
#include "core/view.h"
#include "lib/json.h"
#include "tests/lib/sim_script_private.h"

/* What is counted as it changes is what a look at each record finds. */
static void check_counted(struct script *c, const struct plan *plan)
{
    const struct reconcile *rc = c->s->rc;

    if (rc->n_held != plan->n_held || rc->by_step[STEP_CREATE] != plan->n_create ||
        rc->by_step[STEP_UPDATE] != plan->n_update || rc->by_step[STEP_DELETE] != plan->n_delete ||
        rc->by_step[STEP_BLOCKED] != plan->n_blocked)
        buf_printf(&c->s->out, "! the steps are counted otherwise\n");
}

/* What the status says of it, which is not built anew each time. */
static void check_told(struct script *c, const struct plan *plan)
{
    struct shell_facts facts = {0};
    struct json_object *o = status_json(c->s->rc, &facts);
    struct json_object *told = NULL;

    assert_true(json_get_obj(o, "plan", &told));
    if (strcmp(sim_shown(told, "id"), plan->id) != 0)
        buf_printf(&c->s->out, "! the status tells of plan %s\n", sim_shown(told, "id"));
    json_object_put(o);
}

void script_plan(struct script *c, char *args)
{
    struct plan plan;

    (void)args;
    sim_plan(c->s, &plan);
    plan_text(&plan, &c->s->out);
    check_counted(c, &plan);
    check_told(c, &plan);
    plan_deinit(&plan);
}

/* list [PHASE]: as `tenantctl list --phase` shows them */
void script_list(struct script *c, char *args)
{
    struct view_filter filter = {.phase = script_word(&args)};
    struct view_cursor cursor = VIEW_CURSOR_INIT;
    struct json_object *o;

    if (!*filter.phase) {
        sim_say_list(c->s);
        return;
    }
    while (view_next(c->s->rc, &filter, &cursor, &o) == 0 && o) {
        const char *left = sim_shown(o, "left_behind");

        buf_printf(&c->s->out, "%s/%s %s%s%s\n", sim_shown(o, "kind"), sim_shown(o, "name"),
                   sim_shown(o, "phase"), *left ? ": " : "", left);
        json_object_put(o);
    }
    view_cursor_deinit(&cursor);
}

void script_truth(struct script *c, char *args)
{
    (void)args;
    sim_say_truth(c->s, &c->s->out);
}

void script_rest(struct script *c, char *args)
{
    (void)args;
    sim_say_rest(c->s);
}

void script_problems(struct script *c, char *args)
{
    struct shell_facts facts = {.manifest_refused = c->s->manifest_refused};
    struct json_object *o = status_json(c->s->rc, &facts);
    struct json_object *list = NULL;

    (void)args;
    assert_true(json_get_arr(o, "problems", &list));
    buf_printf(&c->s->out, "%s\n", STATE_NAME[sim_state(c->s)]);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *p = json_object_array_get_idx(list, i);

        buf_printf(&c->s->out, "%s: %s\n", sim_shown(p, "reason"), sim_shown(p, "message"));
    }
    json_object_put(o);
}

/* rows TABLE: their keys, and what else tells something */
void script_rows(struct script *c, char *args)
{
    for (size_t i = 0; i < c->s->ledger.n; i++) {
        const struct sim_row *r = &c->s->ledger.rows[i];

        if (strcmp(LEDGER[r->table].name, args) != 0)
            continue;
        buf_printf(&c->s->out, "%s", r->key);
        if (r->table == LEDGER_TOKEN)
            buf_printf(&c->s->out, " %s", ((const struct held_token *)r->row)->state);
        if (r->table == LEDGER_OWNED)
            buf_printf(&c->s->out, " %s", ((const struct owned *)r->row)->state);
        if (r->table == LEDGER_ISSUED)
            buf_printf(&c->s->out, " %s%s", ((const struct issued *)r->row)->state,
                       ((const struct issued *)r->row)->retired ? " retired" : "");
        if (r->table == LEDGER_MEMBERSHIP)
            buf_printf(&c->s->out, " %s %s", ((const struct membership *)r->row)->state,
                       ((const struct membership *)r->row)->origin);
        buf_printf(&c->s->out, "\n");
    }
}
