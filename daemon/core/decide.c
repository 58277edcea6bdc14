#include "core/decide.h"

#include <stdio.h>
#include <string.h>

#include "core/decide_act.h"
#include "core/quota.h"
#include "core/upload.h"
#include "lib/text.h"

#define ACT_ROW(symbol, text, call, write, reason)                                                 \
    [ACT_##symbol] = {text, call, write, REASON_##reason},
const struct act_info ACT[ACT_N] = {ACTS(ACT_ROW)};

bool say_refused(const struct world *w, const struct resource *r, enum act act,
                 struct decision *out)
{
    if (r->refused == REASON_NONE || r->refused_act != (int)act || r->refused_digest != r->digest ||
        w->now_ms >= r->refused_until_ms)
        return false;
    say_blocked(out, r->refused);
    if (r->refused_text)
        snprintf(out->message, sizeof(out->message), "%s: %s", REASON_TEXT[r->refused],
                 r->refused_text);
    say_wake(out, r->refused_until_ms);
    return true;
}

bool say_no_room(const struct world *w, enum kind kind, bool over_quota, struct decision *out)
{
    if (quota_is_awaited(w->quota)) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_VIEW);
        return true;
    }
    if (!over_quota)
        return false;
    say_blocked(out, REASON_QUOTA_EXCEEDED);
    snprintf(out->message, sizeof(out->message),
             "the plan %s allows %lld %ss, and those that are there or come first take them all; "
             "upgrade it or remove some (looked at again hourly, or on sync)",
             w->quota->plan, (long long)w->quota->limit[kind], KIND_NAME[kind]);
    return true;
}

void decide_vanished(const struct world *w, const struct live *l, const struct owned *own,
                     int64_t gone_ms, struct decision *out)
{
    if (own->missing_since) {
        say_phase(out, PHASE_MISSING, REASON_VANISHED);
        return;
    }
    say_phase(out, PHASE_UNKNOWN, REASON_VANISHING);
    if (!w->observed)
        return;
    if (!gone_ms) {
        out->act = ACT_READ;
    } else if (w->now_ms < gone_ms + MISSING_AFTER_MS) {
        say_wake(out, gone_ms + MISSING_AFTER_MS);
    } else if (!is_checked(w, l) || l->read_ms < gone_ms + MISSING_AFTER_MS) {
        out->act = ACT_READ;
    } else if (w->complete) {
        out->act = ACT_MISS;
    }
    out->lane = LANE_RESOLVE;
}

/* --- configuration --- */

const char *database_value(const struct database *d, enum config_field f)
{
    if (d->live.config.value[f] && (CONFIG_FIELD[f].listed || d->live.config_read))
        return d->live.config.value[f];
    return d->readback.value[f];
}

/* Right if it reads back equal, or reads back what the platform answered when this value was last
 * written: it may spell a size otherwise, but yes is not no. */
static bool is_right(const struct database *d, enum config_field f)
{
    const char *want = d->want->config.value[f];
    const char *live = database_value(d, f);
    bool as_applied = d->applied.value[f] && strcmp(d->applied.value[f], want) == 0;

    if (live && strcmp(live, want) == 0)
        return true;
    if (live && CONFIG_FIELD[f].type == CONFIG_TYPE_BOOL)
        return false;
    return as_applied &&
           (!live || (d->readback.value[f] && strcmp(live, d->readback.value[f]) == 0));
}

unsigned database_differs(const struct database *d, unsigned *drift)
{
    unsigned fields = 0;

    *drift = 0;
    for (int f = 0; f < CONFIG_N; f++) {
        const char *want = d->want ? d->want->config.value[f] : NULL;

        if (!want || is_right(d, (enum config_field)f))
            continue;
        fields |= 1u << f;
        if (d->applied.value[f] && strcmp(d->applied.value[f], want) == 0)
            *drift |= 1u << f;
    }
    return fields;
}

int64_t database_config_read_ms(const struct database *d)
{
    int64_t at = d->own.config_read;

    return at < 0 ? -(at + 1) : at;
}

/* The last that was heard of it is not what was written; what it is was known to an earlier life.
 */
static bool is_config_in_doubt(const struct database *d)
{
    return d->own.config_read == CONFIG_IN_DOUBT ||
           (d->own.config_read < 0 && !d->live.config_read);
}

/* A field that no list shows, of a database that we did not make, has to be read before it is
 * compared; and every database's is read again once in a config_sweep. */
static bool wants_config(const struct world *w, const struct database *d)
{
    bool named = false;

    for (int f = 0; f < CONFIG_N; f++) {
        if (CONFIG_FIELD[f].listed || !d->want->config.value[f])
            continue;
        named = true;
        if (!d->live.config_read && !d->applied.value[f] && strcmp(d->own.origin, "adopted") == 0)
            return true;
    }
    if (named && (d->config_asked || is_config_in_doubt(d)))
        return true;
    return named && w->wall_ms - database_config_read_ms(d) > w->config->reconcile.config_sweep_ms;
}

