/* verb_rotate: new tokens before their time; with --invalidate, the end of all that are out there.
 */
#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "lib/json.h"

static void put_tokens(struct json_object *tokens)
{
    for (size_t i = 0; i < array_size(tokens); i++) {
        const char *token = json_object_get_string(json_object_array_get_idx(tokens, i));

        put_clean(stdout, token ? token : "");
        putchar('\n');
    }
}

static enum exit_code tell(const struct ctl *ctl, struct json_object *parameters)
{
    struct json_object *reply = NULL;
    enum exit_code rc = ask(ctl, "RotateToken", parameters, "message", &reply);

    if (rc != EXIT_FINE)
        return rc;
    if (ctl->output == OUTPUT_TABLE) {
        put_tokens(get_array(reply, "tokens"));
        note("%s: %s", ctl->words[0], get_text(reply, "message"));
    } else {
        put_json(ctl, reply);
    }
    json_object_put(reply);
    return EXIT_FINE;
}

enum exit_code verb_rotate(const struct ctl *ctl)
{
    bool is_dry = ctl->invalidate && !ctl->yes;
    struct json_object *parameters;
    enum exit_code rc;

    if (ctl->yes && !ctl->invalidate)
        return usage("--yes goes with --invalidate");
    parameters = ask_reference(ctl->words[0]);
    if (!parameters)
        return EXIT_USAGE;
    if (!json_add_bool(parameters, "invalidate", ctl->invalidate) ||
        !json_add_bool(parameters, "look", is_dry) ||
        !json_add_str(parameters, "reason", ctl->reason)) {
        json_object_put(parameters);
        note("no memory for the question");
        return EXIT_FAILED;
    }
    rc = tell(ctl, parameters);
    return rc == EXIT_FINE && is_dry
               ? usage("nothing was rotated; these tokens would stop working: say --yes")
               : rc;
}
