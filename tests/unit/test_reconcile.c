/* The reconciler in virtual time, against a platform of twenty lines whose truth is kept apart from
 * its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"
#include "core/reconcile.h"
#include "core/status.h"
#include "core/view.h"
#include "lib/json.h"
#include "lib/mem.h"

#define MAX     64
#define DAY_MS  ((int64_t)24 * 3600 * 1000)
#define LIFE_MS (7 * DAY_MS)

struct truth {
    char name[32];
    char id[32];
    char group[32];
    bool live;
    bool reads, writes, protection; /* blocked, blocked, on */
};

struct kept {
    enum ledger_table table;
    char key[128];
    void *row;
};

struct sim {
    struct reconcile *rc;
    struct config config;
    int64_t now, wall;
    struct truth dbs[MAX], groups[4];
    size_t n_dbs, n_groups;
    struct kept kept[512];
    size_t n_kept;
    struct answer *answers[MAX];
    size_t n_answers;
    struct file_result files[MAX];
    size_t n_files;
    char job_paths[MAX][64]; /* beside files: what each is about */
    char paths[MAX][64];     /* token files that are there */
    size_t n_paths;
    bool stalled;        /* nobody is told that a token's file is written */
    bool writes_at_once; /* it is, all the same */
    int64_t wake;
    unsigned next_id;
    int creates, mints, deletes, patches, writes;
    /* The next `times` calls of `kind` end so; `commit`: they are carried out all the same. */
    enum call_kind fault_kind;
    enum outcome fault;
    bool fault_commit;
    int fault_times;
    bool lie; /* the list of databases is empty */
    char log[8192];
    size_t blocks_before;
};

/* --- the platform --- */

static struct truth *find(struct truth *items, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].live && strcmp(items[i].name, name) == 0)
            return &items[i];
    return NULL;
}

static struct truth *make(struct sim *s, struct truth *items, size_t *n, const char *name,
                          const char *group)
{
    struct truth *t = &items[(*n)++];

    assert_true(*n <= (items == s->dbs ? MAX : 4));
    *t = (struct truth){.live = true};
    snprintf(t->name, sizeof(t->name), "%s", name);
    snprintf(t->group, sizeof(t->group), "%s", group);
    snprintf(t->id, sizeof(t->id), "id-%u", ++s->next_id);
    return t;
}

static struct live_db db_of(struct answer *a, const struct truth *t)
{
    return (struct live_db){.name = arena_strdup(&a->arena, t->name),
                            .id = arena_strdup(&a->arena, t->id),
                            .hostname = arena_strdup(&a->arena, "host"),
                            .group = arena_strdup(&a->arena, t->group),
                            .block_reads = t->reads,
                            .block_writes = t->writes,
                            .delete_protection = t->protection,
                            .archived = -1};
}

static void answer_groups(struct sim *s, struct answer *a, const char *name)
{
    a->groups = arena_alloc(&a->arena, sizeof(*a->groups) * 4);
    for (size_t i = 0; i < s->n_groups; i++) {
        const char **locations = arena_alloc(&a->arena, sizeof(char *));

        if (!s->groups[i].live || (name && strcmp(name, s->groups[i].name) != 0))
            continue;
        locations[0] = arena_strdup(&a->arena, s->groups[i].group);
        a->groups[a->n_groups++] =
            (struct live_group){.name = arena_strdup(&a->arena, s->groups[i].name),
                                .id = arena_strdup(&a->arena, s->groups[i].id),
                                .primary = locations[0],
                                .locations = locations,
                                .n_locations = 1,
                                .delete_protection = 0,
                                .archived = 0};
    }
    if (name && !a->n_groups)
        a->outcome = OUTCOME_NOT_FOUND;
}

static void answer_databases(struct sim *s, struct answer *a, const char *name)
{
    a->databases = arena_alloc(&a->arena, sizeof(*a->databases) * MAX);
    for (size_t i = 0; i < s->n_dbs; i++)
        if (s->dbs[i].live && (name ? strcmp(name, s->dbs[i].name) == 0 : !s->lie))
            a->databases[a->n_databases++] = db_of(a, &s->dbs[i]);
    if (name && !a->n_databases)
        a->outcome = OUTCOME_NOT_FOUND;
}

static void set_flag(bool *flag, const char *value)
{
    if (value)
        *flag = strcmp(value, "true") == 0;
}

static void configure(struct truth *t, const struct call *c, struct answer *a)
{
    set_flag(&t->reads, c->config[CONFIG_BLOCK_READS]);
    set_flag(&t->writes, c->config[CONFIG_BLOCK_WRITES]);
    set_flag(&t->protection, c->config[CONFIG_DELETE_PROTECTION]);
    a->config.value[CONFIG_BLOCK_READS] = t->reads ? "true" : "false";
    a->config.value[CONFIG_BLOCK_WRITES] = t->writes ? "true" : "false";
    a->config.value[CONFIG_DELETE_PROTECTION] = t->protection ? "true" : "false";
}

static void mint(struct sim *s, const struct truth *t, struct answer *a)
{
    s->mints++;
    a->token.jwt = mem_printf("jwt-%d", s->mints);
    a->token.jwt_size = strlen(a->token.jwt);
    snprintf(a->token.hash, sizeof(a->token.hash), "hash-%d", s->mints);
    a->token.issued_ms = s->wall;
    a->token.expires_ms = s->wall + LIFE_MS;
    a->token.target_id = arena_strdup(&a->arena, t->id);
}

static void create(struct sim *s, const struct call *c, struct answer *a)
{
    s->creates++;
    if (find(s->dbs, s->n_dbs, c->name)) {
        a->outcome = OUTCOME_CONFLICT;
        return;
    }
    make(s, s->dbs, &s->n_dbs, c->name, c->group);
    answer_databases(s, a, c->name);
}

