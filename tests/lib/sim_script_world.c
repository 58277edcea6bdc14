/* sim_script_world: what a scenario lets happen beside the daemon: faults, lies, crashes, people.
 * In:    a command's words. Out: the simulation, changed. Never: tells the reconciler what it has
 * to find out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sim_script_private.h"

/* --- what goes wrong --- */

static enum outcome outcome_of(const struct script *c, const char *text)
{
    for (int o = 0; o < OUTCOME_N; o++)
        if (strcmp(OUTCOME_INFO[o].text, text) == 0)
            return (enum outcome)o;
    script_bad(c, "'%s' is no outcome", text);
    return OUTCOME_N;
}

static void fault_option(const struct script *c, struct platform_fault *f, char *option)
{
    if (script_takes(&option, "says "))
        snprintf(f->says, sizeof(f->says), "%s", option);
    else if (script_takes(&option, "retry after "))
        f->retry_after_ms = script_duration(c, option);
    else if (script_takes(&option, "takes "))
        f->takes_ms = script_duration(c, option);
    else if (script_takes(&option, "late "))
        f->late_ms = script_duration(c, option);
    else if (strcmp(option, "honest") == 0)
        f->is_honest = true;
    else if (strcmp(option, "committed") == 0)
        f->committed = true;
    else if (strcmp(option, "always") == 0)
        f->times = -1;
    else if (strstr(option, " times"))
        f->times = (int)strtol(option, NULL, 10);
    else
        script_bad(c, "'%s' is no option of a fault", option);
}

/* fault KIND [NAME]: OUTCOME[, OPTION]... */
void script_fault(struct script *c, char *args)
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
        script_bad(c, "a fault is KIND [NAME]: OUTCOME");
    *colon = '\0';
    for (int k = 0; k < CALL_N; k++) {
        size_t n = strlen(CALL_INFO[k].name);

        if (n > best && strncmp(args, CALL_INFO[k].name, n) == 0) {
            f.kind = (enum call_kind)k;
            best = n;
        }
    }
    if (!best)
        script_bad(c, "'%s' is no call", args);
    snprintf(f.name, sizeof(f.name), "%s", args + best + strspn(args + best, " "));
    part = strtok_r(colon + 2, ",", &save);
    f.outcome = outcome_of(c, part);
    while ((part = strtok_r(NULL, ",", &save)))
        fault_option(c, &f, part + strspn(part, " "));
    p->faults[p->n_faults++] = f;
}

void script_lie(struct script *c, char *args)
{
    static const char *const NAME[] = {
        [LIE_NONE] = "off",    [LIE_EMPTY] = "empty",   [LIE_SHORT] = "short",
        [LIE_HIDE] = "hide",   [LIE_TWICE] = "twice",   [LIE_SAME_ID] = "same-id",
        [LIE_STALE] = "stale", [LIE_CURSOR] = "cursor", [LIE_ORGANIZATION] = "organization",
        [LIE_FENCE] = "fence", [LIE_AGAIN] = "again",   [LIE_LENT] = "lent",
        [LIE_MUTE] = "mute"};
    struct platform *p = &c->s->platform;
    const char *which = script_word(&args);

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
    script_bad(c, "'%s' is no lie", which);
}

/* fails, works; is copied, is lost: as the shell notes it before the next start */
void script_ledger(struct script *c, char *args)
{
    const char *what = script_word(&args);
    char now[24];

    snprintf(now, sizeof(now), "%lld", (long long)c->s->wall_ms);
    if (strcmp(what, "is") == 0)
        sim_ledger_set(&c->s->ledger, strcmp(args, "lost") == 0 ? "lost" : "copy", now);
    else
        sim_ledger_fails(c->s, strcmp(what, "fails") == 0);
}

void script_files(struct script *c, char *args)
{
    const char *how = script_word(&args);

    c->s->files_say = strcmp(how, "fail") == 0       ? FILE_FAILED
                      : strcmp(how, "unmarked") == 0 ? FILE_UNMARKED
                                                     : FILE_DONE;
}

void script_hooks(struct script *c, char *args)
{
    c->s->hooks_fail = strcmp(script_word(&args), "fail") == 0;
}

