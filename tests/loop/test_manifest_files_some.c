/* test_manifest_files_some: a reading of what may have changed is one of everything.
 * In:    a directory in which everything happens that can happen to files, at random, and of which
 *        is said what a watch would say.
 * Out:   cmocka's verdict; the numbers behind it are fixed.
 * Never: sleeps: files become old by the clock that they are judged by. */
#include "io/manifest_files.h"

#include <fcntl.h>

#include "core/limits.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "tests/lib/chance.h"
#include "tests/lib/fault.h"
#include "tests/loop/clock_later.h"
#include "tests/loop/run.h"

#define N_DIRS   5
#define N_NAMES  6
#define N_STEPS  80
#define N_CHAINS 25

struct ctx {
    char *dir;
    struct manifest_walk_options options;
    char manifest[512];
    char tenants[512];
    uint64_t random;
    struct manifest_spots spots; /* what a watch would have told */
    struct manifest_files *files;
    struct err err;
    size_t n_some; /* readings that did not look at everything */
};

static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    *state = c;
    later_ms = 0;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void begin(struct ctx *c, unsigned chain)
{
    c->dir = dir_new();
    c->random = chain;
    dir_mkdir(c->dir, "m");
    dir_mkdir(c->dir, "m/a");
    dir_mkdir(c->dir, "m/a/b");
    dir_mkdir(c->dir, "m/.hidden");
    dir_mkdir(c->dir, "t");
    dir_mkdir(c->dir, "t/c");
    snprintf(c->manifest, sizeof(c->manifest), "%s/m/", c->dir);
    snprintf(c->tenants, sizeof(c->tenants), "%s/t", c->dir);
    c->options = (struct manifest_walk_options){c->manifest, c->tenants};
}

static void end(struct ctx *c)
{
    manifest_files_unref(c->files);
    c->files = NULL;
    manifest_spots_deinit(&c->spots);
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(c->dir);
}

static unsigned below(struct ctx *c, unsigned n)
{
    return chance_below(&c->random, n);
}

static const char *const DIRS[N_DIRS] = {"m", "m/a", "m/a/b", "t", "t/c"};

struct place {
    enum manifest_kind kind;
    char name[64];
};

static struct place somewhere(struct ctx *c)
{
    unsigned dir = below(c, N_DIRS);
    struct place p = {.kind = dir < 3 ? MANIFEST_TRUSTED : MANIFEST_TENANTS};

    snprintf(p.name, sizeof(p.name), "%s/%u.yaml", DIRS[dir], below(c, N_NAMES));
    return p;
}

static void tell(struct ctx *c, const struct place *p)
{
    manifest_spots_add(&c->spots, p->kind, dir_path(c->dir, p->name));
}

/* Of what is no file, or moves more than one, a watch says nothing so precise. */
static void tell_anywhere(struct ctx *c)
{
    manifest_spots_add_anywhere(&c->spots);
}

static char *path_of(struct ctx *c, const char *name)
{
    return mem_printf("%s/%s", c->dir, name);
}

static void write_some(struct ctx *c, const char *name)
{
    char text[32];

    snprintf(text, sizeof(text), "%u", 10 + below(c, 90));
    dir_write(c->dir, name, text);
}

/* In place, with the same size and the same time. */
static void rewrite(struct ctx *c, const struct place *p)
{
    char *path = path_of(c, p->name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0) {
        const struct timespec times[] = {st.st_atim, st.st_mtim};
        char digit = (char)('0' + below(c, 10));

        assert_int_equal(pwrite(fd, &digit, 1, 0), 1);
        assert_int_equal(futimens(fd, times), 0);
        tell(c, p);
    }
    if (fd >= 0)
        close(fd);
    mem_free(path);
}

static void between(struct ctx *c, int (*how)(const char *from, const char *to))
{
    struct place one = somewhere(c);
    struct place other = somewhere(c);
    char *from = path_of(c, one.name);
    char *to = path_of(c, other.name);

    if (how(from, to) == 0) {
        tell(c, &one);
        tell(c, &other);
    }
    mem_free(from);
    mem_free(to);
}

static void remove_one(struct ctx *c, const struct place *p)
{
    char *path = path_of(c, p->name);

    if (unlink(path) == 0 || rmdir(path) == 0)
        tell(c, p);
    mem_free(path);
}

static void remove_all(struct ctx *c, unsigned dir)
{
    struct place p = {.kind = dir < 3 ? MANIFEST_TRUSTED : MANIFEST_TENANTS};

    for (unsigned i = 0; i < N_NAMES; i++) {
        snprintf(p.name, sizeof(p.name), "%s/%u.yaml", DIRS[dir], i);
        remove_one(c, &p);
    }
}

