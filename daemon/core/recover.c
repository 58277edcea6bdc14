#include "core/recover.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "core/retry.h"
#include "lib/mem.h"
#include "lib/text.h"

#define STUCK_MS (10 * 60 * 1000) /* that it cannot be listed is no longer work but trouble */

static const enum call_kind LIST_CALL[RECOVER_KINDS] = {
    [KIND_GROUP] = CALL_DELETED_GROUPS_LIST, [KIND_DATABASE] = CALL_DELETED_DATABASES_LIST};
static const enum call_kind RESTORE_CALL[RECOVER_KINDS] = {
    [KIND_GROUP] = CALL_GROUP_RESTORE, [KIND_DATABASE] = CALL_DATABASE_RESTORE};

/* --- listing --- */

void rc_recover_ask(struct reconcile *rc, enum kind kind)
{
    struct recover_list *l = &rc->recover.lists[kind];

    if (l->wanted)
        return;
    l->wanted = l->due = true;
    l->attempts = 0;
}

/* Why nothing can be listed; NULL: it can. */
static const char *cannot_list(const struct reconcile *rc)
{
    return rc->recover.organization_id ? NULL
                                       : "the platform does not say the organization's id, by "
                                         "which deleted things are listed";
}

static void forget_page(struct recover_list *l)
{
    deleted_deinit(&l->next);
    mem_free(l->cursor);
    l->cursor = NULL;
    l->n_pages = 0;
}

static void take_list(struct reconcile *rc, struct recover_list *l, bool refused)
{
    deleted_deinit(&l->list);
    l->list = l->next;
    l->next = (struct deleted_list){0};
    l->list.read_ms = l->asked_ms;
    l->list.refused = refused;
    deleted_sort(&l->list);
    forget_page(l);
    l->wanted = false;
    l->attempts = 0;
    l->failing_since_ms = 0;
    rc->replan = true;
}

static bool keep(struct recover_list *l, const struct answer *a)
{
    bool ok = true;

    for (size_t i = 0; ok && i < a->n_databases; i++) {
        const struct live_db *d = &a->databases[i];

        ok = deleted_add(&l->next, &(struct deleted_thing){d->name, d->id, d->group, d->deleted_ms,
                                                           d->group_deleted});
    }
    for (size_t i = 0; ok && i < a->n_groups; i++) {
        const struct live_group *g = &a->groups[i];

        ok = deleted_add(&l->next,
                         &(struct deleted_thing){g->name, g->id, NULL, g->deleted_ms, false});
    }
    return ok;
}

static void list_failed(struct reconcile *rc, struct effects *fx, struct recover_list *l,
                        const struct answer *a)
{
    forget_page(l);
    l->due = false;
    l->wanted = rc->by_reason[REASON_WAITING_FOR_VIEW] > 0; /* a restore does not wait that long */
    l->attempts++;
    if (!l->failing_since_ms)
        l->failing_since_ms = rc->now_ms;
    l->retry_ms = rc->now_ms + retry_delay(l->attempts, rc->config->reconcile.backoff_initial_ms,
                                           rc->config->reconcile.backoff_max_ms, a->retry_after_ms,
                                           rc_random(rc));
    if (l->attempts == 1)
        rc_event(rc, fx, NULL, "RecoverableUnknown", 6, a, "%s: %s%s%s", CALL_INFO[a->kind].name,
                 OUTCOME_INFO[a->outcome].text, a->error[0] ? ": " : "", a->error);
}

/* The platform does not say what it could restore: a plan without it, a token that may not ask. */
static bool is_refusal(enum outcome o)
{
    return o == OUTCOME_FORBIDDEN || o == OUTCOME_PLAN || o == OUTCOME_NOT_FOUND ||
           o == OUTCOME_INVALID;
}

static void absorb_list(struct reconcile *rc, struct effects *fx, struct recover_list *l,
                        const struct answer *a)
{
    l->flight = 0;
    if (is_refusal(a->outcome)) {
        forget_page(l);
        take_list(rc, l, true);
    } else if (a->outcome != OUTCOME_OK) {
        if (a->outcome == OUTCOME_UNAUTHORIZED)
            rc_stop_writing(rc, fx, a);
        list_failed(rc, fx, l, a);
    } else if (!keep(l, a)) {
        fx->failed = true;
    } else if (!a->next_cursor) {
        take_list(rc, l, false);
    } else if (++l->n_pages >= LIMIT_PAGES) {
        take_list(rc, l, true); /* it does not end: nothing is known */
    } else {
        rc_set(fx, &l->cursor, a->next_cursor);
        l->due = true;
    }
}

