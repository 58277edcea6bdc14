/* hrana: libSQL's protocol for SQL over HTTP: a list of requests, a list of results.
 * In:    a connection, the requests of one pipeline as JSON.
 * Out:   their results as JSON; rows counted.
 * Never: leaves a transaction open: each pipeline is a stream of its own, without a baton. */
#include "hrana.h"

#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "hrana_statement.h"
#include "lib/json.h"
#include "lib/mem.h"

#define CONDITION_DEPTH_MAX 32

static void open_ok(struct hrana *h, const char *type)
{
    emit_open(h->out, NULL, '{');
    emit_string(h->out, "type", "ok");
    emit_open(h->out, "response", '{');
    emit_string(h->out, "type", type);
}

static void close_ok(struct hrana *h)
{
    emit_close(h->out, '}');
    emit_close(h->out, '}');
}

static void write_error_result(struct hrana *h, const struct sql_error *error)
{
    emit_open(h->out, NULL, '{');
    emit_string(h->out, "type", "error");
    sql_error_write(error, "error", h->out);
    emit_close(h->out, '}');
}

static void run_execute(struct hrana *h, struct json_object *request)
{
    struct buf result = BUF_INIT(2 * HRANA_ROWS_BYTES_MAX);
    struct sql_error error = SQL_ERROR_INIT;
    struct json_object *stmt;

    if (!json_get_obj(request, "stmt", &stmt))
        sql_error_set(&error, "HRANA_PROTO_ERROR", "execute without stmt");
    else
        (void)hrana_statement_run(h, stmt, &result, &error);
    if (error.code[0]) {
        write_error_result(h, &error);
    } else {
        open_ok(h, "execute");
        emit_raw(h->out, "result", buf_str(&result), result.size);
        close_ok(h);
    }
    buf_deinit(&result);
}

/* --- Batches: steps, each on a condition over those before ---------------------------------- */

struct batch {
    bool *is_ok, *is_error; /* of each step so far */
    size_t n;
};

static bool holds(const struct hrana *h, const struct batch *b, struct json_object *condition,
                  int depth)
{
    struct json_object *list;
    struct json_object *inner;
    const char *type = "";
    int64_t step = -1;
    bool is_and;

    if (!json_get_str(condition, "type", &type) || depth == CONDITION_DEPTH_MAX)
        return false;
    if (!strcmp(type, "is_autocommit"))
        return sqlite3_get_autocommit(h->connection);
    if (!strcmp(type, "not"))
        return json_get_obj(condition, "cond", &inner) && !holds(h, b, inner, depth + 1);
    is_and = !strcmp(type, "and");
    if (is_and || !strcmp(type, "or")) {
        if (!json_get_arr(condition, "conds", &list))
            return false;
        for (size_t i = 0; i < json_object_array_length(list); i++) {
            if (holds(h, b, json_object_array_get_idx(list, i), depth + 1) != is_and)
                return !is_and;
        }
        return is_and;
    }
    if (!json_get_int(condition, "step", &step) || step < 0 || (size_t)step >= b->n)
        return false;
    return !strcmp(type, "ok") ? b->is_ok[step] : !strcmp(type, "error") && b->is_error[step];
}

static void run_step(struct hrana *h, struct batch *b, struct json_object *step,
                     struct buf *results, struct buf *errors)
{
    struct buf result = BUF_INIT(2 * HRANA_ROWS_BYTES_MAX);
    struct sql_error error = SQL_ERROR_INIT;
    struct json_object *condition;
    struct json_object *stmt;
    bool runs = !json_get_obj(step, "condition", &condition) || holds(h, b, condition, 0);

    if (runs && !json_get_obj(step, "stmt", &stmt))
        sql_error_set(&error, "HRANA_PROTO_ERROR", "a step without stmt");
    else if (runs)
        (void)hrana_statement_run(h, stmt, &result, &error);
    b->is_error[b->n] = error.code[0] != '\0';
    b->is_ok[b->n] = runs && !b->is_error[b->n];
    if (b->is_ok[b->n])
        emit_raw(results, NULL, buf_str(&result), result.size);
    else
        emit_null(results, NULL);
    if (b->is_error[b->n])
        sql_error_write(&error, NULL, errors);
    else
        emit_null(errors, NULL);
    b->n++;
    buf_deinit(&result);
}

