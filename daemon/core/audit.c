/* audit: the platform's log of who did what, followed.
 * In:    pages of the log, once an interval.
 * Out:   what is new, for the shell; an event where somebody else touched what is ours.
 * Never: acts. */
#include "core/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "lib/text.h"

#define META_KEY   "audit"
#define OVERLAP_MS ((int64_t)10 * 60 * 1000) /* an entry may show up so late */
#define REFUSED_MS ((int64_t)24 * 3600 * 1000)
#define NEAR_MS    ((int64_t)2 * 60 * 1000) /* of an act of ours: the entry tells of that one */

static void drop_pages(struct audit *a)
{
    for (unsigned i = 0; i < a->n_pages; i++)
        answer_free(a->pages[i]);
    a->n_pages = 0;
    a->is_reading = false;
}

void audit_deinit(struct audit *a)
{
    drop_pages(a);
    mem_free(a->seen);
    a->seen = NULL;
}

void audit_load(struct reconcile *rc, const char *key, const char *value)
{
    if (strcmp(key, META_KEY) == 0)
        rc->audit.floor_ms = strtoll(value ? value : "", NULL, 10);
}

void audit_tick(struct reconcile *rc, struct effects *fx)
{
    struct audit *a = &rc->audit;

    if (!a->is_on || a->is_reading || rc->now_ms < a->next_ms || rc->stopping)
        return;
    a->is_reading = true;
    a->next_ms = rc->now_ms + rc->config->reconcile.interval_ms;
    rc_ask(rc, fx, ASK_AUDIT, CALL_REPORT_AUDIT, 1);
}

/* --- Entries ------------------------------------------------------------------------------- */

/* What tells no time, or none that can be read, counts as happening now. */
static int64_t at_of(const struct reconcile *rc, const struct report_row *row)
{
    int64_t at;

    return text_parse_time(report_text(row, REPORT_AUDIT_AT), &at) ? at : rc->wall_ms;
}

static uint64_t hash_of(const struct report_row *row)
{
    uint64_t h = TEXT_HASH_INIT;

    for (size_t i = 0; i < AUDIT_CELLS; i++) {
        const char *cell = report_text(row, i);

        h = text_hash(h, cell, strlen(cell) + 1);
    }
    return h;
}

static bool is_seen(const struct audit *a, uint64_t hash)
{
    for (size_t i = 0; i < a->n_seen; i++)
        if (a->seen[i].hash == hash)
            return true;
    return false;
}

static bool is_new(const struct reconcile *rc, const struct report_row *row)
{
    return at_of(rc, row) > rc->audit.floor_ms && !is_seen(&rc->audit, hash_of(row));
}

static bool remember(struct audit *a, uint64_t hash, int64_t at_ms)
{
    if (!mem_grow(&a->seen, &a->seen_capacity, a->n_seen + 1, sizeof(*a->seen)))
        return false;
    a->seen[a->n_seen++] = (struct audit_seen){hash, at_ms};
    return true;
}

/* Entries that are older than the overlap need not be remembered one by one. */
static void raise_floor(struct reconcile *rc, struct effects *fx, int64_t newest_ms)
{
    struct audit *a = &rc->audit;
    char key[] = META_KEY;
    char value[24];
    struct meta row = {key, value};
    size_t kept = 0;

    if (newest_ms - OVERLAP_MS > a->floor_ms)
        a->floor_ms = newest_ms - OVERLAP_MS;
    for (size_t i = 0; i < a->n_seen; i++)
        if (a->seen[i].at_ms > a->floor_ms)
            a->seen[kept++] = a->seen[i];
    a->n_seen = kept;
    snprintf(value, sizeof(value), "%" PRId64, newest_ms);
    effects_put(fx, LEDGER_META, &row);
}

/* --- What somebody else did to what is ours ------------------------------------------------ */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The record that an entry is about, ours or not; NULL: none that we know. */
static struct resource *subject(const struct reconcile *rc, const struct report_row *row)
{
    const char *action = report_text(row, REPORT_AUDIT_ACTION);
    bool is_group = begins(action, "group-");
    size_t column = is_group ? REPORT_AUDIT_GROUP : REPORT_AUDIT_DATABASE;
    const char *name = row->cell[column] ? row->cell[column] : row->cell[REPORT_AUDIT_NAME];
    struct group *g;
    struct database *d;

