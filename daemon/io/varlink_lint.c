#include "io/varlink_lint.h"

#include <stdbool.h>
#include <string.h>

#include "core/limits.h"

struct key {
    const char *s;
    size_t n;
    unsigned object; /* number of the object that it is in */
};

struct lint {
    const char *begin;
    const char *p;
    const char *end;
    int depth;
    unsigned n_objects;
    size_t n_keys;
    struct key keys[LIMIT_CONTROL_KEYS];
    const struct key *blame;
    const char *what;
};

static bool value(struct lint *l);

static bool wrong(struct lint *l, const char *what)
{
    if (!l->what)
        l->what = what;
    return false;
}

static int peek(const struct lint *l)
{
    return l->p < l->end ? (unsigned char)*l->p : -1;
}

static void blanks(struct lint *l)
{
    while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\n' || *l->p == '\r'))
        l->p++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool digits(struct lint *l)
{
    if (!is_digit(peek(l)))
        return wrong(l, "a number is not one");
    while (is_digit(peek(l)))
        l->p++;
    return true;
}

static bool number(struct lint *l)
{
    if (peek(l) == '-')
        l->p++;
    if (peek(l) == '0')
        l->p++;
    else if (!digits(l))
        return false;
    if (peek(l) == '.') {
        l->p++;
        if (!digits(l))
            return false;
    }
    if (peek(l) == 'e' || peek(l) == 'E') {
        l->p++;
        if (peek(l) == '+' || peek(l) == '-')
            l->p++;
        return digits(l);
    }
    return true;
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool escape(struct lint *l)
{
    int c = peek(l);

    if (c < 0 || !strchr("\"\\/bfnrtu", c) || !c)
        return wrong(l, "an escape that JSON does not have");
    l->p++;
    for (int i = 0; c == 'u' && i < 4; i++, l->p++)
        if (!is_hex(peek(l)))
            return wrong(l, "an escape that JSON does not have");
    return true;
}

static bool string(struct lint *l)
{
    if (peek(l) != '"')
        return wrong(l, "a string is expected");
    l->p++;
    for (;;) {
        int c = peek(l);

        if (c < 0x20)
            return wrong(l, c < 0 ? "it ends too early" : "a control character in a string");
        l->p++;
        if (c == '"')
            return true;
        if (c == '\\' && !escape(l))
            return false;
    }
}

static bool remember(struct lint *l, struct key k)
{
    if (l->n_keys == LIMIT_CONTROL_KEYS)
        return wrong(l, "too many keys");
    l->keys[l->n_keys] = k;
    for (size_t i = 0; i < l->n_keys; i++) {
        if (l->keys[i].object == k.object && l->keys[i].n == k.n &&
            !memcmp(l->keys[i].s, k.s, k.n)) {
            l->blame = &l->keys[i];
            return wrong(l, "a key stands there twice");
        }
    }
    l->n_keys++;
    return true;
}

static bool key(struct lint *l, unsigned object)
{
    const char *s = l->p + 1;
    size_t n;

    if (!string(l))
        return false;
    n = (size_t)(l->p - 1 - s);
    if (memchr(s, '\\', n))
        return wrong(l, "a key is not a name");
    return remember(l, (struct key){.s = s, .n = n, .object = object});
}

static bool members(struct lint *l)
{
    unsigned object = l->n_objects++;

    for (;;) {
        blanks(l);
        if (!key(l, object))
            return false;
        blanks(l);
        if (peek(l) != ':')
            return wrong(l, "a colon is expected");
        l->p++;
        if (!value(l))
            return false;
        if (peek(l) == '}')
            return true;
        if (peek(l) != ',')
            return wrong(l, "a comma or the object's end is expected");
        l->p++;
    }
}

static bool elements(struct lint *l)
{
    for (;;) {
        if (!value(l))
            return false;
        if (peek(l) == ']')
            return true;
        if (peek(l) != ',')
            return wrong(l, "a comma or the array's end is expected");
        l->p++;
    }
}

static bool nested(struct lint *l, int closer, bool (*inside)(struct lint *))
{
    if (++l->depth > LIMIT_JSON_DEPTH)
        return wrong(l, "nested too deep");
    l->p++;
    blanks(l);
    if (peek(l) != closer && !inside(l))
        return false;
    l->p++;
    l->depth--;
    return true;
}

static bool word(struct lint *l, const char *w)
{
    size_t n = strlen(w);

    if ((size_t)(l->end - l->p) < n || memcmp(l->p, w, n) != 0)
        return wrong(l, "a value is expected");
    l->p += n;
    return true;
}

static bool one(struct lint *l)
{
    switch (peek(l)) {
    case '{':
        return nested(l, '}', members);
    case '[':
        return nested(l, ']', elements);
    case '"':
        return string(l);
    case 't':
        return word(l, "true");
    case 'f':
        return word(l, "false");
    case 'n':
        return word(l, "null");
    default:
        return number(l);
    }
}

/* A value with the blanks around it. */
static bool value(struct lint *l)
{
    blanks(l);
    if (l->p == l->end)
        return wrong(l, "it ends too early");
    if (!one(l))
        return false;
    blanks(l);
    return true;
}

int varlink_lint(const char *s, size_t n, const char **out_key, size_t *out_size, struct err *err)
{
    struct lint l = {.begin = s, .p = s, .end = s + n};
    bool ok = value(&l) && (l.p == l.end || wrong(&l, "something follows the document"));

    *out_key = l.blame ? l.blame->s : NULL;
    *out_size = l.blame ? l.blame->n : 0;
    if (ok)
        return 0;
    return err_set(err, ERR_INVALID, "not JSON as it should be: %s at byte %zu", l.what,
                   (size_t)(l.p - l.begin));
}
