/* The reconciler in virtual time: every tests/data/reconcile/NAME.scenario is run, and what it
 * leads to is compared with what stands in it. SCENARIO=NAME runs one; with SCENARIO_WRITE=1 what
 * differs is written anew. SCENARIO_EVERY=N runs each N-th, for checkers that are slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/sim_script.h"
#include "tests/lib/tree.h"

#define SCENARIOS_MIN 60

static struct sim sim; /* too large for a stack */

static bool is_chosen(const char *path)
{
    const char *end = strstr(path, ".scenario");
    const char *only = getenv("SCENARIO");

    return end && (!only || (strlen(only) == (size_t)(end - path) &&
                             strncmp(only, path, strlen(only)) == 0));
}

static void write_file(const char *path, const char *text)
{
    char full[512];
    FILE *f;

    snprintf(full, sizeof(full), TESTS_DATA_DIR "/reconcile/%s", path);
    f = fopen(full, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool run_one(const struct tree_file *f)
{
    char *got = sim_script_run(&sim, f->path, f->data, NULL);
    bool same = strcmp(got, f->data) == 0;
    bool holds = !*sim.broken;

    if (!holds)
        print_error("%s: %s\n", f->path, sim.broken);
    if (!same && getenv("SCENARIO_WRITE"))
        write_file(f->path, got);
    else if (!same)
        print_error("%s: not as written; it is now:\n%s", f->path, got);
    free(got);
    sim_deinit(&sim);
    assert_int_equal(mem_live_blocks(), 0);
    return same && holds;
}

static void scenarios__end_as_they_are_written(void **state)
{
    struct tree t = tree_read(TESTS_DATA_DIR "/reconcile");
    const char *every = getenv("SCENARIO_EVERY");
    size_t step = every && atoi(every) > 0 ? (size_t)atoi(every) : 1;
    size_t different = 0;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < t.n; i += step) {
        if (!is_chosen(t.files[i].path))
            continue;
        n++;
        different += !run_one(&t.files[i]);
    }
    tree_deinit(&t);
    assert_int_equal(different, 0);
    assert_true(n >= (getenv("SCENARIO") ? 1 : SCENARIOS_MIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios__end_as_they_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
