/* content: what is in a database: SQLite, opened when somebody asks.
 * In:    a database; images of whole databases.
 * Out:   connections, of which few are open at once; images.
 * Never: takes memory or a file for a database that nobody has used. */
#include "content.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"

#define PATH_SIZE      4096
#define VERSION_OFFSET 18 /* of the two bytes that tell a write-ahead log from a journal */
#define JOURNAL        1
#define IMAGE_FLAGS    (SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE)

void content_store_init(struct content_store *s, const char *dir)
{
    *s = (struct content_store){.dir = dir};
    list_init(&s->open);
}

static void path_of(const struct content *c, char out[PATH_SIZE])
{
    char id[UUID_TEXT_SIZE];

    uuid_format(c->id, id);
    snprintf(out, PATH_SIZE, "%s/%s.db", c->store->dir, id);
}

static int sqlite_error(sqlite3 *connection, int rc, struct err *err)
{
    if (rc == SQLITE_NOMEM || !connection)
        return err_nomem(err);
    return err_set(err, ERR_IO, "SQLite: %s", sqlite3_errmsg(connection));
}

static void unlink_open(struct content *c)
{
    list_remove(&c->link);
    c->store->n_open--;
}

/* The connection goes; what it held in memory becomes the image. False: no memory, it stays. */
static bool close_connection(struct content *c)
{
    sqlite3_int64 size = 0;
    unsigned char *image = NULL;

    if (!c->store->dir) {
        image = sqlite3_serialize(c->connection, "main", &size, 0);
        if (!image && size)
            return false;
    }
    unlink_open(c);
    sqlite3_close_v2(c->connection);
    c->connection = NULL;
    c->image = image;
    c->image_size = size;
    return true;
}

static void make_room(struct content_store *s)
{
    struct list *last = s->open.prev;

    if (s->n_open >= CONTENT_OPEN_MAX)
        (void)close_connection(container_of(last, struct content, link)); /* or one more is open */
}

static struct content *content_new(struct content_store *s, const uint8_t id[UUID_SIZE])
{
    struct content *c = mem_alloc(sizeof(*c));

    if (c) {
        c->store = s;
        memcpy(c->id, id, UUID_SIZE);
    }
    return c;
}

/* Nothing that a statement says reaches beyond this one database. */
static void harden(sqlite3 *connection)
{
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
}

static int connect(struct content *c, struct err *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    char path[PATH_SIZE] = ":memory:";
    int rc;

    if (c->store->dir)
        path_of(c, path);
    rc = sqlite3_open_v2(path, &c->connection, flags, NULL);
    if (!rc && c->image) {
        rc = sqlite3_deserialize(c->connection, "main", c->image, c->image_size, c->image_size,
                                 IMAGE_FLAGS);
        c->image = NULL; /* the connection's, in any case */
    }
    if (!rc)
        rc = sqlite3_exec(c->connection, "PRAGMA synchronous = off", NULL, NULL, NULL);
    if (rc) {
        rc = sqlite_error(c->connection, rc, err);
        sqlite3_close_v2(c->connection);
        c->connection = NULL;
        return rc;
    }
    harden(c->connection);
    return 0;
}

int content_open(struct content_store *s, struct content **at, const uint8_t id[UUID_SIZE],
                 sqlite3 **out, struct err *err)
{
    struct content *c = *at ? *at : content_new(s, id);
    int rc;

    if (!c)
        return err_nomem(err);
    *at = c;
    if (c->connection) {
        list_remove(&c->link);
    } else {
        make_room(s);
        rc = connect(c, err);
        if (rc)
            return rc;
        s->n_open++;
    }
    list_append(s->open.next, &c->link); /* before the first */
    *out = c->connection;
    return 0;
}

static int write_file(const struct content *c, const void *data, size_t size, struct err *err)
{
    char path[PATH_SIZE];
    FILE *f;
    int rc = 0;

    path_of(c, path);
    f = fopen(path, "we");
    if (!f)
        return err_errno(err, errno, "%s", path);
    if (fwrite(data, 1, size, f) != size)
        rc = err_errno(err, errno, "%s", path);
    if (fclose(f) != 0 && !rc)
        rc = err_errno(err, errno, "%s", path);
    return rc;
}

/* Takes `image`, SQLite's allocation. */
static int put_image(struct content *c, unsigned char *image, sqlite3_int64 size, struct err *err)
{
    int rc;

    if (!c->store->dir) {
        c->image = image;
        c->image_size = size;
        return 0;
    }
    rc = write_file(c, image, (size_t)size, err);
    sqlite3_free(image);
    return rc;
}

