/* test_control: what polite clients of the control socket get, and who may do what.
 * In:    clients on a real socket, in the loop of the server.
 * Out:   cmocka's verdict.
 * Never: sleeps. */
#include "tests/loop/control_fixture.h"

#include <grp.h>

#include "io/control_internal.h"

/* --- Calls ---------------------------------------------------------------------------------- */

static void control__a_call__is_answered(void **state)
{
    struct client *c = client_new(*state);

    assert_string_equal(client_ask(c, CALL("GetStatus")), "{\"parameters\":{\"status\":1}}");
    assert_string_equal(client_ask(c, CALL_WITH("GetStatus", "\"parameters\":null,\"more\":null")),
                        "{\"parameters\":{\"status\":2}}");
    client_free(c);
}

static void control__pipelined_calls__are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);
    char expected[64];

    for (int i = 0; i < 500; i++)
        client_send(c, CALL("GetStatus"));
    client_wait(c, 500);

    for (int i = 1; i <= 500; i++) {
        snprintf(expected, sizeof(expected), "{\"parameters\":{\"status\":%d}}", i);
        assert_string_equal(client_reply(c), expected);
    }
    client_free(c);
}

static void control__a_call_that_waits__holds_up_the_next(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);

    client_send(c, CALL("Sync"));
    client_send(c, CALL("GetStatus"));
    UNTIL(f, f->pending);
    assert_int_equal(f->n_handled, 1);
    control_reply(f->pending, wrap_int("cycle", 7));
    f->pending = NULL;

    assert_string_equal(client_reply(c), "{\"parameters\":{\"cycle\":7}}");
    assert_string_equal(client_reply(c), "{\"parameters\":{\"status\":2}}");
    client_free(c);
}

static void control__a_oneway_call__runs_and_says_nothing(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);

    client_send(c, CALL_WITH("Reload", "\"oneway\":true"));
    client_send(c, CALL_WITH("Describe", "\"oneway\":true"));
    client_send(c, CALL_WITH("List", "\"oneway\":true"));
    client_send(c, "{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}");
    client_send(c, "{\"oneway\":true,\"method\":\"org.varlink.service.Nothing\"}");
    client_send(c, "{\"bad\":1,\"method\":\"a.b\",\"oneway\":true}");

    assert_string_equal(client_ask(c, CALL("GetStatus")), "{\"parameters\":{\"status\":3}}");
    client_free(c);
}

static void control__errors__are_named(void **state)
{
    struct client *c = client_new(*state);

    assert_string_equal(
        client_ask(
            c, CALL_WITH("Describe", "\"parameters\":{\"kind\":\"group\",\"name\":\"nobody\"}")),
        "{\"error\":\"org.tenantd.Control.NotFound\",\"parameters\":{\"message\":"
        "\"no group is called nobody\"}}");
    assert_string_equal(client_ask(c, CALL("Shout")),
                        "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":"
                        "{\"method\":\"org.tenantd.Control.Shout\"}}");
    assert_string_equal(
        client_ask(c, CALL_WITH("Reject", "\"parameters\":{\"plan\":\"a\",\"reason\":\"b\"}")),
        "{\"error\":\"org.varlink.service.MethodNotImplemented\",\"parameters\":"
        "{\"method\":\"org.tenantd.Control.Reject\"}}");
    assert_string_equal(client_ask(c, "{\"method\":\"org.example.Foo\"}"),
                        "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":"
                        "{\"interface\":\"org.example\"}}");
    assert_string_equal(client_ask(c, CALL("Watch")),
                        "{\"error\":\"org.varlink.service.ExpectedMore\"}");
    client_free(c);
}

