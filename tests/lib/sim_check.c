/* sim_check: the rules that hold whatever happens: nothing is removed that is not ours, unwanted,
 * allowed, fenced and kept for its grace; nothing is made twice; nothing is sent unremembered.
 * In:    calls as they go out and as they arrive. Out: the first broken rule. Never: repairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "core/upload.h"
#include "lib/text.h"
#include "tests/lib/sim.h"

#define HOUR_MS      (INT64_C(60) * 60 * 1000)
#define TOMBSTONE_MS ((int64_t)5 * 24 * 3600 * 1000)

void sim_break(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (*s->broken)
        return;
    va_start(ap, fmt);
    vsnprintf(s->broken, sizeof(s->broken), fmt, ap);
    va_end(ap);
    sim_say(s, "!! %s", s->broken);
}

/* --- creating, minting --- */

/* Ours of that name was there lately, and is gone: nobody but an operator makes another one. */
static bool is_lost(const struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->platform.n_databases; i++) {
        const struct platform_db *d = &s->platform.databases[i];

        if (!d->live && d->was_ours && !d->is_draft && strcmp(d->name, name) == 0 &&
            s->wall_ms - d->deleted_ms < TOMBSTONE_MS)
            return !sim_word_stands(s, "recreate", "database", name) &&
                   !sim_word_stands(s, "released", "database", name) && !s->jumped_ms;
    }
    return false;
}

/* What is ours, by the ledger, is let go no more; what becomes ours was made anew, once it is no
 * draft, which may be refused its file, and is nothing then. */
static void note_ours(struct sim *s)
{
    for (size_t i = 0; i < s->platform.n_databases; i++) {
        struct platform_db *d = &s->platform.databases[i];
        bool is_known = d->was_ours && !d->was_draft;
        const struct owned *own =
            is_known && !s->n_words ? NULL : sim_owned(&s->ledger, "database", d->name);

        if (!own || !text_is(own->state, "owned") || !text_is(own->id, d->id))
            continue;
        sim_word_take(s, "released", "database", d->name);
        if (!is_known && !d->is_draft)
            sim_word_take(s, "recreate", "database", d->name);
        d->was_ours = true;
        d->was_draft = d->is_draft;
    }
}

static bool is_in(const char *const *items, size_t n, const char *item)
{
    for (size_t i = 0; i < n; i++)
        if (text_is(items[i], item))
            return true;
    return false;
}

bool sim_residency_allows(const struct residency_want *r, const char *group,
                          const struct platform_group *g)
{
    return !r || (is_in(r->groups, r->n_groups, group) &&
                  (!g || !r->n_locations || is_in(r->locations, r->n_locations, g->locations[0])));
}

/* Neither its own residency nor that of what it is copied from keeps its data out of the group. */
static void check_residency(struct sim *s, const struct call *c)
{
    const struct platform_group *g = platform_group(&s->platform, c->group);
    const char *name = c->name;

    for (int i = 0; name && i < 100; i++) {
        const struct db_entry *e = desired_database(&s->want, name);
        const struct residency_want *r = e ? db_entry_want(e)->residency : NULL;

        if (!sim_residency_allows(r, c->group, g))
            sim_break(s, "database %s is created in %s, outside the residency of %s", c->name,
                      c->group, name);
        name = e ? db_entry_want(e)->seed_database : NULL;
    }
}

static void check_create(struct sim *s, const struct call *c, const char *kind)
{
    const struct owned *own = sim_owned(&s->ledger, kind, c->name);
    const struct sim_known *k = sim_known(s, text_is(kind, "group"), c->name);

    if (k && k->live && !k->hidden)
        sim_break(s, "%s %s is created, and one is known to live", kind, c->name);
    if (text_is(kind, "database") && is_lost(s, c->name))
        sim_break(s, "database %s is created, and ours of that name was lost lately", c->name);
    if (!own || !text_is(own->state, "creating"))
        sim_break(s, "%s %s is created, and the ledger does not know", kind, c->name);
    else if (!sim_told_all(s))
        sim_break(s, "%s %s is created without a complete observation", kind, c->name);
    if (c->kind == CALL_DATABASE_CREATE)
        check_residency(s, c);
}

