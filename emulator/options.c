/* options: the command line.
 * In:    argv, and the token file that it may name.
 * Out:   a struct, or text for the person who asked.
 * Never: starts anything. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "location.h"

const char OPTIONS_USAGE[] =
    "usage: turso-emulator --listen HOST:PORT --organization SLUG --token TOKEN [option...]\n";

const char OPTIONS_HELP_TEXT[] =
    "A local Turso platform to develop and test against. All state is in memory.\n"
    "\n"
    "  --listen HOST:PORT      where to listen; port 0 picks one (127.0.0.1:8080)\n"
    "  --organization SLUG     an organization to serve; may be repeated\n"
    "  --token TOKEN           a platform token of the owner's; may be repeated\n"
    "  --token-file FILE       the same, from the first line of a file\n"
    "  --user NAME:ROLE:TOKEN  another user with a token; admin, member, viewer or none\n"
    "  --token-lifetime SPAN   platform tokens expire that long after the start\n"
    "  --latency SPAN          hold every answer back, for 40ms say\n"
    "  --profile NAME          scaler or starter: what the plan allows\n"
    "  --legacy                the older platform: its locations, replicas, allow_attach\n"
    "  --new-engine            refuse size_limit and token permissions\n"
    "  --switch NAME=VALUE     any switch that /_emulator/switches lists; may be repeated\n"
    "  --faults FILE           a fault script\n"
    "  --fill N                begin with N databases in a group called default\n"
    "  --seed N                the same ids and keys in every run\n"
    "  --region CODE           the closest location, as GET / tells it\n"
    "  --data DIR              keep what is in databases in files there\n"
    "  --database-host NAME    databases are at DATABASE-ORGANIZATION.NAME and the port\n"
    "  --tls CERT KEY          speak TLS; PEM files\n"
    "  --help, --version\n"
    "\n"
    "Once it listens it prints one line: listening on http://HOST:PORT\n";

enum {
    OPT_LISTEN = 256,
    OPT_ORGANIZATION,
    OPT_TOKEN,
    OPT_TOKEN_FILE,
    OPT_USER,
    OPT_TOKEN_LIFETIME,
    OPT_LATENCY,
    OPT_PROFILE,
    OPT_LEGACY,
    OPT_NEW_ENGINE,
    OPT_SWITCH,
    OPT_FAULTS,
    OPT_FILL,
    OPT_SEED,
    OPT_REGION,
    OPT_DATA,
    OPT_DATABASE_HOST,
    OPT_TLS,
    OPT_HELP,
    OPT_VERSION
};

static const struct option LONG[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"organization", required_argument, NULL, OPT_ORGANIZATION},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"user", required_argument, NULL, OPT_USER},
    {"token-lifetime", required_argument, NULL, OPT_TOKEN_LIFETIME},
    {"latency", required_argument, NULL, OPT_LATENCY},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"legacy", no_argument, NULL, OPT_LEGACY},
    {"new-engine", no_argument, NULL, OPT_NEW_ENGINE},
    {"switch", required_argument, NULL, OPT_SWITCH},
    {"faults", required_argument, NULL, OPT_FAULTS},
    {"fill", required_argument, NULL, OPT_FILL},
    {"seed", required_argument, NULL, OPT_SEED},
    {"region", required_argument, NULL, OPT_REGION},
    {"data", required_argument, NULL, OPT_DATA},
    {"database-host", required_argument, NULL, OPT_DATABASE_HOST},
    {"tls", required_argument, NULL, OPT_TLS},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int set_text(char **at, const char *text, struct err *err)
{
    mem_free(*at);
    *at = mem_strdup(text);
    return *at ? 0 : err_nomem(err);
}

static int set_listen(struct options *o, const char *text, struct err *err)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    uint64_t port;

    if (!n || !text_parse_uint(colon + 1, 65535, &port))
        return err_set(err, ERR_INVALID, "--listen: expected HOST:PORT, got '%s'", text);
    if (text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    mem_free(o->host);
    o->host = mem_strndup(text, n);
    if (!o->host)
        return err_nomem(err);
    return set_text(&o->port, colon + 1, err);
}

static int append(char **list, size_t *n, const char *text, struct err *err)
{
    if (*n == OPTIONS_LIST_MAX)
        return err_set(err, ERR_INVALID, "at most %d organizations and tokens", OPTIONS_LIST_MAX);
    list[*n] = mem_strdup(text);
    if (!list[*n])
        return err_nomem(err);
    (*n)++;
    return 0;
}

static int add_organization(struct options *o, const char *slug, struct err *err)
{
    if (!text_is_name(slug, strlen(slug)) || strlen(slug) > 61)
        return err_set(err, ERR_INVALID,
                       "--organization: expected lower-case letters, digits and dashes, got '%s'",
                       slug);
    for (size_t i = 0; i < o->n_organizations; i++) {
        if (!strcmp(o->organizations[i], slug))
            return err_set(err, ERR_INVALID, "--organization: %s is given twice", slug);
    }
    return append(o->organizations, &o->n_organizations, slug, err);
}

/* No two tokens are the same: a token says whose it is. */
static int check_token(const struct options *o, const char *option, const char *token,
                       struct err *err)
{
    for (const char *s = token; *s; s++) {
        if (*s <= ' ' || *s > '~')
            return err_set(err, ERR_INVALID, "%s: expected printable characters, no spaces",
                           option);
    }
    if (!*token)
        return err_set(err, ERR_INVALID, "%s: is empty", option);
    for (size_t i = 0; i < o->n_tokens; i++) {
        if (!strcmp(o->tokens[i], token))
            return err_set(err, ERR_INVALID, "%s: the same token is given twice", option);
    }
    for (size_t i = 0; i < o->n_users; i++) {
        if (!strcmp(o->users[i].token, token))
            return err_set(err, ERR_INVALID, "%s: the same token is given twice", option);
    }
    return 0;
}

