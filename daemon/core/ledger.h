/* ledger: what must not be forgotten, as rows. The store keeps them; the reconciler thinks in them.
 * One table of columns per row type drives binding, reading, copying and freeing, so a new column
 * is one line here and one migration in the store. In/Out: rows that own their texts. Never: SQL,
 * I/O. No column ever holds a secret. */
#ifndef TENANTD_CORE_LEDGER_H
#define TENANTD_CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

/* Times are ms since the epoch, 0: not set. Texts may be NULL. Booleans are 0 or 1.
 *   X(row struct, member, INT | TEXT, KEY | DATA) in the order of the table's columns. */

/* A group or database that is ours, was ours, or is being created by us. */
/* clang-format off: a table */
#define OWNED_COLUMNS(X)                                                                           \
    X(owned, kind, TEXT, KEY) /* "group", "database" */                                            \
    X(owned, name, TEXT, KEY)                                                                      \
    X(owned, state, TEXT,                                                                          \
      DATA) /* "creating": sent, outcome not known; "owned"; "deleted": remembered */              \
    X(owned, id, TEXT, DATA)     /* platform id; creating: NULL, or that of the one it replaces */ \
    X(owned, origin, TEXT, DATA) /* "created", "adopted" */                                        \
    X(owned, since, INT, DATA)   /* created or adopted; when deleted: of the deletion */           \
    X(owned, wanted_since, INT,                                                                    \
      DATA) /* the manifest has named it without a break since; 0: it does not */                  \
    X(owned, expires_since, INT, DATA) /* first generation that gave it the present `expires` */   \
    X(owned, expires_spec, TEXT, DATA) /* that `expires`, to see it change */                      \
    X(owned, expired, INT,                                                                         \
      DATA) /* it has expired and was not edited since: the entry's digest, or 0 */                \
    X(owned, group_name, TEXT, DATA) /* a database's group, pinned; a group's pinned location */   \
    X(owned, hostname, TEXT, DATA)                                                                 \
    X(owned, protect, INT, DATA)   /* protect: true was applied and not ended */                   \
    X(owned, is_branch, INT, DATA) /* born from a seed with `expires` */                           \
    X(owned, create_digest, TEXT,                                                                  \
      DATA) /* what is create-only, as it was created: location, extensions, engine */             \
    X(owned, applied, TEXT, DATA) /* JSON {field: [value written, value read back]} */             \
    X(owned, fence, TEXT, DATA) /* NULL; "wanted"; "set"; "lifting"; "lifted" by somebody else */  \
    X(owned, fence_reads, INT, DATA)   /* block_reads before the fence */                          \
    X(owned, fence_writes, INT, DATA)  /* block_writes before the fence */                         \
    X(owned, removal_since, INT, DATA) /* wanted gone since; 0: not */                             \
    X(owned, fenced_since, INT, DATA)  /* the platform confirmed the fence */                      \
    X(owned, grace_spent, INT, DATA)   /* ms of grace that have run while observing */             \
    X(owned, empty_since, INT, DATA)   /* a group: empty in every observation since */             \
    X(owned, missing_since, INT, DATA) /* gone from the platform without us */                     \
    X(owned, held, INT,                                                                            \
      DATA) /* HELD_x bits: the guard held it; ended by approval, rejection, or the want's end */  \
    X(owned, config_read, INT, DATA) /* when its configuration was last read; CONFIG_IN_DOUBT */   \
    X(owned, released, INT, DATA)    /* an operator: forget it, once its fence is down; 0: not */  \
    X(owned, purged, INT, DATA)      /* an operator: its grace is over; 0: not */                  \
    X(owned, recreate, INT,                                                                        \
      DATA) /* an operator: make a new one, empty, whatever was deleted; until it is made */       \
    X(owned, probed, INT, DATA)  /* when its own host last answered; 0: it did not */              \
    X(owned, upload, TEXT, DATA) /* UPLOAD_x of upload.h; NULL: it is no draft */                  \
    X(owned, draft_id, TEXT,                                                                       \
      DATA) /* its id, if our create's own answer gave it and no upload's end is unknown */
