/* json_oracle: json_read held against json-c.
 * In:    any bytes.
 * Out:   what they disagree about, unless it is one of the differences that are meant.
 * Never: the project's own reading of json-c, which is behind json_read. */
#include "tests/lib/json_oracle.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_read.h"
#include "lib/text.h"

/* --- The differences that are meant -------------------------------------------------------- */

/* Of s[0..n), where texts begin and end, as both see it. Calls `look` for each byte; true ends it.
 */
typedef bool (*look_fn)(const char *s, size_t n, size_t i, bool in_text);

static bool any(const char *s, size_t n, look_fn look)
{
    bool in_text = false;

    for (size_t i = 0; i < n; i++) {
        if (look(s, n, i, in_text))
            return true;
        if (in_text && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            in_text = !in_text;
    }
    return false;
}

static bool is_control(const char *s, size_t n, size_t i, bool in_text)
{
    (void)n;
    return in_text && (unsigned char)s[i] < 0x20;
}

/* 'text', NaN, Infinity */
static bool is_foreign(const char *s, size_t n, size_t i, bool in_text)
{
    (void)n;
    return !in_text && (s[i] == '\'' || s[i] == 'N' || s[i] == 'I');
}

static bool is_digit(const char *s, size_t n, size_t i)
{
    return i < n && s[i] >= '0' && s[i] <= '9';
}

/* A zero before other digits; a point or an exponent without digits behind it; a sign before
 * neither a digit nor what is foreign. */
static bool is_odd_number(const char *s, size_t n, size_t i, bool in_text)
{
    bool follows_number = i > 0 && (is_digit(s, n, i - 1) || s[i - 1] == '.');

    if (in_text)
        return false;
    if (s[i] == '0' && !follows_number)
        return is_digit(s, n, i + 1);
    return (s[i] == '.' || s[i] == '-' || s[i] == '+' ||
            (follows_number && (s[i] | 0x20) == 'e')) &&
           !is_digit(s, n, i + 1) && (i + 1 == n || !strchr("+-", s[i + 1]) || s[i] == '.');
}

static unsigned unit_at(const char *s, size_t n, size_t i)
{
    char digits[5] = {0};

    if (i + 6 > n || s[i] != '\\' || s[i + 1] != 'u')
        return 0;
    memcpy(digits, s + i + 2, 4);
    return (unsigned)strtoul(digits, NULL, 16);
}

static bool is_high(unsigned unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(unsigned unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static bool has_lone_surrogate(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned unit = unit_at(s, n, i);

        if (is_high(unit) && is_low(unit_at(s, n, i + 6)))
            i += 11;
        else if (is_high(unit) || is_low(unit))
            return true;
        else if (s[i] == '\\')
            i++;
    }
    return false;
}

/* Longer than needed, a surrogate, or beyond Unicode. */
static bool is_odd_utf8(const char *s, size_t n, size_t i, bool in_text)
{
    unsigned char c = (unsigned char)s[i];

    return in_text && (c >= 0xf5 || c == 0xc0 || c == 0xc1 ||
                       (c >= 0xe0 && text_utf8_size(s + i, n - i) == 0));
}

/* What json-c takes, and json_read does not. Both let a key stand twice, which json_read refuses of
 * those that are asked for; json-c has the last one, ends a key at a NUL in it, and bends a number
 * that is too large. */
static bool is_lenient(const char *s, size_t n)
{
    return any(s, n, is_control) || any(s, n, is_foreign) || any(s, n, is_odd_number) ||
           any(s, n, is_odd_utf8) || has_lone_surrogate(s, n);
}

static unsigned depth_of(const char *s, size_t n)
{
    unsigned most = 0;
    unsigned now = 0;
    bool in_text = false;

    for (size_t i = 0; i < n; i++) {
        if (in_text && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            in_text = !in_text;
        else if (!in_text && (s[i] == '[' || s[i] == '{'))
            most = ++now > most ? now : most;
        else if (!in_text && (s[i] == ']' || s[i] == '}') && now > 0)
            now--;
    }
    return most;
}

/* --- Values -------------------------------------------------------------------------------- */

static const char *compare(const struct json_value *v, struct json_object *o);

/* Decoded; the caller frees it. */
static char *text_of(const struct json_value *v, size_t *out_size)
{
    char *text = malloc(v->size);

    if (!text || !json_text(v, text, v->size - 1, out_size))
        abort();
    return text;
}

static const char *compare_text(const struct json_value *v, struct json_object *o)
{
    size_t n;
    char *text = text_of(v, &n);
    bool same = n == (size_t)json_object_get_string_len(o) &&
                memcmp(text, json_object_get_string(o), n) == 0;
    bool is_simple = v->size == n + 2 && memcmp(text, v->at + 1, n) == 0 && text_is_plain(text, n);

    for (size_t i = 0; i < n; i++)
        is_simple = is_simple && (unsigned char)text[i] < 0x7f;
    free(text);
    if (!same)
        return "a text";
    return is_simple == v->is_simple ? NULL : "whether a text is a simple one";
}

static const char *compare_number(const struct json_value *v, struct json_object *o)
{
    bool is_whole = !memchr(v->at, '.', v->size) && !memchr(v->at, 'e', v->size) &&
                    !memchr(v->at, 'E', v->size);
    int64_t n;

    if (is_whole != json_object_is_type(o, json_type_int))
        return "whether a number is whole";
    if (!is_whole)
        return json_int(v, &n) ? "whether a number is whole" : NULL;
    if (!json_int(v, &n)) /* then it was bent */
        return v->size >= 19 ? NULL : "a number";
    return n == json_object_get_int64(o) ? NULL : "a number";
}

static const char *compare_list(const struct json_value *v, struct json_object *o)
{
    struct json_value item = {.kind = JSON_ABSENT};
    size_t n = json_object_array_length(o);
    const char *differs = NULL;

    if (json_count(v) != n)
        return "the items of a list";
    for (size_t i = 0; i < n && !differs; i++)
        differs = json_next(v, NULL, &item) ? compare(&item, json_object_array_get_idx(o, i))
                                            : "the items of a list";
    return differs;
}

/* How often a key stands there, and what it has first and last. */
static size_t find_all(const struct json_value *v, const char *text, size_t size,
                       struct json_value *first, struct json_value *last)
{
    struct json_value key;
    struct json_value item = {.kind = JSON_ABSENT};
    size_t times = 0;

    while (json_next(v, &key, &item)) {
        size_t n;
        char *one = text_of(&key, &n);

        if (n == size && memcmp(one, text, n) == 0) {
            *last = item;
            if (times++ == 0)
                *first = item;
        }
        free(one);
    }
    return times;
}

static bool can_be_asked_for(const char *text, size_t size)
{
    if (size > JSON_KEY_MAX || memchr(text, '"', size) || memchr(text, '\\', size))
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

static const char *compare_member(const struct json_value *v, struct json_object *o,
                                  const char *text, size_t size)
{
    struct json_value first = {0};
    struct json_value last = {0};
    struct json_value asked;
    const struct json_key key = {text, size};
    size_t times = find_all(v, text, size, &first, &last);
    struct json_object *inner = NULL;

    if (!json_object_object_get_ex(o, text, &inner))
        return "a key";
    if (can_be_asked_for(text, size)) {
        int rc = json_read_members(v, &(struct json_members){&key, 1, &asked}, NULL);

        if ((rc == 0) != (times == 1))
            return "whether a key stands there once";
        if (rc == 0 && (asked.at != first.at || asked.size != first.size))
            return "the value of a key";
    }
    return compare(&last, inner);
}

static bool has_nul_in_key(const struct json_value *v)
{
    struct json_value key;
    struct json_value item = {.kind = JSON_ABSENT};
    bool found = false;

    while (!found && json_next(v, &key, &item)) {
        size_t n;
        char *text = text_of(&key, &n);

        found = strlen(text) != n;
        free(text);
    }
    return found;
}

static const char *compare_object(const struct json_value *v, struct json_object *o)
{
    struct json_value key;
    struct json_value item = {.kind = JSON_ABSENT};
    const char *differs = NULL;

    if (has_nul_in_key(v))
        return NULL;
    if (json_count(v) < (size_t)json_object_object_length(o))
        return "the members of an object";
    while (!differs && json_next(v, &key, &item)) {
        size_t n;
        char *text = text_of(&key, &n);

        differs = compare_member(v, o, text, n);
        free(text);
    }
    return differs;
}

static const char *compare(const struct json_value *v, struct json_object *o)
{
    static const enum json_type TYPE[] = {
        [JSON_NULL] = json_type_null,     [JSON_FALSE] = json_type_boolean,
        [JSON_TRUE] = json_type_boolean,  [JSON_NUMBER] = json_type_double,
        [JSON_TEXT] = json_type_string,   [JSON_LIST] = json_type_array,
        [JSON_OBJECT] = json_type_object,
    };
    enum json_type theirs = json_object_get_type(o);

    if (TYPE[v->kind] != (theirs == json_type_int ? json_type_double : theirs))
        return "the type of a value";
    switch (v->kind) {
    case JSON_FALSE:
    case JSON_TRUE:
        return (v->kind == JSON_TRUE) == json_object_get_boolean(o) ? NULL : "true and false";
    case JSON_NUMBER:
        return compare_number(v, o);
    case JSON_TEXT:
        return compare_text(v, o);
    case JSON_LIST:
        return compare_list(v, o);
    case JSON_OBJECT:
        return compare_object(v, o);
    default:
        return NULL;
    }
}

/* --- The whole ----------------------------------------------------------------------------- */

static bool parse(const char *s, size_t n, unsigned depth, struct json_object **out)
{
    struct json_tokener *tok = json_tokener_new_ex((int)depth);
    size_t end = n;
    bool ok;

    if (!tok)
        abort();
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    *out = json_tokener_parse_ex(tok, s, (int)n);
    if (json_tokener_get_error(tok) == json_tokener_continue) /* a bare number wants an end */
        *out = json_tokener_parse_ex(tok, "", 1);
    else
        end = json_tokener_get_parse_end(tok);
    while (end < n && memchr(" \t\r\n", s[end], 4))
        end++;
    ok = json_tokener_get_error(tok) == json_tokener_success && end == n;
    json_tokener_free(tok);
    return ok;
}

const char *json_oracle(const char *s, size_t n, unsigned depth)
{
    struct json_object *o = NULL;
    struct json_value v;
    bool ours = json_read(s, n, depth, NULL, &v, NULL) == 0;
    bool theirs = parse(s, n, depth + 1, &o); /* it counts the innermost value, too */
    const char *differs = NULL;

    if (ours && !theirs)
        differs = "json-c does not take it";
    else if (theirs && !ours && depth_of(s, n) <= depth && !is_lenient(s, n))
        differs = "json-c takes it";
    else if (ours)
        differs = v.at < s || v.at + v.size > s + n ? "where it stands" : compare(&v, o);
    json_object_put(o);
    return differs;
}
