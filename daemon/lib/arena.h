/* arena: strings that live and die together, each kept once where that is asked for. */
#ifndef TENANTD_LIB_ARENA_H
#define TENANTD_LIB_ARENA_H

#include <stddef.h>

#include "lib/base.h"

struct arena_block;
struct arena {
    struct arena_block *blocks;
    const char **slots; /* open addressing over the interned strings */
    size_t n_slots;     /* a power of two, or 0 */
    size_t n_interned;
    size_t bytes; /* allocated, in all */
};
#define ARENA_INIT ((struct arena){0})

/* Zeroed memory, aligned for any type, borrowed until arena_deinit. NULL: no memory. */
void *arena_alloc(struct arena *a, size_t size) MUST_CHECK;
/* A copy of s[0..n). */
const char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_CHECK;
const char *arena_strdup(struct arena *a, const char *s) MUST_CHECK;
/* The one copy of a string: equal strings of one arena are equal pointers. */
const char *arena_intern(struct arena *a, const char *s, size_t n) MUST_CHECK;
/* What `from` holds lives with `to` from now on; `from` is empty, and no string of it is interned.
 */
void arena_adopt(struct arena *to, struct arena *from);
void arena_deinit(struct arena *a);

#endif
