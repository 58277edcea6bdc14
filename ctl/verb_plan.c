/* verb_plan: what would be done; and what people say of the steps that wait for them. */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"

static const char *line_colour(char sign)
{
    switch (sign) {
    case '+':
        return "green";
    case '~':
        return "yellow";
    case '-':
    case '!':
        return "red";
    default:
        return NULL;
    }
}

/* The daemon's own text, line by line. */
static void put_lines(const struct ctl *ctl, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        const char *colour = colour_on(ctl, line_colour(*text));
        char line[4096];

        snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1), text);
        fputs(colour, stdout);
        put_clean(stdout, line);
        puts(*colour ? colour_off(ctl) : "");
        text += n + (text[n] == '\n');
    }
}

static enum exit_code judge(struct json_object *plan)
{
    struct json_object *t = get_object(plan, "total");

    if (get_number(plan, "held"))
        return EXIT_HELD;
    return get_number(t, "create") || get_number(t, "update") || get_number(t, "delete")
               ? EXIT_CHANGES
               : EXIT_FINE;
}

enum exit_code verb_plan(const struct ctl *ctl)
{
    struct json_object *reply = NULL;
    enum exit_code rc = ask(ctl, "Plan", NULL, "plan", &reply);
    struct json_object *plan;

    if (rc != EXIT_FINE)
        return rc;
    plan = get_object(reply, "plan");
    rc = judge(plan);
    if (ctl->output == OUTPUT_TABLE)
        put_lines(ctl, get_text(reply, "text"));
    else
        put_json(ctl, plan);
    if (ctl->output == OUTPUT_TABLE && rc == EXIT_HELD)
        note("to let them run: tenantctl approve %s --reason WHY; to give them up: reject",
             get_text(plan, "id"));
    json_object_put(reply);
    return rc;
}

static enum exit_code decide(const struct ctl *ctl, const char *method, const char *done)
{
    struct json_object *parameters;
    struct json_object *reply = NULL;
    enum exit_code rc;

    if (!ctl->reason || !*ctl->reason)
        return usage("say why: --reason TEXT");
    parameters = ask_texts((const char *const[]){"plan", "reason"},
                           (const char *const[]){ctl->words[0], ctl->reason}, 2);
    rc = ask(ctl, method, parameters, "steps", &reply);
    if (rc != EXIT_FINE)
        return rc;
    if (ctl->output == OUTPUT_TABLE)
        note("%lld step%s %s", (long long)get_number(reply, "steps"),
             get_number(reply, "steps") == 1 ? "" : "s", done);
    else
        put_json(ctl, reply);
    json_object_put(reply);
    return EXIT_FINE;
}

enum exit_code verb_approve(const struct ctl *ctl)
{
    return decide(ctl, "Approve", "approved");
}

enum exit_code verb_reject(const struct ctl *ctl)
{
    return decide(ctl, "Reject", "rejected");
}
