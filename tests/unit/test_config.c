/* test_config: cases as files in tests/data/config: bad ones with exactly what is reported, good
 * ones with exactly what is read, defaults and all; then a file over a file, instances, and every
 * allocation failing.
 * In:    tests/data/config/{bad,good}.
 * Out:   cmocka's verdict. */
#include "core/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "tests/lib/cases.h"
#include "tests/lib/fault.h"
#include "tests/lib/tree.h"

#define DATA      TESTS_DATA_DIR "/config/"
#define BAD_LEAST 110

/* --- A configuration as text --------------------------------------------------------------- */

static void field(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, "%s %s\n", key, value ? value : "none");
}

static void number(struct buf *out, const char *key, int64_t value)
{
    buf_printf(out, "%s %lld\n", key, (long long)value);
}

static void duration(struct buf *out, const char *key, int64_t ms)
{
    char text[TEXT_DURATION_SIZE];

    field(out, key, text_duration(ms, text));
}

static void policy_text(const struct config_policy *p, struct buf *out)
{
    static const char *const PRUNE[] = {"off", "plan", "on"};

    field(out, "writes", p->writes ? "on" : "off");
    field(out, "prune", PRUNE[p->prune]);
    field(out, "prune_members", PRUNE[p->prune_members]);
    field(out, "removals", p->removals_plan ? "plan" : "on");
    field(out, "adopt", p->adopt == ADOPT_NEVER ? "never" : "matching");
    field(out, "drift", p->drift_report ? "report" : "correct");
    duration(out, "deletion_grace", p->deletion_grace_ms);
    duration(out, "expiry_grace", p->expiry_grace_ms);
    number(out, "max_deletes", p->guard.max_deletes);
    number(out, "max_delete_percent", p->guard.max_delete_percent);
    number(out, "max_update_percent", p->guard.max_update_percent);
    number(out, "max_creates", p->guard.max_creates);
    duration(out, "window", p->guard.window_ms);
}

static void config_text(const struct config *c, struct buf *out)
{
    field(out, "organization", c->organization);
    field(out, "url", c->api.url);
    field(out, "insecure", c->api.insecure ? "true" : "false");
    field(out, "credential", c->api.token.credential);
    field(out, "token file", c->api.token.file);
    if (config_has_delete_token(c)) {
        field(out, "delete credential", c->api.delete_token.credential);
        field(out, "delete token file", c->api.delete_token.file);
    }
    field(out, "ca_file", c->api.ca_file);
    number(out, "concurrency", c->api.concurrency);
    number(out, "rate", c->api.rate);
    duration(out, "timeout", c->api.timeout_ms);
    field(out, "manifest", c->manifest);
    field(out, "tenants_dir", c->tenants_dir);
    field(out, "state_dir", c->state_dir);
    field(out, "tokens_dir", c->tokens_dir);
    field(out, "tokens_group", c->tokens_group);
    field(out, "seeds_dir", c->seeds_dir);
    field(out, "socket", c->socket);
    duration(out, "interval", c->reconcile.interval_ms);
    duration(out, "debounce", c->reconcile.debounce_ms);
    duration(out, "config_sweep", c->reconcile.config_sweep_ms);
    duration(out, "backoff.initial", c->reconcile.backoff_initial_ms);
    duration(out, "backoff.max", c->reconcile.backoff_max_ms);
    policy_text(&c->policy, out);
    for (size_t i = 0; i < c->n_hooks; i++) {
        field(out, "hook", c->hooks[i].name);
        for (const char **argument = c->hooks[i].command; *argument; argument++)
            buf_printf(out, " [%s]\n", *argument);
        duration(out, " timeout", c->hooks[i].timeout_ms);
        duration(out, " debounce", c->hooks[i].debounce_ms);
    }
    for (size_t i = 0; i < c->n_keys; i++) {
        field(out, "key", c->keys[i].name);
        field(out, " credential", c->keys[i].credential);
        field(out, " file", c->keys[i].file);
    }
}

/* --- Cases as files ------------------------------------------------------------------------ */

static int parse_case(const struct case_file *c, struct config *out, struct diags *d)
{
    const struct config_input in = {.path = c->name, .data = c->data, .size = c->size};

    return config_parse(&in, 1, NULL, out, d);
}

