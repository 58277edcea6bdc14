#include "lib/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#define PAGE_MASK ((uintptr_t)65535) /* of the largest that systems have */

static bool (*fault)(void);
static atomic_size_t live;

static bool allowed(void)
{
    return !fault || !fault();
}

static void count(size_t more)
{
    atomic_fetch_add_explicit(&live, more, memory_order_relaxed);
}

void *mem_alloc(size_t size)
{
    void *p = allowed() ? calloc(1, size ? size : 1) : NULL;

    if (p)
        count(1);
    return p;
}

/* Not zeroed: all of it is written at once. */
static char *take(size_t size)
{
    char *p = allowed() ? malloc(size) : NULL;

    if (p)
        count(1);
    return p;
}

void *mem_realloc(void *p, size_t size)
{
    void *q = allowed() ? realloc(p, size ? size : 1) : NULL;

    if (q && !p)
        count(1);
    return q;
}

char *mem_strdup(const char *s)
{
    return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
    char *p = take(n + 1);

    if (p) {
        memcpy(p, s, n);
        p[n] = '\0';
    }
    return p;
}

char *mem_join(const char *a, const char *b, const char *c)
{
    char *p = take(strlen(a) + strlen(b) + strlen(c) + 1);

    if (p)
        stpcpy(stpcpy(stpcpy(p, a), b), c);
    return p;
}

char *mem_printf(const char *fmt, ...)
{
    char shorter[256]; /* as most are, and then it is printed once */
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(shorter, sizeof(shorter), fmt, ap);
    va_end(ap);
    p = n < 0 ? NULL : take((size_t)n + 1);
    if (p && (size_t)n < sizeof(shorter)) {
        memcpy(p, shorter, (size_t)n + 1);
    } else if (p) {
        va_start(ap, fmt);
        vsnprintf(p, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return p;
}

void mem_free(void *p)
{
    if (!p || mem_is_lent(p))
        return;
    count((size_t)-1);
    free(p);
}

void mem_free_string(char **p)
{
    mem_free(*p);
    *p = NULL;
}

void mem_free_secret(void *p, size_t size)
{
    if (p)
        explicit_bzero(p, size);
    mem_free(p);
}

static char lent[MEM_LENT_BYTES];
static bool is_lent;

char *mem_lend(void)
{
    if (is_lent)
        return NULL;
    is_lent = true;
    return lent;
}

void mem_lent_end(void)
{
    is_lent = false;
    mem_void(lent, sizeof(lent), false);
}

void mem_void(void *p, size_t size, bool is_void)
{
#ifdef __SANITIZE_ADDRESS__
    if (is_void)
        ASAN_POISON_MEMORY_REGION(p, size);
    else
        ASAN_UNPOISON_MEMORY_REGION(p, size);
#else
    (void)p;
    (void)size;
    (void)is_void;
#endif
}

void mem_forget(void *p, size_t from, size_t to)
{
    uintptr_t first = ((uintptr_t)p + from + PAGE_MASK) & ~PAGE_MASK;
    uintptr_t end = ((uintptr_t)p + to) & ~PAGE_MASK;

    if (first < end)
        madvise((char *)p + (first - (uintptr_t)p), end - first, MADV_DONTNEED);
}

bool mem_is_lent(const void *p)
{
    return (uintptr_t)p - (uintptr_t)lent < sizeof(lent);
}

bool mem_grow(void *items, size_t *capacity, size_t need, size_t size)
{
    size_t want = *capacity ? *capacity : 8;
    void *p;

    if (need <= *capacity)
        return true;
    while (want < need) {
        if (want > SIZE_MAX / 2)
            return false;
        want *= 2;
    }
    if (want > SIZE_MAX / size)
        return false;
    memcpy(&p, items, sizeof(p));
    p = mem_realloc(p, want * size);
    if (!p)
        return false;
    memcpy(items, &p, sizeof(p));
    *capacity = want;
    return true;
}

#define PIECE_BYTES (64 * 1024)       /* what is larger is the system's again once it is freed */
#define SPARE_BYTES (4 * 1024 * 1024) /* free, and worth giving back */

void mem_begin(void)
{
    mallopt(M_ARENA_MAX, 1); /* what one thread has freed the others use */
    mallopt(M_MMAP_THRESHOLD, PIECE_BYTES);
    mallopt(M_TRIM_THRESHOLD, PIECE_BYTES);
}

void mem_give_back(void)
{
    if (mallinfo2().fordblks > SPARE_BYTES)
        malloc_trim(0);
}

void mem_set_fault(bool (*should_fail)(void))
{
    fault = should_fail;
}

size_t mem_live_blocks(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}
