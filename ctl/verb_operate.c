/* verb_operate: what operators have done to one resource, or to everything. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/text.h"

/* Takes `parameters`. Whatever it is: the daemon says what it did. */
static enum exit_code tell(const struct ctl *ctl, const char *method,
                           struct json_object *parameters)
{
    struct json_object *reply = NULL;
    enum exit_code rc = ask(ctl, method, parameters, "message", &reply);

    if (rc != EXIT_FINE)
        return rc;
    if (ctl->output == OUTPUT_TABLE && ctl->n_words)
        note("%s: %s", ctl->words[0], get_text(reply, "message"));
    else if (ctl->output == OUTPUT_TABLE)
        note("%s", get_text(reply, "message"));
    else
        put_json(ctl, reply);
    json_object_put(reply);
    return EXIT_FINE;
}

/* {"kind", "name", "reason"} as far as they were said. NULL: wrong usage, said. */
static struct json_object *parameters_of(const struct ctl *ctl, bool needs_reason)
{
    struct json_object *o;

    if (needs_reason && (!ctl->reason || !*ctl->reason)) {
        (void)usage("say why: --reason TEXT");
        return NULL;
    }
    o = ctl->n_words ? ask_reference(ctl->words[0]) : json_object_new_object();
    if (o && !json_add_str(o, "reason", ctl->reason))
        json_put(&o);
    return o;
}

/* An instant, or a duration from now, as an instant. False: neither. */
static bool read_until(const char *text, char *out)
{
    int64_t ms;

    if (text_parse_time(text, &ms))
        text_time(ms, out);
    else if (text_parse_duration(text, &ms) && ms <= INT64_MAX - now_ms())
        text_time(now_ms() + ms, out);
    else
        return false;
    return true;
}

enum exit_code verb_pause(const struct ctl *ctl)
{
    struct json_object *parameters;
    char until[TEXT_TIME_SIZE];

    if (ctl->until && !read_until(ctl->until, until))
        return usage("--until takes a time such as 2026-11-22T23:30:48Z or a duration such as 2h, "
                     "not \"%s\"",
                     ctl->until);
    parameters = parameters_of(ctl, true);
    if (parameters && !json_add_str(parameters, "until", ctl->until ? until : NULL))
        json_put(&parameters);
    return parameters ? tell(ctl, "Pause", parameters) : EXIT_USAGE;
}

enum exit_code verb_resume(const struct ctl *ctl)
{
    struct json_object *parameters = parameters_of(ctl, false);

    return parameters ? tell(ctl, "Resume", parameters) : EXIT_USAGE;
}

enum exit_code verb_release(const struct ctl *ctl)
{
    struct json_object *parameters = parameters_of(ctl, false);

    return parameters ? tell(ctl, "Release", parameters) : EXIT_USAGE;
}

enum exit_code verb_adopt(const struct ctl *ctl)
{
    struct json_object *parameters;

    if (!ctl->id || !*ctl->id)
        return usage("say which: --id ID, as tenantctl describe %s shows it", ctl->words[0]);
    parameters = parameters_of(ctl, false);
    if (parameters && !json_add_str(parameters, "id", ctl->id))
        json_put(&parameters);
    return parameters ? tell(ctl, "Adopt", parameters) : EXIT_USAGE;
}

enum exit_code verb_purge(const struct ctl *ctl)
{
    const char *name = ctl->words[0];

    if (!ctl->reason || !*ctl->reason)
        return usage("say why: --reason TEXT");
    if (strncmp(name, "database/", 9) == 0)
        name += 9;
    return tell(ctl, "Purge",
                ask_texts((const char *const[]){"name", "reason"},
                          (const char *const[]){name, ctl->reason}, 2));
}

/* Only what a person types counts. */
static bool is_confirmed(const char *what)
{
    char line[16] = "";

    fflush(stdout);
    fprintf(stderr, "%s [y/N] ", what);
    fflush(stderr);
    return fgets(line, sizeof(line), stdin) &&
           (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0);
}

enum exit_code verb_recreate(const struct ctl *ctl)
{
    struct json_object *parameters = parameters_of(ctl, true);
    struct json_object *reply = NULL;
    bool is_member = strncmp(ctl->words[0], "member/", 7) == 0;
    bool is_token = strncmp(ctl->words[0], "api-token/", 10) == 0;
    enum exit_code rc;

    if (!parameters)
        return EXIT_USAGE;
    if (!json_add_bool(parameters, "look", true))
        json_put(&parameters);
    rc = ask(ctl, "Recreate", parameters, "message", &reply);
    if (rc != EXIT_FINE)
        return rc;
    note("%s: %s", ctl->words[0], get_text(reply, "message"));
    json_object_put(reply);
    if (!ctl->yes && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
        return usage("nothing was done; to %s, say --yes", is_member  ? "send the mail"
                                                           : is_token ? "make another one"
                                                                      : "make a new one, empty");
    if (!ctl->yes && !is_confirmed(is_member  ? "Send the mail?"
                                   : is_token ? "Make another one?"
                                              : "Make a new one, empty?")) {
        note("nothing was done");
        return EXIT_FAILED;
    }
    parameters = parameters_of(ctl, true);
    return parameters ? tell(ctl, "Recreate", parameters) : EXIT_FAILED;
}
