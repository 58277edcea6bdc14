/* hrana_statement: one statement, run or described.
 * In:    the JSON of a statement: sql or sql_id, args, named_args, want_rows.
 * Out:   its result as JSON, or an error with SQLite's word for it.
 * Never: runs what the guard blocks. */
#ifndef TENANTD_EMULATOR_HRANA_STATEMENT_H
#define TENANTD_EMULATOR_HRANA_STATEMENT_H

#include "hrana.h"
#include "lib/base.h"

struct sql_error {
    char code[32]; /* "" for none */
    char message[512];
};
#define SQL_ERROR_INIT ((struct sql_error){.code = ""})

void sql_error_set(struct sql_error *error, const char *code, const char *message);
void sql_error_write(const struct sql_error *error, const char *key, struct buf *out);

/* False: *error says why. */
bool hrana_statement_run(struct hrana *h, struct json_object *stmt, struct buf *out,
                         struct sql_error *error);
/* Several statements in one text, without results. */
bool hrana_statement_sequence(struct hrana *h, struct json_object *request,
                              struct sql_error *error);
bool hrana_statement_describe(struct hrana *h, struct json_object *request, struct buf *out,
                              struct sql_error *error);

#endif
