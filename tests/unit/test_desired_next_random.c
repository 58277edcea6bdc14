/* test_desired_next_random: what is made from the last build is what a whole build makes.
 * In:    manifests of many files that are edited at random, in every way that files can be.
 * Out:   cmocka's verdict; the numbers behind it are fixed, so that a failure comes again.
 * Never: a case of its own for what a random one shows. */
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
#include "tests/lib/chance.h"
#include "tests/lib/desired_text.h"

#define N_FILES  24
#define N_STEPS  60
#define N_CHAINS 150
#define TEXT_MAX (1u << 18)
#define ROOT     0
#define SECOND   1 /* now and then a root file, too */

struct file {
    char path[48];
    enum manifest_kind kind;
    char *text; /* NULL: it is not there */
    bool unreadable;
};

/* One build and what it was made from. */
struct base {
    struct desired desired;
    struct desired_keep kept;
    struct manifest_input *then;
    size_t n_then;
};

struct world {
    uint64_t random;
    unsigned chain;
    struct file files[N_FILES];
    struct base base;
    bool has_base;
    struct desired_options options;
    bool calm; /* nothing is wrong in what is written */
    size_t n_next;
    size_t n_whole;
};

static unsigned below(struct world *w, unsigned n)
{
    return chance_below(&w->random, n);
}

/* --- Files that change --------------------------------------------------------------------- */

static void write_root(struct world *w, struct buf *b)
{
    buf_add_str(b, "groups: {eu: {location: l1}, us: {location: l2, tokens: {g: {authorization: "
                   "read-only, expiration: 3d, file: g.jwt}}}}\n"
                   "residency: {r: {groups: [eu, us]}, only: {groups: [eu]}}\n");
    buf_printf(b,
               "classes:\n"
               "  free: {group: eu, tokens: {app: {authorization: read-only, expiration: %ud}}}\n"
               "  pro: {residency: r, size_limit: 1gb}\n",
               7 + below(w, 2));
    if (w->calm || below(w, 4))
        buf_add_str(b, "  gold: {group: us}\n");
}

static void write_entry(struct world *w, unsigned name, struct buf *b)
{
    static const char *const ENTRIES[] = {
        "{class: free}",
        "{class: pro}",
        "{class: free, size_limit: 2gb}",
        "{group: us, residency: r}",
        "{residency: only}",
        "{class: free, expires: 3d}",
        "{class: free, state: absent}",
        "{class: free, tokens: {app: {format: env}, own: {authorization: full-access, "
        "expiration: never}}}",
        "{class: free, tokens: {app: {notify: reload}}}",
        "{group: us, seed: {database: db3}}",
        "{group: eu, encryption: {cipher: aes256gcm, key: lost}}",
        "{class: gold}",
        "{class: none}",
        "{class: free, engine: maria}",
    };
    enum { N_BAD = 2 };
    unsigned kind = below(w, 40);

    if (kind >= 36)
        buf_printf(b, "  db%u: {class: free, tokens: {app: {file: db%u/app.jwt}}}\n", name,
                   w->calm ? name : below(w, 60));
    else if (kind == 35)
        buf_printf(b, "  db%u-%.*s: {group: eu}\n", name, 50,
                   "long-name-that-shares-its-label-with-an-organization");
    else if (kind >= ARRAY_SIZE(ENTRIES) - (w->calm ? N_BAD : 0))
        buf_printf(b, "  db%u: {class: free}\n", name);
    else
        buf_printf(b, "  db%u: %s\n", name, ENTRIES[kind]);
}

/* Names are a file's own, but for a few. */
static void write_databases(struct world *w, unsigned file, struct buf *b)
{
    size_t before;

    for (unsigned i = below(w, 3); i > 0; i--)
        buf_add_char(b, '\n');
    buf_add_str(b, "databases:\n");
    before = b->size;
    for (unsigned i = 0; i < 3; i++)
        if (below(w, 4))
            write_entry(w, 3 * file + i, b);
    if (!w->calm && below(w, 10) == 0)
        write_entry(w, 3 * N_FILES + below(w, 4), b);
    if (b->size == before)
        buf_add_str(b, "  {}\n");
}

static void write_file(struct world *w, unsigned file)
{
    struct buf b = BUF_INIT(TEXT_MAX);

    if (!w->calm && below(w, 8) == 0) {
        buf_add_str(&b, below(w, 2) ? "}\n" : "databases: {db1: {engine: maria}}\n");
    } else {
        if (file == ROOT)
            write_root(w, &b);
        else if (file == SECOND && below(w, 8) == 0)
            buf_add_str(&b, "classes: {second: {group: us}}\n");
        write_databases(w, file, &b);
    }
    free(w->files[file].text);
    w->files[file].text = strdup(buf_str(&b));
    assert_non_null(w->files[file].text);
    buf_deinit(&b);
}

