/* manifest: one manifest file, read into entries.
 * In:    the bytes of a file.
 * Out:   groups, residencies, classes and databases, each sorted by name; every error with its
 *        place.
 * Never: I/O, clocks, other files. */
#include "core/manifest.h"

#include <string.h>

#include "core/limits.h"
#include "core/manifest_api_token.h"
#include "core/manifest_check.h"
#include "core/manifest_database.h"
#include "core/manifest_member.h"
#include "core/manifest_token.h"
#include "core/schema.h"
#include "core/yaml.h"
#include "lib/err.h"
#include "lib/mem.h"
#include "lib/text.h"

#define LARGE_BYTES ((size_t)64 * 1024) /* of a file */

static const struct schema_item LOCATION = {manifest_is_location, MANIFEST_EXPECTED_LOCATION,
                                            false};
static const struct schema_item NAME = {text_is_name, MANIFEST_EXPECTED_NAME, false};
static const struct schema_item EXTENSION = {
    manifest_is_extension, "vector, crypto, fuzzy, math, stats, text, unicode, uuid, regexp or vec",
    false};

/* Read a list into a sorted array without doubles. */
static bool read_set(struct schema *s, const struct schema_key *k, const struct schema_item *item,
                     const struct yaml_token *first, const char ***items, size_t *n)
{
    struct schema_texts texts = {0};
    bool good = schema_texts(s, k, item, first, &texts) && !s->nomem;

    schema_texts_sort(&texts);
    good = good && schema_texts_keep(s, &texts, items, n);
    schema_texts_deinit(&texts);
    return good;
}

/* --- Groups -------------------------------------------------------------------------------- */

static bool read_extensions(struct schema *s, const struct schema_key *k,
                            const struct yaml_token *first, void *out)
{
    struct group_spec *group = out;
    struct schema_texts texts = {0};

    if (first->kind == YAML_TEXT && strcmp(first->text, "all") == 0) {
        group->extensions = "all";
        return true;
    }
    if (schema_texts(s, k, &EXTENSION, first, &texts) && !s->nomem) {
        schema_texts_sort(&texts);
        group->extensions = schema_texts_join(s, &texts);
    }
    schema_texts_deinit(&texts);
    return group->extensions;
}

static bool read_replicas(struct schema *s, const struct schema_key *k,
                          const struct yaml_token *first, void *out)
{
    struct group_spec *group = out;

    return read_set(s, k, &LOCATION, first, &group->locations, &group->n_locations);
}

static bool read_group_tokens(struct schema *s, const struct schema_key *k,
                              const struct yaml_token *first, void *out)
{
    struct group_spec *group = out;

    return manifest_tokens(s, k, first, &group->tokens, &group->n_tokens);
}

#define AT(field) offsetof(struct group_spec, field)
enum {
    GROUP_LOCATION,
    GROUP_EXTENSIONS,
    GROUP_PROTECTION,
    GROUP_UNARCHIVE,
    GROUP_LOCATIONS,
    GROUP_TOKENS,
    GROUP_STATE,
    GROUP_N
};
static const struct schema_key GROUP_KEYS[GROUP_N] = {
    [GROUP_LOCATION] = {.key = "location",
                        .parse = schema_parse_text,
                        .offset = AT(location),
                        .bit = GROUP_SET_LOCATION,
                        .ok = manifest_is_location,
                        .expected = MANIFEST_EXPECTED_LOCATION ", or closest"},
    [GROUP_EXTENSIONS] = {.key = "extensions",
                          .read = read_extensions,
                          .bit = GROUP_SET_EXTENSIONS,
                          .expected = "all, or a list of extensions"},
    [GROUP_PROTECTION] = {.key = "delete_protection",
                          .parse = schema_parse_bool,
                          .offset = AT(delete_protection),
                          .bit = GROUP_SET_DELETE_PROTECTION,
                          .expected = MANIFEST_EXPECTED_BOOL},
    [GROUP_UNARCHIVE] = {.key = "unarchive",
                         .parse = schema_parse_bool,
                         .offset = AT(unarchive),
                         .bit = GROUP_SET_UNARCHIVE,
                         .expected = MANIFEST_EXPECTED_BOOL},
    [GROUP_LOCATIONS] = {.key = "locations",
                         .read = read_replicas,
                         .bit = GROUP_SET_LOCATIONS,
                         .expected = "a list of location codes"},
    [GROUP_TOKENS] = {.key = "tokens",
                      .read = read_group_tokens,
                      .bit = GROUP_SET_TOKENS,
                      .expected = MANIFEST_EXPECTED_TOKENS},
    [GROUP_STATE] = {.key = "state",
                     .parse = manifest_parse_absent,
                     .offset = AT(absent),
                     .bit = GROUP_SET_STATE,
                     .expected = "absent"},
};
#undef AT
static const struct schema_map GROUP = {.what = "a group",
                                        .keys = GROUP_KEYS,
                                        .n = GROUP_N,
                                        .set_offset = offsetof(struct group_spec, set)};

