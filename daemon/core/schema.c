/* schema: typed reading of YAML by tables.
 * In:    tokens, tables.
 * Out:   structs filled in; every error reported, reading goes on behind it.
 * Never: knows a key of manifest or configuration. */
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/search.h"
#include "lib/text.h"

#define STRING_OF(n) #n
#define STRING(n)    STRING_OF(n)
#define SCHEMA_EXPECTED_NAME                                                                       \
    "small letters, digits and inner dashes, at most " STRING(LIMIT_NAME_BYTES)

const char *schema_keep(struct schema *s, const char *text, size_t n)
{
    const char *kept = arena_intern(s->arena, text, n);

    if (!kept)
        s->nomem = true;
    return kept;
}

const void *schema_share(struct schema *s, const void *object, size_t size)
{
    size_t i = text_mix(TEXT_HASH_INIT, object, size) % SCHEMA_SHARED;
    void *kept;

    if (s->shared->items[i].size == size && memcmp(s->shared->items[i].object, object, size) == 0)
        return s->shared->items[i].object;
    kept = arena_alloc(s->arena, size);
    if (!kept) {
        s->nomem = true;
        return NULL;
    }
    memcpy(kept, object, size);
    s->shared->items[i].object = kept;
    s->shared->items[i].size = size;
    return kept;
}

/* --- Mappings with known keys -------------------------------------------------------------- */

static void skip_value(struct schema *s)
{
    struct yaml_token t;

    yaml_next(s->yaml, &t);
    yaml_skip(s->yaml, &t);
}

bool schema_next_key(struct schema *s, struct yaml_token *t)
{
    for (;;) {
        yaml_next(s->yaml, t);
        if (s->nomem || t->kind == YAML_MAP_END || t->kind == YAML_END)
            return false;
        if (t->kind == YAML_TEXT && !t->bad)
            return true;
        if (t->kind != YAML_TEXT) {
            char shown[SCHEMA_SHOW_SIZE];

            diags_error(s->diags, t->at, "%s as a key; expected a text", schema_show(t, shown));
            yaml_skip(s->yaml, t);
        }
        skip_value(s);
    }
}

static const struct schema_key *find_key(const struct schema_map *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->keys[i].key, key) == 0)
            return &map->keys[i];
    return NULL;
}

/* True when a key of the table may stand here, for the first time. */
static bool is_welcome(struct schema *s, const struct schema_key *k, struct source *seen,
                       struct source at)
{
    for (size_t i = 0; i < s->n_bans; i++) {
        const struct schema_ban *ban = &s->bans[i];

        if (k->not_in & s->context & ban->context) {
            diags_error(s->diags, at, "\"%s\" is not accepted in %s; expected %s", k->key,
                        ban->where, ban->expected);
            return false;
        }
    }
    if (seen->line) {
        diags_error(s->diags, at, "\"%s\" is given twice, first on line %u; expected each key once",
                    k->key, seen->line);
        return false;
    }
    *seen = at;
    return true;
}

static bool read_value(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out)
{
    if (k->read)
        return k->read(s, k, t, out);
    if (t->kind == YAML_TEXT && !t->bad && (k->null || !yaml_is_null(t)) && k->parse(s, k, t, out))
        return true;
    if (!s->nomem)
        schema_wrong(s, k, t);
    return false;
}

static void read_key(struct schema *s, const struct schema_map *map, const struct yaml_token *key,
                     void *object, struct source *seen)
{
    const struct schema_key *k = find_key(map, key->text);
    char *base = object;
    struct yaml_token t;

    if (!k)
        schema_unknown_key(s, map, key);
    if (!k || !is_welcome(s, k, &seen[k - map->keys], key->at)) {
        skip_value(s);
        return;
    }
    yaml_next(s->yaml, &t);
    if (read_value(s, k, &t, base + k->offset) && map->set_offset != SCHEMA_NO_SET) {
        uint32_t set;

        memcpy(&set, base + map->set_offset, sizeof(set));
        set |= k->bit;
        memcpy(base + map->set_offset, &set, sizeof(set));
    }
}

static bool expect(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                   enum yaml_kind kind)
{
    char shown[SCHEMA_SHOW_SIZE];

    if (t->kind == kind)
        return true;
    if (k) {
        schema_wrong(s, k, t);
    } else {
        if (!t->bad && t->kind != YAML_END)
            diags_error(s->diags, t->at, "the file is %s; expected a mapping",
                        schema_show(t, shown));
        yaml_skip(s->yaml, t);
    }
    return false;
}

