/* verb_status: how it stands as a whole. */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "ctl/status_all.h"

#define LABEL "  %-12s "

static void put_state(const struct ctl *ctl, struct json_object *s)
{
    const char *state = get_text(s, "state");
    char since[AGE_SIZE];

    printf("%s%s %s%s ", colour_on(ctl, colour_of(state)), mark_of(ctl, state), state,
           colour_off(ctl));
    put_clean(stdout, get_text(s, "organization"));
    printf("  (tenantd ");
    put_clean(stdout, get_text(s, "version"));
    printf(", pid %lld, up %s)\n", (long long)get_number(s, "pid"),
           age(get_text(s, "since"), since));
}

static void put_place(struct json_object *e)
{
    printf(LABEL, "");
    put_clean(stdout, get_text(e, "file"));
    if (get_number(e, "line"))
        printf(":%lld:%lld", (long long)get_number(e, "line"), (long long)get_number(e, "column"));
    printf(": ");
    put_clean(stdout, get_text(e, "message"));
    putchar('\n');
}

static void put_count(size_t n, const char *what)
{
    if (n)
        printf(", %zu %s%s", n, what, n == 1 ? "" : "s");
}

/* Errors are shown, warnings counted: `validate` and the log say them. */
static void put_manifest(struct json_object *m)
{
    struct json_object *errors = get_array(m, "errors");
    char loaded[AGE_SIZE];

    printf(LABEL "generation %lld", "manifest", (long long)get_number(m, "generation"));
    if (*get_text(m, "loaded"))
        printf(", loaded %s ago", age(get_text(m, "loaded"), loaded));
    put_count((size_t)get_number(m, "files"), "file");
    put_count(array_size(errors), "error");
    put_count(array_size(get_array(m, "warnings")), "warning");
    putchar('\n');
    for (size_t i = 0; i < array_size(errors); i++)
        put_place(json_object_array_get_idx(errors, i));
}

static void put_observation(struct json_object *o)
{
    char completed[AGE_SIZE];

    printf(LABEL "cycle %lld", "observation", (long long)get_number(o, "cycle"));
    if (*get_text(o, "completed"))
        printf(", last complete %s ago", age(get_text(o, "completed"), completed));
    else
        printf(", none complete yet");
    putchar('\n');
    if (*get_text(o, "error")) {
        printf(LABEL, "");
        put_clean(stdout, get_text(o, "error"));
        putchar('\n');
    }
}

static void put_api(struct json_object *a)
{
    printf(LABEL "%lld calls, %lld errors, %lld in flight, %lld queued", "api",
           (long long)get_number(a, "calls"), (long long)get_number(a, "errors"),
           (long long)get_number(a, "in_flight"), (long long)get_number(a, "queued"));
    if (get_number(a, "rate"))
        printf(", at most %lld a second", (long long)get_number(a, "rate"));
    if (get_number(a, "pace"))
        printf(", now %lld", (long long)get_number(a, "pace"));
    if (get_number(a, "throttled"))
        printf(", throttled %lld times", (long long)get_number(a, "throttled"));
    putchar('\n');
}

static void put_plan(struct json_object *p)
{
    struct json_object *t = get_object(p, "total");

    printf(LABEL "%lld to create, %lld to update, %lld to delete, %lld blocked", "plan",
           (long long)get_number(t, "create"), (long long)get_number(t, "update"),
           (long long)get_number(t, "delete"), (long long)get_number(t, "blocked"));
    if (get_number(p, "held")) {
        printf("; %lld held: ", (long long)get_number(p, "held"));
        put_clean(stdout, get_text(p, "id"));
    }
    putchar('\n');
}

static const char *const PHASES[] = {"Ready",   "Pending",  "Working",  "Retrying", "Blocked",
                                     "Missing", "Orphaned", "Deleting", "Paused",   "Unknown"};
#define N_PHASES ARRAY_SIZE(PHASES)

