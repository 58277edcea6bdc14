/* test_sim: the simulator itself, where its rules do not show by themselves that it is right.
 * In:    a simulation that is told things. Out: cmocka's verdict. Never: what scenarios show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/plan.h"
#include "lib/mem.h"
#include "tests/lib/sim.h"

static struct sim sim; /* too large for a stack */

static size_t creates(struct sim *s)
{
    struct plan plan;
    size_t n;

    sim_plan(s, &plan);
    n = plan.n_create;
    plan_deinit(&plan);
    return n;
}

/* It is there until it is ended, with the configuration that it has, and hears nothing. */
static void life__that_is_lost__leaves_what_it_is_told_to_the_next(void **state)
{
    static const char READS[] = "policy: {writes: off}\n";

    (void)state;
    sim_init(&sim, "", 1);
    sim_file(&sim, "m.yaml", "groups: {eu: {location: aws-eu-west-1}}\n", NULL);
    sim_manifest(&sim);
    sim_settle(&sim, 60 * 1000);
    sim.loses_step = true;
    sim_configure(&sim, READS);
    assert_true(sim.is_lost);
    sim_configure(&sim, "");
    sim_configure(&sim, READS);
    for (unsigned i = 0; i < 2; i++) {
        sim_file(&sim, "m.yaml",
                 "groups: {eu: {location: aws-eu-west-1}}\ndatabases: {core: {group: eu}}\n", NULL);
        sim_manifest(&sim);
    }
    assert_int_equal(creates(&sim), 0);
    sim_crash(&sim, SIM_DONE, 0);
    sim_settle(&sim, 60 * 1000);
    assert_int_equal(creates(&sim), 1);
    assert_null(platform_db(&sim.platform, "core"));
    sim_configure(&sim, "");
    sim_settle(&sim, 60 * 1000);
    assert_non_null(platform_db(&sim.platform, "core"));
    assert_string_equal(sim.broken, "");
    sim_deinit(&sim);
    assert_int_equal(mem_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life__that_is_lost__leaves_what_it_is_told_to_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
