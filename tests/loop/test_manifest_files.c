/* test_manifest_files: what is part of a manifest, and what is wrong with it.
 * In:    directories of every shape.
 * Out:   cmocka's verdict.
 * Never: the loop. */
#include "core/limits.h"
#include "tests/loop/manifest_files_fixture.h"

#define EMPTY                                                                                      \
    "no manifest files (*.yaml, *.yml, *.json) in this directory; where none is wanted yet, put "  \
    "one there that says `databases: {}`\n"

static void directory__tree_of_files__is_read_sorted_by_path(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/b");
    dir_mkdir(c->dir, "m/b/c");
    dir_mkdir(c->dir, "m/.git");
    dir_mkdir(c->dir, "m/old~");
    dir_write(c->dir, "m/z.yaml", "z");
    dir_write(c->dir, "m/b/c/d.json", "d");
    dir_write(c->dir, "m/b/a.yml", "a");
    dir_write(c->dir, "m/b.yaml", "");
    dir_write(c->dir, "m/.hidden.yaml", "no");
    dir_write(c->dir, "m/.git/x.yaml", "no");
    dir_write(c->dir, "m/old~/x.yaml", "no");
    dir_write(c->dir, "m/x.yaml~", "no");
    dir_write(c->dir, "m/x.yaml.tmp", "no");
    dir_write(c->dir, "m/README.md", "no");
    dir_write(c->dir, "m/yaml", "no");
    expect(c, "trusted m/b.yaml = \n"
              "trusted m/b/a.yml = a\n"
              "trusted m/b/c/d.json = d\n"
              "trusted m/z.yaml = z\n");
}

static void file__as_the_manifest__is_read_whatever_its_name(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/.one", "x");
    assert_int_equal(symlink(".one", dir_path(c->dir, "m/link")), 0);
    snprintf(c->manifest, sizeof(c->manifest), "%s/m/link", c->dir);
    expect(c, "trusted m/link = x\n");
}

static void directory__missing_empty_or_no_directory__is_an_input_with_an_error(void **state)
{
    struct ctx *c = *state;

    expect(c, "trusted m ! " EMPTY);
    dir_mkdir(c->dir, "m/sub");
    c->options.tenants_dir = c->tenants;
    expect(c, "trusted m ! " EMPTY "tenants t ! cannot open it: No such file or directory\n");
    dir_write(c->dir, "t", "x");
    expect(c, "trusted m ! " EMPTY "tenants t ! it is not a directory\n");
    snprintf(c->manifest, sizeof(c->manifest), "%s/none", c->dir);
    expect(c, "trusted none ! cannot open it: No such file or directory\n"
              "tenants t ! it is not a directory\n");
}

static void directory__without_files_below_another__is_told_apart(void **state)
{
    struct ctx *c = *state;
    enum manifest_kind kind;

    dir_mkdir(c->dir, "m/b");
    dir_mkdir(c->dir, "m/b/c");
    dir_mkdir(c->dir, "m/d");
    dir_mkdir(c->dir, "m/d/t");
    dir_mkdir(c->dir, "m/.git");
    dir_write(c->dir, "m/b/README.md", "no");
    dir_write(c->dir, "m/a.yaml", "a");
    dir_write(c->dir, "m/d/t/t.yaml", "t");
    snprintf(c->tenants, sizeof(c->tenants), "%s/m/d/t", c->dir);
    c->options.tenants_dir = c->tenants;
    expect(c, "trusted m/a.yaml = a\ntenants m/d/t/t.yaml = t\n");
    assert_string_equal(manifest_files_empty(c->files, 0, &kind), dir_path(c->dir, "m/b"));
    assert_int_equal(kind, MANIFEST_TRUSTED);
    assert_string_equal(manifest_files_empty(c->files, 1, &kind), dir_path(c->dir, "m/b/c"));
    assert_null(manifest_files_empty(c->files, 2, &kind));
}

