/* app_platform: the method Platform: what the platform says of itself. A question is a few reads,
 * one after the other, then rows. */
#include <string.h>

#include "app_private.h"
#include "core/platform_usage.h"
#include "core/platform_view.h"
#include "io/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define BATCH      256
#define WHOLE_MAX  1000  /* in one reply */
#define PAGES_MAX  1000  /* of the audit log, for one question */
#define FOLLOW_MAX 10000 /* entries that a follower has not read yet */
#define SPAN_AUDIT (24 * 3600 * INT64_C(1000))

struct question {
    struct list link; /* in app->followers */
    struct app *app;
    struct control_call *call;
    const struct platform_question *q;
    struct answer *answers[PLATFORM_CALLS_MAX];
    size_t n_answers;
    struct json_object *rows; /* what is to be told */
    size_t told;
    bool wants_databases;
    char **names; /* of databases that are read one by one */
    size_t n_names;
    size_t n_read;
    size_t left;  /* not read: over the budget */
    char *action; /* of the audit log: what is wanted of it */
    char *author;
    int64_t since_ms;
    unsigned page;
    bool follow;
    bool is_reading; /* follow: the pages that are there; what comes meanwhile waits */
    struct json_object *meanwhile;
    bool lost; /* it reads too slowly */
};

static void question_free(void *arg)
{
    struct question *q = arg;

    list_remove(&q->link);
    app_ask_forget(q->app, q);
    for (size_t i = 0; i < PLATFORM_CALLS_MAX; i++)
        answer_free(q->answers[i]);
    for (size_t i = 0; i < q->n_names; i++)
        mem_free(q->names[i]);
    mem_free((void *)q->names);
    mem_free(q->action);
    mem_free(q->author);
    json_object_put(q->rows);
    json_object_put(q->meanwhile);
    mem_free(q);
}

/* --- Telling ------------------------------------------------------------------------------- */

static struct json_object *batch(struct question *q, size_t most)
{
    size_t n = json_object_array_length(q->rows);
    struct json_object *list = json_object_new_array();
    struct json_object *o = json_object_new_object();

    for (size_t i = 0; list && i < most && q->told < n; i++) {
        struct json_object *row = json_object_get(json_object_array_get_idx(q->rows, q->told++));

        if (!json_append(list, row))
            json_put(&list);
    }
    if (!json_add(o, "rows", list) || !list)
        json_put(&o);
    return o;
}

static enum control_next rows_next(void *arg, struct json_object **out)
{
    struct question *q = arg;
    bool more = q->told < json_object_array_length(q->rows);

    if (q->lost)
        return CONTROL_BROKEN;
    if (q->follow && !more)
        return CONTROL_WAIT;
    *out = batch(q, BATCH);
    if (!*out)
        return CONTROL_BROKEN;
    return q->follow || q->told < json_object_array_length(q->rows) ? CONTROL_MORE : CONTROL_END;
}

static void tell(struct question *q)
{
    static const struct control_stream STREAM = {rows_next, question_free};

    if (control_wants_more(q->call)) {
        control_stream(q->call, &STREAM, q);
        return;
    }
    if (json_object_array_length(q->rows) > WHOLE_MAX)
        control_fail(q->call, CONTROL_INVALID, "more than %d rows: call Platform with \"more\"",
                     WHOLE_MAX);
    else
        control_reply(q->call, batch(q, WHOLE_MAX));
    question_free(q);
}

static void give_up(struct question *q, enum control_error error, const char *text)
{
    control_fail(q->call, error, "%s", text);
    question_free(q);
}

static void no_memory(struct question *q)
{
    control_reply(q->call, NULL);
    question_free(q);
}

static void refuse(struct question *q, const struct answer *a)
{
    char text[LIMIT_ERROR_TEXT_BYTES + 128];

    snprintf(text, sizeof(text), "%s: %s%s%s", CALL_INFO[a->kind].name,
             OUTCOME_INFO[a->outcome].text, *a->error ? ": " : "", a->error);
    give_up(q, a->outcome == OUTCOME_NOT_FOUND ? CONTROL_NOT_FOUND : CONTROL_NOT_READY, text);
}

