#include "core/pack_private.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "lib/mem.h"

#define PACKED_BYTES_MAX 65536
#define TEXT_BYTES_MAX   16384
#define NAMED_FROM_BYTES 3 /* a shorter name stands in other texts by chance */

/* --- writing --- */

struct writer {
    unsigned char *at;
    unsigned char *end;
    bool full;
};

static void put(struct writer *w, const void *bytes, size_t size)
{
    if (size > (size_t)(w->end - w->at)) {
        w->full = true;
        return;
    }
    memcpy(w->at, bytes, size);
    w->at += size;
}

static void put_byte(struct writer *w, unsigned byte)
{
    if (w->at == w->end)
        w->full = true;
    else
        *w->at++ = (unsigned char)byte;
}

static void put_number(struct writer *w, uint16_t n)
{
    put_byte(w, n & 0xff);
    put_byte(w, n >> 8);
}

/* The lowest n bytes of a word. */
static void put_word(struct writer *w, uint64_t word, unsigned n)
{
    word = htole64(word);
    if (w->end - w->at >= 8) {
        memcpy(w->at, &word, 8); /* what is over is written over */
        w->at += n;
    } else {
        put(w, &word, n);
    }
}

static unsigned bytes_of(uint64_t word)
{
    return word ? (71 - (unsigned)__builtin_clzll(word)) / 8 : 0;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lower-case hex digits, with a UUID's dashes or without. False: it is something else. */
static bool read_hex(const char *s, bool dashes, unsigned char *out, size_t n)
{
    size_t nibbles = 0;

    memset(out, 0, n);
    for (size_t i = 0; s[i]; i++) {
        int value = digit(s[i]);

        if (dashes && is_dash(i)) {
            if (s[i] != '-')
                return false;
            continue;
        }
        if (value < 0 || nibbles == 2 * n)
            return false;
        out[nibbles / 2] = (unsigned char)(out[nibbles / 2] << 4 | value);
        nibbles++;
    }
    return nibbles == 2 * n;
}

struct packer {
    struct texts *texts;
    const char *name;
    size_t name_size;
    struct writer out;
    struct writer shape;
    const char *seen[SEEN_MAX];
    size_t n_seen;
};

static bool put_same(struct packer *p, const char *text)
{
    for (size_t i = 0; i < p->n_seen; i++) {
        if (strcmp(p->seen[i], text) != 0)
            continue;
        put_byte(&p->shape, TEXT_SAME);
        put_byte(&p->shape, (unsigned)i);
        return true;
    }
    return false;
}

static void note_seen(struct packer *p, const char *text)
{
    if (p->n_seen < SEEN_MAX)
        p->seen[p->n_seen++] = text;
}

static bool put_around(struct packer *p, const char *text, size_t size)
{
    const char *name = p->name_size >= NAMED_FROM_BYTES ? strstr(text, p->name) : NULL;
    uint16_t before;
    uint16_t behind;

    if (!name)
        return false;
    before = texts_add(p->texts, text, (size_t)(name - text));
    name += p->name_size;
    behind = texts_add(p->texts, name, size - (size_t)(name - text));
    if (before == TEXTS_NONE || behind == TEXTS_NONE)
        return false;
    put_byte(&p->shape, TEXT_AROUND);
    put_number(&p->shape, before);
    put_number(&p->shape, behind);
    return true;
}

static void put_text(struct packer *p, size_t place, const char *text)
{
    size_t size = strlen(text);
    unsigned char hex[HASH_BYTES];
    uint16_t number;

    put_byte(&p->shape, (unsigned)place);
    if (size > TEXT_BYTES_MAX) {
        p->out.full = true;
    } else if ((size == 36 || size == 64) && put_same(p, text)) {
        return;
    } else if (size == 36 && read_hex(text, true, hex, UUID_BYTES)) {
        note_seen(p, text);
        put_byte(&p->shape, TEXT_UUID);
        put(&p->out, hex, UUID_BYTES);
    } else if (size == 64 && read_hex(text, false, hex, HASH_BYTES)) {
        note_seen(p, text);
        put_byte(&p->shape, TEXT_HASH);
        put(&p->out, hex, HASH_BYTES);
    } else if (put_around(p, text, size)) {
        return;
    } else if ((number = texts_add(p->texts, text, size)) != TEXTS_NONE) {
        put_byte(&p->shape, TEXT_SHARED);
        put_number(&p->shape, number);
    } else {
        put_byte(&p->shape, TEXT_PLAIN);
        put_number(&p->out, (uint16_t)size);
        put(&p->out, text, size);
    }
}

/* from: what `record` is a copy of: a word that points into that has no place in a packed one. */
static void put_words(struct writer *w, const void *record, const void *from, size_t size)
{
    uint64_t last = 0;
    unsigned gap = 0;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word;
        uint64_t more;
        unsigned n_more;
        unsigned n;
        bool is_near;

        memcpy(&word, (const char *)record + i, 8);
        if (!word) {
            gap++;
            continue;
        }
        if (word - (uintptr_t)from < size)
            w->full = true;
        n = bytes_of(word);
        more = word - last;
        more = more >> 63 ? ~more << 1 | 1 : more << 1;
        n_more = bytes_of(more);
        is_near = n_more <= DIFFERENCE_MAX && n_more < n;
        put_byte(w,
                 (gap < LONG_GAP ? gap : LONG_GAP) << 4 | (is_near ? WORD_DIFFERENCE + n_more : n));
        if (gap >= LONG_GAP)
            put_byte(w, gap);
        if (is_near)
            put_word(w, more, n_more);
        else
            put_word(w, word, n);
        if (n > 4)
            last = word;
        gap = 0;
    }
    put_byte(w, 0);
}

