/* store_schema: the ledger's tables, made from the columns in core/ledger.h, and the way from older
 * ones.
 * In:    a connection.
 * Out:   a database at this program's version, or the reason why not.
 * Never: rows. */
#ifndef TENANTD_IO_STORE_SCHEMA_H
#define TENANTD_IO_STORE_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>

#include "core/ledger.h"
#include "lib/base.h"
#include "lib/buf.h"
#include "lib/err.h"

/* Kept in the file's header, so that another program's database is not taken for ours ("tnnd"). */
#define STORE_SCHEMA_APPLICATION 0x746e6e64

/* One step from version `to` - 1 to version `to`. A new column is a line in core/ledger.h and a
 * step "ALTER TABLE ... ADD COLUMN" here; an integer needs NOT NULL DEFAULT 0. */
struct store_step {
    int to;
    const char *sql;
};
struct store_schema {
    int version;
    const struct store_step *steps;
    size_t n_steps;
};
/* This program's. */
extern const struct store_schema STORE_SCHEMA;

/* Make the tables in an empty database, or bring an older one to schema->version; each step is one
 * transaction with its version number. Then look whether every column of core/ledger.h is there.
 * -ERR_NEWER: a newer program wrote it; -ERR_FOREIGN: another program's; -ERR_INVALID: no step
 * leads from its version, or a step failed (the file is as it was before that step); -ERR_CORRUPT:
 * a column is missing; else as sqlite_file_error. */
int store_schema_ensure(sqlite3 *db, const struct store_schema *schema, struct err *err) MUST_CHECK;

/* SQL of one table, all columns in their order; appended to `out`. */
void store_schema_select(enum ledger_table t,
                         struct buf *out);                   /* "SELECT ... FROM ..." and no more */
void store_schema_put(enum ledger_table t, struct buf *out); /* a parameter for each column */
void store_schema_delete(enum ledger_table t,
                         struct buf *out); /* a parameter for each key column */

#endif
