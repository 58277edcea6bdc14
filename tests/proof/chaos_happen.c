/* chaos_happen: all that can happen, one row a kind of thing. A new one is a function and a row.
 * In:    chance, a simulation. Out: something that happened to it. Never: checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/proof/chaos_happen.h"

static int64_t minutes(unsigned n)
{
    return (int64_t)n * MINUTE_MS;
}

const char *chaos_any_db(struct chaos *c)
{
    return model_db_name(chaos_pick(c, MODEL_DATABASES));
}

const char *chaos_any_group(struct chaos *c)
{
    return model_group_name(chaos_pick(c, MODEL_GROUPS));
}

/* --- the manifest --- */

static void manifest_edited(struct chaos *c)
{
    for (unsigned n = 1 + chaos_pick(c, 3); n; n--)
        model_edit(c);
    model_write(c);
    sim_manifest(&c->s);
}

/* The same, over and over, with what is broken put right. */
static void manifest_rewritten(struct chaos *c)
{
    model_write(c);
    sim_manifest(&c->s);
}

static void file_broken(struct chaos *c)
{
    static const char *const BAD[] = {
        "databases: [\n",
        "databases:\n  d1: {group: nowhere}\n",
        "groups: {g9: {}}\ndatabases: {d2: {group: g9}}\n",
        "databases:\n  d0: {group: g0}\n  d0: {group: g1}\n",
        "",
        "databases:\n  d3: {group: g0, protect: true, state: absent}\n",
    };

    sim_file(&c->s, model_file_name(chaos_pick(c, MODEL_FILES)),
             BAD[chaos_pick(c, ARRAY_SIZE(BAD))], NULL);
    sim_manifest(&c->s);
}

static void file_unreadable(struct chaos *c)
{
    sim_file(&c->s, model_file_name(chaos_pick(c, MODEL_FILES)), NULL, "Permission denied");
    sim_manifest(&c->s);
}

static void name_twice(struct chaos *c)
{
    char text[100];

    snprintf(text, sizeof(text), "databases:\n  %s: {group: g0}\n", chaos_any_db(c));
    sim_file(&c->s, model_file_name(1 + chaos_pick(c, MODEL_FILES - 1)), text, NULL);
    sim_manifest(&c->s);
}

static void residency_moved(struct chaos *c)
{
    model_move_residency(c);
    model_write(c);
    sim_manifest(&c->s);
}

static void file_gone(struct chaos *c)
{
    sim_file(&c->s, model_file_name(chaos_pick(c, MODEL_FILES)), NULL, NULL);
    sim_manifest(&c->s);
}

static void directory_emptied(struct chaos *c)
{
    bool tenants = chaos_once_in(c, 3);

    for (unsigned f = 0; f < MODEL_FILES; f++)
        if ((f == MODEL_FILES - 1) == tenants)
            sim_file(&c->s, model_file_name(f), NULL, NULL);
    sim_file(&c->s, tenants ? "tenants" : "m", NULL,
             chaos_once_in(c, 2) ? "there is no file in it" : "No such file or directory");
    sim_manifest(&c->s);
}

static void seed_changed(struct chaos *c)
{
    char path[16];
    struct platform_seed *seed;

    snprintf(path, sizeof(path), "s%u.db", chaos_pick(c, MODEL_SEEDS));
    seed = platform_put_seed(&c->s.platform, path);
    switch (chaos_pick(c, 6)) {
    case 0:
        seed->is_gone = true;
        return;
    case 1:
        snprintf(seed->bad, sizeof(seed->bad), "not WAL");
        return;
    case 2:
    case 3:
        snprintf(seed->refused, sizeof(seed->refused), "corrupt");
        return;
    default:
        return; /* good, and another one */
    }
}

/* --- the configuration --- */

static void configured(struct chaos *c)
{
    char *settings = model_settings(c, chaos_once_in(c, 6) ? MODEL_READS : MODEL_WRITES);

    sim_configure(&c->s, settings);
    free(settings);
}

/* --- the platform --- */

static void list_lies(struct chaos *c)
{
    struct platform *p = &c->s.platform;

    p->lie = (enum platform_lie)(1 + chaos_pick(c, LIE_FENCE));
    p->lie_number = chaos_pick(c, 4);
    snprintf(p->lie_name, sizeof(p->lie_name), "%s",
             chaos_once_in(c, 4)   ? chaos_any_group(c)
             : chaos_once_in(c, 6) ? people_any(c)
                                   : chaos_any_db(c));
    if (p->lie == LIE_STALE)
        platform_remember(p);
}

