/* json_value: what is asked of values that json_read.c has found. */
#include <string.h>

#include "lib/json_read.h"

int json_read_at(const struct json_value *v, const char *path, struct json_value *out,
                 struct err *err)
{
    int rc = 0;

    *out = *v;
    while (rc == 0 && *path) {
        const struct json_key key = {path, strcspn(path, ".")};
        const struct json_value of = *out;

        rc = json_read_members(&of, &(struct json_members){&key, 1, out}, err);
        path += key.size + (path[key.size] == '.');
    }
    return rc;
}

int json_want(const struct json_value *v, const char *key, enum json_kind kind,
              struct json_value *out, struct err *err)
{
    static const char *const NAMES[] = {
        [JSON_NULL] = "null",     [JSON_FALSE] = "false", [JSON_TRUE] = "true",
        [JSON_NUMBER] = "number", [JSON_TEXT] = "text",   [JSON_LIST] = "list",
        [JSON_OBJECT] = "object",
    };
    int rc = json_read_at(v, key, out, err);

    if (rc == 0 && out->kind != kind)
        rc = err_set(err, ERR_INVALID, "\"%s\" is missing or no %s", key, NAMES[kind]);
    return rc;
}

bool json_int(const struct json_value *v, int64_t *out)
{
    bool is_negative;
    int64_t n = 0;

    if (v->kind != JSON_NUMBER)
        return false;
    is_negative = *v->at == '-';
    for (size_t i = is_negative; i < v->size; i++) {
        int digit = v->at[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, digit, &n)) /* downwards, where there is room for one more */
            return false;
    }
    if (!is_negative && __builtin_sub_overflow(0, n, &n))
        return false;
    *out = n;
    return true;
}

size_t json_count(const struct json_value *v)
{
    struct json_value item = {.kind = JSON_ABSENT};
    size_t n = 0;

    while (json_next(v, NULL, &item))
        n++;
    return n;
}
