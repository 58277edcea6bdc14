/* schema: typed reading of YAML by tables: a row for each key says how its value is read, where it
 * goes and what to tell people who got it wrong. Reading goes on after an error, so that all are
 * reported.
 * In:    tokens, tables.
 * Out:   the caller's structs filled in, texts in an arena; errors in diags.
 * Never: knows a key of manifest or configuration. */
#ifndef TENANTD_CORE_SCHEMA_H
#define TENANTD_CORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "core/yaml.h"
#include "lib/arena.h"

/* Something that a table has, and that is not accepted in one context. */
struct schema_ban {
    unsigned context; /* one bit */
    const char *where;
    const char *expected;
};

/* What was read into an arena, and is kept where the same comes once more: by hash, the last of
 * each. */
#define SCHEMA_SHARED 64
struct schema_pool {
    struct {
        const void *object;
        size_t size;
    } items[SCHEMA_SHARED];
};

/* The state of reading one file. */
struct schema {
    struct yaml *yaml;
    struct arena *arena;
    struct arena *names; /* of entries; may be the same */
    struct diags *diags;
    const struct schema_ban *bans;
    size_t n_bans;
    unsigned context;    /* bits of the contexts that hold here */
    const char *prefix;  /* of keys in messages: "api."; NULL: none */
    size_t entries_left; /* that the file may still have */
    size_t errors_before;
    bool nomem;
    struct schema_pool *shared; /* of `arena`; NULL: nobody shares */
};

struct schema_key;

/* Read one value into *out. False when nothing was read: of a `parse` because the text is not of
 * the form (the caller reports it), of a `read` because of what it has itself reported. */
typedef bool (*schema_fn)(struct schema *s, const struct schema_key *k,
                          const struct yaml_token *first, void *out);

struct schema_words {
    const char *const *items;
    size_t n;
};

/* A row of a table. Exactly one of parse and read is set. */
struct schema_key {
    const char *key;
    schema_fn parse; /* a scalar, which is not null unless `null` says so */
    schema_fn read;  /* anything */
    size_t offset;   /* of *out in the object */
    int64_t min;     /* of numbers, and durations in ms */
    int64_t max;
    bool (*ok)(const char *s, size_t n);
    const char *secret_if; /* a text with one of these characters is not shown; "": no text is */
    const char *expected;  /* "a name of ..."; NULL: made from min and max */
    const void *info;      /* struct schema_words, or what `read` wants */
    uint32_t bit;          /* or-ed into the object's set once the value was read */
    unsigned not_in;       /* contexts */
    bool null;             /* parse takes null too */
    bool is_item;          /* of the list that is the value of `key` */
};

#define SCHEMA_NO_SET   SIZE_MAX
#define SCHEMA_MAX_KEYS 32

struct schema_map {
    const char *what; /* "a database" */
    const char *prefix;
    const struct schema_key *keys;
    size_t n;
    size_t set_offset; /* of a uint32_t in the object, or SCHEMA_NO_SET */
};

/* Read a mapping into *object. `seen`: NULL, or map->n places, filled with where each key stands
 * (line 0: not named). False when `first` is no mapping (reported as the value of `k`; NULL: as the
 * whole file). */
bool schema_map(struct schema *s, const struct schema_key *k, const struct schema_map *map,
                const struct yaml_token *first, void *object, struct source *seen);
/* Report, at `at`, that a key that must be there is not. */
void schema_require(struct schema *s, const struct schema_map *map, size_t key,
                    const struct source *seen, struct source at);
/* The same as a `read`, with the map in k->info. */
bool schema_read_map(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                     void *out);

/* A mapping from names of the user's to values that one function reads. */
struct schema_entry { /* how each entry begins */
    const char *name;
    struct source at;
};
struct schema_item;
struct schema_entries {
    const char *what; /* "database" */
    size_t size;      /* of an entry */
    size_t max;
    bool counted;                    /* against entries_left too */
    const struct schema_item *names; /* what the names are; NULL: names as text_is_name has them */
    void (*read)(struct schema *s, const struct yaml_token *first, void *entry);
};
/* *items: from mem, the caller's, sorted by name, whatever is returned. */
bool schema_entries(struct schema *s, const struct schema_key *k, const struct schema_entries *kind,
                    const struct yaml_token *first, void **items, size_t *n);

/* A list of texts. */
struct schema_item {
    bool (*ok)(const char *s, size_t n);
    const char *expected;
    bool trim; /* spaces around it are not part of it */
};
struct schema_texts {
    const char **items; /* texts in the arena, interned */
    size_t n;
    size_t capacity;
};
bool schema_texts(struct schema *s, const struct schema_key *k, const struct schema_item *item,
                  const struct yaml_token *first, struct schema_texts *out);
/* As a set: sorted, without doubles, the array in the arena, NULL-terminated. */
bool schema_texts_keep(struct schema *s, struct schema_texts *t, const char ***items, size_t *n);
void schema_texts_sort(struct schema_texts *t);
/* "a,b,c"; NULL: no memory. */
const char *schema_texts_join(struct schema *s, const struct schema_texts *t);
void schema_texts_deinit(struct schema_texts *t);

/* Ready-made `parse` functions, by the type of *out. */
bool schema_parse_name(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out); /* const char *: a name */
bool schema_parse_text(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out); /* const char *: what k->ok says; null: NULL */
bool schema_parse_bool(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out); /* bool */
bool schema_parse_word(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out); /* an enum: index into k->info */
bool schema_parse_flag(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                       void *out); /* bool: the second of two words */
bool schema_parse_count(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                        void *out); /* unsigned */
bool schema_parse_limit(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                        void *out); /* int64_t; null: -1 */
bool schema_parse_duration(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                           void *out); /* int64_t, ms */

/* Tools for `read` functions. */
/* The next key of the mapping being read; false at its end. Keys that are no text are reported. */
bool schema_next_key(struct schema *s, struct yaml_token *t);
/* Report the value of `k`, whose first token is `t`, as not what was expected, and pass over it. */
void schema_wrong(struct schema *s, const struct schema_key *k, const struct yaml_token *t);
/* A copy in the arena, equal texts shared; NULL, and s->nomem, without memory. */
const char *schema_keep(struct schema *s, const char *text, size_t n);
/* A copy in the arena, or one that says the same, byte for byte, and was made lately. NULL, and
 * s->nomem, without memory. */
const void *schema_share(struct schema *s, const void *object, size_t size);
/* Warn of an unquoted name that other YAML readers take for a number or a boolean. */
void schema_warn_name(struct schema *s, const struct yaml_token *t);

/* What a value is, for messages: a quoted text, cut; "a list"; "empty"; ... */
#define SCHEMA_SHOW_SIZE 96
const char *schema_show(const struct yaml_token *t, char out[SCHEMA_SHOW_SIZE]);
/* What a row expects; `out` is used when it has to be made up. */
#define SCHEMA_EXPECTED_SIZE 160
const char *schema_expected(const struct schema_key *k, char out[SCHEMA_EXPECTED_SIZE]);
/* Report a key that is not in the table. */
void schema_unknown_key(struct schema *s, const struct schema_map *map,
                        const struct yaml_token *key);

#endif
