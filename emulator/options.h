/* options: the command line.
 * In:    argv, and the token file that it may name.
 * Out:   a struct, or text for the person who asked.
 * Never: starts anything. */
#ifndef TENANTD_EMULATOR_OPTIONS_H
#define TENANTD_EMULATOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/err.h"
#include "people.h"
#include "switches.h"

#define OPTIONS_LIST_MAX 16

enum options_verb { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

struct option_user {
    char *name;
    enum role role;
    char *token; /* secret */
};

struct options {
    enum options_verb verb;
    char *host; /* of --listen, without brackets */
    char *port;
    char *organizations[OPTIONS_LIST_MAX];
    size_t n_organizations;
    char *tokens[OPTIONS_LIST_MAX]; /* secret */
    size_t n_tokens;
    struct option_user users[OPTIONS_LIST_MAX]; /* beside the owner, whose the tokens are */
    size_t n_users;
    char *faults_path;
    char *data_dir;             /* NULL: what is in databases is in memory */
    char *database_host;        /* NULL: databases are at hosts of the platform */
    char *cert_path, *key_path; /* both or neither */
    const char *region;         /* static text: what GET / answers */
    int64_t token_lifetime_ms;  /* -1: platform tokens do not expire */
    uint64_t seed;              /* 0: random */
    uint64_t fill;              /* databases to begin with */
    struct switches switches;
};

/* -ERR_INVALID (unknown option, wrong value), -ERR_NOT_FOUND, -ERR_PERMISSION, -ERR_IO (a token
 * file that cannot be read), -ERR_NOMEM. Deinit `out` in any case. */
int options_parse(int argc, char **argv, struct options *out, struct err *err) MUST_CHECK;
void options_deinit(struct options *o);
extern const char OPTIONS_USAGE[];
extern const char OPTIONS_HELP_TEXT[];

#endif