static void check_mint(struct sim *s, const struct call *c, const char *kind)
{
    bool noted = false;

    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct held_token *t = s->ledger.rows[i].row;

        noted = noted || (s->ledger.rows[i].table == LEDGER_TOKEN && text_is(t->kind, kind) &&
                          text_is(t->target, c->name) && text_is(t->state, "minting"));
    }
    for (size_t i = 0; i < s->ledger.n; i++) { /* an upload's */
        const struct leak *l = s->ledger.rows[i].row;

        noted = noted || (s->ledger.rows[i].table == LEDGER_LEAK && text_is(l->kind, kind) &&
                          text_is(l->target, c->name) && text_is(l->name, ""));
    }
    if (!noted)
        sim_break(s, "a token of %s is minted, and the ledger does not know", c->name);
}

/* Only what is ours is touched, under the id that it is known by in this life. */
static void check_target(struct sim *s, const struct call *c, const char *kind)
{
    const struct owned *own = sim_owned(&s->ledger, kind, c->name);
    const struct sim_known *k = sim_known(s, text_is(kind, "group"), c->name);

    if (!own || !text_is(own->state, "owned"))
        sim_break(s, "%s: %s %s is not ours", CALL_INFO[c->kind].name, kind, c->name);
    else if (!k || !k->live || k->hidden || strcmp(k->id, own->id) != 0)
        sim_break(s, "%s: %s %s is not known to be ours, %s", CALL_INFO[c->kind].name, kind,
                  c->name, own->id);
}

/* --- pace --- */

static void check_pace(struct sim *s, const struct call *c)
{
    unsigned rate = s->config->api.rate;
    size_t in_flight = !call_is_apart(c->kind);
    size_t last_second = 1;
    size_t n = ARRAY_SIZE(s->sent_ms);

    for (size_t i = 0; i < s->n_pending; i++)
        in_flight += (s->pending[i].kind == SIM_CALL || s->pending[i].kind == SIM_ANSWER) &&
                     !call_is_apart(s->pending[i].call->kind);
    if (in_flight > s->config->api.concurrency)
        sim_break(s, "%zu calls are in flight", in_flight);
    for (size_t i = 0; rate && i < n && i < s->n_sent; i++)
        last_second += s->now_ms - s->sent_ms[i] < 1000;
    s->sent_ms[s->n_sent++ % n] = s->now_ms;
    if (rate && rate < n / 2 && last_second > rate + rate / 10 + 1)
        sim_break(s, "%zu calls in a second", last_second);
    if (s->stopping)
        sim_break(s, "%s is sent while stopping", CALL_INFO[c->kind].name);
}

bool sim_is_paused(const struct sim *s, const char *kind, const char *name)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct pause *p = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_PAUSE && p->until > s->wall_ms &&
            (!*p->kind || (strcmp(p->kind, kind) == 0 && strcmp(p->name, name) == 0)))
            return true;
    }
    return false;
}

/* But for renewals nothing is sent for what is paused; a restore was asked for before. */
static void check_pause(struct sim *s, const struct call *c, const char *kind)
{
    bool is_mint = c->kind == CALL_DATABASE_TOKEN || c->kind == CALL_GROUP_TOKEN;
    bool renews = false;

    if (!sim_is_paused(s, kind, c->name))
        return;
    for (size_t i = 0; is_mint && i < s->ledger.n; i++) {
        const struct held_token *t = s->ledger.rows[i].row;

        renews = renews || (s->ledger.rows[i].table == LEDGER_TOKEN &&
                            text_is(t->target, c->name) && text_is(t->state, "minting") && t->hash);
    }
    if (!renews)
        sim_break(s, "%s %s is sent, and it is paused", CALL_INFO[c->kind].name, c->name);
}

static void check_write(struct sim *s, const struct call *c)
{
    const char *kind = c->kind <= CALL_LOCATION_REMOVE ? "group" : "database";
    const char *name = CALL_INFO[c->kind].name;

    if (strcmp(CALL_INFO[c->kind].method, "GET") == 0 || c->kind == CALL_DATABASE_PROBE ||
        c->kind == CALL_DATABASE_ASK)
        return; /* the last two ask a host, by POST */
    if (!s->config->policy.writes)
        sim_break(s, "%s is sent with writes off", name);
    if (s->told.refused)
        sim_break(s, "%s is sent, and the API token is refused", name);
    if (s->told.no_deletes_ms && s->now_ms < s->told.no_deletes_ms + HOUR_MS &&
        call_deletes(c->kind) && config_has_delete_token(s->config))
        sim_break(s, "%s is sent, and the token for deletes is refused", name);
    if (strstr(name, "rotate") && !sim_word_take(s, "RotateToken", kind, c->name))
        sim_break(s, "%s: nobody has asked for it", name);
    if (c->kind == CALL_DATABASE_RESTORE || c->kind == CALL_GROUP_RESTORE) {
        if (!sim_word_take(s, "restore", c->kind == CALL_GROUP_RESTORE ? "group" : "database",
                           c->name))
            sim_break(s, "%s: nobody has asked for it", name);
        return;
    }
    if (c->kind == CALL_API_TOKEN_CREATE || c->kind == CALL_API_TOKEN_REVOKE) {
        sim_check_api_token(s, c);
        return;
    }
    if (sim_is_about_members(c)) {
        sim_check_member(s, c);
        return;
    }
    if (c->kind == CALL_DATABASE_CREATE || c->kind == CALL_GROUP_CREATE)
        check_create(s, c, kind);
    else
        check_target(s, c, kind);
    check_pause(s, c, c->kind == CALL_GROUP_TOKEN ? "group" : kind);
}

