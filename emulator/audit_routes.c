/* audit_routes: what was done in an organization, newest first.
 * In:    page and page_size.
 * Out:   entries and where the page stands; for tests, an entry of any code.
 * Never: filters; the platform does not either. */
#include "audit.h"

#include "emit.h"
#include "lib/text.h"
#include "plan.h"
#include "routes.h"

#define PAGE_SIZE_DEFAULT 100
#define PAGE_SIZE_MAX     1000

/* A number from 1 on; false: answered. */
static bool read_number(const struct request *rq, const char *name, uint64_t max, uint64_t *io,
                        struct answer *a)
{
    char text[REQUEST_VALUE_MAX];

    if (!request_query(rq, name, text) || (text_parse_uint(text, max, io) && *io))
        return true;
    answer_error(a, 400, "invalid %s: expected 1 to %llu", name, (unsigned long long)max);
    return false;
}

void route_audit_list(struct emulator *e, struct request *rq, struct answer *a)
{
    const struct audit *audit = &rq->org->audit;
    size_t n = audit_count(audit);
    uint64_t size = PAGE_SIZE_DEFAULT;
    uint64_t page = 1;

    if (!plan_current(&e->switches)->has_audit_logs) {
        answer_gated(a, 403, "feature_not_available_for_starter_plan",
                     "audit logs are not available on your plan");
        return;
    }
    if (!read_number(rq, "page", AUDIT_MAX, &page, a) ||
        !read_number(rq, "page_size", PAGE_SIZE_MAX, &size, a))
        return;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "audit_logs", '[');
    audit_write(audit, (size_t)((page - 1) * size), (size_t)size, &a->body);
    emit_close(&a->body, ']');
    emit_open(&a->body, "pagination", '{');
    emit_int(&a->body, "page", (int64_t)page);
    emit_int(&a->body, "page_size", (int64_t)size);
    emit_int(&a->body, "total_pages", (int64_t)((n + size - 1) / size));
    emit_int(&a->body, "total_rows", (int64_t)n);
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}

/* Some codes are for what does not happen here: a test may have them all the same. */
void route_admin_audit_add(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *slug = e->state.orgs[0].slug;
    const char *author = "owner";
    enum audit_code code;
    const char *text;
    struct org *org;

    if (!routes_want_string(rq, "code", &text, a) ||
        !routes_read_string(rq, "organization", &slug, a) ||
        !routes_read_string(rq, "author", &author, a))
        return;
    org = state_org(&e->state, slug);
    if (!org) {
        answer_error(a, 404, "organization not found");
        return;
    }
    if (!audit_code_parse(text, &code)) {
        answer_error(a, 400, "code: the platform has no code %.64s", text);
        return;
    }
    audit_add(&org->audit, rq, code, "username", author);
    answer_empty(a);
}
