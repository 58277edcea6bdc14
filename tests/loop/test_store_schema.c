/* test_store_schema: older ledgers are brought up to date; what is damaged, newer or another's is
 * refused and left exactly as it was. In:    database files of every wrong kind. Out:   cmocka's
 * verdict. Never: a state directory outside the test's own. */
#include "io/store_schema.h"

#include "io/sqlite_file.h"
#include "tests/loop/ledger_rows.h"

#define LEDGER_PATH(c) dir_path((c)->state, "ledger.db")

/* Run SQL on the ledger as an outsider would. */
static void outside(struct ctx *c, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(LEDGER_PATH(c), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A closed ledger with some rows. */
static int setup_closed(void **state)
{
    struct ctx *c;

    setup_open(state);
    c = *state;
    for (int i = 0; i < 400; i++) {
        char key[16];

        snprintf(key, sizeof(key), "key%d", i);
        rows_meta(&c->rows, key, "a value of some length, to fill more pages than one");
    }
    rows_commit(&c->rows, c->store);
    store_close(c->store);
    c->store = NULL;
    return 0;
}

/* --- Refused ---------------------------------------------------------------------------------- */

struct bytes {
    char data[1 << 18];
    size_t size;
};

static void read_ledger(struct ctx *c, struct bytes *out)
{
    FILE *f = fopen(LEDGER_PATH(c), "re");

    assert_non_null(f);
    out->size = fread(out->data, 1, sizeof(out->data), f);
    assert_true(out->size < sizeof(out->data));
    fclose(f);
}

/* Opening fails so, and changes no byte. */
static void expect_refused(struct ctx *c, int rc, const char *part)
{
    static struct bytes before;
    static struct bytes after;

    read_ledger(c, &before);
    expect_open(c, rc, part);
    read_ledger(c, &after);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
}

static void overwrite(struct ctx *c, off_t at, const char *bytes, size_t n)
{
    int fd = open(LEDGER_PATH(c), O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static void open__what_is_no_database__is_damage_with_advice(void **state)
{
    struct ctx *c = *state;

    overwrite(c, 0, "This is not a database.", 23);
    expect_refused(c, -ERR_CORRUPT, "move ledger.db, ledger.db-wal and ledger.db-shm away");
}

static void open__with_a_page_of_rubbish__is_damage(void **state)
{
    struct ctx *c = *state;
    char rubbish[4096];

    memset(rubbish, 0x5a, sizeof(rubbish));
    for (off_t page = 1; page <= 3; page++)
        overwrite(c, page * 4096, rubbish, sizeof(rubbish));
    expect_refused(c, -ERR_CORRUPT, "never replaced by itself");
}

static void open__when_cut_short__is_damage(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(truncate(LEDGER_PATH(c), 3 * 4096), 0);
    expect_refused(c, -ERR_CORRUPT, "ledger.db");
}

static void open__log_without_its_ledger__is_damage(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(unlink(LEDGER_PATH(c)), 0);
    dir_write(c->state, "ledger.db-wal", "what was committed last");
    expect_open(c, -ERR_CORRUPT, "ledger.db-wal is there");
    assert_int_equal(access(LEDGER_PATH(c), F_OK), -1);
}

static void open__without_a_column__is_damage(void **state)
{
    struct ctx *c = *state;

    outside(c, "ALTER TABLE owned DROP COLUMN fence");
    expect_refused(c, -ERR_CORRUPT, "table owned has no column fence");
}

static void open__by_an_older_program__is_refused_with_both_versions(void **state)
{
    struct ctx *c = *state;

    char part[80];

    snprintf(part, sizeof(part), "newer tenantd (schema version 99, this one knows %d)",
             STORE_SCHEMA.version);
    outside(c, "PRAGMA user_version = 99");
    expect_refused(c, -ERR_NEWER, part);
}

static void open__database_of_another_program__is_refused(void **state)
{
    struct ctx *c = *state;

    outside(c, "PRAGMA application_id = 7");
    expect_refused(c, -ERR_FOREIGN, "another program");
}

static void open__empty_file__is_a_first_start(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "state");
    assert_int_equal(chmod(c->state, 0700), 0);
    dir_write(c->state, "ledger.db", "");
    c->store = open_store(c->state);
    assert_true(store_is_new(c->store));
}

/* --- Brought up to date ------------------------------------------------------------------------
 */

static const struct store_step STEPS[] = {
    {2, "ALTER TABLE owned ADD COLUMN config_read INTEGER NOT NULL DEFAULT 0"},
    {3, "UPDATE owned SET config_read = 7; INSERT INTO meta VALUES ('migrated', 'yes')"},
};

/* As a program of version `version` would open it, with the first `n_steps` steps. */
static int ensure(struct ctx *c, int version, const struct store_step *steps, size_t n_steps)
{
    const struct store_schema schema = {version, steps, n_steps};
    sqlite3 *db = NULL;
    int rc;

    assert_int_equal(sqlite_file_open(LEDGER_PATH(c), SQLITE_FILE_LOG, &db, &c->err), 0);
    rc = store_schema_ensure(db, &schema, &c->err);
    sqlite_file_close(db);
    return rc;
}

static void expect_int(struct ctx *c, const char *sql, int64_t expected)
{
    sqlite3 *db = NULL;
    int64_t v = -1;

    assert_int_equal(sqlite_file_open(LEDGER_PATH(c), SQLITE_FILE_LOG, &db, &c->err), 0);
    assert_int_equal(sqlite_file_int(db, sql, &v, &c->err), 0);
    sqlite_file_close(db);
    assert_int_equal(v, expected);
}

/* A ledger as version 1 had it, were config_read a later column, with one row. */
static int setup_older(void **state)
{
    setup_closed(state);
    outside(*state, "PRAGMA user_version = 1; ALTER TABLE owned DROP COLUMN config_read;"
                    "INSERT INTO owned (kind, name) VALUES ('database', 'x')");
    return 0;
}

static void migrate__over_two_steps__runs_both_and_is_not_repeated(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(ensure(c, 3, STEPS, 2), 0);
    assert_int_equal(ensure(c, 3, STEPS, 2), 0);

    expect_int(c, "PRAGMA user_version", 3);
    expect_int(c, "SELECT config_read FROM owned WHERE name = 'x'", 7);
    expect_int(c, "SELECT count(*) FROM meta WHERE key = 'migrated'", 1);
}

static void migrate__step_that_fails__leaves_the_version_before_it(void **state)
{
    struct ctx *c = *state;
    const struct store_step steps[] = {STEPS[0], {3, "UPDATE owned SET config_read = 7; NONSENSE"}};

    assert_int_equal(ensure(c, 3, steps, 2), -ERR_INVALID);

    assert_non_null(strstr(c->err.msg, "migration to schema version 3"));
    expect_int(c, "PRAGMA user_version", 2);
    expect_int(c, "SELECT config_read FROM owned WHERE name = 'x'", 0);
    assert_int_equal(ensure(c, 3, STEPS, 2), 0);
}

static void migrate__without_a_step_for_its_version__is_refused(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(ensure(c, 3, STEPS + 1, 1), -ERR_INVALID);
    assert_non_null(strstr(c->err.msg, "no way leads from its schema version 1 to 3"));
    expect_int(c, "PRAGMA user_version", 1);
}

static void migrate__step_that_forgets_a_column__is_seen(void **state)
{
    struct ctx *c = *state;
    const struct store_step steps[] = {{2, "SELECT 1"}};

    assert_int_equal(ensure(c, 2, steps, 1), -ERR_CORRUPT);
    assert_non_null(strstr(c->err.msg, "config_read"));
}

/* Every table, column and index, a line each, in an order of their own. The caller's. */
static char *describe(struct ctx *c)
{
    static const char SQL[] =
        "SELECT group_concat(line, char(10)) FROM ("
        "SELECT t.name || '.' || i.name || ' ' || i.type || ' notnull=' || i.\"notnull\" ||"
        "  ' default=' || coalesce(i.dflt_value, '') || ' pk=' || i.pk || ' strict=' || t.strict ||"
        "  ' without_rowid=' || t.wr AS line"
        "  FROM pragma_table_list AS t, pragma_table_info(t.name) AS i WHERE t.schema = 'main'"
        "  AND t.name NOT LIKE 'sqlite%'"
        " UNION ALL SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        " ORDER BY line)";
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    char *text;

    assert_int_equal(sqlite3_open(LEDGER_PATH(c), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, SQL, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    text = mem_strdup((const char *)sqlite3_column_text(stmt, 0));
    assert_non_null(text);
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return text;
}

/* Make it anew, by the program of today or by the SQL of a file. */
static void make_ledger(struct ctx *c, const char *sql)
{
    for (size_t i = 0; i < 3; i++) {
        static const char *const NAMES[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm"};

        unlink(dir_path(c->state, NAMES[i]));
    }
    if (sql)
        outside(c, sql);
    c->store = open_store(c->state);
    store_close(c->store);
    c->store = NULL;
}

static void migrate__from_version_1__is_as_if_made_anew(void **state)
{
    static char v1[1 << 14];
    struct ctx *c = *state;
    FILE *f = fopen(TESTS_DATA_DIR "/ledger/v1.sql", "re");
    char *migrated;
    char *made;

    assert_non_null(f);
    v1[fread(v1, 1, sizeof(v1) - 1, f)] = '\0';
    fclose(f);
    make_ledger(c, v1);
    expect_int(c, "PRAGMA user_version", STORE_SCHEMA.version);
    expect_int(c,
               "SELECT (SELECT count(*) FROM owned WHERE id = 'id-x') +"
               " (SELECT count(*) FROM held_token WHERE state = 'published') +"
               " (SELECT count(*) FROM leak) + (SELECT count(*) FROM \"count\") +"
               " (SELECT count(*) FROM approval) + (SELECT count(*) FROM event) +"
               " (SELECT count(*) FROM meta WHERE key = 'generation')",
               7);
    migrated = describe(c);
    make_ledger(c, NULL);
    made = describe(c);

    assert_string_equal(migrated, made);
    assert_non_null(strstr(made, "owned.probed INTEGER notnull=1 default=0 pk=0 strict=1"));
    mem_free(migrated);
    mem_free(made);
}

static void create__at_a_later_version__needs_no_steps(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "state");
    dir_write(c->state, "ledger.db", "");
    assert_int_equal(ensure(c, 3, STEPS, 2), 0);
    expect_int(c, "PRAGMA user_version", 3);
    expect_int(c, "SELECT count(*) FROM meta", 0);
}

#define TEST_CLOSED(name) cmocka_unit_test_setup_teardown(name, setup_closed, teardown)
#define TEST_OLDER(name)  cmocka_unit_test_setup_teardown(name, setup_older, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CLOSED(open__what_is_no_database__is_damage_with_advice),
        TEST_CLOSED(open__with_a_page_of_rubbish__is_damage),
        TEST_CLOSED(open__when_cut_short__is_damage),
        TEST_CLOSED(open__log_without_its_ledger__is_damage),
        TEST_CLOSED(open__without_a_column__is_damage),
        TEST_CLOSED(open__by_an_older_program__is_refused_with_both_versions),
        TEST_CLOSED(open__database_of_another_program__is_refused),
        TEST(open__empty_file__is_a_first_start),
        TEST_OLDER(migrate__over_two_steps__runs_both_and_is_not_repeated),
        TEST_OLDER(migrate__step_that_fails__leaves_the_version_before_it),
        TEST_OLDER(migrate__without_a_step_for_its_version__is_refused),
        TEST_OLDER(migrate__step_that_forgets_a_column__is_seen),
        TEST_CLOSED(migrate__from_version_1__is_as_if_made_anew),
        TEST(create__at_a_later_version__needs_no_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
