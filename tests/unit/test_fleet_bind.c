/* test_fleet_bind: records that are bound to what changed are bound as if all had been.
 * In:    two fleets and manifests that are edited at random; the one fleet is told what changed.
 * Out:   cmocka's verdict; the numbers behind it are fixed.
 * Never: decisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/fleet.h"
#include "core/fleet_rest.h"
#include "lib/mem.h"
#include "tests/lib/chance.h"

#define N_FILES  8
#define N_NAMES  5 /* a file */
#define N_STEPS  60
#define N_CHAINS 60
#define TEXT_MAX 4096

struct side {
    struct heap wakes;
    struct fleet fleet;
    struct desired desired;
    struct desired_keep kept;
};

struct world {
    uint64_t random;
    char texts[2][N_FILES + 1][TEXT_MAX]; /* as they were, and as they are */
    struct manifest_input inputs[2][N_FILES + 1];
    struct side told;  /* of what changed */
    struct side whole; /* everything, each time */
    size_t n_next;
};

static unsigned below(struct world *w, unsigned n)
{
    return chance_below(&w->random, n);
}

static void write_file(struct world *w, char *text, unsigned file)
{
    size_t n = (size_t)snprintf(text, TEXT_MAX, "databases:\n  last-%u: {group: eu}\n", file);

    for (unsigned i = 0; i < N_NAMES; i++) {
        unsigned kind = below(w, 4);

        if (kind)
            n += (size_t)snprintf(text + n, TEXT_MAX - n, "  db%u-%u: {class: free%s}\n",
                                  below(w, 2) * 40 + i, file,
                                  kind == 1   ? ", size_limit: 1gb"
                                  : kind == 2 ? ", tokens: {own: {authorization: read-only, "
                                                "expiration: 1d}}"
                                              : "");
    }
}

static void edit(struct world *w)
{
    memcpy(w->texts[0], w->texts[1], sizeof(w->texts[0]));
    for (unsigned n = below(w, 4); n > 0; n--) {
        unsigned file = below(w, N_FILES);

        write_file(w, w->texts[1][file], file);
    }
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; i <= N_FILES; i++)
            w->inputs[k][i].size = strlen(w->texts[k][i]);
}

static void take(struct side *s, struct desired *d, struct desired_keep *kept)
{
    struct desired old = s->desired;

    assert_true(fleet_bind(&s->fleet, d));
    desired_settle(d);
    s->desired = *d;
    desired_deinit(&old);
    desired_keep_deinit(&s->kept);
    s->kept = *kept;
}

static void build(struct world *w, struct desired *d, struct desired_keep *kept)
{
    struct desired_options any = {0};
    struct diags diags = DIAGS_INIT;

    assert_int_equal(desired_build(w->inputs[1], N_FILES + 1, NULL, 0, &any, d, kept, &diags), 0);
    diags_deinit(&diags);
}

static void tell(struct world *w)
{
    static const struct desired_options ANY = {0};
    struct desired_step s = {.last = &w->told.desired,
                             .kept = &w->told.kept,
                             .then = w->inputs[0],
                             .n_then = N_FILES + 1,
                             .now = w->inputs[1],
                             .n_now = N_FILES + 1,
                             .options = &ANY};
    struct desired d;
    struct desired_keep kept = {0};
    struct desired_diff diff;
    struct diags diags = DIAGS_INIT;

    if (w->told.kept.is_base && desired_next(&s, &d, &kept, &diff, &diags) == 0) {
        desired_diff_deinit(&diff);
        w->n_next++;
    } else {
        build(w, &d, &kept);
    }
    diags_deinit(&diags);
    take(&w->told, &d, &kept);
    build(w, &d, &kept);
    take(&w->whole, &d, &kept);
}

