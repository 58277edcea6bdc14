/* sim_operator: what people have done by tenantctl.
 * In:    a command as scenarios write it. Out: a step, and what it says. Never: judges. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"
#include "tests/lib/sim.h"

static bool find_kind(const char *verb, enum command_kind *out)
{
#define SIM_METHOD(symbol, method, function, event) [COMMAND_##symbol] = (method),
    static const char *const METHOD[COMMAND_N] = {COMMANDS(SIM_METHOD)};

    for (int k = 0; k < COMMAND_N; k++) {
        *out = (enum command_kind)k;
        if (strcasecmp(METHOD[k], verb) == 0)
            return true;
    }
    return false;
}

bool sim_operator(struct sim *s, char *text)
{
    struct command c = {.reason = "seen", .uid = 1000};
    struct err err = ERR_INIT;
    char verb[32] = "";
    int64_t ms = 0;
    char *word = strtok(text, " ");

    snprintf(verb, sizeof(verb), "%s", word ? word : "");
    if (!find_kind(verb, &c.kind))
        return false;
    while ((word = strtok(NULL, " "))) {
        char *slash = strchr(word, '/');
        char *value = slash ? NULL : strtok(NULL, " ");

        if (slash) {
            *slash = '\0';
            c.resource_kind = word;
            c.name = slash + 1;
        } else if (value && strcmp(word, "id") == 0) {
            c.id = value;
        } else if (value && strcmp(word, "for") == 0 && text_parse_duration(value, &ms)) {
            c.until_ms = s->wall_ms + ms;
        } else {
            return false;
        }
    }
    if (sim_step(s, &(struct rc_event){.kind = RC_COMMAND, .command = &c}, &err) != 0)
        sim_say(s, "? %s: %s", err_text(err.code), err.msg);
    return true;
}
