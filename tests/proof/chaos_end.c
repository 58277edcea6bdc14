/* chaos_end: is all as it should be, now that time has passed and nothing fails any more? What
 * every record is said to be is compared with the truth, by a table: phase, reason, and what must
 * be true then. What has no row cannot be an end.
 * In:    a simulation that has settled.
 * Out:   the first thing that is not so.
 * Never: changes anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/view.h"
#include "lib/json.h"
#include "lib/text.h"
#include "tests/proof/chaos.h"

/* A configuration that is read as often as this has been, by the end. */
#define SOON_READ_MS (INT64_C(60) * 60 * 1000)

struct end {
    struct sim *s;
    const char *name;
    const struct db_entry *entry;   /* the manifest's; NULL: none */
    const struct owned *own;        /* the ledger's row of a group or database; NULL: none */
    const struct platform_db *live; /* a database's truth */
    const struct platform_group *group;
    const struct token_want *token;
    const struct api_token_want *key;
    const struct held_token *held;
};

static bool is_live(const struct end *e)
{
    return e->live || e->group;
}

static bool is_ours(const struct end *e)
{
    const char *id = e->live ? e->live->id : e->group ? e->group->id : NULL;

    return id && e->own && text_is(e->own->state, "owned") && text_is(e->own->id, id);
}

static bool is_fenced(const struct end *e)
{
    return e->own && e->own->fence && !text_is(e->own->fence, "lifted");
}

/* --- what must be true --- */

/* One that was let go and taken over again does not tell that its file is still to come. */
static bool is_known_draft(const struct end *e)
{
    return e->live->is_draft && !text_is(e->own->origin, "adopted");
}

/* Its users are kept out, by the daemon's doing and not by the entry's word. */
static bool is_shut(const struct end *e, const struct db_want *w)
{
    for (int f = CONFIG_BLOCK_READS; e->live && f <= CONFIG_BLOCK_WRITES; f++)
        if (e->live->shut[f] && !(w && text_is(w->config.value[f], "true")))
            return true;
    return false;
}

static bool as_wanted(const struct end *e)
{
    const struct db_want *w = e->entry ? db_entry_want(e->entry) : NULL;

    if (!w || w->absent || !is_ours(e) || is_fenced(e) || is_shut(e, w) || e->own->upload ||
        is_known_draft(e) || (w->group && strcmp(w->group, e->live->group) != 0))
        return false;
    for (int f = 0; f < CONFIG_N; f++) {
        struct platform_db want = {0};

        if (!w->config.value[f])
            continue;
        platform_set(&want, (enum config_field)f, w->config.value[f]);
        if (strcmp(want.config[f], e->live->config[f]) != 0 &&
            !(e->live->moved[f] && e->s->config->reconcile.config_sweep_ms > SOON_READ_MS))
            return false;
    }
    return true;
}

static bool ours(const struct end *e)
{
    return is_ours(e) && !is_fenced(e) && !is_shut(e, e->entry ? db_entry_want(e->entry) : NULL);
}

static bool in_doubt(const struct end *e)
{
    return is_ours(e) && e->own->upload && !is_fenced(e);
}

static bool not_live(const struct end *e)
{
    return !is_live(e);
}

static bool not_ours(const struct end *e)
{
    return is_live(e) && !(e->own && text_is(e->own->state, "owned"));
}

/* Either nothing can be made in its group, or its own host cannot answer. */
static bool archived(const struct end *e)
{
    const struct platform_group *g =
        e->live ? platform_group(&e->s->platform, e->live->group) : NULL;

    return !is_live(e) || (g && g->archived);
}

static bool anothers(const struct end *e)
{
    return is_live(e) && !is_ours(e);
}

static bool ours_and_gone(const struct end *e)
{
    return e->own && text_is(e->own->state, "owned") && !is_ours(e);
}

static bool live(const struct end *e)
{
    return is_live(e);
}

