/* shape: the platform's objects as JSON.
 * In:    the state.
 * Out:   text in a buffer.
 * Never: changes anything. */
#ifndef TENANTD_EMULATOR_SHAPE_H
#define TENANTD_EMULATOR_SHAPE_H

#include <stdint.h>

#include "lib/buf.h"

#define HOSTNAME_SIZE 256

struct emulator;
struct org;
struct group;
struct database;

/* `key` as in emit.h: NULL for an element or a whole document. */
void shape_group(const struct emulator *e, const struct group *g, const char *key, struct buf *out);
void shape_groups(const struct emulator *e, const struct org *org, const char *key,
                  struct buf *out);
void shape_database(const struct emulator *e, const struct database *db, const char *key,
                    struct buf *out);
void shape_database_config(const struct database *db, struct buf *out);
void shape_organization(const struct emulator *e, const struct org *org, const char *key,
                        struct buf *out);
/* The same with what only a single organization's answer has. */
void shape_organization_whole(const struct emulator *e, const struct org *org, const char *key,
                              struct buf *out);
void shape_hostname(const struct database *db, char out[HOSTNAME_SIZE]);
/* Is the group archived, now? */
bool shape_is_archived(const struct emulator *e, const struct group *g);

#endif
