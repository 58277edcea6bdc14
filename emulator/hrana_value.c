/* hrana_value: SQLite's values as JSON, and back.
 * In:    a row of a statement, or the arguments of one.
 * Out:   {"type": "integer", "value": "1"} and the like; bound parameters.
 * Never: runs a statement. */
#include "hrana_value.h"

#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

/* Base64 with the protocol's alphabet, without padding. */
static void write_blob(const unsigned char *data, int size, struct buf *out)
{
    unsigned char chunk[4 * 1024 + 1];
    int n;

    emit_raw(out, "base64", "\"", 1);
    for (int at = 0; at < size; at += 3 * 1024) {
        int part = size - at < 3 * 1024 ? size - at : 3 * 1024;

        n = EVP_EncodeBlock(chunk, data + at, part);
        while (n && chunk[n - 1] == '=')
            n--;
        buf_add(out, chunk, (size_t)n);
    }
    buf_add_char(out, '"');
}

static void write_integer(sqlite3_int64 value, struct buf *out)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    emit_string(out, "type", "integer");
    emit_string(out, "value", text);
}

static void write_float(double value, struct buf *out)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%.17g", value);

    emit_string(out, "type", "float");
    if (isfinite(value))
        emit_raw(out, "value", text, (size_t)n);
    else
        emit_null(out, "value"); /* JSON has no word for it */
}

void hrana_value_write(sqlite3_stmt *stmt, int column, struct buf *out)
{
    emit_open(out, NULL, '{');
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        write_integer(sqlite3_column_int64(stmt, column), out);
        break;
    case SQLITE_FLOAT:
        write_float(sqlite3_column_double(stmt, column), out);
        break;
    case SQLITE_TEXT:
        emit_string(out, "type", "text");
        emit_bytes(out, "value", (const char *)sqlite3_column_text(stmt, column),
                   (size_t)sqlite3_column_bytes(stmt, column));
        break;
    case SQLITE_BLOB:
        emit_string(out, "type", "blob");
        write_blob(sqlite3_column_blob(stmt, column), sqlite3_column_bytes(stmt, column), out);
        break;
    default:
        emit_string(out, "type", "null");
    }
    emit_close(out, '}');
}

static bool bind_integer(struct json_object *v, sqlite3_stmt *stmt, int at)
{
    const char *text;
    char *end;
    long long value;

    if (!json_get_str(v, "value", &text))
        return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    return !errno && *text && !*end && sqlite3_bind_int64(stmt, at, value) == SQLITE_OK;
}

static bool bind_float(struct json_object *v, sqlite3_stmt *stmt, int at)
{
    struct json_object *number = NULL;

    if (!json_object_object_get_ex(v, "value", &number) ||
        (!json_object_is_type(number, json_type_double) &&
         !json_object_is_type(number, json_type_int)))
        return false;
    return sqlite3_bind_double(stmt, at, json_object_get_double(number)) == SQLITE_OK;
}

static bool bind_blob(struct json_object *v, sqlite3_stmt *stmt, int at)
{
    const char *text;
    unsigned char *bytes;
    char *url;
    size_t n;
    ptrdiff_t size;
    bool ok;

    if (!json_get_str(v, "base64", &text))
        return false;
    n = strcspn(text, "=");
    url = mem_strndup(text, n);
    bytes = mem_alloc(n + 1);
    for (size_t i = 0; url && i < n; i++)
        url[i] = url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i];
    size = url && bytes ? text_base64url_decode(url, n, bytes) : -1;
    ok = size >= 0 &&
         sqlite3_bind_blob64(stmt, at, bytes, (sqlite3_uint64)size, SQLITE_TRANSIENT) == SQLITE_OK;
    mem_free(url);
    mem_free(bytes);
    return ok;
}

static bool bind(struct json_object *v, sqlite3_stmt *stmt, int at)
{
    struct json_object *text = NULL;
    const char *type;

    if (!json_get_str(v, "type", &type))
        return false;
    if (!strcmp(type, "null"))
        return sqlite3_bind_null(stmt, at) == SQLITE_OK;
    if (!strcmp(type, "integer"))
        return bind_integer(v, stmt, at);
    if (!strcmp(type, "float"))
        return bind_float(v, stmt, at);
    if (!strcmp(type, "blob"))
        return bind_blob(v, stmt, at);
    return !strcmp(type, "text") && json_object_object_get_ex(v, "value", &text) &&
           json_object_is_type(text, json_type_string) &&
           sqlite3_bind_text(stmt, at, json_object_get_string(text),
                             json_object_get_string_len(text), SQLITE_TRANSIENT) == SQLITE_OK;
}

/* With its sign, or without. */
static int find_parameter(sqlite3_stmt *stmt, const char *name)
{
    int at = sqlite3_bind_parameter_index(stmt, name);
    static const char signs[] = ":@$";

    for (size_t i = 0; !at && signs[i]; i++) {
        char *with = mem_printf("%c%s", signs[i], name);

        at = with ? sqlite3_bind_parameter_index(stmt, with) : 0;
        mem_free(with);
    }
    return at;
}

bool hrana_value_bind(struct json_object *json, sqlite3_stmt *stmt)
{
    struct json_object *args;
    const char *name;

    if (json_get_arr(json, "args", &args)) {
        for (size_t i = 0; i < json_object_array_length(args); i++) {
            if (!bind(json_object_array_get_idx(args, i), stmt, (int)i + 1))
                return false;
        }
    }
    if (!json_get_arr(json, "named_args", &args))
        return true;
    for (size_t i = 0; i < json_object_array_length(args); i++) {
        struct json_object *arg = json_object_array_get_idx(args, i);
        struct json_object *value;

        if (!json_get_str(arg, "name", &name) || !json_get_obj(arg, "value", &value) ||
            !bind(value, stmt, find_parameter(stmt, name)))
            return false;
    }
    return true;
}