static void directory__trailing_slash__is_not_in_the_paths(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/a.yaml", "a");
    snprintf(c->manifest, sizeof(c->manifest), "%s/m//", c->dir);
    expect(c, "trusted m/a.yaml = a\n");
}

static void configmap__data_links__are_followed_and_switched(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/..2026_1");
    dir_mkdir(c->dir, "m/..2026_2");
    dir_write(c->dir, "m/..2026_1/eu.yaml", "one");
    dir_write(c->dir, "m/..2026_2/eu.yaml", "two");
    assert_int_equal(symlink("..2026_1", dir_path(c->dir, "m/..data")), 0);
    assert_int_equal(symlink("..data/eu.yaml", dir_path(c->dir, "m/eu.yaml")), 0);
    expect(c, "trusted m/eu.yaml = one\n");
    assert_int_equal(symlink("..2026_2", dir_path(c->dir, "m/..data_tmp")), 0);
    assert_int_equal(rename(dir_path(c->dir, "m/..data_tmp"), dir_path(c->dir, "m/..data")), 0);
    expect(c, "trusted m/eu.yaml = two\n");
}

static void links__to_directory_nowhere_or_out__are_passed_over_or_refused(void **state)
{
    struct ctx *c = *state;

    c->options.tenants_dir = c->tenants;
    dir_mkdir(c->dir, "t");
    dir_mkdir(c->dir, "out");
    dir_write(c->dir, "out/open.yaml", "open");
    dir_write(c->dir, "out/secret", "secret");
    assert_int_equal(chmod(dir_path(c->dir, "out/secret"), 0600), 0);
    assert_int_equal(symlink("../out", dir_path(c->dir, "m/dir.yaml")), 0);
    assert_int_equal(symlink("nowhere", dir_path(c->dir, "m/gone.yaml")), 0);
    assert_int_equal(symlink("loop.yaml", dir_path(c->dir, "m/loop.yaml")), 0);
    assert_int_equal(symlink("/dev/zero", dir_path(c->dir, "m/dev.yaml")), 0);
    assert_int_equal(symlink("../out/open.yaml", dir_path(c->dir, "m/open.yaml")), 0);
    assert_int_equal(symlink("../out/secret", dir_path(c->dir, "m/secret.yaml")), 0);
    assert_int_equal(symlink("../out/open.yaml", dir_path(c->dir, "t/open.yaml")), 0);
    read_now(c);
    dump(c);
    assert_non_null(strstr(buf_str(&c->text),
                           "trusted m/dev.yaml ! it is not a regular file\n"
                           "trusted m/gone.yaml ! it is a link that leads nowhere\n"
                           "trusted m/loop.yaml ! cannot open it: Too many levels"));
    assert_non_null(strstr(buf_str(&c->text),
                           "trusted m/open.yaml = open\n"
                           "trusted m/secret.yaml ! it is a link that leads out of "));
    assert_non_null(
        strstr(buf_str(&c->text), "tenants t/open.yaml ! it is a link that leads out of "));
    assert_null(strstr(buf_str(&c->text), "dir.yaml"));
}

static void modes__writable_by_everybody__are_refused(void **state)
{
    struct ctx *c = *state;

    dir_mkdir(c->dir, "m/sub");
    dir_write(c->dir, "m/sub/x.yaml", "x");
    dir_write(c->dir, "m/a.yaml", "a");
    dir_write(c->dir, "m/b.yaml", "b");
    assert_int_equal(chmod(dir_path(c->dir, "m/a.yaml"), 0666), 0);
    assert_int_equal(chmod(dir_path(c->dir, "m/sub"), 01777), 0);
    expect(c, "trusted m/a.yaml ! it may be written by everybody: chmod go-w it\n"
              "trusted m/b.yaml = b\n"
              "trusted m/sub ! it may be written by everybody: chmod go-w it\n");
}

