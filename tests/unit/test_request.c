/* test_request: every kind of call as the bytes that go to the platform.
 * In:    calls with all they can hold, with as little as they may, and with what could mean another
 * path. Out:   cmocka's verdict. Never: a socket. */
#include "core/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"

#define O  "/v1/organizations/acme"
#define IP "203.0.113.0/24"

/* A call with static texts: never given to call_free.. */
#define TEXT(s) ((char[]){s})

struct row {
    struct call call;
    const char *target;
    const char *body; /* NULL: none */
};

static void expect(const struct row *row)
{
    struct request r;
    struct err err = ERR_INIT;
    int rc = request_build(&row->call, "acme", &r, &err);

    if (rc != 0)
        fail_msg("%s: %s", CALL_INFO[row->call.kind].name, err.msg);
    assert_string_equal(r.method, CALL_INFO[row->call.kind].method);
    assert_string_equal(r.target, row->target);
    if (row->body)
        assert_string_equal(r.body, row->body);
    else
        assert_null(r.body);
    request_deinit(&r);
}

static void request__of_every_kind__is_as_the_platform_says(void **state)
{
    const struct row ROWS[] = {
        {{.kind = CALL_ORGANIZATION_GET}, O, NULL},
        {{.kind = CALL_GROUPS_LIST}, O "/groups", NULL},
        {{.kind = CALL_GROUP_GET, .name = TEXT("eu")}, O "/groups/eu", NULL},
        {{.kind = CALL_GROUP_CREATE, .name = TEXT("eu"), .location = TEXT("aws-eu-west-1")},
         O "/groups",
         "{\"name\":\"eu\",\"location\":\"aws-eu-west-1\"}"},
        {{.kind = CALL_GROUP_CONFIGURE,
          .name = TEXT("eu"),
          .config =
              {[CONFIG_DELETE_PROTECTION] = TEXT("true"), [CONFIG_BLOCK_READS] = TEXT("true")}},
         O "/groups/eu/configuration",
         "{\"delete_protection\":true}"},
        {{.kind = CALL_GROUP_UNARCHIVE, .name = TEXT("eu")}, O "/groups/eu/unarchive", NULL},
        {{.kind = CALL_GROUP_DELETE, .name = TEXT("eu")}, O "/groups/eu", NULL},
        {{.kind = CALL_GROUP_TOKEN, .name = TEXT("eu"), .expiration = TEXT("never")},
         O "/groups/eu/auth/tokens?expiration=never&authorization=full-access",
         "{}"},
        {{.kind = CALL_GROUP_ROTATE, .name = TEXT("eu")}, O "/groups/eu/auth/rotate", NULL},
        {{.kind = CALL_LOCATION_ADD, .name = TEXT("eu"), .location = TEXT("lhr")},
         O "/groups/eu/locations/lhr",
         NULL},
        {{.kind = CALL_LOCATION_REMOVE, .name = TEXT("eu"), .location = TEXT("lhr")},
         O "/groups/eu/locations/lhr",
         NULL},
        {{.kind = CALL_LOCATION_CLOSEST}, "/", NULL},
        {{.kind = CALL_DATABASES_LIST}, O "/databases?limit=1000", NULL},
        {{.kind = CALL_DATABASE_GET, .name = TEXT("t-1")}, O "/databases/t-1", NULL},
        {{.kind = CALL_DATABASE_CREATE, .name = TEXT("t-1"), .group = TEXT("eu")},
         O "/databases",
         "{\"name\":\"t-1\",\"group\":\"eu\"}"},
        {{.kind = CALL_DATABASE_CONFIG_GET, .name = TEXT("t-1")},
         O "/databases/t-1/configuration",
         NULL},
        {{.kind = CALL_DATABASE_CONFIGURE,
          .name = TEXT("t-1"),
          .config = {[CONFIG_BLOCK_WRITES] = TEXT("false")}},
         O "/databases/t-1/configuration",
         "{\"block_writes\":false}"},
        {{.kind = CALL_DATABASE_DELETE, .name = TEXT("t-1")}, O "/databases/t-1", NULL},
        {{.kind = CALL_DATABASE_TOKEN,
          .name = TEXT("t-1"),
          .expiration = TEXT("7d"),
          .authorization = AUTH_READ_ONLY},
         O "/databases/t-1/auth/tokens?expiration=7d&authorization=read-only",
         "{}"},
        {{.kind = CALL_DATABASE_ROTATE, .name = TEXT("t-1")}, O "/databases/t-1/auth/rotate", NULL},
        {{.kind = CALL_DELETED_DATABASES_LIST,
          .organization_id = TEXT("o-1"),
          .cursor = TEXT("a/b")},
         "/v3/organizations/o-1/databases?deleted=true&limit=1000&cursor=a%2Fb",
         NULL},
        {{.kind = CALL_DELETED_GROUPS_LIST, .organization_id = TEXT("o-1")},
         "/v3/organizations/o-1/deleted-groups?limit=1000",
         NULL},
        {{.kind = CALL_DATABASE_RESTORE,
          .name = TEXT("t-1"),
          .organization_id = TEXT("o-1"),
          .target_id = TEXT("D-2")},
         "/v3/organizations/o-1/databases/D-2/restore",
         "{}"},
        {{.kind = CALL_GROUP_RESTORE,
          .name = TEXT("eu"),
          .organization_id = TEXT("o-1"),
          .target_id = TEXT("g-1")},
         "/v3/organizations/o-1/groups/g-1/restore",
         "{}"},
        {{.kind = CALL_DATABASE_PROBE, .name = TEXT("t-1"), .host = TEXT("t-1-acme.turso.io")},
         "/v2/pipeline",
         "{\"requests\":[{\"type\":\"execute\",\"stmt\":{\"sql\":\"SELECT "
         "1\"}},{\"type\":\"close\"}]}"},
        {{.kind = CALL_DATABASE_ASK, .name = TEXT("t-1"), .host = TEXT("t-1-acme.turso.io")},
         "/v2/pipeline",
         "{\"requests\":[{\"type\":\"execute\",\"stmt\":{\"sql\":\"SELECT count(*) FROM "
         "sqlite_master\"}},{\"type\":\"close\"}]}"},
        {{.kind = CALL_DATABASE_UPLOAD, .name = TEXT("t-1"), .host = TEXT("t-1-acme.turso.io")},
         "/v1/upload",
         NULL},
        {{.kind = CALL_SEED_LOOK, .name = TEXT("t-1"), .seed_file = TEXT("base.db")}, "/", NULL},
        {{.kind = CALL_REPORT_ORGANIZATIONS}, "/v1/organizations", NULL},
        {{.kind = CALL_REPORT_PLANS}, O "/plans", NULL},
        {{.kind = CALL_REPORT_SUBSCRIPTION}, O "/subscription", NULL},
        {{.kind = CALL_REPORT_USAGE}, O "/usage", NULL},
        {{.kind = CALL_REPORT_DATABASE_USAGE, .name = TEXT("t-1")}, O "/databases/t-1/usage", NULL},
        {{.kind = CALL_REPORT_AUDIT, .page = 3}, O "/audit-logs?page=3&page_size=100", NULL},
        {{.kind = CALL_REPORT_LOCATIONS}, "/v1/locations", NULL},
        {{.kind = CALL_REPORT_TOKENS}, O "/api-tokens", NULL},
        {{.kind = CALL_REPORT_OWN_TOKENS}, "/v1/auth/api-tokens", NULL},
        {{.kind = CALL_REPORT_MEMBERS}, O "/members", NULL},
        {{.kind = CALL_REPORT_INVITES}, "/v2/organizations/acme/invites", NULL},
        {{.kind = CALL_API_TOKENS_LIST}, O "/api-tokens", NULL},
        {{.kind = CALL_API_TOKEN_CREATE,
          .name = TEXT("signup--g3"),
          .group = TEXT("eu"),
          .scopes = TEXT("db:create,read")},
         "/v1/auth/api-tokens/signup--g3",
         "{\"organization\":\"acme\",\"group\":\"eu\",\"scopes\":[\"db:create\",\"read\"]}"},
        {{.kind = CALL_API_TOKEN_REVOKE, .target_id = TEXT("clGFZ4STEe6fljpFzIum8A")},
         O "/api-tokens/clGFZ4STEe6fljpFzIum8A",
         NULL},
        {{.kind = CALL_USER_GET}, "/v1/user", NULL},
        {{.kind = CALL_TOKEN_VALIDATE}, "/v1/auth/validate", NULL},
        {{.kind = CALL_DELETE_TOKEN_VALIDATE}, "/v1/auth/validate", NULL},
        {{.kind = CALL_INVITES_LIST}, "/v2/organizations/acme/invites", NULL},
        {{.kind = CALL_MEMBERS_LIST}, O "/members", NULL},
        {{.kind = CALL_INVITE_SEND, .name = TEXT("jo+x@example.com"), .role = TEXT("admin")},
         "/v2/organizations/acme/invites",
         "{\"email\":\"jo+x@example.com\",\"role\":\"admin\"}"},
        {{.kind = CALL_INVITE_REMOVE, .name = TEXT("jo+x@example.com")},
         "/v2/organizations/acme/invites/jo%2Bx%40example.com",
         NULL},
        {{.kind = CALL_MEMBER_ROLE, .name = TEXT("Jo_1"), .role = TEXT("viewer")},
         O "/members/Jo_1",
         "{\"role\":\"viewer\"}"},
        {{.kind = CALL_MEMBER_REMOVE, .name = TEXT("jo@x")}, O "/members/jo%40x", NULL},
    };

    (void)state;
    assert_int_equal(ARRAY_SIZE(ROWS), CALL_N);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        assert_int_equal(ROWS[i].call.kind, i);
        expect(&ROWS[i]);
    }
}

