/* pipeline_routes: SQL on a database's own host.
 * In:    a Host header that names a database, a token for it, a batch of statements.
 * Out:   their results.
 * Never: keeps a stream open: there are no batons. */
#include "content.h"
#include "data_plane.h"
#include "emit.h"
#include "hrana.h"
#include "lib/json.h"
#include "routes.h"
#include "sql_guard.h"

static void run(struct emulator *e, struct database *db, const struct sql_grant *grant,
                struct json_object *requests, struct answer *a)
{
    struct sql_guard guard = {.grant = grant, .block_writes = db->block_writes};
    struct hrana h = {.guard = &guard, .out = &a->body};
    struct err err = ERR_INIT;

    if (content_open(&e->content_store, &db->content, db->id, &h.connection, &err)) {
        answer_error(a, 500, "%s", err.msg);
        return;
    }
    h.content = db->content;
    sql_guard_put(&guard, h.connection);
    emit_open(&a->body, NULL, '{');
    emit_null(&a->body, "baton");
    emit_null(&a->body, "base_url");
    emit_raw(&a->body, "results", "", 0);
    hrana_run(&h, requests);
    emit_close(&a->body, '}');
    sql_guard_take_off(h.connection);
}

void route_db_pipeline(struct emulator *e, struct request *rq, struct answer *a)
{
    struct json_object *requests;
    struct sql_grant grant;
    const char *baton;
    struct database *db = data_plane_enter(e, rq, false, &grant, a);

    if (!db)
        ; /* answered */
    else if (db->block_reads)
        answer_error(a, 403, "Operation was blocked: SQL read operations are forbidden");
    else if (json_get_str(rq->json, "baton", &baton))
        answer_error(a, 400, "the stream of this baton has expired");
    else if (!json_get_arr(rq->json, "requests", &requests))
        answer_error(a, 400, "requests must be a list");
    else
        run(e, db, &grant, requests, a);
    sql_grant_deinit(&grant);
}