/* What happens to both between two manifests: some come to rest, some wait for something. */
static void live(struct world *w)
{
    struct fleet *one = &w->told.fleet;
    struct fleet *other = &w->whole.fleet;

    for (size_t i = 0; i < one->n_databases; i++) {
        unsigned what = below(w, 4);
        struct fleet *both[] = {one, other};

        for (size_t k = 0; k < 2; k++) {
            struct visit v = fleet_open(both[k], i);
            unsigned n = 0;

            v.d->r.is_done = what > 0;
            v.d->r.phase = what > 1 ? PHASE_READY : PHASE_WORKING;
            for (; n < v.d->n_tokens; n++) {
                v.d->tokens[n]->r.is_done = true;
                v.d->tokens[n]->r.phase = PHASE_READY;
            }
            if (what == 3) {
                v.d->live.present = true; /* so that it stays when nobody wants it */
                v.stands_until_ms = 1000;
            }
            fleet_touch(both[k], v.d);
            v.opened = true;
            fleet_close(both[k], i, v);
            fleet_settle(both[k]);
        }
    }
}

static void expect_same_token(const struct token *a, const struct token *b)
{
    assert_string_equal(a->r.name, b->r.name);
    assert_int_equal(a->r.source.line, b->r.source.line);
    assert_int_equal(a->r.digest, b->r.digest);
    assert_int_equal(a->want != NULL, b->want != NULL);
    if (a->want)
        assert_string_equal(a->want->expiration, b->want->expiration);
}

static void expect_same(const struct fleet *a, const struct fleet *b)
{
    assert_int_equal(a->n_databases, b->n_databases);
    for (size_t i = 0; i < a->n_databases; i++) {
        const struct database *x = fleet_peek(a, i);
        const struct database *y = fleet_peek(b, i);

        assert_int_equal(fleet_is_packed(a, i), fleet_is_packed(b, i));
        assert_int_equal(fleet_flags(a, i), fleet_flags(b, i));
        assert_string_equal(x->r.name, y->r.name);
        assert_int_equal(x->r.digest, y->r.digest);
        assert_int_equal(x->r.edited, y->r.edited);
        assert_int_equal(x->r.source.line, y->r.source.line);
        assert_int_equal(x->r.source.file != NULL, y->r.source.file != NULL);
        if (x->r.source.file)
            assert_string_equal(x->r.source.file, y->r.source.file);
        assert_int_equal(x->want != NULL, y->want != NULL);
        if (x->want)
            assert_string_equal(x->want->group, y->want->group);
        assert_int_equal(x->n_tokens, y->n_tokens);
        for (size_t j = 0; j < x->n_tokens; j++)
            expect_same_token(x->tokens[j], y->tokens[j]);
        fleet_unpeek(a);
        fleet_unpeek(b);
    }
}

static void do_nothing(void *arg, struct resource *r)
{
    (void)arg;
    (void)r;
}

static void begin(struct world *w, unsigned chain)
{
    static char paths[N_FILES + 1][16];

    w->random = chain;
    assert_true(fleet_init(&w->told.fleet, &w->told.wakes));
    assert_true(fleet_init(&w->whole.fleet, &w->whole.wakes));
    for (unsigned i = 0; i < N_FILES; i++)
        write_file(w, w->texts[1][i], i);
    snprintf(w->texts[1][N_FILES], TEXT_MAX,
             "groups: {eu: {location: l1}}\n"
             "classes: {free: {group: eu, tokens: {app: {authorization: read-only, expiration: "
             "7d}}}}\n");
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; i <= N_FILES; i++) {
            snprintf(paths[i], sizeof(paths[i]), i < N_FILES ? "%u.yaml" : "root.yaml", i);
            w->inputs[k][i] = (struct manifest_input){.path = paths[i], .data = w->texts[k][i]};
        }
}

static void side_deinit(struct side *s)
{
    fleet_deinit(&s->fleet);
    heap_deinit(&s->wakes);
    desired_deinit(&s->desired);
    desired_keep_deinit(&s->kept);
}

static void bind__what_changed__is_as_binding_all(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    size_t n_next = 0;

    (void)state;
    assert_non_null(w);
    for (unsigned chain = 0; chain < N_CHAINS; chain++) {
        begin(w, chain);
        for (unsigned i = 0; i < N_STEPS; i++) {
            edit(w);
            tell(w);
            expect_same(&w->told.fleet, &w->whole.fleet);
            live(w);
            fleet_sweep(&w->told.fleet, do_nothing, NULL);
            fleet_sweep(&w->whole.fleet, do_nothing, NULL);
            expect_same(&w->told.fleet, &w->whole.fleet);
        }
        side_deinit(&w->told);
        side_deinit(&w->whole);
        n_next += w->n_next;
        assert_int_equal(mem_live_blocks(), 0);
        memset(w, 0, sizeof(*w));
    }
    assert_true(n_next > (size_t)N_CHAINS * N_STEPS / 2);
    free(w);
}

