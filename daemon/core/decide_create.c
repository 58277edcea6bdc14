/* decide_create: a database that is wanted and not there: where it is to live, what it is made of,
 * and what stands in the way of making it. */
#include <stdio.h>
#include <string.h>

#include "core/decide_act.h"
#include "core/upload.h"
#include "lib/mem.h"
#include "lib/text.h"

/* --- placement --- */

static bool contains(const char *const *items, size_t n, const char *item)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(items[i], item) == 0)
            return true;
    return false;
}

bool residency_allows(const struct residency_want *residency, const struct group *g)
{
    if (!contains(residency->groups, residency->n_groups, g->r.name))
        return false;
    if (!residency->n_locations)
        return true;
    return g->live.place && contains(residency->locations, residency->n_locations, g->live.place);
}

/* One that is yet to be made is allowed by its name. */
static bool may_allow(const struct residency_want *residency, const struct group *g)
{
    return g->live.present ? residency_allows(residency, g)
                           : contains(residency->groups, residency->n_groups, g->r.name);
}

const struct database *residency_against(const struct world *w, const struct database *d,
                                         const struct group *g)
{
    for (int i = 0; d && d->want && i < COPIES_MAX; i++) {
        if (d->want->residency && !may_allow(d->want->residency, g))
            return d;
        d = d->want->seed_database ? fleet_database(w->fleet, d->want->seed_database) : NULL;
    }
    return d; /* too long a line to be followed */
}

struct group *residency_choose(const struct world *w, const struct database *d)
{
    const struct residency_want *residency = d->want->residency;
    struct group *best = NULL;

    for (size_t i = 0; i < residency->n_groups; i++) {
        struct group *g = fleet_group(w->fleet, residency->groups[i]);

        if (!g || !g->want || g->want->absent || residency_against(w, d, g))
            continue;
        if (!best || g->n_databases < best->n_databases)
            best = g;
    }
    return best;
}

const char *database_pin(const struct database *d)
{
    const struct residency_want *residency = d->want ? d->want->residency : NULL;

    if (!d->has_own || !d->own.group_name)
        return NULL;
    if (residency && strcmp(d->own.state, "deleted") == 0 &&
        !contains(residency->groups, residency->n_groups, d->own.group_name))
        return NULL;
    return d->own.group_name;
}

/* The group that the database lives in or shall live in; NULL: none can take it. */
static const char *database_place(const struct database *d)
{
    const char *pin = database_pin(d);

    return d->want && d->want->group ? d->want->group : pin ? pin : d->placed;
}

/* --- creating --- */

static bool is_state(const struct owned *own, bool has_own, const char *state)
{
    return has_own && strcmp(own->state, state) == 0;
}

/* The group that the database is to be made in can take it. False: `out` says why not. */
static bool group_takes(const struct world *w, const struct database *d, struct decision *out)
{
    const char *place = database_place(d);
    const struct group *g = fleet_group(w->fleet, place);

    if (!place || !g) {
        say_blocked(out, REASON_NO_GROUP);
        return false;
    }
    out->place = place;
    if (g->r.phase == PHASE_MISSING || (g->has_own && g->own.missing_since)) {
        say_blocked(out, REASON_GROUP_MISSING);
    } else if (g->r.phase == PHASE_BLOCKED && !g->live.present) {
        say_blocked(out, REASON_GROUP_BLOCKED);
    } else if (!g->live.present || !g->has_own || strcmp(g->own.state, "owned") != 0 ||
               !(g->live.listed || g->live.read_ms) || strcmp(g->live.id, g->own.id) != 0) {
        if (g->r.phase == PHASE_BLOCKED)
            say_blocked(out, REASON_GROUP_BLOCKED);
        else
            say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_GROUP);
    } else if (g->delete_sent_ms && w->now_ms - g->delete_sent_ms < LANDS_WITHIN_MS) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_GROUP);
        say_wake(out, g->delete_sent_ms + LANDS_WITHIN_MS);
    } else if (d->want->residency && !residency_allows(d->want->residency, g)) {
        say_blocked(out, REASON_RESIDENCY_VIOLATED);
    } else if (g->live.archived) {
        if (g->want && g->want->unarchive)
            say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_GROUP);
        else
            say_blocked(out, REASON_ARCHIVED);
    } else {
        return true;
    }
    return false;
}

/* What it is copied from may live here. False: `out` says why not. */
static bool data_may_come(const struct world *w, const struct database *d, struct decision *out)
{
    const struct database *bound = residency_against(w, d, fleet_group(w->fleet, out->place));

    if (!bound)
        return true;
    say_blocked(out, REASON_RESIDENCY_VIOLATED);
    if (bound->want && bound->want->residency)
        snprintf(out->message, sizeof(out->message),
                 "the data of database/%s may live in residency %s alone, and group %s is not in "
                 "it",
                 bound->r.name, bound->want->residency->name, out->place);
    else
        snprintf(out->message, sizeof(out->message),
                 "it is a copy of a copy, more than %d times: where its data may live is not known",
                 COPIES_MAX);
    return false;
}

