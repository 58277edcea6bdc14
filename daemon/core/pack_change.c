#include "core/pack_change.h"

#include <string.h>

#include "core/pack_read.h"

#define NUMBER_BYTES 3 /* of one below TEXTS_NONE */

/* Where they are said. */
struct place {
    size_t begin;
    size_t end;
};

/* False: they have no numbers. */
static bool find(const struct packed *p, struct pack_kind *kind, struct place *where)
{
    const unsigned char *bytes = (const unsigned char *)p->bytes;
    const unsigned char *at = bytes + strlen(p->bytes) + 1;

    get_number(&at); /* of tokens */
    where->begin = (size_t)(at - bytes);
    kind->shape = get_number(&at);
    if (kind->shape == TEXTS_NONE)
        return false;
    kind->form = get_number(&at);
    where->end = (size_t)(at - bytes);
    return kind->form != TEXTS_NONE;
}

void pack_change_learn(struct pack_change *c, const struct packed *was, const struct packed *is)
{
    struct pack_change change = {.is_known = true};
    struct place old;
    struct place new;

    if (find(was, &change.before, &old) && find(is, &change.after, &new) &&
        old.begin == new.begin && was->size - old.end == is->size - new.end &&
        was->wakes == is->wakes &&memcmp(was->bytes, is->bytes, old.begin) == 0 &&
        memcmp(was->bytes + old.end, is->bytes + new.end, was->size - old.end) == 0)
        *c = change;
}

static size_t put_number(char *to, size_t n)
{
    size_t size = 0;

    for (; n >= 128; n >>= 7)
        to[size++] = (char)(128 | (n & 127));
    to[size++] = (char)n;
    return size;
}

struct packed *pack_change_make(const struct pack_change *c, struct pack_store *store,
                                struct packed *p)
{
    char numbers[2 * NUMBER_BYTES];
    struct pack_kind kind;
    struct place where;
    struct packed *to = p;
    size_t size;
    size_t rest;

    if (!c->is_known || !find(p, &kind, &where) || kind.shape != c->before.shape ||
        kind.form != c->before.form)
        return NULL;
    size = put_number(numbers, c->after.shape);
    size += put_number(numbers + size, c->after.form);
    rest = p->size - where.end;
    if (size != where.end - where.begin)
        to = pack_store_take(store, where.begin + size + rest, p->wakes);
    if (!to)
        return NULL;
    if (to != p) {
        to->entry = p->entry;
        memcpy(to->bytes, p->bytes, where.begin);
        memcpy(to->bytes + where.begin + size, p->bytes + where.end, rest);
        packed_set_wake(to, packed_wake(p));
        pack_store_free(store, p);
    }
    memcpy(to->bytes + where.begin, numbers, size);
    return to;
}
