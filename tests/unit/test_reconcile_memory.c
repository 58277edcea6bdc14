/* Memory that runs out in the reconciler, over the scenarios of tests/data/reconcile/: the step
 * says so, nothing of it is carried out, and the next life, begun from the ledger, breaks no rule
 * and, in those that are listed below, ends where the first one would have. Of those every 13th
 * allocation fails, of all others every 499th, in each from another first one on, for they begin
 * alike; with SCENARIO=NAME, whichever it is, every one of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/export.h"
#include "core/plan.h"
#include "core/platform_usage.h"
#include "core/view.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"
#include "tests/lib/sim_script.h"
#include "tests/lib/tree.h"

#define AFTER_MS (10 * 60 * 1000)
#define EVERY    13
#define SPREAD   499
#define FARTHER  9 /* times as far */

static const struct {
    const char *name;
    bool ends_otherwise; /* what an operator said is lost with the step that heard it */
} SCENARIOS[] = {
    {"adopt-what-is-live", false},
    {"api-token-pruned", false},
    {"create-unknown-committed", false},
    {"drift-corrected", false},
    {"export", false},
    {"fence-lifted", true},
    {"group-locations", false},
    {"guard-updates", true},
    {"member-answer-lost", false},
    {"member-pruned", true},
    {"pages", false},
    {"platform", false},
    {"quota", false},
    {"recreated", true},
    {"restore", true},
    {"restore-missing", true},
    {"rotate-one-token", true},
    {"seed-waits", false},
    {"stop-publishes", false},
    {"tenants-dir", false},
    {"token-file-moved", false},
    {"token-taken-over", false},
};

static struct sim sim; /* too large for a stack */
static long nth;

/* A process that has ended for want of memory is started again. */
static void start_again(struct sim *s)
{
    if (s->is_lost)
        sim_crash(s, nth % 2 ? SIM_UNDONE : SIM_DONE, 0);
}

/* What there is in the end, and how it stands. */
static char *end_of(struct sim *s)
{
    struct buf b = BUF_INIT(1u << 16);

    sim_run(s, AFTER_MS);
    buf_printf(&b, "%s\n", STATE_NAME[sim_state(s)]);
    sim_say_truth(s, &b);
    return buf_steal(&b);
}

/* With the nth allocation failing. */
static char *run(const char *name, const char *text, bool *out_fired)
{
    fault_arm(nth);
    fault_set(NULL);
    sim_fail_allocations(fault_strikes);
    free(sim_script_run(&sim, name, text, 0, start_again));
    sim_fail_allocations(NULL);
    *out_fired = fault_disarm();
    if (sim.n_nomem != *out_fired)
        fail_msg("%s: allocation %ld failed, and no step said so", name, nth);
    if (*sim.broken)
        fail_msg("%s: allocation %ld failed: %s", name, nth, sim.broken);
    return end_of(&sim);
}

static void run_faults(const char *name, const char *text, bool ends_otherwise, long first,
                       long every, long farther)
{
    char *expected;
    bool fired;

    nth = 0;
    expected = run(name, text, &fired);
    sim_deinit(&sim);
    for (nth = first, fired = true; fired; nth = nth * farther + every) {
        size_t before = mem_live_blocks();
        char *end = run(name, text, &fired);

        if (!ends_otherwise && strcmp(end, expected) != 0)
            fail_msg("%s: allocation %ld failed, and it ends so:\n%s", name, nth, end);
        mem_free(end);
        sim_deinit(&sim);
        if (mem_live_blocks() != before)
            fail_msg("%s: allocation %ld failed, and something is left", name, nth);
    }
    mem_free(expected);
}

static void run_named(const char *name, bool ends_otherwise, long first, long every)
{
    char *path = mem_printf(TESTS_DATA_DIR "/reconcile/%s.scenario", name);
    char *text = tree_read_file(path, NULL);

    assert_non_null(text);
    run_faults(name, text, ends_otherwise, first, every, 1);
    free(text);
    mem_free(path);
}

static void step__without_memory_at_any_point__says_so_and_the_next_life_goes_on(void **state)
{
    const char *only = getenv("SCENARIO");

    (void)state;
    if (only)
        run_named(only, true, 1, 1);
    for (size_t i = 0; !only && i < ARRAY_SIZE(SCENARIOS); i++)
        run_named(SCENARIOS[i].name, SCENARIOS[i].ends_otherwise, 1 + (long)(i % EVERY), EVERY);
}

static void every_scenario__without_memory_somewhere__breaks_no_rule(void **state)
{
    struct tree t = tree_read(TESTS_DATA_DIR "/reconcile");

    (void)state;
    for (size_t i = 0; !getenv("SCENARIO") && i < t.n; i++)
        if (strstr(t.files[i].path, ".scenario"))
            run_faults(t.files[i].path, t.files[i].data, true, 1 + (long)(i * 31 % SPREAD), 0,
                       FARTHER);
    tree_deinit(&t);
}

/* --- at the start, and when somebody asks --- */

