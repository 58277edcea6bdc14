/* decide_token: what a token needs next. Minting never invalidates, so a token is renewed early and
 * the old one is left to lapse; nothing here rotates keys. */
#include <stdio.h>
#include <string.h>

#include "core/decide_act.h"
#include "core/fleet_rest.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/text.h"

#define PATH_BYTES    4096
#define FRESH_LOOK_MS 10000
#define FRESH_MAX_MS  ((int64_t)3600 * 1000)

static const char *const AUTH_NAME[] = {
    [AUTH_FULL_ACCESS] = "full-access", [AUTH_READ_ONLY] = "read-only"};

#define PARAM_PARTS 5

static void param_parts(const struct token_want *want, const char *out[PARAM_PARTS])
{
    out[0] = AUTH_NAME[want->authorization];
    out[1] = " ";
    out[2] = want->expiration;
    out[3] = want->permissions ? " " : "";
    out[4] = want->permissions ? want->permissions : "";
}

char *token_params(const struct token_want *want)
{
    const char *p[PARAM_PARTS];

    param_parts(want, p);
    return mem_printf("%s%s%s%s%s", p[0], p[1], p[2], p[3], p[4]);
}

static enum token_of kind_of(const struct token *t)
{
    return t->r.kind == KIND_API_TOKEN     ? TOKEN_OF_API
           : t->r.kind == KIND_GROUP_TOKEN ? TOKEN_OF_GROUP
                                           : TOKEN_OF_DATABASE;
}

char *token_path(const char *target, const struct token *t)
{
    struct buf b = BUF_INIT(PATH_BYTES);

    if (!t->want)
        return mem_strdup(t->held.file);
    if (!desired_token_file(&b, kind_of(t), target, t->want)) {
        buf_deinit(&b);
        return NULL;
    }
    return buf_steal(&b);
}

unsigned token_mode(const struct world *w, const struct token_want *want)
{
    return want->mode_set ? want->mode : w->config->tokens_group ? 0640 : 0600;
}

struct resource *token_target(const struct fleet *f, const struct token *t)
{
    if (t->r.kind == KIND_TOKEN)
        fleet_touch(f, database_of(t->target));
    return t->target;
}

struct target {
    const struct resource *r;
    const struct live *live;
    const struct owned *own;
    bool ours;     /* live under the id that we know */
    bool removing; /* Deleting: nothing is minted, files stay */
    bool gone;     /* deleted for good, as the ledger knows: its tokens are dead */
    bool wanted;
    bool observed_only;
};

static void look_at(const struct world *w, const struct resource *r, struct target *out)
{
    bool has_own;

    *out = (struct target){.r = r};
    if (!r)
        return;
    if (r->kind == KIND_GROUP) {
        const struct group *g = container_of(r, const struct group, r);

        out->live = &g->live;
        out->own = &g->own;
        has_own = g->has_own;
        out->wanted = g->want && !g->want->absent;
        out->removing = g->r.phase == PHASE_DELETING || g->deleted_ms;
    } else {
        const struct database *d = container_of(r, const struct database, r);

        out->live = &d->live;
        out->own = &d->own;
        has_own = d->has_own;
        out->wanted = database_is_wanted(w, d);
        out->observed_only = d->want && d->want->observe;
        out->removing = !out->wanted && (d->r.phase == PHASE_DELETING || d->deleted_ms ||
                                         (d->own.fence && strcmp(d->own.fence, "lifted") != 0));
    }
    out->ours = has_own && strcmp(out->own->state, "owned") == 0 && out->live->present &&
                out->live->id && strcmp(out->live->id, out->own->id) == 0 &&
                !out->own->missing_since && !out->own->upload; /* a draft opens to nobody */
    out->gone = !has_own || strcmp(out->own->state, "deleted") == 0;
}

static bool is_held(const struct token *t, const char *state)
{
    return t->has_held && strcmp(t->held.state, state) == 0;
}

bool token_is_elsewhere(const struct world *w, const struct token *t, const char *target)
{
    return !t->held.file || !desired_is_token_file(t->held.file, kind_of(t), target, t->want) ||
           t->held.format != (int64_t)t->want->format ||
           t->held.mode != (int64_t)token_mode(w, t->want);
}

static bool has_other_params(const struct token *t)
{
    const char *parts[PARAM_PARTS];

    param_parts(t->want, parts);
    return t->held.params && !text_is_joined(t->held.params, parts, PARAM_PARTS);
}

/* Minted by us so lately that renewing it would be a loop: the platform gives shorter lives than
 * were asked for, or our clock is ahead of its. */
static bool is_fresh(const struct world *w, const struct token *t)
{
    int64_t life = t->held.expires - t->held.issued;

    return t->minted_ms &&
           w->now_ms - t->minted_ms < (life / 3 < FRESH_MAX_MS ? life / 3 : FRESH_MAX_MS);
}

