/* decide_act: how the decide rooms fill in a decision. Private to them. */
#ifndef TENANTD_CORE_DECIDE_ACT_H
#define TENANTD_CORE_DECIDE_ACT_H

#include "core/decide.h"

static inline void say_phase(struct decision *out, enum phase phase, enum reason reason)
{
    out->phase = phase;
    out->reason = reason;
}

/* Do that now (or as soon as there is a turn). */
static inline void say_act(struct decision *out, enum act act, enum lane lane)
{
    out->act = act;
    out->lane = lane;
    say_phase(out, PHASE_PENDING, REASON_QUEUED);
}

/* Nothing can be deleted now, so that nothing is read for it either. True: it waits. */
static inline bool say_no_deletes(const struct world *w, int64_t deleted_ms, struct decision *out)
{
    if (!w->no_deletes || deleted_ms)
        return false; /* else it was sent, and is seen to be gone */
    say_phase(out, PHASE_PENDING, REASON_DELETE_UNAUTHORIZED);
    return true;
}

/* Somebody is needed. */
static inline void say_blocked(struct decision *out, enum reason reason)
{
    out->step = STEP_BLOCKED;
    say_phase(out, PHASE_BLOCKED, reason);
}

/* A create that was not answered may yet be carried out: it is not forgotten before, and looked for
 * then. */
static inline bool say_may_come(const struct world *w, const struct live *l, bool lost,
                                struct decision *out)
{
    if (!lost || !l->written_ms || w->now_ms - l->written_ms >= LANDS_WITHIN_MS)
        return false;
    say_phase(out, PHASE_PENDING, REASON_NO_ANSWER);
    if (l->written_ms + LANDS_WITHIN_MS < out->wake_ms)
        out->wake_ms = l->written_ms + LANDS_WITHIN_MS;
    return true;
}

/* The step waits for approval, or was rejected. */
static inline void say_held(struct decision *out, bool rejected)
{
    if (rejected) {
        say_blocked(out, REASON_REJECTED);
        return;
    }
    out->held = true;
    say_phase(out, PHASE_BLOCKED, REASON_HELD);
}

static inline void say_wake(struct decision *out, int64_t at_ms)
{
    if (at_ms < out->wake_ms)
        out->wake_ms = at_ms;
}

/* Read by itself a moment ago, and nothing was sent since: what a fence or delete needs just before
 * it. */
static inline bool is_checked(const struct world *w, const struct live *l)
{
    return l->checked && w->now_ms - l->read_ms <= CHECKED_FOR_MS;
}

/* What the platform refused stays so until the entry changes, a day passes, or somebody asks. True:
 * blocked. */
bool say_refused(const struct world *w, const struct resource *r, enum act act,
                 struct decision *out);

/* The plan has no room for one more, or whether it has is not known yet. True: it waits. */
bool say_no_room(const struct world *w, enum kind kind, bool over_quota, struct decision *out);

/* Something of ours was not in the list: read it by name, and again a minute later, before it
 * counts as missing. gone_ms: of the first 404 by name. */
void decide_vanished(const struct world *w, const struct live *l, const struct owned *own,
                     int64_t gone_ms, struct decision *out);

/* Take out of a decision what a pause stops. */
void decide_paused(const struct world *w, const struct resource *r, struct decision *out);

/* decide_probe.c: of one that is Ready but for that. */
void decide_probe(const struct world *w, const struct database *d, struct decision *out);
/* decide_create.c */
void decide_create(const struct world *w, const struct database *d, struct decision *out);
/* The manifest says otherwise of what counts at creation only. True: blocked. */
bool say_created_otherwise(const struct database *d, struct decision *out);

void decide_removal(const struct world *w, const struct database *d, enum removal removal,
                    struct decision *out);
/* An operator has released it: its fence comes down, its tokens come to rest, then it is forgotten.
 */
void decide_release(const struct world *w, const struct resource *r, struct decision *out);
/* It is wanted again while fenced, or its fence was half way up. True: that comes first. */
bool decide_unfence(const struct world *w, const struct database *d, struct decision *out);
/* Fenced, and not shown: until it is known to be gone, its row is kept, which knows of the fence.
 * False: so it is not. */
bool decide_hidden(const struct world *w, const struct database *d, struct decision *out);

/* An operator's order to rotate its keys comes before what else it needs. */
void decide_rotate(const struct world *w, const struct resource *r, struct decision *out);

#endif
