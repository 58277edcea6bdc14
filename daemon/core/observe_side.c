/* observe_side: the lists that only some need: API tokens, and who the daemon is. They are read
 * when groups and databases are known, one after the other, and only if the manifest names such
 * things or the ledger holds some. One that cannot be had leaves its kind unobserved, and nothing
 * else. */
#include <stdio.h>
#include <string.h>

#include "core/observe_private.h"
#include "core/retry.h"

static const char *const SIDE_NAME[SIDE_N] = {[SIDE_API_TOKENS] = "API tokens"};

static bool is_needed(const struct reconcile *rc, enum obs_stage stage)
{
    bool tokens = rc->fleet.n_api_tokens > 0;

    switch (stage) {
    case OBS_USER:
        return tokens && !rc->self.username[0];
    case OBS_API_TOKENS:
        return tokens;
    default:
        return false;
    }
}

void rc_observe_sides(struct reconcile *rc)
{
    struct observation *o = &rc->obs;
    int64_t next_ms = rc->config->reconcile.interval_ms;

    rc->replan = true;
    for (int s = (int)o->stage + 1; s < OBS_STAGES; s++) {
        if (!is_needed(rc, (enum obs_stage)s))
            continue;
        o->stage = (enum obs_stage)s;
        o->due = true;
        return;
    }
    if (o->side_failed) {
        int64_t retry_ms = retry_delay(++o->side_attempts, rc->config->reconcile.backoff_initial_ms,
                                       rc->config->reconcile.backoff_max_ms, -1, rc_random(rc));

        next_ms = retry_ms < next_ms ? retry_ms : next_ms;
    } else {
        o->side_attempts = 0;
    }
    o->side_failed = false;
    rc_observe_end(rc, rc->now_ms + next_ms);
}

void rc_side_failed(struct reconcile *rc, struct effects *fx, enum side side,
                    const struct answer *a)
{
    struct side_list *list = &rc->sides[side];
    char text[sizeof(list->error)];

    if (a->outcome == OUTCOME_CANCELED)
        return;
    snprintf(text, sizeof(text), "%s (HTTP %d)%s%s", OUTCOME_INFO[a->outcome].text, a->http_status,
             a->error[0] ? ": " : "", a->error);
    if (strcmp(text, list->error) != 0)
        rc_event(rc, fx, NULL, "ObservationFailed", 4, a, "the %s cannot be listed: %s",
                 SIDE_NAME[side], text);
    memcpy(list->error, text, sizeof(text));
    list->ok = false;
    list->refused = !OUTCOME_INFO[a->outcome].retry;
    if (!list->failing_since_ms)
        list->failing_since_ms = rc->now_ms;
    rc->replan = true;
}

void rc_side_read(struct reconcile *rc, struct effects *fx, enum side side, int64_t sent_ms)
{
    struct side_list *list = &rc->sides[side];

    if (list->error[0])
        rc_event(rc, fx, NULL, "Observed", 5, NULL, "the %s are listed again", SIDE_NAME[side]);
    *list = (struct side_list){.ok = true, .sent_ms = sent_ms};
    rc->replan = true;
}

void rc_observe_side_absorb(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    struct observation *o = &rc->obs;
    bool ok = a->outcome == OUTCOME_OK;

    if (o->stage == OBS_USER && ok) {
        snprintf(rc->self.username, sizeof(rc->self.username), "%s", a->username);
    } else if (o->stage == OBS_API_TOKENS && ok) {
        rc_see_api_tokens(rc, fx, a, o->sent_ms);
    } else if (o->stage == OBS_API_TOKENS) {
        rc_side_failed(rc, fx, SIDE_API_TOKENS, a);
        o->side_failed = o->side_failed || !rc->sides[SIDE_API_TOKENS].refused;
    }
    rc_observe_sides(rc);
}
