/* app_control: what the methods of org.tenantd.Control do. */
#include <string.h>

#include "app_private.h"
#include "core/plan.h"
#include "core/view.h"
#include "io/store_load.h"
#include "lib/json.h"
#include "lib/mem.h"

#define LIST_BATCH 128
#define LIST_WHOLE 1000 /* in one reply */
#define PLAN_BYTES ((size_t)256 << 20)

void app_control_fail(struct control_call *call, int rv, const struct err *err)
{
    static const struct {
        enum err_code code;
        enum control_error error;
    } MEANS[] = {{ERR_NOT_FOUND, CONTROL_NOT_FOUND},
                 {ERR_PERMISSION, CONTROL_DENIED},
                 {ERR_HELD, CONTROL_HELD},
                 {ERR_PAUSED, CONTROL_PAUSED},
                 {ERR_INVALID, CONTROL_INVALID}};
    enum control_error error = CONTROL_NOT_READY;

    for (size_t i = 0; i < ARRAY_SIZE(MEANS); i++)
        if (rv == -(int)MEANS[i].code)
            error = MEANS[i].error;
    control_fail(call, error, "%s", err->msg);
}

struct json_object *app_control_wrap(const char *key, struct json_object *value)
{
    struct json_object *o = json_object_new_object();

    if (!json_add(o, key, value))
        json_put(&o);
    return o;
}

static void get_status(void *arg, struct control_call *call)
{
    struct app *app = arg;
    struct shell_facts facts = app_facts(app);

    control_reply(call, app_control_wrap("status", status_json(app->rc, &facts)));
}

/* --- lists --- */

struct listing {
    struct app *app;
    struct view_cursor cursor;
    char *kind;
    char *phase;
    char *source;
};

static void listing_free(void *arg)
{
    struct listing *l = arg;

    view_cursor_deinit(&l->cursor);
    mem_free(l->kind);
    mem_free(l->phase);
    mem_free(l->source);
    mem_free(l);
}

/* The next `most` records, as {resources: [...]}; *out_n: how many. NULL: no memory. */
static struct json_object *batch(struct listing *l, size_t most, size_t *out_n)
{
    struct view_filter filter = {l->kind, l->phase, l->source};
    struct json_object *list = json_object_new_array();
    struct json_object *one;
    size_t n = 0;

    while (list && n < most) {
        if (view_next(l->app->rc, &filter, &l->cursor, &one) != 0) {
            json_put(&list);
        } else if (!one) {
            break;
        } else if (!json_append(list, one)) {
            json_put(&list);
        } else {
            n++;
        }
    }
    *out_n = n;
    return app_control_wrap("resources", list);
}

static enum control_next listing_next(void *arg, struct json_object **out)
{
    size_t n;

    *out = batch(arg, LIST_BATCH, &n);
    if (!*out)
        return CONTROL_BROKEN;
    return n < LIST_BATCH ? CONTROL_END : CONTROL_MORE;
}

static void list(void *arg, struct control_call *call)
{
    static const struct control_stream STREAM = {listing_next, listing_free};
    struct view_filter filter = {control_str(call, "kind"), control_str(call, "phase"),
                                 control_str(call, "source")};
    struct listing *l = mem_alloc(sizeof(*l));
    struct err err = ERR_INIT;
    size_t n;

    if (!view_filter_is_valid(&filter, &err)) {
        mem_free(l);
        app_control_fail(call, -ERR_INVALID, &err);
        return;
    }
    if (!l || !ledger_set(&l->kind, filter.kind) || !ledger_set(&l->phase, filter.phase) ||
        !ledger_set(&l->source, filter.source)) {
        if (l)
            listing_free(l);
        control_reply(call, NULL);
        return;
    }
    l->app = arg;
    l->cursor = VIEW_CURSOR_INIT;
    if (control_wants_more(call)) {
        control_stream(call, &STREAM, l);
    } else {
        struct json_object *o = batch(l, LIST_WHOLE + 1, &n);

        if (n > LIST_WHOLE) {
            json_put(&o);
            control_fail(call, CONTROL_INVALID,
                         "more than %d resources: call List with \"more\", or name a kind, "
                         "phase or source",
                         LIST_WHOLE);
        } else {
            control_reply(call, o);
        }
        listing_free(l);
    }
}