static void lie_ends(struct chaos *c)
{
    c->s.platform.lie = LIE_NONE;
}

static void paged(struct chaos *c)
{
    c->s.platform.page = chaos_pick(c, 4);
}

/* A call, or every one of its kind, fails in any way, carried out or not. */
static void call_fails(struct chaos *c)
{
    struct platform *p = &c->s.platform;
    struct platform_fault *f = &p->faults[chaos_pick(c, PLATFORM_FAULTS_MAX)];

    if (f == &p->faults[p->n_faults] || f > &p->faults[p->n_faults])
        f = &p->faults[p->n_faults++];
    *f = (struct platform_fault){.kind = (enum call_kind)chaos_pick(c, CALL_N),
                                 .outcome = (enum outcome)(1 + chaos_pick(c, OUTCOME_CANCELED - 1)),
                                 .times = chaos_once_in(c, 8) ? -1 : 1 + (int)chaos_pick(c, 4),
                                 .retry_after_ms = chaos_once_in(c, 3) ? 30000 : -1,
                                 .takes_ms = chaos_once_in(c, 3) ? 31000 : -1};
    if (f->kind == CALL_DATABASE_CONFIGURE && chaos_once_in(c, 2))
        snprintf(f->says, sizeof(f->says), "size_limit is out of range");
    if (f->outcome == OUTCOME_UNKNOWN || f->outcome == OUTCOME_MALFORMED ||
        f->outcome == OUTCOME_UNAVAILABLE)
        f->committed = chaos_once_in(c, 2);
    if (f->outcome == OUTCOME_NOT_FOUND && !f->committed && f->times < 0)
        f->times = 2; /* a read that says 404 for ever is the truth, as far as anybody can see */
    if (f->outcome == OUTCOME_NOT_FOUND && f->kind == CALL_DATABASE_ASK)
        f->times = 2; /* a new database's host says so for a while, not for a minute */
}

/* The next one is carried out, at once or much later, and nobody hears of it. */
static void lose_answer(struct chaos *c, enum call_kind kind)
{
    struct platform *p = &c->s.platform;
    bool late = chaos_once_in(c, 3);

    if (p->n_faults < PLATFORM_FAULTS_MAX)
        p->faults[p->n_faults++] =
            (struct platform_fault){.kind = kind,
                                    .outcome = OUTCOME_UNKNOWN,
                                    .committed = !late,
                                    .late_ms = late ? 1000 + chaos_pick(c, 60000) : 0,
                                    .times = 1 + (int)chaos_pick(c, 2),
                                    .retry_after_ms = -1,
                                    .takes_ms = chaos_once_in(c, 2) ? 30000 : -1};
}

static void answer_lost(struct chaos *c)
{
    static const enum call_kind WRITES[] = {
        CALL_DATABASE_CREATE,  CALL_DATABASE_CONFIGURE, CALL_DATABASE_DELETE, CALL_DATABASE_TOKEN,
        CALL_GROUP_CREATE,     CALL_GROUP_TOKEN,        CALL_DATABASE_UPLOAD, CALL_INVITE_SEND,
        CALL_INVITE_SEND,      CALL_MEMBER_ROLE,        CALL_MEMBER_REMOVE,   CALL_INVITE_REMOVE,
        CALL_API_TOKEN_CREATE, CALL_API_TOKEN_REVOKE};

    lose_answer(c, WRITES[chaos_pick(c, ARRAY_SIZE(WRITES))]);
}

static void upload_lost(struct chaos *c)
{
    static const enum call_kind KINDS[] = {CALL_DATABASE_UPLOAD, CALL_DATABASE_UPLOAD,
                                           CALL_DATABASE_CREATE, CALL_DATABASE_DELETE,
                                           CALL_DATABASE_TOKEN};

    lose_answer(c, KINDS[chaos_pick(c, ARRAY_SIZE(KINDS))]);
}

static void rotation_lost(struct chaos *c)
{
    lose_answer(c, chaos_once_in(c, 2) ? CALL_DATABASE_ROTATE : CALL_GROUP_ROTATE);
}

static void restore_lost(struct chaos *c)
{
    lose_answer(c, chaos_once_in(c, 3) ? CALL_GROUP_RESTORE : CALL_DATABASE_RESTORE);
}

