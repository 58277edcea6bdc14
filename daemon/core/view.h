/* view: records as people and programs see them.
 * In:    the reconciler.
 * Out:   JSON.
 * Never: changes anything, shows a secret. */
#ifndef TENANTD_CORE_VIEW_H
#define TENANTD_CORE_VIEW_H

#include <json-c/json.h>

#include "core/fleet.h"
#include "core/reconcile.h"

struct view_filter {
    const char *kind;   /* NULL: any */
    const char *phase;  /* NULL: any; "Unmanaged": what is live, unnamed and not ours;
                         * "LeftBehind": branches that may be there for nothing */
    const char *source; /* a file's path or its end; NULL: any */
};

/* Where a listing has got to; survives changes of the fleet between calls. Start with
 * VIEW_CURSOR_INIT. */
struct view_cursor {
    enum kind kind; /* GROUP, DATABASE, API_TOKEN, MEMBER, then KIND_N: API tokens and
                          members that are not ours */
    size_t token; /* how many of the target's tokens were shown, plus 1 when the target itself was;
                     KIND_N: of those tokens */
    char *name;   /* the target reached; owned; NULL: before the first */
};
#define VIEW_CURSOR_INIT ((struct view_cursor){.kind = KIND_GROUP})
void view_cursor_deinit(struct view_cursor *c);

/* True when such a kind or phase exists at all. */
bool view_filter_is_valid(const struct view_filter *filter, struct err *err) MUST_CHECK;
/* The next record that fits: *out is the caller's; NULL: that was the last. -ERR_NOMEM. */
int view_next(const struct reconcile *rc, const struct view_filter *filter,
              struct view_cursor *cursor, struct json_object **out) MUST_CHECK;
/* One record with what hangs on it. -ERR_NOT_FOUND or -ERR_NOMEM. */
int view_describe(const struct reconcile *rc, const char *kind, const char *name,
                  struct json_object **out, struct err *err) MUST_CHECK;
/* An event row as JSON; NULL: no memory. */
struct json_object *view_event(const struct event *e) MUST_CHECK;

#endif
