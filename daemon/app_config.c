/* app_config: the configuration, at the start and on SIGHUP. */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app_private.h"
#include "core/limits.h"
#include "io/read.h"
#include "lib/mem.h"
#include "lib/text.h"

static const char DEFAULT_CREDENTIAL[] = CONFIG_TOKEN_CREDENTIAL;

static void print_diags(const struct diags *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        char *line = diag_text(&diags->items[i]);

        log_event(NULL, diags->items[i].level == DIAG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
                  "%s", line ? line : "out of memory");
        mem_free(line);
    }
}

/* The ORG.yaml beside the configuration. The caller's; NULL: no memory. */
static char *instance_path(const char *config, const char *instance)
{
    const char *slash = strrchr(config, '/');

    return slash ? mem_printf("%.*s/%s.yaml", (int)(slash - config), config, instance)
                 : mem_printf("%s.yaml", instance);
}

static int parse(const struct app_options *options, const struct config_input *inputs, size_t n,
                 struct config *out, struct err *err)
{
    struct diags diags = DIAGS_INIT;
    int rv = config_parse(inputs, n, options->instance, out, &diags);

    diags_sort(&diags);
    print_diags(&diags);
    if (rv != 0)
        err_set(err, (enum err_code) - rv, "the configuration %s has %zu error%s", options->config,
                diags.n_errors, diags.n_errors == 1 ? "" : "s");
    diags_deinit(&diags);
    return rv;
}

/* Where the API token is when the configuration does not say: with systemd, or in the environment.
 */
static void find_token(struct config *c)
{
    if (!c->api.token.credential && !c->api.token.file && getenv("CREDENTIALS_DIRECTORY") &&
        !getenv("TURSO_API_TOKEN"))
        c->api.token.credential = DEFAULT_CREDENTIAL;
}

int app_config_load(const struct app_options *options, struct config **out, struct err *err)
{
    struct read_file files[2] = {{0}, {0}};
    struct config_input inputs[2];
    struct config *c = mem_alloc(sizeof(*c));
    char *path = options->instance ? instance_path(options->config, options->instance) : NULL;
    size_t n = 0;
    int rv = c && (!options->instance || path) ? 0 : err_nomem(err);

    if (rv == 0)
        rv = read_path(options->config, READ_CONFIG, LIMIT_CONFIG_FILE_BYTES, &files[0], err);
    if (rv == 0)
        inputs[n++] = (struct config_input){options->config, files[0].data, files[0].size};
    if (rv == 0 && path) {
        rv = read_path(path, READ_CONFIG, LIMIT_CONFIG_FILE_BYTES, &files[1], err);
        inputs[n++] = (struct config_input){path, files[1].data, files[1].size};
    }
    if (rv == 0)
        rv = parse(options, inputs, n, c, err);
    if (rv == 0)
        find_token(c);
    if (rv == 0 && options->mode == APP_PLAN)
        c->policy.writes = false;
    read_deinit(&files[0]);
    read_deinit(&files[1]);
    mem_free(path);
    if (rv != 0)
        mem_free(c);
    else
        *out = c;
    return rv;
}

void app_config_free(struct config *c)
{
    if (c)
        config_deinit(c);
    mem_free(c);
}

int app_tokens_options(const struct config *config, struct tokens_dir_options *out, char *mark,
                       size_t mark_size, struct err *err)
{
    const struct group *g;

    snprintf(mark, mark_size, "%s %s", config->api.url, config->organization);
    *out = (struct tokens_dir_options){.path = config->tokens_dir, .mark = mark};
    if (!config->tokens_group)
        return 0;
    g = getgrnam(config->tokens_group);
    if (!g)
        return err_set(err, ERR_NOT_FOUND,
                       "tokens_group: there is no group \"%s\" on this host: make it (groupadd), "
                       "or name another",
                       config->tokens_group);
    out->has_group = true;
    out->group = g->gr_gid;
    return 0;
}

/* --- reload --- */

/* What a reload may not change. NULL: nothing of it changed. */
static const char *fixed_change(const struct config *a, const struct config *b)
{
    if (!text_same(a->organization, b->organization))
        return "organization";
    if (!text_same(a->api.url, b->api.url))
        return "api.url";
    if (!text_same(a->state_dir, b->state_dir))
        return "state_dir";
    if (!text_same(a->tokens_dir, b->tokens_dir))
        return "tokens_dir"; /* its files, with tokens that work, would stay behind */
    return text_same(a->socket, b->socket) ? NULL : "socket";
}

static int check_reload(struct app *app, struct config *next, struct err *err)
{
    const char *fixed = fixed_change(app->config, next);

    if (fixed)
        return err_set(err, ERR_INVALID,
                       "%s cannot change while tenantd runs; the old configuration stays: restart "
                       "to use the new one",
                       fixed);
    return 0;
}

static void say_config_error(struct app *app, const struct err *err)
{
    mem_free(app->config_error);
    app->config_error = mem_strdup(err->msg);
    log_event(NULL, LOG_LEVEL_ERROR, "reload: %s", err->msg);
}

static int take_config(struct app *app, struct config *next, struct err *err)
{
    struct config *old = app->config;
    struct rc_event ev = {.kind = RC_CONFIG, .config = next};
    struct encryption_keys keys = {0};
    int rv = check_reload(app, next, err);

    if (rv == 0)
        rv = encryption_keys_load(next->keys, next->n_keys, &keys, err);
    if (rv == 0 && config_has_delete_token(next)) /* or deletes would go by the other one */
        rv = app_delete_token_load(app, next, err);
    if (rv == 0)
        rv = app_rooms_reopen(app, old, next, err);
    if (rv != 0) {
        encryption_keys_deinit(&keys);
        app_config_free(next);
        return rv;
    }
    encryption_keys_deinit(&app->keys);
    app->keys = keys;
    app->config = next;
    app_step(app, &ev);
    app_config_free(old);
    return 0;
}

/* The tokens are read anew whatever becomes of the configuration. */
static int reload_credentials(struct app *app, struct err *err)
{
    struct rc_event ev = {.kind = RC_CREDENTIAL};
    int rv = app_credentials_load(app, app->config, err);

    if (rv == 0)
        app_step(app, &ev);
    return rv;
}

/* A token that came in the environment has been wiped there, and is kept. */
static void keep_environment(const struct app *app, struct config *next)
{
    const struct config_secret *from = &app->config->api.token;

    if (!from->credential && !from->file && next->api.token.credential == DEFAULT_CREDENTIAL)
        next->api.token.credential = NULL;
}

void app_reload(struct app *app)
{
    struct config *next = NULL;
    struct err err = ERR_INIT;
    struct err token_err = ERR_INIT;
    int rv;

    if (app->stopping || app->options.mode != APP_SERVE)
        return;
    notify_reloading(app->notify);
    log_event(NULL, LOG_LEVEL_NOTICE, "reloading configuration, API tokens and manifest");
    mem_free(app->config_error);
    app->config_error = NULL;
    rv = app_config_load(&app->options, &next, &err);
    if (rv == 0)
        keep_environment(app, next);
    if (rv == 0)
        rv = take_config(app, next, &err);
    if (reload_credentials(app, &token_err) != 0)
        say_config_error(app, &token_err);
    if (rv != 0)
        say_config_error(app, &err);
    if (app->control)
        control_reload_groups(app->control);
    app->reloading = true;
    app_manifest_read(app);
}
