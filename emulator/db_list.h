/* db_list: databases in the order of their ids, for listing page by page.
 * In:    databases, mostly appended.
 * Out:   positions after a given id in O(log n), neighbours in O(1).
 * Never: owns a database. */
#ifndef TENANTD_EMULATOR_DB_LIST_H
#define TENANTD_EMULATOR_DB_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct database;

/* A removed database leaves its slot behind with db NULL, until half of the slots are such. The
 * last slot is never one. */
struct db_slot {
    uint64_t key; /* uuid_key of the database's id */
    struct database *db;
};

struct db_list {
    struct db_slot *slots;
    size_t n, capacity;
    size_t n_dead;
};

bool db_list_add(struct db_list *l, uint64_t key, struct database *db) MUST_CHECK;
void db_list_remove(struct db_list *l, uint64_t key);
/* Index of the first slot whose key is greater; l->n when there is none. */
size_t db_list_after(const struct db_list *l, uint64_t key);
size_t db_list_count(const struct db_list *l);
void db_list_deinit(struct db_list *l);

#endif