/* Ask the platform for more, unless whoever wanted it has gone. */
static void ask(struct question *q, enum call_kind kind, const char *name, app_ask_fn done)
{
    struct err err = ERR_INIT;

    if (!control_is_awaited(q->call))
        give_up(q, CONTROL_NOT_READY, "nobody waits for it");
    else if (app_ask(q->app, kind, name, q->page, done, q, &err) != 0)
        give_up(q, CONTROL_NOT_READY, err.msg);
}

/* --- Databases that the organization's usage does not tell of ------------------------------ */

static void read_next(struct question *q);

/* False: no memory. */
static bool add_left(struct question *q)
{
    struct json_object *o;

    if (!q->left)
        return true;
    o = json_object_new_object();
    if (!json_add_str(o, "scope", "not read") || !json_add_int(o, "databases", (int64_t)q->left))
        json_put(&o);
    return json_append(q->rows, o);
}

static void on_database(void *arg, struct answer *a)
{
    struct question *q = arg;
    bool ok = true;

    if (!a) {
        give_up(q, CONTROL_NOT_READY, "tenantd is stopping");
        return;
    }
    if (a->outcome == OUTCOME_OK)
        ok = platform_usage_database(q->app->rc, q->names[q->n_read], a, q->rows);
    else if (a->outcome != OUTCOME_NOT_FOUND)
        q->left++;
    answer_free(a);
    q->n_read++;
    if (ok)
        read_next(q);
    else
        no_memory(q);
}

static void read_next(struct question *q)
{
    if (q->n_read < q->n_names)
        ask(q, CALL_REPORT_DATABASE_USAGE, q->names[q->n_read], on_database);
    else if (add_left(q))
        tell(q);
    else
        no_memory(q);
}

static void sweep(struct question *q)
{
    const struct answer *usage = q->answers[0];

    if (!platform_usage_databases(q->app->rc, usage, q->rows) ||
        platform_usage_unsaid(q->app->rc, usage, PLATFORM_SWEEP_MAX, &q->names, &q->n_names,
                              &q->left) != 0)
        no_memory(q);
    else
        read_next(q);
}

/* --- The questions that are a few reads ---------------------------------------------------- */

static void ask_next(struct question *q);

static void view(struct question *q)
{
    if (!q->q->view(q->app->rc, q->answers, q->rows))
        no_memory(q);
    else if (q->wants_databases)
        sweep(q);
    else
        tell(q);
}

static void on_answer(void *arg, struct answer *a)
{
    struct question *q = arg;

    if (!a) {
        give_up(q, CONTROL_NOT_READY, "tenantd is stopping");
    } else if (a->outcome != OUTCOME_OK && q->n_answers < q->q->n_needed) {
        refuse(q, a);
        answer_free(a);
    } else {
        if (a->outcome == OUTCOME_OK)
            q->answers[q->n_answers] = a;
        else
            answer_free(a);
        q->n_answers++;
        ask_next(q);
    }
}

static void ask_next(struct question *q)
{
    if (q->n_answers == q->q->n_calls)
        view(q);
    else
        ask(q, q->q->calls[q->n_answers], NULL, on_answer);
}

/* --- The audit log, page by page ----------------------------------------------------------- */

static bool is_wanted(const struct question *q, const struct report_row *row, int64_t at)
{
    return at >= q->since_ms &&
           (!q->action || strcmp(q->action, report_text(row, REPORT_AUDIT_ACTION)) == 0) &&
           (!q->author || strcmp(q->author, report_text(row, REPORT_AUDIT_AUTHOR)) == 0);
}

/* Entries come newest first, and may have moved to the next page since the last was read. */
static bool is_told(const struct question *q, struct json_object *o)
{
    size_t n = json_object_array_length(q->rows);
    size_t from = n > BATCH ? n - BATCH : 0;

    for (size_t i = from; i < n; i++)
        if (json_object_equal(json_object_array_get_idx(q->rows, i), o))
            return true;
    return false;
}

