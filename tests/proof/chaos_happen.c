/* chaos_happen: all that can happen, one row a kind of thing. A new one is a function and a row.
 * In:    chance, a simulation. Out: something that happened to it. Never: checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/email.h"
#include "core/plan.h"
#include "tests/proof/chaos.h"

static int64_t minutes(unsigned n)
{
    return (int64_t)n * 60 * 1000;
}

static const char *any_db(struct chaos *c)
{
    return model_db_name(chaos_pick(c, MODEL_DATABASES));
}

static const char *any_group(struct chaos *c)
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

    snprintf(text, sizeof(text), "databases:\n  %s: {group: g0}\n", any_db(c));
    sim_file(&c->s, model_file_name(1 + chaos_pick(c, MODEL_FILES - 1)), text, NULL);
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
    char *settings = model_settings(c, !chaos_once_in(c, 6));

    sim_configure(&c->s, settings);
    free(settings);
}

/* --- people: operators --- */

static void decided(struct chaos *c, bool approve)
{
    struct err err = ERR_INIT;
    struct plan plan;
    char id[17];

    assert_int_equal(plan_build(c->s.rc, &plan, &err), 0);
    snprintf(id, sizeof(id), "%s", plan.id);
    plan_deinit(&plan);
    if (chaos_once_in(c, 8))
        id[0] = id[0] == '0' ? '1' : '0'; /* another plan than the present one */
    sim_say(&c->s, "%s %s", approve ? "approve" : "reject", id);
    (void)sim_decide(&c->s, approve, id, "seen", &err);
}

static void approved(struct chaos *c)
{
    decided(c, true);
}

static void rejected(struct chaos *c)
{
    decided(c, false);
}

static void synced(struct chaos *c)
{
    struct rc_event ev = {.kind = RC_SYNC};
    struct err err = ERR_INIT;

    if (chaos_once_in(c, 2)) {
        ev.resource_kind = chaos_once_in(c, 4) ? "group" : "database";
        ev.name = strcmp(ev.resource_kind, "group") == 0 ? any_group(c) : any_db(c);
    }
    (void)sim_step(&c->s, &ev, &err);
}

static void restored(struct chaos *c)
{
    bool is_group = chaos_once_in(c, 4);
    struct rc_event ev = {.kind = RC_RESTORE,
                          .resource_kind = is_group ? "group" : "database",
                          .name = is_group ? any_group(c) : any_db(c),
                          .uid = 1000};
    struct err err = ERR_INIT;

    (void)sim_step(&c->s, &ev, &err);
}

