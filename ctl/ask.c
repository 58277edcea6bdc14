#include "ctl/ask.h"

#include <stdio.h>
#include <string.h>

#include "core/email.h"
#include "core/limits.h"
#include "lib/json.h"

enum exit_code ask_open(const struct ctl *ctl, struct client **out)
{
    struct err err = ERR_INIT;
    enum exit_code rc = client_open(ctl->socket, out, &err);

    if (rc != EXIT_FINE)
        note("%s", err.msg);
    return rc;
}

static enum exit_code ask_client(struct client *client, const char *method,
                                 struct json_object *parameters, const char *key,
                                 struct json_object **out)
{
    struct err err = ERR_INIT;
    enum exit_code rc = client_call(client, method, parameters, out, &err);

    if (rc == EXIT_FINE && key)
        rc = client_expect(*out, key, &err);
    if (rc != EXIT_FINE) {
        note("%s", err.msg);
        json_put(out);
    }
    return rc;
}

enum exit_code ask(const struct ctl *ctl, const char *method, struct json_object *parameters,
                   const char *key, struct json_object **out)
{
    struct client *client;
    enum exit_code rc = ask_open(ctl, &client);

    *out = NULL;
    if (rc != EXIT_FINE) {
        json_object_put(parameters);
        return rc;
    }
    rc = ask_client(client, method, parameters, key, out);
    client_close(client);
    return rc;
}

enum exit_code ask_file(const struct ctl *ctl, const char *method, struct json_object *parameters,
                        const char *key, struct json_object **out)
{
    struct client *client;
    enum exit_code rc = ask_open(ctl, &client);

    *out = NULL;
    if (rc != EXIT_FINE) {
        json_object_put(parameters);
        return rc;
    }
    rc = ask_client(client, method, parameters, key, out);
    if (rc == EXIT_FAILED && !strcmp(client_error(client), "Invalid"))
        rc = EXIT_INVALID;
    client_close(client);
    return rc;
}

struct json_object *ask_texts(const char *const *keys, const char *const *texts, size_t n)
{
    struct json_object *o = json_object_new_object();

    for (size_t i = 0; o && i < n; i++)
        if (!json_add_str(o, keys[i], texts[i]))
            json_put(&o);
    return o;
}

struct json_object *ask_reference(const char *reference)
{
    char kind[KIND_SIZE];
    char email[LIMIT_EMAIL_BYTES + 1];
    const char *name;

    if (!split_reference(reference, kind, &name)) {
        note("\"%s\" is no reference; write KIND/NAME, such as database/t-acme", reference);
        return NULL;
    }
    if (strcmp(kind, "member") == 0 &&
        snprintf(email, sizeof(email), "%s", name) < (int)sizeof(email)) {
        email_fold(email);
        name = email;
    }
    return ask_texts((const char *const[]){"kind", "name"}, (const char *const[]){kind, name}, 2);
}
