/* base: the few macros that every room uses. */
#ifndef TENANTD_LIB_BASE_H
#define TENANTD_LIB_BASE_H

#include <stddef.h>
#include <stdint.h>

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define CLEANUP(fn)       __attribute__((cleanup(fn)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of `type` whose `member` is at `ptr`; a const one where `type` says so. */
#define container_of(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

#endif
