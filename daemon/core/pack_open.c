/* pack_open: a record out of the bytes that pack.c has written. */
#include <assert.h>
#include <string.h>

#include "core/fleet_private.h"
#include "core/pack_private.h"
#include "lib/mem.h"

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

static unsigned get_byte(const unsigned char **at)
{
    return *(*at)++;
}

static size_t get_number(const unsigned char **at)
{
    unsigned byte = get_byte(at);
    size_t n = byte & 127;

    for (unsigned shift = 7; byte & 128; shift += 7) {
        byte = get_byte(at);
        n |= (size_t)(byte & 127) << shift;
    }
    return n;
}

static uint64_t get_word(const unsigned char **at, unsigned n)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < n; i++)
        word |= (uint64_t)get_byte(at) << (8 * i);
    return word;
}

static void begin(struct reader *r, const struct texts *t, const struct packed *p,
                  struct pack_room *room)
{
    *r = (struct reader){.texts = t, .room = room, .name = p->bytes};
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

static void begin_section(struct reader *r)
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

/* A text in up to three pieces. */
struct pieces {
    char hex[2 * HASH_BYTES + 1];
    const char *bytes[3];
    size_t size[3];
};

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

/* The next text of the section: its place. False: that was the last. */
static bool next_text(struct reader *r, size_t *place, struct pieces *out)
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

/* to: holds all of it and a NUL. */
static const char *write_pieces(const struct pieces *p, char *to)
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

static size_t size_of(const struct pieces *p)
{
    return p->size[0] + p->size[1] + p->size[2];
}

/* Not zeroed. */
static char *new_text(struct reader *r, size_t size)
{
    struct pack_room *room = r->room;

    if (!room)
        return mem_alloc(size);
    if (!room->texts || size > MEM_LENT_BYTES - room->texts_used) {
        room->all_lent = false;
        return mem_alloc(size);
    }
    room->texts_used += size;
    return room->texts + room->texts_used - size;
}

/* The next text, in memory of the record's: most are shared ones. */
static char *get_text(struct reader *r, size_t *place)
{
    const struct texts_item *item;
    struct pieces p;
    char *text;

    if (r->shape[1] != TEXT_SHARED) {
        next_text(r, place, &p);
        text = new_text(r, size_of(&p) + 1);
        if (text)
            write_pieces(&p, text);
        return text;
    }
    *place = r->shape[0];
    r->shape += 2;
    item = texts_get(r->texts, (uint16_t)get_number(&r->shape));
    text = new_text(r, item->size + 1);
    return text ? memcpy(text, item->bytes, item->size + 1) : NULL;
}

/* before: NULL, or where it is noted how each of them lay. */
static bool get_texts(struct reader *r, void *record, const size_t *places,
                      struct text_as_packed *before)
{
    bool ok = true;

    while (r->shape != r->shape_end) {
        struct text_as_packed one = {.entry = r->shape, .own = r->at};
        size_t place;
        char *text = get_text(r, &place);

        ok = ok && text;
        memcpy((char *)record + places[place], &text, sizeof(text));
        if (!before)
            continue;
        one.entry_size = (uint16_t)(r->shape - one.entry);
        one.own_size = (uint16_t)(r->at - one.own);
        if (one.entry[1] == TEXT_SAME)
            one.entry = NULL; /* there may be another order by then */
        before[place] = one;
    }
    return ok;
}

static uint64_t get_value(struct reader *r, unsigned kind)
{
    uint64_t more;

    if (kind == WORD_HERE)
        return get_word(&r->form, get_byte(&r->form));
    if (kind == WORD_AS_BEFORE)
        return r->large.word[get_byte(&r->form)];
    if (kind < WORD_DIFFERENCE)
        return get_word(&r->at, kind);
    more = get_word(&r->at, kind - WORD_DIFFERENCE);
    return last_large(&r->large) + (more & 1 ? ~(more >> 1) : more >> 1);
}

/* All that is no text: the words of texts' places are zero, and such are left alone. */
static void get_words(struct reader *r, void *record)
{
    char *to = record;

    while (r->form != r->form_end) {
        unsigned tag = get_byte(&r->form);
        uint64_t word = get_value(r, tag & 15);
        unsigned gap = tag >> 4;

        if (gap == LONG_GAP)
            gap = get_byte(&r->form);
        to += (size_t)gap * 8;
        memcpy(to, &word, 8);
        to += 8;
        note_large(&r->large, word);
    }
}

/* Into a record that is all zero. */
static bool get_section(struct reader *r, void *record, const size_t *places, size_t section)
{
    struct text_as_packed *before =
        r->room && section <= PACK_ROOM_TOKENS ? r->room->texts_before[section] : NULL;
    bool ok;

    begin_section(r);
    ok = get_texts(r, record, places, before);
    get_words(r, record);
    return ok;
}

static bool name_token(struct reader *r, struct token *t)
{
    char *short_name = t->r.name; /* as it was written */
    char *cause = (char *)(uintptr_t)t->cause;
    size_t before = strlen(r->name) + 1;
    char *name = short_name ? new_text(r, before + strlen(short_name) + 1) : NULL;

    t->cause = NULL;
    if (cause)
        t->cause = texts_find(r->texts, cause, strlen(cause));
    mem_free(cause);
    if (name) {
        memcpy(name, r->name, before - 1);
        name[before - 1] = '/';
        memcpy(name + before, short_name, strlen(short_name) + 1);
        t->short_name = name + before;
    }
    mem_free(short_name);
    t->r.name = name;
    list_init(&t->r.list);
    return name != NULL;
}

static struct token *new_token(struct reader *r)
{
    struct pack_room *room = r->room;