/* clang-format on */

/* A token that we minted, or took over. */
/* clang-format off: a table */
#define TOKEN_COLUMNS(X)                                                                           \
    X(held_token, kind, TEXT, KEY) /* "token", "group-token", "api-token" (whose target is "") */  \
    X(held_token, target, TEXT, KEY)                                                               \
    X(held_token, name, TEXT, KEY)                                                                 \
    X(held_token, state, TEXT,                                                                     \
      DATA) /* "minting": sent; "minted": came back; "published"; "removed": lives on */           \
    X(held_token, target_id, TEXT, DATA)                                                           \
    X(held_token, hash, TEXT, DATA) /* SHA-256 of the JWT in the file */                           \
    X(held_token, params, TEXT,                                                                    \
      DATA) /* authorization, expiration, permissions it was minted with */                        \
    X(held_token, asked, TEXT,                                                                     \
      DATA) /* likewise, of the mint under way, or whose answer was lost; NULL: none */            \
    X(held_token, issued, INT, DATA)                                                               \
    X(held_token, expires, INT, DATA) /* 0: never */                                               \
    X(held_token, renews, INT, DATA)  /* when renewal is due, jitter included; 0: never */         \
    X(held_token, file, TEXT, DATA)   /* relative to tokens_dir */                                 \
    X(held_token, format, INT, DATA)                                                               \
    X(held_token, mode, INT, DATA)                                                                 \
    X(held_token, stale_file, TEXT,                                                                \
      DATA) /* where the token before is: to be removed, or written over */                        \
    X(held_token, stale_hash, TEXT, DATA)                                                          \
    X(held_token, stale_format, INT, DATA)                                                         \
    X(held_token, hook, TEXT, DATA) /* the hook that is told of this file, by the manifest */      \
    X(held_token, notify, TEXT,                                                                    \
      DATA)                          /* a hook that has yet to be told of this file; NULL: none */ \
    X(held_token, cause, TEXT, DATA) /* what to tell it: "published", "renewed", "removed", ... */
/* clang-format on */

/* A platform API token that we made, or whose making was begun: one a generation. Its secret's file
 * is a row of held_token with the kind "api-token". */
/* clang-format off: a table */
#define ISSUED_COLUMNS(X)                                                                          \
    X(issued, name, TEXT, KEY) /* the entry's; the platform's is NAME--gGENERATION */              \
    X(issued, generation, INT, KEY)                                                                \
    X(issued, state, TEXT, DATA)      /* "minting": sent; "lost": nobody knows; "live" */          \
    X(issued, id, TEXT, DATA)         /* platform id; NULL: not known */                           \
    X(issued, hash, TEXT, DATA)       /* SHA-256 of the secret; NULL: it never came */             \
    X(issued, group_name, TEXT, DATA) /* NULL: of the whole organization */                        \
    X(issued, group_id, TEXT, DATA)                                                                \
    X(issued, scopes, TEXT, DATA)                                                                  \
    X(issued, since, INT, DATA)                                                                    \
    X(issued, retired, INT, DATA)       /* another one took its place, or it was lost; 0: not */   \
    X(issued, removal_since, INT, DATA) /* the entry is gone since; 0: it is not */                \
    X(issued, held, INT, DATA)          /* HELD_REMOVAL, as of an owned thing */
/* clang-format on */

