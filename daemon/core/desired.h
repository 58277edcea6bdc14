/* desired: all manifest files together: merged, classes applied, checked against each other, with
 * what is refused replaced by what was last good.
 * In:    the files as they are, and the files as they were when last good.
 * Out:   a struct desired that owns all its text; what is wrong; which bytes are the new last good.
 * Never: I/O, clocks, the platform. Past desired nobody validates again. */
#ifndef TENANTD_CORE_DESIRED_H
#define TENANTD_CORE_DESIRED_H

#include "core/manifest.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

/* A file as found. Exactly one of data and error is set. All borrowed. */
struct manifest_input {
    const char *path; /* as people know it, "/etc/tenantd/manifest.d/eu.yaml"; unique in a list */
    enum manifest_kind kind;
    const char *data;
    size_t size;
    const char *error; /* why it could not be read ("Permission denied") */
};

struct token_want {
    const char *name;
    struct source at; /* of a database's own: without a file, and seen from its entry's place, so
                         that entries of one form share it; desired_token_at */
    bool absent;      /* named, and wanted gone: nothing below counts */
    enum authorization authorization;
    const char *expiration;
    int64_t expiration_ms;   /* 0: never */
    int64_t renew_before_ms; /* before the end; 0 when there is no end */
    const char *permissions;
    const char
        *file; /* relative to tokens_dir; NULL: the default, which desired_token_file spells */
    enum token_format format;
    unsigned
        mode; /* as the manifest says; 0600, or 0640 with a tokens_group (rc decides), when unset */
    bool mode_set;
    const char *notify; /* NULL: none */
};

/* What a database's entry says, with its class applied. Entries that say the same share one. */
struct db_want {
    uint64_t digest;   /* of what the entry says; changes when and only when that does */
    const char *group; /* NULL: chosen from the residency */
    const struct residency_want *residency; /* NULL: none */
    struct db_config config;
    bool engine_set;
    enum db_engine engine;
    bool protect_set;
    bool protect;
    bool observe; /* then there are no tokens */
    bool absent;
    bool probe;                /* then there is a token */
    const char *seed_database; /* NULL: none */
    const char *seed_timestamp;
    const char *seed_upload;         /* a file below seeds_dir; NULL: none */
    enum cipher cipher;              /* where there is a key */
    const char *encryption_key;      /* by its name in the configuration; NULL: none */
    int64_t expires_after_ms;        /* 0: none */
    int64_t expires_at_ms;           /* 0: none */
    const struct token_want *tokens; /* sorted by name */
    size_t n_tokens;
};

/* What entries of one file that say the same have in common. */
struct db_form {
    const char *file;
    const struct db_want *want;
    unsigned column;
    bool from_tenants_dir;
    bool frozen; /* as it last was: its name, its file, or the whole generation is refused now */
};

/* One database of the manifest. Small: there may be millions. */
struct db_entry {
    const char *name;
    const struct db_form *form;
    unsigned line;
};

static inline const struct db_want *db_entry_want(const struct db_entry *e)
{
    return e->form->want;
}

static inline struct source db_entry_at(const struct db_entry *e)
{
    return (struct source){e->form->file, e->line, e->form->column};
}

struct residency_want {
    const char *name;
    struct source at;
    const char **groups; /* sorted */
    size_t n_groups;
    const char **locations; /* sorted; none: anywhere */
    size_t n_locations;
};

struct group_want {
    const char *name;
    struct source at;
    uint64_t digest;
    const char *location; /* a code, or "closest" */
    const char *extensions;
    bool delete_protection_set;
    bool delete_protection;
    bool unarchive;
    bool locations_set;
    const char **locations;
    size_t n_locations;
    bool absent;
    const struct token_want *tokens; /* sorted by name */
    size_t n_tokens;
    bool frozen; /* the whole generation is refused now */
};

/* A platform API token of ours. */
struct api_token_want {
    struct token_want token; /* name, at, absent, file, format, mode, notify; no more */
    uint64_t digest;
    const char *group;       /* NULL: of the whole organization */
    const char *scopes;      /* of a group's: a set as in scope.h */
    int64_t rotate_every_ms; /* 0: never */
    bool frozen;             /* the whole generation is refused now */
};

/* A person who shall belong to the organization. */
struct member_want {
    const char *email; /* in small letters */
    struct source at;
    uint64_t digest;
    enum member_role role;
    bool frozen; /* the whole generation is refused now */
};

/* What the lists below point to. Counted, without any lock: what desired_next makes has it from the
 * one before. */
struct desired_texts {
    unsigned refs;
    struct arena arena;
    size_t whole_bytes; /* when it was built whole */
};

/* Places in a list, ascending. */
struct desired_places {
    uint32_t *items;
    size_t n;
    size_t capacity;
};

