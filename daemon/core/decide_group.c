/* decide_group: what a group needs next. A group is never pruned: the platform's delete takes every
 * database in it along, so only `state: absent`, approved, and long proven empty, removes one. */
#include <stdio.h>
#include <string.h>

#include "core/decide_act.h"
#include "core/fleet_rest.h"
#include "core/guest.h"

static bool is_state(const struct group *g, const char *state)
{
    return g->has_own && strcmp(g->own.state, state) == 0;
}

static bool is_protected(const struct group *g)
{
    const char *live = g->live.config.value[CONFIG_DELETE_PROTECTION];

    return live && strcmp(live, "true") == 0;
}

static size_t tokens_held(const struct group *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_tokens; i++)
        n += g->tokens[i]->has_held && strcmp(g->tokens[i]->held.state, "removed") != 0;
    return n;
}

/* API tokens of ours that the platform's delete would revoke. */
static bool has_api_tokens(const struct world *w, const struct group *g)
{
    for (size_t i = 0; i < w->fleet->n_api_tokens; i++)
        for (size_t j = 0; j < w->fleet->api_tokens[i]->n_keys; j++) {
            const char *name = w->fleet->api_tokens[i]->keys[j].row.group_name;

            if (name && strcmp(name, g->r.name) == 0)
                return true;
        }
    return false;
}

/* Databases that live in it, by ledger, by sight or by what was seen before. */
static bool has_databases(const struct world *w, const struct group *g)
{
    bool has = false;

    for (size_t i = 0; !has && i < w->fleet->n_databases; i++) {
        const struct database *d = fleet_peek(w->fleet, i);
        bool ours = d && d->has_own && strcmp(d->own.state, "deleted") != 0 && d->own.group_name &&
                    strcmp(d->own.group_name, g->r.name) == 0;

        has = !d || ours || /* it is not known, for want of memory */
              (d->live.present && (!d->live.place || strcmp(d->live.place, g->r.name) == 0));
    } /* one that does not say where it lives may live here */
    fleet_unpeek(w->fleet);
    return has || guests_in(w->guests, g->r.name);
}

static void decide_group_removal(const struct world *w, const struct group *g, struct decision *out)
{
    int64_t grace = w->config->policy.deletion_grace_ms;
    int64_t empty_ms = g->own.empty_since ? w->wall_ms - g->own.empty_since : 0;

    if (is_protected(g) || g->own.protect) {
        say_blocked(out, REASON_DELETE_PROTECTED);
        return;
    }
    if (g->live.archived || tokens_held(g) || has_api_tokens(w, g) ||
        has_databases(w, g)) { /* an archived one may hide some */
        say_blocked(out, REASON_NOT_EMPTY);
        return;
    }
    out->step = STEP_DELETE;
    if (!g->removal_ok) {
        say_held(out, g->rejected);
    } else if (say_refused(w, &g->r, ACT_DELETE, out)) {
        return;
    } else if (!w->complete || !g->own.empty_since) {
        say_phase(out, PHASE_DELETING, REASON_WAITING_FOR_VIEW);
    } else if (empty_ms < grace || !w->clock_is_good) {
        say_phase(out, PHASE_DELETING, REASON_GRACE);
        snprintf(out->message, sizeof(out->message),
                 "empty; deleted when the grace ends, if it is so until then");
        out->due_ms = g->own.empty_since + grace;
        if (empty_ms < grace)
            say_wake(out, w->now_ms + grace - empty_ms);
    } else if (say_no_deletes(w, g->deleted_ms, out)) {
        return;
    } else if (w->now_ms - w->observed_ms > CHECKED_FOR_MS) {
        say_phase(out, PHASE_DELETING, REASON_WAITING_FOR_VIEW);
        out->wants_view = true;
    } else {
        bool just_deleted = g->deleted_ms && w->now_ms - g->deleted_ms < DELETED_WITHIN_MS;

        say_act(out, is_checked(w, &g->live) && !just_deleted ? ACT_DELETE : ACT_READ, LANE_REMOVE);
        say_phase(out, PHASE_DELETING, REASON_DELETING);
    }
}

/* The location to create it in; NULL when `closest` is not resolved yet. */
static const char *location_of(const struct group *g)
{
    if (strcmp(g->want->location, "closest") != 0)
        return g->want->location;
    return g->has_own && g->own.group_name ? g->own.group_name : g->closest;
}

