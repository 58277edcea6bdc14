/* fuzz: what every target shares: its entry, and how it says that something does not hold.
 * In:    bytes, of the fuzzer or of replay.c. Out: nothing; a broken promise aborts. */
#ifndef TENANTD_TESTS_FUZZ_FUZZ_H
#define TENANTD_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void promise(bool is_kept)
{
    if (!is_kept)
        abort();
}

#endif
