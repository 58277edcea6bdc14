/* splitter: one JSON object, cut into its members' values as its bytes arrive.
 * In:    bytes in pieces of any size.
 * Out:   each value's text, whole; whether the document came to its end.
 * Never: looks inside a value further than to find its end. */
#include "core/splitter.h"

#include <assert.h>
#include <string.h>

#include "core/limits.h"
#include "lib/json_read.h"

/*  start -{-> first_key -"-> key -"-> colon -:-> value ---------> item -> after_member -}-> end
 *                ^ |}-> end                        |[ of the list           |,
 *                |                                 v                        v
 *                |               first_element -> item -> after_element   next_key
 *                |                     |]            ^        | ,   |]
 *                                      v             +- next_element|
 *                                   after_member <------------------+                        */
enum state {
    START,
    FIRST_KEY,
    NEXT_KEY,
    KEY,
    COLON,
    VALUE,
    FIRST_ELEMENT,
    NEXT_ELEMENT,
    ITEM,
    AFTER_ELEMENT,
    AFTER_MEMBER,
    END,
};

void splitter_init(struct splitter *s, const char *list, size_t value_max, splitter_value_fn value,
                   void *arg)
{
    *s = (struct splitter){.list = list, .value = value, .arg = arg, .held = BUF_INIT(value_max)};
    s->state = START;
}

void splitter_deinit(struct splitter *s)
{
    buf_deinit(&s->held);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int unexpected(const struct splitter *s, struct err *err)
{
    static const char *const WANTED[] = {
        [START] = "an object",
        [FIRST_KEY] = "a key or the end",
        [NEXT_KEY] = "a key",
        [KEY] = "a plain key",
        [COLON] = "a colon",
        [VALUE] = "a list",
        [FIRST_ELEMENT] = "an element",
        [NEXT_ELEMENT] = "an element",
        [ITEM] = "a value",
        [AFTER_ELEMENT] = "a comma or the list's end",
        [AFTER_MEMBER] = "a comma or the end",
        [END] = "nothing more",
    };

    return err_set(err, ERR_INVALID, "byte %zu: %s was due", s->offset, WANTED[s->state]);
}

/* --- Values -------------------------------------------------------------------------------- */

static void begin_item(struct splitter *s, bool is_element)
{
    s->is_element = is_element;
    s->state = ITEM;
    s->begun = s->offset;
    s->depth = 0;
    s->is_too_deep = false;
    s->in_text = s->escaped = false;
    buf_clear(&s->held);
}

/* Past a text's bytes; true when its closing quote is at *at. */
static bool pass_text(struct splitter *s, const char *data, size_t size, size_t *at)
{
    for (; *at < size; ++*at) {
        if (!s->escaped)
            *at = (size_t)(json_simple_end(data + *at, data + size) - data);
        if (*at == size)
            break;
        if (s->escaped)
            s->escaped = false;
        else if (data[*at] == '\\')
            s->escaped = true;
        else if (data[*at] == '"')
            return true;
    }
    return false;
}

/* Where in data[0..size) the value ends; size + 1 when it does not end here. A number or word ends
 * before what follows it, everything else with its last byte. */
static size_t item_end(struct splitter *s, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (s->in_text && !pass_text(s, data, size, &i))
            break;
        switch (data[i]) {
        case '"':
            s->in_text = !s->in_text;
            if (!s->in_text && s->depth == 0)
                return i + 1;
            break;
        case '{':
        case '[':
            s->is_too_deep = s->is_too_deep || ++s->depth > LIMIT_JSON_DEPTH;
            if (s->is_too_deep)
                return size + 1;
            break;
        case '}':
        case ']':
            if (s->depth == 0)
                return i;
            if (--s->depth == 0)
                return i + 1;
            break;
        default:
            if (s->depth == 0 && (data[i] == ',' || is_space(data[i])))
                return i;
        }
    }
    return size + 1;
}

/* Give the value away: from where it arrived, if all of it did in one piece. */
static int finish_item(struct splitter *s, const char *data, size_t size, struct err *err)
{
    if (s->held.size > 0) {
        if (!buf_add(&s->held, data, size))
            return err_nomem(err);
        data = s->held.data;
        size = s->held.size;
    }
    if (size == 0)
        return unexpected(s, err);
    s->state = s->is_element ? AFTER_ELEMENT : AFTER_MEMBER;
    return s->value(s->arg, s->key, s->is_element, data, size, err);
}

/* An element that is all there is read where it is, and its end found on the way. Bytes taken, 0:
 * none, or -ERR_x. */
static ptrdiff_t take_front(struct splitter *s, const char *data, size_t size, struct err *err)
{
    ptrdiff_t taken;

    if (!s->front || !s->is_element || s->offset != s->begun || *data != '{')
        return 0;
    taken = s->front(s->arg, data, size < s->held.max ? size : s->held.max, err);
    if (taken > 0)
        s->state = AFTER_ELEMENT;
    return taken;
}

