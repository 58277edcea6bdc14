#include "core/pack_store.h"

#include <assert.h>
#include <string.h>

#include "lib/mem.h"

#define PAGE_BYTES  (17 * 4096 - 16) /* whole pages of the system's, with what malloc needs */
#define PAGES_MAX   UINT16_MAX
#define PAGE_FREED  UINT16_MAX /* of a piece: it is a hole */
#define HOLES_FREE  4096       /* in all, that are nobody's trouble */
#define PIECE_BYTES 4          /* multiples of this */

struct pack_page {
    uint32_t used;
    uint32_t live;
    char bytes[];
};
#define PAGE_ROOM (PAGE_BYTES - sizeof(struct pack_page))

static size_t whole_size(size_t size, bool wakes)
{
    size_t all = sizeof(struct packed) + size + (wakes ? sizeof(int64_t) : 0);

    return (all + PIECE_BYTES - 1) / PIECE_BYTES * PIECE_BYTES;
}

static size_t size_of(const struct packed *p)
{
    return whole_size(p->size, p->wakes);
}

/* --- pages --- */

static bool add_page(struct pack_store *s)
{
    size_t at = 0;

    while (at < s->n_pages && s->pages[at])
        at++;
    if (at == PAGES_MAX || !mem_grow(&s->pages, &s->capacity, at + 1, sizeof(*s->pages)))
        return false;
    s->pages[at] = mem_realloc(NULL, PAGE_BYTES); /* to zero it would touch all of it */
    if (at == s->n_pages)
        s->n_pages++;
    if (!s->pages[at])
        return false;
    s->pages[at]->used = s->pages[at]->live = 0;
    s->filling = at + 1;
    return true;
}

static void empty_page(struct pack_store *s, size_t at)
{
    struct pack_page *page = s->pages[at];

    s->used -= page->used;
    page->used = page->live = 0;
    mem_void(page, PAGE_BYTES, false);
}

static void drop_page(struct pack_store *s, size_t at)
{
    empty_page(s, at);
    if (s->filling == at + 1)
        s->filling = 0;
    mem_free(s->pages[at]);
    s->pages[at] = NULL;
    while (s->n_pages && !s->pages[s->n_pages - 1])
        s->n_pages--;
}

/* --- pieces --- */

struct packed *pack_store_take(struct pack_store *s, size_t size, bool wakes)
{
    size_t need = whole_size(size, wakes);
    struct pack_page *page = s->filling ? s->pages[s->filling - 1] : NULL;
    struct packed *p;

    assert(size <= PACKED_SIZE_MAX);
    if ((!page || need > PAGE_ROOM - page->used) && !add_page(s))
        return NULL;
    page = s->pages[s->filling - 1];
    p = (struct packed *)(void *)(page->bytes + page->used);
    page->used += (uint32_t)need;
    page->live += (uint32_t)need;
    s->used += need;
    s->live += need;
    *p = (struct packed){
        .size = size & PACKED_SIZE_MAX, .wakes = wakes, .page = (s->filling - 1) & UINT16_MAX};
    return p;
}

void pack_store_free(struct pack_store *s, struct packed *p)
{
    struct pack_page *page;
    size_t size;
    size_t at;

    if (!p)
        return;
    at = p->page;
    page = s->pages[at];
    size = size_of(p);
    assert(p->page != PAGE_FREED && page->live >= size);
    p->page = PAGE_FREED;
    page->live -= (uint32_t)size;
    s->live -= size;
    mem_void(p->bytes, size - sizeof(*p), true);
    if (!page->live && s->filling == at + 1)
        empty_page(s, at); /* and filled anew */
    else if (!page->live)
        drop_page(s, at);
}

bool pack_store_loosest(struct pack_store *s, size_t *page)
{
    size_t most = 0;

    if (s->used - s->live <= s->live / 4 + HOLES_FREE)
        return false;
    for (size_t i = 0; i < s->n_pages; i++) {
        size_t holes = s->pages[i] ? s->pages[i]->used - s->pages[i]->live : 0;

        if (holes > most) {
            most = holes;
            *page = i;
        }
    }
    if (s->filling == *page + 1)
        s->filling = 0; /* what is taken out of it goes elsewhere */
    return true;
}

struct packed *pack_store_next(const struct pack_store *s, size_t page, const struct packed *after)
{
    struct pack_page *in = s->pages[page];
    size_t at = after ? (size_t)((const char *)after - in->bytes) + size_of(after) : 0;

    while (at < in->used) {
        struct packed *p = (struct packed *)(void *)(in->bytes + at);

        if (p->page != PAGE_FREED)
            return p;
        at += size_of(p);
    }
    return NULL;
}

void pack_store_deinit(struct pack_store *s)
{
    for (size_t i = s->n_pages; i > 0; i--)
        if (s->pages[i - 1])
            drop_page(s, i - 1);
    mem_free((void *)s->pages);
    *s = (struct pack_store){0};
}

/* --- when it is due --- */

int64_t packed_wake(const struct packed *p)
{
    int64_t ms;

    if (!p->wakes)
        return INT64_MAX;
    memcpy(&ms, p->bytes + p->size, sizeof(ms));
    return ms;
}

void packed_set_wake(struct packed *p, int64_t ms)
{
    assert(p->wakes || ms == INT64_MAX);
    if (p->wakes)
        memcpy(p->bytes + p->size, &ms, sizeof(ms));
}
