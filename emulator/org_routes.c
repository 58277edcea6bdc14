/* org_routes: the user, the platform token, organizations and what they pay for.
 * In:    checked requests.
 * Out:   answers.
 * Never: touches groups or databases. */
#include <string.h>
#include <time.h>

#include "emit.h"
#include "people.h"
#include "plan.h"
#include "routes.h"
#include "shape.h"

static bool is_invited(const struct emulator *e, const struct user *user)
{
    for (size_t i = 0; i < e->state.n_orgs; i++) {
        if (invites_find(&e->state.orgs[i].invites, user->email))
            return true;
    }
    return false;
}

static void write_user(const struct emulator *e, const struct user *user, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_open(out, "user", '{');
    emit_string(out, "username", user->name);
    emit_string(out, "name", user->name);
    emit_string(out, "email", user->email);
    emit_string(out, "avatarUrl", "");
    emit_string(out, "plan", switches_profile(&e->switches));
    emit_bool(out, "mfa", false);
    emit_bool(out, "has_pending_invites", is_invited(e, user));
    emit_close(out, '}');
    emit_close(out, '}');
}

void route_user_get(struct emulator *e, struct request *rq, struct answer *a)
{
    write_user(e, rq->caller->user, &a->body);
}

void route_current_user_get(struct emulator *e, struct request *rq, struct answer *a)
{
    write_user(e, rq->caller->user, &a->body);
}

void route_token_validate(struct emulator *e, struct request *rq, struct answer *a)
{
    int64_t expires_ms = rq->caller->expires_ms;

    (void)e;
    emit_open(&a->body, NULL, '{');
    emit_int(&a->body, "exp", expires_ms < 0 ? -1 : expires_ms / 1000);
    emit_close(&a->body, '}');
}

/* Those that the caller is a member of, and that their token is good for. */
static void write_organizations(struct emulator *e, const struct request *rq, const char *key,
                                struct buf *out)
{
    emit_open(out, key, '[');
    for (size_t i = 0; i < e->state.n_orgs; i++) {
        struct org *org = &e->state.orgs[i];

        if (members_find(&org->members, rq->caller->user) &&
            (!rq->caller->org || rq->caller->org == org))
            shape_organization(e, org, NULL, out);
    }
    emit_close(out, ']');
}

void route_org_list(struct emulator *e, struct request *rq, struct answer *a)
{
    write_organizations(e, rq, NULL, &a->body);
}

void route_org_list_v2(struct emulator *e, struct request *rq, struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    write_organizations(e, rq, "organizations", &a->body);
    emit_close(&a->body, '}');
}

void route_org_get(struct emulator *e, struct request *rq, struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    shape_organization_whole(e, rq->org, "organization", &a->body);
    emit_close(&a->body, '}');
}

static void patch_restore(struct emulator *e, struct request *rq, bool enabled, struct answer *a)
{
    struct json_object *v;

    if (member_any(rq->json, "overages", &v) != MEMBER_ABSENT ||
        member_any(rq->json, "require_mfa", &v) != MEMBER_ABSENT) {
        answer_error(a, 400, "restore_enabled cannot be combined with other settings");
    } else if (!plan_current(&e->switches)->has_restore) {
        answer_gated(a, 403, "feature_not_available_for_starter_plan",
                     "restoring is not available on your plan");
    } else {
        rq->org->restore_enabled = enabled;
        route_org_get(e, rq, a);
    }
}

void route_org_patch(struct emulator *e, struct request *rq, struct answer *a)
{
    bool overages = rq->org->overages;
    bool require_mfa = rq->org->require_mfa;
    bool restore = rq->org->restore_enabled;

    if (!routes_want_bool(rq, "overages", &overages, a) ||
        !routes_want_bool(rq, "require_mfa", &require_mfa, a) ||
        !routes_want_bool(rq, "restore_enabled", &restore, a))
        return;
    if (member_bool(rq->json, "restore_enabled", &restore) == MEMBER_OK) {
        patch_restore(e, rq, restore, a);
        return;
    }
    if (require_mfa && !rq->org->require_mfa) {
        answer_error(a, 400, "enable multi-factor authentication on your own account first");
        return;
    }
    if (overages != rq->org->overages)
        routes_audit(rq, AUDIT_ORG_SET_OVERAGES, "overages", overages ? "true" : "false");
    rq->org->overages = overages;
    rq->org->require_mfa = require_mfa;
    route_org_get(e, rq, a);
}

static void write_plan(const struct plan *p, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_string(out, "name", p->name);
    emit_string(out, "price", p->price);
    emit_open(out, "prices", '[');
    emit_open(out, NULL, '{');
    emit_string(out, "value", p->price);
    emit_string(out, "timeline", "monthly");
    emit_close(out, '}');
    emit_close(out, ']');
    emit_open(out, "quotas", '{');
    emit_int(out, "rowsRead", p->rows_read);
    emit_int(out, "rowsWritten", p->rows_written);
    if (p->databases)
        emit_int(out, "databases", p->databases);
    else
        emit_null(out, "databases");
    emit_int(out, "locations", p->locations);
    emit_int(out, "storage", p->storage_bytes);
    emit_int(out, "groups", p->groups ? p->groups : 1000);
    emit_int(out, "bytesSynced", p->bytes_synced);
    emit_close(out, '}');
    emit_close(out, '}');
}

void route_org_plans(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)e;
    (void)rq;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "plans", '[');
    for (size_t i = 0; i < N_PLANS; i++)
        write_plan(&PLANS[i], &a->body);
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

void route_org_subscription(struct emulator *e, struct request *rq, struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "subscription", '{');
    emit_string(&a->body, "name", switches_profile(&e->switches));
    emit_string(&a->body, "plan", switches_profile(&e->switches));
    emit_string(&a->body, "timeline", "monthly");
    emit_bool(&a->body, "overages", rq->org->overages);
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}

/* When the month that `now_ms` is in has ended. */
static int64_t next_month(int64_t now_ms)
{
    time_t now = (time_t)(now_ms / 1000);
    struct tm tm;

    gmtime_r(&now, &tm);
    tm = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1};
    return (int64_t)timegm(&tm) * 1000;
}

/* Nothing was ever billed here; what is to come is the plan's price. */
void route_org_invoices(struct emulator *e, struct request *rq, struct answer *a)
{
    const struct plan *plan = plan_current(&e->switches);
    char type[REQUEST_VALUE_MAX] = "all";

    if (request_query(rq, "type", type) && strcmp(type, "all") != 0 &&
        strcmp(type, "upcoming") != 0 && strcmp(type, "issued") != 0) {
        answer_error(a, 400, "invalid type: %s", type);
        return;
    }
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "invoices", '[');
    if (strcmp(type, "issued") != 0 && strcmp(plan->price, "0") != 0) {
        emit_open(&a->body, NULL, '{');
        emit_string(&a->body, "invoice_number", "EMULATOR-00001");
        emit_string(&a->body, "amount_due", plan->price);
        emit_time(&a->body, "due_date", next_month(rq->now_ms));
        emit_null(&a->body, "paid_at");
        emit_null(&a->body, "payment_failed_at");
        emit_null(&a->body, "invoice_pdf");
        emit_close(&a->body, '}');
    }
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}
