/* pack_read: what pack.c has written, text by text. */
#include "core/pack_read.h"

#include <string.h>

void reader_begin(struct reader *r, const struct texts *t, const struct packed *p,
                  struct pack_room *room)
{
    r->texts = t;
    r->room = room;
    r->name = p->bytes;
    r->large.n = r->n_seen = 0; /* nothing is remembered; the rest is each section's */
    r->at = (const unsigned char *)p->bytes + strlen(p->bytes) + 1;
}

/* As put_shared wrote it. */
static void get_shared(struct reader *r, const unsigned char **begin, const unsigned char **end)
{
    size_t number = get_number(&r->at);

    if (number == TEXTS_NONE) {
        size_t size = get_number(&r->at);

        *begin = r->at;
        *end = r->at += size;
    } else {
        const struct texts_item *item = texts_get(r->texts, (uint16_t)number);

        *begin = (const unsigned char *)item->bytes;
        *end = *begin + item->size;
    }
}

void reader_section(struct reader *r)
{
    get_shared(r, &r->shape, &r->shape_end);
    get_shared(r, &r->form, &r->form_end);
}

/* Of each byte its two digits. */
#define AFTER(h)                                                                                   \
    h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"
static const char DIGITS[] =
    AFTER("0") AFTER("1") AFTER("2") AFTER("3") AFTER("4") AFTER("5") AFTER("6") AFTER("7")
        AFTER("8") AFTER("9") AFTER("a") AFTER("b") AFTER("c") AFTER("d") AFTER("e") AFTER("f");

static void write_hex(char *to, const unsigned char *bytes, size_t n, bool dashes)
{
    for (size_t i = 0; i < n; i++) {
        if (dashes && has_dash_before(i))
            *to++ = '-';
        memcpy(to, DIGITS + (size_t)2 * bytes[i], 2);
        to += 2;
    }
    *to = '\0';
}

static void piece(struct pieces *p, size_t i, const char *bytes, size_t size)
{
    p->bytes[i] = bytes;
    p->size[i] = size;
}

static void piece_of_table(const struct reader *r, struct pieces *p, size_t i, size_t number)
{
    const struct texts_item *item = texts_get(r->texts, (uint16_t)number);

    piece(p, i, item->bytes, item->size);
}

static void piece_of_hex(struct pieces *p, const unsigned char *bytes, bool is_uuid)
{
    write_hex(p->hex, bytes, is_uuid ? UUID_BYTES : HASH_BYTES, is_uuid);
    piece(p, 0, p->hex, is_uuid ? 36 : 2 * HASH_BYTES);
}

bool reader_text(struct reader *r, size_t *place, struct pieces *out)
{
    unsigned kind;
    size_t size;

    if (r->shape == r->shape_end)
        return false;
    out->size[1] = out->size[2] = 0;
    *place = get_byte(&r->shape);
    kind = get_byte(&r->shape);
    switch (kind) {
    case TEXT_SHARED:
        piece_of_table(r, out, 0, get_number(&r->shape));
        break;
    case TEXT_SAME:
        size = get_byte(&r->shape);
        piece_of_hex(out, r->seen[size], r->seen_is_uuid[size]);
        break;
    case TEXT_UUID:
    case TEXT_HASH:
        size = kind == TEXT_UUID ? UUID_BYTES : HASH_BYTES;
        piece_of_hex(out, r->at, kind == TEXT_UUID);
        if (r->n_seen < SEEN_MAX) {
            r->seen_is_uuid[r->n_seen] = kind == TEXT_UUID;
            r->seen[r->n_seen++] = r->at;
        }
        r->at += size;
        break;
    case TEXT_AROUND:
        piece_of_table(r, out, 0, get_number(&r->shape));
        piece(out, 1, r->name, strlen(r->name));
        piece_of_table(r, out, 2, get_number(&r->shape));
        break;
    default:
        size = get_number(&r->at);
        piece(out, 0, (const char *)r->at, size);
        r->at += size;
    }
    return true;
}

const char *pieces_write(const struct pieces *p, char *to)
{
    const char *text = to;

    for (size_t i = 0; i < 3; i++) {
        if (p->size[i])
            memcpy(to, p->bytes[i], p->size[i]);
        to += p->size[i];
    }
    *to = '\0';
    return text;
}

size_t pieces_size(const struct pieces *p)
{
    return p->size[0] + p->size[1] + p->size[2];
}
