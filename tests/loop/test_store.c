/* test_store: what is committed is there again, and nobody else's.
 * In:    rows of every table, directories that do not suit.
 * Out:   cmocka's verdict.
 * Never: a state directory outside the test's own. */
#include "io/store.h"

#include "io/state_dir.h"
#include "tests/loop/ledger_rows.h"

/* --- Opening ---------------------------------------------------------------------------------- */

static mode_t mode_of(const struct ctx *c, const char *name)
{
    struct stat st;

    assert_int_equal(stat(dir_path(c->state, name), &st), 0);
    return st.st_mode & 07777;
}

static void open__first_time_with_a_loose_umask__makes_private_files(void **state)
{
    struct ctx *c = *state;
    mode_t before = umask(0);

    c->store = open_store(c->state);
    rows_meta(&c->rows, "k", "v");
    rows_commit(&c->rows, c->store);
    umask(before);

    assert_true(store_is_new(c->store));
    assert_int_equal(mode_of(c, "."), 0700);
    assert_int_equal(mode_of(c, "ledger.db"), 0600);
    assert_int_equal(mode_of(c, "ledger.db-wal"), 0600);
    assert_int_equal(mode_of(c, "lock"), 0600);
    reopen(c);
    assert_false(store_is_new(c->store));
}

static void open__while_another_has_it__names_its_process(void **state)
{
    struct ctx *c = *state;
    char part[64];

    c->store = open_store(c->state);

    snprintf(part, sizeof(part), "another tenantd (process %d)", (int)getpid());
    expect_open(c, -ERR_LOCKED, part);
    reopen(c); /* closing ends the lock */
}

static void open__without_a_parent__is_not_found(void **state)
{
    struct ctx *c = *state;

    free(c->state);
    c->state = strdup(dir_path(c->dir, "no/state"));
    expect_open(c, -ERR_NOT_FOUND, "no/state");
}

static void open__directory_that_others_may_write__is_refused_with_advice(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "state");
    assert_int_equal(chmod(c->state, 0770), 0);
    expect_open(c, -ERR_PERMISSION, "chmod go-w");
}

static void open__through_a_link_to_the_directory__works(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "real");
    assert_int_equal(symlink("real", c->state), 0);
    c->store = open_store(c->state);
    assert_string_equal(store_state_dir(c->store)->path, dir_path(c->dir, "real"));
}

static void open__ledger_that_is_a_link__is_refused(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "state");
    dir_write(c->dir, "elsewhere", "");
    assert_int_equal(symlink("../elsewhere", dir_path(c->state, "ledger.db")), 0);
    expect_open(c, -ERR_PERMISSION, "not a regular file");
}

static void open__on_a_read_only_file_system__says_so(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "state");
    if (mount("none", c->state, "tmpfs", MS_RDONLY, "mode=0700") < 0)
        skip();
    expect_open(c, -ERR_PERMISSION, "is mounted read-only");
}

/* --- Rows ------------------------------------------------------------------------------------- */

static const char *text_for(size_t n, size_t column)
{
    static char text[64];

    snprintf(text, sizeof(text), "%04zu-%zu 'q\" \xc3\xa9", n, column);
    return text;
}

/* Row number n of a table: every column different, some texts NULL. */
static void add_numbered(struct rows *r, enum ledger_table t, size_t n)
{
    char *row = rows_add(r, t);

    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        const struct ledger_column *column = &LEDGER[t].columns[i];
        int64_t v = (int64_t)n * 1000 - (int64_t)i * INT64_C(1000000000000);

        if (column->type == LEDGER_INT)
            memcpy(row + column->offset, &v, sizeof(v));
        else if (column->is_key || (n + i) % 5)
            assert_true(ledger_set((char **)(void *)(row + column->offset), text_for(n, i)));
    }
}

static void assert_rows_equal(const struct ledger_op *a, const struct ledger_op *b)
{
    const struct ledger_table_info *info = &LEDGER[a->table];

    assert_int_equal(a->table, b->table);
    for (size_t i = 0; i < info->n_columns; i++) {
        const char *pa = (const char *)a->row + info->columns[i].offset;
        const char *pb = (const char *)b->row + info->columns[i].offset;
        char *ta;
        char *tb;

        if (info->columns[i].type == LEDGER_INT) {
            assert_memory_equal(pa, pb, sizeof(int64_t));
            continue;
        }
        memcpy(&ta, pa, sizeof(ta));
        memcpy(&tb, pb, sizeof(tb));
        assert_true(!ta == !tb);
        if (ta)
            assert_string_equal(ta, tb);
    }
}

static void commit__rows_of_every_table__come_back_equal_and_sorted(void **state)
{
    static struct rows reversed;
    struct ctx *c = *state;

    for (int t = 0; t < LEDGER_N; t++)
        for (size_t n = 1; t != LEDGER_EVENT && n <= 20; n++)
            add_numbered(&c->rows, (enum ledger_table)t, n);
    for (size_t i = c->rows.n; i-- > 0;)
        reversed.ops[reversed.n++] = c->rows.ops[i];

    assert_int_equal(store_commit(c->store, reversed.ops, reversed.n, &c->err), 0);
    reversed.n = 0;
    reopen(c);
    load_all(c->store, &c->loaded);

    assert_int_equal(c->loaded.n, c->rows.n);
    for (size_t i = 0; i < c->rows.n; i++)
        assert_rows_equal(&c->loaded.ops[i], &c->rows.ops[i]);
}