unsigned database_refused(const struct world *w, const struct database *d)
{
    return w->now_ms < d->r.refused_until_ms ? d->refused_fields : 0;
}

static void say_kept(const struct world *w, const struct database *d, struct decision *out);

static void say_held_update(const struct database *d, unsigned fields, struct decision *out)
{
    out->step = STEP_UPDATE;
    out->fields = fields;
    say_held(out, d->rejected);
}

static bool decide_config(const struct world *w, const struct database *d, struct decision *out)
{
    unsigned drift;
    unsigned fields = database_differs(d, &drift);
    bool is_new = d->own.config_read == 0 && strcmp(d->own.origin, "created") == 0;
    bool reads = wants_config(w, d);

    if (w->config->policy.drift_report)
        fields &= ~drift;
    fields &= ~(database_refused(w, d) | d->contended_fields);
    if (!fields && !reads)
        return false;
    if (!fields && is_config_in_doubt(d)) {
        say_act(out, ACT_READ_CONFIG, LANE_RESOLVE);
        say_phase(out, PHASE_PENDING, REASON_NO_ANSWER);
        return true;
    }
    if (!fields) {
        say_act(out, ACT_READ_CONFIG, LANE_SWEEP);
        say_phase(out, PHASE_READY, REASON_IN_SYNC);
        say_kept(w, d, out);
        return true;
    }
    if (reads && !is_new) {
        say_act(out, ACT_READ_CONFIG, d->update_held ? LANE_SWEEP : LANE_UPDATE);
        if (d->update_held)
            say_held_update(d, fields, out); /* as it was: a look changes nothing of that */
        return true;
    }
    out->step = STEP_UPDATE;
    out->fields = fields;
    if (say_refused(w, &d->r, ACT_CONFIGURE, out))
        return true;
    if (d->update_held) {
        say_held_update(d, fields, out);
        return true;
    }
    say_act(out, ACT_CONFIGURE, is_new ? LANE_FINISH : LANE_UPDATE);
    return true;
}

static bool is_state(const struct owned *own, bool has_own, const char *state)
{
    return has_own && strcmp(own->state, state) == 0;
}

/* --- live and wanted --- */

static bool decide_adopt(const struct world *w, const struct database *d, struct decision *out)
{
    const struct db_want *want = d->want;
    const struct group *g = fleet_group(w->fleet, d->live.place);
    bool fits = want->group ? d->live.place && strcmp(want->group, d->live.place) == 0
                            : !want->residency || (g && residency_allows(want->residency, g));

    if (w->config->policy.adopt == ADOPT_NEVER) {
        say_blocked(out, REASON_NOT_OWNED);
        snprintf(out->message, sizeof(out->message), "live, but not ours; policy.adopt is never");
    } else if (!fits && !want->group) {
        say_blocked(out, REASON_RESIDENCY_VIOLATED);
    } else if (!fits) {
        say_blocked(out, REASON_NOT_OWNED);
        snprintf(out->message, sizeof(out->message),
                 "live in group %s and not ours; the manifest names group %s: name its group to "
                 "adopt it",
                 d->live.place ? d->live.place : "?", want->group);
    } else if (d->r.look_now) { /* the last list did not show it any more */
        say_act(out, ACT_READ, LANE_RESOLVE);
    } else {
        out->act = ACT_ADOPT;
        say_phase(out, PHASE_PENDING, REASON_QUEUED);
    }
    return true;
}

/* What cannot be changed in place: named, but nothing is done about it. */
static bool is_misplaced(const struct world *w, const struct database *d, struct decision *out)
{
    const struct group *g = fleet_group(w->fleet, d->live.place);
    const char *place = d->live.place ? d->live.place : "?";

    if (d->want->group && strcmp(d->want->group, place) != 0) {
        say_blocked(out, REASON_GROUP_CHANGE);
        snprintf(out->message, sizeof(out->message),
                 "lives in group %s, the manifest says %s; a database cannot move: create another "
                 "one from it (seed), "
                 "switch its users, then remove this one",
                 place, d->want->group);
    } else if (d->want->residency && g && !residency_allows(d->want->residency, g)) {
        say_blocked(out, REASON_RESIDENCY_VIOLATED);
        snprintf(out->message, sizeof(out->message), "lives in group %s (%s), outside residency %s",
                 place, g->live.place ? g->live.place : "?", d->want->residency->name);
    } else {
        return say_created_otherwise(d, out);
    }
    return true;
}

static void decide_blocked_fields(const struct world *w, const struct database *d,
                                  struct decision *out)
{
    unsigned drift;
    unsigned left = database_differs(d, &drift);
    unsigned refused = left & database_refused(w, d);

