/* test_desired_next: what is made from the last build, one thing at a time.
 * In:    a few files.
 * Out:   cmocka's verdict.
 * Never: what edits at random show better: test_desired_next_random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"

#define ROOT_TEXT                                                                                  \
    "groups: {eu: {location: l1}}\n"                                                               \
    "classes: {free: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d}}}}\n"

static struct manifest_input input(const char *path, const char *text)
{
    return (struct manifest_input){.path = path, .data = text, .size = strlen(text)};
}

static void build(const struct manifest_input *now, size_t n, struct desired *d,
                  struct desired_keep *keep)
{
    struct desired_options any = {0};
    struct diags diags = DIAGS_INIT;

    assert_int_equal(desired_build(now, n, NULL, 0, &any, d, keep, &diags), 0);
    assert_true(d->whole && keep->is_base);
    diags_deinit(&diags);
}

static void next__what_did_not_change__is_the_very_same(void **state)
{
    static const struct desired_options ANY = {0};
    struct manifest_input then[] = {
        input("a.yaml", "databases: {a: {class: free}, c: {group: eu}}"),
        input("b.yaml", "databases: {b: {class: free}}"), input("root.yaml", ROOT_TEXT)};
    struct manifest_input now[] = {then[0], input("b.yaml", "databases: {d: {group: eu}}"),
                                   then[2]};
    struct desired_step s = {.then = then, .n_then = 3, .now = now, .n_now = 3, .options = &ANY};
    struct desired last, next;
    struct desired_keep kept, kept_next;
    struct desired_diff diff;
    struct diags diags = DIAGS_INIT;

    (void)state;
    build(then, 3, &last, &kept);
    s.last = &last;
    s.kept = &kept;
    assert_int_equal(desired_next(&s, &next, &kept_next, &diff, &diags), 0);
    assert_int_equal(next.n_databases, 3);
    assert_ptr_equal(next.databases[0].name, last.databases[0].name);
    assert_ptr_equal(next.databases[0].form->want, last.databases[0].form->want);
    assert_ptr_equal(next.databases[1].form->want, last.databases[2].form->want);
    desired_deinit(&last);
    assert_string_equal(next.databases[0].form->want->tokens[0].name, "app");
    assert_string_equal(next.databases[2].name, "d");
    desired_deinit(&next);
    desired_keep_deinit(&kept);
    desired_keep_deinit(&kept_next);
    desired_diff_deinit(&diff);
}

static void same__files_that_say_the_same__are_told_from_others(void **state)
{
    static const struct desired_options ANY = {0};
    struct manifest_input then[] = {input("a.yaml", "databases: {a: {class: free}}"),
                                    input("root.yaml", ROOT_TEXT)};
    char copy[] = "databases: {a: {class: free}}"; /* read anew */
    struct manifest_input now[] = {input("a.yaml", copy), then[1]};
    struct desired_step s = {.then = then, .n_then = 2, .now = now, .n_now = 2, .options = &ANY};
    struct desired_keep kept;
    struct desired last;

    (void)state;
    build(then, 2, &last, &kept);
    s.last = &last;
    s.kept = &kept;
    assert_true(desired_is_same(&s));
    copy[12] = 'b';
    assert_false(desired_is_same(&s));
    copy[12] = 'a';
    now[0].path = "b.yaml";
    assert_false(desired_is_same(&s));
    now[0].path = "a.yaml";
    now[0].kind = MANIFEST_TENANTS;
    assert_false(desired_is_same(&s));
    now[0] = (struct manifest_input){.path = "a.yaml", .error = "unreadable"};
    assert_false(desired_is_same(&s));
    now[0] = then[0];
    s.n_now = 1;
    assert_false(desired_is_same(&s));
    s.n_now = 2;
    kept.is_base = false; /* something was wrong */
    assert_false(desired_is_same(&s));
    desired_deinit(&last);
    desired_keep_deinit(&kept);
}

