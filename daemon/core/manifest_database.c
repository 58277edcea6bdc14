/* manifest_database: the mappings `databases` and `classes`, which have nearly the same fields.
 * In:    the tokens of YAML.
 * Out:   arrays of struct db_spec, checked as far as one entry alone can be.
 * Never: applies a class, looks at another entry. */
#include "core/manifest_database.h"

#include <string.h>

#include "core/limits.h"
#include "core/manifest.h"
#include "core/manifest_check.h"
#include "core/manifest_token.h"
#include "lib/text.h"

/* An entry that is being read. */
struct draft {
    struct db_says says; /* first: where its keys are read into */
    const char *name;
};

/* --- Fields of the configuration ----------------------------------------------------------- */

/* What a text, or an item of a set, must look like; a BOOL needs no row. */
static const struct schema_item GRAMMAR[CONFIG_N] = {
    [CONFIG_SIZE_LIMIT] = {manifest_is_size, NULL, false},
    [CONFIG_ALLOWED_IPS] = {manifest_is_cidr,
                            "an IP address or a range such as 203.0.113.0/24 or 2001:db8::/32",
                            true},
    [CONFIG_ALLOWED_AWS_VPC_IDS] = {manifest_is_vpc_endpoint,
                                    "an AWS VPC endpoint such as vpce-0a1b2c3d4e5f67890", true},
};

static enum config_field field_of(const struct schema_key *k)
{
    const struct config_field_info *info = k->info;

    return (enum config_field)(info - CONFIG_FIELD);
}

static bool parse_field_text(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *t, void *out)
{
    struct db_says *db = out;
    enum config_field f = field_of(k);

    if (!GRAMMAR[f].ok(t->text, t->size))
        return false;
    db->config.value[f] = schema_keep(s, t->text, t->size);
    return db->config.value[f];
}

static bool parse_field_bool(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *t, void *out)
{
    struct db_says *db = out;
    bool v;

    if (!schema_parse_bool(s, k, t, &v))
        return false;
    db->config.value[field_of(k)] = v ? "true" : "false";
    return true;
}

static bool read_field_set(struct schema *s, const struct schema_key *k,
                           const struct yaml_token *first, void *out)
{
    struct db_says *db = out;
    enum config_field f = field_of(k);
    struct schema_texts texts = {0};

    if (schema_texts(s, k, &GRAMMAR[f], first, &texts) && !s->nomem) {
        schema_texts_sort(&texts);
        db->config.value[f] = schema_texts_join(s, &texts);
    }
    schema_texts_deinit(&texts);
    return db->config.value[f];
}

/* --- Other fields -------------------------------------------------------------------------- */

static bool parse_expires(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                          void *out)
{
    struct db_says *db = out;
    int64_t ms;

    (void)s;
    (void)k;
    if (text_parse_duration(t->text, &ms) && ms > 0)
        db->expires_after_ms = ms;
    else if (text_parse_time(t->text, &ms) && ms > 0)
        db->expires_at_ms = ms;
    else
        return false;
    return true;
}

static void check_beside(struct schema *s, bool both, struct source at, const char *one,
                         const char *other)
{
    if (both)
        diags_error(s->diags, at, "\"%s\" beside \"%s\"; expected one of the two", one, other);
}

enum { SEED_DATABASE, SEED_TIMESTAMP, SEED_UPLOAD, SEED_N };
static const struct schema_key SEED_KEYS[SEED_N] = {
    [SEED_DATABASE] = {.key = "database",
                       .parse = schema_parse_name,
                       .offset = offsetof(struct db_says, seed_database),
                       .expected = MANIFEST_EXPECTED_NAME_OF("database")},
    [SEED_TIMESTAMP] = {.key = "timestamp",
                        .parse = schema_parse_text,
                        .offset = offsetof(struct db_says, seed_timestamp),
                        .ok = manifest_is_time,
                        .expected = "an instant such as 2026-11-20T00:00:00Z"},
    [SEED_UPLOAD] = {.key = "upload",
                     .parse = schema_parse_text,
                     .offset = offsetof(struct db_says, seed_upload),
                     .ok = manifest_is_file,
                     .expected = "a path below seeds_dir, without a part that begins with a dot"},
};
static const struct schema_map SEED = {.what = "a seed",
                                       .prefix = "seed.",
                                       .keys = SEED_KEYS,
                                       .n = SEED_N,
                                       .set_offset = SCHEMA_NO_SET};