    if (refused)
        say_wake(out, d->r.refused_until_ms);

    for (int f = 0; f < CONFIG_N; f++) {
        if (!((refused | (left & d->contended_fields)) & 1u << f))
            continue;
        say_blocked(out, refused ? REASON_REFUSED : REASON_CONTENDED);
        snprintf(out->message, sizeof(out->message), "%s %s to %s%s%s", CONFIG_FIELD[f].key,
                 refused ? "cannot be set" : "was set back too often after being set",
                 d->want->config.value[f], refused && d->r.refused_text ? ": " : "",
                 refused && d->r.refused_text ? d->r.refused_text : "");
        return;
    }
    if (drift)
        out->reason = REASON_DRIFTED;
}

/* What stands in the way of a database that is kept, while the rest of it goes on. */
static void say_kept(const struct world *w, const struct database *d, struct decision *out)
{
    decide_blocked_fields(w, d, out);
    is_misplaced(w, d, out);
}

static void decide_kept(const struct world *w, const struct database *d, struct decision *out)
{
    int64_t expiry = database_expiry(d);

    if (d->own.missing_since) {
        out->act = ACT_FOUND;
        return;
    }
    if (decide_unfence(w, d, out) || decide_upload(w, d, out) || decide_config(w, d, out))
        return;
    if (d->live.read_ms == 0 && !d->live.listed) { /* made, but not confirmed, nor seen since */
        say_act(out, ACT_READ, LANE_FINISH);
        return;
    }
    say_phase(out, PHASE_READY, REASON_IN_SYNC);
    say_kept(w, d, out);
    if (expiry) {
        out->due_ms = expiry;
        say_wake(out, w->now_ms + (expiry - w->wall_ms));
        if (w->wall_ms < expiry - REMIND_MS)
            say_wake(out, w->now_ms + (expiry - REMIND_MS - w->wall_ms));
    }
    decide_probe(w, d, out);
}

static void decide_observe_only(const struct world *w, const struct database *d,
                                struct decision *out)
{
    if (d->has_own && d->own.fence && d->live.present && strcmp(d->live.id, d->own.id) == 0)
        decide_unfence(w, d, out); /* before the row that knows how it was is gone */
    else if (d->has_own && decide_hidden(w, d, out))
        return;
    else if (d->has_own && strcmp(d->own.state, "deleted") != 0)
        out->act = ACT_RELEASE;
    else if (d->live.present)
        say_phase(out, PHASE_READY, REASON_OBSERVED);
    else if (w->observed)
        say_blocked(out, REASON_NOT_FOUND);
    else
        say_phase(out, PHASE_UNKNOWN, REASON_NOT_OBSERVED);
}

/* It was fenced to be deleted: perhaps we did so in another life. */
static bool is_fenced(const struct database *d)
{
    return d->own.fence && strcmp(d->own.fence, "set") == 0;
}

/* The platform said that it deleted it, so that it is gone is no surprise. */
static void decide_gone(const struct world *w, const struct database *d, struct decision *out)
{
    if (d->gone_ms && is_checked(w, &d->live))
        out->act = ACT_GONE;
    else
        say_act(out, ACT_READ, LANE_REMOVE);
}

/* Ours, wanted gone or fenced, not shown any more, and not by what we know of our doing: asked
 * twice, like one that vanished. */
static void decide_gone_by_itself(const struct world *w, const struct database *d,
                                  struct decision *out)
{
    decide_vanished(w, &d->live, &d->own, d->gone_ms, out);
    if (out->act == ACT_MISS || out->phase == PHASE_MISSING)
        out->act = ACT_GONE;
}

/* The one that another was to be made in place of. */
static bool is_the_old(const struct database *d)
{
    return text_is(d->live.id, d->own.id);
}

/* A create of ours may have made it: then it is where it was asked for. */
static bool may_be_ours(const struct database *d)
{
    return d->create_lost && text_is(d->live.place, d->own.group_name) && !is_the_old(d);
}

static void decide_unwanted_ours(const struct world *w, const struct database *d,
                                 enum removal removal, struct decision *out)
{
    bool going = removal == REMOVAL_ABSENT || removal == REMOVAL_EXPIRED;

    if (!d->live.present && d->deleted_ms)
        decide_gone(w, d, out);
    else if (!d->live.present && (going || is_fenced(d) || upload_is_refused_draft(d)))
        decide_gone_by_itself(w, d, out);
    else if (!d->live.present)
        decide_vanished(w, &d->live, &d->own, d->gone_ms, out);
    else if (strcmp(d->live.id, d->own.id) == 0 && d->own.missing_since)
        out->act = ACT_FOUND;
    else if (strcmp(d->live.id, d->own.id) == 0)
        decide_removal(w, d, removal, out);
    else if (d->want)
        say_blocked(out, REASON_CONFLICT);
    else
        say_phase(out, PHASE_NONE, REASON_NONE); /* another's; ours is no more */
}

