/* verb_operate: what operators have done to one resource, or to everything. */
#include <string.h>

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
