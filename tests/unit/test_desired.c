/* test_desired: cases as files in tests/data/desired/NAME. now/ and good/ hold the files as they
 * are and as they were when last good, `expect` what comes of them.
 *   tenants.d/...  is read as a tenants_dir
 *   X.error        is X, unreadable for the reason in it
 *   options        "organization NAME" and "hooks NAME...", a line each; without, any will do
 * Every case is also built again from what it kept, and with each allocation failing in turn. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired.h"
#include "lib/mem.h"
#include "tests/lib/desired_text.h"
#include "tests/lib/fault.h"
#include "tests/lib/tree.h"

#define TEXT_MAX    (1u << 20)
#define CASES_LEAST 100

struct inputs {
    struct tree tree;
    struct manifest_input *items;
    size_t n;
};

struct desired_case {
    struct inputs now;
    struct inputs good;
    char *options_text;
    struct desired_options options;
    const char *hooks[8];
    const char *keys[8];
    char *expect;
};

static struct inputs inputs_read(const char *directory, const char *sub)
{
    char *path = mem_printf("%s/%s", directory, sub);
    struct inputs in = {.tree = tree_read(path)};

    in.items = calloc(in.tree.n + 1, sizeof(*in.items));
    for (size_t i = 0; i < in.tree.n; i++) {
        struct tree_file *f = &in.tree.files[i];
        struct manifest_input *to = &in.items[in.n++];
        size_t length = strlen(f->path);

        to->path = f->path;
        to->kind = strncmp(f->path, "tenants.d/", 10) == 0 ? MANIFEST_TENANTS : MANIFEST_TRUSTED;
        if (length > 6 && strcmp(f->path + length - 6, ".error") == 0) {
            f->path[length - 6] = '\0';
            f->data[strcspn(f->data, "\n")] = '\0';
            to->error = f->data;
        } else {
            to->data = f->data;
            to->size = f->size;
        }
    }
    mem_free(path);
    return in;
}

static void read_options(struct desired_case *c)
{
    char *line_end = NULL;
    char *word_end = NULL;

    for (char *line = c->options_text ? strtok_r(c->options_text, "\n", &line_end) : NULL; line;
         line = strtok_r(NULL, "\n", &line_end)) {
        const char *key = strtok_r(line, " ", &word_end);

        if (strcmp(key, "organization") == 0) {
            c->options.organization = strtok_r(NULL, " ", &word_end);
            continue;
        }
        if (strcmp(key, "keys") == 0) {
            c->options.keys = c->keys;
            for (size_t i = 0; (c->keys[i] = strtok_r(NULL, " ", &word_end)); i++)
                assert_true(i + 1 < ARRAY_SIZE(c->keys));
            continue;
        }
        assert_string_equal(key, "hooks");
        c->options.hooks = c->hooks;
        for (const char *hook; (hook = strtok_r(NULL, " ", &word_end));) {
            assert_true(c->options.n_hooks < ARRAY_SIZE(c->hooks));
            c->hooks[c->options.n_hooks++] = hook;
        }
    }
}

static void case_read(const char *directory, struct desired_case *c)
{
    char *path = mem_printf("%s/options", directory);

    *c = (struct desired_case){.now = inputs_read(directory, "now"),
                               .good = inputs_read(directory, "good"),
                               .options_text = tree_read_file(path, NULL)};
    mem_free(path);
    path = mem_printf("%s/expect", directory);
    c->expect = tree_read_file(path, NULL);
    mem_free(path);
    read_options(c);
}

static void case_deinit(struct desired_case *c)
{
    tree_deinit(&c->now.tree);
    tree_deinit(&c->good.tree);
    free(c->now.items);
    free(c->good.items);
    free(c->options_text);
    free(c->expect);
}

static void for_each_case(void (*run)(const char *name, struct desired_case *c))
{
    struct dirent **entries;
    int n = scandir(TESTS_DATA_DIR "/desired", &entries, NULL, alphasort);
    size_t n_run = 0;

    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;

        if (name[0] != '.') {
            char *directory = mem_printf("%s/desired/%s", TESTS_DATA_DIR, name);
            struct desired_case c;

            case_read(directory, &c);
            run(name, &c);
            n_run++;
            case_deinit(&c);
            mem_free(directory);
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(n_run >= CASES_LEAST);
}

static void keep_text(const struct desired_case *c, const struct desired_keep *k, struct buf *out)
{
    for (size_t i = 0; i < k->n; i++) {
        bool is_now = k->files[i] >= c->now.items && k->files[i] < c->now.items + c->now.n;

        buf_printf(out, "keep %s %s\n", k->files[i]->path, is_now ? "now" : "good");
    }
}

static void diags_text(const struct diags *d, struct buf *out)
{
    for (size_t i = 0; i < d->n; i++) {
        char *line = diag_text(&d->items[i]);

        buf_printf(out, "%s\n", line);
        mem_free(line);
    }
}

/* Everything that one build says, as text. */
static int build_text(const struct desired_case *c, struct buf *out)
{
    struct diags diags = DIAGS_INIT;
    struct desired d;
    struct desired_keep keep;
    int rc = desired_build(c->now.items, c->now.n, c->good.items, c->good.n, &c->options, &d, &keep,
                           &diags);

    if (rc == 0) {
        desired_text(&d, out);
        keep_text(c, &keep, out);
    } else {
        buf_printf(out, "%s\n", err_text((enum err_code) - rc));
    }
    diags_text(&diags, out);
    desired_deinit(&d);
    desired_keep_deinit(&keep);
    diags_deinit(&diags);
    return rc;
}