static void is_bad(const struct case_file *c)
{
    struct diags d = DIAGS_INIT;
    struct config config;
    int rc = parse_case(c, &config, &d);

    if (rc != -ERR_INVALID || d.n_errors == 0 || !*c->expect)
        fail_msg("%s: %d, and %zu errors", c->name, rc, d.n_errors);
    assert_int_equal(config.arena.bytes, 0);
    for (size_t i = 0; i < d.n; i++)
        if (!strstr(d.items[i].message, "expected "))
            fail_msg("%s does not say what was expected: %s", c->name, d.items[i].message);
    cases_expect(c, &d);
    diags_deinit(&d);
}

static void is_good(const struct case_file *c)
{
    struct buf text = BUF_INIT(1u << 20);
    struct diags d = DIAGS_INIT;
    struct config config;
    int rc = parse_case(c, &config, &d);

    cases_expect(c, &d);
    assert_int_equal(rc, 0);
    config_text(&config, &text);
    if (!c->text || strcmp(buf_str(&text), c->text) != 0)
        fail_msg("%s: got\n%sbut expected\n%s", c->name, buf_str(&text), c->text);
    config_deinit(&config);
    buf_deinit(&text);
    diags_deinit(&d);
}

static void survives_every_fault(const struct case_file *c)
{
    for (long nth = 1;; nth++) {
        size_t before = mem_live_blocks();
        struct diags d = DIAGS_INIT;
        struct config config;
        bool fired;
        int rc;

        fault_arm(nth);
        rc = parse_case(c, &config, &d);
        fired = fault_disarm();
        if (fired && rc != -ERR_NOMEM)
            fail_msg("%s: %d with allocation %ld failing", c->name, rc, nth);
        if (rc == 0)
            config_deinit(&config);
        diags_deinit(&d);
        assert_int_equal(mem_live_blocks(), before);
        if (!fired)
            return;
    }
}

static void bad_files__each__is_reported_in_full_and_exactly(void **state)
{
    (void)state;
    assert_true(cases_each(DATA "bad", is_bad) >= BAD_LEAST);
}

static void good_files__each__is_read_exactly(void **state)
{
    (void)state;
    assert_true(cases_each(DATA "good", is_good) >= 6);
}

/* The name to change is none that the platform could have, so that nobody overlooks it. */
static void the_shipped_file__but_for_the_organization__is_without_fault(void **state)
{
    size_t size;
    char *data = tree_read_file(TESTS_DATA_DIR "/../../etc/tenantd.yaml", &size);
    struct case_file c = {.name = "tenantd.yaml", .data = data, .size = size};
    struct diags d = DIAGS_INIT;
    struct config config;

    (void)state;
    assert_non_null(data);
    assert_int_equal(parse_case(&c, &config, &d), -ERR_INVALID);
    assert_int_equal(d.n, 1);
    assert_non_null(strstr(d.items[0].message, "organization is \"CHANGE-ME\""));
    diags_deinit(&d);
    free(data);
}

static void every_file__without_memory_at_any_point__says_so_and_leaks_nothing(void **state)
{
    (void)state;
    cases_each(DATA "bad", survives_every_fault);
    cases_each(DATA "good", survives_every_fault);
}

/* --- Files over files ---------------------------------------------------------------------- */

static struct config parsed;
static struct diags told;

static int parse(const char *first, const char *second, const char *instance)
{
    const struct config_input in[] = {
        {"tenantd.yaml", first, strlen(first)},
        {"acme.yaml", second, second ? strlen(second) : 0},
    };

    return config_parse(in, second ? 2 : 1, instance, &parsed, &told);
}

static void assert_told(const char *want)
{
    char *text;

    assert_int_equal(told.n, 1);
    text = diag_text(&told.items[0]);
    assert_string_equal(text, want);
    mem_free(text);
}

static int forget(void **state)
{
    (void)state;
    config_deinit(&parsed);
    diags_deinit(&told);
    return 0;
}

