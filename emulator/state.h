/* state: the organizations, groups and databases that this platform holds.
 * In:    checked values from the routes.
 * Out:   lookups by name in O(1), databases in id order, changes.
 * Never: speaks HTTP or JSON, reads a clock. */
#ifndef TENANTD_EMULATOR_STATE_H
#define TENANTD_EMULATOR_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit.h"
#include "db_list.h"
#include "ids.h"
#include "lib/base.h"
#include "lib/mem.h"
#include "people.h"

/* An element that found no memory has hh.tbl NULL, and is in no table. */
#define uthash_malloc(size)    mem_alloc(size)
#define uthash_free(ptr, size) mem_free(ptr)
#define HASH_NONFATAL_OOM      1
#define HASH_FUNCTION          HASH_FNV
#include <stdlib.h>
#include <uthash.h>

#define GROUP_LOCATIONS_MAX 16
#define LOCATION_SIZE       32
#define SIZE_LIMIT_TEXT     24
#define ALLOW_LIST_MAX      256

struct key;
struct content;
struct encryption;

struct org {
    char *slug;
    const char *host; /* borrowed: where all its databases are; NULL: at their locations */
    uint8_t id[UUID_SIZE];
    bool overages, require_mfa, restore_enabled;
    struct members members;
    struct invites invites;
    struct audit audit;
    struct group *groups;       /* by name, in the order of creation */
    struct database *databases; /* by name */
    struct db_list list;
    uint64_t n_created, n_deleted; /* databases, ever */
    struct db_list trash;          /* deleted, and kept for a while; owned */
    struct group *deleted_groups;  /* the same, by id, linked by next_deleted */
    int64_t trash_due_ms;          /* nothing of these is to be forgotten before */
};

struct group {
    UT_hash_handle hh;
    struct org *org;
    struct db_list list;
    struct key *key;
    uint8_t id[UUID_SIZE];
    char locations[GROUP_LOCATIONS_MAX][LOCATION_SIZE]; /* the first is the primary */
    int n_locations;
    bool delete_protection, archived, tech_preview;
    int64_t ready_at_ms; /* may hold databases from then on */
    int64_t awake_at_ms; /* while archived: wakes then; INT64_MAX: nobody asked */
    uint32_t n_mints, n_rotates;
    int64_t deleted_ms; /* in the trash since then */
    struct group *next_deleted;
    char name[];
};

/* What few databases have: kept apart, so that the many stay small. */
struct parent {
    uint8_t id[UUID_SIZE];
    int64_t branched_at_ms;
    char name[];
};
struct allow_list {
    size_t n;
    char *items[]; /* owned, as is the list */
};

struct database {
    UT_hash_handle hh;
    struct group *group;
    struct key *key;               /* NULL: the group's signs for it */
    struct parent *parent;         /* NULL: no branch */
    struct allow_list *ips, *vpcs; /* NULL: empty */
    struct encryption *encryption; /* NULL: not encrypted */
    struct content *content;       /* NULL: nobody has used it */
    uint8_t id[UUID_SIZE];
    int64_t created_ms;
    int64_t deleted_ms; /* in the trash since then */
    uint32_t n_mints, n_rotates;
    bool block_reads, block_writes, delete_protection, allow_attach, tursodb, deleted_with_group;
    bool is_draft;                    /* waits for the file that it was created for */
    char size_limit[SIZE_LIMIT_TEXT]; /* as it reads back; "" for none */
    char name[];
};

struct state {
    struct org *orgs;
    size_t n_orgs;
};

/* Takes copies of the slugs. An organization's id follows from its slug: it outlives a restart. */
bool state_init(struct state *s, char *const *slugs, size_t n) MUST_CHECK;
void state_deinit(struct state *s);
struct org *state_org(struct state *s, const char *slug); /* borrowed; NULL: none */
struct org *state_org_id(struct state *s, const uint8_t id[UUID_SIZE]);

struct group *group_find(struct org *org, const char *name);
struct group *group_find_id(struct org *org, const uint8_t id[UUID_SIZE]);
/* A group with one location and a fresh key. NULL: no memory. */
struct group *group_new(struct org *org, struct ids *ids, int64_t now_ms, const char *name,
                        const char *location) MUST_CHECK;
/* For good; takes its databases with it, and those of them that are in the trash. */
void group_delete(struct group *g);
/* Out of its organization's table, empty, and into it; false: no memory. */
void group_detach(struct group *g);
bool group_attach(struct group *g) MUST_CHECK;
void group_destroy(struct group *g); /* a detached one */
/* The name must not be taken. False: no memory, nothing changed. `*g` is then the new one. */
bool group_rename(struct group **g, const char *name) MUST_CHECK;
/* Moves it and its databases. False when a name is taken there: nothing changed. */
bool group_move(struct group *g, struct org *to) MUST_CHECK;
/* A new key for the group, and for every database that had its own. */
bool group_rotate(struct group *g, struct ids *ids) MUST_CHECK;
int group_find_location(const struct group *g, const char *location); /* -1: none */

struct database *database_find(struct org *org, const char *name);
struct database *database_new(struct group *g, struct ids *ids, int64_t now_ms, const char *name,
                              bool tursodb) MUST_CHECK;
void database_delete(struct database *db); /* for good */
/* Out of the tables of its organization and group, and into them; false: no memory. */
void database_detach(struct database *db);
bool database_attach(struct database *db) MUST_CHECK;
void database_destroy(struct database *db); /* a detached one */
/* A copy of a detached one that takes over what it owns: the old one is then only to be freed. */
struct database *database_renamed(const struct database *db, const char *name) MUST_CHECK;
bool database_rotate(struct database *db, struct ids *ids) MUST_CHECK;
bool database_set_parent(struct database *db, const struct database *parent,
                         int64_t branched_at_ms) MUST_CHECK;
struct key *database_key(const struct database *db); /* borrowed */
void allow_list_free(struct allow_list *l);

#endif
