/* verb_sync: have everything read anew, or just wait; and say how it ended. */
#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "ctl/settle.h"

static enum exit_code wait_for(const struct ctl *ctl, const struct settle_goal *goal)
{
    struct json_object *last;
    enum exit_code rc = settle(ctl, goal, &last);

    if (ctl->output != OUTPUT_TABLE && last)
        put_json(ctl, last);
    else if (rc == EXIT_FINE && goal->reference)
        note("%s is Ready", goal->reference);
    else if (rc == EXIT_FINE)
        note("nothing is working: %s", get_text(last, "state"));
    json_object_put(last);
    return rc;
}

enum exit_code verb_sync(const struct ctl *ctl)
{
    struct settle_goal goal = {.reference = ctl->n_words ? ctl->words[0] : NULL};
    struct json_object *parameters = NULL;
    struct json_object *reply = NULL;
    enum exit_code rc;

    if (ctl->timeout_ms >= 0 && !ctl->wait)
        return usage("--timeout goes with --wait");
    if (goal.reference && !(parameters = ask_reference(goal.reference)))
        return EXIT_USAGE;
    rc = ask_file(ctl, "Sync", parameters, "cycle", &reply);
    if (rc != EXIT_FINE)
        return rc;
    goal.cycle = get_number(reply, "cycle");
    if (ctl->wait)
        rc = wait_for(ctl, &goal);
    else if (ctl->output != OUTPUT_TABLE)
        put_json(ctl, reply);
    json_object_put(reply);
    return rc;
}

enum exit_code verb_wait(const struct ctl *ctl)
{
    struct settle_goal goal = {.reference = ctl->n_words ? ctl->words[0] : NULL};
    struct json_object *checked;

    if (goal.reference && !(checked = ask_reference(goal.reference)))
        return EXIT_USAGE;
    if (goal.reference)
        json_object_put(checked);
    return wait_for(ctl, &goal);
}