static void carry_out(struct sim *s, const struct call *c, struct answer *a)
{
    struct truth *t = c->name ? find(s->dbs, s->n_dbs, c->name) : NULL;

    a->outcome = OUTCOME_OK;
    a->http_status = 200;
    s->writes += strcmp(CALL_INFO[c->kind].method, "GET") != 0;
    switch (c->kind) {
    case CALL_ORGANIZATION_GET:
        a->organization_slug = "acme";
        return;
    case CALL_GROUPS_LIST:
    case CALL_GROUP_GET:
        answer_groups(s, a, c->name);
        return;
    case CALL_GROUP_CREATE:
        make(s, s->groups, &s->n_groups, c->name, c->location);
        answer_groups(s, a, c->name);
        return;
    case CALL_DATABASES_LIST:
    case CALL_DATABASE_GET:
        answer_databases(s, a, c->name);
        return;
    case CALL_DATABASE_CREATE:
        create(s, c, a);
        return;
    case CALL_LOCATION_CLOSEST:
        a->location = "aws-eu-west-1";
        return;
    case CALL_GROUP_TOKEN:
        mint(s, find(s->groups, s->n_groups, c->name), a);
        return;
    case CALL_GROUP_DELETE:
        find(s->groups, s->n_groups, c->name)->live = false;
        return;
    default:
        break;
    }
    if (!t) {
        a->outcome = OUTCOME_NOT_FOUND;
    } else if (c->kind == CALL_DATABASE_CONFIGURE) {
        s->patches++;
        configure(t, c, a);
    } else if (c->kind == CALL_DATABASE_TOKEN) {
        mint(s, t, a);
    } else if (c->kind == CALL_DATABASE_DELETE) {
        assert_true(t->reads && t->writes); /* never without its fence */
        s->deletes++;
        t->live = false;
    }
}

static struct answer *platform(struct sim *s, const struct call *c)
{
    struct answer *a = answer_new(c);
    size_t n = strlen(s->log);

    snprintf(s->log + n, sizeof(s->log) - n, "%s %s\n", CALL_INFO[c->kind].name,
             c->name ? c->name : "");
    a->retry_after_ms = -1;
    if (s->fault_times && c->kind == s->fault_kind) {
        s->fault_times--;
        if (s->fault_commit) {
            carry_out(s, c, a);
            answer_free(a);
            a = answer_new(c);
            a->retry_after_ms = -1;
        }
        a->outcome = s->fault;
        return a;
    }
    carry_out(s, c, a);
    return a;
}

/* --- ledger, files, steps --- */

static void key_of(enum ledger_table t, const void *row, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        const struct ledger_column *c = &LEDGER[t].columns[i];
        const char *at = (const char *)row + c->offset;

        if (c->is_key && c->type == LEDGER_TEXT)
            n += (size_t)snprintf(out + n, size - n, "%s/", *(char *const *)(const void *)at);
        else if (c->is_key)
            n += (size_t)snprintf(out + n, size - n, "%lld/",
                                  (long long)*(const int64_t *)(const void *)at);
    }
}

static void drop_row(struct sim *s, size_t i)
{
    mem_free(s->kept[i].row);
    s->kept[i] = s->kept[--s->n_kept];
}

static void commit(struct sim *s, struct ledger_op *op)
{
    char key[128];

    if (op->table == LEDGER_EVENT)
        return;
    key_of(op->table, op->row, key, sizeof(key));
    for (size_t i = 0; i < s->n_kept; i++)
        if (s->kept[i].table == op->table && strcmp(s->kept[i].key, key) == 0) {
            drop_row(s, i);
            break;
        }
    if (op->is_delete)
        return;
    assert_true(s->n_kept < ARRAY_SIZE(s->kept));
    s->kept[s->n_kept].table = op->table;
    snprintf(s->kept[s->n_kept].key, sizeof(key), "%s", key);
    s->kept[s->n_kept++].row = op->row;
    op->row = NULL;
}

static bool has_file(const struct sim *s, const char *path)
{
    for (size_t i = 0; i < s->n_paths; i++)
        if (strcmp(s->paths[i], path) == 0)
            return true;
    return false;
}

static void write_file(struct sim *s, const char *path)
{
    if (has_file(s, path))
        return;
    assert_true(s->n_paths < MAX);
    snprintf(s->paths[s->n_paths++], sizeof(s->paths[0]), "%s", path);
}

/* A file that was found is not read: what it says of itself would be another story. */
static void take_job(struct sim *s, const struct file_job *job)
{
    bool absent = job->kind == FILE_READ || (job->kind == FILE_CHECK && !has_file(s, job->path));

    if (job->kind == FILE_MOVE || (job->kind == FILE_PUBLISH && s->writes_at_once))
        write_file(s, job->path);
    if (job->kind == FILE_PUBLISH && s->stalled)
        return;
    assert_true(s->n_files < MAX);
    snprintf(s->job_paths[s->n_files], sizeof(s->job_paths[0]), "%s", job->path);
    s->files[s->n_files++] = (struct file_result){
        .job_id = job->id, .kind = job->kind, .outcome = absent ? FILE_ABSENT : FILE_DONE};
}

static void step(struct sim *s, struct rc_event *ev)
{
    struct effects fx = EFFECTS_INIT;
    struct err err = ERR_INIT;

    ev->now_ms = s->now;
    ev->wall_ms = s->wall;
    ev->random = 12345;
    assert_int_equal(reconcile_step(s->rc, ev, &fx, &err), 0);
    for (size_t i = 0; i < fx.n_ops; i++)
        commit(s, &fx.ops[i]);
    for (size_t i = 0; i < fx.n_calls; i++) {
        assert_true(s->n_answers < MAX);
        s->answers[s->n_answers++] = platform(s, fx.calls[i]);
    }
    for (size_t i = 0; i < fx.n_jobs; i++)
        take_job(s, fx.jobs[i]);
    s->wake = fx.wake_ms;
    effects_deinit(&fx);
}