static int add_token(struct options *o, const char *token, struct err *err)
{
    int rc = check_token(o, "--token", token, err);

    return rc ? rc : append(o->tokens, &o->n_tokens, token, err);
}

static int check_user(const struct options *o, const char *name, struct err *err)
{
    if (!text_is_name(name, strlen(name)))
        return err_set(err, ERR_INVALID, "--user: expected NAME:ROLE:TOKEN, got no good NAME");
    for (size_t i = 0; i < o->n_users; i++) {
        if (!strcmp(o->users[i].name, name))
            return err_set(err, ERR_INVALID, "--user: %s is given twice", name);
    }
    return strcmp(name, "owner") != 0
               ? 0
               : err_set(err, ERR_INVALID, "--user: owner is there already, with --token");
}

/* NAME:ROLE:TOKEN, the token being all behind the second colon. */
static int add_user(struct options *o, char *text, struct err *err)
{
    char *role = strchr(text, ':');
    char *token = role ? strchr(role + 1, ':') : NULL;
    struct option_user *u = &o->users[o->n_users];
    int rc;

    if (!token)
        return err_set(err, ERR_INVALID, "--user: expected NAME:ROLE:TOKEN");
    if (o->n_users == OPTIONS_LIST_MAX)
        return err_set(err, ERR_INVALID, "at most %d users", OPTIONS_LIST_MAX);
    *role++ = '\0';
    *token++ = '\0';
    if (!role_parse(role, &u->role) || u->role == ROLE_OWNER)
        return err_set(err, ERR_INVALID, "--user: expected admin, member, viewer or none, got '%s'",
                       role);
    rc = check_user(o, text, err);
    if (!rc)
        rc = check_token(o, "--user", token, err);
    if (rc)
        return rc;
    u->name = mem_strdup(text);
    u->token = mem_strdup(token);
    o->n_users++; /* from here on deinit sees to it */
    return u->name && u->token ? 0 : err_nomem(err);
}

static int add_token_file(struct options *o, const char *path, struct err *err)
{
    FILE *f = fopen(path, "re");
    char line[4096] = "";
    int rc;

    if (!f)
        return err_errno(err, errno, "--token-file %s", path);
    if (!fgets(line, sizeof(line), f) && ferror(f))
        rc = err_errno(err, errno, "--token-file %s", path);
    else {
        line[strcspn(line, "\r\n")] = '\0';
        rc = add_token(o, line, err);
    }
    fclose(f);
    explicit_bzero(line, sizeof(line));
    return rc;
}

static int set_switch(struct options *o, const char *text, struct err *err)
{
    char name[64];
    size_t n = strcspn(text, "=");

    if (!text[n] || n >= sizeof(name))
        return err_set(err, ERR_INVALID, "--switch: expected NAME=VALUE, got '%s'", text);
    memcpy(name, text, n);
    name[n] = '\0';
    return switches_set_text(&o->switches, name, text + n + 1, err);
}

static int set_number(uint64_t *at, const char *name, uint64_t max, struct err *err)
{
    if (text_parse_uint(optarg, max, at))
        return 0;
    return err_set(err, ERR_INVALID, "%s: expected a number of at most %llu, got '%s'", name,
                   (unsigned long long)max, optarg);
}

/* getopt gives one argument; the second is the next word. */
static int set_tls(struct options *o, int argc, char **argv, struct err *err)
{
    int rc;

    if (optind >= argc)
        return err_set(err, ERR_INVALID, "--tls: expected two files, CERT and KEY");
    rc = set_text(&o->cert_path, optarg, err);
    return rc ? rc : set_text(&o->key_path, argv[optind++], err);
}