static void start_list(struct reconcile *rc, struct effects *fx, enum kind kind)
{
    struct recover_list *l = &rc->recover.lists[kind];
    struct call *c = call_new(LIST_CALL[kind], NULL);

    l->due = false;
    if (!l->cursor)
        l->asked_ms = rc->now_ms;
    if (c && (!ledger_set(&c->organization_id, rc->recover.organization_id) ||
              !ledger_set(&c->cursor, l->cursor))) {
        call_free(c);
        c = NULL;
    }
    if (c) {
        c->id = l->flight = rc->next_id++;
        c->attempt = l->attempts + 1;
        schedule_started(&rc->schedule);
    }
    effects_call(fx, c);
}

/* --- restoring --- */

static void PRINTF(3, 4) finish(struct reconcile *rc, int rv, const char *fmt, ...)
{
    struct restore *r = &rc->recover.restore;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->text, sizeof(r->text), fmt, ap);
    va_end(ap);
    r->rv = rv;
    r->stage = RESTORE_DONE;
}

/* A delete of it had no answer, and would take what was brought back by its name. */
static int check_late(const struct reconcile *rc, const struct database *d, const struct group *g,
                      struct err *err)
{
    int64_t sent_ms = d ? d->delete_sent_ms : g ? g->delete_sent_ms : 0;
    int64_t left_ms = sent_ms ? sent_ms + LANDS_WITHIN_MS - rc->now_ms : 0;

    if (left_ms <= 0)
        return 0;
    return err_set(
        err, ERR_NOT_READY,
        "a delete of it that had no answer may still be carried out: try again in %lld s",
        (long long)(left_ms / 1000 + 1));
}

/* What stands in the way of bringing it back, as far as we know now. 0: nothing. */
static int check_restore(const struct reconcile *rc, enum kind kind, const char *name,
                         struct err *err)
{
    const struct database *d = fleet_database(&rc->fleet, name);
    const struct group *g = fleet_group(&rc->fleet, name);
    const struct resource *r = kind == KIND_GROUP ? (g ? &g->r : NULL) : (d ? &d->r : NULL);
    const struct owned *own = kind == KIND_GROUP ? (g ? &g->own : NULL) : (d ? &d->own : NULL);
    bool live = kind == KIND_GROUP ? g && g->live.present : d && d->live.present;
    bool absent =
        kind == KIND_GROUP ? g && g->want && g->want->absent : d && d->want && d->want->absent;
    struct world w;
    int rv = rc_refuse_paused(rc, r, err);

    rc_world(rc, &w);
    if (rv != 0)
        return rv;
    if (!rc->config->policy.writes)
        return err_set(err, ERR_INVALID, "policy.writes is off: nothing is restored");
    if (!rc->authorized)
        return err_set(err, ERR_NOT_READY, "the platform refuses the API token: %s",
                       rc->auth_error);
    if (cannot_list(rc))
        return err_set(err, ERR_INVALID, "%s", cannot_list(rc));
    if (live)
        return err_set(err, ERR_INVALID, "%s/%s is live: there is nothing to restore",
                       KIND_NAME[kind], name);
    if (r && own->state && strcmp(own->state, "creating") == 0)
        return err_set(err, ERR_INVALID, "%s/%s is being created", KIND_NAME[kind], name);
    if (absent)
        return err_set(err, ERR_INVALID,
                       "the manifest wants %s/%s gone (state: absent): change that first",
                       KIND_NAME[kind], name);
    if (kind == KIND_DATABASE && d && removal_of(&w, d) != REMOVAL_NONE)
        return err_set(err, ERR_INVALID, "%s/%s would be removed again: %s first", KIND_NAME[kind],
                       name,
                       d->want ? "its entry has expired, edit it" : "name it in the manifest");
    return check_late(rc, kind == KIND_DATABASE ? d : NULL, kind == KIND_GROUP ? g : NULL, err);
}

