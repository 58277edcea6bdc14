/* test_answer: what the platform may send, as files, and what we make of it, as text.
 * In:    tests/data/answers/: status, headers and body, and the lines that the answer prints as.
 * Out:   cmocka's verdict; each body comes whole, in two pieces at every place, and in bytes.
 * Never: a clock; the time of an answer is a part of its case. */
#include "core/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "core/ledger.h"
#include "core/report.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"

#define DUMP_MAX_BYTES 65536
#define NOW_MS         INT64_C(1795000000000)
#define SPLIT_MAX      3000 /* bytes of a body up to which every place is tried */

/* --- An answer as text ---------------------------------------------------------------------- */

static void dump_text(struct buf *b, const char *key, const char *value)
{
    if (value)
        buf_printf(b, " %s=%s", key, value);
}

static void dump_flag(struct buf *b, const char *key, int8_t value)
{
    if (value >= 0)
        buf_printf(b, " %s=%s", key, value ? "yes" : "no");
}

static void dump_db(struct buf *b, const struct live_db *db)
{
    buf_printf(b, "database %s", db->name);
    dump_text(b, "id", db->id);
    dump_text(b, "host", db->hostname);
    dump_text(b, "group", db->group);
    dump_text(b, "parent", db->parent_id);
    dump_flag(b, "block_reads", db->block_reads);
    dump_flag(b, "block_writes", db->block_writes);
    dump_flag(b, "protected", db->delete_protection);
    dump_flag(b, "archived", db->archived);
    buf_add_char(b, '\n');
}

static void dump_group(struct buf *b, const struct live_group *g)
{
    buf_printf(b, "group %s", g->name);
    dump_text(b, "id", g->id);
    dump_text(b, "primary", g->primary);
    for (size_t i = 0; i < g->n_locations; i++)
        dump_text(b, "location", g->locations[i]);
    dump_flag(b, "protected", g->delete_protection);
    dump_flag(b, "archived", g->archived);
    buf_add_char(b, '\n');
}

static void dump_token(struct buf *b, const struct live_token *t)
{
    buf_printf(b, "token %zu bytes %s issued=%lld expires=%lld", t->jwt_size,
               t->read_only ? "ro" : "rw", (long long)t->issued_ms, (long long)t->expires_ms);
    dump_text(b, "target", t->target_id);
    buf_add_char(b, '\n');
}

static void dump_api_token(struct buf *b, const struct live_api_token *t)
{
    buf_printf(b, "api token %s %s", t->name, t->id);
    dump_text(b, "group", t->group);
    dump_text(b, "scopes", t->scopes);
    dump_text(b, "owner", t->owner);
    dump_text(b, "created", t->created);
    buf_add_char(b, '\n');
}

static void dump_member(struct buf *b, const struct live_member *m)
{
    buf_printf(b, "%s", m->username ? "member" : "invite");
    dump_text(b, "email", m->email);
    dump_text(b, "username", m->username);
    dump_text(b, "role", m->role);
    dump_text(b, "invited", m->invited);
    buf_add_char(b, '\n');
}

static void dump_line(struct buf *b, const char *key, const char *value)
{
    if (value)
        buf_printf(b, "%s %s\n", key, value);
}

static void dump_row(struct buf *b, enum call_kind kind, const struct report_row *row)
{
    buf_add_str(b, "row");
    for (size_t i = 0; i < REPORT[kind].n_columns; i++)
        dump_text(b, REPORT[kind].columns[i].key, row->cell[i]);
    buf_add_char(b, '\n');
}

static void dump(const struct answer *a, struct buf *b)
{
    buf_printf(b, "%s\n", OUTCOME_INFO[a->outcome].text);
    if (a->error[0])
        buf_printf(b, "error: %s\n", a->error);
    if (a->retry_after_ms >= 0)
        buf_printf(b, "wait %lld ms\n", (long long)a->retry_after_ms);
    if (a->date_ms)
        buf_printf(b, "date %lld\n", (long long)a->date_ms);
    dump_line(b, "organization", a->organization_slug);
    dump_line(b, "organization id", a->organization_id);
    for (size_t i = 0; i < a->n_databases; i++)
        dump_db(b, &a->databases[i]);
    for (size_t i = 0; i < a->n_groups; i++)
        dump_group(b, &a->groups[i]);
    dump_line(b, "next", a->next_cursor);
    for (int f = 0; f < CONFIG_N; f++)
        if (a->config.value[f])
            buf_printf(b, "config %s \"%s\"\n", CONFIG_FIELD[f].key, a->config.value[f]);
    dump_line(b, "location", a->location);
    for (size_t i = 0; i < a->n_rows; i++)
        dump_row(b, a->kind, &a->rows[i]);
    if (a->total_pages)
        buf_printf(b, "pages %lld\n", (long long)a->total_pages);
    for (size_t i = 0; i < a->n_api_tokens; i++)
        dump_api_token(b, &a->api_tokens[i]);
    for (size_t i = 0; i < a->n_members; i++)
        dump_member(b, &a->members[i]);
    dump_line(b, "user", a->username);
    if (a->token_ends_ms)
        buf_printf(b, "ends %lld\n", (long long)a->token_ends_ms);
    if (a->token.jwt)
        dump_token(b, &a->token);
}

