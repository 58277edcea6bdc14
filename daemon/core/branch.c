#include "core/branch.h"

#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "lib/text.h"

static bool is_owned(const struct database *d)
{
    return d->has_own && strcmp(d->own.state, "owned") == 0 && d->live.present && !d->own.released;
}

/* It is not on its way out. */
static bool is_kept(const struct database *d)
{
    return d->r.phase == PHASE_READY || d->r.phase == PHASE_BLOCKED ||
           d->r.phase == PHASE_ORPHANED || d->r.phase == PHASE_PAUSED;
}

/* Of a copy that an entry wants: what it was copied from. NULL: it is there, and wanted. */
static const char *source_state(const struct reconcile *rc, const struct database *d)
{
    const struct database *from = fleet_database(&rc->fleet, d->want->seed_database);

    if (!from || !from->live.present)
        return "is gone";
    if (d->live.parent_id && strcmp(d->live.parent_id, from->live.id) != 0)
        return "is another one now";
    return !from->want || from->want->absent ? "is not wanted any more" : NULL;
}

bool branch_is_left(const struct reconcile *rc, const struct database *d, char *out, size_t size)
{
    char when[TEXT_TIME_SIZE];
    const char *source;
    struct world w;

    if (!is_owned(d) || !is_kept(d) || !rc->has_desired)
        return false;
    if (!d->want) {
        snprintf(out, size, "its entry is gone");
        return d->own.is_branch;
    }
    if (!d->own.is_branch && !d->want->expires_at_ms && !d->want->expires_after_ms)
        return false;
    rc_world(rc, &w);
    if (!d->want->absent && !database_is_wanted(&w, d)) {
        snprintf(out, size, "it expired at %s", text_time(database_expiry(d), when));
        return true;
    }
    source = d->own.is_branch && d->want->seed_database ? source_state(rc, d) : NULL;
    if (source)
        snprintf(out, size, "database/%s, of which it is a copy, %s", d->want->seed_database,
                 source);
    return source != NULL;
}

/* --- before the end --- */

void branch_remind(struct reconcile *rc, struct effects *fx, struct database *d)
{
    int64_t expiry = database_expiry(d);
    int64_t since = d->own.since > d->own.expires_since ? d->own.since : d->own.expires_since;
    char when[TEXT_TIME_SIZE];

    if (!expiry || !is_owned(d) || !d->want || d->want->absent || d->reminded_ms == expiry ||
        rc->wall_ms < expiry - REMIND_MS || rc->wall_ms >= expiry ||
        expiry - since < 2 * REMIND_MS) /* one that lives for a day or so needs no reminder */
        return;
    d->reminded_ms = expiry;
    rc_event(rc, fx, &d->r, "ExpiresSoon", 5, NULL,
             "expires at %s, and is then removed, unless its entry says otherwise by then",
             text_time(expiry, when));
}