static void commit__several_changes_of_one_key__the_last_counts(void **state)
{
    struct ctx *c = *state;

    rows_meta(&c->rows, "b", "1");
    rows_meta(&c->rows, "a", "1");
    rows_meta(&c->rows, "b", "2");
    rows_meta(&c->rows, "a", NULL);
    c->rows.ops[3].is_delete = true;
    rows_commit(&c->rows, c->store);

    expect_meta(c, "b", "2");
    expect_meta(c, "a", NULL);
    rows_meta(&c->rows, "b", NULL);
    c->rows.ops[0].is_delete = true;
    rows_meta(&c->rows, "b", "3");
    rows_commit(&c->rows, c->store);
    expect_meta(c, "b", "3");
}

static void commit__row_without_its_key__writes_nothing(void **state)
{
    struct ctx *c = *state;

    rows_meta(&c->rows, "a", "1");
    rows_add(&c->rows, LEDGER_META);
    assert_int_equal(store_commit(c->store, c->rows.ops, c->rows.n, &c->err), -ERR_INVALID);
    assert_non_null(strstr(c->err.msg, "table meta has no key"));
    expect_meta(c, "a", NULL);
}

static int stop_at_once(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    (void)arg;
    (void)t;
    (void)row;
    return err_set(err, ERR_LIMIT, "enough");
}

static void load__callback_that_stops__ends_it_and_holds_nothing(void **state)
{
    struct ctx *c = *state;

    rows_meta(&c->rows, "a", "1");
    rows_commit(&c->rows, c->store);

    assert_int_equal(store_load(c->store, stop_at_once, NULL, &c->err), -ERR_LIMIT);
    rows_meta(&c->rows, "a", "2");
    rows_commit(&c->rows, c->store);
    assert_int_equal(store_checkpoint(c->store, &c->err), 0);
}

static void checkpoint__after_commits__empties_the_log(void **state)
{
    struct ctx *c = *state;

    rows_meta(&c->rows, "a", "1");
    rows_commit(&c->rows, c->store);
    assert_true(state_dir_size(store_state_dir(c->store), "ledger.db-wal") > 0);

    assert_int_equal(store_checkpoint(c->store, &c->err), 0);

    assert_int_equal(state_dir_size(store_state_dir(c->store), "ledger.db-wal"), 0);
    expect_meta(c, "a", "1");
}

/* --- Binding ---------------------------------------------------------------------------------- */

#define ORIGIN "https://api.turso.tech"

static void bind__to_the_same_again__is_fine_and_learns_the_id(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(store_bind(c->store, ORIGIN, "acme", NULL, &c->err), 0);
    assert_int_equal(store_bind(c->store, ORIGIN, "acme", "id-1", &c->err), 0);
    reopen(c);
    assert_int_equal(store_bind(c->store, ORIGIN, "acme", NULL, &c->err), 0);
    expect_meta(c, "organization_id", "id-1");
    assert_int_equal(store_bind(c->store, ORIGIN, "acme-renamed", "id-1", &c->err), 0);
    expect_meta(c, "organization", "acme-renamed");
}

static void expect_foreign(struct ctx *c, const char *origin, const char *name, const char *id)
{
    assert_int_equal(store_bind(c->store, origin, name, id, &c->err), -ERR_FOREIGN);
    assert_non_null(strstr(c->err.msg, "\"acme\" id id-1 at " ORIGIN));
    assert_non_null(strstr(c->err.msg, origin));
    assert_non_null(strstr(c->err.msg, name));
    expect_meta(c, "organization", "acme");
    expect_meta(c, "organization_id", "id-1");
}

static void bind__to_another_organization_or_api__names_both(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(store_bind(c->store, ORIGIN, "acme", "id-1", &c->err), 0);

    expect_foreign(c, ORIGIN, "acme", "id-2");
    expect_foreign(c, ORIGIN, "other", NULL);
    expect_foreign(c, ORIGIN, "other", "id-2");
    expect_foreign(c, "http://127.0.0.1:8080", "acme", "id-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open__first_time_with_a_loose_umask__makes_private_files),
        TEST(open__while_another_has_it__names_its_process),
        TEST(open__without_a_parent__is_not_found),
        TEST(open__directory_that_others_may_write__is_refused_with_advice),
        TEST(open__through_a_link_to_the_directory__works),
        TEST(open__ledger_that_is_a_link__is_refused),
        TEST(open__on_a_read_only_file_system__says_so),
        TEST_OPEN(commit__rows_of_every_table__come_back_equal_and_sorted),
        TEST_OPEN(commit__several_changes_of_one_key__the_last_counts),
        TEST_OPEN(commit__row_without_its_key__writes_nothing),
        TEST_OPEN(load__callback_that_stops__ends_it_and_holds_nothing),
        TEST_OPEN(checkpoint__after_commits__empties_the_log),
        TEST_OPEN(bind__to_the_same_again__is_fine_and_learns_the_id),
        TEST_OPEN(bind__to_another_organization_or_api__names_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
