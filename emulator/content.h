/* content: what is in a database: SQLite, opened when somebody asks.
 * In:    a database; images of whole databases.
 * Out:   connections, of which few are open at once; images.
 * Never: takes memory or a file for a database that nobody has used. */
#ifndef TENANTD_EMULATOR_CONTENT_H
#define TENANTD_EMULATOR_CONTENT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "ids.h"
#include "lib/base.h"
#include "lib/err.h"
#include "lib/list.h"

#define CONTENT_QUERIES_MAX 10 /* that are remembered of a database */
#define CONTENT_OPEN_MAX    64 /* connections; the least recently used one is closed for another */

struct content_store {
    const char *dir;  /* borrowed: where files are, named by id; NULL: all is in memory */
    struct list open; /* the contents that have a connection, the last used first */
    unsigned n_open;
    bool is_closing; /* files stay */
};

struct content_query {
    char *sql;
    uint64_t rows_read, rows_written;
};

/* Of one database. */
struct content {
    struct list link; /* in the store's list while open */
    struct content_store *store;
    sqlite3 *connection;  /* NULL: closed */
    unsigned char *image; /* while closed, where all is in memory; SQLite's allocation */
    sqlite3_int64 image_size;
    uint64_t rows_read, rows_written;                  /* ever */
    struct content_query queries[CONTENT_QUERIES_MAX]; /* those that cost most, first */
    size_t n_queries;
    uint8_t id[UUID_SIZE];
};

void content_store_init(struct content_store *s, const char *dir);

/* What `*at` has, made if it is NULL. Borrowed until the next call here. -ERR_NOMEM, -ERR_IO. */
int content_open(struct content_store *s, struct content **at, const uint8_t id[UUID_SIZE],
                 sqlite3 **out, struct err *err) MUST_CHECK;
/* A copy of `from`, NULL for an empty one. */
int content_copy(struct content_store *s, struct content *from, struct content **at,
                 const uint8_t id[UUID_SIZE], struct err *err) MUST_CHECK;
/* Replaced by a whole SQLite file. -ERR_INVALID: it cannot be opened, and nothing has changed. */
int content_replace(struct content_store *s, struct content **at, const uint8_t id[UUID_SIZE],
                    const void *data, size_t size, struct err *err) MUST_CHECK;
/* A statement has run. Without memory it is not among the queries. */
void content_count(struct content *c, const char *sql, uint64_t rows_read, uint64_t rows_written);
int64_t content_size(const struct content *c); /* bytes; 0 for NULL or an empty one */
void content_free(struct content *c);

#endif
