/* fuzz_manifest: bytes of a manifest file, read as a trusted one and as a tenants' one.
 * In:    the fuzzer's bytes.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include "core/manifest.h"
#include "lib/err.h"
#include "lib/mem.h"
#include "tests/fuzz/fuzz.h"

static void read_as(enum manifest_kind kind, const char *data, size_t size)
{
    struct diags d = DIAGS_INIT;
    struct manifest m;
    int rc = manifest_parse("fuzz.yaml", kind, data, size, NULL, &m, &d);

    promise(rc == (d.n_errors ? -ERR_INVALID : 0));
    promise(rc < 0 || m.is_root == manifest_names_root(data, size));
    promise(rc < 0 || kind == MANIFEST_TRUSTED || !m.is_root);
    if (rc == 0)
        manifest_deinit(&m);
    diags_deinit(&d);
    promise(mem_live_blocks() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(MANIFEST_TRUSTED, (const char *)data, size);
    read_as(MANIFEST_TENANTS, (const char *)data, size);
    return 0;
}
