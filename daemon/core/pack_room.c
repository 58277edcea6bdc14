/* pack_room: packed records are opened one after the other, looked at, and packed again, nearly all
 * of them as they were. Their structs and texts lie in the same memory each time, and one that
 * nobody has changed needs no packing. */
#include <string.h>

#include "core/fleet_private.h"
#include "core/pack_private.h"
#include "lib/mem.h"

void pack_room_init(struct pack_room *room)
{
    room->texts = mem_lend();
    if (room->texts)
        mem_void(room->texts, MEM_LENT_BYTES, true);
}

void pack_room_begin(struct pack_room *room)
{
    if (room->texts)
        mem_void(room->texts, MEM_LENT_BYTES, false);
    room->texts_used = 0;
    room->all_lent = room->texts != NULL;
}

void pack_room_deinit(struct pack_room *room)
{
    if (room->texts)
        mem_lent_end();
    mem_free(room->database);
    while (room->n_tokens)
        mem_free(room->tokens[--room->n_tokens]);
    room->texts = NULL;
    room->database = NULL;
}

/* --- unchanged --- */

static void strip(struct resource *r)
{
    r->name = NULL;
    r->source = (struct source){0};
    r->digest = 0;
    r->list = r->trouble = (struct list){0};
    if (r->wake.place)
        r->wake.place = 1;
    else
        r->wake.at = 0;
}

void pack_bare_database(const struct database *d, struct database *out)
{
    memcpy(out, d, sizeof(*out));
    strip(&out->r);
    out->rest = (struct rest){0};
    out->want = NULL;
    out->tokens = NULL;
    out->n_tokens = 0;
}

void pack_bare_token(const struct token *t, struct token *out)
{
    memcpy(out, t, sizeof(*out));
    strip(&out->r);
    out->r.name = (char *)(uintptr_t)t->short_name; /* its own name, without its target's */
    out->target = NULL;
    out->short_name = NULL;
    out->want = NULL;
}

void pack_room_note(struct pack_room *room, const struct database *d)
{
    pack_bare_database(d, &room->before);
    room->before.n_tokens = d->n_tokens;
    for (size_t i = 0; i < PACK_ROOM_TOKENS; i++) {
        room->token_at[i] = i < d->n_tokens ? d->tokens[i] : NULL;
        if (i < d->n_tokens)
            pack_bare_token(d->tokens[i], &room->tokens_before[i]);
    }
}

/* Text is never changed in place, and nobody gets a lent address anew: the same is the same text.
 */
bool pack_room_is_as_noted(const struct pack_room *room, const struct database *d)
{
    struct database database;
    struct token token;

    if (!room->all_lent || d->n_tokens != room->before.n_tokens || d->n_tokens > PACK_ROOM_TOKENS ||
        d->r.phase != room->before.r.phase)
        return false;
    pack_bare_database(d, &database);
    database.n_tokens = d->n_tokens;
    if (memcmp(&database, &room->before, sizeof(database)) != 0)
        return false;
    for (size_t i = 0; i < d->n_tokens; i++) {
        pack_bare_token(d->tokens[i], &token);
        if (memcmp(&token, &room->tokens_before[i], sizeof(token)) != 0)
            return false;
    }
    return true;
}

/* --- staying and going --- */

static char *text_at(void *record, size_t place)
{
    char *text;

    memcpy(&text, (char *)record + place, sizeof(text));
    return text;
}

static bool own_text(void *record, size_t place)
{
    char *text = text_at(record, place);

    if (!mem_is_lent(text))
        return true;
    text = mem_strdup(text);
    if (text)
        memcpy((char *)record + place, &text, sizeof(text));
    return text != NULL;
}

static bool own_texts(void *record, const size_t *places, size_t n)
{
    bool ok = true;

    for (size_t i = 0; i < n; i++)
        ok = own_text(record, places[i]) && ok;
    return ok;
}

bool pack_room_leave(struct pack_room *room, struct database *d)
{
    bool ok = own_texts(d, DATABASE_TEXTS, N_DATABASE_TEXTS) &&
              own_text(d, offsetof(struct database, r.name));

    for (size_t i = 0; ok && i < d->n_tokens; i++) {
        struct token *t = d->tokens[i];
        size_t before = (size_t)(t->short_name - t->r.name);

        ok = own_texts(t, TOKEN_TEXTS, N_TOKEN_TEXTS - 1); /* the last is no text of its own */
        t->short_name = t->r.name + before;
    }
    if (ok && room->texts)
        mem_void(room->texts, MEM_LENT_BYTES, true);
    return ok;
}

static void free_texts(void *record, const size_t *places, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *text = text_at(record, places[i]);

        if (text)
            mem_free(text);
    }
}

void pack_room_return(struct pack_room *room, struct database *d, bool as_noted)
{
    if (room->database) {
        database_free(d);
        return;
    }
    for (size_t i = 0; i < d->n_tokens; i++) {
        struct token *t = d->tokens[i];

        if (as_noted)
            mem_free(t->r.name); /* of one that its entry has brought, and that is no other's */
        else
            free_texts(t, TOKEN_TEXTS, N_TOKEN_TEXTS - 1);
        list_remove(&t->r.list);
        if (room->n_tokens < PACK_ROOM_TOKENS)
            room->tokens[room->n_tokens++] = t;
        else
            mem_free(t);
    }
    mem_free((void *)d->tokens);
    if (!as_noted)
        free_texts(d, DATABASE_TEXTS, N_DATABASE_TEXTS);
    mem_free(d->r.name);
    list_remove(&d->r.list);
    list_remove(&d->rest.link);
    room->database = d;
    if (room->texts)
        mem_void(room->texts, MEM_LENT_BYTES, true);
}
