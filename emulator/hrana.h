/* hrana: libSQL's protocol for SQL over HTTP: a list of requests, a list of results.
 * In:    a connection, the requests of one pipeline as JSON.
 * Out:   their results as JSON; rows counted.
 * Never: leaves a transaction open: each pipeline is a stream of its own, without a baton. */
#ifndef TENANTD_EMULATOR_HRANA_H
#define TENANTD_EMULATOR_HRANA_H

#include <json-c/json.h>
#include <sqlite3.h>

#include "lib/buf.h"

struct content;
struct sql_guard;

#define HRANA_ROWS_BYTES_MAX ((size_t)10 << 20) /* of one result */

struct hrana {
    sqlite3 *connection;
    struct sql_guard *guard;    /* is put on the connection */
    struct json_object *stored; /* texts by "id", of store_sql; made when the first is stored */
    struct content *content;    /* what is read and written is counted there */
    struct buf *out;
};

/* Appends a JSON list with a result for each of `requests`. */
void hrana_run(struct hrana *h, struct json_object *requests);

#endif
