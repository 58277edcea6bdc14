/* test_seed_file: which files may be sent, and that one that changes is never read to its end.
 * In:    files of the test's own.
 * Out:   cmocka's verdict.
 * Never: a server; a sleep. */
#include "io/seed_file.h"

#include <fcntl.h>

#include "lib/mem.h"
#include "tests/lib/sqlite_bytes.h"
#include "tests/loop/run.h"

#define PAGE       4096
#define FILE_PAGES 16

struct test {
    char *dir;
    char path[256];
};
static struct test t;

/* A header that is taken, and pages of noise behind it. */
static void make_file(void)
{
    static unsigned char data[FILE_PAGES * PAGE];
    FILE *f;

    sqlite_bytes(data, sizeof(data));
    snprintf(t.path, sizeof(t.path), "%s/base.db", t.dir);
    f = fopen(t.path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, sizeof(data), f), sizeof(data));
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    (void)state;
    t.dir = dir_new();
    make_file();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dir_free(t.dir);
    assert_int_equal(mem_live_blocks(), 0);
    return 0;
}

static bool reads_to_its_end(struct seed_file *f)
{
    static char bytes[PAGE];
    ssize_t n;

    while ((n = seed_file_read(f, bytes, sizeof(bytes))) > 0)
        ;
    return n == 0;
}

/* The times of files go in ticks, of which many changes may be in one. */
static void
file__written_just_before_and_just_after_it_is_opened__is_not_read_to_its_end(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct seed_file f;
        struct err err = ERR_INIT;
        int fd = open(t.path, O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, "a", 1, FILE_PAGES * PAGE / 2), 1);
        assert_int_equal(seed_file_open(t.dir, "base.db", NULL, &f, &err), 0);
        assert_int_equal(pwrite(fd, "b", 1, FILE_PAGES * PAGE / 2), 1);
        assert_false(reads_to_its_end(&f));
        seed_file_close(&f);
        close(fd);
    }
}

static void files__that_are_not_fit__are_not_opened(void **state)
{
    static const struct {
        const char *path;
        const char *says;
    } ROWS[] = {
        {"none.db", "No such file"},      {"link.db", "symbolic link"},
        {"out/base.db", "symbolic link"}, {"sub", "not a regular file"},
        {"fifo", "not a regular file"},   {"open.db", "everybody"},
        {"../base.db", "no path below"},  {"sub//base.db", "no path below"},
        {"small.db", "not a SQLite"},     {"wal.db", "wal_checkpoint"},
        {"sub/.hidden", "no path below"}, {"base.db/x", "symbolic link, or no directory"},
        {"all/base.db", "everybody"},     {"all/sub/base.db", "everybody"},
    };
    char command[2048];

    (void)state;
    snprintf(command, sizeof(command),
             "cd %s && mkdir sub && ln -s base.db link.db && ln -s sub out && mkfifo fifo && "
             "cp base.db sub/ && cp base.db open.db && chmod 666 open.db && echo x > small.db && "
             "cp base.db wal.db && echo x > wal.db-wal && mkdir -p all/sub && chmod 777 all && "
             "cp base.db all/ && cp base.db all/sub/",
             t.dir);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct seed_file f = SEED_FILE_INIT;
        struct err err = ERR_INIT;

        assert_true(seed_file_open(t.dir, ROWS[i].path, NULL, &f, &err) < 0);
        assert_int_equal(f.fd, -1);
        if (!strstr(err.msg, ROWS[i].says))
            fail_msg("%s: %s", ROWS[i].path, err.msg);
    }
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(file__written_just_before_and_just_after_it_is_opened__is_not_read_to_its_end),
        CASE(files__that_are_not_fit__are_not_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