int rc_restore(struct reconcile *rc, const struct rc_event *ev, struct err *err)
{
    struct restore *r = &rc->recover.restore;
    enum kind kind =
        strcmp(ev->resource_kind, KIND_NAME[KIND_GROUP]) == 0 ? KIND_GROUP : KIND_DATABASE;
    int rv;

    if (kind != KIND_GROUP && strcmp(ev->resource_kind, KIND_NAME[KIND_DATABASE]) != 0)
        return err_set(err, ERR_INVALID, "only a database or a group can be restored, no %s",
                       ev->resource_kind);
    if (!text_is_name(ev->name, strlen(ev->name)))
        return err_set(err, ERR_INVALID, "\"%s\" cannot be the name of a %s", ev->name,
                       KIND_NAME[kind]);
    if (r->stage != RESTORE_NONE)
        return err_set(err, ERR_LOCKED, "%s/%s is being restored just now: one after the other",
                       KIND_NAME[r->kind], r->name);
    rv = check_restore(rc, kind, ev->name, err);
    if (rv != 0)
        return rv;
    if (!ledger_set(&r->name, ev->name) || !ledger_set(&r->id, ev->text))
        return err_nomem(err);
    r->kind = kind;
    r->uid = ev->uid;
    r->stage = RESTORE_LISTING;
    r->asked_ms = rc->now_ms;
    rc_recover_ask(rc, kind);
    rc->recover.lists[kind].retry_ms = 0;
    return 0;
}

/* The list is there. */
static void choose(struct reconcile *rc, struct effects *fx)
{
    struct restore *r = &rc->recover.restore;
    const struct deleted_list *l = &rc->recover.lists[r->kind].list;
    const struct deleted_thing *thing = deleted_find(l, r->name, r->id);

    if (l->refused)
        finish(rc, -ERR_PERMISSION,
               "the platform does not list what it could restore: its plan, or the API token, does "
               "not allow it");
    else if (!thing)
        finish(rc, -ERR_NOT_FOUND,
               "the platform lists no deleted %s %s%s%s; what was deleted can be "
               "restored for 5 days",
               KIND_NAME[r->kind], r->name, r->id ? " with id " : "", r->id ? r->id : "");
    else {
        rc_set(fx, &r->id, thing->id);
        r->stage = RESTORE_SENDING;
    }
}

/* As of any change: what was asked before it was sent, or answered, says nothing. */
static void note_written(const struct reconcile *rc)
{
    const struct restore *r = &rc->recover.restore;
    struct resource *it = fleet_find(&rc->fleet, KIND_NAME[r->kind], r->name);

    if (it)
        rc_parts(it).live->written_ms = rc->now_ms;
}

static void start_restore(struct reconcile *rc, struct effects *fx)
{
    struct restore *r = &rc->recover.restore;
    struct call *c = call_new(RESTORE_CALL[r->kind], r->name);

    r->stage = RESTORE_SENT;
    note_written(rc);
    if (c && (!ledger_set(&c->organization_id, rc->recover.organization_id) ||
              !ledger_set(&c->target_id, r->id))) {
        call_free(c);
        c = NULL;
    }
    if (c) {
        c->id = r->flight = rc->next_id++;
        schedule_started(&rc->schedule);
    }
    effects_call(fx, c);
}

static void absorb_restore(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    struct restore *r = &rc->recover.restore;
    struct database *d = r->kind == KIND_DATABASE ? fleet_database(&rc->fleet, r->name) : NULL;
    bool lost;

    r->flight = 0;
    if (a->outcome == OUTCOME_UNAUTHORIZED)
        rc_stop_writing(rc, fx, a);
    rc_observe(rc); /* whatever came of it */
    if (a->outcome == OUTCOME_OK && d)
        d->restored_ms = rc->now_ms;
    if (a->outcome == OUTCOME_OK) {
        note_written(rc);
        r->done_ms = rc->now_ms;
        rc->replan = true;
        rc_event(rc, fx, NULL, "Restored", 5, a, "%s/%s restored by uid %lld, id %s%s",
                 KIND_NAME[r->kind], r->name, (long long)r->uid, r->id,
                 a->n_failures ? "; some of its databases were not" : "");
        finish(rc, 0,
               a->n_failures ? "restored, id %s; %zu databases with it, %zu not"
                             : "restored, id %s",
               r->id, a->n_restored, a->n_failures);
        return;
    }
    lost = a->outcome == OUTCOME_UNKNOWN || a->outcome == OUTCOME_MALFORMED ||
           a->outcome == OUTCOME_UNAVAILABLE;
    rc_event(rc, fx, NULL, lost ? "RestoreUnanswered" : "RestoreFailed", 4, a,
             "%s/%s, id %s: %s%s%s", KIND_NAME[r->kind], r->name, r->id,
             OUTCOME_INFO[a->outcome].text, a->error[0] ? ": " : "", a->error);
    if (lost)
        finish(rc, -ERR_TIMEOUT,
               "no answer came that says whether it was restored (%s); the next "
               "observation shows it",
               OUTCOME_INFO[a->outcome].text);
    else
        finish(rc, a->outcome == OUTCOME_NOT_FOUND ? -ERR_NOT_FOUND : -ERR_PERMISSION,
               "not restored: %s%s%s", OUTCOME_INFO[a->outcome].text, a->error[0] ? ": " : "",
               a->error);
}

