/* sim_script: scenarios as text.
 * In:    commands and what they led to when they were last looked at.
 * Out:   the same text with what they lead to now.
 * Never: judges; the caller compares. */
#include "tests/lib/sim_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"
#include "core/reconcile_private.h"
#include "lib/text.h"
#include "tests/lib/sim_script_private.h"

#define SETTLE_MS (3600 * 1000)

void script_bad(const struct script *c, const char *fmt, ...)
{
    char text[500];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fail_msg("%s:%u: %s", c->name, c->line, text);
}

/* --- words --- */

/* Take the next word off; "": none is left. */
const char *script_word(char **args)
{
    char *w = *args + strspn(*args, " ");
    char *end = w + strcspn(w, " ");

    *args = *end ? end + 1 : end;
    *end = '\0';
    return w;
}

int64_t script_duration(const struct script *c, const char *w)
{
    int64_t ms = 0;

    if (!text_parse_duration(w, &ms))
        script_bad(c, "'%s' is no duration", w);
    return ms;
}

bool script_takes(char **args, const char *prefix)
{
    size_t n = strlen(prefix);

    if (strncmp(*args, prefix, n) != 0)
        return false;
    *args += n;
    *args += strspn(*args, " ");
    return true;
}

enum config_field script_field(const struct script *c, const char *key)
{
    for (int f = 0; f < CONFIG_N; f++)
        if (strcmp(CONFIG_FIELD[f].key, key) == 0)
            return (enum config_field)f;
    script_bad(c, "there is no field %s", key);
    return CONFIG_N;
}

/* --- the manifest and the configuration --- */

static void begin(struct sim *s, const char *settings, size_t slice,
                  void (*after_step)(struct sim *s))
{
    sim_init(s, settings, 1);
    sim_slice(s, slice);
    s->after_step = after_step;
}

static void do_config(struct script *c, char *args)
{
    (void)args;
    if (c->s->steps == 0) {
        void (*after_step)(struct sim *) = c->s->after_step;
        size_t slice = c->s->look_slice;

        sim_deinit(c->s);
        begin(c->s, c->block, slice, after_step);
    } else {
        sim_configure(c->s, c->block);
    }
}

static void do_manifest(struct script *c, char *args)
{
    const char *path = script_word(&args);

    sim_file(c->s, *path ? path : "m.yaml", c->block, NULL);
    sim_manifest(c->s);
}

static void do_drop(struct script *c, char *args)
{
    sim_file(c->s, script_word(&args), NULL, NULL);
    sim_manifest(c->s);
}

static void do_unreadable(struct script *c, char *args)
{
    sim_file(c->s, script_word(&args), NULL, "Permission denied");
    sim_manifest(c->s);
}

/* --- time --- */

static void do_run(struct script *c, char *args)
{
    sim_run(c->s, script_duration(c, script_word(&args)));
    sim_say_changes(c->s);
}

static void do_settle(struct script *c, char *args)
{
    const char *most = script_word(&args);

    sim_settle(c->s, *most ? script_duration(c, most) : SETTLE_MS);
    sim_say_changes(c->s);
}

static void do_clock(struct script *c, char *args)
{
    const char *by = script_word(&args);
    int64_t ms = script_duration(c, by + 1);

    sim_move_clock(c->s, *by == '-' ? -ms : ms);
    c->s->jumped_ms += ms;
}

static void do_suspend(struct script *c, char *args)
{
    sim_suspend(c->s, script_duration(c, script_word(&args)));
}

static void do_stall(struct script *c, char *args)
{
    sim_stall(c->s, script_duration(c, script_word(&args)));
}

/* --- the operator --- */

static void do_sync(struct script *c, char *args)
{
    struct rc_event ev = {.kind = RC_SYNC};
    struct err err = ERR_INIT;
    char *slash = strchr(args, '/');

    sim_run(c->s, 10); /* what was just read is old enough to be looked at again */
    if (slash) {
        *slash = '\0';
        ev.resource_kind = args;
        ev.name = slash + 1;
    }
    if (sim_step(c->s, &ev, &err) != 0)
        sim_say(c->s, "? %s", err.msg);
}

static void do_credential(struct script *c, char *args)
{
    struct rc_event ev = {.kind = RC_CREDENTIAL};
    struct err err = ERR_INIT;

    (void)args;
    assert_int_equal(sim_step(c->s, &ev, &err), 0);
}

