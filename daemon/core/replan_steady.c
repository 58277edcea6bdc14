/* replan_steady: what need not be decided about again: a database at rest, as long as neither it,
 * nor what decisions hang on beside it, nor the time has changed. */
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "lib/text.h"

static uint64_t add_number(uint64_t h, int64_t n)
{
    return text_mix(h, &n, sizeof(n));
}

static uint64_t add_text(uint64_t h, const char *s)
{
    return s ? text_mix(h, s, strlen(s)) : add_number(h, 0);
}

static uint64_t add_list(uint64_t h, const char *const *items, size_t n)
{
    h = add_number(h, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        h = add_text(h, items[i]);
    return h;
}

uint64_t rc_manifest_digest(const struct desired *d)
{
    uint64_t h = add_number(TEXT_HASH_INIT, d->whole);

    for (size_t i = 0; i < d->n_residencies; i++) {
        const struct residency_want *w = &d->residencies[i];

        h = add_text(h, w->name);
        h = add_list(h, w->groups, w->n_groups);
        h = add_list(h, w->locations, w->n_locations);
    }
    return h;
}

static uint64_t add_group(uint64_t h, const struct group *g)
{
    const int64_t numbers[] = {
        (int64_t)g->r.digest,   g->r.phase,          g->r.reason,
        g->live.present,        (int64_t)g->has_own, (int64_t)(uintptr_t)g->r.pause,
        (int64_t)g->n_locations};

    h = text_mix(h, numbers, sizeof(numbers));
    h = add_text(h, g->r.name);
    h = add_text(h, g->live.id);
    h = add_text(h, g->live.place);
    if (g->has_own)
        h = add_text(h, g->own.state);
    for (size_t i = 0; i < g->n_locations; i++)
        h = add_text(h, g->locations[i]);
    return h;
}

/* What decisions about databases at rest hang on beside themselves and the time, as far as it
 * changes by itself: an event that changes more of the world forgets `decided_in`. */
uint64_t rc_world_digest(const struct reconcile *rc)
{
    const struct observation *o = &rc->obs;
    const int64_t world[] = {
        rc->authorized | o->ever << 1 | o->complete << 2 | o->contradicted << 3 |
            (o->suspects != 0) << 4 | rc->strangers << 5 | rc->ledger_ok << 6 |
            rc->tokens_unmarked << 7 | rc->stopping << 8 | rc->doubts[DOUBT_OLD].stands << 9 |
            rc->doubts[DOUBT_COPY].stands << 10,
        (int64_t)(uintptr_t)rc->paused,
        (int64_t)rc->n_pauses,
        (int64_t)rc->n_approvals,
        rc->has_desired,
        (int64_t)rc->manifest_digest};
    uint64_t h = text_mix(TEXT_HASH_INIT, world, sizeof(world));

    if (rc->doubt_text[0])
        h = add_text(h, rc->doubt_text);
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        h = add_group(h, rc->fleet.groups[i]);
    return h;
}

static bool token_stands(const struct token *t)
{
    return t->r.phase == PHASE_READY && t->r.reason == REASON_IN_SYNC && t->want &&
           !t->want->absent && t->has_held && !t->file_gone && !t->dead;
}

/* Until when what was decided about it is what would be decided again; 0: it is looked at each
 * time. Only what most are: wanted, live, ours, and as the manifest says. */
int64_t rc_stands_until(const struct reconcile *rc, const struct database *d)
{
    const struct db_want *w = d->want;
    int64_t sweep =
        database_config_read_ms(d) + rc->config->reconcile.config_sweep_ms - rc->wall_ms;
    bool is_swept = false;

    if (!w || w->absent || w->observe || w->probe || w->seed_database || w->expires_after_ms ||
        w->expires_at_ms || d->r.phase != PHASE_READY || d->r.reason != REASON_IN_SYNC ||
        !rc_is_owned(&d->own, d->has_own) || !d->live.present || !d->live.listed ||
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

/* Until the first look is over what the ledger tells of stays Unknown, as it was loaded, if the
 * platform has said nothing of it; but tokens are renewed, and what ends does so at its time. */
static bool waits_for_look(const struct reconcile *rc, unsigned flags)
{
    unsigned loaded = PACKED_UNSEEN | PACKED_KEPT;

    return !rc->obs.ever && (flags & (loaded | PACKED_TOKENS | PACKED_ENDS)) == loaded;
}

bool rc_stands(const struct reconcile *rc, size_t at)
{
    unsigned flags = fleet_is_packed(&rc->fleet, at) ? fleet_flags(&rc->fleet, at) : 0;

    return flags & PACKED_STEADY || waits_for_look(rc, flags);
}