static void edit(struct world *w)
{
    unsigned file = below(w, 30) ? 1 + below(w, N_FILES - 1) : ROOT;
    struct file *f = &w->files[file];
    struct file *other = &w->files[2 + below(w, N_FILES - 2)];
    char *text = f->text;

    switch (below(w, 10)) {
    case 0: /* gone */
        if (file != ROOT) {
            free(f->text);
            f->text = NULL;
        }
        return;
    case 1: /* moved */
        if (file > SECOND && f != other && text) {
            free(other->text);
            other->text = text;
            f->text = NULL;
        }
        return;
    case 2: /* two that change places */
        if (file > SECOND) {
            f->text = other->text;
            other->text = text;
        }
        return;
    case 3: /* written as it was */
        if (text) {
            f->text = strdup(text);
            free(text);
        }
        return;
    case 4: /* of the same size */
        if (text && strstr(text, "class: free"))
            memcpy(strstr(text, "class: free"), "group: us  ", 11);
        return;
    case 5:
        f->unreadable = !w->calm;
        return;
    default:
        write_file(w, file);
    }
}

/* Mend what is wrong, so that there is something to go on from. */
static void mend(struct world *w)
{
    w->calm = true;
    for (unsigned i = 0; i < N_FILES; i++) {
        w->files[i].unreadable = false;
        if (w->files[i].text || i == ROOT)
            write_file(w, i);
    }
}

static int by_path(const void *left, const void *right)
{
    const struct manifest_input *a = left;
    const struct manifest_input *b = right;

    return strcmp(a->path, b->path);
}

/* A reading of its own: texts at other addresses, but for files that nobody touched. */
static struct manifest_input *look(struct world *w, size_t *n)
{
    struct manifest_input *in = calloc(N_FILES, sizeof(*in));

    assert_non_null(in);
    *n = 0;
    for (unsigned i = 0; i < N_FILES; i++) {
        const struct file *f = &w->files[i];

        if (!f->text)
            continue;
        in[*n] = (struct manifest_input){.path = strdup(f->path), .kind = f->kind};
        if (f->unreadable) {
            in[*n].error = "Input/output error";
        } else {
            in[*n].data = strdup(f->text);
            in[*n].size = strlen(f->text);
        }
        ++*n;
    }
    qsort(in, *n, sizeof(*in), by_path);
    return in;
}

static void forget(struct manifest_input *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free((void *)(uintptr_t)in[i].path);
        free((void *)(uintptr_t)in[i].data);
    }
    free(in);
}

static void base_deinit(struct base *b)
{
    desired_deinit(&b->desired);
    desired_keep_deinit(&b->kept);
    forget(b->then, b->n_then);
    *b = (struct base){0};
}

/* --- What they lead to --------------------------------------------------------------------- */

static void say(const struct diags *d, struct buf *out)
{
    for (size_t i = 0; i < d->n; i++) {
        char *line = diag_text(&d->items[i]);

        buf_printf(out, "%s\n", line);
        mem_free(line);
    }
}

static struct buf text_of(const struct base *b, const struct diags *diags)
{
    struct buf out = BUF_INIT(TEXT_MAX);

    desired_text(&b->desired, &out);
    buf_printf(&out, "digest %llx\n", (unsigned long long)b->desired.digest);
    say(diags, &out);
    buf_add_str(&out, "roots");
    for (size_t i = 0; i < b->kept.n_roots; i++)
        buf_printf(&out, " %s", b->kept.roots[i]);
    buf_add_str(&out, "\nsaid\n");
    say(&b->kept.said, &out);
    assert_false(out.failed);
    return out;
}

static void expect_same(const struct world *w, const struct base *next, const struct diags *said,
                        const struct base *whole, const struct diags *diags)
{
    struct buf is = text_of(next, said);
    struct buf wanted = text_of(whole, diags);

    const char *a = buf_str(&is);
    const char *b = buf_str(&wanted);

    if (strcmp(a, b) != 0) {
        while (*a == *b)
            a++, b++;
        fail_msg("chain %u: a whole build goes on\n%.400s\nand from the last one it is\n%.400s",
                 w->chain, b, a);
    }
    assert_int_equal(diags->n_errors, 0);
    buf_deinit(&is);
    buf_deinit(&wanted);
}

static const struct manifest_input *find(const struct manifest_input *in, size_t n,
                                         const char *path)
{
    struct manifest_input key = {.path = path};

    return bsearch(&key, in, n, sizeof(*in), by_path);
}

static bool is_in(const struct manifest_inputs *list, const struct manifest_input *in)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i] == in)
            return true;
    return false;
}

