/* app_credential: the tokens that the daemon runs with: read, handed to io/api, and known again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app_private.h"
#include "core/jwt.h"
#include "io/credential.h"
#include "io/digest.h"

#define DEFAULT_CREDENTIAL "turso-api-token"
#define DELETE_TOKEN       "delete token"

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

static int load_token(struct app *app, const struct config *config, struct err *err)
{
    struct credential token = CREDENTIAL_INIT;
    const struct config_secret *from = &config->api.token;
    const char *name = from->credential;
    int rv;

    if (!name && !from->file && getenv("CREDENTIALS_DIRECTORY") && !getenv("TURSO_API_TOKEN"))
        name = DEFAULT_CREDENTIAL;
    if (!name && !from->file && app->token.text && !getenv("TURSO_API_TOKEN"))
        return 0; /* it was taken out of the environment at the start */
    rv = credential_load(name, from->file, &token, err);
    if (rv == 0)
        rv = api_set_token(app->api, token.text, err);
    if (rv != 0) {
        credential_deinit(&token);
        return rv;
    }
    forget_environment();
    keep(app, OWN_TOKEN, &token);
    return 0;
}

int app_delete_token_load(struct app *app, const struct config *config, struct err *err)
{
    struct credential token = CREDENTIAL_INIT;
    const struct config_secret *from = &config->api.delete_token;
    int rv = 0;

    if (!config_has_delete_token(config)) {
        credential_deinit(&app->delete_token);
        return api_set_delete_token(app->api, NULL, err);
    }
    rv = credential_load_secret(DELETE_TOKEN, from->credential, from->file, &token, err);
    if (rv == 0)
        rv = api_set_delete_token(app->api, token.text, err);
    if (rv != 0)
        credential_deinit(&token);
    else
        keep(app, OWN_DELETE_TOKEN, &token);
    return rv;
}

int app_credentials_load(struct app *app, const struct config *config, struct err *err)
{
    struct err second = ERR_INIT;
    int rv = load_token(app, config, err);
    int deletes = app_delete_token_load(app, config, rv == 0 ? err : &second);

    return rv == 0 ? deletes : rv;
}
