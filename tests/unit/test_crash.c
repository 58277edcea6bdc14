/* test_crash: a life ends after any one of its events, and the next one comes to the same end.
 * In:    scenarios of tests/data/reconcile, killed once, an event later each time; SCENARIO=NAME:
 *        that one, whichever it is.
 * Out:   cmocka's verdict.
 * Never: more than one crash beside a scenario's own: the proof's schedules have those. */
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

#define AFTER_MS (10 * 60 * 1000)

/* Those in which nobody says a word, or says it late, that a crash could take with it. */
static const char *const SCENARIOS[] = {
    "absent-held-by-policy",
    "crash-before-files",
    "drift-corrected",
    "group-locations",
    "guard-updates",
    "lie-hidden",
    "member",
    "released-in-grace",
    "seed-waits",
    "second-run-writes-nothing",
    "upload-one-by-one",
};

static struct sim sim; /* too large for a stack */
static unsigned n_events;
static unsigned last_event;     /* it is killed after that one; 0: not at all */
static enum sim_end end_of_all; /* that is under way then */

static void count_and_kill(struct sim *s)
{
    if (++n_events == last_event)
        sim_crash(s, end_of_all, 0);
}

/* How it stands in the end, what there is, and how many databases there ever were. */
static char *run(const char *name, const char *text)
{
    size_t before = mem_live_blocks();
    struct buf b = BUF_INIT(1u << 16);

    n_events = 0;
    free(sim_script_run(&sim, name, text, 0, count_and_kill));
    sim.after_step = NULL;
    sim_run(&sim, AFTER_MS);
    if (*sim.broken)
        fail_msg("%s, killed after event %u: %s", name, last_event, sim.broken);
    buf_printf(&b, "%s, %zu made\n", STATE_NAME[sim_state(&sim)], sim.platform.n_databases);
    sim_say_truth(&sim, &b);
    sim_deinit(&sim);
    assert_int_equal(mem_live_blocks(), before + 1); /* the text */
    return buf_steal(&b);
}

static void kill_after_each(const char *name)
{
    char *path = mem_printf(TESTS_DATA_DIR "/reconcile/%s.scenario", name);
    char *text = tree_read_file(path, NULL);
    char *expected;
    unsigned most;

    assert_non_null(text);
    last_event = 0;
    expected = run(name, text);
    most = n_events;
    assert_true(most > 0);
    for (last_event = 1; last_event <= most; last_event++) {
        char *end = run(name, text);

        if (strcmp(end, expected) != 0)
            fail_msg("%s, killed after event %u, ends so:\n%sand not so:\n%s", name, last_event,
                     end, expected);
        mem_free(end);
    }
    mem_free(expected);
    free(text);
    mem_free(path);
}

static void kill_all(enum sim_end end)
{
    const char *only = getenv("SCENARIO");

    end_of_all = end;
    if (only)
        kill_after_each(only);
    for (size_t i = 0; !only && i < ARRAY_SIZE(SCENARIOS); i++)
        kill_after_each(SCENARIOS[i]);
}

static void killed__after_any_event__with_all_that_was_sent_done__ends_alike(void **state)
{
    (void)state;
    kill_all(SIM_DONE);
}

static void killed__after_any_event__with_nothing_of_it_done__ends_alike(void **state)
{
    (void)state;
    kill_all(SIM_UNDONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed__after_any_event__with_all_that_was_sent_done__ends_alike),
        cmocka_unit_test(killed__after_any_event__with_nothing_of_it_done__ends_alike),
    };

    return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