static void expect_diff(const struct base *was, const struct base *is, const struct desired_diff *d)
{
    size_t n_changed = 0;
    size_t n_gone = 0;

    for (size_t i = 0; i < is->n_then; i++) {
        const struct manifest_input *in = &is->then[i];
        const struct manifest_input *old = find(was->then, was->n_then, in->path);
        bool same = old && old->kind == in->kind && strcmp(old->data, in->data) == 0;

        assert_int_equal(is_in(&d->changed, in), !same);
        n_changed += !same;
    }
    for (size_t i = 0; i < was->n_then; i++) {
        bool gone = !find(is->then, is->n_then, was->then[i].path);

        assert_int_equal(is_in(&d->gone, &was->then[i]), gone);
        n_gone += gone;
    }
    assert_int_equal(d->changed.n, n_changed);
    assert_int_equal(d->gone.n, n_gone);
}

static struct desired_step step_of(const struct world *w, const struct base *to)
{
    return (struct desired_step){.last = &w->base.desired,
                                 .kept = &w->base.kept,
                                 .then = w->base.then,
                                 .n_then = w->base.n_then,
                                 .now = to->then,
                                 .n_now = to->n_then,
                                 .options = &w->options};
}

/* True when there is a next one, which is then as good as `whole`. */
static bool try_next(struct world *w, const struct base *whole, const struct diags *diags,
                     struct base *out)
{
    struct diags said = DIAGS_INIT;
    struct desired_diff diff = {0};
    struct desired_step s = step_of(w, whole);
    int rc;

    *out = (struct base){0};
    rc = w->has_base ? desired_next(&s, &out->desired, &out->kept, &diff, &said) : DESIRED_WHOLE;
    if (rc == DESIRED_WHOLE)
        return false;
    assert_int_equal(rc, 0);
    expect_same(w, out, &said, whole, diags);
    expect_diff(&w->base, whole, &diff);
    desired_diff_deinit(&diff);
    diags_deinit(&said);
    return true;
}

static void step(struct world *w)
{
    struct base whole = {0};
    struct base next;
    struct diags diags = DIAGS_INIT;
    bool made;
    int rc;

    whole.then = look(w, &whole.n_then);
    rc = desired_build(whole.then, whole.n_then, NULL, 0, &w->options, &whole.desired, &whole.kept,
                       &diags);
    made = try_next(w, &whole, &diags, &next);
    w->n_next += made;
    w->n_whole += rc == 0 && whole.desired.whole;
    diags_deinit(&diags);
    if (rc != 0 || !whole.desired.whole) {
        assert_false(made);
        assert_false(whole.kept.is_base);
        base_deinit(&whole);
        if (below(w, 2))
            mend(w);
        return; /* the last good one stays what the next is made from */
    }
    base_deinit(&w->base);
    if (made && below(w, 10)) {
        next.then = whole.then;
        next.n_then = whole.n_then;
        desired_deinit(&whole.desired);
        desired_keep_deinit(&whole.kept);
        w->base = next;
    } else {
        if (made) {
            desired_deinit(&next.desired);
            desired_keep_deinit(&next.kept);
        }
        w->base = whole;
    }
    w->has_base = true;
}

static void begin(struct world *w, unsigned chain)
{
    static const char *const HOOKS[] = {"reload"};
    static const char *const KEYS[] = {"one", NULL};

    w->random = chain;
    w->chain = chain;
    w->options = (struct desired_options){
        .organization = "acme-with-a-long-name", .hooks = HOOKS, .n_hooks = 1, .keys = KEYS};
    for (unsigned i = 0; i < N_FILES; i++) {
        struct file *f = &w->files[i];
        bool tenants = i >= N_FILES * 3 / 4;

        snprintf(f->path, sizeof(f->path), i == ROOT ? "root.yaml" : "%s%u/%u.yaml",
                 tenants ? "tenants.d/" : "m", i % 5, i);
        f->kind = tenants ? MANIFEST_TENANTS : MANIFEST_TRUSTED;
    }
    for (unsigned i = 0; i < N_FILES; i++)
        w->files[i].text = strdup("");
    mend(w);
}

static void end(struct world *w)
{
    base_deinit(&w->base);
    for (unsigned i = 0; i < N_FILES; i++)
        free(w->files[i].text);
}

static void next__edits_at_random__are_as_a_whole_build_says(void **state)
{
    size_t n_next = 0;
    size_t n_whole = 0;

    (void)state;
    for (unsigned chain = 0; chain < N_CHAINS; chain++) {
        struct world w = {0};

        begin(&w, chain);
        for (int i = 0; i < N_STEPS; i++) {
            step(&w);
            w.calm = below(&w, 8) > 0;
            for (unsigned n = 1 + below(&w, 3); n > 0; n--)
                edit(&w);
        }
        end(&w);
        n_next += w.n_next;
        n_whole += w.n_whole;
    }
    assert_true(n_whole > (size_t)N_CHAINS * N_STEPS / 10);
    assert_true(n_next > n_whole / 2 && n_next < n_whole);
    assert_int_equal(mem_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next__edits_at_random__are_as_a_whole_build_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
