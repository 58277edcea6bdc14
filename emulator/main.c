/* main: argv, exit status, and the wiring of emulator and server.
 * In:    the command line.
 * Out:   0 after a signal, 1 for what went wrong, 64 for wrong usage.
 * Never: more than wiring. */
#include <stdio.h>
#include <stdlib.h>

#include "emulator.h"
#include "options.h"
#include "server.h"

#define EXIT_USAGE 64

static int serve(const struct options *options, struct err *err)
{
    struct emulator e;
    struct server *server;
    int rc = emulator_init(&e, options, err);

    if (rc)
        return rc;
    rc = server_open(options, &e, &server, err);
    if (!rc) {
        emulator_set_port(&e, server_port(server));
        printf("listening on %s\n", server_url(server));
        fflush(stdout);
        rc = server_run(server, err);
        server_close(server);
    }
    emulator_deinit(&e);
    return rc;
}

static int run(const struct options *options)
{
    struct err err = ERR_INIT;

    switch (options->verb) {
    case OPTIONS_HELP:
        printf("%s%s", OPTIONS_USAGE, OPTIONS_HELP_TEXT);
        return EXIT_SUCCESS;
    case OPTIONS_VERSION:
        printf("turso-emulator %s\n", TENANTD_VERSION);
        return EXIT_SUCCESS;
    case OPTIONS_RUN:
        break;
    }
    if (!serve(options, &err))
        return EXIT_SUCCESS;
    fprintf(stderr, "turso-emulator: %s\n", err.msg);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options options;
    struct err err = ERR_INIT;
    int status;

    if (options_parse(argc, argv, &options, &err)) {
        fprintf(stderr, "turso-emulator: %s\n%s", err.msg, OPTIONS_USAGE);
        status = EXIT_USAGE;
    } else {
        status = run(&options);
    }
    options_deinit(&options);
    return status;
}
