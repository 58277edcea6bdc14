/* test_desired_many: what does not show in cases of a few entries: digests, sharing, and that many
 * entries cost little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired.h"
#include "lib/mem.h"

#define ROOT                                                                                       \
    "groups: {eu: {location: aws-eu-west-1}}\n"                                                    \
    "residency: {eu: {groups: [eu]}}\n"                                                            \
    "classes:\n"                                                                                   \
    "  free:\n"                                                                                    \
    "    group: eu\n"                                                                              \
    "    size_limit: 256mb\n"                                                                      \
    "    tokens: {app: {authorization: full-access, expiration: 7d}}\n"

static struct manifest_input input(const char *path, const char *text)
{
    return (struct manifest_input){.path = path, .data = text, .size = strlen(text)};
}

static struct desired build(const struct manifest_input *now, size_t n)
{
    struct desired_options any = {0};
    struct diags diags = DIAGS_INIT;
    struct desired d;
    int rc = desired_build(now, n, NULL, 0, &any, &d, NULL, &diags);

    if (rc || diags.n_errors)
        fail_msg("%s", diags.n ? diags.items[0].message : err_text((enum err_code) - rc));
    diags_deinit(&diags);
    return d;
}

static uint64_t digest_of(const char *databases, const char *name, uint64_t *all)
{
    struct manifest_input now[] = {input("root.yaml", ROOT), input("tenants.yaml", databases)};
    struct desired d = build(now, ARRAY_SIZE(now));
    const struct db_entry *e = desired_database(&d, name);
    uint64_t digest;

    assert_non_null(e);
    digest = db_entry_want(e)->digest;
    if (all)
        *all = d.digest;
    desired_deinit(&d);
    return digest;
}

static void desired__digest__tells_what_is_said_and_not_where(void **state)
{
    static const char *const OTHERS[] = {
        "databases: {x: {class: free, size_limit: 1gb}}",
        "databases: {x: {class: free, delete_protection: true}}",
        "databases: {x: {class: free, protect: false}}",
        "databases: {x: {class: free, residency: eu}}",
        "databases: {x: {class: free, engine: libsql}}",
        "databases: {x: {class: free, allowed_ips: []}}",
        "databases: {x: {class: free, expires: 3d}}",
        "databases: {x: {class: free, expires: 2030-01-01T00:00:00Z}}",
        "databases: {x: {class: free, seed: {database: y}}}",
        "databases: {x: {class: free, seed: {database: y, timestamp: 2026-01-01T00:00:00Z}}}",
        "databases: {x: {class: free, state: absent}}",
        "databases: {x: {group: eu, manage: observe}}",
        "databases: {x: {class: free, tokens: {app: {authorization: read-only}}}}",
        "databases: {x: {class: free, tokens: {app: {expiration: 8d}}}}",
        "databases: {x: {class: free, tokens: {app: {renew_before: 1d}}}}",
        "databases: {x: {class: free, tokens: {app: {format: env}}}}",
        "databases: {x: {class: free, tokens: {app: {mode: \"0600\"}}}}",
        "databases: {x: {class: free, tokens: {app: {file: a.jwt}}}}",
        "databases: {x: {class: free, tokens: {app: {notify: hook}}}}",
        "databases: {x: {class: free, tokens: {app: {state: absent}}}}",
        "databases: {x: {class: free, tokens: {bpp: {state: absent}}}}",
    };
    uint64_t seen[ARRAY_SIZE(OTHERS) + 1];
    uint64_t whole[2];

    (void)state;
    seen[0] = digest_of("databases: {x: {class: free}}", "x", &whole[0]);
    for (size_t i = 0; i < ARRAY_SIZE(OTHERS); i++) {
        seen[i + 1] = digest_of(OTHERS[i], "x", &whole[1]);
        assert_true(whole[1] != whole[0]);
        for (size_t j = 0; j <= i; j++)
            if (seen[j] == seen[i + 1])
                fail_msg("%s has a digest that another has", OTHERS[i]);
    }

    assert_true(seen[0] == digest_of("databases:\n\n  x:\n    class: free\n", "x", &whole[1]));
    assert_true(whole[0] == whole[1]);
    assert_true(seen[0] == digest_of("databases: {x: {group: eu, size_limit: 256mb, tokens: {app: "
                                     "{authorization: full-access, expiration: 7d}}}}",
                                     "x", NULL));
}

static void desired__find__is_by_name(void **state)
{
    struct manifest_input now[] = {
        input("root.yaml", ROOT),
        input("tenants.yaml", "databases: {a: {class: free}, c: {class: free}, e: {class: free}}")};
    struct desired d = build(now, ARRAY_SIZE(now));

    (void)state;
    assert_string_equal(desired_database(&d, "a")->name, "a");
    assert_string_equal(desired_database(&d, "c")->name, "c");
    assert_string_equal(desired_database(&d, "e")->name, "e");
    assert_null(desired_database(&d, "b"));
    assert_null(desired_database(&d, "f"));
    assert_string_equal(desired_group(&d, "eu")->name, "eu");
    assert_null(desired_group(&d, "us"));
    desired_deinit(&d);
    assert_null(desired_group(&d, "eu"));
    desired_deinit(&d);
}

#define MANY 20000

/* One file of MANY databases, each with `entry`. */
static struct desired build_many(const char *entry)
{
    struct buf text = BUF_INIT(64u << 20);
    struct manifest_input now[2] = {input("root.yaml", ROOT)};
    struct desired d;

