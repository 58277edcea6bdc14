/* redact: other people's text as one line that is safe to log.
 * In:    bytes of any kind.
 * Out:   valid UTF-8 without control characters, cut to fit, with what may be a secret hidden.
 * Never: decides by what a secret means; only by what secrets look like. */
#include <string.h>

#include "core/answer.h"
#include "lib/text.h"

#define HIDDEN  "[hidden]"
#define JWT_MIN 10 /* bytes after which "eyJ..." is no word */
#define MIXED_RUN_MIN                                                                              \
    20                 /* of capitals, small letters and digits together: no word is like that     \
                        */
#define ANY_RUN_MIN 65 /* longer than any name */
#define HEX_RUN_MIN 32

struct run {
    size_t size;
    bool has_capital;
    bool has_small;
    bool has_digit;
    bool is_hex;
    bool is_jwt;
};

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_run_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("-_+/=", c) != NULL);
}

/* The bytes at s that base64, either alphabet, could be made of; a JWT's dots with them. */
static struct run measure(const char *s, size_t n)
{
    struct run r = {.is_hex = true, .is_jwt = n >= JWT_MIN && strncmp(s, "eyJ", 3) == 0};

    while (r.size < n && (is_run_byte(s[r.size]) || (r.is_jwt && s[r.size] == '.'))) {
        char c = s[r.size++];

        r.has_capital = r.has_capital || (c >= 'A' && c <= 'Z');
        r.has_small = r.has_small || (c >= 'a' && c <= 'z');
        r.has_digit = r.has_digit || (c >= '0' && c <= '9');
        r.is_hex = r.is_hex && is_hex_digit(c);
    }
    return r;
}

/* Ids are written like this, and are what a person looks for in an error. */
static bool is_uuid(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (is_dash ? s[i] != '-' : !is_hex_digit(s[i]))
            return false;
    }
    return n == 36;
}

static bool is_secret(const char *s, struct run r)
{
    if (r.is_jwt && r.size >= JWT_MIN)
        return true;
    if (is_uuid(s, r.size))
        return false;
    return r.size >= ANY_RUN_MIN || (r.is_hex && r.size >= HEX_RUN_MIN) ||
           (r.has_capital && r.has_small && r.has_digit && r.size >= MIXED_RUN_MIN);
}

struct line {
    char *out;
    size_t used;
    size_t size;
    bool is_full;
};

/* All of it or nothing, so that no character is cut in two. */
static void put(struct line *l, const char *s, size_t n)
{
    l->is_full = l->is_full || l->used + n >= l->size;
    if (l->is_full)
        return;
    memcpy(l->out + l->used, s, n);
    l->used += n;
}

/* One character that is in no run; returns its bytes. */
static size_t put_other(struct line *l, const char *s, size_t n)
{
    unsigned char c = (unsigned char)*s;
    size_t size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (c < 0x20 || c == 0x7f) {
        put(l, " ", 1);
        return 1;
    }
    if (size > n || !text_is_plain(s, size)) {
        put(l, "?", 1);
        return 1;
    }
    put(l, s, size);
    return size;
}

void answer_redact(const char *text, size_t n, char *out, size_t size)
{
    struct line l = {.out = out, .size = size};

    while (n > 0 && !l.is_full) {
        struct run r = measure(text, n);
        size_t taken = r.size;

        if (r.size == 0)
            taken = put_other(&l, text, n);
        else if (is_secret(text, r))
            put(&l, HIDDEN, strlen(HIDDEN));
        else
            for (size_t i = 0; i < r.size; i++)
                put(&l, text + i, 1);
        text += taken;
        n -= taken;
    }
    if (size > 0)
        out[l.used] = '\0';
}
