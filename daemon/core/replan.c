#include "core/replan.h"

#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"

#define FRESH_INTERVALS 3  /* a look that is older says nothing of now */
#define PASSES_MAX      8  /* that begin anew before one is run to its end; that end in one turn */
#define SKIPS           64 /* records that are left alone cost as much as one that is opened */

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
                       .clock_is_good = doubt_clock_is_good(rc),
                       .doubt_stays = rc->doubts[DOUBT_OLD].stands || rc->doubts[DOUBT_COPY].stands,
                       .observed_ms = o->completed_ms,
                       .deleted = rc_recoverable(rc),
                       .uploading = rc->uploading,
                       .drafts = &rc->drafts,
                       .guests = &rc->guests,
                       .sides = rc->sides,
                       .self = &rc->self,
                       .people = &rc->people,
                       .create_refused_until_ms = rc->create_refused_until_ms};
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

/* --- one database's turn --- */

/* The guard is asked nothing about it. Where it is as it should be, as most are, that is said now:
 * to be decided about after all were noted it would have to be opened once more. */
static void close_noted(struct reconcile *rc, struct effects *fx, const struct world *w, size_t at,
                        struct visit v)
{
    if (v.opened && rc_settle(rc, fx, w, &v.d->r))
        v.stands_until_ms = rc_stands_until(rc, v.d);
    if (!fx->failed)
        fleet_close(&rc->fleet, at, v);
}

/* True: it was opened. */
static bool note(struct reconcile *rc, struct effects *fx, const struct world *w, size_t at)
{
    struct pass *p = &rc->pass;
    bool stands = rc_stands(rc, at);
    unsigned flags;

    if (!stands) {
        struct visit v = fleet_open(&rc->fleet, at);

        if (!v.d)
            return true;
        rc_note_database(rc, fx, v.d, w);
        place(w, v.d);
        if (fx->failed)
            return true; /* it is half written */
        if (rc_asks_guard(rc, w, v.d))
            fleet_close(&rc->fleet, at, v);
        else
            close_noted(rc, fx, w, at, v);
    }
    flags = fleet_flags(&rc->fleet, at);
    p->wants.owned += (flags & PACKED_OWNED) != 0;
    p->present += (flags & PACKED_PRESENT) != 0;
    return !stands;
}

static bool goes(const struct database *d)
{
    for (size_t i = 0; i < d->n_tokens; i++)
        if (!fleet_keeps_token(d->tokens[i]))
            return true;
    return !fleet_keeps_database(d);
}

static bool consider(struct reconcile *rc, struct effects *fx, const struct world *w, size_t at)
{
    struct pass *p = &rc->pass;
    unsigned flags = fleet_flags(&rc->fleet, at);
    bool stands = rc_stands(rc, at);
    bool opens = !stands || flags & PACKED_ENDS;

    if (opens) {
        struct visit v = fleet_open(&rc->fleet, at);
        char unread[200];

        if (!v.d)
            return true;
        if (!stands && (!v.opened || v.d->asks))
            quota_database(w, v.d, &p->room);
        if (!stands)
            rc_consider_all(rc, fx, &v.d->r);
        if (fx->failed)
            return true;
        p->left_behind += branch_is_left(rc, v.d, unread, sizeof(unread));
        p->sweeps = p->sweeps || goes(v.d);
        if (!stands) {
            v.opened = true; /* nobody holds it */
            v.stands_until_ms = rc_stands_until(rc, v.d);
        }
        fleet_close(&rc->fleet, at, v);
        flags = fleet_flags(&rc->fleet, at);
    }
    p->unmanaged += (flags & (PACKED_NAMED | PACKED_PRESENT)) == PACKED_PRESENT;
    return opens;
}

/* Without a manifest tokens are renewed, and that is all. */
static bool consider_tokens(struct reconcile *rc, struct effects *fx, const struct world *w,
                            size_t at)
{
    struct visit v;

    (void)w;
    if (!(fleet_flags(&rc->fleet, at) & PACKED_TOKENS))
        return false;
    v = fleet_open(&rc->fleet, at);
    for (size_t i = 0; v.d && i < v.d->n_tokens; i++)
        rc_consider(rc, fx, &v.d->tokens[i]->r);
    if (!fx->failed)
        fleet_close(&rc->fleet, at, v);
    return true;
}

/* --- what is done for all --- */

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

static size_t unmanaged_others(const struct reconcile *rc)
{
    size_t n = 0;

    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        n += rc->fleet.groups[i]->r.phase == PHASE_NONE && rc->fleet.groups[i]->live.present;
    for (size_t i = 0; i < rc->n_listed_tokens; i++)
        n += !rc_owns_token(rc, rc->listed_tokens[i].id);
    for (size_t i = 0; i < rc->people.n_members + rc->people.n_invites; i++)
        n += !rc_keeps_member(rc, rc_person(rc, i)->email);
    return n;
}

/* What was decided in another world does not stand. */
static void look_at_world(struct reconcile *rc)
{
    uint64_t world = rc_world_digest(rc);

    if (rc->decided_in != world)
        fleet_unsteady(&rc->fleet);
    rc->decided_in = world;
}

