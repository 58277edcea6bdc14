/* credential: the API token, or another secret, from where the configuration says.
 * In:    the name of a systemd credential, a path, or the environment.
 * Out:   one word of visible ASCII, in memory that is wiped when freed.
 * Never: in an error text, in the environment of a child. */
#include "io/credential.h"

#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "io/read.h"
#include "lib/mem.h"

#define VARIABLE "TURSO_API_TOKEN"
#define TOKEN    "API token"

/* The size of the token in data[0..size), or an error. `from` names where it stands. */
static int check_text(const char *what, const char *from, const char *data, size_t size,
                      size_t *out, struct err *err)
{
    if (size > 0 && data[size - 1] == '\n')
        size--;
    if (size == 0)
        return err_set(err, ERR_INVALID, "%s is empty: put the %s there", from, what);
    if (size > LIMIT_CREDENTIAL_BYTES)
        return err_set(err, ERR_LIMIT, "%s has more than %u bytes: that is no %s", from,
                       LIMIT_CREDENTIAL_BYTES, what);
    for (size_t i = 0; i < size; i++) {
        if (data[i] < 0x21 || data[i] > 0x7e)
            return err_set(err, ERR_INVALID,
                           "%s must hold the %s and nothing else: byte %zu of it is a "
                           "blank, a control character or not ASCII",
                           from, what, i + 1);
    }
    *out = size;
    return 0;
}

static int take_text(const char *what, const char *from, const char *data, size_t size,
                     struct credential *out, struct err *err)
{
    int rc = check_text(what, from, data, size, &size, err);
    char *text;

    if (rc != 0)
        return rc;
    text = mem_strndup(data, size);
    if (!text)
        return err_nomem(err);
    *out = (struct credential){.text = text, .size = size};
    return 0;
}

static int load_file(const char *what, const char *path, enum read_rule rule,
                     struct credential *out, struct err *err)
{
    struct read_file file;
    int rc = read_path(path, rule, LIMIT_CREDENTIAL_BYTES + 1, &file, err);

    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "%s is not there: put the %s into it, with mode 0600",
                       path, what);
    if (rc != 0)
        return rc;
    rc = take_text(what, path, file.data, file.size, out, err);
    read_deinit_secret(&file);
    return rc;
}

static int load_named(const char *what, const char *name, struct credential *out, struct err *err)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char *path;
    int rc;

    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
        return err_set(err, ERR_INVALID, "\"%s\" cannot be the name of a credential", name);
    if (!directory || !directory[0])
        return err_set(err, ERR_NOT_FOUND,
                       "credential %s: none were passed; the unit needs LoadCredential=%s:PATH",
                       name, name);
    path = mem_printf("%s/%s", directory, name);
    if (!path)
        return err_nomem(err);
    rc = load_file(what, path, READ_CREDENTIAL, out, err);
    mem_free(path);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND,
                       "credential %s is not among those passed; the unit needs "
                       "LoadCredential=%s:PATH",
                       name, name);
    return rc == 0 ? 0 : err_wrap(err, "credential %s", name);
}

/* What stood in the environment can be read in /proc by whoever has our user id, also after
 * unsetenv, which only forgets where it is. */
static void wipe_variable(char *value)
{
    explicit_bzero(value, strlen(value));
    unsetenv(VARIABLE);
}

static int load_environment(struct credential *out, struct err *err)
{
    char *value = getenv(VARIABLE);
    int rc;

    if (!value)
        return err_set(err, ERR_NOT_FOUND,
                       "no API token: set api.token in the configuration to {credential: NAME} or "
                       "{file: PATH}, or " VARIABLE " in the environment");
    rc = take_text(TOKEN, VARIABLE, value, strlen(value), out, err);
    wipe_variable(value);
    return rc;
}

int credential_load_secret(const char *what, const char *name, const char *file,
                           struct credential *out, struct err *err)
{
    int rc;

    if (name)
        return load_named(what, name, out, err);
    rc = load_file(what, file, READ_SECRET, out, err);
    return rc == 0 ? 0 : err_wrap(err, "%s", what);
}

int credential_load(const char *name, const char *file, struct credential *out, struct err *err)
{
    return name || file ? credential_load_secret(TOKEN, name, file, out, err)
                        : load_environment(out, err);
}

void credential_deinit(struct credential *c)
{
    mem_free_secret(c->text, c->size);
    *c = CREDENTIAL_INIT;
}