static bool read_seed(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                      void *out)
{
    struct source seen[SEED_N];
    struct draft *db = out;

    if (!schema_map(s, k, &SEED, first, db, seen))
        return false;
    if (!seen[SEED_UPLOAD].line)
        schema_require(s, &SEED, SEED_DATABASE, seen, first->at);
    check_beside(s, seen[SEED_UPLOAD].line && seen[SEED_DATABASE].line, seen[SEED_UPLOAD],
                 "seed.upload", "seed.database");
    check_beside(s, seen[SEED_UPLOAD].line && seen[SEED_TIMESTAMP].line, seen[SEED_TIMESTAMP],
                 "seed.timestamp", "seed.upload");
    if (db->says.seed_database && strcmp(db->says.seed_database, db->name) == 0)
        diags_error(s->diags, seen[SEED_DATABASE],
                    "\"%s\" is to be a copy of itself; expected another database", db->name);
    return true;
}

static const struct schema_words CIPHER_WORDS = {CIPHER_NAME, CIPHER_N};

enum { ENCRYPTION_CIPHER, ENCRYPTION_KEY, ENCRYPTION_N };
static const struct schema_key ENCRYPTION_KEYS[ENCRYPTION_N] = {
    [ENCRYPTION_CIPHER] = {.key = "cipher",
                           .parse = schema_parse_word,
                           .offset = offsetof(struct db_says, cipher),
                           .info = &CIPHER_WORDS,
                           .expected =
                               "aes256gcm, aes128gcm, chacha20poly1305, aegis128l, "
                               "aegis128x2, aegis128x4, aegis256, aegis256x2 or aegis256x4"},
    [ENCRYPTION_KEY] = {.key = "key",
                        .secret_if = "",
                        .parse = schema_parse_name,
                        .offset = offsetof(struct db_says, encryption_key),
                        .expected = "the name of a key under encryption_keys in the daemon's "
                                    "configuration, never the key itself"},
};
static const struct schema_map ENCRYPTION = {.what = "an encryption",
                                             .prefix = "encryption.",
                                             .keys = ENCRYPTION_KEYS,
                                             .n = ENCRYPTION_N,
                                             .set_offset = SCHEMA_NO_SET};

static bool read_encryption(struct schema *s, const struct schema_key *k,
                            const struct yaml_token *first, void *out)
{
    struct source seen[ENCRYPTION_N];

    if (!schema_map(s, k, &ENCRYPTION, first, out, seen))
        return false;
    schema_require(s, &ENCRYPTION, ENCRYPTION_CIPHER, seen, first->at);
    schema_require(s, &ENCRYPTION, ENCRYPTION_KEY, seen, first->at);
    return true;
}

static bool read_tokens(struct schema *s, const struct schema_key *k,
                        const struct yaml_token *first, void *out)
{
    struct db_says *db = out;

    return manifest_tokens(s, k, first, &db->tokens, &db->n_tokens);
}

/* --- The table ----------------------------------------------------------------------------- */

enum {
    KEY_CLASS,
    KEY_GROUP,
    KEY_RESIDENCY,
    KEY_CONFIG, /* the first of CONFIG_N */
    KEY_ENGINE = KEY_CONFIG + CONFIG_N,
    KEY_ENCRYPTION,
    KEY_PROTECT,
    KEY_MANAGE,
    KEY_PROBE,
    KEY_SEED,
    KEY_EXPIRES,
    KEY_STATE,
    KEY_TOKENS,
    KEY_N
};

