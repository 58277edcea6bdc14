#include "app.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app_private.h"
#include "core/plan.h"
#include "io/clock.h"
#include "io/store_load.h"
#include "io/store_write.h"
#include "lib/mem.h"

#define SHUTDOWN_MS    20000
#define CLOSE_MS       5000 /* hooks are killed within two seconds */
#define CHORES_MS      5000
#define PRUNE_EVERY_MS (60 * 60 * 1000)
#define HISTORY_MS     ((int64_t)90 * 24 * 3600 * 1000)
#define HISTORY_MAX    1000000
#define HISTORY_KEEP   "Removed,Approved,Rejected,Deleting"
#define HISTORY_MINOR  "Retrying,Blocked,Ready,Refused"
#define PRUNE_BATCH    2000
#define ONCE_TRIES     3 /* failed observations before --once gives up */
#define GATHER_NS      (UINT64_C(4) * 1000 * 1000)

/* --- steps --- */

static void arm(uv_timer_t *timer, uv_timer_cb cb, int64_t now_ms, int64_t at_ms)
{
    int64_t wait = at_ms - now_ms;

    if (at_ms == INT64_MAX)
        uv_timer_stop(timer);
    else
        uv_timer_start(timer, cb, (uint64_t)(wait < 0 ? 0 : wait > 60000 ? 60000 : wait), 0);
}

static void on_wake(uv_timer_t *timer)
{
    struct rc_event ev = {.kind = RC_TICK};

    app_step(container_of(timer, struct app, wake), &ev);
}

/* After a look, and whatever it led to. */
static void give_back(struct app *app)
{
    bool is_busy = reconcile_is_busy(app->rc);

    if (app->was_busy && !is_busy)
        mem_give_back();
    app->was_busy = is_busy;
}

int app_try(struct app *app, struct rc_event *ev, struct err *err)
{
    int rv;

    ev->now_ms = clock_mono_ms();
    ev->wall_ms = clock_wall_ms();
    ev->random = clock_random();
    app->fx.wake_ms = INT64_MAX;
    rv = reconcile_step(app->rc, ev, &app->fx, err);
    give_back(app);
    uv_update_time(&app->loop);
    if (!app->closing)
        arm(&app->wake, on_wake, ev->now_ms, app->fx.wake_ms);
    return rv;
}

void app_fail(const char *why)
{
    log_event(NULL, LOG_LEVEL_ERROR, "%s: stopping, to start again from the ledger", why);
    log_flush();
    _exit(APP_EXIT_FAILED);
}

void app_step(struct app *app, struct rc_event *ev)
{
    struct err err = ERR_INIT;

    /* Out of memory the reconciler knows nothing for certain any more; the ledger does, and we are
     * started again. */
    if (app_try(app, ev, &err) == -ERR_NOMEM)
        app_fail("out of memory");
}

struct shell_facts app_facts(const struct app *app)
{
    return (struct shell_facts){.manifest_diags = &app->diags,
                                .manifest_refused = app->manifest_refused,
                                .manifest_refused_ms = app->manifest_refused_ms,
                                .manifest_loaded_ms = app->manifest_loaded_ms,
                                .manifest_files = app->manifest_files,
                                .sync_waits = !list_is_empty(&app->syncs) || !app->had_manifest,
                                .pid = getpid(),
                                .config_error = app->config_error};
}

/* --- the end --- */

void app_closed(void *arg)
{
    (void)arg;
}

/* A file does not answer, and a thread of ours waits for it: the rest is put in order without. */
static void on_stuck(uv_timer_t *timer)
{
    struct app *app = container_of(timer, struct app, deadline);
    bool kept = app_flush_last(app);

    log_event(NULL, LOG_LEVEL_ERROR,
              "a file that is being looked at does not answer: stopping without it");
    store_close(app->store);
    log_flush();
    _exit(kept ? app->exit_code : APP_EXIT_FAILED);
}

