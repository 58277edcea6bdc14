/* report: what the platform says that is shown to people and no record holds.
 * In:    bytes in pieces of any size.
 * Out:   rows of text in the answer's arena.
 * Never: a tree of a list; a part of a list. */
#include "core/report.h"

#include <assert.h>
#include <string.h>

#include "core/answer.h"
#include "core/splitter.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define NOTE_MAX_BYTES 400

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
    struct json_tokener *tok;
    struct buf body; /* or whole */
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

/* What stands at "a.b" of o; NULL: nothing. */
static struct json_object *at_path(struct json_object *o, const char *path, size_t size)
{
    while (o && size > 0) {
        const char *dot = memchr(path, '.', size);
        size_t n = dot ? (size_t)(dot - path) : size;
        struct json_object *inner = NULL;
        char key[32];

        assert(n < sizeof(key));
        memcpy(key, path, n);
        key[n] = '\0';
        if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &inner))
            return NULL;
        o = inner;
        path += n + (dot != NULL);
        size -= n + (dot != NULL);
    }
    return o;
}

static const char *plain_text(struct json_object *v, size_t *out_size)
{
    const char *s = json_object_get_string(v);

    *out_size = s ? strlen(s) : 0;
    return s && *out_size && *out_size <= LIMIT_LIVE_TEXT_BYTES && text_is_plain(s, *out_size)
               ? s
               : NULL;
}

static bool is_number(struct json_object *v)
{
    return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

/* A list of plain texts; "" when it is empty. NULL: it is something else. */
static const char *set_text(struct json_object *v, struct buf *b)
{
    size_t n = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;

    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(v, i);
        size_t size;
        const char *s =
            json_object_is_type(item, json_type_string) ? plain_text(item, &size) : NULL;

        if (!s)
            return NULL;
        buf_printf(b, "%s%s", i ? "," : "", s);
    }
    return json_object_is_type(v, json_type_array) ? buf_str(b) : NULL;
}

/* False: no memory. *out NULL: it is not of that type. */
static bool read_value(struct json_object *v, enum report_type type, struct arena *a,
                       const char **out)
{
    struct buf set = BUF_INIT(LIMIT_LISTED_ELEMENT_BYTES);
    char note[NOTE_MAX_BYTES + 1];
    const char *s = NULL;
    size_t n;

    if (type == REPORT_TEXT && (json_object_is_type(v, json_type_string) || is_number(v)))
        s = plain_text(v, &n);
    else if ((type == REPORT_INT && json_object_is_type(v, json_type_int)) ||
             (type == REPORT_BOOL && json_object_is_type(v, json_type_boolean)))
        s = plain_text(v, &n);
    else if (type == REPORT_SET)
        s = set_text(v, &set);
    else if (type == REPORT_NOTE && v) {
        s = json_object_is_type(v, json_type_string)
                ? json_object_get_string(v)
                : json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE);
        answer_redact(s ? s : "", s ? strlen(s) : 0, note, sizeof(note));
        s = note;
    }
    *out = s && !set.failed ? arena_strdup(a, s) : NULL;
    buf_deinit(&set);
    return !s || *out;
}

static bool read_cell(struct json_object *o, const struct report_column *c, struct arena *a,
                      const char **out)
{
    const char *path = c->path;

    *out = NULL;
    while (*path && !*out) {
        size_t n = strcspn(path, "|");

        if (!read_value(at_path(o, path, n), c->type, a, out))
            return false;
        path += n + (path[n] == '|');
    }
    return true;
}

