/* contend: a field that somebody sets back again and again is left alone.
 *
 *   set back by us ─▶ rows that say when ─▶ too many in an hour, and it differs again ─▶ contended
 *
 * The hour is the last one, also over a restart. What is contended stays so until its entry is
 * edited, which ends what was counted, too, or until the daemon starts anew in a better hour. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"

#define FLIPS_MAX 3
#define FLIPS_MS  ((int64_t)60 * 60 * 1000)
/* Nothing says what a group's flag was set for, so that the first time counts as well. */
#define FLIPS_OF_GROUP (FLIPS_MAX + 1)

/* Rows of `count`: "flip:FIELD:N", for the latest of them. */
#define PREFIX "flip:"

static void row_name(const char *field, unsigned n, char *out, size_t size)
{
    snprintf(out, size, PREFIX "%s:%u", field, n);
}

bool rc_is_flip(const struct count *c)
{
    return strncmp(c->what, PREFIX, strlen(PREFIX)) == 0;
}

bool rc_flip_is_over(const struct reconcile *rc, const struct count *c)
{
    const struct resource *r;

    if (rc->wall_ms - c->at >= FLIPS_MS)
        return true;
    r = rc->is_bound_anew ? fleet_find(&rc->fleet, c->kind, c->name) : NULL;
    return r && r->edited;
}

void rc_flip_load(struct reconcile *rc, const struct count *c)
{
    struct resource *r = rc_is_flip(c) ? fleet_find(&rc->fleet, c->kind, c->name) : NULL;

    if (r)
        r->flipped = true;
}

static unsigned flips_max(const struct resource *r)
{
    return r->kind == KIND_GROUP ? FLIPS_OF_GROUP : FLIPS_MAX;
}

/* In place of the oldest. */
void rc_flip(struct reconcile *rc, struct effects *fx, struct resource *r, const char *field)
{
    int64_t oldest = INT64_MAX;
    char what[64];
    unsigned at = 0;

    for (unsigned i = 0; i < flips_max(r); i++) {
        int64_t counted;

        row_name(field, i, what, sizeof(what));
        counted = rc_counted_at(rc, what, r);
        if (counted < oldest) {
            oldest = counted;
            at = i;
        }
    }
    row_name(field, at, what, sizeof(what));
    rc_count(rc, fx, what, r);
    r->flipped = true;
}

/* That often within the last hour. */
static bool is_contended(const struct reconcile *rc, const struct resource *r, const char *field)
{
    for (unsigned i = 0; i < flips_max(r); i++) {
        char what[64];
        int64_t at;

        row_name(field, i, what, sizeof(what));
        at = rc_counted_at(rc, what, r);
        if (!at || rc->wall_ms - at >= FLIPS_MS)
            return false;
    }
    return true;
}

/* A row is left, of some field that its entry names: of others there is none to be set. */
static bool has_flips(const struct reconcile *rc, const struct database *d)
{
    for (int f = 0; f < CONFIG_N; f++)
        for (unsigned i = 0; d->want->config.value[f] && i < FLIPS_MAX; i++) {
            char what[64];

            row_name(CONFIG_FIELD[f].key, i, what, sizeof(what));
            if (rc_is_counted(rc, what, &d->r))
                return true;
        }
    return false;
}

static void say(struct reconcile *rc, struct effects *fx, struct resource *r, const char *field)
{
    rc_event(rc, fx, r, "Contended", 4, NULL,
             "%s is set back by somebody again and again; it is left alone", field);
}

void rc_contend_database(struct reconcile *rc, struct effects *fx, struct database *d)
{
    unsigned drift;

    if (!d->r.flipped)
        return;
    database_differs(d, &drift);
    for (int f = 0; f < CONFIG_N; f++) {
        if (!(drift & ~d->contended_fields & 1u << f) ||
            !is_contended(rc, &d->r, CONFIG_FIELD[f].key))
            continue;
        d->contended_fields |= 1u << f;
        say(rc, fx, &d->r, CONFIG_FIELD[f].key);
    }
    d->r.flipped = !d->want || has_flips(rc, d);
}

void rc_contend_group(struct reconcile *rc, struct effects *fx, struct group *g)
{
    if (!g->r.flipped || g->contended || !group_differs(g) ||
        !is_contended(rc, &g->r, CONFIG_FIELD[CONFIG_DELETE_PROTECTION].key))
        return;
    g->contended = true;
    say(rc, fx, &g->r, CONFIG_FIELD[CONFIG_DELETE_PROTECTION].key);
}

void rc_contend_member(struct reconcile *rc, struct effects *fx, struct member *m)
{
    if (!m->r.flipped || m->is_contended || !m->want || !m->is_member ||
        strcmp(m->role, MEMBER_ROLE_NAME[m->want->role]) == 0 ||
        !is_contended(rc, &m->r, ROLE_FIELD))
        return;
    m->is_contended = true;
    say(rc, fx, &m->r, ROLE_FIELD);
}
