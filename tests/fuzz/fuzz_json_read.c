/* fuzz_json_read: any bytes as JSON, held against json-c.
 * In:    the fuzzer's bytes.
 * Out:   nothing; a crash, or a difference that is not meant, aborts. */
#include <stdio.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/json_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *differs = json_oracle((const char *)data, size, 16);

    if (differs) {
        fprintf(stderr, "they differ: %s\n", differs);
        abort();
    }
    return 0;
}
