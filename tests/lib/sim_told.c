/* sim_told: what the reconciler was told, remembered by a witness of its own, so that rules are not
 * checked against what the reconciler believes.
 * In:    calls as they go out, answers as they are told. Out: what is known of a name; whether the
 * last observation was complete.
 * Never: looks at the truth, or into the reconciler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/request.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "tests/lib/sim.h"

#define SET(to, from) set((to), sizeof(to), (from))

static void set(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);

    assert_true(n < size);
    memcpy(to, from, n + 1);
}

void sim_told_clear(struct sim_told *t)
{
    t->n_known = t->n_listed = 0;
    t->look = SIM_LOOK_NONE;
    t->complete = t->refused = false;
    t->no_deletes_ms = 0;
}

void sim_told_deinit(struct sim_told *t)
{
    mem_free(t->listed);
    t->listed = NULL;
    t->listed_capacity = 0;
}

const struct sim_known *sim_known(const struct sim *s, bool is_group, const char *name)
{
    for (size_t i = 0; i < s->told.n_known; i++)
        if (s->told.known[i].is_group == is_group && strcmp(s->told.known[i].name, name) == 0)
            return &s->told.known[i];
    return NULL;
}

static struct sim_known *known(struct sim *s, bool is_group, const char *name)
{
    struct sim_known *k = (struct sim_known *)(uintptr_t)sim_known(s, is_group, name);

    if (k)
        return k;
    assert_true(s->told.n_known < SIM_KNOWN_MAX);
    k = &s->told.known[s->told.n_known++];
    *k = (struct sim_known){.is_group = is_group};
    SET(k->name, name);
    return k;
}

static bool is_of_group(enum call_kind kind)
{
    return kind <= CALL_LOCATION_REMOVE || kind == CALL_GROUP_RESTORE;
}

static bool is_write(const struct call *c)
{
    return !request_is_of_host(c->kind) && strcmp(CALL_INFO[c->kind].method, "GET") != 0;
}

static bool is_restore(const struct call *c)
{
    return c->kind == CALL_DATABASE_RESTORE || c->kind == CALL_GROUP_RESTORE;
}

/* --- the lists --- */

static void list(struct sim_told *t, bool is_group, const char *name, const char *id,
                 const char *group)
{
    assert_true(mem_grow(&t->listed, &t->listed_capacity, t->n_listed + 1, sizeof(*t->listed)));
    t->listed[t->n_listed] = (struct sim_listed){.is_group = is_group};
    SET(t->listed[t->n_listed].name, name);
    SET(t->listed[t->n_listed].id, id);
    SET(t->listed[t->n_listed].group, group ? group : "");
    t->n_listed++;
}

static const struct sim_listed *listed(const struct sim_told *t, bool is_group, const char *name)
{
    for (size_t i = 0; i < t->n_listed; i++)
        if (t->listed[i].is_group == is_group && strcmp(t->listed[i].name, name) == 0)
            return &t->listed[i];
    return NULL;
}

/* No name, no id twice; no database in a group that is not there. */
static bool is_consistent(const struct sim *s)
{
    const struct sim_told *t = &s->told;

    for (size_t i = 0; i < t->n_listed; i++) {
        const struct sim_listed *l = &t->listed[i];
        const struct sim_known *g = *l->group ? sim_known(s, true, l->group) : NULL;

        for (size_t k = 0; k < i; k++)
            if (t->listed[k].is_group == l->is_group &&
                (strcmp(t->listed[k].name, l->name) == 0 || strcmp(t->listed[k].id, l->id) == 0))
                return false;
        if (*l->group && !listed(t, true, l->group) && !(g && g->live && g->read_ms >= t->asked_ms))
            return false;
    }
    return true;
}

