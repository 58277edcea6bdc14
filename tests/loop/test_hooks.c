/* test_hooks: lines go to children in batches, and one result comes for each; the configuration may
 * change meanwhile.
 * In:    small shell scripts as hooks.
 * Out:   cmocka's verdict.
 * Never: sleeps to see whether something happens. */
#include "io/hooks.h"

#include "core/limits.h"
#include "tests/loop/hooks_fixture.h"

/* --- Batches, debounce, turns ----------------------------------------------------------------- */

static void lines__within_the_debounce__go_to_one_child(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "wc -l >>$D/out");
    c->config[0].debounce_ms = 100;
    configure(c);
    for (int i = 0; i < 10; i++)
        assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 10);
    assert_string_equal(file_text(c, "out"), "10\n");
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 11);
    assert_string_equal(file_text(c, "out"), "10\n1\n");
    free_scripts(c);
}

static void lines__more_than_a_batch__go_to_several_children_in_turn(void **state)
{
    struct ctx *c = *state;
    char name[4097];
    int lines = 0;
    int children = 0;

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    script(c, "hook", "[ -e $D/busy ] && exit 9; touch $D/busy; wc -l >>$D/out; rm $D/busy");
    configure(c);
    for (int i = 0; i < 600; i++) /* 2.4 MiB */
        assert_int_equal(add(c, "hook", name), 0);
    run_until_results(c, 600);
    for (const char *p = file_text(c, "out"); *p; p = strchr(p, '\n') + 1) {
        lines += (int)strtol(p, NULL, 10);
        children++;
    }
    assert_int_equal(lines, 600);
    assert_true(children >= 3);
    assert_null(strstr(c->results, "failed"));
    free_scripts(c);
}

static void lines__while_the_hook_runs__wait_for_its_end(void **state)
{
    struct ctx *c = *state;

    c->add_in_done = 3; /* each result adds its line again */
    script(c, "hook", "[ -e $D/busy ] && exit 9; touch $D/busy; cat >/dev/null; rm $D/busy");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_results(c, 4);
    assert_string_equal(c->results, "hook x ok\nhook x ok\nhook x ok\nhook x ok\n");
    free_scripts(c);
}

static void hooks__more_than_may_run__take_turns(void **state)
{
    static const char *const NAMES[] = {"h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"};
    struct ctx *c = *state;

    /* Each looks how many of them there are while it runs. */
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        script(c, NAMES[i],
               "mkdir $D/run-$$; ls -d $D/run-* | wc -l >>$D/out; cat >/dev/null; rmdir $D/run-$$");
    configure(c);
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        assert_int_equal(add(c, NAMES[i], "x"), 0);
    run_until_results(c, ARRAY_SIZE(NAMES));
    assert_null(strstr(c->results, "failed"));
    for (const char *p = file_text(c, "out"); *p; p = strchr(p, '\n') + 1)
        assert_in_range(strtol(p, NULL, 10), 1, LIMIT_HOOKS_RUNNING);
    free_scripts(c);
}

/* --- Configuration ---------------------------------------------------------------------------- */

static void add__unknown_hook__is_refused(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(add(c, "hook", "x"), -ERR_NOT_FOUND);
    assert_string_equal(c->err.msg, "there is no hook hook");
}

static void configure__hook_taken_out__fails_what_waits_and_may_come_back(void **state)
{
    struct ctx *c = *state;

    script(c, "hook", "cat >>$D/out");
    c->config[0].debounce_ms = 3600000;
    configure(c);
    assert_int_equal(add(c, "hook", "gone"), 0);
    assert_int_equal(hooks_configure(c->hooks, NULL, 0, &c->err), 0);
    assert_int_equal(c->n_results, 0);
    assert_int_equal(add(c, "hook", "refused"), -ERR_NOT_FOUND);
    c->config[0].debounce_ms = 0;
    configure(c);
    assert_int_equal(add(c, "hook", "back"), 0);
    run_until_results(c, 2);
    expect_results(c, "hook gone gone: there is no hook of that name any more\n");
    expect_results(c, "hook back ok\n");
    free_scripts(c);
}

static void configure__while_it_runs__lets_it_end_and_uses_the_new_command(void **state)
{
    struct ctx *c = *state;

    int go;

    assert_int_equal(mkfifo(dir_path(c->dir, "go"), 0600), 0);
    go = open(dir_path(c->dir, "go"), O_RDWR | O_CLOEXEC);
    assert_true(go >= 0);
    script(c, "hook", "cat >/dev/null; echo old >>$D/out; read line <$D/go");
    configure(c);
    assert_int_equal(add(c, "hook", "x"), 0);
    run_until_exists(c, "out");
    free_scripts(c);
    script(c, "new", "cat >/dev/null; echo new >>$D/out");
    c->config[0].name = "hook";
    configure(c);
    assert_int_equal(add(c, "hook", "y"), 0);
    assert_int_equal(write(go, "on\n", 3), 3);
    run_until_results(c, 2);
    close(go);
    assert_string_equal(file_text(c, "out"), "old\nnew\n");
    free_scripts(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(lines__within_the_debounce__go_to_one_child),
        T(lines__more_than_a_batch__go_to_several_children_in_turn),
        T(lines__while_the_hook_runs__wait_for_its_end),
        T(hooks__more_than_may_run__take_turns),
        T(add__unknown_hook__is_refused),
        T(configure__hook_taken_out__fails_what_waits_and_may_come_back),
        T(configure__while_it_runs__lets_it_end_and_uses_the_new_command),
    };

    return cmocka_run_group_tests(tests, hold_signals, NULL);
}
