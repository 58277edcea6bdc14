/* fuzz_faults: a fault script of the emulator, read over another one, and written out.
 * In:    the fuzzer's bytes.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include "fault.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct fault_rule *rule)
{
    promise(rule->times >= -1 && rule->after >= 0);
    promise(rule->probability >= 0 && rule->probability <= 1);
    promise(rule->status == 0 || (rule->status >= 200 && rule->status <= 599));
    promise(rule->delay_ms >= 0 && rule->cut >= -1 && rule->retry_after_s >= -1);
    promise(rule->dice != 0);
}

static void write_out(const struct faults *f)
{
    struct buf out = BUF_INIT(64u << 20);
    struct json_object *o = NULL;

    faults_write(f, &out);
    promise(!out.failed);
    promise(json_parse(buf_str(&out), out.size, 8, &o, NULL) == 0);
    json_put(&o);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char BEFORE[] = "[{\"status\": 500}]";
    struct faults f = FAULTS_INIT;
    struct err err = ERR_INIT;
    int rc = faults_parse(&f, BEFORE, sizeof(BEFORE) - 1, &err);

    promise(rc == 0);
    rc = faults_parse(&f, (const char *)data, size, &err);
    promise((rc == 0) == (err.code == ERR_OK));
    promise(rc == 0 || (f.n == 1 && f.rules[0].status == 500));
    for (size_t i = 0; i < f.n; i++)
        check(&f.rules[i]);
    write_out(&f);
    faults_deinit(&f);
    promise(mem_live_blocks() == 0);
    return 0;
}