/* A person whom we invited, or took over, or are inviting. */
/* clang-format off: a table */
#define MEMBERSHIP_COLUMNS(X)                                                                      \
    X(membership, email, TEXT, KEY) /* in small letters */                                         \
    X(membership, state, TEXT,                                                                     \
      DATA) /* "inviting": sent, outcome not known; "invited"; "member" */                         \
    X(membership, username, TEXT, DATA) /* the platform's name of a member; NULL: not one yet */   \
    X(membership, origin, TEXT, DATA)   /* "invited", "adopted" */                                 \
    X(membership, role, TEXT, DATA)     /* what we last asked for; NULL: nothing yet */            \
    X(membership, digest, INT, DATA)    /* of the entry, when that was asked for; 0: of none */    \
    X(membership, since, INT, DATA)                                                                \
    X(membership, invited_at, INT, DATA) /* when an invite was last sent by us; 0: never */        \
    X(membership, wanted_since, INT, DATA)                                                         \
    X(membership, removal_since, INT, DATA) /* the entry is gone since; 0: it is not */            \
    X(membership, missing_since, INT, DATA) /* neither member nor invited, without us */           \
    X(membership, recreate, INT, DATA)      /* an operator: invite once more; until it is done */  \
    X(membership, held, INT, DATA)          /* HELD_REMOVAL, as of an owned thing */
/* clang-format on */

/* A mint whose answer was lost: a token may exist that nobody holds. */
/* clang-format off: a table */
#define LEAK_COLUMNS(X)                                                                            \
    X(leak, kind, TEXT, KEY)                                                                       \
    X(leak, target, TEXT, KEY)                                                                     \
    X(leak, name, TEXT, KEY)                                                                       \
    X(leak, at, INT, KEY)                                                                          \
    X(leak, until, INT, DATA) /* 0: never expires */
/* clang-format on */

/* What counts against the guard, while it is in the window; "flip": a field that was set back. */
/* clang-format off: a table */
#define COUNT_COLUMNS(X)                                                                           \
    X(count, what, TEXT, KEY) /* "removal", "update", "create", "stranger", "flip:FIELD:N" */      \
    X(count, kind, TEXT, KEY)                                                                      \
    X(count, name, TEXT, KEY) /* of one that went: with its id behind a space */                   \
    X(count, at, INT, DATA)
/* clang-format on */

/* A held step that somebody approved or rejected. */
/* clang-format off: a table */
#define APPROVAL_COLUMNS(X)                                                                        \
    X(approval, action, TEXT, KEY)                                                                 \
    X(approval, kind, TEXT, KEY)                                                                   \
    X(approval, name, TEXT, KEY)                                                                   \
    X(approval, id, TEXT, DATA) /* platform id it was said of */                                   \
    X(approval, plan, TEXT, DATA)                                                                  \
    X(approval, approved, INT, DATA) /* 0: rejected */                                             \
    X(approval, at, INT, DATA)                                                                     \
    X(approval, uid, INT, DATA)                                                                    \
    X(approval, reason, TEXT, DATA)                                                                \
    X(approval, digest, INT, DATA) /* of the entry; a rejection ends when it changes */            \
    X(approval, begun, INT, DATA)  /* the step was begun: the approval is used up when done */
/* clang-format on */

/* An operator has told us to leave something alone for a while. */
/* clang-format off: a table */
#define PAUSE_COLUMNS(X)                                                                           \
    X(pause, kind, TEXT, KEY) /* "" with name "": the whole organization */                        \
    X(pause, name, TEXT, KEY)                                                                      \
    X(pause, until, INT, DATA)                                                                     \
    X(pause, at, INT, DATA)                                                                        \
    X(pause, uid, INT, DATA)                                                                       \
    X(pause, reason, TEXT, DATA)
/* clang-format on */

/* What happened. `seq` 0 on writing: the store numbers it. */
/* clang-format off: a table */
#define EVENT_COLUMNS(X)                                                                           \
    X(event, seq, INT, KEY)                                                                        \
    X(event, at, INT, DATA)                                                                        \
    X(event, kind, TEXT, DATA) /* "database", "token", ...; "daemon" */                            \
    X(event, name, TEXT, DATA)                                                                     \
    X(event, what, TEXT, DATA) /* CamelCase: Created, Updated, Minted, Phase, Loaded, ... */       \
    X(event, level, INT, DATA) /* syslog's: 3 error, 4 warning, 5 notice, 6 info */                \
    X(event, message, TEXT, DATA)                                                                  \
    X(event, source, TEXT, DATA) /* file:line, NULL: none */                                       \
    X(event, generation, INT, DATA)                                                                \
    X(event, http_status, INT, DATA)                                                               \
    X(event, attempt, INT, DATA)                                                                   \
    X(event, duration_ms, INT, DATA)                                                               \
    X(event, request, TEXT, DATA) /* "DELETE /v1/...", whose answer the three above are of */
