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
#include "core/view.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define SETTLE_MS (3600 * 1000)

struct script {
    struct sim *s;
    const char *name;
    unsigned line;
    const char *block; /* the command's text, its indent taken off; "" */
};

static void PRINTF(2, 3) bad(const struct script *c, const char *fmt, ...)
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
static const char *word(char **args)
{
    char *w = *args + strspn(*args, " ");
    char *end = w + strcspn(w, " ");

    *args = *end ? end + 1 : end;
    *end = '\0';
    return w;
}

static int64_t duration(const struct script *c, const char *w)
{
    int64_t ms = 0;

    if (!text_parse_duration(w, &ms))
        bad(c, "'%s' is no duration", w);
    return ms;
}

static bool takes(char **args, const char *prefix)
{
    size_t n = strlen(prefix);

    if (strncmp(*args, prefix, n) != 0)
        return false;
    *args += n;
    *args += strspn(*args, " ");
    return true;
}

static enum config_field field(const struct script *c, const char *key)
{
    for (int f = 0; f < CONFIG_N; f++)
        if (strcmp(CONFIG_FIELD[f].key, key) == 0)
            return (enum config_field)f;
    bad(c, "there is no field %s", key);
    return CONFIG_N;
}

/* --- the manifest and the configuration --- */

static void do_config(struct script *c, char *args)
{
    (void)args;
    if (c->s->steps == 0) {
        void (*after_step)(struct sim *) = c->s->after_step;

        sim_deinit(c->s);
        sim_init(c->s, c->block, 1);
        c->s->after_step = after_step;
    } else {
        sim_configure(c->s, c->block);
    }
}

static void do_manifest(struct script *c, char *args)
{
    const char *path = word(&args);

    sim_file(c->s, *path ? path : "m.yaml", c->block, NULL);
    sim_manifest(c->s);
}

static void do_drop(struct script *c, char *args)
{
    sim_file(c->s, word(&args), NULL, NULL);
    sim_manifest(c->s);
}

static void do_unreadable(struct script *c, char *args)
{
    sim_file(c->s, word(&args), NULL, "Permission denied");
    sim_manifest(c->s);
}

/* --- time --- */

static void do_run(struct script *c, char *args)
{
    sim_run(c->s, duration(c, word(&args)));
    sim_say_changes(c->s);
}

static void do_settle(struct script *c, char *args)
{
    const char *most = word(&args);

    sim_settle(c->s, *most ? duration(c, most) : SETTLE_MS);
    sim_say_changes(c->s);
}

static void do_clock(struct script *c, char *args)
{
    const char *by = word(&args);
    int64_t ms = duration(c, by + 1);

    c->s->wall_ms += *by == '-' ? -ms : ms;
    c->s->ahead_ms += *by == '-' ? -ms : ms;
    c->s->jumped_ms += ms;
}

static void do_suspend(struct script *c, char *args)
{
    sim_suspend(c->s, duration(c, word(&args)));
}

/* --- what goes wrong --- */

static enum outcome outcome_of(const struct script *c, const char *text)
{
    for (int o = 0; o < OUTCOME_N; o++)
        if (strcmp(OUTCOME_INFO[o].text, text) == 0)
            return (enum outcome)o;
    bad(c, "'%s' is no outcome", text);
    return OUTCOME_N;
}

static void fault_option(const struct script *c, struct platform_fault *f, char *option)
{
    if (takes(&option, "says "))
        snprintf(f->says, sizeof(f->says), "%s", option);
    else if (takes(&option, "retry after "))
        f->retry_after_ms = duration(c, option);
    else if (takes(&option, "takes "))
        f->takes_ms = duration(c, option);
    else if (takes(&option, "late "))
        f->late_ms = duration(c, option);
    else if (strcmp(option, "honest") == 0)
        f->is_honest = true;
    else if (strcmp(option, "committed") == 0)
        f->committed = true;
    else if (strcmp(option, "always") == 0)
        f->times = -1;
    else if (strstr(option, " times"))
        f->times = (int)strtol(option, NULL, 10);
    else
        bad(c, "'%s' is no option of a fault", option);
}

