/* emulator: the whole platform behind one function: a request in, an answer out.
 * In:    options at birth, then requests, one at a time.
 * Out:   answers; it also counts and remembers the requests.
 * Never: knows of sockets; what sends the answers is the server. */
#include "emulator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "answer.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "options.h"
#include "request.h"
#include "route.h"
#include "snapshot.h"

#define JSON_DEPTH_MAX 16
#define SCRIPT_MAX     ((size_t)16 << 20)
#define ADMIN_PATH     "/_emulator/"
#define OWNER_NAME     "owner"

/* Databases to begin with, named db-0000001 and so on, in one group. */
static int fill(struct emulator *e, struct err *err)
{
    int64_t now_ms = clock_now_ms(&e->clock);
    struct group *g;

    if (!e->options->fill)
        return 0;
    g = group_new(&e->state.orgs[0], &e->ids, now_ms, "default", "aws-eu-west-1");
    if (!g)
        return err_nomem(err);
    for (uint64_t i = 1; i <= e->options->fill; i++) {
        char name[32];

        snprintf(name, sizeof(name), "db-%07llu", (unsigned long long)i);
        if (!database_new(g, &e->ids, now_ms, name, false))
            return err_nomem(err);
    }
    return 0;
}

static int read_script(const char *path, struct buf *out, struct err *err)
{
    FILE *f = fopen(path, "re");
    char chunk[4096];
    size_t n;
    int rc = 0;

    if (!f)
        return err_errno(err, errno, "fault script %s", path);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(out, chunk, n);
    if (ferror(f))
        rc = err_errno(err, errno, "fault script %s", path);
    else if (out->failed)
        rc = err_set(err, ERR_LIMIT, "fault script %s: too large", path);
    fclose(f);
    return rc;
}

static int load_faults(struct emulator *e, struct err *err)
{
    const char *path = e->options->faults_path;
    struct buf text = BUF_INIT(SCRIPT_MAX);
    int rc;

    if (!path)
        return 0;
    rc = read_script(path, &text, err);
    if (!rc) {
        rc = faults_parse(&e->faults, buf_str(&text), text.size, err);
        if (rc)
            err_wrap(err, "%s", path);
    }
    for (size_t i = 0; !rc && i < e->faults.n; i++) {
        if (e->faults.rules[i].list == LIST_STALE)
            rc = snapshot_take(e, &e->faults.rules[i].snapshot, err);
    }
    buf_deinit(&text);
    return rc;
}

/* A member of every organization, with a token that is good for all that the user is. */
static bool add_user(struct emulator *e, const char *name, enum role role, char *const *tokens,
                     size_t n_tokens)
{
    int64_t now_ms = clock_now_ms(&e->clock);
    int64_t lifetime_ms = e->options->token_lifetime_ms;
    struct user *user = users_add(&e->users, name, NULL);
    struct api_token like = {.user = user,
                             .created_ms = now_ms,
                             .expires_ms = lifetime_ms < 0 ? -1 : now_ms + lifetime_ms};

    if (!user)
        return false;
    for (size_t i = 0; role != ROLE_NONE && i < e->state.n_orgs; i++) {
        if (!members_add(&e->state.orgs[i].members, user, role))
            return false;
    }
    for (size_t i = 0; i < n_tokens; i++) {
        char token_name[32];

        snprintf(token_name, sizeof(token_name), "token-%zu", i + 1);
        if (!api_tokens_add(&e->api_tokens, &e->ids, token_name, &like, tokens[i]))
            return false;
    }
    return true;
}

static bool add_people(struct emulator *e)
{
    const struct options *o = e->options;

    if (!add_user(e, OWNER_NAME, ROLE_OWNER, o->tokens, o->n_tokens))
        return false;
    for (size_t i = 0; i < o->n_users; i++) {
        const struct option_user *u = &o->users[i];

        if (!add_user(e, u->name, u->role, &u->token, 1))
            return false;
    }
    return true;
}