    buf_add_str(&text, "databases:\n");
    for (int i = 0; i < MANY; i++)
        buf_printf(&text, "  tenant-%07d: %s\n", i, entry);
    assert_false(text.failed);
    now[1] = input("tenants.yaml", buf_str(&text));
    d = build(now, 2);
    buf_deinit(&text);
    assert_int_equal(d.n_databases, MANY);
    return d;
}

static void desired__many_alike__cost_little_more_than_their_names(void **state)
{
    static const char *const ENTRIES[] = {"{class: free}", "{class: free, residency: eu}",
                                          "{class: free, size_limit: 1gb}",
                                          "{class: free, tokens: {app: {format: env}, own: "
                                          "{authorization: read-only, expiration: 1d}}}"};
    const size_t name_bytes = sizeof("tenant-0000000");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ENTRIES); i++) {
        struct desired d = build_many(ENTRIES[i]);

        assert_ptr_equal(d.databases[0].form->want, d.databases[MANY - 1].form->want);
        assert_in_range(sizeof(*d.databases) + d.texts->arena.bytes / MANY, name_bytes,
                        name_bytes + 70);
        desired_deinit(&d);
    }
}

static void desired__tokens_of_their_own__keep_their_places(void **state)
{
    struct desired d = build_many("{class: free, tokens: {app: {format: env}}}");

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(desired_token_at(&d.databases[i], d.databases[i].form->want->tokens).line,
                         i + 2);
    assert_string_equal(desired_token_at(&d.databases[0], d.databases[0].form->want->tokens).file,
                        "tenants.yaml");
    assert_int_equal(desired_token_at(&d.databases[0], d.databases[0].form->want->tokens).column,
                     42);
    assert_ptr_equal(d.databases[0].form->want, d.databases[1].form->want);
    assert_true(d.databases[0].form->want->digest == d.databases[1].form->want->digest);
    desired_deinit(&d);
}

/* Sets whose names fill many files, both twice, must not be compared one with each other. */
static void desired__every_name_twice__freezes_all(void **state)
{
    struct buf text = BUF_INIT(64u << 20);
    struct desired_options any = {0};
    struct diags diags = DIAGS_INIT;
    struct manifest_input now[3] = {input("root.yaml", ROOT)};
    struct desired d;

    (void)state;
    buf_add_str(&text, "databases:\n");
    for (int i = 0; i < MANY; i++)
        buf_printf(&text, "  tenant-%07d: {class: free}\n", i);
    now[1] = input("a.yaml", buf_str(&text));
    now[2] = input("b.yaml", buf_str(&text));

    assert_int_equal(desired_build(now, 3, now, 2, &any, &d, NULL, &diags), 0);

    assert_int_equal(d.n_databases, MANY);
    assert_false(d.whole);
    assert_true(d.databases[0].form->frozen && d.databases[MANY - 1].form->frozen);
    assert_string_equal(d.databases[0].form->file, "a.yaml");
    assert_int_equal(diags.n_errors, 2 * MANY);
    desired_deinit(&d);
    diags_deinit(&diags);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(desired__digest__tells_what_is_said_and_not_where),
        cmocka_unit_test(desired__find__is_by_name),
        cmocka_unit_test(desired__many_alike__cost_little_more_than_their_names),
        cmocka_unit_test(desired__tokens_of_their_own__keep_their_places),
        cmocka_unit_test(desired__every_name_twice__freezes_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
