/* desired_build: what the desired_*.c files share while they build one struct desired.
 * In:    the inputs of desired_build.
 * Out:   decisions: which version of each file counts, which entries, and what the new last good
 * is.
 * Never: included by any other room. */
#ifndef TENANTD_CORE_DESIRED_BUILD_H
#define TENANTD_CORE_DESIRED_BUILD_H

#include "core/desired.h"

/* One path. A version is parsed at most once; where the bytes are the same, both are one parse. */
struct desired_file {
    const char *path;
    const struct manifest_input *now;  /* NULL: not there now */
    const struct manifest_input *good; /* NULL: was not there when last good */
    struct manifest *now_m;            /* NULL: not there, or bad */
    struct manifest *good_m;           /* NULL: not there, not yet read, or no longer readable */
    bool good_read;
    bool covered;   /* below a directory that cannot be read: good stands in */
    bool refused;   /* what is there now does not count: good stands in */
    bool held_back; /* what is there now counts, but cannot be the new last good */
    bool lends_now; /* what is built borrows names of now_m */
    bool lends_good;
};

/* One group, residency, class, API token or member; `spec` is of the type that its list holds. */
struct root_item {
    const char *name;
    struct source at;
    const void *spec;
    /* Classes: what an entry gets that says no more than its class. */
    bool alone_checked;
    const struct db_want *alone;
};
struct root_list {
    struct root_item *items; /* sorted by name */
    size_t n;
    size_t capacity;
};
struct desired_root {
    struct root_list groups;
    struct root_list residencies;
    struct root_list classes;
    struct root_list api_tokens;
    struct root_list members;
};

/* A database's entry with its class applied; every text borrowed from the manifests. */
struct merged_db {
    struct db_want want;   /* `residency` is not set */
    const char *residency; /* NULL: none */
};
struct desired_merge {
    struct token_want *tokens; /* of the last merge */
    size_t capacity;
};

/* An entry that counts, or one that stands in for what does not. Small: there may be millions. */
struct candidate {
    const struct db_spec *spec;
    uint32_t file; /* of files[] */
    bool is_good;  /* from the good version of it */
    bool frozen;
    bool dropped;
};
struct candidates {
    struct candidate *items; /* sorted by name, then by path */
    size_t n;
};

/* Wants by what they say, so that equal ones are kept once. */
struct want_slot {
    uint64_t key;
    const struct db_want *want; /* NULL: free */
};
#define FORMS_LATELY 256
struct want_pool {
    struct want_slot *slots;
    size_t n_slots; /* a power of two, or 0 */
    size_t n;
};

struct desired_build {
    const struct desired_options *options;
    struct diags *diags;
    struct manifest_room *room; /* of what is read; NULL: nothing was yet */
    struct desired_file *files; /* sorted by path */
    size_t n_files;
    size_t n_good;
    struct desired_root now_root;
    struct desired_root good_root;
    bool good_ready; /* every good version is read, good_root is filled */
    bool refused;    /* the whole new generation is: good alone is built */
    bool again;      /* a file was refused after entries were gathered: gather anew */
    bool names_clash;
    const char *organization; /* the daemon's, or what a root file names; NULL: neither */
    struct desired_merge merge;
    struct candidates entries;
    struct want_pool pool;
    const struct db_form *forms[FORMS_LATELY]; /* by hash: the last of each */
};

static inline struct desired_file *candidate_file(const struct desired_build *b,
                                                  const struct candidate *c)
{
    return &b->files[c->file];
}

/* Functions below return 0 or -ERR_NOMEM unless they say more. */

/* desired_check: warn of what shows when all is together: names that are likely too long beside the
 * organization's, copies into groups where their sources' data may not live, encryption keys that
 * the configuration does not name. */
void desired_check_all(const struct desired_build *b, const struct desired *d);

/* desired_files: pair the inputs by path and read those of now. Sets `refused` of files and build.
 */
int desired_files_read(struct desired_build *b, const struct manifest_input *now, size_t n_now,
                       const struct manifest_input *good, size_t n_good) MUST_CHECK;
/* Both could be read, and are of one kind and the same bytes. */
bool desired_files_same(const struct manifest_input *a, const struct manifest_input *b);
/* What is there now of that file does not count; if it is or was a root file, nothing new does. */
int desired_files_refuse(struct desired_build *b, struct desired_file *f) MUST_CHECK;
/* Read the good version of one file, or of all and their root. */
int desired_files_read_good(struct desired_build *b, struct desired_file *f) MUST_CHECK;
int desired_files_ready_good(struct desired_build *b) MUST_CHECK;
/* Binary search by path. NULL: none. */
struct desired_file *desired_files_find(const struct desired_build *b, const char *path);
/* The version that counts. NULL: none. *input is that version's. */
const struct manifest *desired_files_use(const struct desired_build *b,
                                         const struct desired_file *f,
                                         const struct manifest_input **input);
