/* test_store_events: history is numbered once, found by resource, and forgotten by rule.
 * In:    events.
 * Out:   cmocka's verdict.
 * Never: a clock; every instant is a literal. */
#include "io/store_load.h"

#include "io/store_write.h"
#include "tests/loop/ledger_rows.h"

static int add_text(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    const struct event *e = row;
    char *text = arg;
    size_t n = strlen(text);

    (void)err;
    assert_int_equal(t, LEDGER_EVENT);
    assert_true(n < 4000);
    snprintf(text + n, 4096 - n, "%s%lld:%s/%s:%s", n ? " " : "", (long long)e->seq, e->kind,
             e->name ? e->name : "-", e->what);
    return 0;
}

static void expect_events(struct ctx *c, const struct store_events_query *q, const char *expected)
{
    char text[4096] = "";

    assert_int_equal(store_load_events(c->store, q, add_text, text, &c->err), 0);
    assert_string_equal(text, expected);
}

static void expect_all(struct ctx *c, const char *expected)
{
    const struct store_events_query all = {0};

    expect_events(c, &all, expected);
}

static int setup_events(void **state)
{
    struct ctx *c;

    setup_open(state);
    c = *state;
    rows_event(&c->rows, 10, "database", "x", "Created");
    rows_event(&c->rows, 20, "database", "y", "Created");
    rows_meta(&c->rows, "beside", "events");
    rows_event(&c->rows, 30, "token", "x/app", "Minted");
    rows_commit(&c->rows, c->store);
    rows_event(&c->rows, 40, "database", "x", "Updated");
    rows_event(&c->rows, 50, "daemon", NULL, "Loaded");
    rows_commit(&c->rows, c->store);
    return 0;
}

static void commit__of_events__numbers_them_in_the_order_they_came(void **state)
{
    struct ctx *c = *state;

    rows_event(&c->rows, 99, "b", "b", "Later");
    rows_event(&c->rows, 1, "a", "a", "Earlier");
    assert_int_equal(store_commit(c->store, c->rows.ops, c->rows.n, &c->err), 0);

    assert_int_equal(((struct event *)c->rows.ops[0].row)->seq, 6);
    assert_int_equal(((struct event *)c->rows.ops[1].row)->seq, 7);
    assert_int_equal(store_commit(c->store, c->rows.ops, c->rows.n, &c->err), -ERR_INVALID);
}

static void query__by_number_resource_and_end__gives_those_in_order(void **state)
{
    struct ctx *c = *state;

    expect_all(c, "1:database/x:Created 2:database/y:Created 3:token/x/app:Minted "
                  "4:database/x:Updated 5:daemon/-:Loaded");
    expect_events(c, &(struct store_events_query){.since_seq = 3},
                  "4:database/x:Updated 5:daemon/-:Loaded");
    expect_events(c, &(struct store_events_query){.kind = "database"},
                  "1:database/x:Created 2:database/y:Created 4:database/x:Updated");
    expect_events(c, &(struct store_events_query){.kind = "database", .name = "x"},
                  "1:database/x:Created 4:database/x:Updated");
    expect_events(c, &(struct store_events_query){.limit = 2},
                  "1:database/x:Created 2:database/y:Created");
    expect_events(c, &(struct store_events_query){.limit = 2, .last = true},
                  "4:database/x:Updated 5:daemon/-:Loaded");
    expect_events(
        c, &(struct store_events_query){.kind = "database", .name = "x", .limit = 1, .last = true},
        "4:database/x:Updated");
    expect_events(c, &(struct store_events_query){.kind = "group"}, "");
}

/* A whole pass; how many events it dropped. */
static int64_t prune(struct ctx *c, const struct store_prune *p)
{
    int64_t cursor = 0;
    int64_t all = 0;
    int calls = 0;

    do {
        int64_t dropped = -1;

        if (store_prune_events(c->store, p, &cursor, &dropped, &c->err) < 0)
            fail_msg("%s", c->err.msg);
        all += dropped;
        assert_true(++calls < 100);
    } while (cursor);
    return all;
}