static void close_handles(struct app *app)
{
    void *handles[] = {&app->wake, &app->chores, &app->check, &app->prepare, &app->gather};

    if (!app->has_handles)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
        uv_close(handles[i], NULL);
    uv_timer_start(&app->deadline, on_stuck, CLOSE_MS, 0);
    uv_unref((uv_handle_t *)&app->deadline); /* it alone is no reason to go on */
}

static void close_rooms(struct app *app)
{
    if (app->closing)
        return;
    app->closing = true;
    app_control_drop_waiting(app);
    app_ask_drop(app);
    app_commands_drop(app);
    if (app->reading)
        manifest_files_cancel(app->reading);
    seed_queue_cancel(&app->seeds);
    if (app->signals)
        signals_close(app->signals, app_closed, NULL);
    if (app->watch)
        watch_close(app->watch, app_closed, NULL);
    if (app->control)
        control_close(app->control, app_closed, NULL);
    if (app->notify)
        notify_close(app->notify, app_closed, NULL);
    if (app->hooks)
        hooks_close(app->hooks, app_closed, NULL);
    if (app->token_files)
        token_files_close(app->token_files, app_closed, NULL);
    if (app->api)
        api_close(app->api, app_closed, NULL);
    app->signals = NULL;
    app->watch = NULL;
    app->control = NULL;
    app->notify = NULL;
    app->hooks = NULL;
    app->token_files = NULL;
    app->api = NULL;
    close_handles(app);
}

static void on_deadline(uv_timer_t *timer)
{
    struct app *app = container_of(timer, struct app, deadline);

    log_event(NULL, LOG_LEVEL_WARNING,
              "%zu calls have not come back in time; they are resolved at the next start",
              reconcile_in_flight(app->rc));
    close_rooms(app);
}

void app_stop(struct app *app, int exit_code)
{
    struct rc_event ev = {.kind = RC_STOP};

    if (app->stopping)
        return;
    app->stopping = true;
    app_ask_drop(app);
    app->exit_code = exit_code;
    notify_stopping(app->notify, "waiting for %zu calls in flight",
                    app->rc ? reconcile_in_flight(app->rc) : 0);
    app_step(app, &ev);
    uv_timer_start(&app->deadline, on_deadline, SHUTDOWN_MS, 0);
    uv_timer_start(&app->wake, on_wake, 0, 0); /* another turn, to see that nothing is left */
}

/* --- turns of the loop --- */

static void print_plan(struct app *app)
{
    struct buf text = BUF_INIT(SIZE_MAX / 2);
    struct err err = ERR_INIT;
    struct plan plan;

    if (plan_build(app->rc, &plan, &err) != 0)
        app_fail(err.msg);
    plan_text(&plan, &text);
    if (text.failed)
        app_fail("out of memory");
    fputs(buf_str(&text), stdout);
    app->exit_code = plan.n_held                                     ? APP_EXIT_HELD
                     : plan.n_create + plan.n_update + plan.n_delete ? APP_EXIT_CHANGES
                                                                     : APP_EXIT_OK;
    plan_deinit(&plan);
    buf_deinit(&text);
}

static int once_exit(enum state state)
{
    return state == STATE_HELD      ? APP_EXIT_HELD
           : state == STATE_SETTLED ? APP_EXIT_OK
                                    : APP_EXIT_FAILED;
}

/* --once and --plan: are we there? */
static void look_for_end(struct app *app)
{
    struct shell_facts facts = app_facts(app);
    enum state state = status_state(app->rc, &facts);

    if (!app->has_desired) {
        /* refused, and no last good one; or it cannot be read now */
        app_stop(app, app->read_failed ? APP_EXIT_FAILED : APP_EXIT_INVALID);
    } else if (reconcile_failed_observations(app->rc) >= ONCE_TRIES) {
        app_stop(app, APP_EXIT_FAILED);
    } else if (!app->ledger_ok) {
        if (!reconcile_in_flight(app->rc))
            app_stop(app, APP_EXIT_FAILED);
    } else if (state != STATE_STARTING && app->options.mode == APP_PLAN &&
               !reconcile_looks_beside(app->rc)) {
        if (reconcile_is_busy(app->rc))
            return; /* token files are still being looked at */
        print_plan(app);
        app_stop(app, app->manifest_refused ? APP_EXIT_INVALID : app->exit_code);
    } else if (state != STATE_STARTING && state != STATE_WORKING && !reconcile_is_busy(app->rc)) {
        app_stop(app, once_exit(state));
    }
}

