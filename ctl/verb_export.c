/* verb_export: a manifest of what is live, as it comes. */
#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/output.h"

/* YAML, whose texts the daemon has quoted; but a terminal is not to be played with. */
static void put_lines(const struct ctl *ctl, const char *text)
{
    if (!ctl->is_terminal) {
        fputs(text, stdout);
        return;
    }
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' && *text != '\n' ? '?' : *text);
}

static enum exit_code receive_all(const struct ctl *ctl, struct client *client, struct err *err)
{
    bool continues = true;
    enum exit_code rc = EXIT_FINE;

    while (rc == EXIT_FINE && continues) {
        struct json_object *reply = NULL;

        /* configurations are read behind everything else that goes to the platform */
        rc = client_receive(client, client_deadline(10 * CLIENT_PATIENCE_MS), &reply, &continues,
                            err);
        if (rc == EXIT_FINE)
            rc = client_expect(reply, "text", err);
        if (rc == EXIT_FINE)
            put_lines(ctl, get_text(reply, "text"));
        json_object_put(reply);
        if (ferror(stdout))
            return err_set(err, ERR_IO, "cannot write the manifest"), EXIT_FAILED;
    }
    return rc;
}

enum exit_code verb_export(const struct ctl *ctl)
{
    struct err err = ERR_INIT;
    struct client *client;
    enum exit_code rc;

    if (ctl->output != OUTPUT_TABLE)
        return usage("export writes a manifest, which is YAML; it takes no -o");
    rc = ask_open(ctl, &client);
    if (rc != EXIT_FINE)
        return rc;
    rc = client_send(client, "Export", NULL, true, &err);
    if (rc == EXIT_FINE)
        rc = receive_all(ctl, client, &err);
    if (rc != EXIT_FINE)
        note("%s; what was written is not whole", err.msg);
    client_close(client);
    return rc;
}