bool schema_map(struct schema *s, const struct schema_key *k, const struct schema_map *map,
                const struct yaml_token *first, void *object, struct source *seen)
{
    struct source own[SCHEMA_MAX_KEYS] = {0};
    const char *outer = s->prefix;
    struct yaml_token key;

    if (!expect(s, k, first, YAML_MAP))
        return false;
    s->prefix = map->prefix;
    while (schema_next_key(s, &key))
        read_key(s, map, &key, object, own);
    s->prefix = outer;
    if (seen)
        memcpy(seen, own, map->n * sizeof(*seen));
    return true;
}

void schema_require(struct schema *s, const struct schema_map *map, size_t key,
                    const struct source *seen, struct source at)
{
    char expected[SCHEMA_EXPECTED_SIZE];

    if (!seen[key].line)
        diags_error(s->diags, at, "%s without \"%s\"; expected %s", map->what, map->keys[key].key,
                    schema_expected(&map->keys[key], expected));
}

bool schema_read_map(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                     void *out)
{
    return schema_map(s, k, k->info, first, out, NULL);
}

/* --- Mappings with the user's names -------------------------------------------------------- */

static int compare_entries(const void *left, const void *right)
{
    const struct schema_entry *a = left;
    const struct schema_entry *b = right;
    int r = strcmp(a->name, b->name);

    if (r == 0)
        r = (a->at.line > b->at.line) - (a->at.line < b->at.line);
    return r ? r : (a->at.column > b->at.column) - (a->at.column < b->at.column);
}

static const struct schema_entry *entry_at(const void *items, size_t size, size_t i)
{
    return (const void *)((const char *)items + i * size);
}

static void sort_entries(struct schema *s, const struct schema_entries *kind, void *items, size_t n)
{
    bool sorted = true;
    size_t first = 0; /* of those with one name */

    for (size_t i = 1; i < n && sorted; i++)
        sorted = strcmp(entry_at(items, kind->size, i - 1)->name,
                        entry_at(items, kind->size, i)->name) < 0;
    if (sorted)
        return;
    qsort(items, n, kind->size, compare_entries);
    for (size_t i = 1; i < n; i++) {
        const struct schema_entry *a = entry_at(items, kind->size, first);
        const struct schema_entry *b = entry_at(items, kind->size, i);

        if (strcmp(a->name, b->name) == 0)
            diags_error(s->diags, b->at,
                        "the %s \"%s\" is given twice, first on line %u; expected each name once",
                        kind->what, b->name, a->at.line);
        else
            first = i;
    }
}

/* True when one more fits; says so once when it does not. */
static bool has_room(struct schema *s, const struct schema_entries *kind, size_t n,
                     struct source at)
{
    if (n < kind->max && (!kind->counted || s->entries_left > 0)) {
        s->entries_left -= kind->counted ? 1 : 0;
        return true;
    }
    diags_error(s->diags, at, "too many entries here; expected at most %zu",
                kind->counted ? (size_t)LIMIT_ENTRIES : kind->max);
    return false;
}

static bool is_name(const struct schema_entries *kind, const struct yaml_token *key)
{
    return kind->names ? kind->names->ok(key->text, key->size) : text_is_name(key->text, key->size);
}

static bool begin_entry(struct schema *s, const struct schema_entries *kind,
                        const struct yaml_token *key, struct schema_entry *entry)
{
    char shown[SCHEMA_SHOW_SIZE];

    if (yaml_is_null(key) || !is_name(kind, key))
        diags_error(s->diags, key->at, "the name of %s %s is %s; expected %s",
                    strchr("AEIOUaeiou", *kind->what) ? "an" : "a", kind->what,
                    schema_show(key, shown),
                    kind->names ? kind->names->expected : SCHEMA_EXPECTED_NAME);
    else if (!kind->names)
        schema_warn_name(s, key);
    entry->at = key->at;
    entry->name = arena_strndup(s->names, key->text, key->size);
    if (!entry->name)
        s->nomem = true;
    return entry->name;
}

/* There are many files with one entry. */
static bool fit(void **items, size_t size)
{
    void *fitting = size ? mem_realloc(*items, size) : NULL;

    if (fitting)
        *items = fitting;
    return fitting || !size;
}

