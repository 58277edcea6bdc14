/* operator: the guard's memory (what was done in the window) and what operators said of held steps.
 */
#include <string.h>

#include "core/fleet_rest.h"
#include "core/plan.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"

#define STRANGER_MS               (60 * 60 * 1000)
#define APPROVAL_BEGINS_WITHIN_MS ((int64_t)24 * 3600 * 1000)

/* --- counting --- */

struct row_key {
    const struct reconcile *rc;
    const char *what;
    const char *kind;
    const char *name;
};

static bool is_count(const void *arg, size_t at)
{
    const struct row_key *k = arg;
    const struct count *c = &k->rc->counts[at];

    return strcmp(c->what, k->what) == 0 && strcmp(c->name, k->name) == 0 &&
           strcmp(c->kind, k->kind) == 0;
}

static struct count *find_count(const struct reconcile *rc, const char *what,
                                const struct resource *r)
{
    struct row_key key = {rc, what, KIND_NAME[r->kind], r->name};
    size_t at =
        row_index_find(&rc->counts_index, row_hash(key.what, key.kind, key.name), is_count, &key);

    return at == ROW_NONE ? NULL : &rc->counts[at];
}

bool rc_index_counts(struct reconcile *rc, bool all)
{
    if (all)
        row_index_clear(&rc->counts_index);
    for (size_t i = all ? 0 : rc->n_counts - 1; i < rc->n_counts; i++) {
        const struct count *c = &rc->counts[i];

        if (!row_index_add(&rc->counts_index, row_hash(c->what, c->kind, c->name), i))
            return false;
    }
    return true;
}

bool rc_is_counted(const struct reconcile *rc, const char *what, const struct resource *r)
{
    return find_count(rc, what, r) != NULL;
}

int64_t rc_counted_at(const struct reconcile *rc, const char *what, const struct resource *r)
{
    const struct count *c = find_count(rc, what, r);

    return c ? c->at : 0;
}

void rc_count(struct reconcile *rc, struct effects *fx, const char *what, const struct resource *r)
{
    struct count *c = find_count(rc, what, r);
    struct count row = {.at = doubt_noted_ms(rc)};

    if (c) {
        c->at = row.at;
    } else {
        if (!mem_grow(&rc->counts, &rc->counts_capacity, rc->n_counts + 1, sizeof(row)) ||
            !ledger_set(&row.what, what) || !ledger_set(&row.kind, KIND_NAME[r->kind]) ||
            !ledger_set(&row.name, r->name)) {
            ledger_row_deinit(LEDGER_COUNT, &row);
            fx->failed = true;
            return;
        }
        c = &rc->counts[rc->n_counts++];
        *c = row;
        if (!rc_index_counts(rc, false))
            fx->failed = true;
    }
    effects_put(fx, LEDGER_COUNT, c);
}

void rc_count_is_of(struct reconcile *rc, struct effects *fx, const char *what,
                    const struct resource *r, const char *id)
{
    struct count *c = find_count(rc, what, r);
    char *name = c ? mem_printf("%s %s", r->name, id) : NULL;

    if (!name) {
        fx->failed = fx->failed || c;
        return;
    }
    effects_remove(fx, LEDGER_COUNT, c);
    mem_free(c->name);
    c->name = name;
    effects_put(fx, LEDGER_COUNT, c);
    if (!rc_index_counts(rc, true))
        fx->failed = true;
}

size_t rc_counted(const struct reconcile *rc, const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < rc->n_counts; i++)
        n += strcmp(rc->counts[i].what, what) == 0;
    return n;
}

/* What a row of the guard is about counts among what is owned now. */
static bool is_owned_now(const struct reconcile *rc, const struct count *c)
{
    struct resource *r = fleet_find(&rc->fleet, c->kind, c->name);
    struct parts p;

    if (r && r->kind == KIND_API_TOKEN)
        return api_token_of(r)->n_keys > 0;
    if (r && r->kind == KIND_MEMBER)
        return member_of(r)->has_own;
    if (!r || r->kind > KIND_DATABASE)
        return false;
    p = rc_parts(r);
    return *p.has_own && strcmp(p.own->state, "owned") == 0;
}

size_t rc_removed(const struct reconcile *rc)
{
    size_t n = 0;

    for (size_t i = 0; i < rc->n_counts; i++)
        n += strcmp(rc->counts[i].what, "removal") == 0 && !is_owned_now(rc, &rc->counts[i]);
    return n;
}

bool rc_is_lapsed(const struct reconcile *rc, const struct database *d)
{
    const struct count *c;

    if (!d->has_own || !d->own.fence || strcmp(d->own.fence, "wanted") != 0 || d->own.is_branch)
        return false;
    c = find_count(rc, "removal", &d->r);
    return !c || rc->wall_ms - c->at >= rc->config->policy.guard.window_ms;
}

static bool is_stranger(const struct count *c)
{
    return strcmp(c->what, "stranger") == 0;
}

