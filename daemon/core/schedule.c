#include "core/schedule.h"

#include "core/answer_body.h"

#define FAIR_TURN      8 /* every so many pops, the least urgent lane goes first */
#define BREAK_AFTER    5 /* failures in a row, whosoever's */
#define BREAK_FIRST_MS 250
#define BREAK_MAX_MS   8000
#define SHRINK_REST_MS 200 /* answers of one burst shrink the window once */
#define PACED_BURST_MS 5   /* what may start at once at a rate that the platform seems to want */

#define DELAY_MARK_MS      30000
#define DELAY_WEIGHT       0.1
#define DELAY_SLACK_MS     20 /* what a loop that is busy adds by itself */
#define DELAY_SEEN         1.2
#define DELAY_GROWN        1.5
#define DELAY_DOUBLED      2.0
#define DELAY_SHRINK       0.8
#define DELAY_REST_MS      1000
#define DELAY_LEAST_WINDOW 2

void schedule_init(struct schedule *s, unsigned concurrency, unsigned rate, int64_t now_ms)
{
    *s = (struct schedule){.credit_ms = now_ms};
    for (int lane = 0; lane < LANE_N; lane++)
        list_init(&s->lanes[lane]);
    schedule_limit(s, concurrency, rate);
    s->window = concurrency;
    pace_init(&s->pace, now_ms);
}

void schedule_deinit(struct schedule *s)
{
    heap_deinit(&s->wakes);
}

void schedule_limit(struct schedule *s, unsigned concurrency, unsigned rate)
{
    s->ceiling = concurrency;
    if (s->window > concurrency)
        s->window = concurrency;
    s->rate = rate;
}

static void unqueue(struct schedule *s, struct resource *r)
{
    list_remove(&r->list);
    r->queued = false;
    s->n_in[r->lane]--;
    s->n_queued--;
}

void schedule_queue(struct schedule *s, struct resource *r, enum lane lane)
{
    if (r->queued && r->lane <= (unsigned)lane)
        return;
    if (r->queued)
        unqueue(s, r);
    r->queued = true;
    r->lane = lane;
    s->n_in[lane]++;
    s->n_queued++;
    list_append(&s->lanes[lane], &r->list);
}

static struct resource *take(struct schedule *s, struct list *lane)
{
    struct resource *r = container_of(lane->next, struct resource, list);

    unqueue(s, r);
    return r;
}

struct resource *schedule_pop(struct schedule *s)
{
    bool fair = ++s->popped % FAIR_TURN == 0;

    for (int i = 0; i < LANE_N; i++) {
        struct list *lane = &s->lanes[fair ? LANE_N - 1 - i : i];

        if (!list_is_empty(lane))
            return take(s, lane);
    }
    return NULL;
}

void schedule_forget(struct schedule *s, struct resource *r)
{
    if (r->queued)
        unqueue(s, r);
    heap_remove(&s->wakes, &r->wake);
}

/* A bucket that holds a tenth of a second's calls: libuv's timers have steps of 1 ms and come late,
 * so a bucket of one would fall behind its rate. Less where the platform may count more strictly.
 */
static void refill(struct schedule *s, double rate, int64_t now_ms)
{
    double burst = s->pace.rate > 0 ? 1 + rate * PACED_BURST_MS / 1000.0 : rate / 10.0;

    if (burst < 1)
        burst = 1;
    s->credit += (double)(now_ms - s->credit_ms) * rate / 1000.0;
    if (s->credit > burst)
        s->credit = burst;
    s->credit_ms = now_ms;
}

bool schedule_may_start(struct schedule *s, int64_t now_ms, int64_t *again_ms)
{
    double rate = pace_rate(&s->pace, s->rate, now_ms);

    *again_ms = INT64_MAX;
    if (now_ms < s->pause_until_ms) {
        *again_ms = s->pause_until_ms;
        return false;
    }
    if (s->failures >= BREAK_AFTER && s->in_flight > 0)
        return false; /* one probe at a time */
    if (s->in_flight >= s->ceiling || (double)s->in_flight + 1 > s->window + 0.5)
        return s->in_flight == 0;
    if (rate <= 0)
        return true;
    refill(s, rate, now_ms);
    if (s->credit >= 1)
        return true;
    *again_ms = now_ms + 1 + (int64_t)((1 - s->credit) * 1000.0 / rate);
    return false;
}

void schedule_started(struct schedule *s)
{
    s->in_flight++;
    if (s->rate || s->pace.rate > 0)
        s->credit -= 1;
}

void schedule_set_aside(struct schedule *s)
{
    s->in_flight--;
}

/* When everything fails, everything waits: one probe at a time instead of each record's own
 * retries. */
static void note_failure(struct schedule *s, int64_t now_ms)
{
    int64_t pause = BREAK_FIRST_MS;

    if (++s->failures < BREAK_AFTER)
        return;
    for (unsigned i = BREAK_AFTER; i < s->failures && pause < BREAK_MAX_MS; i++)
        pause *= 2;
    if (pause > BREAK_MAX_MS)
        pause = BREAK_MAX_MS;
    if (now_ms + pause > s->pause_until_ms)
        s->pause_until_ms = now_ms + pause;
}

