/* test_read: files whole and trusted, or a text that says what to do.
 * In:    files of every wrong kind.
 * Out:   cmocka's verdict.
 * Never: files outside the test's own directory. */
#include "io/read.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mount.h>

#include "io/clock.h"
#include "lib/mem.h"
#include "tests/loop/run.h"

struct ctx {
    char *dir;
    struct read_file file;
    struct err err;
};

static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->dir = dir_new();
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct ctx *c = *state;

    read_deinit(&c->file);
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(c->dir);
    free(c);
    return 0;
}

static int read_it(struct ctx *c, const char *name, enum read_rule rule)
{
    return read_path(dir_path(c->dir, name), rule, 100, &c->file, &c->err);
}

static void expect_text(struct ctx *c, const char *part)
{
    if (!strstr(c->err.msg, part))
        fail_msg("\"%s\" does not say \"%s\"", c->err.msg, part);
    assert_non_null(strstr(c->err.msg, c->dir)); /* every text names the path */
}

static void file__plain__is_read_whole(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "a", "one\ntwo\n");
    assert_int_equal(read_it(c, "a", READ_CONFIG), 0);
    assert_int_equal(c->file.size, 8);
    assert_string_equal(c->file.data, "one\ntwo\n");
    assert_int_equal(c->file.identity.size, 8);
}

static void file__empty__is_no_error_here(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "a", "");
    assert_int_equal(read_it(c, "a", READ_MANIFEST), 0);
    assert_non_null(c->file.data);
    assert_int_equal(c->file.size, 0);
}

static void file__of_the_ceiling_and_one_more__is_read_and_refused(void **state)
{
    struct ctx *c = *state;
    char text[102];

    memset(text, 'x', sizeof(text));
    text[100] = '\0';
    dir_write(c->dir, "a", text);
    assert_int_equal(read_it(c, "a", READ_MANIFEST), 0);
    read_deinit(&c->file);
    text[100] = 'x';
    text[101] = '\0';
    dir_write(c->dir, "a", text);
    assert_int_equal(read_it(c, "a", READ_MANIFEST), -ERR_LIMIT);
    expect_text(c, "has 101 bytes, and may have at most 100");
}

static void file__missing__is_not_found(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(read_it(c, "a", READ_CONFIG), -ERR_NOT_FOUND);
    expect_text(c, "cannot open ");
}

static void file__directory_fifo_or_socket_path__is_refused_without_waiting(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "d");
    assert_int_equal(mkfifo(dir_path(c->dir, "f"), 0600), 0);
    assert_int_equal(read_it(c, "d", READ_CONFIG), -ERR_INVALID);
    expect_text(c, "is a directory");
    assert_int_equal(read_it(c, "f", READ_CONFIG), -ERR_INVALID);
    expect_text(c, "is not a regular file");
}

static void mode__each_rule__refuses_what_it_says(void **state)
{
    static const struct {
        enum read_rule rule;
        mode_t mode;
        const char *refused; /* NULL: read */
    } CASES[] = {
        {READ_MANIFEST, 0664, NULL},
        {READ_MANIFEST, 0646, "may be written by everybody: chmod go-w /"},
        {READ_CONFIG, 0644, NULL},
        {READ_CONFIG, 0664, "may be written by its group: chmod go-w /"},
        {READ_CONFIG, 0646, "may be written by everybody: chmod go-w /"},
        {READ_SECRET, 0600, NULL},
        {READ_SECRET, 0400, NULL},
        {READ_SECRET, 0640, "may be read by its group: chmod 600 /"},
        {READ_SECRET, 0644, "may be read by everybody: chmod 600 /"},
        {READ_SECRET, 0620, "may be written by its group: chmod 600 /"},
        {READ_CREDENTIAL, 0440, NULL},
        {READ_CREDENTIAL, 0444, "may be read by everybody: chmod 600 /"},
        {READ_CREDENTIAL, 0460, "may be written by its group: chmod 600 /"},
    };
    struct ctx *c = *state;

    dir_write(c->dir, "a", "x");
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        int want = CASES[i].refused ? -ERR_PERMISSION : 0;
        int rc;

        assert_int_equal(chmod(dir_path(c->dir, "a"), CASES[i].mode), 0);
        rc = read_it(c, "a", CASES[i].rule);
        if (rc != want)
            fail_msg("rule %d mode %o gave %d: %s", CASES[i].rule, CASES[i].mode, rc, c->err.msg);
        if (rc == 0)
            read_deinit(&c->file);
        else
            expect_text(c, CASES[i].refused);
    }
}

static void owner__somebody_else__is_refused_but_for_a_manifest(void **state)
{
    struct ctx *c = *state;

    if (geteuid() != 0)
        skip();
    dir_write(c->dir, "a", "x");
    assert_int_equal(chmod(dir_path(c->dir, "a"), 0600), 0);
    assert_int_equal(chown(dir_path(c->dir, "a"), 4321, 4321), 0);
    for (enum read_rule rule = READ_CONFIG; rule <= READ_CREDENTIAL; rule++) {
        assert_int_equal(read_it(c, "a", rule), -ERR_PERMISSION);
        expect_text(c, "belongs to user 4321, and must belong to root");
    }
    assert_int_equal(read_it(c, "a", READ_MANIFEST), 0);
}

