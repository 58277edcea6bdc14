/* db_list: databases in the order of their ids, for listing page by page.
 * In:    databases, mostly appended.
 * Out:   positions after a given id in O(log n), neighbours in O(1).
 * Never: owns a database. */
#include "db_list.h"

#include <assert.h>
#include <string.h>

#include "lib/mem.h"

size_t db_list_after(const struct db_list *l, uint64_t key)
{
    size_t low = 0;
    size_t high = l->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (l->slots[middle].key > key)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool db_list_add(struct db_list *l, uint64_t key, struct database *db)
{
    size_t at;

    if (!mem_grow(&l->slots, &l->capacity, l->n + 1, sizeof(*l->slots)))
        return false;
    at = l->n && l->slots[l->n - 1].key > key ? db_list_after(l, key) : l->n;
    memmove(l->slots + at + 1, l->slots + at, (l->n - at) * sizeof(*l->slots));
    l->slots[at] = (struct db_slot){.key = key, .db = db};
    l->n++;
    return true;
}

static void drop_dead_slots(struct db_list *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (l->slots[i].db)
            l->slots[kept++] = l->slots[i];
    }
    l->n = kept;
    l->n_dead = 0;
}

void db_list_remove(struct db_list *l, uint64_t key)
{
    size_t at = db_list_after(l, key);

    assert(at > 0 && l->slots[at - 1].key == key && l->slots[at - 1].db);
    l->slots[at - 1].db = NULL;
    l->n_dead++;
    for (; l->n && !l->slots[l->n - 1].db; l->n--)
        l->n_dead--;
    if (l->n_dead > 32 && l->n_dead > l->n / 2)
        drop_dead_slots(l);
}

size_t db_list_count(const struct db_list *l)
{
    return l->n - l->n_dead;
}

void db_list_deinit(struct db_list *l)
{
    mem_free(l->slots);
    *l = (struct db_list){0};
}