/* Whoever writes entries could aim at a digest, so it proves nothing. */
static void bind__other_tokens_of_one_digest__get_their_records(void **state)
{
    static const struct token_want TOKENS[] = {{.name = "app"}, {.name = "own"}};
    static const struct db_want WANTS[] = {
        {.digest = 7, .group = "eu", .tokens = &TOKENS[0], .n_tokens = 1},
        {.digest = 7, .group = "eu", .tokens = &TOKENS[1], .n_tokens = 1}};
    static const struct db_form FORMS[] = {{.file = "a.yaml", .want = &WANTS[0]},
                                           {.file = "a.yaml", .want = &WANTS[1]}};
    struct db_entry entries[] = {{"core", &FORMS[0], 1}, {"core", &FORMS[1], 1}};
    struct heap wakes = {0};
    struct fleet f = {0};

    (void)state;
    assert_true(fleet_init(&f, &wakes));
    for (unsigned i = 0; i < 2; i++) {
        struct desired d = {.databases = &entries[i], .n_databases = 1};
        struct database *core;
        struct token *t;

        assert_true(fleet_bind(&f, &d));
        assert_false(fleet_failed(&f));
        core = fleet_database(&f, "core");
        assert_non_null(core);
        t = fleet_token(core->tokens, core->n_tokens, TOKENS[i].name);
        assert_non_null(t);
        assert_ptr_equal(t->want, &TOKENS[i]);
        core->r.is_done = t->r.is_done = true;
        fleet_settle(&f);
        assert_true(i > 0 || fleet_is_packed(&f, 0));
    }
    fleet_deinit(&f);
    heap_deinit(&wakes);
    assert_int_equal(mem_live_blocks(), 0);
}

/* Seen before it is opened for good, it has a record for each token of its entry, and none of that
 * is left behind. */
static void bind__one_that_is_peeked_at__is_as_its_entry_says(void **state)
{
    static const struct token_want TOKENS[] = {{.name = "app"}, {.name = "own"}};
    static const struct db_want WANT = {
        .digest = 7, .group = "eu", .tokens = TOKENS, .n_tokens = 2};
    static const struct db_form FORM = {.file = "a.yaml", .want = &WANT};
    struct db_entry entry = {"core", &FORM, 1};
    struct desired d = {.databases = &entry, .n_databases = 1};
    const char *name = "core";
    struct heap wakes = {0};
    struct fleet f = {0};
    struct database *core;
    struct token *t;

    (void)state;
    assert_true(fleet_init(&f, &wakes));
    assert_true(fleet_add_databases(&f, &name, 1));
    core = fleet_database(&f, name);
    t = fleet_add_token(KIND_TOKEN, &core->r, &core->tokens, &core->n_tokens, "app");
    assert_non_null(t);
    assert_true(ledger_set(&t->held.state, "published"));
    t->has_held = t->r.is_done = core->r.is_done = true;
    fleet_settle(&f);
    assert_true(fleet_is_packed(&f, 0));
    assert_true(fleet_bind(&f, &d));
    assert_true(fleet_is_packed(&f, 0));
    for (unsigned i = 0; i < 3; i++) {
        const struct database *seen = fleet_peek(&f, 0);

        assert_non_null(seen);
        assert_int_equal(seen->n_tokens, 2);
        assert_ptr_equal(seen->tokens[1]->want, &TOKENS[1]);
        fleet_unpeek(&f);
    }
    fleet_deinit(&f);
    heap_deinit(&wakes);
    assert_int_equal(mem_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bind__what_changed__is_as_binding_all),
        cmocka_unit_test(bind__other_tokens_of_one_digest__get_their_records),
        cmocka_unit_test(bind__one_that_is_peeked_at__is_as_its_entry_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