static void advance(struct sim *s, int64_t ms)
{
    s->now += ms;
    s->wall += ms;
}

/* One thing that happens. False: nothing until `until`. */
static bool happen(struct sim *s, int64_t until)
{
    struct rc_event ev = {.kind = RC_TICK};

    if (s->n_files) {
        struct file_result one = s->files[--s->n_files];

        if (one.kind == FILE_PUBLISH)
            write_file(s, s->job_paths[s->n_files]);
        ev = (struct rc_event){.kind = RC_FILES, .files = &one, .n_files = 1};
        step(s, &ev);
    } else if (s->n_answers) {
        struct answer *a = s->answers[0];

        memmove(s->answers, s->answers + 1, --s->n_answers * sizeof(a));
        advance(s, 5);
        ev = (struct rc_event){.kind = RC_ANSWER, .answer = a};
        step(s, &ev);
    } else if (s->wake <= until) {
        if (s->wake > s->now)
            advance(s, s->wake - s->now);
        step(s, &ev);
    } else {
        return false;
    }
    return true;
}

static void run(struct sim *s, int64_t ms)
{
    int64_t until = s->now + ms;
    int steps = 0;

    while (happen(s, until))
        assert_true(++steps < 200000);
    if (s->now < until)
        advance(s, until - s->now);
}

static void manifest(struct sim *s, const char *text)
{
    struct manifest_input in = {"m.yaml", MANIFEST_TRUSTED, text, strlen(text), NULL};
    struct desired_options options = {.organization = "acme"};
    struct desired desired = {0};
    struct diags diags = DIAGS_INIT;
    struct rc_event ev = {.kind = RC_DESIRED, .desired = &desired, .generation = 1};

    assert_int_equal(desired_build(&in, 1, NULL, 0, &options, &desired, NULL, &diags), 0);
    step(s, &ev);
    diags_deinit(&diags);
}

static void observe(struct sim *s)
{
    struct rc_event ev = {.kind = RC_SYNC};

    step(s, &ev);
}

static void forget_answers(struct sim *s)
{
    for (size_t i = 0; i < s->n_answers; i++)
        answer_free(s->answers[i]);
    s->n_answers = s->n_files = 0;
}

/* kill -9: what was sent is done, what came back is lost. */
static void crash(struct sim *s)
{
    forget_answers(s);
    reconcile_free(s->rc);
    s->rc = reconcile_new(&s->config, s->now);
    for (size_t i = 0; i < s->n_kept; i++)
        assert_true(reconcile_load(s->rc, s->kept[i].table, s->kept[i].row));
}

static void sim_init(struct sim *s, const char *policy)
{
    char text[512];
    struct config_input in = {"c.yaml", text, 0};
    struct diags diags = DIAGS_INIT;

    memset(s, 0, sizeof(*s));
    s->blocks_before = mem_live_blocks(); /* a test that failed leaves some */
    snprintf(text, sizeof(text),
             "organization: acme\napi: {rate: 0}\nreconcile: {interval: 1h}\npolicy: {%s}\n",
             policy);
    in.size = strlen(text);
    assert_int_equal(config_parse(&in, 1, NULL, &s->config, &diags), 0);
    diags_deinit(&diags);
    s->now = 1000;
    s->wall = INT64_C(1800000000000);
    s->rc = reconcile_new(&s->config, s->now);
}

static void sim_deinit(struct sim *s)
{
    forget_answers(s);
    reconcile_free(s->rc);
    while (s->n_kept)
        drop_row(s, 0);
    config_deinit(&s->config);
    assert_int_equal(mem_live_blocks(), s->blocks_before);
}

static void expect(struct sim *s, const char *kind, const char *name, const char *phase,
                   const char *reason)
{
    struct json_object *o = NULL;
    const char *p;
    const char *r;

    assert_int_equal(view_describe(s->rc, kind, name, &o, NULL), 0);
    assert_true(json_get_str(o, "phase", &p) && json_get_str(o, "reason", &r));
    assert_string_equal(p, phase);
    assert_string_equal(r, reason);
    json_object_put(o);
}

static enum state state_of(struct sim *s)
{
    return status_state(s->rc, &(struct shell_facts){0});
}

#define GROUP  "groups: {eu: {location: aws-eu-west-1}}\n"
#define TOKENS "tokens: {app: {authorization: full-access, expiration: 7d, renew_before: 2d}}"
#define ONE    GROUP "databases: {a: {group: eu, " TOKENS "}}\n"
#define FIVE                                                                                       \
    GROUP "databases: {a: {group: eu}, b: {group: eu}, c: {group: eu}, d: {group: eu}, e: "        \
          "{group: eu}}\n"
#define KEYED                                                                                      \
    GROUP "classes: {free: {group: eu, " TOKENS "}}\n"                                             \
          "databases: {a: {class: free}, b: {class: free}, c: {class: free}, d: {class: free}, "   \
          "e: {class: free}}\n"

static void settled(struct sim *s, const char *policy, const char *text)
{
    sim_init(s, policy);
    manifest(s, text);
    run(s, 60000);
    assert_int_equal(state_of(s), STATE_SETTLED);
}

/* --- tests --- */

