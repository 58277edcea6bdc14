/* app_effects: one turn of the loop's effects, carried out in order: the ledger, in one
 * transaction; then calls, files and hooks. What the ledger does not take is kept and tried again,
 * and nothing that stands behind it is begun. */
#include <stdio.h>
#include <string.h>

#include "app_private.h"
#include "core/ask.h"
#include "io/clock.h"
#include "io/store_load.h"
#include "io/store_write.h"
#include "lib/mem.h"

#define STOPPING    "tenantd is stopping"
#define DEBUG_LEVEL 7 /* of events that are for the log alone */

static void log_row(const struct event *e)
{
    struct log_fields fields = {.kind = e->kind,
                                .name = *e->name ? e->name : NULL,
                                .event = e->what,
                                .attempt = (unsigned)e->attempt,
                                .http_status = (int)e->http_status,
                                .duration_ms = e->duration_ms};

    log_event(*e->name ? &fields : &(struct log_fields){.event = e->what}, (enum log_level)e->level,
              "%s%s%s%s%s", *e->name ? e->kind : "", *e->name ? "/" : "", e->name,
              *e->name ? ": " : "", e->message);
}

/* Log the events; those below the history's level go no further. True: some are left to be kept. */
static bool log_events(struct ledger_op *ops, size_t *n)
{
    size_t kept = 0;
    bool any = false;

    for (size_t i = 0; i < *n; i++) {
        if (ops[i].table == LEDGER_EVENT && !ops[i].is_delete) {
            const struct event *e = ops[i].row;

            log_row(e);
            if (e->level >= DEBUG_LEVEL) {
                ledger_op_deinit(&ops[i]);
                continue;
            }
            any = true;
        }
        ops[kept++] = ops[i];
    }
    *n = kept;
    return any;
}

/* Put what is new behind what waits. False: no memory. */
static bool queue_ops(struct app *app, struct effects *fx)
{
    if (!mem_grow(&app->pending, &app->pending_capacity, app->n_pending + fx->n_ops,
                  sizeof(*app->pending)))
        return false;
    if (fx->n_ops)
        memcpy(app->pending + app->n_pending, fx->ops, fx->n_ops * sizeof(*fx->ops));
    app->n_pending += fx->n_ops;
    fx->n_ops = 0;
    return true;
}

static void drop_pending(struct app *app)
{
    for (size_t i = 0; i < app->n_pending; i++)
        ledger_op_deinit(&app->pending[i]);
    app->n_pending = 0;
}

static int commit(struct app *app, struct err *err)
{
    int rv = 0;

    if (app->options.mode == APP_PLAN) /* writes nothing */
        drop_pending(app);
    if (app->n_pending)
        rv = store_commit(app->store, app->pending, app->n_pending, err);
    if (rv == 0)
        drop_pending(app);
    return rv;
}

/* --- what comes back --- */

/* Another organization under the same slug: nothing of it counts, and nothing is written, but
 * tokens that we handed out go on being looked after when the right one answers again. */
static void check_organization(struct app *app, struct answer *a)
{
    struct err err = ERR_INIT;

    if (a->kind != CALL_ORGANIZATION_GET || a->outcome != OUTCOME_OK || !a->organization_id ||
        !app->store)
        return;
    if (store_check_binding(app->store, app->config->api.url, app->config->organization,
                            a->organization_id, &err) == -ERR_FOREIGN) {
        log_event(NULL, LOG_LEVEL_ERROR, "%s", err.msg);
        a->outcome = OUTCOME_FORBIDDEN;
        snprintf(a->error, sizeof(a->error), "%.*s", LIMIT_ERROR_TEXT_BYTES, err.msg);
    } else if (!ledger_set(&app->organization_id, a->organization_id)) {
        app_fail("out of memory");
    }
}

