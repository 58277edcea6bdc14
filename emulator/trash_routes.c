/* trash_routes: deleted databases and groups: what can come back, and coming back.
 * In:    ids, as the third version of the platform's paths has them.
 * Out:   pages of what was deleted; what was restored, and what could not be.
 * Never: takes a name from what is there now. */
#include "trash.h"

#include <string.h>

#include "cursor.h"
#include "emit.h"
#include "lib/text.h"
#include "plan.h"
#include "routes.h"
#include "shape.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000

struct trash_page {
    uint64_t after, limit, n, last;
    bool more;
};

/* False: answered. */
static bool check_plan(const struct emulator *e, struct answer *a)
{
    if (plan_current(&e->switches)->has_restore)
        return true;
    answer_gated(a, 403, "feature_not_available_for_starter_plan",
                 "restoring deleted databases and groups is not available on your plan");
    return false;
}

static bool read_page(const struct request *rq, struct trash_page *p, struct answer *a)
{
    char text[REQUEST_VALUE_MAX];

    *p = (struct trash_page){.limit = PAGE_DEFAULT};
    if (request_query(rq, "limit", text) &&
        (!text_parse_uint(text, PAGE_MAX, &p->limit) || !p->limit)) {
        answer_error(a, 400, "invalid limit: expected 1 to %d", PAGE_MAX);
        return false;
    }
    if (request_query(rq, "cursor", text) && *text && !cursor_read(text, &p->after)) {
        answer_error(a, 400, "invalid cursor");
        return false;
    }
    return true;
}

/* True: the page is full and there is another row. */
static bool count_row(struct trash_page *p, uint64_t key)
{
    p->more = p->n == p->limit;
    if (p->more)
        return true;
    p->n++;
    p->last = key;
    return false;
}

static void write_pagination(const struct trash_page *p, struct buf *out)
{
    struct buf cursor = BUF_INIT(64);

    if (p->more)
        cursor_write(p->last, &cursor);
    emit_open(out, "pagination", '{');
    emit_string(out, "next", p->more ? buf_str(&cursor) : NULL);
    emit_close(out, '}');
    buf_deinit(&cursor);
}

static void write_time(const char *key, int64_t ms, struct buf *out)
{
    if (ms)
        emit_time(out, key, ms);
    else
        emit_null(out, key);
}

static void write_database(const struct database *db, struct buf *out)
{
    const struct group *g = db->group;
    char hostname[HOSTNAME_SIZE];

    shape_hostname(db, hostname);
    emit_open(out, NULL, '{');
    emit_string(out, "Name", db->name);
    emit_uuid(out, "DbId", db->id);
    emit_string(out, "Hostname", hostname);
    emit_string(out, "group", g->name);
    emit_uuid(out, "group_id", g->id);
    emit_uuid(out, "organization_id", g->org->id);
    emit_open(out, "regions", '[');
    for (int i = 0; i < g->n_locations; i++)
        emit_string(out, NULL, g->locations[i]);
    emit_close(out, ']');
    emit_string(out, "primaryRegion", g->locations[0]);
    emit_bool(out, "delete_protection", db->delete_protection);
    write_time("deleted_at", db->deleted_ms, out);
    write_time("group_deleted_at", g->deleted_ms, out);
    emit_close(out, '}');
}

/* Deleted ones, or the live ones in the same shape. */
void route_trash_database_list(struct emulator *e, struct request *rq, struct answer *a)
{
    char text[REQUEST_VALUE_MAX];
    char search[REQUEST_VALUE_MAX];
    bool deleted = request_query(rq, "deleted", text) && !strcmp(text, "true");
    const struct db_list *list = deleted ? &rq->org->trash : &rq->org->list;
    bool has_search = request_query(rq, "search", search);
    struct trash_page p;

    if ((deleted && !check_plan(e, a)) || !read_page(rq, &p, a))
        return;
    trash_purge(rq->org, rq->now_ms);
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "databases", '[');
    for (size_t i = db_list_after(list, p.after); i < list->n; i++) {
        const struct database *db = list->slots[i].db;

        if (!db || (has_search && !strstr(db->name, search)))
            continue;
        if (count_row(&p, list->slots[i].key))
            break;
        write_database(db, &a->body);
    }
    emit_close(&a->body, ']');
    write_pagination(&p, &a->body);
    emit_close(&a->body, '}');
}

/* How many databases the group took with it. */
static int64_t count_cascade(const struct group *g)
{
    const struct db_list *trash = &g->org->trash;
    int64_t n = 0;

    for (size_t i = 0; i < trash->n; i++) {
        const struct database *db = trash->slots[i].db;

        n += db && db->group == g && db->deleted_with_group;
    }
    return n;
}

