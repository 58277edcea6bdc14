/* app_manifest: the files become a struct desired, off the loop, and what was good is kept for bad
 * days.
 *
 *   read (pool) ─▶ build, save the good set (pool) ─▶ RC_DESIRED ─▶ syncs and reload answered
 *
 * One reading at a time; what changes meanwhile leads to another one. One that failed for want of
 * memory is tried again with the chores. */
#include <stdio.h>
#include <string.h>

#include "app_private.h"
#include "io/clock.h"
#include "lib/mem.h"

/* --- the good set --- */

static void good_deinit(struct good_set *g)
{
    manifest_files_unref(g->files);
    if (g->has_copy)
        store_manifest_deinit(&g->copy);
    *g = (struct good_set){0};
}

static const struct manifest_input *good_inputs(const struct good_set *g, size_t *n)
{
    *n = 0;
    if (g->files)
        return manifest_files_inputs(g->files, n);
    if (!g->has_copy)
        return NULL;
    *n = g->copy.n;
    return g->copy.files;
}

/* Copy files that come from two readings into a set of their own. */
static bool copy_files(const struct desired_keep *keep, struct manifest_good *out)
{
    *out = (struct manifest_good){.arena = ARENA_INIT};
    out->files = arena_alloc(&out->arena, keep->n * sizeof(*out->files));
    for (size_t i = 0; out->files && i < keep->n; i++) {
        struct manifest_input *f = &out->files[i];

        *f = *keep->files[i];
        f->path = arena_strdup(&out->arena, f->path);
        f->data = arena_strndup(&out->arena, f->data, f->size);
        if (!f->path || !f->data) {
            arena_deinit(&out->arena);
            return false;
        }
        out->n++;
    }
    return out->files != NULL;
}

/* It had to be read: what is kept now may borrow from it. */
static void take_read(struct app *app, struct build *b)
{
    if (!b->has_read)
        return;
    if (b->load_err.code)
        log_event(NULL, LOG_LEVEL_ERROR, "the last good manifest is not to be had: %s",
                  b->load_err.msg);
    app->is_good_unknown = b->is_unknown;
    app->good = (struct good_set){.copy = b->was_good, .has_copy = b->was_good.n > 0};
    b->was_good = MANIFEST_GOOD_INIT;
}

static void keep_good(struct app *app, struct build *b)
{
    struct good_set next = {0};

    if (b->desired.whole || b->stays)
        next.files = manifest_files_ref(b->files);
    else
        next.has_copy = copy_files(&b->keep, &next.copy);
    if (!next.files && !next.has_copy)
        return; /* no memory: what was good stays so */
    good_deinit(&app->good);
    app->good = next;
}

/* --- building --- */

static void start_reading(struct app *app);

static void build_work(uv_work_t *work)
{
    build_run(container_of(work, struct build, work));
}

static void report(struct app *app, struct build *b)
{
    for (size_t i = 0; i < b->diags.n; i++) {
        char *line = diag_text(&b->diags.items[i]);

        log_event(NULL, b->diags.items[i].level == DIAG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
                  "manifest: %s", line ? line : "out of memory");
        mem_free(line);
    }
    if (b->lost.code)
        log_event(NULL, LOG_LEVEL_ERROR,
                  "the last good manifest as it was kept before is moved aside: %s", b->lost.msg);
    if (b->save_err.code)
        log_event(NULL, LOG_LEVEL_ERROR, "%s", b->save_err.msg);
    diags_deinit(&app->diags);
    app->diags = b->diags;
    b->diags = DIAGS_INIT;
}

static void count_files(struct app *app, const struct manifest_files *files)
{
    size_t n;
    const struct manifest_input *inputs = manifest_files_inputs(files, &n);

    app->manifest_files = 0;
    for (size_t i = 0; i < n; i++)
        app->manifest_files += inputs[i].data != NULL;
}