/* fault KIND [NAME]: OUTCOME[, OPTION]... */
static void do_fault(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    struct platform_fault f = {.kind = CALL_N, .times = 1, .retry_after_ms = -1, .takes_ms = -1};
    char *colon = strstr(args, ": ");
    char *save = NULL;
    char *part;
    size_t best = 0;

    if (strcmp(args, "off") == 0) {
        p->n_faults = 0;
        return;
    }
    if (!colon || p->n_faults == PLATFORM_FAULTS_MAX)
        bad(c, "a fault is KIND [NAME]: OUTCOME");
    *colon = '\0';
    for (int k = 0; k < CALL_N; k++) {
        size_t n = strlen(CALL_INFO[k].name);

        if (n > best && strncmp(args, CALL_INFO[k].name, n) == 0) {
            f.kind = (enum call_kind)k;
            best = n;
        }
    }
    if (!best)
        bad(c, "'%s' is no call", args);
    snprintf(f.name, sizeof(f.name), "%s", args + best + strspn(args + best, " "));
    part = strtok_r(colon + 2, ",", &save);
    f.outcome = outcome_of(c, part);
    while ((part = strtok_r(NULL, ",", &save)))
        fault_option(c, &f, part + strspn(part, " "));
    p->faults[p->n_faults++] = f;
}

static void do_lie(struct script *c, char *args)
{
    static const char *const NAME[] = {
        [LIE_NONE] = "off",    [LIE_EMPTY] = "empty",   [LIE_SHORT] = "short",
        [LIE_HIDE] = "hide",   [LIE_TWICE] = "twice",   [LIE_SAME_ID] = "same-id",
        [LIE_STALE] = "stale", [LIE_CURSOR] = "cursor", [LIE_ORGANIZATION] = "organization",
        [LIE_FENCE] = "fence"};
    struct platform *p = &c->s->platform;
    const char *which = word(&args);

    for (size_t i = 0; i < ARRAY_SIZE(NAME); i++) {
        if (strcmp(NAME[i], which) != 0)
            continue;
        p->lie = (enum platform_lie)i;
        snprintf(p->lie_name, sizeof(p->lie_name), "%s", args);
        p->lie_number = (size_t)strtoul(args, NULL, 10);
        if (p->lie == LIE_STALE)
            platform_remember(p);
        return;
    }
    bad(c, "'%s' is no lie", which);
}

/* fails, works; is copied, is lost: as the shell notes it before the next start */
static void do_ledger(struct script *c, char *args)
{
    const char *what = word(&args);
    char now[24];

    snprintf(now, sizeof(now), "%lld", (long long)c->s->wall_ms);
    if (strcmp(what, "is") == 0)
        sim_ledger_set(&c->s->ledger, strcmp(args, "lost") == 0 ? "lost" : "copy", now);
    else
        sim_ledger_fails(c->s, strcmp(what, "fails") == 0);
}

static void do_files(struct script *c, char *args)
{
    const char *how = word(&args);

    c->s->files_say = strcmp(how, "fail") == 0       ? FILE_FAILED
                      : strcmp(how, "unmarked") == 0 ? FILE_UNMARKED
                                                     : FILE_DONE;
}

static void do_hooks(struct script *c, char *args)
{
    c->s->hooks_fail = strcmp(word(&args), "fail") == 0;
}

/* crash [undone] [DURATION]: what was under way is done, or not. */
static void do_crash(struct script *c, char *args)
{
    bool undone = takes(&args, "undone");

    sim_crash(c->s, undone ? SIM_UNDONE : SIM_DONE, *args ? duration(c, args) : 0);
}

static void do_stop(struct script *c, char *args)
{
    (void)args;
    sim_stop(c->s);
}

/* --- people --- */

static void outside_make(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *kind = word(&args);
    bool is_group = strcmp(kind, "group") == 0;
    const char *name = word(&args);

    word(&args); /* in, of */
    if (strcmp(kind, "api-token") == 0) {
        const char *group = word(&args);

        platform_make_api_token(p, name, *group ? group : NULL, *args ? args : NULL);
    } else if (strcmp(kind, "member") == 0 || strcmp(kind, "invite") == 0) {
        const char *role = word(&args);

        platform_make_person(p, name, role, args); /* as ROLE USERNAME; an invite: as ROLE */
    } else if (is_group) {
        platform_make_group(p, name, word(&args));
    } else {
        platform_make_db(p, name, word(&args));
    }
}

