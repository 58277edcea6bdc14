/* test_search: what is in a list is found, and what is not has a place in it.
 * In: lists of no, one and more items. Out: cmocka's verdict. */
#include "lib/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base.h"

struct item {
    const char *name;
    int more;
};

static const struct item ITEMS[] = {{"b", 1}, {"d", 2}, {"d", 3}, {"f", 4}, {"h", 5}};

static size_t place(size_t n, const char *text)
{
    return search_place(ITEMS, n, sizeof(*ITEMS), text);
}

static const struct item *find(size_t n, const char *text)
{
    return search_find(ITEMS, n, sizeof(*ITEMS), text);
}

static void a_place_is_before_what_is_not_before(void **state)
{
    (void)state;
    assert_int_equal(place(0, "d"), 0);
    assert_int_equal(place(5, "a"), 0);
    assert_int_equal(place(5, "b"), 0);
    assert_int_equal(place(5, "c"), 1);
    assert_int_equal(place(5, "d"), 1);
    assert_int_equal(place(5, "e"), 3);
    assert_int_equal(place(5, "h"), 4);
    assert_int_equal(place(5, "ha"), 5);
    assert_int_equal(place(1, "f"), 1);
}

static void what_is_there_is_found(void **state)
{
    (void)state;
    for (size_t n = 0; n <= ARRAY_SIZE(ITEMS); n++)
        for (size_t i = 0; i < ARRAY_SIZE(ITEMS); i++) {
            const struct item *found = find(n, ITEMS[i].name);

            assert_int_equal(found != NULL, place(n, ITEMS[i].name) < n);
            assert_true(!found || (found >= ITEMS && found < ITEMS + n));
            assert_true(!found || strcmp(found->name, ITEMS[i].name) == 0);
        }
    assert_null(find(ARRAY_SIZE(ITEMS), "a"));
    assert_null(find(ARRAY_SIZE(ITEMS), "dd"));
}

static void sorting_makes_such_a_list(void **state)
{
    const char *texts[] = {"h", "b", "f", "d", "d"};

    (void)state;
    search_sort(NULL, 0, sizeof(*texts));
    search_sort((void *)texts, ARRAY_SIZE(texts), sizeof(*texts));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_string_equal(texts[i], ITEMS[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_before_what_is_not_before),
        cmocka_unit_test(what_is_there_is_found),
        cmocka_unit_test(sorting_makes_such_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