static void take_lists(struct sim *s)
{
    struct sim_told *t = &s->told;

    t->look = SIM_LOOK_NONE;
    t->complete = is_consistent(s);
    if (!t->complete)
        return;
    for (size_t i = 0; i < t->n_listed; i++) {
        struct sim_known *k = known(s, t->listed[i].is_group, t->listed[i].name);

        k->hidden = false;
        if (k->told_ms >= t->asked_ms && k->told_ms)
            continue;
        k->live = true;
        SET(k->id, t->listed[i].id);
        k->told_ms = k->list_ms = s->now_ms;
    }
    for (size_t i = 0; i < t->n_known; i++) {
        struct sim_known *k = &t->known[i];
        /* At the moment of asking: an older list is older, a read by name is not. */
        bool older =
            k->told_ms < t->asked_ms ||
            (k->told_ms == t->asked_ms && k->list_ms == k->told_ms && k->read_ms < k->told_ms);

        if (!k->live || !older || listed(t, k->is_group, k->name))
            continue;
        k->hidden_ms = k->hidden ? k->hidden_ms : s->wall_ms;
        k->hidden = true;
    }
}

static void failed(struct sim_told *t)
{
    t->look = SIM_LOOK_NONE;
    t->complete = false;
}

static void told_list(struct sim *s, const struct call *c, const struct answer *a, int64_t sent_ms)
{
    struct sim_told *t = &s->told;

    if (a->outcome != OUTCOME_OK || (c->cursor && text_is(a->next_cursor, c->cursor))) {
        failed(t);
    } else if (c->kind == CALL_ORGANIZATION_GET) {
        t->n_listed = 0;
        t->asked_ms = sent_ms;
        t->look = text_is(a->organization_slug, "acme") ? SIM_LOOK_ORGANIZATION : SIM_LOOK_NONE;
        t->complete = t->complete && t->look;
        t->refused = t->refused && !t->look;
    } else if (c->kind == CALL_GROUPS_LIST && t->look == SIM_LOOK_ORGANIZATION) {
        t->look = SIM_LOOK_GROUPS;
        for (size_t i = 0; i < a->n_groups; i++)
            list(t, true, a->groups[i].name, a->groups[i].id, NULL);
    } else if (c->kind == CALL_DATABASES_LIST && t->look == SIM_LOOK_GROUPS) {
        for (size_t i = 0; i < a->n_databases; i++)
            list(t, false, a->databases[i].name, a->databases[i].id, a->databases[i].group);
        if (!a->next_cursor)
            take_lists(s);
    }
}

/* --- fences --- */

static struct sim_fence *fence(struct sim_told *t, const char *id)
{
    for (size_t i = 0; i < t->n_fences; i++)
        if (strcmp(t->fences[i].id, id) == 0)
            return &t->fences[i];
    return NULL;
}

int64_t sim_fenced_for(const struct sim *s, const char *id)
{
    const struct sim_fence *f = fence((struct sim_told *)(uintptr_t)&s->told, id);

    return f && f->since_ms ? s->now_ms - f->since_ms - f->paused_ms : -1;
}

void sim_told_pass(struct sim *s, int64_t ms)
{
    for (size_t i = 0; i < s->told.n_fences; i++) {
        struct sim_fence *f = &s->told.fences[i];

        if (f->since_ms && sim_is_paused(s, "database", f->name))
            f->paused_ms += ms;
    }
}

/* One that is down has no grace that somebody could have ended. */
static void tell_fence(struct sim *s, const struct sim_known *k, bool stands)
{
    struct sim_fence *f = fence(&s->told, k->id);

    if (!f) {
        assert_true(s->told.n_fences < PLATFORM_MAX);
        f = &s->told.fences[s->told.n_fences++];
        *f = (struct sim_fence){0};
        SET(f->id, k->id);
        SET(f->name, k->name);
    }
    if (!stands)
        sim_word_take(s, "purge", "database", k->name);
    f->paused_ms = stands ? f->paused_ms : 0;
    f->since_ms = !stands ? 0 : f->since_ms ? f->since_ms : s->now_ms;
}

