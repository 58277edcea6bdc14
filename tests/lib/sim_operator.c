/* sim_operator: what people have done by tenantctl.
 * In:    a command as scenarios write it. Out: a step, and what it says. Never: judges. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "lib/text.h"
#include "tests/lib/sim.h"

#define PATIENCE_MS (60 * 1000)

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

/* Again and again, as long as it waits for something to be read. */
static void give(struct sim *s, struct command *c)
{
    int64_t until = s->now_ms + PATIENCE_MS;
    struct err err = ERR_INIT;
    int rv;

    while ((rv = sim_step(s, &(struct rc_event){.kind = RC_COMMAND, .command = c}, &err)) == 0 &&
           c->waits && sim_happen(s, until))
        ;
    if (rv != 0)
        sim_say(s, "? %s: %s", err_text(err.code), err.msg);
    else if (c->waits)
        sim_say(s, "? it still waits");
    else if (c->look)
        sim_say(s, "? %s", c->message);
}

bool sim_operator(struct sim *s, char *text)
{
    struct command c = {.reason = "seen", .uid = 1000};
    char verb[32] = "";
    int64_t ms = 0;
    char *word = strtok(text, " ");

    snprintf(verb, sizeof(verb), "%s", word ? word : "");
    if (!find_kind(verb, &c.kind))
        return false;
    while ((word = strtok(NULL, " "))) {
        char *slash = strchr(word, '/');
        bool looks = strcmp(word, "look") == 0;
        bool invalidates = strcmp(word, "invalidate") == 0;
        char *value = slash || looks || invalidates ? NULL : strtok(NULL, " ");

        if (slash) {
            *slash = '\0';
            c.resource_kind = word;
            c.name = slash + 1;
        } else if (looks) {
            c.look = true;
        } else if (invalidates) {
            c.invalidate = true;
        } else if (value && strcmp(word, "id") == 0) {
            c.id = value;
        } else if (value && strcmp(word, "for") == 0 && text_parse_duration(value, &ms)) {
            c.until_ms = s->wall_ms + ms;
        } else {
            return false;
        }
    }
    s->rotations += c.invalidate && !c.look;
    give(s, &c);
    if (c.tokens)
        sim_say(s, "? stops: %s",
                json_object_to_json_string_ext(c.tokens, JSON_C_TO_STRING_PLAIN |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(c.tokens);
    return true;
}
