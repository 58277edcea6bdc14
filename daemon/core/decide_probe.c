/* decide_probe: probe: true. A database is Ready only once its own host answers to a token of it.
 * Asked when it is new, when its token was minted anew because the host refused it, once in a
 * config_sweep, and on request. */
#include <stdio.h>
#include <string.h>

#include "core/decide_act.h"

/* One that ends now, or has, would be refused for that alone. */
#define ENDS_WITHIN_MS (5 * 60 * 1000)

static bool is_good(const struct token *t, const struct database *d, int64_t wall_ms)
{
    const struct held_token *h = &t->held;

    return t->want && !t->want->absent && t->has_held && strcmp(h->state, "published") == 0 &&
           h->hash && h->file && h->target_id && strcmp(h->target_id, d->own.id) == 0 &&
           (!h->expires || h->expires - wall_ms > ENDS_WITHIN_MS) && !t->file_gone && !t->dead;
}

const struct token *database_probe_token(const struct database *d, int64_t wall_ms)
{
    for (size_t i = 0; i < d->n_tokens; i++)
        if (is_good(d->tokens[i], d, wall_ms))
            return d->tokens[i];
    return NULL;
}

/* Nothing is asked of a host that may not answer, or while nothing but GETs may be sent. */
static bool is_asked(const struct world *w, const struct database *d)
{
    const char *blocked = d->live.config.value[CONFIG_BLOCK_READS];

    return d->want->probe && w->config->policy.writes && !d->own.fence &&
           !(blocked && strcmp(blocked, "true") == 0);
}

/* The hosts of what is in it do not answer. */
static const struct group *archived_group(const struct world *w, const struct database *d)
{
    const struct group *g = d->live.place ? fleet_group(w->fleet, d->live.place) : NULL;

    return g && g->live.archived ? g : NULL;
}

static void say_archived(const struct group *g, struct decision *out)
{
    say_blocked(out, REASON_ARCHIVED);
    snprintf(out->message, sizeof(out->message),
             "its host cannot answer: group %s is archived; unarchive: true there wakes it",
             g->r.name);
}

void decide_probe(const struct world *w, const struct database *d, struct decision *out)
{
    int64_t again_ms = d->own.probed + w->config->reconcile.config_sweep_ms - w->wall_ms;
    const struct group *archived = archived_group(w, d);
    bool answered = d->own.probed != 0;
    bool failing = d->r.attempts && d->r.failed_act == ACT_PROBE;

    if (!is_asked(w, d) || out->phase != PHASE_READY)
        return;
    if (answered && !d->probe_asked && again_ms > 0) {
        say_wake(out, w->now_ms + again_ms);
    } else if (archived) {
        if (!answered)
            say_archived(archived, out);
    } else if (say_refused(w, &d->r, ACT_PROBE, out)) {
        return;
    } else if (!database_probe_token(d, w->wall_ms)) {
        if (!answered)
            say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_TOKEN);
    } else if (w->now_ms < d->probe_ms) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_HOST);
        say_wake(out, d->probe_ms);
    } else {
        say_act(out, ACT_PROBE, answered ? LANE_SWEEP : LANE_FINISH);
        if (answered && !failing)
            say_phase(out, PHASE_READY, REASON_IN_SYNC);
    }
}
