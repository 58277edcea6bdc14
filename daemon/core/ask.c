/* ask: reads that belong to no record, in one line.
 * In:    calls with the ticket of who asked.
 * Out:   the same calls, when it is their turn.
 * Never: writes. */
#include "core/ask.h"

#include <assert.h>
#include <string.h>

#include "core/limits.h"
#include "lib/mem.h"

#define FAIR_TURN 8 /* one start in so many, while others wait */

/* A line that is never empty must not grow by what has left it. */
static void close_up(struct ask_line *l)
{
    if (l->first <= l->n / 2)
        return;
    l->n -= l->first;
    memmove((void *)l->calls, l->calls + l->first, l->n * sizeof(*l->calls));
    l->first = 0;
}

bool ask_add(struct ask_line *l, struct call *c)
{
    if (c)
        assert(c->ticket != ASK_NOBODY && strcmp(CALL_INFO[c->kind].method, "GET") == 0);
    close_up(l);
    if (!c || !mem_grow(&l->calls, &l->capacity, l->n + 1, sizeof(struct call *))) {
        call_free(c);
        return false;
    }
    l->calls[l->n++] = c;
    return true;
}

int ask_take(struct ask_line *l, struct call *c, struct err *err)
{
    if (l->n - l->first >= LIMIT_ASKS) {
        call_free(c);
        return err_set(err, ERR_NOT_READY,
                       "too many questions wait for the platform already; try again");
    }
    return ask_add(l, c) ? 0 : err_nomem(err);
}

bool ask_turn(struct ask_line *l, bool others_wait)
{
    if (!ask_waits(l))
        return false;
    if (others_wait && ++l->passed_over < FAIR_TURN)
        return false;
    l->passed_over = 0;
    return true;
}

struct call *ask_pop(struct ask_line *l)
{
    struct call *c = l->calls[l->first++];

    if (l->first == l->n)
        l->first = l->n = 0;
    return c;
}

void ask_deinit(struct ask_line *l)
{
    for (size_t i = l->first; i < l->n; i++)
        call_free(l->calls[i]);
    mem_free((void *)l->calls);
    *l = (struct ask_line){0};
}