static void outside_delete(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *kind = word(&args);
    const char *name = word(&args);

    p->wall_ms = c->s->wall_ms;
    if (strcmp(kind, "api-token") == 0)
        platform_api_token(p, name)->live = false;
    else if (strcmp(kind, "member") == 0 || strcmp(kind, "invite") == 0)
        platform_person(p, name, *kind == 'i')->live = false;
    else if (strcmp(kind, "group") == 0)
        platform_drop_group(p, platform_group(p, name));
    else
        platform_drop_db(p, platform_db(p, name));
}

/* set database NAME FIELD VALUE, set group NAME protection|archived VALUE,
 * set member EMAIL role|username VALUE */
static void outside_set(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *kind = word(&args);
    bool is_group = strcmp(kind, "group") == 0;
    const char *name = word(&args);
    const char *key = word(&args);
    struct platform_person *one =
        strcmp(kind, "member") == 0 ? platform_person(p, name, false) : NULL;

    if (one)
        snprintf(strcmp(key, "role") == 0 ? one->role : one->username, sizeof(one->role), "%s",
                 args);
    else if (!is_group)
        platform_set(platform_db(p, name), field(c, key), args);
    else if (strcmp(key, "protection") == 0)
        platform_group(p, name)->protection = strcmp(args, "true") == 0;
    else
        platform_group(p, name)->archived = strcmp(args, "true") == 0;
}

/* accept EMAIL USERNAME: who was invited is a member */
static void outside_accept(struct script *c, char *args)
{
    const char *email = word(&args);
    struct platform_person *one = platform_person(&c->s->platform, email, true);

    if (!one)
        bad(c, "%s is not invited", email);
    snprintf(one->username, sizeof(one->username), "%s", args);
}

/* rotate NAME: every token of that database dies */
static void outside_rotate(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const struct platform_db *d = platform_db(p, word(&args));

    for (size_t i = 0; i < p->n_tokens; i++)
        p->tokens[i].dead = p->tokens[i].dead || strcmp(p->tokens[i].target_id, d->id) == 0;
}

/* write PATH for NAME full-access|read-only EXPIRATION; write PATH */
static void outside_write(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *path = word(&args);
    const struct platform_token *t = NULL;

    p->wall_ms = c->s->wall_ms;
    if (takes(&args, "for ")) {
        const struct platform_db *d = platform_db(p, word(&args));
        bool read_only = strcmp(word(&args), "read-only") == 0;

        t = platform_mint(p, d->id, read_only ? AUTH_READ_ONLY : AUTH_FULL_ACCESS, word(&args),
                          NULL);
    }
    sim_put_file(c->s, path, t ? t->hash : "", TOKEN_JWT);
}

/* seed PATH [bad TEXT | refused TEXT | gone] */
static void do_seed(struct script *c, char *args)
{
    struct platform_seed *s = platform_put_seed(&c->s->platform, word(&args));
    const char *how = word(&args);

    if (strcmp(how, "bad") == 0)
        snprintf(s->bad, sizeof(s->bad), "%s", args);
    else if (strcmp(how, "refused") == 0)
        snprintf(s->refused, sizeof(s->refused), "%s", args);
    else if (strcmp(how, "gone") == 0)
        s->is_gone = true;
    else if (*how)
        bad(c, "a seed is PATH [bad TEXT | refused TEXT | gone]");
}

/* progress SENT OF: of the upload under way, in bytes. */
static void do_progress(struct script *c, char *args)
{
    struct rc_event ev = {.kind = RC_PROGRESS};

    ev.sent_bytes = strtoll(word(&args), NULL, 10);
    ev.total_bytes = strtoll(word(&args), NULL, 10);
    sim_tell(c->s, ev);
}

/* Somebody else uploads to a draft. */
static void outside_fill(struct script *c, const char *name)
{
    struct platform_db *d = platform_db(&c->s->platform, name);

    if (!d || !d->is_draft) {
        bad(c, "%s is no draft", name);
        return;
    }
    d->is_draft = false;
    d->holds = 1000;
}