/* Bytes taken, or -ERR_x. */
static ptrdiff_t take_held(struct splitter *s, const char *data, size_t size, struct err *err)
{
    size_t end = item_end(s, data, size);
    size_t taken = end > size ? size : end;
    int rc = 0;

    if (s->is_too_deep)
        return err_set(err, ERR_LIMIT, "byte %zu: a value nested too deep", s->begun);
    if (taken > s->held.max - s->held.size)
        return err_set(err, ERR_LIMIT, "byte %zu: a value of over %zu bytes", s->begun,
                       s->held.max);
    if (end <= size)
        rc = finish_item(s, data, end, err);
    else if (!buf_add(&s->held, data, size))
        rc = err_nomem(err);
    return rc < 0 ? rc : (ptrdiff_t)taken;
}

static ptrdiff_t take_item(struct splitter *s, const char *data, size_t size, struct err *err)
{
    ptrdiff_t taken = take_front(s, data, size, err);

    return taken != 0 ? taken : take_held(s, data, size, err);
}

/* --- Between values ------------------------------------------------------------------------ */

static int take_key_byte(struct splitter *s, char c, struct err *err)
{
    if (c == '"') {
        s->key[s->key_size] = '\0';
        s->state = COLON;
        return 0;
    }
    if (c == '\\' || (unsigned char)c < 0x20 || s->key_size == SPLITTER_KEY_BYTES)
        return unexpected(s, err);
    s->key[s->key_size++] = c;
    return 0;
}

/* `c` is the first byte of a member's value. Returns whether it was taken. */
static int begin_value(struct splitter *s, char c, struct err *err)
{
    if (s->within && !s->is_within && c == '{' && strcmp(s->key, s->within) == 0) {
        s->is_within = true;
        s->state = FIRST_KEY;
        return 1;
    }
    if (strcmp(s->key, s->list) != 0 || (c == 'n' && s->is_lenient)) {
        s->has_list = s->has_list || strcmp(s->key, s->list) == 0;
        begin_item(s, false);
        return 0;
    }
    if (c != '[')
        return unexpected(s, err);
    if (s->has_list)
        return err_set(err, ERR_INVALID, "byte %zu: \"%s\" stands twice", s->offset, s->list);
    s->has_list = true;
    s->state = FIRST_ELEMENT;
    return 1;
}

/* Move on where `c` is `due`. */
static int move(struct splitter *s, char c, char due, enum state to, struct err *err)
{
    if (c != due)
        return unexpected(s, err);
    s->state = (int)to;
    return 1;
}

static int begin_key(struct splitter *s, char c, struct err *err)
{
    s->key_size = 0;
    return move(s, c, '"', KEY, err);
}

/* The closing bracket of the document, or of the object within it that counts. */
static int close_object(struct splitter *s)
{
    s->state = s->is_within ? AFTER_MEMBER : END;
    s->is_within = false;
    return 1;
}

/* A byte outside of values that is no space: 1 taken, 0 it begins a value, -ERR_x. */
static int step(struct splitter *s, char c, struct err *err)
{
    switch ((enum state)s->state) {
    case START:
        return move(s, c, '{', FIRST_KEY, err);
    case FIRST_KEY:
        return c == '}' ? close_object(s) : begin_key(s, c, err);
    case NEXT_KEY:
        return begin_key(s, c, err);
    case COLON:
        return move(s, c, ':', VALUE, err);
    case VALUE:
        return begin_value(s, c, err);
    case FIRST_ELEMENT:
        if (c == ']')
            return move(s, c, ']', AFTER_MEMBER, err);
        begin_item(s, true);
        return 0;
    case NEXT_ELEMENT:
        begin_item(s, true);
        return 0;
    case AFTER_ELEMENT:
        return c == ',' ? move(s, c, ',', NEXT_ELEMENT, err) : move(s, c, ']', AFTER_MEMBER, err);
    case AFTER_MEMBER:
        if (c == '}')
            return close_object(s);
        return move(s, c, ',', NEXT_KEY, err);
    case KEY:
    case ITEM:
    case END:
        break;
    }
    return unexpected(s, err);
}

/* Bytes taken from the front, at least one unless a value begins; or -ERR_x. */
static ptrdiff_t take(struct splitter *s, const char *data, size_t size, struct err *err)
{
    int rc;

    if (s->state == ITEM)
        return take_item(s, data, size, err);
    if (s->state == KEY) {
        rc = take_key_byte(s, *data, err);
        return rc < 0 ? rc : 1;
    }
    return is_space(*data) ? 1 : step(s, *data, err);
}

int splitter_feed(struct splitter *s, const char *data, size_t size, struct err *err)
{
    while (size > 0) {
        ptrdiff_t taken = take(s, data, size, err);

        if (taken < 0)
            return (int)taken;
        data += taken;
        size -= (size_t)taken;
        s->offset += (size_t)taken;
    }
    return 0;
}

int splitter_end(const struct splitter *s, struct err *err)
{
    if (s->state != END)
        return err_set(err, ERR_INVALID, "it ends too early, after %zu bytes", s->offset);
    if (!s->has_list)
        return err_set(err, ERR_INVALID, "there is no \"%s\" in it", s->list);
    return 0;
}
