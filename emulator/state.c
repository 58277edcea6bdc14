/* state: the organizations, groups and databases that this platform holds.
 * In:    checked values from the routes.
 * Out:   lookups by name in O(1), databases in id order, changes.
 * Never: speaks HTTP or JSON, reads a clock. */
#include "state.h"

#include <stdio.h>
#include <string.h>

#include "content.h"
#include "key.h"

/* The hash tables. What their macros expand to is long, but not ours. */
// NOLINTBEGIN(readability-function-size)
struct group *group_find(struct org *org, const char *name)
{
    struct group *g;

    HASH_FIND_STR(org->groups, name, g);
    return g;
}

static bool add_group(struct org *org, struct group *g)
{
    HASH_ADD_STR(org->groups, name, g);
    return g->hh.tbl != NULL;
}

static void remove_group(struct org *org, struct group *g)
{
    HASH_DEL(org->groups, g);
}

struct database *database_find(struct org *org, const char *name)
{
    struct database *db;

    HASH_FIND_STR(org->databases, name, db);
    return db;
}

static bool add_database(struct org *org, struct database *db)
{
    HASH_ADD_STR(org->databases, name, db);
    return db->hh.tbl != NULL;
}

static void remove_database(struct org *org, struct database *db)
{
    HASH_DEL(org->databases, db);
}
// NOLINTEND(readability-function-size)

static void org_deinit(struct org *org)
{
    struct group *g;
    struct group *next;

    HASH_ITER(hh, org->groups, g, next)
    {
        group_delete(g);
    }
    for (size_t i = 0; i < org->trash.n; i++) {
        if (org->trash.slots[i].db)
            database_destroy(org->trash.slots[i].db);
    }
    while (org->deleted_groups) {
        g = org->deleted_groups;
        org->deleted_groups = g->next_deleted;
        group_destroy(g);
    }
    db_list_deinit(&org->trash);
    db_list_deinit(&org->list);
    members_deinit(&org->members);
    invites_deinit(&org->invites);
    audit_deinit(&org->audit);
    mem_free(org->slug);
}

bool state_init(struct state *s, char *const *slugs, size_t n)
{
    *s = (struct state){.orgs = mem_alloc(n * sizeof(*s->orgs))};
    if (!s->orgs)
        return false;
    for (; s->n_orgs < n; s->n_orgs++) {
        struct org *org = &s->orgs[s->n_orgs];

        org->slug = mem_strdup(slugs[s->n_orgs]);
        if (!org->slug) {
            state_deinit(s);
            return false;
        }
        uuid_derive((const uint8_t[UUID_SIZE]){0}, org->slug, org->id);
        org->restore_enabled = true;
        org->trash_due_ms = INT64_MAX;
    }
    return true;
}

void state_deinit(struct state *s)
{
    for (size_t i = 0; i < s->n_orgs; i++)
        org_deinit(&s->orgs[i]);
    mem_free(s->orgs);
    *s = (struct state){0};
}

struct org *state_org(struct state *s, const char *slug)
{
    for (size_t i = 0; i < s->n_orgs; i++) {
        if (!strcmp(s->orgs[i].slug, slug))
            return &s->orgs[i];
    }
    return NULL;
}

struct group *group_find_id(struct org *org, const uint8_t id[UUID_SIZE])
{
    struct group *g = org->groups;

    while (g && memcmp(g->id, id, UUID_SIZE) != 0)
        g = g->hh.next;
    return g;
}

struct org *state_org_id(struct state *s, const uint8_t id[UUID_SIZE])
{
    for (size_t i = 0; i < s->n_orgs; i++) {
        if (!memcmp(s->orgs[i].id, id, UUID_SIZE))
            return &s->orgs[i];
    }
    return NULL;
}