static void expect_case(const char *name, struct desired_case *c)
{
    struct buf text = BUF_INIT(TEXT_MAX);

    build_text(c, &text);
    if (!c->expect || strcmp(buf_str(&text), c->expect) != 0)
        fail_msg("case %s: expected\n%s\n-- but it is\n%s--", name, c->expect ? c->expect : "",
                 buf_str(&text));
    buf_deinit(&text);
}

static void desired__every_case__is_as_expected(void **state)
{
    (void)state;
    for_each_case(expect_case);
}

static struct manifest_input *copy_of_keep(const struct desired_keep *k)
{
    struct manifest_input *copy = calloc(k->n + 1, sizeof(*copy));

    for (size_t i = 0; i < k->n; i++)
        copy[i] = *k->files[i];
    return copy;
}

/* The same files, with what was kept as the last good ones. */
static void expect_stable(const char *name, struct desired_case *c, const struct desired *before,
                          const struct manifest_input *good, size_t n_good)
{
    struct diags diags = DIAGS_INIT;
    struct buf was = BUF_INIT(TEXT_MAX);
    struct buf is = BUF_INIT(TEXT_MAX);
    struct desired d;
    int rc = desired_build(c->now.items, c->now.n, good, n_good, &c->options, &d, NULL, &diags);

    assert_int_equal(rc, 0);
    desired_text(before, &was);
    desired_text(&d, &is);
    if (strcmp(buf_str(&was), buf_str(&is)) != 0 || before->digest != d.digest)
        fail_msg("case %s: first\n%s-- then\n%s--", name, buf_str(&was), buf_str(&is));
    buf_deinit(&was);
    buf_deinit(&is);
    desired_deinit(&d);
    diags_deinit(&diags);
}

/* What was kept is whole by itself, and nothing but what was kept is left of it. */
static void expect_kept_whole(const char *name, const struct manifest_input *kept, size_t n)
{
    struct desired_options any = {0};
    struct diags diags = DIAGS_INIT;
    struct desired d;
    struct desired_keep again;
    int rc = desired_build(kept, n, kept, n, &any, &d, &again, &diags);

    if (rc || !d.whole || diags.n_errors)
        fail_msg("case %s: what was kept is not whole: %s", name,
                 diags.n ? diags.items[0].message : err_text((enum err_code) - rc));
    assert_int_equal(again.n, n);
    desired_deinit(&d);
    desired_keep_deinit(&again);
    diags_deinit(&diags);
}

