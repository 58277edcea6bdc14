/* refusal: what an answer that is not a success says.
 * In:    the body, as far as it came.
 * Out:   one redacted line, and what it claims.
 * Never: trusts the shape of an error; keeps the body. */
#include "core/refusal.h"

#include <string.h>
#include <strings.h>

#include "core/answer.h"
#include "lib/json.h"

/* --- Finding the text ---------------------------------------------------------------------- */

static bool is_text(struct json_object *v)
{
    return json_object_is_type(v, json_type_string) && json_object_get_string_len(v) > 0;
}

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v))
        return NULL;
    return v;
}

/* A text, or an object that has one as its message. */
static struct json_object *text_or_message(struct json_object *v)
{
    struct json_object *message = member(v, "message");

    return is_text(v) ? v : is_text(message) ? message : NULL;
}

static struct json_object *first_of(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_get_idx(list, 0) : NULL;
}

/* The shapes seen, most telling first: {"error": text}, {"error": {"message": text}},
 * {"message": text}, {"errors": [text or {"message": text}]}, a bare text. NULL: none of them. */
static struct json_object *find_text(struct json_object *o)
{
    struct json_object *found = text_or_message(member(o, "error"));

    if (!found)
        found = text_or_message(o);
    if (!found)
        found = text_or_message(first_of(member(o, "errors")));
    return found;
}

/* --- What it claims ------------------------------------------------------------------------ */

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* A database named "meal-plan" says nothing of plans: a dash belongs to the word. */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = text; (p = strcasestr(p, word)) != NULL; p++)
        if ((p == text || !is_word_byte(p[-1])) && !is_word_byte(p[n]))
            return true;
    return false;
}

static bool speaks_of_plan(const char *text)
{
    static const char *const WORDS[] = {"plan", "plans", "upgrade", "subscription"};

    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
        if (has_word(text, WORDS[i]))
            return true;
    return false;
}

static bool speaks_of_taken_name(const char *text)
{
    return strcasestr(text, "already exists") || strcasestr(text, "not available");
}

static void judge(const char *text, const char *code, struct refusal *out)
{
    bool exists = strcasestr(text, "already exists") != NULL;

    /* "exists already" is said of names alone, "not available" of names and of features */
    out->says_plan = strcasestr(code, "plan") || (!exists && speaks_of_plan(text));
    out->says_taken = !out->says_plan && speaks_of_taken_name(text);
}

/* --- The whole ----------------------------------------------------------------------------- */

static void quote(const char *text, size_t n, struct refusal *out)
{
    answer_redact(text, n, out->text, sizeof(out->text));
}

/* Without memory its words are missed, and nothing else. */
static void quote_any(struct json_object *o, struct refusal *out)
{
    struct buf text = BUF_INIT(LIMIT_ANSWER_BYTES);

    if (json_print(o, &text))
        quote(buf_str(&text), text.size, out);
    buf_deinit(&text);
}

static void read_json(struct json_object *o, struct refusal *out)
{
    struct json_object *text = find_text(o);
    struct json_object *error = member(o, "error");
    struct json_object *code = member(o, "code");
    const char *said = text ? json_object_get_string(text) : "";
    int64_t seconds;

    if (!is_text(code))
        code = member(error, "code");
    if (text)
        quote(said, (size_t)json_object_get_string_len(text), out);
    else if (is_text(code))
        quote(json_object_get_string(code), (size_t)json_object_get_string_len(code), out);
    else if (error && !json_object_is_type(error, json_type_string))
        quote_any(error, out);
    judge(said, is_text(code) ? json_object_get_string(code) : "", out);
    if (json_get_int(o, "retry_after", &seconds) && seconds >= 0)
        out->retry_after_ms =
            seconds < LIMIT_RETRY_AFTER_MS / 1000 ? seconds * 1000 : (int64_t)LIMIT_RETRY_AFTER_MS;
}

void refusal_read(const char *body, size_t n, bool may_quote, struct refusal *out)
{
    CLEANUP(json_put) struct json_object *o = NULL;
    struct err unread = ERR_INIT;

    *out = (struct refusal){.retry_after_ms = -1};
    if (json_parse(body, n, LIMIT_JSON_DEPTH, &o, &unread) == 0) {
        read_json(o, out);
    } else if (may_quote) {
        quote(body, n, out);
        judge(out->text, "", out);
    }
}