static void describe(void *arg, struct control_call *call)
{
    struct app *app = arg;
    struct json_object *o = NULL;
    struct err err = ERR_INIT;
    int rv = view_describe(app->rc, control_str(call, "kind"), control_str(call, "name"), &o, &err);

    if (rv != 0)
        app_control_fail(call, rv, &err);
    else
        control_reply(call, app_control_wrap("resource", o));
}

/* --- the plan --- */

static struct json_object *plan_reply(const struct plan *plan)
{
    struct buf text = BUF_INIT(PLAN_BYTES);
    struct json_object *o = app_control_wrap("plan", plan_json(plan));

    plan_text(plan, &text);
    if (o && (text.failed || !json_add_str(o, "text", buf_str(&text))))
        json_put(&o);
    buf_deinit(&text);
    return o;
}

/* Of all, as it is decided: what is looked at just now is looked at to its end first. */
static int whole_plan(struct app *app, struct plan *out, struct err *err)
{
    int rv = app_try(app, &(struct rc_event){.kind = RC_WHOLE}, err);

    if (rv == -ERR_NOMEM)
        app_fail("out of memory");
    return rv == 0 ? plan_build(app->rc, out, err) : rv;
}

static void get_plan(void *arg, struct control_call *call)
{
    struct app *app = arg;
    struct shell_facts facts = app_facts(app);
    struct err err = ERR_INIT;
    struct plan plan;
    int rv;

    if (status_state(app->rc, &facts) == STATE_STARTING) {
        control_fail(call, CONTROL_NOT_READY,
                     "no complete observation yet: what would be done is not known");
        return;
    }
    rv = whole_plan(app, &plan, &err);
    if (rv != 0) {
        app_control_fail(call, rv, &err);
        return;
    }
    control_reply(call, plan_reply(&plan));
    plan_deinit(&plan);
}

static void decide_on(struct app *app, struct control_call *call, bool approve)
{
    struct rc_event ev = {.kind = RC_DECISION,
                          .plan = control_str(call, "plan"),
                          .text = control_str(call, "reason"),
                          .uid = control_uid(call),
                          .ok = approve};
    struct json_object *o = json_object_new_object();
    struct err err = ERR_INIT;
    struct plan plan;
    int64_t held = 0;
    int rv = whole_plan(app, &plan, &err);

    if (rv == 0) {
        held = (int64_t)plan.n_held;
        plan_deinit(&plan);
        rv = app_try(app, &ev, &err);
    }
    if (rv == 0)
        rv = app_flush_now(app, &err);
    if (rv != 0) {
        json_put(&o);
        app_control_fail(call, rv, &err);
        return;
    }
    if (!json_add_int(o, "steps", held))
        json_put(&o);
    control_reply(call, o);
}

static void approve(void *arg, struct control_call *call)
{
    decide_on(arg, call, true);
}

static void reject(void *arg, struct control_call *call)
{
    decide_on(arg, call, false);
}

/* --- sync and reload --- */

struct waiting {
    struct list link;
    struct control_call *call;
    uint64_t reading_no; /* answered by a reading that began after it was asked */
};

static void ask_sync(void *arg, struct control_call *call)
{
    struct app *app = arg;
    struct waiting *w;

    if ((control_str(call, "kind") == NULL) != (control_str(call, "name") == NULL)) {
        control_fail(call, CONTROL_INVALID, "kind and name go together");
        return;
    }
    w = mem_alloc(sizeof(*w));
    if (!w) {
        control_reply(call, NULL);
        return;
    }
    w->call = call;
    w->reading_no = app->reading_no + 1;
    list_append(&app->syncs, &w->link);
    app_ledger_retry(app); /* who has mended the disk need not wait */
    app_manifest_read(app);
}

