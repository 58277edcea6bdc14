/* sim_operator: what people have done by tenantctl.
 * In:    a command as scenarios write it. Out: a step, and what it says; the words that were taken.
 * Never: judges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "lib/text.h"
#include "tests/lib/sim.h"

#define PATIENCE_MS (60 * 1000)

#define SIM_METHOD(symbol, method, function, event) [COMMAND_##symbol] = (method),
static const char *const METHOD[COMMAND_N] = {COMMANDS(SIM_METHOD)};

/* --- words --- */

static size_t find_word(const struct sim *s, const char *verb, const char *kind, const char *name)
{
    char text[sizeof(s->words[0])];
    size_t i = 0;

    if (!s->n_words)
        return 0;
    snprintf(text, sizeof(text), "%s %s/%s", verb, kind, name);
    while (i < s->n_words && strcasecmp(s->words[i], text) != 0)
        i++;
    return i;
}

void sim_word_say(struct sim *s, const char *verb, const char *kind, const char *name)
{
    if (sim_word_stands(s, verb, kind, name))
        return;
    assert_true(s->n_words < SIM_WORDS_MAX);
    snprintf(s->words[s->n_words++], sizeof(s->words[0]), "%s %s/%s", verb, kind, name);
}

bool sim_word_stands(const struct sim *s, const char *verb, const char *kind, const char *name)
{
    return find_word(s, verb, kind, name) < s->n_words;
}

bool sim_word_take(struct sim *s, const char *verb, const char *kind, const char *name)
{
    size_t i = find_word(s, verb, kind, name);

    if (i == s->n_words)
        return false;
    memcpy(s->words[i], s->words[--s->n_words], sizeof(s->words[i]));
    return true;
}

void sim_word_note(struct sim *s, const struct rc_event *ev)
{
    const struct command *c = ev->kind == RC_COMMAND ? ev->command : NULL;

    if (ev->kind == RC_RESTORE)
        sim_word_say(s, "restore", ev->resource_kind, ev->name);
    if (!c || !c->name || c->look || c->waits || (c->kind == COMMAND_ROTATE && !c->invalidate) ||
        c->kind == COMMAND_PAUSE || c->kind == COMMAND_RESUME)
        return;
    sim_word_say(s, METHOD[c->kind], c->resource_kind, c->name);
}

/* --- commands --- */

static bool find_kind(const char *verb, enum command_kind *out)
{
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
    give(s, &c);
    if (c.tokens)
        sim_say(s, "? stops: %s",
                json_object_to_json_string_ext(c.tokens, JSON_C_TO_STRING_PLAIN |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(c.tokens);
    return true;
}
