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

#define SKEW_MS (5 * 60 * 1000)

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

    if (!p->guard.max_delete_percent || !p->guard.max_deletes)
        return 0;
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

int64_t sim_true_ms(const struct sim *s)
{
    return s->wall_ms - s->ahead_ms;
}

/* A clock that is not quite right is not seen to be wrong, and may be put right between: so far the
 * window may be less, or more. */
static int64_t slack_ms(const struct sim *s)
{
    return s->jumped_ms ? 2 * SKEW_MS : 0;
}

static int64_t window_ms(const struct sim *s)
{
    return s->config->policy.guard.window_ms - slack_ms(s);
}

/* In the window, which nothing leaves while the clock is known to be wrong. */
static bool has_deed(const struct sim *s, const char *what, const char *id)
{
    bool is_off = s->ahead_ms > SKEW_MS || s->ahead_ms < -SKEW_MS;

    for (size_t i = 0; i < s->n_deeds; i++)
        if (strcmp(s->deeds[i].what, what) == 0 && strcmp(s->deeds[i].id, id) == 0 &&
            (is_off || sim_true_ms(s) - s->deeds[i].true_ms <
                           s->config->policy.guard.window_ms + slack_ms(s)))
            return true;
    return false;
}

/* True: it was among those of the window: this is another try of it. What may count is kept beside
 * what does, and makes that no younger. */
static bool note_deed(struct sim *s, const char *what, const char *id, bool may_count)
{
    bool had = has_deed(s, what, id);
    struct sim_deed *d = s->deeds;

    while (d < s->deeds + s->n_deeds &&
           (strcmp(d->what, what) != 0 || strcmp(d->id, id) != 0 || d->may_count != may_count))
        d++;
    if (d == s->deeds + s->n_deeds) {
        assert_true(s->n_deeds < ARRAY_SIZE(s->deeds));
        *d = (struct sim_deed){.what = what, .may_count = may_count};
        snprintf(d->id, sizeof(d->id), "%s", id);
        s->n_deeds++;
    }
    d->true_ms = sim_true_ms(s);
    return had;
}

/* In the window. gone: of those, what is not ours any more. */
static size_t count_deeds(const struct sim *s, const char *what, size_t *gone)
{
    size_t done = 0;

    *gone = 0;
    for (size_t i = 0; i < s->n_deeds; i++) {
        const struct sim_deed *d = &s->deeds[i];

        if (strcmp(d->what, what) != 0 || d->may_count ||
            sim_true_ms(s) - d->true_ms >= window_ms(s))
            continue;
        done++;
        *gone += !sim_owns_id(s, d->id);
    }
    return done;
}

void sim_check_guard(struct sim *s, const char *kind, const char *name, const char *id)
{
    size_t owned = count_owned(s);
    size_t gone;
    size_t done = count_deeds(s, "removal", &gone);

    if (!note_deed(s, "removal", id, false) && !sim_is_approved(s, kind, name) &&
        done + 1 > allowed(s, owned, gone))
        sim_break(s, "%s %s goes unapproved, the %zu. in the window of %zu that are ours", kind,
                  name, done + 1, owned + gone);
}

/* --- updates, creates --- */

static void check_update(struct sim *s, const char *name)
{
    int64_t percent = s->config->policy.guard.max_update_percent;
    size_t most = count_owned(s) * (size_t)percent / 100;
    size_t gone;
    size_t done = count_deeds(s, "update", &gone);

    if (!note_deed(s, "update", name, false) && percent != CONFIG_NO_LIMIT &&
        !is_approved(s, "update", "database", name) && done + 1 > (most ? most : 1))
        sim_break(s, "%s is changed unapproved, the %zu. in the window of %zu that are ours", name,
                  done + 1, count_owned(s));
}

static bool is_dead(const struct sim *s, const char *hash)
{
    for (size_t i = 0; i < s->platform.n_tokens; i++)
        if (strcmp(s->platform.tokens[i].hash, hash) == 0)
            return s->platform.tokens[i].dead;
    return false;
}

/* Gone, or something else stands in its place. */
static bool is_lost(struct sim *s, const struct held_token *t)
{
    const struct sim_file *f = t->file ? sim_find_file(s, t->file) : NULL;

    return !f || f->is_odd || strcmp(f->hash, t->hash) != 0;
}

/* Minted anew, in place of one that is there: for other parameters than before it is an update of
 * its database; where its file is lost, or the token dead, it may be. */
static void check_remint(struct sim *s, const struct held_token *t, const struct owned *own)
{
    bool is_changed = t->params && t->asked && strcmp(t->params, t->asked) != 0;

    if (!text_is(t->state, "minting") || !t->hash || !text_is(t->target_id, own->id))
        return;
    if (is_changed)
        check_update(s, own->name);
    else if (is_dead(s, t->hash) || is_lost(s, t))
        note_deed(s, "update", own->name, true);
}

/* Of those under way, or whose end nobody knows, it is this one's. */
static bool is_asked(const struct held_token *t, const struct call *c)
{
    char asked[600];

    snprintf(asked, sizeof(asked), "%s %s%s%s",
             c->authorization == AUTH_READ_ONLY ? "read-only" : "full-access", c->expiration,
             c->permissions ? " " : "", c->permissions ? c->permissions : "");
    return text_is(t->asked, asked);
}

static void check_remints(struct sim *s, const struct call *c, const struct owned *own)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct held_token *t = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_TOKEN && text_is(t->kind, "token") &&
            text_is(t->target, own->name) && is_asked(t, c))
            check_remint(s, t, own);
    }
}

static void check_create(struct sim *s, const char *name)
{
    int64_t most = s->config->policy.guard.max_creates;
    size_t gone;
    size_t done = count_deeds(s, "create", &gone);

    if (most != CONFIG_NO_LIMIT && !note_deed(s, "create", name, false) &&
        done + 1 > (size_t)most && !is_approved(s, "create", "database", name))
        sim_break(s, "%s is made unapproved, the %zu. in the window", name, done + 1);
}

void sim_check_change(struct sim *s, const struct call *c, const struct owned *own)
{
    if (own && c->kind == CALL_DATABASE_CREATE)
        check_create(s, c->name);
    else if (own && c->kind == CALL_DATABASE_TOKEN)
        check_remints(s, c, own);
    else if (own && c->kind == CALL_DATABASE_CONFIGURE && !own->fence &&
             (own->config_read || !text_is(own->origin, "created")))
        check_update(s, c->name);
}

void sim_note_unsent(struct sim *s, const struct call *c)
{
    if (c->kind == CALL_DATABASE_CONFIGURE || c->kind == CALL_DATABASE_TOKEN)
        note_deed(s, "update", c->name, true);
    else if (c->kind == CALL_DATABASE_CREATE)
        note_deed(s, "create", c->name, true);
}
