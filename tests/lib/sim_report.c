/* sim_report: what the simulated platform says of itself: usage, plans, its audit log, who is who.
 * In:    calls that arrive. Out: rows. Never: changes anything but the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/report.h"
#include "lib/text.h"
#include "tests/lib/sim_platform.h"

void platform_note(struct platform *p, const char *code, const char *name, const char *author)
{
    struct platform_entry *e = &p->entries[p->n_entries++];

    assert_true(p->n_entries < PLATFORM_MAX);
    snprintf(e->code, sizeof(e->code), "%s", code);
    snprintf(e->name, sizeof(e->name), "%s", name);
    snprintf(e->author, sizeof(e->author), "%s", author);
    e->wall_ms = p->wall_ms;
}

static const char *number(struct answer *a, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)n);
    return n ? arena_strdup(&a->arena, text) : NULL;
}

static void say_audit(const struct platform *p, const struct call *c, struct answer *a)
{
    size_t size = p->page ? p->page : 100;
    size_t first = (c->page - 1) * size;
    char at[TEXT_TIME_SIZE];

    a->total_pages = (int64_t)((p->n_entries + size - 1) / size);
    for (size_t i = first; i < p->n_entries && i < first + size; i++) {
        const struct platform_entry *e = &p->entries[p->n_entries - 1 - i];
        struct report_row *row = &a->rows[a->n_rows++];
        size_t whose =
            strncmp(e->code, "group", 5) == 0 ? REPORT_AUDIT_GROUP : REPORT_AUDIT_DATABASE;

        row->cell[REPORT_AUDIT_ACTION] = arena_strdup(&a->arena, e->code);
        row->cell[REPORT_AUDIT_AUTHOR] = arena_strdup(&a->arena, e->author);
        row->cell[REPORT_AUDIT_AT] = arena_strdup(&a->arena, text_time(e->wall_ms, at));
        row->cell[whose] = arena_strdup(&a->arena, e->name);
        row->cell[REPORT_AUDIT_ORIGIN] = "web";
    }
}

static struct report_row *row_of(struct answer *a)
{
    return &a->rows[a->n_rows++];
}

/* Every other database, then the organization itself. */
static void say_usage(const struct platform *p, const struct call *c, struct answer *a)
{
    struct report_row *whole;

    for (size_t i = 0; !c->total_only && i < p->n_databases; i += 2) {
        struct report_row *row = row_of(a);

        row->cell[REPORT_USAGE_ID] = arena_strdup(&a->arena, p->databases[i].id);
        row->cell[REPORT_USAGE_STORAGE] = number(a, 4096 + (int64_t)i);
    }
    whole = row_of(a);
    whole->cell[REPORT_USAGE_DATABASES] = number(a, (int64_t)p->n_databases);
    whole->cell[REPORT_USAGE_READ] = number(a, p->spent);
}

static void say_places(struct answer *a)
{
    static const char *const CODES[] = {"lhr", "aws-us-east-1", "aws-eu-west-1", "gcp-zz-1"};

    for (size_t i = 0; i < ARRAY_SIZE(CODES); i++)
        row_of(a)->cell[REPORT_LOCATION_CODE] = CODES[i];
}

static void say_people(const struct platform *p, enum call_kind kind, struct answer *a)
{
    struct report_row *row = row_of(a);

    if (kind == CALL_REPORT_MEMBERS) {
        row->cell[REPORT_MEMBER_EMAIL] = "jo@example.com";
        row->cell[REPORT_MEMBER_ROLE] = "owner";
        row = row_of(a);
        row->cell[REPORT_MEMBER_EMAIL] = "robot@example.com";
        row->cell[REPORT_MEMBER_USERNAME] = "robot";
        row->cell[REPORT_MEMBER_ROLE] = *p->own_role ? p->own_role : "admin";
    } else if (kind == CALL_REPORT_OWN_TOKENS) {
        row->cell[REPORT_OWN_TOKEN_ID] = "k-0";
        row->cell[REPORT_OWN_TOKEN_ORGANIZATION] = p->own_is_unrestricted ? NULL : "acme";
        row->cell[REPORT_OWN_TOKEN_GROUP] = *p->own_group ? p->own_group : NULL;
        row->cell[REPORT_OWN_TOKEN_SCOPES] = *p->own_scopes ? p->own_scopes : NULL;
    } else if (kind == CALL_REPORT_INVITES) {
        row->cell[REPORT_INVITE_EMAIL] = "al@example.com";
    } else if (kind == CALL_REPORT_TOKENS) {
        row->cell[REPORT_TOKEN_NAME] = "ci";
        row->cell[REPORT_TOKEN_ID] = "k-1";
        row->cell[REPORT_TOKEN_SCOPES] = "read,db:create";
    } else {
        row->cell[REPORT_ORGANIZATION_SLUG] = "acme";
        row->cell[REPORT_ORGANIZATION_OVERAGES] = "true";
    }
}

static void say_plan(const struct platform *p, enum call_kind kind, struct answer *a)
{
    struct report_row *row = row_of(a);

    if (kind == CALL_REPORT_SUBSCRIPTION) {
        row->cell[REPORT_SUBSCRIPTION_PLAN] = "Small";
        row->cell[REPORT_SUBSCRIPTION_OVERAGES] = p->overages ? "true" : "false";
        return;
    }
    row->cell[REPORT_PLAN_NAME] = "small";
    row->cell[REPORT_PLAN_DATABASES] = number(a, p->quota_databases);
    row->cell[REPORT_PLAN_GROUPS] = number(a, p->quota_groups);
    row->cell[REPORT_PLAN_READ] = "1000";
    row_of(a)->cell[REPORT_PLAN_NAME] = "large";
}

void platform_report(const struct platform *p, const struct call *c, struct answer *a)
{
    a->rows = arena_alloc(&a->arena, (p->n_entries + p->n_databases + 8) * sizeof(*a->rows));
    switch (c->kind) {
    case CALL_REPORT_AUDIT:
        say_audit(p, c, a);
        return;
    case CALL_REPORT_SUBSCRIPTION:
    case CALL_REPORT_PLANS:
        say_plan(p, c->kind, a);
        return;
    case CALL_REPORT_USAGE:
        say_usage(p, c, a);
        return;
    case CALL_REPORT_DATABASE_USAGE:
        row_of(a)->cell[REPORT_USAGE_STORAGE] = "1";
        return;
    case CALL_REPORT_LOCATIONS:
        say_places(a);
        return;
    default:
        say_people(p, c->kind, a);
    }
}