/* An id counts once a whole observation stands behind it. */
static void bind_organization(struct app *app)
{
    struct err err = ERR_INIT;

    if (!app->organization_id || !app->store || app->options.mode == APP_PLAN ||
        !reconcile_is_observed(app->rc))
        return;
    if (store_bind(app->store, app->config->api.url, app->config->organization,
                   app->organization_id, &err) != 0)
        log_event(NULL, LOG_LEVEL_WARNING, "the organization's id is not kept: %s", err.msg);
    mem_free(app->organization_id);
    app->organization_id = NULL;
}

static void on_answer(void *arg, struct answer *answer)
{
    struct app *app = arg;
    struct rc_event ev = {.kind = RC_ANSWER, .answer = answer};
    enum call_kind kind = answer->kind;
    bool refused = answer->outcome == OUTCOME_UNAUTHORIZED && call_is_of_platform(kind);

    app->has_news = true;
    check_organization(app, answer);
    app_step(app, &ev);
    if (kind == CALL_DATABASES_LIST)
        bind_organization(app);
    if (refused && !app->closing)
        app_credential_refused(app, kind);
    else if (kind == CALL_ORGANIZATION_GET && reconcile_deletes_refused(app->rc) && !app->closing)
        app_credential_refused(app, CALL_DELETE_TOKEN_VALIDATE); /* it is tried but hourly */
}

static void on_files(void *arg, struct file_result *results, size_t n)
{
    struct rc_event ev = {.kind = RC_FILES, .files = results, .n_files = n};
    struct app *app = arg;

    app->has_news = true;
    app_step(app, &ev);
}

/* --- what goes out --- */

/* The key itself joins the call at the last moment, and leaves with it. */
static int add_key(struct app *app, struct call *c, struct err *err)
{
    const char *key = c->key_name ? encryption_keys_find(&app->keys, c->key_name) : NULL;

    if (!c->key_name)
        return 0;
    if (!key)
        return err_set(err, ERR_NOT_FOUND, "there is no encryption key %s", c->key_name);
    return ledger_set(&c->key, key) ? 0 : err_nomem(err);
}

static void not_sent(struct app *app, struct call *c, const char *why)
{
    struct answer *a = answer_new(c);

    call_free(c);
    if (!a) {
        app->fx.failed = true;
        return;
    }
    a->outcome = OUTCOME_NOT_SENT;
    snprintf(a->error, sizeof(a->error), "%.*s", LIMIT_ERROR_TEXT_BYTES, why);
    on_answer(app, a);
}

/* A call that waits for a file of ours, off the loop: a probe for its token, an upload for what it
 * is to send. */
struct waiting {
    struct app *app;
    struct call *call;
};

static void on_revealed(void *arg, struct file_result *results, size_t n)
{
    struct waiting *p = arg;
    struct app *app = p->app;
    struct call *c = p->call;
    struct err err = ERR_INIT;

    (void)n;
    mem_free(p);
    c->jwt = results->jwt;
    c->jwt_size = results->jwt_size;
    results->jwt = NULL;
    if (app->closing)
        call_free(c);
    else if (app->stopping)
        not_sent(app, c, STOPPING);
    else if (!c->jwt)
        not_sent(app, c, results->error[0] ? results->error : "its token file is not there");
    else if (api_start(app->api, c, on_answer, app, &err) != 0)
        not_sent(app, c, err.msg);
}

static int start_probe(struct app *app, struct call *c, struct err *err)
{
    struct waiting *p = mem_alloc(sizeof(*p));
    struct file_job *job = p ? file_job_new(FILE_REVEAL, c->token_file) : NULL;
    int rv;

    if (!job || !ledger_set(&job->hash, c->token_hash)) {
        file_job_free(job);
        mem_free(p);
        return err_nomem(err);
    }
    job->format = c->token_format;
    *p = (struct waiting){app, c};
    rv = token_files_start(app->token_files, &job, 1, on_revealed, p, err);
    if (rv != 0) {
        file_job_free(job);
        mem_free(p);
    }
    return rv;
}

/* --- files to upload --- */

