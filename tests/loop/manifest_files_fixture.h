/* manifest_files_fixture: a directory of manifest files, and what a reading of it finds.
 * Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_MANIFEST_FILES_FIXTURE_H
#define TENANTD_TESTS_LOOP_MANIFEST_FILES_FIXTURE_H

#include "io/manifest_files.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "tests/loop/run.h"

struct ctx {
    char *dir;
    struct manifest_walk_options options;
    struct manifest_files *files;
    struct buf text;
    struct err err;
    char manifest[512];
    char tenants[512];
};

RUN_UNUSED static int setup(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->dir = dir_new();
    dir_mkdir(c->dir, "m");
    snprintf(c->manifest, sizeof(c->manifest), "%s/m", c->dir);
    snprintf(c->tenants, sizeof(c->tenants), "%s/t", c->dir);
    c->options.manifest = c->manifest;
    c->text = BUF_INIT(1 << 20);
    *state = c;
    return 0;
}

RUN_UNUSED static int teardown(void **state)
{
    struct ctx *c = *state;

    manifest_files_unref(c->files);
    buf_deinit(&c->text);
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(c->dir);
    free(c);
    return 0;
}

RUN_UNUSED static void read_now(struct ctx *c)
{
    struct manifest_files *next = NULL;

    assert_int_equal(manifest_files_read(&c->options, c->files, NULL, &next, &c->err), 0);
    manifest_files_unref(c->files);
    c->files = next;
}

/* A line an input: "trusted m/a.yaml = DATA" or "tenants t ! ERROR", with the test's directory
 * taken off. */
RUN_UNUSED static const char *dump(struct ctx *c)
{
    size_t n;
    const struct manifest_input *in = manifest_files_inputs(c->files, &n);

    buf_clear(&c->text);
    for (size_t i = 0; i < n; i++) {
        assert_true((in[i].data != NULL) != (in[i].error != NULL));
        assert_memory_equal(in[i].path, c->dir, strlen(c->dir));
        buf_printf(&c->text, "%s %s %c %s\n",
                   in[i].kind == MANIFEST_TENANTS ? "tenants" : "trusted",
                   in[i].path + strlen(c->dir) + 1, in[i].data ? '=' : '!',
                   in[i].data ? in[i].data : in[i].error);
    }
    return buf_str(&c->text);
}

RUN_UNUSED static void expect(struct ctx *c, const char *text)
{
    read_now(c);
    assert_string_equal(dump(c), text);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