static void put_section(struct packer *p, const char *const *texts, size_t n, const void *words,
                        const void *from, size_t size)
{
    unsigned char shape[TEXTS_OF_ONE * 6];
    unsigned char own[TEXT_BYTES_MAX];
    struct writer out = p->out;
    size_t shape_size;
    uint16_t number;

    p->shape = (struct writer){shape, shape + sizeof(shape), false};
    p->out = (struct writer){own, own + sizeof(own), out.full};
    for (size_t i = 0; i < n; i++)
        if (texts[i])
            put_text(p, i, texts[i]);
    out.full = p->out.full || p->shape.full;
    shape_size = (size_t)(p->shape.at - shape);
    number = texts_add(p->texts, (const char *)shape, shape_size);
    put_number(&out, number);
    if (number == TEXTS_NONE) {
        put_number(&out, (uint16_t)shape_size);
        put(&out, shape, shape_size);
    }
    put(&out, own, (size_t)(p->out.at - own));
    p->out = out;
    put_words(&p->out, words, from, size);
}

/* Take the texts out of a copy of a record. */
static void take_texts(void *copy, const size_t *places, size_t n, const char **out)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(&out[i], (char *)copy + places[i], sizeof(out[i]));
        memset((char *)copy + places[i], 0, sizeof(out[i]));
    }
}

static void put_database(struct packer *p, const struct database *d)
{
    const char *texts[N_DATABASE_TEXTS];
    struct database copy;

    pack_bare_database(d, &copy);
    take_texts(&copy, DATABASE_TEXTS, N_DATABASE_TEXTS, texts);
    put_section(p, texts, N_DATABASE_TEXTS, &copy, d, sizeof(copy));
}

static void put_token(struct packer *p, const struct token *t)
{
    const char *texts[N_TOKEN_TEXTS];
    struct token copy;

    pack_bare_token(t, &copy);
    take_texts(&copy, TOKEN_TEXTS, N_TOKEN_TEXTS, texts);
    texts[0] = t->short_name;
    if (t->cause && texts_add(p->texts, t->cause, strlen(t->cause)) == TEXTS_NONE)
        p->out.full = true; /* it has to live on somewhere */
    put_section(p, texts, N_TOKEN_TEXTS, &copy, t, sizeof(copy));
}

unsigned pack_flags(const struct database *d)
{
    const struct db_want *w = d->want;
    bool expires = w && (w->expires_at_ms || w->expires_after_ms);

    return (d->live.present ? PACKED_PRESENT : 0u) | (d->live.listed ? PACKED_LISTED : 0u) |
           (d->live.archived ? PACKED_ARCHIVED : 0u) |
           (d->has_own && strcmp(d->own.state, "owned") == 0 ? PACKED_OWNED : 0u) |
           (d->r.phase != PHASE_NONE ? PACKED_NAMED : 0u) | (d->n_tokens ? PACKED_TOKENS : 0u) |
           (expires || d->own.is_branch ? PACKED_ENDS : 0u) |
           (d->live.config_read ? PACKED_CONFIG_READ : 0u) | (d->has_own ? PACKED_KEPT : 0u);
}

struct packed *pack_make(struct texts *t, const struct database *d)
{
    unsigned char bytes[PACKED_BYTES_MAX];
    struct packer p = {.texts = t,
                       .name = d->r.name,
                       .name_size = strlen(d->r.name),
                       .out = {bytes, bytes + sizeof(bytes), false}};
    struct packed *made;
    size_t size;

    assert(!d->r.pause && !d->placed && !d->r.queued && !d->r.busy);
    if (d->n_tokens > UINT16_MAX)
        return NULL;
    put(&p.out, p.name, p.name_size + 1);
    put_number(&p.out, (uint16_t)d->n_tokens);
    put_database(&p, d);
    for (size_t i = 0; i < d->n_tokens; i++)
        put_token(&p, d->tokens[i]);
    size = (size_t)(p.out.at - bytes);
    if (p.out.full || t->failed)
        return NULL;
    made = mem_alloc(sizeof(*made) + size);
    t->failed = !made;
    if (!made)
        return NULL;
    made->size = (uint32_t)size;
    memcpy(made->bytes, bytes, size);
    return made;
}
