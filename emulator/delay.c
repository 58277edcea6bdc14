/* delay: answers that wait for their moment.
 * In:    things and when they are due, on the monotonic clock.
 * Out:   the next one, soonest first.
 * Never: owns what waits. */
#include "delay.h"

#include "lib/mem.h"

static void swap(struct delay *a, struct delay *b)
{
    struct delay t = *a;

    *a = *b;
    *b = t;
}

bool delays_add(struct delays *d, int64_t due_ns, void *what)
{
    size_t i = d->n;

    if (!mem_grow(&d->heap, &d->capacity, d->n + 1, sizeof(*d->heap)))
        return false;
    d->heap[d->n++] = (struct delay){.due_ns = due_ns, .what = what};
    for (; i && d->heap[i].due_ns < d->heap[(i - 1) / 2].due_ns; i = (i - 1) / 2)
        swap(&d->heap[i], &d->heap[(i - 1) / 2]);
    return true;
}

static void sink(struct delays *d)
{
    size_t i = 0;

    for (;;) {
        size_t least = i;

        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
            if (child < d->n && d->heap[child].due_ns < d->heap[least].due_ns)
                least = child;
        }
        if (least == i)
            return;
        swap(&d->heap[i], &d->heap[least]);
        i = least;
    }
}

void *delays_take(struct delays *d, int64_t now_ns)
{
    void *what;

    if (!d->n || d->heap[0].due_ns > now_ns)
        return NULL;
    what = d->heap[0].what;
    d->heap[0] = d->heap[--d->n];
    sink(d);
    return what;
}

int64_t delays_next(const struct delays *d)
{
    return d->n ? d->heap[0].due_ns : INT64_MAX;
}

void delays_deinit(struct delays *d)
{
    mem_free(d->heap);
    *d = (struct delays){0};
}
