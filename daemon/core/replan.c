/* replan: look at everything again. First what the manifest says is noted in the ledger, then
 * databases are placed, then guard and approvals are asked, then every record is decided about. */
#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/guard.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "lib/text.h"

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

/* --- what the manifest says, noted --- */

static bool owned_by(const struct owned *own, bool has_own)
{
    return has_own && strcmp(own->state, "owned") == 0;
}

static bool note_since(int64_t *member, int64_t value, bool *changed)
{
    if ((*member != 0) == (value != 0))
        return false;
    *member = value;
    *changed = true;
    return true;
}

/* `expires`, so that a duration counts from when it was first said. */
static bool note_expiry(struct reconcile *rc, struct database *d, bool *changed)
{
    const struct db_want *w = d->want;
    char spec[64] = "";

    if (w && w->expires_at_ms)
        snprintf(spec, sizeof(spec), "@%lld", (long long)w->expires_at_ms);
    else if (w && w->expires_after_ms)
        snprintf(spec, sizeof(spec), "+%lld", (long long)w->expires_after_ms);
    if (strcmp(spec, d->own.expires_spec ? d->own.expires_spec : "") != 0) {
        if (!ledger_set(&d->own.expires_spec, *spec ? spec : NULL))
            return false;
        d->own.expires_since = *spec ? rc->generation_ms : 0;
        *changed = true;
    }
    if (w && d->own.expired && (uint64_t)d->own.expired != d->r.digest) {
        d->own.expired = 0;
        *changed = true;
    }
    return true;
}

/* delete_protection as the manifest wants it and the platform shows it counts as written, so that
 * it outlives its line. */
static bool note_protection(struct database *d, bool *changed)
{
    const char *want = d->want->config.value[CONFIG_DELETE_PROTECTION];
    const char *live = d->live.config.value[CONFIG_DELETE_PROTECTION];
    const char *applied = d->applied.value[CONFIG_DELETE_PROTECTION];
    struct db_config noted = {0};

    if (!want || !live || strcmp(want, live) != 0 || (applied && strcmp(applied, want) == 0))
        return true;
    noted.value[CONFIG_DELETE_PROTECTION] = want;
    *changed = true;
    return live_set_config(&d->applied, &noted) && live_set_config(&d->readback, &noted) &&
           rc_save_applied(d);
}

/* What an operator said of a thing ends with what it was said about: a release when its entry is
 * back, a new one to be made when its entry is gone. */
static void note_words(struct reconcile *rc, struct effects *fx, struct resource *r, bool managed)
{
    struct owned *own = rc_parts(r).own;
    bool changed = false;

    if (managed)
        note_since(&own->released, 0, &changed);
    else
        note_since(&own->recreate, 0, &changed);
    if (changed)
        rc_put_own(rc, fx, r);
}

static void note_database(struct reconcile *rc, struct effects *fx, struct database *d,
                          const struct world *w)
{
    bool changed = false;
    bool wanted;

    d->r.edited = false;
    if (d->has_own)
        note_words(rc, fx, &d->r, d->want && !d->want->observe && database_is_wanted(w, d));

    if (!owned_by(&d->own, d->has_own)) {
        if (d->has_own && !d->want && !d->r.busy && strcmp(d->own.state, "deleted") == 0 &&
            rc->wall_ms - d->own.since > RECENTLY_DELETED_MS && !d->n_tokens) {
            effects_remove(fx, LEDGER_OWNED, &d->own);
            ledger_row_deinit(LEDGER_OWNED, &d->own);
            d->has_own = false;
        }
        return;
    }
    if (!note_expiry(rc, d, &changed))
        fx->failed = true;
    wanted = database_is_wanted(w, d);
    if (d->want && !d->want->absent && !wanted && !d->own.expired && doubt_clock_is_good(rc)) {
        d->own.expired = (int64_t)d->r.digest;
        changed = true;
    }
    if (!wanted) {
        note_since(&d->own.removal_since, rc->wall_ms, &changed);
    } else if (note_since(&d->own.removal_since, 0, &changed) || !d->own.wanted_since) {
        d->own.wanted_since = rc->wall_ms;
        changed = true;
    }
    if (wanted && !d->own.fence) {
        rc_approval_done(rc, fx, "delete",
                         &d->r); /* said of a removal that nobody wants any more */
        changed = changed || d->own.held & HELD_REMOVAL;
        d->own.held &= ~HELD_REMOVAL;
    }
    if (wanted && !note_protection(d, &changed))
        fx->failed = true;
    if (d->want && d->want->protect_set && (d->want->protect || wanted) &&
        d->own.protect != d->want->protect) {
        d->own.protect = d->want->protect;
        changed = true;
    }
    rc_contend_database(rc, fx, d);
    if (changed)
        rc_put_own(rc, fx, &d->r);
}