/* crash [undone] [DURATION]: what was under way is done, or not. */
void script_crash(struct script *c, char *args)
{
    bool undone = script_takes(&args, "undone");

    sim_crash(c->s, undone ? SIM_UNDONE : SIM_DONE, *args ? script_duration(c, args) : 0);
}

void script_stop(struct script *c, char *args)
{
    (void)args;
    sim_stop(c->s);
}

/* --- people --- */

static void make_many(struct platform *p, unsigned long n, const char *name, const char *group)
{
    char one[PLATFORM_NAME_BYTES];

    for (unsigned long i = 1; i <= n; i++) {
        snprintf(one, sizeof(one), "%s-%lu", name, i);
        platform_make_db(p, one, group);
    }
}

static void outside_make(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *kind = script_word(&args);
    bool is_group = strcmp(kind, "group") == 0;
    unsigned long many = strtoul(kind, NULL, 10);
    const char *name = script_word(&args);

    script_word(&args); /* in, of */
    if (many) {
        make_many(p, many, name, script_word(&args));
    } else if (strcmp(kind, "api-token") == 0) {
        const char *group = script_word(&args);

        platform_make_api_token(p, name, *group ? group : NULL, *args ? args : NULL);
    } else if (strcmp(kind, "member") == 0 || strcmp(kind, "invite") == 0) {
        const char *role = script_word(&args);

        platform_make_person(p, name, role, args); /* as ROLE USERNAME; an invite: as ROLE */
    } else if (is_group) {
        platform_make_group(p, name, script_word(&args));
    } else {
        platform_make_db(p, name, script_word(&args));
    }
}

static void outside_delete(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *kind = script_word(&args);
    const char *name = script_word(&args);

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
    const char *kind = script_word(&args);
    bool is_group = strcmp(kind, "group") == 0;
    const char *name = script_word(&args);
    const char *key = script_word(&args);
    struct platform_person *one =
        strcmp(kind, "member") == 0 ? platform_person(p, name, false) : NULL;

    if (one)
        snprintf(strcmp(key, "role") == 0 ? one->role : one->username, sizeof(one->role), "%s",
                 args);
    else if (!is_group)
        platform_set(platform_db(p, name), script_field(c, key), args);
    else if (strcmp(key, "protection") == 0)
        platform_group(p, name)->protection = strcmp(args, "true") == 0;
    else
        platform_group(p, name)->archived = strcmp(args, "true") == 0;
}

/* accept EMAIL USERNAME: who was invited is a member */
static void outside_accept(struct script *c, char *args)
{
    const char *email = script_word(&args);
    struct platform_person *one = platform_person(&c->s->platform, email, true);

    if (!one)
        script_bad(c, "%s is not invited", email);
    snprintf(one->username, sizeof(one->username), "%s", args);
}

/* rotate NAME: every token of that database dies */
static void outside_rotate(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const struct platform_db *d = platform_db(p, script_word(&args));

    for (size_t i = 0; i < p->n_tokens; i++)
        p->tokens[i].dead = p->tokens[i].dead || strcmp(p->tokens[i].target_id, d->id) == 0;
}

/* write PATH for NAME full-access|read-only EXPIRATION; write PATH */
static void outside_write(struct script *c, char *args)
{
    struct platform *p = &c->s->platform;
    const char *path = script_word(&args);
    const struct platform_token *t = NULL;

    p->wall_ms = c->s->wall_ms;
    if (script_takes(&args, "for ")) {
        const struct platform_db *d = platform_db(p, script_word(&args));
        bool read_only = strcmp(script_word(&args), "read-only") == 0;

        t = platform_mint(p, d->id, read_only ? AUTH_READ_ONLY : AUTH_FULL_ACCESS,
                          script_word(&args), NULL);
    }
    sim_put_file(c->s, path, t ? t->hash : "", TOKEN_JWT);
}

