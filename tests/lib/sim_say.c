/* sim_say: the transcript: calls, failures, events, files, and what stands where.
 *     12s  > create database t-1 in eu
 *     12s  < create database t-1: no answer
 *     13s  . database/t-1 Created: created in eu, id d-2
 *          = database/t-1 Ready InSync
 * In:    what happens. Out: text. Never: anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "core/view.h"
#include "lib/json.h"
#include "lib/text.h"
#include "tests/lib/sim.h"

#define HISTORY_LEVEL 6 /* what is less is for the log alone */

void sim_say(struct sim *s, const char *fmt, ...)
{
    char time[TEXT_DURATION_SIZE];
    char line[1200];
    va_list ap;

    if (s->quiet)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    buf_printf(&s->out, "%10s  %s\n", text_duration(s->now_ms - s->start_ms, time), line);
}

static bool is_observation(const struct call *c)
{
    return c->kind == CALL_ORGANIZATION_GET || c->kind == CALL_GROUPS_LIST ||
           c->kind == CALL_DATABASES_LIST || c->ticket || c->kind == CALL_API_TOKENS_LIST ||
           c->kind == CALL_USER_GET || c->kind == CALL_INVITES_LIST || c->kind == CALL_MEMBERS_LIST;
}

static void describe(const struct call *c, char *out, size_t size)
{
    struct buf b = BUF_INIT(2000);

    buf_printf(&b, "%s%s%s", CALL_INFO[c->kind].name, c->name ? " " : "", c->name ? c->name : "");
    if (c->page)
        buf_printf(&b, ", page %u", c->page);
    if (c->cursor)
        buf_printf(&b, " from %s", c->cursor);
    if (c->group || c->location)
        buf_printf(&b, " in %s", c->group ? c->group : c->location);
    if (c->scopes)
        buf_printf(&b, " for %s", c->scopes);
    if (c->role)
        buf_printf(&b, " as %s", c->role);
    if (c->extensions)
        buf_printf(&b, " with %s", c->extensions);
    if (c->use_tursodb)
        buf_printf(&b, " as tursodb");
    if (c->key_name)
        buf_printf(&b, " encrypted %s%s%s", c->cipher ? c->cipher : "", c->cipher ? " " : "",
                   c->key_name);
    if (c->as_draft)
        buf_add_str(&b, " as a draft");
    if (c->seed_file)
        buf_printf(&b, " from %s", c->seed_file);
    if (c->seed_database)
        buf_printf(&b, " from %s%s%s", c->seed_database, c->seed_timestamp ? " at " : "",
                   c->seed_timestamp ? c->seed_timestamp : "");
    for (int f = 0; f < CONFIG_N; f++)
        if (c->config[f])
            buf_printf(&b, " %s=%s", CONFIG_FIELD[f].key, c->config[f]);
    if (c->target_id)
        buf_printf(&b, " %s", c->target_id);
    if (c->token_file)
        buf_printf(&b, " with %s", c->token_file);
    if (c->expiration)
        buf_printf(&b, " %s %s%s%s",
                   c->authorization == AUTH_READ_ONLY ? "read-only" : "full-access", c->expiration,
                   c->permissions ? " " : "", c->permissions ? c->permissions : "");
    snprintf(out, size, "%s", buf_str(&b));
    buf_deinit(&b);
}

void sim_say_call(struct sim *s, const struct call *c)
{
    char text[600];

    if (s->quiet || (is_observation(c) && !s->shows_reads))
        return;
    describe(c, text, sizeof(text));
    sim_say(s, "> %s", text);
}

void sim_say_answer(struct sim *s, const struct call *c, const struct answer *a)
{
    if (a->outcome != OUTCOME_OK)
        sim_say(s, "< %s%s%s: %s%s%s", CALL_INFO[c->kind].name, c->name ? " " : "",
                c->name ? c->name : "", OUTCOME_INFO[a->outcome].text, *a->error ? ": " : "",
                a->error);
}

void sim_say_events(struct sim *s, const struct effects *fx)
{
    for (size_t i = 0; !s->quiet && i < fx->n_ops; i++) {
        const struct event *e = fx->ops[i].row;

        if (fx->ops[i].table == LEDGER_EVENT && e->level <= HISTORY_LEVEL)
            sim_say(s, ". %s%s%s %s: %s", e->kind, *e->name ? "/" : "", e->name, e->what,
                    e->message);
    }
}

void sim_say_restored(struct sim *s)
{
    char text[512];
    int rv;

    if (reconcile_restored(s->rc, &rv, text, sizeof(text)))
        sim_say(s, "? %s", text);
}

/* --- what stands where --- */

static struct sim_seen *seen(struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->n_seen; i++)
        if (strcmp(s->seen[i].name, name) == 0)
            return &s->seen[i];
    s->seen = realloc(s->seen, (s->n_seen + 1) * sizeof(*s->seen));
    assert_non_null(s->seen);
    s->seen[s->n_seen] = (struct sim_seen){.name = strdup(name), .text = strdup("")};
    return &s->seen[s->n_seen++];
}

const char *sim_shown(struct json_object *o, const char *key)
{
    const char *text;

    return json_get_str(o, key, &text) ? text : "";
}