/* --- Cases ---------------------------------------------------------------------------------- */

struct a_case {
    const char *name;
    const char *body;
    size_t body_size;
    int status; /* 0: no head comes */
    const char *type;
    const char *retry_after;
    const char *date;
    bool is_cut;
    bool was_sent;
    const char *why;
    struct call *call;
    struct buf expected;
};

static enum call_kind kind_of(const char *text)
{
#define KIND_NAME(symbol, name, method, once) [CALL_##symbol] = #symbol,
    static const char *const NAMES[CALL_N] = {CALL_KINDS(KIND_NAME)};
#undef KIND_NAME

    for (int k = 0; k < CALL_N; k++)
        if (strcmp(NAMES[k], text) == 0)
            return (enum call_kind)k;
    fail_msg("no such kind: %s", text);
    return CALL_N;
}

static const char *text_of(struct json_object *o, const char *key)
{
    const char *s = NULL;

    return json_get_str(o, key, &s) ? s : NULL;
}

static struct call *call_of(struct json_object *o)
{
    struct call *c = call_new(kind_of(text_of(o, "kind")), text_of(o, "name"));

    assert_non_null(c);
    c->id = 7;
    c->cursor = mem_strdup(text_of(o, "cursor"));
    c->expiration = mem_strdup(text_of(o, "expiration"));
    if (text_of(o, "authorization"))
        c->authorization = AUTH_READ_ONLY;
    return c;
}

static void read_case(struct json_object *o, struct a_case *c)
{
    struct json_object *body = NULL;
    struct json_object *lines = NULL;
    int64_t status = 0;

    *c = (struct a_case){.name = text_of(o, "case"), .expected = BUF_INIT(DUMP_MAX_BYTES)};
    assert_non_null(c->name);
    if (json_object_object_get_ex(o, "body", &body)) {
        c->body = json_object_is_type(body, json_type_string)
                      ? json_object_get_string(body)
                      : json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN);
        c->body_size = json_object_is_type(body, json_type_string)
                           ? (size_t)json_object_get_string_len(body)
                           : strlen(c->body);
    }
    if (json_get_int(o, "status", &status))
        c->status = (int)status;
    c->type = text_of(o, "type");
    c->retry_after = text_of(o, "retry_after");
    c->date = text_of(o, "date");
    c->why = text_of(o, "fails");
    c->is_cut = c->why != NULL;
    if (!json_get_bool(o, "sent", &c->was_sent))
        c->was_sent = true;
    c->call = call_of(o);
    assert_true(json_get_arr(o, "expect", &lines));
    for (size_t i = 0; i < json_object_array_length(lines); i++)
        buf_printf(&c->expected, "%s\n",
                   json_object_get_string(json_object_array_get_idx(lines, i)));
}

static void drop_case(struct a_case *c)
{
    call_free(c->call);
    buf_deinit(&c->expected);
}

static bool feed(struct answer_reader *r, const char *data, size_t n)
{
    char *copy = n ? test_malloc(n) : NULL; /* so that reading past its end shows */
    bool wanted;

    if (n == 0)
        return true;
    memcpy(copy, data, n);
    wanted = answer_reader_data(r, copy, n);
    test_free(copy);
    return wanted;
}

/* The body in pieces of `step` bytes, the first of `first`. NULL: no memory. */
static struct answer *play(const struct a_case *c, size_t first, size_t step)
{
    struct answer *a = answer_new(c->call);
    struct answer_reader *r = a ? answer_reader_new(c->call, a) : NULL;
    bool wanted = true;

    if (!r) {
        answer_free(a);
        return NULL;
    }
    if (c->status)
        answer_reader_head(r, c->status, c->type, c->retry_after, c->date, NOW_MS);
    if (c->status && c->body_size)
        wanted = feed(r, c->body, first);
    for (size_t at = first; c->status && wanted && at < c->body_size; at += step)
        wanted = feed(r, c->body + at, c->body_size - at < step ? c->body_size - at : step);
    if (c->is_cut && wanted)
        answer_reader_fail(r, c->was_sent, c->why);
    else
        answer_reader_end(r);
    answer_reader_free(r);
    return a;
}