static void on_upload_sent(void *arg, uint64_t bytes, uint64_t of)
{
    struct rc_event ev = {
        .kind = RC_PROGRESS, .sent_bytes = (int64_t)bytes, .total_bytes = (int64_t)of};

    app_step(arg, &ev); /* what it leads to is begun at the end of the turn */
}

static void answer_seed(struct app *app, struct call *c, const struct seed_file *f,
                        const struct err *why)
{
    struct answer *a = answer_new(c);
    char state[SEED_STATE_SIZE] = "";

    call_free(c);
    if (f)
        seed_file_state(f, state);
    if (!a || !(a->seed_state = arena_strdup(&a->arena, state))) {
        answer_free(a);
        app->fx.failed = true;
        return;
    }
    a->outcome = f ? OUTCOME_OK : OUTCOME_SEED_FILE;
    a->seed_size = f ? (int64_t)f->identity.size : 0;
    snprintf(a->error, sizeof(a->error), "%.*s", LIMIT_ERROR_TEXT_BYTES, f ? "" : why->msg);
    on_answer(app, a);
}

static void on_seed(void *arg, int rv, struct seed_file *f, const struct err *why)
{
    struct waiting *s = arg;
    struct app *app = s->app;
    struct call *c = s->call;
    struct err err = ERR_INIT;

    mem_free(s);
    if (app->closing) {
        call_free(c);
    } else if (app->stopping) {
        not_sent(app, c, STOPPING);
    } else if (rv == -ERR_NOMEM) {
        not_sent(app, c, why->msg);
    } else if (rv != 0 || c->kind == CALL_SEED_LOOK) {
        answer_seed(app, c, rv == 0 ? f : NULL, why);
    } else if (api_upload(app->api, c, f, on_upload_sent, on_answer, app, &err) != 0) {
        not_sent(app, c, err.msg);
    }
    seed_file_close(f);
}

static int start_seed(struct app *app, struct call *c, struct err *err)
{
    struct waiting *s = mem_alloc(sizeof(*s));
    int rv;

    if (!s)
        return err_nomem(err);
    *s = (struct waiting){app, c};
    rv = seed_look(&app->seeds, app->config->seeds_dir, c->seed_file, c->cipher, on_seed, s, err);
    if (rv != 0)
        mem_free(s);
    return rv;
}

/* --plan sends reads alone, whatever the reconciler was told. */
static int start_call(struct app *app, struct call *c, struct err *err)
{
    if (app->stopping) /* it was decided upon in the turn of the loop that we were told in */
        return err_set(err, ERR_CANCELED, STOPPING);
    if (app->options.mode == APP_PLAN && strcmp(CALL_INFO[c->kind].method, "GET") != 0)
        return err_set(err, ERR_PERMISSION, "--plan writes nothing");
    if (add_key(app, c, err) != 0)
        return -(int)err->code;
    if (c->kind == CALL_DATABASE_PROBE)
        return start_probe(app, c, err);
    if (c->kind == CALL_SEED_LOOK || c->kind == CALL_DATABASE_UPLOAD)
        return start_seed(app, c, err);
    return api_start(app->api, c, on_answer, app, err);
}

static void start_calls(struct app *app, struct effects *fx)
{
    for (size_t i = 0; i < fx->n_calls; i++) {
        struct call *c = fx->calls[i];
        struct err err = ERR_INIT;

        if (start_call(app, c, &err) != 0)
            not_sent(app, c, err.msg);
    }
    fx->n_calls = 0;
}

static void start_jobs(struct app *app, struct effects *fx)
{
    while (fx->n_jobs) {
        size_t n = fx->n_jobs < LIMIT_FILE_JOBS ? fx->n_jobs : LIMIT_FILE_JOBS;
        struct file_job **jobs = fx->jobs + fx->n_jobs - n;
        struct err err = ERR_INIT;
        int rv = token_files_start(app->token_files, jobs, n, on_files, app, &err);

        for (size_t i = 0; rv != 0 && i < n; i++) {
            struct file_result res = {
                .job_id = jobs[i]->id, .kind = jobs[i]->kind, .outcome = FILE_FAILED};

            snprintf(res.error, sizeof(res.error), "%.*s", (int)sizeof(res.error) - 1, err.msg);
            on_files(app, &res, 1);
            file_job_free(jobs[i]);
        }
        fx->n_jobs -= n;
    }
}