bool rc_strangers(const struct reconcile *rc)
{
    for (size_t i = 0; i < rc->n_counts; i++)
        if (is_stranger(&rc->counts[i]) && rc->wall_ms - rc->counts[i].at < STRANGER_MS)
            return true;
    return false;
}

/* Somebody else's stands in the place of ours: that was seen, and is not to be new after a restart.
 */
static bool is_usurped(const struct reconcile *rc, const struct count *c)
{
    const struct database *d = fleet_database(&rc->fleet, c->name);

    if (!is_stranger(c) || strcmp(c->kind, KIND_NAME[KIND_DATABASE]) != 0 || !d || !d->has_own ||
        strcmp(d->own.state, "owned") != 0)
        return false;
    return !rc->obs.ever || (d->live.present && strcmp(d->own.id, d->live.id) != 0);
}

static bool is_over(const struct reconcile *rc, const struct count *c)
{
    int64_t window = is_stranger(c) ? STRANGER_MS : rc->config->policy.guard.window_ms;

    if (rc_is_flip(c))
        return rc_flip_is_over(rc, c);
    return rc->wall_ms - c->at >= window && !is_usurped(rc, c);
}

/* By a clock that is right alone: one that is ahead would forget what was done just now. */
void rc_counts_expire(struct reconcile *rc, struct effects *fx)
{
    size_t kept = 0;

    if (!doubt_clock_is_good(rc))
        return;
    for (size_t i = 0; i < rc->n_counts; i++) {
        if (rc->counts[i].at > rc->wall_ms) {
            rc->counts[i].at = rc->wall_ms;
            effects_put(fx, LEDGER_COUNT, &rc->counts[i]);
        }
        if (!is_over(rc, &rc->counts[i])) {
            rc->counts[kept++] = rc->counts[i];
        } else {
            effects_remove(fx, LEDGER_COUNT, &rc->counts[i]);
            ledger_row_deinit(LEDGER_COUNT, &rc->counts[i]);
        }
    }
    if (kept == rc->n_counts)
        return;
    rc->n_counts = kept;
    if (!rc_index_counts(rc, true))
        fx->failed = true;
}

/* --- approvals --- */

static bool is_approval(const void *arg, size_t at)
{
    const struct row_key *k = arg;
    const struct approval *a = &k->rc->approvals[at];

    return strcmp(a->action, k->what) == 0 && strcmp(a->name, k->name) == 0 &&
           strcmp(a->kind, k->kind) == 0;
}

static struct approval *find_approval(const struct reconcile *rc, const char *action,
                                      const struct resource *r)
{
    struct row_key key = {rc, action, KIND_NAME[r->kind], r->name};
    size_t at;

    if (!rc->n_approvals)
        return NULL; /* as nearly always, and it is asked several times of each record */
    at = row_index_find(&rc->approvals_index, row_hash(key.what, key.kind, key.name), is_approval,
                        &key);
    return at == ROW_NONE ? NULL : &rc->approvals[at];
}

static uint32_t hash_of(const struct approval *a)
{
    return row_hash(a->action, a->kind, a->name);
}

bool rc_index_approvals(struct reconcile *rc, bool all)
{
    if (all)
        row_index_clear(&rc->approvals_index);
    for (size_t i = all ? 0 : rc->n_approvals - 1; i < rc->n_approvals; i++)
        if (!row_index_add(&rc->approvals_index, hash_of(&rc->approvals[i]), i))
            return false;
    return true;
}

/* The last one takes its place. */
static void drop_approval(struct reconcile *rc, struct effects *fx, struct approval *a)
{
    size_t at = (size_t)(a - rc->approvals);
    size_t last = rc->n_approvals - 1;

    row_index_remove(&rc->approvals_index, hash_of(a), at);
    effects_remove(fx, LEDGER_APPROVAL, a);
    ledger_row_deinit(LEDGER_APPROVAL, a);
    rc->n_approvals = last;
    if (at == last)
        return;
    *a = rc->approvals[last];
    row_index_move(&rc->approvals_index, hash_of(a), last, at);
}

/* What was approved is not what its entry says by now; a removal that was begun goes on. */
static bool is_void(const struct approval *a, const struct resource *r)
{
    return (uint64_t)a->digest != r->digest && !(a->begun && strcmp(a->action, "delete") == 0);
}

