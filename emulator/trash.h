/* trash: what was deleted and can still come back.
 * In:    groups and databases at the end of their life; a name to come back under.
 * Out:   the same things, with the ids and keys that they had.
 * Never: keeps anything for longer than the platform does. */
#ifndef TENANTD_EMULATOR_TRASH_H
#define TENANTD_EMULATOR_TRASH_H

#include "state.h"

#define TRASH_KEPT_MS (INT64_C(5) * 86400 * 1000)
/* Of an organization; what is deleted beyond is gone at once. */
#define TRASH_DATABASES_MAX 100000

/* Out of the organization's tables and into the trash; where there is no room, gone at once. */
void trash_database(struct database *db, int64_t now_ms);
/* With all its databases. */
void trash_group(struct group *g, int64_t now_ms);
/* Forget what was kept for long enough. */
void trash_purge(struct org *org, int64_t now_ms);

/* NULL: not there. */
struct database *trash_find_database(const struct org *org, const uint8_t id[UUID_SIZE]);
struct group *trash_find_group(const struct org *org, const uint8_t id[UUID_SIZE]);

/* The names must be free and, for a database, its group live; `name` NULL: its own. What came back,
 * or NULL: no memory, nothing changed. `db` is not valid any more after success. */
struct database *trash_restore_database(struct database *db, const char *name) MUST_CHECK;
/* Without its databases. */
bool trash_restore_group(struct group *g) MUST_CHECK;

#endif
