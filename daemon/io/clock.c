/* clock: what the core may not read for itself: time and chance.
 * In:    nothing.
 * Out:   a number.
 * Never: fails; a kernel without these clocks or without getrandom is not one that we run on. */
#include "io/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "lib/base.h"

static int64_t read_ms(clockid_t id)
{
    struct timespec t;

    if (clock_gettime(id, &t) != 0)
        abort(); /* UNTESTED: both clocks exist since Linux 2.6.39 */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

uint64_t clock_random(void)
{
    static uint64_t drawn[32]; /* one call of the kernel for so many; none is used twice */
    static size_t left;

    while (left == 0)
        if (getrandom(drawn, sizeof(drawn), 0) == (ssize_t)sizeof(drawn))
            left = ARRAY_SIZE(drawn);
        else if (errno != EINTR)
            abort(); /* UNTESTED: 256 bytes are never refused */
    return drawn[--left];
}
