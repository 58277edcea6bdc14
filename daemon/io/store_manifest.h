/* store_manifest: the last good manifest, file by file, in STATE_DIR/manifest.db. It has a database
 * of its own: large, written seldom, and its damage is not the ledger's; a missing ledger beside it
 * can be told from a first start.
 * In:    the files that are good now.
 * Out:   the files that were good last, exactly as they were, or the reason why not.
 * Never: a part of a set, or bytes whose checksum does not fit. */
#ifndef TENANTD_IO_STORE_MANIFEST_H
#define TENANTD_IO_STORE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/desired.h"
#include "lib/arena.h"
#include "lib/base.h"
#include "lib/err.h"

struct state_dir;
struct store_manifest;

/* `dir` is borrowed until close: the store's, whose lock keeps others out. Opens no file yet, so
 * that damage is found by load, and can be mended by save. One thread at a time may use what comes
 * out; a save of a large manifest takes as long as writing its changed files, so it belongs on a
 * worker. -ERR_NOMEM. */
int store_manifest_open(const struct state_dir *dir, struct store_manifest **out,
                        struct err *err) MUST_CHECK;
void store_manifest_close(struct store_manifest *m); /* takes NULL */

/* True when there is a saved manifest, good or damaged. */
bool store_manifest_exists(const struct store_manifest *m);

/* Make `files` (each with data, in any order, no path twice) the last good ones, all or nothing;
 * only what changed is written. Where the old database is damaged, or a newer program's, it is
 * moved aside first as manifest.db.damaged: what it held is what `files` replaces. On failure the
 * old set stays. -ERR_INVALID: a path twice or no data; else as sqlite_file_error. */
int store_manifest_save(struct store_manifest *m, const struct manifest_input *const *files,
                        size_t n, struct err *err) MUST_CHECK;

/* Why what was there was moved aside by the last save; NULL: it was not. */
const struct err *store_manifest_lost(const struct store_manifest *m);

/* The same where what was given to the last save or change is the last good set, but for this: as
 * long as writing it. Where the last one failed, or there was none, -ERR_INVALID; on any failure
 * the old set stays, and all can be saved instead. */
int store_manifest_change(struct store_manifest *m, const struct desired_diff *d,
                          struct err *err) MUST_CHECK;

struct manifest_good {
    struct arena arena;           /* owns everything */
    struct manifest_input *files; /* sorted by path; `error` NULL */
    size_t n;
};
#define MANIFEST_GOOD_INIT ((struct manifest_good){.arena = ARENA_INIT})

/* -ERR_NOT_FOUND: none was saved yet; -ERR_CORRUPT: damaged, or not what was saved; -ERR_NEWER;
 * -ERR_NOMEM, -ERR_IO... `out` is the caller's on 0, untouched otherwise. */
int store_manifest_load(struct store_manifest *m, struct manifest_good *out,
                        struct err *err) MUST_CHECK;
void store_manifest_deinit(struct manifest_good *g);

#endif