static void control__parameters__are_checked_by_name(void **state)
{
    static const struct {
        const char *request;
        const char *reply;
    } CASES[] = {
        {CALL("Describe"), BAD_PARAMETER("kind")},
        {CALL_WITH("Describe", "\"parameters\":{\"kind\":\"a\"}"), BAD_PARAMETER("name")},
        {CALL_WITH("Describe", "\"parameters\":{\"kind\":\"a\",\"name\":null}"),
         BAD_PARAMETER("name")},
        {CALL_WITH("Describe", "\"parameters\":{\"kind\":1,\"name\":\"b\"}"),
         BAD_PARAMETER("kind")},
        {CALL_WITH("Describe", "\"parameters\":{\"kind\":\"a\\u0000\",\"name\":\"b\"}"),
         BAD_PARAMETER("kind")},
        {CALL_WITH("List", "\"parameters\":{\"knid\":\"a\"}"), BAD_PARAMETER("knid")},
        {CALL_WITH("List", "\"parameters\":{\"kind\":\"a\",\"kind\":\"b\"}"),
         BAD_PARAMETER("kind")},
        {CALL_WITH("List", "\"parameters\":{\"kind\":[]}"), BAD_PARAMETER("kind")},
        {CALL_WITH("List", "\"parameters\":[]"), BAD_PARAMETER("parameters")},
        {CALL_WITH("Watch", "\"more\":true,\"parameters\":{\"since\":\"1\"}"),
         BAD_PARAMETER("since")},
        {CALL_WITH("Watch", "\"more\":true,\"parameters\":{\"since\":1.5}"),
         BAD_PARAMETER("since")},
        {CALL_WITH("Watch", "\"more\":true,\"parameters\":{\"follow\":0}"),
         BAD_PARAMETER("follow")},
        {CALL_WITH("GetStatus", "\"parameters\":{\"a\":null}"), BAD_PARAMETER("a")},
        {CALL_WITH("GetStatus", "\"upgrade\":true"), BAD_PARAMETER("upgrade")},
        {CALL_WITH("GetStatus", "\"more\":1"), BAD_PARAMETER("more")},
        {CALL_WITH("GetStatus", "\"MORE\":true"), BAD_PARAMETER("MORE")},
        {CALL_WITH("GetStatus", "\"method\":\"x\""), BAD_PARAMETER("method")},
        {"{}", BAD_PARAMETER("method")},
        {"{\"method\":null}", BAD_PARAMETER("method")},
        {"{\"method\":\"GetStatus\"}", BAD_PARAMETER("method")},
        {"{\"method\":\"org.tenantd.Control.\"}", BAD_PARAMETER("method")},
        {"{\"method\":\"org.varlink.service.GetInterfaceDescription\"}",
         BAD_PARAMETER("interface")},
    };
    struct fixture *f = *state;
    struct client *c = client_new(f);

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        assert_string_equal(client_ask(c, CASES[i].request), CASES[i].reply);
    assert_int_equal(f->n_handled, 0);
    client_free(c);
}

/* --- Introspection -------------------------------------------------------------------------- */

static void control__introspection__tells_the_interface(void **state)
{
    struct client *c = client_new(*state);
    struct json_object *reply;
    struct json_object *parameters;
    const char *text;

    assert_string_equal(
        client_ask(c, "{\"method\":\"org.varlink.service.GetInfo\"}"),
        "{\"parameters\":{\"vendor\":\"tenantd\",\"product\":\"tenantd\",\"version\":\"9.9\","
        "\"url\":\"file:///usr/share/doc/tenantd\","
        "\"interfaces\":[\"org.varlink.service\",\"org.tenantd.Control\"]}}");
    reply = json_tokener_parse(
        client_ask(c, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                      "\"parameters\":{\"interface\":\"org.tenantd.Control\"}}"));
    assert_true(json_get_obj(reply, "parameters", &parameters));
    assert_true(json_get_str(parameters, "description", &text));
    assert_string_equal(text, CONTROL_DESCRIPTION);
    json_object_put(reply);
    assert_string_equal(client_ask(c, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                                      "\"parameters\":{\"interface\":\"org.example\"}}"),
                        "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":"
                        "{\"interface\":\"org.example\"}}");
    client_free(c);
}

static const char *const TYPE_NAMES[] = {
    [VARLINK_STRING] = "string", [VARLINK_INT] = "int", [VARLINK_BOOL] = "bool"};

/* "method List(kind: ?string)" of a table's row, as the file writes it. */
static void signature(const struct control_method *m, char *out, size_t size)
{
    int n = snprintf(out, size, "\nmethod %s(", m->name);

    for (size_t i = 0; i < m->n_params; i++)
        n += snprintf(out + n, size - (size_t)n, "%s%s: %s%s", i ? ", " : "", m->params[i].name,
                      m->params[i].is_required ? "" : "?", TYPE_NAMES[m->params[i].type]);
    snprintf(out + n, size - (size_t)n, ") ->");
}