static void request__with_all_that_it_can_hold__sends_it(void **state)
{
    const struct row ROWS[] = {
        {{.kind = CALL_GROUP_CREATE,
          .name = TEXT("eu"),
          .location = TEXT("lhr"),
          .extensions = TEXT("all")},
         O "/groups",
         "{\"name\":\"eu\",\"location\":\"lhr\",\"extensions\":\"all\"}"},
        {{.kind = CALL_GROUP_CREATE,
          .name = TEXT("eu"),
          .location = TEXT("lhr"),
          .extensions = TEXT("math,vector")},
         O "/groups",
         "{\"name\":\"eu\",\"location\":\"lhr\",\"extensions\":[\"math\",\"vector\"]}"},
        {{.kind = CALL_DATABASES_LIST, .cursor = TEXT("a/b+c=&d e\xc3\xa9?#%~._-")},
         O "/databases?limit=1000&cursor=a%2Fb%2Bc%3D%26d%20e%C3%A9%3F%23%25~._-",
         NULL},
        {{.kind = CALL_DATABASE_CREATE, .name = TEXT("new"), .group = TEXT("eu"), .as_draft = true},
         O "/databases",
         "{\"name\":\"new\",\"group\":\"eu\",\"seed\":{\"type\":\"database_upload\"}}"},
        {{.kind = CALL_DATABASE_CREATE,
          .name = TEXT("pr-1"),
          .group = TEXT("eu"),
          .seed_database = TEXT("core")},
         O "/databases",
         "{\"name\":\"pr-1\",\"group\":\"eu\",\"seed\":{\"type\":\"database\",\"name\":\"core\"}}"},
        {{.kind = CALL_DATABASE_CREATE,
          .name = TEXT("pr-1"),
          .group = TEXT("eu"),
          .seed_database = TEXT("core"),
          .seed_timestamp = TEXT("2026-11-20T00:00:00Z"),
          .use_tursodb = true,
          .config = {[CONFIG_SIZE_LIMIT] = TEXT("256mb"), [CONFIG_BLOCK_READS] = TEXT("true")}},
         O "/databases",
         "{\"name\":\"pr-1\",\"group\":\"eu\",\"seed\":{\"type\":\"database\",\"name\":\"core\","
         "\"timestamp\":\"2026-11-20T00:00:00Z\"},\"use_tursodb\":true,\"size_limit\":\"256mb\"}"},
        {{.kind = CALL_DATABASE_CREATE,
          .name = TEXT("sealed"),
          .group = TEXT("eu"),
          .cipher = TEXT("aes128gcm"),
          .key_name = TEXT("k"),
          .key = TEXT("a/+b==")},
         O "/databases",
         "{\"name\":\"sealed\",\"group\":\"eu\",\"remote_encryption\":"
         "{\"encryption_key\":\"a/+b==\",\"encryption_cipher\":\"aes128gcm\"}}"},
        {{.kind = CALL_DATABASE_CREATE,
          .name = TEXT("pr-1"),
          .group = TEXT("eu"),
          .seed_database = TEXT("sealed"),
          .key_name = TEXT("k"),
          .key = TEXT("a/+b==")},
         O "/databases",
         "{\"name\":\"pr-1\",\"group\":\"eu\",\"seed\":{\"type\":\"database\",\"name\":\"sealed\"},"
         "\"remote_encryption\":{\"encryption_key\":\"a/+b==\"}}"},
        {{.kind = CALL_DATABASE_CONFIGURE,
          .name = TEXT("a"),
          .config = {[CONFIG_SIZE_LIMIT] = TEXT("5gb"),
                     [CONFIG_DELETE_PROTECTION] = TEXT("true"),
                     [CONFIG_BLOCK_READS] = TEXT("false"),
                     [CONFIG_BLOCK_WRITES] = TEXT("true"),
                     [CONFIG_ALLOWED_IPS] = TEXT(IP ",::1"),
                     [CONFIG_ALLOWED_AWS_VPC_IDS] = TEXT(""),
                     [CONFIG_ALLOW_ATTACH] = TEXT("true")}},
         O "/databases/a/configuration",
         "{\"size_limit\":\"5gb\",\"delete_protection\":true,\"block_reads\":false,"
         "\"block_writes\":true,\"allowed_ips\":[\"" IP "\",\"::1\"],"
         "\"allowed_aws_vpc_ids\":[],\"allow_attach\":true}"},
        {{.kind = CALL_API_TOKEN_CREATE, .name = TEXT("signup--g3")},
         "/v1/auth/api-tokens/signup--g3",
         "{\"organization\":\"acme\"}"},
        {{.kind = CALL_DATABASE_TOKEN,
          .name = TEXT("a"),
          .expiration = TEXT("1w2d"),
          .permissions = TEXT("[{\"t\":[\"comments\"],\"a\":[\"data_read\"]}]")},
         O "/databases/a/auth/tokens?expiration=1w2d&authorization=full-access",
         "{\"fine_grained_permissions\":[{\"t\":[\"comments\"],\"a\":[\"data_read\"]}]}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        expect(&ROWS[i]);
}

static void refused(const struct call *c, const char *organization, const char *text)
{
    struct request r = {.method = "untouched"};
    struct err err = ERR_INIT;

    assert_int_equal(request_build(c, organization, &r, &err), -ERR_INVALID);
    assert_string_equal(err.msg, text);
    assert_string_equal(r.method, "untouched");
}

static void name__that_could_mean_another_path__is_refused(void **state)
{
    static const char *const NAMES[] = {
        "",  ".",   "..",   "a/b",  "../groups/eu", "%2e%2e", "a?b", "a#b", "A",
        "-", "a b", "a\nb", "a%00", "a;b",          "\\",     "é",   "a-",  "eu/",
    };
    static const enum call_kind KINDS[] = {CALL_DATABASE_DELETE, CALL_GROUP_DELETE,
                                           CALL_DATABASE_GET,    CALL_DATABASE_CREATE,
                                           CALL_GROUP_CREATE,    CALL_GROUP_TOKEN};

    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(KINDS); k++) {
        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
            struct call *c = call_new(KINDS[k], NAMES[i]);
            struct request r;
            struct err err = ERR_INIT;

            c->group = mem_strdup("eu");
            c->location = mem_strdup("lhr");
            c->expiration = mem_strdup("1d");
            assert_int_equal(request_build(c, "acme", &r, &err), -ERR_INVALID);
            call_free(c);
        }
    }
}