static void count_generation(struct app *app)
{
    char key[] = "generation";
    char value[48];
    struct meta row = {key, value};

    snprintf(value, sizeof(value), "%llu %llx", (unsigned long long)++app->generation,
             (unsigned long long)app->digest);
    effects_put(&app->fx, LEDGER_META, &row);
}

static void say_generation(struct app *app, const struct build *b)
{
    char kind[] = "daemon";
    char name[] = "";
    char what[] = "Loaded";
    char message[200];
    struct event e = {.at = app->manifest_loaded_ms,
                      .kind = kind,
                      .name = name,
                      .what = what,
                      .level = LOG_LEVEL_NOTICE,
                      .message = message,
                      .generation = (int64_t)app->generation};

    snprintf(message, sizeof(message),
             "manifest: generation %llu: %zu groups, %zu databases in %zu files%s",
             (unsigned long long)app->generation, b->desired.n_groups, b->desired.n_databases,
             app->manifest_files, b->desired.whole ? "" : "; part of it is refused");
    effects_put(&app->fx, LEDGER_EVENT, &e);
}

static void note_refused(struct app *app, bool is_refused)
{
    if (is_refused && !app->manifest_refused)
        app->manifest_refused_ms = clock_wall_ms();
    app->manifest_refused = is_refused;
}

static void take_desired(struct app *app, struct build *b)
{
    struct rc_event ev = {.kind = RC_DESIRED, .desired = &b->desired};

    if (b->is_same) { /* files were touched, or looked at for another reason */
        note_refused(app, false);
        keep_good(app, b);
        return;
    }
    if (b->desired.digest != app->digest || !app->generation || !app->has_desired) {
        bool same = b->desired.digest == app->digest && app->generation; /* as before the restart */

        app->digest = b->desired.digest;
        if (!same)
            count_generation(app);
        app->manifest_loaded_ms = clock_wall_ms();
        say_generation(app, b);
    }
    app->has_desired = true;
    ev.generation = app->generation;
    note_refused(app, !b->desired.whole);
    keep_good(app, b);
    app_step(app, &ev);
}

static void finished(struct app *app, uint64_t no)
{
    app->had_manifest = true;
    if (app->reloading && app->config_error)
        notify_ready(app->notify, "reload refused: %s", app->config_error);
    else if (app->reloading)
        notify_ready(app->notify, "reloaded");
    app->reloading = false;
    app_control_synced(app, no);
}

/* What was found last, and what is wanted, stay; all is read when it is tried again. */
static void failed(struct app *app, int rc)
{
    const char *why = err_text((enum err_code) - rc);
    struct source at = {.file = app->config->manifest};

    log_event(NULL, LOG_LEVEL_ERROR, "manifest: not read: %s; trying again", why);
    diags_deinit(&app->diags);
    diags_error(&app->diags, at, "not read: %s; tried again", why);
    note_refused(app, true);
    manifest_spots_add_anywhere(&app->unread);
    app->read_failed = true;
    app->read_again = false;
    finished(app, app->reading_no);
}

static void take_build(struct app *app, struct build *b)
{
    count_files(app, b->files);
    take_read(app, b);
    report(app, b);
    if (b->rv == 0)
        take_desired(app, b);
    else
        note_refused(app, true);
    build_leave(b, &app->base);
    manifest_files_unref(app->files);
    app->files = manifest_files_ref(b->files);
}

static void build_done(uv_work_t *work, int status)
{
    struct build *b = container_of(work, struct build, work);
    struct app *app = b->app;
    uint64_t no = b->no;
    int rc = status ? -ERR_CANCELED : b->rv;

    app->building = false;
    if (app->closing) {
        build_free(b);
        return;
    }
    if (rc == 0 || rc == -ERR_INVALID)
        take_build(app, b);
    build_free(b);
    if (rc != 0 && rc != -ERR_INVALID) {
        failed(app, rc);
        return;
    }
    finished(app, no);
    if (app->read_again) {
        app->read_again = false;
        start_reading(app);
    }
}

