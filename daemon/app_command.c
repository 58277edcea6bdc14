/* app_command: the commands of operators: parameters in, an event of the reconciler, words out. */
#include <string.h>

#include "app_private.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

static enum command_kind kind_of(const struct control_call *call)
{
#define COMMAND_METHOD(symbol, method, function, event) [COMMAND_##symbol] = (method),
    static const char *const METHOD[COMMAND_N] = {COMMANDS(COMMAND_METHOD)};
    int kind = 0;

    while (strcmp(METHOD[kind], control_method(call)) != 0)
        kind++; /* it is in the table: the handlers are made from it */
    return (enum command_kind)kind;
}

static int read_command(const struct control_call *call, struct command *out, struct err *err)
{
    const char *until = control_str(call, "until");

    *out = (struct command){.kind = kind_of(call),
                            .resource_kind = control_str(call, "kind"),
                            .name = control_str(call, "name"),
                            .id = control_str(call, "id"),
                            .reason = control_str(call, "reason"),
                            .look = control_bool(call, "look", false),
                            .invalidate = control_bool(call, "invalidate", false),
                            .uid = control_uid(call)};
    if (out->kind == COMMAND_PURGE)
        out->resource_kind = "database"; /* of nothing else a grace is ended */
    if (out->reason && !*out->reason)
        return err_set(err, ERR_INVALID, "reason: say why");
    if (until && !text_parse_time(until, &out->until_ms))
        return err_set(err, ERR_INVALID, "until: not an RFC 3339 time");
    return 0;
}

static void answer(struct control_call *call, const struct command *c, int rv,
                   const struct err *err)
{
    struct json_object *o;

    if (rv != 0) {
        app_control_fail(call, rv, err);
        return;
    }
    o = json_object_new_object();
    if (!json_add_str(o, "message", c->message) ||
        (c->tokens && !json_add(o, "tokens", json_object_get(c->tokens))))
        json_put(&o);
    control_reply(call, o);
}

/* Give it to the reconciler. False: it has to wait, and is to be given again. */
static bool carry(struct app *app, struct control_call *call, struct command *c)
{
    struct err err = ERR_INIT;
    int rv = app_try(app, &(struct rc_event){.kind = RC_COMMAND, .command = c}, &err);

    if (rv == -ERR_NOMEM)
        app_fail("out of memory");
    if (rv == 0 && c->waits)
        return false;
    if (rv == 0)
        rv = app_flush_now(app, &err);
    answer(call, c, rv, &err);
    json_object_put(c->tokens);
    return true;
}

struct waiting {
    struct list link;
    struct control_call *call;
    struct command command; /* its texts are the call's */
};

void app_command(void *arg, struct control_call *call)
{
    struct app *app = arg;
    struct waiting *w;
    struct command c;
    struct err err = ERR_INIT;
    int rv = read_command(call, &c, &err);

    if (rv != 0) {
        answer(call, &c, rv, &err);
        return;
    }
    if (carry(app, call, &c))
        return;
    w = mem_alloc(sizeof(*w));
    if (!w) {
        control_reply(call, NULL);
        return;
    }
    w->call = call;
    w->command = c;
    list_append(&app->commands, &w->link);
}

void app_commands_again(struct app *app)
{
    LIST_FOREACH_SAFE (it, tmp, &app->commands) {
        struct waiting *w = container_of(it, struct waiting, link);

        if (!carry(app, w->call, &w->command))
            continue;
        list_remove(&w->link);
        mem_free(w);
    }
}

void app_commands_drop(struct app *app)
{
    LIST_FOREACH_SAFE (it, tmp, &app->commands) {
        struct waiting *w = container_of(it, struct waiting, link);

        control_fail(w->call, CONTROL_NOT_READY, "tenantd is stopping");
        list_remove(&w->link);
        mem_free(w);
    }
}