bool schema_entries(struct schema *s, const struct schema_key *k, const struct schema_entries *kind,
                    const struct yaml_token *first, void **items, size_t *n)
{
    size_t capacity = 0;
    struct yaml_token t;

    *items = NULL;
    *n = 0;
    if (!expect(s, k, first, YAML_MAP))
        return false;
    while (schema_next_key(s, &t)) {
        char *entry;

        if (!has_room(s, kind, *n, t.at)) {
            yaml_skip(s->yaml, first); /* the rest of the mapping */
            break;
        }
        if (!mem_grow(items, &capacity, *n + 1, kind->size)) {
            s->nomem = true;
            break;
        }
        entry = (char *)*items + *n * kind->size;
        memset(entry, 0, kind->size);
        if (!begin_entry(s, kind, &t, (struct schema_entry *)(void *)entry))
            break;
        ++*n;
        yaml_next(s->yaml, &t);
        kind->read(s, &t, entry);
    }
    if (!fit(items, *n * kind->size))
        s->nomem = true;
    sort_entries(s, kind, *items, *n);
    return true;
}

/* --- Lists of texts ------------------------------------------------------------------------ */

static bool add_text(struct schema *s, const struct schema_item *item, const struct yaml_token *t,
                     struct schema_texts *out)
{
    const char *text = t->text;
    size_t n = t->size;

    while (item->trim && n > 0 && text[n - 1] == ' ')
        n--;
    for (; item->trim && n > 0 && *text == ' '; text++)
        n--;
    if (t->kind != YAML_TEXT || t->bad || yaml_is_null(t))
        return false;
    text = schema_keep(s, text, n);
    if (!text || !item->ok(text, n))
        return false;
    if (!mem_grow(&out->items, &out->capacity, out->n + 1, sizeof(*out->items))) {
        s->nomem = true;
        return false;
    }
    out->items[out->n++] = text;
    return true;
}

bool schema_texts(struct schema *s, const struct schema_key *k, const struct schema_item *item,
                  const struct yaml_token *first, struct schema_texts *out)
{
    const struct schema_key row = {.key = k->key, .expected = item->expected, .is_item = true};
    struct yaml_token t;
    bool good = true;

    if (!expect(s, k, first, YAML_LIST))
        return false;
    for (yaml_next(s->yaml, &t); t.kind != YAML_LIST_END && t.kind != YAML_END;
         yaml_next(s->yaml, &t)) {
        if (out->n == LIMIT_LIST_ITEMS) {
            diags_error(s->diags, t.at, "%s has too many items; expected at most %u", k->key,
                        LIMIT_LIST_ITEMS);
            yaml_skip(s->yaml, &t);
            yaml_skip(s->yaml, first); /* the rest of the list */
            return false;
        }
        if (add_text(s, item, &t, out))
            continue;
        good = false;
        if (s->nomem)
            return false;
        schema_wrong(s, &row, &t);
    }
    return good;
}

void schema_texts_sort(struct schema_texts *t)
{
    size_t kept = 0;

    search_sort((void *)t->items, t->n, sizeof(*t->items));
    for (size_t i = 0; i < t->n; i++)
        if (kept == 0 || strcmp(t->items[kept - 1], t->items[i]) != 0)
            t->items[kept++] = t->items[i];
    t->n = kept;
}

bool schema_texts_keep(struct schema *s, struct schema_texts *t, const char ***items, size_t *n)
{
    const char **kept = arena_alloc(s->arena, (t->n + 1) * sizeof(*kept));

    if (!kept) {
        s->nomem = true;
        return false;
    }
    if (t->n)
        memcpy((void *)kept, (const void *)t->items, t->n * sizeof(*kept));
    *items = kept;
    *n = t->n;
    return true;
}

const char *schema_texts_join(struct schema *s, const struct schema_texts *t)
{
    struct buf joined = BUF_INIT(SIZE_MAX / 2);
    const char *kept = NULL;

    for (size_t i = 0; i < t->n; i++)
        buf_printf(&joined, "%s%s", i ? "," : "", t->items[i]);
    if (!joined.failed)
        kept = schema_keep(s, buf_str(&joined), joined.size);
    s->nomem = s->nomem || !kept;
    buf_deinit(&joined);
    return kept;
}

void schema_texts_deinit(struct schema_texts *t)
{
    mem_free((void *)t->items);
    *t = (struct schema_texts){0};
}
