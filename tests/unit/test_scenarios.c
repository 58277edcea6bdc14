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

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "tests/lib/sim_script.h"
#include "tests/lib/tree.h"

#define SCENARIOS_MIN 60

static struct sim sim; /* too large for a stack */

static bool is_sliced;

/* An answer comes between two slices, at the same millisecond, and chance falls otherwise. */
static bool is_of_another_order(const char *path)
{
    return is_sliced && (strcmp(path, "released-in-grace.scenario") == 0 ||
                         strcmp(path, "stranger-holds-a-fence-in-vain.scenario") == 0);
}

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

/* Where each database lives, or is about to. */
static void check_homes(struct sim *s)
{
    const struct reconcile *rc = s->rc;

    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        const struct group *g = rc->fleet.groups[i];
        size_t n = 0;

        for (size_t at = 0; at < rc->fleet.n_databases; at++) {
            const struct database *d = fleet_peek(&rc->fleet, at);
            bool creating = d->has_own && strcmp(d->own.state, "creating") == 0;

            n += text_is(d->live.present ? d->live.place
                         : creating      ? d->own.group_name
                                         : d->placed,
                         g->r.name);
        }
        fleet_unpeek(&rc->fleet);
        if (n != g->n_databases)
            sim_break(s, "%s holds %zu databases, and is said to hold %zu", g->r.name, n,
                      g->n_databases);
    }
}

static int64_t checked_ms; /* the look that completed then */

/* A look is over, and nothing has been read or begun since it was taken over. */
static void after_step(struct sim *s)
{
    const struct reconcile *rc = s->rc;

    if (!s->is_lost && !is_sliced && reconcile_is_observed(rc) &&
        rc->obs.completed_ms == s->now_ms && rc->obs.completed_ms != checked_ms &&
        rc->n_flights == rc->n_landed)
        check_homes(s);
    checked_ms = rc->obs.completed_ms;
}

static bool run_one(const struct tree_file *f)
{
    char *got = sim_script_run(&sim, f->path, f->data, is_sliced ? 1 : 0, after_step);
    bool same = strcmp(got, f->data) == 0 || is_of_another_order(f->path);
    bool holds = !*sim.broken;

    if (!holds)
        print_error("%s: %s\n", f->path, sim.broken);
    if (!same && getenv("SCENARIO_WRITE") && !is_sliced)
        write_file(f->path, got);
    else if (!same)
        print_error("%s: not as written; %s now:\n%s", f->path,
                    is_sliced ? "a record at a time, it is" : "it is", got);
    free(got);
    checked_ms = 0;
    sim_deinit(&sim);
    assert_int_equal(mem_live_blocks(), 0);
    return same && holds;
}

static void run_all(void)
{
    struct tree t = tree_read(TESTS_DATA_DIR "/reconcile");
    const char *every = getenv("SCENARIO_EVERY");
    size_t step = every && atoi(every) > 0 ? (size_t)atoi(every) : 1;
    size_t different = 0;
    size_t n = 0;

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

static void scenarios__end_as_they_are_written(void **state)
{
    (void)state;
    run_all();
}

/* What is done in many steps comes to the same. */
static void scenarios__a_record_at_a_time__end_as_they_are_written(void **state)
{
    (void)state;
    is_sliced = true;
    run_all();
    is_sliced = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios__end_as_they_are_written),
        cmocka_unit_test(scenarios__a_record_at_a_time__end_as_they_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
