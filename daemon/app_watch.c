/* app_watch: the history of events, from a moment on, and what happens from now on. */
#include "app_private.h"
#include "core/view.h"
#include "io/store_load.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define EVENT_BATCH   64
#define EVENT_BATCHES 64 /* passed over in one turn of the loop */

struct watcher {
    struct list link; /* in app->watchers while it waits */
    struct app *app;
    struct control_call *call;
    int64_t seen;  /* sequence number */
    int64_t since; /* wall clock: older ones are passed over; 0: none */
    bool follow;
    struct json_object *ready[EVENT_BATCH]; /* read and not yet sent */
    size_t n_ready;
    size_t sent;
};

static void watcher_free(void *arg)
{
    struct watcher *w = arg;

    list_remove(&w->link);
    for (size_t i = w->sent; i < w->n_ready; i++)
        json_object_put(w->ready[i]);
    mem_free(w);
}

static int keep_event(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    struct watcher *w = arg;
    const struct event *e = row;
    struct json_object *o;

    (void)t;
    w->seen = e->seq;
    if (e->at < w->since)
        return 0;
    o = app_control_wrap("event", view_event(e));
    if (!o)
        return err_nomem(err);
    w->ready[w->n_ready++] = o;
    return 0;
}

static enum control_next watcher_next(void *arg, struct json_object **out)
{
    struct watcher *w = arg;
    int64_t before = -1;
    int batches = 0;
    struct err err = ERR_INIT;

    while (w->sent == w->n_ready && before != w->seen) {
        if (++batches > EVENT_BATCHES) { /* others want the loop too */
            control_wake(w->call);
            return CONTROL_WAIT;
        }
        struct store_events_query q = {.since_seq = w->seen, .limit = EVENT_BATCH};

        before = w->seen;
        w->sent = w->n_ready = 0;
        if (store_load_events(w->app->store, &q, keep_event, w, &err) != 0)
            return CONTROL_BROKEN;
    }
    if (w->sent < w->n_ready) {
        *out = w->ready[w->sent++];
        return CONTROL_MORE;
    }
    if (!w->follow) {
        *out = json_object_new_object();
        return CONTROL_END;
    }
    list_remove(&w->link);
    list_append(&w->app->watchers, &w->link);
    return CONTROL_WAIT;
}

void app_watch_wake(struct app *app)
{
    LIST_FOREACH_SAFE (it, tmp, &app->watchers) {
        struct watcher *w = container_of(it, struct watcher, link);

        list_remove(&w->link);
        control_wake(w->call);
    }
}

static int note_seq(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    (void)t;
    (void)err;
    *(int64_t *)arg = ((const struct event *)row)->seq;
    return 0;
}

/* Where to start: after a number, at a time, or with what comes from now on. */
static int start_at(struct app *app, struct control_call *call, struct watcher *w, struct err *err)
{
    struct store_events_query last = {.limit = 1, .last = true};
    const char *from = control_str(call, "from");

    if (from)
        return text_parse_time(from, &w->since)
                   ? 0
                   : err_set(err, ERR_INVALID, "from: not an RFC 3339 time");
    if (control_int(call, "since", &w->seen))
        return 0;
    return w->follow ? store_load_events(app->store, &last, note_seq, &w->seen, err) : 0;
}

void app_watch(void *arg, struct control_call *call)
{
    static const struct control_stream STREAM = {watcher_next, watcher_free};
    struct app *app = arg;
    struct watcher *w = mem_alloc(sizeof(*w));
    struct err err = ERR_INIT;
    int rv;

    if (!w) {
        control_reply(call, NULL);
        return;
    }
    w->app = app;
    w->call = call;
    w->follow = control_bool(call, "follow", true);
    list_init(&w->link);
    rv = control_wants_more(call)
             ? start_at(app, call, w, &err)
             : err_set(&err, ERR_INVALID, "Watch streams: call it with \"more\"");
    if (rv != 0) {
        watcher_free(w);
        app_control_fail(call, rv, &err);
        return;
    }
    control_stream(call, &STREAM, w);
}