static void turn(struct app *app)
{
    app_commands_again(app);
    for (int i = 0; i < 8 && !app->closing; i++)
        app_flush(app); /* what could not be begun comes back as a step, with effects of its own */
    if (app->fx.failed)
        app_fail("out of memory");
    app_control_restored(app);
    if (!app->stopping && app->options.mode != APP_SERVE && app->had_manifest)
        look_for_end(app);
    else if (app->stopping && !app->closing && !reconcile_in_flight(app->rc))
        close_rooms(app);
}

/* Answers come in bursts, and results of files: and a transaction costs as much for one row as for
 * a hundred. While every look finds more of them, the turn goes on, for some milliseconds at most.
 */
static bool gathers(struct app *app)
{
    uint64_t now_ns = uv_hrtime();
    bool more = app->has_news && !app->stopping &&
                (!app->gathered_ns || now_ns - app->gathered_ns < GATHER_NS);

    app->has_news = false;
    if (!more)
        app->gathered_ns = 0;
    else if (!app->gathered_ns)
        app->gathered_ns = now_ns;
    return more;
}

static void on_gather(uv_idle_t *handle)
{
    (void)handle; /* the loop does not sleep while this one is due */
}

static void on_prepare(uv_prepare_t *handle)
{
    struct app *app = container_of(handle, struct app, prepare);

    if (!app->gathered_ns)
        turn(app);
}

static void on_check(uv_check_t *handle)
{
    struct app *app = container_of(handle, struct app, check);

    if (gathers(app)) {
        uv_idle_start(&app->gather, on_gather);
        return;
    }
    uv_idle_stop(&app->gather);
    turn(app);
}

static void prune(struct app *app)
{
    struct store_prune p = {.before_ms = clock_wall_ms() - HISTORY_MS,
                            .max = HISTORY_MAX,
                            .keep = HISTORY_KEEP,
                            .minor = HISTORY_MINOR,
                            .batch = PRUNE_BATCH};
    struct err err = ERR_INIT;

    if (!app->store || clock_mono_ms() < app->prune_next_ms)
        return;
    if (store_prune_events(app->store, &p, &app->prune_cursor, NULL, &err) != 0)
        log_event(NULL, LOG_LEVEL_WARNING, "the history cannot be trimmed: %s", err.msg);
    if (err.code || !app->prune_cursor) {
        app->prune_next_ms = clock_mono_ms() + PRUNE_EVERY_MS;
        if (store_checkpoint(app->store, &err) != 0)
            log_event(NULL, LOG_LEVEL_DEBUG, "no checkpoint: %s", err.msg);
        mem_give_back();
    }
}

static void on_chores(uv_timer_t *timer)
{
    struct app *app = container_of(timer, struct app, chores);
    struct shell_facts facts = app_facts(app);
    char line[256];

    log_tick(clock_mono_ms());
    app_ledger_retry(app);
    app_manifest_retry(app);
    prune(app);
    status_line(app->rc, &facts, line, sizeof(line));
    notify_status(app->notify, "%s", line);
}

static void on_signal(void *arg, int number)
{
    struct app *app = arg;

    if (number == SIGHUP) {
        app_reload(app);
    } else if (app->stopping) {
        log_event(NULL, LOG_LEVEL_WARNING, "told to stop twice: stopping now");
        close_rooms(app);
    } else {
        log_event(NULL, LOG_LEVEL_NOTICE, "stopping");
        app_stop(app, app->options.mode == APP_SERVE ? APP_EXIT_OK : APP_EXIT_FAILED);
    }
}

/* --- the start --- */