/* seed PATH [bad TEXT | refused TEXT | gone] */
void script_seed(struct script *c, char *args)
{
    struct platform_seed *s = platform_put_seed(&c->s->platform, script_word(&args));
    const char *how = script_word(&args);

    if (strcmp(how, "bad") == 0)
        snprintf(s->bad, sizeof(s->bad), "%s", args);
    else if (strcmp(how, "refused") == 0)
        snprintf(s->refused, sizeof(s->refused), "%s", args);
    else if (strcmp(how, "gone") == 0)
        s->is_gone = true;
    else if (*how)
        script_bad(c, "a seed is PATH [bad TEXT | refused TEXT | gone]");
}

/* progress SENT OF: of the upload under way, in bytes. */
void script_progress(struct script *c, char *args)
{
    struct rc_event ev = {.kind = RC_PROGRESS};

    ev.sent_bytes = strtoll(script_word(&args), NULL, 10);
    ev.total_bytes = strtoll(script_word(&args), NULL, 10);
    sim_tell(c->s, ev);
}

/* Somebody else uploads to a draft. */
static void outside_fill(struct script *c, char *name)
{
    struct platform_db *d = platform_db(&c->s->platform, name);

    if (!d || !d->is_draft) {
        script_bad(c, "%s is no draft", name);
        return;
    }
    d->is_draft = false;
    d->holds = 1000;
}

/* Somebody brings the last of that name back, under its own id. */
static void outside_restore(struct script *c, char *name)
{
    struct platform *p = &c->s->platform;

    for (size_t i = p->n_databases; i-- && !platform_db(p, name);)
        if (strcmp(p->databases[i].name, name) == 0)
            p->databases[i].live = p->databases[i].was_hidden = true;
}

/* remove PATH: a token file */
static void outside_remove(struct script *c, char *path)
{
    struct sim_file *f = sim_find_file(c->s, path);

    if (!f)
        script_bad(c, "there is no file %s", path);
    sim_drop_file(c->s, f);
}

/* link PATH: in the place of a token file */
static void outside_link(struct script *c, char *path)
{
    sim_put_file(c->s, path, "", TOKEN_JWT);
    sim_find_file(c->s, path)->is_odd = true;
}

static bool is_there(struct platform *p, const char *kind, const char *name)
{
    return strcmp(kind, "api-token") == 0 ? platform_api_token(p, name) != NULL
           : strcmp(kind, "member") == 0  ? platform_person(p, name, false) != NULL
           : strcmp(kind, "invite") == 0  ? platform_person(p, name, true) != NULL
           : strcmp(kind, "group") == 0   ? platform_group(p, name) != NULL
                                          : platform_db(p, name) != NULL;
}

/* Where memory ran out before, what this is about may not have been made, or is no draft any more:
 * then nobody does it. */
static bool is_out_of_place(struct script *c, const char *what, const char *args)
{
    struct platform *p = &c->s->platform;
    char text[256];
    char *rest = text;
    const char *kind = "database";

    snprintf(text, sizeof(text), "%s", args);
    if (!c->s->n_nomem || strcmp(what, "create") == 0 || strcmp(what, "restore") == 0)
        return false;
    if (strcmp(what, "delete") == 0 || strcmp(what, "set") == 0)
        kind = script_word(&rest);
    else if (strcmp(what, "accept") == 0)
        kind = "invite";
    else if (strcmp(what, "write") == 0 && script_word(&rest) && !script_takes(&rest, "for "))
        return false;
    else if (strcmp(what, "fill") == 0)
        return !platform_db(p, args) || !platform_db(p, args)->is_draft;
    else if (strcmp(what, "rotate") != 0 && strcmp(what, "write") != 0)
        return false;
    return !is_there(p, kind, script_word(&rest));
}

void script_outside(struct script *c, char *args)
{
    static const struct {
        const char *what;
        void (*run)(struct script *c, char *args);
    } DEED[] = {
        {"accept", outside_accept},   {"create", outside_make},   {"delete", outside_delete},
        {"fill", outside_fill},       {"link", outside_link},     {"remove", outside_remove},
        {"restore", outside_restore}, {"rotate", outside_rotate}, {"set", outside_set},
        {"write", outside_write},
    };
    const char *what = script_word(&args);

    if (is_out_of_place(c, what, args))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(DEED); i++)
        if (strcmp(DEED[i].what, what) == 0) {
            DEED[i].run(c, args);
            return;
        }
    script_bad(c, "nobody outside can %s", what);
}