static void control__table_and_interface_file__say_the_same(void **state)
{
    size_t n = 0;
    char text[512];

    (void)state;
    for (const char *p = CONTROL_DESCRIPTION; (p = strstr(p, "\nmethod ")); p++)
        n++;
    assert_int_equal(n, CONTROL_N_METHODS);
    for (size_t i = 0; i < CONTROL_N_METHODS; i++) {
        signature(&CONTROL_METHODS[i], text, sizeof(text));
        if (!strstr(CONTROL_DESCRIPTION, text))
            fail_msg("the interface file has no %s", text + 1);
    }
#define HAS_ERROR(symbol, name)                                                                    \
    assert_non_null(strstr(CONTROL_DESCRIPTION, "\nerror " name " (message: string)"));
    CONTROL_ERRORS(HAS_ERROR)
#undef HAS_ERROR
}

/* --- Streams -------------------------------------------------------------------------------- */

#define LIST_MORE CALL_WITH("List", "\"more\":true")

static void control__a_stream__ends_without_continues(void **state)
{
    struct client *c = client_new(*state);

    client_send(c, LIST_MORE);
    for (int i = 0; i < 2; i++)
        assert_string_equal(client_reply(c),
                            "{\"parameters\":{\"text\":\"xxxxxxxxxx\"},\"continues\":true}");
    assert_string_equal(client_reply(c), "{\"parameters\":{\"text\":\"xxxxxxxxxx\"}}");
    assert_string_equal(client_ask(c, CALL("List")), "{\"parameters\":{\"resources\":0}}");
    client_free(c);
}

static void control__a_stream_of_nothing__is_one_empty_reply(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);

    f->stream_length = 0;

    assert_string_equal(client_ask(c, LIST_MORE), "{}");
    client_free(c);
}

/* Turn the loop until a Watch is there and has nothing to say. */
static void wait_for_watch(struct fixture *f)
{
    UNTIL(f, f->watch && f->watch->left == 0);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void control__a_waiting_stream__goes_on_when_woken(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);

    f->stream_length = 1;
    client_send(c, CALL_WITH("Watch", "\"more\":true"));
    client_reply(c);
    for (int i = 0; i < 3; i++) {
        wait_for_watch(f);
        f->watch->left = 2;
        control_wake(f->watch->call);
        control_wake(f->watch->call);
        client_wait(c, 2);
        assert_int_equal(c->seen, 2);
        client_reply(c);
        client_reply(c);
    }
    client_free(c);
}

static void control__a_watcher_that_leaves__is_forgotten_at_once(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);

    client_send(c, CALL_WITH("Watch", "\"more\":true"));
    client_wait(c, 3);
    client_free(c);

    UNTIL(f, f->n_freed == 1);
    assert_null(f->watch);
}

static void control__a_script_that_closes_its_writing_end__gets_its_answers(void **state)
{
    struct fixture *f = *state;
    struct client *c = client_new(f);

    client_send(c, CALL("GetStatus"));
    client_send(c, CALL_WITH("Watch", "\"more\":true"));
    assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
    client_wait_eof(c);

    assert_int_equal(c->seen, 4);
    assert_string_equal(client_reply(c), "{\"parameters\":{\"status\":1}}");
    client_free(c);
}

/* --- Permission ----------------------------------------------------------------------------- */

#define DENIED                                                                                     \
    "{\"error\":\"org.tenantd.Control.Denied\",\"parameters\":{\"message\":\"Reload is for root, " \
    "the daemon's own user and members of group staff\"}}"

/* A client that the kernel takes for user 65534 with these supplementary groups. */
static struct client *client_of_nobody(struct fixture *f, gid_t gid, size_t n, const gid_t *groups)
{
    struct client *c;

    assert_int_equal(chmod(f->path, 0666), 0);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(setgroups(n, groups), 0);
    assert_int_equal(setegid(gid), 0);
    assert_int_equal(seteuid(65534), 0);
    c = client_new(f);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    assert_int_equal(setgroups(0, NULL), 0);
    return c;
}