static bool blocks_both(const char *const *config)
{
    return text_is(config[CONFIG_BLOCK_READS], "true") &&
           text_is(config[CONFIG_BLOCK_WRITES], "true");
}

/* --- by name --- */

static bool is_ours(const struct sim *s, bool is_group, const char *name, const char *id)
{
    const struct owned *own = sim_owned(&s->ledger, is_group ? "group" : "database", name);

    return own && text_is(own->state, "owned") && text_is(own->id, id);
}

static void told_read(struct sim *s, const struct call *c, const struct answer *a, int64_t sent_ms)
{
    struct sim_known *k = known(s, is_of_group(c->kind), c->name);
    const char *id = a->n_groups ? a->groups[0].id : a->n_databases ? a->databases[0].id : "";

    if (sent_ms < k->written_ms || (a->outcome != OUTCOME_OK && sent_ms < k->restored_ms))
        return;
    if (k->hidden && a->outcome == OUTCOME_OK && strcmp(id, k->id) == 0 &&
        is_ours(s, k->is_group, c->name, id))
        s->told.complete = false; /* the list has lied */
    k->hidden = k->deleted = false;
    k->live = a->outcome == OUTCOME_OK;
    SET(k->id, id);
    k->told_ms = k->read_ms = s->now_ms;
    k->read_at_ms = sent_ms;
    if (!a->n_databases)
        return;
    k->is_fenced = a->databases[0].block_reads == 1 && a->databases[0].block_writes == 1;
    k->is_protected = a->databases[0].delete_protection == 1;
    tell_fence(s, k, k->is_fenced);
}

/* There it was when the list was told already: whichever of the two is told first, it has lied. */
static void told_changed(struct sim *s, struct sim_known *k)
{
    k->told_ms = s->now_ms;
    if (k->hidden && is_ours(s, k->is_group, k->name, k->id))
        k->hidden = s->told.complete = false;
}

static void told_written(struct sim *s, const struct call *c, const struct answer *a)
{
    struct sim_known *k = known(s, is_of_group(c->kind), c->name);
    bool created = c->kind == CALL_DATABASE_CREATE || c->kind == CALL_GROUP_CREATE;
    bool deleted = c->kind == CALL_DATABASE_DELETE || c->kind == CALL_GROUP_DELETE;

    if (is_restore(c)) {
        k->restored_ms = a->outcome == OUTCOME_OK ? s->now_ms : k->restored_ms;
        return;
    }
    k->written_ms = s->now_ms;
    k->deleted = k->deleted || (deleted && a->outcome == OUTCOME_NOT_FOUND);
    if (a->outcome != OUTCOME_OK)
        return;
    if (c->kind == CALL_DATABASE_CONFIGURE || c->kind == CALL_GROUP_CONFIGURE)
        told_changed(s, k);
    if (c->kind == CALL_DATABASE_CONFIGURE && k->live && a->config.value[CONFIG_BLOCK_READS])
        tell_fence(s, k, blocks_both(a->config.value));
    k->deleted = k->deleted || deleted;
    if (created) {
        k->live = true;
        k->hidden = k->deleted = false;
        SET(k->id, a->n_groups ? a->groups[0].id : a->databases[0].id);
        k->told_ms = s->now_ms;
    }
}

/* --- drafts: what was heard of them outlives the reconciler that heard it --- */

static void upload_sent(struct sim *s, const struct call *c)
{
    struct platform_db *d = platform_db(&s->platform, c->name);

    known(s, false, c->name)->none_ms = 0;
    if (!d)
        return;
    d->was_lost = d->was_lost || d->is_sent_to;
    d->is_sent_to = true;
}

static void upload_answered(struct sim *s, const struct call *c, const struct answer *a)
{
    struct platform_db *d = platform_db(&s->platform, c->name);
    bool lost = a->outcome == OUTCOME_UNKNOWN || a->outcome == OUTCOME_MALFORMED ||
                a->outcome == OUTCOME_UNAVAILABLE || a->outcome == OUTCOME_CANCELED;

    if (!d)
        return;
    d->was_lost = d->was_lost || lost;
    d->is_sent_to = false;
}

