/* ledger_rows: what the tests of the store share: rows made by hand, a memory of what was loaded, a
 * disk that fails on demand. Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_LEDGER_ROWS_H
#define TENANTD_TESTS_LOOP_LEDGER_ROWS_H

#include <errno.h>
#include <sqlite3.h>
#include <sys/mount.h>

#include "core/ledger.h"
#include "io/store.h"
#include "io/store_load.h"
#include "io/store_write.h"
#include "lib/mem.h"
#include "tests/loop/run.h"

/* --- Rows ------------------------------------------------------------------------------------ */

struct rows {
    struct ledger_op ops[512];
    size_t n;
};

static void rows_deinit(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) { /* which were filled text by text */
        ledger_row_deinit(r->ops[i].table, r->ops[i].row);
        mem_free(r->ops[i].row);
    }
    r->n = 0;
}

/* Add a zeroed row; the caller fills it. */
RUN_UNUSED static void *rows_add(struct rows *r, enum ledger_table t)
{
    struct ledger_op *op = &r->ops[r->n++];

    assert_true(r->n <= ARRAY_SIZE(r->ops));
    *op = (struct ledger_op){.table = t, .row = mem_alloc(LEDGER[t].size)};
    assert_non_null(op->row);
    return op->row;
}

RUN_UNUSED static void rows_meta(struct rows *r, const char *key, const char *value)
{
    struct meta *m = rows_add(r, LEDGER_META);

    assert_true(ledger_set(&m->key, key) && ledger_set(&m->value, value));
}

RUN_UNUSED static void rows_event(struct rows *r, int64_t at, const char *kind, const char *name,
                                  const char *what)
{
    struct event *e = rows_add(r, LEDGER_EVENT);

    e->at = at;
    assert_true(ledger_set(&e->kind, kind) && ledger_set(&e->name, name) &&
                ledger_set(&e->what, what));
}

/* Commit and forget. */
RUN_UNUSED static void rows_commit(struct rows *r, struct store *s)
{
    struct err err = ERR_INIT;

    if (store_commit(s, r->ops, r->n, &err) < 0)
        fail_msg("%s", err.msg);
    rows_deinit(r);
}

/* --- What was loaded, as text ----------------------------------------------------------------- */

RUN_UNUSED static int keep_row(void *arg, enum ledger_table t, const void *row, struct err *err)
{
    struct rows *r = arg;
    void *copy = rows_add(r, t);

    (void)err;
    assert_true(ledger_row_copy(t, copy, row));
    return 0;
}

RUN_UNUSED static void load_all(struct store *s, struct rows *out)
{
    struct err err = ERR_INIT;

    if (store_load(s, keep_row, out, &err) < 0)
        fail_msg("%s", err.msg);
}

RUN_UNUSED static struct store *open_store(const char *dir)
{
    struct store *s = NULL;
    struct err err = ERR_INIT;

    if (store_open(dir, &s, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

/* --- A disk that fails ------------------------------------------------------------------------ */

static struct {
    long left; /* writes until one fails; negative: none does */
    int errnum;
    long failed;
} disk = {.left = -1};

RUN_UNUSED static ssize_t disk_pwrite(int fd, const void *data, size_t n, off_t at)
{
    if (disk.left == 0) {
        disk.failed++;
        errno = disk.errnum;
        return -1;
    }
    disk.left -= disk.left > 0;
    return pwrite(fd, data, n, at);
}

/* SQLite lets its own tests replace the system's calls; so may ours. */
RUN_UNUSED static void disk_install(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    sqlite3_syscall_ptr call = (sqlite3_syscall_ptr)disk_pwrite;

    assert_non_null(vfs);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", call), SQLITE_OK);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", call), SQLITE_OK);
}

/* All writes fail after `left` more. */
RUN_UNUSED static void disk_break(long left, int errnum)
{
    disk.left = left;
    disk.errnum = errnum;
    disk.failed = 0;
}

/* True: a write has failed. */
RUN_UNUSED static bool disk_mend(void)
{
    disk.left = -1;
    return disk.failed > 0;
}

/* --- A store of the test's own ------------------------------------------------------------- */

struct ctx {
    char *dir;   /* holds the state directory */
    char *state; /* DIR/state, not made yet */
    struct store *store;
    struct rows rows;
    struct rows loaded;
    struct err err;
};

RUN_UNUSED static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->dir = dir_new();
    c->state = strdup(dir_path(c->dir, "state"));
    *state = c;
    return 0;
}

RUN_UNUSED static int setup_open(void **state)
{
    setup(state);
    ((struct ctx *)*state)->store = open_store(((struct ctx *)*state)->state);
    return 0;
}

RUN_UNUSED static int teardown(void **state)
{
    struct ctx *c = *state;

    store_close(c->store);
    umount2(c->state, MNT_DETACH); /* most tests mount nothing */
    rows_deinit(&c->rows);
    rows_deinit(&c->loaded);
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(c->dir);
    free(c->state);
    free(c);
    return 0;
}

RUN_UNUSED static void reopen(struct ctx *c)
{
    store_close(c->store);
    c->store = open_store(c->state);
}

RUN_UNUSED static void expect_open(struct ctx *c, int rc, const char *part)
{
    struct store *s = NULL;

    assert_int_equal(store_open(c->state, &s, &c->err), rc);
    assert_null(s);
    if (!strstr(c->err.msg, part))
        fail_msg("\"%s\" does not say \"%s\"", c->err.msg, part);
}

RUN_UNUSED static void expect_meta(struct ctx *c, const char *key, const char *value)
{
    char *found = NULL;

    assert_int_equal(store_load_meta(c->store, key, &found, &c->err), 0);
    if (value && found)
        assert_string_equal(found, value);
    else
        assert_true(!value && !found);
    mem_free(found);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_OPEN(name) cmocka_unit_test_setup_teardown(name, setup_open, teardown)

#endif
