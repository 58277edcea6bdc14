/* emit: JSON written straight into a buffer.
 * In:    values, in the order in which they shall appear.
 * Out:   text in a struct buf; failures stay in its `failed`.
 * Never: builds a tree. */
#ifndef TENANTD_EMULATOR_EMIT_H
#define TENANTD_EMULATOR_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "ids.h"
#include "lib/buf.h"

/* Each writes a comma first, where the text so far calls for one. `key` NULL: an element of an
 * array, or the document itself. */
void emit_open(struct buf *b, const char *key, char bracket);        /* '{' or '[' */
void emit_close(struct buf *b, char bracket);                        /* '}' or ']' */
void emit_string(struct buf *b, const char *key, const char *value); /* NULL: null */
void emit_int(struct buf *b, const char *key, int64_t value);
void emit_bool(struct buf *b, const char *key, bool value);
void emit_null(struct buf *b, const char *key);
void emit_uuid(struct buf *b, const char *key, const uint8_t id[UUID_SIZE]);
void emit_time(struct buf *b, const char *key, int64_t unix_ms);
void emit_raw(struct buf *b, const char *key, const char *json, size_t size);
/* A string of bytes that may hold NUL. Here and in emit_string, a byte that is not UTF-8 becomes
 * U+FFFD. */
void emit_bytes(struct buf *b, const char *key, const char *data, size_t size);

#endif