static bool seed_is_there(const struct world *w, const struct database *d, struct decision *out)
{
    const struct database *seed = fleet_database(w->fleet, d->want->seed_database);

    if (!d->want->seed_database)
        return true;
    if (seed && seed->live.present && !upload_is_due(seed))
        return data_may_come(w, d, out);
    if (seed && seed->want && !seed->want->absent) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_SEED);
    } else {
        say_blocked(out, REASON_NOT_FOUND);
        snprintf(out->message, sizeof(out->message),
                 "database/%s, which it is to be copied from, does not exist",
                 d->want->seed_database);
    }
    return false;
}

/* --- what can never be changed --- */

#define CREATION_FORMAT "%s %s %s" /* engine, cipher or -, name of the key or - */

void database_creation_read(const char *text, struct creation *out)
{
    int n = sscanf(text ? text : "", "%15s %23s %64s", out->engine, out->cipher, out->key);

    if (n < 1)
        *out->engine = '\0';
    if (n < 3 || strcmp(out->key, "-") == 0)
        *out->cipher = *out->key = '\0';
}

/* What a copy is encrypted with: a key of the configuration, by name; "": nothing that we know of.
 */
static void creation_of(const struct database *d, struct creation *out)
{
    *out = (struct creation){0};
    if (d && d->has_own && d->own.create_digest) {
        database_creation_read(d->own.create_digest, out);
    } else if (d && d->want && d->want->encryption_key) {
        snprintf(out->cipher, sizeof(out->cipher), "%s", CIPHER_NAME[d->want->cipher]);
        snprintf(out->key, sizeof(out->key), "%s", d->want->encryption_key);
    }
}

void database_creation(const struct world *w, const struct database *d, struct creation *out)
{
    creation_of(fleet_database(w->fleet, d->want->seed_database),
                out); /* a copy is as its source */
    snprintf(out->engine, sizeof(out->engine), "%s",
             d->want->engine_set && d->want->engine == ENGINE_TURSODB ? "tursodb" : "libsql");
    if (!d->want->encryption_key)
        return;
    snprintf(out->cipher, sizeof(out->cipher), "%s", CIPHER_NAME[d->want->cipher]);
    snprintf(out->key, sizeof(out->key), "%s", d->want->encryption_key);
}

char *database_creation_text(const struct creation *c)
{
    return *c->key ? mem_printf(CREATION_FORMAT, c->engine, *c->cipher ? c->cipher : "-", c->key)
                   : mem_strdup(c->engine);
}

static const struct config_key *find_key(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n_keys; i++)
        if (strcmp(c->keys[i].name, name) == 0)
            return &c->keys[i];
    return NULL;
}

/* The key is there, of the right length, and the source's where there is one. */
static bool key_fits(const struct world *w, const struct database *d, struct decision *out)
{
    const struct db_want *want = d->want;
    const struct config_key *key;
    struct creation source;
    struct creation c;

    database_creation(w, d, &c);
    creation_of(fleet_database(w->fleet, want->seed_database), &source);
    if (!*c.key)
        return true;
    key = find_key(w->config, c.key);
    if (want->encryption_key && *source.key && strcmp(source.key, c.key) != 0)
        snprintf(out->message, sizeof(out->message),
                 "database/%s, which it is to be copied from, is encrypted with key %s, and a copy "
                 "keeps that; the manifest says %s",
                 want->seed_database, source.key, c.key);
    else if (!key)
        snprintf(out->message, sizeof(out->message),
                 "there is no key %s under encryption_keys in the daemon's configuration", c.key);
    else if (want->encryption_key && key->bytes != CIPHER_KEY_BYTES[want->cipher])
        snprintf(out->message, sizeof(out->message), "%s takes a key of %u bytes, and %s has %u",
                 CIPHER_NAME[want->cipher], CIPHER_KEY_BYTES[want->cipher], c.key, key->bytes);
    else
        return true;
    say_blocked(out, REASON_ENCRYPTION_KEY);
    return false;
}

bool say_created_otherwise(const struct database *d, struct decision *out)
{
    const struct db_want *want = d->want;
    struct creation was;

    if (!d->own.create_digest) /* adopted: how it was made is not known */
        return false;
    if (!want->engine_set && !want->encryption_key)
        return false; /* nothing is said of it */
    database_creation_read(d->own.create_digest, &was);
    if (want->engine_set &&
        strcmp(was.engine, want->engine == ENGINE_TURSODB ? "tursodb" : "libsql") != 0) {
        say_blocked(out, REASON_ENGINE_CHANGE);
        snprintf(out->message, sizeof(out->message),
                 "was made with engine %s, which cannot change; make another one beside it, copy "
                 "its data, switch its users, then remove this one",
                 was.engine);
    } else if (want->encryption_key &&
               (strcmp(was.key, want->encryption_key) != 0 ||
                (*was.cipher && strcmp(was.cipher, CIPHER_NAME[want->cipher]) != 0))) {
        say_blocked(out, REASON_ENCRYPTION_CHANGE);
        snprintf(out->message, sizeof(out->message),
                 "was made %s%s%s%s, which cannot change; make another one beside it, copy its "
                 "data, switch its users, then remove this one",
                 *was.key ? "with " : "without encryption", was.cipher, *was.key ? " and key " : "",
                 was.key);
    } else {
        return false;
    }
    return true;
}

