/* schema_parse: the ready-made readers of one scalar each.
 * In:    a token, the row of its key.
 * Out:   a value in the caller's struct; false when the text is not of the form.
 * Never: reports; the caller does, from the row. */
#include <string.h>

#include "core/schema.h"
#include "lib/text.h"

static bool store_text(struct schema *s, const struct yaml_token *t, void *out)
{
    const char *text = schema_keep(s, t->text, t->size);

    if (!text)
        return false;
    memcpy(out, &text, sizeof(text));
    return true;
}

bool schema_parse_name(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out)
{
    (void)k;
    if (!text_is_name(t->text, t->size))
        return false;
    schema_warn_name(s, t);
    return store_text(s, t, out);
}

bool schema_parse_text(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out)
{
    if (yaml_is_null(t)) {
        const char *none = NULL;

        memcpy(out, &none, sizeof(none));
        return t->size > 0; /* a value that is just missing may have been cut off */
    }
    return k->ok(t->text, t->size) && store_text(s, t, out);
}

bool schema_parse_bool(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out)
{
    bool v = strcmp(t->text, "true") == 0;

    (void)s;
    (void)k;
    if (!t->plain || (!v && strcmp(t->text, "false") != 0))
        return false;
    memcpy(out, &v, sizeof(v));
    return true;
}

static bool find_word(const struct schema_key *k, const struct yaml_token *t, unsigned *out)
{
    const struct schema_words *words = k->info;

    for (size_t i = 0; i < words->n; i++) {
        if (strcmp(words->items[i], t->text) == 0) {
            *out = (unsigned)i;
            return true;
        }
    }
    return false;
}

bool schema_parse_word(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out)
{
    unsigned v;

    (void)s;
    if (!find_word(k, t, &v))
        return false;
    memcpy(out, &v, sizeof(v)); /* an enum without negative values is an unsigned */
    return true;
}

bool schema_parse_flag(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out)
{
    unsigned v;
    bool flag;

    (void)s;
    if (!find_word(k, t, &v))
        return false;
    flag = v == 1;
    memcpy(out, &flag, sizeof(flag));
    return true;
}

static bool parse_number(const struct schema_key *k, const struct yaml_token *t, int64_t *out)
{
    uint64_t v;

    if (!t->plain || !text_parse_uint(t->text, (uint64_t)k->max, &v) || v < (uint64_t)k->min)
        return false;
    *out = (int64_t)v;
    return true;
}

bool schema_parse_count(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                        void *out)
{
    int64_t v;
    unsigned count;

    (void)s;
    if (!parse_number(k, t, &v))
        return false;
    count = (unsigned)v;
    memcpy(out, &count, sizeof(count));
    return true;
}

bool schema_parse_limit(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                        void *out)
{
    int64_t v = -1;

    (void)s;
    if (yaml_is_null(t) ? t->size == 0 : !parse_number(k, t, &v))
        return false;
    memcpy(out, &v, sizeof(v));
    return true;
}

bool schema_parse_duration(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                           void *out)
{
    int64_t ms;

    (void)s;
    if (!text_parse_duration(t->text, &ms) || ms < k->min || ms > k->max)
        return false;
    memcpy(out, &ms, sizeof(ms));
    return true;
}