static int start(struct emulator *e, struct err *err)
{
    const struct options *o = e->options;
    int rc;

    e->switches = o->switches;
    e->clock = (struct clock){0};
    ids_init(&e->ids, o->seed);
    e->allowance = (double)o->switches.burst;
    e->allowance_at_ns = clock_monotonic_ns();
    content_store_init(&e->content_store, o->data_dir);
    if (o->data_dir && mkdir(o->data_dir, 0700) != 0 && errno != EEXIST)
        return err_errno(err, errno, "--data %s", o->data_dir);
    if (!record_init(&e->record) || !state_init(&e->state, o->organizations, o->n_organizations) ||
        !add_people(e))
        return err_nomem(err);
    rc = fill(e, err);
    return rc ? rc : load_faults(e, err);
}

int emulator_init(struct emulator *e, const struct options *options, struct err *err)
{
    int rc;

    *e = (struct emulator){.options = options};
    rc = start(e, err);
    if (rc)
        emulator_deinit(e);
    return rc;
}

void emulator_deinit(struct emulator *e)
{
    e->content_store.is_closing = true;
    faults_deinit(&e->faults);
    record_deinit(&e->record);
    api_tokens_deinit(&e->api_tokens);
    state_deinit(&e->state);
    users_deinit(&e->users);
}

static void set_host(struct emulator *e, const char *host)
{
    snprintf(e->database_host, sizeof(e->database_host), "%s", host);
    for (size_t i = 0; i < e->state.n_orgs; i++)
        e->state.orgs[i].host = *host ? e->database_host : NULL;
}

void emulator_set_port(struct emulator *e, const char *port)
{
    char host[sizeof(e->database_host)];

    if (!e->options->database_host)
        return;
    snprintf(host, sizeof(host), "%s:%s", e->options->database_host, port);
    set_host(e, host);
}

int emulator_reset(struct emulator *e, struct err *err)
{
    const struct options *options = e->options;
    uint64_t in_flight = e->record.in_flight;
    uint64_t n_resets = e->n_resets;
    char host[sizeof(e->database_host)];
    int rc;

    memcpy(host, e->database_host, sizeof(host));

    emulator_deinit(e);
    rc = emulator_init(e, options, err);
    e->record.in_flight = in_flight;
    e->n_resets = n_resets + 1;
    set_host(e, host);
    return rc;
}

/* Whose token it is; NULL: nobody's. */
static const struct api_token *caller_of(const struct emulator *e, const struct request *rq)
{
    const struct api_token *t = rq->bearer ? api_tokens_find(&e->api_tokens, rq->bearer) : NULL;

    return t && (t->expires_ms < 0 || rq->now_ms < t->expires_ms) ? t : NULL;
}

/* A token bucket over the real clock. */
static bool is_allowed(struct emulator *e, int64_t *out_wait_s)
{
    double rate = (double)e->switches.rate;
    int64_t now_ns = clock_monotonic_ns();

    if (!e->switches.rate)
        return true;
    e->allowance += (double)(now_ns - e->allowance_at_ns) * 1e-9 * rate;
    e->allowance_at_ns = now_ns;
    if (e->allowance > (double)e->switches.burst)
        e->allowance = (double)e->switches.burst;
    if (e->allowance >= 1) {
        e->allowance -= 1;
        return true;
    }
    *out_wait_s = (int64_t)((1 - e->allowance) / rate) + 1;
    return false;
}

static void refuse_token(const struct request *rq, struct answer *a)
{
    if (!rq->bearer)
        answer_error(a, 401, "missing or malformed Authorization header");
    else if (strchr(rq->bearer, '.'))
        answer_error(a, 401, "could not parse jwt id");
    else
        answer_error(a, 401, "unauthorized");
}

