/* decide_probe: probe: true. A database is Ready only once its own host answers to a token of it.
 * Asked when it is new, when its token was minted anew because the host refused it, once in a
 * config_sweep, and on request. */
#include <string.h>

#include "core/decide_act.h"

const struct token *database_probe_token(const struct database *d)
{
    for (size_t i = 0; i < d->n_tokens; i++) {
        const struct token *t = d->tokens[i];

        if (t->want && !t->want->absent && t->has_held && strcmp(t->held.state, "published") == 0 &&
            t->held.hash && t->held.file && t->held.target_id &&
            strcmp(t->held.target_id, d->own.id) == 0 && !t->file_gone && !t->dead)
            return t;
    }
    return NULL;
}

/* Nothing is asked of a host that may not answer, or while nothing but GETs may be sent. */
static bool is_asked(const struct world *w, const struct database *d)
{
    const char *blocked = d->live.config.value[CONFIG_BLOCK_READS];

    return d->want->probe && w->config->policy.writes && !d->own.fence &&
           !(blocked && strcmp(blocked, "true") == 0);
}

void decide_probe(const struct world *w, const struct database *d, struct decision *out)
{
    int64_t again_ms = d->own.probed + w->config->reconcile.config_sweep_ms - w->wall_ms;
    bool answered = d->own.probed != 0;
    bool failing = d->r.attempts && d->r.failed_act == ACT_PROBE;

    if (!is_asked(w, d) || out->phase != PHASE_READY)
        return;
    if (answered && !d->probe_asked && again_ms > 0) {
        say_wake(out, w->now_ms + again_ms);
    } else if (say_refused(w, &d->r, ACT_PROBE, out)) {
        return;
    } else if (!database_probe_token(d)) {
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