static void decide_group_create(const struct world *w, const struct group *g, struct decision *out)
{
    out->step = STEP_CREATE;
    out->place = g->want->location ? location_of(g) : NULL;
    if ((g->taken || is_state(g, "creating")) && !is_checked(w, &g->live)) {
        say_act(out, ACT_READ, LANE_RESOLVE);
    } else if (!g->want->location) {
        say_blocked(out, REASON_NOT_FOUND);
        snprintf(out->message, sizeof(out->message),
                 "does not exist, and the manifest names no location to make it in");
    } else if (say_refused(w, &g->r, ACT_CREATE, out)) {
        return;
    } else if (say_no_room(w, KIND_GROUP, g->over_quota, out)) {
        return;
    } else if (w->now_ms < w->create_refused_until_ms[KIND_GROUP]) {
        say_blocked(out, REASON_PLAN_REFUSED);
        say_wake(out, w->create_refused_until_ms[KIND_GROUP]);
    } else if (!w->complete) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_VIEW);
    } else if (g->delete_sent_ms && w->now_ms - g->delete_sent_ms < LANDS_WITHIN_MS) {
        say_phase(out, PHASE_PENDING, REASON_QUEUED); /* as with a database */
        say_wake(out, g->delete_sent_ms + LANDS_WITHIN_MS);
    } else if (!out->place) {
        say_act(out, ACT_FIND_CLOSEST, LANE_CREATE);
    } else {
        say_act(out, ACT_CREATE, LANE_CREATE);
    }
}

/* The location differs from the one the manifest names. `closest` takes any. */
static bool is_elsewhere(const struct group *g)
{
    return g->want->location && strcmp(g->want->location, "closest") != 0 && g->live.place &&
           strcmp(g->want->location, g->live.place) != 0;
}

static bool has_location(char *const *locations, size_t n, const char *code)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(locations[i], code) == 0)
            return true;
    return false;
}

/* Replica locations, on the legacy platform. True: one is to be added or removed. */
static bool decide_locations(const struct world *w, const struct group *g, struct decision *out)
{
    const char *primary = g->live.place ? g->live.place : "";

    if (!g->want->locations_set)
        return false;
    out->place = NULL;
    for (size_t i = 0; !out->place && i < g->want->n_locations; i++)
        if (!has_location(g->locations, g->n_locations, g->want->locations[i]))
            out->place = g->want->locations[i];
    out->act = ACT_ADD_LOCATION;
    for (size_t i = 0; !out->place && i < g->n_locations; i++) {
        out->act = ACT_REMOVE_LOCATION;
        if (strcmp(g->locations[i], primary) != 0 &&
            !has_location((char *const *)(uintptr_t)g->want->locations, g->want->n_locations,
                          g->locations[i]))
            out->place = g->locations[i];
    }
    if (!out->place) {
        out->act = ACT_NONE;
        return false;
    }
    out->step = STEP_UPDATE;
    if (say_refused(w, &g->r, out->act, out))
        out->act = ACT_NONE;
    else
        say_act(out, out->act, LANE_UPDATE);
    return true;
}

bool group_differs(const struct group *g)
{
    return g->want && !g->want->absent && g->want->delete_protection_set &&
           is_protected(g) != g->want->delete_protection;
}

static bool decide_protection(const struct world *w, const struct group *g, struct decision *out)
{
    if (!group_differs(g) || g->contended)
        return false;
    out->step = STEP_UPDATE;
    out->fields = 1u << CONFIG_DELETE_PROTECTION;
    if (!say_refused(w, &g->r, ACT_CONFIGURE, out))
        say_act(out, ACT_CONFIGURE, LANE_FINISH);
    return true;
}

static void say_contended(const struct group *g, struct decision *out)
{
    say_blocked(out, REASON_CONTENDED);
    snprintf(out->message, sizeof(out->message), "%s was set back too often after being set to %s",
             CONFIG_FIELD[CONFIG_DELETE_PROTECTION].key,
             g->want->delete_protection ? "true" : "false");
}