/* Whatever is said of a method in the table: these change something, and no others do. */
static const char *const WRITING[] = {
    "Sync",     "Approve", "Reject", "Restore", "Pause",       "Resume",
    "Recreate", "Release", "Adopt",  "Purge",   "RotateToken", "Reload",
};
static const char *const READING[] = {
    "GetStatus", "List", "Describe", "Why", "Plan", "Watch", "Export", "Platform",
};

static bool is_denied(struct client *c, const char *method)
{
    char call[128];

    snprintf(call, sizeof(call), "{\"method\":\"org.tenantd.Control.%s\"}", method);
    return strstr(client_ask(c, call), "org.tenantd.Control.Denied") != NULL;
}

/* Before anything else is looked at: these calls have no parameters. */
static void control__every_method__writes_or_not_as_is_said(void **state)
{
    struct fixture *f = *state;
    struct client *c;

    if (geteuid() != 0)
        skip(); /* only root can be somebody else */
    assert_int_equal(ARRAY_SIZE(WRITING) + ARRAY_SIZE(READING), CONTROL_N_METHODS);
    fixture_open(f);
    c = client_of_nobody(f, 65534, 0, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(WRITING); i++)
        if (!is_denied(c, WRITING[i]))
            fail_msg("%s is for everybody", WRITING[i]);
    for (size_t i = 0; i < ARRAY_SIZE(READING); i++)
        if (is_denied(c, READING[i]))
            fail_msg("%s is for operators", READING[i]);
    assert_null(f->pending);
    client_free(c);
}

static gid_t staff(void)
{
    const struct group *g = getgrnam("staff");

    return g ? g->gr_gid : (gid_t)-1;
}

static void control__who_may_write(void **state)
{
    struct fixture *f = *state;
    const gid_t groups[] = {4242, staff()};
    struct client *c;

    if (geteuid() != 0 || groups[1] == (gid_t)-1)
        skip(); /* only root can be somebody else */
    f->options.admin_group = "staff";
    fixture_open(f);

    c = client_of_nobody(f, 65534, 0, NULL);
    assert_string_equal(client_ask(c, CALL("Reload")), DENIED);
    assert_string_equal(client_ask(c, CALL_WITH("Reload", "\"parameters\":{\"a\":1}")), DENIED);
    assert_string_equal(client_ask(c, CALL("GetStatus")), "{\"parameters\":{\"status\":1}}");
    assert_int_equal(f->seen_uid, 65534);
    client_free(c);
    c = client_of_nobody(f, 65534, 1, groups);
    assert_string_equal(client_ask(c, CALL("Reload")), DENIED);
    client_free(c);
    c = client_of_nobody(f, 65534, 2, groups);
    assert_string_equal(client_ask(c, CALL("Reload")), "{\"parameters\":{}}");
    client_free(c);
    c = client_of_nobody(f, groups[1], 0, NULL);
    assert_string_equal(client_ask(c, CALL("Reload")), "{\"parameters\":{}}");
    client_free(c);
    c = client_new(f);
    assert_string_equal(client_ask(c, CALL("Reload")), "{\"parameters\":{}}");
    client_free(c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_open, teardown)
    const struct CMUnitTest tests[] = {
        TEST(control__a_call__is_answered),
        TEST(control__pipelined_calls__are_answered_in_order),
        TEST(control__a_call_that_waits__holds_up_the_next),
        TEST(control__a_oneway_call__runs_and_says_nothing),
        TEST(control__errors__are_named),
        TEST(control__parameters__are_checked_by_name),
        TEST(control__introspection__tells_the_interface),
        cmocka_unit_test(control__table_and_interface_file__say_the_same),
        TEST(control__a_stream__ends_without_continues),
        TEST(control__a_stream_of_nothing__is_one_empty_reply),
        TEST(control__a_waiting_stream__goes_on_when_woken),
        TEST(control__a_watcher_that_leaves__is_forgotten_at_once),
        TEST(control__a_script_that_closes_its_writing_end__gets_its_answers),
        cmocka_unit_test_setup_teardown(control__who_may_write, setup, teardown),
        cmocka_unit_test_setup_teardown(control__every_method__writes_or_not_as_is_said, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
