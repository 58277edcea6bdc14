/* verb_list: every resource with its phase, as the batches come. */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"

static const struct column COLUMNS[] = {{"", false, false},      {"NAME", false, false},
                                        {"PHASE", false, false}, {"REASON", false, false},
                                        {"SINCE", false, true},  {"SOURCE", true, false},
                                        {"MESSAGE", true, false}};

struct listing {
    const struct ctl *ctl;
    struct table *table;
    struct json_list list;
};

static void add_row(struct listing *l, struct json_object *r)
{
    const char *phase = get_text(r, "phase");
    const char *left = get_text(r, "left_behind");
    bool is_plain = !strcmp(phase, "Ready");
    char reference[512];
    char since[AGE_SIZE];

    snprintf(reference, sizeof(reference), "%s/%s", get_text(r, "kind"), get_text(r, "name"));
    table_row(l->table,
              (const char *const[]){mark_of(l->ctl, phase), reference, phase, get_text(r, "reason"),
                                    age(get_text(r, "since"), since), get_text(r, "source"),
                                    *left      ? left
                                    : is_plain ? ""
                                               : get_text(r, "message")},
              is_plain ? NULL : colour_of(phase));
}

static void add_batch(struct listing *l, struct json_object *batch)
{
    for (size_t i = 0; i < array_size(batch); i++) {
        struct json_object *r = json_object_array_get_idx(batch, i);

        if (l->ctl->output == OUTPUT_TABLE)
            add_row(l, r);
        else
            json_list_add(&l->list, r);
    }
}

static enum exit_code receive_all(struct client *client, struct listing *l, struct err *err)
{
    bool continues = true;
    enum exit_code rc = EXIT_FINE;

    while (rc == EXIT_FINE && continues) {
        struct json_object *reply = NULL;

        rc = client_receive(client, client_deadline(CLIENT_PATIENCE_MS), &reply, &continues, err);
        if (rc == EXIT_FINE)
            rc = client_expect(reply, "resources", err);
        if (rc == EXIT_FINE)
            add_batch(l, get_array(reply, "resources"));
        json_object_put(reply);
    }
    return rc;
}

static enum exit_code ask_list(struct client *client, struct listing *l)
{
    const struct ctl *ctl = l->ctl;
    struct err err = ERR_INIT;
    struct json_object *parameters = ask_texts(
        (const char *const[]){"kind", "phase", "source"},
        (const char *const[]){ctl->n_words ? ctl->words[0] : NULL, ctl->phase, ctl->source}, 3);
    enum exit_code rc = client_send(client, "List", parameters, true, &err);

    if (rc == EXIT_FINE)
        rc = receive_all(client, l, &err);
    if (rc != EXIT_FINE)
        note("%s", err.msg);
    return rc;
}

enum exit_code verb_list(const struct ctl *ctl)
{
    struct listing l = {.ctl = ctl, .list = {.ctl = ctl}};
    struct client *client;
    enum exit_code rc = ask_open(ctl, &client);

    if (rc != EXIT_FINE)
        return rc;
    if (ctl->output == OUTPUT_TABLE)
        l.table = table_new(ctl, COLUMNS, ARRAY_SIZE(COLUMNS));
    rc = ask_list(client, &l);
    if (rc == EXIT_FINE && ctl->output != OUTPUT_TABLE)
        json_list_end(&l.list);
    else if (rc == EXIT_FINE && table_size(l.table))
        rc = table_print(l.table);
    else if (rc == EXIT_FINE)
        note("nothing fits");
    table_free(l.table);
    client_close(client);
    return rc;
}
