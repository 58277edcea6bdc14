/* test_store_manifest: the last good manifest comes back byte for byte, or not at all.
 * In:    sets of files; a database that somebody has been at.
 * Out:   cmocka's verdict.
 * Never: parses a manifest. */
#include "io/store_manifest.h"

#include "io/state_dir.h"
#include "tests/loop/ledger_rows.h"

struct mctx {
    struct ctx *base;
    struct store_manifest *m;
    struct manifest_good good;
    struct err *err;
};

static int setup_manifest(void **state)
{
    struct mctx *c = calloc(1, sizeof(*c));
    void *base;

    assert_non_null(c);
    setup_open(&base);
    c->base = base;
    c->err = &c->base->err;
    assert_int_equal(store_manifest_open(store_state_dir(c->base->store), &c->m, c->err), 0);
    *state = c;
    return 0;
}

static int teardown_manifest(void **state)
{
    struct mctx *c = *state;
    void *base = c->base;

    store_manifest_deinit(&c->good);
    store_manifest_close(c->m);
    free(c);
    return teardown(&base);
}

static void reopen_manifest(struct mctx *c)
{
    store_manifest_close(c->m);
    assert_int_equal(store_manifest_open(store_state_dir(c->base->store), &c->m, c->err), 0);
}

static struct manifest_input file(const char *path, const char *text)
{
    return (struct manifest_input){.path = path, .data = text, .size = strlen(text)};
}

static int save(struct mctx *c, const struct manifest_input *files, size_t n)
{
    const struct manifest_input *list[8];

    for (size_t i = 0; i < n; i++)
        list[i] = &files[i];
    return store_manifest_save(c->m, list, n, c->err);
}

static void expect_load(struct mctx *c, const struct manifest_input *files, size_t n)
{
    store_manifest_deinit(&c->good);
    if (store_manifest_load(c->m, &c->good, c->err) < 0)
        fail_msg("%s", c->err->msg);
    assert_int_equal(c->good.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(c->good.files[i].path, files[i].path);
        assert_int_equal(c->good.files[i].kind, files[i].kind);
        assert_int_equal(c->good.files[i].size, files[i].size);
        assert_memory_equal(c->good.files[i].data, files[i].data, files[i].size);
        assert_null(c->good.files[i].error);
    }
}

static void expect_no_load(struct mctx *c, int rc, const char *part)
{
    assert_int_equal(store_manifest_load(c->m, &c->good, c->err), rc);
    assert_int_equal(c->good.n, 0);
    if (!strstr(c->err->msg, part))
        fail_msg("\"%s\" does not say \"%s\"", c->err->msg, part);
}

