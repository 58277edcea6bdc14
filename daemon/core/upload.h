/* upload: a database that is made from a file below seeds_dir. The platform makes it as a draft,
 * which becomes a database when the file has arrived at its own host.
 *
 *   create ─▶ due ─▶ sending ─▶ ok: a database like any other, and its row says no more of it
 *              ▲        ├─▶ no answer: its host is asked ─▶ it holds something: as if ok
 *              │        │                                └▶ it is none, for a minute: due
 *              └────────┴─▶ refused ─▶ its host is asked: none, for a minute ─▶ read ─▶ deleted
 *
 * Only what is refused is deleted without fence and grace, and only under the id that the answer to
 * our own create gave: it never was anybody's database. As soon as an upload has ended without an
 * answer that id is forgotten (owned.draft_id), and nothing deletes it but what deletes any other.
 * In:    the entry, the ledger's row, what its host and the file were last seen to be.
 * Out:   what stands in the way, what to do next.
 * Never: I/O. */
#ifndef TENANTD_CORE_UPLOAD_H
#define TENANTD_CORE_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct database;
struct decision;
struct reconcile;
struct effects;
struct flight;
struct answer;
struct call;
struct world;

/* owned.upload; NULL: the platform made it whole, or has its file. */
#define UPLOAD_DUE "due"
#define UPLOAD_FOUND                                                                               \
    "found" /* the create's answer was lost, or others have filled it: its host tells whether it   \
             * is a draft */
#define UPLOAD_SENDING "sending" /* begun, and how it ended is not known */
#define UPLOAD_REFUSED "refused" /* by the platform, and nothing of it is there */

#define UPLOAD_SURE_MS (60 * 1000) /* a host says for so long that it has no such database */

/* What its own host said when it was last asked. */
enum upload_host {
    HOST_UNASKED,
    HOST_NONE,    /* it knows no such database: a draft */
    HOST_HOLDS,   /* something */
    HOST_EMPTY,   /* it answers, and there is nothing in it */
    HOST_UNCLEAR, /* none of these */
};

/* What this life of the daemon knows of one; the rest is in its row. */
struct upload {
    char *key; /* secret: opens its host; wiped with it */
    size_t key_size;
    int64_t key_until_ms; /* wall clock */
    int64_t key_at_ms;    /* wall clock: when it was asked for */

    char *file_state;     /* of the file when it was looked at; NULL: it cannot be used */
    char *file_error;     /* then why */
    uint64_t file_digest; /* of the entry that named it */
    int64_t looked_ms;    /* monotonic; 0: never */

    char *refused_text;  /* what the platform said of the file; NULL: nothing */
    char *refused_state; /* of the file that it refused */
    uint64_t refused_digest;
    int64_t refused_until_ms; /* monotonic */

    enum upload_host host;
    int64_t host_ms;       /* monotonic: when that was asked */
    int64_t none_since_ms; /* monotonic: HOST_NONE, without a break */
    char *host_text;       /* UNCLEAR: what it said */

    bool running;     /* it is being sent */
    int64_t again_ms; /* monotonic: not before */
    bool may_drop;    /* the guard allows the draft to be removed */
};

/* NULL for a zeroed one and for none. */
void upload_free(struct upload *u);
/* By name, or for another API token: nothing that was seen or refused counts any more. */
void upload_forget(struct upload *u);

void upload_drop_key(struct upload *u);
/* The draft is gone: what is known of the file stays, what was of the draft goes. */
void upload_restart(struct upload *u);

bool upload_is(const struct database *d, const char *state);
/* It is a draft, or may be one: nothing but an upload is done to it. */
bool upload_is_due(const struct database *d);
/* A draft that was refused, under the id of our own create: nothing was ever in it. */
bool upload_is_refused_draft(const struct database *d);

/* Its removal was begun, perhaps in another life: it may still be carried out, and nothing is sent
 * to it any more. */
struct dropped_drafts;
bool upload_is_going(const struct dropped_drafts *drafts, const struct database *d);

/* decide_upload.c: of one that is to be made: false: its file can be used. Else `out` says. */
bool decide_seed_file(const struct world *w, const struct database *d, struct decision *out);
/* Of one that is ours, live and wanted. False: there is no upload to think of. */
bool decide_upload(const struct world *w, const struct database *d, struct decision *out);

/* perform_upload.c: the call of such an act. */
struct call *rc_upload_call(struct reconcile *rc, struct effects *fx, struct database *d,
                            const struct decision *dec);
/* absorb_upload.c: what came of it. */
bool rc_is_upload_act(const struct flight *f);
void rc_absorb_upload(struct reconcile *rc, struct effects *fx, const struct flight *f,
                      struct answer *a);
void rc_upload_take(struct reconcile *rc, struct effects *fx, struct database *d);
/* How far the one that is being sent has come. */
void rc_upload_progress(struct reconcile *rc, struct effects *fx, int64_t sent, int64_t total);
/* The guard is asked about drafts after all others, and they never stand in the way of those.
 * done, wanted: as guard_allows_removals takes them, without drafts. */
void rc_uploads_guard(struct reconcile *rc, size_t owned, size_t done, size_t wanted);

/* Drafts that we have deleted: what the platform lists of them is nothing to bring back. */
struct dropped_draft {
    char *id;
    int64_t at_ms; /* wall clock */
};
struct dropped_drafts {
    struct dropped_draft *items;
    size_t n;
    size_t capacity;
    int64_t late_until_ms; /* monotonic: until then a delete that the life before this one has sent
                              may yet be carried out, by a name that nobody knows any more */
};
bool dropped_drafts_has(const struct dropped_drafts *l, const char *id);
void rc_drafts_load(struct reconcile *rc, const char *key, const char *value); /* of `meta` */
/* At the start, when they are loaded. */
void rc_drafts_start(struct reconcile *rc);
void rc_drafts_expire(struct reconcile *rc, struct effects *fx);
void rc_draft_drop(struct reconcile *rc, struct effects *fx, const char *id);
void dropped_drafts_deinit(struct dropped_drafts *l);

#endif
