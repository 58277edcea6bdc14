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

static bool is_approved(const struct sim *s, const char *action, const char *kind, const char *name)
{
    char key[320];
    const struct approval *a;

    snprintf(key, sizeof(key), "%s/%s/%s", action, kind, name);
    a = sim_row(&s->ledger, LEDGER_APPROVAL, key);
    return a && a->approved && a->begun;
}

bool sim_is_approved(const struct sim *s, const char *kind, const char *name)
{
    return is_approved(s, "delete", kind, name);
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

/* In the window, and whether this one is among them: then it is another try of it. gone: of those,
 * what is not ours any more. */
static bool has_counted(struct sim *s, const char *what, const char *id, size_t *done, size_t *gone)
{
    *done = *gone = 0;
    for (size_t i = 0; i < s->n_deeds; i++) {
        struct sim_deed *d = &s->deeds[i];

        if (strcmp(d->what, what) != 0 ||
            s->wall_ms - d->wall_ms >= s->config->policy.guard.window_ms)
            continue;
        if (strcmp(d->id, id) == 0) {
            d->wall_ms = s->wall_ms;
            return true;
        }
        ++*done;
        *gone += !sim_owns_id(s, d->id);
    }
    assert_true(s->n_deeds < ARRAY_SIZE(s->deeds));
    snprintf(s->deeds[s->n_deeds].id, sizeof(s->deeds[0].id), "%s", id);
    s->deeds[s->n_deeds].what = what;
    s->deeds[s->n_deeds++].wall_ms = s->wall_ms;
    return false;
}

void sim_check_guard(struct sim *s, const char *kind, const char *name, const char *id)
{
    size_t done;
    size_t gone;

    if (has_counted(s, "removal", id, &done, &gone) || sim_is_approved(s, kind, name))
        return;
    if (done + 1 > allowed(s, count_owned(s), gone))
        sim_break(s, "%s %s goes unapproved, the %zu. in the window of %zu that are ours", kind,
                  name, done + 1, count_owned(s) + gone);
}

/* --- updates, creates --- */

static void check_update(struct sim *s, const char *name)
{
    int64_t percent = s->config->policy.guard.max_update_percent;
    size_t most = count_owned(s) * (size_t)percent / 100;
    size_t done;
    size_t gone;

    if (has_counted(s, "update", name, &done, &gone) || percent == CONFIG_NO_LIMIT ||
        is_approved(s, "update", "database", name))
        return;
    if (done + 1 > (most ? most : 1))
        sim_break(s, "%s is changed unapproved, the %zu. in the window of %zu that are ours", name,
                  done + 1, count_owned(s));
}

/* Minted for other parameters than before, in place of one that is there; what is minted for a file
 * that was lost looks like a renewal. */
static bool is_changed(const struct held_token *t, const struct owned *own)
{
    return text_is(t->state, "minting") && t->hash && t->params && t->asked &&
           strcmp(t->params, t->asked) != 0 && text_is(t->target_id, own->id);
}

static bool changes_token(const struct sim *s, const struct owned *own)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct held_token *t = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_TOKEN && text_is(t->kind, "token") &&
            text_is(t->target, own->name) && is_changed(t, own))
            return true;
    }
    return false;
}

void sim_check_change(struct sim *s, const struct call *c, const struct owned *own)
{
    int64_t most = s->config->policy.guard.max_creates;
    size_t done;
    size_t gone;

    if (!own)
        return;
    if (c->kind == CALL_DATABASE_CONFIGURE && !own->fence &&
        (own->config_read || !text_is(own->origin, "created")))
        check_update(s, c->name);
    if (c->kind == CALL_DATABASE_TOKEN && changes_token(s, own))
        check_update(s, c->name);
    if (c->kind != CALL_DATABASE_CREATE || most == CONFIG_NO_LIMIT ||
        has_counted(s, "create", c->name, &done, &gone))
        return;
    if (done + 1 > (size_t)most && !is_approved(s, "create", "database", c->name))
        sim_break(s, "%s is made unapproved, the %zu. in the window", c->name, done + 1);
}
