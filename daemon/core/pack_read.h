/* pack_read: what is packed, text by text: what opening a record and looking at one share. Nobody
 * else includes it. */
#ifndef TENANTD_CORE_PACK_READ_H
#define TENANTD_CORE_PACK_READ_H

#include "core/pack_private.h"

struct reader {
    const struct texts *texts;
    struct pack_room *room; /* NULL: all gets memory of its own */
    const char *name;
    const unsigned char *at;
    const unsigned char *shape;
    const unsigned char *shape_end;
    const unsigned char *form;
    const unsigned char *form_end;
    struct large_words large;
    const unsigned char *seen[SEEN_MAX]; /* the bytes of those that may be said to be the same */
    bool seen_is_uuid[SEEN_MAX];
    size_t n_seen;
};

static inline unsigned get_byte(const unsigned char **at)
{
    return *(*at)++;
}

static inline size_t get_number(const unsigned char **at)
{
    unsigned byte = get_byte(at);
    size_t n = byte & 127;

    for (unsigned shift = 7; byte & 128; shift += 7) {
        byte = get_byte(at);
        n |= (size_t)(byte & 127) << shift;
    }
    return n;
}

static inline uint64_t get_word(const unsigned char **at, unsigned n)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < n; i++)
        word |= (uint64_t)get_byte(at) << (8 * i);
    return word;
}

/* A text in up to three pieces. */
struct pieces {
    char hex[2 * HASH_BYTES + 1];
    const char *bytes[3];
    size_t size[3];
};

void reader_begin(struct reader *r, const struct texts *t, const struct packed *p,
                  struct pack_room *room);
/* The next one: its texts, and where they and its words lie. */
void reader_section(struct reader *r);
/* The next text of the section: its place. False: that was the last. */
bool reader_text(struct reader *r, size_t *place, struct pieces *out);
/* to: holds all of it and a NUL. */
const char *pieces_write(const struct pieces *p, char *to);
size_t pieces_size(const struct pieces *p);

#endif
