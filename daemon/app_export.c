/* app_export: the method Export: a manifest of what is live, streamed. Configurations that are not
 * known are read, a few at a time, behind everything else that goes to the platform. */
#include <string.h>

#include "app_private.h"
#include "core/export.h"
#include "core/status.h"
#include "lib/json.h"
#include "lib/mem.h"

#define WINDOW      64          /* databases that are begun and not yet told */
#define READS       8           /* configurations asked for at a time */
#define PIECE_BYTES (64u << 10) /* of one reply, about */
#define REPLY_BYTES (1u << 20)

struct entry {
    struct export *x;
    char *name;
    struct answer *read;
    bool waits;
};

enum { MEMBERS, INVITES, PEOPLE };
struct people { /* what is asked for when the databases are told */
    struct export *x;
    struct answer *read;
    bool waits;
};

struct export
{
    struct app *app;
    struct control_call *call;
    struct entry entries[WINDOW]; /* a ring, in order of names */
    size_t first;
    size_t n;
    size_t n_reading;
    char *cursor; /* the last name begun */
    bool begun;
    bool any;
    bool all; /* no more names */
    struct people people[PEOPLE];
    bool people_asked;
    bool failed;
};

static void entry_deinit(struct export *x, struct entry *e)
{
    app_ask_forget(x->app, e);
    answer_free(e->read);
    mem_free(e->name);
    *e = (struct entry){0};
}

static void export_free(void *arg)
{
    struct export *x = arg;

    for (size_t i = 0; i < WINDOW; i++)
        entry_deinit(x, &x->entries[i]);
    for (size_t i = 0; i < PEOPLE; i++) {
        app_ask_forget(x->app, &x->people[i]);
        answer_free(x->people[i].read);
    }
    mem_free(x->cursor);
    mem_free(x);
}

static void on_config(void *arg, struct answer *a)
{
    struct entry *e = arg;
    struct export *x = e->x;

    e->waits = false;
    x->n_reading--;
    e->read = a;
    x->failed = x->failed || !a; /* we are stopping */
    control_wake(x->call);
}

/* Begin with more databases, as far as there is room. */
static bool begin_more(struct export *x)
{
    while (!x->all && x->n < WINDOW && x->n_reading < READS) {
        struct entry *e = &x->entries[(x->first + x->n) % WINDOW];
        struct err err = ERR_INIT;
        bool needs_config = false;
        const char *name = export_next(x->app->rc, x->cursor, &needs_config);

        x->all = !name;
        if (!name)
            break;
        *e = (struct entry){.x = x, .name = mem_strdup(name), .waits = needs_config};
        x->n++;
        if (!e->name || !ledger_set(&x->cursor, e->name))
            return false;
        if (!needs_config)
            continue;
        x->n_reading++;
        if (app_ask(x->app, CALL_DATABASE_CONFIG_GET, e->name, 0, on_config, e, &err) != 0)
            return false;
    }
    return true;
}

/* What is ready, in order. */
static void write_ready(struct export *x, struct buf *text)
{
    while (x->n && !x->entries[x->first].waits && text->size < PIECE_BYTES) {
        struct entry *e = &x->entries[x->first];

        if (!x->any)
            buf_add_str(text, "databases:\n");
        x->any = true;
        export_database(x->app->rc, e->name, e->read, text);
        entry_deinit(x, e);
        x->first = (x->first + 1) % WINDOW;
        x->n--;
    }
}

static void on_people(void *arg, struct answer *a)
{
    struct people *p = arg;

    p->waits = false;
    p->read = a;
    p->x->failed = p->x->failed || !a;
    control_wake(p->x->call);
}

static bool ask_people(struct export *x)
{
    static const enum call_kind KIND_OF[PEOPLE] = {CALL_MEMBERS_LIST, CALL_INVITES_LIST};
    struct err err = ERR_INIT;

    x->people_asked = true;
    for (size_t i = 0; i < PEOPLE; i++) {
        x->people[i] = (struct people){.x = x, .waits = true};
        if (app_ask(x->app, KIND_OF[i], NULL, 0, on_people, &x->people[i], &err) != 0)
            return false;
    }
    return true;
}

/* True: they are told. */
static bool write_people(struct export *x, struct buf *text)
{
    if (x->failed || x->people[MEMBERS].waits || x->people[INVITES].waits)
        return false;
    export_members(x->people[MEMBERS].read, x->people[INVITES].read, text);
    return true;
}

static enum control_next export_piece(void *arg, struct json_object **out)
{
    struct export *x = arg;
    struct buf text = BUF_INIT(REPLY_BYTES);
    bool end;
    bool ok;

    if (!x->begun)
        export_begin(x->app->rc, &text);
    x->begun = true;
    do {
        ok = !x->failed && begin_more(x);
        write_ready(x, &text);
    } while (ok && !x->all && x->n < WINDOW && x->n_reading < READS && text.size < PIECE_BYTES);
    end = x->all && !x->n;
    if (ok && end && !x->people_asked)
        ok = ask_people(x);
    end = ok && end && write_people(x, &text);
    if (ok && !end && !text.size) {
        buf_deinit(&text);
        return CONTROL_WAIT;
    }
    *out = json_object_new_object();
    ok = ok && !text.failed && json_add_str(*out, "text", buf_str(&text));
    buf_deinit(&text);
    if (!ok) {
        json_put(out);
        return CONTROL_BROKEN;
    }
    return end ? CONTROL_END : CONTROL_MORE;
}

void app_export(void *arg, struct control_call *call)
{
    static const struct control_stream STREAM = {export_piece, export_free};
    struct app *app = arg;
    struct export *x;

    if (!reconcile_is_observed(app->rc)) {
        control_fail(call, CONTROL_NOT_READY,
                     "no complete observation yet: what is live is not known");
        return;
    }
    x = mem_alloc(sizeof(*x));
    if (!x) {
        control_reply(call, NULL);
        return;
    }
    x->app = app;
    x->call = call;
    control_stream(call, &STREAM, x);
}