    if (!room || !room->n_tokens)
        return mem_alloc(sizeof(struct token));
    return memset(room->tokens[--room->n_tokens], 0, sizeof(struct token));
}

static struct database *new_database(struct reader *r)
{
    struct database *d = r->room ? r->room->database : NULL;

    if (!d)
        return mem_alloc(sizeof(*d));
    r->room->database = NULL;
    return memset(d, 0, sizeof(*d));
}

/* *out: NULL, or what there is of it. */
static bool get_token(struct reader *r, size_t section, struct token **out)
{
    struct token *t = *out = new_token(r);
    bool ok = t && get_section(r, t, TOKEN_TEXTS, section);

    return t && name_token(r, t) && ok;
}

struct database *pack_open(const struct texts *t, const struct packed *p, struct pack_room *room)
{
    struct database *d;
    struct reader r;
    size_t n;
    bool ok;

    begin(&r, t, p, room);
    d = new_database(&r);
    if (!d)
        return NULL;
    if (room)
        pack_room_begin(room);
    n = get_number(&r.at);
    ok = get_section(&r, d, DATABASE_TEXTS, 0);
    d->r.name = new_text(&r, strlen(r.name) + 1);
    if (d->r.name)
        memcpy(d->r.name, r.name, strlen(r.name) + 1);
    list_init(&d->r.list);
    list_init(&d->rest.link);
    d->tokens = n ? mem_alloc(n * sizeof(struct token *)) : NULL;
    ok = ok && d->r.name && (!n || d->tokens);
    for (size_t i = 0; ok && i < n; i++) {
        ok = get_token(&r, 1 + i, &d->tokens[i]);
        d->n_tokens += d->tokens[i] != NULL;
    }
    if (!ok && room)
        pack_room_return(room, d, false);
    else if (!ok)
        database_free(d);
    return ok ? d : NULL;
}

/* --- a look at what is packed --- */

static bool is_text(const struct pieces *p, const char *text)
{
    size_t n = strlen(text);

    if (n != size_of(p))
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (p->size[i] && memcmp(p->bytes[i], text, p->size[i]) != 0)
            return false;
        text += p->size[i];
    }
    return true;
}

static const char *flag_text(int8_t flag)
{
    return flag < 0 ? NULL : flag ? "true" : "false";
}

static bool is_listed(size_t place)
{
    return place < LIVE_CONFIG || CONFIG_FIELD[place - LIVE_CONFIG].listed;
}

bool pack_shows(const struct texts *t, const struct packed *p, unsigned flags,
                const struct live_db *row, bool whole)
{
    const char *said[LIVE_CONFIG + CONFIG_N] = {
        [LIVE_ID] = row->id,
        [LIVE_HOSTNAME] = row->hostname,
        [LIVE_PLACE] = row->group,
        [LIVE_PARENT] = row->parent_id,
        [LIVE_CONFIG + CONFIG_BLOCK_READS] = flag_text(row->block_reads),
        [LIVE_CONFIG + CONFIG_BLOCK_WRITES] = flag_text(row->block_writes),
        [LIVE_CONFIG + CONFIG_DELETE_PROTECTION] = flag_text(row->delete_protection)};
    struct pieces text;
    struct reader r;
    size_t place;

    if (!(flags & PACKED_PRESENT) || !(flags & PACKED_LISTED) ||
        !!(flags & PACKED_ARCHIVED) != (row->archived == 1))
        return false;
    begin(&r, t, p, NULL);
    get_number(&r.at);
    begin_section(&r);
    while (next_text(&r, &place, &text) && place < ARRAY_SIZE(said)) {
        if (said[place] ? !is_text(&text, said[place]) : whole && is_listed(place))
            return false;
        said[place] = NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(said); i++)
        if (said[i])
            return false; /* it is said, and was not known */
    return true;
}

void pack_row(const struct texts *t, const struct packed *p, unsigned flags, struct pack_row *out)
{
    const char **said[] = {[LIVE_ID] = &out->row.id,
                           [LIVE_HOSTNAME] = &out->row.hostname,
                           [LIVE_PLACE] = &out->row.group,
                           [LIVE_PARENT] = &out->row.parent_id};
    struct pieces text;
    struct reader r;
    size_t place;

    out->row = (struct live_db){.name = p->bytes,
                                .block_reads = -1,
                                .block_writes = -1,
                                .delete_protection = -1,
                                .archived = !!(flags & PACKED_ARCHIVED)};
    begin(&r, t, p, NULL);
    get_number(&r.at);
    begin_section(&r);
    while (next_text(&r, &place, &text) && place < LIVE_CONFIG + CONFIG_N) {
        if (place == LIVE_CONFIG + CONFIG_BLOCK_READS)
            out->row.block_reads = is_text(&text, "true");
        else if (place == LIVE_CONFIG + CONFIG_BLOCK_WRITES)
            out->row.block_writes = is_text(&text, "true");
        else if (place == LIVE_CONFIG + CONFIG_DELETE_PROTECTION)
            out->row.delete_protection = is_text(&text, "true");
        else if (place < LIVE_CONFIG && size_of(&text) <= LIMIT_LIVE_TEXT_BYTES)
            *said[place] = write_pieces(&text, out->texts[place]);
    }
}

const char *pack_place(const struct texts *t, const struct packed *p, char *out)
{
    struct pieces text;
    struct reader r;
    size_t place;

    begin(&r, t, p, NULL);
    get_number(&r.at);
    begin_section(&r);
    while (next_text(&r, &place, &text) && place <= LIVE_PLACE) {
        if (place != LIVE_PLACE || size_of(&text) > LIMIT_LIVE_TEXT_BYTES)
            continue;
        write_pieces(&text, out);
        return out;
    }
    return NULL;
}