static void link__to_a_file__is_followed_but_for_a_secret(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "a", "x");
    assert_int_equal(chmod(dir_path(c->dir, "a"), 0600), 0);
    assert_int_equal(symlink("a", dir_path(c->dir, "l")), 0);
    assert_int_equal(read_it(c, "l", READ_SECRET), -ERR_PERMISSION);
    expect_text(c, "is a symbolic link");
    assert_int_equal(read_it(c, "l", READ_CONFIG), 0);
}

static void manifest__writable_by_all_on_a_read_only_mount__is_read(void **state)
{
    struct ctx *c = *state;
    const char *mnt;
    int rc;

    dir_mkdir(c->dir, "m");
    mnt = dir_path(c->dir, "m");
    if (mount("none", mnt, "tmpfs", 0, "size=64k") != 0)
        skip();
    dir_write(mnt, "a", "x");
    assert_int_equal(chmod(dir_path(mnt, "a"), 0666), 0);
    assert_int_equal(read_it(c, "m/a", READ_MANIFEST), -ERR_PERMISSION);
    assert_int_equal(mount("none", mnt, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=64k"), 0);
    rc = read_it(c, "m/a", READ_MANIFEST);
    assert_int_equal(umount(mnt), 0);
    assert_int_equal(rc, 0);
}

/* --- A writer that never stops ------------------------------------------------------------ */

struct writer {
    const char *path;
    atomic_bool stop;
};

static void *write_on(void *arg)
{
    struct writer *w = arg;
    int fd = open(w->path, O_WRONLY | O_CLOEXEC);
    char text[4096];

    for (char c = 'a'; !atomic_load(&w->stop); c = c == 'z' ? 'a' : (char)(c + 1)) {
        memset(text, c, sizeof(text));
        if (pwrite(fd, text, sizeof(text), 0) != (ssize_t)sizeof(text) ||
            ftruncate(fd, c * 10) != 0)
            break;
    }
    close(fd);
    return NULL;
}

static void file__being_written__is_refused_or_of_one_size_throughout(void **state)
{
    struct ctx *c = *state;
    struct writer w = {.path = dir_path(c->dir, "a")};
    pthread_t thread;
    int refused = 0;
    int64_t end = clock_mono_ms() + 10000;

    dir_write(c->dir, "a", "");
    assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
    while (refused == 0 && clock_mono_ms() < end) {
        int rc = read_path(w.path, READ_MANIFEST, 8192, &c->file, &c->err);

        if (rc == 0) {
            assert_int_equal(c->file.size, c->file.identity.size);
            read_deinit(&c->file);
        } else {
            assert_int_equal(rc, -ERR_IO);
            expect_text(c, "is being written");
            refused++;
        }
    }
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    assert_int_not_equal(refused, 0);
}

static void identity__replaced_by_equal_text__differs(void **state)
{
    struct ctx *c = *state;
    struct read_identity was;

    dir_write(c->dir, "a", "x");
    dir_write(c->dir, "b", "x");
    assert_int_equal(read_it(c, "a", READ_MANIFEST), 0);
    was = c->file.identity;
    read_deinit(&c->file);
    assert_int_equal(read_it(c, "a", READ_MANIFEST), 0);
    assert_true(read_identity_equal(&was, &c->file.identity));
    read_deinit(&c->file);
    assert_int_equal(rename(dir_path(c->dir, "b"), dir_path(c->dir, "a")), 0);
    assert_int_equal(read_it(c, "a", READ_MANIFEST), 0);
    assert_false(read_identity_equal(&was, &c->file.identity));
}

static bool no_memory(void)
{
    return true;
}

static void memory__none__is_said(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "a", "x");
    mem_set_fault(no_memory);
    assert_int_equal(read_it(c, "a", READ_MANIFEST), -ERR_NOMEM);
    mem_set_fault(NULL);
}

static void clock__two_readings__never_go_back(void **state)
{
    int64_t then = clock_mono_ms();

    (void)state;
    assert_true(clock_mono_ms() >= then);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
    assert_true(clock_random() != clock_random()); /* one in 2^64 */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(file__plain__is_read_whole),
        T(file__empty__is_no_error_here),
        T(file__of_the_ceiling_and_one_more__is_read_and_refused),
        T(file__missing__is_not_found),
        T(file__directory_fifo_or_socket_path__is_refused_without_waiting),
        T(mode__each_rule__refuses_what_it_says),
        T(owner__somebody_else__is_refused_but_for_a_manifest),
        T(link__to_a_file__is_followed_but_for_a_secret),
        T(manifest__writable_by_all_on_a_read_only_mount__is_read),
        T(file__being_written__is_refused_or_of_one_size_throughout),
        T(identity__replaced_by_equal_text__differs),
        T(memory__none__is_said),
        T(clock__two_readings__never_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