static void read_group(struct schema *s, const struct yaml_token *first, void *entry)
{
    static const struct schema_key ROW = {.key = "a group", .expected = "a mapping of its fields"};
    struct group_spec *group = entry;
    struct source seen[GROUP_N];

    if (schema_map(s, &ROW, &GROUP, first, group, seen) && !seen[GROUP_STATE].line)
        schema_require(s, &GROUP, GROUP_LOCATION, seen, group->at);
}

static bool read_groups(struct schema *s, const struct schema_key *k,
                        const struct yaml_token *first, void *out)
{
    static const struct schema_entries GROUPS = {.what = "group",
                                                 .size = sizeof(struct group_spec),
                                                 .max = LIMIT_ENTRIES,
                                                 .counted = true,
                                                 .read = read_group};
    struct manifest *m = out;
    void *items;
    bool good = schema_entries(s, k, &GROUPS, first, &items, &m->n_groups);

    m->groups = items;
    return good;
}

/* --- Residencies --------------------------------------------------------------------------- */

static bool read_residency_groups(struct schema *s, const struct schema_key *k,
                                  const struct yaml_token *first, void *out)
{
    struct residency_spec *r = out;
    size_t before = s->diags->n_errors;
    bool good = read_set(s, k, &NAME, first, &r->groups, &r->n_groups);

    if (good && r->n_groups == 0 && s->diags->n_errors == before)
        diags_error(s->diags, first->at, "groups is an empty list; expected at least one group");
    return good;
}

static bool read_residency_locations(struct schema *s, const struct schema_key *k,
                                     const struct yaml_token *first, void *out)
{
    struct residency_spec *r = out;

    return read_set(s, k, &LOCATION, first, &r->locations, &r->n_locations);
}

enum { RESIDENCY_GROUPS, RESIDENCY_LOCATIONS, RESIDENCY_N };
static const struct schema_key RESIDENCY_KEYS[RESIDENCY_N] = {
    [RESIDENCY_GROUPS] = {.key = "groups",
                          .read = read_residency_groups,
                          .expected = "a list of groups"},
    [RESIDENCY_LOCATIONS] = {.key = "locations",
                             .read = read_residency_locations,
                             .expected = "a list of location codes"},
};
static const struct schema_map RESIDENCY = {
    .what = "a residency", .keys = RESIDENCY_KEYS, .n = RESIDENCY_N, .set_offset = SCHEMA_NO_SET};

static void read_residency(struct schema *s, const struct yaml_token *first, void *entry)
{
    static const struct schema_key ROW = {.key = "a residency",
                                          .expected = "a mapping with groups and locations"};
    struct residency_spec *r = entry;
    struct source seen[RESIDENCY_N];

    if (schema_map(s, &ROW, &RESIDENCY, first, r, seen))
        schema_require(s, &RESIDENCY, RESIDENCY_GROUPS, seen, r->at);
}

static bool read_residencies(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *first, void *out)
{
    static const struct schema_entries RESIDENCIES = {.what = "residency",
                                                      .size = sizeof(struct residency_spec),
                                                      .max = LIMIT_ENTRIES,
                                                      .counted = true,
                                                      .read = read_residency};
    struct manifest *m = out;
    void *items;
    bool good = schema_entries(s, k, &RESIDENCIES, first, &items, &m->n_residencies);

    m->residencies = items;
    return good;
}

/* --- The file ------------------------------------------------------------------------------ */

static bool parse_organization(struct schema *s, const struct schema_key *k,
                               const struct yaml_token *t, void *out)
{
    struct manifest *m = out;

    m->organization_at = t->at;
    return schema_parse_name(s, k, t, &m->organization);
}

enum {
    ROOT_ORGANIZATION,
    ROOT_GROUPS,
    ROOT_RESIDENCY,
    ROOT_CLASSES,
    ROOT_DATABASES,
    ROOT_API_TOKENS,
    ROOT_MEMBERS,
    ROOT_N
};
static const struct schema_key ROOT_KEYS[ROOT_N] = {
    [ROOT_ORGANIZATION] = {.key = "organization",
                           .parse = parse_organization,
                           .not_in = MANIFEST_FROM_TENANTS,
                           .expected = MANIFEST_EXPECTED_NAME},
    [ROOT_GROUPS] = {.key = "groups",
                     .read = read_groups,
                     .not_in = MANIFEST_FROM_TENANTS,
                     .expected = "a mapping of names to groups"},
    [ROOT_RESIDENCY] = {.key = "residency",
                        .read = read_residencies,
                        .not_in = MANIFEST_FROM_TENANTS,
                        .expected = "a mapping of names to residencies"},
    [ROOT_CLASSES] = {.key = "classes",
                      .read = manifest_read_classes,
                      .not_in = MANIFEST_FROM_TENANTS,
                      .expected = "a mapping of names to classes"},
    [ROOT_DATABASES] = {.key = "databases",
                        .read = manifest_read_databases,
                        .expected = "a mapping of names to databases"},
    [ROOT_API_TOKENS] = {.key = "api_tokens",
                         .read = manifest_read_api_tokens,
                         .not_in = MANIFEST_FROM_TENANTS,
                         .expected = "a mapping of names to API tokens"},
    [ROOT_MEMBERS] = {.key = "members",
                      .read = manifest_read_members,
                      .not_in = MANIFEST_FROM_TENANTS,
                      .expected = "a mapping of e-mail addresses to members"},
};
static const struct schema_map ROOT = {
    .what = "a manifest", .keys = ROOT_KEYS, .n = ROOT_N, .set_offset = SCHEMA_NO_SET};

