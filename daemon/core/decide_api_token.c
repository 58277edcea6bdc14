/* decide_api_token: what a platform API token needs next. It cannot be changed, and its secret is
 * shown once, so it is always made anew under the next generation's name, put into its file, and
 * the one before is revoked by its id when those who use it have had time to read the new one.
 *
 *   mint NAME--g3 ─▶ file ─▶ (overlap) ─▶ list: NAME--g2 is there, under the id we know ─▶ revoke
 * it └ no answer ─▶ list: is it there? then it is revoked, and NAME--g4 minted */
#include <stdio.h>
#include <string.h>

#include "core/decide_act.h"
#include "lib/mem.h"
#include "lib/text.h"

#define OVERLAP_MS     ((int64_t)3600 * 1000)      /* where nothing says how long it may live */
#define OVERLAP_MAX_MS ((int64_t)24 * 3600 * 1000) /* a tenth of rotate_every, at most that */

/* So many that nobody can have may be live at a time. */
#define UNCLAIMED_MAX 2

#define PARAM_PARTS 3

static void param_parts(const struct api_token_want *want, const char *out[PARAM_PARTS])
{
    out[0] = want->group ? want->group : "-";
    out[1] = " ";
    out[2] = want->scopes ? want->scopes : "-";
}

char *api_token_params(const struct api_token_want *want)
{
    const char *p[PARAM_PARTS];

    param_parts(want, p);
    return mem_printf("%s%s%s", p[0], p[1], p[2]);
}

const struct issued *api_token_newest(const struct api_token *a)
{
    return a->n_keys ? &a->keys[a->n_keys - 1].row : NULL;
}

static bool is_wanted(const struct api_token *a)
{
    return a->want && !a->want->token.absent;
}

static bool is_held(const struct api_token *a, const char *state)
{
    return a->t.has_held && strcmp(a->t.held.state, state) == 0;
}

static const struct side_list *list_of(const struct world *w)
{
    return &w->sides[SIDE_API_TOKENS];
}

/* The list was asked for a moment ago. */
static bool is_fresh(const struct world *w)
{
    return list_of(w)->ok && w->now_ms - list_of(w)->sent_ms <= CHECKED_FOR_MS;
}

static void say_unobserved(const struct world *w, struct decision *out)
{
    if (!list_of(w)->refused) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_VIEW);
        return;
    }
    say_blocked(out, REASON_UNOBSERVED);
    snprintf(out->message, sizeof(out->message), "%s: %.180s", REASON_TEXT[REASON_UNOBSERVED],
             list_of(w)->error);
}

/* Read the list once more, if it can be had. */
static void say_look(const struct world *w, enum lane lane, struct decision *out)
{
    if (list_of(w)->ok) {
        out->act = ACT_READ;
        out->lane = lane;
    }
}

/* --- the ones the daemon runs with --- */

/* False only where it is known to be another one: by its secret, or by the id that the daemon's own
 * token tells. */
static bool may_be(const struct identity *self, const struct issued *row)
{
    if (row->id && self->token_id[0] && strcmp(row->id, self->token_id) == 0)
        return true;
    if (row->hash)
        return !self->token_hash[0] || strcmp(row->hash, self->token_hash) == 0;
    return !self->token_id[0];
}

static bool may_be_own(const struct world *w, const struct issued *row)
{
    return may_be(&w->self->token, row) ||
           (config_has_delete_token(w->config) && may_be(&w->self->delete_token, row));
}

static void say_revoke(const struct api_key *key, struct decision *out)
{
    out->act = ACT_REVOKE;
    out->lane = LANE_REMOVE;
    out->generation = key->row.generation;
}

/* Revoke it by its id, which the list shows; else look. */
static void decide_revoke(const struct world *w, const struct resource *r,
                          const struct api_key *key, struct decision *out)
{
    if (may_be_own(w, &key->row)) {
        say_blocked(out, REASON_OWN_TOKEN);
    } else if (say_refused(w, r, ACT_REVOKE, out)) {
        return;
    } else if (w->no_deletes) {
        if (out->phase == PHASE_DELETING || out->phase == PHASE_PENDING) /* it is waited for */
            say_no_deletes(w, 0, out);
    } else if (!is_fresh(w) || list_of(w)->sent_ms <= key->made_ms) {
        say_look(w, LANE_REMOVE, out);
    } else if (key->listed) {
        say_revoke(key, out);
    } else if (key->gone_ms) { /* gone, or a list lies: asked by its id, once the next one agrees */
        int64_t again = key->gone_ms + MISSING_AFTER_MS;

        if (w->now_ms < again)
            say_wake(out, again);
        else if (list_of(w)->sent_ms < again)
            say_look(w, LANE_SWEEP, out);
        else
            say_revoke(key, out);
    }
}