static void begin(struct reconcile *rc, struct effects *fx)
{
    struct pass *p = &rc->pass;
    struct world w;

    rc->replan = false;
    mem_free(p->next);
    *p = (struct pass){.stage = rc->has_desired ? PASS_NOTE : PASS_CONSIDER,
                       .begun = p->begun + 1,
                       .cycle = p->cycle};
    rc_pauses_look(rc, fx);
    rc_counts_expire(rc, fx);
    rc->is_bound_anew = false;
    rc->strangers = rc_strangers(rc);
    expire_leaks(rc, fx);
    rc_drafts_expire(rc, fx);
    if (rc->has_desired) {
        rc_approvals_expire(rc, fx);
        for (size_t i = 0; i < rc->fleet.n_groups; i++)
            rc_note_group(rc, fx, rc->fleet.groups[i]);
        for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
            rc_note_api_token(rc, fx, rc->fleet.api_tokens[i]);
        for (size_t i = 0; i < rc->fleet.n_members; i++)
            rc_note_member(rc, fx, rc->fleet.members[i]);
        rc_world(rc, &w);
        for (size_t i = 0; i < rc->fleet.n_groups; i++)
            rc_settle(rc, fx, &w, &rc->fleet.groups[i]->r); /* what stands hangs on these */
        look_at_world(rc);
        return;
    }
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        for (size_t j = 0; j < rc->fleet.groups[i]->n_tokens; j++)
            rc_consider(rc, fx, &rc->fleet.groups[i]->tokens[j]->r);
}

static void guard(struct reconcile *rc, struct effects *fx)
{
    struct world w;

    rc_world(rc, &w);
    rc_ask_guard(rc, fx, &w);
    quota_groups(rc);
    rc->pass.room = quota_room(rc, rc->pass.present);
    rc->pass.stage = PASS_CONSIDER;
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        rc_consider_all(rc, fx, &rc->fleet.groups[i]->r);
}

static void end(struct reconcile *rc, struct effects *fx)
{
    struct pass *p = &rc->pass;

    if (rc->has_desired) {
        for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
            rc_consider(rc, fx, &rc->fleet.api_tokens[i]->t.r);
        for (size_t i = 0; i < rc->fleet.n_members; i++)
            rc_consider(rc, fx, &rc->fleet.members[i]->r);
        if (fx->failed)
            return;
        if (p->sweeps)
            fleet_sweep(&rc->fleet, on_gone, &(struct sweep){rc, fx});
        else
            fleet_sweep_others(&rc->fleet, on_gone, &(struct sweep){rc, fx});
        rc->unmanaged = p->unmanaged + unmanaged_others(rc);
        rc->left_behind = p->left_behind;
    }
    p->stage = PASS_NONE;
    p->begun = 0;
    p->cycle = rc->obs.answered;
    rc->replan = rc->replan || p->again;
    p->again = false;
}

/* --- slices --- */

/* From where the last slice has ended. True: there is no further one. */
static bool walk(struct reconcile *rc, struct effects *fx, size_t *left,
                 bool (*visit)(struct reconcile *rc, struct effects *fx, const struct world *w,
                               size_t at))
{
    struct pass *p = &rc->pass;
    size_t at = p->next ? fleet_place(&rc->fleet, p->next) : 0;
    struct world w;

    rc_world(rc, &w);
    for (; at < rc->fleet.n_databases && *left; at++) {
        size_t cost = visit(rc, fx, &w, at) ? SKIPS : 1;

        if (fx->failed || fleet_failed(&rc->fleet))
            return false;
        *left -= cost < *left ? cost : *left;
    }
    if (!ledger_set(&p->next,
                    at < rc->fleet.n_databases ? fleet_database_name(&rc->fleet, at) : NULL))
        fx->failed = true;
    return !p->next && !fx->failed;
}

/* True: it has come to its end. */
static bool go_on(struct reconcile *rc, struct effects *fx, size_t *left)
{
    if (rc->pass.stage == PASS_NOTE) {
        if (!walk(rc, fx, left, note))
            return false;
        guard(rc, fx);
    }
    if (rc->has_desired)
        look_at_world(rc);
    if (!walk(rc, fx, left, rc->has_desired ? consider : consider_tokens))
        return false;
    end(rc, fx);
    return !fx->failed;
}

static void replan(struct reconcile *rc, struct effects *fx, size_t left)
{
    for (int i = 0; rc_replan_is_due(rc) && !fx->failed && i < PASSES_MAX; i++) {
        if (rc->replan)
            begin(rc, fx);
        if (rc->pass.begun > PASSES_MAX)
            left = SIZE_MAX; /* it was begun anew often enough */
        if (!go_on(rc, fx, &left))
            return;
    }
}

void rc_replan(struct reconcile *rc, struct effects *fx)
{
    replan(rc, fx, rc->pass_slice < SIZE_MAX / SKIPS ? rc->pass_slice * SKIPS : SIZE_MAX);
}

void rc_replan_whole(struct reconcile *rc, struct effects *fx)
{
    if (rc_is_taking(rc))
        rc_take_slice(rc, fx, SIZE_MAX);
    if (!fx->failed)
        replan(rc, fx, SIZE_MAX);
}

bool rc_replan_is_due(const struct reconcile *rc)
{
    return (rc->replan || rc->pass.stage != PASS_NONE) && !rc->stopping;
}

bool rc_is_stale(const struct reconcile *rc)
{
    return rc->replan || rc->pass.stage == PASS_NOTE || rc_is_taking(rc);
}

void rc_replan_after(struct reconcile *rc)
{
    if (rc->pass.stage == PASS_NONE)
        rc->replan = true;
    else
        rc->pass.again = true;
}
