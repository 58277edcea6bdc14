#include "lib/heap.h"

#include "lib/mem.h"

static void place(struct heap *h, size_t i, struct heap_node *node)
{
    h->nodes[i] = node;
    node->place = i + 1;
}

static void up(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];

    while (i > 0 && h->nodes[(i - 1) / 2]->at > node->at) {
        place(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(h, i, node);
}

static void down(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < h->n && h->nodes[child + 1]->at < h->nodes[child]->at)
            child++;
        if (child >= h->n || h->nodes[child]->at >= node->at)
            break;
        place(h, i, h->nodes[child]);
        i = child;
    }
    place(h, i, node);
}

bool heap_set(struct heap *h, struct heap_node *node, int64_t at)
{
    node->at = at;
    if (!node->place) {
        if (!mem_grow(&h->nodes, &h->capacity, h->n + 1, sizeof(struct heap_node *)))
            return false;
        place(h, h->n++, node);
    }
    up(h, node->place - 1);
    down(h, node->place - 1);
    return true;
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    size_t i = node->place - 1;

    if (!node->place)
        return;
    node->place = 0;
    if (i != --h->n) {
        place(h, i, h->nodes[h->n]);
        up(h, i);
        down(h, h->nodes[i]->place - 1);
    }
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->n ? h->nodes[0] : NULL;
}

void heap_deinit(struct heap *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->nodes[i]->place = 0;
    mem_free((void *)h->nodes);
    *h = (struct heap){0};
}