    if (!name || (!is_group && !begins(action, "db-")))
        return NULL;
    if (is_group)
        return (g = fleet_group(&rc->fleet, name)) ? &g->r : NULL;
    return (d = fleet_database(&rc->fleet, name)) ? &d->r : NULL;
}

static bool near(int64_t a, int64_t b)
{
    return a && b && a - b < NEAR_MS && b - a < NEAR_MS;
}

static bool minted_near(const struct reconcile *rc, const struct resource *r, int64_t at)
{
    struct token *const *tokens = r->kind == KIND_GROUP
                                      ? container_of(r, const struct group, r)->tokens
                                      : container_of(r, const struct database, r)->tokens;
    size_t n = r->kind == KIND_GROUP ? container_of(r, const struct group, r)->n_tokens
                                     : container_of(r, const struct database, r)->n_tokens;

    for (size_t i = 0; i < n; i++)
        if (near(tokens[i]->held.issued, at) || tokens[i]->minting)
            return true;
    for (size_t i = 0; i < rc->n_leaks; i++)
        if (strcmp(rc->leaks[i].target, r->name) == 0 && near(rc->leaks[i].at, at))
            return true;
    return false;
}

static bool is_false(const char *value)
{
    return value && strcmp(value, "false") == 0;
}

static bool unprotected_by_us(const struct resource *r)
{
    const struct group *g = container_of(r, const struct group, r);
    const struct database *d = container_of(r, const struct database, r);

    if (r->kind == KIND_GROUP)
        return g->want && g->want->delete_protection_set && !g->want->delete_protection;
    return is_false(d->applied.value[CONFIG_DELETE_PROTECTION]) ||
           is_false(d->sent.value[CONFIG_DELETE_PROTECTION]);
}

/* Did we do that, as far as can be told? An author who is not ours did not act for us. */
static bool by_us(struct reconcile *rc, struct resource *r, const struct report_row *row,
                  int64_t at)
{
    const struct parts p = rc_parts(r);
    const char *author = report_text(row, REPORT_AUDIT_AUTHOR);
    const char *action = report_text(row, REPORT_AUDIT_ACTION);
    const char *we = rc->self.username[0] ? rc->self.username : rc->audit.author;

    if (*we && strcmp(we, author) != 0)
        return false;
    if (strstr(action, "-token-create"))
        return minted_near(rc, r, at);
    if (strstr(action, "-unprotect"))
        return unprotected_by_us(r);
    return *p.deleted_ms || strcmp(p.own->state, "owned") != 0;
}

/* Only we make what the ledger says we made just then: so its author is whom our token belongs to.
 */
static void learn_author(struct reconcile *rc, struct resource *r, const struct report_row *row,
                         int64_t at)
{
    const struct parts p = rc_parts(r);
    const char *action = report_text(row, REPORT_AUDIT_ACTION);

    if ((strcmp(action, "db-create") == 0 || strcmp(action, "group-create") == 0) && *p.has_own &&
        p.own->origin && strcmp(p.own->origin, "created") == 0 && near(p.own->since, at))
        snprintf(rc->audit.author, sizeof(rc->audit.author), "%s",
                 report_text(row, REPORT_AUDIT_AUTHOR));
}

static const struct {
    const char *action; /* its end */
    const char *what;
    int level;
    const char *text;
} OUTSIDE[] = {
    {"-delete", "DeletedOutside", 3, "deleted it"},
    {"-unprotect", "UnprotectedOutside", 4, "took its delete protection off"},
    {"-token-create", "MintedOutside", 4,
     "minted a token that we do not hold; only rotating the keys ends it"},
};

static bool ends(const char *text, const char *with)
{
    size_t n = strlen(text);
    size_t m = strlen(with);

    return n >= m && strcmp(text + n - m, with) == 0;
}

