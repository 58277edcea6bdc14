/* db_routes: databases one by one: read, remove, instances, usage.
 * In:    checked requests.
 * Out:   answers, and a changed state.
 * Never: creates or configures; those have files of their own. */
#include <stdio.h>
#include <string.h>

#include "content.h"
#include "emit.h"
#include "lib/text.h"
#include "routes.h"
#include "shape.h"
#include "trash.h"

#define EMPTY_DATABASE_BYTES 4096

void route_db_get(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    if (!db)
        return;
    emit_open(&a->body, NULL, '{');
    shape_database(e, db, "database", &a->body);
    emit_close(&a->body, '}');
}

void route_db_remove(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    if (!db)
        return;
    if (db->delete_protection || db->group->delete_protection) {
        answer_error(a, 400, "database %s is protected from deletion", db->name);
        a->reason = "delete-protection";
        return;
    }
    emit_open(&a->body, NULL, '{');
    emit_string(&a->body, "database", db->name);
    emit_close(&a->body, '}');
    routes_audit(rq, AUDIT_DB_DELETE, "database", db->name);
    if (routes_keeps_deleted(e, rq->org))
        trash_database(db, rq->now_ms);
    else
        database_delete(db);
}

static void write_instance(const struct database *db, int at, const char *key, struct buf *out)
{
    const char *location = db->group->locations[at];
    char hostname[HOSTNAME_SIZE];
    uint8_t id[UUID_SIZE];

    shape_hostname(db, hostname);
    uuid_derive(db->id, location, id);
    emit_open(out, key, '{');
    emit_uuid(out, "uuid", id);
    emit_string(out, "name", location);
    emit_string(out, "type", at == 0 ? "primary" : "replica");
    emit_string(out, "region", location);
    emit_string(out, "hostname", hostname);
    emit_close(out, '}');
}

void route_db_instances(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    (void)e;
    if (!db)
        return;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "instances", '[');
    for (int i = 0; i < db->group->n_locations; i++)
        write_instance(db, i, NULL, &a->body);
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

void route_db_instance(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);
    const char *name = request_param(rq, "instance");
    int at = db ? group_find_location(db->group, name) : -1;

    (void)e;
    if (!db)
        return;
    if (at < 0) {
        answer_error(a, 404, "could not find instance %s of database %s", name, db->name);
        return;
    }
    emit_open(&a->body, NULL, '{');
    write_instance(db, at, "instance", &a->body);
    emit_close(&a->body, '}');
}

/* What a database has used, at one of its locations or at all. */
struct usage {
    int64_t rows_read, rows_written, storage_bytes;
};

static struct usage usage_of(const struct database *db)
{
    const struct content *c = db->content;
    int64_t size = content_size(c);

    return (struct usage){.rows_read = c ? (int64_t)c->rows_read : 0,
                          .rows_written = c ? (int64_t)c->rows_written : 0,
                          .storage_bytes = size ? size : EMPTY_DATABASE_BYTES};
}

static void write_usage_numbers(const struct usage *u, struct buf *out)
{
    emit_int(out, "rows_read", u->rows_read);
    emit_int(out, "rows_written", u->rows_written);
    emit_int(out, "storage_bytes", u->storage_bytes);
    emit_int(out, "bytes_synced", 0);
}

static void write_usage_object(const struct usage *u, const char *key, struct buf *out)
{
    emit_open(out, key, '{');
    write_usage_numbers(u, out);
    emit_close(out, '}');
}

/* Rows count once, at the primary; each location stores a copy. */
static void write_usage(const struct database *db, const char *key, struct buf *out)
{
    struct usage primary = usage_of(db);
    struct usage replica = {.storage_bytes = primary.storage_bytes};
    struct usage total = primary;

    total.storage_bytes *= db->group->n_locations;
    emit_open(out, key, '{');
    emit_uuid(out, "uuid", db->id);
    emit_open(out, "instances", '[');
    for (int i = 0; i < db->group->n_locations; i++) {
        uint8_t id[UUID_SIZE];

        uuid_derive(db->id, db->group->locations[i], id);
        emit_open(out, NULL, '{');
        emit_uuid(out, "uuid", id);
        write_usage_object(i == 0 ? &primary : &replica, "usage", out);
        emit_close(out, '}');
    }
    emit_close(out, ']');
    write_usage_object(&total, "total", out);
    write_usage_object(&total, "usage", out);
    emit_close(out, '}');
}

/* RFC 3339 with a zone, or absent. False: answered. */
static bool check_instant(const struct request *rq, const char *name, struct answer *a)
{
    char text[REQUEST_VALUE_MAX];
    int64_t ms;

    if (!request_query(rq, name, text) || text_parse_time(text, &ms))
        return true;
    answer_error(a, 400,
                 "invalid %s parameter: parsing time \"%.64s\" as \"2006-01-02T15:04:05Z07:00\"",
                 name, text);
    return false;
}

void route_db_usage(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    (void)e;
    if (!db || !check_instant(rq, "from", a) || !check_instant(rq, "to", a))
        return;
    emit_open(&a->body, NULL, '{');
    write_usage(db, "database", &a->body);
    emit_close(&a->body, '}');
}

static struct usage sum_up(const struct org *org)
{
    struct usage sum = {0};

    for (size_t i = 0; i < org->list.n; i++) {
        const struct database *db = org->list.slots[i].db;
        struct usage u = db ? usage_of(db) : (struct usage){0};

        sum.rows_read += u.rows_read;
        sum.rows_written += u.rows_written;
        sum.storage_bytes += u.storage_bytes * (db ? db->group->n_locations : 0);
    }
    return sum;
}

void route_org_usage(struct emulator *e, struct request *rq, struct answer *a)
{
    struct org *org = rq->org;
    struct usage sum = sum_up(org);

    (void)e;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "organization", '{');
    emit_uuid(&a->body, "uuid", org->id);
    emit_open(&a->body, "usage", '{');
    write_usage_numbers(&sum, &a->body);
    emit_int(&a->body, "databases", (int64_t)db_list_count(&org->list));
    emit_int(&a->body, "locations", HASH_COUNT(org->groups));
    emit_int(&a->body, "groups", HASH_COUNT(org->groups));
    emit_close(&a->body, '}');
    emit_open(&a->body, "databases", '[');
    for (size_t i = 0; i < org->list.n; i++) {
        if (org->list.slots[i].db)
            write_usage(org->list.slots[i].db, NULL, &a->body);
    }
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}

static void write_queries(const struct database *db, const char *key, struct buf *out)
{
    const struct content *c = db->content;

    emit_open(out, key, '[');
    for (size_t i = 0; c && i < c->n_queries; i++) {
        emit_open(out, NULL, '{');
        emit_string(out, "query", c->queries[i].sql);
        emit_int(out, "rows_read", (int64_t)c->queries[i].rows_read);
        emit_int(out, "rows_written", (int64_t)c->queries[i].rows_written);
        emit_close(out, '}');
    }
    emit_close(out, ']');
}

void route_db_stats(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    (void)e;
    if (!db)
        return;
    emit_open(&a->body, NULL, '{');
    if (db->content && db->content->n_queries)
        write_queries(db, "top_queries", &a->body);
    else
        emit_null(&a->body, "top_queries");
    emit_close(&a->body, '}');
}

/* The same as the command line asks for it. */
void route_db_queries(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    (void)e;
    if (db && check_instant(rq, "from", a))
        write_queries(db, NULL, &a->body);
}

void route_db_wakeup(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    (void)e;
    if (db)
        answer_error(a, 400, "database %s is part of a group, please unarchive the group instead",
                     db->name);
}
