/* trash: what was deleted and can still come back.
 * In:    groups and databases at the end of their life; a name to come back under.
 * Out:   the same things, with the ids and keys that they had.
 * Never: keeps anything for longer than the platform does. */
#include "trash.h"

#include <string.h>

static void put_database(struct database *db, bool with_group, int64_t now_ms)
{
    struct org *org = db->group->org;

    database_detach(db);
    org->n_deleted++;
    if (now_ms >= org->trash_due_ms)
        trash_purge(org, now_ms);
    if (db_list_count(&org->trash) >= TRASH_DATABASES_MAX ||
        !db_list_add(&org->trash, uuid_key(db->id), db)) {
        database_destroy(db);
        return;
    }
    db->deleted_ms = now_ms;
    db->deleted_with_group = with_group;
    if (org->trash_due_ms > now_ms + TRASH_KEPT_MS)
        org->trash_due_ms = now_ms + TRASH_KEPT_MS;
}

void trash_database(struct database *db, int64_t now_ms)
{
    put_database(db, false, now_ms);
}

/* In the order of their ids, as they are listed. */
static void link_group(struct org *org, struct group *g)
{
    struct group **at = &org->deleted_groups;

    while (*at && uuid_key((*at)->id) < uuid_key(g->id))
        at = &(*at)->next_deleted;
    g->next_deleted = *at;
    *at = g;
}

static void unlink_group(struct org *org, struct group *g)
{
    struct group **at = &org->deleted_groups;

    while (*at != g)
        at = &(*at)->next_deleted;
    *at = g->next_deleted;
    g->next_deleted = NULL;
}

void trash_group(struct group *g, int64_t now_ms)
{
    struct org *org = g->org;
    uint64_t last = 0;

    while (g->list.n) { /* in the order of ids, so that each goes to the end of the trash */
        size_t at = db_list_after(&g->list, last);

        while (!g->list.slots[at].db)
            at++;
        last = g->list.slots[at].key;
        put_database(g->list.slots[at].db, true, now_ms);
    }
    group_detach(g);
    g->deleted_ms = now_ms;
    link_group(org, g);
    if (org->trash_due_ms > now_ms + TRASH_KEPT_MS)
        org->trash_due_ms = now_ms + TRASH_KEPT_MS;
}

static void purge_databases(struct org *org, int64_t now_ms)
{
    for (size_t i = org->trash.n; i-- > 0;) {
        struct database *db = i < org->trash.n ? org->trash.slots[i].db : NULL;

        if (!db)
            continue;
        if (db->deleted_ms + TRASH_KEPT_MS <= now_ms) {
            db_list_remove(&org->trash, uuid_key(db->id));
            database_destroy(db);
        } else if (org->trash_due_ms > db->deleted_ms + TRASH_KEPT_MS) {
            org->trash_due_ms = db->deleted_ms + TRASH_KEPT_MS;
        }
    }
}

void trash_purge(struct org *org, int64_t now_ms)
{
    struct group **at = &org->deleted_groups;

    if (now_ms < org->trash_due_ms)
        return;
    org->trash_due_ms = INT64_MAX;
    purge_databases(org, now_ms); /* a group outlives what was deleted with it or before it */
    while (*at) {
        struct group *g = *at;

        if (g->deleted_ms + TRASH_KEPT_MS <= now_ms) {
            *at = g->next_deleted;
            group_destroy(g);
            continue;
        }
        if (org->trash_due_ms > g->deleted_ms + TRASH_KEPT_MS)
            org->trash_due_ms = g->deleted_ms + TRASH_KEPT_MS;
        at = &g->next_deleted;
    }
}

struct database *trash_find_database(const struct org *org, const uint8_t id[UUID_SIZE])
{
    size_t at = db_list_after(&org->trash, uuid_key(id));
    struct database *db = at ? org->trash.slots[at - 1].db : NULL;

    return db && !memcmp(db->id, id, UUID_SIZE) ? db : NULL;
}

struct group *trash_find_group(const struct org *org, const uint8_t id[UUID_SIZE])
{
    struct group *g = org->deleted_groups;

    while (g && memcmp(g->id, id, UUID_SIZE) != 0)
        g = g->next_deleted;
    return g;
}

struct database *trash_restore_database(struct database *db, const char *name)
{
    struct org *org = db->group->org;
    struct database *back = db;

    if (name && strcmp(name, db->name) != 0) {
        back = database_renamed(db, name);
        if (!back)
            return NULL;
    }
    if (!database_attach(back)) {
        if (back != db)
            mem_free(back);
        return NULL;
    }
    db_list_remove(&org->trash, uuid_key(back->id));
    if (back != db)
        mem_free(db); /* all that it owned is the new one's */
    org->n_deleted--;
    back->deleted_ms = 0;
    back->deleted_with_group = false;
    return back;
}

bool trash_restore_group(struct group *g)
{
    if (!group_attach(g))
        return false;
    unlink_group(g->org, g);
    g->deleted_ms = 0;
    return true;
}