static void look_at(struct reconcile *rc, struct effects *fx, const struct report_row *row)
{
    const char *action = report_text(row, REPORT_AUDIT_ACTION);
    struct resource *r = subject(rc, row);
    int64_t at = at_of(rc, row);
    struct parts p;

    if (!r)
        return;
    learn_author(rc, r, row, at);
    p = rc_parts(r);
    if (!*p.has_own || at + NEAR_MS < p.own->since)
        return; /* not ours, or not yet then */
    for (size_t i = 0; i < ARRAY_SIZE(OUTSIDE); i++) {
        if (!ends(action, OUTSIDE[i].action) || by_us(rc, r, row, at))
            continue;
        rc_event(rc, fx, r, OUTSIDE[i].what, OUTSIDE[i].level, NULL, "%s at %s: %s",
                 row->cell[REPORT_AUDIT_AUTHOR] ? row->cell[REPORT_AUDIT_AUTHOR] : "somebody",
                 report_text(row, REPORT_AUDIT_AT), OUTSIDE[i].text);
    }
}

/* --- Rounds -------------------------------------------------------------------------------- */

/* Leave what is new in the answer, and remember it. False: no memory. */
static bool keep_new(struct reconcile *rc, struct answer *page, int64_t *newest_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < page->n_rows; i++) {
        struct report_row *row = &page->rows[i];
        int64_t at = at_of(rc, row);

        if (at > *newest_ms)
            *newest_ms = at;
        if (!is_new(rc, row))
            continue;
        if (!remember(&rc->audit, hash_of(row), at))
            return false;
        page->rows[kept++] = *row;
    }
    page->n_rows = kept;
    return true;
}

/* The oldest first: events of ours, then the page goes to the shell. */
static void finish(struct reconcile *rc, struct effects *fx)
{
    struct audit *a = &rc->audit;
    bool is_first = a->floor_ms == 0;
    int64_t newest_ms = 0;

    for (unsigned i = 0; i < a->n_pages; i++)
        if (!keep_new(rc, a->pages[i], &newest_ms))
            fx->failed = true;
    for (unsigned i = a->n_pages; !is_first && i-- > 0;) {
        struct answer *page = a->pages[i];

        for (size_t k = page->n_rows; k-- > 0;)
            look_at(rc, fx, &page->rows[k]);
        a->pages[i] = NULL;
        effects_answer(fx, page);
    }
    raise_floor(rc, fx, newest_ms ? newest_ms : rc->wall_ms);
    drop_pages(a);
}

static void refused(struct reconcile *rc, struct effects *fx, const struct answer *page)
{
    struct audit *a = &rc->audit;

    if (!OUTCOME_INFO[page->outcome].retry && page->outcome != OUTCOME_UNAUTHORIZED &&
        page->outcome != OUTCOME_CANCELED) {
        a->next_ms = rc->now_ms + REFUSED_MS;
        if (!a->refused_said)
            rc_event(rc, fx, NULL, "AuditRefused", 6, page,
                     "the audit log cannot be followed (%s%s%s); asked again in a day",
                     OUTCOME_INFO[page->outcome].text, *page->error ? ": " : "", page->error);
        a->refused_said = true;
    }
    drop_pages(a);
}

/* It reaches what is known: so is all behind it. Of the first round the first page is enough: what
 * was before us is nobody's news. */
static bool is_known(const struct reconcile *rc, const struct answer *page)
{
    bool any_new = false;

    for (size_t i = 0; i < page->n_rows; i++) {
        if (at_of(rc, &page->rows[i]) <= rc->audit.floor_ms)
            return true;
        any_new = any_new || is_new(rc, &page->rows[i]);
    }
    return !any_new || rc->audit.floor_ms == 0;
}

static bool is_last(struct reconcile *rc, struct effects *fx, const struct answer *page)
{
    const struct audit *a = &rc->audit;

    if (is_known(rc, page) || (page->total_pages && (int64_t)a->n_pages >= page->total_pages))
        return true;
    if (a->n_pages < AUDIT_PAGES)
        return false;
    rc_event(rc, fx, NULL, "AuditGap", 4, page,
             "the audit log has grown by more than %d pages since it was last read; what is older "
             "was not looked at",
             AUDIT_PAGES);
    return true;
}

void audit_absorb(struct reconcile *rc, struct effects *fx, struct answer *page)
{
    struct audit *a = &rc->audit;

    if (page->outcome != OUTCOME_OK) {
        refused(rc, fx, page);
        answer_free(page);
        return;
    }
    a->refused_said = false;
    a->pages[a->n_pages++] = page;
    if (is_last(rc, fx, page))
        finish(rc, fx);
    else
        rc_ask(rc, fx, ASK_AUDIT, CALL_REPORT_AUDIT, a->n_pages + 1);
}