static bool lately_deleted(const struct end *e)
{
    bool was_there = e->own && text_is(e->own->state, "deleted");

    for (size_t i = 0; i < e->s->platform.n_databases; i++)
        was_there = was_there || text_is(e->s->platform.databases[i].name, e->name);
    return was_there && !is_live(e);
}

static bool unnamed(const struct end *e)
{
    return ours(e) && !e->entry && (!e->group || !desired_group(&e->s->want, e->name));
}

static bool going(const struct end *e) /* its grace began lately */
{
    return is_ours(e);
}

/* Its keys were rotated twice, and by a clock that was put right between in one hour. */
static bool dead_within_the_hour(const struct end *e)
{
    return ours(e) && e->s->jumped_ms;
}

static bool any(const struct end *e)
{
    (void)e;
    return true;
}

/* Its host is asked as often as its configuration is read, but while somebody has it answer nobody.
 */
static bool is_probed(const struct end *e)
{
    const struct platform_group *g =
        e->live ? platform_group(&e->s->platform, e->live->group) : NULL;

    return e->s->config->reconcile.config_sweep_ms <= SOON_READ_MS && e->entry &&
           db_entry_want(e->entry)->probe && as_wanted(e) && !e->own->expired && g &&
           !text_is(e->live->config[CONFIG_BLOCK_READS], "true") && !g->archived &&
           sim_residency_allows(db_entry_want(e->entry)->residency, g->name, g);
}

/* Another token of the same was minted since its keys were rotated: its host may be asked with it.
 */
static bool has_live_one(const struct end *e, const struct platform_token *t)
{
    const struct platform *p = &e->s->platform;

    for (size_t i = 0; i < p->n_tokens; i++)
        if (p->tokens[i].by_daemon && !p->tokens[i].dead &&
            strcmp(p->tokens[i].target_id, t->target_id) == 0)
            return true;
    return false;
}

/* Somebody rotated the keys, and nothing that is probed could have told. */
static bool is_secretly_dead(const struct end *e, const struct platform_token *t)
{
    return t->was_killed && (!is_probed(e) || has_live_one(e, t));
}

/* The file holds a token that opens what is ours, and that works. */
static bool published(const struct end *e)
{
    const struct sim_file *f = e->held ? sim_find_file(e->s, e->held->file) : NULL;
    const struct platform_token *t = f ? platform_token(&e->s->platform, f->hash) : NULL;

    if (f && f->by_stranger)
        return true; /* that there is a file is all that is looked at */
    return t && is_ours(e) && text_is(e->own->id, t->target_id) &&
           (!t->dead || is_secretly_dead(e, t)) &&
           (!t->expires_ms || t->expires_ms > e->s->wall_ms) &&
           (!e->token || t->authorization == e->token->authorization);
}

static bool no_file_of_it(const struct end *e)
{
    for (size_t i = 0; e->held && e->held->hash && i < e->s->n_files; i++)
        if (text_is(e->held->file, e->s->files[i].path) &&
            text_is(e->held->hash, e->s->files[i].hash) &&
            e->held->format == (int64_t)e->s->files[i].format)
            return false; /* in another format it is not what we wrote there */
    return true;
}

static bool target_not_ours(const struct end *e)
{
    return !is_ours(e) || e->own->upload;
}

/* --- API tokens --- */

static const struct platform_api_token *key_in_file(const struct end *e)
{
    const struct sim_file *f = e->held && e->held->file ? sim_find_file(e->s, e->held->file) : NULL;

    return f ? platform_api_secret(&e->s->platform, f->hash) : NULL;
}

/* The ledger knows of one of that name. */
static bool has_key(const struct end *e)
{
    for (size_t i = 0; i < e->s->ledger.n; i++)
        if (e->s->ledger.rows[i].table == LEDGER_ISSUED &&
            text_is(((const struct issued *)e->s->ledger.rows[i].row)->name, e->name))
            return true;
    return false;
}