struct desired {
    struct desired_texts *texts;
    struct group_want *groups; /* sorted by name; so are the others */
    size_t n_groups;
    struct residency_want *residencies;
    size_t n_residencies;
    struct db_entry *databases; /* owned */
    size_t n_databases;
    struct api_token_want *api_tokens;
    size_t n_api_tokens;
    struct member_want *members; /* by e-mail */
    size_t n_members;
    size_t n_files;
    bool whole;      /* nothing is refused: only then may absence mean "wanted gone" */
    uint64_t digest; /* of all entries; equal digests ask for the same */
    /* Of one that desired_next made: the list of databases that it was made from, only to be
     * compared with; which of those have gone, and which of its own have come. All others are the
     * same, in the same order, and so are groups, API tokens and members. */
    const struct db_entry *was; /* NULL: it was built whole */
    struct desired_places went;
    struct desired_places came;
};

struct desired_options {
    const char *organization; /* the daemon's; NULL (tenantctl validate): any one */
    const char *const *hooks; /* names that `notify` may use; NULL: any */
    size_t n_hooks;
    const char *const *keys; /* names that `encryption` may use, NULL-terminated; NULL: any */
};

/* What a build leaves for the next one. */
struct desired_keep {
    const struct manifest_input **files; /* the new last good set; borrowed from now[] or good[] */
    size_t n;
    /* Where nothing is wrong, for desired_next: */
    bool is_base;
    const char **roots; /* paths, borrowed from now[], of what names more than databases */
    size_t n_roots;
    struct diags said; /* warnings of what one file says; nothing of all of them together */
};

/* Build what is wanted.
 *
 * now: the files as found, in any order. A missing, empty or unreadable directory is one input with
 *   `error`, which stands for every good file below its path. None at all: every good file stays.
 * good: the last good set, as an earlier `keep` said. What in it does not fit any more (another
 *   version or configuration found it good) is left out; it never makes anything fail.
 * keep: the new last good set; may be NULL. Built alone it is whole and asks for the same, but that
 *   where a name is in two files, files around it stay in it as they were when last good (or out
 *   of it, if they never were).
 * diags: gets everything that is wrong, files in order of path. What is refused for it is told in
 *   docs/manifest.md, "Bad files".
 *
 * Returns 0 with *out (and *keep) owned by the caller, also when some files are refused (then
 * out->whole is false);
 * -ERR_INVALID when nothing can be built: the root or every file is refused, and there is no last
 * good one; -ERR_NOMEM. On an error *out and *keep are empty. */
int desired_build(const struct manifest_input *now, size_t n_now, const struct manifest_input *good,
                  size_t n_good, const struct desired_options *options, struct desired *out,
                  struct desired_keep *keep, struct diags *diags) MUST_CHECK;
void desired_deinit(struct desired *d);
/* What it was made from does not matter any more. */
void desired_settle(struct desired *d);
void desired_keep_deinit(struct desired_keep *k);

/* From one build to the next. Both lists are sorted by path. */
struct desired_step {
    const struct desired *last; /* whole, and made with the same options */
    const struct desired_keep *kept;
    const struct manifest_input *then; /* what it was made from */
    size_t n_then;
    const struct manifest_input *now;
    size_t n_now;
    const struct desired_options *options;
};
struct manifest_inputs {
    const struct manifest_input **items; /* borrowed */
    size_t n;
    size_t capacity;
};
/* Which files make the difference. */
struct desired_diff {
    struct manifest_inputs changed; /* of now[]: new, or another one than then */
    struct manifest_inputs gone;    /* of then[] */
};
/* No file is another one than then: what comes of them, and what is said, is as it was. */
bool desired_is_same(const struct desired_step *s);

#define DESIRED_WHOLE 1
/* Make what desired_build would make of now[], by exchanging the entries of the files that are not
 * as they were then. Only where those are few and hold databases alone, and where nothing is wrong:
 * then and now.
 *
 * out: shares what it can with `last`, which stays the caller's. keep: without `files`: it is all
 * of now[] that is good.
 * Returns 0 with everything the caller's; DESIRED_WHOLE: it takes desired_build; -ERR_NOMEM. There
 * is nothing to deinit then, and nothing was said. */
int desired_next(const struct desired_step *s, struct desired *out, struct desired_keep *keep,
                 struct desired_diff *diff, struct diags *diags) MUST_CHECK;
void desired_diff_deinit(struct desired_diff *d);

/* Binary searches; NULL: none. */
const struct group_want *desired_group(const struct desired *d, const char *name);
const struct db_entry *desired_database(const struct desired *d, const char *name);

/* Where a token of that entry is named. */
struct source desired_token_at(const struct db_entry *e, const struct token_want *t);

enum token_of { TOKEN_OF_DATABASE, TOKEN_OF_GROUP, TOKEN_OF_API };
/* Where a token's file is, under tokens_dir: what the manifest says, or TARGET/TOKEN.FORMAT for a
 * database's, _group/TARGET/TOKEN.FORMAT for a group's, and _api/TOKEN.FORMAT for one of the
 * platform's API, which has no target. Appends; false as buf_add. */
bool desired_token_file(struct buf *out, enum token_of of, const char *target,
                        const struct token_want *t);
/* It is that very path. */
bool desired_is_token_file(const char *path, enum token_of of, const char *target,
                           const struct token_want *t) MUST_CHECK;

#endif
