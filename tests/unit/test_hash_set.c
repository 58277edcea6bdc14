/* test_hash_set: what was added is there, nothing else is, and a failed addition changes nothing.
 * In: hashes that lie apart, side by side, and zero. Out: cmocka's verdict. Never: more than
 * memory. */
#include "lib/hash_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "lib/text.h"

#define MANY 100000u

static bool add(struct hash_set *s, uint64_t hash)
{
    bool had;

    assert_true(hash_set_add(s, hash, &had));
    return had;
}

/* Side by side, and zero, which counts as one. */
static uint64_t small(unsigned i)
{
    return i ? i + 1 : 0;
}

static uint64_t id(unsigned i)
{
    char text[40];
    int n = snprintf(text, sizeof(text), "0190d3c6-9e3b-7c1f-8a11-%012x", i);

    return text_hash(TEXT_HASH_INIT, text, (size_t)n);
}

static void set__of_none__has_none(void **state)
{
    struct hash_set s = {0};

    (void)state;
    assert_false(hash_set_has(&s, 0));
    assert_false(hash_set_has(&s, 7));
    hash_set_deinit(&s);
}

static void set__of_many__says_of_each_whether_it_was_there(void **state)
{
    struct hash_set s = {0};

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        assert_false(add(&s, id(i)));
        assert_false(add(&s, small(i)));
    }
    assert_true(s.n == 2 * (size_t)MANY);
    for (unsigned i = 0; i < MANY; i++) {
        assert_true(add(&s, id(i)));
        assert_true(add(&s, small(i)));
        assert_true(hash_set_has(&s, id(i)));
    }
    assert_true(s.n == 2 * (size_t)MANY);
    assert_false(hash_set_has(&s, id(MANY)));
    assert_false(hash_set_has(&s, small(MANY)));
    hash_set_deinit(&s);
}

static void set__with_room__grows_no_more(void **state)
{
    struct hash_set s = {0};
    size_t n_slots;

    (void)state;
    assert_true(hash_set_reserve(&s, MANY));
    n_slots = s.n_slots;
    assert_true(n_slots <= MANY + MANY / 2 + 1);
    for (unsigned i = 0; i < MANY; i++)
        add(&s, id(i));
    assert_true(s.n_slots == n_slots);
    hash_set_deinit(&s);
}

static bool no_memory(void)
{
    return true;
}

static void set__without_memory__is_as_before(void **state)
{
    struct hash_set s = {0};
    unsigned n = 0;
    bool had;

    (void)state;
    add(&s, id(n++));
    mem_set_fault(no_memory);
    while (hash_set_add(&s, id(n), &had) && n < MANY)
        n++;
    mem_set_fault(NULL);
    assert_true(n < MANY && s.n == n);
    for (unsigned i = 0; i < n; i++)
        assert_true(hash_set_has(&s, id(i)));
    assert_false(add(&s, id(n)));
    hash_set_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set__of_none__has_none),
        cmocka_unit_test(set__of_many__says_of_each_whether_it_was_there),
        cmocka_unit_test(set__with_room__grows_no_more),
        cmocka_unit_test(set__without_memory__is_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