struct group *group_new(struct org *org, struct ids *ids, int64_t now_ms, const char *name,
                        const char *location)
{
    size_t n = strlen(name);
    struct group *g = mem_alloc(sizeof(*g) + n + 1);

    if (!g)
        return NULL;
    g->key = key_new(ids);
    if (!g->key) {
        mem_free(g);
        return NULL;
    }
    g->org = org;
    ids_uuid(ids, now_ms, 0, g->id);
    snprintf(g->locations[0], LOCATION_SIZE, "%s", location);
    g->n_locations = 1;
    g->ready_at_ms = now_ms;
    memcpy(g->name, name, n + 1);
    if (add_group(org, g))
        return g;
    key_free(g->key);
    mem_free(g);
    return NULL;
}

void group_detach(struct group *g)
{
    remove_group(g->org, g);
}

bool group_attach(struct group *g)
{
    return add_group(g->org, g);
}

void group_destroy(struct group *g)
{
    db_list_deinit(&g->list);
    key_free(g->key);
    mem_free(g);
}

/* What of the group is in the trash goes with it. From the end: a removal may close gaps. */
static void empty_trash(struct group *g)
{
    struct db_list *trash = &g->org->trash;

    for (size_t i = trash->n; i-- > 0;) {
        struct database *db = i < trash->n ? trash->slots[i].db : NULL;

        if (db && db->group == g) {
            db_list_remove(trash, uuid_key(db->id));
            database_destroy(db);
        }
    }
}

void group_delete(struct group *g)
{
    while (g->list.n) /* from the end, where a removal is cheapest */
        database_delete(g->list.slots[g->list.n - 1].db);
    empty_trash(g);
    group_detach(g);
    group_destroy(g);
}

static void change_group(struct db_list *l, const struct group *from, struct group *to)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->slots[i].db && l->slots[i].db->group == from)
            l->slots[i].db->group = to;
    }
}

bool group_rename(struct group **g, const char *name)
{
    struct group *old = *g;
    size_t n = strlen(name);
    struct group *new = mem_alloc(sizeof(*new) + n + 1);

    if (!new)
        return false;
    memcpy(new, old, sizeof(*new));
    memcpy(new->name, name, n + 1);
    if (!add_group(new->org, new)) {
        mem_free(new);
        return false;
    }
    remove_group(old->org, old);
    change_group(&new->list, old, new);
    change_group(&new->org->trash, old, new);
    mem_free(old);
    *g = new;
    return true;
}

static bool can_move(struct group *g, struct org *to)
{
    if (group_find(to, g->name))
        return false;
    for (size_t i = 0; i < g->list.n; i++) {
        if (g->list.slots[i].db && database_find(to, g->list.slots[i].db->name))
            return false;
    }
    /* room for all before the first moves, so that it cannot stop half way */
    return mem_grow(&to->list.slots, &to->list.capacity, to->list.n + g->list.n,
                    sizeof(*to->list.slots)) &&
           mem_grow(&to->trash.slots, &to->trash.capacity, to->trash.n + g->org->trash.n,
                    sizeof(*to->trash.slots));
}

/* In the middle of a move there is no way back: without memory for a hash table, there is an end.
 */
static void must(bool ok)
{
    if (!ok)
        abort();
}

static void move_trash(struct group *g, struct org *from, struct org *to)
{
    for (size_t i = from->trash.n; i-- > 0;) {
        struct database *db = i < from->trash.n ? from->trash.slots[i].db : NULL;

        if (!db || db->group != g)
            continue;
        db_list_remove(&from->trash, uuid_key(db->id));
        must(db_list_add(&to->trash, uuid_key(db->id), db));
    }
    if (to->trash_due_ms > from->trash_due_ms)
        to->trash_due_ms = from->trash_due_ms;
}