static void create_answered(struct sim *s, const struct call *c, const struct answer *a)
{
    struct platform_db *d = platform_db(&s->platform, c->name);

    if (d && a->n_databases && strcmp(d->id, a->databases[0].id) == 0)
        d->is_told = true;
}

void sim_told_sent(struct sim *s, const struct call *c)
{
    bool mints = c->kind == CALL_DATABASE_TOKEN || c->kind == CALL_GROUP_TOKEN;

    struct sim_known *k;

    if (c->kind == CALL_DATABASE_UPLOAD)
        upload_sent(s, c);
    if (!c->name || !is_write(c) || mints)
        return;
    k = known(s, is_of_group(c->kind), c->name);
    if (is_restore(c))
        k->restored_ms = s->now_ms;
    else
        k->written_ms = s->now_ms;
    if (c->kind == CALL_DATABASE_CONFIGURE && blocks_both((const char *const *)c->config))
        tell_fence(s, k, false); /* it has yet to go up */
}

static void told_refused(struct sim *s, const struct call *c, const struct answer *a)
{
    bool apart = call_is_by_delete_token(c->kind) && config_has_delete_token(s->config);

    if (apart && a->outcome == OUTCOME_OK)
        s->told.no_deletes_ms = 0;
    if (apart && a->outcome == OUTCOME_UNAUTHORIZED)
        s->told.no_deletes_ms = s->now_ms;
    else if (a->outcome == OUTCOME_UNAUTHORIZED ||
             (a->outcome == OUTCOME_FORBIDDEN && c->kind == CALL_ORGANIZATION_GET))
        s->told.refused = true;
}

void sim_told_answer(struct sim *s, const struct call *c, const struct answer *a, int64_t sent_ms)
{
    bool is_look = c->kind == CALL_ORGANIZATION_GET || c->kind == CALL_GROUPS_LIST ||
                   c->kind == CALL_DATABASES_LIST;
    bool mints = c->kind == CALL_DATABASE_TOKEN || c->kind == CALL_GROUP_TOKEN;

    if (c->kind == CALL_DATABASE_UPLOAD)
        upload_answered(s, c, a);
    if (c->kind == CALL_DATABASE_CREATE)
        create_answered(s, c, a);
    if (c->kind == CALL_DATABASE_ASK) {
        struct sim_known *k = known(s, false, c->name);

        k->none_ms = a->outcome == OUTCOME_NOT_FOUND ? s->now_ms : 0;
        k->none_at_ms = sent_ms;
    }
    if (request_is_of_host(c->kind) || c->kind == CALL_SEED_LOOK)
        return; /* what its own host says is not about the API token */
    told_refused(s, c, a);
    if (is_look)
        told_list(s, c, a, sent_ms);
    else if ((c->kind == CALL_DATABASE_GET || c->kind == CALL_GROUP_GET) &&
             (a->outcome == OUTCOME_OK || a->outcome == OUTCOME_NOT_FOUND))
        told_read(s, c, a, sent_ms);
    else if (c->name && is_write(c) && !mints)
        told_written(s, c, a);
}

/* Ours and neither shown, nor read to be gone, nor known to be missing. */
static bool is_unaccounted(const struct sim *s, const struct owned *own)
{
    const struct sim_known *k = sim_known(s, text_is(own->kind, "group"), own->name);

    if (!text_is(own->state, "owned") || own->missing_since)
        return false;
    return !k || (k->hidden && !k->deleted);
}

bool sim_told_all(const struct sim *s)
{
    if (!s->told.complete)
        return false;
    for (size_t i = 0; i < s->ledger.n; i++)
        if (s->ledger.rows[i].table == LEDGER_OWNED && is_unaccounted(s, s->ledger.rows[i].row))
            return false;
    return true;
}
