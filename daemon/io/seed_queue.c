#include "io/seed_queue.h"

void seed_queue_init(struct seed_queue *q, uv_loop_t *loop)
{
    *q = (struct seed_queue){.loop = loop};
    list_init(&q->waiting);
}

static void on_work(uv_work_t *work)
{
    struct seed_work *w = container_of(work, struct seed_work, work);

    w->run(w);
}

static void run_next(struct seed_queue *q);

static void on_worked(uv_work_t *work, int status)
{
    struct seed_work *w = container_of(work, struct seed_work, work);
    struct seed_queue *q = w->queue;

    (void)status; /* it is never canceled */
    q->running = NULL;
    run_next(q);
    w->done(w, true);
}

static void run_next(struct seed_queue *q)
{
    if (q->running || list_is_empty(&q->waiting))
        return;
    q->running = container_of(q->waiting.next, struct seed_work, link);
    list_remove(&q->running->link);
    uv_queue_work(q->loop, &q->running->work, on_work, on_worked); /* fails without one alone */
}

void seed_queue_add(struct seed_queue *q, struct seed_work *w)
{
    w->queue = q;
    list_append(&q->waiting, &w->link);
    run_next(q);
}

bool seed_queue_withdraw(struct seed_work *w)
{
    if (w->queue->running == w)
        return false;
    list_remove(&w->link);
    return true;
}

void seed_queue_cancel(struct seed_queue *q)
{
    while (!list_is_empty(&q->waiting)) {
        struct seed_work *w = container_of(q->waiting.next, struct seed_work, link);

        list_remove(&w->link);
        w->done(w, false);
    }
}
