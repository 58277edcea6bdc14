/* manifest: one manifest file, read into entries. Nothing is merged, looked up in other files or
 * given a default from a class here; that is desired's job.
 * In:    the bytes of a file.
 * Out:   a struct manifest that owns all its text, and every error with its place.
 * Never: I/O, clocks, other files. */
#ifndef TENANTD_CORE_MANIFEST_H
#define TENANTD_CORE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cipher.h"
#include "core/config_field.h"
#include "core/diag.h"
#include "lib/arena.h"

enum authorization { AUTH_FULL_ACCESS, AUTH_READ_ONLY };
enum token_format { TOKEN_JWT, TOKEN_ENV, TOKEN_JSON };

#define TOKEN_SET_AUTHORIZATION (1u << 0)
#define TOKEN_SET_EXPIRATION    (1u << 1)
#define TOKEN_SET_RENEW_BEFORE  (1u << 2)
#define TOKEN_SET_PERMISSIONS   (1u << 3)
#define TOKEN_SET_FILE          (1u << 4)
#define TOKEN_SET_FORMAT        (1u << 5)
#define TOKEN_SET_MODE          (1u << 6)
#define TOKEN_SET_NOTIFY        (1u << 7)
#define TOKEN_SET_STATE         (1u << 8)

/* A token of a database, of a class or of a group. */
struct token_spec {
    const char *name;
    struct source at;
    uint32_t set; /* TOKEN_SET_x: what this entry names */
    bool absent;
    enum authorization authorization;
    const char *expiration;  /* the platform's grammar, "7d"; or "never" */
    int64_t expiration_ms;   /* 0: never */
    int64_t renew_before_ms; /* valid if set */
    const char
        *permissions; /* canonical JSON of the fine-grained permissions in the platform's own keys:
                         [{"t":["comments"],"a":["data_read"]}], lists sorted; NULL: none */
    const char *file; /* relative, checked to stay under tokens_dir; NULL: default */
    enum token_format format;
    unsigned mode;      /* permission bits */
    const char *notify; /* a hook's name */
};

#define DB_SET_CLASS      (1u << 0)
#define DB_SET_GROUP      (1u << 1)
#define DB_SET_RESIDENCY  (1u << 2)
#define DB_SET_ENGINE     (1u << 3)
#define DB_SET_PROTECT    (1u << 4)
#define DB_SET_MANAGE     (1u << 5)
#define DB_SET_SEED       (1u << 6)
#define DB_SET_EXPIRES    (1u << 7)
#define DB_SET_STATE      (1u << 8)
#define DB_SET_TOKENS     (1u << 9)
#define DB_SET_ENCRYPTION (1u << 10)
#define DB_SET_PROBE      (1u << 11)

enum db_engine { ENGINE_LIBSQL, ENGINE_TURSODB };

/* What a database's entry says, or a class (where class, state and seed are never set). Entries of
 * one file that say the same share one, but for those with tokens of their own. */
struct db_says {
    uint32_t set;
    const char *class_name;
    const char *group;
    const char *residency;
    struct db_config config; /* texts borrowed from the arena; NULL: not named */
    enum db_engine engine;
    bool protect;
    bool observe; /* manage: observe */
    bool absent;  /* state: absent */
    bool probe;
    const char *seed_database;
    const char *seed_timestamp; /* RFC 3339 as written; NULL: now */
    const char *seed_upload;    /* a path below seeds_dir; never beside seed_database */
    int64_t expires_after_ms;   /* expires: a duration; 0: not one */
    int64_t expires_at_ms;      /* expires: an instant, ms since the epoch; 0: not one */
    enum cipher cipher;         /* encryption: this and the next */
    const char *encryption_key; /* a name under encryption_keys of the configuration; NULL: none */
    struct token_spec *tokens;  /* sorted by name */
    size_t n_tokens;
};

/* An entry, or a class. Small: there may be millions. */
struct db_spec {
    const char *name;
    struct source at;
    const struct db_says *says;
};