static bool is_due(const struct world *w, const struct token *t)
{
    return t->held.renews && w->wall_ms >= t->held.renews && !is_fresh(w, t);
}

/* Why it has to be minted; NULL: it need not be. */
static const char *mint_cause(const struct world *w, const struct token *t,
                              const struct target *target)
{
    if (!t->has_held || is_held(t, "removed"))
        return "published";
    if (t->held.target_id && strcmp(t->held.target_id, target->own->id) != 0)
        return "replaced";
    if (!w->desired) /* nothing is known but what is there */
        return is_due(w, t) ? "renewed" : NULL;
    if (t->want && has_other_params(t))
        return "changed";
    if (t->dead)
        return "rotated";
    if (t->file_gone)
        return "lost";
    if (is_due(w, t))
        return "renewed";
    return NULL;
}

bool mint_is_update(const char *cause)
{
    return strcmp(cause, "changed") == 0 || strcmp(cause, "lost") == 0 ||
           strcmp(cause, "rotated") == 0;
}

/* What is minted anew for such a cause was there before. */
static bool token_is_touched(const struct token *t, const char *cause)
{
    return t->has_held && mint_is_update(cause);
}

/* What it opens stays, and is not to have it any more. */
static bool is_dropped(const struct token *t, const struct target *target)
{
    return target->observed_only || (target->wanted && (!t->want || t->want->absent));
}

bool token_wants_update(const struct world *w, const struct token *t)
{
    struct target target;
    const char *cause;

    look_at(w, token_target(w->fleet, t), &target);
    if (!target.ours || target.removing || is_dropped(t, &target) || !is_held(t, "published"))
        return false;
    cause = mint_cause(w, t, &target);
    return cause && token_is_touched(t, cause);
}

static void decide_mint(const struct world *w, const struct token *t, const struct target *target,
                        struct decision *out)
{
    bool seen = target->live->listed && w->now_ms - w->observed_ms < KNOWN_FOR_MS;
    bool made = strcmp(target->own->origin, "created") == 0 &&
                w->wall_ms - target->own->since < KNOWN_FOR_MS;
    bool usurped = t->r.failure == REASON_CONFLICT || /* the last one opened another's, or a read */
                   t->r.failure == REASON_NOT_FOUND;  /* did not find it: no list will do */
    bool read = target->live->read_ms &&
                w->now_ms - target->live->read_ms < (usurped ? CHECKED_FOR_MS : KNOWN_FOR_MS);
    bool renewal = t->has_held && strcmp(out->cause, "renewed") == 0;
    enum lane lane = renewal || target->own->fence ? LANE_RENEW : LANE_FINISH;

    if (token_is_touched(t, out->cause) && target->r->kind == KIND_DATABASE &&
        container_of(target->r, const struct database, r)->update_held) {
        out->step = STEP_UPDATE;
        say_held(out, container_of(target->r, const struct database, r)->rejected);
        return;
    }
    if (!renewal)
        out->step = t->has_held && !is_held(t, "removed") ? STEP_UPDATE : STEP_CREATE;
    if (say_refused(w, &t->r, ACT_MINT, out))
        return;
    say_act(out, read || (!usurped && (seen || made)) ? ACT_MINT : ACT_READ_TARGET, lane);
}

/* A mint whose answer was lost, in this life of the daemon or the last. */
static void decide_lost(const struct token *t, struct decision *out)
{
    if (t->want && t->want->expiration_ms == 0 && !t->r.resolve_now) {
        say_blocked(out, REASON_MINT_UNKNOWN);
        return;
    }
    out->act = ACT_LOSE;
    out->cause = "published"; /* it is minted again */
    say_phase(out, PHASE_PENDING, REASON_QUEUED);
}

/* The manifest names another renew_before than the one that its renewal was reckoned with (which
 * may come up to a tenth of it sooner). */
static bool is_mistimed(const struct token *t)
{
    int64_t before = t->want ? t->want->renew_before_ms : 0;
    int64_t ahead = t->held.expires - t->held.renews;

    return before && before < t->held.expires - t->held.issued && t->held.expires &&
           (ahead < before || ahead > before + before / 10 + 1);
}

/* What stands in the way of a change does not stand in the way of a renewal. */
static bool is_renewed_instead(const struct world *w, const struct token *t,
                               const struct target *target, const char *cause)
{
    bool held = target->r->kind == KIND_DATABASE &&
                container_of(target->r, const struct database, r)->update_held;

    return cause && token_is_touched(t, cause) && (held || decide_pause(w, &t->r)) && is_due(w, t);
}