static void one__is_made_minted_and_left_alone(void **state)
{
    struct sim s;
    int writes;

    (void)state;
    settled(&s, "", ONE);
    assert_int_equal(s.creates, 1);
    assert_int_equal(s.mints, 1);
    expect(&s, "database", "a", "Ready", "InSync");
    expect(&s, "token", "a/app", "Ready", "InSync");
    writes = s.writes;
    crash(&s);
    manifest(&s, ONE);
    run(&s, 60000);
    assert_int_equal(s.writes, writes);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static void create__without_answer__is_read_before_it_is_sent_again(void **state)
{
    (void)state;
    for (int commit_it = 0; commit_it < 2; commit_it++) {
        struct sim s;

        sim_init(&s, "");
        s.fault_kind = CALL_DATABASE_CREATE;
        s.fault = OUTCOME_UNKNOWN;
        s.fault_commit = commit_it;
        s.fault_times = 1;
        manifest(&s, ONE);
        run(&s, 120000);
        assert_int_equal(state_of(&s), STATE_SETTLED);
        assert_int_equal(s.creates, 1);
        assert_int_equal(s.n_dbs, 1);
        sim_deinit(&s);
    }
}

static void mint__without_answer__counts_as_leaked(void **state)
{
    struct sim s;
    bool leaked = false;

    (void)state;
    sim_init(&s, "");
    s.fault_kind = CALL_DATABASE_TOKEN;
    s.fault = OUTCOME_UNKNOWN;
    s.fault_commit = true;
    s.fault_times = 1;
    manifest(&s, ONE);
    run(&s, 120000);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    assert_int_equal(s.mints, 2);
    for (size_t i = 0; i < s.n_kept; i++)
        leaked = leaked || s.kept[i].table == LEDGER_LEAK;
    assert_true(leaked);
    sim_deinit(&s);
}

static void list__that_is_empty__leads_to_no_writes(void **state)
{
    struct sim s;
    int writes;

    (void)state;
    settled(&s, "prune: on, deletion_grace: 0s", FIVE);
    writes = s.writes;
    s.lie = true;
    observe(&s);
    run(&s, 120000);
    assert_int_equal(s.writes, writes);
    s.lie = false;
    observe(&s);
    run(&s, 120000);
    assert_int_equal(s.writes, writes);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static void vanished__is_missing_after_a_minute_and_not_made_anew(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "", ONE);
    find(s.dbs, s.n_dbs, "a")->live = false;
    observe(&s);
    run(&s, 30000);
    expect(&s, "database", "a", "Unknown", "Vanishing");
    run(&s, 60000);
    expect(&s, "database", "a", "Missing", "Vanished");
    assert_int_equal(s.creates, 1);
    assert_int_equal(state_of(&s), STATE_DEGRADED);
    sim_deinit(&s);
}

static void recreated__under_its_name__is_never_touched(void **state)
{
    struct sim s;
    int writes;

    (void)state;
    settled(&s, "prune: on, deletion_grace: 0s", FIVE);
    writes = s.writes;
    find(s.dbs, s.n_dbs, "a")->live = false;
    make(&s, s.dbs, &s.n_dbs, "a", "eu");
    observe(&s);
    run(&s, 10000);
    expect(&s, "database", "a", "Blocked", "Conflict");
    manifest(&s,
             GROUP "databases: {b: {group: eu}, c: {group: eu}, d: {group: eu}, e: {group: eu}}\n");
    observe(&s);
    run(&s, 300000);
    expect(&s, "database", "a", "Unmanaged", "");
    assert_int_equal(s.writes, writes);
    sim_deinit(&s);
}

static void absent__is_fenced_kept_for_its_grace_then_deleted(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 2h", FIVE);
    manifest(&s, GROUP "databases: {a: {state: absent}, b: {group: eu}, c: {group: eu}, d: {group: "
                       "eu}, e: {group: eu}}\n");
    run(&s, 60000);
    expect(&s, "database", "a", "Deleting", "Grace");
    assert_int_equal(s.deletes, 0);
    run(&s, 3600000);
    assert_int_equal(s.deletes, 0);
    run(&s, 2 * 3600000);
    assert_int_equal(s.deletes, 1);
    expect(&s, "database", "a", "Ready", "Absent");
    manifest(&s, FIVE);
    run(&s, 60000);
    expect(&s, "database", "a", "Blocked", "RecentlyDeleted");
    sim_deinit(&s);
}

static void returning__within_its_grace__is_as_before(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 2h", FIVE);
    manifest(&s, GROUP "databases: {a: {state: absent}, b: {group: eu}, c: {group: eu}, d: {group: "
                       "eu}, e: {group: eu}}\n");
    run(&s, 60000);
    assert_true(find(s.dbs, s.n_dbs, "a")->reads);
    manifest(&s, FIVE);
    run(&s, 60000);
    expect(&s, "database", "a", "Ready", "InSync");
    assert_false(find(s.dbs, s.n_dbs, "a")->reads || find(s.dbs, s.n_dbs, "a")->writes);
    run(&s, 5 * 3600000);
    assert_int_equal(s.deletes, 0);
    sim_deinit(&s);
}

static void fence__lifted_by_somebody__stops_the_deletion(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 2h", FIVE);
    manifest(&s, GROUP "databases: {a: {state: absent}, b: {group: eu}, c: {group: eu}, d: {group: "
                       "eu}, e: {group: eu}}\n");
    run(&s, 60000);
    find(s.dbs, s.n_dbs, "a")->reads = false;
    observe(&s);
    run(&s, 10 * 3600000);
    expect(&s, "database", "a", "Blocked", "FenceLifted");
    assert_int_equal(state_of(&s), STATE_HELD);
    assert_int_equal(s.deletes, 0);
    sim_deinit(&s);
}

static void removals__over_the_guard__wait_for_approval(void **state)
{
    struct rc_event ev = {.kind = RC_DECISION, .ok = true, .text = "they left"};
    struct plan plan;
    struct sim s;

    (void)state;
    settled(&s, "prune: on, deletion_grace: 0s", FIVE);
    manifest(&s, GROUP "databases: {a: {group: eu}}\n");
    run(&s, 3600000);
    assert_int_equal(state_of(&s), STATE_HELD);
    assert_int_equal(s.deletes, 0);
    assert_int_equal(s.patches, 0);
    crash(&s);
    manifest(&s, GROUP "databases: {a: {group: eu}}\n");
    run(&s, 60000);
    assert_int_equal(state_of(&s), STATE_HELD);
    assert_int_equal(plan_build(s.rc, &plan, NULL), 0);
    assert_int_equal(plan.n_held, 4);
    ev.plan = plan.id;
    step(&s, &ev);
    plan_deinit(&plan);
    run(&s, 3600000);
    assert_int_equal(s.deletes, 4);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static void refused_token__stops_writes_until_it_is_accepted(void **state)
{
    struct sim s;
    int writes;

    (void)state;
    settled(&s, "", ONE);
    writes = s.writes;
    s.fault_kind = CALL_ORGANIZATION_GET;
    s.fault = OUTCOME_UNAUTHORIZED;
    s.fault_times = 3;
    observe(&s);
    manifest(&s, FIVE);
    happen(&s, s.now);
    happen(&s, s.now);
    assert_true(s.writes <= writes + 8);
    run(&s, 600000);
    assert_int_equal(s.creates, 5);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static void token__is_renewed_before_its_end_even_when_orphaned(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "", ONE);
    run(&s, 4 * DAY_MS);
    assert_int_equal(s.mints, 1);
    run(&s, 2 * DAY_MS);
    assert_int_equal(s.mints, 2);
    manifest(&s, GROUP);
    run(&s, 60000);
    expect(&s, "database", "a", "Orphaned", "NotInManifest");
    run(&s, 7 * DAY_MS);
    assert_true(s.mints >= 3);
    sim_deinit(&s);
}

static void drift__is_corrected_and_a_quarrel_is_left_alone(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "", GROUP "databases: {a: {group: eu, delete_protection: true}}\n");
    for (int i = 0; i < 3; i++) {
        find(s.dbs, s.n_dbs, "a")->protection = false;
        observe(&s);
        run(&s, 10000);
        assert_true(find(s.dbs, s.n_dbs, "a")->protection);
    }
    for (int i = 0; i < 2; i++) {
        find(s.dbs, s.n_dbs, "a")->protection = false;
        observe(&s);
        run(&s, 10000);
    }
    expect(&s, "database", "a", "Blocked", "Contended");
    sim_deinit(&s);
}

static void crash__after_any_event__ends_in_the_same_place(void **state)
{
    (void)state;
    for (int at = 1; at < 60; at++) {
        struct sim s;

        sim_init(&s, "");
        manifest(&s, FIVE);
        for (int i = 0; i < at; i++)
            happen(&s, s.now);
        crash(&s);
        manifest(&s, FIVE);
        run(&s, 300000);
        assert_int_equal(state_of(&s), STATE_SETTLED);
        assert_int_equal(s.n_dbs, 5);
        assert_int_equal(s.creates, 5);
        sim_deinit(&s);
    }
}

/* Tokens that came back and were not yet in their files when it ended are minted anew; that is no
 * change that anybody made, and so nothing that the guard may hold. */
static void crash__between_a_mint_and_its_file__holds_nothing(void **state)
{
    (void)state;
    for (int written = 0; written < 2; written++) {
        struct sim s;

        sim_init(&s, "");
        s.stalled = true;
        s.writes_at_once = written;
        manifest(&s, KEYED);
        run(&s, 10000);
        assert_int_equal(s.mints, 5);
        s.stalled = false;
        crash(&s);
        manifest(&s, KEYED);
        run(&s, 60000);
        assert_int_equal(state_of(&s), STATE_SETTLED);
        assert_int_equal(s.creates, 5);
        assert_int_equal(s.n_paths, 5);
        sim_deinit(&s);
    }
}

/* Everything that people and programs are shown, once through. */
static void show(struct sim *s)
{
    struct shell_facts facts = {.pid = 1};
    struct view_filter all = {0};
    struct view_filter unmanaged = {.phase = "Unmanaged"};
    struct view_cursor cursor = VIEW_CURSOR_INIT;
    struct buf text = BUF_INIT(1 << 20);
    struct json_object *o = status_json(s->rc, &facts);
    struct plan plan;
    char line[200];
    const char *organization;

    assert_true(json_get_str(o, "organization", &organization));
    assert_string_equal(organization, "acme");
    json_object_put(o);
    status_line(s->rc, &facts, line, sizeof(line));
    assert_int_equal(plan_build(s->rc, &plan, NULL), 0);
    plan_text(&plan, &text);
    assert_non_null(strstr(buf_str(&text), "to create"));
    o = plan_json(&plan);
    assert_non_null(o);
    json_object_put(o);
    plan_deinit(&plan);
    buf_deinit(&text);
    for (o = NULL; view_next(s->rc, &all, &cursor, &o) == 0 && o; o = NULL)
        json_object_put(o);
    view_cursor_deinit(&cursor);
    assert_true(view_filter_is_valid(&unmanaged, NULL));
    assert_int_equal(view_next(s->rc, &unmanaged, &cursor, &o), 0);
    json_object_put(o);
    view_cursor_deinit(&cursor);
}

static void decide_on(struct sim *s, bool approve)
{
    struct rc_event ev = {.kind = RC_DECISION, .ok = approve, .text = "because"};
    struct plan plan;

    assert_int_equal(plan_build(s->rc, &plan, NULL), 0);
    ev.plan = plan.id;
    step(s, &ev);
    plan_deinit(&plan);
}

static void group__wanted_gone__goes_when_approved_and_long_empty(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 2h",
            "groups: {eu: {location: closest, tokens: {all: {authorization: read-only, expiration: "
            "7d}}}}\n");
    assert_int_equal(s.n_groups, 1);
    assert_int_equal(s.mints, 1);
    expect(&s, "group-token", "eu/all", "Ready", "InSync");
    show(&s);
    manifest(&s, "groups: {eu: {location: closest}}\n");
    run(&s, 60000);
    manifest(&s, "groups: {eu: {state: absent}}\n");
    run(&s, 60000);
    assert_int_equal(state_of(&s), STATE_HELD);
    show(&s);
    decide_on(&s, true);
    run(&s, 3600000);
    assert_true(s.groups[0].live);
    run(&s, 4 * 3600000);
    assert_false(s.groups[0].live);
    sim_deinit(&s);
}

