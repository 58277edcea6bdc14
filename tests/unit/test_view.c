/* test_view: what people and programs are shown: each record by name as in the list, the plan as
 * JSON, the line of the whole.
 * In:    a simulation with something of everything. Out: cmocka's verdict.
 * Never: what scenarios show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"
#include "core/view.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/lib/sim_script.h"

static struct sim sim; /* too large for a stack */

static int begin(void **state)
{
    static const char TEXT[] =
        "manifest\n"
        "  groups:\n"
        "    eu: {location: aws-eu-west-1,\n"
        "         tokens: {all: {authorization: read-only, expiration: 7d}}}\n"
        "  residency: {here: {groups: [eu], locations: [aws-eu-west-1]}}\n"
        "  databases:\n"
        "    t-1: {group: eu, tokens: {app: {authorization: full-access, expiration: 7d}}}\n"
        "    t-2: {residency: here, size_limit: 1gb}\n"
        "    t-3: {residency: here, seed: {database: t-2}}\n"
        "  api_tokens: {signup: {group: eu, scopes: [read]}}\n"
        "settle\n"
        "outside create database found in eu\n"
        "sync\n"
        "settle\n"
        "config\n"
        "  policy: {writes: off, removals: plan}\n"
        "manifest\n"
        "  groups: {eu: {location: aws-eu-west-1}, us: {location: aws-us-east-1}}\n"
        "  residency: {here: {groups: [eu], locations: [aws-eu-west-1]}}\n"
        "  databases:\n"
        "    t-1: {state: absent}\n"
        "    t-2: {residency: here, size_limit: 1gb, delete_protection: true}\n"
        "    t-3: {residency: here, seed: {database: t-2}}\n"
        "run 1m\n";

    (void)state;
    free(sim_script_run(&sim, "view", TEXT, 0, NULL));
    assert_string_equal(sim.broken, "");
    return 0;
}

static int end(void **state)
{
    (void)state;
    sim_deinit(&sim);
    assert_int_equal(mem_live_blocks(), 0);
    return 0;
}

/* Whatever `part` says, `whole` says, too. */
static void assert_within(struct json_object *part, struct json_object *whole)
{
    json_object_object_foreach(part, key, value)
        assert_true(json_object_equal(value, json_object_object_get(whole, key)));
}

static void describe__says_what_the_list_says_and_more(void **state)
{
    struct view_cursor cursor = VIEW_CURSOR_INIT;
    struct view_filter all = {0};
    struct json_object *listed;
    size_t n = 0;

    (void)state;
    while (view_next(sim.rc, &all, &cursor, &listed) == 0 && listed) {
        struct json_object *described = NULL;
        const char *kind;
        const char *name;

        assert_true(json_get_str(listed, "kind", &kind) && json_get_str(listed, "name", &name));
        assert_int_equal(view_describe(sim.rc, kind, name, &described, NULL), 0);
        assert_within(listed, described);
        assert_true(strstr(kind, "token") ||
                    json_object_object_length(described) > json_object_object_length(listed));
        json_put(&described);
        json_put(&listed);
        n++;
    }
    view_cursor_deinit(&cursor);
    assert_int_equal(n, 8);
}

static void assert_described(const char *name, const char *key, const char *want)
{
    struct json_object *o = NULL;
    struct buf b = BUF_INIT(1u << 16);

    assert_int_equal(view_describe(sim.rc, "database", name, &o, NULL), 0);
    assert_true(json_print(json_object_object_get(o, key), &b));
    assert_string_equal(buf_str(&b), want);
    buf_deinit(&b);
    json_put(&o);
}

static void describe__of_a_copy__says_how_it_is_and_what_binds_it(void **state)
{
    (void)state;
    assert_described("t-2", "fields",
                     "{\"size_limit\":{\"manifest\":\"1gb\",\"live\":\"1073741824\"},"
                     "\"delete_protection\":{\"manifest\":\"true\",\"live\":\"false\"},"
                     "\"block_reads\":{\"live\":\"false\"},\"block_writes\":{\"live\":\"false\"},"
                     "\"allowed_ips\":{\"live\":\"\"},\"allowed_aws_vpc_ids\":{\"live\":\"\"},"
                     "\"allow_attach\":{\"live\":\"false\"}}");
    assert_described("t-3", "residencies",
                     "[{\"name\":\"here\",\"database\":\"t-3\",\"groups\":[\"eu\"],"
                     "\"locations\":[\"aws-eu-west-1\"]},"
                     "{\"name\":\"here\",\"database\":\"t-2\",\"groups\":[\"eu\"],"
                     "\"locations\":[\"aws-eu-west-1\"]}]");
}

