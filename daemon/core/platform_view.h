/* platform_view: what the platform says of itself, as rows for people: plan, limits, usage,
 * locations, organizations, API tokens, members, audit log.
 * In:    answers to the calls that a question needs; the fleet, for names and groups.
 * Out:   rows of JSON.
 * Never: calls, times. */
#ifndef TENANTD_CORE_PLATFORM_VIEW_H
#define TENANTD_CORE_PLATFORM_VIEW_H

#include <json-c/json.h>

#include "core/reconcile.h"
#include "core/report.h"

#define PLATFORM_CALLS_MAX 3
#define PLATFORM_SWEEP_MAX 100 /* databases read one by one for one question */

struct platform_question {
    const char *what;
    enum call_kind calls[PLATFORM_CALLS_MAX];
    size_t n_calls;
    size_t n_needed; /* the first so many must succeed; without the others less is said */
    /* Adds to `rows`. False: no memory. */
    bool (*view)(const struct reconcile *rc, struct answer *const *answers,
                 struct json_object *rows);
};

/* NULL: there is none of that name. */
const struct platform_question *platform_question(const char *what);
extern const char PLATFORM_QUESTIONS[]; /* their names, for people */

/* The plan that is subscribed to; NULL: not told. */
const struct report_row *platform_plan(const struct answer *plans,
                                       const struct answer *subscription);

#endif