static void do_outside(struct script *c, char *args)
{
    const char *what = word(&args);

    if (strcmp(what, "create") == 0)
        outside_make(c, args);
    else if (strcmp(what, "delete") == 0)
        outside_delete(c, args);
    else if (strcmp(what, "set") == 0)
        outside_set(c, args);
    else if (strcmp(what, "accept") == 0)
        outside_accept(c, args);
    else if (strcmp(what, "rotate") == 0)
        outside_rotate(c, args);
    else if (strcmp(what, "write") == 0)
        outside_write(c, args);
    else if (strcmp(what, "fill") == 0)
        outside_fill(c, args);
    else if (strcmp(what, "remove") == 0 && sim_find_file(c->s, args))
        sim_drop_file(c->s, sim_find_file(c->s, args));
    else
        bad(c, "nobody outside can %s", what);
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
    const char *reference = word(&args);
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
        bad(c, "export takes nothing");
    sim_export(c->s);
}

static void do_platform(struct script *c, char *args)
{
    if (!sim_platform(c->s, args))
        bad(c, "the platform cannot say %s", args);
}

static void do_watch(struct script *c, char *args)
{
    if (*args)
        bad(c, "watch takes nothing");
    c->s->watches = true;
    reconcile_watch(c->s->rc, true);
}

/* quota databases N | groups N | spent N | overages on|off */
static void do_quota(struct script *c, char *args)
{
    const char *what = word(&args);
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
    const char *code = word(&args);
    const char *name = word(&args);
    const char *author = word(&args);
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
        bad(c, "an operator cannot %s", args);
}

/* approve [PLAN]: the present one, or one that is named */
static void operator_says(struct script *c, const char *named, bool approve)
{
    struct err err = ERR_INIT;
    struct plan plan;
    char id[17];

    assert_int_equal(plan_build(c->s->rc, &plan, &err), 0);
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

/* --- looking --- */

/* What is counted as it changes is what a look at each record finds. */
static void check_counted(struct script *c, const struct plan *plan)
{
    const struct reconcile *rc = c->s->rc;

    if (rc->n_held != plan->n_held || rc->by_step[STEP_CREATE] != plan->n_create ||
        rc->by_step[STEP_UPDATE] != plan->n_update || rc->by_step[STEP_DELETE] != plan->n_delete ||
        rc->by_step[STEP_BLOCKED] != plan->n_blocked)
        buf_printf(&c->s->out, "! the steps are counted otherwise\n");
}

static void do_plan(struct script *c, char *args)
{
    struct err err = ERR_INIT;
    struct plan plan;

    (void)args;
    assert_int_equal(plan_build(c->s->rc, &plan, &err), 0);
    plan_text(&plan, &c->s->out);
    check_counted(c, &plan);
    plan_deinit(&plan);
}

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : "";
}

/* list [PHASE]: as `tenantctl list --phase` shows them */
static void do_list(struct script *c, char *args)
{
    struct view_filter filter = {.phase = word(&args)};
    struct view_cursor cursor = VIEW_CURSOR_INIT;
    struct json_object *o;

    if (!*filter.phase) {
        sim_say_list(c->s);
        return;
    }
    while (view_next(c->s->rc, &filter, &cursor, &o) == 0 && o) {
        buf_printf(&c->s->out, "%s/%s %s: %s\n", text_of(o, "kind"), text_of(o, "name"),
                   text_of(o, "phase"), text_of(o, "left_behind"));
        json_object_put(o);
    }
    view_cursor_deinit(&cursor);
}

static void do_truth(struct script *c, char *args)
{
    (void)args;
    sim_say_truth(c->s, &c->s->out);
}

static void do_rest(struct script *c, char *args)
{
    (void)args;
    sim_say_rest(c->s);
}

static void do_problems(struct script *c, char *args)
{
    struct shell_facts facts = {.manifest_refused = c->s->manifest_refused};
    struct json_object *o = status_json(c->s->rc, &facts);
    struct json_object *list = NULL;

    (void)args;
    assert_true(json_get_arr(o, "problems", &list));
    buf_printf(&c->s->out, "%s\n", STATE_NAME[sim_state(c->s)]);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *p = json_object_array_get_idx(list, i);

        buf_printf(&c->s->out, "%s: %s\n",
                   json_object_get_string(json_object_object_get(p, "reason")),
                   json_object_get_string(json_object_object_get(p, "message")));
    }
    json_object_put(o);
}