static void outside(struct mctx *c, const char *sql)
{
    sqlite3 *db = NULL;

    store_manifest_close(c->m);
    assert_int_equal(sqlite3_open(dir_path(c->base->state, "manifest.db"), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(store_manifest_open(store_state_dir(c->base->store), &c->m, c->err), 0);
}

static void load__before_any_save__is_not_found_and_makes_no_file(void **state)
{
    struct mctx *c = *state;

    assert_false(store_manifest_exists(c->m));
    expect_no_load(c, -ERR_NOT_FOUND, "no manifest was kept yet");
    assert_false(store_manifest_exists(c->m));
}

static void save__files_in_any_order__come_back_sorted_and_exact(void **state)
{
    struct mctx *c = *state;
    struct manifest_input files[] = {file("/m/b.yaml", "two: {}\n"), file("/m/c.yaml", ""),
                                     file("/m/a.yaml", "one: {}\n")};
    struct manifest_input sorted[3];

    files[0].kind = MANIFEST_TENANTS;
    files[0].data = "a\0b\xff\n\0";
    files[0].size = 6;
    sorted[0] = files[2];
    sorted[1] = files[0];
    sorted[2] = files[1];

    assert_int_equal(save(c, files, 3), 0);
    reopen_manifest(c);

    assert_true(store_manifest_exists(c->m));
    expect_load(c, sorted, 3);
}

static void save__again_with_changes__replaces_adds_and_drops(void **state)
{
    struct mctx *c = *state;
    const struct manifest_input first[] = {file("a", "1"), file("b", "1"), file("c", "1"),
                                           file("d", "1")};
    const struct manifest_input second[] = {file("aa", "2"), file("b", "2"), file("c", "1")};

    assert_int_equal(save(c, first, 4), 0);
    assert_int_equal(save(c, second, 3), 0);
    expect_load(c, second, 3);
    assert_int_equal(save(c, NULL, 0), 0);
    expect_load(c, NULL, 0);
}

/* From one set to another one; both are sorted. */
static int change(struct mctx *c, const struct manifest_input *changed, size_t n_changed,
                  const struct manifest_input *gone, size_t n_gone)
{
    const struct manifest_input *lists[2][8];
    struct desired_diff d = {.changed = {lists[0], n_changed, 8}, .gone = {lists[1], n_gone, 8}};

    for (size_t i = 0; i < n_changed; i++)
        lists[0][i] = &changed[i];
    for (size_t i = 0; i < n_gone; i++)
        lists[1][i] = &gone[i];
    return store_manifest_change(c->m, &d, c->err);
}

static void change__of_some__is_as_if_all_had_been_saved(void **state)
{
    struct mctx *c = *state;
    const struct manifest_input first[] = {file("a", "1"), file("b", "1"), file("c", "1"),
                                           file("d", "1")};
    struct manifest_input second[] = {file("aa", "2"), file("b", "2"), file("c", "1"),
                                      file("d", "1")};

    second[3].kind = MANIFEST_TENANTS;
    assert_int_equal(save(c, first, 4), 0);
    assert_int_equal(
        change(c, (struct manifest_input[]){second[0], second[1], second[3]}, 3, first, 1), 0);
    expect_load(c, second, 4);
    assert_int_equal(change(c, NULL, 0, NULL, 0), 0);
    assert_int_equal(change(c, second, 1, NULL, 0), 0); /* as it was */
    assert_int_equal(change(c, NULL, 0, second, 4), 0);
    expect_load(c, NULL, 0);
    assert_int_equal(change(c, first, 4, NULL, 0), 0);
    reopen_manifest(c);
    expect_load(c, first, 4);
}

static void change__of_what_was_not_saved_by_us__is_refused(void **state)
{
    struct mctx *c = *state;
    const struct manifest_input files[] = {file("a", "1"), file("b", "1")};

    assert_int_equal(change(c, files, 1, NULL, 0), -ERR_INVALID);
    assert_int_equal(save(c, files, 1), 0);
    assert_int_equal(change(c, NULL, 0, &files[1], 1), -ERR_CORRUPT); /* it is not in there */
    assert_int_equal(change(c, &files[1], 1, NULL, 0), -ERR_INVALID);
    assert_int_equal(save(c, files, 2), 0);
    assert_int_equal(change(c, NULL, 0, &files[1], 1), 0);
    reopen_manifest(c);
    assert_int_equal(change(c, &files[1], 1, NULL, 0), -ERR_INVALID);
    expect_load(c, files, 1);
}

/* Whichever write of it fails, the old set stays. */
static void expect_all_or_nothing(struct mctx *c, bool is_change)
{
    const struct manifest_input old[] = {file("a", "old"), file("b", "old")};
    const struct manifest_input new[] = {file("a", "new"), file("c", "new")};
    bool failed = true;
    long nth;

    for (nth = 0; failed && nth < 1000; nth++) {
        int rc;

        if (is_change || nth == 0) /* a change needs a set that was saved just before */
            assert_int_equal(save(c, old, 2), 0);
        disk_break(nth, ENOSPC);
        rc = is_change ? change(c, new, 2, &old[1], 1) : save(c, new, 2);
        failed = disk_mend();
        if (!failed)
            break;
        assert_int_equal(rc, -ERR_NO_SPACE);
        expect_load(c, old, 2);
    }
    assert_true(nth > 2 && !failed);
    reopen_manifest(c);
    expect_load(c, new, 2);
}

static void change__with_every_write_failing_once__keeps_the_old_set(void **state)
{
    expect_all_or_nothing(*state, true);
}

/* How many writes a save took. */
static long writes_of_save(struct mctx *c, const struct manifest_input *files, size_t n)
{
    const long plenty = 1000000;

    disk_break(plenty, EIO);
    assert_int_equal(save(c, files, n), 0);
    return plenty - disk.left;
}

static void save__one_small_change_beside_a_large_file__writes_little(void **state)
{
    static char large[1 << 20];
    struct mctx *c = *state;
    struct manifest_input files[] = {file("a", "1"), file("large", "")};
    long all;
    long little;

    memset(large, 'x', sizeof(large));
    files[1].data = large;
    files[1].size = sizeof(large);
    all = writes_of_save(c, files, 2);
    files[0].data = "2";
    little = writes_of_save(c, files, 2);
    disk_mend();

    assert_true(all > 250 && little < 25);
    expect_load(c, files, 2);
}

static void save__path_twice_or_no_data__is_refused(void **state)
{
    struct mctx *c = *state;
    const struct manifest_input good[] = {file("a", "1")};
    const struct manifest_input twice[] = {file("b", "1"), file("a", "2"), file("b", "2")};
    const struct manifest_input error[] = {{.path = "b", .error = "Permission denied"}};

    assert_int_equal(save(c, good, 1), 0);
    assert_int_equal(save(c, twice, 3), -ERR_INVALID);
    assert_int_equal(save(c, error, 1), -ERR_INVALID);
    expect_load(c, good, 1);
}

static void save__with_every_write_failing_once__keeps_the_old_set(void **state)
{
    expect_all_or_nothing(*state, false);
}

/* --- Damage -------------------------------------------------------------------------------------
 */

static const struct manifest_input *kept_set(void)
{
    static struct manifest_input files[2];

    files[0] = file("a", "groups: {}\n");
    files[1] = file("b", "databases: {}\n");
    return files;
}

static void load__file_whose_bytes_changed__is_damage(void **state)
{
    struct mctx *c = *state;

    assert_int_equal(save(c, kept_set(), 2), 0);
    outside(c, "UPDATE file SET data = x'00' WHERE path = 'b'");
    expect_no_load(c, -ERR_CORRUPT, "is damaged: b");
}

static void load__set_with_a_file_less__is_damage(void **state)
{
    struct mctx *c = *state;

    assert_int_equal(save(c, kept_set(), 2), 0);
    outside(c, "DELETE FROM file WHERE path = 'b'");
    expect_no_load(c, -ERR_CORRUPT, "files are missing");
}

static void load__set_with_a_file_more__is_damage(void **state)
{
    struct mctx *c = *state;

    assert_int_equal(save(c, kept_set(), 2), 0);
    outside(c, "INSERT INTO file SELECT 'c', kind, sha256, data FROM file WHERE path = 'b'");
    expect_no_load(c, -ERR_CORRUPT, "more files than were saved");
}

static void load__set_with_a_file_renamed__is_damage(void **state)
{
    struct mctx *c = *state;

    assert_int_equal(save(c, kept_set(), 2), 0);
    outside(c, "UPDATE file SET path = 'c' WHERE path = 'b'");
    expect_no_load(c, -ERR_CORRUPT, "its checksum does not fit");
}

static void save__after_damage_was_seen__writes_everything_anew(void **state)
{
    struct mctx *c = *state;

    assert_int_equal(save(c, kept_set(), 2), 0);
    outside(c, "UPDATE file SET data = x'00' WHERE path = 'b'");
    expect_no_load(c, -ERR_CORRUPT, "is damaged");

    assert_int_equal(save(c, kept_set(), 2), 0);

    expect_load(c, kept_set(), 2);
    assert_int_equal(access(dir_path(c->base->state, "manifest.db.damaged"), F_OK), 0);
}

static void save__over_damage_that_nobody_saw__writes_everything_anew(void **state)
{
    struct mctx *c = *state;

    assert_int_equal(save(c, kept_set(), 2), 0);
    outside(c, "UPDATE file SET data = x'00' WHERE path = 'b'");

    assert_int_equal(save(c, kept_set(), 2), 0);

    expect_load(c, kept_set(), 2);
    assert_int_equal(access(dir_path(c->base->state, "manifest.db.damaged"), F_OK), 0);
}

static void save__over_what_is_no_database__moves_it_aside(void **state)
{
    struct mctx *c = *state;

    dir_write(c->base->state, "manifest.db", "rubbish that is longer than nothing");
    expect_no_load(c, -ERR_CORRUPT, "manifest.db");

    assert_int_equal(save(c, kept_set(), 2), 0);
    expect_load(c, kept_set(), 2);
}

static void load__of_a_newer_version__is_refused(void **state)
{
    struct mctx *c = *state;

    assert_int_equal(save(c, kept_set(), 2), 0);
    outside(c, "PRAGMA user_version = 2");
    expect_no_load(c, -ERR_NEWER, "newer tenantd");
}

#define TEST_MANIFEST(name) cmocka_unit_test_setup_teardown(name, setup_manifest, teardown_manifest)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_MANIFEST(load__before_any_save__is_not_found_and_makes_no_file),
        TEST_MANIFEST(save__files_in_any_order__come_back_sorted_and_exact),
        TEST_MANIFEST(save__again_with_changes__replaces_adds_and_drops),
        TEST_MANIFEST(change__of_some__is_as_if_all_had_been_saved),
        TEST_MANIFEST(change__of_what_was_not_saved_by_us__is_refused),
        TEST_MANIFEST(change__with_every_write_failing_once__keeps_the_old_set),
        TEST_MANIFEST(save__one_small_change_beside_a_large_file__writes_little),
        TEST_MANIFEST(save__path_twice_or_no_data__is_refused),
        TEST_MANIFEST(save__with_every_write_failing_once__keeps_the_old_set),
        TEST_MANIFEST(load__file_whose_bytes_changed__is_damage),
        TEST_MANIFEST(load__set_with_a_file_less__is_damage),
        TEST_MANIFEST(load__set_with_a_file_more__is_damage),
        TEST_MANIFEST(load__set_with_a_file_renamed__is_damage),
        TEST_MANIFEST(save__after_damage_was_seen__writes_everything_anew),
        TEST_MANIFEST(save__over_damage_that_nobody_saw__writes_everything_anew),
        TEST_MANIFEST(save__over_what_is_no_database__moves_it_aside),
        TEST_MANIFEST(load__of_a_newer_version__is_refused),
    };

    disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