static void read_root(struct schema *s, struct manifest *m)
{
    struct source seen[ROOT_N];
    struct yaml_token t;
    bool any = false;

    yaml_next(s->yaml, &t);
    if (t.kind == YAML_END || !schema_map(s, NULL, &ROOT, &t, m, seen))
        return;
    for (size_t i = 0; i < ROOT_N; i++) {
        any = any || seen[i].line;
        m->is_root = m->is_root || (seen[i].line && i != ROOT_DATABASES);
    }
    if (!any && !s->nomem && s->diags->n_errors == s->errors_before)
        diags_error(s->diags, t.at,
                    "the file names nothing; expected at least one key such as databases");
    yaml_next(s->yaml, &t); /* nothing may follow */
}

struct manifest_room {
    struct arena arena;
    struct schema_pool shared;
};

struct manifest_room *manifest_room_new(void)
{
    return mem_alloc(sizeof(struct manifest_room));
}

void manifest_room_free(struct manifest_room *room)
{
    if (room)
        arena_deinit(&room->arena);
    mem_free(room);
}

static void read_file(const char *path, enum manifest_kind kind, const char *data, size_t size,
                      struct manifest *m, struct schema *s)
{
    int rc;

    m->path = schema_keep(s, path, strlen(path));
    if (s->nomem)
        return;
    rc = yaml_open(m->path, data, size, LIMIT_MANIFEST_FILE_BYTES, s->diags, &s->yaml);
    if (rc < 0) {
        s->nomem = rc == -ERR_NOMEM;
        return;
    }
    if (kind == MANIFEST_TENANTS)
        s->context |= MANIFEST_FROM_TENANTS;
    read_root(s, m);
    s->nomem = s->nomem || yaml_is_out_of_memory(s->yaml);
    yaml_close(s->yaml);
}

int manifest_parse(const char *path, enum manifest_kind kind, const char *data, size_t size,
                   struct manifest_room *room, struct manifest *out, struct diags *diags)
{
    bool is_large = size >= LARGE_BYTES;
    struct manifest m = {0};
    struct schema_pool shared = {0};
    struct schema s = {.arena = &m.arena,
                       .names = is_large ? &m.names : &m.arena,
                       .shared = &shared,
                       .diags = diags,
                       .bans = MANIFEST_BANS,
                       .n_bans = ARRAY_SIZE(MANIFEST_BANS),
                       .entries_left = LIMIT_ENTRIES,
                       .errors_before = diags->n_errors};
    int rc = 0;

    if (room && !is_large) {
        s.arena = s.names = &room->arena;
        s.shared = &room->shared;
    }
    read_file(path, kind, data, size, &m, &s);
    if (s.nomem || diags->failed)
        rc = -ERR_NOMEM;
    else if (diags->n_errors > s.errors_before)
        rc = -ERR_INVALID;
    if (rc < 0)
        manifest_deinit(&m);
    *out = m;
    return rc;
}

void manifest_deinit(struct manifest *m)
{
    mem_free(m->groups);
    mem_free(m->residencies);
    mem_free(m->classes);
    mem_free(m->databases);
    mem_free(m->api_tokens);
    mem_free(m->members);
    arena_deinit(&m->arena);
    arena_deinit(&m->names);
    *m = (struct manifest){0};
}

/* Look at the keys of the file's mapping alone. */
static bool has_root_key(struct yaml *y)
{
    struct yaml_token t;

    yaml_next(y, &t);
    if (t.kind != YAML_MAP)
        return false;
    for (yaml_next(y, &t); t.kind != YAML_MAP_END && t.kind != YAML_END; yaml_next(y, &t)) {
        if (t.kind == YAML_TEXT && strcmp(t.text, "databases") != 0)
            return true;
        yaml_skip(y, &t);
        yaml_next(y, &t);
        yaml_skip(y, &t);
    }
    return false;
}

bool manifest_names_root(const char *data, size_t size)
{
    struct diags unheard = DIAGS_INIT;
    struct yaml *y;
    int rc = yaml_open("", data, size, LIMIT_MANIFEST_FILE_BYTES, &unheard, &y);
    bool found = rc == -ERR_NOMEM;

    if (rc == 0)
        found = has_root_key(y) || yaml_is_out_of_memory(y);
    yaml_close(y);
    diags_deinit(&unheard);
    return found;
}
