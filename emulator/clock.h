/* clock: the platform's wall clock, which a test may set forward.
 * In:    the machine's clock, a shift in milliseconds.
 * Out:   unix milliseconds, and the texts that HTTP and JSON want.
 * Never: sleeps; delays run on the monotonic clock, which cannot be shifted. */
#ifndef TENANTD_EMULATOR_CLOCK_H
#define TENANTD_EMULATOR_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT_SIZE 40

struct clock {
    int64_t shift_ms; /* added to the machine's clock */
};

int64_t clock_now_ms(const struct clock *c); /* unix time, shifted */
int64_t clock_monotonic_ns(void);

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
void clock_http_date(int64_t unix_ms, char out[CLOCK_TEXT_SIZE]);
/* "2026-01-02T03:04:05.678Z" */
void clock_rfc3339(int64_t unix_ms, char out[CLOCK_TEXT_SIZE]);

#endif