/* Empty in every observation since: one that failed says nothing, one that shows a database, or
 * hides where one lives, starts anew. An approval given for the removal lasts through the grace. */
static void note_group(struct reconcile *rc, struct effects *fx, struct group *g)
{
    bool absent = g->want && g->want->absent;
    bool changed = false;

    g->r.edited = false;
    if (!owned_by(&g->own, g->has_own))
        return;
    rc_contend_group(rc, fx, g);
    note_words(rc, fx, &g->r, g->want && !absent);
    if (!absent || g->n_databases || rc->obs.placeless || (g->r.pause || rc->paused))
        note_since(&g->own.empty_since, 0, &changed);
    else if (rc->obs.complete && g->live.present)
        note_since(&g->own.empty_since, rc->wall_ms, &changed);
    note_since(&g->own.removal_since, g->want && !absent ? 0 : rc->wall_ms, &changed);
    if (g->want && !absent && g->want->delete_protection_set &&
        g->own.protect != g->want->delete_protection) {
        g->own.protect = g->want->delete_protection;
        changed = true;
    }
    if (changed)
        rc_put_own(rc, fx, &g->r);
    if (absent && rc_approval(rc, "delete", &g->r, g->own.id))
        rc_approval_begin(rc, fx, "delete", &g->r);
    else if (!absent)
        rc_approval_done(rc, fx, "delete", &g->r);
}

