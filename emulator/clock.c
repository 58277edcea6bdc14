/* clock: the platform's wall clock, which a test may set forward.
 * In:    the machine's clock, a shift in milliseconds.
 * Out:   unix milliseconds, and the texts that HTTP and JSON want.
 * Never: sleeps; delays run on the monotonic clock, which cannot be shifted. */
#include "clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_now_ms(const struct clock *c)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + c->shift_ms;
}

int64_t clock_monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void clock_http_date(int64_t unix_ms, char out[CLOCK_TEXT_SIZE])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(unix_ms / 1000);
    struct tm tm;

    gmtime_r(&t, &tm);
    snprintf(out, CLOCK_TEXT_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void clock_rfc3339(int64_t unix_ms, char out[CLOCK_TEXT_SIZE])
{
    time_t t = (time_t)(unix_ms / 1000);
    size_t n;
    struct tm tm;

    gmtime_r(&t, &tm);
    n = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, CLOCK_TEXT_SIZE - n, ".%03dZ", (int)(unix_ms % 1000));
}
