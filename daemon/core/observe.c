#include "core/observe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/observe_private.h"
#include "core/retry.h"
#include "lib/mem.h"

#define CONTRADICTED_AGAIN_MS 5000

void rc_observe(struct reconcile *rc)
{
    struct observation *o = &rc->obs;

    if (o->stage != OBS_IDLE) {
        o->again = o->again || o->stage != OBS_ORGANIZATION || o->flight;
        return;
    }
    o->stage = OBS_ORGANIZATION;
    o->due = true;
    o->again = false;
    o->cycle++;
    o->started_ms = rc->now_ms;
}

void rc_observe_start(struct reconcile *rc, struct effects *fx)
{
    static const enum call_kind KIND_OF[OBS_STAGES] = {
        [OBS_ORGANIZATION] = CALL_ORGANIZATION_GET, [OBS_GROUPS] = CALL_GROUPS_LIST,
        [OBS_DATABASES] = CALL_DATABASES_LIST,      [OBS_USER] = CALL_USER_GET,
        [OBS_API_TOKENS] = CALL_API_TOKENS_LIST,    [OBS_INVITES] = CALL_INVITES_LIST,
        [OBS_MEMBERS] = CALL_MEMBERS_LIST};
    struct observation *o = &rc->obs;
    struct call *c = call_new(KIND_OF[o->stage], NULL);

    o->due = false;
    if (o->stage == OBS_ORGANIZATION)
        o->started_ms = rc->now_ms; /* what is read from now on is newer than the lists */
    o->sent_ms = rc->now_ms;
    if (c && o->stage == OBS_DATABASES && o->cursor && !ledger_set(&c->cursor, o->cursor)) {
        call_free(c);
        c = NULL;
    }
    if (c) {
        c->id = o->flight = rc->next_id++;
        c->attempt = o->attempts + 1;
        schedule_started(&rc->schedule);
    }
    effects_call(fx, c);
}

void rc_observe_deinit(struct reconcile *rc)
{
    observe_list_forget(rc);
}

void rc_observe_end(struct reconcile *rc, int64_t next_ms)
{
    struct observation *o = &rc->obs;

    observe_list_forget(rc);
    o->stage = OBS_IDLE;
    o->due = false;
    o->answered = o->cycle;
    o->next_ms = o->again ? rc->now_ms : next_ms;
    o->again = false;
    rc->replan = true;
}

/* Why it is not complete; told when it is another reason than before. */
static void PRINTF(4, 5) note_error(struct reconcile *rc, struct effects *fx,
                                    const struct answer *a, const char *fmt, ...)
{
    struct observation *o = &rc->obs;
    char text[sizeof(o->error)];
    va_list ap;

    if (rc->stopping && a && a->outcome == OUTCOME_CANCELED)
        return; /* by ourselves */
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (strcmp(text, o->error) != 0)
        rc_event(rc, fx, NULL, "ObservationFailed", 4, a,
                 "the platform was not observed completely: %s", text);
    memcpy(o->error, text, sizeof(text));
}

static void failed(struct reconcile *rc, const struct answer *a)
{
    struct observation *o = &rc->obs;
    unsigned tries = o->attempts + 1;

    o->complete = false;
    o->attempts++;
    if (o->stage > OBS_DATABASES) /* what stands before it has gone well, and would begin anew */
        tries = ++o->side_attempts;
    rc_observe_end(rc, rc->now_ms + retry_delay(tries, rc->config->reconcile.backoff_initial_ms,
                                                rc->config->reconcile.backoff_max_ms,
                                                a ? a->retry_after_ms : -1, rc_random(rc)));
}

/* It does not count as complete, and is tried again ever more seldom: a list may lie for long. */
void rc_contradict(struct reconcile *rc, struct effects *fx, const char *kind, const char *name)
{
    struct observation *o = &rc->obs;
    int64_t max_ms = rc->config->reconcile.backoff_max_ms;
    int64_t again_ms;

    rc->replan = true;
    if (o->contradicted)
        return;
    note_error(rc, fx, NULL,
               "the list of %ss does not show %s/%s, which is there when read by name", kind, kind,
               name);
    o->contradicted = true;
    o->complete = false;
    if (o->before_ms) {
        o->completed_ms = o->before_ms;
        o->completed_wall_ms = o->before_wall_ms;
    }
    again_ms = CONTRADICTED_AGAIN_MS +
               retry_delay(++o->contradictions, CONTRADICTED_AGAIN_MS, max_ms, -1, rc_random(rc));
    if (o->stage == OBS_IDLE && o->next_ms > rc->now_ms + again_ms)
        o->next_ms = rc->now_ms + again_ms;
}

void rc_uncontradicted(struct reconcile *rc, struct effects *fx)
{
    if (rc->obs.error[0])
        rc_event(rc, fx, NULL, "Observed", 5, NULL, "the platform is observed completely again");
    rc->obs.error[0] = '\0';
}

/* --- when all is taken over --- */

/* The grace runs while we observe; a gap of more than two intervals was not observed. */
static void run_graces(struct reconcile *rc, struct effects *fx)
{
    int64_t most = 2 * rc->config->reconcile.interval_ms;
    struct world w;

    rc_world(rc, &w);
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_is_packed(&rc->fleet, i) ? NULL : fleet_open(&rc->fleet, i).d;
        int64_t ran = d ? rc->now_ms - d->grace_mark_ms : 0;

        if (!d || !d->has_own || !d->own.fence || strcmp(d->own.fence, "set") != 0)
            continue;
        if (d->grace_mark_ms && !decide_pause(&w, &d->r)) {
            d->own.grace_spent += ran < most ? ran : most;
            rc_put_own(rc, fx, &d->r);
        }
        d->grace_mark_ms = rc->now_ms;
    }
}

