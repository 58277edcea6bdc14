/* verb_why: how a resource came to stand where it stands: every change, from the manifest's line to
 * the platform's answer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "lib/json.h"

#define INDENT "                      " /* as wide as a time and its gap */

static void put_now(const struct ctl *ctl, struct json_object *r)
{
    const char *phase = get_text(r, "phase");
    char since[AGE_SIZE];

    if (!r) {
        printf("%s ", mark_of(ctl, "Unmanaged"));
        put_clean(stdout, ctl->words[0]);
        printf(": not there any more\n\n");
        return;
    }
    printf("%s%s%s ", colour_on(ctl, colour_of(phase)), mark_of(ctl, phase), colour_off(ctl));
    put_clean(stdout, ctl->words[0]);
    printf(": %s %s", phase, get_text(r, "reason"));
    if (*get_text(r, "since"))
        printf(" for %s", age(get_text(r, "since"), since));
    if (*get_text(r, "message")) {
        printf(": ");
        put_clean(stdout, get_text(r, "message"));
    }
    if (*get_text(r, "source")) {
        printf(" (");
        put_clean(stdout, get_text(r, "source"));
        putchar(')');
    }
    printf("\n\n");
}

static void put_origin(struct json_object *e)
{
    int64_t generation = get_number(e, "generation");

    if (!*get_text(e, "source") && !generation)
        return;
    printf(INDENT);
    put_clean(stdout, get_text(e, "source"));
    if (generation)
        printf("%sgeneration %" PRId64, *get_text(e, "source") ? ", " : "", generation);
    putchar('\n');
}

static void put_request(struct json_object *e)
{
    if (!*get_text(e, "request"))
        return;
    printf(INDENT);
    put_clean(stdout, get_text(e, "request"));
    if (get_number(e, "http_status"))
        printf(": %" PRId64, get_number(e, "http_status"));
    else
        printf(": no answer");
    printf(", attempt %" PRId64 ", %" PRId64 " ms\n", get_number(e, "attempt"),
           get_number(e, "duration_ms"));
}

static void put_event(const struct ctl *ctl, struct json_object *e)
{
    int64_t level = get_number(e, "level");
    const char *colour = level <= 3 ? "red" : level == 4 ? "yellow" : NULL;

    put_clean(stdout, get_text(e, "at"));
    printf("  %s", colour_on(ctl, colour));
    put_clean(stdout, get_text(e, "what"));
    printf("%s: ", colour ? colour_off(ctl) : "");
    put_clean(stdout, get_text(e, "message"));
    putchar('\n');
    put_origin(e);
    put_request(e);
}

/* One batch; `whole` (NULL: it is printed) takes the events, and the resource. */
static enum exit_code take_batch(const struct ctl *ctl, struct json_object *reply, bool is_first,
                                 struct json_object *whole)
{
    struct json_object *resource = get_object(reply, "resource");
    struct json_object *events = get_array(reply, "events");
    bool ok = true;

    if (is_first && !whole)
        put_now(ctl, resource);
    else if (is_first && resource)
        ok = json_add(whole, "resource", json_object_get(resource));
    for (size_t i = 0; ok && i < array_size(events); i++) {
        struct json_object *e = json_object_array_get_idx(events, i);

        if (whole)
            ok = json_object_array_add(get_array(whole, "events"), json_object_get(e)) == 0;
        else
            put_event(ctl, e);
    }
    if (!ok)
        note("no memory for the answer");
    return ok && !ferror(stdout) ? EXIT_FINE : EXIT_FAILED;
}

static enum exit_code receive_all(const struct ctl *ctl, struct client *client,
                                  struct json_object *whole)
{
    struct err err = ERR_INIT;
    enum exit_code rc = EXIT_FINE;
    bool continues = true;

    for (bool is_first = true; rc == EXIT_FINE && continues; is_first = false) {
        struct json_object *reply = NULL;

        rc = client_receive(client, client_deadline(CLIENT_PATIENCE_MS), &reply, &continues, &err);
        if (rc == EXIT_FINE)
            rc = client_expect(reply, "events", &err);
        if (rc != EXIT_FINE)
            note("%s", err.msg);
        else
            rc = take_batch(ctl, reply, is_first, whole);
        json_object_put(reply);
    }
    return rc;
}

static enum exit_code ask_why(const struct ctl *ctl, struct json_object *parameters,
                              struct json_object *whole)
{
    struct err err = ERR_INIT;
    struct client *client;
    enum exit_code rc = ask_open(ctl, &client);

    if (rc != EXIT_FINE) {
        json_object_put(parameters);
        return rc;
    }
    rc = client_send(client, "Why", parameters, true, &err);
    if (rc == EXIT_FINE)
        rc = receive_all(ctl, client, whole);
    else
        note("%s", err.msg);
    client_close(client);
    return rc;
}

enum exit_code verb_why(const struct ctl *ctl)
{
    struct json_object *parameters = ask_reference(ctl->words[0]);
    struct json_object *whole = NULL;
    enum exit_code rc;

    if (!parameters)
        return EXIT_USAGE;
    if (ctl->output != OUTPUT_TABLE) {
        whole = json_object_new_object();
        if (!json_add(whole, "events", json_object_new_array())) {
            json_object_put(whole);
            json_object_put(parameters);
            note("no memory for the answer");
            return EXIT_FAILED;
        }
    }
    rc = ask_why(ctl, parameters, whole);
    if (rc == EXIT_FINE && whole)
        put_json(ctl, whole);
    json_object_put(whole);
    return rc;
}
