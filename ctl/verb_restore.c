/* verb_restore: bring back what was deleted in the last days. */
#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/output.h"

enum exit_code verb_restore(const struct ctl *ctl)
{
    char kind[KIND_SIZE];
    const char *name;
    struct json_object *parameters;
    struct json_object *reply = NULL;
    enum exit_code rc;

    if (!split_reference(ctl->words[0], kind, &name))
        return usage("\"%s\" is no reference; write KIND/NAME, such as database/t-acme",
                     ctl->words[0]);
    parameters = ask_texts((const char *const[]){"kind", "name", "id"},
                           (const char *const[]){kind, name, ctl->id}, 3);
    rc = ask(ctl, "Restore", parameters, "message", &reply);
    if (rc != EXIT_FINE)
        return rc;
    if (ctl->output == OUTPUT_TABLE)
        note("%s: %s", ctl->words[0], get_text(reply, "message"));
    else
        put_json(ctl, reply);
    json_object_put(reply);
    return EXIT_FINE;
}
