/* schema_say: what to tell people about a value or a key that is wrong.
 * In:    tokens and tables.
 * Out:   messages in diags, or pieces of them.
 * Never: reads on. */
#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "core/schema.h"
#include "lib/buf.h"
#include "lib/text.h"

#define SHOW_BYTES       64
#define KEYS_TEXT_BYTES  1024
#define NEAREST_BYTES    32
#define NEAREST_DISTANCE 2

/* Bytes of s[0..n) that fit, not cutting a character. */
static size_t cut(const char *s, size_t n)
{
    if (n <= SHOW_BYTES)
        return n;
    n = SHOW_BYTES;
    while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    return n;
}

const char *schema_show(const struct yaml_token *t, char out[SCHEMA_SHOW_SIZE])
{
    size_t n;

    if (t->kind == YAML_MAP)
        return "a mapping";
    if (t->kind == YAML_LIST)
        return "a list";
    if (yaml_is_null(t))
        return t->size ? "null" : "empty";
    n = cut(t->text, t->size);
    snprintf(out, SCHEMA_SHOW_SIZE, "\"%.*s\"%s", (int)n, t->text, n < t->size ? " and more" : "");
    return out;
}

const char *schema_expected(const struct schema_key *k, char out[SCHEMA_EXPECTED_SIZE])
{
    const char *or_null = k->null ? ", or null" : "";

    if (k->expected)
        return k->expected;
    if (k->parse == schema_parse_duration) {
        char min[TEXT_DURATION_SIZE];
        char max[TEXT_DURATION_SIZE];

        snprintf(out, SCHEMA_EXPECTED_SIZE, "a duration such as 90s or 1h30m, from %s to %s",
                 text_duration(k->min, min), text_duration(k->max, max));
    } else {
        snprintf(out, SCHEMA_EXPECTED_SIZE, "a whole number from %lld to %lld%s", (long long)k->min,
                 (long long)k->max, or_null);
    }
    return out;
}

static bool is_secret(const struct schema_key *k, const struct yaml_token *t)
{
    return t->kind == YAML_TEXT && !yaml_is_null(t) && k->secret_if &&
           (!*k->secret_if || strpbrk(t->text, k->secret_if));
}

void schema_wrong(struct schema *s, const struct schema_key *k, const struct yaml_token *t)
{
    char shown[SCHEMA_SHOW_SIZE];
    char expected[SCHEMA_EXPECTED_SIZE];

    if (!t->bad && t->kind != YAML_END)
        diags_error(s->diags, t->at, "%s%s%s is %s; expected %s", k->is_item ? "an item of " : "",
                    s->prefix ? s->prefix : "", k->key,
                    is_secret(k, t) ? "a text that is not shown here" : schema_show(t, shown),
                    schema_expected(k, expected));
    yaml_skip(s->yaml, t);
}

/* --- Keys ---------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Insertions, removals and changes that turn a into b; both are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAREST_BYTES + 1];
    size_t n = strlen(b);

    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t k = 1; k <= n; k++) {
            size_t above = row[k];

            row[k] = least(above + 1, row[k - 1] + 1, diagonal + (a[i] == b[k - 1] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[n];
}

static const char *nearest(const struct schema *s, const struct schema_map *map, const char *key)
{
    size_t best = NEAREST_DISTANCE + 1;
    const char *found = NULL;

    if (strlen(key) < 3 || strlen(key) > NEAREST_BYTES)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        const struct schema_key *k = &map->keys[i];
        size_t d;

        if ((k->not_in & s->context) || strlen(k->key) > NEAREST_BYTES)
            continue;
        d = distance(key, k->key);
        if (d < best && d < strlen(key)) {
            best = d;
            found = k->key;
        }
    }
    return found;
}

static void list_keys(const struct schema *s, const struct schema_map *map, struct buf *out)
{
    for (size_t i = 0; i < map->n; i++)
        if (!(map->keys[i].not_in & s->context))
            buf_printf(out, "%s%s", out->size ? ", " : "", map->keys[i].key);
}

void schema_unknown_key(struct schema *s, const struct schema_map *map,
                        const struct yaml_token *key)
{
    struct buf keys = BUF_INIT(KEYS_TEXT_BYTES);
    char shown[SCHEMA_SHOW_SIZE];
    const char *near = NULL;

    if (s->diags->n_errors - s->errors_before < LIMIT_ERRORS) { /* else nobody will read it */
        list_keys(s, map, &keys);
        near = nearest(s, map, key->text);
    }
    if (keys.failed)
        s->nomem = true;
    else if (near)
        diags_error(s->diags, key->at,
                    "unknown key %s in %s (did you mean \"%s\"?); expected one of %s",
                    schema_show(key, shown), map->what, near, buf_str(&keys));
    else
        diags_error(s->diags, key->at, "unknown key %s in %s; expected one of %s",
                    schema_show(key, shown), map->what, buf_str(&keys));
    buf_deinit(&keys);
}

void schema_warn_name(struct schema *s, const struct yaml_token *t)
{
    static const char *const WORDS[] = {"yes", "no", "on", "off", "y", "n", "true", "false"};

    if (!t->plain)
        return;
    if (t->size > 0 && strspn(t->text, "0123456789") == t->size)
        diags_warning(s->diags, t->at,
                      "the name %s is not quoted, and other YAML readers take it for a number; "
                      "expected \"%s\"",
                      t->text, t->text);
    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
        if (strcmp(t->text, WORDS[i]) == 0)
            diags_warning(s->diags, t->at,
                          "the name %s is not quoted, and other YAML readers take it for a "
                          "boolean; expected \"%s\"",
                          t->text, t->text);
}
