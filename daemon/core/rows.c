#include "core/rows.h"

#include <stdalign.h>
#include <string.h>

#include "lib/mem.h"

#define BLOCK_BYTES ((size_t)64 * 1024)

struct rows_block {
    struct rows_block *next;
    size_t used;
    size_t size;
    alignas(8) char bytes[];
};

/* Of a hostname, what stands behind the name is shared, for it is that of many. */
struct row {
    const char *group;         /* shared; NULL: not said */
    const char *hostname_tail; /* shared; NULL: the hostname is among the texts, or not said */
    uint32_t size;             /* with the texts, up to the next row */
    bool has_hostname;
    bool has_parent;
    int8_t block_reads;
    int8_t block_writes;
    int8_t delete_protection;
    int8_t archived;
    char texts[]; /* name, id, and if they are there hostname and parent */
};

static struct row *row_at(const struct rows_block *b, size_t offset)
{
    return (struct row *)(uintptr_t)(b->bytes + offset);
}

static size_t text_size(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static char *put_text(char *to, const char *s)
{
    size_t size = text_size(s);

    if (size)
        memcpy(to, s, size);
    return to + size;
}

static struct row *append(struct rows *r, size_t size)
{
    struct rows_block *b = r->last;
    struct row *row;

    size = (size + 7) & ~(size_t)7;
    if (!b || size > b->size - b->used) {
        size_t want = size > BLOCK_BYTES ? size : BLOCK_BYTES;

        b = mem_realloc(NULL, sizeof(*b) + want); /* to zero it would touch all of it */
        if (!b)
            return NULL;
        b->next = NULL;
        b->used = 0;
        b->size = want;
        if (r->last)
            r->last->next = b;
        else
            r->first = r->at.block = b;
        r->last = b;
    }
    row = row_at(b, b->used);
    b->used += size;
    row->size = (uint32_t)size;
    return row;
}

/* What stands behind the name in the hostname, kept once; NULL: it is no beginning of it. */
static bool share_hostname(struct rows *r, const struct live_db *from, const char **out)
{
    size_t n = strlen(from->name);

    *out = NULL;
    if (!from->hostname || strncmp(from->hostname, from->name, n) != 0 ||
        strlen(from->hostname) >= sizeof(r->hostname))
        return true;
    *out = arena_intern(&r->shared, from->hostname + n, strlen(from->hostname + n));
    return *out != NULL;
}

bool rows_add(struct rows *r, const struct live_db *from)
{
    const char *tail;
    const char *group = NULL;
    const char *hostname;
    struct row *row;
    char *to;

    if (from->group && !(group = arena_intern(&r->shared, from->group, strlen(from->group))))
        return false;
    if (!share_hostname(r, from, &tail))
        return false;
    hostname = tail ? NULL : from->hostname;
    row = append(r, offsetof(struct row, texts) + text_size(from->name) + text_size(from->id) +
                        text_size(hostname) + text_size(from->parent_id));
    if (!row)
        return false;
    row->group = group;
    row->hostname_tail = tail;
    row->has_hostname = hostname != NULL;
    row->has_parent = from->parent_id != NULL;
    row->block_reads = from->block_reads;
    row->block_writes = from->block_writes;
    row->delete_protection = from->delete_protection;
    row->archived = from->archived;
    to = put_text(put_text(row->texts, from->name), from->id);
    put_text(put_text(to, hostname), from->parent_id);
    r->n++;
    return true;
}

/* The row at a place, which moves on to the next. NULL: there is none. */
static const struct row *go_on(struct rows_at *at)
{
    const struct row *row;

    if (at->block && at->offset == at->block->used) {
        at->block = at->block->next;
        at->offset = 0;
    }
    if (!at->block)
        return NULL;
    row = row_at(at->block, at->offset);
    at->offset += row->size;
    return row;
}

size_t rows_names(const struct rows *r, const char **out, size_t most)
{
    struct rows_at at = r->at;
    const struct row *row;
    size_t n = 0;

    while (n < most && (row = go_on(&at)))
        out[n++] = row->texts;
    return n;
}

static const char *tail_behind(struct rows *r, const char *name, const char *tail)
{
    size_t n = strlen(name);

    memcpy(r->hostname, name, n);
    memcpy(r->hostname + n, tail, strlen(tail) + 1);
    return r->hostname;
}

bool rows_take(struct rows *r, struct live_db *out)
{
    const struct row *row = go_on(&r->at);
    const char *text;

    while (r->first != r->at.block) {
        struct rows_block *done = r->first;

        r->first = done->next;
        mem_free(done);
    }
    if (!r->first)
        r->last = NULL;
    if (!row)
        return false;
    r->n--;
    text = row->texts;
    *out = (struct live_db){.name = text,
                            .group = row->group,
                            .block_reads = row->block_reads,
                            .block_writes = row->block_writes,
                            .delete_protection = row->delete_protection,
                            .archived = row->archived};
    out->id = text += strlen(text) + 1;
    text += strlen(text) + 1;
    if (row->hostname_tail)
        out->hostname = tail_behind(r, out->name, row->hostname_tail);
    else if (row->has_hostname)
        text = (out->hostname = text) + strlen(text) + 1;
    out->parent_id = row->has_parent ? text : NULL;
    return true;
}

void rows_deinit(struct rows *r)
{
    while (r->first) {
        struct rows_block *done = r->first;

        r->first = done->next;
        mem_free(done);
    }
    arena_deinit(&r->shared);
    r->last = NULL;
    r->at = (struct rows_at){0};
    r->n = 0;
}
