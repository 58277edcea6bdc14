#include "lib/json_read.h"

#include <endian.h>
#include <limits.h>
#include <string.h>

#include "lib/text.h"

struct cursor {
    const char *at;
    const char *end;
    const char *wrong; /* what is wrong at `at` */
};

static const char UNEXPECTED[] = "unexpected character";
static const char TWICE[] = "a key stands twice in one object";

static bool fail(struct cursor *c, const char *wrong)
{
    c->wrong = c->at == c->end ? "it ends too early" : wrong;
    return false;
}

static void skip_space(struct cursor *c)
{
    const char *p = c->at;

    while (p < c->end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    c->at = p;
}

static bool is_at(const struct cursor *c, char what)
{
    return c->at < c->end && *c->at == what;
}

static bool is_digit_at(const struct cursor *c)
{
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

/* --- Texts --------------------------------------------------------------------------------- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of each of eight bytes that is not simple. Beyond the first of them it may also be
 * set for one that is, since what is subtracted borrows. */
static uint64_t not_simple(uint64_t eight)
{
    uint64_t below_space = eight - EACH(' ');
    uint64_t above_tilde = eight + EACH(1); /* 0x7f; beyond it the bit is set anyway */
    uint64_t quote = (eight ^ EACH('"')) - EACH(1);
    uint64_t backslash = (eight ^ EACH('\\')) - EACH(1);

    return (eight | below_space | above_tilde | quote | backslash) & EACH(0x80);
}

const char *json_simple_end(const char *s, const char *end)
{
    static const bool SIMPLE[256] = {
        [' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};

    for (; end - s >= 8; s += 8) {
        uint64_t eight;

        memcpy(&eight, s, sizeof(eight));
        eight = not_simple(le64toh(eight));
        if (eight)
            return s + __builtin_ctzll(eight) / 8;
    }
    while (s < end && SIMPLE[(unsigned char)*s])
        s++;
    return s;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits of \uXXXX. */
static bool take_unit(struct cursor *c, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int digit = c->at < c->end ? hex_digit(*c->at) : -1;

        if (digit < 0)
            return fail(c, UNEXPECTED);
        *out = *out << 4 | (uint32_t)digit;
        c->at++;
    }
    return true;
}

/* The rest of a character of which \uXXXX was half. */
static bool take_low_surrogate(struct cursor *c, uint32_t *code)
{
    static const char LONE[] = "half of a surrogate pair";
    uint32_t low;

    if (*code >= 0xdc00 || c->end - c->at < 2 || c->at[0] != '\\' || c->at[1] != 'u')
        return fail(c, LONE);
    c->at += 2;
    if (!take_unit(c, &low))
        return false;
    if (low < 0xdc00 || low > 0xdfff)
        return fail(c, LONE);
    *code = 0x10000 + ((*code - 0xd800) << 10 | (low - 0xdc00));
    return true;
}

/* From its backslash on. */
static bool take_escape(struct cursor *c, uint32_t *out_code)
{
    static const char LETTERS[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    static const char MEANINGS[] = {'"', '\\', '/', '\b', '\f', '\n', '\r', '\t'};
    const char *letter;

    c->at++;
    if (is_at(c, 'u')) {
        c->at++;
        return take_unit(c, out_code) &&
               (*out_code < 0xd800 || *out_code > 0xdfff || take_low_surrogate(c, out_code));
    }
    letter = c->at < c->end ? memchr(LETTERS, *c->at, sizeof(LETTERS)) : NULL;
    if (!letter)
        return fail(c, UNEXPECTED);
    *out_code = (uint32_t)MEANINGS[letter - LETTERS];
    c->at++;
    return true;
}

static bool take_beyond_ascii(struct cursor *c)
{
    size_t size = text_utf8_size(c->at, (size_t)(c->end - c->at));

    if (size == 0)
        return fail(c, "invalid utf-8 string");
    c->at += size;
    return true;
}

/* What needs a second look, the closing quote aside. */
static bool take_special(struct cursor *c)
{
    uint32_t code;

    if (c->at == c->end || (unsigned char)*c->at < 0x20)
        return fail(c, UNEXPECTED);
    return *c->at == '\\' ? take_escape(c, &code) : take_beyond_ascii(c);
}

static bool take_text(struct cursor *c, struct json_value *out)
{
    out->kind = JSON_TEXT;
    out->at = c->at++;
    out->is_simple = true;
    for (;;) {
        c->at = json_simple_end(c->at, c->end);
        if (is_at(c, '"'))
            break;
        out->is_simple = false;
        if (!take_special(c))
            return false;
    }
    c->at++;
    out->size = (size_t)(c->at - out->at);
    return true;
}

static size_t encode(uint32_t code, char *out)
{
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char FIRST[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(FIRST[size] | code);
    return size;
}

bool json_text(const struct json_value *v, char *out, size_t max, size_t *out_size)
{
    struct cursor c;
    size_t n = 0;

    if (v->kind != JSON_TEXT)
        return false;
    c = (struct cursor){.at = v->at + 1, .end = v->at + v->size - 1};
    while (c.at < c.end) {
        char escaped[4];
        const char *from = c.at;
        uint32_t code;
        size_t size = 1;

        if (*c.at != '\\') {
            c.at++;
        } else if (take_escape(&c, &code)) {
            size = encode(code, escaped);
            from = escaped;
        }
        if (size > max - n)
            return false;
        memcpy(out + n, from, size);
        n += size;
    }
    out[n] = '\0';
    *out_size = n;
    return true;
}

/* --- Numbers and words --------------------------------------------------------------------- */

static bool take_digits(struct cursor *c)
{
    if (!is_digit_at(c))
        return fail(c, UNEXPECTED);
    while (is_digit_at(c))
        c->at++;
    return true;
}

static bool take_exponent(struct cursor *c)
{
    c->at++;
    if (is_at(c, '+') || is_at(c, '-'))
        c->at++;
    return take_digits(c);
}

static bool take_number(struct cursor *c)
{
    if (is_at(c, '-'))
        c->at++;
    if (is_at(c, '0'))
        c->at++;
    else if (!take_digits(c))
        return false;
    if (is_at(c, '.')) {
        c->at++;
        if (!take_digits(c))
            return false;
    }
    return is_at(c, 'e') || is_at(c, 'E') ? take_exponent(c) : true;
}

static bool take_word(struct cursor *c, const char *word)
{
    for (; *word; word++, c->at++)
        if (!is_at(c, *word))
            return fail(c, UNEXPECTED);
    return true;
}

/* --- Lists and objects --------------------------------------------------------------------- */

static bool take_value(struct cursor *c, unsigned depth, const struct json_members *members,
                       struct json_value *out);

/* An opening bracket and the space behind it; the closing one, too, where it comes next. */
static bool open_bracket(struct cursor *c, unsigned depth, char closing, bool *is_more)
{
    if (depth == 0)
        return fail(c, "nesting too deep");
    c->at++;
    skip_space(c);
    *is_more = !is_at(c, closing);
    if (!*is_more)
        c->at++;
    return true;
}

/* Behind an item: *is_more when a comma leads to the next one. */
static bool take_end(struct cursor *c, char closing, const char *wrong, bool *is_more)
{
    skip_space(c);
    *is_more = is_at(c, ',');
    if (!*is_more && !is_at(c, closing))
        return fail(c, wrong);
    c->at++;
    if (*is_more)
        skip_space(c);
    return true;
}

static bool take_list(struct cursor *c, unsigned depth)
{
    struct json_value item;
    bool is_more;

    if (!open_bracket(c, depth, ']', &is_more))
        return false;
    while (is_more)
        if (!take_value(c, depth - 1, NULL, &item) ||
            !take_end(c, ']', "array value separator ',' expected", &is_more))
            return false;
    return true;
}

/* A key, its colon, and the space around. */
static bool take_key(struct cursor *c, struct json_value *out)
{
    if (!is_at(c, '"'))
        return fail(c, UNEXPECTED);
    if (!take_text(c, out))
        return false;
    skip_space(c);
    if (!is_at(c, ':'))
        return fail(c, "object property name separator ':' expected");
    c->at++;
    skip_space(c);
    return true;
}

/* Where the member of that key goes; NULL: nowhere. */
static struct json_value *place_of(const struct json_members *members, const struct json_value *key)
{
    char text[JSON_KEY_MAX + 1];
    const char *s = key->at + 1;
    size_t size = key->size - 2;

    if (!key->is_simple && !json_text(key, text, JSON_KEY_MAX, &size))
        return NULL;
    if (!key->is_simple)
        s = text;
    for (size_t i = 0; i < members->n; i++)
        if (members->keys[i].size == size && memcmp(members->keys[i].text, s, size) == 0)
            return &members->values[i];
    return NULL;
}

static bool take_member(struct cursor *c, unsigned depth, const struct json_members *members)
{
    struct json_value key;
    struct json_value passed_over;
    struct json_value *out = NULL;

    if (!take_key(c, &key))
        return false;
    if (members)
        out = place_of(members, &key);
    if (out && out->kind != JSON_ABSENT)
        return fail(c, TWICE);
    return take_value(c, depth, NULL, out ? out : &passed_over);
}

static bool take_object(struct cursor *c, unsigned depth, const struct json_members *members)
{
    bool is_more;

    if (!open_bracket(c, depth, '}', &is_more))
        return false;
    while (is_more)
        if (!take_member(c, depth - 1, members) ||
            !take_end(c, '}', "object value separator ',' expected", &is_more))
            return false;
    return true;
}

static bool take_inside(struct cursor *c, unsigned depth, const struct json_members *members,
                        struct json_value *out)
{
    switch (*c->at) {
    case '{':
        out->kind = JSON_OBJECT;
        return take_object(c, depth, members);
    case '[':
        out->kind = JSON_LIST;
        return take_list(c, depth);
    case 'n':
        out->kind = JSON_NULL;
        return take_word(c, "null");
    case 'f':
        out->kind = JSON_FALSE;
        return take_word(c, "false");
    case 't':
        out->kind = JSON_TRUE;
        return take_word(c, "true");
    default:
        out->kind = JSON_NUMBER;
        return take_number(c);
    }
}

static bool take_value(struct cursor *c, unsigned depth, const struct json_members *members,
                       struct json_value *out)
{
    const char *begin = c->at;

    if (c->at == c->end)
        return fail(c, UNEXPECTED);
    if (*c->at == '"')
        return take_text(c, out);
    if (!take_inside(c, depth, members, out))
        return false;
    out->is_simple = false;
    out->at = begin;
    out->size = (size_t)(c->at - begin);
    return true;
}

/* --- The whole ----------------------------------------------------------------------------- */

static bool take_first(struct cursor *c, unsigned depth, const struct json_members *members,
                       struct json_value *out)
{
    for (size_t i = 0; members && i < members->n; i++)
        members->values[i].kind = JSON_ABSENT;
    skip_space(c);
    return take_value(c, depth, members, out);
}

int json_read(const char *s, size_t n, unsigned depth, const struct json_members *members,
              struct json_value *out, struct err *err)
{
    struct cursor c = {.at = s, .end = s + n};
    bool ok = take_first(&c, depth, members, out);

    if (ok)
        skip_space(&c);
    if (ok && c.at == c.end)
        return 0;
    if (ok)
        fail(&c, UNEXPECTED);
    if (c.wrong == TWICE)
        return err_set(err, ERR_INVALID, "not JSON: %s", TWICE);
    return err_set(err, ERR_INVALID, "not JSON: %s at byte %zu", c.wrong, (size_t)(c.at - s));
}

size_t json_read_front(const char *s, size_t n, unsigned depth, const struct json_members *members,
                       struct json_value *out)
{
    struct cursor c = {.at = s, .end = s + n};
    bool ok = take_first(&c, depth, members, out) && out->kind != JSON_NUMBER;

    return ok ? (size_t)(c.at - s) : 0;
}

int json_read_members(const struct json_value *v, const struct json_members *members,
                      struct err *err)
{
    struct json_value same;

    for (size_t i = 0; i < members->n; i++)
        members->values[i].kind = JSON_ABSENT;
    return v->kind == JSON_OBJECT ? json_read(v->at, v->size, UINT_MAX, members, &same, err) : 0;
}

bool json_next(const struct json_value *v, struct json_value *key, struct json_value *item)
{
    struct cursor c;
    struct json_value unused;

    if (v->kind != JSON_LIST && v->kind != JSON_OBJECT)
        return false;
    c.at = item->kind == JSON_ABSENT ? v->at : item->at + item->size;
    c.end = v->at + v->size;
    skip_space(&c);
    c.at++; /* the opening bracket, or the comma, or else the closing one */
    skip_space(&c);
    if (v->kind == JSON_OBJECT && !take_key(&c, key ? key : &unused))
        return false;
    return take_value(&c, UINT_MAX, NULL, item);
}