static void check(const struct a_case *c, size_t first, size_t step)
{
    struct answer *a = play(c, first, step);
    struct buf got = BUF_INIT(DUMP_MAX_BYTES);

    assert_non_null(a);
    assert_int_equal(a->call_id, 7);
    assert_int_equal(a->http_status, c->status);
    dump(a, &got);
    if (strcmp(buf_str(&got), buf_str(&c->expected)) != 0)
        fail_msg("case \"%s\" (pieces of %zu and %zu)\ngave:\n%swanted:\n%s", c->name, first, step,
                 buf_str(&got), buf_str(&c->expected));
    buf_deinit(&got);
    answer_free(a);
}

/* With no memory there is no answer, or one that claims nothing: unknown, unless the head settled
 * it. */
static void torture(const struct a_case *c)
{
    for (long nth = 1;; nth++) {
        size_t before = mem_live_blocks();
        struct answer *a;

        fault_arm(nth);
        a = play(c, c->body_size, 1);
        if (!fault_disarm()) {
            answer_free(a);
            return;
        }
        if (a) {
            bool was_settled_before = a->http_status >= 300 || c->is_cut;

            assert_int_not_equal(a->outcome, OUTCOME_OK);
            assert_true(a->outcome == OUTCOME_UNKNOWN || was_settled_before);
            assert_int_equal(a->n_databases + a->n_groups, 0);
            assert_null(a->token.jwt);
        }
        answer_free(a);
        assert_int_equal(mem_live_blocks(), before);
    }
}

typedef void (*case_fn)(const struct a_case *c);

static size_t each_case_of(const char *path, case_fn fn)
{
    struct json_object *all = json_object_from_file(path);
    size_t n = 0;

    if (!all)
        fail_msg("%s: %s", path, json_util_get_last_err());
    for (; n < json_object_array_length(all); n++) {
        struct a_case c;

        read_case(json_object_array_get_idx(all, n), &c);
        fn(&c);
        drop_case(&c);
    }
    json_object_put(all);
    return n;
}

