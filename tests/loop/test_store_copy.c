/* test_store_copy: a copy is whole and says that it is one, or it is not there.
 * In:    an open ledger, failing writes, places that do not suit.
 * Out:   cmocka's verdict.
 * Never: a file outside the test's own directory. */
#include "io/store_copy.h"

#include "tests/loop/ledger_rows.h"

#define NOW_MS INT64_C(1800000000000)

static int copy(struct ctx *c, const char *name)
{
    int64_t bytes = 0;
    char *path = strdup(dir_path(c->dir, name));
    int rc = store_copy(c->state, path, NOW_MS, &bytes, &c->err);
    struct stat st;

    if (rc == 0) {
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, bytes);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    free(path);
    return rc;
}

static bool is_there(struct ctx *c, const char *name)
{
    return access(dir_path(c->dir, name), F_OK) == 0;
}

static void copy__of_an_open_ledger__is_a_ledger_that_says_so(void **state)
{
    struct ctx *c = *state;

    rows_meta(&c->rows, "a", "old");
    rows_event(&c->rows, 1, "database", "x", "Created");
    rows_commit(&c->rows, c->store);
    assert_int_equal(copy(c, "copy.db"), 0);
    rows_meta(&c->rows, "a", "new");
    rows_commit(&c->rows, c->store);
    expect_meta(c, "copy", NULL);

    dir_mkdir(c->dir, "other");
    assert_int_equal(rename(dir_path(c->dir, "copy.db"), dir_path(c->dir, "other/ledger.db")), 0);
    free(c->state);
    c->state = strdup(dir_path(c->dir, "other"));
    assert_int_equal(chmod(c->state, 0700), 0);
    reopen(c);
    assert_false(store_is_new(c->store));
    expect_meta(c, "a", "old");
    expect_meta(c, "copy", "1800000000000");
}

static void copy__at_every_write_that_fails__leaves_nothing(void **state)
{
    struct ctx *c = *state;
    bool failed = true;
    long nth;

    for (int i = 0; i < 100; i++)
        rows_event(&c->rows, i, "database", "a name of some length, to fill more pages", "Created");
    rows_commit(&c->rows, c->store);
    for (nth = 0; failed && nth < 1000; nth++) {
        int errnum = nth % 2 ? EIO : ENOSPC;
        int rc;

        disk_break(nth, errnum);
        rc = copy(c, "copy.db");
        failed = disk_mend();
        if (!failed)
            break;
        assert_int_equal(rc, errnum == EIO ? -ERR_IO : -ERR_NO_SPACE);
        assert_false(is_there(c, "copy.db"));
        assert_false(is_there(c, "copy.db-journal"));
    }
    assert_true(nth > 2 && !failed);
    assert_true(is_there(c, "copy.db"));
}

static void copy__over_a_file__is_refused(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "copy.db", "mine");
    assert_int_equal(copy(c, "copy.db"), -ERR_EXISTS);
    assert_true(is_there(c, "copy.db"));
}

static void copy__to_where_there_is_no_directory__is_refused(void **state)
{
    assert_int_equal(copy(*state, "no/copy.db"), -ERR_NOT_FOUND);
}

static void copy__of_what_is_no_ledger__is_refused(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(copy(c, "copy.db"), -ERR_NOT_FOUND);
    dir_mkdir(c->dir, "state");
    dir_write(c->state, "ledger.db", "");
    assert_int_equal(copy(c, "copy.db"), -ERR_FOREIGN);
    dir_write(c->state, "ledger.db", "This is not a database.");
    assert_int_equal(copy(c, "copy.db"), -ERR_CORRUPT);
    assert_false(is_there(c, "copy.db"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OPEN(copy__of_an_open_ledger__is_a_ledger_that_says_so),
        TEST_OPEN(copy__at_every_write_that_fails__leaves_nothing),
        TEST_OPEN(copy__over_a_file__is_refused),
        TEST_OPEN(copy__to_where_there_is_no_directory__is_refused),
        TEST(copy__of_what_is_no_ledger__is_refused),
    };

    disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
