/* app_rooms: the rooms that the loop carries, opened at the start and, where a reload changes them,
 * anew. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app_private.h"
#include "io/clock.h"
#include "io/store_load.h"
#include "io/store_write.h"
#include "lib/mem.h"
#include "lib/text.h"

#define CHECK_FILES_MS 60000
#define POLL_FILES_MS  2000

static void on_changed(void *arg, struct manifest_spots *where)
{
    struct app *app = arg;

    if (!app->stopping)
        app_manifest_read_some(app, where);
}

static void on_hook(void *arg, const struct hooks_result *result)
{
    struct rc_event ev = {.kind = RC_HOOK,
                          .resource_kind = result->line.kind,
                          .name = result->line.name,
                          .ok = result->rc == 0};

    if (result->rc != 0)
        log_event(NULL, LOG_LEVEL_WARNING, "hook %s: %s", result->hook,
                  result->text ? result->text : "failed");
    app_step(arg, &ev);
}

static int load_row(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    struct app *app = arg;
    const struct meta *m = row;
    char *end;

    if (t == LEDGER_META && strcmp(m->key, "generation") == 0) {
        app->generation = strtoull(m->value, &end, 10);
        app->digest = strtoull(end, NULL, 16);
    }
    if (t == LEDGER_TOKEN && app->options.mode == APP_PLAN) { /* tells no hook */
        struct held_token untold = *(const struct held_token *)row;

        untold.notify = NULL;
        return reconcile_load(app->rc, t, &untold) ? 0 : err_nomem(err);
    }
    return reconcile_load(app->rc, t, row) ? 0 : err_nomem(err);
}

/* For --plan, which makes none. A ledger that cannot be seen is not "none". */
static int has_ledger(const struct config *config, bool *out, struct err *err)
{
    char *path = mem_printf("%s/ledger.db", config->state_dir);
    struct stat st;
    int rv;

    if (!path)
        return err_nomem(err);
    rv = stat(path, &st);
    *out = rv == 0;
    if (rv != 0 && errno == ENOTDIR)
        rv = err_set(err, ERR_IO,
                     "state directory %s is no directory: move it away, or set state_dir in the "
                     "configuration",
                     config->state_dir);
    else if (rv != 0)
        rv = errno == ENOENT ? 0 : err_errno(err, errno, "cannot look for the ledger %s", path);
    mem_free(path);
    return rv;
}

static int bind_ledger(struct app *app, struct err *err)
{
    const struct config *c = app->config;

    return app->options.mode == APP_PLAN
               ? store_check_binding(app->store, c->api.url, c->organization, NULL, err)
               : store_bind(app->store, c->api.url, c->organization, NULL, err);
}

/* Nothing that is live is ours by a ledger that was lost or moved; the reconciler says so until
 * somebody has seen it. */
static int note_lost(struct app *app, struct err *err)
{
    char key[] = "lost";
    char now[24];
    struct meta row = {key, now};
    struct ledger_op op = {LEDGER_META, false, &row};

    if (!store_is_new(app->store) || !store_manifest_exists(app->manifest_store))
        return 0;
    snprintf(now, sizeof(now), "%" PRId64, clock_wall_ms());
    return store_commit(app->store, &op, 1, err);
}

static int load_rows(struct app *app, struct err *err)
{
    struct store_events_query last = {.limit = 1, .last = true};
    int rv = store_load(app->store, load_row, app, err);

    if (rv == 0)
        rv = store_load_events(app->store, &last, load_row, app, err);
    mem_give_back(); /* what SQLite needed for all of it */
    return rv;
}

static int open_store(struct app *app, struct err *err)
{
    bool there = true;
    int rv = app->options.mode == APP_PLAN ? has_ledger(app->config, &there, err) : 0;

    if (rv != 0 || !there)
        return rv;
    rv = store_open(app->config->state_dir, &app->store, err);
    if (rv == 0)
        rv = bind_ledger(app, err);
    if (rv == 0)
        rv = store_manifest_open(store_state_dir(app->store), &app->manifest_store, err);
    if (rv == 0)
        rv = note_lost(app, err);
    return rv != 0 ? rv : load_rows(app, err);
}

/* First use of a directory marks it; each that was ever used is remembered, so that an empty mount
 * point never passes for a new one. */
