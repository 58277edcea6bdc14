/* fleet_private: what the fleet's rooms share. Nobody else includes it. */
#ifndef TENANTD_CORE_FLEET_PRIVATE_H
#define TENANTD_CORE_FLEET_PRIVATE_H

#include "core/fleet.h"
#include "core/pack.h"
#include "core/pack_change.h"

#define PACKED_TAG  ((uintptr_t)1) /* in the address of what is packed */
#define FLEET_BLOCK 1024           /* records whose first wake is kept together */

struct fleet_rest {
    struct texts texts;
    struct pack_store store;
    struct heap *wakes;
    struct list touched;
    const struct db_entry *entries; /* of the manifest that the records are bound to */
    int64_t *block_wakes;           /* a time no later than the first wake of each block's packed */
    size_t n_blocks;
    size_t blocks_capacity;
    unsigned world;          /* number of the one in which PACKED_STEADY is said */
    struct database *peeked; /* a copy of one that is packed; NULL: none */
    struct pack_room room;
    struct {
        bool is_set;
        int8_t block_reads;
        int8_t block_writes;
        int8_t delete_protection;
    } usual; /* of what the look under way shows and only the ledger tells of: the flags of all that
                are noted */
    struct pack_change first_seen; /* by the look under way, as the ledger tells: what it changes */
    struct database *in_room;      /* who is opened there: a visit, or the one that is peeked at */
    bool failed;
};

/* NULL: it is whole. */
static inline struct packed *fleet_packed(const struct resource *item)
{
    uintptr_t address = (uintptr_t)item;

    return address & PACKED_TAG ? (struct packed *)(address - PACKED_TAG) : NULL;
}

/* fleet_look.c: what the look under way shows of it is what is known yet, or it shows nothing: else
 * it stays whole until the look is over. */
bool fleet_is_as_shown(const struct fleet *f, const struct database *d);
/* It is whole until the step ends; NULL: no memory. */
struct database *fleet_rouse(const struct fleet *f, size_t at);

/* name: taken; NULL: no memory, then false. */
bool resource_init(struct resource *r, enum kind kind, char *name) MUST_CHECK;
void resource_deinit(struct resource *r);
void token_deinit(struct token *t);
/* at: NULL: in no manifest. */
void bind_resource(struct resource *r, const struct source *at, uint64_t digest);

void database_free(struct database *d);
/* Point a record at its entry, or (NULL) at none, and change nothing else. False: a token of its
 * entry has no record. */
bool fleet_point(struct database *d, const struct db_entry *e);
/* For the times at which what is packed is due: */
bool fleet_count_blocks(struct fleet *f) MUST_CHECK; /* after they have come */
void fleet_reckon_wakes(struct fleet *f);            /* after they have moved */
void fleet_shift_wakes(struct fleet *f, size_t n);   /* after they have moved by n places at most */
bool fleet_bind_databases(struct fleet *f, const struct desired *d) MUST_CHECK;
bool fleet_bind_database(struct database *d, const struct db_entry *e) MUST_CHECK;
/* One that is packed, behind all that are there: `p` is the fleet's. False: no memory. */
bool fleet_append_packed(struct fleet *f, struct packed *p, unsigned flags) MUST_CHECK;
/* entries: what the entries of the visited are of. */
struct visit;
void fleet_close_bound(const struct fleet *f, size_t at, const struct visit *v,
                       const struct db_entry *entries);
void fleet_sweep_databases(struct fleet *f, bool (*keep)(struct database *d, void *arg), void *arg);
void fleet_rest_deinit(struct fleet *f);

bool fleet_bind_api_tokens(struct fleet *f, const struct desired *d) MUST_CHECK;
void fleet_sweep_api_tokens(struct fleet *f, void (*gone)(void *arg, struct resource *r),
                            void *arg);
void fleet_free_api_tokens(struct fleet *f);

bool fleet_bind_members(struct fleet *f, const struct desired *d) MUST_CHECK;
void fleet_sweep_members(struct fleet *f, void (*gone)(void *arg, struct resource *r), void *arg);
void fleet_free_members(struct fleet *f);

#endif