void desired_files_deinit(struct desired_build *b);

/* desired_root: gather groups, residencies and classes; check them against each other. */
int desired_root_gather(struct desired_root *root, const struct desired_build *b,
                        bool good) MUST_CHECK;
int desired_root_check(const struct desired_root *root, struct desired_build *b) MUST_CHECK;
struct root_item *desired_root_find(const struct root_list *list, const char *name);
void desired_root_deinit(struct desired_root *root);
/* Report that `what` ("database", "class") `name` names a `kind` that is not there. */
void desired_root_unknown(const struct root_list *list, const char *kind, const char *wanted,
                          const char *what, const struct root_item *by, struct diags *diags);
/* Check group and residency of a class or database against each other. */
void desired_root_place(const struct desired_root *root, const struct root_item *by,
                        const char *what, const struct merged_db *m, struct diags *diags);

/* desired_merge: apply its class to an entry and check the result.
 * 0, -ERR_INVALID (diags says why) or -ERR_NOMEM. *out is good until the next merge. */
int desired_merge_database(struct desired_merge *m, const struct desired_root *root,
                           const struct db_spec *spec, struct merged_db *out,
                           struct diags *diags) MUST_CHECK;
/* The tokens of a group, in m->tokens; all of them, also where diags says what is wrong. */
int desired_merge_group(struct desired_merge *m, const struct group_spec *spec,
                        struct diags *diags) MUST_CHECK;
/* What is wrong in a class whatever its entries say. */
void desired_merge_check_class(const struct db_spec *spec, struct diags *diags);
void desired_merge_deinit(struct desired_merge *m);

/* desired_check: every entry against the root files; then those that stand in. */
int desired_check_files(struct desired_build *b) MUST_CHECK;
int desired_check_stand_ins(struct desired_build *b) MUST_CHECK;
bool desired_check_knows_hook(const struct desired_options *o, const char *name);
/* The entry says no more than its class. */
bool desired_check_is_alone(const struct db_spec *spec);
/* Whether a version of a file fits a root, without a word. */
int desired_check_fits(struct desired_build *b, const struct desired_root *root,
                       const struct manifest *m, bool *out_fits) MUST_CHECK;
void desired_check_hooks(const struct desired_build *b, const struct token_spec *tokens, size_t n,
                         struct diags *diags);
/* Report to `to` the errors that `from` holds. */
void desired_check_move(struct diags *to, struct diags *from);
/* Refuse the generation, since `why` is wrong under the new root files and was not before: its
 * first error is reported, of the first time alone. */
void desired_check_refuse_root(struct desired_build *b, struct diags *why, bool stands_in);

/* desired_names: gather the entries that count, sorted; freeze the names that are in two files. */
int desired_names_gather(struct desired_build *b, struct diags *diags) MUST_CHECK;
/* Binary search for the first of that name. NULL: none. */
const struct candidate *desired_names_find(const struct candidates *c, const char *name);

/* desired_digest: of what is said, not of where. */
uint64_t desired_digest_database(const struct merged_db *m);
uint64_t desired_digest_group(const struct group_want *g);
uint64_t desired_digest_api_token(const struct api_token_want *t);
uint64_t desired_digest_member(const struct member_want *m);
uint64_t desired_digest_all(const struct desired *d);
/* For finding equal wants. Those are one when they say the same and their tokens stand at the same
 * places: those of a class, and an entry's own in entries of one form. */
uint64_t desired_digest_key(uint64_t digest, const struct db_want *w);

/* desired_share: fill `d` from the root and the entries. */
int desired_share_root(struct desired_build *b, struct desired *d) MUST_CHECK;
int desired_share_databases(struct desired_build *b, struct desired *d) MUST_CHECK;
/* Append one entry; there is room for it. */
int desired_share_entry(struct desired_build *b, struct desired *d,
                        const struct candidate *c) MUST_CHECK;

/* All is well: the names that are borrowed from manifests become d's own. */
void desired_share_names(struct desired_build *b, struct desired *d);

/* desired_paths: refuse the files that give two tokens one file. */
int desired_paths_check(struct desired_build *b, struct desired *d) MUST_CHECK;

/* desired_keep: the new last good set, and the rest, before all is checked together. */
int desired_keep_choose(struct desired_build *b, const struct desired *d,
                        struct desired_keep *out) MUST_CHECK;
/* From the files that were read and what was said of them. */
int desired_keep_base(const struct desired_build *b, struct desired_keep *out) MUST_CHECK;

/* For whoever makes a struct desired_build. */
void desired_build_deinit(struct desired_build *b);

#endif