static void say_record(struct sim *s, struct json_object *o, bool always)
{
    const char *phase = sim_shown(o, "phase");
    bool tells = strcmp(phase, "Blocked") == 0 || strcmp(phase, "Retrying") == 0 ||
                 strcmp(sim_shown(o, "reason"), "Uploading") == 0;
    char name[200];
    char text[900];
    struct sim_seen *last;

    snprintf(name, sizeof(name), "%s/%s", sim_shown(o, "kind"), sim_shown(o, "name"));
    snprintf(text, sizeof(text), "%s %s%s%s", phase, sim_shown(o, "reason"), tells ? ": " : "",
             tells ? sim_shown(o, "message") : "");
    last = seen(s, name);
    if (!always && strcmp(last->text, text) == 0)
        return;
    free(last->text);
    last->text = strdup(text);
    buf_printf(&s->out, "            = %s %s\n", name, text);
}

static void say_records(struct sim *s, bool always)
{
    struct view_cursor cursor = VIEW_CURSOR_INIT;
    struct view_filter filter = {0};
    struct json_object *o = NULL;

    while (view_next(s->rc, &filter, &cursor, &o) == 0 && o) {
        say_record(s, o, always);
        json_object_put(o);
    }
    view_cursor_deinit(&cursor);
}

void sim_say_list(struct sim *s)
{
    say_records(s, true);
}

void sim_say_changes(struct sim *s)
{
    int state = (int)sim_state(s);

    say_records(s, false);
    if (state != s->state_shown)
        buf_printf(&s->out, "            = %s\n", STATE_NAME[state]);
    s->state_shown = state;
}

void sim_say_rest(struct sim *s)
{
    const struct fleet *f = &s->rc->fleet;

    for (size_t at = 0; at < f->n_databases; at++)
        buf_printf(&s->out, "%s %s\n", fleet_database_name(f, at),
                   !fleet_is_packed(f, at)              ? "whole"
                   : fleet_flags(f, at) & PACKED_STEADY ? "steady"
                                                        : "packed");
}

void sim_say_deinit(struct sim *s)
{
    for (size_t i = 0; i < s->n_seen; i++) {
        free(s->seen[i].name);
        free(s->seen[i].text);
    }
    free(s->seen);
    s->seen = NULL;
    s->n_seen = 0;
}

/* --- the truth --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void say_db_truth(const struct platform_db *d, struct buf *b)
{
    buf_printf(b, "database %s in %s%s%s", d->name, d->group, d->use_tursodb ? " tursodb" : "",
               d->is_draft ? " DRAFT" : "");
    if (d->holds)
        buf_printf(b, " holding s-%u", d->holds);
    for (int f = 0; f < CONFIG_N; f++)
        if (*d->config[f] && strcmp(d->config[f], "false") != 0 && strcmp(d->config[f], "0") != 0)
            buf_printf(b, " %s=%s", CONFIG_FIELD[f].key, d->config[f]);
}

static void say_file_truth(struct sim *s, const struct sim_file *f, struct buf *b)
{
    const struct platform_token *t = platform_token(&s->platform, f->hash);
    const char *target = "nothing";

    for (size_t i = 0; t && i < s->platform.n_databases; i++)
        if (s->platform.databases[i].live && strcmp(s->platform.databases[i].id, t->target_id) == 0)
            target = s->platform.databases[i].name;
    for (size_t i = 0; t && i < s->platform.n_groups; i++)
        if (s->platform.groups[i].live && strcmp(s->platform.groups[i].id, t->target_id) == 0)
            target = s->platform.groups[i].name;
    if (platform_api_secret(&s->platform, f->hash))
        target = platform_api_secret(&s->platform, f->hash)->name;
    buf_printf(b, "file %s mode %o opens %s%s%s%s", f->path, f->mode, target,
               t && t->dead ? " DEAD" : "",
               t && t->authorization == AUTH_READ_ONLY ? " read-only" : "",
               t && t->expires_ms && t->expires_ms <= s->wall_ms ? " EXPIRED" : "");
}

static char *say_api_token_truth(const struct platform_api_token *t)
{
    char line[400];

    snprintf(line, sizeof(line), "api-token %s of %s%s%s by %s", t->name,
             *t->group ? t->group : "the organization", *t->scopes ? " for " : "", t->scopes,
             t->owner);
    return strdup(line);
}

static char *say_person_truth(const struct platform_person *one)
{
    char line[300];

    snprintf(line, sizeof(line), "%s %s as %s%s%s", *one->username ? "member" : "invite",
             one->email, one->role, *one->username ? ", " : "", one->username);
    return strdup(line);
}

void sim_say_truth(struct sim *s, struct buf *out)
{
    const struct platform *p = &s->platform;
    char *lines[2 * PLATFORM_MAX + SIM_FILES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < p->n_api_tokens; i++)
        if (p->api_tokens[i].live)
            lines[n++] = say_api_token_truth(&p->api_tokens[i]);
    for (size_t i = 1; i < p->n_people; i++)
        if (p->people[i].live)
            lines[n++] = say_person_truth(&p->people[i]);
    for (size_t i = 0; i < p->n_groups + p->n_databases + s->n_files; i++) {
        struct buf b = BUF_INIT(2000);
        size_t d = i - p->n_groups;

        if (i < p->n_groups && p->groups[i].live)
            buf_printf(&b, "group %s in %s%s", p->groups[i].name, p->groups[i].locations[0],
                       p->groups[i].protection ? " protected" : "");
        else if (i >= p->n_groups && d < p->n_databases && p->databases[d].live)
            say_db_truth(&p->databases[d], &b);
        else if (i >= p->n_groups + p->n_databases)
            say_file_truth(s, &s->files[d - p->n_databases], &b);
        if (b.size)
            lines[n++] = strdup(buf_str(&b));
        buf_deinit(&b);
    }
    if (n)
        qsort((void *)lines, n, sizeof(char *), by_text);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s\n", lines[i]);
        free(lines[i]);
    }
}