/* --- wanted --- */

/* Its group can be asked for a token. False: `out` says why not. */
static bool group_takes(const struct world *w, const struct api_token *a, struct decision *out)
{
    const struct group *g = a->want->group ? fleet_group(w->fleet, a->want->group) : NULL;

    if (!a->want->group)
        return true;
    if (g && g->live.present && g->live.id && g->has_own && strcmp(g->own.state, "owned") == 0 &&
        strcmp(g->own.id, g->live.id) == 0)
        return true;
    if (g && (g->r.phase == PHASE_MISSING || g->own.missing_since))
        say_blocked(out, REASON_GROUP_MISSING);
    else if (g && g->r.phase == PHASE_BLOCKED)
        say_blocked(out, REASON_GROUP_BLOCKED);
    else
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_GROUP);
    return false;
}

static bool has_other_params(const struct api_token *a)
{
    const char *parts[PARAM_PARTS];

    param_parts(a->want, parts);
    return a->t.held.params && !text_is_joined(a->t.held.params, parts, PARAM_PARTS);
}

/* Why it has to be minted; NULL: it need not be. */
static const char *mint_cause(const struct world *w, const struct api_token *a,
                              const struct api_key *current)
{
    const struct group *g = a->want->group ? fleet_group(w->fleet, a->want->group) : NULL;

    if (!current || !is_held(a, "published"))
        return "published";
    if (has_other_params(a))
        return "changed";
    if (g && g->live.id && current->row.group_id && strcmp(g->live.id, current->row.group_id) != 0)
        return "replaced";
    if (current->gone_ms)
        return NULL; /* ours, and gone: not made anew by itself */
    if (a->t.file_gone)
        return "lost";
    if (a->t.held.renews && w->wall_ms >= a->t.held.renews)
        return "renewed";
    return NULL;
}

/* Made, and nobody has its secret: neither its answer nor a file told it. */
static bool is_unclaimed(const struct api_key *key)
{
    return key->row.retired && key->row.id && !key->row.hash;
}

/* Those go before another one is made: else they pile up where the platform makes each and says
 * that it failed. A single one that cannot be revoked does not keep the next from being made; two
 * do. */
static void decide_unclaimed(const struct world *w, const struct api_token *a, struct decision *out)
{
    bool mints = out->act == ACT_MINT;
    struct decision first = *out;
    size_t n = 0;

    first.act = ACT_NONE;
    if (mints)
        say_phase(&first, PHASE_PENDING, REASON_NO_ANSWER);
    for (size_t i = 0; i < a->n_keys; i++) {
        if (!is_unclaimed(&a->keys[i]))
            continue;
        n++;
        if (first.act == ACT_NONE)
            decide_revoke(w, &a->t.r, &a->keys[i], &first);
    }
    if (mints && n < UNCLAIMED_MAX && (first.act == ACT_NONE || a->t.r.failed_act == ACT_REVOKE))
        say_wake(out, first.wake_ms);
    else if (mints || first.act != ACT_NONE)
        *out = first;
}

static void decide_mint(const struct world *w, const struct api_token *a, struct decision *out)
{
    bool renewal = strcmp(out->cause, "renewed") == 0;

    out->step = api_token_current(a) ? STEP_UPDATE : STEP_CREATE;
    if (!group_takes(w, a, out) || say_refused(w, &a->t.r, ACT_MINT, out))
        return;
    if (w->now_ms < w->create_refused_until_ms[KIND_API_TOKEN]) {
        say_blocked(out, REASON_PLAN_REFUSED);
        say_wake(out, w->create_refused_until_ms[KIND_API_TOKEN]);
    } else if (!list_of(w)->ok) {
        say_unobserved(w, out);
    } else {
        say_act(out, ACT_MINT, renewal ? LANE_RENEW : LANE_FINISH);
    }
}