/* *out_old: an entry was older than what is asked for. False: no memory. */
static bool take_page(struct question *q, const struct answer *a, bool *out_old)
{
    for (size_t i = 0; i < a->n_rows; i++) {
        const struct report_row *row = &a->rows[i];
        struct json_object *o;
        int64_t at = 0;

        if (!text_parse_time(report_text(row, REPORT_AUDIT_AT), &at))
            at = INT64_MAX; /* not told: it is shown */
        *out_old = *out_old || at < q->since_ms;
        if (!is_wanted(q, row, at))
            continue;
        o = report_row_json(CALL_REPORT_AUDIT, row);
        if (!o)
            return false;
        if (q->page > 1 && is_told(q, o))
            json_object_put(o);
        else if (!json_append(q->rows, o))
            return false;
    }
    return true;
}

/* People read what happened from the top down. */
static bool turn_around(struct question *q)
{
    struct json_object *turned = json_object_new_array();
    size_t n = json_object_array_length(q->rows);

    for (size_t i = n; turned && i-- > 0;) {
        struct json_object *o = json_object_get(json_object_array_get_idx(q->rows, i));

        if (!json_append(turned, o))
            json_put(&turned);
    }
    json_object_put(q->rows);
    q->rows = turned;
    return turned != NULL;
}

/* What the daemon's own look has told since the first page was asked for comes behind the pages, in
 * which some of it may be. */
static bool add_meanwhile(struct question *q)
{
    bool ok = true;

    for (size_t i = 0; ok && q->is_reading && i < json_object_array_length(q->meanwhile); i++) {
        struct json_object *o = json_object_array_get_idx(q->meanwhile, i);

        if (!is_told(q, o))
            ok = json_append(q->rows, json_object_get(o));
    }
    q->is_reading = false;
    return ok;
}

static void ask_page(struct question *q);

static void on_page(void *arg, struct answer *a)
{
    struct question *q = arg;
    bool old = false;
    bool ok;
    bool more;

    if (!a) {
        give_up(q, CONTROL_NOT_READY, "tenantd is stopping");
        return;
    }
    if (a->outcome != OUTCOME_OK) {
        refuse(q, a);
        answer_free(a);
        return;
    }
    ok = take_page(q, a, &old);
    more = a->n_rows > 0 && (!a->total_pages || (int64_t)q->page < a->total_pages) && !old &&
           q->page < PAGES_MAX;
    answer_free(a);
    if (ok && more)
        ask_page(q);
    else if (ok && turn_around(q) && add_meanwhile(q))
        tell(q);
    else
        no_memory(q);
}

static void ask_page(struct question *q)
{
    q->page++;
    ask(q, CALL_REPORT_AUDIT, NULL, on_page);
}

/* --- Following it -------------------------------------------------------------------------- */

/* Keep some of what was told, to know it again. False: no memory. */
static bool trim(struct question *q)
{
    size_t n = json_object_array_length(q->rows);

    if (q->told < n || n < 4 * (size_t)BATCH)
        return true;
    q->told -= n - BATCH;
    return json_object_array_del_idx(q->rows, 0, n - BATCH) == 0;
}

static bool has_room(struct question *q)
{
    if (q->is_reading)
        return json_object_array_length(q->meanwhile) < FOLLOW_MAX;
    return trim(q) && json_object_array_length(q->rows) - q->told <= FOLLOW_MAX;
}

static void follow(struct question *q, const struct report_row *row)
{
    struct json_object *o;
    int64_t at;

    if (!text_parse_time(report_text(row, REPORT_AUDIT_AT), &at))
        at = INT64_MAX;
    if (!is_wanted(q, row, at))
        return;
    o = report_row_json(CALL_REPORT_AUDIT, row);
    q->lost = q->lost || !o || !has_room(q);
    if (q->lost || (!q->is_reading && is_told(q, o)))
        json_object_put(o);
    else
        q->lost = !json_append(q->is_reading ? q->meanwhile : q->rows, o);
}

