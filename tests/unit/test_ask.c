/* test_ask: the line of reads for operators: in order, bounded, and no larger than what waits.
 * In: calls. Out: cmocka's verdict. Never: a reconciler. */
#include "core/ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/limits.h"

static struct call *read_of(uint64_t ticket)
{
    struct call *c = call_new(CALL_REPORT_PLANS, NULL);

    assert_non_null(c);
    c->ticket = ticket;
    return c;
}

static uint64_t pop(struct ask_line *l)
{
    struct call *c = ask_pop(l);
    uint64_t ticket = c->ticket;

    call_free(c);
    return ticket;
}

static void ask__too_many__are_refused_until_some_have_gone(void **state)
{
    struct ask_line l = {0};
    struct err err = ERR_INIT;

    (void)state;
    for (uint64_t i = 0; i < LIMIT_ASKS; i++)
        assert_int_equal(ask_take(&l, read_of(ASK_SHELL + i), &err), 0);

    assert_int_equal(ask_take(&l, read_of(1), &err), -ERR_NOT_READY);
    assert_string_equal(err.msg, "too many questions wait for the platform already; try again");
    assert_true(ask_add(&l, read_of(ASK_QUOTA))); /* our own never are */
    assert_int_equal(pop(&l), ASK_SHELL);
    assert_int_equal(pop(&l), ASK_SHELL + 1);
    assert_int_equal(ask_take(&l, read_of(ASK_SHELL), &err), 0);
    ask_deinit(&l);
}

static void ask__a_line_that_is_never_empty__keeps_its_order_and_its_size(void **state)
{
    struct ask_line l = {0};

    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        assert_true(ask_add(&l, read_of(ASK_SHELL + i)));
    for (uint64_t i = 0; i < 10000; i++) {
        assert_int_equal(pop(&l), ASK_SHELL + i);
        assert_true(ask_add(&l, read_of(ASK_SHELL + i + 3)));
    }

    assert_true(ask_waits(&l));
    assert_true(l.capacity < 100);
    ask_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ask__too_many__are_refused_until_some_have_gone),
        cmocka_unit_test(ask__a_line_that_is_never_empty__keeps_its_order_and_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