/* Since when its entry is gone; an approval given for that ends when it is back. */
static void note_api_token(struct reconcile *rc, struct effects *fx, struct api_token *a)
{
    struct issued *row = a->n_keys ? &a->keys[a->n_keys - 1].row : NULL;
    bool wanted = a->want && !a->want->token.absent;
    bool changed = false;

    if (!row)
        return;
    note_since(&row->removal_since, wanted ? 0 : rc->wall_ms, &changed);
    if (wanted) {
        rc_approval_done(rc, fx, "delete", &a->t.r);
        changed = changed || row->held;
        row->held = 0;
    }
    if (changed)
        effects_put(fx, LEDGER_ISSUED, row);
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

/* --- guard --- */

struct wants {
    size_t removals;
    size_t approved; /* removals that were, and have not begun to count yet */
    size_t updates;
    size_t creates;
};

static bool wants_update(const struct world *w, const struct database *d)
{
    unsigned drift;
    unsigned fields;

    if (!owned_by(&d->own, d->has_own) || !d->live.present || !database_is_wanted(w, d) ||
        d->want->observe || strcmp(d->live.id, d->own.id) != 0 || d->own.fence ||
        decide_pause(w, &d->r))
        return false;
    if (d->own.config_read ||
        strcmp(d->own.origin, "created") != 0) { /* else it is configuration after a create */
        fields = database_differs(d, &drift) & ~(database_refused(w, d) | d->contended_fields);
        if (w->config->policy.drift_report)
            fields &= ~drift;
        if (fields)
            return true;
    }
    for (size_t i = 0; i < d->n_tokens; i++)
        if (token_wants_update(w, d->tokens[i]))
            return true;
    return false;
}

static bool wants_create(const struct world *w, const struct database *d)
{
    return database_is_wanted(w, d) && !d->want->observe && !d->live.present &&
           !owned_by(&d->own, d->has_own) && !decide_pause(w, &d->r);
}

/* Nobody has said yes or no to it. */
static bool is_open(const struct reconcile *rc, const char *action, const struct resource *r,
                    const char *id)
{
    return !rc_approval(rc, action, r, id) && !rc_rejected(rc, action, r, id);
}

/* The guard is asked about none of what it needs, nor does it have an answer of before. */
static bool asks_nothing(const struct reconcile *rc, const struct world *w, struct database *d)
{
    return !d->own.fence && !d->own.held && !d->removal_ok && !d->approved && !d->rejected &&
           !d->update_held && !d->create_held && !d->fence_lapsed && !rc_is_lapsed(rc, d) &&
           !d->over_quota && !d->placed && !removal_is_asked(w, d) && !wants_update(w, d) &&
           !wants_create(w, d);
}

static void count_wants(struct reconcile *rc, const struct world *w, struct wants *out)
{
    *out = (struct wants){0};
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        const struct group *g = rc->fleet.groups[i];

        out->approved += owned_by(&g->own, g->has_own) &&
                         rc_approval(rc, "delete", &g->r, g->own.id) &&
                         !rc_is_counted(rc, "removal", &g->r);
    }
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);

        if (!d)
            continue;
        if (removal_is_asked(w, d) && !d->own.is_branch) {
            bool approved = rc_approval(rc, "delete", &d->r, d->own.id) != NULL;

            out->approved += approved && !rc_is_counted(rc, "removal", &d->r);
            out->removals += !removal_is_planned(w, d) && is_open(rc, "delete", &d->r, d->own.id) &&
                             !(d->fence_lapsed && rc_is_counted(rc, "removal", &d->r));
        }
        if (wants_update(w, d) && !rc_is_counted(rc, "update", &d->r) &&
            is_open(rc, "update", &d->r, d->own.id))
            out->updates++;
        if (wants_create(w, d) && !rc_is_counted(rc, "create", &d->r) &&
            is_open(rc, "create", &d->r, NULL))
            out->creates++;
    }
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++) {
        struct api_token *a = rc->fleet.api_tokens[i];
        const struct issued *row = api_token_newest(a);

        if (!api_token_removal_is_asked(w, a) || rc_is_counted(rc, "removal", &a->t.r))
            continue;
        out->approved += rc_approval(rc, "delete", &a->t.r, row->id) != NULL;
        out->removals +=
            !api_token_removal_is_planned(w, a) && is_open(rc, "delete", &a->t.r, row->id);
    }
    for (size_t i = 0; i < rc->fleet.n_members; i++) {
        const struct member *m = rc->fleet.members[i];

        if (!m->has_own || !member_removal_is_asked(w, m) || rc_is_counted(rc, "removal", &m->r))
            continue;
        out->approved += rc_approval(rc, "delete", &m->r, m->own.username) != NULL;
        out->removals += !member_removal_is_planned(w) && rc_member_open(rc, m);
    }
}

static void ask_api_token(struct reconcile *rc, struct effects *fx, const struct world *w,
                          struct api_token *a, bool allowed)
{
    struct issued *row = a->n_keys ? &a->keys[a->n_keys - 1].row : NULL;
    int64_t held;
    bool approved;

    a->removal_ok = a->rejected = false;
    if (!row || !api_token_removal_is_asked(w, a))
        return;
    held = row->held;
    approved = rc_approval(rc, "delete", &a->t.r, row->id) != NULL;
    a->rejected = !approved && rc_rejected(rc, "delete", &a->t.r, row->id);
    if (approved || a->rejected)
        row->held = 0;
    else if (w->strangers || w->doubt_stays || (!allowed && !rc_is_counted(rc, "removal", &a->t.r)))
        row->held = HELD_REMOVAL;
    a->removal_ok = approved || (!row->held && !w->doubt && !a->rejected &&
                                 !api_token_removal_is_planned(w, a));
    if (row->held != held)
        effects_put(fx, LEDGER_ISSUED, row);
}

