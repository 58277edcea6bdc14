/* db_list_routes: the listing of databases, page by page.
 * In:    limit, cursor and filters.
 * Out:   a page in O(page): rows in the order of their ids.
 * Never: more rows than the platform's cut, whatever was asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "emit.h"
#include "lib/text.h"
#include "routes.h"
#include "shape.h"
#include "snapshot.h"

struct page {
    uint64_t after; /* rows with a greater key */
    size_t limit;
    bool is_paged;                 /* the request asked for pages */
    char group[REQUEST_VALUE_MAX]; /* "" for all */
    uint8_t parent[UUID_SIZE];
    bool has_parent, nothing; /* nothing: a filter that no database can pass */
    char cursor[REQUEST_VALUE_MAX];
    /* what came of it */
    uint64_t last;
    size_t n;
    bool more;
};

static bool read_paging(const struct emulator *e, const struct request *rq, struct page *p,
                        struct answer *a)
{
    char text[REQUEST_VALUE_MAX];
    uint64_t limit = 1000;

    p->limit = (size_t)e->switches.page_cut;
    if (request_query(rq, "limit", text)) {
        p->is_paged = true;
        if (!text_parse_uint(text, UINT32_MAX, &limit) || !limit) {
            answer_error(a, 400, "invalid limit: %s", text);
            return false;
        }
        if (limit < p->limit)
            p->limit = (size_t)limit;
    }
    if (request_query(rq, "cursor", p->cursor) && *p->cursor) {
        p->is_paged = true;
        if (!cursor_read(p->cursor, &p->after)) {
            answer_error(a, 400, "invalid cursor");
            return false;
        }
    }
    return true;
}

static void read_filters(const struct request *rq, struct page *p)
{
    const struct group *only = access_only_group(rq);
    char text[REQUEST_VALUE_MAX];

    if (!request_query(rq, "group", p->group))
        p->group[0] = '\0';
    if (only) { /* a token for one group sees what is in it */
        p->nothing = *p->group && strcmp(p->group, only->name) != 0;
        snprintf(p->group, sizeof(p->group), "%s", only->name);
    }
    if (request_query(rq, "parent", text) && *text) {
        p->has_parent = true;
        if (!uuid_parse(text, p->parent))
            p->nothing = true;
    }
    /* schema databases are a thing of the past: there are none to be listed */
    if (request_query(rq, "schema", text) && *text)
        p->nothing = true;
    if (request_query(rq, "type", text) && !strcmp(text, "schema"))
        p->nothing = true;
}

static bool passes(const struct page *p, const uint8_t *parent)
{
    return !p->has_parent || (parent && !memcmp(parent, p->parent, UUID_SIZE));
}

/* True: the page is full and there is another row. */
static bool count_row(struct page *p, uint64_t key)
{
    if (p->n == p->limit) {
        p->more = true;
        return true;
    }
    p->n++;
    p->last = key;
    return false;
}

static void write_live(const struct emulator *e, const struct request *rq, struct page *p,
                       struct buf *out)
{
    const struct group *g = *p->group ? group_find(rq->org, p->group) : NULL;
    const struct db_list *list = g ? &g->list : &rq->org->list;

    if (*p->group && !g)
        return;
    for (size_t i = db_list_after(list, p->after); i < list->n; i++) {
        const struct database *db = list->slots[i].db;

        if (!db || !passes(p, db->parent ? db->parent->id : NULL))
            continue;
        if (count_row(p, list->slots[i].key))
            return;
        shape_database(e, db, NULL, out);
    }
}

static void write_stale(const struct request *rq, struct page *p, struct buf *out)
{
    const struct snapshot_org *so = snapshot_of(rq->fault->snapshot, rq->org);

    for (size_t i = 0; i < so->n; i++) {
        const struct snapshot_row *row = &so->rows[i];

        if (row->key <= p->after || (*p->group && strcmp(row->group, p->group) != 0) ||
            !passes(p, row->has_parent ? row->parent : NULL))
            continue;
        if (count_row(p, row->key))
            return;
        emit_raw(out, NULL, row->json, strlen(row->json));
    }
}

/* A short list ends in the middle of its page, and says that this was all. */
static void shorten(const struct emulator *e, const struct request *rq, struct page *p,
                    struct buf *out)
{
    struct page half = *p;
    struct buf scratch = BUF_INIT(ANSWER_MAX_BYTES);

    write_live(e, rq, &half, &scratch);
    buf_deinit(&scratch);
    p->limit = half.n / 2;
    if (p->limit)
        write_live(e, rq, p, out);
    p->more = false;
}

static void write_pagination(const struct request *rq, const struct page *p, struct buf *out)
{
    struct buf cursor = BUF_INIT(64);
    bool repeats = rq->fault && rq->fault->repeat_cursor;

    if (!p->is_paged)
        return;
    if (repeats && *p->cursor)
        buf_add_str(&cursor, p->cursor);
    else if (p->more || repeats)
        cursor_write(p->last, &cursor);
    emit_open(out, "pagination", '{');
    emit_string(out, "next", cursor.size ? buf_str(&cursor) : NULL);
    emit_close(out, '}');
    buf_deinit(&cursor);
}

void route_db_list(struct emulator *e, struct request *rq, struct answer *a)
{
    enum fault_list list = rq->fault ? rq->fault->list : LIST_WHOLE;
    struct page p = {0};

    if (!read_paging(e, rq, &p, a))
        return;
    read_filters(rq, &p);
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "databases", '[');
    if (p.nothing || list == LIST_EMPTY)
        p.more = false;
    else if (list == LIST_SHORT)
        shorten(e, rq, &p, &a->body);
    else if (list == LIST_STALE)
        write_stale(rq, &p, &a->body);
    else
        write_live(e, rq, &p, &a->body);
    emit_close(&a->body, ']');
    write_pagination(rq, &p, &a->body);
    emit_close(&a->body, '}');
}