/* Somebody else's, and gone from the lists before anybody wanted its group gone: forgotten. */
static bool is_forgotten(const struct sim *s, const struct sim_known *k, const char *group)
{
    const struct owned *own = sim_owned(&s->ledger, "group", group);

    return k->hidden && own && k->hidden_ms < own->removal_since;
}

/* A database of ours is in it; or one of others' that we know of. */
static bool is_inhabited(const struct sim *s, const char *group, bool by_others_too)
{
    for (size_t i = 0; i < s->platform.n_databases; i++) {
        const struct platform_db *d = &s->platform.databases[i];
        const struct sim_known *k = sim_known(s, false, d->name);
        bool known = k && k->live && strcmp(k->id, d->id) == 0;

        if (d->live && strcmp(d->group, group) == 0 &&
            (sim_owns_id(s, d->id) || (by_others_too && known && !is_forgotten(s, k, group))))
            return true;
    }
    return false;
}

void sim_check_sent(struct sim *s, const struct call *c)
{
    const struct owned *own = c->name ? sim_owned(&s->ledger, "database", c->name) : NULL;

    if (c->kind == CALL_INVITES_LIST)
        s->people_listed_ms = s->now_ms;
    check_pace(s, c);
    check_write(s, c);
    sim_check_change(s, c, own);
    switch (c->kind) {
    case CALL_DATABASE_TOKEN:
        check_mint(s, c, "token");
        break;
    case CALL_GROUP_TOKEN:
        check_mint(s, c, "group-token");
        break;
    case CALL_GROUP_DELETE:
        if (is_inhabited(s, c->name, true))
            sim_break(s, "group %s is deleted with its databases", c->name);
        sim_check_removal(s, c, own);
        break;
    case CALL_DATABASE_CONFIGURE:
    case CALL_DATABASE_DELETE:
        sim_check_removal(s, c, own);
        break;
    case CALL_DATABASE_UPLOAD:
        if (!own || !text_is(own->upload, UPLOAD_SENDING))
            sim_break(s, "%s is uploaded to, and the ledger does not know", c->name);
        break;
    default:
        break;
    }
}

void sim_check_arrived(struct sim *s, const struct call *c)
{
    const struct platform_db *d = c->name ? platform_db(&s->platform, c->name) : NULL;
    const struct platform_group *g = c->name ? platform_group(&s->platform, c->name) : NULL;

    if (c->kind == CALL_DATABASE_CREATE && d && d->by_daemon && !d->was_hidden)
        sim_break(s, "database %s is made twice", c->name);
    if (c->kind == CALL_MEMBERS_LIST)
        sim_note_admins(s);
    if (sim_is_about_members(c))
        sim_check_people(s, c);
    if (c->kind == CALL_GROUP_CREATE && g && g->by_daemon && !g->was_hidden)
        sim_break(s, "group %s is made twice", c->name);
    if (c->kind == CALL_GROUP_DELETE && g && is_inhabited(s, c->name, false))
        sim_break(s, "group %s is deleted with a database of ours", c->name);
}

/* What was sent long ago is carried out only now. A database whose delete nobody has heard of is
 * not given back to its users before that can have happened, and nothing of ours is put into such
 * a group.
 */
void sim_check_late(struct sim *s, const struct call *c, int64_t sent_ms)
{
    const struct platform_db *d =
        c->kind == CALL_DATABASE_DELETE ? platform_db(&s->platform, c->name) : NULL;

    if (d && d->was_ours && d->given_back)
        sim_break(s, "%s is deleted late, and was given back before", c->name);
    if (d && d->by_daemon && d->made_ms > sent_ms)
        sim_break(s, "%s is deleted late, and was made anew before", c->name);
    if (c->kind == CALL_GROUP_DELETE && platform_group(&s->platform, c->name) &&
        is_inhabited(s, c->name, false))
        sim_break(s, "group %s is deleted late, with a database of ours", c->name);
}