/* Takes `files` in any case. */
static bool start_build(struct app *app, struct manifest_files *files)
{
    struct build *b = build_new(app->config, files);

    if (!b)
        return false;
    b->app = app;
    b->no = app->reading_no;
    b->last = build_is_next(b, &app->base) ? reconcile_desired(app->rc) : NULL;
    b->base = &app->base;
    b->is_silent = app->diags.n == 0 && app->diags.n_errors == 0;
    b->good = good_inputs(&app->good, &b->n_good);
    b->unread = app->good.is_unread ? app->manifest_store : NULL;
    b->is_unknown = app->is_good_unknown;
    b->store = app->options.mode == APP_PLAN ? NULL : app->manifest_store;
    if (uv_queue_work(&app->loop, &b->work, build_work, build_done) != 0) {
        build_free(b);
        return false;
    }
    app->building = true;
    return true;
}

static void read_done(void *arg, int rc, struct manifest_files *files)
{
    struct app *app = arg;

    app->reading = NULL;
    if (app->closing || rc != 0)
        manifest_files_unref(files);
    else if (start_build(app, files))
        return;
    if (!app->closing)
        failed(app, rc ? rc : -ERR_NOMEM);
}

static void start_reading(struct app *app)
{
    struct manifest_files_start s = {.options = {app->config->manifest, app->config->tenants_dir},
                                     .previous = app->files,
                                     .spots = &app->unread,
                                     .done = read_done,
                                     .arg = app};
    struct err err = ERR_INIT;
    int rv;

    if (app->closing)
        return;
    if (app->reading || app->building) {
        app->read_again = true;
        return;
    }
    app->reading_no++;
    app->read_failed = false;
    rv = manifest_files_start(&app->loop, &s, &app->reading, &err);
    if (rv != 0)
        failed(app, rv);
}

void app_manifest_read(struct app *app)
{
    manifest_spots_add_anywhere(&app->unread);
    start_reading(app);
}

void app_manifest_retry(struct app *app)
{
    if (app->read_failed)
        start_reading(app);
}

void app_manifest_read_some(struct app *app, struct manifest_spots *takes)
{
    manifest_spots_take(&app->unread, takes);
    start_reading(app);
}

void app_manifest_init(struct app *app)
{
    app->good.is_unread = app->manifest_store != NULL;
}

void app_manifest_deinit(struct app *app)
{
    good_deinit(&app->good);
    build_base_deinit(&app->base);
    manifest_spots_deinit(&app->unread);
    manifest_files_unref(app->files);
    app->files = NULL;
    diags_deinit(&app->diags);
}

int app_manifest_check(const struct config *config)
{
    struct manifest_walk_options walk = {config->manifest, config->tenants_dir};
    struct manifest_files *files = NULL;
    struct err err = ERR_INIT;
    struct build *b;
    size_t n = 0;
    int rv = manifest_files_read(&walk, NULL, NULL, &files, &err);

    b = rv == 0 ? build_new(config, files) : NULL;
    if (b)
        build_run(b);
    if (!b || b->rv == -ERR_NOMEM) {
        log_event(NULL, LOG_LEVEL_ERROR, "manifest: not read: out of memory");
        build_free(b);
        return APP_EXIT_FAILED;
    }
    for (size_t i = 0; i < b->diags.n; i++) {
        char *line = diag_text(&b->diags.items[i]);

        fprintf(stderr, "%s\n", line ? line : "out of memory");
        mem_free(line);
    }
    manifest_files_inputs(b->files, &n);
    rv = b->rv == 0 && b->diags.n_errors == 0 ? APP_EXIT_OK : APP_EXIT_INVALID;
    if (rv == APP_EXIT_OK)
        printf("%zu groups, %zu databases in %zu files: fine\n", b->desired.n_groups,
               b->desired.n_databases, n);
    build_free(b);
    return rv;
}
