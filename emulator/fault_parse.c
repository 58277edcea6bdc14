/* fault_parse: a fault script, from JSON.
 * In:    the text of a script.
 * Out:   rules, or one message that names the rule and the key.
 * Never: takes a key that it does not know, or a rule that can have no effect. */
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "route.h"

typedef int (*key_fn)(struct fault_rule *rule, struct json_object *v, struct err *err);

static int want(struct err *err, const char *what)
{
    return err_set(err, ERR_INVALID, "expected %s", what);
}

static int get_int(struct json_object *v, int64_t min, int64_t max, int64_t *out)
{
    if (!json_object_is_type(v, json_type_int))
        return -ERR_INVALID;
    *out = json_object_get_int64(v);
    return *out < min || *out > max ? -ERR_INVALID : 0;
}

static int get_string(struct json_object *v, char **at, struct err *err)
{
    const char *s = json_object_get_string(v);

    if (!json_object_is_type(v, json_type_string) || !*s ||
        strlen(s) != (size_t)json_object_get_string_len(v))
        return want(err, "a string that is not empty");
    mem_free(*at);
    *at = mem_strdup(s);
    return *at ? 0 : err_nomem(err);
}

static int get_true(struct json_object *v, bool *out, struct err *err)
{
    if (!json_object_is_type(v, json_type_boolean))
        return want(err, "true or false");
    *out = json_object_get_boolean(v);
    return 0;
}

static const char *string_of(struct json_object *v)
{
    return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

static int key_method(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    static const char *const methods[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        if (!strcmp(string_of(v), methods[i]))
            return get_string(v, &rule->method, err);
    }
    return want(err, "GET, POST, PATCH, PUT or DELETE");
}

static int key_route(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    const char *s = string_of(v);

    if (*s != '/' && *s != '*')
        return want(err,
                    "a route such as /v1/organizations/{org}/groups, or a pattern over the path");
    if (strchr(s, '{') && !route_has_template(s))
        return err_set(err, ERR_INVALID, "there is no route %s", s);
    return get_string(v, &rule->route, err);
}

static int key_match(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    return get_string(v, &rule->match, err);
}

static int key_times(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    return get_int(v, -1, INT32_MAX, &rule->times) ? want(err, "-1, or how many times") : 0;
}

static int key_after(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    return get_int(v, 0, INT32_MAX, &rule->after) ? want(err, "how many matches to let pass") : 0;
}

static int key_probability(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    double p = json_object_get_double(v);

    if (!json_object_is_type(v, json_type_double) && !json_object_is_type(v, json_type_int))
        return want(err, "a number from 0 to 1");
    if (!(p >= 0 && p <= 1))
        return want(err, "a number from 0 to 1");
    rule->probability = p;
    return 0;
}

static int key_seed(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    int64_t seed;

    if (get_int(v, 1, INT64_MAX, &seed))
        return want(err, "an integer above 0");
    rule->dice = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    return 0;
}

static int key_status(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    return get_int(v, 200, 599, &rule->status) ? want(err, "a status from 200 to 599") : 0;
}

static int key_delay(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    if (text_parse_duration(string_of(v), &rule->delay_ms) &&
        rule->delay_ms <= INT64_C(3600) * 1000)
        return 0;
    return want(err, "a duration of at most an hour, such as \"300ms\"");
}

static int key_retry_after(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    const char *s = string_of(v);
    uint64_t seconds = 2;

    if (!get_int(v, 0, 86400, &rule->retry_after_s))
        return 0;
    if (strncmp(s, "http-date", 9) != 0 ||
        (s[9] && (s[9] != ':' || !text_parse_uint(s + 10, 86400, &seconds))))
        return want(err, "seconds, \"http-date\" or \"http-date:SECONDS\"");
    rule->retry_after_is_date = true;
    rule->retry_after_s = (int64_t)seconds;
    return 0;
}

static int key_drop(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    if (!strcmp(string_of(v), "before"))
        rule->drop = DROP_BEFORE;
    else if (!strcmp(string_of(v), "after"))
        rule->drop = DROP_AFTER;
    else
        return want(err, "\"before\" or \"after\"");
    return 0;
}

static int key_body(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    const char *s = string_of(v);

    if (!json_object_is_type(v, json_type_string))
        return want(err, "a string");
    mem_free(rule->body);
    rule->body = mem_strdup(s); /* may be empty: an answer without a body */
    return rule->body ? 0 : err_nomem(err);
}

static int key_cut(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    return get_int(v, 0, INT32_MAX, &rule->cut) ? want(err, "how many bytes to send") : 0;
}

static int key_cursor(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    if (strcmp(string_of(v), "repeat") != 0)
        return want(err, "\"repeat\"");
    rule->repeat_cursor = true;
    return 0;
}

static int key_list(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    if (!strcmp(string_of(v), "short"))
        rule->list = LIST_SHORT;
    else if (!strcmp(string_of(v), "empty"))
        rule->list = LIST_EMPTY;
    else if (!strcmp(string_of(v), "stale"))
        rule->list = LIST_STALE;
    else
        return want(err, "\"short\", \"empty\" or \"stale\"");
    return 0;
}

static int key_html(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    return get_true(v, &rule->html, err);
}

static int key_hang(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    return get_true(v, &rule->hang, err);
}

static int key_commit(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    return get_true(v, &rule->commit, err);
}

static const struct {
    const char *name;
    key_fn set;
} KEYS[] = {
    {"method", key_method}, {"route", key_route},
    {"match", key_match},   {"times", key_times},
    {"after", key_after},   {"probability", key_probability},
    {"seed", key_seed},     {"status", key_status},
    {"delay", key_delay},   {"retry_after", key_retry_after},
    {"drop", key_drop},     {"body", key_body},
    {"cut", key_cut},       {"cursor", key_cursor},
    {"list", key_list},     {"html", key_html},
    {"hang", key_hang},     {"commit", key_commit},
};

static int set_key(struct fault_rule *rule, const char *name, struct json_object *v,
                   struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
        int rc;

        if (strcmp(KEYS[i].name, name) != 0)
            continue;
        rc = KEYS[i].set(rule, v, err);
        return rc ? err_wrap(err, "%s", name) : 0;
    }
    return err_set(err, ERR_INVALID, "%s: unknown key", name);
}