static void hold(struct reconcile *rc, struct effects *fx, struct database *d, int64_t what)
{
    if (d->own.held & what)
        return;
    d->own.held |= what;
    rc_put_own(rc, fx, &d->r);
}

static void unhold(struct reconcile *rc, struct effects *fx, struct database *d, int64_t what)
{
    if (!(d->own.held & what))
        return;
    d->own.held &= ~what;
    rc_put_own(rc, fx, &d->r);
}

/* A hold ends by approval, rejection or the want going away, never by time. */
static void ask_removal(struct reconcile *rc, struct effects *fx, const struct world *w,
                        struct database *d, bool allowed)
{
    bool asked = removal_is_asked(w, d);
    bool going = !asked && d->own.fence && removal_of(w, d) != REMOVAL_NONE;

    d->removal_ok = d->approved = false;
    if (!asked && !going)
        return;
    d->approved = rc_approval(rc, "delete", &d->r, d->own.id) != NULL;
    d->rejected = !d->approved && rc_rejected(rc, "delete", &d->r, d->own.id);
    if (d->approved) {
        unhold(rc, fx, d, HELD_REMOVAL);
        if (going) /* it goes on from where it was held, for as long as its grace still takes */
            rc_approval_begin(rc, fx, "delete", &d->r);
        d->removal_ok = true;
    } else if (d->rejected) {
        unhold(rc, fx, d, HELD_REMOVAL);
    } else if (w->strangers || w->doubt_stays || (asked && !allowed && !d->own.is_branch)) {
        hold(rc, fx, d, HELD_REMOVAL);
    } else if (asked && !w->doubt && (!d->own.fence || strcmp(d->own.fence, "lifted") != 0)) {
        /* one that somebody lifted waits for approval */
        d->removal_ok = !(d->own.held & HELD_REMOVAL) && !removal_is_planned(w, d);
    }
}

/* Rejected or approved by an operator; else held when there are too many. */
static void ask_update(struct reconcile *rc, struct effects *fx, const struct world *w,
                       struct database *d, bool allowed)
{
    bool approved = rc_approval(rc, "update", &d->r, d->own.id) != NULL;

    if (decide_pause(w, &d->r))
        return; /* a hold outlives it */
    d->update_held = false;
    if (!wants_update(w, d) || approved) {
        unhold(rc, fx, d, HELD_UPDATE);
        return;
    }
    if (rc_rejected(rc, "update", &d->r, d->own.id)) {
        d->rejected = d->update_held = true;
        unhold(rc, fx, d, HELD_UPDATE);
        return;
    }
    if (!allowed && !rc_is_counted(rc, "update", &d->r))
        hold(rc, fx, d, HELD_UPDATE);
    d->update_held = (d->own.held & HELD_UPDATE) != 0;
}

static void ask_create(const struct reconcile *rc, const struct world *w, struct database *d,
                       bool allowed)
{
    bool rejected = rc_rejected(rc, "create", &d->r, NULL);

    d->create_held =
        wants_create(w, d) && !rc_approval(rc, "create", &d->r, NULL) && (rejected || !allowed);
    d->rejected = d->rejected || (d->create_held && rejected);
}

static size_t count_owned(const struct reconcile *rc)
{
    size_t n = 0;

    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        n += owned_by(&rc->fleet.groups[i]->own, rc->fleet.groups[i]->has_own);
    for (size_t i = 0; i < rc->fleet.n_databases; i++)
        n += (fleet_flags(&rc->fleet, i) & PACKED_OWNED) != 0;
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        n += api_token_newest(rc->fleet.api_tokens[i]) != NULL;
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        n += rc->fleet.members[i]->has_own;
    return n;
}

/* Fences that were allowed and are not up yet: which of them are asked about anew. Those that are
 * held, and all when the guard lets through less by now than has begun. */