/* It must not grow for ever. */
static void next__exchanged_over_and_over__is_built_whole_now_and_then(void **state)
{
    static const struct desired_options ANY = {0};
    struct manifest_input files[2][2];
    char text[2][64];
    struct desired_keep kept[2];
    struct desired d[2];
    int rc = 0;
    int n = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        snprintf(text[i], sizeof(text[i]), "databases: {a: {class: free, size_limit: %dgb}}",
                 i + 1);
        files[i][0] = input("a.yaml", text[i]);
        files[i][1] = input("root.yaml", ROOT_TEXT);
    }
    build(files[0], 2, &d[0], &kept[0]);
    for (; rc == 0 && n < 1000000; n++) {
        int from = n % 2;
        struct desired_step s = {.last = &d[from],
                                 .kept = &kept[from],
                                 .then = files[from],
                                 .n_then = 2,
                                 .now = files[!from],
                                 .n_now = 2,
                                 .options = &ANY};
        struct desired_diff diff;
        struct diags diags = DIAGS_INIT;

        rc = desired_next(&s, &d[!from], &kept[!from], &diff, &diags);
        desired_deinit(&d[from]);
        desired_keep_deinit(&kept[from]);
        if (rc == 0)
            desired_diff_deinit(&diff);
    }
    assert_int_equal(rc, DESIRED_WHOLE);
    assert_in_range(n, 100, 100000);
    assert_int_equal(mem_live_blocks(), 0);
}

/* --- Without memory ------------------------------------------------------------------------ */

static bool try_failing(const struct desired_step *s, long nth)
{
    struct desired next;
    struct desired_keep kept;
    struct desired_diff diff;
    struct diags diags = DIAGS_INIT;
    bool fired;
    int rc;

    fault_arm(nth);
    rc = desired_next(s, &next, &kept, &diff, &diags);
    fired = fault_disarm();
    if (fired)
        assert_true(rc == -ERR_NOMEM || rc == DESIRED_WHOLE); /* that one will say so */
    else
        assert_int_equal(rc, 0);
    if (rc == 0) {
        assert_int_equal(next.n_databases, 3);
        desired_deinit(&next);
        desired_keep_deinit(&kept);
        desired_diff_deinit(&diff);
        diags_deinit(&diags);
    }
    return fired;
}

static void next__each_allocation_failing__leaves_the_last_one(void **state)
{
    static const struct desired_options OURS = {.organization = "acme"};
    struct manifest_input then[] = {
        input("a.yaml", "databases: {a: {class: free}, c: {group: eu}}"),
        input("b.yaml", "databases: {b: {class: free}}"),
        input("root.yaml",
              ROOT_TEXT "databases: {x: {group: eu, tokens: {t: {authorization: read-only, "
                        "expiration: never, file: t.jwt}}}}\n"),
    };
    struct manifest_input now[] = {input("b.yaml", "databases: {e: {class: free, size_limit: 1gb}, "
                                                   "f: {group: eu}}"),
                                   then[2]};
    struct desired_step s = {.then = then, .n_then = 3, .now = now, .n_now = 2, .options = &OURS};
    struct desired last;
    struct desired_keep kept;
    long nth = 1;

    (void)state;
    build(then, 3, &last, &kept);
    assert_int_equal(kept.said.n, 1);
    s.last = &last;
    s.kept = &kept;
    while (try_failing(&s, nth))
        assert_true(++nth < 10000);
    assert_true(nth > 20);
    assert_int_equal(last.n_databases, 4);
    desired_deinit(&last);
    desired_keep_deinit(&kept);
    assert_int_equal(mem_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next__what_did_not_change__is_the_very_same),
        cmocka_unit_test(same__files_that_say_the_same__are_told_from_others),
        cmocka_unit_test(next__exchanged_over_and_over__is_built_whole_now_and_then),
        cmocka_unit_test(next__each_allocation_failing__leaves_the_last_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