static void prune__old_events__keeps_the_last_change_of_each_resource(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(prune(c, &(struct store_prune){.before_ms = 1000, .batch = 2}), 1);
    expect_all(c, "2:database/y:Created 3:token/x/app:Minted 4:database/x:Updated "
                  "5:daemon/-:Loaded");
}

static void prune__before_an_instant__leaves_what_is_younger(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(prune(c, &(struct store_prune){.before_ms = 10, .batch = 100}), 0);
    assert_int_equal(prune(c, &(struct store_prune){.before_ms = 11, .batch = 100}), 1);
}

static void prune__names_to_keep__stay_for_ever(void **state)
{
    struct ctx *c = *state;
    const struct store_prune p = {.before_ms = 1000, .batch = 100, .keep = "Removed,Created"};

    assert_int_equal(prune(c, &p), 0);
}

static void prune__minor_events__go_and_are_no_last_change(void **state)
{
    struct ctx *c = *state;
    const struct store_prune p = {.before_ms = 1000, .batch = 100, .minor = "Phase,Updated"};

    rows_event(&c->rows, 60, "database", "y", "Phase");
    rows_event(&c->rows, 70, "daemon", NULL, "Phase"); /* the newest of all */
    rows_commit(&c->rows, c->store);

    assert_int_equal(prune(c, &p), 2);
    expect_all(c, "1:database/x:Created 2:database/y:Created 3:token/x/app:Minted "
                  "5:daemon/-:Loaded 7:daemon/-:Phase");
}

static void prune__over_a_number_of_events__drops_the_oldest_that_may_go(void **state)
{
    struct ctx *c = *state;

    for (int i = 0; i < 20; i++)
        rows_event(&c->rows, 100 + i, "daemon", NULL, "Loaded");
    rows_commit(&c->rows, c->store);

    assert_int_equal(prune(c, &(struct store_prune){.max = 3, .batch = 4}), 1 + 18);
    expect_all(c, "2:database/y:Created 3:token/x/app:Minted 4:database/x:Updated "
                  "23:daemon/-:Loaded 24:daemon/-:Loaded 25:daemon/-:Loaded");
}

static void prune__of_an_empty_history__does_nothing(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(prune(c, &(struct store_prune){.before_ms = 1000, .batch = 5}), 0);
}

static void number__after_everything_old_went__is_never_given_again(void **state)
{
    struct ctx *c = *state;
    const struct store_prune p = {.before_ms = 1000, .batch = 100, .minor = "Phase"};

    rows_event(&c->rows, 60, "daemon", NULL, "Phase");
    rows_commit(&c->rows, c->store);
    assert_int_equal(prune(c, &p), 1);

    rows_event(&c->rows, 70, "daemon", NULL, "Phase");
    assert_int_equal(store_commit(c->store, c->rows.ops, 1, &c->err), 0);
    assert_int_equal(((struct event *)c->rows.ops[0].row)->seq, 7);
}

#define TEST_EVENTS(name) cmocka_unit_test_setup_teardown(name, setup_events, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_EVENTS(commit__of_events__numbers_them_in_the_order_they_came),
        TEST_EVENTS(query__by_number_resource_and_end__gives_those_in_order),
        TEST_EVENTS(prune__old_events__keeps_the_last_change_of_each_resource),
        TEST_EVENTS(prune__before_an_instant__leaves_what_is_younger),
        TEST_EVENTS(prune__names_to_keep__stay_for_ever),
        TEST_EVENTS(prune__minor_events__go_and_are_no_last_change),
        TEST_EVENTS(prune__over_a_number_of_events__drops_the_oldest_that_may_go),
        TEST_OPEN(prune__of_an_empty_history__does_nothing),
        TEST_EVENTS(number__after_everything_old_went__is_never_given_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
