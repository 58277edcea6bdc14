/* chaos_operator: what operators do: approve, sync, restore, pause, and the commands.
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
#include "tests/proof/chaos_happen.h"

static void decided(struct chaos *c, bool approve)
{
    struct err err = ERR_INIT;
    struct plan plan;
    char id[17];

    sim_plan(&c->s, &plan);
    snprintf(id, sizeof(id), "%s", plan.id);
    plan_deinit(&plan);
    if (chaos_once_in(c, 8))
        id[0] = id[0] == '0' ? '1' : '0'; /* another plan than the present one */
    sim_say(&c->s, "%s %s", approve ? "approve" : "reject", id);
    (void)sim_decide(&c->s, approve, id, "seen", &err);
}

void operator_approved(struct chaos *c)
{
    decided(c, true);
}

void operator_rejected(struct chaos *c)
{
    decided(c, false);
}

void operator_synced(struct chaos *c)
{
    struct rc_event ev = {.kind = RC_SYNC};
    struct err err = ERR_INIT;

    if (chaos_once_in(c, 2)) {
        ev.resource_kind = chaos_once_in(c, 4) ? "group" : "database";
        ev.name = strcmp(ev.resource_kind, "group") == 0 ? chaos_any_group(c) : chaos_any_db(c);
    }
    (void)sim_step(&c->s, &ev, &err);
}

void operator_restored(struct chaos *c)
{
    bool is_group = chaos_once_in(c, 4);
    struct rc_event ev = {.kind = RC_RESTORE,
                          .resource_kind = is_group ? "group" : "database",
                          .name = is_group ? chaos_any_group(c) : chaos_any_db(c),
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
             which < 2 || which == 7 ? chaos_any_group(c) : chaos_any_db(c));
    return text;
}

static const char *any_thing(struct chaos *c)
{
    static char text[100];
    bool is_group = chaos_once_in(c, 4);

    snprintf(text, sizeof(text), "%s/%s", is_group ? "group" : "database",
             is_group ? chaos_any_group(c) : chaos_any_db(c));
    return text;
}

static void any_member(struct chaos *c, char *out, size_t size)
{
    snprintf(out, size, "member/%s", people_any(c));
    email_fold(out);
}

void operator_paused(struct chaos *c)
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

void operator_resumed(struct chaos *c)
{
    char text[32][120];
    size_t n = list_pauses(c, text, ARRAY_SIZE(text));

    if (n)
        operator_says(c, "%s", text[chaos_pick(c, (unsigned)n)]);
}

void operator_all_resumed(struct chaos *c)
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

void operator_recreated(struct chaos *c)
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

void operator_released(struct chaos *c)
{
    char text[100];

    any_member(c, text, sizeof(text));
    operator_says(c, "release %s", chaos_once_in(c, 4) ? text : any_owned(c, is_unnamed));
}

void operator_adopted(struct chaos *c)
{
    const char *name = chaos_any_db(c);
    const struct platform_db *d = platform_db(&c->s.platform, name);

    operator_says(c, "adopt database/%s id %s", name, d && !chaos_once_in(c, 6) ? d->id : "d-1");
}

void operator_purged(struct chaos *c)
{
    operator_says(c, "purge %s", any_owned(c, is_fenced));
}

void operator_rotated(struct chaos *c)
{
    if (chaos_once_in(c, 2))
        operator_says(c, "rotatetoken %s", any_resource(c));
    else
        operator_says(c, "rotatetoken %s invalidate%s", any_thing(c),
                      chaos_once_in(c, 4) ? " look" : "");
}

void operator_credential_read(struct chaos *c)
{
    sim_tell(&c->s, (struct rc_event){.kind = RC_CREDENTIAL});
}

/* So many may go, one call at a time, by that token. */
static void let_go(struct chaos *c, unsigned most, const char *delete_token)
{
    char settings[200];

    snprintf(settings, sizeof(settings),
             "api: {rate: 0, concurrency: 1, delete_token: %s}\n"
             "policy: {deletion_grace: 1h, guard: {max_deletes: %u, max_delete_percent: 100}}\n",
             delete_token, most);
    sim_configure(&c->s, settings);
}

static void take_all_out(struct chaos *c)
{
    for (unsigned i = 0; i < MODEL_DATABASES; i++)
        c->model.databases[i].absent = true;
    model_write(c);
    sim_manifest(&c->s);
}

/* Everything is taken out, and when the first have gone somebody tightens the guard. */
void operator_frightened(struct chaos *c)
{
    let_go(c, MODEL_DATABASES, "null");
    take_all_out(c);
    for (unsigned n = chaos_pick(c, 60); n && !*c->s.broken; n--)
        if (!sim_happen(&c->s, c->s.now_ms + 1000))
            break;
    let_go(c, 1, "null");
}

/* Everything is taken out, and the token for deletes is not good for them, once. */
void operator_loses_delete_token(struct chaos *c)
{
    struct platform *p = &c->s.platform;

    sim_run(&c->s, MINUTE_MS);
    let_go(c, MODEL_DATABASES, "{file: /d}");
    take_all_out(c);
    p->faults[p->n_faults++] = (struct platform_fault){.kind = CALL_DATABASE_DELETE,
                                                       .outcome = OUTCOME_UNAUTHORIZED,
                                                       .times = 1,
                                                       .retry_after_ms = -1,
                                                       .takes_ms = -1};
    sim_run(&c->s, 2 * 60 * MINUTE_MS);
}

/* An empty group is to go, and somebody puts a database in it that no list shows after a while. */
void operator_gives_up_group(struct chaos *c)
{
    struct platform *p = &c->s.platform;
    const char *group = model_group_name(MODEL_GROUP_GIVEN_UP);
    const char *name = chaos_any_db(c);

    sim_run(&c->s, MINUTE_MS);
    c->model.groups[MODEL_GROUP_GIVEN_UP].absent = true;
    model_write(c);
    sim_manifest(&c->s);
    sim_run(&c->s, MINUTE_MS);
    decided(c, true);
    if (*c->s.broken || !platform_group(p, group) || platform_db(p, name))
        return;
    platform_make_db(p, name, group);
    sim_run(&c->s, 25 * MINUTE_MS);
    p->lie = LIE_HIDE;
    snprintf(p->lie_name, sizeof(p->lie_name), "%s", name);
    sim_run(&c->s, 3 * 60 * MINUTE_MS);
}
