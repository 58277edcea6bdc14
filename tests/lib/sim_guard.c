/* sim_guard: how much goes: the guard, reckoned once more from what was sent.
 * In:    what is about to go. Out: a broken rule when it is too much. Never: what the reconciler
 * counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "tests/lib/sim.h"

bool sim_is_approved(const struct sim *s, const char *kind, const char *name)
{
    char key[320];
    const struct approval *a;

    snprintf(key, sizeof(key), "delete/%s/%s", kind, name);
    a = sim_row(&s->ledger, LEDGER_APPROVAL, key);
    return a && a->approved && a->begun;
}

/* The lesser of both limits, rounded down, but at least one. */
static size_t allowed(const struct sim *s, size_t owned, size_t gone)
{
    const struct config_policy *p = &s->config->policy;
    size_t most = SIZE_MAX;

    if (p->guard.max_delete_percent != CONFIG_NO_LIMIT)
        most = (owned + gone) * (size_t)p->guard.max_delete_percent / 100;
    if (p->guard.max_deletes != CONFIG_NO_LIMIT && (size_t)p->guard.max_deletes < most)
        most = (size_t)p->guard.max_deletes;
    return most ? most : 1;
}

/* The first row of an API token stands for all its generations. */
static bool is_first(const struct sim *s, size_t at)
{
    const struct issued *row = s->ledger.rows[at].row;

    for (size_t i = 0; i < at; i++)
        if (s->ledger.rows[i].table == LEDGER_ISSUED &&
            text_is(((const struct issued *)s->ledger.rows[i].row)->name, row->name))
            return false;
    return true;
}

static size_t count_owned(const struct sim *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->ledger.n; i++) {
        if (s->ledger.rows[i].table == LEDGER_OWNED)
            n += text_is(((const struct owned *)s->ledger.rows[i].row)->state, "owned");
        else if (s->ledger.rows[i].table == LEDGER_ISSUED)
            n += is_first(s, i);
        else
            n += s->ledger.rows[i].table == LEDGER_MEMBERSHIP;
    }
    return n;
}

bool sim_owns_id(const struct sim *s, const char *id)
{
    for (size_t k = 0; k < s->ledger.n; k++)
        if (s->ledger.rows[k].table == LEDGER_OWNED &&
            text_is(((const struct owned *)s->ledger.rows[k].row)->id, id) &&
            text_is(((const struct owned *)s->ledger.rows[k].row)->state, "owned"))
            return true;
    for (size_t k = 0; k < s->ledger.n; k++)
        if (s->ledger.rows[k].table == LEDGER_ISSUED &&
            text_is(((const struct issued *)s->ledger.rows[k].row)->name, id))
            return true; /* an API token counts by its name, a member by the e-mail */
    return sim_row(&s->ledger, LEDGER_MEMBERSHIP, id) != NULL;
}

static void note_removal(struct sim *s, const char *id)
{
    assert_true(s->n_removals < ARRAY_SIZE(s->removals));
    snprintf(s->removals[s->n_removals].id, sizeof(s->removals[0].id), "%s", id);
    s->removals[s->n_removals++].wall_ms = s->wall_ms;
}

void sim_check_guard(struct sim *s, const char *kind, const char *name, const char *id)
{
    size_t done = 0;
    size_t gone = 0;

    for (size_t i = 0; i < s->n_removals; i++) {
        if (s->wall_ms - s->removals[i].wall_ms >= s->config->policy.guard.window_ms)
            continue;
        if (strcmp(s->removals[i].id, id) == 0) {
            s->removals[i].wall_ms = s->wall_ms; /* a second try of one that counts already */
            return;
        }
        done++;
        gone += !sim_owns_id(s, s->removals[i].id);
    }
    note_removal(s, id);
    if (!sim_is_approved(s, kind, name) && done + 1 > allowed(s, count_owned(s), gone))
        sim_break(s, "%s %s goes unapproved, the %zu. in the window of %zu that are ours", kind,
                  name, done + 1, count_owned(s) + gone);
}