static void happen(struct ctx *c)
{
    struct place p = somewhere(c);
    char *path = path_of(c, p.name);

    switch (below(c, 13)) {
    case 0:
        remove_one(c, &p);
        break;
    case 1:
        between(c, rename);
        break;
    case 2:
        between(c, link);
        break;
    case 3:
        if (symlink("../m/.hidden/real", path) == 0 || symlink("nowhere", path) == 0)
            tell(c, &p);
        break;
    case 4: /* what links lead to: of this nobody hears */
        write_some(c, "m/.hidden/real");
        break;
    case 5:
        if (below(c, 3) == 0 && mkdir(path, 0700) == 0)
            tell(c, &p);
        break;
    case 6:
        if (chmod(path, below(c, 2) ? 0666 : 0600) == 0)
            tell(c, &p);
        break;
    case 7:
        if (chmod(dir_path(c->dir, "m/a"), below(c, 3) ? 0700 : 0777) == 0)
            tell_anywhere(c);
        break;
    case 8:
        rewrite(c, &p);
        break;
    case 9: /* said for nothing */
        tell(c, &p);
        break;
    case 10:
        if (below(c, 3) == 0)
            remove_all(c, below(c, N_DIRS));
        break;
    default:
        if (unlink(path) == 0 || errno == ENOENT) {
            write_some(c, p.name);
            tell(c, &p);
        }
    }
    mem_free(path);
}

/* What is wrong is put right again, so that there is something to go on from. */
static void mend(struct ctx *c)
{
    assert_int_equal(chmod(dir_path(c->dir, "m/a"), 0700), 0);
    for (unsigned d = 0; d < N_DIRS; d++)
        for (unsigned i = 0; i < N_NAMES; i++) {
            char name[64];

            snprintf(name, sizeof(name), "%s/%u.yaml", DIRS[d], i);
            (void)rmdir(dir_path(c->dir, name));
            (void)unlink(dir_path(c->dir, name));
            write_some(c, name);
        }
    write_some(c, "m/.hidden/real");
    tell_anywhere(c);
}

static void dump(const struct manifest_files *m, struct buf *out)
{
    size_t n;
    const struct manifest_input *in = manifest_files_inputs(m, &n);
    enum manifest_kind kind;
    const char *empty;

    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s %s %c %s\n", in[i].kind == MANIFEST_TENANTS ? "tenants" : "trusted",
                   in[i].path, in[i].data ? '=' : '!', in[i].data ? in[i].data : in[i].error);
    for (size_t i = 0; (empty = manifest_files_empty(m, i, &kind)); i++)
        buf_printf(out, "empty %s %s\n", kind == MANIFEST_TENANTS ? "tenants" : "trusted", empty);
}

static bool has_errors(const struct manifest_files *m)
{
    size_t n;
    const struct manifest_input *in = manifest_files_inputs(m, &n);

    for (size_t i = 0; i < n; i++)
        if (in[i].error)
            return true;
    return false;
}

static void expect_all(struct ctx *c, unsigned chain)
{
    struct buf is = BUF_INIT(1 << 20);
    struct buf wanted = BUF_INIT(1 << 20);
    struct manifest_files *all = NULL;

    assert_int_equal(manifest_files_read(&c->options, NULL, NULL, &all, &c->err), 0);
    dump(c->files, &is);
    dump(all, &wanted);
    if (strcmp(buf_str(&is), buf_str(&wanted)) != 0)
        fail_msg("chain %u: there is\n%s\nand what was read is\n%s", chain, buf_str(&wanted),
                 buf_str(&is));
    manifest_files_unref(all);
    buf_deinit(&is);
    buf_deinit(&wanted);
}

static void read_again(struct ctx *c)
{
    struct manifest_files *next = NULL;

    assert_int_equal(manifest_files_read(&c->options, c->files, &c->spots, &next, &c->err), 0);
    c->n_some += manifest_files_is_some(next);
    manifest_files_unref(c->files);
    c->files = next;
    manifest_spots_deinit(&c->spots);
}

static void some__whatever_happens__is_as_a_reading_of_everything(void **state)
{
    struct ctx *c = *state;

    for (unsigned chain = 0; chain < N_CHAINS; chain++) {
        begin(c, chain);
        mend(c);
        for (int i = 0; i < N_STEPS; i++) {
            read_again(c);
            expect_all(c, chain);
            if (has_errors(c->files) && below(c, 3) == 0)
                mend(c);
            for (unsigned n = below(c, 4); n > 0; n--)
                happen(c);
            if (below(c, 2))
                later_ms += 3000; /* what was young is not any more */
        }
        end(c);
    }
    assert_in_range(c->n_some, N_CHAINS * N_STEPS / 5, N_CHAINS * N_STEPS * 4 / 5);
}