static void log_entry(const struct report_row *row)
{
    const char *action = report_text(row, REPORT_AUDIT_ACTION);
    bool is_group = strncmp(action, "group-", 6) == 0;
    bool is_database = strncmp(action, "db-", 3) == 0;
    size_t column = is_group ? REPORT_AUDIT_GROUP : REPORT_AUDIT_DATABASE;
    const char *name = row->cell[column] ? row->cell[column] : row->cell[REPORT_AUDIT_NAME];
    struct log_fields fields = {.kind = is_group      ? "group"
                                        : is_database ? "database"
                                                      : NULL,
                                .event = "Audit",
                                .action = action,
                                .author = row->cell[REPORT_AUDIT_AUTHOR]};

    fields.name = fields.kind ? name : NULL;
    if (!fields.name)
        fields.kind = NULL;
    log_event(&fields, LOG_LEVEL_INFO, "%s by %s (%s) at %s%s%s", action,
              report_text(row, REPORT_AUDIT_AUTHOR), report_text(row, REPORT_AUDIT_ORIGIN),
              report_text(row, REPORT_AUDIT_AT), row->cell[REPORT_AUDIT_DATA] ? " " : "",
              report_text(row, REPORT_AUDIT_DATA));
}

void app_platform_audited(struct app *app, struct answer *a)
{
    for (size_t i = a->n_rows; i-- > 0;) {
        log_entry(&a->rows[i]);
        LIST_FOREACH (it, &app->followers) {
            follow(container_of(it, struct question, link), &a->rows[i]);
        }
    }
    LIST_FOREACH (it, &app->followers) {
        const struct question *q = container_of(it, struct question, link);

        if (!q->is_reading)
            control_wake(q->call);
    }
    answer_free(a);
}

/* --- The method ---------------------------------------------------------------------------- */

static int read_parameters(struct question *q, struct err *err)
{
    const char *what = control_str(q->call, "what");
    const char *since = control_str(q->call, "since");

    q->q = platform_question(what);
    if (!q->q)
        return err_set(err, ERR_INVALID, "what: \"%s\" is none of %s", what, PLATFORM_QUESTIONS);
    if (since && !text_parse_time(since, &q->since_ms))
        return err_set(err, ERR_INVALID, "since: not an RFC 3339 time");
    if (!since)
        q->since_ms = clock_wall_ms() - SPAN_AUDIT;
    q->wants_databases =
        control_bool(q->call, "databases", false) && q->q->calls[0] == CALL_REPORT_USAGE;
    q->follow = control_bool(q->call, "follow", false);
    if (q->follow && (q->q->calls[0] != CALL_REPORT_AUDIT || !control_wants_more(q->call)))
        return err_set(err, ERR_INVALID, "follow: of the audit log, called with \"more\"");
    return ledger_set(&q->action, control_str(q->call, "action")) &&
                   ledger_set(&q->author, control_str(q->call, "author"))
               ? 0
               : err_nomem(err);
}

/* It follows from before the first page is asked for, so that nothing falls in between. */
static bool begin_to_follow(struct question *q)
{
    q->meanwhile = json_object_new_array();
    q->is_reading = true;
    list_append(&q->app->followers, &q->link);
    return q->meanwhile != NULL;
}

void app_platform(void *arg, struct control_call *call)
{
    struct question *q = mem_alloc(sizeof(*q));
    struct err err = ERR_INIT;

    if (!q) {
        control_reply(call, NULL);
        return;
    }
    q->app = arg;
    q->call = call;
    q->rows = json_object_new_array();
    if (!q->rows)
        no_memory(q);
    else if (read_parameters(q, &err) != 0)
        give_up(q, CONTROL_INVALID, err.msg);
    else if (q->follow && !begin_to_follow(q))
        no_memory(q);
    else if (q->q->calls[0] == CALL_REPORT_AUDIT)
        ask_page(q);
    else
        ask_next(q);
}