static int read_row(struct report *r, struct json_object *o, struct report_row *out,
                    struct err *err)
{
    *out = (struct report_row){0};
    if (!json_object_is_type(o, json_type_object))
        return err_set(err, ERR_INVALID, "what should be an object is none");
    for (size_t i = 0; i < r->info->n_columns; i++)
        if (!read_cell(o, &r->info->columns[i], &r->into->arena, &out->cell[i]))
            return err_nomem(err);
    return 0;
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

static int take_element(struct report *r, struct json_object *o, struct err *err)
{
    struct report_row row;
    int rc;

    if (r->into->total_only)
        return 0;
    rc = read_row(r, o, &row, err);
    return rc < 0 ? rc : add_row(r, &row, err);
}

/* --- Lists that are read as they arrive ---------------------------------------------------- */

static void take_pages(struct report *r, struct json_object *o)
{
    int64_t pages;

    if (json_get_int(o, "total_pages", &pages) && pages >= 0)
        r->into->total_pages = pages;
}

static int take_value(void *arg, const char *key, bool is_element, const char *json, size_t size,
                      struct err *err)
{
    struct report *r = arg;
    struct json_object *o = NULL;
    int rc = json_parse_with(r->tok, json, size, &o, err);

    if (rc == 0 && is_element)
        rc = take_element(r, o, err);
    else if (rc == 0 && strcmp(key, "pagination") == 0)
        take_pages(r, o);
    else if (rc == 0 && r->into->kind == CALL_REPORT_USAGE && strcmp(key, "usage") == 0)
        rc = read_row(r, o, &r->whole, err);
    json_object_put(o);
    if (rc < 0 && is_element)
        err_wrap(err, "element %zu", r->n + 1);
    return rc;
}

/* --- Whole bodies -------------------------------------------------------------------------- */

static int take_array(struct report *r, struct json_object *o, struct err *err)
{
    struct json_object *list = o;
    int rc = 0;

    if (json_object_is_type(o, json_type_object))
        list = at_path(o, "organizations", strlen("organizations"));
    if (!json_object_is_type(list, json_type_array))
        return err_set(err, ERR_INVALID, "it is not a list");
    for (size_t i = 0; rc == 0 && i < json_object_array_length(list); i++)
        rc = take_element(r, json_object_array_get_idx(list, i), err);
    return rc;
}

static int take_map(struct report *r, struct json_object *o, const char *name, struct err *err)
{
    struct json_object *map = at_path(o, name, strlen(name) - 1);
    struct json_object_iterator it;
    struct json_object_iterator end;
    int rc = 0;

    if (!json_object_is_type(map, json_type_object))
        return err_set(err, ERR_INVALID, "\"%.*s\" is missing or no object", (int)strlen(name) - 1,
                       name);
    it = json_object_iter_begin(map);
    end = json_object_iter_end(map);
    for (; rc == 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *key = json_object_iter_peek_name(&it);
        struct report_row row = {0};

        if (!text_is_plain(key, strlen(key)))
            continue;
        if (!(row.cell[0] = arena_strdup(&r->into->arena, key)) ||
            !read_value(json_object_iter_peek_value(&it), REPORT_TEXT, &r->into->arena,
                        &row.cell[1]))
            return err_nomem(err);
        rc = add_row(r, &row, err);
    }
    return rc;
}

static int take_whole(struct report *r, struct err *err)
{
    CLEANUP(json_put) struct json_object *o = NULL;
    const char *list = r->info->list;
    int rc = json_parse(buf_str(&r->body), r->body.size, LIMIT_JSON_DEPTH, &o, err);

    if (rc < 0)
        return rc;
    if (*list == '*')
        return take_array(r, o, err);
    if (*list)
        return take_map(r, o, list, err);
    if (r->into->kind == CALL_REPORT_DATABASE_USAGE)
        return take_element(r, at_path(o, "database", strlen("database")), err);
    return take_element(r, o, err);
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
    r->tok = json_tokener_strict(LIMIT_JSON_DEPTH);
    if (!r->tok) {
        report_free(r);
        return NULL;
    }
    return r;
}

void report_free(struct report *r)
{
    if (!r)
        return;
    splitter_deinit(&r->splitter);
    if (r->tok)
        json_tokener_free(r->tok);
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