int content_copy(struct content_store *s, struct content *from, struct content **at,
                 const uint8_t id[UUID_SIZE], struct err *err)
{
    unsigned char *image;
    sqlite3_int64 size = 0;
    sqlite3 *source;
    int rc;

    if (!from)
        return 0;
    rc = content_open(s, &from, from->id, &source, err);
    if (rc)
        return rc;
    image = sqlite3_serialize(source, "main", &size, 0);
    if (!image)
        return size ? err_nomem(err) : 0;
    *at = content_new(s, id);
    if (!*at) {
        sqlite3_free(image);
        return err_nomem(err);
    }
    return put_image(*at, image, size, err);
}

/* Does SQLite take it, and find it sound? */
static int check_image(const unsigned char *data, sqlite3_int64 size, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3 *connection = NULL;
    unsigned char *copy = sqlite3_malloc64((sqlite3_uint64)size);
    bool is_sound = false;

    if (!copy || sqlite3_open_v2(":memory:", &connection, SQLITE_OPEN_READWRITE, NULL)) {
        sqlite3_free(copy);
        sqlite3_close_v2(connection);
        return err_nomem(err);
    }
    memcpy(copy, data, (size_t)size);
    if (!sqlite3_deserialize(connection, "main", copy, size, size, IMAGE_FLAGS) &&
        !sqlite3_prepare_v2(connection, "PRAGMA quick_check(1)", -1, &stmt, NULL) &&
        sqlite3_step(stmt) == SQLITE_ROW)
        is_sound = !strcmp((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);
    sqlite3_close_v2(connection);
    return is_sound ? 0 : err_set(err, ERR_INVALID, "the file is not a sound SQLite database");
}

int content_replace(struct content_store *s, struct content **at, const uint8_t id[UUID_SIZE],
                    const void *data, size_t size, struct err *err)
{
    struct content *c = *at ? *at : content_new(s, id);
    unsigned char *image = sqlite3_malloc64(size);
    int rc;

    if (!c || !image) {
        sqlite3_free(image);
        if (c != *at)
            mem_free(c);
        return err_nomem(err);
    }
    *at = c;
    memcpy(image, data, size);
    memset(image + VERSION_OFFSET, JOURNAL, 2); /* a log lives beside a file, not in memory */
    rc = check_image(image, (sqlite3_int64)size, err);
    if (!rc && c->connection && !close_connection(c))
        rc = err_nomem(err);
    if (rc) {
        sqlite3_free(image);
        return rc;
    }
    sqlite3_free(c->image);
    c->image = NULL;
    return put_image(c, image, (sqlite3_int64)size, err);
}

static int64_t pragma(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = 0;

    if (!sqlite3_prepare_v2(connection, sql, -1, &stmt, NULL) && sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

int64_t content_size(const struct content *c)
{
    if (!c)
        return 0;
    if (c->connection)
        return pragma(c->connection, "PRAGMA page_count") *
               pragma(c->connection, "PRAGMA page_size");
    return c->image_size;
}

static uint64_t cost(const struct content_query *q)
{
    return q->rows_read + q->rows_written;
}

/* The place of a statement among those that are remembered; the cheapest one makes room. */
static size_t query_place(struct content *c, const char *sql)
{
    size_t i = 0;
    char *copy;

    while (i < c->n_queries && strcmp(c->queries[i].sql, sql) != 0)
        i++;
    if (i < c->n_queries)
        return i;
    copy = mem_strdup(sql);
    if (!copy)
        return CONTENT_QUERIES_MAX;
    if (c->n_queries == CONTENT_QUERIES_MAX)
        mem_free(c->queries[--c->n_queries].sql);
    c->queries[c->n_queries] = (struct content_query){.sql = copy};
    return c->n_queries++;
}

void content_count(struct content *c, const char *sql, uint64_t rows_read, uint64_t rows_written)
{
    size_t at;

    c->rows_read += rows_read;
    c->rows_written += rows_written;
    at = rows_read + rows_written ? query_place(c, sql) : CONTENT_QUERIES_MAX;
    if (at == CONTENT_QUERIES_MAX)
        return;
    c->queries[at].rows_read += rows_read;
    c->queries[at].rows_written += rows_written;
    for (; at && cost(&c->queries[at]) > cost(&c->queries[at - 1]); at--) {
        struct content_query q = c->queries[at];

        c->queries[at] = c->queries[at - 1];
        c->queries[at - 1] = q;
    }
}

void content_free(struct content *c)
{
    char path[PATH_SIZE];

    if (!c)
        return;
    if (c->connection) {
        unlink_open(c);
        sqlite3_close_v2(c->connection);
    }
    sqlite3_free(c->image);
    for (size_t i = 0; i < c->n_queries; i++)
        mem_free(c->queries[i].sql);
    if (c->store->dir && !c->store->is_closing) {
        path_of(c, path);
        (void)unlink(path); /* it may never have been written */
    }
    mem_free(c);
}
