/* test_desired_random: manifests that change at random, a step at a time, each time with what was
 * kept as the last good set. Whatever is wrong with them:
 *   - whole means that nothing was reported, and the other way round;
 *   - what is kept is whole by itself, and asks for the same where no name is in two files;
 *   - the same files, with what was kept, lead to the same.
 * The numbers behind it are fixed, so that a failure comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired.h"
#include "tests/lib/chance.h"
#include "tests/lib/desired_text.h"

#define N_FILES  5
#define N_NAMES  5
#define N_STEPS  12
#define N_CHAINS 400
#define TEXT_MAX (1u << 16)

static const char *const PATHS[N_FILES] = {"root.yaml", "a.yaml", "sub/b.yaml", "sub/c.yaml",
                                           "tenants.d/d.yaml"};
enum { ROOT_FILE, SECOND_FILE, TENANTS_FILE = N_FILES - 1 };

/* Files as they are, and copies of what was last good. */
struct world {
    uint64_t random;
    char *texts[N_FILES];
    bool there[N_FILES];
    struct manifest_input now[N_FILES + 1];
    size_t n_now;
    struct manifest_input good[N_FILES + 1];
    size_t n_good;
};

static unsigned below(struct world *w, unsigned n)
{
    return chance_below(&w->random, n);
}

static void write_root(struct world *w, struct buf *b)
{
    buf_add_str(b, "groups: {eu: {location: l1}, us: {location: l2}}\n");
    buf_printf(b, "residency: {r: {groups: [eu%s]}}\n", below(w, 2) ? ", us" : "");
    buf_add_str(b,
                "classes:\n"
                "  free: {group: eu, tokens: {app: {authorization: read-only, expiration: 7d}}}\n");
    if (below(w, 3))
        buf_printf(b, "  pro: {residency: r%s}\n", below(w, 6) ? "" : ", size_limit: 1gb");
    if (!below(w, 3))
        buf_add_str(b, "  gold: {group: us}\n");
}

static void write_databases(struct world *w, int file, struct buf *b)
{
    static const char *const ENTRIES[] = {"{class: free}", "{class: pro}", "{class: gold}",
                                          "{class: free, size_limit: 2gb}",
                                          "{group: us, residency: r}"};
    bool any = false;

    buf_add_str(b, "databases:\n");
    for (unsigned name = 0; name < N_NAMES; name++) {
        unsigned kind = below(w, ARRAY_SIZE(ENTRIES) + (file != TENANTS_FILE));

        if (below(w, file == ROOT_FILE ? 8 : 4))
            continue;
        any = true;
        if (kind < ARRAY_SIZE(ENTRIES))
            buf_printf(b, "  db%u: %s\n", name, ENTRIES[kind]);
        else
            buf_printf(b, "  db%u: {class: free, tokens: {app: {file: f%u.jwt}}}\n", name,
                       below(w, 3));
    }
    if (!any)
        buf_add_str(b, "  {}\n");
}

static void write_file(struct world *w, int file)
{
    struct buf b = BUF_INIT(TEXT_MAX);

    if (below(w, 12) == 0) {
        buf_add_str(&b, below(w, 2) ? "}\n" : "databases: {db1: {engine: maria}}\n");
    } else {
        if (file == ROOT_FILE)
            write_root(w, &b);
        else if (file == SECOND_FILE && below(w, 8) == 0)
            buf_add_str(&b, "classes: {gold: {group: us}}\n");
        write_databases(w, file, &b);
    }
    free(w->texts[file]);
    w->texts[file] = strdup(buf_str(&b));
    assert_non_null(w->texts[file]);
    buf_deinit(&b);
}

/* What a reader would find: now and then a file or a directory cannot be read. */
static void look(struct world *w)
{
    bool sub_fails = below(w, 15) == 0;

    w->n_now = 0;
    for (int i = 0; i < N_FILES; i++) {
        struct manifest_input *in = &w->now[w->n_now];

        if (!w->there[i] || (sub_fails && strncmp(PATHS[i], "sub/", 4) == 0))
            continue;
        *in = (struct manifest_input){
            .path = PATHS[i], .kind = i == TENANTS_FILE ? MANIFEST_TENANTS : MANIFEST_TRUSTED};
        if (below(w, 25) == 0) {
            in->error = "Input/output error";
        } else {
            in->data = w->texts[i];
            in->size = strlen(in->data);
        }
        w->n_now++;
    }
    if (sub_fails)
        w->now[w->n_now++] = (struct manifest_input){.path = "sub", .error = "Permission denied"};
}

static void change(struct world *w)
{
    for (unsigned i = 1 + below(w, 3); i > 0; i--) {
        unsigned file = below(w, N_FILES);

        if (below(w, 6) == 0)
            w->there[file] = !w->there[file];
        else
            write_file(w, (int)file);
    }
}

