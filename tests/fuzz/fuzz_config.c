/* fuzz_config: bytes of a configuration, alone and over another one.
 * In:    the fuzzer's bytes.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include "core/config.h"
#include "lib/err.h"
#include "lib/mem.h"
#include "tests/fuzz/fuzz.h"

static void read_files(const struct config_input *inputs, size_t n, const char *instance)
{
    struct diags d = DIAGS_INIT;
    struct config c;
    int rc = config_parse(inputs, n, instance, &c, &d);

    promise(rc == (d.n_errors ? -ERR_INVALID : 0));
    promise(rc < 0 || c.api.insecure || config_url_is_safe(c.api.url));
    promise(rc < 0 || !c.api.token.credential || !c.api.token.file);
    if (rc == 0)
        config_deinit(&c);
    diags_deinit(&d);
    promise(mem_live_blocks() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char BASE[] = "organization: acme\n"
                               "api: {token: {file: /etc/token}}\n"
                               "hooks: {a: {command: [/bin/a]}}\n";
    const struct config_input inputs[] = {
        {"tenantd.yaml", BASE, sizeof(BASE) - 1},
        {"fuzz.yaml", (const char *)data, size},
    };

    read_files(&inputs[1], 1, NULL);
    read_files(inputs, 2, "acme");
    return 0;
}