static void describe__of_nobody__says_so(void **state)
{
    struct json_object *o = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(view_describe(sim.rc, "database", "nobody", &o, &err), -ERR_NOT_FOUND);
    assert_string_equal(err.msg, "there is no database/nobody");
    assert_null(o);
}

static void list__of_the_unmanaged__shows_what_nobody_named(void **state)
{
    struct view_cursor cursor = VIEW_CURSOR_INIT;
    struct view_filter unmanaged = {.phase = "Unmanaged"};
    struct json_object *o = NULL;
    const char *name;

    (void)state;
    assert_true(view_filter_is_valid(&unmanaged, NULL));
    assert_int_equal(view_next(sim.rc, &unmanaged, &cursor, &o), 0);
    assert_true(json_get_str(o, "name", &name));
    assert_string_equal(name, "found");
    json_put(&o);
    assert_int_equal(view_next(sim.rc, &unmanaged, &cursor, &o), 0);
    assert_null(o);
    view_cursor_deinit(&cursor);
}

static void filter__of_no_phase_or_kind__is_refused(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    assert_false(view_filter_is_valid(&(struct view_filter){.phase = "unmanaged"}, &err));
    assert_string_equal(err.msg, "there is no phase \"unmanaged\"");
    assert_false(view_filter_is_valid(&(struct view_filter){.kind = "databases"}, &err));
    assert_true(view_filter_is_valid(&(struct view_filter){.kind = "database"}, &err));
}

static void plan__as_json__has_steps_and_totals(void **state)
{
    struct json_object *o;
    struct plan plan;
    struct buf b = BUF_INIT(1u << 16);

    (void)state;
    sim_plan(&sim, &plan);
    o = plan_json(&plan);
    assert_true(json_print(o, &b));
    assert_string_equal(
        buf_str(&b),
        "{\"id\":\"0ba5f393cc98f1b7\",\"held\":1,\"steps\":["
        "{\"action\":\"create\",\"kind\":\"group\",\"name\":\"us\",\"fields\":[],\"held\":false,"
        "\"detail\":\"in aws-us-east-1\",\"source\":\"m.yaml:1\"},"
        "{\"action\":\"update\",\"kind\":\"database\",\"name\":\"t-2\",\"id\":\"d-4\","
        "\"fields\":[\"delete_protection\"],\"held\":false,"
        "\"detail\":\"delete_protection false -> true\",\"source\":\"m.yaml:5\"},"
        "{\"action\":\"delete\",\"kind\":\"database\",\"name\":\"t-1\",\"id\":\"d-3\","
        "\"fields\":[],\"held\":true,\"detail\":\"\",\"source\":\"m.yaml:4\"},"
        "{\"action\":\"delete\",\"kind\":\"group-token\",\"name\":\"eu/all\",\"id\":\"g-1\","
        "\"fields\":[],\"held\":false,\"detail\":\"\"}],"
        "\"total\":{\"create\":1,\"update\":1,\"delete\":2,\"blocked\":0}}");
    buf_deinit(&b);
    json_put(&o);
    plan_deinit(&plan);
}

static void line__counts_what_is_ready_and_what_is_not(void **state)
{
    char line[200];

    (void)state;
    status_line(sim.rc, &(struct shell_facts){0}, line, sizeof(line));
    assert_string_equal(line,
                        "held: 1 databases ready, 1 tokens, 1 need somebody, 0 calls in flight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describe__says_what_the_list_says_and_more),
        cmocka_unit_test(describe__of_a_copy__says_how_it_is_and_what_binds_it),
        cmocka_unit_test(describe__of_nobody__says_so),
        cmocka_unit_test(list__of_the_unmanaged__shows_what_nobody_named),
        cmocka_unit_test(filter__of_no_phase_or_kind__is_refused),
        cmocka_unit_test(plan__as_json__has_steps_and_totals),
        cmocka_unit_test(line__counts_what_is_ready_and_what_is_not),
    };

    return cmocka_run_group_tests_name("view", tests, begin, end);
}
