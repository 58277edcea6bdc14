/* verb_events: what happened, and what goes on to happen. */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "ctl/since.h"
#include "lib/json.h"

static const char *const LEVELS[] = {"emerg",   "alert",  "crit", "error",
                                     "warning", "notice", "info", "debug"};

static void put_event(const struct ctl *ctl, struct json_object *e)
{
    int64_t level = get_number(e, "level");
    const char *colour = level <= 3 ? "red" : level == 4 ? "yellow" : NULL;

    put_clean(stdout, get_text(e, "at"));
    printf(" %s%-7s%s ", colour_on(ctl, colour),
           level >= 0 && level < (int64_t)ARRAY_SIZE(LEVELS) ? LEVELS[level] : "",
           colour ? colour_off(ctl) : "");
    put_clean(stdout, get_text(e, "kind"));
    if (*get_text(e, "name")) {
        putchar('/');
        put_clean(stdout, get_text(e, "name"));
    }
    putchar(' ');
    put_clean(stdout, get_text(e, "what"));
    if (*get_text(e, "message")) {
        printf(": ");
        put_clean(stdout, get_text(e, "message"));
    }
    if (*get_text(e, "source")) {
        printf(" (");
        put_clean(stdout, get_text(e, "source"));
        putchar(')');
    }
    putchar('\n');
}

/* Without --since: all that is kept; with --follow alone: from now on. NULL: wrong usage, said. */
static struct json_object *parameters_of(const struct ctl *ctl)
{
    struct json_object *o = json_object_new_object();
    char from[SINCE_SIZE];
    bool ok;

    if (ctl->since && !read_since(ctl->since, from)) {
        json_object_put(o);
        return NULL;
    }
    ok = json_add_bool(o, "follow", ctl->follow) &&
         json_add_str(o, "from", ctl->since ? from : NULL) &&
         (ctl->since || ctl->follow || json_add_int(o, "since", 0));
    if (!ok)
        json_put(&o);
    return o;
}

static enum exit_code receive_all(const struct ctl *ctl, struct client *client, struct err *err)
{
    struct json_list list = {.ctl = ctl};
    enum exit_code rc = EXIT_FINE;
    bool continues = true;

    while (rc == EXIT_FINE && continues) {
        struct json_object *reply = NULL;
        struct json_object *event;

        rc = client_receive(client, client_deadline(ctl->follow ? -1 : CLIENT_PATIENCE_MS), &reply,
                            &continues, err);
        event = get_object(reply, "event");
        if (event && ctl->output == OUTPUT_TABLE)
            put_event(ctl, event);
        else if (event)
            json_list_add(&list, event);
        if (ctl->follow)
            fflush(stdout);
        json_object_put(reply);
        if (ferror(stdout))
            return EXIT_FAILED;
    }
    if (rc == EXIT_FINE && ctl->output != OUTPUT_TABLE)
        json_list_end(&list);
    return rc;
}

enum exit_code verb_events(const struct ctl *ctl)
{
    struct err err = ERR_INIT;
    struct json_object *parameters;
    struct client *client;
    enum exit_code rc;

    if (ctl->follow && ctl->output == OUTPUT_JSON)
        return usage("one JSON document cannot go on for ever; use -o ndjson with --follow");
    parameters = parameters_of(ctl);
    if (!parameters)
        return EXIT_USAGE;
    rc = ask_open(ctl, &client);
    if (rc != EXIT_FINE) {
        json_object_put(parameters);
        return rc;
    }
    rc = client_send(client, "Watch", parameters, true, &err);
    if (rc == EXIT_FINE)
        rc = receive_all(ctl, client, &err);
    if (rc != EXIT_FINE)
        note("%s", err.code ? err.msg : "cannot write the answer");
    client_close(client);
    return rc;
}
