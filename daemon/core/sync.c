/* sync: what failed or was refused is tried again, and everything looked at, because somebody asked
 * for it or the API token is another one.
 * In:    facts and records. Out: records that may be tried, a look that is due.
 * Never: begins one. */
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"

static void forgive(struct resource *r)
{
    if (r->failure == REASON_UNAUTHORIZED || r->failure == REASON_DELETE_UNAUTHORIZED)
        r->retry_ms = 0;
}

void rc_credential(struct reconcile *rc)
{
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        forgive(&rc->fleet.groups[i]->r);
        for (size_t j = 0; j < rc->fleet.groups[i]->n_tokens; j++)
            forgive(&rc->fleet.groups[i]->tokens[j]->r);
    }
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d;

        if (fleet_is_packed(&rc->fleet, i)) /* it failed at nothing */
            continue;
        d = fleet_open(&rc->fleet, i).d;
        forgive(&d->r);
        for (size_t j = 0; j < d->n_tokens; j++)
            forgive(&d->tokens[j]->r);
    }
    for (size_t i = 0; i < rc->fleet.n_api_tokens; i++)
        forgive(&rc->fleet.api_tokens[i]->t.r);
    for (int k = 0; k < RECOVER_KINDS; k++)
        rc->recover.lists[k].retry_ms = 0;
    for (size_t i = 0; i < rc->fleet.n_members; i++)
        forgive(&rc->fleet.members[i]->r);
    rc->obs.attempts = 0;
    rc_observe(rc);
}

static bool is_it(const struct rc_event *ev, const struct resource *r)
{
    return ev->resource_kind && strcmp(ev->resource_kind, KIND_NAME[r->kind]) == 0 &&
           strcmp(ev->name, r->name) == 0;
}

/* Those that hang on nothing. True: it is one of them. */
static bool sync_others(struct reconcile *rc, const struct rc_event *ev)
{
    bool found = false;
    size_t n_tokens = rc->fleet.n_api_tokens;

    for (size_t i = 0; i < n_tokens + rc->fleet.n_members; i++) {
        struct resource *r =
            i < n_tokens ? &rc->fleet.api_tokens[i]->t.r : &rc->fleet.members[i - n_tokens]->r;

        if (!is_it(ev, r))
            continue;
        r->refused = REASON_NONE;
        r->refused_until_ms = r->retry_ms = 0;
        if (r->kind == KIND_MEMBER)
            rc->create_refused_until_ms[KIND_MEMBER] = 0;
        found = true;
    }
    return found;
}

/* A group or database, and its tokens. True: it, or one of them, was asked for by name. */
static bool sync_target(const struct rc_event *ev, struct resource *r)
{
    struct token **tokens = r->kind == KIND_GROUP ? group_of(r)->tokens : database_of(r)->tokens;
    size_t n = r->kind == KIND_GROUP ? group_of(r)->n_tokens : database_of(r)->n_tokens;
    bool target = is_it(ev, r);
    bool found = target;

    if (target) {
        r->refused = REASON_NONE;
        r->retry_ms = 0;
        r->refused_until_ms = 0;
        if (r->kind == KIND_DATABASE) {
            database_of(r)->refused_fields = 0;
            database_of(r)->config_asked = true;
            database_of(r)->probe_asked = true;
            upload_forget(database_of(r)->upload);
        }
    }
    if (!ev->resource_kind && r->kind == KIND_DATABASE && database_of(r)->upload)
        database_of(r)->upload->looked_ms = 0;
    for (size_t j = 0; j < n; j++) {
        if (target || is_it(ev, &tokens[j]->r)) {
            tokens[j]->r.refused = REASON_NONE;
            tokens[j]->r.retry_ms = 0;
            tokens[j]->r.resolve_now = tokens[j]->r.reason == REASON_MINT_UNKNOWN;
            found = true;
        }
    }
    if (!ev->resource_kind) /* everything is looked at */
        r->retry_ms = 0;
    return found;
}

int rc_sync(struct reconcile *rc, const struct rc_event *ev, struct err *err)
{
    bool all = !ev->resource_kind;
    bool found;
    struct resource *named = all ? NULL : fleet_find(&rc->fleet, ev->resource_kind, ev->name);
    int rv = rc_refuse_paused(rc, named, err);

    if (rv != 0)
        return rv;
    found = sync_others(rc, ev) || all;
    if (rc->by_reason[REASON_QUOTA_EXCEEDED])
        quota_again(rc);
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        found = sync_target(ev, &rc->fleet.groups[i]->r) || found;
    for (size_t i = 0; all && i < rc->fleet.n_databases; i++)
        if (!fleet_is_packed(&rc->fleet, i)) /* it is not tried again: it failed at nothing */
            sync_target(ev, &fleet_open(&rc->fleet, i).d->r);
    if (named && named->kind == KIND_TOKEN)
        named = token_target(&rc->fleet, token_of(named));
    if (named && named->kind == KIND_DATABASE)
        found = sync_target(ev, named) || found;
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "there is no %s/%s", ev->resource_kind, ev->name);
    rc_observe(rc);
    rc->sync_cycle = rc->obs.cycle + rc->obs.again;
    rc->replan = true;
    return 0;
}
