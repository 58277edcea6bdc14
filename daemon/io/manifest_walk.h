/* manifest_walk: which files a manifest is made of, without opening one.
 * *.yaml, *.yml and *.json, in all directories below; names that begin with a dot or end in ~ or
 * .tmp are passed over. Links to files count, so that a ConfigMap's layout works (eu.yaml ->
 * ..data/eu.yaml); links to directories do not. A link must stay inside the directory; where all
 * writers are trusted it may also lead to a file that everybody on this host may read, since then
 * it tells nobody anything new. */
#ifndef TENANTD_IO_MANIFEST_WALK_H
#define TENANTD_IO_MANIFEST_WALK_H

#include <stdbool.h>

#include "core/manifest.h"
#include "io/read.h"
#include "lib/err.h"

struct manifest_walk_options {
    const char *manifest; /* a file or a directory */
    const char *
        tenants_dir; /* a directory; NULL: none. Inside of the manifest's it is not part of that. */
};

enum manifest_found_type {
    MANIFEST_DIRECTORY, /* one that is read; before what is in it */
    MANIFEST_EMPTY,     /* one below a root with no file, nor anything wrong, anywhere in it */
    MANIFEST_FILE,
    MANIFEST_ERROR, /* something there cannot be part of the manifest, and must not be overlooked */
};

struct manifest_found {
    enum manifest_found_type type;
    enum manifest_kind kind;
    const char *path;              /* as people know it; plain text, without control bytes */
    const char *error;             /* ERROR: reads well behind "PATH: " */
    struct read_identity identity; /* DIRECTORY, FILE (of what a link leads to) */
    bool has_other_names;          /* FILE: a link, or one of several names: it may change with no
                                      event in its directory */
    struct manifest_place *place;  /* FILE: for manifest_walk_open */
};

/* Returns 0 to go on; anything else ends the walk and is what it returns. `found` is borrowed for
 * the call. */
typedef int (*manifest_visit_fn)(void *arg, const struct manifest_found *found);

/* Visit everything, in no order. What is wrong with files is visited, not returned: a missing or
 * unreadable directory, or one with no manifest file anywhere in it, is an ERROR at its own path.
 * Returns 0, -ERR_NOMEM or what `visit` returned. */
int manifest_walk(const struct manifest_walk_options *o, manifest_visit_fn visit,
                  void *arg) MUST_CHECK;

/* Where a file is, was, or may be. */
struct manifest_spot {
    enum manifest_kind kind;
    const char *path; /* as people know it, in a directory that an earlier walk visited */
};

/* Visit that file alone, as manifest_walk would; nothing where there is none any more. Returns as
 * manifest_walk, and MANIFEST_WALK_ALL where that cannot be told without looking at more. */
#define MANIFEST_WALK_ALL 1
int manifest_walk_spot(const struct manifest_walk_options *o, const struct manifest_spot *spot,
                       manifest_visit_fn visit, void *arg) MUST_CHECK;

/* Open a FILE for reading while it is being visited. Returns the descriptor, the caller's, or
 * -ERR_x with a text that reads well behind "PATH: ". */
int manifest_walk_open(const struct manifest_found *found, struct err *err) MUST_CHECK;

/* Whether a name in a manifest directory can matter: not a dotfile, a backup or a temporary file.
 */
bool manifest_walk_is_name(const char *name) MUST_CHECK;
/* Whether a file of that name is part of the manifest. */
bool manifest_walk_is_file_name(const char *name) MUST_CHECK;

#endif