static void decide_held(const struct world *w, const struct token *t, const struct target *target,
                        struct decision *out)
{
    out->cause = mint_cause(w, t, target);
    out->as_before = is_renewed_instead(w, t, target, out->cause);
    if (out->as_before)
        out->cause = "renewed";
    if (out->cause) {
        decide_mint(w, t, target, out);
    } else if (t->held.stale_file) {
        out->act = ACT_REMOVE_STALE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
    } else if (t->want && token_is_elsewhere(w, t, target->r->name)) {
        out->act = ACT_MOVE_FILE;
        out->step = STEP_UPDATE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
    } else if (is_mistimed(t)) {
        out->act = ACT_RETIME;
    } else {
        say_phase(out, PHASE_READY, REASON_IN_SYNC);
        out->due_ms = t->held.expires;
        if (t->held.renews && w->wall_ms < t->held.renews)
            say_wake(out, w->now_ms + (t->held.renews - w->wall_ms));
        else if (t->held.renews)
            say_wake(out, w->now_ms + FRESH_LOOK_MS);
    }
}

/* Renewal waits for no observation: a read of its own target is enough. */
static bool may_look(const struct world *w, const struct token *t, const struct target *target)
{
    bool due = is_held(t, "published") && t->held.renews && w->wall_ms >= t->held.renews;
    bool looked = target->live->read_ms && w->now_ms - target->live->read_ms < CHECKED_FOR_MS;

    return due && !w->observed && !target->live->present && !target->gone &&
           !target->own->missing_since && !looked;
}

static void decide_token_wanted(const struct world *w, const struct token *t,
                                const struct target *target, struct decision *out)
{
    if (is_held(t, "minted") && t->jwt) {
        out->act = ACT_WRITE_FILE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
        return;
    }
    if (is_held(t, "minted") && t->held.file && !t->file_asked) {
        out->act = ACT_ASK_FILE; /* it came back in an earlier life: perhaps it was written, too */
        say_phase(out, PHASE_PENDING, REASON_WRITING);
        return;
    }
    if (is_held(t, "minted") || (is_held(t, "minting") && !t->minting)) {
        decide_lost(t, out);
        return;
    }
    if (!target->ours && may_look(w, t, target)) {
        out->cause = "renewed";
        say_act(out, ACT_READ_TARGET, LANE_RENEW);
        return;
    }
    if (!target->ours) {
        out->step = t->has_held ? STEP_NONE : STEP_CREATE;
        if (target->r->phase == PHASE_BLOCKED || target->r->phase == PHASE_MISSING)
            say_phase(out, PHASE_BLOCKED, REASON_TARGET_BLOCKED);
        else if (target->r->phase == PHASE_UNKNOWN)
            say_phase(out, PHASE_UNKNOWN, REASON_NOT_OBSERVED);
        else
            say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_TARGET);
        return;
    }
    if (target->removing) {
        say_phase(out, PHASE_DELETING, REASON_GRACE);
        return;
    }
    if (!t->has_held && !t->file_asked) {
        out->act = ACT_ASK_FILE;
        out->step = STEP_CREATE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
        return;
    }
    decide_held(w, t, target, out);
}

/* Not wanted any more, while what it opens stays. */
static void decide_dropped(const struct world *w, const struct token *t, struct decision *out)
{
    if (!t->has_held) {
        say_phase(out, t->want ? PHASE_READY : PHASE_NONE, REASON_ABSENT);
    } else if (!is_held(t, "removed")) {
        out->act = is_held(t, "published") ? ACT_REMOVE_FILE : ACT_LOSE;
        out->step = STEP_DELETE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
    } else if (t->held.expires && w->wall_ms >= t->held.expires && !t->held.notify) {
        out->act = ACT_FORGET;
    } else {
        say_phase(out, PHASE_ORPHANED, REASON_STILL_VALID);
        out->due_ms = t->held.expires;
        if (t->held.expires)
            say_wake(out, w->now_ms + (t->held.expires - w->wall_ms));
        else
            snprintf(out->message, sizeof(out->message),
                     "removed here, but the token never expires; only a rotation ends it");
    }
}

void decide_token(const struct world *w, const struct token *t, struct decision *out)
{
    struct target target;

    look_at(w, token_target(w->fleet, t), &target);
    if (!target.r)
        return;
    if (!t->want && !t->has_held) {
        say_phase(out, PHASE_NONE, REASON_NONE);
    } else if (is_held(t, "removed") && t->held.stale_file) {
        out->act = ACT_REMOVE_STALE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
    } else if (target.gone && !target.wanted && t->has_held) {
        out->act = is_held(t, "published")  ? ACT_REMOVE_FILE
                   : !is_held(t, "removed") ? ACT_LOSE
                   : t->held.notify         ? ACT_NONE
                                            : ACT_FORGET;
        say_phase(out, PHASE_DELETING, REASON_DELETING);
    } else if (is_held(t, "removed") && (!t->want || !target.wanted)) {
        decide_dropped(
            w, t, out); /* it was taken away: that its target stays is no reason for a new one */
    } else if (t->want && (t->want->absent || !target.wanted) && !t->has_held) {
        say_phase(out, PHASE_READY, REASON_ABSENT);
    } else if (is_dropped(t, &target)) {
        decide_dropped(w, t, out);
    } else {
        decide_token_wanted(w, t, &target, out);
    }
}
