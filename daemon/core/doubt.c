#include "core/doubt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/text.h"

#define OLD_MS       ((int64_t)24 * 3600 * 1000)
#define CLOCK_MS     ((int64_t)5 * 60 * 1000)
#define NOTE_MS      ((int64_t)3600 * 1000)
#define OBSERVED_KEY "observed"

#define DOUBT_ROW(symbol, reason, key, holds) {reason, key, holds},
const struct doubt_info DOUBT[DOUBT_N] = {DOUBTS(DOUBT_ROW)};

static void put_meta(struct effects *fx, const char *key, int64_t value)
{
    char k[32];
    char v[24];
    struct meta row = {k, v};

    snprintf(k, sizeof(k), "%s", key);
    snprintf(v, sizeof(v), "%" PRId64, value);
    effects_put(fx, LEDGER_META, &row);
}

static void say(const struct reconcile *rc, enum doubt d, char *out, size_t size)
{
    int64_t value = rc->doubts[d].value;
    char at[TEXT_TIME_SIZE];

    switch (d) {
    case DOUBT_OLD:
        snprintf(out, size, "the ledger ends at %s, and what happened since is not in it",
                 text_time(value, at));
        break;
    case DOUBT_COPY:
        snprintf(out, size, "the ledger is a backup of %s, and what happened since is not in it",
                 text_time(value, at));
        break;
    case DOUBT_LOST:
        snprintf(out, size,
                 "at %s there was no ledger beside a last good manifest: nothing that was live "
                 "then counts as ours until it is adopted",
                 text_time(value, at));
        break;
    default:
        snprintf(out, size, "our clock is %" PRId64 " s %s the platform's",
                 (value < 0 ? -value : value) / 1000, value < 0 ? "behind" : "ahead of");
    }
}

/* The texts are made when something changes, for every record asks for them. */
static void refresh(struct reconcile *rc)
{
    char why[160];

    rc->doubt_text[0] = '\0';
    for (int d = 0; d < DOUBT_N; d++) {
        if (!rc->doubts[d].stands || !DOUBT[d].holds || rc->doubt_text[0])
            continue;
        say(rc, (enum doubt)d, why, sizeof(why));
        snprintf(rc->doubt_text, sizeof(rc->doubt_text), "waits for approval: %s", why);
    }
    rc->replan = true;
}

/* What was approved before counts no more: it was said of another state of things. */
static void void_approvals(struct reconcile *rc, struct effects *fx)
{
    size_t kept = 0;

    for (size_t i = 0; i < rc->n_approvals; i++) {
        struct approval *a = &rc->approvals[i];

        if (!a->approved || strcmp(a->action, "delete") != 0) {
            rc->approvals[kept++] = *a;
        } else {
            effects_remove(fx, LEDGER_APPROVAL, a);
            ledger_row_deinit(LEDGER_APPROVAL, a);
        }
    }
    rc->n_approvals = kept;
    if (!rc_index_approvals(rc, true))
        fx->failed = true;
}

static void begin(struct reconcile *rc, struct effects *fx, enum doubt d, int64_t value)
{
    char text[DOUBT_TEXT_SIZE];

    rc->doubts[d] = (struct doubt_state){true, rc->wall_ms, value};
    refresh(rc);
    doubt_text(rc, d, text, sizeof(text));
    rc_event(rc, fx, NULL, DOUBT[d].reason, 3, NULL, "%s", text);
}

void doubt_load(struct reconcile *rc, const char *key, const char *value)
{
    int64_t ms = strtoll(value ? value : "", NULL, 10);

    if (strcmp(key, OBSERVED_KEY) == 0) {
        rc->noted_ms = ms;
        doubt_load_entry(rc, ms);
        return;
    }
    for (int d = 0; d < DOUBT_N; d++)
        if (DOUBT[d].key && strcmp(DOUBT[d].key, key) == 0)
            rc->doubts[d] = (struct doubt_state){true, 0, ms};
}

void doubt_load_entry(struct reconcile *rc, int64_t at_ms)
{
    if (at_ms > rc->last_entry_ms)
        rc->last_entry_ms = at_ms;
}

/* start_ms: when this life began, by a clock. */
static void look_if_old(struct reconcile *rc, struct effects *fx, int64_t start_ms)
{
    if (!rc->last_entry_ms || start_ms - rc->last_entry_ms <= OLD_MS ||
        rc->doubts[DOUBT_OLD].stands)
        return;
    void_approvals(rc, fx);
    put_meta(fx, DOUBT[DOUBT_OLD].key, rc->last_entry_ms);
    begin(rc, fx, DOUBT_OLD, rc->last_entry_ms);
}

