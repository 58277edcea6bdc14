/* fuzz_varlink: bytes of a control client, cut into messages and read as requests.
 * In:    the fuzzer's bytes; the first one is the size of the slices they come in.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include <json-c/json.h>

#include "core/limits.h"
#include "io/varlink.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/fuzz/fuzz.h"

static const struct varlink_param PARAMS[] = {
    {"kind", VARLINK_STRING, true},
    {"since", VARLINK_INT, false},
    {"follow", VARLINK_BOOL, false},
};

static void read_message(const char *message, size_t n)
{
    struct varlink_request r;
    char interface[VARLINK_NAME_SIZE];
    const char *member;
    const char *kind;

    if (varlink_parse(message, n, &r, NULL) < 0) {
        promise(!r.root);
        return;
    }
    promise(r.method && *r.method);
    (void)!varlink_split(r.method, interface, &member);
    if (varlink_check(&r, PARAMS, ARRAY_SIZE(PARAMS), NULL) == 0)
        promise(json_get_str(r.parameters, "kind", &kind));
    else
        promise(r.bad[0]);
    varlink_request_deinit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct varlink_reader r;
    size_t step = size ? (size_t)data[0] + 1 : 1;
    const char *message;
    size_t n;
    int rc = 0;

    varlink_reader_init(&r, 4096);
    for (size_t at = 1; at < size && rc == 0; at += step) {
        promise(!varlink_reader_is_full(&r));
        promise(varlink_reader_feed(&r, data + at, size - at < step ? size - at : step, NULL) == 0);
        while ((rc = varlink_reader_next(&r, &message, &n, NULL)) == 1)
            read_message(message, n);
    }
    varlink_reader_deinit(&r);
    promise(mem_live_blocks() == 0);
    return 0;
}