/* restore KIND/NAME [ID] */
static void do_restore(struct script *c, char *args)
{
    const char *reference = script_word(&args);
    char *name = strchr(reference, '/');
    struct rc_event ev = {.kind = RC_RESTORE, .text = *args ? args : NULL, .uid = 1000};
    struct err err = ERR_INIT;
    char kind[32];

    snprintf(kind, sizeof(kind), "%.*s", (int)(name - reference), reference);
    ev.resource_kind = kind;
    ev.name = name + 1;
    if (sim_step(c->s, &ev, &err) != 0)
        sim_say(c->s, "? %s", err.msg);
}

static void do_recovery(struct script *c, char *args)
{
    c->s->platform.recovers = strcmp(args, "on") == 0;
}

static void do_export(struct script *c, char *args)
{
    if (*args)
        script_bad(c, "export takes nothing");
    sim_export(c->s);
}

static void do_platform(struct script *c, char *args)
{
    if (!sim_platform(c->s, args))
        script_bad(c, "the platform cannot say %s", args);
}

static void do_watch(struct script *c, char *args)
{
    if (*args)
        script_bad(c, "watch takes nothing");
    sim_watch(c->s);
}

/* quota databases N | groups N | spent N | overages on|off */
static void do_quota(struct script *c, char *args)
{
    const char *what = script_word(&args);
    struct platform *p = &c->s->platform;

    if (strcmp(what, "databases") == 0)
        p->quota_databases = strtoll(args, NULL, 10);
    else if (strcmp(what, "groups") == 0)
        p->quota_groups = strtoll(args, NULL, 10);
    else if (strcmp(what, "spent") == 0)
        p->spent = strtoll(args, NULL, 10);
    else
        p->overages = strcmp(args, "on") == 0;
}

/* audit CODE NAME AUTHOR [TIMES]: so often, each about another one */
static void do_audit(struct script *c, char *args)
{
    const char *code = script_word(&args);
    const char *name = script_word(&args);
    const char *author = script_word(&args);
    long long times = *args ? strtoll(args, NULL, 10) : 1;
    char one[PLATFORM_NAME_BYTES];

    c->s->platform.wall_ms = c->s->wall_ms;
    for (long long i = 0; i < times; i++) {
        snprintf(one, sizeof(one), times > 1 ? "%s-%lld" : "%s", name, i);
        platform_note(&c->s->platform, code, one, author);
    }
}

static void do_operator(struct script *c, char *args)
{
    if (!sim_operator(c->s, args))
        script_bad(c, "an operator cannot %s", args);
}

/* approve [PLAN]: the present one, or one that is named */
static void operator_says(struct script *c, const char *named, bool approve)
{
    struct err err = ERR_INIT;
    struct plan plan;
    char id[17];

    sim_plan(c->s, &plan);
    snprintf(id, sizeof(id), "%s", *named ? named : plan.id);
    plan_deinit(&plan);
    if (sim_decide(c->s, approve, id, "seen", &err) != 0)
        sim_say(c->s, "? %s", err.msg);
}

static void do_approve(struct script *c, char *args)
{
    operator_says(c, args, true);
}

static void do_reject(struct script *c, char *args)
{
    operator_says(c, args, false);
}

/* expiry DURATION: the daemon's API token ends then; "never" */
static void do_expiry(struct script *c, char *args)
{
    const char *in = script_word(&args);

    c->s->platform.own_token_ends_ms =
        strcmp(in, "never") == 0 ? 0 : c->s->wall_ms + script_duration(c, in);
}

/* rights unrestricted | organization | GROUP SCOPES | role ROLE: what the daemon's API token may do
 */
static void do_rights(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *what = script_word(&args);

    if (strcmp(what, "role") == 0) {
        snprintf(p->own_role, sizeof(p->own_role), "%s", script_word(&args));
        return;
    }
    p->own_is_unrestricted = strcmp(what, "unrestricted") == 0;
    snprintf(p->own_group, sizeof(p->own_group), "%s", *args ? what : "");
    snprintf(p->own_scopes, sizeof(p->own_scopes), "%s", script_word(&args));
}

/* self ID [SECRET]: the daemon runs with that API token; "-": it tells no id */
static void do_self(struct script *c, char *args)
{
    const char *id = script_word(&args);

    snprintf(c->s->self_id, sizeof(c->s->self_id), "%s", strcmp(id, "-") == 0 ? "" : id);
    snprintf(c->s->self_hash, sizeof(c->s->self_hash), "%s", *args ? args : "self");
    reconcile_identify(c->s->rc, OWN_TOKEN, c->s->self_id, c->s->self_hash);
}

static void do_show(struct script *c, char *args)
{
    c->s->shows_reads = strcmp(args, "reads") == 0;
}

static void do_page(struct script *c, char *args)
{
    c->s->platform.page = (size_t)strtoul(args, NULL, 10);
}