void doubt_start(struct reconcile *rc, struct effects *fx)
{
    rc->started_ms = rc->now_ms;
    if (rc->doubts[DOUBT_COPY].stands)
        void_approvals(rc, fx);
    for (int d = 0; d < DOUBT_N; d++)
        if (rc->doubts[d].stands)
            begin(rc, fx, (enum doubt)d, rc->doubts[d].value);
    look_if_old(rc, fx, rc->wall_ms);
}

void doubt_observed(struct reconcile *rc, struct effects *fx)
{
    int64_t since = rc->wall_ms - rc->noted_ms;

    if (since >= 0 && since < NOTE_MS)
        return;
    rc->noted_ms = rc->wall_ms;
    put_meta(fx, OBSERVED_KEY, rc->wall_ms);
}

void doubt_clock(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    int64_t ahead = rc->wall_ms - a->date_ms;
    bool is_off = ahead > CLOCK_MS || ahead < -CLOCK_MS;
    bool was_off = rc->doubts[DOUBT_CLOCK].stands;

    if (!a->date_ms || !call_is_of_platform(a->kind))
        return;
    if (!rc->clock_said) /* ours may be behind, as after days without power */
        look_if_old(rc, fx, a->date_ms - (rc->now_ms - rc->started_ms));
    rc->clock_said = true;
    rc->date_offset_ms = a->date_ms - rc->now_ms;
    if (!is_off)
        rc->clock_offset_ms = rc->wall_ms - rc->now_ms;
    if (is_off == was_off)
        return;
    if (is_off) {
        void_approvals(rc, fx);
        begin(rc, fx, DOUBT_CLOCK, ahead);
    } else if (a->kind == CALL_ORGANIZATION_GET) { /* once a look: it cannot flap */
        rc->doubts[DOUBT_CLOCK].stands = false;
        refresh(rc);
        rc_event(rc, fx, NULL, "ClockAgrees", 5, NULL, "our clock and the platform's agree again");
    }
}

bool doubt_clock_is_good(const struct reconcile *rc)
{
    int64_t jumped = rc->wall_ms - rc->now_ms - rc->clock_offset_ms;

    if (!rc->obs.ever || rc->doubts[DOUBT_CLOCK].stands)
        return false;
    return !rc->clock_said || (jumped < CLOCK_MS && jumped > -CLOCK_MS);
}

int64_t doubt_latest_ms(const struct reconcile *rc)
{
    int64_t date_ms = rc->clock_said ? rc->now_ms + rc->date_offset_ms : 0;

    return date_ms > rc->wall_ms ? date_ms : rc->wall_ms;
}

int64_t doubt_noted_ms(const struct reconcile *rc)
{
    return doubt_clock_is_good(rc) ? rc->wall_ms : doubt_latest_ms(rc);
}

bool doubt_can_end(const struct reconcile *rc)
{
    for (int d = 0; d < DOUBT_N; d++)
        if (rc->doubts[d].stands && DOUBT[d].key)
            return true;
    return false;
}

void doubt_end(struct reconcile *rc, struct effects *fx, int64_t uid, const char *reason)
{
    char key[32];
    struct meta row = {key, NULL};

    if (!doubt_can_end(rc))
        return;
    for (int d = 0; d < DOUBT_N; d++) {
        if (!DOUBT[d].key || !rc->doubts[d].stands)
            continue;
        rc->doubts[d].stands = false;
        snprintf(key, sizeof(key), "%s", DOUBT[d].key);
        effects_remove(fx, LEDGER_META, &row);
    }
    refresh(rc);
    rc_event(rc, fx, NULL, "Approved", 5, NULL,
             "the ledger counts as true again, says uid %lld: %s", (long long)uid, reason);
}

void doubt_text(const struct reconcile *rc, enum doubt d, char *out, size_t size)
{
    char why[160];

    say(rc, d, why, sizeof(why));
    snprintf(out, size, "%s%s", why,
             !DOUBT[d].holds ? "; approve the plan to end this message"
             : !DOUBT[d].key ? "; all removals wait for approval until they agree"
                             : "; all removals wait for approval, and approving a plan ends this");
}
