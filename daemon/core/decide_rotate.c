/* decide_rotate: a rotation that an operator has ordered comes before all else that a database or
 * group needs: it is read once more, and if it is still the one that was meant, sent. */
#include <string.h>

#include "core/decide_act.h"

void decide_rotate(const struct world *w, const struct resource *r, struct decision *out)
{
    const struct database *d = container_of(r, const struct database, r);
    const struct group *g = container_of(r, const struct group, r);
    const struct live *live;
    const struct owned *own;

    if (r->kind > KIND_DATABASE || !r->rotate_until_ms || w->now_ms >= r->rotate_until_ms)
        return;
    if (r->is_rotating) {
        say_wake(out, r->rotate_until_ms);
        return;
    }
    live = r->kind == KIND_GROUP ? &g->live : &d->live;
    own = r->kind == KIND_GROUP ? &g->own : &d->own;
    say_wake(out, r->rotate_until_ms);
    if (!(r->kind == KIND_GROUP ? g->has_own : d->has_own) || strcmp(own->state, "owned") != 0 ||
        !live->present || strcmp(own->id, live->id) != 0)
        return; /* not what was meant: the order lapses */
    if (decide_pause(w, r))
        return; /* paused since it was ordered: it waits, for as long as any order does */
    out->act = is_checked(w, live) ? ACT_ROTATE : ACT_READ;
    out->lane = LANE_LIFT;
    out->wants_view = false;
}
