/* verb_daemon: what is asked of, or about, the daemon itself: reload, version. */
#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "lib/json.h"

enum exit_code verb_reload(const struct ctl *ctl)
{
    struct json_object *reply = NULL;
    enum exit_code rc = ask_file(ctl, "Reload", NULL, NULL, &reply);

    if (rc != EXIT_FINE)
        return rc;
    if (ctl->output == OUTPUT_TABLE)
        note("reloaded");
    else
        put_json(ctl, reply);
    json_object_put(reply);
    return EXIT_FINE;
}

/* The daemon's version; NULL: it does not answer, and *why says so. The caller puts *reply. */
static const char *daemon_version(const struct ctl *ctl, struct json_object **reply,
                                  struct err *why)
{
    struct client *client = NULL;
    const char *version = NULL;

    if (client_open(ctl->socket, &client, why) == EXIT_FINE &&
        client_call(client, "GetStatus", NULL, reply, why) == EXIT_FINE)
        version = get_text(get_object(*reply, "status"), "version");
    client_close(client);
    return version;
}

/* Fine without a daemon too: its absence is an answer. */
enum exit_code verb_version(const struct ctl *ctl)
{
    struct json_object *reply = NULL;
    struct json_object *o = json_object_new_object();
    struct err why = ERR_INIT;
    const char *version = daemon_version(ctl, &reply, &why);

    if (ctl->output != OUTPUT_TABLE) {
        if (!json_add_str(o, "tenantctl", TENANTD_VERSION) || !json_add_str(o, "tenantd", version))
            json_put(&o);
        put_json(ctl, o);
    } else {
        printf("tenantctl " TENANTD_VERSION "\n");
        if (version) {
            printf("tenantd ");
            put_clean(stdout, version);
            putchar('\n');
        } else {
            note("%s", why.msg);
        }
    }
    json_object_put(o);
    json_object_put(reply);
    return EXIT_FINE;
}