static void second_file__over_the_first__replaces_key_by_key(void **state)
{
    (void)state;
    assert_int_equal(parse("organization: base\n"
                           "api: {rate: 3, concurrency: 4, ca_file: /ca.pem, token: {file: /t}}\n"
                           "policy: {prune: on, guard: {max_deletes: 1, max_creates: 7}}\n"
                           "tokens_group: app\n",
                           "organization: acme\n"
                           "api: {rate: 5, ca_file: null, token: {credential: c}}\n"
                           "policy: {guard: {max_creates: null}}\n",
                           NULL),
                     0);

    assert_string_equal(parsed.organization, "acme");
    assert_int_equal(parsed.api.rate, 5);
    assert_int_equal(parsed.api.concurrency, 4);
    assert_null(parsed.api.ca_file);
    assert_null(parsed.api.token.file);
    assert_string_equal(parsed.api.token.credential, "c");
    assert_int_equal(parsed.policy.prune, PRUNE_ON);
    assert_int_equal(parsed.policy.guard.max_deletes, 1);
    assert_int_equal(parsed.policy.guard.max_creates, CONFIG_NO_LIMIT);
    assert_string_equal(parsed.tokens_group, "app");
}

static void second_file__naming_a_token_file__takes_the_credential_away(void **state)
{
    (void)state;
    assert_int_equal(parse("organization: a\napi: {token: {credential: c}}\n",
                           "api: {token: {file: /t}}\n", NULL),
                     0);

    assert_null(parsed.api.token.credential);
    assert_string_equal(parsed.api.token.file, "/t");
}

static void second_file__without_a_delete_token__takes_it_away(void **state)
{
    (void)state;
    assert_int_equal(parse("organization: a\napi: {delete_token: {credential: c}}\n",
                           "api: {delete_token: null}\n", NULL),
                     0);

    assert_false(config_has_delete_token(&parsed));
}

static void hooks__of_two_files__are_joined_and_commands_replaced_whole(void **state)
{
    (void)state;
    assert_int_equal(parse("organization: a\n"
                           "hooks: {b: {command: [/b, x, y], timeout: 5s}, a: {command: [/a]}}\n",
                           "hooks: {b: {command: [/c]}, a: {debounce: 0s}, z: {command: [/z]}}\n",
                           NULL),
                     0);

    assert_int_equal(parsed.n_hooks, 3);
    assert_string_equal(parsed.hooks[0].name, "a");
    assert_string_equal(parsed.hooks[0].command[0], "/a");
    assert_int_equal(parsed.hooks[0].debounce_ms, 0);
    assert_int_equal(parsed.hooks[0].timeout_ms, 30000);
    assert_string_equal(parsed.hooks[1].command[0], "/c");
    assert_null(parsed.hooks[1].command[1]);
    assert_int_equal(parsed.hooks[1].timeout_ms, 5000);
    assert_string_equal(parsed.hooks[2].name, "z");
}

static void error__between_two_files__names_the_one_that_says_it(void **state)
{
    (void)state;
    assert_int_equal(
        parse("organization: a\napi:\n  url: http://10.0.0.1\n", "api: {rate: 1}\n", NULL),
        -ERR_INVALID);

    assert_told("tenantd.yaml:3:3: api.url is \"http://10.0.0.1\", where the API token would "
                "travel in the clear; "
                "expected https, a loopback address, or api.insecure: true beside it");
}

static void second_file__that_is_insecure__allows_the_first_ones_address(void **state)
{
    (void)state;
    assert_int_equal(
        parse("organization: a\napi: {url: http://10.0.0.1}\n", "api: {insecure: true}\n", NULL),
        0);

    assert_true(parsed.api.insecure);
}

static void both_files__wrong__are_both_reported(void **state)
{
    (void)state;
    assert_int_equal(parse("organization: A\n", "foo: 1\nmanifest: x\n", NULL), -ERR_INVALID);

    assert_int_equal(told.n, 3);
    assert_string_equal(told.items[0].file, "tenantd.yaml");
    assert_string_equal(told.items[2].file, "acme.yaml");
}

/* --- Instances, limits --------------------------------------------------------------------- */

static void instance__without_files_of_its_own__ends_every_default_path(void **state)
{
    (void)state;
    assert_int_equal(parse("api: {rate: 1}\n", NULL, "acme"), 0);

    assert_string_equal(parsed.organization, "acme");
    assert_string_equal(parsed.manifest, "/etc/tenantd/manifest.d/acme");
    assert_string_equal(parsed.state_dir, "/var/lib/tenantd/acme");
    assert_string_equal(parsed.tokens_dir, "/var/lib/tenantd/tokens/acme");
    assert_string_equal(parsed.seeds_dir, "/var/lib/tenantd/seeds/acme");
    assert_string_equal(parsed.socket, "/run/tenantd/acme/tenantd.sock");
    assert_null(parsed.tenants_dir);
}