static void things__of_other_types_and_names__are_errors(void **state)
{
    struct ctx *c = *state;

    assert_int_equal(mkfifo(dir_path(c->dir, "m/fifo.yaml"), 0600), 0);
    dir_write(c->dir, "m/new\nline.yaml", "x");
    dir_write(c->dir, "m/back\\slash.yaml", "x");
    dir_write(c->dir, "m/bad\xff.yaml", "x");
    expect(
        c,
        "trusted m/back\\x5cslash.yaml ! its name must be UTF-8 without control characters and \\\n"
        "trusted m/bad\\xff.yaml ! its name must be UTF-8 without control characters and \\\n"
        "trusted m/fifo.yaml ! it is not a regular file\n"
        "trusted m/new\\x0aline.yaml ! its name must be UTF-8 without control characters and \\\n");
}

static void file__over_the_ceiling__is_refused_unread(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/big.yaml", "x");
    assert_int_equal(truncate(dir_path(c->dir, "m/big.yaml"), LIMIT_MANIFEST_FILE_BYTES + 1), 0);
    expect(c, "trusted m/big.yaml ! it has 268435457 bytes, and may have at most 268435456\n");
}

static void directories__too_deep__are_refused(void **state)
{
    struct ctx *c = *state;
    char path[512] = "m";

    dir_write(c->dir, "m/a.yaml", "a");
    for (size_t i = 0; i < LIMIT_MANIFEST_DEPTH; i++) {
        memcpy(path + strlen(path), "/d", 3);
        dir_mkdir(c->dir, path);
    }
    read_now(c);
    assert_non_null(strstr(dump(c), "! directories are nested too deeply\n"));
}

static void unreadable__file_or_directory__is_an_error(void **state)
{
    struct ctx *c = *state;

    if (geteuid() == 0 && seteuid(4321) != 0)
        skip();
    (void)seteuid(0);
    dir_mkdir(c->dir, "m/sub");
    dir_write(c->dir, "m/a.yaml", "a");
    assert_int_equal(chmod(dir_path(c->dir, "m/a.yaml"), 0), 0);
    assert_int_equal(chmod(dir_path(c->dir, "m/sub"), 0), 0);
    assert_int_equal(chmod(c->dir, 0755), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(4321), 0);
    read_now(c);
    (void)seteuid(0);
    assert_string_equal(dump(c), "trusted m/a.yaml ! cannot open it: Permission denied\n"
                                 "trusted m/sub ! cannot open it: Permission denied\n");
}

static void tenants_dir__inside_the_manifest__is_read_once_and_less_trusted(void **state)
{
    struct ctx *c = *state;

    snprintf(c->tenants, sizeof(c->tenants), "%s/m/t", c->dir);
    c->options.tenants_dir = c->tenants;
    dir_mkdir(c->dir, "m/t");
    dir_write(c->dir, "m/a.yaml", "a");
    dir_write(c->dir, "m/t/b.yaml", "b");
    expect(c, "trusted m/a.yaml = a\ntenants m/t/b.yaml = b\n");
}

static void tenants_dir__being_the_manifest__is_refused(void **state)
{
    struct ctx *c = *state;

    dir_write(c->dir, "m/a.yaml", "a");
    assert_int_equal(symlink("m", dir_path(c->dir, "t")), 0);
    c->options.tenants_dir = c->tenants;
    expect(c, "tenants t ! it is the manifest itself: `manifest` and `tenants_dir` must differ\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(directory__tree_of_files__is_read_sorted_by_path),
        T(file__as_the_manifest__is_read_whatever_its_name),
        T(directory__missing_empty_or_no_directory__is_an_input_with_an_error),
        T(directory__without_files_below_another__is_told_apart),
        T(directory__trailing_slash__is_not_in_the_paths),
        T(configmap__data_links__are_followed_and_switched),
        T(links__to_directory_nowhere_or_out__are_passed_over_or_refused),
        T(modes__writable_by_everybody__are_refused),
        T(things__of_other_types_and_names__are_errors),
        T(file__over_the_ceiling__is_refused_unread),
        T(directories__too_deep__are_refused),
        T(unreadable__file_or_directory__is_an_error),
        T(tenants_dir__inside_the_manifest__is_read_once_and_less_trusted),
        T(tenants_dir__being_the_manifest__is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
