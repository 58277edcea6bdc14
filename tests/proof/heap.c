/* heap: malloc for the proof, which allocates and frees small blocks more than it does anything
 * else: one thread, free blocks by size, nothing given back. Sanitizers and valgrind bring their
 * own, and then this is not linked; what is freed twice or used when freed they find.
 * In:    malloc's calls, also of the libraries. Out: memory. Never: threads. */
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STEP        16u   /* sizes of small blocks differ by so much */
#define SMALL_BYTES 2048u /* larger ones come in powers of two */
#define N_SMALL     (SMALL_BYTES / STEP + 1)
#define N_LARGE     48u
#define CHUNK_BYTES (UINT64_C(4) << 20)

/* Before each block. */
union head {
    struct {
        size_t size; /* of what follows */
        size_t class;
    } of;
    _Alignas(max_align_t) char align[16];
};
struct spare {
    struct spare *next;
};

static struct spare *spares[N_SMALL + N_LARGE];
static char *at;
static char *end;

static size_t class_of(size_t size, size_t *rounded)
{
    unsigned bits;

    if (size <= SMALL_BYTES) {
        size_t n = (size + STEP - 1) / STEP;

        n += !n;
        *rounded = n * STEP;
        return n;
    }
    bits = 64 - (unsigned)__builtin_clzl(size - 1);
    *rounded = (size_t)1 << bits;
    return N_SMALL + bits - 1;
}

/* Of fresh memory, all zero. */
static void *carve(size_t size)
{
    char *p;

    if ((size_t)(end - at) < size) {
        size_t chunk = size > CHUNK_BYTES ? size : CHUNK_BYTES;

        p = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return NULL;
        at = p;
        end = p + chunk;
    }
    p = at;
    at += size;
    return p;
}

static void *take(size_t size, int zeroed)
{
    size_t rounded;
    size_t class;
    union head *h;

    if (size > PTRDIFF_MAX / 4) {
        errno = ENOMEM;
        return NULL;
    }
    class = class_of(size, &rounded);
    if (spares[class]) {
        struct spare *s = spares[class];

        spares[class] = s->next;
        return zeroed ? memset(s, 0, size) : s;
    }
    h = carve(sizeof(*h) + rounded);
    if (!h) {
        errno = ENOMEM;
        return NULL;
    }
    h->of.size = rounded;
    h->of.class = class;
    return h + 1;
}

void *malloc(size_t size)
{
    return take(size, 0);
}

void *calloc(size_t n, size_t size)
{
    size_t all;

    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return take(all, 1);
}

void free(void *p)
{
    struct spare *s = p;
    size_t class;

    if (!p)
        return;
    class = ((union head *)p - 1)->of.class;
    s->next = spares[class];
    spares[class] = s;
}

void *realloc(void *p, size_t size)
{
    size_t had = p ? malloc_usable_size(p) : 0;
    void *q;

    if (p && size && size <= had)
        return p;
    q = take(size, 0);
    if (q && p) {
        memcpy(q, p, had < size ? had : size);
        free(p);
    }
    return q;
}

size_t malloc_usable_size(void *p)
{
    return p ? ((union head *)p - 1)->of.size : 0;
}

/* Nobody here asks for more than malloc's own alignment. */
void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment > sizeof(union head))
        abort();
    return take(size, 0);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = aligned_alloc(alignment, size);
    return *out ? 0 : ENOMEM;
}
