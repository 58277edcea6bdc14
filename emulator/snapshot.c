/* snapshot: lists as they were, for a listing that lags behind.
 * In:    the state at one moment.
 * Out:   its groups and databases as JSON, in order.
 * Never: changes again. */
#include "snapshot.h"

#include <string.h>

#include "answer.h"
#include "emulator.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "shape.h"

static bool add_row(const struct emulator *e, struct snapshot_org *so, const struct database *db)
{
    struct buf json = BUF_INIT(ANSWER_MAX_BYTES);
    struct snapshot_row *row;

    if (!mem_grow(&so->rows, &so->capacity, so->n + 1, sizeof(*so->rows)))
        return false;
    row = &so->rows[so->n++];
    *row = (struct snapshot_row){.key = uuid_key(db->id), .has_parent = db->parent != NULL};
    if (db->parent)
        memcpy(row->parent, db->parent->id, UUID_SIZE);
    shape_database(e, db, NULL, &json);
    row->group = mem_strdup(db->group->name);
    row->json = json.failed ? NULL : buf_steal(&json);
    buf_deinit(&json);
    return row->group && row->json;
}

static bool take_org(const struct emulator *e, struct snapshot_org *so, const struct org *org)
{
    struct buf groups = BUF_INIT(ANSWER_MAX_BYTES);

    so->org = org;
    for (size_t i = 0; i < org->list.n; i++) {
        if (org->list.slots[i].db && !add_row(e, so, org->list.slots[i].db))
            return false;
    }
    shape_groups(e, org, NULL, &groups);
    so->groups = groups.failed ? NULL : buf_steal(&groups);
    buf_deinit(&groups);
    return so->groups != NULL;
}

int snapshot_take(const struct emulator *e, struct snapshot **out, struct err *err)
{
    struct snapshot *s = mem_alloc(sizeof(*s));

    if (s)
        s->orgs = mem_alloc(e->state.n_orgs * sizeof(*s->orgs));
    if (!s || !s->orgs) {
        mem_free(s);
        return err_nomem(err);
    }
    for (size_t i = 0; i < e->state.n_orgs; i++) {
        const struct org *org = &e->state.orgs[i];
        size_t n = db_list_count(&org->list);

        s->n = i + 1;
        if (n <= SNAPSHOT_DATABASES_MAX && take_org(e, &s->orgs[i], org))
            continue;
        snapshot_free(s);
        if (n <= SNAPSHOT_DATABASES_MAX)
            return err_nomem(err);
        return err_set(err, ERR_LIMIT, "list: stale works with at most %d databases",
                       SNAPSHOT_DATABASES_MAX);
    }
    *out = s;
    return 0;
}

void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->orgs[i].n; k++) {
            mem_free(s->orgs[i].rows[k].group);
            mem_free(s->orgs[i].rows[k].json);
        }
        mem_free(s->orgs[i].rows);
        mem_free(s->orgs[i].groups);
    }
    mem_free(s->orgs);
    mem_free(s);
}

const struct snapshot_org *snapshot_of(const struct snapshot *s, const struct org *org)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->orgs[i].org == org)
            return &s->orgs[i];
    }
    return NULL;
}
