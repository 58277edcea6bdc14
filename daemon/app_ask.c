/* app_ask: reads of the platform for operators: sent by way of the reconciler, which says when, and
 * given back to whoever asked. */
#include "app_private.h"
#include "core/ask.h"
#include "lib/mem.h"

struct app_ask {
    struct list link;
    uint64_t ticket;
    app_ask_fn done;
    void *arg;
};

int app_ask(struct app *app, enum call_kind kind, const char *name, unsigned page, app_ask_fn done,
            void *arg, struct err *err)
{
    struct rc_event ev = {.kind = RC_ASK, .call = call_new(kind, name)};
    struct app_ask *ask = mem_alloc(sizeof(*ask));
    int rv = 0;

    if (!ask || !ev.call)
        rv = err_nomem(err);
    else if (app->stopping)
        rv = err_set(err, ERR_CANCELED, "tenantd is stopping");
    if (rv != 0) {
        mem_free(ask);
        call_free(ev.call);
        return rv;
    }
    *ask = (struct app_ask){.ticket = ASK_SHELL + app->n_tickets++, .done = done, .arg = arg};
    ev.call->ticket = ask->ticket;
    ev.call->page = page;
    list_append(&app->asks, &ask->link);
    rv = app_try(app, &ev, err);
    if (rv == -ERR_NOMEM)
        app_fail("out of memory");
    if (rv != 0) {
        list_remove(&ask->link);
        mem_free(ask);
    }
    return rv;
}

static void finish(struct app_ask *ask, struct answer *a)
{
    list_remove(&ask->link);
    ask->done(ask->arg, a);
    mem_free(ask);
}

void app_ask_answered(struct app *app, struct answer *a)
{
    LIST_FOREACH (it, &app->asks) {
        struct app_ask *ask = container_of(it, struct app_ask, link);

        if (ask->ticket == a->ticket) {
            finish(ask, a);
            return;
        }
    }
    answer_free(a); /* nobody waits for it any more */
}

void app_ask_forget(struct app *app, const void *arg)
{
    LIST_FOREACH_SAFE (it, tmp, &app->asks) {
        struct app_ask *ask = container_of(it, struct app_ask, link);

        if (ask->arg != arg)
            continue;
        list_remove(&ask->link);
        mem_free(ask);
    }
}

void app_ask_drop(struct app *app)
{
    while (!list_is_empty(&app->asks))
        finish(container_of(app->asks.next, struct app_ask, link), NULL);
}
