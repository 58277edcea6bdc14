/* app: the wiring. Owns the loop and every room on it; carries events to the reconciler and effects
 * from it. */
#ifndef TENANTD_APP_H
#define TENANTD_APP_H

#include <stdbool.h>

#include "io/log.h"
#include "lib/err.h"

enum app_mode {
    APP_SERVE, /* until SIGTERM */
    APP_ONCE,  /* until nothing is working */
    APP_PLAN,  /* one observation; print the plan; write nothing */
    APP_CHECK, /* configuration and manifest alone */
};

struct app_options {
    enum app_mode mode;
    const char *config;   /* path */
    const char *instance; /* the ORG of tenantd@ORG; NULL: none */
    enum log_level log_level;
};

/* Exit statuses, the same numbers as tenantctl's. */
enum app_exit {
    APP_EXIT_OK = 0,
    APP_EXIT_FAILED = 1,
    APP_EXIT_CHANGES = 2,
    APP_EXIT_HELD = 3,
    APP_EXIT_INVALID = 4,
    APP_EXIT_USAGE = 64,
};

/* Runs to the end. Everything that goes wrong is said on standard error or in the journal. */
int app_run(const struct app_options *options);

#endif