static void call__that_lacks_what_it_needs__is_refused_with_the_reason(void **state)
{
    (void)state;
    refused(&(struct call){.kind = CALL_DATABASE_DELETE}, "acme",
            "delete database: \"\" cannot be the name of a database or group");
    refused(&(struct call){.kind = CALL_LOCATION_ADD, .name = TEXT("eu"), .location = TEXT("..")},
            "acme", "add location: \"..\" cannot be the name of a location");
    refused(&(struct call){.kind = CALL_DATABASE_CREATE, .name = TEXT("a"), .group = TEXT("e/u")},
            "acme", "create database: \"a\" in \"e/u\": not names of a database and a group");
    refused(&(struct call){.kind = CALL_DATABASE_CREATE,
                           .name = TEXT("a"),
                           .group = TEXT("eu"),
                           .seed_database = TEXT("B")},
            "acme", "create database: \"a\" in \"eu\": not names of a database and a group");
    refused(&(struct call){.kind = CALL_GROUP_CREATE, .name = TEXT("eu")}, "acme",
            "create group: \"eu\" in \"\": not names of a group and a location");
    refused(&(struct call){.kind = CALL_DATABASE_CONFIGURE, .name = TEXT("a")}, "acme",
            "configure database: no field to configure");
    refused(&(struct call){.kind = CALL_GROUP_CONFIGURE, .name = TEXT("a")}, "acme",
            "configure group: no field to configure");
    refused(&(struct call){.kind = CALL_DATABASE_CONFIGURE,
                           .name = TEXT("a"),
                           .config = {[CONFIG_BLOCK_READS] = TEXT("yes")}},
            "acme", "configure database: block_reads must be true or false, not \"yes\"");
    refused(&(struct call){.kind = CALL_API_TOKEN_CREATE, .name = TEXT("a"), .group = TEXT("eu")},
            "acme", "create API token: an API token of a group needs the group and scopes");
    refused(
        &(struct call){.kind = CALL_API_TOKEN_CREATE, .name = TEXT("a"), .scopes = TEXT("read")},
        "acme", "create API token: an API token of a group needs the group and scopes");
    refused(&(struct call){.kind = CALL_MEMBER_REMOVE, .name = TEXT("..")}, "acme",
            "remove member: \"..\" cannot be the name of a user");
    refused(&(struct call){.kind = CALL_MEMBER_REMOVE, .name = TEXT("a/b")}, "acme",
            "remove member: \"a/b\" cannot be the name of a user");
    refused(&(struct call){.kind = CALL_MEMBER_REMOVE, .name = TEXT("")}, "acme",
            "remove member: \"\" cannot be the name of a user");
    refused(&(struct call){.kind = CALL_INVITE_REMOVE, .name = TEXT("a/../b@c.de")}, "acme",
            "withdraw invite: \"a/../b@c.de\" is no e-mail address");
    refused(&(struct call){.kind = CALL_INVITE_SEND, .name = TEXT("jo"), .role = TEXT("admin")},
            "acme", "invite: \"jo\" is no e-mail address");
    refused(&(struct call){.kind = CALL_MEMBER_ROLE, .name = TEXT("jo"), .role = TEXT("owner")},
            "acme", "set role of member: \"owner\" is no role that can be given");
    refused(&(struct call){.kind = CALL_API_TOKEN_REVOKE, .target_id = TEXT("..")}, "acme",
            "revoke API token: \"..\" cannot be the id of an API token");
    refused(&(struct call){.kind = CALL_GROUP_TOKEN, .name = TEXT("a")}, "acme",
            "mint group token: a token is asked for with an expiration of at most 64 bytes");
    refused(&(struct call){.kind = CALL_DATABASE_TOKEN,
                           .name = TEXT("a"),
                           .expiration = TEXT("1d"),
                           .permissions = TEXT("[")},
            "acme", "mint database token: permissions: not JSON: it ends too early at byte 1");
}