/* rows TABLE: their keys, and what else tells something */
static void do_rows(struct script *c, char *args)
{
    for (size_t i = 0; i < c->s->ledger.n; i++) {
        const struct sim_row *r = &c->s->ledger.rows[i];

        if (strcmp(LEDGER[r->table].name, args) != 0)
            continue;
        buf_printf(&c->s->out, "%s", r->key);
        if (r->table == LEDGER_TOKEN)
            buf_printf(&c->s->out, " %s", ((const struct held_token *)r->row)->state);
        if (r->table == LEDGER_OWNED)
            buf_printf(&c->s->out, " %s", ((const struct owned *)r->row)->state);
        if (r->table == LEDGER_ISSUED)
            buf_printf(&c->s->out, " %s%s", ((const struct issued *)r->row)->state,
                       ((const struct issued *)r->row)->retired ? " retired" : "");
        if (r->table == LEDGER_MEMBERSHIP)
            buf_printf(&c->s->out, " %s %s", ((const struct membership *)r->row)->state,
                       ((const struct membership *)r->row)->origin);
        buf_printf(&c->s->out, "\n");
    }
}

/* expiry DURATION: the daemon's API token ends then; "never" */
static void do_expiry(struct script *c, char *args)
{
    const char *in = word(&args);

    c->s->platform.own_token_ends_ms =
        strcmp(in, "never") == 0 ? 0 : c->s->wall_ms + duration(c, in);
}

/* rights unrestricted | organization | GROUP SCOPES | role ROLE: what the daemon's API token may do
 */
static void do_rights(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *what = word(&args);

    if (strcmp(what, "role") == 0) {
        snprintf(p->own_role, sizeof(p->own_role), "%s", word(&args));
        return;
    }
    p->own_is_unrestricted = strcmp(what, "unrestricted") == 0;
    snprintf(p->own_group, sizeof(p->own_group), "%s", *args ? what : "");
    snprintf(p->own_scopes, sizeof(p->own_scopes), "%s", word(&args));
}

/* self ID [SECRET]: the daemon runs with that API token; "-": it tells no id */
static void do_self(struct script *c, char *args)
{
    const char *id = word(&args);

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

static void do_latency(struct script *c, char *args)
{
    c->s->latency_ms = duration(c, args);
}

/* --- a scenario --- */

static const struct {
    const char *name;
    void (*run)(struct script *c, char *args);
} COMMAND[] = {
    {"approve", do_approve},   {"clock", do_clock},       {"audit", do_audit},
    {"config", do_config},     {"crash", do_crash},       {"credential", do_credential},
    {"drop", do_drop},         {"expiry", do_expiry},     {"export", do_export},
    {"fault", do_fault},       {"files", do_files},       {"hooks", do_hooks},
    {"latency", do_latency},   {"ledger", do_ledger},     {"lie", do_lie},
    {"list", do_list},         {"manifest", do_manifest}, {"operator", do_operator},
    {"outside", do_outside},   {"page", do_page},         {"plan", do_plan},
    {"platform", do_platform}, {"problems", do_problems}, {"recovery", do_recovery},
    {"quota", do_quota},       {"reject", do_reject},     {"restore", do_restore},
    {"rows", do_rows},         {"run", do_run},           {"self", do_self},
    {"settle", do_settle},     {"show", do_show},         {"stop", do_stop},
    {"sync", do_sync},         {"truth", do_truth},       {"unreadable", do_unreadable},
    {"suspend", do_suspend},   {"rights", do_rights},     {"watch", do_watch},
    {"seed", do_seed},         {"progress", do_progress}, {"rest", do_rest},
};

static void run_command(struct script *c, char *line)
{
    char *args = line;
    const char *name = word(&args);

    for (size_t i = 0; i < ARRAY_SIZE(COMMAND); i++)
        if (strcmp(COMMAND[i].name, name) == 0) {
            COMMAND[i].run(c, args);
            return;
        }
    bad(c, "'%s' is no command", name);
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

char *sim_script_run(struct sim *s, const char *name, const char *text,
                     void (*after_step)(struct sim *s))
{
    struct script c = {.s = s, .name = name};
    struct buf out = BUF_INIT(1u << 22);
    char line[1024];
    char *result;

    sim_init(s, "", 1);
    s->after_step = after_step;
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
