/* decide_pause: what is left of a decision while an operator has paused the record: looking, and
 * the renewal of tokens. */
#include "core/decide_act.h"

#include <string.h>

static const struct pause *later(const struct world *w, const struct pause *a,
                                 const struct pause *b)
{
    if (!b || w->wall_ms >= b->until)
        return a;
    return a && a->until >= b->until ? a : b;
}

const struct pause *decide_pause(const struct world *w, const struct resource *r)
{
    const struct pause *p = later(w, NULL, w->pause);
    const struct resource *target =
        is_token(r) ? token_target(w->fleet, container_of(r, const struct token, r)) : NULL;

    p = later(w, p, r->pause);
    return target ? later(w, p, target->pause) : p;
}

/* Changes of the platform wait, and so does what goes with them: taking over, moving and removing
 * files, and the readings just before a change. What was begun is resolved. */
static bool goes_on(const struct decision *d)
{
    bool changes = d->step == STEP_CREATE || d->step == STEP_UPDATE || d->step == STEP_DELETE;

    switch (d->act) {
    case ACT_MINT:
        return strcmp(d->cause, "renewed") == 0;
    case ACT_READ:
        return !changes || d->lane == LANE_RESOLVE;
    case ACT_READ_TARGET:
        return !changes;
    case ACT_ADOPT:
    case ACT_MOVE_FILE:
    case ACT_REMOVE_FILE:
    case ACT_REMOVE_STALE:
        return false;
    default:
        return !ACT[d->act].write;
    }
}

void decide_paused(const struct world *w, const struct resource *r, struct decision *out)
{
    const struct pause *p = decide_pause(w, r);

    if (!p || out->phase == PHASE_NONE)
        return;
    if (!goes_on(out)) {
        out->act = ACT_NONE;
        out->wants_view = false;
    }
    if (out->step != STEP_NONE)
        out->step = STEP_BLOCKED;
    out->held = false;
    if (out->phase == PHASE_MISSING || out->phase == PHASE_UNKNOWN)
        return;
    say_phase(out, PHASE_PAUSED, REASON_PAUSED);
    out->message[0] = '\0';
    out->due_ms = p->until;
}