static void look_at_fences(struct reconcile *rc, size_t owned)
{
    size_t allowed = guard_removals_allowed(&rc->config->policy, owned, rc_removed(rc));
    bool tight = rc_counted(rc, "removal") > allowed;

    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);
        bool tries = d && d->has_own && d->own.fence && strcmp(d->own.fence, "wanted") == 0;

        if (!d)
            continue;
        d->fence_lapsed = tries && (rc_is_lapsed(rc, d) || d->own.held & HELD_REMOVAL ||
                                    (tight && !d->own.is_branch));
    }
}

static void ask_guard(struct reconcile *rc, struct effects *fx, const struct world *w)
{
    const struct config_policy *p = &rc->config->policy;
    size_t owned = count_owned(rc);
    struct wants wants;
    bool removals;
    bool updates;
    bool creates;

    look_at_fences(rc, owned);
    count_wants(rc, w, &wants);
    removals = guard_allows_removals(p, owned, rc_removed(rc),
                                     rc_counted(rc, "removal") + wants.approved, wants.removals);
    rc_uploads_guard(rc, owned, rc_counted(rc, "removal") + wants.approved, wants.removals);
    updates = guard_allows_updates(p, owned, rc_counted(rc, "update"), wants.updates);
    creates = guard_allows_creates(p, rc_counted(rc, "create"), wants.creates);
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        struct group *g = rc->fleet.groups[i];

        g->removal_ok = rc_approval(rc, "delete", &g->r, g->own.id) != NULL;
        g->rejected = rc_rejected(rc, "delete", &g->r, g->own.id);
    }
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        ask_api_token(rc, fx, w, rc->fleet.api_tokens[i], removals);
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        rc_ask_member(rc, fx, w, rc->fleet.members[i], removals);
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);

        if (!d)
            continue;
        d->rejected = false;
        ask_removal(rc, fx, w, d, removals);
        ask_update(rc, fx, w, d, updates);
        ask_create(rc, w, d, creates);
    }
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
        struct visit v = fleet_open(&rc->fleet, i);

        for (size_t j = 0; v.d && j < v.d->n_tokens; j++)
            rc_consider(rc, fx, &v.d->tokens[j]->r);
        if (fx->failed)
            return;
        fleet_close(&rc->fleet, i, v);
    }
}

/* --- what need not be decided about again --- */

static uint64_t add_number(uint64_t h, int64_t n)
{
    return text_hash(h, &n, sizeof(n));
}

static uint64_t add_text(uint64_t h, const char *s)
{
    return s ? text_hash(h, s, strlen(s) + 1) : add_number(h, 0);
}

static uint64_t add_list(uint64_t h, const char *const *items, size_t n)
{
    h = add_number(h, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        h = add_text(h, items[i]);
    return h;
}

/* What is in the manifest beside databases' entries. */
static uint64_t add_manifest(uint64_t h, const struct desired *d)
{
    h = add_number(h, d ? 1 + d->whole : 0);
    for (size_t i = 0; d && i < d->n_residencies; i++) {
        const struct residency_want *w = &d->residencies[i];

        h = add_text(h, w->name);
        h = add_list(h, w->groups, w->n_groups);
        h = add_list(h, w->locations, w->n_locations);
    }
    return h;
}

/* What decisions about databases at rest hang on beside themselves and the time, as far as it
 * changes by itself: an event that changes more of the world forgets `decided_in`. */
static uint64_t world_digest(const struct reconcile *rc)
{
    const struct observation *o = &rc->obs;
    bool bits[] = {rc->authorized,
                   o->ever,
                   o->complete,
                   o->contradicted,
                   o->suspects,
                   rc->strangers,
                   rc->ledger_ok,
                   rc->tokens_unmarked,
                   rc->stopping,
                   rc->doubts[DOUBT_OLD].stands,
                   rc->doubts[DOUBT_COPY].stands};
    uint64_t h = text_hash(TEXT_HASH_INIT, bits, sizeof(bits));

    h = add_number(h, (int64_t)(uintptr_t)rc->paused);
    h = add_number(h, (int64_t)rc->n_pauses);
    h = add_number(h, (int64_t)rc->n_approvals);
    h = add_text(h, rc->doubt_text);
    h = add_manifest(h, rc->has_desired ? &rc->desired : NULL);
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        const struct group *g = rc->fleet.groups[i];

        h = add_text(h, g->r.name);
        h = add_number(h, (int64_t)g->r.digest);
        h = add_number(h, g->r.phase);
        h = add_number(h, g->r.reason);
        h = add_number(h, g->live.present);
        h = add_text(h, g->live.id);
        h = add_text(h, g->live.place);
        h = add_text(h, g->has_own ? g->own.state : NULL);
        h = add_number(h, (int64_t)(uintptr_t)g->r.pause);
        for (size_t k = 0; k < g->n_locations; k++)
            h = add_text(h, g->locations[k]);
    }
    return h;
}

