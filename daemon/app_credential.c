/* app_credential: the tokens that the daemon runs with: read, handed to io/api, and known again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app_private.h"
#include "core/jwt.h"
#include "io/credential.h"
#include "io/digest.h"

#define DELETE_TOKEN "delete token"

/* One that was not asked for, too, should not stand in /proc. */
static void forget_environment(void)
{
    char *value = getenv("TURSO_API_TOKEN");

    if (value)
        explicit_bzero(value, strlen(value));
    unsetenv("TURSO_API_TOKEN");
}

/* So that the daemon never revokes a token it runs with. One that tells no id is known by its
 * hash. */
static void identify(struct app *app, enum own which, const struct credential *token)
{
    struct jwt_claims claims = {0};
    struct err unread = ERR_INIT;
    char hash[65] = "";

    if (jwt_read(token->text, token->size, &claims, &unread) != 0)
        claims.token_id[0] = '\0';
    if (!digest_hex(token->text, token->size, hash))
        hash[0] = '\0'; /* UNTESTED: OpenSSL without SHA-256; then nothing of ours is revoked */
    reconcile_identify(app->rc, which, claims.token_id, hash);
}

/* Takes `next`. */
static void keep(struct app *app, enum own which, struct credential *next)
{
    struct credential *kept = which == OWN_TOKEN ? &app->token : &app->delete_token;

    credential_deinit(kept);
    *kept = *next;
    identify(app, which, kept);
}

static const struct config_secret *source_of(const struct config *config, enum own which)
{
    return which == OWN_TOKEN ? &config->api.token : &config->api.delete_token;
}

/* *out: the caller's; empty: it was taken out of the environment at the start, and stays. */
static int read_token(const struct app *app, const struct config *config, struct credential *out,
                      struct err *err)
{
    const struct config_secret *from = source_of(config, OWN_TOKEN);
    const char *name = from->credential;

    *out = CREDENTIAL_INIT;
    if (!name && !from->file && app->token.text && !getenv("TURSO_API_TOKEN"))
        return 0;
    return credential_load(name, from->file, out, err);
}

static int read_delete_token(const struct config *config, struct credential *out, struct err *err)
{
    const struct config_secret *from = source_of(config, OWN_DELETE_TOKEN);

    *out = CREDENTIAL_INIT;
    return credential_load_secret(DELETE_TOKEN, from->credential, from->file, out, err);
}

/* Takes `token`. */
static int use(struct app *app, enum own which, struct credential *token, struct err *err)
{
    int rv = which == OWN_TOKEN ? api_set_token(app->api, token->text, err)
                                : api_set_delete_token(app->api, token->text, err);

    if (rv != 0)
        credential_deinit(token);
    else
        keep(app, which, token);
    return rv;
}

static int load_token(struct app *app, const struct config *config, struct err *err)
{
    struct credential token;
    int rv = read_token(app, config, &token, err);

    if (rv == 0 && token.text)
        rv = use(app, OWN_TOKEN, &token, err);
    if (rv == 0)
        forget_environment();
    return rv;
}

int app_delete_token_load(struct app *app, const struct config *config, struct err *err)
{
    struct credential token;
    int rv;

    if (!config_has_delete_token(config)) {
        credential_deinit(&app->delete_token);
        return api_set_delete_token(app->api, NULL, err);
    }
    rv = read_delete_token(config, &token, err);
    return rv == 0 ? use(app, OWN_DELETE_TOKEN, &token, err) : rv;
}

int app_credentials_load(struct app *app, const struct config *config, struct err *err)
{
    struct err second = ERR_INIT;
    int rv = load_token(app, config, err);
    int deletes = app_delete_token_load(app, config, rv == 0 ? err : &second);

    return rv == 0 ? deletes : rv;
}

/* --- refused --- */

/* There is another one where it came from, and it is used from now on. */
static bool is_replaced(struct app *app, enum own which, struct err *err)
{
    const struct credential *kept = which == OWN_TOKEN ? &app->token : &app->delete_token;
    struct credential token;
    int rv = which == OWN_TOKEN ? read_token(app, app->config, &token, err)
                                : read_delete_token(app->config, &token, err);

    if (rv != 0)
        return false;
    if (!token.text || !kept->text || strcmp(token.text, kept->text) == 0) {
        credential_deinit(&token);
        return false;
    }
    return use(app, which, &token, err) == 0;
}

void app_credential_refused(struct app *app, enum call_kind kind)
{
    bool deletes = call_is_by_delete_token(kind) && config_has_delete_token(app->config);
    const char *name = deletes ? "token for deletes" : "API token";
    struct rc_event ev = {.kind = RC_CREDENTIAL};
    struct err err = ERR_INIT;

    if (is_replaced(app, deletes ? OWN_DELETE_TOKEN : OWN_TOKEN, &err)) {
        log_event(NULL, LOG_LEVEL_NOTICE,
                  "the platform refuses the %s, and another one is in its place: that is tried",
                  name);
        app_step(app, &ev);
    } else if (err.code) {
        log_event(NULL, LOG_LEVEL_WARNING,
                  "the platform refuses the %s, and it cannot be read anew: %s", name, err.msg);
    }
}