/* --- the step --- */

void rc_recover_tick(struct reconcile *rc, struct effects *fx)
{
    struct recover *v = &rc->recover;
    struct restore *r = &v->restore;

    for (int k = 0; k < RECOVER_KINDS; k++) {
        struct recover_list *l = &v->lists[k];

        if (l->wanted && !l->due && !l->flight && rc->now_ms >= l->retry_ms)
            l->due = true;
    }
    if (r->stage == RESTORE_LISTING && v->lists[r->kind].list.read_ms >= r->asked_ms)
        choose(rc, fx);
    else if (r->stage == RESTORE_LISTING && v->lists[r->kind].attempts)
        finish(rc, -ERR_UNREACHABLE, "what was deleted cannot be listed just now");
    if (r->stage == RESTORE_SENDING) {
        struct err err = ERR_INIT;
        int rv = check_restore(rc, r->kind, r->name, &err);

        if (rv)
            finish(rc, rv, "%s", err.msg); /* what has come in between counts */
    }
}

bool rc_recover_is_due(const struct reconcile *rc)
{
    return rc->recover.lists[KIND_GROUP].due || rc->recover.lists[KIND_DATABASE].due ||
           rc->recover.restore.stage == RESTORE_SENDING;
}

bool rc_recover_is_busy(const struct reconcile *rc)
{
    const struct recover *v = &rc->recover;

    return v->lists[KIND_GROUP].wanted || v->lists[KIND_DATABASE].wanted ||
           (v->restore.stage != RESTORE_NONE && v->restore.stage != RESTORE_DONE);
}

bool rc_recover_is_stuck(const struct reconcile *rc)
{
    const struct recover_list *l = &rc->recover.lists[KIND_DATABASE];

    return l->wanted && l->failing_since_ms && rc->now_ms - l->failing_since_ms >= STUCK_MS;
}

int64_t rc_recover_wake(const struct reconcile *rc)
{
    int64_t wake_ms = INT64_MAX;

    for (int k = 0; k < RECOVER_KINDS; k++) {
        const struct recover_list *l = &rc->recover.lists[k];

        if (l->wanted && !l->due && !l->flight && l->retry_ms < wake_ms)
            wake_ms = l->retry_ms;
    }
    return wake_ms;
}

void rc_recover_start(struct reconcile *rc, struct effects *fx)
{
    for (int k = 0; k < RECOVER_KINDS; k++) {
        if (!rc->recover.lists[k].due)
            continue;
        start_list(rc, fx, (enum kind)k);
        return;
    }
    start_restore(rc, fx);
}

bool rc_recover_absorb(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    for (int k = 0; k < RECOVER_KINDS; k++) {
        if (a->call_id != rc->recover.lists[k].flight)
            continue;
        absorb_list(rc, fx, &rc->recover.lists[k], a);
        return true;
    }
    if (a->call_id != rc->recover.restore.flight)
        return false;
    absorb_restore(rc, fx, a);
    return true;
}

bool reconcile_restored(struct reconcile *rc, int *out_rv, char *out, size_t size)
{
    struct restore *r = &rc->recover.restore;

    if (r->stage != RESTORE_DONE)
        return false;
    *out_rv = r->rv;
    snprintf(out, size, "%s", r->text);
    r->stage = RESTORE_NONE;
    return true;
}

const struct deleted_list *rc_recoverable(const struct reconcile *rc)
{
    return cannot_list(rc) ? NULL : &rc->recover.lists[KIND_DATABASE].list;
}

bool rc_restore_is_unseen(const struct reconcile *rc)
{
    const struct observation *o = &rc->obs;

    return rc->recover.restore.done_ms &&
           (o->started_ms <= rc->recover.restore.done_ms || o->completed_ms < o->started_ms);
}

void rc_recover_deinit(struct reconcile *rc)
{
    struct recover *v = &rc->recover;

    for (int k = 0; k < RECOVER_KINDS; k++) {
        forget_page(&v->lists[k]);
        deleted_deinit(&v->lists[k].list);
    }
    mem_free(v->restore.name);
    mem_free(v->restore.id);
    mem_free(v->organization_id);
}