/* Something of everything: groups, databases, tokens, a pause, a count, what waits for approval. */
static void begin_something(void)
{
    static const char TEXT[] =
        "manifest\n"
        "  groups:\n"
        "    eu: {location: aws-eu-west-1,\n"
        "         tokens: {all: {authorization: read-only, expiration: 7d}}}\n"
        "  databases:\n"
        "    t-1: {group: eu, tokens: {app: {authorization: full-access, expiration: 7d}}}\n"
        "    t-2: {group: eu, size_limit: 1gb}\n"
        "  api_tokens: {signup: {group: eu, scopes: [read]}}\n"
        "settle\n"
        "outside create database found in eu\n"
        "operator pause database/t-1\n"
        "config\n"
        "  policy: {writes: off}\n"
        "manifest\n"
        "  groups: {eu: {location: aws-eu-west-1}, us: {location: aws-us-east-1}}\n"
        "  databases:\n"
        "    t-1: {group: eu, size_limit: 2gb}\n"
        "    t-2: {group: us, size_limit: 2gb}\n"
        "    t-3: {group: us, tokens: {app: {authorization: full-access, expiration: 7d}}}\n"
        "run 10m\n";

    free(sim_script_run(&sim, "something", TEXT, 0, NULL));
    assert_string_equal(sim.broken, "");
}

static bool load(struct reconcile *rc)
{
    for (size_t i = 0; i < sim.ledger.n; i++)
        if (!reconcile_load(rc, sim.ledger.rows[i].table, sim.ledger.rows[i].row))
            return false;
    return true;
}

/* One whole run of something, given back before it returns. 0, or what it says without memory. */
typedef int whole_run(void);

/* Each allocation of it fails in its turn, until one run needs no more of them. */
static void fail_each(whole_run *once)
{
    size_t before;
    bool fired;

    nth = 0;
    begin_something();
    before = mem_live_blocks();
    do {
        int rv;

        fault_arm(++nth);
        rv = once();
        fired = fault_disarm();
        if (rv != (fired ? -ERR_NOMEM : 0))
            fail_msg("allocation %ld %s, and it says %d", nth, fired ? "failed" : "is none", rv);
        assert_int_equal(mem_live_blocks(), before);
    } while (fired);
    sim_deinit(&sim);
}

static int start_it(void)
{
    struct reconcile *rc = reconcile_new(sim.config, sim.now_ms);
    bool ok = rc && load(rc);

    reconcile_free(rc);
    return ok ? 0 : -ERR_NOMEM;
}

static void start__without_memory_at_any_point__is_refused(void **state)
{
    (void)state;
    fail_each(start_it);
}

static int plan_it(void)
{
    struct err err = ERR_INIT;
    struct plan plan = {0};
    int rv = plan_build(sim.rc, &plan, &err);

    assert_true(rv != 0 || plan.n_steps >= 3);
    plan_deinit(&plan);
    return rv;
}

static void plan__without_memory_at_any_point__is_none(void **state)
{
    (void)state;
    fail_each(plan_it);
}

/* Every record, by name and one by one. */
static int show_all(void)
{
    struct view_cursor at = VIEW_CURSOR_INIT;
    struct view_filter all = {0};
    struct json_object *o = NULL;
    size_t n;
    int rv;

    for (n = 0; (rv = view_next(sim.rc, &all, &at, &o)) == 0 && o; n++)
        json_object_put(o);
    view_cursor_deinit(&at);
    assert_true(rv != 0 || n >= 8);
    return rv;
}

static void view__without_memory_at_any_point__says_so(void **state)
{
    (void)state;
    fail_each(show_all);
}

static int count_unsaid(void)
{
    struct answer usage = {0};
    char **names;
    size_t n;
    size_t left;
    int rv = platform_usage_unsaid(sim.rc, &usage, 0, &names, &n, &left);

    mem_free((void *)names);
    return rv;
}

static void unsaid__without_memory_at_any_point__says_so(void **state)
{
    (void)state;
    fail_each(count_unsaid);
}

static int export_all(void)
{
    struct buf b = BUF_INIT(1u << 16);
    bool needs_config;
    bool failed;

    export_begin(sim.rc, &b);
    for (const char *name = NULL; (name = export_next(sim.rc, name, &needs_config));)
        export_database(sim.rc, name, NULL, &b);
    failed = b.failed;
    buf_deinit(&b);
    return failed ? -ERR_NOMEM : 0;
}

static void export__without_memory_at_any_point__is_not_whole(void **state)
{
    (void)state;
    fail_each(export_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step__without_memory_at_any_point__says_so_and_the_next_life_goes_on),
        cmocka_unit_test(every_scenario__without_memory_somewhere__breaks_no_rule),
        cmocka_unit_test(start__without_memory_at_any_point__is_refused),
        cmocka_unit_test(plan__without_memory_at_any_point__is_none),
        cmocka_unit_test(view__without_memory_at_any_point__says_so),
        cmocka_unit_test(unsaid__without_memory_at_any_point__says_so),
        cmocka_unit_test(export__without_memory_at_any_point__is_not_whole),
    };

    return cmocka_run_group_tests_name("reconcile_memory", tests, NULL, NULL);
}