static bool token_stands(const struct token *t)
{
    return t->r.phase == PHASE_READY && t->r.reason == REASON_IN_SYNC && t->want &&
           !t->want->absent && t->has_held && !t->file_gone && !t->dead;
}

/* Until when what was decided about it is what would be decided again; 0: it is looked at each
 * time. Only what most are: wanted, live, ours, and as the manifest says. */
static int64_t stands_until(const struct reconcile *rc, const struct database *d)
{
    const struct db_want *w = d->want;
    int64_t sweep = d->own.config_read + rc->config->reconcile.config_sweep_ms - rc->wall_ms;
    bool is_swept = false;

    if (!w || w->absent || w->observe || w->probe || w->seed_database || w->expires_after_ms ||
        w->expires_at_ms || d->r.phase != PHASE_READY || d->r.reason != REASON_IN_SYNC ||
        !owned_by(&d->own, d->has_own) || !d->live.present || !d->live.listed ||
        d->own.missing_since || d->own.released || d->own.recreate || d->own.removal_since ||
        d->own.expired || d->r.flipped || d->r.edited || d->refused_fields || d->contended_fields ||
        d->config_asked || d->r.refused_until_ms)
        return 0;
    for (size_t i = 0; i < d->n_tokens; i++)
        if (!token_stands(d->tokens[i]))
            return 0;
    for (int f = 0; f < CONFIG_N; f++)
        is_swept = is_swept || (w->config.value[f] && !CONFIG_FIELD[f].listed);
    if (!is_swept)
        return INT64_MAX;
    return sweep > 0 ? rc->now_ms + sweep : 0;
}

static bool stands(const struct reconcile *rc, size_t at)
{
    return fleet_is_packed(&rc->fleet, at) && fleet_flags(&rc->fleet, at) & PACKED_STEADY;
}

/* First what the manifest says is noted, of all; what the guard is not asked about is packed again.
 */
static void note_databases(struct reconcile *rc, struct effects *fx, const struct world *w)
{
    bool same_world = rc->decided_in && rc->decided_in == world_digest(rc);

    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct visit v;

        if (same_world && stands(rc, i))
            continue;
        v = fleet_open(&rc->fleet, i);
        if (!v.d)
            return;
        note_database(rc, fx, v.d, w);
        place(w, v.d);
        if (fx->failed)
            return; /* it is half written */
        if (asks_nothing(rc, w, v.d))
            fleet_close(&rc->fleet, i, v);
    }
}

static void consider_databases(struct reconcile *rc, struct effects *fx)
{
    uint64_t world = world_digest(rc);
    bool same_world = rc->decided_in == world;

    rc->decided_in = world;
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct visit v;

        if (same_world && stands(rc, i))
            continue;
        v = fleet_open(&rc->fleet, i);
        if (!v.d)
            return;
        rc_consider_all(rc, fx, &v.d->r);
        if (fx->failed)
            return;
        v.opened = true; /* nobody holds it */
        v.stands_until_ms = stands_until(rc, v.d);
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
        note_group(rc, fx, rc->fleet.groups[i]);
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        note_api_token(rc, fx, rc->fleet.api_tokens[i]);
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        rc_note_member(rc, fx, rc->fleet.members[i]);
    note_databases(rc, fx, &w);
    if (fx->failed)
        return; /* what memory was missing for is half written */
    ask_guard(rc, fx, &w);
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