/* Not in the list: looked for once more after a minute, then missing. */
static void decide_gone(const struct world *w, const struct api_key *key, struct decision *out)
{
    int64_t again = key->gone_ms + MISSING_AFTER_MS;

    if (list_of(w)->sent_ms >= again) {
        say_phase(out, PHASE_MISSING, REASON_VANISHED);
        return;
    }
    say_phase(out, PHASE_UNKNOWN, REASON_VANISHING);
    if (w->now_ms < again)
        say_wake(out, again);
    else
        say_look(w, LANE_RESOLVE, out);
}

/* rotate_every was edited. */
static bool is_mistimed(const struct api_token *a)
{
    int64_t every = a->want->rotate_every_ms;
    int64_t after = a->t.held.renews - a->t.held.issued;

    return every ? after > every || after < every - every / 10 : a->t.held.renews != 0;
}

static void decide_file(const struct world *w, const struct api_token *a, struct decision *out)
{
    const struct token *t = &a->t;

    if (t->held.stale_file) {
        out->act = ACT_REMOVE_STALE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
    } else if (token_is_elsewhere(w, t, NULL)) {
        out->act = ACT_MOVE_FILE;
        out->step = STEP_UPDATE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
    } else if (is_mistimed(a)) {
        out->act = ACT_RETIME;
    } else {
        say_phase(out, PHASE_READY, REASON_IN_SYNC);
        if (t->held.renews)
            say_wake(out, w->now_ms + (t->held.renews - w->wall_ms));
    }
}

/* A mint of which nobody heard is looked for first. True: that comes first. */
static bool decide_unheard(const struct world *w, const struct api_token *a, struct decision *out)
{
    if ((is_held(a, "minted") && !a->t.jwt) || (is_held(a, "minting") && !a->t.minting)) {
        out->act = ACT_LOSE;
        say_phase(out, PHASE_PENDING, REASON_NO_ANSWER);
        return true;
    }
    for (size_t i = 0; i < a->n_keys; i++) {
        const struct api_key *key = &a->keys[i];

        if (strcmp(key->row.state, "lost") != 0 || key->row.id ||
            list_of(w)->sent_ms > key->made_ms)
            continue;
        say_unobserved(w, out);
        if (list_of(w)->ok)
            say_act(out, ACT_READ, LANE_RESOLVE);
        return true;
    }
    return false;
}

static void decide_wanted(const struct world *w, const struct api_token *a, struct decision *out)
{
    const struct api_key *current = api_token_current(a);

    if (is_held(a, "minted") && a->t.jwt) {
        out->act = ACT_WRITE_FILE;
        say_phase(out, PHASE_PENDING, REASON_WRITING);
        return;
    }
    if (decide_unheard(w, a, out))
        return;
    out->cause = mint_cause(w, a, current);
    if (out->cause) {
        decide_mint(w, a, out);
        decide_unclaimed(w, a, out);
    } else if (list_of(w)->refused) {
        say_unobserved(w, out);
    } else if (current->gone_ms) {
        decide_gone(w, current, out);
    } else {
        decide_file(w, a, out);
    }
}

/* --- older generations --- */

static int64_t overlap_of(const struct api_token *a)
{
    int64_t tenth = a->want ? a->want->rotate_every_ms / 10 : 0;

    return !tenth ? OVERLAP_MS : tenth < OVERLAP_MAX_MS ? tenth : OVERLAP_MAX_MS;
}

/* A newer one stands in the file, or none is to. Else the older one may be there, and in use. */
static bool is_replaced(const struct api_token *a, const struct api_key *key)
{
    const struct api_key *current = api_token_current(a);

    return !is_wanted(a) ||
           (current && current->row.generation > key->row.generation && is_held(a, "published"));
}

/* Whose time has come goes, while the rest of the token is as it is. */
static void decide_retired(const struct world *w, const struct api_token *a, struct decision *out)
{
    for (size_t i = 0; i < a->n_keys && out->act == ACT_NONE; i++) {
        const struct api_key *key = &a->keys[i];
        int64_t at = key->row.retired + (key->row.hash ? overlap_of(a) : 0);

        if (!key->row.retired || !key->row.id || (key->row.hash && !is_replaced(a, key)))
            continue;
        if (w->wall_ms < at) {
            say_wake(out, w->now_ms + (at - w->wall_ms));
            continue;
        }
        if (out->phase == PHASE_READY || out->phase == PHASE_ORPHANED)
            decide_revoke(w, &a->t.r, key, out);
    }
}

/* --- not wanted --- */

bool api_token_removal_is_planned(const struct world *w, const struct api_token *a)
{
    const struct config_policy *p = &w->config->policy;

    return a->want ? p->removals_plan : p->prune == PRUNE_PLAN;
}

