/* answer_host: bodies that a database's own host answers with.
 * In:    the whole body.
 * Out:   what the answer holds of it, or what the database said is wrong. */
#include "core/answer_host.h"

#include <string.h>

#include "lib/json_read.h"
#include "lib/text.h"

/* The first item of a list; JSON_ABSENT: there is none, or it is no list. */
static struct json_value first_of(const struct json_value *list)
{
    struct json_value item = {.kind = JSON_ABSENT};

    return list->kind == JSON_LIST && json_next(list, NULL, &item)
               ? item
               : (struct json_value){.kind = JSON_ABSENT};
}

static bool is_text(const struct json_value *v, const char *what)
{
    char text[16];
    size_t n;

    return json_text(v, text, sizeof(text) - 1, &n) && n == strlen(what) && strcmp(text, what) == 0;
}

/* `what` the database said is wrong, as far as it did. */
static int refuse(const struct json_value *what, struct arena *a, struct err *err)
{
    char *text = what->kind == JSON_TEXT ? arena_alloc(a, what->size) : NULL;
    size_t n;

    if (what->kind != JSON_TEXT)
        return err_set(err, ERR_INVALID, "it holds no result");
    if (!text)
        return err_nomem(err);
    return json_text(what, text, what->size - 1, &n)
               ? err_set(err, ERR_INVALID, "the database says: %.150s", text)
               : err_set(err, ERR_INVALID, "it holds no result");
}

/* The first of {"results": [{"type": "ok", ...}, ...]}. */
static int first_result(const struct json_value *body, struct arena *a, struct json_value *out,
                        struct err *err)
{
    struct json_value results;
    struct json_value type;
    struct json_value message;
    int rc = json_read_at(body, "results", &results, err);

    if (rc < 0)
        return rc;
    *out = first_of(&results);
    rc = json_read_at(out, "type", &type, err);
    if (rc < 0 || is_text(&type, "ok"))
        return rc;
    rc = json_read_at(out, "error.message", &message, err);
    return rc < 0 ? rc : refuse(&message, a, err);
}

/* SELECT 1 */
int answer_read_pipeline(const struct json_value *body, const struct answer_asked *asked,
                         struct answer *into, struct err *err)
{
    struct json_value result;

    (void)asked;
    return first_result(body, &into->arena, &result, err);
}

/* One row of one integer, which is sent as a text (Hrana: a 64-bit number in JSON). */
int answer_read_count(const struct json_value *body, const struct answer_asked *asked,
                      struct answer *into, struct err *err)
{
    static const char ROWS[] = "response.result.rows";
    struct json_value result;
    struct json_value rows = {.kind = JSON_ABSENT};
    struct json_value row;
    struct json_value cell;
    struct json_value value;
    char text[32];
    size_t size;
    uint64_t n;
    int rc = first_result(body, &into->arena, &result, err);

    (void)asked;
    if (rc == 0)
        rc = json_read_at(&result, ROWS, &rows, err);
    if (rc < 0)
        return rc;
    row = first_of(&rows);
    cell = first_of(&row);
    rc = json_read_at(&cell, "value", &value, err);
    if (rc < 0)
        return rc;
    if (json_count(&rows) != 1 || json_count(&row) != 1 ||
        !json_text(&value, text, sizeof(text) - 1, &size) || strlen(text) != size ||
        !text_parse_uint(text, INT64_MAX, &n))
        return err_set(err, ERR_INVALID, "it holds no count");
    into->holds_something = n > 0;
    return 0;
}