static void rejected__stays_until_its_entry_changes(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "removals: plan, deletion_grace: 0s", FIVE);
    manifest(&s, GROUP "databases: {a: {state: absent}, b: {group: eu}}\n");
    run(&s, 60000);
    expect(&s, "database", "a", "Blocked", "Held");
    show(&s);
    decide_on(&s, false);
    run(&s, 60000);
    expect(&s, "database", "a", "Blocked", "Rejected");
    assert_int_equal(s.deletes, 0);
    sim_deinit(&s);
}

static void sync__by_name__knows_what_there_is(void **state)
{
    struct rc_event ev = {.kind = RC_SYNC, .resource_kind = "database", .name = "a"};
    struct effects fx = EFFECTS_INIT;
    struct err err = ERR_INIT;
    struct sim s;

    (void)state;
    settled(&s, "", ONE);
    step(&s, &ev);
    run(&s, 60000);
    ev.name = "nobody";
    ev.now_ms = s.now;
    ev.wall_ms = s.wall;
    assert_int_equal(reconcile_step(s.rc, &ev, &fx, &err), -ERR_NOT_FOUND);
    effects_deinit(&fx);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static void ledger__that_refuses__holds_everything_until_it_takes(void **state)
{
    struct rc_event ev = {.kind = RC_SYNC};
    struct rc_event unsent = {.kind = RC_UNSENT, .text = "disk full"};
    struct effects fx = EFFECTS_INIT;
    struct effects fx2 = EFFECTS_INIT;
    struct sim s;
    int writes;

    (void)state;
    settled(&s, "", ONE);
    writes = s.writes;
    ev.now_ms = unsent.now_ms = s.now;
    ev.wall_ms = unsent.wall_ms = s.wall;
    assert_int_equal(reconcile_step(s.rc, &ev, &fx, NULL), 0);
    assert_int_equal(fx.n_calls, 1);
    unsent.unsent = &fx;
    assert_int_equal(reconcile_step(s.rc, &unsent, &fx2, NULL), 0);
    effects_deinit(&fx);
    effects_deinit(&fx2);
    manifest(&s, FIVE);
    run(&s, 60000);
    assert_int_equal(s.writes, writes);
    assert_int_equal(state_of(&s), STATE_DEGRADED);
    show(&s);
    ev.kind = RC_LEDGER_OK;
    step(&s, &ev);
    run(&s, 600000);
    assert_int_equal(s.creates, 5);
    sim_deinit(&s);
}

static void branch__expires_on_time_and_residency_places(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 1h, expiry_grace: 1h",
            "groups: {eu: {location: aws-eu-west-1}, eu-2: {location: aws-eu-west-1}}\n"
            "residency: {eu: {groups: [eu, eu-2], locations: [aws-eu-west-1]}}\n"
            "databases:\n  a: {residency: eu}\n  b: {residency: eu}\n"
            "  c: {residency: eu, seed: {database: a}, expires: 3h}\n");
    assert_string_not_equal(find(s.dbs, s.n_dbs, "a")->group, find(s.dbs, s.n_dbs, "b")->group);
    run(&s, 2 * 3600000);
    expect(&s, "database", "c", "Ready", "InSync");
    run(&s, 3600000 + 600000);
    expect(&s, "database", "c", "Deleting", "Grace");
    run(&s, 3600000);
    expect(&s, "database", "c", "Ready", "Absent");
    assert_int_equal(s.deletes, 1);
    sim_deinit(&s);
}