/* False: answered. */
static bool parse_body(struct emulator *e, struct request *rq, struct answer *a)
{
    struct err err = ERR_INIT;

    if (rq->body_too_large) {
        answer_error(a, 413, "request body too large");
        return false;
    }
    if (rq->route->body == BODY_IGNORED || rq->route->body == BODY_RAW ||
        (rq->route->body == BODY_OPTIONAL && !rq->body.size))
        return true;
    if (!rq->body.size) {
        answer_error(a, 400, "request body is missing");
        return false;
    }
    if (json_parse(rq->body.data, rq->body.size, JSON_DEPTH_MAX, &rq->json, &err)) {
        answer_error(a, 400, "invalid JSON body: %s", err.msg);
        return false;
    }
    if (!json_object_is_type(rq->json, json_type_object)) {
        answer_error(a, 400, "invalid JSON body: expected an object");
        return false;
    }
    e->record.unknown_keys += members_unknown(rq->json, rq->route->keys);
    return true;
}

/* The organization that the path names, by slug or by id. False: answered. */
static bool find_org(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *slug = request_param(rq, "org");
    const char *text = request_param(rq, "org_id");
    uint8_t id[UUID_SIZE];

    if (slug)
        rq->org = state_org(&e->state, slug);
    else if (text && uuid_parse(text, id))
        rq->org = state_org_id(&e->state, id);
    if (rq->org || (!slug && !text))
        return true;
    answer_error(a, 404, "organization not found");
    return false;
}

/* The request is carried out, or refused as the platform would. */
static void perform(struct emulator *e, struct request *rq, struct answer *a)
{

    if (rq->route->access != ACCESS_OPEN && !rq->caller) {
        refuse_token(rq, a);
        return;
    }
    if (!find_org(e, rq, a))
        return;
    if (access_check(e, rq, a) && parse_body(e, rq, a))
        rq->route->answer(e, rq, a);
}

static void answer_unrouted(bool path_known, struct answer *a)
{
    answer_text(a, path_known ? 405 : 404, "text/plain",
                path_known ? "405 method not allowed\n" : "404 page not found\n");
}

static void answer_platform(struct emulator *e, struct request *rq, struct answer *a,
                            bool path_known)
{
    struct fault_rule *rule;
    int64_t wait_s;

    a->hold_ms = e->switches.latency_ms;
    if (!is_allowed(e, &wait_s)) {
        answer_error(a, 429, "rate limit exceeded");
        snprintf(a->retry_after, sizeof(a->retry_after), "%lld", (long long)wait_s);
        return;
    }
    rule = faults_pick(&e->faults, rq);
    rq->fault = rule;
    e->record.faults_fired += rule != NULL;
    if (!rule || fault_lets_through(rule)) {
        if (rq->route)
            perform(e, rq, a);
        else
            answer_unrouted(path_known, a);
    }
    if (rule)
        fault_apply(rule, rq->now_ms, a);
}

static void answer_admin(struct emulator *e, struct request *rq, struct answer *a, bool path_known)
{
    if (!rq->is_loopback)
        answer_error(a, 403, "/_emulator/ is for this machine only");
    else if (!rq->route)
        answer_unrouted(path_known, a);
    else
        perform(e, rq, a);
}

void emulator_answer(struct emulator *e, struct request *rq, struct answer *a)
{
    bool is_admin = !strncmp(rq->path, ADMIN_PATH, strlen(ADMIN_PATH));
    bool path_known;
    bool authorized;

    rq->now_ms = clock_now_ms(&e->clock);
    rq->route = route_find(rq, &path_known);
    if (is_admin) {
        answer_admin(e, rq, a, path_known);
    } else {
        record_begin(&e->record, rq);
        rq->caller = caller_of(e, rq);
        authorized = rq->caller != NULL; /* the request may revoke its own token */
        answer_platform(e, rq, a, path_known);
        record_add(&e->record, rq, a->fate == ANSWER_DROP ? 0 : a->status, authorized);
    }
    if (a->body.failed)
        answer_no_memory(a);
}