static void open_handles(struct app *app)
{
    uv_prepare_init(&app->loop, &app->prepare);
    uv_prepare_start(&app->prepare, on_prepare);
    uv_check_init(&app->loop, &app->check);
    uv_check_start(&app->check, on_check);
    uv_idle_init(&app->loop, &app->gather);
    uv_timer_init(&app->loop, &app->wake);
    uv_timer_init(&app->loop, &app->chores);
    uv_timer_start(&app->chores, on_chores, CHORES_MS, CHORES_MS);
    uv_timer_init(&app->loop, &app->deadline);
    app->has_handles = true;
}

static int start(struct app *app, struct err *err)
{
    struct rc_event ev = {.kind = RC_TICK};
    int rv;

    app->rc = reconcile_new(app->config, clock_mono_ms());
    if (!app->rc)
        return err_nomem(err);
    reconcile_watch(app->rc, app->options.mode == APP_SERVE);
    open_handles(app);
    rv = signals_open(&app->loop, on_signal, app, &app->signals, err);
    if (rv == 0)
        rv = app_rooms_open(app, err);
    if (rv != 0)
        return rv;
    if (app->options.mode == APP_SERVE) {
        log_event(NULL, LOG_LEVEL_NOTICE, "tenantd %s for organization %s at %s", TENANTD_VERSION,
                  app->config->organization, app->config->api.url);
        notify_ready(app->notify, "listening on %s", app->config->socket);
    }
    app_manifest_read(app);
    app_step(app, &ev);
    return 0;
}

static void finish(struct app *app)
{
    uv_run(&app->loop, UV_RUN_DEFAULT);
    if (app->has_handles)
        uv_close((uv_handle_t *)&app->deadline, NULL);
    uv_run(&app->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&app->loop) != 0) {
        log_event(NULL, LOG_LEVEL_ERROR, "the loop did not close");
        app->exit_code = APP_EXIT_FAILED;
    }
    if (!app_flush_last(app))
        app->exit_code = APP_EXIT_FAILED;
    app_manifest_deinit(app);
    effects_deinit(&app->fx);
    for (size_t i = 0; i < app->n_pending; i++)
        ledger_op_deinit(&app->pending[i]);
    mem_free(app->pending);
    reconcile_free(app->rc);
    store_manifest_close(app->manifest_store);
    store_close(app->store);
    app_config_free(app->config);
    credential_deinit(&app->token);
    credential_deinit(&app->delete_token);
    encryption_keys_deinit(&app->keys);
    mem_free(app->organization_id);
    mem_free(app->config_error);
    log_flush();
}

/* Only what a person has to mend is "invalid": the service manager does not try that again. */
static int config_exit(int rv)
{
    return rv == -ERR_INVALID || rv == -ERR_PERMISSION || rv == -ERR_NOT_FOUND || rv == -ERR_LIMIT
               ? APP_EXIT_INVALID
               : APP_EXIT_FAILED;
}

int app_run(const struct app_options *options)
{
    struct app app = {
        .options = *options, .fx = EFFECTS_INIT, .diags = DIAGS_INIT, .ledger_ok = true};
    struct err err = ERR_INIT;
    int rv = app_config_load(options, &app.config, &err);

    if (rv != 0) {
        log_event(NULL, LOG_LEVEL_ERROR, "%s", err.msg);
        return config_exit(rv);
    }
    if (options->mode == APP_CHECK) {
        rv = app_manifest_check(app.config);
        app_config_free(app.config);
        return rv;
    }
    signals_hold();
    list_init(&app.syncs);
    list_init(&app.commands);
    list_init(&app.watchers);
    list_init(&app.asks);
    list_init(&app.followers);
    rv = uv_loop_init(&app.loop);
    if (rv != 0) {
        log_event(NULL, LOG_LEVEL_ERROR, "cannot start: the event loop: %s", uv_strerror(rv));
        app_config_free(app.config);
        return APP_EXIT_FAILED;
    }
    seed_queue_init(&app.seeds, &app.loop);
    rv = start(&app, &err);
    if (rv != 0) {
        log_event(NULL, LOG_LEVEL_ERROR, "cannot start: %s", err.msg);
        app.exit_code = APP_EXIT_FAILED;
        app.stopping = true;
        close_rooms(&app);
    }
    finish(&app);
    return app.exit_code;
}