/* --- what a hostile reader found --- */

#define WITHOUT_A                                                                                  \
    GROUP "databases: {a: {state: absent}, b: {group: eu}, c: {group: eu}, d: {group: eu}, e: "    \
          "{group: eu}}\n"

static void create__that_was_refused__claims_nobody_elses(void **state)
{
    (void)state;
    for (int with_crash = 0; with_crash < 2; with_crash++) {
        struct sim s;

        settled(&s, "adopt: never", GROUP);
        s.fault_kind = CALL_DATABASE_CREATE;
        s.fault = OUTCOME_INVALID;
        s.fault_times = 1;
        manifest(&s, GROUP "databases: {a: {group: eu}}\n");
        run(&s, 10000);
        expect(&s, "database", "a", "Blocked", "Refused");
        make(&s, s.dbs, &s.n_dbs, "a", "eu");
        if (with_crash) {
            crash(&s);
            manifest(&s, GROUP "databases: {a: {group: eu}}\n");
        }
        observe(&s);
        run(&s, 10000);
        expect(&s, "database", "a", "Blocked", "NotOwned");
        sim_deinit(&s);
    }
}

static void approval__of_a_removal__ends_when_its_entry_returns(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "prune: on, deletion_grace: 2h", FIVE);
    manifest(&s, GROUP "databases: {a: {group: eu}}\n");
    run(&s, 10000);
    decide_on(&s, true);
    run(&s, 15 * 60000);
    assert_int_equal(s.patches, 4);
    manifest(&s, FIVE);
    run(&s, 60000);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    manifest(&s, GROUP "databases: {a: {group: eu}}\n");
    run(&s, 3 * 3600000);
    assert_int_equal(state_of(&s), STATE_HELD);
    assert_int_equal(s.deletes, 0);
    sim_deinit(&s);
}