#define GROUP_SET_LOCATION          (1u << 0)
#define GROUP_SET_EXTENSIONS        (1u << 1)
#define GROUP_SET_DELETE_PROTECTION (1u << 2)
#define GROUP_SET_UNARCHIVE         (1u << 3)
#define GROUP_SET_LOCATIONS         (1u << 4)
#define GROUP_SET_TOKENS            (1u << 5)
#define GROUP_SET_STATE             (1u << 6)

struct group_spec {
    const char *name;
    struct source at;
    uint32_t set;
    const char *location;   /* a code, or "closest" */
    const char *extensions; /* "all", or a SET as in config_field.h; NULL: not named */
    bool delete_protection;
    bool unarchive;
    const char **locations; /* further replica locations, sorted */
    size_t n_locations;
    bool absent;
    struct token_spec *tokens; /* sorted by name */
    size_t n_tokens;
};

/* A platform API token: what its file is, as of any token, and what it may do. */
struct api_token_spec {
    struct token_spec token; /* name, at, absent, file, format, mode, notify; no more */
    const char *group;       /* NULL: of the whole organization */
    const char *scopes;      /* of a group's: a set as in scope.h */
    int64_t rotate_every_ms; /* 0: never */
};
#define API_TOKEN_NAME_MAX 56 /* "--g" and a generation come behind it */

enum member_role { MEMBER_ROLE_ADMIN, MEMBER_ROLE_MEMBER, MEMBER_ROLE_VIEWER, MEMBER_ROLE_N };
extern const char *const MEMBER_ROLE_NAME[MEMBER_ROLE_N];

/* A person who shall belong to the organization. */
struct member_spec {
    const char *email; /* in small letters */
    struct source at;
    enum member_role role;
};

struct residency_spec {
    const char *name;
    struct source at;
    const char **groups; /* sorted */
    size_t n_groups;
    const char **locations; /* sorted */
    size_t n_locations;
};

struct manifest {
    struct arena arena; /* owns all text, and every array inside an entry, or the room does */
    struct arena names; /* of a large file: but for the names of entries, which these are */
    const char *path;
    const char *organization; /* NULL: not named */
    struct source organization_at;
    struct group_spec
        *groups; /* this and the next five: sorted by name; freed by manifest_deinit */
    size_t n_groups;
    struct residency_spec *residencies;
    size_t n_residencies;
    struct db_spec *classes;
    size_t n_classes;
    struct db_spec *databases;
    size_t n_databases;
    struct api_token_spec *api_tokens;
    size_t n_api_tokens;
    struct member_spec *members;
    size_t n_members;
    bool is_root; /* names anything but `databases` */
};

enum manifest_kind {
    MANIFEST_TRUSTED, /* the whole grammar */
    MANIFEST_TENANTS, /* from tenants_dir: databases alone, plain fields alone */
};

/* Where what is in many small files is read into: what they have in common is there once. */
struct manifest_room;
struct manifest_room *manifest_room_new(void) MUST_CHECK; /* NULL: no memory */
void manifest_room_free(struct manifest_room *room);      /* takes NULL */

/* Read one file. `path` is what errors name. Every error and warning goes to `diags`. `room`: has
 * to outlive *out; NULL: *out owns all that is in it.
 * Returns 0 when there was no error (warnings may be); -ERR_INVALID when there was one, and *out is
 * then empty; -ERR_NOMEM. On 0 the caller deinits *out. */
int manifest_parse(const char *path, enum manifest_kind kind, const char *data, size_t size,
                   struct manifest_room *room, struct manifest *out,
                   struct diags *diags) MUST_CHECK;
void manifest_deinit(struct manifest *m);

/* True when the bytes can be parsed far enough to see a top-level key other than `databases`: what
 * makes a bad file a bad root file. A file that is no YAML at all counts as a tenant file (false).
 * Where memory does not suffice to see it, true: that refuses more. */
bool manifest_names_root(const char *data, size_t size);

#endif