bool api_token_removal_is_asked(const struct world *w, const struct api_token *a)
{
    if (!w->desired || is_wanted(a) || !a->n_keys)
        return false;
    return a->want || (w->config->policy.prune != PRUNE_OFF && w->desired->whole);
}

static int64_t settled_at(const struct world *w, const struct api_token *a)
{
    int64_t settle = w->config->policy.deletion_grace_ms / 10;

    if (a->want)
        return 0;
    return api_token_newest(a)->removal_since + (settle < SETTLE_MAX_MS ? settle : SETTLE_MAX_MS);
}

/* All others are gone. Nobody heard whether this one was made, and what has its name is not as it
 * was asked for: it may be another's, so it stays, and so does what we know. */
static void say_taken(const struct api_token *a, struct decision *out)
{
    for (size_t i = 0; i < a->n_keys; i++) {
        const struct issued *row = &a->keys[i].row;

        if (row->id || !a->keys[i].is_taken)
            continue;
        say_blocked(out, REASON_CONFLICT);
        snprintf(out->message, sizeof(out->message),
                 "whether %s--g%lld was made is not known, and an API token of that name is there "
                 "that is not as it was asked for: revoke it at the platform, if nobody needs it",
                 row->name, (long long)row->generation);
    }
}

static void decide_removal_of(const struct world *w, const struct api_token *a,
                              struct decision *out)
{
    int64_t at = settled_at(w, a);

    out->step = STEP_DELETE;
    if (!a->removal_ok) {
        say_held(out, a->rejected);
    } else if (w->wall_ms < at) {
        say_phase(out, PHASE_DELETING, REASON_SETTLING);
        snprintf(out->message, sizeof(out->message), "about to be revoked");
        out->due_ms = at;
        say_wake(out, w->now_ms + (at - w->wall_ms));
    } else if (!w->complete || !list_of(w)->ok) {
        say_phase(out, PHASE_DELETING, REASON_WAITING_FOR_VIEW);
        if (list_of(w)->refused)
            say_unobserved(w, out);
    } else {
        say_phase(out, PHASE_DELETING, REASON_DELETING);
        for (size_t i = 0; i < a->n_keys && out->act == ACT_NONE && out->phase != PHASE_BLOCKED;
             i++)
            if (a->keys[i].row.id)
                decide_revoke(w, &a->t.r, &a->keys[i], out);
        if (out->act == ACT_NONE && out->phase == PHASE_DELETING && out->wake_ms == INT64_MAX)
            say_taken(a, out);
    }
}

/* Nothing of it is live any more: its file goes, and then we know nothing of it. */
static void decide_rest(const struct api_token *a, struct decision *out)
{
    say_phase(out, PHASE_DELETING, REASON_DELETING);
    if (is_held(a, "published") && a->t.held.file)
        out->act = ACT_REMOVE_FILE;
    else if (!a->t.held.notify)
        out->act = ACT_FORGET;
}

static void decide_unwanted(const struct world *w, const struct api_token *a, struct decision *out)
{
    if (decide_unheard(w, a, out))
        return;
    if (!a->n_keys && a->t.has_held) {
        decide_rest(a, out);
    } else if (!a->n_keys) {
        say_phase(out, PHASE_READY, REASON_ABSENT);
    } else if (!a->want && w->config->policy.prune == PRUNE_OFF) {
        say_phase(out, PHASE_ORPHANED, REASON_NOT_IN_MANIFEST);
    } else if (!a->want && !(w->desired && w->desired->whole)) {
        say_phase(out, PHASE_ORPHANED, REASON_MANIFEST_REFUSED);
    } else {
        decide_removal_of(w, a, out);
    }
}

void decide_api_token(const struct world *w, const struct api_token *a, struct decision *out)
{
    const struct side_list *list = list_of(w);

    if (!a->want && !a->n_keys && !a->t.has_held) {
        say_phase(out, PHASE_NONE, REASON_NONE);
        return;
    }
    if (!list->sent_ms && !list->refused) {
        say_phase(out, PHASE_UNKNOWN, REASON_NOT_OBSERVED);
        out->wants_view = w->complete && !list->failing_since_ms; /* nobody has asked for it */
        if (list->error[0])
            say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_VIEW);
        return;
    }
    if (is_wanted(a))
        decide_wanted(w, a, out);
    else
        decide_unwanted(w, a, out);
    decide_retired(w, a, out);
}