static void grace__does_not_run_while_nobody_looks(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 10h", FIVE);
    manifest(&s, WITHOUT_A);
    run(&s, 60000);
    expect(&s, "database", "a", "Deleting", "Grace");
    advance(&s, 30 * 3600000);
    run(&s, 60000);
    assert_int_equal(s.deletes, 0);
    expect(&s, "database", "a", "Deleting", "Grace");
    run(&s, 11 * 3600000);
    assert_int_equal(s.deletes, 1);
    sim_deinit(&s);
}

static void fence__half_lifted_and_put_up_again__forgets_nothing(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 2h", FIVE);
    manifest(&s, WITHOUT_A);
    run(&s, 60000);
    s.fault_kind = CALL_DATABASE_CONFIGURE;
    s.fault = OUTCOME_UNAVAILABLE;
    s.fault_times = 1;
    manifest(&s, FIVE);
    for (int i = 0; i < 50 && s.fault_times; i++)
        happen(&s, s.now + 1000);
    manifest(&s, WITHOUT_A);
    run(&s, 60000);
    manifest(&s, FIVE);
    run(&s, 60000);
    assert_false(find(s.dbs, s.n_dbs, "a")->reads || find(s.dbs, s.n_dbs, "a")->writes);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static void fence__of_one_that_was_blocked__comes_down_to_that(void **state)
{
    const char *blocked =
        GROUP "databases: {a: {group: eu, block_reads: true, block_writes: true}}\n";
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 2h", blocked);
    manifest(&s, GROUP "databases: {a: {state: absent}}\n");
    run(&s, 60000);
    manifest(&s, blocked);
    run(&s, 60000);
    expect(&s, "database", "a", "Ready", "InSync");
    assert_true(s.patches < 6);
    sim_deinit(&s);
}

static void observed_only__while_fenced__is_let_go_as_it_was(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 2h", FIVE);
    manifest(&s, WITHOUT_A);
    run(&s, 60000);
    manifest(&s, GROUP "databases: {a: {manage: observe}, b: {group: eu}}\n");
    run(&s, 60000);
    expect(&s, "database", "a", "Ready", "Observed");
    assert_false(find(s.dbs, s.n_dbs, "a")->reads || find(s.dbs, s.n_dbs, "a")->writes);
    sim_deinit(&s);
}

static void protection__that_was_written__outlives_entry_and_dashboard(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "prune: on, deletion_grace: 0s",
            GROUP "databases: {a: {group: eu, delete_protection: true}, b: {group: eu}}\n");
    manifest(&s, GROUP "databases: {b: {group: eu}}\n");
    run(&s, 10000);
    find(s.dbs, s.n_dbs, "a")->protection = false;
    observe(&s);
    run(&s, 2 * 3600000);
    expect(&s, "database", "a", "Blocked", "DeleteProtected");
    assert_int_equal(s.deletes, 0);
    sim_deinit(&s);
}

static void group__of_another_id__gets_no_databases(void **state)
{
    struct sim s;
    int creates;

    (void)state;
    settled(&s, "", GROUP);
    creates = s.creates;
    s.groups[0].live = false;
    make(&s, s.groups, &s.n_groups, "eu", "aws-eu-west-1");
    observe(&s);
    run(&s, 10000);
    expect(&s, "group", "eu", "Blocked", "Conflict");
    manifest(&s, FIVE);
    run(&s, 300000);
    assert_int_equal(s.creates, creates);
    sim_deinit(&s);
}