/* What is in its file is live, and good for what the manifest says; or a stranger wrote it. */
static bool works(const struct end *e)
{
    const struct sim_file *f = e->held && e->held->file ? sim_find_file(e->s, e->held->file) : NULL;
    const struct platform_api_token *t = key_in_file(e);

    if (f && f->by_stranger)
        return true;
    return e->key && t && t->live && t->by_daemon &&
           text_is(t->group, e->key->group ? e->key->group : "") &&
           text_is(t->scopes, e->key->scopes ? e->key->scopes : "");
}

static bool no_key(const struct end *e)
{
    return !has_key(e) && !key_in_file(e);
}

static bool revoked_by_others(const struct end *e)
{
    const struct platform_api_token *t = key_in_file(e);

    return has_key(e) && !(t && t->live);
}

/* Whether it was made is not known, and what has its name says nothing of that. */
static bool is_key_taken(const struct end *e)
{
    char name[PLATFORM_NAME_BYTES + 32];

    for (size_t i = 0; i < e->s->ledger.n; i++) {
        const struct issued *row = e->s->ledger.rows[i].row;

        if (e->s->ledger.rows[i].table != LEDGER_ISSUED || !text_is(row->name, e->name) || row->id)
            continue;
        snprintf(name, sizeof(name), "%s--g%lld", row->name, (long long)row->generation);
        if (platform_api_token(&e->s->platform, name))
            return true;
    }
    return false;
}

/* --- the table --- */

struct ending {
    const char *what; /* PHASE REASON */
    bool (*holds)(const struct end *e);
};
/* clang-format off: tables */
static const struct ending DATABASE[] = {
    {"Ready InSync", as_wanted},
    {"Ready Drifted", ours},
    {"Ready Absent", not_live},
    {"Ready Observed", live},
    {"Blocked NotFound", not_live},
    {"Blocked Conflict", anothers},
    {"Blocked NotOwned", not_ours},
    {"Blocked GroupChange", ours},
    {"Blocked ResidencyViolated", any},
    {"Blocked NoGroup", not_live},
    {"Blocked GroupMissing", not_live},
    {"Blocked GroupBlocked", not_live},
    {"Blocked Archived", archived},
    {"Blocked RecentlyDeleted", lately_deleted},
    {"Blocked UploadUnknown", in_doubt},
    {"Blocked Protected", ours},
    {"Blocked DeleteProtected", ours},
    {"Blocked Contended", ours},
    {"Blocked TokenDead", dead_within_the_hour},
    {"Blocked Rejected", any},
    {"Pending WaitingForSeed", not_live},
    {"Missing Vanished", ours_and_gone},
    {"Orphaned NotInManifest", unnamed},
    {"Orphaned AdoptedRecently", unnamed},
    {"Deleting Grace", going},
    {NULL, NULL},
};
static const struct ending GROUP[] = {
    {"Ready InSync", ours},
    {"Ready Absent", not_live},
    {"Blocked NotOwned", not_ours},
    {"Blocked Conflict", anothers},
    {"Blocked LocationChange", live},
    {"Blocked Archived", ours},
    {"Blocked NotEmpty", ours},
    {"Blocked DeleteProtected", ours},
    {"Blocked Rejected", ours},
    {"Missing Vanished", ours_and_gone},
    {"Orphaned NotInManifest", unnamed},
    {"Deleting Grace", going},
    {NULL, NULL},
};
static const struct ending TOKEN[] = {
    {"Ready InSync", published},
    {"Ready Absent", no_file_of_it},
    {"Orphaned StillValid", no_file_of_it},
    {"Blocked Rejected", is_ours},
    {"Blocked TargetBlocked", target_not_ours},
    {"Pending WaitingForTarget", target_not_ours},
    {"Deleting Grace", is_ours},
    {NULL, NULL},
};
static const struct ending KEY[] = {
    {"Ready InSync", works},
    {"Ready Absent", no_key},
    {"Missing Vanished", revoked_by_others},
    {"Orphaned NotInManifest", has_key},
    {"Blocked OwnToken", has_key},
    {"Blocked Conflict", is_key_taken},
    {"Blocked Rejected", has_key},
    {"Blocked GroupMissing", any},
    {"Blocked GroupBlocked", any},
    {"Pending WaitingForGroup", any},
    {NULL, NULL},
};
/* clang-format on */

