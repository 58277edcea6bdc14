/* absorb_failure: what it means for a record that a call of it failed, or that nobody knows. */
#include <stdio.h>

#include "core/reconcile_private.h"

#define PLAN_REFUSED_AGAIN_MS (60 * 60 * 1000)

enum reason rc_reason_of(enum outcome o)
{
    switch (o) {
    case OUTCOME_NOT_SENT:
        return REASON_UNREACHABLE;
    case OUTCOME_UNKNOWN:
        return REASON_NO_ANSWER;
    case OUTCOME_MALFORMED:
        return REASON_BAD_ANSWER;
    case OUTCOME_THROTTLED:
        return REASON_THROTTLED;
    case OUTCOME_FORBIDDEN:
        return REASON_FORBIDDEN;
    case OUTCOME_PLAN:
        return REASON_PLAN_REFUSED;
    case OUTCOME_INVALID:
    case OUTCOME_CONFLICT:
    case OUTCOME_NOT_FOUND:
        return REASON_REFUSED;
    default:
        return REASON_PLATFORM_ERROR;
    }
}

void rc_refuse(struct reconcile *rc, struct effects *fx, struct resource *r, enum reason why,
               enum act act, const struct answer *a)
{
    char text[LIMIT_ERROR_TEXT_BYTES + 32];

    snprintf(text, sizeof(text), "%s (HTTP %d)", a->error[0] ? a->error : "no text",
             a->http_status);
    r->refused = why;
    r->refused_act = (int)act;
    r->refused_digest = r->digest;
    r->refused_until_ms = rc->now_ms + REFUSED_AGAIN_MS;
    rc_set(fx, &r->refused_text, text);
    rc_event(rc, fx, r, "Refused", 4, a, "%s", text);
}

void rc_stop_writing(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    rc_unauthorized(rc, fx, a);
    rc_observe(rc);
}

/* Nobody knows whether it was, or will be, carried out. */
static bool is_lost(enum outcome o)
{
    return o == OUTCOME_UNKNOWN || o == OUTCOME_MALFORMED || o == OUTCOME_UNAVAILABLE;
}

static int64_t *delete_sent(struct resource *r)
{
    return r->kind == KIND_GROUP ? &group_of(r)->delete_sent_ms : &database_of(r)->delete_sent_ms;
}

void rc_delete_begins(struct reconcile *rc, struct resource *r)
{
    int64_t *sent = delete_sent(r);

    r->delete_unheard = *sent && rc->now_ms - *sent < LANDS_WITHIN_MS;
    *sent = rc->now_ms;
}

/* Told what came of it, and the only one: no delete comes late. */
void rc_note_delete(struct resource *r, enum outcome o)
{
    if (!is_lost(o) && o != OUTCOME_CANCELED && !r->delete_unheard)
        *delete_sent(r) = 0;
}

void rc_note_configure(const struct flight *f, enum outcome o)
{
    struct owned *own = &database_of(f->r)->own;

    if (!is_lost(o) && o != OUTCOME_CANCELED && own->config_read == CONFIG_IN_DOUBT)
        own->config_read = f->config_read;
}

/* A create that did not happen leaves nothing that could be taken for ours later. One whose outcome
 * nobody knows, now or in an earlier try, keeps its row. */
static void note_create(struct reconcile *rc, struct effects *fx, struct resource *r,
                        const struct answer *a)
{
    bool lost = is_lost(a->outcome);
    bool *create_lost =
        r->kind == KIND_GROUP ? &group_of(r)->create_lost : &database_of(r)->create_lost;
    bool *taken = r->kind == KIND_GROUP ? &group_of(r)->taken : &database_of(r)->taken;

    *create_lost = *create_lost || lost;
    *taken = a->outcome == OUTCOME_CONFLICT;
    if (*create_lost)
        return;
    rc_unmake(rc, fx, r);
    if (*taken)
        rc_stranger(rc, fx, r, "somebody else made one of this name");
}

/* A read that is refused is tried again ever more seldom; it says nothing of what may be written.
 */
static void read_refused(struct reconcile *rc, struct effects *fx, const struct flight *f,
                         const struct answer *a)
{
    bool again = f->r->failure == rc_reason_of(a->outcome);

    rc_failed(rc, fx, f->r, f->act, rc_reason_of(a->outcome), a->retry_after_ms, a->error);
    if (!again)
        rc_event(rc, fx, f->r, "Refused", 4, a, "%s: %s", ACT[f->act].text,
                 a->error[0] ? a->error : OUTCOME_INFO[a->outcome].text);
}

/* 404 and 409 tell of the thing, not of the request, and what that means depends on the act. A read
 * or a delete cannot conflict: there 409 is a refusal like any other. */
static bool is_of_the_thing(const struct flight *f, enum outcome o)
{
    return o == OUTCOME_NOT_FOUND ||
           (o == OUTCOME_CONFLICT && ACT[f->act].write && f->act != ACT_DELETE);
}

bool rc_absorb_failure(struct reconcile *rc, struct effects *fx, const struct flight *f,
                       const struct answer *a)
{
    struct resource *r = f->r;

    if (a->outcome == OUTCOME_OK)
        return false;
    if (a->outcome == OUTCOME_CANCELED)
        return true;
    if (a->outcome == OUTCOME_UNAUTHORIZED) {
        bool apart = own_token_deletes_apart(rc, a->kind);

        if (!apart)
            rc_stop_writing(rc, fx, a);
        rc_failed(rc, fx, r, f->act, apart ? REASON_DELETE_UNAUTHORIZED : REASON_UNAUTHORIZED,
                  a->retry_after_ms, NULL);
        return true;
    }
    if (f->act == ACT_CREATE)
        note_create(rc, fx, r, a);
    if (f->act == ACT_FENCE && is_lost(a->outcome))
        database_of(r)->fence_lost_ms = rc->now_ms;
    if (OUTCOME_INFO[a->outcome].retry) {
        rc_failed(rc, fx, r, f->act, rc_reason_of(a->outcome), a->retry_after_ms, a->error);
        rc_event(rc, fx, r, "TryFailed", 7, a, "%s: %s%s%s; again in %lld ms", ACT[f->act].text,
                 OUTCOME_INFO[a->outcome].text, a->error[0] ? ": " : "", a->error,
                 (long long)(r->retry_ms - rc->now_ms));
        return true;
    }
    if (a->outcome == OUTCOME_PLAN && (f->act == ACT_CREATE || f->act == ACT_INVITE ||
                                       (f->act == ACT_MINT && r->kind == KIND_API_TOKEN))) {
        rc->create_refused_until_ms[r->kind] = rc->now_ms + PLAN_REFUSED_AGAIN_MS;
        rc_event(rc, fx, r, "PlanRefused", 4, a,
                 "the platform's plan does not allow it: %s; %ss are tried again in an hour",
                 a->error, KIND_NAME[r->kind]);
        rc->replan = true;
        return true;
    }
    if (is_of_the_thing(f, a->outcome))
        return false;
    if (!ACT[f->act].write) {
        read_refused(rc, fx, f, a);
        return true;
    }
    rc_refuse(rc, fx, r, rc_reason_of(a->outcome), f->act, a);
    return true;
}