static void plan_changed(struct chaos *c)
{
    struct platform *p = &c->s.platform;

    p->quota_databases = chaos_once_in(c, 2) ? 1 + chaos_pick(c, 6) : 0;
    p->quota_groups = chaos_once_in(c, 3) ? 1 + chaos_pick(c, 3) : 0;
    p->overages = chaos_once_in(c, 3);
}

/* Slow, and so out of order with what is asked later. */
static void answer_slow(struct chaos *c)
{
    struct platform *p = &c->s.platform;

    if (p->n_faults < PLATFORM_FAULTS_MAX)
        p->faults[p->n_faults++] =
            (struct platform_fault){.kind = (enum call_kind)chaos_pick(c, CALL_N),
                                    .is_honest = true,
                                    .times = 1 + (int)chaos_pick(c, 3),
                                    .retry_after_ms = -1,
                                    .takes_ms = 1000 * (1 + chaos_pick(c, 29))};
}

static void faults_end(struct chaos *c)
{
    c->s.platform.n_faults = 0;
}

static void latency_changed(struct chaos *c)
{
    c->s.latency_ms = 1 + chaos_pick(c, 400);
}

/* --- the machine --- */

static void ledger_fails(struct chaos *c)
{
    sim_ledger_fails(&c->s, true);
}

static void ledger_works(struct chaos *c)
{
    sim_ledger_fails(&c->s, false);
}

static void files_fail(struct chaos *c)
{
    c->s.files_say = chaos_once_in(c, 2) ? FILE_FAILED : FILE_UNMARKED;
}

static void files_work(struct chaos *c)
{
    c->s.files_say = FILE_DONE;
}

static void hooks_change(struct chaos *c)
{
    c->s.hooks_fail = !c->s.hooks_fail;
}

static void clock_jumps(struct chaos *c)
{
    int64_t by = minutes(1 + chaos_pick(c, 180));

    c->s.jumped_ms += by;
    sim_move_clock(&c->s, chaos_once_in(c, 2) ? -by : by);
}

static void suspended(struct chaos *c)
{
    sim_suspend(&c->s, minutes(1 + chaos_pick(c, 180)));
}

static void crashed(struct chaos *c)
{
    chaos_crash(c);
}

static void stopped(struct chaos *c)
{
    sim_stop(&c->s);
}

/* It dies within the next step, before anything of it is in the ledger. */
static void dies_in_step(struct chaos *c)
{
    c->s.loses_step = true;
}

static void nothing(struct chaos *c)
{
    (void)c;
}

/* --- the table --- */

/* What happens so much oftener to who leans to it. */
#define LEANS(bent) (1u << BENT_##bent)
#define BENT_TIMES  6