static void instance__with_paths_and_a_name_of_its_own__keeps_them(void **state)
{
    (void)state;
    assert_int_equal(
        parse("organization: other\nstate_dir: /srv/state\nsocket: /run/x.sock\n", NULL, "acme"),
        0);

    assert_string_equal(parsed.organization, "other");
    assert_string_equal(parsed.state_dir, "/srv/state");
    assert_string_equal(parsed.socket, "/run/x.sock");
    assert_string_equal(parsed.tokens_dir, "/var/lib/tenantd/tokens/acme");
}

static void instance__that_is_no_organization__is_refused(void **state)
{
    (void)state;
    assert_int_equal(parse("api: {rate: 1}\n", NULL, "../x"), -ERR_INVALID);

    assert_told("tenantd.yaml: the instance is named \"../x\"; expected an organization's slug");
}

static void instance__without_any_file__is_all_defaults(void **state)
{
    (void)state;
    assert_int_equal(config_parse(NULL, 0, "acme", &parsed, &told), 0);

    assert_string_equal(parsed.api.url, "https://api.turso.tech");
    assert_null(parsed.api.token.credential);
    assert_null(parsed.api.token.file);
}

static void file__over_a_mebibyte__is_refused_unread(void **state)
{
    const struct config_input in = {"tenantd.yaml", "a", LIMIT_CONFIG_FILE_BYTES + 1u};

    (void)state;
    assert_int_equal(config_parse(&in, 1, NULL, &parsed, &told), -ERR_INVALID);

    assert_told("tenantd.yaml: the file has 1048577 bytes; expected at most 1048576");
}

static void url__is_safe__over_tls_or_to_this_machine_alone(void **state)
{
    static const char *const SAFE[] = {"https://api.turso.tech", "https://10.0.0.1:8443",
                                       "http://127.0.0.1",       "http://127.255.0.9:1",
                                       "http://[::1]:8080",      "http://localhost:8080",
                                       "http://localhost/"};
    static const char *const UNSAFE[] = {"http://api.turso.tech",
                                         "http://128.0.0.1",
                                         "http://[::2]",
                                         "http://127.1",
                                         "http://localhost.",
                                         "http://127.0.0.1@evil.example",
                                         "ftp://localhost",
                                         "",
                                         "https://",
                                         "http://[::1",
                                         "http://[]",
                                         "https://a/b",
                                         "https://a:99999",
                                         "https://a:123456"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SAFE); i++)
        if (!config_url_is_safe(SAFE[i]))
            fail_msg("%s is not safe", SAFE[i]);
    for (size_t i = 0; i < ARRAY_SIZE(UNSAFE); i++)
        if (config_url_is_safe(UNSAFE[i]))
            fail_msg("%s is safe", UNSAFE[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files__each__is_reported_in_full_and_exactly),
        cmocka_unit_test(good_files__each__is_read_exactly),
        cmocka_unit_test(the_shipped_file__but_for_the_organization__is_without_fault),
        cmocka_unit_test(every_file__without_memory_at_any_point__says_so_and_leaks_nothing),
        cmocka_unit_test_teardown(second_file__over_the_first__replaces_key_by_key, forget),
        cmocka_unit_test_teardown(second_file__without_a_delete_token__takes_it_away, forget),
        cmocka_unit_test_teardown(second_file__naming_a_token_file__takes_the_credential_away,
                                  forget),
        cmocka_unit_test_teardown(hooks__of_two_files__are_joined_and_commands_replaced_whole,
                                  forget),
        cmocka_unit_test_teardown(error__between_two_files__names_the_one_that_says_it, forget),
        cmocka_unit_test_teardown(second_file__that_is_insecure__allows_the_first_ones_address,
                                  forget),
        cmocka_unit_test_teardown(both_files__wrong__are_both_reported, forget),
        cmocka_unit_test_teardown(instance__without_files_of_its_own__ends_every_default_path,
                                  forget),
        cmocka_unit_test_teardown(instance__with_paths_and_a_name_of_its_own__keeps_them, forget),
        cmocka_unit_test_teardown(instance__that_is_no_organization__is_refused, forget),
        cmocka_unit_test_teardown(instance__without_any_file__is_all_defaults, forget),
        cmocka_unit_test_teardown(file__over_a_mebibyte__is_refused_unread, forget),
        cmocka_unit_test(url__is_safe__over_tls_or_to_this_machine_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