static void count_row(struct table *t, const char *kind, struct json_object *counts,
                      const bool *is_shown)
{
    char numbers[N_PHASES][24];
    const char *cells[N_PHASES + 1] = {kind};
    size_t n = 1;

    for (size_t i = 0; i < N_PHASES; i++) {
        if (!is_shown[i])
            continue;
        snprintf(numbers[i], sizeof(numbers[i]), "%lld", (long long)get_number(counts, PHASES[i]));
        cells[n++] = numbers[i];
    }
    table_row(t, cells, NULL);
}

/* Kinds down, phases across; only phases that something is in. */
static enum exit_code put_counts(const struct ctl *ctl, struct json_object *counts)
{
    struct column columns[N_PHASES + 1] = {{"  KIND", false, false}};
    bool is_shown[N_PHASES] = {false};
    enum exit_code rc = EXIT_FINE;
    struct table *t;
    size_t n = 1;

    if (!counts || !json_object_object_length(counts))
        return EXIT_FINE;
    json_object_object_foreach(counts, kind, of_kind)
    {
        (void)kind;
        for (size_t i = 0; i < N_PHASES; i++)
            is_shown[i] = is_shown[i] || get_number(of_kind, PHASES[i]);
    }
    for (size_t i = 0; i < N_PHASES; i++)
        if (is_shown[i])
            columns[n++] = (struct column){PHASES[i], false, true};
    t = table_new(ctl, columns, n);
    json_object_object_foreach(counts, name, of)
    {
        char indented[64];

        snprintf(indented, sizeof(indented), "  %s", name);
        count_row(t, indented, of, is_shown);
    }
    putchar('\n');
    fflush(stdout);
    rc = table_print(t);
    table_free(t);
    return rc;
}

static void put_problems(const struct ctl *ctl, struct json_object *problems)
{
    for (size_t i = 0; i < array_size(problems); i++) {
        struct json_object *p = json_object_array_get_idx(problems, i);
        char since[AGE_SIZE];

        printf("%s  %s%s%s", i ? "" : "\n", colour_on(ctl, "red"), mark_of(ctl, "Blocked"),
               colour_off(ctl));
        printf(" %lld ", (long long)get_number(p, "count"));
        put_clean(stdout, get_text(p, "reason"));
        if (*get_text(p, "since"))
            printf(" for %s", age(get_text(p, "since"), since));
        printf(": ");
        put_clean(stdout, get_text(p, "message"));
        if (*get_text(p, "example")) {
            printf(" (");
            put_clean(stdout, get_text(p, "example"));
            putchar(')');
        }
        putchar('\n');
    }
}

static enum exit_code put_status(const struct ctl *ctl, struct json_object *s)
{
    enum exit_code rc;

    put_state(ctl, s);
    put_manifest(get_object(s, "manifest"));
    put_observation(get_object(s, "observation"));
    put_api(get_object(s, "api"));
    put_plan(get_object(s, "plan"));
    if (get_number(s, "possibly_leaked"))
        printf(LABEL "%lld may exist that nobody holds\n", "tokens",
               (long long)get_number(s, "possibly_leaked"));
    rc = put_counts(ctl, get_object(s, "counts"));
    if (get_number(s, "unmanaged"))
        printf("  %lld live and not managed (list --phase Unmanaged)\n",
               (long long)get_number(s, "unmanaged"));
    if (get_number(s, "left_behind"))
        printf("  %lld branch%s left behind (list --phase LeftBehind)\n",
               (long long)get_number(s, "left_behind"),
               get_number(s, "left_behind") == 1 ? "" : "es");
    put_problems(ctl, get_array(s, "problems"));
    return rc;
}

enum exit_code verb_status(const struct ctl *ctl)
{
    struct json_object *reply = NULL;
    struct json_object *status;
    enum exit_code rc;

    if (ctl->all)
        return status_all(ctl);
    rc = ask(ctl, "GetStatus", NULL, "status", &reply);
    if (rc != EXIT_FINE)
        return rc;
    status = get_object(reply, "status");
    if (ctl->output == OUTPUT_TABLE)
        rc = put_status(ctl, status);
    else
        put_json(ctl, status);
    json_object_put(reply);
    return rc;
}