static int set_region(struct options *o, struct err *err)
{
    const struct location *l = location_find(optarg, true);

    if (!l)
        return err_set(err, ERR_INVALID, "--region: no such location: %s", optarg);
    o->region = l->code;
    return 0;
}

static int set_database_host(struct options *o, struct err *err)
{
    size_t n = strlen(optarg);

    if (!n || n > 100 || n != strspn(optarg, "abcdefghijklmnopqrstuvwxyz0123456789-."))
        return err_set(err, ERR_INVALID, "--database-host: expected the name of a host, got '%s'",
                       optarg);
    return set_text(&o->database_host, optarg, err);
}

static int set_option(struct options *o, int option, struct err *err)
{
    switch (option) {
    case OPT_LISTEN:
        return set_listen(o, optarg, err);
    case OPT_ORGANIZATION:
        return add_organization(o, optarg, err);
    case OPT_TOKEN:
        return add_token(o, optarg, err);
    case OPT_TOKEN_FILE:
        return add_token_file(o, optarg, err);
    case OPT_USER:
        return add_user(o, optarg, err);
    case OPT_TOKEN_LIFETIME:
        if (text_parse_duration(optarg, &o->token_lifetime_ms))
            return 0;
        return err_set(err, ERR_INVALID, "--token-lifetime: expected a duration such as 7d");
    case OPT_LATENCY:
        return switches_set_text(&o->switches, "latency", optarg, err);
    case OPT_PROFILE:
        return switches_set_text(&o->switches, "profile", optarg, err);
    case OPT_LEGACY:
        return switches_set_text(&o->switches, "legacy", "true", err);
    case OPT_NEW_ENGINE:
        return switches_set_text(&o->switches, "new_engine", "true", err);
    case OPT_SWITCH:
        return set_switch(o, optarg, err);
    case OPT_FAULTS:
        return set_text(&o->faults_path, optarg, err);
    case OPT_FILL:
        return set_number(&o->fill, "--fill", 10000000, err);
    case OPT_SEED:
        return set_number(&o->seed, "--seed", UINT64_MAX, err);
    case OPT_DATA:
        return set_text(&o->data_dir, optarg, err);
    case OPT_DATABASE_HOST:
        return set_database_host(o, err);
    case OPT_REGION:
        return set_region(o, err);
    default:
        o->verb = option == OPT_HELP ? OPTIONS_HELP : OPTIONS_VERSION;
        return 0;
    }
}

static int check(struct options *o, int argc, char **argv, struct err *err)
{
    if (o->verb != OPTIONS_RUN)
        return 0;
    if (optind < argc)
        return err_set(err, ERR_INVALID, "unexpected argument '%s'", argv[optind]);
    if (!o->n_organizations)
        return err_set(err, ERR_INVALID, "--organization is missing");
    if (!o->n_tokens)
        return err_set(err, ERR_INVALID, "--token or --token-file is missing");
    return o->host ? 0 : set_listen(o, "127.0.0.1:8080", err);
}

int options_parse(int argc, char **argv, struct options *out, struct err *err)
{
    *out = (struct options){
        .switches = SWITCHES_INIT, .token_lifetime_ms = -1, .region = "aws-eu-west-1"};
    optind = 0;
    opterr = 0;
    for (;;) {
        int at = optind ? optind : 1;
        int option = getopt_long(argc, argv, "+:", LONG, NULL);
        int rc;

        if (option == -1)
            return check(out, argc, argv, err);
        if (option == '?')
            return err_set(err, ERR_INVALID, "unknown option '%s'", argv[at]);
        if (option == ':')
            return err_set(err, ERR_INVALID, "option '%s' wants a value", argv[at]);
        rc = option == OPT_TLS ? set_tls(out, argc, argv, err) : set_option(out, option, err);
        if (rc)
            return rc;
    }
}

void options_deinit(struct options *o)
{
    for (size_t i = 0; i < o->n_organizations; i++)
        mem_free(o->organizations[i]);
    for (size_t i = 0; i < o->n_tokens; i++)
        mem_free_secret(o->tokens[i], strlen(o->tokens[i]));
    for (size_t i = 0; i < o->n_users; i++) {
        mem_free(o->users[i].name);
        if (o->users[i].token)
            mem_free_secret(o->users[i].token, strlen(o->users[i].token));
    }
    mem_free(o->host);
    mem_free(o->port);
    mem_free(o->faults_path);
    mem_free(o->data_dir);
    mem_free(o->database_host);
    mem_free(o->cert_path);
    mem_free(o->key_path);
    *o = (struct options){0};
}
