/* hrana_value: SQLite's values as JSON, and back.
 * In:    a row of a statement, or the arguments of one.
 * Out:   {"type": "integer", "value": "1"} and the like; bound parameters.
 * Never: runs a statement. */
#ifndef TENANTD_EMULATOR_HRANA_VALUE_H
#define TENANTD_EMULATOR_HRANA_VALUE_H

#include <json-c/json.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "lib/base.h"
#include "lib/buf.h"

void hrana_value_write(sqlite3_stmt *stmt, int column, struct buf *out);
/* `args` and `named_args` of a statement's JSON. False: a value is not of the protocol's form, or
 * there is no such parameter. */
bool hrana_value_bind(struct json_object *json, sqlite3_stmt *stmt) MUST_CHECK;

#endif
