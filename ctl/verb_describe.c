/* verb_describe: one resource with all that is known of it. */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"

/* Plain members in the order that people ask for them. What is not here is shown below them. */
static const char *const FIRST[] = {"phase",  "reason", "message",  "since",    "id",
                                    "source", "group",  "location", "hostname", "origin"};
static const char *const ELSEWHERE[] = {"kind", "name", "fields", "tokens", "drift"};

static bool is_among(const char *key, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(keys[i], key))
            return true;
    return false;
}

static void put_member(const char *key, struct json_object *value)
{
    const char *text = value ? json_object_get_string(value) : "";

    if (!text || !*text || (json_object_is_type(value, json_type_int) && !strcmp(text, "0")) ||
        (json_object_is_type(value, json_type_array) && !array_size(value)))
        return;
    printf("  %-12s ", key);
    put_clean(stdout, text);
    putchar('\n');
}

static void put_drift(struct json_object *drift)
{
    if (!array_size(drift))
        return;
    printf("  %-12s", "drift");
    for (size_t i = 0; i < array_size(drift); i++) {
        const char *field = json_object_get_string(json_object_array_get_idx(drift, i));

        printf(i ? ", " : " ");
        put_clean(stdout, field ? field : "");
    }
    putchar('\n');
}

static enum exit_code put_fields(const struct ctl *ctl, struct json_object *fields)
{
    static const struct column COLUMNS[] = {
        {"  FIELD", false, false}, {"MANIFEST", false, false}, {"LIVE", false, false}};
    struct table *t;
    enum exit_code rc;

    if (!fields || !json_object_object_length(fields))
        return EXIT_FINE;
    t = table_new(ctl, COLUMNS, ARRAY_SIZE(COLUMNS));
    json_object_object_foreach(fields, key, field)
    {
        char indented[80];

        snprintf(indented, sizeof(indented), "  %s", key);
        table_row(
            t,
            (const char *const[]){indented, get_text(field, "manifest"), get_text(field, "live")},
            NULL);
    }
    putchar('\n');
    rc = table_print(t);
    table_free(t);
    return rc;
}

static enum exit_code put_tokens(const struct ctl *ctl, struct json_object *tokens)
{
    static const struct column COLUMNS[] = {{"  TOKEN", false, false}, {"PHASE", false, false},
                                            {"REASON", false, false},  {"EXPIRES", false, false},
                                            {"RENEWS", false, false},  {"FILE", true, false}};
    struct table *t;
    enum exit_code rc;

    if (!array_size(tokens))
        return EXIT_FINE;
    t = table_new(ctl, COLUMNS, ARRAY_SIZE(COLUMNS));
    for (size_t i = 0; i < array_size(tokens); i++) {
        struct json_object *o = json_object_array_get_idx(tokens, i);
        char indented[300];
        char expires[AGE_SIZE];
        char renews[AGE_SIZE];

        snprintf(indented, sizeof(indented), "%s %s", mark_of(ctl, get_text(o, "phase")),
                 get_text(o, "name"));
        table_row(t,
                  (const char *const[]){indented, get_text(o, "phase"), get_text(o, "reason"),
                                        age(get_text(o, "expires"), expires),
                                        age(get_text(o, "renews"), renews), get_text(o, "file")},
                  colour_of(get_text(o, "phase")));
    }
    putchar('\n');
    rc = table_print(t);
    table_free(t);
    return rc;
}

static enum exit_code put_resource(const struct ctl *ctl, struct json_object *r)
{
    const char *phase = get_text(r, "phase");
    enum exit_code rc;

    printf("%s%s%s ", colour_on(ctl, colour_of(phase)), mark_of(ctl, phase), colour_off(ctl));
    put_clean(stdout, get_text(r, "kind"));
    putchar('/');
    put_clean(stdout, get_text(r, "name"));
    putchar('\n');
    for (size_t i = 0; i < ARRAY_SIZE(FIRST); i++) {
        struct json_object *value = NULL;

        if (json_object_object_get_ex(r, FIRST[i], &value))
            put_member(FIRST[i], value);
    }
    json_object_object_foreach(r, key, value) if (!is_among(key, FIRST, ARRAY_SIZE(FIRST)) &&
                                                  !is_among(key, ELSEWHERE, ARRAY_SIZE(ELSEWHERE)))
        put_member(key, value);
    put_drift(get_array(r, "drift"));
    rc = put_fields(ctl, get_object(r, "fields"));
    return rc == EXIT_FINE ? put_tokens(ctl, get_array(r, "tokens")) : rc;
}

enum exit_code verb_describe(const struct ctl *ctl)
{
    struct json_object *parameters = ask_reference(ctl->words[0]);
    struct json_object *reply = NULL;
    struct json_object *resource;
    enum exit_code rc;

    if (!parameters)
        return EXIT_USAGE;
    rc = ask(ctl, "Describe", parameters, "resource", &reply);
    if (rc != EXIT_FINE)
        return rc;
    resource = get_object(reply, "resource");
    if (ctl->output == OUTPUT_TABLE)
        rc = put_resource(ctl, resource);
    else
        put_json(ctl, resource);
    json_object_put(reply);
    return rc;
}
