/* replan_note: what the manifest says of a thing of ours is noted in its row: since when it is
 * wanted or not, when it expires, that it is protected. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/text.h"

static bool note_since(int64_t *member, int64_t value, bool *changed)
{
    if ((*member != 0) == (value != 0))
        return false;
    *member = value;
    *changed = true;
    return true;
}

/* What lies ahead was noted by a clock that was wrong: it was now, at the latest. */
static void note_no_later(const struct reconcile *rc, int64_t *member, bool *changed)
{
    if (*member <= rc->wall_ms || !doubt_clock_is_good(rc))
        return;
    *member = rc->wall_ms;
    *changed = true;
}

/* For how long the manifest has wanted it counts from a time that is true. */
static void note_wanted(const struct reconcile *rc, int64_t *wanted_since, bool *changed)
{
    int64_t since = doubt_clock_is_good(rc) ? rc->wall_ms : 0;

    *changed = *changed || *wanted_since != since;
    *wanted_since = since;
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

void rc_note_database(struct reconcile *rc, struct effects *fx, struct database *d,
                      const struct world *w)
{
    bool changed = false;
    bool wanted;

    d->r.edited = false;
    if (d->has_own)
        note_words(rc, fx, &d->r, d->want && !d->want->observe && database_is_wanted(w, d));

    if (!rc_is_owned(&d->own, d->has_own)) {
        if (d->has_own && !d->want && !d->r.busy && strcmp(d->own.state, "deleted") == 0 &&
            rc->wall_ms - d->own.since > RECENTLY_DELETED_MS && doubt_clock_is_good(rc) &&
            !d->n_tokens) {
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
    note_no_later(rc, &d->own.removal_since, &changed);
    note_no_later(rc, &d->own.wanted_since, &changed);
    if (!wanted)
        note_since(&d->own.removal_since, rc->wall_ms, &changed);
    else if (note_since(&d->own.removal_since, 0, &changed) || !d->own.wanted_since)
        note_wanted(rc, &d->own.wanted_since, &changed);
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
void rc_note_group(struct reconcile *rc, struct effects *fx, struct group *g)
{
    bool absent = g->want && g->want->absent;
    bool changed = false;

    g->r.edited = false;
    if (!rc_is_owned(&g->own, g->has_own))
        return;
    rc_contend_group(rc, fx, g);
    note_words(rc, fx, &g->r, g->want && !absent);
    if (!absent || g->n_databases || rc->obs.placeless || guests_in(&rc->guests, g->r.name) ||
        g->r.pause || rc->paused)
        note_since(&g->own.empty_since, 0, &changed);
    else if (rc->obs.complete && g->live.present && doubt_clock_is_good(rc))
        note_since(&g->own.empty_since, rc->wall_ms, &changed);
    note_no_later(rc, &g->own.empty_since, &changed);
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
void rc_note_api_token(struct reconcile *rc, struct effects *fx, struct api_token *a)
{
    struct issued *row = a->n_keys ? &a->keys[a->n_keys - 1].row : NULL;
    bool wanted = a->want && !a->want->token.absent;
    bool changed = false;

    if (!row)
        return;
    note_since(&row->removal_since, wanted ? 0 : rc->wall_ms, &changed);
    note_no_later(rc, &row->removal_since, &changed);
    if (wanted) {
        rc_approval_done(rc, fx, "delete", &a->t.r);
        changed = changed || row->held;
        row->held = 0;
    }
    if (changed)
        effects_put(fx, LEDGER_ISSUED, row);
}