/* All is well, was read, and is not young. */
static void begin_settled(struct ctx *c)
{
    begin(c, 0);
    mend(c);
    later_ms += 3000;
    read_again(c);
}

/* A reading goes on while the ones that it was made from are gone. */
static void some__of_one__has_the_rest_from_the_last(void **state)
{
    struct ctx *c = *state;
    struct manifest_files *next = NULL;
    const struct manifest_input *in;
    const char *data;
    size_t n;

    begin_settled(c);
    later_ms += 3000;
    tell(c, &(struct place){MANIFEST_TRUSTED, "m/0.yaml"});
    dir_write(c->dir, "m/0.yaml", "new");
    in = manifest_files_inputs(c->files, &n);
    data = in[1].data;
    read_again(c);
    assert_true(manifest_files_is_some(c->files));
    assert_int_equal(manifest_files_reused(c->files), n - 1);
    in = manifest_files_inputs(c->files, &n);
    assert_string_equal(in[0].data, "new");
    assert_ptr_equal(in[1].data, data);
    assert_int_equal(manifest_files_read(&c->options, c->files, NULL, &next, &c->err), 0);
    assert_false(manifest_files_is_some(next));
    in = manifest_files_inputs(next, &n);
    assert_ptr_equal(in[1].data, data);
    manifest_files_unref(next);
    end(c);
}

/* It must not hold for ever what was replaced. */
static void some__large_files_replaced_over_and_over__take_a_whole_one_now_and_then(void **state)
{
    static char large[1 << 20];
    struct ctx *c = *state;
    int n = 0;

    begin_settled(c);
    memset(large, 'x', sizeof(large) - 1);
    do {
        tell(c, &(struct place){MANIFEST_TRUSTED, "m/0.yaml"});
        large[0] = (char)('a' + n);
        dir_write(c->dir, "m/0.yaml", large);
        read_again(c);
    } while (manifest_files_is_some(c->files) && ++n < 100);
    assert_in_range(n, 10, 30);
    end(c);
}

/* What a reading of everything refuses is not found by another way. */
static void some__in_a_directory_that_is_too_deep__is_refused_all_the_same(void **state)
{
    struct ctx *c = *state;
    char path[256] = "m";

    begin(c, 0);
    mend(c);
    for (unsigned depth = 1; depth <= LIMIT_MANIFEST_DEPTH; depth++) {
        strcat(path, "/d");
        dir_mkdir(c->dir, path);
        if (depth == LIMIT_MANIFEST_DEPTH - 1)
            read_again(c);
    }
    assert_false(has_errors(c->files));
    strcat(path, "/0.yaml");
    write_some(c, path);
    manifest_spots_add(&c->spots, MANIFEST_TRUSTED, dir_path(c->dir, path));
    read_again(c);
    assert_true(has_errors(c->files));
    expect_all(c, 0);
    end(c);
}

static void memory__each_allocation_in_turn__fails_cleanly(void **state)
{
    struct ctx *c = *state;
    struct manifest_files *next = NULL;
    int rc = -ERR_NOMEM;
    long nth;

    begin_settled(c);
    later_ms += 3000;
    dir_write(c->dir, "m/0.yaml", "new");
    dir_write(c->dir, "t/new.yaml", "new");
    tell(c, &(struct place){MANIFEST_TRUSTED, "m/0.yaml"});
    tell(c, &(struct place){MANIFEST_TENANTS, "t/new.yaml"});
    for (nth = 1; nth < 1000; nth++) {
        fault_arm(nth);
        rc = manifest_files_read(&c->options, c->files, &c->spots, &next, &c->err);
        if (!fault_disarm())
            break;
        assert_true(rc == 0 || rc == -ERR_NOMEM);
        if (rc == 0)
            manifest_files_unref(next);
    }
    assert_true(nth > 10 && nth < 1000);
    assert_true(manifest_files_is_some(next));
    manifest_files_unref(c->files);
    c->files = next;
    expect_all(c, 0);
    end(c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(some__whatever_happens__is_as_a_reading_of_everything),
        T(some__of_one__has_the_rest_from_the_last),
        T(some__in_a_directory_that_is_too_deep__is_refused_all_the_same),
        T(some__large_files_replaced_over_and_over__take_a_whole_one_now_and_then),
        T(memory__each_allocation_in_turn__fails_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