void app_control_drop_waiting(struct app *app)
{
    if (app->restoring)
        control_fail(app->restoring, CONTROL_NOT_READY, "tenantd is stopping");
    app->restoring = NULL;
    LIST_FOREACH_SAFE (it, tmp, &app->syncs) {
        struct waiting *w = container_of(it, struct waiting, link);

        control_fail(w->call, CONTROL_NOT_READY, "tenantd is stopping");
        list_remove(&w->link);
        mem_free(w);
    }
}

void app_control_synced(struct app *app, uint64_t reading_no)
{
    LIST_FOREACH_SAFE (it, tmp, &app->syncs) {
        struct waiting *w = container_of(it, struct waiting, link);
        struct rc_event ev = {.kind = RC_SYNC,
                              .resource_kind = control_str(w->call, "kind"),
                              .name = control_str(w->call, "name")};
        struct err err = ERR_INIT;
        int rv;

        if (w->reading_no > reading_no)
            continue;
        rv = app_try(app, &ev, &err);
        if (rv != 0) {
            app_control_fail(w->call, rv, &err);
        } else {
            struct json_object *o = json_object_new_object();

            if (!json_add_int(o, "cycle", (int64_t)reconcile_cycle(app->rc)))
                json_put(&o);
            control_reply(w->call, o);
        }
        list_remove(&w->link);
        mem_free(w);
    }
}

/* --- restore --- */

static void ask_restore(void *arg, struct control_call *call)
{
    struct app *app = arg;
    struct rc_event ev = {.kind = RC_RESTORE,
                          .resource_kind = control_str(call, "kind"),
                          .name = control_str(call, "name"),
                          .text = control_str(call, "id"),
                          .uid = control_uid(call)};
    struct err err = ERR_INIT;
    int rv;

    if (app->restoring) { /* its answer is not yet told */
        control_fail(call, CONTROL_NOT_READY, "something else is being restored just now");
        return;
    }
    rv = app_try(app, &ev, &err);
    if (rv != 0)
        app_control_fail(call, rv, &err);
    else
        app->restoring = call;
}

void app_control_restored(struct app *app)
{
    struct err err = ERR_INIT;
    struct control_call *call = app->restoring;
    struct json_object *o;
    char text[512];
    int rv;

    if (!call || !reconcile_restored(app->rc, &rv, text, sizeof(text)))
        return;
    app->restoring = NULL;
    if (rv != 0) {
        err_set(&err, (enum err_code) - rv, "%s", text);
        app_control_fail(call, rv, &err);
        return;
    }
    o = json_object_new_object();
    if (!json_add_str(o, "message", text))
        json_put(&o);
    control_reply(call, o);
}

static void reload(void *arg, struct control_call *call)
{
    struct app *app = arg;

    app_reload(app);
    if (app->config_error)
        control_fail(call, CONTROL_INVALID, "%s", app->config_error);
    else
        control_done(call);
}

#define COMMAND_HANDLER(symbol, method, function, event) {method, app_command},

int app_control_open(struct app *app, struct err *err)
{
    static const struct control_handler HANDLERS[] = {
        {"GetStatus", get_status},  {"List", list},
        {"Describe", describe},     {"Plan", get_plan},
        {"Watch", app_watch},       {"Sync", ask_sync},
        {"Approve", approve},       {"Reject", reject},
        {"Reload", reload},         {"Restore", ask_restore},
        {"Platform", app_platform}, {"Export", app_export},
        {"Why", app_history_why},   COMMANDS(COMMAND_HANDLER)};
    struct control_options options = {.loop = &app->loop,
                                      .path = app->config->socket,
                                      .fd = -1,
                                      .handlers = HANDLERS,
                                      .n_handlers = ARRAY_SIZE(HANDLERS),
                                      .app = app,
                                      .version = TENANTD_VERSION};
    int rv = notify_socket(&options.fd, err);

    return rv != 0 ? rv : control_open(&options, &app->control, err);
}
