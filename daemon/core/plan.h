/* plan: what would be done, as a list. Sorted, so that equal states give equal texts; made by the
 * very decisions that the execution makes.
 * In:    the reconciler.
 * Out:   steps, their text, their JSON, an id for approvals.
 * Never: changes anything. */
#ifndef TENANTD_CORE_PLAN_H
#define TENANTD_CORE_PLAN_H

#include <json-c/json.h>

#include "core/fleet.h"
#include "core/reconcile.h"
#include "lib/buf.h"

struct plan_step {
    const char *action; /* "create", "update", "delete", "blocked", "drift"; static */
    enum kind kind;
    const char *name;     /* the plan's */
    const char *id;       /* platform id, the plan's; NULL: none yet */
    struct source source; /* borrowed until the next step of the reconciler */
    unsigned fields;      /* bits of enum config_field, for updates */
    bool held;
    enum reason reason; /* why it is blocked or held */
    char *detail;       /* "in eu", "size_limit 4gb -> 5gb", a message; owned; never NULL */
};

struct plan {
    struct plan_step *steps;
    size_t n_steps;
    size_t capacity;
    size_t n_create, n_update, n_delete, n_blocked, n_held;
    struct arena texts;
    char id[17]; /* of the held steps; of all when none is held */
};

/* 0 (the caller deinits *out) or -ERR_NOMEM. */
int plan_build(const struct reconcile *rc, struct plan *out, struct err *err) MUST_CHECK;
void plan_deinit(struct plan *p);

/* "+ create database/t-acme in eu" a line, and the totals. */
void plan_text(const struct plan *p, struct buf *out);
/* {id, steps: [...], held, total: {...}}; the caller's; NULL: no memory. */
struct json_object *plan_json(const struct plan *p) MUST_CHECK;

#endif