static void run_batch(struct hrana *h, struct json_object *request)
{
    struct buf results = BUF_INIT(4 * HRANA_ROWS_BYTES_MAX);
    struct buf errors = BUF_INIT(HRANA_ROWS_BYTES_MAX);
    struct sql_error error = SQL_ERROR_INIT;
    struct json_object *batch = NULL;
    struct json_object *steps = NULL;
    struct batch b = {0};
    size_t n = 0;

    if (json_get_obj(request, "batch", &batch) && json_get_arr(batch, "steps", &steps))
        n = json_object_array_length(steps);
    else
        sql_error_set(&error, "HRANA_PROTO_ERROR", "batch without steps");
    b.is_ok = mem_alloc(2 * n + 1);
    b.is_error = b.is_ok ? b.is_ok + n : NULL;
    emit_open(&results, NULL, '[');
    emit_open(&errors, NULL, '[');
    for (size_t i = 0; b.is_ok && i < n; i++)
        run_step(h, &b, json_object_array_get_idx(steps, i), &results, &errors);
    emit_close(&results, ']');
    emit_close(&errors, ']');
    if (!b.is_ok || results.failed || errors.failed)
        sql_error_set(&error, "RESPONSE_TOO_LARGE", "the response is too large");
    if (error.code[0]) {
        write_error_result(h, &error);
    } else {
        open_ok(h, "batch");
        emit_open(h->out, "result", '{');
        emit_raw(h->out, "step_results", buf_str(&results), results.size);
        emit_raw(h->out, "step_errors", buf_str(&errors), errors.size);
        emit_close(h->out, '}');
        close_ok(h);
    }
    mem_free(b.is_ok);
    buf_deinit(&results);
    buf_deinit(&errors);
}

/* --- The rest -------------------------------------------------------------------------------- */

static void run_sequence(struct hrana *h, struct json_object *request)
{
    struct sql_error error = SQL_ERROR_INIT;

    if (hrana_statement_sequence(h, request, &error)) {
        open_ok(h, "sequence");
        close_ok(h);
    } else {
        write_error_result(h, &error);
    }
}

static void run_describe(struct hrana *h, struct json_object *request)
{
    struct buf result = BUF_INIT(HRANA_ROWS_BYTES_MAX);
    struct sql_error error = SQL_ERROR_INIT;

    if (hrana_statement_describe(h, request, &result, &error)) {
        open_ok(h, "describe");
        emit_raw(h->out, "result", buf_str(&result), result.size);
        close_ok(h);
    } else {
        write_error_result(h, &error);
    }
    buf_deinit(&result);
}

static void run_store_sql(struct hrana *h, struct json_object *request)
{
    struct sql_error error = SQL_ERROR_INIT;
    const char *sql;
    int64_t id;
    char key[24];

    if (!h->stored)
        h->stored = json_object_new_object();
    if (!json_get_int(request, "sql_id", &id) || !json_get_str(request, "sql", &sql)) {
        sql_error_set(&error, "HRANA_PROTO_ERROR", "store_sql wants sql_id and sql");
        write_error_result(h, &error);
        return;
    }
    snprintf(key, sizeof(key), "%lld", (long long)id);
    (void)json_add_str(h->stored, key, sql); /* without memory the id is not known later */
    open_ok(h, "store_sql");
    close_ok(h);
}

static void run_close_sql(struct hrana *h, struct json_object *request)
{
    int64_t id = 0;
    char key[24];

    if (h->stored && json_get_int(request, "sql_id", &id)) {
        snprintf(key, sizeof(key), "%lld", (long long)id);
        json_object_object_del(h->stored, key);
    }
    open_ok(h, "close_sql");
    close_ok(h);
}

static void run_get_autocommit(struct hrana *h, struct json_object *request)
{
    (void)request;
    open_ok(h, "get_autocommit");
    emit_bool(h->out, "is_autocommit", sqlite3_get_autocommit(h->connection));
    close_ok(h);
}

static void run_close(struct hrana *h, struct json_object *request)
{
    (void)request;
    open_ok(h, "close");
    close_ok(h);
}

static const struct {
    const char *type;
    void (*run)(struct hrana *h, struct json_object *request);
} REQUESTS[] = {
    {"execute", run_execute},     {"batch", run_batch},
    {"sequence", run_sequence},   {"describe", run_describe},
    {"store_sql", run_store_sql}, {"close_sql", run_close_sql},
    {"close", run_close},         {"get_autocommit", run_get_autocommit},
};

static void run_request(struct hrana *h, struct json_object *request)
{
    struct sql_error error = SQL_ERROR_INIT;
    const char *type = "";

    if (json_get_str(request, "type", &type)) {
        for (size_t i = 0; i < ARRAY_SIZE(REQUESTS); i++) {
            if (!strcmp(REQUESTS[i].type, type)) {
                REQUESTS[i].run(h, request);
                return;
            }
        }
    }
    sql_error_set(&error, "HRANA_PROTO_ERROR", "unknown request type");
    write_error_result(h, &error);
}

void hrana_run(struct hrana *h, struct json_object *requests)
{
    emit_open(h->out, NULL, '[');
    for (size_t i = 0; i < json_object_array_length(requests); i++)
        run_request(h, json_object_array_get_idx(requests, i));
    emit_close(h->out, ']');
    if (!sqlite3_get_autocommit(h->connection))
        sqlite3_exec(h->connection, "ROLLBACK", NULL, NULL, NULL);
    json_object_put(h->stored);
    h->stored = NULL;
}