static void decide_group_kept(const struct world *w, const struct group *g, struct decision *out)
{
    if (g->own.missing_since) {
        out->act = ACT_FOUND;
    } else if (g->live.read_ms == 0 && !g->live.listed) {
        say_act(out, ACT_READ, LANE_FINISH);
    } else if (g->live.archived && g->want->unarchive) {
        out->step = STEP_UPDATE;
        if (!say_refused(w, &g->r, ACT_UNARCHIVE, out))
            say_act(out, ACT_UNARCHIVE, LANE_FINISH);
    } else if (is_elsewhere(g)) {
        say_blocked(out, REASON_LOCATION_CHANGE);
        snprintf(
            out->message, sizeof(out->message),
            "is in %s, the manifest says %s; make a new group there, and copy its databases (seed)",
            g->live.place, g->want->location);
    } else if (g->want->extensions && g->own.create_digest &&
               strcmp(g->own.create_digest, g->want->extensions) != 0) {
        say_blocked(out, REASON_EXTENSIONS_CHANGE);
    } else if (!decide_protection(w, g, out) && !decide_locations(w, g, out)) {
        if (g->live.archived)
            say_blocked(out, REASON_ARCHIVED);
        else if (group_differs(g))
            say_contended(g, out);
        else
            say_phase(out, PHASE_READY, REASON_IN_SYNC);
    }
}

static void decide_group_wanted(const struct world *w, const struct group *g, struct decision *out)
{
    bool ours = is_state(g, "owned");

    if (!g->live.present && ours)
        decide_vanished(w, &g->live, &g->own, g->gone_ms, out);
    else if (!g->live.present)
        decide_group_create(w, g, out);
    else if (is_state(g, "creating"))
        out->act = is_elsewhere(g) || !g->create_lost ? ACT_FORGET : ACT_OURS;
    else if (ours && strcmp(g->live.id, g->own.id) != 0)
        say_blocked(out, REASON_CONFLICT);
    else if (ours)
        decide_group_kept(w, g, out);
    else if (w->config->policy.adopt == ADOPT_NEVER)
        say_blocked(out, REASON_NOT_OWNED);
    else if (is_elsewhere(g))
        say_blocked(out, REASON_LOCATION_CHANGE);
    else
        out->act = ACT_ADOPT;
}

/* Not shown any more, and not by our doing: asked twice. Wanted gone, that is the end of it. */
static void decide_group_gone(const struct world *w, const struct group *g, struct decision *out)
{
    decide_vanished(w, &g->live, &g->own, g->gone_ms, out);
    if (g->want && (out->act == ACT_MISS || out->phase == PHASE_MISSING))
        out->act = ACT_GONE;
}

static void decide_group_unwanted(const struct world *w, const struct group *g,
                                  struct decision *out)
{
    bool ours = is_state(g, "owned");
    bool absent = g->want != NULL;

    if (is_state(g, "creating") && !is_checked(w, &g->live))
        out->act = ACT_READ;
    else if (is_state(g, "creating") && g->live.present && g->create_lost)
        out->act = ACT_OURS;
    else if (is_state(g, "creating") && !g->live.present &&
             say_may_come(w, &g->live, g->create_lost, out))
        return;
    else if (is_state(g, "creating"))
        out->act = ACT_FORGET;
    else if (ours && !g->live.present && g->deleted_ms)
        out->act = g->gone_ms && is_checked(w, &g->live) ? ACT_GONE : ACT_READ;
    else if (ours && !g->live.present)
        decide_group_gone(w, g, out);
    else if (ours && strcmp(g->live.id, g->own.id) != 0)
        say_blocked(out, REASON_CONFLICT);
    else if (ours && g->own.missing_since)
        out->act = ACT_FOUND;
    else if (ours && absent)
        decide_group_removal(w, g, out);
    else if (ours)
        say_phase(out, PHASE_ORPHANED, REASON_NOT_IN_MANIFEST);
    else if (absent && g->live.present)
        say_blocked(out, REASON_NOT_OWNED);
    else if (absent)
        say_phase(out, PHASE_READY, REASON_ABSENT);
    if (out->act == ACT_READ && out->phase == PHASE_NONE) {
        out->lane = LANE_REMOVE;
        say_phase(out, PHASE_DELETING, REASON_DELETING);
    }
}

void decide_group(const struct world *w, const struct group *g, struct decision *out)
{
    if (!w->observed && g->live.read_ms == 0 && !g->live.present)
        say_phase(out, g->want || g->has_own ? PHASE_UNKNOWN : PHASE_NONE, REASON_NOT_OBSERVED);
    else if (g->has_own && g->own.released)
        decide_release(w, &g->r, out);
    else if (g->want && !g->want->absent)
        decide_group_wanted(w, g, out);
    else
        decide_group_unwanted(w, g, out);
}