static bool same_id(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

const struct approval *rc_approval(const struct reconcile *rc, const char *action,
                                   const struct resource *r, const char *id)
{
    const struct approval *a = find_approval(rc, action, r);

    if (!a || !a->approved || !same_id(a->id, id))
        return NULL;
    if (a->begun && !is_void(a, r))
        return a;
    return (uint64_t)a->digest == r->digest && rc->wall_ms - a->at < APPROVAL_BEGINS_WITHIN_MS
               ? a
               : NULL;
}

bool rc_rejected(const struct reconcile *rc, const char *action, const struct resource *r,
                 const char *id)
{
    const struct approval *a = find_approval(rc, action, r);

    return a && !a->approved && same_id(a->id, id) && (uint64_t)a->digest == r->digest;
}

void rc_approval_begin(struct reconcile *rc, struct effects *fx, const char *action,
                       const struct resource *r)
{
    struct approval *a = find_approval(rc, action, r);

    if (!a || !a->approved || a->begun)
        return;
    a->begun = 1;
    effects_put(fx, LEDGER_APPROVAL, a);
}

void rc_approval_done(struct reconcile *rc, struct effects *fx, const char *action,
                      const struct resource *r)
{
    struct approval *a = find_approval(rc, action, r);

    if (!a || !a->approved)
        return;
    drop_approval(rc, fx, a);
}

/* Said by a clock that was ahead: its day counts from now. */
static void look_at_approval_time(struct reconcile *rc, struct effects *fx, struct approval *a)
{
    if (a->at <= rc->wall_ms || !doubt_clock_is_good(rc))
        return;
    a->at = rc->wall_ms;
    effects_put(fx, LEDGER_APPROVAL, a);
}

void rc_approvals_expire(struct reconcile *rc, struct effects *fx)
{
    for (size_t i = rc->n_approvals; i-- > 0;) {
        struct approval *a = &rc->approvals[i];
        const struct resource *r = fleet_find(&rc->fleet, a->kind, a->name);
        bool changed = r && is_void(a, r);
        bool late = a->approved && rc->wall_ms - a->at >= APPROVAL_BEGINS_WITHIN_MS;

        look_at_approval_time(rc, fx, a);
        if (changed || (late && !a->begun))
            drop_approval(rc, fx, a);
    }
}

static const char *own_id(const struct resource *r)
{
    return r->kind == KIND_GROUP ? container_of(r, const struct group, r)->own.id
                                 : container_of(r, const struct database, r)->own.id;
}

/* held: what the step is about. A token's held re-mint is an update of what it opens, and that is
 * what the guard asks about. */
static void record(struct reconcile *rc, struct effects *fx, const struct plan *plan,
                   const struct plan_step *s, struct resource *held, const struct rc_event *ev)
{
    bool opens = s->kind == KIND_TOKEN || s->kind == KIND_GROUP_TOKEN;
    const struct resource *r = opens ? token_target(&rc->fleet, token_of(held)) : held;
    const char *id = opens ? own_id(r) : s->id;
    struct approval *a = find_approval(rc, s->action, r);
    bool is_new = !a;
    struct approval row = {
        .approved = ev->ok, .at = rc->wall_ms, .uid = ev->uid, .digest = (int64_t)r->digest};

    if (!ledger_set(&row.action, s->action) || !ledger_set(&row.kind, KIND_NAME[r->kind]) ||
        !ledger_set(&row.name, r->name) || !ledger_set(&row.id, id) ||
        !ledger_set(&row.plan, plan->id) || !ledger_set(&row.reason, ev->text) ||
        (!a &&
         !mem_grow(&rc->approvals, &rc->approvals_capacity, rc->n_approvals + 1, sizeof(row)))) {
        ledger_row_deinit(LEDGER_APPROVAL, &row);
        fx->failed = true;
        return;
    }
    if (a)
        ledger_row_deinit(LEDGER_APPROVAL, a);
    else
        a = &rc->approvals[rc->n_approvals++];
    *a = row;
    if (is_new && !rc_index_approvals(rc, false))
        fx->failed = true;
    effects_put(fx, LEDGER_APPROVAL, a);
    rc_event(rc, fx, held, ev->ok ? "Approved" : "Rejected", 5, NULL,
             "%s %s by uid %lld in plan %s: %s", s->action, ev->ok ? "approved" : "rejected",
             (long long)ev->uid, plan->id, ev->text);
}

int rc_decide_plan(struct reconcile *rc, struct effects *fx, const struct rc_event *ev,
                   struct err *err)
{
    struct plan plan;
    bool trusts;
    int rv = plan_build(rc, &plan, err);

    if (rv != 0)
        return rv;
    trusts = ev->ok && doubt_can_end(rc) && (!plan.n_held || plan.n_delete);
    if (strcmp(plan.id, ev->plan) != 0)
        rv = err_set(err, ERR_NOT_FOUND,
                     "plan %s is not the present one, which is %s: look at it first", ev->plan,
                     plan.id);
    else if (!plan.n_held && !trusts)
        rv = err_set(err, ERR_INVALID, "plan %s holds nothing back", ev->plan);
    for (size_t i = 0; rv == 0 && i < plan.n_steps; i++) {
        const struct plan_step *s = &plan.steps[i];
        struct resource *r = s->held ? fleet_find(&rc->fleet, KIND_NAME[s->kind], s->name) : NULL;

        if (r)
            record(rc, fx, &plan, s, r, ev);
        else
            fx->failed = fx->failed || s->held; /* it was there just now */
    }
    if (rv == 0 && trusts)
        doubt_end(rc, fx, ev->uid, ev->text);
    plan_deinit(&plan);
    rc->replan = true;
    return rv;
}