static void decide_unwanted(const struct world *w, const struct database *d, enum removal removal,
                            struct decision *out)
{
    if (is_state(&d->own, d->has_own, "creating")) {
        if (!is_checked(w, &d->live))
            say_act(out, ACT_READ, LANE_RESOLVE);
        else if (d->live.present && may_be_ours(d))
            out->act = ACT_OURS;
        else if (d->live.present || !say_may_come(w, &d->live, d->create_lost, out))
            out->act = ACT_FORGET;
    } else if (is_state(&d->own, d->has_own, "owned")) {
        decide_unwanted_ours(w, d, removal, out);
    } else if (!d->want) {
        say_phase(out, PHASE_NONE, REASON_NONE);
    } else if (d->live.present) {
        say_blocked(out, REASON_NOT_OWNED);
    } else {
        say_phase(out, PHASE_READY, REASON_ABSENT);
    }
}

static void decide_wanted(const struct world *w, const struct database *d, struct decision *out)
{
    bool creating = is_state(&d->own, d->has_own, "creating");
    bool ours = is_state(&d->own, d->has_own, "owned");

    if (!d->live.present && ours && d->deleted_ms)
        decide_gone(w, d, out);
    else if (!d->live.present && ours && (is_fenced(d) || upload_is_refused_draft(d)))
        decide_gone_by_itself(w, d, out);
    else if (!d->live.present && ours)
        decide_vanished(w, &d->live, &d->own, d->gone_ms, out);
    else if (!d->live.present)
        decide_create(w, d, out);
    else if (creating && (!d->create_lost || (is_the_old(d) && is_checked(w, &d->live))))
        out->act = ACT_FORGET; /* the create did nothing: this is somebody else's, or was before */
    else if (creating && may_be_ours(d))
        out->act = ACT_OURS;
    else if (creating && (!d->live.place || is_the_old(d)))
        say_act(out, ACT_READ, LANE_RESOLVE);
    else if (creating || (ours && strcmp(d->live.id, d->own.id) != 0))
        say_blocked(out, REASON_CONFLICT);
    else if (!ours)
        decide_adopt(w, d, out);
    else
        decide_kept(w, d, out);
}

/* Deleted, read to be gone, and live again under the id that the ledger remembers: somebody
 * restored it, and it is ours as before. */
static bool decide_returned(const struct world *w, const struct database *d, struct decision *out)
{
    if (!is_state(&d->own, d->has_own, "deleted") || !d->live.present || !d->own.id ||
        strcmp(d->live.id, d->own.id) != 0 || (d->want && d->want->observe))
        return false;
    if (is_checked(w, &d->live))
        out->act = ACT_RETURNED;
    else
        say_act(out, ACT_READ, LANE_RESOLVE);
    return true;
}

static void decision_init(struct decision *out)
{
    memset(out, 0, offsetof(struct decision, message) + 1);
    out->wake_ms = INT64_MAX;
}

static void decide_database(const struct world *w, const struct database *d, struct decision *out)
{
    enum removal removal = removal_of(w, d);

    if (!w->observed && d->live.read_ms == 0 && !d->live.present)
        say_phase(out, d->want || d->has_own ? PHASE_UNKNOWN : PHASE_NONE, REASON_NOT_OBSERVED);
    else if (d->has_own && d->own.released)
        decide_release(w, &d->r, out);
    else if (d->want && d->want->observe)
        decide_observe_only(w, d, out);
    else if (decide_returned(w, d, out))
        return;
    else if (database_is_wanted(w, d))
        decide_wanted(w, d, out);
    else
        decide_unwanted(w, d, removal, out);
}

void decide(const struct world *w, const struct resource *r, struct decision *out)
{
    decision_init(out);
    switch (r->kind) {
    case KIND_GROUP:
        decide_group(w, container_of(r, const struct group, r), out);
        break;
    case KIND_DATABASE:
        decide_database(w, container_of(r, const struct database, r), out);
        break;
    case KIND_API_TOKEN:
        decide_api_token(w, container_of(r, const struct api_token, t.r), out);
        break;
    case KIND_MEMBER:
        decide_member(w, container_of(r, const struct member, r), out);
        break;
    default:
        decide_token(w, container_of(r, const struct token, r), out);
    }
    decide_paused(w, r, out);
    decide_rotate(w, r, out);
    if (r->look_now && (out->act == ACT_NONE || out->act == ACT_CONFIGURE ||
                        out->act == ACT_READ_CONFIG)) { /* and it stands where it stood */
        out->act = ACT_READ;
        out->lane = LANE_RESOLVE;
    }
}