static void start_hooks(struct app *app, struct effects *fx)
{
    for (size_t i = 0; app->options.mode != APP_PLAN && i < fx->n_hooks; i++) {
        const struct hook_run *h = &fx->hooks[i];
        struct hooks_line line = {h->kind, h->name, h->file, h->cause};
        struct err err = ERR_INIT;

        if (hooks_add(app->hooks, h->hook, &line, &err) != 0) {
            struct rc_event ev = {.kind = RC_HOOK, .resource_kind = h->kind, .name = h->name};

            log_event(NULL, LOG_LEVEL_WARNING, "hook %s: %s", h->hook, err.msg);
            app_step(app, &ev);
        }
    }
}

static void give_answers(struct app *app, struct effects *fx)
{
    for (size_t i = 0; i < fx->n_answers; i++)
        if (fx->answers[i]->ticket == ASK_AUDIT)
            app_platform_audited(app, fx->answers[i]);
        else
            app_ask_answered(app, fx->answers[i]);
    fx->n_answers = 0;
}

static void ledger_failed(struct app *app, struct effects *fx, const struct err *err)
{
    struct rc_event ev = {.kind = RC_UNSENT, .unsent = fx, .text = err->msg};

    if (app->ledger_ok)
        log_event(NULL, LOG_LEVEL_ERROR,
                  "the ledger cannot be written: %s; nothing new is begun until it can", err->msg);
    app->ledger_ok = false;
    app_step(app, &ev);
}

static void ledger_works(struct app *app)
{
    struct rc_event ev = {.kind = RC_LEDGER_OK};

    log_event(NULL, LOG_LEVEL_NOTICE, "the ledger can be written again");
    app->ledger_ok = true;
    app_step(app, &ev);
}

void app_flush(struct app *app)
{
    struct effects fx = app->fx;
    struct err err = ERR_INIT;
    bool events;

    if (!fx.n_ops && !fx.n_calls && !fx.n_jobs && !fx.n_hooks && !fx.n_answers)
        return;
    app->fx = EFFECTS_INIT;
    events = log_events(fx.ops, &fx.n_ops);
    if (!queue_ops(app, &fx)) {
        app->fx.failed = true;
    } else if (commit(app, &err) != 0) {
        ledger_failed(app, &fx, &err);
    } else {
        if (!app->ledger_ok)
            ledger_works(app);
        start_calls(app, &fx);
        start_jobs(app, &fx);
        start_hooks(app, &fx);
        if (events)
            app_watch_wake(app);
    }
    give_answers(app, &fx);
    effects_deinit(&fx);
}

int app_flush_now(struct app *app, struct err *err)
{
    app_flush(app);
    if (app->ledger_ok && !app->n_pending)
        return 0;
    return err_set(err, ERR_NOT_READY,
                   "it is so from now on, but the ledger cannot be written, and would forget it");
}

void app_ledger_retry(struct app *app)
{
    struct err err = ERR_INIT;

    if (!app->ledger_ok && commit(app, &err) == 0)
        ledger_works(app);
}

bool app_flush_last(struct app *app)
{
    struct err err = ERR_INIT;

    log_events(app->fx.ops, &app->fx.n_ops);
    if (app->store && (!queue_ops(app, &app->fx) || commit(app, &err) != 0)) {
        log_event(NULL, LOG_LEVEL_ERROR,
                  "%zu entries of the ledger could not be written: %s; what they say is found out "
                  "anew at the next start",
                  app->n_pending, err.msg);
        return false;
    }
    return true;
}