static void cursor__that_is_too_long__is_refused(void **state)
{
    struct call *c = call_new(CALL_DATABASES_LIST, NULL);

    (void)state;
    c->cursor = mem_alloc(LIMIT_CURSOR_BYTES + 2);
    memset(c->cursor, '/', LIMIT_CURSOR_BYTES + 1);
    refused(c, "acme", "list databases: a cursor of over 2048 bytes");
    call_free(c);
}

static void cursor__as_long_as_it_may_be__is_sent(void **state)
{
    struct call *c = call_new(CALL_DATABASES_LIST, NULL);
    struct request r;

    (void)state;
    c->cursor = mem_alloc(LIMIT_CURSOR_BYTES + 1);
    memset(c->cursor, '/', LIMIT_CURSOR_BYTES);
    assert_int_equal(request_build(c, "acme", &r, NULL), 0);
    assert_int_equal(strlen(r.target),
                     strlen(O "/databases?limit=1000&cursor=") + (size_t)3 * LIMIT_CURSOR_BYTES);
    request_deinit(&r);
    call_free(c);
}

static void organization__that_could_mean_another_path__is_refused(void **state)
{
    static const char *const SLUGS[] = {"", "..", "a/b", "a?b", "a.b", "a b", "é"};
    struct call c = {.kind = CALL_ORGANIZATION_GET};
    struct request r;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SLUGS); i++)
        assert_int_equal(request_build(&c, SLUGS[i], &r, NULL), -ERR_INVALID);
    assert_int_equal(request_build(&c, NULL, &r, NULL), -ERR_INVALID);
    assert_int_equal(request_build(&c, "Acme-Corp_2", &r, NULL), 0);
    assert_string_equal(r.target, "/v1/organizations/Acme-Corp_2");
    request_deinit(&r);
}

static void request__without_memory__is_nothing(void **state)
{
    struct call c = {.kind = CALL_DATABASE_CREATE, .name = TEXT("a"), .group = TEXT("eu")};
    size_t before = mem_live_blocks();

    (void)state;
    for (long nth = 1;; nth++) {
        struct request r;
        int rc;

        fault_arm(nth);
        rc = request_build(&c, "acme", &r, NULL);
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            request_deinit(&r);
            break;
        }
        assert_int_equal(rc, -ERR_NOMEM);
        assert_int_equal(mem_live_blocks(), before);
    }
    assert_int_equal(mem_live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request__of_every_kind__is_as_the_platform_says),
        cmocka_unit_test(request__with_all_that_it_can_hold__sends_it),
        cmocka_unit_test(name__that_could_mean_another_path__is_refused),
        cmocka_unit_test(call__that_lacks_what_it_needs__is_refused_with_the_reason),
        cmocka_unit_test(cursor__that_is_too_long__is_refused),
        cmocka_unit_test(cursor__as_long_as_it_may_be__is_sent),
        cmocka_unit_test(organization__that_could_mean_another_path__is_refused),
        cmocka_unit_test(request__without_memory__is_nothing),
    };

    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