/* --- the history --- */

static bool is_named(const struct sim *s, const char *kind, const char *name, bool *observed)
{
    const struct group_want *g =
        s->has_want && text_is(kind, "group") ? desired_group(&s->want, name) : NULL;
    const struct db_entry *d =
        s->has_want && text_is(kind, "database") ? desired_database(&s->want, name) : NULL;

    *observed = d && db_entry_want(d)->observe;
    if (text_is(kind, "member"))
        return s->has_want && sim_wants_member(s, name);
    return g ? !g->absent : d && !db_entry_want(d)->absent;
}

/* A block of a fence that its entry names, too, is the entry's from then on, without a call. */
static void note_unfenced(struct sim *s, const char *name)
{
    struct platform_db *d = platform_db(&s->platform, name);
    const struct db_entry *e = s->has_want ? desired_database(&s->want, name) : NULL;

    for (int f = CONFIG_BLOCK_READS; d && e && f <= CONFIG_BLOCK_WRITES; f++)
        if (text_is(db_entry_want(e)->config.value[f], "true"))
            d->shut[f] = false;
}

/* Nothing is let go or taken over but by an operator's word or the manifest's. */
void sim_check_event(struct sim *s, const struct event *e)
{
    bool observed;
    bool named = is_named(s, e->kind, e->name, &observed);

    if (text_is(e->what, "Released")) {
        if (!sim_word_stands(s, "release", e->kind, e->name) && !observed)
            sim_break(s, "%s/%s is let go, and nobody has asked for it", e->kind, e->name);
        sim_word_say(s, "released", e->kind, e->name);
    } else if (text_is(e->what, "Adopted")) {
        bool asked = sim_word_take(s, "adopt", e->kind, e->name);

        if (!asked && (!named || observed || s->config->policy.adopt == ADOPT_NEVER))
            sim_break(s, "%s/%s is taken over, and nobody has asked for it", e->kind, e->name);
        sim_word_take(s, "release", e->kind, e->name);
    } else if (text_is(e->what, "Unfenced")) {
        note_unfenced(s, e->name);
    }
}

/* --- after every step --- */

static bool is_row_of(const struct sim_row *r, enum ledger_table table,
                      const struct platform_token *t)
{
    const char *kind = t->is_group ? "group-token" : "token";

    if (r->table != table)
        return false;
    if (table == LEDGER_LEAK)
        return text_is(((const struct leak *)r->row)->kind, kind) &&
               text_is(((const struct leak *)r->row)->target, t->target);
    return text_is(((const struct held_token *)r->row)->kind, kind) &&
           text_is(((const struct held_token *)r->row)->target, t->target) &&
           strncmp(((const struct held_token *)r->row)->state, "mint", 4) == 0;
}

/* Tokens that were minted for a target and never stood in a file, against what the ledger knows of
 * lost ones and of mints under way. */
static void check_mints_of(struct sim *s, const struct platform_token *t)
{
    size_t unpublished = 0;
    size_t accounted = 0;

    for (size_t i = 0; i < s->platform.n_tokens; i++) {
        const struct platform_token *o = &s->platform.tokens[i];

        unpublished += o->by_daemon && !o->was_published && o->is_group == t->is_group &&
                       (!o->expires_ms || o->expires_ms > s->wall_ms) &&
                       strcmp(o->target, t->target) == 0;
    }
    for (size_t i = 0; i < s->ledger.n; i++)
        accounted += is_row_of(&s->ledger.rows[i], LEDGER_LEAK, t) ||
                     is_row_of(&s->ledger.rows[i], LEDGER_TOKEN, t);
    if (unpublished > accounted)
        sim_break(s, "of %s's tokens %zu are in no file, and the ledger accounts for %zu",
                  t->target, unpublished, accounted);
}

void sim_check_step(struct sim *s)
{
    if (s->checked_owned != s->ledger.owned_version)
        note_ours(s);
    s->checked_owned = s->ledger.owned_version;
    if (s->checked_version == s->ledger.version && s->checked_tokens == s->platform.n_tokens)
        return;
    s->checked_version = s->ledger.version;
    s->checked_tokens = s->platform.n_tokens;
    for (size_t i = 0; i < s->platform.n_tokens && !*s->broken; i++) {
        const struct platform_token *t = &s->platform.tokens[i];

        if (t->by_daemon && !t->was_published && !s->jumped_ms &&
            (!t->expires_ms || t->expires_ms > s->wall_ms))
            check_mints_of(s, t);
    }
}
