/* listing: one page of databases or groups, live or deleted, read as it arrives.
 * In:    bytes in pieces of any size.
 * Out:   the page's things in the answer's arena, or an error: never a part of a page.
 * Never: a tree of the whole; an element that is not understood and passed over. */
#include "core/listing.h"

#include <assert.h>
#include <string.h>

#include "core/field.h"
#include "core/limits.h"
#include "core/live.h"
#include "core/splitter.h"
#include "lib/json_read.h"
#include "lib/mem.h"
#include "lib/text.h"

#define FIRST_SLOTS 256

/* Texts that are owned elsewhere, by open addressing. */
struct seen {
    struct slot {
        uint64_t hash;
        const char *text; /* NULL: free */
    } * slots;
    size_t n_slots; /* a power of two, or 0 */
    size_t n;
};

/* What a listing's kind means for reading it. */
struct listing_kind {
    const char *member; /* the array */
    bool is_databases;
    bool in_pages;
    bool may_repeat; /* names, not ids: a name may have been deleted more than once */
};

struct listing {
    struct answer *into;
    const struct listing_kind *kind;
    bool has_pagination;
    struct splitter splitter;
    void *items; /* of struct live_db or live_group */
    size_t n_items;
    size_t capacity;
    struct seen names; /* on this page */
    struct seen ids;
    const char *next; /* in into's arena */
    char *cursor;
};

static int take_value(void *arg, const char *key, bool is_element, const char *json, size_t size,
                      struct err *err);
static ptrdiff_t take_front(void *arg, const char *json, size_t size, struct err *err);

static const struct listing_kind KIND_OF[CALL_N] = {
    [CALL_DATABASES_LIST] = {"databases", true, true, false},
    [CALL_GROUPS_LIST] = {"groups", false, false, false},
    [CALL_DELETED_DATABASES_LIST] = {"databases", true, true, true},
    [CALL_DELETED_GROUPS_LIST] = {"groups", false, true, true},
};

struct listing *listing_new(enum call_kind kind, const char *cursor, struct answer *into)
{
    struct listing *l = mem_alloc(sizeof(*l));

    assert(KIND_OF[kind].member);
    if (!l)
        return NULL;
    l->into = into;
    l->kind = &KIND_OF[kind];
    splitter_init(&l->splitter, l->kind->member, LIMIT_LISTED_ELEMENT_BYTES, take_value, l);
    l->splitter.front = take_front;
    l->cursor = mem_strdup(cursor);
    if (cursor && !l->cursor) {
        listing_free(l);
        return NULL;
    }
    return l;
}

void listing_free(struct listing *l)
{
    if (!l)
        return;
    splitter_deinit(&l->splitter);
    mem_free(l->items);
    mem_free(l->names.slots);
    mem_free(l->ids.slots);
    mem_free(l->cursor);
    mem_free(l);
}

/* Where `text` is, or where it would go. */
static struct slot *find(const struct seen *s, uint64_t hash, const char *text)
{
    size_t i = hash & (s->n_slots - 1);

    while (s->slots[i].text && (s->slots[i].hash != hash || strcmp(s->slots[i].text, text) != 0))
        i = (i + 1) & (s->n_slots - 1);
    return &s->slots[i];
}

static bool grow(struct seen *s)
{
    struct seen bigger = {.n_slots = s->n_slots ? s->n_slots * 2 : FIRST_SLOTS, .n = s->n};

    bigger.slots = mem_alloc(bigger.n_slots * sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].text)
            *find(&bigger, s->slots[i].hash, s->slots[i].text) = s->slots[i];
    mem_free(s->slots);
    *s = bigger;
    return true;
}

/* Note `text`, borrowed; -ERR_INVALID when it was noted before. */
static int note_once(struct seen *s, const char *what, const char *text, struct err *err)
{
    uint64_t hash = text_mix(TEXT_HASH_INIT, text, strlen(text));
    struct slot *slot;

    if ((s->n + 1) * 2 > s->n_slots && !grow(s))
        return err_nomem(err);
    slot = find(s, hash, text);
    if (slot->text)
        return err_set(err, ERR_INVALID, "the %s \"%s\" is listed twice", what, text);
    *slot = (struct slot){hash, text};
    s->n++;
    return 0;
}

