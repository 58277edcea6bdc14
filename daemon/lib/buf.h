/* buf: bytes that grow up to a ceiling given at birth, and stay NUL-terminated. */
#ifndef TENANTD_LIB_BUF_H
#define TENANTD_LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

struct buf {
    char *data; /* NULL while empty and never grown; else data[size] is NUL */
    size_t size;
    size_t capacity;
    size_t max;  /* bytes, without the NUL */
    bool failed; /* an append did not fit or found no memory; it and later ones did nothing */
    bool nomem;  /* it was memory that was missing */
};
#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

/* All return false, and set `failed`, when the ceiling or memory is reached: a caller may
 * append without looking and check `failed` once at the end. */
bool buf_add(struct buf *b, const void *data, size_t size);
bool buf_add_str(struct buf *b, const char *s);
bool buf_add_char(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

void buf_consume(struct buf *b, size_t size); /* drop bytes at the front */
void buf_clear(struct buf *b);                /* size 0, failed false; memory kept */
const char *buf_str(const struct buf *b);     /* borrowed until the next change; "" when empty */
char *buf_steal(struct buf *b); /* the caller's; "" is allocated too; NULL: no memory */
void buf_deinit(struct buf *b);
void buf_deinit_secret(struct buf *b); /* wipes first */

#endif