static void shrink(struct schedule *s, double by, double least, int64_t now_ms)
{
    s->window = s->window * by < least ? least : s->window * by;
    s->shrunk_ms = now_ms;
}

static void note_refusal(struct schedule *s, const struct answer *a, int64_t now_ms)
{
    int64_t resume_ms = a->retry_after_ms > 0 ? now_ms + a->retry_after_ms : now_ms;

    if (a->outcome == OUTCOME_THROTTLED) {
        s->throttled++;
        pace_refused(&s->pace, now_ms, resume_ms);
    }
    if (resume_ms > now_ms && resume_ms > s->pause_until_ms)
        s->pause_until_ms = resume_ms;
    if (now_ms - s->shrunk_ms >= SHRINK_REST_MS)
        shrink(s, 0.5, 1, now_ms);
}

/* The least of the last half minute or two: what a call takes by itself. */
static int64_t least_delay(const struct delay *d)
{
    return d->least_before_ms && d->least_before_ms < d->least_ms ? d->least_before_ms
                                                                  : d->least_ms;
}

/* A new half minute begins. With calls that wait in the platform all the time, the least of it
 * would be no less than that, and less and less be seen as waiting: so there are fewer for a
 * moment. */
static void begin_delay(struct schedule *s, struct delay *d, int64_t now_ms)
{
    if (d->smooth_ms > (double)d->least_ms * DELAY_SEEN + DELAY_SLACK_MS &&
        s->window > DELAY_LEAST_WINDOW)
        shrink(s, 0.5, DELAY_LEAST_WINDOW, now_ms);
    d->least_before_ms = d->least_ms;
    d->least_ms = 0;
    d->mark_ms = now_ms;
}

static void note_delay(struct schedule *s, struct delay *d, int64_t took_ms, int64_t now_ms)
{
    if (now_ms - d->mark_ms >= DELAY_MARK_MS)
        begin_delay(s, d, now_ms);
    if (!d->least_ms || took_ms < d->least_ms)
        d->least_ms = took_ms < 1 ? 1 : took_ms;
    d->smooth_ms = d->smooth_ms > 0 ? d->smooth_ms + DELAY_WEIGHT * ((double)took_ms - d->smooth_ms)
                                    : (double)took_ms;
}

/* Grow by one in a round trip, unless calls have begun to take longer than they need: the platform
 * queues them, and more of them at once would be no faster. */
static void note_success(struct schedule *s, const struct answer *a, int64_t now_ms)
{
    struct delay *d = &s->delays[a->kind];
    double least;

    note_delay(s, d, a->duration_ms, now_ms);
    least = answer_body_rule(a->kind) == BODY_LISTED ? d->smooth_ms /* it may be of any length */
                                                     : (double)least_delay(d);
    if (d->smooth_ms > least * DELAY_DOUBLED + DELAY_SLACK_MS) {
        if (now_ms - s->shrunk_ms >= DELAY_REST_MS && s->window > DELAY_LEAST_WINDOW)
            shrink(s, DELAY_SHRINK, DELAY_LEAST_WINDOW, now_ms);
    } else if (d->smooth_ms <= least * DELAY_GROWN + DELAY_SLACK_MS && s->window < s->ceiling) {
        s->window += 1 / s->window;
        if (s->window > s->ceiling)
            s->window = s->ceiling;
    }
}

void schedule_finished(struct schedule *s, const struct answer *a, int64_t now_ms)
{
    s->in_flight--;
    if (!call_is_of_platform(a->kind))
        return; /* it says nothing of what the platform bears */
    if (OUTCOME_INFO[a->outcome].retry)
        note_failure(s, now_ms);
    else if (a->outcome != OUTCOME_CANCELED)
        s->failures = 0;
    if (a->outcome == OUTCOME_THROTTLED || a->outcome == OUTCOME_UNAVAILABLE)
        note_refusal(s, a, now_ms);
    else if (a->outcome != OUTCOME_CANCELED && a->outcome != OUTCOME_NOT_SENT)
        pace_passed(&s->pace, now_ms);
    if (a->outcome == OUTCOME_OK)
        note_success(s, a, now_ms);
}

bool schedule_wake(struct schedule *s, struct resource *r, int64_t at_ms)
{
    if (r->wake.place && r->wake.at <= at_ms)
        return true;
    return heap_set(&s->wakes, &r->wake, at_ms);
}

struct resource *schedule_due(struct schedule *s, int64_t now_ms)
{
    struct heap_node *node = heap_first(&s->wakes);

    if (!node || node->at > now_ms)
        return NULL;
    heap_remove(&s->wakes, node);
    return container_of(node, struct resource, wake);
}

int64_t schedule_next_wake(const struct schedule *s)
{
    struct heap_node *node = heap_first(&s->wakes);

    return node ? node->at : INT64_MAX;
}
