/* clock: what the core may not read for itself: time and chance. */
#ifndef TENANTD_IO_CLOCK_H
#define TENANTD_IO_CLOCK_H

#include <stdint.h>

/* Milliseconds since some fixed point. Never goes back, and counts time spent suspended, which is
 * why it is not what libuv's timers count. */
int64_t clock_mono_ms(void);

/* Milliseconds since the epoch. Goes wherever the administrator sets it. */
int64_t clock_wall_ms(void);

/* 64 bits from the kernel's generator. */
uint64_t clock_random(void);

#endif
