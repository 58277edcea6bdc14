/* fuzz_applied: what the ledger says was written last, and how it read back.
 * In:    the fuzzer's bytes, as the text of the column.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "tests/fuzz/fuzz.h"

static void read_row(struct database *d, const char *applied)
{
    *d = (struct database){0};
    promise(ledger_set(&d->own.applied, applied));
    promise(rc_load_applied(d));
}

static void deinit(struct database *d)
{
    mem_free(d->own.applied);
    db_config_deinit(&d->applied);
    db_config_deinit(&d->readback);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What was read is what is written, and is read again. */
static void check(struct database *d)
{
    struct database again;

    promise(rc_save_applied(d));
    read_row(&again, d->own.applied);
    for (int f = 0; f < CONFIG_N; f++) {
        promise(same(d->applied.value[f], again.applied.value[f]));
        promise(!d->applied.value[f] == !d->readback.value[f]);
        promise(same(d->readback.value[f], again.readback.value[f]));
    }
    deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, strnlen((const char *)data, size));
    struct database d;

    promise(text != NULL);
    read_row(&d, text);
    check(&d);
    deinit(&d);
    mem_free(text);
    promise(mem_live_blocks() == 0);
    return 0;
}