static void expect_keep_is_good(const char *name, struct desired_case *c)
{
    struct diags diags = DIAGS_INIT;
    struct desired d;
    struct desired_keep keep;
    int rc = desired_build(c->now.items, c->now.n, c->good.items, c->good.n, &c->options, &d, &keep,
                           &diags);

    if (rc == 0) {
        struct manifest_input *kept = copy_of_keep(&keep);

        expect_stable(name, c, &d, kept, keep.n);
        if (strncmp(name, "old-", 4) != 0)
            expect_kept_whole(name, kept, keep.n);
        free(kept);
    }
    desired_deinit(&d);
    desired_keep_deinit(&keep);
    diags_deinit(&diags);
}

static void desired__what_is_kept__is_whole_and_leads_to_the_same(void **state)
{
    (void)state;
    for_each_case(expect_keep_is_good);
}

/* What a lack of memory may lead to: saying so, or (where only a message is lost) the same as ever,
 * or (where it cannot be seen what a bad file is) the last good set. */
struct outcomes {
    int rc;
    struct buf usual;
    struct buf good;
};

static struct outcomes outcomes_of(const struct desired_case *c)
{
    struct outcomes o = {.usual = BUF_INIT(TEXT_MAX), .good = BUF_INIT(TEXT_MAX)};
    struct diags diags = DIAGS_INIT;
    struct desired d;

    o.rc = desired_build(c->now.items, c->now.n, c->good.items, c->good.n, &c->options, &d, NULL,
                         &diags);
    desired_text(&d, &o.usual);
    desired_deinit(&d);
    if (desired_build(NULL, 0, c->good.items, c->good.n, &c->options, &d, NULL, &diags) == 0)
        desired_text(&d, &o.good);
    desired_deinit(&d);
    diags_deinit(&diags);
    return o;
}

static void expect_safe(const char *name, long nth, const struct outcomes *o, int rc,
                        const struct desired *d)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    bool safe;

    desired_text(d, &text);
    safe = rc == -ERR_NOMEM || (rc == -ERR_INVALID && o->good.size == 0) ||
           (rc == o->rc && strcmp(buf_str(&text), buf_str(&o->usual)) == 0) ||
           (rc == 0 && strcmp(buf_str(&text), buf_str(&o->good)) == 0);
    if (!safe)
        fail_msg("case %s: allocation %ld failed, and %d was returned\n%s", name, nth, rc,
                 buf_str(&text));
    buf_deinit(&text);
}

/* 1 when the n-th allocation was asked for and failed. */
static bool try_failing(const char *name, struct desired_case *c, long nth,
                        const struct outcomes *o)
{
    struct diags diags = DIAGS_INIT;
    struct desired d;
    struct desired_keep keep;
    size_t before = mem_live_blocks();
    bool fired;
    int rc;

    fault_arm(nth);
    rc = desired_build(c->now.items, c->now.n, c->good.items, c->good.n, &c->options, &d, &keep,
                       &diags);
    fired = fault_disarm();
    expect_safe(name, nth, o, rc, &d);
    if (rc == -ERR_NOMEM)
        assert_true(fired && d.n_databases == 0 && keep.n == 0);
    desired_deinit(&d);
    desired_keep_deinit(&keep);
    diags_deinit(&diags);
    if (mem_live_blocks() != before)
        fail_msg("case %s: allocation %ld failed, and memory was lost", name, nth);
    return fired;
}

static void torture(const char *name, struct desired_case *c)
{
    struct outcomes o = outcomes_of(c);

    for (long nth = 1; try_failing(name, c, nth, &o); nth++)
        assert_true(nth < 100000);
    buf_deinit(&o.usual);
    buf_deinit(&o.good);
}

static void desired__any_allocation_fails__says_so_and_leaks_nothing(void **state)
{
    (void)state;
    for_each_case(torture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(desired__every_case__is_as_expected),
        cmocka_unit_test(desired__what_is_kept__is_whole_and_leads_to_the_same),
        cmocka_unit_test(desired__any_allocation_fails__says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
