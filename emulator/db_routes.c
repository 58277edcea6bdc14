/* db_routes: databases one by one: read, remove, instances, usage.
 * In:    checked requests.
 * Out:   answers, and a changed state.
 * Never: creates or configures; those have files of their own. */
#include <stdio.h>
#include <string.h>

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

/* Nobody can write into these databases, so what they use is known. */
static void write_usage_numbers(const char *key, int64_t n_databases, struct buf *out)
{
    emit_open(out, key, '{');
    emit_int(out, "rows_read", 0);
    emit_int(out, "rows_written", 0);
    emit_int(out, "storage_bytes", n_databases * EMPTY_DATABASE_BYTES);
    emit_int(out, "bytes_synced", 0);
    emit_close(out, '}');
}

static void write_usage(const struct database *db, const char *key, struct buf *out)
{
    emit_open(out, key, '{');
    emit_uuid(out, "uuid", db->id);
    emit_open(out, "instances", '[');
    for (int i = 0; i < db->group->n_locations; i++) {
        uint8_t id[UUID_SIZE];

        uuid_derive(db->id, db->group->locations[i], id);
        emit_open(out, NULL, '{');
        emit_uuid(out, "uuid", id);
        write_usage_numbers("usage", 1, out);
        emit_close(out, '}');
    }
    emit_close(out, ']');
    write_usage_numbers("total", db->group->n_locations, out);
    write_usage_numbers("usage", db->group->n_locations, out);
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

void route_org_usage(struct emulator *e, struct request *rq, struct answer *a)
{
    struct org *org = rq->org;
    int64_t n = (int64_t)db_list_count(&org->list);

    (void)e;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "organization", '{');
    emit_uuid(&a->body, "uuid", org->id);
    emit_open(&a->body, "usage", '{');
    emit_int(&a->body, "rows_read", 0);
    emit_int(&a->body, "rows_written", 0);
    emit_int(&a->body, "databases", n);
    emit_int(&a->body, "locations", HASH_COUNT(org->groups));
    emit_int(&a->body, "storage_bytes", n * EMPTY_DATABASE_BYTES);
    emit_int(&a->body, "groups", HASH_COUNT(org->groups));
    emit_int(&a->body, "bytes_synced", 0);
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

void route_db_stats(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)e;
    if (routes_database(rq, a))
        buf_add_str(&a->body, "{\"top_queries\":null}");
}

void route_db_wakeup(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    (void)e;
    if (db)
        answer_error(a, 400, "database %s is part of a group, please unarchive the group instead",
                     db->name);
}
