/* pace: how many calls a second the platform lets through, found out from what it refuses (429).
 * In:    answers, times.
 * Out:   a rate; none as long as nothing was refused.
 * Never: above what was let through when something was refused, until a time without refusal says
 * that there is room. All times are monotonic ms.
 *
 * A refusal cuts the rate to a little below what was just let through, and by a third where the
 * last cut is only seconds ago: then the limit is far below. After a cut the rate stays, rises
 * slowly past where it was, and ever faster once that turns out to be fine: a limit that was lifted
 * is found within a minute, one that stands is touched two or three times in it.
 *
 * A limit refuses close together above it, and nothing far below it. Refusals that come singly, and
 * go on although the rate was cut to little more than half, are of nobody's limit: others use up
 * what there is, or the platform refuses by chance. No cut would end them, so the rate goes back to
 * what it was, and stays until two in a row come close again. */
#ifndef TENANTD_CORE_PACE_H
#define TENANTD_CORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    double rate;       /* calls a second; 0: none is known to be too many */
    int64_t cut_ms;    /* when it was last cut, and the pause after that was over */
    int64_t grown_ms;  /* until when it has grown */
    bool is_searching; /* the cut was a guess: the limit may be well above */
    /* What was let through: in the second that runs, and in the one before. */
    int64_t mark_ms;
    unsigned passed;
    unsigned passed_before;
    int64_t before_ms; /* how long that one was */
    /* Whether it helps to be slower. */
    unsigned run;       /* let through since the last refusal */
    int64_t refused_ms; /* when that was, and the pause after it over */
    bool was_close;     /* to the one before */
    double uncut;       /* the rate before cuts that have not helped yet; 0: none */
    bool is_chance;     /* they do not help */
};

void pace_init(struct pace *p, int64_t now_ms);
/* A call was let through, whatever it led to. */
void pace_passed(struct pace *p, int64_t now_ms);
/* One was refused for coming too soon; nothing is sent until resume_ms. */
void pace_refused(struct pace *p, int64_t now_ms, int64_t resume_ms);
/* Calls a second from now on, `ceiling` (0: none) at most; 0: as many as there are. */
double pace_rate(struct pace *p, double ceiling, int64_t now_ms);

#endif
