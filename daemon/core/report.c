/* report: what the platform says that is shown to people and no record holds.
 * In:    bytes in pieces of any size.
 * Out:   rows of text in the answer's arena; one of them as JSON.
 * Never: a tree of a list; a part of a list. */
#include "core/report.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/field.h"
#include "core/splitter.h"
#include "lib/json.h"
#include "lib/json_read.h"
#include "lib/mem.h"
#include "lib/text.h"

#define NOTE_MAX_BYTES 400
#define PATH_SIZE      64 /* of one place in a column's path */

#define REPORT_COLUMN(symbol, key, path, type) {key, path, REPORT_##type},
#define REPORT_TABLE(kind, columns, list)                                                          \
    static const struct report_column kind##_COLUMNS[] = {columns(REPORT_COLUMN)};                 \
    _Static_assert(ARRAY_SIZE(kind##_COLUMNS) <= REPORT_CELLS_MAX, "a row has room for all "       \
                                                                   "cells");
REPORTS(REPORT_TABLE)
#undef REPORT_COLUMN
#undef REPORT_TABLE

#define REPORT_ROW(kind, columns, list)                                                            \
    [CALL_##kind] = {list, kind##_COLUMNS, ARRAY_SIZE(kind##_COLUMNS)},
const struct report_info REPORT[CALL_N] = {REPORTS(REPORT_ROW)};
#undef REPORT_ROW

struct report {
    const struct report_info *info;
    struct answer *into;
    bool is_split;            /* its list is read as it arrives */
    struct splitter splitter; /* so, */
    struct buf body;          /* or whole */
    struct report_row *rows;
    size_t n;
    size_t capacity;
    struct report_row whole; /* REPORT_USAGE: the organization's own */
};

bool report_int(const struct report_row *row, size_t column, int64_t *out)
{
    const char *text = row->cell[column];
    uint64_t value;

    if (!text || !text_parse_uint(text, INT64_MAX, &value))
        return false;
    *out = (int64_t)value;
    return true;
}

const char *report_text(const struct report_row *row, size_t column)
{
    return row->cell[column] ? row->cell[column] : "";
}

/* --- Cells --------------------------------------------------------------------------------- */

/* Each: *out stays NULL when it is of another type. 0 or -ERR_NOMEM. */

static int copy(struct arena *a, const char *s, size_t n, const char **out)
{
    if (n > LIMIT_LIVE_TEXT_BYTES)
        return 0;
    *out = arena_strndup(a, s, n);
    return *out ? 0 : -ERR_NOMEM;
}

static int plain_cell(const struct json_value *v, struct arena *a, const char **out)
{
    return field_text(v, "", a, out, NULL) == -ERR_NOMEM ? -ERR_NOMEM : 0;
}

static int text_cell(const struct json_value *v, struct arena *a, const char **out)
{
    return v->kind == JSON_NUMBER ? copy(a, v->at, v->size, out) : plain_cell(v, a, out);
}

static int int_cell(const struct json_value *v, struct arena *a, const char **out)
{
    int64_t n;

    return json_int(v, &n) ? copy(a, v->at, v->size, out) : 0;
}

static int bool_cell(const struct json_value *v, struct arena *a, const char **out)
{
    return v->kind == JSON_TRUE || v->kind == JSON_FALSE ? copy(a, v->at, v->size, out) : 0;
}

/* A list of plain texts. */
static int set_cell(const struct json_value *v, struct arena *a, const char **out)
{
    struct buf set = BUF_INIT(LIMIT_LIVE_TEXT_BYTES);
    struct json_value item = {.kind = JSON_ABSENT};
    bool fits = v->kind == JSON_LIST;
    int rc = 0;

    while (rc == 0 && fits && json_next(v, NULL, &item)) {
        const char *s = NULL;

        rc = plain_cell(&item, a, &s);
        fits = s && buf_printf(&set, "%s%s", set.size ? "," : "", s);
    }
    if (set.nomem)
        rc = -ERR_NOMEM;
    if (rc == 0 && fits)
        rc = copy(a, buf_str(&set), set.size, out);
    buf_deinit(&set);
    return rc;
}

/* Anything, as it would be written. */
static int note_cell(const struct json_value *v, struct arena *a, const char **out)
{
    CLEANUP(json_put) struct json_object *o = NULL;
    CLEANUP(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 2);
    char note[NOTE_MAX_BYTES + 1];
    int rc =
        field_is_none(v) ? -ERR_INVALID : json_parse(v->at, v->size, LIMIT_JSON_DEPTH, &o, NULL);

    if (rc < 0)
        return rc == -ERR_NOMEM ? rc : 0;
    if (v->kind == JSON_TEXT)
        buf_add_str(&text, json_object_get_string(o));
    else
        json_print(o, &text);
    if (text.failed)
        return -ERR_NOMEM;
    answer_redact(buf_str(&text), text.size, note, sizeof(note));
    return copy(a, note, strlen(note), out);
}

static int read_cell(const struct json_value *row, const struct report_column *c, struct arena *a,
                     const char **out, struct err *err)
{
    static int (*const CELL[])(const struct json_value *v, struct arena *a, const char **out) = {
        [REPORT_TEXT] = text_cell, [REPORT_INT] = int_cell,   [REPORT_BOOL] = bool_cell,
        [REPORT_SET] = set_cell,   [REPORT_NOTE] = note_cell,
    };
    const char *path = c->path;

    *out = NULL;
    while (*path && !*out) {
        size_t n = strcspn(path, "|");
        struct json_value v;
        char one[PATH_SIZE];
        int rc;

        assert(n < sizeof(one));
        memcpy(one, path, n);
        one[n] = '\0';
        rc = json_read_at(row, one, &v, err);
        if (rc < 0)
            return rc;
        if (CELL[c->type](&v, a, out) < 0)
            return err_nomem(err);
        path += n + (path[n] == '|');
    }
    return 0;
}

static int read_row(struct report *r, const struct json_value *v, struct report_row *out,
                    struct err *err)
{
    int rc = 0;

    *out = (struct report_row){0};
    if (v->kind != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "what should be an object is none");
    for (size_t i = 0; rc == 0 && i < r->info->n_columns; i++)
        rc = read_cell(v, &r->info->columns[i], &r->into->arena, &out->cell[i], err);
    return rc;
}

static int add_row(struct report *r, const struct report_row *row, struct err *err)
{
    if (r->n == LIMIT_LISTED_ELEMENTS)
        return err_set(err, ERR_LIMIT, "over %u are listed", LIMIT_LISTED_ELEMENTS);
    if (!mem_grow(&r->rows, &r->capacity, r->n + 1, sizeof(*r->rows)))
        return err_nomem(err);
    r->rows[r->n++] = *row;
    return 0;
}

static int take_row(struct report *r, const struct json_value *v, struct err *err)
{
    struct report_row row;
    int rc = read_row(r, v, &row, err);

    return rc < 0 ? rc : add_row(r, &row, err);
}

/* --- Lists that are read as they arrive ---------------------------------------------------- */

static int take_pages(struct report *r, const struct json_value *v, struct err *err)
{
    struct json_value total;
    int64_t pages;
    int rc = json_read_at(v, "total_pages", &total, err);

    if (rc == 0 && json_int(&total, &pages) && pages >= 0)
        r->into->total_pages = pages;
    return rc;
}

static int take_element(struct report *r, const char *json, size_t size, struct err *err)
{
    struct json_value v;
    int rc = json_read(json, size, LIMIT_JSON_DEPTH, NULL, &v, err);

    if (rc == 0)
        rc = take_row(r, &v, err);
    if (rc < 0)
        err_wrap(err, "element %zu", r->n + 1);
    return rc;
}

static int take_value(void *arg, const char *key, bool is_element, const char *json, size_t size,
                      struct err *err)
{
    struct report *r = arg;
    struct json_value v;
    int rc;

    if (is_element)
        return r->into->total_only ? 0 : take_element(r, json, size, err);
    rc = json_read(json, size, LIMIT_JSON_DEPTH, NULL, &v, err);
    if (rc == 0 && strcmp(key, "pagination") == 0)
        rc = take_pages(r, &v, err);
    else if (rc == 0 && r->into->kind == CALL_REPORT_USAGE && strcmp(key, "usage") == 0)
        rc = read_row(r, &v, &r->whole, err);
    return rc;
}

/* --- Whole bodies -------------------------------------------------------------------------- */

static int take_array(struct report *r, const struct json_value *whole, struct err *err)
{
    struct json_value list = *whole;
    struct json_value item = {.kind = JSON_ABSENT};
    int rc = 0;

    if (whole->kind == JSON_OBJECT)
        rc = json_read_at(whole, "organizations", &list, err);
    if (rc == 0 && list.kind != JSON_LIST)
        rc = err_set(err, ERR_INVALID, "it is not a list");
    while (rc == 0 && json_next(&list, NULL, &item))
        rc = take_row(r, &item, err);
    return rc;
}

/* `list`: the map's key, and a bracket behind it. */
static int take_map(struct report *r, const struct json_value *whole, const char *list,
                    struct err *err)
{
    struct arena *a = &r->into->arena;
    struct json_value map;
    struct json_value key;
    struct json_value item = {.kind = JSON_ABSENT};
    char name[PATH_SIZE];
    int rc;

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(list, "{"), list);
    rc = json_want(whole, name, JSON_OBJECT, &map, err);
    while (rc == 0 && json_next(&map, &key, &item)) {
        struct report_row row = {0};

        if (plain_cell(&key, a, &row.cell[0]) < 0 || text_cell(&item, a, &row.cell[1]) < 0)
            return err_nomem(err);
        if (row.cell[0])
            rc = add_row(r, &row, err);
    }
    return rc;
}

static int take_whole(struct report *r, struct err *err)
{
    const char *list = r->info->list;
    struct json_value whole;
    struct json_value database;
    int rc = json_read(buf_str(&r->body), r->body.size, LIMIT_JSON_DEPTH, NULL, &whole, err);

    if (rc < 0)
        return rc;
    if (*list == '*')
        return take_array(r, &whole, err);
    if (*list)
        return take_map(r, &whole, list, err);
    if (r->into->kind != CALL_REPORT_DATABASE_USAGE)
        return take_row(r, &whole, err);
    rc = json_read_at(&whole, "database", &database, err);
    return rc < 0 ? rc : take_row(r, &database, err);
}

/* --- The whole ----------------------------------------------------------------------------- */

struct report *report_new(enum call_kind kind, struct answer *into)
{
    struct report *r = mem_alloc(sizeof(*r));
    const char *list = REPORT[kind].list;

    assert(list);
    if (!r)
        return NULL;
    r->info = &REPORT[kind];
    r->into = into;
    r->is_split = *list && *list != '*' && list[strlen(list) - 1] != '{';
    r->body = BUF_INIT(LIMIT_ANSWER_BYTES);
    splitter_init(&r->splitter, list, LIMIT_LISTED_ELEMENT_BYTES, take_value, r);
    r->splitter.is_lenient = true;
    if (kind == CALL_REPORT_USAGE)
        r->splitter.within = "organization";
    return r;
}

void report_free(struct report *r)
{
    if (!r)
        return;
    splitter_deinit(&r->splitter);
    buf_deinit(&r->body);
    mem_free(r->rows);
    mem_free(r);
}

int report_feed(struct report *r, const char *data, size_t size, struct err *err)
{
    if (r->is_split)
        return splitter_feed(&r->splitter, data, size, err);
    if (size > r->body.max - r->body.size)
        return err_set(err, ERR_LIMIT, "it is over %zu bytes long", r->body.max);
    return buf_add(&r->body, data, size) ? 0 : err_nomem(err);
}

static int hand_over(struct report *r, struct err *err)
{
    size_t bytes = r->n * sizeof(*r->rows);
    struct report_row *rows = bytes ? arena_alloc(&r->into->arena, bytes) : NULL;

    if (bytes && !rows)
        return err_nomem(err);
    if (bytes)
        memcpy(rows, r->rows, bytes);
    r->into->rows = rows;
    r->into->n_rows = r->n;
    return 0;
}

int report_end(struct report *r, struct err *err)
{
    int rc = r->is_split ? splitter_end(&r->splitter, err) : take_whole(r, err);

    if (rc == 0 && r->into->kind == CALL_REPORT_USAGE)
        rc = add_row(r, &r->whole, err);
    return rc < 0 ? rc : hand_over(r, err);
}

/* --- A row as JSON ------------------------------------------------------------------------- */

static bool add_text(struct json_object *o, const struct report_column *c, const char *text)
{
    int64_t number;

    if (!text)
        return true;
    switch (c->type) {
    case REPORT_INT:
        number = strtoll(text, NULL, 10);
        return json_add_int(o, c->key, number);
    case REPORT_BOOL:
        return json_add_bool(o, c->key, strcmp(text, "true") == 0);
    case REPORT_SET:
        return json_add(o, c->key, json_list_of_set(text));
    case REPORT_TEXT:
    case REPORT_NOTE:
        break;
    }
    return json_add_str(o, c->key, text);
}

bool report_add_cell(struct json_object *o, enum call_kind kind, const struct report_row *row,
                     size_t column)
{
    return add_text(o, &REPORT[kind].columns[column], row->cell[column]);
}

bool report_add_cells(struct json_object *o, enum call_kind kind, const struct report_row *row)
{
    bool ok = o != NULL;

    for (size_t i = 0; ok && i < REPORT[kind].n_columns; i++)
        ok = report_add_cell(o, kind, row, i);
    return ok;
}

struct json_object *report_row_json(enum call_kind kind, const struct report_row *row)
{
    struct json_object *o = json_object_new_object();

    if (!report_add_cells(o, kind, row))
        json_put(&o);
    return o;
}