static const char *const ENGINES[] = {[ENGINE_LIBSQL] = "libsql", [ENGINE_TURSODB] = "tursodb"};
static const char *const MANAGE[] = {"full", "observe"};
static const struct schema_words ENGINE_WORDS = {ENGINES, ARRAY_SIZE(ENGINES)};
static const struct schema_words MANAGE_WORDS = {MANAGE, ARRAY_SIZE(MANAGE)};

#define EXPECTED_SIZE_LIMIT          "a size such as 256mb, 5gb or 268435456"
#define EXPECTED_DELETE_PROTECTION   MANIFEST_EXPECTED_BOOL
#define EXPECTED_BLOCK_READS         MANIFEST_EXPECTED_BOOL
#define EXPECTED_BLOCK_WRITES        MANIFEST_EXPECTED_BOOL
#define EXPECTED_ALLOWED_IPS         "a list of IP addresses and ranges"
#define EXPECTED_ALLOWED_AWS_VPC_IDS "a list of AWS VPC endpoints"
#define EXPECTED_ALLOW_ATTACH        MANIFEST_EXPECTED_BOOL

#define READ_TEXT .parse = parse_field_text
#define READ_BOOL .parse = parse_field_bool
#define READ_SET  .read = read_field_set
#define FIELD_ROW(symbol, name, type, listed)                                                      \
    [KEY_CONFIG + CONFIG_##symbol] = {.key = (name),                                               \
                                      READ_##type,                                                 \
                                      .info = &CONFIG_FIELD[CONFIG_##symbol],                      \
                                      .expected = EXPECTED_##symbol},

#define AT(field) offsetof(struct db_says, field)
static const struct schema_key KEYS[KEY_N] = {
    [KEY_CLASS] = {.key = "class",
                   .parse = schema_parse_name,
                   .offset = AT(class_name),
                   .bit = DB_SET_CLASS,
                   .not_in = MANIFEST_IN_CLASS,
                   .expected = MANIFEST_EXPECTED_NAME_OF("class")},
    [KEY_GROUP] = {.key = "group",
                   .parse = schema_parse_name,
                   .offset = AT(group),
                   .bit = DB_SET_GROUP,
                   .expected = MANIFEST_EXPECTED_NAME_OF("group")},
    [KEY_RESIDENCY] = {.key = "residency",
                       .parse = schema_parse_name,
                       .offset = AT(residency),
                       .bit = DB_SET_RESIDENCY,
                       .expected = MANIFEST_EXPECTED_NAME_OF("residency")},
    CONFIG_FIELDS(FIELD_ROW)[KEY_ENGINE] = {.key = "engine",
                                            .parse = schema_parse_word,
                                            .offset = AT(engine),
                                            .bit = DB_SET_ENGINE,
                                            .info = &ENGINE_WORDS,
                                            .expected = "libsql or tursodb"},
    [KEY_ENCRYPTION] = {.key = "encryption",
                        .read = read_encryption,
                        .bit = DB_SET_ENCRYPTION,
                        .expected = "a mapping with cipher and key"},
    [KEY_PROTECT] = {.key = "protect",
                     .parse = schema_parse_bool,
                     .offset = AT(protect),
                     .bit = DB_SET_PROTECT,
                     .not_in = MANIFEST_FROM_TENANTS,
                     .expected = MANIFEST_EXPECTED_BOOL},
    [KEY_MANAGE] = {.key = "manage",
                    .parse = schema_parse_flag,
                    .offset = AT(observe),
                    .bit = DB_SET_MANAGE,
                    .not_in = MANIFEST_FROM_TENANTS,
                    .info = &MANAGE_WORDS,
                    .expected = "full or observe"},
    [KEY_PROBE] = {.key = "probe",
                   .parse = schema_parse_bool,
                   .offset = AT(probe),
                   .bit = DB_SET_PROBE,
                   .expected = MANIFEST_EXPECTED_BOOL},
    [KEY_SEED] = {.key = "seed",
                  .read = read_seed,
                  .bit = DB_SET_SEED,
                  .not_in = MANIFEST_IN_CLASS | MANIFEST_FROM_TENANTS,
                  .expected = "a mapping with database, and timestamp or not, or with upload"},
    [KEY_EXPIRES] = {.key = "expires",
                     .parse = parse_expires,
                     .bit = DB_SET_EXPIRES,
                     .expected =
                         "a duration such as 72h, or an instant such as 2026-11-20T00:00:00Z"},
    [KEY_STATE] = {.key = "state",
                   .parse = manifest_parse_absent,
                   .offset = AT(absent),
                   .bit = DB_SET_STATE,
                   .not_in = MANIFEST_IN_CLASS | MANIFEST_FROM_TENANTS,
                   .expected = "absent"},
    [KEY_TOKENS] = {.key = "tokens",
                    .read = read_tokens,
                    .bit = DB_SET_TOKENS,
                    .expected = MANIFEST_EXPECTED_TOKENS},
};
#undef AT

static const struct schema_map DATABASE = {
    .what = "a database", .keys = KEYS, .n = KEY_N, .set_offset = offsetof(struct db_says, set)};
static const struct schema_map CLASS = {
    .what = "a class", .keys = KEYS, .n = KEY_N, .set_offset = offsetof(struct db_says, set)};

/* --- One entry ----------------------------------------------------------------------------- */

static void check_entry(struct schema *s, const struct db_says *db, const struct source *seen)
{
    bool expires = db->set & DB_SET_EXPIRES;

    check_beside(s, db->protect && db->absent, seen[KEY_STATE], "state: absent", "protect: true");
    check_beside(s, db->protect && expires, seen[KEY_EXPIRES], "expires", "protect: true");
    check_beside(s, db->observe && db->absent, seen[KEY_STATE], "state: absent", "manage: observe");
    check_beside(s, db->observe && expires, seen[KEY_EXPIRES], "expires", "manage: observe");
    check_beside(s, db->observe && db->n_tokens, seen[KEY_TOKENS], "tokens", "manage: observe");
}

static void read_entry(struct schema *s, const struct schema_map *map,
                       const struct yaml_token *first, struct db_spec *db)
{
    const struct schema_key row = {.key = map->what, .expected = "a mapping of its fields"};
    struct source seen[KEY_N];
    struct draft draft;

    memset(&draft, 0, sizeof(draft)); /* between its members, too */
    draft.name = db->name;
    if (schema_map(s, &row, map, first, &draft.says, seen))
        check_entry(s, &draft.says, seen);
    db->says = schema_share(s, &draft.says, sizeof(draft.says));
}

static void read_database(struct schema *s, const struct yaml_token *first, void *entry)
{
    read_entry(s, &DATABASE, first, entry);
}

static void read_class(struct schema *s, const struct yaml_token *first, void *entry)
{
    s->context |= MANIFEST_IN_CLASS;
    read_entry(s, &CLASS, first, entry);
    s->context &= ~MANIFEST_IN_CLASS;
}

static bool read_all(struct schema *s, const struct schema_key *k,
                     const struct schema_entries *kind, const struct yaml_token *first,
                     struct db_spec **items, size_t *n)
{
    void *read;
    bool good = schema_entries(s, k, kind, first, &read, n);

    *items = read;
    return good;
}

bool manifest_read_databases(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *first, void *out)
{
    static const struct schema_entries DATABASES = {.what = "database",
                                                    .size = sizeof(struct db_spec),
                                                    .max = LIMIT_ENTRIES,
                                                    .counted = true,
                                                    .read = read_database};
    struct manifest *m = out;

    return read_all(s, k, &DATABASES, first, &m->databases, &m->n_databases);
}

bool manifest_read_classes(struct schema *s, const struct schema_key *k,
                           const struct yaml_token *first, void *out)
{
    static const struct schema_entries CLASSES = {.what = "class",
                                                  .size = sizeof(struct db_spec),
                                                  .max = LIMIT_ENTRIES,
                                                  .counted = true,
                                                  .read = read_class};
    struct manifest *m = out;

    return read_all(s, k, &CLASSES, first, &m->classes, &m->n_classes);
}