static int check_rule(const struct fault_rule *rule, struct err *err)
{
    bool shapes_list = rule->list != LIST_WHOLE || rule->repeat_cursor;
    bool answers = rule->status || rule->body || rule->html;

    if (!answers && !shapes_list && rule->cut < 0 && rule->drop == DROP_NOT && !rule->hang &&
        !rule->delay_ms && rule->retry_after_s < 0)
        return err_set(err, ERR_INVALID,
                       "has no effect: give status, delay, drop, body, cut, "
                       "cursor, list, html, hang or retry_after");
    if (rule->drop != DROP_NOT && (answers || rule->cut >= 0 || rule->retry_after_s >= 0))
        return err_set(err, ERR_INVALID, "drop: sends nothing, so nothing else can be sent");
    if (rule->drop == DROP_BEFORE && rule->commit)
        return err_set(err, ERR_INVALID, "drop: \"before\" and commit exclude each other");
    if (shapes_list && (answers || rule->drop != DROP_NOT || rule->hang))
        return err_set(err, ERR_INVALID, "list and cursor need the route's own answer");
    if (rule->repeat_cursor && rule->list != LIST_WHOLE)
        return err_set(err, ERR_INVALID, "list and cursor exclude each other");
    return 0;
}

static int parse_rule(struct fault_rule *rule, struct json_object *v, struct err *err)
{
    *rule = (struct fault_rule){.times = 1,
                                .probability = 1,
                                .retry_after_s = -1,
                                .cut = -1,
                                .dice = UINT64_C(0x9e3779b97f4a7c15)};
    if (!json_object_is_type(v, json_type_object))
        return want(err, "an object");
    json_object_object_foreach(v, name, value)
    {
        int rc = set_key(rule, name, value, err);

        if (rc)
            return rc;
    }
    return check_rule(rule, err);
}

static int parse_rules(struct faults *f, struct json_object *array, struct err *err)
{
    size_t n = json_object_array_length(array);

    if (n > FAULT_RULES_MAX)
        return err_set(err, ERR_LIMIT, "at most %d rules", FAULT_RULES_MAX);
    if (!mem_grow(&f->rules, &f->capacity, n, sizeof(*f->rules)))
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        struct fault_rule *rule = &f->rules[f->n++];
        int rc = parse_rule(rule, json_object_array_get_idx(array, i), err);

        if (rc)
            return err_wrap(err, "rule %zu", i + 1);
    }
    return 0;
}

int faults_parse(struct faults *f, const char *json, size_t size, struct err *err)
{
    struct json_object *root CLEANUP(json_put) = NULL;
    struct faults fresh = FAULTS_INIT;
    int rc = json_parse(json, size, 8, &root, err);

    if (rc)
        return err_wrap(err, "fault script");
    if (!json_object_is_type(root, json_type_array))
        return err_set(err, ERR_INVALID, "fault script: expected an array of rules");
    rc = parse_rules(&fresh, root, err);
    if (rc) {
        faults_deinit(&fresh);
        return err_wrap(err, "fault script");
    }
    faults_deinit(f);
    *f = fresh;
    return 0;
}