void observe_taken(struct reconcile *rc, struct effects *fx)
{
    struct observation *o = &rc->obs;

    if (!o->ever || (o->error[0] && !o->suspects))
        rc_event(rc, fx, NULL, "Observed", 5, NULL, "observed %zu groups and %zu databases",
                 o->n_groups, o->n_databases);
    if (!o->contradicted)
        o->contradictions = 0;
    if (!o->suspects) /* else what is not shown is asked for first */
        o->error[0] = '\0';
    o->before_ms = o->completed_ms;
    o->before_wall_ms = o->completed_wall_ms;
    o->complete = true;
    o->contradicted = false;
    o->ever = true;
    o->completed_ms = rc->now_ms;
    o->completed_wall_ms = rc->wall_ms;
    o->attempts = 0;
    if (o->hidden)
        rc_contradict(rc, fx, KIND_NAME[o->hidden_kind], o->hidden);
    doubt_observed(rc, fx);
    own_rights_look(rc, fx);
    run_graces(rc, fx);
    rc_check_files(rc, fx);
    observe_list_forget(rc);
    if (rc->pass.stage != PASS_NONE)
        rc->replan = true; /* what it has noted is from before */
    rc_observe_sides(rc);
}

/* --- answers --- */

static void on_organization(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    if (!a->organization_slug || strcmp(a->organization_slug, rc->config->organization) != 0) {
        note_error(rc, fx, a, "asked for organization %s, the platform answered with %s",
                   rc->config->organization, a->organization_slug ? a->organization_slug : "none");
        failed(rc, a);
        return;
    }
    if (!rc->authorized)
        rc_event(rc, fx, NULL, "Authorized", 5, a, "the platform accepts the API token again");
    if (a->organization_id && !ledger_set(&rc->recover.organization_id, a->organization_id))
        fx->failed = true;
    rc->authorized = true;
    rc->auth_error[0] = '\0';
    rc->obs.stage = OBS_GROUPS;
    rc->obs.due = true;
}

static void on_databases(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    struct observation *o = &rc->obs;
    char why[256];
    bool nomem = false;

    if (!observe_list_page(rc, a))
        fx->failed = true;
    if (o->n_databases > LIMIT_LISTED_ELEMENTS || o->n_cursors >= LIMIT_PAGES) {
        note_error(rc, fx, a, "the list of databases does not end");
        failed(rc, a);
    } else if (a->next_cursor && observe_list_is_seen(o, a->next_cursor, &nomem)) {
        note_error(rc, fx, a,
                   "the list of databases goes round in a circle: its cursor came twice");
        failed(rc, a);
    } else if (a->next_cursor) {
        o->cursor = arena_strdup(&o->arena, a->next_cursor);
        o->due = true;
        nomem = nomem || !o->cursor;
    } else if (!observe_list_is_true(rc, why, sizeof(why))) {
        note_error(rc, fx, a, "%s", why);
        failed(rc, a);
    } else {
        observe_take_begin(rc, fx);
    }
    fx->failed = fx->failed || nomem;
}

void rc_unauthorized(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    const struct config_secret *from = &rc->config->api.token;

    snprintf(rc->auth_error, sizeof(rc->auth_error), "%s (HTTP %d)%s%s%s%.*s",
             OUTCOME_INFO[a->outcome].text, a->http_status, a->error[0] ? ": " : "", a->error,
             from->file         ? "; it stands in "
             : from->credential ? "; it is the credential "
                                : "; it came in TURSO_API_TOKEN",
             LIMIT_ERROR_TEXT_BYTES,
             from->file         ? from->file
             : from->credential ? from->credential
                                : "");
    if (rc->authorized) {
        rc->unauthorized_wall_ms = rc->wall_ms;
        rc_event(rc, fx, NULL, "Unauthorized", 3, a,
                 "the platform refuses the API token for organization %s: %s; nothing is written "
                 "until it accepts it",
                 rc->config->organization, rc->auth_error);
    }
    rc->authorized = false;
    rc->replan = true;
}

void rc_observe_absorb(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    struct observation *o = &rc->obs;
    enum obs_stage stage = o->stage;

    o->flight = 0;
    if (stage > OBS_DATABASES && a->outcome != OUTCOME_UNAUTHORIZED) {
        rc_observe_side_absorb(rc, fx, a);
    } else if (a->outcome != OUTCOME_OK) {
        if (a->outcome == OUTCOME_UNAUTHORIZED ||
            (stage == OBS_ORGANIZATION && a->outcome == OUTCOME_FORBIDDEN))
            rc_unauthorized(rc, fx, a);
        note_error(
            rc, fx, a, "%s: %s%s%s%s",
            stage == OBS_ORGANIZATION ? "reading the organization"
            : stage == OBS_GROUPS     ? "listing groups"
            : stage == OBS_DATABASES  ? "listing databases"
                                      : "listing what is beside them",
            OUTCOME_INFO[a->outcome].text, a->error[0] ? ": " : "", a->error,
            stage == OBS_ORGANIZATION && a->outcome == OUTCOME_NOT_FOUND
                ? "; is organization in the configuration its slug, and the API token its own?"
                : "");
        failed(rc, a);
    } else if (stage == OBS_ORGANIZATION) {
        on_organization(rc, fx, a);
    } else if (stage == OBS_GROUPS) {
        if (!observe_list_groups(rc, a))
            fx->failed = true;
        o->stage = OBS_DATABASES;
        o->due = true;
    } else {
        on_databases(rc, fx, a);
    }
}
