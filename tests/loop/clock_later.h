/* clock_later: the clock that files are judged by, which a test can set ahead: ctime cannot be set
 * back. It takes the place of the daemon's in whatever program includes it. */
#ifndef TENANTD_TESTS_LOOP_CLOCK_LATER_H
#define TENANTD_TESTS_LOOP_CLOCK_LATER_H

#include "io/clock.h"

#include <sys/time.h>

static int64_t later_ms;

int64_t clock_wall_ms(void)
{
    struct timeval tv;

    gettimeofday(&tv, NULL);
    return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + later_ms;
}

#endif