void route_trash_group_list(struct emulator *e, struct request *rq, struct answer *a)
{
    struct trash_page p;

    if (!check_plan(e, a) || !read_page(rq, &p, a))
        return;
    trash_purge(rq->org, rq->now_ms);
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "groups", '[');
    for (const struct group *g = rq->org->deleted_groups; g; g = g->next_deleted) {
        if (uuid_key(g->id) <= p.after)
            continue;
        if (count_row(&p, uuid_key(g->id)))
            break;
        emit_open(&a->body, NULL, '{');
        emit_uuid(&a->body, "uuid", g->id);
        emit_string(&a->body, "name", g->name);
        emit_time(&a->body, "deleted_at", g->deleted_ms);
        emit_int(&a->body, "cascade_databases", count_cascade(g));
        emit_close(&a->body, '}');
    }
    emit_close(&a->body, ']');
    write_pagination(&p, &a->body);
    emit_close(&a->body, '}');
}

/* False: answered. What is too old is gone afterwards. */
static bool begin_restore(const struct emulator *e, const struct request *rq, struct answer *a)
{
    if (!check_plan(e, a))
        return false;
    if (!rq->org->restore_enabled) {
        answer_error(a, 400, "restoring is not enabled for organization %s", rq->org->slug);
        return false;
    }
    trash_purge(rq->org, rq->now_ms);
    return true;
}

/* The group of a database comes back with it. False: answered. */
static bool restore_group_of(const struct database *db, struct answer *a)
{
    struct group *g = db->group;

    if (!g->deleted_ms)
        return true;
    if (group_find(g->org, g->name))
        answer_error(a, 400, "group with name %s already exists", g->name);
    else if (!trash_restore_group(g))
        answer_no_memory(a);
    else
        return true;
    return false;
}

void route_trash_database_restore(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = NULL;
    uint8_t id[UUID_SIZE];
    const char *name;

    if (!begin_restore(e, rq, a))
        return;
    if (uuid_parse(request_param(rq, "db_id"), id))
        db = trash_find_database(rq->org, id);
    if (!db) {
        answer_error(a, 404, "deleted database not found");
        return;
    }
    name = db->name;
    if (!routes_read_string(rq, "name", &name, a) ||
        !routes_check_name(rq->org, "database", name, a))
        return;
    if (database_find(rq->org, name)) {
        routes_refuse_duplicate(e, name, a);
        return;
    }
    if (!restore_group_of(db, a))
        return;
    db = trash_restore_database(db, name);
    if (!db) {
        answer_no_memory(a);
        return;
    }
    emit_open(&a->body, NULL, '{');
    shape_database(e, db, "database", &a->body);
    emit_close(&a->body, '}');
}

/* Those that were deleted with the group come back, but for names that are taken by now. In the
 * order of ids, so that each goes to the end of the live ones. */
static void restore_databases(const struct emulator *e, const struct group *g, struct buf *failures,
                              struct buf *out)
{
    struct db_list *trash = &g->org->trash;
    uint64_t last = 0;
    size_t at;

    while ((at = db_list_after(trash, last)) < trash->n) {
        struct database *db = trash->slots[at].db;
        struct database *back = NULL;
        char id[UUID_TEXT_SIZE];

        last = trash->slots[at].key;
        if (!db || db->group != g || !db->deleted_with_group)
            continue;
        if (!database_find(g->org, db->name))
            back = trash_restore_database(db, NULL);
        if (back) {
            shape_database(e, back, NULL, out);
            continue;
        }
        uuid_format(db->id, id);
        emit_string(failures, id, "database with same name already exists");
    }
}

void route_trash_group_restore(struct emulator *e, struct request *rq, struct answer *a)
{
    struct buf failures = BUF_INIT(ANSWER_MAX_BYTES);
    struct group *g = NULL;
    uint8_t id[UUID_SIZE];

    if (!begin_restore(e, rq, a))
        return;
    if (uuid_parse(request_param(rq, "group_id"), id))
        g = trash_find_group(rq->org, id);
    if (!g) {
        answer_error(a, 404, "deleted group not found");
        return;
    }
    if (group_find(rq->org, g->name)) {
        answer_error(a, 400, "group with name %s already exists", g->name);
        return;
    }
    if (!trash_restore_group(g)) {
        answer_no_memory(a);
        return;
    }
    emit_open(&failures, NULL, '{');
    emit_open(&a->body, NULL, '{');
    shape_group(e, g, "group", &a->body);
    emit_open(&a->body, "databases", '[');
    restore_databases(e, g, &failures, &a->body);
    emit_close(&a->body, ']');
    emit_close(&failures, '}');
    emit_raw(&a->body, "failures", buf_str(&failures), failures.size);
    emit_close(&a->body, '}');
    if (failures.failed)
        answer_no_memory(a);
    buf_deinit(&failures);
}
