/* pack_open: a record out of the bytes that pack.c has written. */
#include <string.h>

#include "core/fleet_private.h"
#include "core/pack_read.h"
#include "lib/mem.h"

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
        reader_text(r, place, &p);
        text = new_text(r, pieces_size(&p) + 1);
        if (text)
            pieces_write(&p, text);
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

    reader_section(r);
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

    reader_begin(&r, t, p, room);
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
        if (d->tokens[i])
            d->tokens[d->n_tokens++]->target = &d->r;
    }
    if (!ok && room)
        pack_room_return(room, d, false);
    else if (!ok)
        database_free(d);
    return ok ? d : NULL;
}
