/* list: an intrusive, circular, doubly linked list. A zeroed or inited node is in no list. */
#ifndef TENANTD_LIB_LIST_H
#define TENANTD_LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

struct list {
    struct list *prev;
    struct list *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_append(struct list *l, struct list *node)
{
    node->prev = l->prev;
    node->next = l;
    l->prev->next = node;
    l->prev = node;
}

/* Idempotent: a node in no list stays so. */
static inline void list_remove(struct list *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = node;
}

#define LIST_FOREACH(it, l) for (struct list *it = (l)->next; it != (l); it = it->next)
#define LIST_FOREACH_SAFE(it, tmp, l)                                                              \
    for (struct list *it = (l)->next, *tmp = it->next; it != (l); it = tmp, tmp = it->next)

#endif