bool group_move(struct group *g, struct org *to)
{
    struct org *from = g->org;

    if (!can_move(g, to))
        return false;
    remove_group(from, g);
    must(add_group(to, g));
    g->org = to;
    for (size_t i = 0; i < g->list.n; i++) {
        struct database *db = g->list.slots[i].db;

        if (!db)
            continue;
        remove_database(from, db);
        db_list_remove(&from->list, uuid_key(db->id));
        must(add_database(to, db) && db_list_add(&to->list, uuid_key(db->id), db));
    }
    move_trash(g, from, to);
    return true;
}

bool group_rotate(struct group *g, struct ids *ids)
{
    struct key *fresh = key_new(ids);

    if (!fresh)
        return false;
    key_free(g->key);
    g->key = fresh;
    g->n_rotates++;
    for (size_t i = 0; i < g->list.n; i++) {
        struct database *db = g->list.slots[i].db;

        if (db && db->key) {
            key_free(db->key);
            db->key = NULL;
        }
    }
    return true;
}

int group_find_location(const struct group *g, const char *location)
{
    for (int i = 0; i < g->n_locations; i++) {
        if (!strcmp(g->locations[i], location))
            return i;
    }
    return -1;
}

bool database_attach(struct database *db)
{
    struct group *g = db->group;

    if (!db_list_add(&g->org->list, uuid_key(db->id), db))
        return false;
    if (db_list_add(&g->list, uuid_key(db->id), db)) {
        if (add_database(g->org, db))
            return true;
        db_list_remove(&g->list, uuid_key(db->id));
    }
    db_list_remove(&g->org->list, uuid_key(db->id));
    return false;
}

struct database *database_new(struct group *g, struct ids *ids, int64_t now_ms, const char *name,
                              bool tursodb)
{
    size_t n = strlen(name);
    struct database *db = mem_alloc(sizeof(*db) + n + 1);

    if (!db)
        return NULL;
    db->group = g;
    db->tursodb = tursodb;
    db->created_ms = now_ms;
    memcpy(db->name, name, n + 1);
    ids_uuid(ids, now_ms, tursodb ? 0x10 : 0, db->id);
    if (!database_attach(db)) {
        mem_free(db);
        return NULL;
    }
    g->org->n_created++;
    return db;
}

void allow_list_free(struct allow_list *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->items[i]);
    mem_free(l);
}

void database_detach(struct database *db)
{
    struct org *org = db->group->org;

    remove_database(org, db);
    db_list_remove(&org->list, uuid_key(db->id));
    db_list_remove(&db->group->list, uuid_key(db->id));
}

void database_destroy(struct database *db)
{
    content_free(db->content);
    mem_free(db->encryption);
    key_free(db->key);
    mem_free(db->parent);
    allow_list_free(db->ips);
    allow_list_free(db->vpcs);
    mem_free(db);
}

void database_delete(struct database *db)
{
    db->group->org->n_deleted++;
    database_detach(db);
    database_destroy(db);
}

struct database *database_renamed(const struct database *db, const char *name)
{
    size_t n = strlen(name);
    struct database *copy = mem_alloc(sizeof(*copy) + n + 1);

    if (!copy)
        return NULL;
    *copy = *db;
    copy->hh = (UT_hash_handle){0};
    memcpy(copy->name, name, n + 1);
    return copy;
}

bool database_rotate(struct database *db, struct ids *ids)
{
    struct key *fresh = key_new(ids);

    if (!fresh)
        return false;
    key_free(db->key);
    db->key = fresh;
    db->n_rotates++;
    return true;
}

bool database_set_parent(struct database *db, const struct database *parent, int64_t branched_at_ms)
{
    size_t n = strlen(parent->name);
    struct parent *p = mem_alloc(sizeof(*p) + n + 1);

    if (!p)
        return false;
    memcpy(p->id, parent->id, UUID_SIZE);
    memcpy(p->name, parent->name, n + 1);
    p->branched_at_ms = branched_at_ms;
    mem_free(db->parent);
    db->parent = p;
    return true;
}

struct key *database_key(const struct database *db)
{
    return db->key ? db->key : db->group->key;
}
