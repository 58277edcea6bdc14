#include "core/pace.h"

#define SECOND_MS 1000
#define LEAST     0.5 /* calls a second */
#define BURST_MS  100 /* refusals within it are one */
#define FEW       8   /* so few that were let through say nothing of how many can be */
#define SHORT_MS  100 /* what is counted over less says little */

#define CLOSE_MS  1000  /* refusals that follow each other so soon are close, and those between */
#define CLOSE_RUN 5     /* which less than that many are let through */
#define HELPED_MS 10000 /* without one: the last cut has helped */
#define HELPS     0.6   /* of a rate: a limit that refuses singly at that rate is above this */

#define AGAIN_MS 4000 /* a cut so soon after the last one was not deep enough */
#define AGAIN    0.7
#define DEEPEST  0.5 /* of one cut */
#define CUT      0.9
#define CUT_MID  0.88 /* what was let through lags behind a rate that rose faster */
#define CUT_FAST 0.85

/* How much a rate grows in a second, by how long ago it was cut. */
struct growth {
    int64_t from_ms;
    double by;
};
#define SLOW 0.004
#define MID  0.1
static const struct growth KNOWN[] = {{30000, 0.25}, {25000, 0.05}, {2000, SLOW}, {INT64_MIN, 0}};
static const struct growth GUESSED[] = {{10000, 0.25}, {1000, MID}, {INT64_MIN, 0}};

static double growth_at(const struct pace *p, int64_t now_ms)
{
    const struct growth *g = p->is_searching ? GUESSED : KNOWN;

    while (now_ms - p->cut_ms < g->from_ms)
        g++;
    return g->by;
}

static void roll(struct pace *p, int64_t now_ms)
{
    if (now_ms - p->mark_ms < SECOND_MS)
        return;
    p->passed_before = p->passed;
    p->before_ms = now_ms - p->mark_ms;
    p->passed = 0;
    p->mark_ms = now_ms;
}

/* Calls a second that were let through lately. */
static double passing(const struct pace *p, int64_t now_ms)
{
    int64_t ms = p->before_ms + now_ms - p->mark_ms;

    return (p->passed + p->passed_before) * 1000.0 / (double)(ms < SHORT_MS ? SHORT_MS : ms);
}

void pace_init(struct pace *p, int64_t now_ms)
{
    *p = (struct pace){.cut_ms = now_ms - AGAIN_MS,
                       .grown_ms = now_ms,
                       .mark_ms = now_ms,
                       .refused_ms = now_ms - CLOSE_MS};
}

void pace_passed(struct pace *p, int64_t now_ms)
{
    roll(p, now_ms);
    p->passed++;
    p->run++;
}

/* Told of a refusal. False: it says something of how fast calls may come. */
static bool is_by_chance(struct pace *p, int64_t now_ms, int64_t resume_ms)
{
    int64_t ms = now_ms - p->refused_ms;
    bool close = p->run < CLOSE_RUN || ms < CLOSE_MS;
    bool is_limit = close && p->was_close;

    if (is_limit)
        p->is_chance = false;
    if (is_limit || ms > HELPED_MS)
        p->uncut = 0;
    if (!close && p->uncut <= 0) {
        p->uncut = p->rate;
    } else if (!close && p->rate < p->uncut * HELPS) {
        p->is_chance = true;
        p->rate = p->uncut;
    }
    p->run = 0;
    p->was_close = close;
    p->refused_ms = resume_ms;
    return p->is_chance;
}

void pace_refused(struct pace *p, int64_t now_ms, int64_t resume_ms)
{
    double grew = p->rate > 0 ? growth_at(p, now_ms) : 1;
    double through;
    double rate;

    if (resume_ms < now_ms)
        resume_ms = now_ms;
    if (now_ms - p->cut_ms < BURST_MS || now_ms - p->refused_ms < BURST_MS)
        return; /* or before it: all of one burst */
    roll(p, now_ms);
    through = passing(p, now_ms);
    if (p->rate > 0 && is_by_chance(p, now_ms, resume_ms))
        return;
    if (p->rate <= 0 && p->passed + p->passed_before < FEW)
        return;
    if (p->rate <= 0)
        p->rate = through;
    if (now_ms - p->cut_ms < AGAIN_MS)
        rate = p->rate * AGAIN;
    else
        rate = through * (grew <= SLOW ? CUT : grew <= MID ? CUT_MID : CUT_FAST);
    p->is_searching = now_ms - p->cut_ms < AGAIN_MS || grew > MID;
    if (rate < p->rate * DEEPEST)
        rate = p->rate * DEEPEST;
    if (rate < p->rate)
        p->rate = rate < LEAST ? LEAST : rate;
    p->cut_ms = p->grown_ms = p->mark_ms = resume_ms;
    p->passed = p->passed_before = 0;
    p->before_ms = 0;
}

double pace_rate(struct pace *p, double ceiling, int64_t now_ms)
{
    if (p->rate <= 0 || now_ms <= p->grown_ms)
        return p->rate > 0 && (ceiling <= 0 || p->rate < ceiling) ? p->rate : ceiling;
    /* Not while it is not used: then nothing says that there is room. */
    if (passing(p, now_ms) * 2 >= p->rate)
        p->rate *= 1 + growth_at(p, now_ms) * (double)(now_ms - p->grown_ms) / 1000.0;
    p->grown_ms = now_ms;
    if (ceiling > 0 && p->rate >= ceiling) {
        p->rate = 0; /* it is our own limit that counts */
        return ceiling;
    }
    return p->rate;
}
