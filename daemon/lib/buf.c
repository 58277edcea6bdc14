#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"

static bool reserve(struct buf *b, size_t more)
{
    if (b->failed || more > b->max - b->size) {
        b->failed = true;
        return false;
    }
    b->nomem = b->failed = !mem_grow(&b->data, &b->capacity, b->size + more + 1, 1);
    return !b->failed;
}

bool buf_add(struct buf *b, const void *data, size_t size)
{
    if (!reserve(b, size))
        return false;
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = '\0';
    return true;
}

bool buf_add_str(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

bool buf_add_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

/* Mostly there is room, and it is printed once. */
bool buf_printf(struct buf *b, const char *fmt, ...)
{
    size_t room = b->data ? b->capacity - b->size : 0;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(room ? b->data + b->size : NULL, room, fmt, ap);
    va_end(ap);
    if (n < 0 || !reserve(b, (size_t)n)) {
        if (room)
            b->data[b->size] = '\0';
        b->failed = true;
        return false;
    }
    if ((size_t)n >= room) {
        va_start(ap, fmt);
        vsnprintf(b->data + b->size, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    b->size += (size_t)n;
    return true;
}

void buf_consume(struct buf *b, size_t size)
{
    if (!b->data || !size)
        return;
    if (size > b->size)
        size = b->size;
    memmove(b->data, b->data + size, b->size - size + 1);
    b->size -= size;
}

void buf_clear(struct buf *b)
{
    b->size = 0;
    b->failed = b->nomem = false;
    if (b->data)
        b->data[0] = '\0';
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_steal(struct buf *b)
{
    char *s = b->data ? b->data : mem_strdup("");

    *b = BUF_INIT(b->max);
    return s;
}

void buf_deinit(struct buf *b)
{
    mem_free(b->data);
    *b = BUF_INIT(b->max);
}

void buf_deinit_secret(struct buf *b)
{
    mem_free_secret(b->data, b->capacity);
    *b = BUF_INIT(b->max);
}
