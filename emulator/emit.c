/* emit: JSON written straight into a buffer.
 * In:    values, in the order in which they shall appear.
 * Out:   text in a struct buf; failures stay in its `failed`.
 * Never: builds a tree. */
#include "emit.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

/* Bytes of the UTF-8 character at s[0..n), or 0 when it is none. Overlong forms and surrogates
 * are let through: a reader may refuse those, but finds the end of the string. */
static size_t utf8_size(const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0];
    size_t size = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;

    if (size > n || (c >= 0x80 && c < 0xc2) || c > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

static void quote(struct buf *b, const char *s, size_t n)
{
    size_t plain = 0;
    size_t size;

    buf_add_char(b, '"');
    for (size_t i = 0; i < n; i += size ? size : 1) {
        unsigned char c = (unsigned char)s[i];

        size = utf8_size(s + i, n - i);
        if (size && c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(b, s + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\') {
            buf_add_char(b, '\\');
            buf_add_char(b, (char)c);
        } else {
            buf_printf(b, "\\u%04x", size ? c : 0xfffdU);
        }
    }
    buf_add(b, s + plain, n - plain);
    buf_add_char(b, '"');
}

/* The comma and the key that a value needs before it. */
static void lead(struct buf *b, const char *key)
{
    char last = b->size ? b->data[b->size - 1] : '{';

    if (last != '{' && last != '[' && last != ':')
        buf_add_char(b, ',');
    if (key) {
        quote(b, key, strlen(key));
        buf_add_char(b, ':');
    }
}

void emit_open(struct buf *b, const char *key, char bracket)
{
    lead(b, key);
    buf_add_char(b, bracket);
}

void emit_close(struct buf *b, char bracket)
{
    buf_add_char(b, bracket);
}

void emit_string(struct buf *b, const char *key, const char *value)
{
    lead(b, key);
    if (value)
        quote(b, value, strlen(value));
    else
        buf_add_str(b, "null");
}

void emit_int(struct buf *b, const char *key, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)value);

    emit_raw(b, key, text, (size_t)n);
}

void emit_bool(struct buf *b, const char *key, bool value)
{
    lead(b, key);
    buf_add_str(b, value ? "true" : "false");
}

void emit_null(struct buf *b, const char *key)
{
    emit_string(b, key, NULL);
}

void emit_uuid(struct buf *b, const char *key, const uint8_t id[UUID_SIZE])
{
    char text[UUID_TEXT_SIZE];

    uuid_format(id, text);
    emit_string(b, key, text);
}

void emit_time(struct buf *b, const char *key, int64_t unix_ms)
{
    char text[CLOCK_TEXT_SIZE];

    clock_rfc3339(unix_ms, text);
    emit_string(b, key, text);
}

void emit_raw(struct buf *b, const char *key, const char *json, size_t size)
{
    lead(b, key);
    buf_add(b, json, size);
}

void emit_bytes(struct buf *b, const char *key, const char *data, size_t size)
{
    lead(b, key);
    quote(b, data, size);
}
