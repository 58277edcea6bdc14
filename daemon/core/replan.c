/* replan: look at everything again. First what the manifest says is noted in the ledger, then
 * databases are placed, then guard and approvals are asked, then every record is decided about. */
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"

#define FRESH_INTERVALS 3 /* a look that is older says nothing of now */

void rc_world(const struct reconcile *rc, struct world *out)
{
    const struct observation *o = &rc->obs;

    *out =
        (struct world){.now_ms = rc->now_ms,
                       .wall_ms = rc->wall_ms,
                       .config = rc->config,
                       .quota = &rc->quota,
                       .fleet = &rc->fleet,
                       .desired = rc->has_desired ? &rc->desired : NULL,
                       .authorized = rc->authorized,
                       .no_deletes = own_token_holds_deletes(rc),
                       .observed = o->ever,
                       .complete = o->ever && o->complete && !o->contradicted && !o->suspects &&
                                   rc->now_ms - o->completed_ms <=
                                       FRESH_INTERVALS * rc->config->reconcile.interval_ms,
                       .strangers = rc->strangers,
                       .pause = rc->paused,
                       .doubt = rc->doubt_text[0] ? rc->doubt_text : NULL,
                       .doubt_stays = rc->doubts[DOUBT_OLD].stands || rc->doubts[DOUBT_COPY].stands,
                       .observed_ms = o->completed_ms,
                       .deleted = rc_recoverable(rc),
                       .uploading = rc->uploading,
                       .drafts = &rc->drafts,
                       .sides = rc->sides,
                       .self = &rc->self,
                       .people = &rc->people};
    memcpy(out->create_refused_until_ms, rc->create_refused_until_ms,
           sizeof(out->create_refused_until_ms));
}

/* --- placement --- */

static void place(const struct world *w, struct database *d)
{
    struct group *g;

    if (!d->want || d->want->group || !d->want->residency || d->placed || d->live.present ||
        database_pin(d))
        return;
    g = residency_choose(w, d);
    if (!g)
        return;
    d->placed = g->want->name;
    g->n_databases++; /* so that the next one sees it */
}

/* --- everything --- */

struct sweep {
    struct reconcile *rc;
    struct effects *fx;
};

static void on_gone(void *arg, struct resource *r)
{
    struct sweep *s = arg;

    schedule_forget(&s->rc->schedule, r);
    rc_uncount(s->rc, r);
    rc_rotation_forget(s->fx, r);
}

static void expire_leaks(struct reconcile *rc, struct effects *fx)
{
    size_t kept = 0;

    for (size_t i = 0; i < rc->n_leaks; i++) {
        if (!rc->leaks[i].until || rc->wall_ms < rc->leaks[i].until) {
            rc->leaks[kept++] = rc->leaks[i];
        } else {
            effects_remove(fx, LEDGER_LEAK, &rc->leaks[i]);
            ledger_row_deinit(LEDGER_LEAK, &rc->leaks[i]);
        }
    }
    rc->n_leaks = kept;
}

static void consider_tokens(struct reconcile *rc, struct effects *fx)
{
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        for (size_t j = 0; j < rc->fleet.groups[i]->n_tokens; j++)
            rc_consider(rc, fx, &rc->fleet.groups[i]->tokens[j]->r);
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct visit v;

        if (!(fleet_flags(&rc->fleet, i) & PACKED_TOKENS))
            continue;
        v = fleet_open(&rc->fleet, i);
        for (size_t j = 0; v.d && j < v.d->n_tokens; j++)
            rc_consider(rc, fx, &v.d->tokens[j]->r);
        if (fx->failed)
            return;
        fleet_close(&rc->fleet, i, v);
    }
}

/* First what the manifest says is noted, of all; what the guard is not asked about is packed again.
 */
static void note_databases(struct reconcile *rc, struct effects *fx, const struct world *w)
{
    bool same_world = rc->decided_in && rc->decided_in == rc_world_digest(rc);

    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct visit v;

        if (same_world && rc_stands(rc, i))
            continue;
        v = fleet_open(&rc->fleet, i);
        if (!v.d)
            return;
        rc_note_database(rc, fx, v.d, w);
        place(w, v.d);
        if (fx->failed)
            return; /* it is half written */
        if (rc_asks_no_guard(rc, w, v.d))
            fleet_close(&rc->fleet, i, v);
        else
            fleet_keep(&rc->fleet, v);
    }
}

static void consider_databases(struct reconcile *rc, struct effects *fx)
{
    uint64_t world = rc_world_digest(rc);
    bool same_world = rc->decided_in == world;

    rc->decided_in = world;
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct visit v;

        if (same_world && rc_stands(rc, i))
            continue;
        v = fleet_open(&rc->fleet, i);
        if (!v.d)
            return;
        rc_consider_all(rc, fx, &v.d->r);
        if (fx->failed)
            return;
        v.opened = true; /* nobody holds it */
        v.stands_until_ms = rc_stands_until(rc, v.d);
        fleet_close(&rc->fleet, i, v);
    }
}

static void count_unmanaged(struct reconcile *rc)
{
    size_t n = 0;

    for (size_t i = 0; i < rc->fleet.n_databases; i++)
        n += (fleet_flags(&rc->fleet, i) & (PACKED_NAMED | PACKED_PRESENT)) == PACKED_PRESENT;
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        n += rc->fleet.groups[i]->r.phase == PHASE_NONE && rc->fleet.groups[i]->live.present;
    for (size_t i = 0; i < rc->n_listed_tokens; i++)
        n += !rc_owns_token(rc, rc->listed_tokens[i].id);
    for (size_t i = 0; i < rc->people.n_members + rc->people.n_invites; i++)
        n += !rc_keeps_member(rc, rc_person(rc, i)->email);
    rc->unmanaged = n;
}

void rc_replan(struct reconcile *rc, struct effects *fx)
{
    struct world w;

    rc->replan = false;
    rc_pauses_look(rc, fx);
    rc_counts_expire(rc, fx);
    rc->is_bound_anew = false;
    rc->strangers = rc_strangers(rc);
    expire_leaks(rc, fx);
    rc_drafts_expire(rc, fx);
    rc_world(rc, &w);
    if (!rc->has_desired) {
        consider_tokens(rc, fx); /* they are renewed under a bad manifest, too */
        return;
    }
    rc_approvals_expire(rc, fx);
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        rc_note_group(rc, fx, rc->fleet.groups[i]);
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        rc_note_api_token(rc, fx, rc->fleet.api_tokens[i]);
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        rc_note_member(rc, fx, rc->fleet.members[i]);
    note_databases(rc, fx, &w);
    if (fx->failed)
        return; /* what memory was missing for is half written */
    rc_ask_guard(rc, fx, &w);
    quota_apply(rc);
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        rc_consider_all(rc, fx, &rc->fleet.groups[i]->r);
    }
    consider_databases(rc, fx);
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        rc_consider(rc, fx, &rc->fleet.api_tokens[i]->t.r);
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        rc_consider(rc, fx, &rc->fleet.members[i]->r);
    if (fx->failed)
        return;
    fleet_sweep(&rc->fleet, on_gone, &(struct sweep){rc, fx});
    count_unmanaged(rc);
    rc->left_behind = branches_left(rc);
}