static bool reports(const struct diags *d, const char *file, const char *words)
{
    for (size_t i = 0; i < d->n; i++)
        if (strstr(d->items[i].message, words) && (!file || strcmp(d->items[i].file, file) == 0))
            return true;
    return false;
}

static void show(const char *what, const struct manifest_input *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        print_error("--- %s %s\n%s\n", what, in[i].path, in[i].error ? in[i].error : in[i].data);
}

static void expect(bool holds, const struct world *w, unsigned chain, const char *what)
{
    if (holds)
        return;
    show("now", w->now, w->n_now);
    show("good", w->good, w->n_good);
    fail_msg("chain %u: %s", chain, what);
}

static bool same_text(const struct desired *a, const struct desired *b)
{
    struct buf one = BUF_INIT(TEXT_MAX);
    struct buf other = BUF_INIT(TEXT_MAX);
    bool same;

    desired_text(a, &one);
    desired_text(b, &other);
    assert_false(one.failed || other.failed);
    same = strcmp(buf_str(&one), buf_str(&other)) == 0 && a->digest == b->digest;
    buf_deinit(&one);
    buf_deinit(&other);
    return same;
}

/* Two at a time may take a step more to settle: a name that a root file holds too (the older root
 * is then kept beside newer files), and a token file that a frozen name holds. */
static bool may_take_a_step_more(const struct diags *d)
{
    return reports(d, "root.yaml", "is also at") || reports(d, NULL, "have one file");
}

static void check(const struct world *w, unsigned chain, const struct desired *d,
                  const struct diags *diags, const struct manifest_input *kept, size_t n_kept)
{
    struct desired_options any = {0};
    struct diags unheard = DIAGS_INIT;
    struct desired again;
    int rc = desired_build(w->now, w->n_now, kept, n_kept, &any, &again, NULL, &unheard);

    expect(d->whole == (diags->n_errors == 0), w, chain, "whole, and something is reported");
    expect(rc == 0, w, chain, "what was kept does not stand in");
    expect(same_text(d, &again) || may_take_a_step_more(diags), w, chain, "it does not settle");
    desired_deinit(&again);
    if (n_kept > 0) {
        rc = desired_build(kept, n_kept, kept, n_kept, &any, &again, NULL, &unheard);
        expect(rc == 0 && again.whole, w, chain, "what was kept is not whole");
        expect(d->digest == again.digest || reports(diags, NULL, "is also at"), w, chain,
               "what was kept asks for something else");
        desired_deinit(&again);
    }
    diags_deinit(&unheard);
}

static void forget_good(struct manifest_input *good, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)good[i].data);
}

static bool step(struct world *w, unsigned chain)
{
    struct desired_options any = {0};
    struct manifest_input kept[N_FILES + 1];
    struct diags diags = DIAGS_INIT;
    struct desired_keep keep;
    struct desired d;
    bool whole;
    int rc = desired_build(w->now, w->n_now, w->good, w->n_good, &any, &d, &keep, &diags);

    whole = rc == 0 && d.whole;
    expect(rc == 0 || (rc == -ERR_INVALID && diags.n_errors), w, chain, "an error without a word");
    if (rc == 0) {
        assert_true(keep.n <= ARRAY_SIZE(kept));
        for (size_t i = 0; i < keep.n; i++) {
            kept[i] = *keep.files[i];
            kept[i].data = strdup(kept[i].data);
        }
        check(w, chain, &d, &diags, kept, keep.n);
        forget_good(w->good, w->n_good);
        memcpy(w->good, kept, keep.n * sizeof(*kept));
        w->n_good = keep.n;
    }
    desired_deinit(&d);
    desired_keep_deinit(&keep);
    diags_deinit(&diags);
    return whole;
}

static void desired__changes_at_random__never_break_the_last_good_set(void **state)
{
    unsigned n_whole = 0;

    (void)state;
    for (unsigned chain = 0; chain < N_CHAINS; chain++) {
        struct world w = {.random = chain};

        for (int i = 0; i < N_FILES; i++) {
            write_file(&w, i);
            w.there[i] = i == ROOT_FILE || below(&w, 5) > 0;
        }
        for (int i = 0; i < N_STEPS; i++) {
            look(&w);
            n_whole += step(&w, chain);
            change(&w);
        }
        forget_good(w.good, w.n_good);
        for (int i = 0; i < N_FILES; i++)
            free(w.texts[i]);
    }
    assert_in_range(n_whole, N_CHAINS / 4, N_CHAINS * N_STEPS * 3 / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(desired__changes_at_random__never_break_the_last_good_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