static void each_case(case_fn fn)
{
    glob_t files;
    size_t n = 0;

    assert_int_equal(glob(TESTS_DATA_DIR "/answers/*.json", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        n += each_case_of(files.gl_pathv[i], fn);
    globfree(&files);
    assert_true(n > 100); /* else the files are not what they were */
}

static void whole_and_byte_by_byte(const struct a_case *c)
{
    check(c, c->body_size, 1);
    check(c, 0, 1);
}

static void every_split(const struct a_case *c)
{
    for (size_t at = 1; at < c->body_size && c->body_size <= SPLIT_MAX; at++)
        check(c, at, c->body_size);
}

static void answer__of_every_case__is_as_written(void **state)
{
    (void)state;
    each_case(whole_and_byte_by_byte);
}

static void answer__cut_at_every_place_into_two_pieces__is_the_same(void **state)
{
    (void)state;
    each_case(every_split);
}

static void answer__with_each_allocation_failing__is_whole_or_unknown(void **state)
{
    (void)state;
    each_case(torture);
}

/* --- What needs more than a case ------------------------------------------------------------ */

static struct answer *reply(enum call_kind kind, const char *name, int status, const char *body,
                            size_t size)
{
    struct a_case c = {.name = "reply", .body = body, .body_size = size, .status = status};
    struct answer *a;

    c.call = call_new(kind, name);
    assert_non_null(c.call);
    a = play(&c, size, 1);
    assert_non_null(a);
    call_free(c.call);
    return a;
}

static void body__over_the_limit__is_malformed_and_ends_the_transfer(void **state)
{
    struct call *c = call_new(CALL_DATABASE_GET, "a");
    struct answer *a = answer_new(c);
    struct answer_reader *r = answer_reader_new(c, a);
    static const char SPACES[4096] = {' '};
    size_t fed = 0;

    (void)state;
    answer_reader_head(r, 200, "application/json", NULL, NULL, NOW_MS);
    while (answer_reader_data(r, SPACES, sizeof(SPACES)))
        fed += sizeof(SPACES);
    assert_false(answer_reader_data(r, SPACES, 1));
    answer_reader_end(r);

    assert_int_equal(fed, LIMIT_ANSWER_BYTES);
    assert_int_equal(a->outcome, OUTCOME_MALFORMED);
    assert_string_equal(a->error, "answer: it is over 1048576 bytes long");
    answer_reader_free(r);
    answer_free(a);
    call_free(c);
}

/* Behind so many spaces that the body has to move, and more than once. */
static void token__in_a_long_body__is_whole(void **state)
{
    static const char END[] =
        "{\"jwt\":\"eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9."
        "eyJpYXQiOjE3OTUzOTAyNDgsImV4cCI6MTc5NTk5NTA0OCwiaWQiOiJkLTEiLCJhIjoicm8ifQ."
        "c2lnbmF0dXJl\"}";
    static const size_t SPACES[] = {0, 4000, 9000, 60000, 70000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SPACES); i++) {
        size_t size = SPACES[i] + strlen(END);
        char *body = test_malloc(size);
        struct a_case c = {.name = "reply", .body = body, .body_size = size, .status = 200};
        struct answer *a;

        memset(body, ' ', size);
        memcpy(body + SPACES[i], END, strlen(END));
        c.call = call_new(CALL_DATABASE_TOKEN, "core");
        assert_non_null(c.call);
        assert_true(ledger_set(&c.call->expiration, "7d"));
        a = play(&c, 1, 997);
        assert_non_null(a);
        assert_int_equal(a->token.jwt_size, SPACES[i] < LIMIT_TOKEN_FILE_BYTES ? 124 : 0);
        assert_int_equal(a->outcome,
                         SPACES[i] < LIMIT_TOKEN_FILE_BYTES ? OUTCOME_OK : OUTCOME_MALFORMED);
        answer_free(a);
        call_free(c.call);
        test_free(body);
    }
}

static void refusal__of_any_length__keeps_its_meaning(void **state)
{
    size_t size = 300000;
    char *body = test_malloc(size);
    struct answer *a;

    (void)state;
    memset(body, 'x', size);
    memcpy(body, "no such thing ", 14);
    a = reply(CALL_DATABASE_GET, "a", 404, body, size);

    assert_int_equal(a->outcome, OUTCOME_NOT_FOUND);
    assert_string_equal(a->error, "no such thing [hidden]");
    answer_free(a);
    test_free(body);
}

static void listing__of_an_element_over_the_limit__is_malformed(void **state)
{
    size_t size = LIMIT_LISTED_ELEMENT_BYTES + 100;
    char *body = test_malloc(size);
    struct answer *a;

    (void)state;
    memset(body, 'x', size);
    memcpy(body, "{\"databases\":[{\"Name\":\"", 23);
    a = reply(CALL_DATABASES_LIST, NULL, 200, body, size);

    assert_int_equal(a->outcome, OUTCOME_MALFORMED);
    assert_string_equal(a->error, "answer: byte 14: a value of over 65536 bytes");
    answer_free(a);
    test_free(body);
}

static void listing__of_many__costs_memory_for_what_is_kept_alone(void **state)
{
    enum { N = 20000 };
    struct buf body = BUF_INIT(64u << 20);
    struct answer *a;

    (void)state;
    buf_add_str(&body, "{\"databases\":[");
    for (int i = 0; i < N; i++)
        buf_printf(
            &body,
            "%s{\"Name\":\"t-%d\",\"DbId\":\"id-%d\",\"group\":\"eu\",\"regions\":[\"aws\"]}",
            i ? "," : "", i, i);
    buf_add_str(&body, "],\"pagination\":{\"next\":null}}");
    a = reply(CALL_DATABASES_LIST, NULL, 200, body.data, body.size);

    assert_int_equal(a->outcome, OUTCOME_OK);
    assert_int_equal(a->n_databases, N);
    assert_string_equal(a->databases[N - 1].name, "t-19999");
    assert_ptr_equal(a->databases[0].group, a->databases[N - 1].group);
    assert_true(a->arena.bytes < N * (sizeof(struct live_db) + 40));
    answer_free(a);
    buf_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer__of_every_case__is_as_written),
        cmocka_unit_test(answer__cut_at_every_place_into_two_pieces__is_the_same),
        cmocka_unit_test(answer__with_each_allocation_failing__is_whole_or_unknown),
        cmocka_unit_test(body__over_the_limit__is_malformed_and_ends_the_transfer),
        cmocka_unit_test(token__in_a_long_body__is_whole),
        cmocka_unit_test(refusal__of_any_length__keeps_its_meaning),
        cmocka_unit_test(listing__of_an_element_over_the_limit__is_malformed),
        cmocka_unit_test(listing__of_many__costs_memory_for_what_is_kept_alone),
    };

    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
