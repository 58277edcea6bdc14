/* observe_side: the lists that only some need: API tokens, invites and members, and who the daemon
 * is. They are read when groups and databases are known, one after the other, and only if the
 * manifest names such things or the ledger holds some. One that cannot be had leaves its kind
 * unobserved, and nothing else. */
#include <stdio.h>
#include <string.h>

#include "core/observe_private.h"
#include "core/retry.h"

static const char *const SIDE_NAME[SIDE_N] = {
    [SIDE_API_TOKENS] = "API tokens", [SIDE_INVITES] = "invites", [SIDE_MEMBERS] = "members"};

static const enum side SIDE_OF[OBS_STAGES] = {
    [OBS_API_TOKENS] = SIDE_API_TOKENS, [OBS_INVITES] = SIDE_INVITES, [OBS_MEMBERS] = SIDE_MEMBERS};

static bool is_needed(const struct reconcile *rc, enum obs_stage stage)
{
    bool tokens = rc->fleet.n_api_tokens > 0;
    bool members = rc->fleet.n_members > 0;

    switch (stage) {
    case OBS_USER:
        return (tokens || members) && !rc->self.username[0];
    case OBS_API_TOKENS:
        return tokens;
    case OBS_INVITES:
    case OBS_MEMBERS:
        return members;
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

static void list_failed(struct reconcile *rc, enum side side, const char *text, bool refused)
{
    struct side_list *list = &rc->sides[side];

    snprintf(list->error, sizeof(list->error), "%s", text);
    list->ok = false;
    list->refused = refused;
    if (!list->failing_since_ms)
        list->failing_since_ms = rc->now_ms;
    rc->replan = true;
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
    list_failed(rc, side, text, !OUTCOME_INFO[a->outcome].retry);
}

void rc_side_lies(struct reconcile *rc, struct effects *fx, enum side side, const char *fmt,
                  const char *what)
{
    struct side_list *list = &rc->sides[side];
    char text[sizeof(list->error)];
    int n = snprintf(text, sizeof(text), "the list of %s ", SIDE_NAME[side]);

    snprintf(text + n, sizeof(text) - (size_t)n, fmt, what);
    if (strcmp(text, list->error) != 0)
        rc_event(rc, fx, NULL, "ObservationFailed", 4, NULL, "%s", text);
    list_failed(rc, side, text, false);
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
    } else if (o->stage == OBS_INVITES && ok) {
        rc_see_invites(rc, fx, a, o->sent_ms);
    } else if (o->stage == OBS_MEMBERS && ok) {
        o->side_failed = !rc_see_members(rc, fx, a, o->sent_ms) || o->side_failed;
    } else if (o->stage != OBS_USER) {
        enum side side = SIDE_OF[o->stage];

        rc_side_failed(rc, fx, side, a);
        o->side_failed = o->side_failed || !rc->sides[side].refused;
    }
    rc_observe_sides(rc);
}