/* slice RECORDS TURN: of passes */
static void do_slice(struct script *c, char *args)
{
    size_t records = (size_t)strtoul(script_word(&args), NULL, 10);

    sim_slice(c->s, SIZE_MAX); /* a look is taken over at once, whatever else is tried */
    sim_slice_passes(c->s, records, script_duration(c, script_word(&args)));
}

static void do_queue(struct script *c, char *args)
{
    sim_queue(c->s, (size_t)strtoul(args, NULL, 10));
}

/* turns N: so many things happen, and nothing after them */
static void do_turns(struct script *c, char *args)
{
    for (unsigned long n = strtoul(script_word(&args), NULL, 10); n; n--)
        sim_happen(c->s, c->s->now_ms + SETTLE_MS);
}

static void do_latency(struct script *c, char *args)
{
    c->s->latency_ms = script_duration(c, args);
}

/* --- a scenario --- */

static const struct {
    const char *name;
    void (*run)(struct script *c, char *args);
} COMMAND[] = {
    {"approve", do_approve},
    {"clock", do_clock},
    {"audit", do_audit},
    {"config", do_config},
    {"crash", script_crash},
    {"credential", do_credential},
    {"drop", do_drop},
    {"expiry", do_expiry},
    {"export", do_export},
    {"fault", script_fault},
    {"files", script_files},
    {"hooks", script_hooks},
    {"latency", do_latency},
    {"ledger", script_ledger},
    {"lie", script_lie},
    {"list", script_list},
    {"manifest", do_manifest},
    {"operator", do_operator},
    {"outside", script_outside},
    {"page", do_page},
    {"plan", script_plan},
    {"platform", do_platform},
    {"problems", script_problems},
    {"recovery", do_recovery},
    {"quota", do_quota},
    {"reject", do_reject},
    {"restore", do_restore},
    {"rows", script_rows},
    {"run", do_run},
    {"self", do_self},
    {"settle", do_settle},
    {"show", do_show},
    {"queue", do_queue},
    {"slice", do_slice},
    {"stall", do_stall},
    {"stop", script_stop},
    {"sync", do_sync},
    {"truth", script_truth},
    {"turns", do_turns},
    {"unreadable", do_unreadable},
    {"suspend", do_suspend},
    {"rights", do_rights},
    {"watch", do_watch},
    {"seed", script_seed},
    {"progress", script_progress},
    {"rest", script_rest},
};

static void run_command(struct script *c, char *line)
{
    char *args = line;
    const char *name = script_word(&args);

    for (size_t i = 0; i < ARRAY_SIZE(COMMAND); i++)
        if (strcmp(COMMAND[i].name, name) == 0) {
            COMMAND[i].run(c, args);
            return;
        }
    script_bad(c, "'%s' is no command", name);
}

/* What was said since, each line behind a bar. */
static void add_output(struct sim *s, struct buf *out)
{
    const char *from = buf_str(&s->out);

    while (*from) {
        size_t n = strcspn(from, "\n");

        buf_printf(out, "| %.*s\n", (int)n, from);
        from += n + (from[n] == '\n');
    }
    buf_clear(&s->out);
}

static bool next_line(const char **text, char *line, size_t size)
{
    size_t n = strcspn(*text, "\n");

    if (!**text)
        return false;
    assert_true(n < size);
    memcpy(line, *text, n);
    line[n] = '\0';
    *text += n + ((*text)[n] == '\n');
    return true;
}

static void take_block(struct script *c, const char **text, struct buf *block, struct buf *out)
{
    char line[1024];

    while (strncmp(*text, "  ", 2) == 0 && next_line(text, line, sizeof(line))) {
        buf_printf(block, "%s\n", line + 2);
        buf_printf(out, "%s\n", line);
        c->line++;
    }
}

char *sim_script_run(struct sim *s, const char *name, const char *text, size_t slice,
                     void (*after_step)(struct sim *s))
{
    struct script c = {.s = s, .name = name};
    struct buf out = BUF_INIT(1u << 22);
    char line[1024];
    char *result;

    begin(s, "", slice, after_step);
    while (next_line(&text, line, sizeof(line))) {
        struct buf block = BUF_INIT(1u << 20);

        c.line++;
        if (line[0] == '|')
            continue;
        buf_printf(&out, "%s\n", line);
        if (!line[0] || line[0] == '#')
            continue;
        take_block(&c, &text, &block, &out);
        c.block = buf_str(&block);
        if (!*s->broken)
            run_command(&c, line);
        if (s->is_lost && after_step)
            after_step(s);
        buf_deinit(&block);
        add_output(s, &out);
    }
    add_output(s, &out);
    result = strdup(buf_str(&out));
    buf_deinit(&out);
    return result;
}
