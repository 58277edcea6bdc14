#include "core/pack_private.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "lib/mem.h"

#define TEXT_BYTES_MAX   16384
#define FORM_BYTES_MAX   2048
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

/* Most are small. */
static void put_number(struct writer *w, size_t n)
{
    for (; n >= 128; n >>= 7)
        put_byte(w, 128 | (n & 127));
    put_byte(w, (unsigned)n);
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

/* 1 + its value; 0: it is none. */
static const unsigned char DIGIT[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16};

/* Lower-case hex digits, with a UUID's dashes or without. False: it is something else. */
static bool read_hex(const char *s, bool dashes, unsigned char *out, size_t n)
{
    for (size_t i = 0; i < n; i++, s += 2) {
        unsigned high;
        unsigned low;

        if (dashes && has_dash_before(i) && *s++ != '-')
            return false;
        high = DIGIT[(unsigned char)s[0]];
        low = high ? DIGIT[(unsigned char)s[1]] : 0;
        if (!low)
            return false;
        out[i] = (unsigned char)((high - 1) << 4 | (low - 1));
    }
    return *s == '\0';
}

struct packer {
    struct texts *texts;
    const struct pack_room *room;
    const char *name;
    size_t name_size;
    struct writer out;
    struct writer shape;
    struct writer form;
    const char *seen[SEEN_MAX];
    size_t n_seen;
    struct large_words large;
};

static bool put_same(struct packer *p, size_t place, const char *text)
{
    for (size_t i = 0; i < p->n_seen; i++) {
        if (strcmp(p->seen[i], text) != 0)
            continue;
        put_byte(&p->shape, (unsigned)place);
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
    bool may_be = p->name_size >= NAMED_FROM_BYTES && p->name_size <= size;
    const char *name = may_be ? strstr(text, p->name) : NULL;
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

    if ((size == 36 || size == 64) && put_same(p, place, text))
        return;
    put_byte(&p->shape, (unsigned)place);
    if (size > TEXT_BYTES_MAX) {
        p->out.full = true;
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
        put_number(&p->out, size);
        put(&p->out, text, size);
    }
}

/* So that there are not too many forms. */
static unsigned rounded(unsigned n)
{
    return n <= 1 ? n : (n + 1) & ~1u;
}

static bool put_as_before(struct packer *p, uint64_t word, unsigned gap_bits)
{
    const struct large_words *l = &p->large;
    size_t n = l->n < LARGE_MAX ? l->n : LARGE_MAX;

    for (size_t i = 0; i < n; i++) {
        if (l->word[i] != word)
            continue;
        put_byte(&p->form, gap_bits | WORD_AS_BEFORE);
        put_byte(&p->form, (unsigned)i);
        return true;
    }
    return false;
}

static void put_value(struct packer *p, uint64_t word, unsigned gap_bits)
{
    uint64_t more = word - last_large(&p->large);
    unsigned n = rounded(bytes_of(word));
    unsigned n_more;

    more = more >> 63 ? ~more << 1 | 1 : more << 1;
    n_more = rounded(bytes_of(more));
    if (n_more <= DIFFERENCE_MAX && n_more < n) {
        put_byte(&p->form, gap_bits | (WORD_DIFFERENCE + n_more));
        put_word(&p->out, more, n_more);
    } else {
        put_byte(&p->form, gap_bits | n);
        put_word(&p->out, word, n);
    }
}

/* Each byte of it is small, so there are few like it. */
static bool is_choice(uint64_t word)
{
    return !(word & UINT64_C(0xF0F0F0F0F0F0F0F0));
}

/* from: what they are a copy of: a word that points into that has no place in a packed one. */
static void put_words(struct packer *p, const uint64_t *words, const void *from, size_t n)
{
    unsigned gap = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned gap_bits = (gap < LONG_GAP ? gap : LONG_GAP) << 4;
        uint64_t word = words[i];

        if (!word && i + 4 <= n && !(words[i + 1] | words[i + 2] | words[i + 3])) {
            gap += 4; /* as most are */
            i += 3;
            continue;
        }
        if (!word) {
            gap++;
            continue;
        }
        if (word - (uintptr_t)from < n * sizeof(word))
            p->out.full = true;
        if (is_choice(word)) {
            put_byte(&p->form, gap_bits | WORD_HERE);
            put_byte(&p->form, bytes_of(word));
            put_word(&p->form, word, bytes_of(word));
        } else if (!(word >> 32) || !put_as_before(p, word, gap_bits)) {
            put_value(p, word, gap_bits);
        }
        if (gap >= LONG_GAP)
            put_byte(&p->form, gap);
        note_large(&p->large, word);
        gap = 0;
    }
}

/* What many sections have alike: by its number, or in full. */
static void put_shared(struct packer *p, struct writer *out, const struct writer *w,
                       const unsigned char *bytes)
{
    size_t size = (size_t)(w->at - bytes);
    uint16_t number = texts_add(p->texts, (const char *)bytes, size);

    out->full = out->full || w->full;
    put_number(out, number);
    if (number == TEXTS_NONE) {
        put_number(out, size);
        put(out, bytes, size);
    }
}

/* As it lay before, if it is the text that was opened; or, where another is the same by now, so. */
static bool put_again(struct packer *p, const struct text_as_packed *before, const char *text)
{
    bool is_hex;

    if (!before->entry)
        return false;
    is_hex = before->entry[1] == TEXT_UUID || before->entry[1] == TEXT_HASH;
    if (is_hex && put_same(p, before->entry[0], text))
        return true;
    put(&p->shape, before->entry, before->entry_size);
    put(&p->out, before->own, before->own_size);
    if (is_hex)
        note_seen(p, text);
    return true;
}

/* What is packed of a record, as a copy. */
struct section {
    void *record;        /* its texts are taken out of it */
    const void *from;    /* of which it is one */
    const size_t *texts; /* their places */
    size_t n_texts;
    size_t n_words;
    const void *before; /* as it was opened; NULL: nobody knows */
    const struct text_as_packed *texts_before;
};

static const char *text_at(const void *record, size_t place)
{
    const char *text;

    memcpy(&text, (const char *)record + place, sizeof(text));
    return text;
}

static void put_texts(struct packer *p, const struct section *s)
{
    for (size_t i = 0; i < s->n_texts; i++) {
        const char *text = text_at(s->record, s->texts[i]);

        if (!text)
            continue;
        memset((char *)s->record + s->texts[i], 0, sizeof(text));
        if (!s->before || text_at(s->before, s->texts[i]) != text ||
            !put_again(p, &s->texts_before[i], text))
            put_text(p, i, text);
    }
}

static void put_section(struct packer *p, const struct section *s)
{
    unsigned char shape[TEXTS_OF_ONE * 8];
    unsigned char form[FORM_BYTES_MAX];
    unsigned char own[TEXT_BYTES_MAX];
    struct writer out = p->out;

    p->shape = (struct writer){shape, shape + sizeof(shape), false};
    p->form = (struct writer){form, form + sizeof(form), false};
    p->out = (struct writer){own, own + sizeof(own), out.full};
    put_texts(p, s);
    put_words(p, s->record, s->from, s->n_words);
    put_shared(p, &out, &p->shape, shape);
    put_shared(p, &out, &p->form, form);
    put(&out, own, (size_t)(p->out.at - own));
    out.full = out.full || p->out.full;
    p->out = out;
}

static void put_database(struct packer *p, const struct database *d)
{
    union {
        struct database d;
        uint64_t words[sizeof(struct database) / sizeof(uint64_t)];
    } copy;
    struct section s = {.record = &copy,
                        .from = d,
                        .texts = DATABASE_TEXTS,
                        .n_texts = N_DATABASE_TEXTS,
                        .n_words = ARRAY_SIZE(copy.words)};

    pack_bare_database(d, &copy.d);
    if (p->room) {
        s.before = &p->room->before;
        s.texts_before = p->room->texts_before[0];
    }
    put_section(p, &s);
}

static void put_token(struct packer *p, const struct token *t, size_t at)
{
    union {
        struct token t;
        uint64_t words[sizeof(struct token) / sizeof(uint64_t)];
    } copy;
    struct section s = {.record = &copy,
                        .from = t,
                        .texts = TOKEN_TEXTS,
                        .n_texts = N_TOKEN_TEXTS,
                        .n_words = ARRAY_SIZE(copy.words)};

    pack_bare_token(t, &copy.t);
    if (p->room && at < PACK_ROOM_TOKENS && p->room->token_at[at] == t) {
        s.before = &p->room->tokens_before[at];
        s.texts_before = p->room->texts_before[1 + at];
    }
    if (t->cause && texts_add(p->texts, t->cause, strlen(t->cause)) == TEXTS_NONE)
        p->out.full = true; /* it has to live on somewhere */
    put_section(p, &s);
}

static bool is_unseen(const struct database *d)
{
    static const struct live NOTHING;

    return memcmp(&d->live, &NOTHING, sizeof(NOTHING)) == 0;
}

static bool has_step(const struct database *d)
{
    bool has = d->r.step != 0;

    for (size_t i = 0; i < d->n_tokens; i++)
        has = has || d->tokens[i]->r.step;
    return has;
}

unsigned pack_flags(const struct database *d)
{
    return (d->live.present ? PACKED_PRESENT : 0u) | (d->live.listed ? PACKED_LISTED : 0u) |
           (d->live.archived ? PACKED_ARCHIVED : 0u) |
           (d->has_own && strcmp(d->own.state, "owned") == 0 ? PACKED_OWNED : 0u) |
           (d->r.phase != PHASE_NONE ? PACKED_NAMED : 0u) | (d->n_tokens ? PACKED_TOKENS : 0u) |
           (want_expires(d->want) || d->own.is_branch ? PACKED_ENDS : 0u) |
           (d->live.config_read ? PACKED_CONFIG_READ : 0u) | (d->has_own ? PACKED_KEPT : 0u) |
           (is_unseen(d) ? PACKED_UNSEEN : 0u) | (has_step(d) ? PACKED_STEP : 0u);
}

struct packed *pack_make(struct texts *t, struct pack_store *store, const struct database *d,
                         const struct pack_room *room, bool wakes)
{
    unsigned char bytes[PACKED_SIZE_MAX];
    struct packer p = {.texts = t,
                       .room = room && room->all_lent ? room : NULL,
                       .name = d->r.name,
                       .name_size = strlen(d->r.name),
                       .out = {bytes, bytes + sizeof(bytes), false}};
    struct packed *made;
    size_t size;

    assert(!d->r.pause && !d->placed && !d->r.queued && !d->r.busy);
    if (d->n_tokens > UINT16_MAX)
        return NULL;
    put(&p.out, p.name, p.name_size + 1);
    put_number(&p.out, d->n_tokens);
    put_database(&p, d);
    for (size_t i = 0; i < d->n_tokens; i++)
        put_token(&p, d->tokens[i], i);
    size = (size_t)(p.out.at - bytes);
    if (p.out.full || t->failed)
        return NULL;
    made = pack_store_take(store, size, wakes);
    t->failed = !made;
    if (made)
        memcpy(made->bytes, bytes, size);
    return made;
}
