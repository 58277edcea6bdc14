/* test_store_faults: a commit is all or nothing, whatever breaks in the middle of it.
 * In:    failing writes, no memory, a full disk, a killed writer.
 * Out:   cmocka's verdict.
 * Never: a state directory outside the test's own. */
#include "io/store.h"

#include <signal.h>
#include <sys/wait.h>

#include "tests/lib/fault.h"
#include "tests/loop/ledger_rows.h"

#define ORIGIN "https://api.turso.tech"

static void fault__at_every_write_of_a_commit__leaves_it_all_out(void **state)
{
    struct ctx *c = *state;
    bool failed = true;
    long nth;

    rows_meta(&c->rows, "a", "old");
    rows_commit(&c->rows, c->store);
    rows_meta(&c->rows, "a", "new");
    rows_meta(&c->rows, "b", "new");
    rows_event(&c->rows, 1, "database", "x", "Created");

    for (nth = 0; failed && nth < 1000; nth++) {
        int errnum = nth % 2 ? EIO : ENOSPC;
        int rc;

        disk_break(nth, errnum);
        rc = store_commit(c->store, c->rows.ops, c->rows.n, &c->err);
        failed = disk_mend();
        if (!failed)
            break;
        assert_int_equal(rc, errnum == EIO ? -ERR_IO : -ERR_NO_SPACE);
        expect_meta(c, "a", "old");
        expect_meta(c, "b", NULL);
        assert_int_equal(((struct event *)c->rows.ops[2].row)->seq, 0);
    }

    assert_true(nth > 2 && !failed);
    expect_meta(c, "a", "new");
    assert_int_equal(((struct event *)c->rows.ops[2].row)->seq, 1);
    reopen(c);
    expect_meta(c, "b", "new");
}

static int everything(struct ctx *c)
{
    struct store *s = NULL;
    int rc = store_open(c->state, &s, &c->err);

    if (!rc)
        rc = store_commit(s, c->rows.ops, 1, &c->err);
    if (!rc)
        rc = store_bind(s, ORIGIN, "acme", "id-1", &c->err);
    store_close(s);
    return rc;
}

static void fault__at_every_allocation__is_reported_and_leaks_nothing(void **state)
{
    struct ctx *c = *state;
    int rc = -ERR_NOMEM;
    size_t before;

    rows_meta(&c->rows, "a", "1");
    before = mem_live_blocks();
    for (long nth = 1; rc && nth < 1000; nth++) {
        fault_arm(nth);
        rc = everything(c);
        assert_int_equal(rc, fault_disarm() ? -ERR_NOMEM : 0);
        assert_int_equal(mem_live_blocks(), before);
    }
    assert_int_equal(rc, 0);
}

static void full_disk__until_there_is_room__refuses_and_then_goes_on(void **state)
{
    struct ctx *c = *state;
    static const char *const BALLAST[] = {"1", "2", "3", "4", "5", "6", "7", "8"};
    char big[65536];
    int rc = 0;

    dir_mkdir(c->dir, "state");
    if (mount("none", c->state, "tmpfs", 0, "size=2m,mode=0700") < 0)
        skip();
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(BALLAST); i++)
        dir_write(c->state, BALLAST[i], big);
    c->store = open_store(c->state);
    for (int i = 0; !rc && i < 100; i++) {
        char key[16];

        rows_deinit(&c->rows);
        snprintf(key, sizeof(key), "%d", i);
        rows_meta(&c->rows, key, big);
        rc = store_commit(c->store, c->rows.ops, 1, &c->err);
    }

    assert_int_equal(rc, -ERR_NO_SPACE);
    expect_meta(c, "0", big);
    expect_meta(c, ((struct meta *)c->rows.ops[0].row)->key, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(BALLAST); i++)
        assert_int_equal(unlink(dir_path(c->state, BALLAST[i])), 0);
    rows_deinit(&c->rows);
    rows_meta(&c->rows, "0", "small");
    rows_commit(&c->rows, c->store);
}

/* --- A writer that is killed --------------------------------------------------------------------
 */

#define BATCH 10

static void add_batch(struct rows *r, long n)
{
    char key[32];
    char value[32];

    snprintf(value, sizeof(value), "%ld", n);
    rows_meta(r, "last", value);
    for (int i = 0; i < BATCH; i++) {
        snprintf(key, sizeof(key), "b%08ld.%d", n, i);
        rows_meta(r, key, value);
    }
    rows_event(r, n, "daemon", NULL, "Batch");
}

/* One byte for each batch, once it is committed; until somebody kills us. */
static void write_batches(const char *dir, int out)
{
    static struct rows rows;
    struct err err;
    struct store *s;

    if (store_open(dir, &s, &err) < 0)
        _exit(1);
    for (long n = 1;; n++) {
        add_batch(&rows, n);
        if (store_commit(s, rows.ops, rows.n, &err) < 0 || write(out, "", 1) != 1)
            _exit(2);
        rows_deinit(&rows);
    }
}

/* Let a child commit, and kill it when it has reported `n` batches. */
static void kill_after(struct ctx *c, int n)
{
    int ends[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_batches(c->state, ends[1]);
    close(ends[1]);
    for (int i = 0; i < n; i++) {
        char byte;

        assert_int_equal(read(ends[0], &byte, 1), 1);
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    close(ends[0]);
}

struct seen {
    long last;
    long n;
};

static int count_batch_rows(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    const struct meta *m = row;
    struct seen *seen = arg;

    (void)t;
    (void)err;
    if (strcmp(m->key, "last") == 0)
        seen->last = strtol(m->value, NULL, 10);
    else
        seen->n++;
    return 0;
}

static int take_time(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    const struct event *e = row;
    int64_t *at = arg;

    (void)t;
    (void)err;
    *at = e->at;
    return 0;
}

static void kill__in_the_middle_of_commits__leaves_whole_batches(void **state)
{
    const struct store_events_query last = {.limit = 1, .last = true};
    struct ctx *c = *state;

    for (int round = 0; round < 10; round++) {
        struct seen seen = {0};
        int64_t at = 0;
        int told = 1 + round * 7;

        kill_after(c, told);
        c->store = open_store(c->state);

        assert_int_equal(store_load(c->store, count_batch_rows, &seen, &c->err), 0);
        assert_true(seen.last >= told);
        assert_int_equal(seen.n, seen.last * BATCH);
        assert_int_equal(store_load_events(c->store, &last, take_time, &at, &c->err), 0);
        assert_int_equal(at, seen.last);
        store_close(c->store);
        c->store = NULL;
        assert_int_equal(unlink(dir_path(c->state, "ledger.db")), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OPEN(fault__at_every_write_of_a_commit__leaves_it_all_out),
        TEST(fault__at_every_allocation__is_reported_and_leaks_nothing),
        TEST(full_disk__until_there_is_room__refuses_and_then_goes_on),
        TEST(kill__in_the_middle_of_commits__leaves_whole_batches),
    };

    disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