/* clang-format on */

/* One of a kind: "origin", "organization", "organization_id", "generation", "location/GROUP", ...
 */
/* clang-format off: a table */
#define META_COLUMNS(X)                                                                            \
    X(meta, key, TEXT, KEY)                                                                        \
    X(meta, value, TEXT, DATA)
/* clang-format on */

/* `config_read`: a change of it was sent, and what came of it is not known. Less than 0: it was
 * read at the time that is 0 less it, and was not what was written. */
#define CONFIG_IN_DOUBT 1

/* clang-format off: a table */
#define HELD_REMOVAL 1
#define HELD_UPDATE  2

#define LEDGER_TABLES(X)                                                                           \
    X(OWNED, owned, OWNED_COLUMNS)                                                                 \
    X(TOKEN, held_token, TOKEN_COLUMNS)                                                            \
    X(ISSUED, issued, ISSUED_COLUMNS)                                                              \
    X(MEMBERSHIP, membership, MEMBERSHIP_COLUMNS)                                                  \
    X(LEAK, leak, LEAK_COLUMNS)                                                                    \
    X(COUNT, count, COUNT_COLUMNS)                                                                 \
    X(APPROVAL, approval, APPROVAL_COLUMNS)                                                        \
    X(PAUSE, pause, PAUSE_COLUMNS)                                                                 \
    X(EVENT, event, EVENT_COLUMNS)                                                                 \
    X(META, meta, META_COLUMNS)
/* clang-format on */

#define LEDGER_C_INT                          int64_t
#define LEDGER_C_TEXT                         char *
#define LEDGER_MEMBER(row, member, type, key) LEDGER_C_##type member;
#define LEDGER_STRUCT(symbol, row, columns)                                                        \
    struct row {                                                                                   \
        columns(LEDGER_MEMBER)                                                                     \
    };
LEDGER_TABLES(LEDGER_STRUCT)
#undef LEDGER_STRUCT

#define LEDGER_ENUM(symbol, row, columns) LEDGER_##symbol,
enum ledger_table { LEDGER_TABLES(LEDGER_ENUM) LEDGER_N };
#undef LEDGER_ENUM

enum ledger_type { LEDGER_INT, LEDGER_TEXT };
struct ledger_column {
    const char *name;
    enum ledger_type type;
    bool is_key;
    size_t offset;
};
struct ledger_table_info {
    const char *name;
    size_t size; /* of the row's struct */
    const struct ledger_column *columns;
    size_t n_columns;
};
extern const struct ledger_table_info LEDGER[LEDGER_N];

/* A change to the ledger: put (insert or replace by key) or delete by key. */
struct ledger_op {
    enum ledger_table table;
    bool is_delete;
    void *row; /* owned: the row's struct, and its texts behind it, as by ledger_row_whole */
};

bool ledger_row_copy(enum ledger_table t, void *to,
                     const void *from) MUST_CHECK; /* `to` is uninitialised; false: no memory */
void ledger_row_deinit(enum ledger_table t, void *row); /* frees texts, zeroes */
/* A copy in one piece, its texts in it: to be read, and freed by mem_free. NULL: no memory. */
void *ledger_row_whole(enum ledger_table t, const void *from) MUST_CHECK;
void ledger_op_deinit(struct ledger_op *op);

/* Replace a text member of a row; false: no memory (the old one stays). value NULL clears. */
bool ledger_set(char **member, const char *value) MUST_CHECK;

#endif