static void look_up_key(struct sim *s, const char *name, struct end *e)
{
    char key[320];

    snprintf(key, sizeof(key), "api-token//%s", name);
    e->held = sim_row(&s->ledger, LEDGER_TOKEN, key);
    for (size_t i = 0; i < s->want.n_api_tokens; i++)
        if (text_is(s->want.api_tokens[i].token.name, name))
            e->key = &s->want.api_tokens[i];
}

static void look_up(struct sim *s, bool is_group, const char *name, struct end *e)
{
    e->own = sim_owned(&s->ledger, is_group ? "group" : "database", name);
    if (is_group)
        e->group = platform_group(&s->platform, name);
    else
        e->live = platform_db(&s->platform, name);
    if (!is_group)
        e->entry = desired_database(&s->want, name);
}

static void look_up_token(struct sim *s, const char *kind, const char *name, struct end *e)
{
    const char *slash = strchr(name, '/');
    char target[PLATFORM_NAME_BYTES];
    char key[320];
    const struct group_want *g;
    const struct token_want *tokens;
    size_t n;

    snprintf(target, sizeof(target), "%.*s", (int)(slash - name), name);
    snprintf(key, sizeof(key), "%s/%s", kind, name);
    look_up(s, strcmp(kind, "group-token") == 0, target, e);
    e->held = sim_row(&s->ledger, LEDGER_TOKEN, key);
    g = strcmp(kind, "group-token") == 0 ? desired_group(&s->want, target) : NULL;
    tokens = g ? g->tokens : e->entry ? db_entry_want(e->entry)->tokens : NULL;
    n = g ? g->n_tokens : e->entry ? db_entry_want(e->entry)->n_tokens : 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(tokens[i].name, slash + 1) == 0)
            e->token = &tokens[i];
}

static void check_record(struct sim *s, struct json_object *o)
{
    struct end e = {.s = s, .name = sim_shown(o, "name")};
    const struct ending *row = TOKEN;
    const char *kind = sim_shown(o, "kind");
    char what[100];

    snprintf(what, sizeof(what), "%s %s", sim_shown(o, "phase"), sim_shown(o, "reason"));
    if (strcmp(kind, "member") == 0) {
        people_check(s, e.name, what);
        return;
    }
    if (strcmp(kind, "database") == 0 || strcmp(kind, "group") == 0) {
        look_up(s, strcmp(kind, "group") == 0, e.name, &e);
        row = strcmp(kind, "group") == 0 ? GROUP : DATABASE;
    } else if (strcmp(kind, "api-token") == 0) {
        look_up_key(s, e.name, &e);
        row = KEY;
    } else {
        look_up_token(s, kind, e.name, &e);
    }
    while (row->what && strcmp(row->what, what) != 0)
        row++;
    if (!row->what)
        sim_break(s, "in the end %s/%s is %s", kind, e.name, what);
    else if (!row->holds(&e))
        sim_break(s, "in the end %s/%s is said to be %s, and is not", kind, e.name, what);
}

static void check_records(struct sim *s)
{
    struct view_cursor cursor = VIEW_CURSOR_INIT;
    struct view_filter filter = {0};
    struct json_object *o = NULL;

    while (!*s->broken && view_next(s->rc, &filter, &cursor, &o) == 0 && o) {
        check_record(s, o);
        json_object_put(o);
    }
    view_cursor_deinit(&cursor);
}

void chaos_check_end(struct chaos *c)
{
    check_records(&c->s);
    chaos_check_known(&c->s);
}