static void token__edited_while_it_is_minted__is_minted_as_edited(void **state)
{
    const char *edited = GROUP
        "databases: {a: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d}}}}\n";
    struct sim s;

    (void)state;
    sim_init(&s, "");
    manifest(&s, ONE);
    for (int i = 0; i < 200 && !s.mints; i++)
        happen(&s, s.now + 1000);
    manifest(&s, edited);
    run(&s, 60000);
    assert_int_equal(s.mints, 2);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static void field__edited_while_it_is_set__is_set_as_edited(void **state)
{
    struct sim s;

    (void)state;
    sim_init(&s, "");
    manifest(&s, GROUP "databases: {a: {group: eu, delete_protection: true}}\n");
    for (int i = 0; i < 200 && !s.patches; i++)
        happen(&s, s.now + 1000);
    manifest(&s, GROUP "databases: {a: {group: eu, delete_protection: false}}\n");
    run(&s, 60000);
    assert_false(find(s.dbs, s.n_dbs, "a")->protection);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static void tokens__held_by_the_guard__are_minted_when_approved(void **state)
{
    const char *edited = GROUP
        "classes: {free: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d}}}}\n"
        "databases: {a: {class: free}, b: {class: free}, c: {class: free}, d: {class: free}, "
        "e: {class: free}}\n";
    struct sim s;

    (void)state;
    settled(&s, "", KEYED);
    manifest(&s, edited);
    run(&s, 60000);
    assert_int_equal(state_of(&s), STATE_HELD);
    decide_on(&s, true);
    run(&s, 60000);
    assert_int_equal(s.mints, 10);
    assert_int_equal(state_of(&s), STATE_SETTLED);
    sim_deinit(&s);
}

static int tries_in_ten_minutes(struct sim *s, enum call_kind kind, enum outcome outcome)
{
    s->fault_kind = kind;
    s->fault = outcome;
    s->fault_times = 100000;
    observe(s);
    run(s, 600000);
    return 100000 - s->fault_times;
}

static void failures__are_tried_ever_more_seldom(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "", GROUP);
    manifest(&s, GROUP "databases: {a: {group: eu}}\n");
    assert_true(tries_in_ten_minutes(&s, CALL_DATABASE_CREATE, OUTCOME_UNAVAILABLE) < 40);
    sim_deinit(&s);
    settled(&s, "", ONE);
    find(s.dbs, s.n_dbs, "a")->live = false;
    assert_true(tries_in_ten_minutes(&s, CALL_DATABASE_GET, OUTCOME_FORBIDDEN) < 40);
    sim_deinit(&s);
    settled(&s, "", GROUP "databases: {a: {group: eu, delete_protection: true}}\n");
    find(s.dbs, s.n_dbs, "a")->protection = false;
    assert_true(tries_in_ten_minutes(&s, CALL_DATABASE_CONFIGURE, OUTCOME_NOT_FOUND) < 40);
    sim_deinit(&s);
}

static void hold__never_ends_by_time(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 10h", FIVE);
    manifest(&s, WITHOUT_A);
    run(&s, 10 * 60000);
    expect(&s, "database", "a", "Deleting", "Grace");
    manifest(&s, GROUP "databases: {a: {state: absent}, b: {state: absent}, c: {group: eu}, d: "
                       "{group: eu}, e: {group: eu}}\n");
    run(&s, 3 * 3600000);
    expect(&s, "database", "b", "Blocked", "Held");
    sim_deinit(&s);
}

static void stranger__holds_what_is_about_to_be_deleted(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "deletion_grace: 30m", FIVE);
    manifest(&s, WITHOUT_A);
    run(&s, 20 * 60000);
    find(s.dbs, s.n_dbs, "b")->live = false;
    observe(&s);
    run(&s, 5 * 3600000);
    assert_int_equal(s.deletes, 0);
    assert_int_equal(state_of(&s), STATE_HELD);
    decide_on(&s, true);
    run(&s, 3600000);
    assert_int_equal(s.deletes, 1);
    sim_deinit(&s);
}

static void absent__but_not_shown_just_now__is_still_ours(void **state)
{
    struct sim s;

    (void)state;
    settled(&s, "removals: plan, deletion_grace: 0s", FIVE);
    manifest(&s, WITHOUT_A);
    run(&s, 10000);
    s.lie = true;
    s.fault_kind = CALL_DATABASE_GET;
    s.fault = OUTCOME_NOT_FOUND;
    s.fault_times = 1;
    observe(&s);
    run(&s, 5000);
    s.lie = false;
    observe(&s);
    run(&s, 200000);
    expect(&s, "database", "a", "Blocked", "Held");
    sim_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one__is_made_minted_and_left_alone),
        cmocka_unit_test(create__without_answer__is_read_before_it_is_sent_again),
        cmocka_unit_test(mint__without_answer__counts_as_leaked),
        cmocka_unit_test(list__that_is_empty__leads_to_no_writes),
        cmocka_unit_test(vanished__is_missing_after_a_minute_and_not_made_anew),
        cmocka_unit_test(recreated__under_its_name__is_never_touched),
        cmocka_unit_test(absent__is_fenced_kept_for_its_grace_then_deleted),
        cmocka_unit_test(returning__within_its_grace__is_as_before),
        cmocka_unit_test(fence__lifted_by_somebody__stops_the_deletion),
        cmocka_unit_test(removals__over_the_guard__wait_for_approval),
        cmocka_unit_test(refused_token__stops_writes_until_it_is_accepted),
        cmocka_unit_test(token__is_renewed_before_its_end_even_when_orphaned),
        cmocka_unit_test(drift__is_corrected_and_a_quarrel_is_left_alone),
        cmocka_unit_test(group__wanted_gone__goes_when_approved_and_long_empty),
        cmocka_unit_test(rejected__stays_until_its_entry_changes),
        cmocka_unit_test(sync__by_name__knows_what_there_is),
        cmocka_unit_test(ledger__that_refuses__holds_everything_until_it_takes),
        cmocka_unit_test(branch__expires_on_time_and_residency_places),
        cmocka_unit_test(crash__after_any_event__ends_in_the_same_place),
        cmocka_unit_test(crash__between_a_mint_and_its_file__holds_nothing),
        cmocka_unit_test(create__that_was_refused__claims_nobody_elses),
        cmocka_unit_test(approval__of_a_removal__ends_when_its_entry_returns),
        cmocka_unit_test(grace__does_not_run_while_nobody_looks),
        cmocka_unit_test(fence__half_lifted_and_put_up_again__forgets_nothing),
        cmocka_unit_test(fence__of_one_that_was_blocked__comes_down_to_that),
        cmocka_unit_test(observed_only__while_fenced__is_let_go_as_it_was),
        cmocka_unit_test(protection__that_was_written__outlives_entry_and_dashboard),
        cmocka_unit_test(group__of_another_id__gets_no_databases),
        cmocka_unit_test(token__edited_while_it_is_minted__is_minted_as_edited),
        cmocka_unit_test(field__edited_while_it_is_set__is_set_as_edited),
        cmocka_unit_test(tokens__held_by_the_guard__are_minted_when_approved),
        cmocka_unit_test(failures__are_tried_ever_more_seldom),
        cmocka_unit_test(hold__never_ends_by_time),
        cmocka_unit_test(stranger__holds_what_is_about_to_be_deleted),
        cmocka_unit_test(absent__but_not_shown_just_now__is_still_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
