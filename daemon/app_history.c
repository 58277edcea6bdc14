/* app_history: how a resource came to stand where it stands, out of the ledger. */
#include <string.h>

#include "app_private.h"
#include "core/view.h"
#include "io/store_load.h"
#include "lib/json.h"
#include "lib/mem.h"

#define BATCH 128
#define WHOLE 1000 /* events in one reply */

struct history {
    struct app *app;
    char *kind;
    char *name;
    struct json_object *resource; /* for the first reply; NULL: there is none, or it was sent */
    int64_t seen;                 /* sequence number */
};

static void history_free(void *arg)
{
    struct history *h = arg;

    json_object_put(h->resource);
    mem_free(h->kind);
    mem_free(h->name);
    mem_free(h);
}

struct batch {
    struct history *history;
    struct json_object *events;
};

static int add_event(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    struct batch *b = arg;
    const struct event *e = row;

    (void)t;
    b->history->seen = e->seq;
    return json_append(b->events, view_event(e)) ? 0 : err_nomem(err);
}

/* The next events, `most` of them, as {resource?, events}; *n: how many. NULL: said in err. */
static struct json_object *next_batch(struct history *h, size_t most, size_t *n, struct err *err)
{
    struct store_events_query q = {
        .since_seq = h->seen, .kind = h->kind, .name = h->name, .limit = most};
    struct batch b = {h, json_object_new_array()};
    struct json_object *o = json_object_new_object();
    int rv =
        o && b.events ? store_load_events(h->app->store, &q, add_event, &b, err) : err_nomem(err);

    *n = rv == 0 ? json_object_array_length(b.events) : 0;
    if (rv == 0 && h->resource && !json_add(o, "resource", json_object_get(h->resource)))
        rv = err_nomem(err);
    if (!json_add(o, "events", b.events) && rv == 0)
        rv = err_nomem(err);
    json_put(&h->resource);
    if (rv != 0)
        json_put(&o);
    return o;
}

static enum control_next history_next(void *arg, struct json_object **out)
{
    struct err err = ERR_INIT;
    size_t n;

    *out = next_batch(arg, BATCH, &n, &err);
    if (!*out)
        return CONTROL_BROKEN;
    return n < BATCH ? CONTROL_END : CONTROL_MORE;
}

static void reply_whole(struct history *h, struct control_call *call)
{
    struct err err = ERR_INIT;
    size_t n;
    struct json_object *o = next_batch(h, WHOLE + 1, &n, &err);

    if (n > WHOLE) {
        json_put(&o);
        control_fail(call, CONTROL_INVALID, "more than %d events: call Why with \"more\"", WHOLE);
    } else if (!o) {
        control_fail(call, CONTROL_NOT_READY, "%s", err.msg);
    } else {
        control_reply(call, o);
    }
}

static int note_any(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    (void)t;
    (void)row;
    (void)err;
    *(bool *)arg = true;
    return 0;
}

/* It is there, or something is known of it. */
static int find(struct history *h, struct err *err)
{
    struct store_events_query q = {.kind = h->kind, .name = h->name, .limit = 1};
    struct err none = ERR_INIT;
    bool any = false;
    int rv = view_describe(h->app->rc, h->kind, h->name, &h->resource, &none);

    if (rv != -ERR_NOT_FOUND)
        return rv;
    rv = store_load_events(h->app->store, &q, note_any, &any, err);
    return rv != 0 || any
               ? rv
               : err_set(err, ERR_NOT_FOUND, "there is no %s/%s, and nothing is known of it",
                         h->kind, h->name);
}

void app_history_why(void *arg, struct control_call *call)
{
    static const struct control_stream STREAM = {history_next, history_free};
    struct history *h = mem_alloc(sizeof(*h));
    struct err err = ERR_INIT;
    int rv;

    if (!h || !ledger_set(&h->kind, control_str(call, "kind")) ||
        !ledger_set(&h->name, control_str(call, "name"))) {
        if (h)
            history_free(h);
        control_reply(call, NULL);
        return;
    }
    h->app = arg;
    rv = find(h, &err);
    if (rv == 0 && control_wants_more(call)) {
        control_stream(call, &STREAM, h);
        return;
    }
    if (rv == 0)
        reply_whole(h, call);
    else
        control_fail(call, rv == -ERR_NOT_FOUND ? CONTROL_NOT_FOUND : CONTROL_NOT_READY, "%s",
                     err.msg);
    history_free(h);
}