/* A database of this name was deleted, and can still be brought back: a new one in its place would
 * hide it, and keep it from coming back under its name. */
static void say_deleted(const struct world *w, const struct database *d, int64_t at_ms,
                        const char *id, struct decision *out)
{
    char text[TEXT_TIME_SIZE];

    if (d->restored_ms && w->now_ms < d->restored_ms + RESTORED_WITHIN_MS) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_VIEW);
        say_wake(out, d->restored_ms + RESTORED_WITHIN_MS);
        return;
    }
    say_blocked(out, REASON_RECENTLY_DELETED);
    if (at_ms + RECENTLY_DELETED_MS > w->wall_ms)
        say_wake(out, w->now_ms + (at_ms + RECENTLY_DELETED_MS - w->wall_ms));
    snprintf(out->message, sizeof(out->message),
             "a database of this name, id %s, was deleted at %s; bring it back with tenantctl "
             "restore database/%s, or make a new one with tenantctl recreate database/%s",
             id, text_time(at_ms, text), d->r.name, d->r.name);
}

/* By a clock that is right: one that is ahead does not end the five days. */
static bool is_recent(const struct world *w, int64_t at_ms)
{
    return w->wall_ms < at_ms + RECENTLY_DELETED_MS || (w->observed && !w->clock_is_good);
}

/* The newest deleted one of this name, but for drafts of ours, in which nothing ever was. */
static const struct deleted_thing *find_deleted(const struct world *w, const char *name)
{
    const struct deleted_list *l = w->deleted;
    const struct deleted_thing *thing = deleted_find(l, name, NULL);

    for (; thing && thing < l->things + l->n && strcmp(thing->name, name) == 0; thing++)
        if (!dropped_drafts_has(w->drafts, thing->id))
            return thing;
    return NULL;
}

/* Does the platform list a deleted one of this name? Asked after the view that shows it free. */
static bool was_deleted(const struct world *w, const struct database *d, struct decision *out)
{
    const struct deleted_thing *thing;

    if (!w->deleted || d->own.recreate)
        return false;
    out->wants_deleted = !w->deleted->read_ms || w->deleted->read_ms < w->observed_ms;
    thing = find_deleted(w, d->r.name);
    if (thing && (!thing->at_ms || is_recent(w, thing->at_ms)))
        say_deleted(w, d, thing->at_ms ? thing->at_ms : w->wall_ms, thing->id, out);
    else if (out->wants_deleted)
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_VIEW);
    else
        return false;
    return true;
}

/* One that was asked for in another group may come yet, and would not be known for ours there. */
static bool may_come_elsewhere(const struct world *w, const struct database *d,
                               struct decision *out)
{
    return d->own.group_name && !text_is(d->own.group_name, out->place) &&
           say_may_come(w, &d->live, d->create_lost, out);
}

void decide_create(const struct world *w, const struct database *d, struct decision *out)
{
    out->step = STEP_CREATE;
    out->place = database_place(d);
    if ((d->taken || is_state(&d->own, d->has_own, "creating")) && !is_checked(w, &d->live)) {
        say_act(out, ACT_READ, LANE_RESOLVE);
    } else if (is_state(&d->own, d->has_own, "deleted") && is_recent(w, d->own.since) &&
               !d->own.recreate) {
        say_deleted(w, d, d->own.since, d->own.id, out);
    } else if (say_no_room(w, KIND_DATABASE, d->over_quota, out) || !group_takes(w, d, out) ||
               !seed_is_there(w, d, out) || !key_fits(w, d, out) ||
               say_refused(w, &d->r, ACT_CREATE, out)) {
        return;
    } else if (w->now_ms < w->create_refused_until_ms[KIND_DATABASE]) {
        say_blocked(out, REASON_PLAN_REFUSED);
        say_wake(out, w->create_refused_until_ms[KIND_DATABASE]);
    } else if (decide_seed_file(w, d, out)) {
        return;
    } else if (!w->complete) {
        say_phase(out, PHASE_PENDING, REASON_WAITING_FOR_VIEW);
    } else if (d->delete_sent_ms && w->now_ms - d->delete_sent_ms < LANDS_WITHIN_MS) {
        say_phase(out, PHASE_PENDING, REASON_QUEUED); /* it would be deleted, by its name */
        say_wake(out, d->delete_sent_ms + LANDS_WITHIN_MS);
    } else if (w->drafts && w->now_ms < w->drafts->late_until_ms) {
        say_phase(out, PHASE_PENDING, REASON_QUEUED); /* likewise, if it was a draft's name */
        say_wake(out, w->drafts->late_until_ms);
    } else if (may_come_elsewhere(w, d, out) || was_deleted(w, d, out)) {
        return;
    } else if (d->create_held) {
        say_held(out, d->rejected);
    } else {
        say_act(out, ACT_CREATE, LANE_CREATE);
    }
}
