/* switches: how this platform behaves where the real one's behaviour differs or is not known.
 * In:    names and values from argv or from /_emulator/switches.
 * Out:   one struct that the routes read.
 * Never: takes a name or a value that it does not know. */
#include "switches.h"

#include <errno.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "lib/text.h"

enum kind { KIND_BOOL, KIND_INT, KIND_DURATION, KIND_CHOICE };

static const char *const PROFILES[] = {"scaler", "starter", NULL};
static const char *const ROTATE_SCOPES[] = {"auto", "group", "database", NULL};
static const char *const READBACKS[] = {"bytes", "as-sent", NULL};

#define AT(field) offsetof(struct switches, field)
static const struct row {
    const char *name;
    size_t offset;
    int64_t min, max; /* of a KIND_INT */
    const char *const *choices;
    enum kind kind;
} ROWS[] = {
    {"latency", AT(latency_ms), 0, 0, NULL, KIND_DURATION},
    {"group_ready_delay", AT(group_ready_delay_ms), 0, 0, NULL, KIND_DURATION},
    {"unarchive_delay", AT(unarchive_delay_ms), 0, 0, NULL, KIND_DURATION},
    {"data_plane_delay", AT(data_plane_delay_ms), 0, 0, NULL, KIND_DURATION},
    {"duplicate_status", AT(duplicate_status), 400, 422, NULL, KIND_INT},
    {"out_of_reach_status", AT(out_of_reach_status), 403, 404, NULL, KIND_INT},
    {"page_cut", AT(page_cut), 1, 1000, NULL, KIND_INT},
    {"max_groups", AT(max_groups), 0, 1000000, NULL, KIND_INT},
    {"max_databases", AT(max_databases), 0, 10000000, NULL, KIND_INT},
    {"max_members", AT(max_members), 0, 1000000, NULL, KIND_INT},
    {"rate", AT(rate), 0, 1000000, NULL, KIND_INT},
    {"burst", AT(burst), 1, 1000000, NULL, KIND_INT},
    {"primary_prefix", AT(primary_prefix), 0, 0, NULL, KIND_BOOL},
    {"new_engine", AT(new_engine), 0, 0, NULL, KIND_BOOL},
    {"legacy", AT(legacy), 0, 0, NULL, KIND_BOOL},
    {"profile", AT(profile), 0, 0, PROFILES, KIND_CHOICE},
    {"rotate_scope", AT(rotate_scope), 0, 0, ROTATE_SCOPES, KIND_CHOICE},
    {"size_limit_readback", AT(size_limit_readback), 0, 0, READBACKS, KIND_CHOICE},
};

static const struct row *find_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        if (!strcmp(ROWS[i].name, name))
            return &ROWS[i];
    }
    return NULL;
}

static void *field(struct switches *s, const struct row *row)
{
    return (char *)s + row->offset;
}

static const void *const_field(const struct switches *s, const struct row *row)
{
    return (const char *)s + row->offset;
}

static int set_int(struct switches *s, const struct row *row, const char *text, struct err *err)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < row->min || value > row->max)
        return err_set(err, ERR_INVALID, "%s: expected an integer from %lld to %lld, got '%s'",
                       row->name, (long long)row->min, (long long)row->max, text);
    *(int64_t *)field(s, row) = value;
    return 0;
}

static int set_choice(struct switches *s, const struct row *row, const char *text, struct err *err)
{
    char known[128] = "";

    for (int i = 0; row->choices[i]; i++) {
        size_t n = strlen(known);

        if (!strcmp(row->choices[i], text)) {
            *(int *)field(s, row) = i;
            return 0;
        }
        snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", row->choices[i]);
    }
    return err_set(err, ERR_INVALID, "%s: expected one of %s, got '%s'", row->name, known, text);
}

static int set_row(struct switches *s, const struct row *row, const char *text, struct err *err)
{
    switch (row->kind) {
    case KIND_INT:
        return set_int(s, row, text, err);
    case KIND_CHOICE:
        return set_choice(s, row, text, err);
    case KIND_DURATION:
        if (!text_parse_duration(text, field(s, row)))
            return err_set(err, ERR_INVALID, "%s: expected a duration such as 40ms, got '%s'",
                           row->name, text);
        return 0;
    case KIND_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return err_set(err, ERR_INVALID, "%s: expected true or false, got '%s'", row->name,
                           text);
        *(bool *)field(s, row) = !strcmp(text, "true");
        return 0;
    }
    return err_set(err, ERR_INVALID, "%s: no such kind of switch", row->name);
}

int switches_set_text(struct switches *s, const char *name, const char *value, struct err *err)
{
    const struct row *row = find_row(name);
    struct switches next = *s;
    int rc;

    if (!row)
        return err_set(err, ERR_INVALID, "%s: no such switch", name);
    rc = set_row(&next, row, value, err);
    if (rc)
        return rc;
    if (next.duplicate_status != 400 && next.duplicate_status != 409 &&
        next.duplicate_status != 422)
        return err_set(err, ERR_INVALID, "duplicate_status: expected 400, 409 or 422");
    *s = next;
    return 0;
}

int switches_set(struct switches *s, struct json_object *object, struct err *err)
{
    struct switches next = *s;

    json_object_object_foreach(object, name, value)
    {
        enum json_type type = json_object_get_type(value);
        int rc;

        if (type != json_type_boolean && type != json_type_int && type != json_type_string)
            return err_set(err, ERR_INVALID, "%s: expected a boolean, an integer or a string",
                           name);
        rc = switches_set_text(&next, name, json_object_get_string(value), err);
        if (rc)
            return rc;
    }
    *s = next;
    return 0;
}

static void write_row(const struct switches *s, const struct row *row, struct buf *out)
{
    const void *at = const_field(s, row);
    char text[32];

    switch (row->kind) {
    case KIND_BOOL:
        emit_bool(out, row->name, *(const bool *)at);
        break;
    case KIND_INT:
        emit_int(out, row->name, *(const int64_t *)at);
        break;
    case KIND_CHOICE:
        emit_string(out, row->name, row->choices[*(const int *)at]);
        break;
    case KIND_DURATION:
        snprintf(text, sizeof(text), "%lldms", (long long)*(const int64_t *)at);
        emit_string(out, row->name, text);
        break;
    }
}

void switches_write(const struct switches *s, struct buf *out)
{
    emit_open(out, NULL, '{');
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        write_row(s, &ROWS[i], out);
    emit_close(out, '}');
}

const char *switches_profile(const struct switches *s)
{
    return PROFILES[s->profile];
}
