/* texts: texts that many records share, each kept once and known by a number.
 * In:    bytes.
 * Out:   a number, and the bytes of a number for as long as the table lives.
 * Never: forgets one, so there is a ceiling: what comes when it is full is the caller's to keep. */
#ifndef TENANTD_CORE_TEXTS_H
#define TENANTD_CORE_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"

#define TEXTS_MAX       65535 /* and TEXTS_NONE is not among their numbers */
#define TEXTS_BYTES_MAX 255   /* of one */
#define TEXTS_NONE      UINT16_MAX

struct texts_item {
    const char *bytes; /* a NUL stands behind them */
    uint32_t hash;
    uint32_t size;
};

struct texts {
    struct arena arena;
    struct texts_item *items;
    size_t n;
    size_t capacity;
    uint16_t *slots; /* number + 1; 0: free */
    size_t n_slots;  /* a power of two, or 0 */
    bool failed;     /* memory was not to be had for one */
};

/* Its number; TEXTS_NONE: too long, the table is full, or no memory. */
uint16_t texts_add(struct texts *t, const char *bytes, size_t size);
/* The kept text with its NUL; NULL: there is none such. */
const char *texts_find(const struct texts *t, const char *bytes, size_t size);
const struct texts_item *texts_get(const struct texts *t, uint16_t number);
void texts_deinit(struct texts *t);

#endif
