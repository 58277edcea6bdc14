/* flight: what is under way, by the number that comes back with its answer. */
#include "core/reconcile_private.h"
#include "lib/mem.h"

struct flight *rc_flight(struct reconcile *rc, struct resource *r, enum act act)
{
    struct flight *f;

    if (!mem_grow(&rc->flights, &rc->flights_capacity, rc->n_flights + 1, sizeof(*f)))
        return NULL;
    f = &rc->flights[rc->n_flights++];
    *f = (struct flight){.id = rc->next_id++, .r = r, .act = act, .sent_ms = rc->now_ms};
    return f;
}

/* Ids only grow, so the flights are sorted by them; those that have landed are swept when they are
 * half of all. */
static void sweep_flights(struct reconcile *rc)
{
    size_t kept = 0;

    for (size_t i = 0; i < rc->n_flights; i++)
        if (!rc->flights[i].landed)
            rc->flights[kept++] = rc->flights[i];
    rc->n_flights = kept;
    rc->n_landed = 0;
}

bool rc_land(struct reconcile *rc, uint64_t id, struct flight *out)
{
    size_t lo = 0;
    size_t hi = rc->n_flights;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (rc->flights[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == rc->n_flights || rc->flights[lo].id != id || rc->flights[lo].landed)
        return false;
    *out = rc->flights[lo];
    rc->flights[lo].landed = true;
    rc->flights[lo].r = NULL;
    if (++rc->n_landed * 2 > rc->n_flights)
        sweep_flights(rc);
    return true;
}