static const struct {
    const char *name;
    unsigned weight;
    void (*happen)(struct chaos *c);
    unsigned leans;
} HAPPENINGS[] = {
    {"nothing", 10, nothing, 0},
    {"manifest edited", 30, manifest_edited, 0},
    {"manifest rewritten", 5, manifest_rewritten, LEANS(FILES)},
    {"a file is broken", 2, file_broken, LEANS(FILES)},
    {"a file is unreadable", 1, file_unreadable, LEANS(FILES)},
    {"a name is in two files", 1, name_twice, LEANS(FILES)},
    {"a file is gone", 1, file_gone, LEANS(FILES)},
    {"a directory is empty", 1, directory_emptied, LEANS(FILES)},
    {"residency moves", 1, residency_moved, LEANS(PLACES)},
    {"a seed file changes", 6, seed_changed, LEANS(UPLOADS)},
    {"configured", 3, configured, 0},
    {"approved", 10, operator_approved, 0},
    {"rejected", 2, operator_rejected, 0},
    {"synced", 5, operator_synced, 0},
    {"restored", 3, operator_restored, LEANS(RESTORES)},
    {"paused", 3, operator_paused, 0},
    {"resumed", 3, operator_resumed, 0},
    {"recreated", 4, operator_recreated, LEANS(UPLOADS) | LEANS(RESTORES)},
    {"released", 2, operator_released, 0},
    {"adopted", 2, operator_adopted, 0},
    {"purged", 4, operator_purged, LEANS(RESTORES)},
    {"rotated", 3, operator_rotated, LEANS(KEYS)},
    {"credential read", 2, operator_credential_read, 0},
    {"database deleted outside", 3, outside_db_deleted, LEANS(BRANCHES) | LEANS(RESTORES)},
    {"database made outside", 3, outside_db_made, LEANS(PLACES)},
    {"database made anew outside", 2, outside_db_remade, LEANS(BRANCHES)},
    {"database restored outside", 2, outside_db_restored, LEANS(RESTORES)},
    {"database configured outside", 6, outside_db_reconfigured, 0},
    {"draft filled outside", 1, outside_draft_filled, LEANS(UPLOADS)},
    {"API token revoked outside", 2, outside_key_revoked, 0},
    {"API token made outside", 1, outside_key_made, 0},
    {"API token of its own", 1, outside_key_of_its_own, 0},
    {"group made outside", 1, outside_group_made, LEANS(PLACES)},
    {"group deleted outside", 1, outside_group_deleted, LEANS(PLACES)},
    {"group configured outside", 1, outside_group_reconfigured, LEANS(PLACES)},
    {"keys rotated outside", 1, outside_keys_rotated, LEANS(KEYS)},
    {"invite accepted", 4, people_accepted, 0},
    {"member or invite gone", 2, people_went, 0},
    {"member or invite made outside", 1, people_came, 0},
    {"role changed outside", 2, people_changed, 0},
    {"token file removed", 3, outside_file_of_token_gone, LEANS(KEYS)},
    {"token file overwritten", 2, outside_file_of_token_overwritten, 0},
    {"lists lie", 4, list_lies, 0},
    {"lists are honest", 4, lie_ends, 0},
    {"pages", 2, paged, 0},
    {"calls fail", 8, call_fails, 0},
    {"answers are lost", 8, answer_lost, 0},
    {"an upload is lost", 1, upload_lost, LEANS(UPLOADS)},
    {"a rotation is lost", 1, rotation_lost, LEANS(KEYS)},
    {"a restore is lost", 1, restore_lost, LEANS(RESTORES)},
    {"the plan changes", 1, plan_changed, LEANS(PLAN)},
    {"answers are slow", 4, answer_slow, 0},
    {"calls work", 5, faults_end, 0},
    {"latency", 2, latency_changed, 0},
    {"ledger fails", 2, ledger_fails, 0},
    {"ledger works", 5, ledger_works, 0},
    {"token files fail", 2, files_fail, 0},
    {"token files work", 4, files_work, 0},
    {"hooks change", 2, hooks_change, 0},
    {"clock jumps", 1, clock_jumps, 0},
    {"suspended", 1, suspended, 0},
    {"crashed", 4, crashed, 0},
    {"stopped", 1, stopped, 0},
    {"dies in a step", 2, dies_in_step, 0},
};

static unsigned weight_of(const struct chaos *c, size_t i)
{
    return HAPPENINGS[i].weight * (HAPPENINGS[i].leans & 1u << c->bent ? BENT_TIMES : 1);
}

void chaos_happen(struct chaos *c)
{
    unsigned total = 0;
    unsigned at;
    size_t i = 0;

    for (size_t k = 0; k < ARRAY_SIZE(HAPPENINGS); k++)
        total += weight_of(c, k);
    at = chaos_pick(c, total);
    while (at >= weight_of(c, i))
        at -= weight_of(c, i++);
    sim_say(&c->s, "-- %s", HAPPENINGS[i].name);
    HAPPENINGS[i].happen(c);
    chaos_mind_loss(c);
}

void chaos_mend(struct chaos *c)
{
    char *settings;

    sim_say(&c->s, "-- everything that is wrong ends");
    c->crash_one_in = 0;
    c->s.loses_step = false;
    chaos_mind_loss(c); /* a lost life would take nothing of what follows */
    faults_end(c);
    lie_ends(c);
    c->s.latency_ms = 40;
    c->s.hooks_fail = false;
    c->s.platform.quota_databases = c->s.platform.quota_groups = 0;
    files_work(c);
    ledger_works(c);
    sim_move_clock(&c->s, -c->s.ahead_ms);
    for (unsigned i = 0; i < MODEL_SEEDS; i++) {
        char path[16];

        snprintf(path, sizeof(path), "s%u.db", i);
        (void)platform_put_seed(&c->s.platform, path);
    }
    settings = model_settings(c, MODEL_ENDS);
    sim_configure(&c->s, settings);
    free(settings);
    model_write(c);
    sim_manifest(&c->s);
    operator_all_resumed(c);
    operator_credential_read(c);
}
