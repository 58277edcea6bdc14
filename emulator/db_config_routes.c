/* db_config_routes: the fields of a database that can change.
 * In:    values as they came in a request.
 * Out:   values checked, and as they read back.
 * Never: changes a database before all of a request is known to be good. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "db_config.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "plan.h"
#include "routes.h"
#include "shape.h"

/* Digits and a unit of 1024: 10000, 1mb, 256mb, 1gb. */
static bool parse_size(const char *text, uint64_t *out)
{
    static const char *const units[] = {"", "kb", "mb", "gb", "tb"};
    char digits[SIZE_LIMIT_TEXT];
    size_t n = strspn(text, "0123456789");

    if (!n || n >= sizeof(digits))
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    if (!text_parse_uint(digits, UINT64_C(1) << 20, out) &&
        (text[n] || !text_parse_uint(digits, UINT64_C(1) << 60, out)))
        return false;
    if (!strcasecmp(text + n, "b"))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++, *out *= 1024) {
        if (!strcasecmp(text + n, units[i]))
            return true;
    }
    return false;
}

bool db_config_size_limit(const struct emulator *e, const char *text, char out[SIZE_LIMIT_TEXT],
                          struct answer *a)
{
    uint64_t bytes;

    if (e->switches.new_engine) {
        answer_error(a, 400, "size_limit is not supported for db-api controlled databases");
        return false;
    }
    if (!parse_size(text, &bytes)) {
        answer_error(a, 400, "invalid size limit: %.64s", text);
        return false;
    }
    if (e->switches.size_limit_readback == READBACK_AS_SENT && strlen(text) < SIZE_LIMIT_TEXT)
        snprintf(out, SIZE_LIMIT_TEXT, "%s", text);
    else
        snprintf(out, SIZE_LIMIT_TEXT, "%llu", (unsigned long long)bytes);
    return true;
}

static bool is_ip(const char *s)
{
    char address[INET6_ADDRSTRLEN];
    size_t n = strcspn(s, "/");
    unsigned char bytes[16];
    uint64_t bits;
    bool is_v4;

    if (n >= sizeof(address))
        return false;
    memcpy(address, s, n);
    address[n] = '\0';
    is_v4 = inet_pton(AF_INET, address, bytes) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, bytes) != 1)
        return false;
    return !s[n] || text_parse_uint(s + n + 1, is_v4 ? 32 : 128, &bits);
}

static bool is_vpc(const char *s)
{
    return !strncmp(s, "vpce-", 5) && s[5] && s[5 + strspn(s + 5, "0123456789abcdef")] == '\0';
}

static bool holds(const struct allow_list *l, const char *item)
{
    for (size_t i = 0; i < l->n; i++) {
        if (!strcmp(l->items[i], item))
            return true;
    }
    return false;
}

/* Appends the item, trimmed, unless it is there. False: answered. */
static bool add_item(struct allow_list *l, struct json_object *v, bool (*is_good)(const char *),
                     struct answer *a)
{
    const char *s = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
    size_t n;
    char *item;

    while (isspace((unsigned char)*s))
        s++;
    n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1]))
        n--;
    item = mem_strndup(s, n);
    if (!item) {
        answer_no_memory(a);
        return false;
    }
    if (!is_good(item)) {
        answer_error(a, 400, "invalid entry in allow list: '%s'", item);
        mem_free(item);
        return false;
    }
    if (holds(l, item))
        mem_free(item);
    else
        l->items[l->n++] = item;
    return true;
}

/* A list that a request may replace: `fresh` NULL and `given` true empties it. */
struct new_list {
    struct allow_list *fresh;
    bool given;
};

static bool read_list(const struct emulator *e, const struct request *rq, const char *key,
                      struct new_list *out, struct answer *a)
{
    struct json_object *array = NULL;
    enum member m = member_array(rq->json, key, &array);
    size_t n = m == MEMBER_OK ? json_object_array_length(array) : 0;

    if (m == MEMBER_WRONG || n > ALLOW_LIST_MAX) {
        answer_error(a, 400, "%s must be a list of at most %d strings", key, ALLOW_LIST_MAX);
        return false;
    }
    out->given = m != MEMBER_ABSENT;
    if (!n)
        return true;
    if (!plan_current(&e->switches)->has_allow_lists) {
        answer_gated(a, 403, "feature_not_available_for_starter_plan",
                     "%s is not available on your plan", key);
        return false;
    }
    out->fresh = mem_alloc(sizeof(*out->fresh) + n * sizeof(char *));
    if (!out->fresh) {
        answer_no_memory(a);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!add_item(out->fresh, json_object_array_get_idx(array, i),
                      !strcmp(key, "allowed_ips") ? is_ip : is_vpc, a))
            return false;
    }
    return true;
}

static void put_list(struct allow_list **at, struct new_list *l)
{
    if (!l->given)
        return;
    allow_list_free(*at);
    *at = l->fresh;
    l->fresh = NULL;
}

static bool read_attach(const struct emulator *e, const struct request *rq, bool *io,
                        struct answer *a)
{
    enum member m = member_bool(rq->json, "allow_attach", io);

    if (m == MEMBER_WRONG)
        answer_error(a, 400, "allow_attach must be a boolean");
    else if (m == MEMBER_OK && !e->switches.legacy)
        answer_error(a, 400, "allow_attach is not supported for AWS databases");
    else
        return true;
    return false;
}

static bool read_size(const struct emulator *e, const struct request *rq, char out[SIZE_LIMIT_TEXT],
                      struct answer *a)
{
    const char *text;

    switch (member_string(rq->json, "size_limit", &text)) {
    case MEMBER_OK:
        return db_config_size_limit(e, text, out, a);
    case MEMBER_WRONG:
        answer_error(a, 400, "size_limit must be a string");
        return false;
    default:
        return true;
    }
}

void route_db_config_get(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);

    (void)e;
    if (db)
        shape_database_config(db, &a->body);
}

void route_db_config_patch(struct emulator *e, struct request *rq, struct answer *a)
{
    struct database *db = routes_database(rq, a);
    struct new_list ips = {0};
    struct new_list vpcs = {0};
    struct database next;

    if (!db)
        return;
    next = *db;
    if (read_size(e, rq, next.size_limit, a) && read_attach(e, rq, &next.allow_attach, a) &&
        routes_want_bool(rq, "block_reads", &next.block_reads, a) &&
        routes_want_bool(rq, "block_writes", &next.block_writes, a) &&
        routes_want_bool(rq, "delete_protection", &next.delete_protection, a) &&
        read_list(e, rq, "allowed_ips", &ips, a) &&
        read_list(e, rq, "allowed_aws_vpc_ids", &vpcs, a)) {
        memcpy(db->size_limit, next.size_limit, SIZE_LIMIT_TEXT);
        db->allow_attach = next.allow_attach;
        db->block_reads = next.block_reads;
        db->block_writes = next.block_writes;
        if (next.delete_protection != db->delete_protection)
            routes_audit(rq, next.delete_protection ? AUDIT_DB_PROTECT : AUDIT_DB_UNPROTECT,
                         "database", db->name);
        db->delete_protection = next.delete_protection;
        put_list(&db->ips, &ips);
        put_list(&db->vpcs, &vpcs);
        shape_database_config(db, &a->body);
    }
    allow_list_free(ips.fresh);
    allow_list_free(vpcs.fresh);
}