static int mark_tokens(struct app *app, const struct tokens_dir_options *options, struct err *err)
{
    char *key = mem_printf("tokens_dir:%s", options->path);
    char *used = NULL;
    char yes[] = "marked";
    struct meta row = {key, yes};
    struct ledger_op op = {LEDGER_META, false, &row};
    int rv = key ? store_load_meta(app->store, key, &used, err) : err_nomem(err);

    if (rv == 0 && !used)
        rv = tokens_dir_mark(options, err);
    if (rv == 0 && !used)
        rv = store_commit(app->store, &op, 1, err);
    mem_free(used);
    mem_free(key);
    return rv;
}

static int open_tokens(struct app *app, const struct config *config, struct token_files **out,
                       struct err *err)
{
    struct tokens_dir_options options;
    char mark[512];
    int rv = app_tokens_options(config, &options, mark, sizeof(mark), err);

    if (rv == 0 && app->options.mode != APP_PLAN) /* which reads files, and marks nothing */
        rv = mark_tokens(app, &options, err);
    if (rv == 0)
        rv = token_files_open(&app->loop, &options, out, err);
    return rv;
}

static int open_api(struct app *app, const struct config *config, struct api **out, struct err *err)
{
    struct api_options options = {.url = config->api.url,
                                  .organization = config->organization,
                                  .ca_file = config->api.ca_file,
                                  .timeout_ms = config->api.timeout_ms,
                                  .concurrency = config->api.concurrency,
                                  .seeds = &app->seeds};

    return api_open(&app->loop, &options, out, err);
}

static int open_watch(struct app *app, const struct config *config, struct watch **out,
                      struct err *err)
{
    struct watch_options options = {.files = {config->manifest, config->tenants_dir},
                                    .debounce_ms = (uint64_t)config->reconcile.debounce_ms,
                                    .check_ms = CHECK_FILES_MS,
                                    .poll_ms = POLL_FILES_MS,
                                    .changed = on_changed,
                                    .arg = app};

    return watch_open(&app->loop, &options, out, err);
}

/* What can fail is opened first; then what is left needs memory alone. */
int app_rooms_reopen(struct app *app, const struct config *old, const struct config *next,
                     struct err *err)
{
    bool tokens = !text_same(old->tokens_group, next->tokens_group);
    bool watch = !text_same(old->manifest, next->manifest) ||
                 !text_same(old->tenants_dir, next->tenants_dir) ||
                 old->reconcile.debounce_ms != next->reconcile.debounce_ms;
    struct token_files *token_files = NULL;
    struct watch *watching = NULL;
    int rv = tokens ? open_tokens(app, next, &token_files, err) : 0;

    if (rv == 0 && watch)
        rv = open_watch(app, next, &watching, err);
    if (rv == 0)
        rv = api_configure(app->api, next->api.ca_file, next->api.timeout_ms, next->api.concurrency,
                           err);
    if (rv == 0)
        rv = hooks_configure(app->hooks, next->hooks, next->n_hooks, err);
    if (rv != 0) {
        if (token_files)
            token_files_close(token_files, app_closed, NULL);
        if (watching)
            watch_close(watching, app_closed, NULL);
        return rv;
    }
    if (tokens) {
        token_files_close(app->token_files, app_closed, NULL);
        app->token_files = token_files;
    }
    if (watch) {
        watch_close(app->watch, app_closed, NULL);
        app->watch = watching;
    }
    return 0;
}

int app_rooms_open(struct app *app, struct err *err)
{
    struct hooks_options hooks = {
        .organization = app->config->organization, .done = on_hook, .arg = app};
    int rv = open_api(app, app->config, &app->api, err);

    if (rv == 0)
        rv = app_credentials_load(app, app->config, err);
    if (rv == 0)
        rv = encryption_keys_load(app->config->keys, app->config->n_keys, &app->keys, err);
    if (rv == 0)
        rv = open_store(app, err);
    app_manifest_init(app);
    if (rv == 0)
        rv = hooks_open(&app->loop, &hooks, &app->hooks, err);
    if (rv == 0)
        rv = hooks_configure(app->hooks, app->config->hooks, app->config->n_hooks, err);
    if (rv == 0)
        rv = open_tokens(app, app->config, &app->token_files, err);
    if (rv == 0 && app->options.mode == APP_SERVE)
        rv = app_control_open(app, err);
    if (rv == 0)
        rv = notify_open(&app->loop, &app->notify, err);
    if (rv == 0 && app->options.mode == APP_SERVE)
        rv = open_watch(app, app->config, &app->watch, err);
    return rv;
}