static void PRINTF(2, 3) operator_says(struct chaos *c, const char *fmt, ...)
{
    char text[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    sim_say(&c->s, "operator %s", text);
    assert_true(sim_operator(&c->s, text));
}

/* A group, a database, or one of their tokens. */
static const char *any_resource(struct chaos *c)
{
    static char text[100];
    unsigned which = chaos_pick(c, 9);

    if (which == 8) {
        snprintf(text, sizeof(text), "api-token/%s", model_key_name(chaos_pick(c, MODEL_KEYS)));
        return text;
    }
    snprintf(text, sizeof(text),
             which < 2   ? "group/%s"
             : which < 5 ? "database/%s"
             : which < 7 ? "token/%s/app"
                         : "group-token/%s/all",
             which < 2 || which == 7 ? any_group(c) : any_db(c));
    return text;
}

static const char *any_thing(struct chaos *c)
{
    static char text[100];
    bool is_group = chaos_once_in(c, 4);

    snprintf(text, sizeof(text), "%s/%s", is_group ? "group" : "database",
             is_group ? any_group(c) : any_db(c));
    return text;
}

static void any_member(struct chaos *c, char *out, size_t size)
{
    snprintf(out, size, "member/%s", people_any(c));
    email_fold(out);
}

static void paused(struct chaos *c)
{
    static const char *const HOW_LONG[] = {"10m", "1h", "3h"};
    const char *what = chaos_once_in(c, 6) ? "" : any_resource(c);
    char text[100];

    if (chaos_once_in(c, 8)) {
        any_member(c, text, sizeof(text));
        what = text;
    }

    operator_says(c, "pause %s for %s", what, HOW_LONG[chaos_pick(c, ARRAY_SIZE(HOW_LONG))]);
}

/* All that is paused: how it is resumed. */
static size_t list_pauses(const struct chaos *c, char out[][120], size_t most)
{
    size_t n = 0;

    for (size_t i = 0; i < c->s.ledger.n && n < most; i++) {
        const struct pause *p = c->s.ledger.rows[i].row;

        if (c->s.ledger.rows[i].table == LEDGER_PAUSE)
            snprintf(out[n++], sizeof(out[0]), "resume %s%s%s", p->kind, *p->kind ? "/" : "",
                     p->name);
    }
    return n;
}

static void resumed(struct chaos *c)
{
    char text[32][120];
    size_t n = list_pauses(c, text, ARRAY_SIZE(text));

    if (n)
        operator_says(c, "%s", text[chaos_pick(c, (unsigned)n)]);
}

static void all_resumed(struct chaos *c)
{
    char text[32][120];
    size_t n = list_pauses(c, text, ARRAY_SIZE(text));

    for (size_t i = 0; i < n; i++)
        operator_says(c, "%s", text[i]);
}

/* One that is so in the ledger, as people would choose; else any. */
static const char *any_owned(struct chaos *c,
                             bool (*is_so)(const struct chaos *, const struct owned *))
{
    static char text[100];
    size_t n = c->s.ledger.n;
    size_t from = n ? chaos_pick(c, (unsigned)n) : 0;

    for (size_t i = 0; i < n; i++) {
        const struct sim_row *r = &c->s.ledger.rows[(from + i) % n];
        const struct owned *own = r->row;

        if (r->table != LEDGER_OWNED || !is_so(c, own))
            continue;
        snprintf(text, sizeof(text), "%s/%s", own->kind, own->name);
        return text;
    }
    return any_thing(c);
}

static bool is_gone(const struct chaos *c, const struct owned *own)
{
    (void)c;
    return own->missing_since || strcmp(own->state, "deleted") == 0;
}

static bool is_unnamed(const struct chaos *c, const struct owned *own)
{
    return strcmp(own->kind, "group") == 0 ? !desired_group(&c->s.want, own->name)
                                           : !desired_database(&c->s.want, own->name);
}

static bool is_fenced(const struct chaos *c, const struct owned *own)
{
    (void)c;
    return own->fence && strcmp(own->fence, "set") == 0;
}

static void recreated(struct chaos *c)
{
    const char *what = any_owned(c, is_gone);
    char text[100];

    if (chaos_once_in(c, 4)) {
        any_member(c, text, sizeof(text));
        what = text;
    }
    if (chaos_once_in(c, 3))
        operator_says(c, "recreate %s look", what);
    operator_says(c, "recreate %s", what);
}

static void released(struct chaos *c)
{
    char text[100];

    any_member(c, text, sizeof(text));
    operator_says(c, "release %s", chaos_once_in(c, 4) ? text : any_owned(c, is_unnamed));
}

static void adopted(struct chaos *c)
{
    const char *name = any_db(c);
    const struct platform_db *d = platform_db(&c->s.platform, name);

    operator_says(c, "adopt database/%s id %s", name, d && !chaos_once_in(c, 6) ? d->id : "d-1");
}

static void purged(struct chaos *c)
{
    operator_says(c, "purge %s", any_owned(c, is_fenced));
}

static void rotated(struct chaos *c)
{
    if (chaos_once_in(c, 2))
        operator_says(c, "rotatetoken %s", any_resource(c));
    else
        operator_says(c, "rotatetoken %s invalidate%s", any_thing(c),
                      chaos_once_in(c, 4) ? " look" : "");
}

static void credential_read(struct chaos *c)
{
    sim_tell(&c->s, (struct rc_event){.kind = RC_CREDENTIAL});
}

/* --- people: strangers --- */

static void db_deleted(struct chaos *c)
{
    struct platform_db *d = platform_db(&c->s.platform, any_db(c));

    c->s.platform.wall_ms = c->s.wall_ms;
    if (d)
        platform_drop_db(&c->s.platform, d);
}

static void db_made(struct chaos *c)
{
    const char *name = any_db(c);
    const char *group = any_group(c);

    if (platform_group(&c->s.platform, group) && !platform_db(&c->s.platform, name))
        platform_make_db(&c->s.platform, name, group);
}

static void db_remade(struct chaos *c)
{
    struct platform_db *d = platform_db(&c->s.platform, any_db(c));
    char group[PLATFORM_NAME_BYTES];

    if (!d)
        return;
    snprintf(group, sizeof(group), "%s", d->group);
    platform_drop_db(&c->s.platform, d);
    platform_make_db(&c->s.platform, d->name, group);
}

/* It comes back under its own id. */
static void db_restored(struct chaos *c)
{
    struct platform *p = &c->s.platform;
    const char *name = any_db(c);

    for (size_t i = p->n_databases; i-- && !platform_db(p, name);)
        if (strcmp(p->databases[i].name, name) == 0 && platform_group(p, p->databases[i].group))
            p->databases[i].live = p->databases[i].was_hidden = true;
}

static void db_reconfigured(struct chaos *c)
{
    static const enum config_field FIELDS[] = {CONFIG_SIZE_LIMIT, CONFIG_DELETE_PROTECTION,
                                               CONFIG_BLOCK_READS, CONFIG_BLOCK_WRITES};
    struct platform_db *d = platform_db(&c->s.platform, any_db(c));
    enum config_field f = FIELDS[chaos_pick(c, ARRAY_SIZE(FIELDS))];

    if (d)
        platform_set(d, f,
                     f == CONFIG_SIZE_LIMIT ? (chaos_once_in(c, 2) ? "128mb" : "2gb")
                     : chaos_once_in(c, 2)  ? "true"
                                            : "false");
}

/* Of anybody's. */
static struct platform_api_token *any_key(struct chaos *c)
{
    struct platform *p = &c->s.platform;
    struct platform_api_token *t =
        p->n_api_tokens ? &p->api_tokens[chaos_pick(c, (unsigned)p->n_api_tokens)] : NULL;

    return t && t->live ? t : NULL;
}

static void key_revoked(struct chaos *c)
{
    struct platform_api_token *t = any_key(c);

    if (t)
        t->live = false;
}

/* Of a name that the daemon would choose. */
static void key_made(struct chaos *c)
{
    char name[32];
    struct platform_api_token *t;

    if (c->s.platform.n_api_tokens > 30)
        return;
    snprintf(name, sizeof(name), "%s--g%u", model_key_name(chaos_pick(c, MODEL_KEYS)),
             1 + chaos_pick(c, 4));
    if (platform_api_token(&c->s.platform, name))
        return;
    t = platform_make_api_token(&c->s.platform, name, NULL, "db:delete");
    if (chaos_once_in(c, 2)) /* the user that the daemon is, too: but for what it never asks */
        snprintf(t->owner, sizeof(t->owner), "robot");
}

/* The daemon is given one of its own, or the first one back. It may not be told which it is. */
static void key_of_its_own(struct chaos *c)
{
    struct platform_api_token *t = chaos_once_in(c, 2) ? any_key(c) : NULL;
    bool tells = !chaos_once_in(c, 3);

    snprintf(c->s.self_id, sizeof(c->s.self_id), "%s", !tells ? "" : t ? t->id : "k-0");
    snprintf(c->s.self_hash, sizeof(c->s.self_hash), "%s", t ? t->hash : "self");
    reconcile_identify(c->s.rc, OWN_TOKEN, c->s.self_id, c->s.self_hash);
    sim_tell(&c->s, (struct rc_event){.kind = RC_CREDENTIAL});
}

static void group_made(struct chaos *c)
{
    const char *name = any_group(c);

    if (!platform_group(&c->s.platform, name) && c->s.platform.n_groups < 14)
        platform_make_group(&c->s.platform, name,
                            chaos_once_in(c, 3) ? "aws-ap-south-1" : "aws-eu-west-1");
}

static void group_deleted(struct chaos *c)
{
    struct platform_group *g = platform_group(&c->s.platform, any_group(c));

    if (g && chaos_once_in(c, 3))
        platform_drop_group(&c->s.platform, g);
}

static void group_reconfigured(struct chaos *c)
{
    struct platform_group *g = platform_group(&c->s.platform, any_group(c));

    if (g && chaos_once_in(c, 2))
        g->protection = !g->protection;
    else if (g)
        g->archived = !g->archived;
}

static void file_of_token_gone(struct chaos *c)
{
    if (c->s.n_files)
        sim_drop_file(&c->s, &c->s.files[chaos_pick(c, (unsigned)c->s.n_files)]);
}

/* Somebody writes another's token there, or no token at all. What never stood in a file nobody has.
 */
static void file_of_token_overwritten(struct chaos *c)
{
    const struct platform *p = &c->s.platform;
    const struct platform_token *t = NULL;
    struct sim_file *f;

    if (!c->s.n_files)
        return;
    f = &c->s.files[chaos_pick(c, (unsigned)c->s.n_files)];
    if (p->n_tokens && chaos_once_in(c, 2))
        t = &p->tokens[chaos_pick(c, (unsigned)p->n_tokens)];
    sim_put_file(&c->s, f->path, t && t->was_published ? t->hash : "", TOKEN_JWT);
    f->by_stranger = true;
}

/* --- the platform --- */

static void list_lies(struct chaos *c)
{
    struct platform *p = &c->s.platform;

    p->lie = (enum platform_lie)(1 + chaos_pick(c, LIE_FENCE));
    p->lie_number = chaos_pick(c, 4);
    snprintf(p->lie_name, sizeof(p->lie_name), "%s",
             chaos_once_in(c, 4)   ? any_group(c)
             : chaos_once_in(c, 6) ? people_any(c)
                                   : any_db(c));
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

/* A write is carried out, at once or much later, and nobody hears of it. */
static void answer_lost(struct chaos *c)
{
    static const enum call_kind WRITES[] = {
        CALL_DATABASE_CREATE,  CALL_DATABASE_CONFIGURE, CALL_DATABASE_DELETE, CALL_DATABASE_TOKEN,
        CALL_GROUP_CREATE,     CALL_GROUP_TOKEN,        CALL_DATABASE_UPLOAD, CALL_INVITE_SEND,
        CALL_INVITE_SEND,      CALL_MEMBER_ROLE,        CALL_MEMBER_REMOVE,   CALL_INVITE_REMOVE,
        CALL_API_TOKEN_CREATE, CALL_API_TOKEN_REVOKE};
    struct platform *p = &c->s.platform;
    bool late = chaos_once_in(c, 3);

    if (p->n_faults < PLATFORM_FAULTS_MAX)
        p->faults[p->n_faults++] =
            (struct platform_fault){.kind = WRITES[chaos_pick(c, ARRAY_SIZE(WRITES))],
                                    .outcome = OUTCOME_UNKNOWN,
                                    .committed = !late,
                                    .late_ms = late ? 1000 + chaos_pick(c, 60000) : 0,
                                    .times = 1 + (int)chaos_pick(c, 2),
                                    .retry_after_ms = -1,
                                    .takes_ms = chaos_once_in(c, 2) ? 30000 : -1};
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

    sim_forget_removals(&c->s);
    c->s.jumped_ms += by;
    by = chaos_once_in(c, 2) ? -by : by;
    c->s.wall_ms += by;
    c->s.ahead_ms += by;
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

/* Somebody else uploads to a draft. */
static void draft_filled(struct chaos *c)
{
    struct platform_db *d = platform_db(&c->s.platform, any_db(c));

    if (!d || !d->is_draft)
        return;
    d->is_draft = false;
    d->holds = 1000;
}

static void nothing(struct chaos *c)
{
    (void)c;
}

/* --- the table --- */

static const struct {
    const char *name;
    unsigned weight;
    void (*happen)(struct chaos *c);
} HAPPENINGS[] = {
    {"nothing", 10, nothing},
    {"manifest edited", 30, manifest_edited},
    {"manifest rewritten", 5, manifest_rewritten},
    {"a file is broken", 2, file_broken},
    {"a file is unreadable", 1, file_unreadable},
    {"a name is in two files", 1, name_twice},
    {"a file is gone", 1, file_gone},
    {"a directory is empty", 1, directory_emptied},
    {"a seed file changes", 6, seed_changed},
    {"configured", 3, configured},
    {"approved", 10, approved},
    {"rejected", 2, rejected},
    {"synced", 5, synced},
    {"restored", 3, restored},
    {"paused", 3, paused},
    {"resumed", 3, resumed},
    {"recreated", 4, recreated},
    {"released", 2, released},
    {"adopted", 2, adopted},
    {"purged", 4, purged},
    {"rotated", 3, rotated},
    {"credential read", 2, credential_read},
    {"database deleted outside", 3, db_deleted},
    {"database made outside", 3, db_made},
    {"database made anew outside", 2, db_remade},
    {"database restored outside", 2, db_restored},
    {"database configured outside", 6, db_reconfigured},
    {"draft filled outside", 1, draft_filled},
    {"API token revoked outside", 2, key_revoked},
    {"API token made outside", 1, key_made},
    {"API token of its own", 1, key_of_its_own},
    {"group made outside", 1, group_made},
    {"group deleted outside", 1, group_deleted},
    {"group configured outside", 1, group_reconfigured},
    {"invite accepted", 4, people_accepted},
    {"member or invite gone", 2, people_went},
    {"member or invite made outside", 1, people_came},
    {"role changed outside", 2, people_changed},
    {"token file removed", 3, file_of_token_gone},
    {"token file overwritten", 2, file_of_token_overwritten},
    {"lists lie", 4, list_lies},
    {"lists are honest", 4, lie_ends},
    {"pages", 2, paged},
    {"calls fail", 8, call_fails},
    {"answers are lost", 8, answer_lost},
    {"answers are slow", 4, answer_slow},
    {"calls work", 5, faults_end},
    {"latency", 2, latency_changed},
    {"ledger fails", 2, ledger_fails},
    {"ledger works", 5, ledger_works},
    {"token files fail", 2, files_fail},
    {"token files work", 4, files_work},
    {"hooks change", 2, hooks_change},
    {"clock jumps", 1, clock_jumps},
    {"suspended", 1, suspended},
    {"crashed", 4, crashed},
    {"stopped", 1, stopped},
    {"dies in a step", 2, dies_in_step},
};

void chaos_happen(struct chaos *c)
{
    unsigned total = 0;
    unsigned at;
    size_t i = 0;

    for (size_t k = 0; k < ARRAY_SIZE(HAPPENINGS); k++)
        total += HAPPENINGS[k].weight;
    at = chaos_pick(c, total);
    while (at >= HAPPENINGS[i].weight)
        at -= HAPPENINGS[i++].weight;
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
    faults_end(c);
    lie_ends(c);
    c->s.latency_ms = 40;
    c->s.hooks_fail = false;
    files_work(c);
    ledger_works(c);
    sim_forget_removals(&c->s);
    c->s.wall_ms -= c->s.ahead_ms;
    c->s.ahead_ms = 0;
    for (unsigned i = 0; i < MODEL_SEEDS; i++) {
        char path[16];

        snprintf(path, sizeof(path), "s%u.db", i);
        (void)platform_put_seed(&c->s.platform, path);
    }
    settings = model_settings(c, true);
    sim_configure(&c->s, settings);
    free(settings);
    model_write(c);
    sim_manifest(&c->s);
    all_resumed(c);
    credential_read(c);
}
