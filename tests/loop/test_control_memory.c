/* test_control_memory: what a machine without memory can do to the control socket: cost one client.
 * In:    failing allocations.
 * Out:   cmocka's verdict.
 * Never: sleeps. */
#include "tests/lib/fault.h"
#include "tests/loop/control_fixture.h"

#define LIST_MORE CALL_WITH("List", "\"more\":true")

static bool should_fail(void)
{
    return !is_test_allocating && fault_strikes();
}

/* A whole session; whatever fails, the server must be there afterwards. */
static void session(struct fixture *f)
{
    struct client *c = client_new(f);

    client_send(c, CALL("GetStatus"));
    client_send(c, LIST_MORE);
    client_send(c,
                CALL_WITH("Describe", "\"parameters\":{\"kind\":\"group\",\"name\":\"nobody\"}"));
    client_send(c, CALL("Nothing"));
    client_wait(c, 6);
    if (!fault_fired)
        assert_int_equal(c->seen, 6);
    client_free(c);
    UNTIL(f, n_clients(f) == 0);
}

static void control__each_allocation_failing_in_turn__costs_one_client_at_most(void **state)
{
    struct fixture *f = *state;
    struct client *c;

    for (long nth = 1;; nth++) {
        size_t before = mem_live_blocks();
        bool fired;

        fault_arm(nth);
        fault_set(NULL);
        mem_set_fault(should_fail); /* json-c's are those of the fixture, too */
        session(f);
        fired = fault_disarm();
        assert_int_equal(mem_live_blocks(), before);
        assert_true(nth < 1000);
        if (!fired) {
            assert_true(nth > 10);
            break;
        }
    }
    c = client_new(f);
    assert_non_null(strstr(client_ask(c, CALL("GetStatus")), "status"));
    client_free(c);
}

static void control__opening_without_memory__fails_whole(void **state)
{
    struct fixture *f = *state;
    int rc = -1;

    for (long nth = 1; rc < 0; nth++) {
        fault_arm(nth);
        rc = control_open(&f->options, &f->control, &f->err);
        fault_disarm();
        if (rc < 0) {
            assert_int_equal(rc, -ERR_NOMEM);
            assert_int_equal(mem_live_blocks(), 0);
            assert_int_not_equal(access(f->path, F_OK), 0);
        }
    }
}

int main(void)
{
#define TEST(name)        cmocka_unit_test_setup_teardown(name, setup_open, teardown)
#define TEST_CLOSED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(control__each_allocation_failing_in_turn__costs_one_client_at_most),
        TEST_CLOSED(control__opening_without_memory__fails_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