static int note(struct listing *l, const char *name, const char *id, struct err *err)
{
    int rc = l->kind->may_repeat ? 0 : note_once(&l->names, "name", name, err);

    return rc < 0 ? rc : note_once(&l->ids, "id", id, err);
}

static size_t item_size(const struct listing *l)
{
    return l->kind->is_databases ? sizeof(struct live_db) : sizeof(struct live_group);
}

static const struct field_table *fields_of(const struct listing *l)
{
    return l->kind->is_databases ? LIVE_DB : LIVE_GROUP;
}

static int take_scanned(struct listing *l, const struct field_values *values, struct err *err)
{
    struct arena *a = &l->into->arena;
    int rc;

    if (l->n_items == LIMIT_LISTED_ELEMENTS)
        return err_set(err, ERR_LIMIT, "over %u are listed", LIMIT_LISTED_ELEMENTS);
    if (!mem_grow(&l->items, &l->capacity, l->n_items + 1, item_size(l)))
        return err_nomem(err);
    if (l->kind->is_databases) {
        struct live_db *db = (struct live_db *)l->items + l->n_items;

        rc = live_db_fill(values, a, db, err);
        rc = rc < 0 ? rc : note(l, db->name, db->id, err);
    } else {
        struct live_group *group = (struct live_group *)l->items + l->n_items;

        rc = live_group_fill(values, a, group, err);
        rc = rc < 0 ? rc : note(l, group->name, group->id, err);
    }
    if (rc == 0)
        l->n_items++;
    return rc;
}

static int blame_element(const struct listing *l, struct err *err)
{
    return err_wrap(err, "element %zu", l->n_items + 1);
}

static int take_element(struct listing *l, const char *json, size_t size, struct err *err)
{
    struct field_values values;
    int rc = field_scan(fields_of(l), json, size, &values, err);

    if (rc == 0)
        rc = take_scanned(l, &values, err);
    return rc < 0 ? blame_element(l, err) : 0;
}

static ptrdiff_t take_front(void *arg, const char *json, size_t size, struct err *err)
{
    struct listing *l = arg;
    struct field_values values;
    size_t taken = field_scan_front(fields_of(l), json, size, &values);

    if (taken > 0 && take_scanned(l, &values, err) < 0)
        return blame_element(l, err);
    return (ptrdiff_t)taken;
}

static int take_pagination(struct listing *l, const struct json_value *v, struct err *err)
{
    if (l->has_pagination)
        return err_set(err, ERR_INVALID, "\"pagination\" stands twice");
    l->has_pagination = true;
    if (v->kind == JSON_NULL)
        return 0;
    if (v->kind != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "\"pagination\" is not an object");
    return field_within(v, "next", field_text, &l->into->arena, &l->next, err);
}

static int take_value(void *arg, const char *key, bool is_element, const char *json, size_t size,
                      struct err *err)
{
    struct listing *l = arg;
    struct json_value v;
    int rc;

    if (is_element)
        return take_element(l, json, size, err);
    rc = json_read(json, size, LIMIT_JSON_DEPTH, NULL, &v, err);
    if (rc == 0 && l->kind->in_pages && strcmp(key, "pagination") == 0)
        rc = take_pagination(l, &v, err);
    return rc;
}

int listing_feed(struct listing *l, const char *data, size_t size, struct err *err)
{
    return splitter_feed(&l->splitter, data, size, err);
}

static int hand_over(struct listing *l, struct err *err)
{
    size_t bytes = l->n_items * item_size(l);
    void *items = bytes ? arena_alloc(&l->into->arena, bytes) : NULL;

    if (bytes && !items)
        return err_nomem(err);
    if (bytes)
        memcpy(items, l->items, bytes);
    if (l->kind->is_databases) {
        l->into->databases = items;
        l->into->n_databases = l->n_items;
    } else {
        l->into->groups = items;
        l->into->n_groups = l->n_items;
    }
    l->into->next_cursor = l->next;
    return 0;
}

int listing_end(struct listing *l, struct err *err)
{
    int rc = splitter_end(&l->splitter, err);

    if (rc < 0)
        return rc;
    if (l->next && l->cursor && strcmp(l->next, l->cursor) == 0)
        return err_set(err, ERR_INVALID, "the next page is said to be this one");
    return hand_over(l, err);
}
